//! Lists and maps: arrays and objects of any length into one column.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

use super::decode::{Bad, Outcome, Pass, Written, unescape};
use super::shape::{Column, Items};
use super::text::{ITEM_END, MEMBER_END, Malformed, check_depth};
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
                _ => return Err(Malformed { at, expected: ITEM_END }.into()),
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
        if !self.maps_are_odd {
            let (rows, room) = (buffer.rows(), self.room);
            let first_name = self.names.len();
            let end = self.map_of_different_names(items, buffer, at + 1, depth + 1)?;
            self.names.truncate(first_name);
            if let Some(end) = end {
                buffer.end_list();
                return Ok((end, None));
            }
            buffer.truncate(rows);
            self.room = room;
            // Or a map of maps of maps would be read twice as often at each level.
            self.maps_are_odd = true;
        }
        self.map_of_last_names(column, items, buffer, at, depth)
    }

    /// Writes the entries of an object, from behind its brace on. `None`: a name comes twice or is escaped, or something does
    /// not fit, which does no harm if its name comes again.
    fn map_of_different_names(
        &mut self,
        items: &'a Items,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Option<usize>> {
        let text = self.text;
        let value = &items.column;
        let entries = buffer.list_items();
        let first_name = self.names.len();
        let mut hashed = HashSet::new();
        let mut at = text.skip_blanks(at);
        if text.byte(at) == b'}' {
            return Ok(Some(at + 1));
        }
        loop {
            let member = text.member(at)?;
            let name = text.slice(member.name, member.name_end);
            let is_known = if self.names.len() - first_name < FEW_NAMES {
                self.names[first_name..].iter().any(|known| text.slice(known.start, known.end) == name)
            } else {
                if hashed.is_empty() {
                    hashed.extend(self.names[first_name..].iter().map(|known| text.slice(known.start, known.end)));
                }
                !hashed.insert(name)
            };
            if is_known || member.escaped || !self.has_room(items.bytes) {
                return Ok(None);
            }
            self.names.push(member.name..member.name_end);
            let [keys, values] = entries.struct_members() else { unreachable!("an entry has a key and a value") };
            keys.push_part(text.padded(), member.name, member.name_end);
            let end = match value.writer.write_plain(text, member.value, values) {
                Some(end) => end,
                None => match self.value(value, values, member.value, depth)? {
                    (end, None) => end,
                    (_, Some(_)) => return Ok(None),
                },
            };
            entries.end_struct();
            at = text.skip_blanks(end);
            match text.byte(at) {
                b',' => at = text.skip_blanks(at + 1),
                b'}' => return Ok(Some(at + 1)),
                _ => return Err(Malformed { at, expected: MEMBER_END }.into()),
            }
        }
    }

    /// The same for any object: of names that come twice the last one wins.
    #[cold]
    fn map_of_last_names(
        &mut self,
        column: &Column,
        items: &'a Items,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Written> {
        let (members, end) = self.entries(at + 1, depth + 1)?;
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

    /// The members of an object, from behind its brace on, and where it ends. Their values are stepped over.
    fn entries(&self, at: usize, depth: usize) -> Outcome<(Vec<Entry<'a>>, usize)> {
        let text = self.text;
        let mut entries = Vec::new();
        let mut at = text.skip_blanks(at);
        if text.byte(at) == b'}' {
            return Ok((entries, at + 1));
        }
        loop {
            let member = text.member(at)?;
            let name = if member.escaped {
                unescape(member.quoted(text)).map(Cow::Owned)
            } else {
                Some(Cow::Borrowed(text.slice(member.name, member.name_end)))
            };
            entries.push(Entry { name, value: member.value });
            at = text.skip_blanks(text.value_end(member.value, depth)?);
            match text.byte(at) {
                b',' => at = text.skip_blanks(at + 1),
                b'}' => return Ok((entries, at + 1)),
                _ => return Err(Malformed { at, expected: MEMBER_END }.into()),
            }
        }
    }
}
