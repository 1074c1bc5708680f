//! Lists and maps: arrays and objects of any length into one column.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

use super::decode::{Bad, Outcome, Pass, Written, unescape};
use super::shape::{Column, Items};
use super::text::{ITEM_END, MEMBER_END, Malformed, Member, check_depth};
use crate::column::ColumnBuffer;

/// Maps of up to this many entries are looked through for a name that comes twice; larger ones are hashed.
const FEW_NAMES: usize = 16;

/// What is found where the items of one record take more than a row may.
const TOO_MANY: &str = "more items than a row may hold";

/// A member of an object that becomes an entry.
struct Entry<'a> {
    /// `None`: half of a surrogate pair, which is no text.
    name: Option<Cow<'a, str>>,
    /// Where its value begins.
    value: usize,
}

impl<'a> Pass<'a> {
    /// The array that begins at `at` as a value of a list column.
    pub(super) fn list(
        &mut self,
        column: &Column,
        items: &'a Items,
        buffer: &mut ColumnBuffer,
        start: usize,
        outer_depth: usize,
    ) -> Outcome<Written> {
        let text = self.text;
        check_depth(outer_depth, start)?;
        let depth = outer_depth + 1;
        let item = &items.column;
        let children = buffer.list_items();
        let mut at = text.skip_blanks(start + 1);
        if text.byte(at) == b']' {
            buffer.end_list();
            return Ok((at + 1, None));
        }
        // What stands behind an item that does not fit has to follow the grammar as well.
        let refuse = |bad| Ok((text.value_end(start, outer_depth)?, Some(bad)));
        for index in 0.. {
            if !self.has_room(items.bytes) {
                return refuse(Bad::new(column, TOO_MANY));
            }
            at = match item.writer.write_plain(text, at, children) {
                Some(end) => end,
                None => match self.value(item, children, at, depth)? {
                    (end, None) => end,
                    (_, Some(bad)) => return refuse(bad.inside_item(index)),
                },
            };
            at = text.skip_blanks(at);
            match text.byte(at) {
                b',' => at = text.skip_blanks(at + 1),
                b']' => break,
                _ => return Err(Malformed { at, expected: ITEM_END }),
            }
        }
        buffer.end_list();
        Ok((at + 1, None))
    }

    /// The object that begins at `at` as a value of a map column.
    pub(super) fn map(
        &mut self,
        column: &Column,
        items: &'a Items,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Written> {
        check_depth(depth, at)?;
        if !self.names_come_twice {
            let rows = buffer.rows();
            let first_name = self.names.len();
            let end = self.map_of_different_names(items, buffer, at + 1, depth + 1)?;
            self.names.truncate(first_name);
            if let Some(end) = end {
                buffer.end_list();
                return Ok((end, None));
            }
            buffer.truncate(rows);
            // Or a map of maps of maps would be read twice as often at each level.
            self.names_come_twice = true;
        }
        self.map_of_last_names(column, items, buffer, at, depth)
    }

    /// Writes the entries of an object, from behind its brace on. `None`: a name comes twice, or something does not fit,
    /// which does no harm if its name comes again.
    fn map_of_different_names(
        &mut self,
        items: &'a Items,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Option<usize>> {
        let value = &items.column;
        let entries = buffer.list_items();
        let first_name = self.names.len();
        let mut hashed = HashSet::new();
        let mut next = self.first_entry(at)?;
        while let Next::Member(entry) = next {
            let Some(name) = entry.name else { return Ok(None) };
            let names = &self.names[first_name..];
            let known = if names.len() < FEW_NAMES {
                names.contains(&name)
            } else {
                if hashed.is_empty() {
                    hashed.extend(names.iter().cloned());
                }
                !hashed.insert(name.clone())
            };
            if known || !self.has_room(items.bytes) {
                return Ok(None);
            }
            let [keys, values] = entries.struct_members() else { unreachable!("an entry has a key and a value") };
            keys.push_str(&name);
            self.names.push(name);
            let end = match value.writer.write_plain(self.text, entry.value, values) {
                Some(end) => end,
                None => match self.value(value, values, entry.value, depth)? {
                    (end, None) => end,
                    (_, Some(_)) => return Ok(None),
                },
            };
            entries.end_struct();
            next = self.next_entry(end)?;
        }
        let Next::End(end) = next else { unreachable!("a member has been written") };
        Ok(Some(end))
    }

    /// The same for an object in which names come twice, of which the last one wins.
    #[cold]
    fn map_of_last_names(
        &mut self,
        column: &Column,
        items: &'a Items,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Written> {
        let mut members = Vec::new();
        let mut next = self.first_entry(at + 1)?;
        while let Next::Member(entry) = next {
            next = self.next_entry(self.text.value_end(entry.value, depth + 1)?)?;
            members.push(entry);
        }
        let Next::End(end) = next else { unreachable!("all members have been read") };
        let last: HashMap<&str, usize> =
            members.iter().enumerate().filter_map(|(index, entry)| Some((entry.name.as_deref()?, index))).collect();
        let entries = buffer.list_items();
        for (index, entry) in members.iter().enumerate() {
            let Some(name) = entry.name.as_deref() else {
                let bad = Bad::new(column, "a name with half a surrogate pair");
                return Ok((end, Some(bad)));
            };
            if last[name] != index {
                continue;
            }
            if !self.has_room(items.bytes) {
                return Ok((end, Some(Bad::new(column, TOO_MANY))));
            }
            let [keys, values] = entries.struct_members() else { unreachable!("an entry has a key and a value") };
            keys.push_str(name);
            if let (_, Some(bad)) = self.value(&items.column, values, entry.value, depth + 1)? {
                return Ok((end, Some(bad.inside_item(index))));
            }
            entries.end_struct();
        }
        buffer.end_list();
        Ok((end, None))
    }

    /// What stands behind an opening brace.
    fn first_entry(&self, at: usize) -> Outcome<Next<'a>> {
        let at = self.text.skip_blanks(at);
        if self.text.byte(at) == b'}' { Ok(Next::End(at + 1)) } else { self.entry(at) }
    }

    /// What stands behind the value of a member.
    fn next_entry(&self, at: usize) -> Outcome<Next<'a>> {
        let at = self.text.skip_blanks(at);
        match self.text.byte(at) {
            b',' => self.entry(self.text.skip_blanks(at + 1)),
            b'}' => Ok(Next::End(at + 1)),
            _ => Err(Malformed { at, expected: MEMBER_END }),
        }
    }

    fn entry(&self, at: usize) -> Outcome<Next<'a>> {
        let Member { name, name_end, escaped, value } = self.text.member(at)?;
        let name = self.text.slice(name, name_end);
        let name = if escaped { unescape(name).map(Cow::Owned) } else { Some(Cow::Borrowed(name)) };
        Ok(Next::Member(Entry { name, value }))
    }
}

/// What follows in an object.
enum Next<'a> {
    /// A member.
    Member(Entry<'a>),
    /// Nothing: where the object ends.
    End(usize),
}
