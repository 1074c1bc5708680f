//! One pass over the payload, straight into columns.
//!
//! What makes it fast is that records of a topic resemble each other: what stands between two values is compared with what
//! stood there in records before (`habit.rs`). Only where that fails is a name read, unescaped and looked up.

use std::ops::Range;

use super::fields::{FieldId, Fields};
use super::habit::{Habit, Step, Target};
use super::shape::{Column, Nested, Shape, Shapes};
use super::strict::Refused;
use super::text::{ITEM_END, Kind, MEMBER_END, Malformed, Padded, Text, check_depth};
use super::value::{Refusal, Value, Writer};
use crate::column::ColumnBuffer;
use crate::format::BadValue;

/// How many containers may be open at once, the document included (rule J3).
pub(super) const MAX_DEPTH: usize = 1000;

/// What the items of all lists and the entries of all maps of one record may take, before any text or bytes. An item of a
/// few bytes can be a struct of a thousand members.
const MAX_ITEM_BYTES: usize = 256 * 1024 * 1024;

/// Why a document is not read to its end: it does not follow the grammar, or is refused. No larger than the first of them, as
/// it is handed on with each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop(Malformed);

impl Stop {
    /// It is not what the spec allows; [`Pass::refused`] says why.
    pub const REFUSED: Stop = Stop(Malformed { at: usize::MAX, expected: "" });
}

impl From<Malformed> for Stop {
    #[inline]
    fn from(malformed: Malformed) -> Stop {
        Stop(malformed)
    }
}

pub(super) type Outcome<T> = std::result::Result<T, Stop>;

/// Writes the fields of JSON objects into columns.
#[derive(Debug, Clone)]
pub struct JsonDecoder {
    shapes: Shapes,
    /// What the members of each object looked like in records before, by its field.
    habits: Vec<Habit>,
    /// Where among the members of its object each field was last seen.
    places: Vec<u32>,
    /// The payload, with padding behind it.
    padded: Padded,
    /// Memory for the names of maps.
    names: Vec<Range<usize>>,
    /// In which row a field has been seen, where that is asked for.
    seen: Vec<u64>,
    /// How many rows there have been, those inside lists among them, where that is asked for.
    serial: u64,
    /// What the items of the last payload took.
    item_bytes: usize,
}

impl JsonDecoder {
    /// A decoder that fills these columns.
    pub(super) fn new(shapes: Shapes) -> JsonDecoder {
        let habits = vec![Habit::default(); shapes.fields.len()];
        let places = vec![0; shapes.fields.len()];
        let seen = vec![0; shapes.fields.len()];
        let padded = Padded::default();
        JsonDecoder { shapes, habits, places, padded, names: Vec::new(), seen, serial: 0, item_bytes: 0 }
    }

    /// Writes one payload (`None`: Kafka's null).
    pub fn decode(
        &mut self,
        payload: Option<&[u8]>,
        columns: &mut [ColumnBuffer],
    ) -> std::result::Result<(), BadValue> {
        let is_strict = self.shapes.is_strict();
        if is_strict && payload.is_none() {
            self.item_bytes = 0;
            columns.iter_mut().for_each(ColumnBuffer::push_null);
            return Ok(());
        }
        // Kafka's null says as little as an empty payload.
        let text = self.padded.fill(payload.unwrap_or_default()).map_err(|valid| BadValue {
            column: None,
            path: String::new(),
            reason: format!("expected valid UTF-8, found an invalid sequence at byte {valid}"),
        })?;
        let mut pass = Pass {
            text,
            fields: &self.shapes.fields,
            nested: &self.shapes.nested,
            habits: &mut self.habits,
            places: &mut self.places,
            refusals: Vec::new(),
            names: &mut self.names,
            maps_are_odd: false,
            room: MAX_ITEM_BYTES,
            seen: &mut self.seen,
            serial: &mut self.serial,
            refused: None,
        };
        pass.names.clear();
        let mut row = Row {
            shape: &self.shapes.root,
            rows: columns.first().map_or(0, ColumnBuffer::rows),
            columns,
            filled: 0,
            first_refusal: 0,
            serial: 0,
        };
        if is_strict {
            let outcome = pass.strict_document(&mut row);
            self.item_bytes = MAX_ITEM_BYTES - pass.room;
            return outcome.map_err(|stop| pass.bad(stop));
        }
        let object = pass.document(&mut row).map_err(|stop| pass.bad(stop))?;
        if let Some(kind) = object {
            let reason = format!("expected an object, found {}", kind.name());
            return Err(BadValue { column: None, path: String::new(), reason });
        }
        self.item_bytes = MAX_ITEM_BYTES - pass.room;
        match pass.finish(&mut row) {
            None => Ok(()),
            Some((column, bad)) => Err(BadValue { column: Some(column), path: bad.path, reason: bad.reason }),
        }
    }

    /// What the items of the last payload's lists and the entries of its maps took, before any text or bytes.
    #[inline]
    pub fn item_bytes(&self) -> usize {
        self.item_bytes
    }
}

/// What follows in an object.
enum Next {
    /// A member, where its value begins, and the index of the member that is likely to be the next.
    Member(Target, usize, usize),
    /// Nothing: where the object ends.
    End(usize),
}

/// One document on its way into columns.
pub(super) struct Pass<'a> {
    pub text: Text<'a>,
    pub fields: &'a Fields,
    pub nested: &'a [Nested],
    habits: &'a mut [Habit],
    places: &'a mut [u32],
    /// Values that did not fit, of the objects that are being read, the outermost first. A later duplicate of the field may
    /// still replace them.
    refusals: Vec<(usize, Bad)>,
    /// Where the names of the maps stand that are being read.
    pub names: &'a mut Vec<Range<usize>>,
    /// Whether a map was read whose names are not all different, or escaped, or whose values do not all fit.
    pub maps_are_odd: bool,
    /// What further items of lists and entries of maps may take.
    pub room: usize,
    /// [`JsonDecoder::seen`].
    pub seen: &'a mut [u64],
    pub serial: &'a mut u64,
    /// Why the document is refused, where [`Stop::REFUSED`] says that it is.
    pub refused: Option<Box<Refused>>,
}

/// What one object becomes: a value in each of some columns.
pub(super) struct Row<'a, 'c> {
    pub shape: &'a Shape,
    pub columns: &'c mut [ColumnBuffer],
    /// How many rows each column has without this one.
    pub rows: usize,
    /// How many columns have got their value.
    pub filled: usize,
    /// Where in [`Pass::refusals`] this object's begin.
    pub first_refusal: usize,
    /// Which row it is, for [`JsonDecoder::seen`].
    pub serial: u64,
}

/// Why a column, or an item or a member, is without its value.
#[derive(Debug, Clone)]
pub(super) struct Bad {
    /// Where inside it, as [`BadValue::path`].
    pub path: String,
    /// What was expected and what was found.
    pub reason: String,
}

impl Bad {
    #[cold]
    pub fn new(column: &Column, found: &str) -> Bad {
        Bad { path: String::new(), reason: format!("expected {}, found {found}", column.type_name) }
    }

    /// The same, seen from around the item of this index.
    #[cold]
    pub fn inside_item(self, index: usize) -> Bad {
        Bad { path: format!("[{index}]{}", self.path), ..self }
    }

    /// The same, seen from around the member of this name.
    #[cold]
    pub fn inside_member(self, name: &str) -> Bad {
        Bad { path: format!(".{name}{}", self.path), ..self }
    }
}

/// Where a value ends, and why it has not been written, if it has not.
pub(super) type Written = (usize, Option<Bad>);

impl<'a> Pass<'a> {
    /// What to say of a payload that was not read to its end.
    #[cold]
    fn bad(&mut self, stop: Stop) -> BadValue {
        // That a document does not follow the grammar is worse, wherever it does not.
        let malformed = if stop == Stop::REFUSED { self.check_grammar().err() } else { Some(stop.0) };
        match malformed {
            Some(Malformed { at, expected }) => BadValue {
                column: None,
                path: String::new(),
                reason: format!("malformed JSON at byte {at}: expected {expected}"),
            },
            None => self.refused.take().expect("what is refused is refused for a reason").into_bad_value(),
        }
    }

    /// Where the document begins, behind a byte order mark and blanks.
    pub fn start(&self) -> usize {
        let text = self.text;
        let start = if text.slice(0, text.len()).starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        text.skip_blanks(start)
    }

    /// Whether nothing but blanks stands from here on.
    pub fn check_end(&self, at: usize) -> std::result::Result<(), Malformed> {
        let end = self.text.skip_blanks(at);
        if end == self.text.len() {
            Ok(())
        } else {
            Err(Malformed { at: end, expected: "nothing behind the document" })
        }
    }

    fn check_grammar(&self) -> std::result::Result<(), Malformed> {
        let start = self.start();
        if start == self.text.len() { Ok(()) } else { self.check_end(self.text.value_end(start, 0)?) }
    }

    /// The whole payload. Returns the kind of a document that is none to take fields from.
    fn document(&mut self, row: &mut Row<'a, '_>) -> Outcome<Option<Kind>> {
        let text = self.text;
        let at = self.start();
        if at == text.len() {
            return Ok(None);
        }
        let kind = text.kind(at)?;
        let end = if kind == Kind::Object { self.object(row, FieldId::ROOT, at, 0)? } else { text.value_end(at, 0)? };
        self.check_end(end)?;
        Ok(Some(kind).filter(|kind| !matches!(kind, Kind::Object | Kind::Null)))
    }

    /// Gives columns whose field was missing a null. Returns which column is without a value that it needs, and why.
    #[inline]
    fn finish(&mut self, row: &mut Row<'_, '_>) -> Option<(usize, Bad)> {
        if row.filled == row.columns.len() { None } else { self.finish_partly_filled(row) }
    }

    fn finish_partly_filled(&mut self, row: &mut Row<'_, '_>) -> Option<(usize, Bad)> {
        let is_missing = |column: usize| row.columns[column].rows() == row.rows;
        // What a later duplicate has replaced does not count.
        let refused = self.refusals.drain(row.first_refusal..).find(|(column, _)| is_missing(*column));
        if refused.is_some() {
            return refused;
        }
        for (index, (column, shape)) in row.columns.iter_mut().zip(&row.shape.columns).enumerate() {
            if column.rows() == row.rows {
                if shape.required {
                    return Some((index, Bad::new(shape, "nothing")));
                }
                column.push_null();
            }
        }
        None
    }

    /// The object that begins at `at`, inside `depth` containers. Returns where it ends.
    pub fn object(&mut self, row: &mut Row<'a, '_>, field: FieldId, at: usize, depth: usize) -> Outcome<usize> {
        check_depth(depth, at)?;
        // Taken out, because what is inside the object may ask for other habits.
        let mut habit = std::mem::take(&mut self.habits[field.index()]);
        let end = self.members(row, field, &mut habit, 0, at + 1, depth + 1);
        self.habits[field.index()] = habit;
        end
    }

    /// The members of an object behind its first one, which has ended at `at` and began at `first`. Returns where the object
    /// ends.
    pub fn further_members(
        &mut self,
        row: &mut Row<'a, '_>,
        field: FieldId,
        first: usize,
        at: usize,
        depth: usize,
    ) -> Outcome<usize> {
        let mut habit = std::mem::take(&mut self.habits[field.index()]);
        habit.begin_with(|| Step::new(self.text.slice(first, at), Target::Skip));
        let end = self.members(row, field, &mut habit, 1, at, depth);
        self.habits[field.index()] = habit;
        end
    }

    /// The members of an object from this one on, which is the first behind its brace. Returns where the object ends.
    #[inline(always)]
    fn members(
        &mut self,
        row: &mut Row<'a, '_>,
        field: FieldId,
        habit: &mut Habit,
        mut index: usize,
        mut at: usize,
        depth: usize,
    ) -> Outcome<usize> {
        let text = self.text;
        loop {
            let target;
            if let Some((step, known)) = habit.recognise(index, text, at) {
                // The text that was remembered may have had fewer blanks at its end.
                at = text.skip_blanks(at + step.length);
                target = step.target;
                index = known + 1;
            } else {
                match self.next_member(field, habit, index, at)? {
                    Next::Member(wanted, value, next) => (target, at, index) = (wanted, value, next),
                    Next::End(end) => {
                        habit.end();
                        return Ok(end);
                    }
                }
            }
            at = match target {
                Target::Skip => text.value_end(at, depth)?,
                Target::Column(column) => self.column_value(row, column as usize, at, depth)?,
                Target::Field(field) => self.field_value(row, field, at, depth)?,
            };
        }
    }

    /// Reads what stands at `at`, behind a value or an opening brace.
    #[inline(never)]
    fn next_member(&mut self, field: FieldId, habit: &mut Habit, index: usize, at: usize) -> Outcome<Next> {
        let text = self.text;
        let mut name = text.skip_blanks(at);
        match text.byte(name) {
            b'}' => return Ok(Next::End(name + 1)),
            b',' if index > 0 => name = text.skip_blanks(name + 1),
            _ if index > 0 => return Err(Malformed { at: name, expected: MEMBER_END }.into()),
            _ => {}
        }
        let member = text.member(name)?;
        let id = if member.escaped {
            // What is half a surrogate pair is the name of no field.
            unescape(member.quoted(text)).and_then(|name| self.fields.member(field, &name))
        } else {
            self.fields.member(field, text.slice(member.name, member.name_end))
        };
        if id.is_none() && self.fields.get(field).refuses_unknown() {
            return self.refuse_unknown(field);
        }
        let target = id.map_or(Target::Skip, |id| self.target(id));
        let mut nowhere = u32::MAX;
        let place = id.map_or(&mut nowhere, |id| &mut self.places[id.index()]);
        let step = Step::new(text.slice(at, member.value), target);
        // Behind one that has no step, the same is likely as in front of it; but no longer the first.
        let next = habit.meet(index, place, step).map_or(index.max(1), |step| step + 1);
        Ok(Next::Member(target, member.value, next))
    }

    fn target(&self, id: FieldId) -> Target {
        let field = self.fields.get(id);
        match (&field.columns[..], &field.columns_inside[..]) {
            ([column], []) => Target::Column(u32::try_from(*column).expect("fewer columns than 2^32")),
            _ => Target::Field(id),
        }
    }

    /// The value at `at`, which is for one column alone. Returns where it ends.
    #[inline(always)]
    pub fn column_value(&mut self, row: &mut Row<'a, '_>, column: usize, at: usize, depth: usize) -> Outcome<usize> {
        let buffer = &mut row.columns[column];
        if buffer.rows() != row.rows {
            if row.shape.columns[column].strict.is_some() {
                return self.repeated_column(&row.shape.columns[column], column, at, depth);
            }
            // The field comes a second time: the last one wins.
            buffer.truncate(row.rows);
            row.filled -= 1;
        }
        row.filled += 1;
        if let Some(end) = row.shape.columns[column].writer.write_plain(self.text, at, buffer) {
            return Ok(end);
        }
        self.other_column_value(row, column, at, depth)
    }

    /// The same, for a value that is not written plainly.
    #[inline(never)]
    fn other_column_value(&mut self, row: &mut Row<'a, '_>, column: usize, at: usize, depth: usize) -> Outcome<usize> {
        let buffer = &mut row.columns[column];
        let (end, bad) = self.value(&row.shape.columns[column], buffer, at, depth)?;
        if let Some(bad) = bad {
            if row.shape.columns[column].strict.is_some() {
                return self.refuse(Refused::in_column(column, bad));
            }
            // Of what it holds, some may have been written.
            buffer.truncate(row.rows);
            row.filled -= 1;
            // Of a name that comes twice, only the last value counts.
            self.forget_refusals(row.first_refusal, |refused| refused == column);
            self.refusals.push((column, bad));
        }
        Ok(end)
    }

    fn forget_refusals(&mut self, first: usize, of: impl Fn(usize) -> bool) {
        let mut index = 0;
        self.refusals.retain(|(column, _)| {
            index += 1;
            index <= first || !of(*column)
        });
    }

    /// The value at `at` into a buffer, as one value more, or as far as it fits.
    pub fn value(
        &mut self,
        column: &'a Column,
        buffer: &mut ColumnBuffer,
        at: usize,
        depth: usize,
    ) -> Outcome<Written> {
        let text = self.text;
        if let Some(strict) = &column.strict {
            return self.strict_value(column, strict, buffer, at, depth);
        }
        if text.has(at, b"null") {
            if column.required {
                return Ok((at + 4, Some(Bad::new(column, Kind::Null.name()))));
            }
            buffer.push_null();
            return Ok((at + 4, None));
        }
        let kind = text.kind(at)?;
        if let Writer::Nested(number) = column.writer {
            match (&self.nested[number as usize], kind) {
                (Nested::List(items), Kind::Array) => return self.list(column, items, buffer, at, depth),
                (Nested::Struct(shape), Kind::Object) => return self.structure(shape, buffer, at, depth),
                (Nested::Map(items), Kind::Object) => return self.map(column, items, buffer, at, depth),
                _ => {}
            }
        }
        let (end, is_escaped) = match kind {
            Kind::String => text.string_end(at + 1).map(|(quote, is_escaped)| (quote + 1, is_escaped))?,
            _ => (text.value_end(at, depth)?, false),
        };
        let written = text.slice(at, end);
        let unescaped;
        let value = match kind {
            // What begins like null and is not has no end.
            Kind::Null | Kind::Bool => Value::Bool(written),
            Kind::Number => Value::Number(written),
            Kind::Array | Kind::Object => Value::Container(written),
            Kind::String if is_escaped => {
                unescaped = unescape(written);
                Value::String(unescaped.as_deref())
            }
            Kind::String => Value::String(Some(&written[1..written.len() - 1])),
        };
        let bad = column.writer.write(value, buffer).err().map(|refusal| {
            let found = match refusal {
                Refusal::Kind => kind.name(),
                Refusal::Found(found) => found,
            };
            Bad::new(column, found)
        });
        Ok((end, bad))
    }

    /// The object at `at` as a value of a struct column.
    fn structure(&mut self, shape: &'a Shape, buffer: &mut ColumnBuffer, at: usize, depth: usize) -> Outcome<Written> {
        let rows = buffer.rows();
        let (filled, first_refusal) = (0, self.refusals.len());
        let mut row = Row { shape, rows, columns: buffer.struct_members(), filled, first_refusal, serial: 0 };
        let end = self.object(&mut row, shape.object, at, depth)?;
        let bad = self.finish(&mut row).map(|(member, bad)| bad.inside_member(&shape.columns[member].name));
        // Those of members that a later duplicate has made good.
        self.refusals.truncate(first_refusal);
        if bad.is_none() {
            buffer.end_struct();
        }
        Ok((end, bad))
    }

    /// Takes what an item takes from what there is room for.
    #[inline(always)]
    pub fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(0);
        left.is_some()
    }

    /// The value at `at`, for all columns that take it or something inside it. Returns where it ends.
    fn field_value(&mut self, row: &mut Row<'a, '_>, id: FieldId, at: usize, depth: usize) -> Outcome<usize> {
        let fields = self.fields;
        let field = fields.get(id);
        if let Some(node) = field.node() {
            return self.member_value(row, node, id, at, depth);
        }
        let mut end = None;
        for column in &field.columns {
            end = Some(self.column_value(row, *column, at, depth)?);
        }
        if !field.columns_inside.is_empty() {
            self.forget_inside(row, &field.columns_inside);
            end = Some(match self.text.kind(at)? {
                Kind::Object => self.object(row, id, at, depth)?,
                Kind::Array => self.array(row, id, at, depth)?,
                _ => self.text.value_end(at, depth)?,
            });
        }
        Ok(end.expect("a field feeds at least one column"))
    }

    /// A second field of the same name replaces all of the first: what its inside gave to columns goes.
    fn forget_inside(&mut self, row: &mut Row<'_, '_>, columns: &[usize]) {
        for column in columns {
            if row.columns[*column].rows() != row.rows {
                row.columns[*column].truncate(row.rows);
                row.filled -= 1;
            }
        }
        if self.refusals.len() > row.first_refusal {
            self.forget_refusals(row.first_refusal, |refused| columns.contains(&refused));
        }
    }

    /// The array that begins at `at`, for columns that take items of it. Returns where it ends.
    fn array(&mut self, row: &mut Row<'a, '_>, id: FieldId, at: usize, depth: usize) -> Outcome<usize> {
        let text = self.text;
        check_depth(depth, at)?;
        let depth = depth + 1;
        let mut at = text.skip_blanks(at + 1);
        if text.byte(at) == b']' {
            return Ok(at + 1);
        }
        for index in 0.. {
            let end = match self.fields.item(id, index).map(|item| self.target(item)) {
                None | Some(Target::Skip) => text.value_end(at, depth)?,
                Some(Target::Column(column)) => self.column_value(row, column as usize, at, depth)?,
                Some(Target::Field(field)) => self.field_value(row, field, at, depth)?,
            };
            at = text.skip_blanks(end);
            match text.byte(at) {
                b',' => at = text.skip_blanks(at + 1),
                b']' => return Ok(at + 1),
                _ => return Err(Malformed { at, expected: ITEM_END }.into()),
            }
        }
        unreachable!("an array ends before the index does")
    }
}

/// The text of a string, which is given with its quotes; `None` if a surrogate lacks its other half, which is all that can be
/// wrong with a string that follows the grammar.
pub(super) fn unescape(quoted: &str) -> Option<String> {
    serde_json::from_str(quoted).ok()
}
