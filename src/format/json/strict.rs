//! Values of an object processor on their way into columns (rules V1 to V3).
//!
//! The same pass as for any JSON: names are looked up, objects recognised and plain values written by `decode.rs` and
//! `value.rs`. This is what comes in where a value is not plain, or not one column: a [`Node`] for each field says which
//! forms it may have, and what becomes of its columns if it is null or missing. The first thing that is not allowed ends the
//! record, because here no later field of the same name can make it good.

use std::ops::Range;

use hashbrown::HashSet;

use super::decode::{Bad, Outcome, Pass, Row, Stop, Written, unescape};
use super::fields::FieldId;
use super::kinds::{Constant, Kinds, What};
use super::shape::{Column, Items, Nested, Shape};
use super::text::{ITEM_END, MEMBER_END, Malformed, check_depth};
use super::value::Writer;
use crate::column::{ColumnBuffer, SizeHint};
use crate::format::BadValue;

/// What is found where the items of one record take more than a row may.
const TOO_MANY: &str = "more items than a row may hold";

/// What a field that is there twice is found to be.
const REPEATED: &str = "a second one";

/// Which values one column takes.
#[derive(Debug, Clone)]
pub struct Strict {
    /// What they become.
    pub what: What,
    pub allowed: Kinds,
    /// What becomes of null, and of a value that is missing; `None`: null.
    pub on_null: Option<Constant>,
    pub on_missing: Option<Constant>,
    /// Whether of a field that comes twice the first one counts.
    pub use_first: bool,
    /// Of a map: what its keys are.
    pub key: Option<Box<Column>>,
}

/// What a value becomes that is not one column, or how it becomes one.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it is in what one row is made of, as a JSON Pointer.
    pub place: String,
    /// How messages name what it is.
    pub name: &'static str,
    pub allow_missing: bool,
    pub allow_null: bool,
    /// Whether, if it is a field that comes twice, the first one counts.
    pub use_first: bool,
    /// Its columns.
    pub columns: Range<usize>,
    pub kind: NodeKind,
}

/// What a value consists of.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// One column.
    Column,
    /// Nothing; only its kind is looked at.
    Skip(Kinds),
    /// An object with these fields.
    Object(Vec<FieldId>),
    /// An array of just these items.
    Tuple(Vec<FieldId>),
    /// An array, whose items have several columns, each of them a list.
    Array(Rows),
    /// An object of entries, in the same way; the first column has the keys.
    Entries {
        /// What the keys are.
        key: Box<Column>,
        /// What the values are.
        values: Rows,
    },
    /// An object whose first field says which others it has.
    Typed(Box<Typed>),
}

/// What becomes a row in each of several lists.
#[derive(Debug, Clone)]
pub struct Rows {
    pub shape: Shape,
    /// What one takes before any text or bytes.
    pub bytes: usize,
}

/// An object whose first field says which others it has.
#[derive(Debug, Clone)]
pub struct Typed {
    pub type_field: String,
    /// For each type, by its name, an object of the fields of all types and its own.
    pub types: Vec<(String, FieldId)>,
    pub allow_unknown: bool,
}

impl Node {
    /// The column that it is, if it is just one.
    pub fn column(&self) -> Option<usize> {
        matches!(self.kind, NodeKind::Column).then_some(self.columns.start)
    }
}

/// Why a document is refused.
#[derive(Debug)]
pub struct Refused {
    /// The column at fault; `None`: no single one is.
    column: Option<usize>,
    /// Without a column, where it is, as a JSON Pointer.
    place: String,
    bad: Bad,
}

impl Refused {
    /// A value does not fit its column.
    #[cold]
    pub fn in_column(column: usize, bad: Bad) -> Refused {
        Refused { column: Some(column), place: String::new(), bad }
    }

    /// A value is not what its node allows.
    #[cold]
    fn at_node(node: &Node, found: &str) -> Refused {
        let reason = format!("expected {}, found {found}", node.name);
        Refused { column: None, place: node.place.clone(), bad: Bad { path: String::new(), reason } }
    }

    /// The same, seen from around the item of this index of a node whose columns are lists.
    #[cold]
    fn inside_lists(self, node: &Node, index: usize, first_column: usize) -> Refused {
        let place = format!("{}/{index}{}", node.place, self.place);
        let column = self.column.map(|column| node.columns.start + first_column + column);
        let bad = if column.is_some() { self.bad.inside_item(index) } else { self.bad };
        Refused { column, place, bad }
    }

    /// The same as a value of one column.
    #[cold]
    fn inside_row(self) -> Bad {
        Bad { reason: self.reason(), ..self.bad }
    }

    /// The same as a value of a struct, whose members are the columns of this shape.
    #[cold]
    fn inside_struct(self, shape: &Shape) -> Bad {
        match self.column {
            Some(member) => self.bad.inside_member(&shape.columns[member].name),
            None => Bad { reason: self.reason(), ..self.bad },
        }
    }

    /// What is wrong, and where, unless that is the whole.
    fn reason(&self) -> String {
        if self.place.is_empty() || self.column.is_some() {
            self.bad.reason.clone()
        } else {
            format!("field {}: {}", self.place, self.bad.reason)
        }
    }

    /// As it is told.
    pub fn into_bad_value(self) -> BadValue {
        BadValue { column: self.column, reason: self.reason(), path: self.bad.path }
    }
}

/// The items of several list columns, taken out of them to be filled as the columns of a row are.
struct Lists<'c> {
    lists: &'c mut [ColumnBuffer],
    items: Vec<ColumnBuffer>,
}

impl<'c> Lists<'c> {
    fn open(lists: &'c mut [ColumnBuffer]) -> Lists<'c> {
        let nothing = || {
            let nothing = ColumnBuffer::new(&arrow_schema::DataType::Null, &SizeHint::default());
            nothing.expect("nulls alone need no memory")
        };
        let items = lists.iter_mut().map(|list| std::mem::replace(list.list_items(), nothing())).collect();
        Lists { lists, items }
    }
}

/// Also when a decoder panics: what the columns had before is still to be shown.
impl Drop for Lists<'_> {
    fn drop(&mut self) {
        for (list, items) in self.lists.iter_mut().zip(self.items.drain(..)) {
            *list.list_items() = items;
        }
    }
}

/// Rows and refusals.
impl<'a> Pass<'a> {
    /// Notes why the document is refused.
    #[cold]
    pub fn refuse<T>(&mut self, refused: Refused) -> Outcome<T> {
        self.refused = Some(Box::new(refused));
        Err(Stop::REFUSED)
    }

    /// The same with what it looks like from further out.
    #[cold]
    fn refused_inside(&mut self, stop: Stop, outside: impl FnOnce(Refused) -> Refused) -> Stop {
        if stop == Stop::REFUSED {
            self.refused = self.refused.take().map(|refused| Box::new(outside(*refused)));
        }
        stop
    }

    /// A member that the object must not have.
    #[cold]
    pub fn refuse_unknown<T>(&mut self, object: FieldId) -> Outcome<T> {
        let node = self.fields.get(object).node().expect("only a node refuses members");
        self.refuse(Refused::at_node(node, "a field that it does not have"))
    }

    /// A row of its own, of these columns.
    fn row<'c>(&mut self, shape: &'a Shape, columns: &'c mut [ColumnBuffer], rows: usize) -> Row<'a, 'c> {
        *self.serial += 1;
        Row { shape, columns, rows, filled: 0, first_refusal: 0, serial: *self.serial }
    }

    /// The value at `at` as a row: whatever it lacks is missing. Returns where it ends.
    fn whole_row(&mut self, row: &mut Row<'a, '_>, at: usize, depth: usize) -> Outcome<usize> {
        let end = self.node_value(row, row.shape.object, at, depth)?;
        self.complete(row)?;
        Ok(end)
    }

    /// Gives columns without a value what they have if it is missing.
    #[inline]
    fn complete(&mut self, row: &mut Row<'a, '_>) -> Outcome<()> {
        if row.filled == row.shape.enough { Ok(()) } else { self.missing(row, row.shape.object) }
    }

    /// The whole payload.
    pub fn strict_document(&mut self, row: &mut Row<'a, '_>) -> Outcome<()> {
        *self.serial += 1;
        row.serial = *self.serial;
        let at = self.start();
        if at != self.text.len() {
            let end = self.node_value(row, FieldId::ROOT, at, 0)?;
            self.check_end(end)?;
        }
        self.complete(row)
    }

    fn is_seen(&self, row: &Row<'_, '_>, id: FieldId) -> bool {
        self.seen[id.index()] == row.serial
    }
}

/// Nodes.
impl<'a> Pass<'a> {
    /// The value at `at` of a field that is not one column.
    pub fn member_value(
        &mut self,
        row: &mut Row<'a, '_>,
        node: &'a Node,
        id: FieldId,
        at: usize,
        depth: usize,
    ) -> Outcome<usize> {
        if self.is_seen(row, id) {
            if node.use_first {
                return Ok(self.text.value_end(at, depth)?);
            }
            return self.refuse(Refused::at_node(node, REPEATED));
        }
        self.node_value(row, id, at, depth)
    }

    /// The value at `at` of a column that has one already.
    #[cold]
    pub fn repeated_column(&mut self, column: &Column, index: usize, at: usize, depth: usize) -> Outcome<usize> {
        if column.strict.as_ref().is_some_and(|strict| strict.use_first) {
            return Ok(self.text.value_end(at, depth)?);
        }
        self.refuse(Refused::in_column(index, Bad::new(column, REPEATED)))
    }

    /// The value at `at`, for all columns that it has.
    fn node_value(&mut self, row: &mut Row<'a, '_>, id: FieldId, at: usize, depth: usize) -> Outcome<usize> {
        let fields = self.fields;
        let node = fields.get(id).node().expect("each field of an object processor has a node");
        self.seen[id.index()] = row.serial;
        let text = self.text;
        if node.column().is_some() {
            return self.column_value(row, node.columns.start, at, depth);
        }
        let kind = Kinds::at(text, at)?;
        match (&node.kind, kind) {
            (NodeKind::Skip(allowed), kind) if allowed.have(kind) => Ok(text.value_end(at, depth)?),
            (NodeKind::Skip(_), _) => self.refuse(Refused::at_node(node, kind.name())),
            (_, Kinds::NULL) => {
                let end = text.value_end(at, depth)?;
                self.null(row, id)?;
                Ok(end)
            }
            (NodeKind::Object(_), Kinds::OBJECT) => self.object(row, id, at, depth),
            (NodeKind::Typed(typed), Kinds::OBJECT) => self.typed(row, node, typed, at, depth),
            (NodeKind::Entries { key, values }, Kinds::OBJECT) => self.entry_lists(row, node, key, values, at, depth),
            (NodeKind::Tuple(items), Kinds::ARRAY) => self.tuple(row, node, items, at, depth),
            (NodeKind::Array(rows), Kinds::ARRAY) => self.lists(row, node, rows, at, depth),
            _ => self.refuse(Refused::at_node(node, kind.name())),
        }
    }

    /// The array that begins at `at`, of just these items.
    fn tuple(
        &mut self,
        row: &mut Row<'a, '_>,
        node: &'a Node,
        items: &'a [FieldId],
        at: usize,
        depth: usize,
    ) -> Outcome<usize> {
        const ARITY: &str = "an array of another length";
        let text = self.text;
        check_depth(depth, at)?;
        let mut at = text.skip_blanks(at + 1);
        for (index, item) in items.iter().enumerate() {
            if text.byte(at) == b']' {
                return self.refuse(Refused::at_node(node, ARITY));
            }
            at = text.skip_blanks(self.node_value(row, *item, at, depth + 1)?);
            match text.byte(at) {
                b',' if index + 1 < items.len() => at = text.skip_blanks(at + 1),
                b',' => return self.refuse(Refused::at_node(node, ARITY)),
                b']' => {}
                _ => return Err(Malformed { at, expected: ITEM_END }.into()),
            }
        }
        if text.byte(at) == b']' { Ok(at + 1) } else { self.refuse(Refused::at_node(node, ARITY)) }
    }

    /// The array that begins at `at`, of items whose columns are lists.
    fn lists(
        &mut self,
        row: &mut Row<'a, '_>,
        node: &'a Node,
        items: &'a Rows,
        at: usize,
        depth: usize,
    ) -> Outcome<usize> {
        let text = self.text;
        check_depth(depth, at)?;
        let columns = &mut row.columns[node.columns.clone()];
        let mut lists = Lists::open(&mut *columns);
        let mut rows = lists.items.first().map_or(0, ColumnBuffer::rows);
        let mut at = text.skip_blanks(at + 1);
        if text.byte(at) != b']' {
            for index in 0.. {
                if !self.has_room(items.bytes) {
                    return self.refuse(Refused::at_node(node, TOO_MANY));
                }
                let mut item = self.row(&items.shape, &mut lists.items, rows);
                let end = self.whole_row(&mut item, at, depth + 1);
                at = text.skip_blanks(
                    end.map_err(|stop| self.refused_inside(stop, |refused| refused.inside_lists(node, index, 0)))?,
                );
                rows += 1;
                match text.byte(at) {
                    b',' => at = text.skip_blanks(at + 1),
                    b']' => break,
                    _ => return Err(Malformed { at, expected: ITEM_END }.into()),
                }
            }
        }
        drop(lists);
        columns.iter_mut().for_each(ColumnBuffer::end_list);
        row.filled += columns.len();
        Ok(at + 1)
    }

    /// The object that begins at `at`, of entries whose columns are lists. A key that comes twice is there twice.
    fn entry_lists(
        &mut self,
        row: &mut Row<'a, '_>,
        node: &'a Node,
        key: &'a Column,
        values: &'a Rows,
        at: usize,
        depth: usize,
    ) -> Outcome<usize> {
        let text = self.text;
        check_depth(depth, at)?;
        let columns = &mut row.columns[node.columns.clone()];
        let mut lists = Lists::open(&mut *columns);
        let mut rows = lists.items[0].rows();
        let mut at = text.skip_blanks(at + 1);
        if text.byte(at) != b'}' {
            for index in 0.. {
                if !self.has_room(values.bytes) {
                    return self.refuse(Refused::at_node(node, TOO_MANY));
                }
                let (keys, rest) = lists.items.split_first_mut().expect("entries have keys");
                at = match self.key(key, keys, at)? {
                    (value, None) => value,
                    (_, Some(bad)) => {
                        let refused = Refused::in_column(0, bad).inside_lists(node, index, 0);
                        return self.refuse(refused);
                    }
                };
                let mut entry = self.row(&values.shape, rest, rows);
                let end = self.whole_row(&mut entry, at, depth + 1);
                at = text.skip_blanks(
                    end.map_err(|stop| self.refused_inside(stop, |refused| refused.inside_lists(node, index, 1)))?,
                );
                rows += 1;
                match text.byte(at) {
                    b',' => at = text.skip_blanks(at + 1),
                    b'}' => break,
                    _ => return Err(Malformed { at, expected: MEMBER_END }.into()),
                }
            }
        }
        drop(lists);
        columns.iter_mut().for_each(ColumnBuffer::end_list);
        row.filled += columns.len();
        Ok(at + 1)
    }

    /// The name of the member at `at` as a key. Returns where the member's value begins.
    fn key(&mut self, key: &Column, keys: &mut ColumnBuffer, at: usize) -> Outcome<Written> {
        let member = self.text.member(at)?;
        let unescaped;
        let name = if member.escaped {
            unescaped = unescape(member.quoted(self.text));
            unescaped.as_deref()
        } else {
            Some(self.text.slice(member.name, member.name_end))
        };
        let strict = key.strict();
        let written = match name {
            Some(name) => strict.what.write_allowed(strict.allowed, Kinds::STRING, name, keys),
            None => Err(HALF_A_PAIR),
        };
        Ok((member.value, written.err().map(|found| Bad::new(key, found))))
    }

    /// The object that begins at `at`, whose first field says which others it has.
    fn typed(
        &mut self,
        row: &mut Row<'a, '_>,
        node: &'a Node,
        typed: &'a Typed,
        start: usize,
        depth: usize,
    ) -> Outcome<usize> {
        let text = self.text;
        check_depth(depth, start)?;
        let first = text.skip_blanks(start + 1);
        if text.byte(first) == b'}' {
            return self.refuse(Refused::at_node(node, "no field"));
        }
        let member = text.member(first)?;
        let name = if member.escaped { unescape(member.quoted(text)) } else { None };
        let name = name.as_deref().unwrap_or_else(|| text.slice(member.name, member.name_end));
        if name != typed.type_field {
            return self.refuse(Refused::at_node(node, "another field in front of the one that says the type"));
        }
        let column = node.columns.start;
        let end = self.column_value(row, column, member.value, depth + 1)?;
        let value = text.slice(member.value, end);
        let unescaped = if value.starts_with('"') && value.contains('\\') { unescape(value) } else { None };
        let type_name = unescaped.as_deref().unwrap_or_else(|| value.trim_matches('"'));
        let known =
            typed.types.iter().find(|(name, _)| name == type_name && value != "null").map(|(_, object)| *object);
        let end = match known {
            Some(object) => {
                let end = self.further_members(row, object, first, end, depth + 1)?;
                self.seen[object.index()] = row.serial;
                if row.filled != row.shape.enough {
                    self.missing(row, object)?;
                }
                end
            }
            None if typed.allow_unknown => text.value_end(start, depth)?,
            None => {
                let found = if value == "null" { "null" } else { "a type that it does not have" };
                return self.refuse(Refused::in_column(column, Bad::new(&row.shape.columns[column], found)));
            }
        };
        nulls(row, node);
        Ok(end)
    }

    /// What the columns of a field have if it is null.
    fn null(&mut self, row: &mut Row<'a, '_>, id: FieldId) -> Outcome<()> {
        let fields = self.fields;
        let node = fields.get(id).node().expect("each field of an object processor has a node");
        self.seen[id.index()] = row.serial;
        if let Some(index) = node.column() {
            let column = &row.shape.columns[index];
            let strict = column.strict();
            if !strict.allowed.have(Kinds::NULL) {
                return self.refuse(Refused::in_column(index, Bad::new(column, Kinds::NULL.name())));
            }
            strict.write_null(&mut row.columns[index]);
            row.filled += 1;
            return Ok(());
        }
        if !node.allow_null {
            return self.refuse(Refused::at_node(node, Kinds::NULL.name()));
        }
        match &node.kind {
            NodeKind::Object(members) | NodeKind::Tuple(members) => {
                members.iter().try_for_each(|member| self.null(row, *member))
            }
            NodeKind::Typed(_) => {
                type_column(row, node, Strict::write_null);
                nulls(row, node);
                Ok(())
            }
            NodeKind::Array(_) | NodeKind::Entries { .. } => {
                nulls(row, node);
                Ok(())
            }
            NodeKind::Column | NodeKind::Skip(_) => Ok(()),
        }
    }

    /// What those columns of a field have that have got nothing: all of them if it is missing itself.
    fn missing(&mut self, row: &mut Row<'a, '_>, id: FieldId) -> Outcome<()> {
        let fields = self.fields;
        let node = fields.get(id).node().expect("each field of an object processor has a node");
        if let Some(index) = node.column() {
            if row.columns[index].rows() != row.rows {
                return Ok(());
            }
            let column = &row.shape.columns[index];
            let strict = column.strict();
            if !strict.allowed.have(Kinds::MISSING) {
                return self.refuse(Refused::in_column(index, Bad::new(column, Kinds::MISSING.name())));
            }
            strict.write_missing(&mut row.columns[index]);
            row.filled += 1;
            return Ok(());
        }
        let is_seen = self.is_seen(row, id);
        if !is_seen && !node.allow_missing {
            return self.refuse(Refused::at_node(node, Kinds::MISSING.name()));
        }
        match &node.kind {
            NodeKind::Object(members) | NodeKind::Tuple(members) => {
                members.iter().try_for_each(|member| self.missing(row, *member))
            }
            NodeKind::Typed(_) if !is_seen => {
                type_column(row, node, Strict::write_missing);
                nulls(row, node);
                Ok(())
            }
            NodeKind::Array(_) | NodeKind::Entries { .. } if !is_seen => {
                nulls(row, node);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Writes what the column of a typed object that says the type has if there is no object.
fn type_column(row: &mut Row<'_, '_>, node: &Node, write: fn(&Strict, &mut ColumnBuffer)) {
    let column = node.columns.start;
    write(row.shape.columns[column].strict(), &mut row.columns[column]);
    row.filled += 1;
}

/// Gives those columns of a node a null that have got nothing.
fn nulls(row: &mut Row<'_, '_>, node: &Node) {
    for column in &mut row.columns[node.columns.clone()] {
        if column.rows() == row.rows {
            column.push_null();
            row.filled += 1;
        }
    }
}

/// What is found where an escape is only half of a character.
const HALF_A_PAIR: &str = "a string with half a surrogate pair";

/// Columns.
impl<'a> Pass<'a> {
    /// The value at `at` of one column, which has no plain form.
    pub fn strict_value(
        &mut self,
        column: &'a Column,
        strict: &'a Strict,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Written> {
        let text = self.text;
        if text.has(at, b"null") && strict.keeps_null() {
            buffer.push_null();
            return Ok((at + 4, None));
        }
        let nested = match column.writer {
            Writer::Nested(number) => Some(&self.nested[number as usize]),
            _ => None,
        };
        match nested {
            Some(Nested::Struct(shape)) => return self.strict_struct(shape, buffer, at, depth),
            Some(Nested::Row(shape)) => {
                let rows = buffer.rows();
                let mut row = self.row(shape, std::slice::from_mut(buffer), rows);
                let end = self.whole_row(&mut row, at, depth);
                // Its column has the name of what is around it.
                return self.ended(end, at, |refused| refused.inside_row());
            }
            _ => {}
        }
        let kind = Kinds::at(text, at)?;
        if !strict.allowed.have(kind) {
            return Ok((at, Some(Bad::new(column, kind.name()))));
        }
        if kind == Kinds::NULL {
            let end = text.value_end(at, depth)?;
            strict.write_null(buffer);
            return Ok((end, None));
        }
        match nested {
            Some(Nested::List(items)) => return self.list(column, items, buffer, at, depth),
            Some(Nested::Map(items)) => return self.strict_map(column, strict, items, buffer, at, depth),
            Some(Nested::Struct(_) | Nested::Row(_)) | None => {}
        }
        let end = text.value_end(at, depth)?;
        let mut written = text.slice(at, end);
        let unescaped;
        if kind == Kinds::STRING && strict.what != What::Any {
            if written.contains('\\') {
                unescaped = unescape(written);
                let Some(text) = unescaped.as_deref() else { return Ok((at, Some(Bad::new(column, HALF_A_PAIR)))) };
                written = text;
            } else {
                written = &written[1..written.len() - 1];
            }
            if strict.what.is_null(written) {
                if !strict.allowed.have(Kinds::NULL) {
                    return Ok((at, Some(Bad::new(column, "a string that says null"))));
                }
                strict.write_null(buffer);
                return Ok((end, None));
            }
        }
        let bad =
            strict.what.write_allowed(strict.allowed, kind, written, buffer).err().map(|found| Bad::new(column, found));
        Ok((end, bad))
    }

    /// The value at `at` as a struct of the columns of a row.
    fn strict_struct(
        &mut self,
        shape: &'a Shape,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Written> {
        let rows = buffer.rows();
        let is_null = shape.null_is_null && self.text.has(at, b"null");
        let mut row = self.row(shape, buffer.struct_members(), rows);
        let end = self.whole_row(&mut row, at, depth);
        match end {
            Ok(_) if is_null => buffer.end_null_struct(),
            Ok(_) => buffer.end_struct(),
            Err(_) => {}
        }
        self.ended(end, at, |refused| refused.inside_struct(shape))
    }

    /// What came of a value that is a row itself, as a value of a column.
    fn ended(&mut self, end: Outcome<usize>, at: usize, inside: impl FnOnce(Refused) -> Bad) -> Outcome<Written> {
        match (end, self.refused.take()) {
            (Err(Stop::REFUSED), Some(refused)) => Ok((at, Some(inside(*refused)))),
            (end, _) => end.map(|end| (end, None)),
        }
    }

    /// The object at `at` as a map, whose keys all differ.
    fn strict_map(
        &mut self,
        column: &'a Column,
        strict: &'a Strict,
        items: &'a Items,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Written> {
        let text = self.text;
        let key = strict.key.as_ref().expect("a map has keys");
        check_depth(depth, at)?;
        let entries = buffer.list_items();
        let mut known = HashSet::new();
        let mut at = text.skip_blanks(at + 1);
        if text.byte(at) != b'}' {
            for index in 0.. {
                if !self.has_room(items.bytes) {
                    return Ok((at, Some(Bad::new(column, TOO_MANY))));
                }
                let row = entries.rows();
                let [keys, values] = entries.struct_members() else { unreachable!("an entry has a key and a value") };
                at = match self.key(key, keys, at)? {
                    (value, None) => value,
                    (_, Some(bad)) => return Ok((at, Some(bad.inside_item(index)))),
                };
                if !known.insert(keys.value_bytes(row)) {
                    return Ok((at, Some(Bad::new(column, "a key that comes twice"))));
                }
                at = match items.column.writer.write_plain(text, at, values) {
                    Some(end) => end,
                    None => match self.value(&items.column, values, at, depth + 1)? {
                        (end, None) => end,
                        (_, Some(bad)) => return Ok((at, Some(bad.inside_item(index)))),
                    },
                };
                entries.end_struct();
                at = text.skip_blanks(at);
                match text.byte(at) {
                    b',' => at = text.skip_blanks(at + 1),
                    b'}' => break,
                    _ => return Err(Malformed { at, expected: MEMBER_END }.into()),
                }
            }
        }
        buffer.end_list();
        Ok((at + 1, None))
    }
}

/// What is not a value of its own.
impl Strict {
    /// Whether null is just null.
    #[inline]
    fn keeps_null(&self) -> bool {
        self.allowed.have(Kinds::NULL) && self.on_null.is_none() && !matches!(self.what, What::Any | What::Struct)
    }

    /// Writes what becomes of null.
    fn write_null(&self, buffer: &mut ColumnBuffer) {
        match &self.on_null {
            Some(constant) => constant.write(&self.what, buffer),
            // The text of null, because it is what is there.
            None if self.what == What::Any => buffer.push_str("null"),
            None => buffer.push_null(),
        }
    }

    /// Writes what becomes of a value that is missing.
    fn write_missing(&self, buffer: &mut ColumnBuffer) {
        match &self.on_missing {
            Some(constant) => constant.write(&self.what, buffer),
            None => buffer.push_null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field};

    #[test]
    fn lists_get_their_items_back_whatever_happens() {
        let item = std::sync::Arc::new(Field::new("item", DataType::Int64, true));
        let mut columns = [(); 2].map(|()| {
            let mut column = ColumnBuffer::new(&DataType::List(item.clone()), &SizeHint::default()).unwrap();
            column.list_items().push_i64(1);
            column.end_list();
            column
        });
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut lists = Lists::open(&mut columns);
            lists.items[0].push_i64(2);
            panic!("in the middle of a row");
        }));
        assert!(panicked.is_err());
        assert_eq!(columns.each_mut().map(|column| column.list_items().rows()), [2, 1]);
        columns.iter_mut().for_each(|column| column.truncate(1));
        assert_eq!(columns.each_mut().map(|column| column.list_items().rows()), [1, 1]);
    }
}
