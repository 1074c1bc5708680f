//! One pass over the payload, straight into columns.
//!
//! What makes it fast is that records of a topic resemble each other. For every object the decoder remembers what stood
//! between two values last time, separator, name, colon and blanks together, and compares that as a whole, which tells in
//! a few instructions both that the grammar holds and which field comes. Only where that fails is a name read, unescaped
//! and looked up, and what was found there remembered for the next record.

use arrow_schema::DataType;

use super::fields::{FieldId, Fields};
use super::text::{ITEM_END, Kind, MEMBER_END, Malformed, Padded, Text, check_depth};
use super::value::{Refusal, Value, Writer};
use crate::column::ColumnBuffer;
use crate::format::BadValue;
use crate::types;

/// How many containers may be open at once, the document included (rule J3).
pub(super) const MAX_DEPTH: usize = 1000;

type Outcome<T> = std::result::Result<T, Malformed>;

/// Writes the fields of JSON objects into columns.
#[derive(Debug, Clone)]
pub struct JsonDecoder {
    fields: Fields,
    writers: Vec<Writer>,
    /// The columns' types, for messages.
    types: Vec<DataType>,
    /// What the members of each object looked like in records before, by its field.
    habits: Vec<Habit>,
    /// The payload, with padding behind it.
    padded: Padded,
}

impl JsonDecoder {
    /// A decoder that fills columns of these types from these fields.
    pub(super) fn new(fields: Fields, types: Vec<DataType>) -> JsonDecoder {
        let writer = |data_type| Writer::new(data_type).expect("the types of a spec's columns are checked");
        let writers = types.iter().map(writer).collect();
        let habits = vec![Habit::default(); fields.len()];
        JsonDecoder { fields, writers, types, habits, padded: Padded::default() }
    }

    /// Writes one payload (`None`: Kafka's null).
    pub fn decode(
        &mut self,
        payload: Option<&[u8]>,
        columns: &mut [ColumnBuffer],
    ) -> std::result::Result<(), BadValue> {
        let Some(payload) = payload else {
            columns.iter_mut().for_each(ColumnBuffer::push_null);
            return Ok(());
        };
        let text = self.padded.fill(payload).map_err(|valid| BadValue {
            column: None,
            path: String::new(),
            reason: format!("expected valid UTF-8, found an invalid sequence at byte {valid}"),
        })?;
        let row = columns.first().map_or(0, ColumnBuffer::rows);
        let mut pass = Pass {
            text,
            fields: &self.fields,
            writers: &self.writers,
            types: &self.types,
            habits: &mut self.habits,
            columns,
            row,
            filled: 0,
            refusals: Vec::new(),
        };
        let object = pass.document().map_err(|malformed| BadValue {
            column: None,
            path: String::new(),
            reason: format!("malformed JSON at byte {}: expected {}", malformed.at, malformed.expected),
        })?;
        if let Some(kind) = object {
            let reason = format!("expected an object, found {}", kind.name());
            return Err(BadValue { column: None, path: String::new(), reason });
        }
        pass.finish()
    }
}

/// What an object's members looked like: the likely text in front of the first value, the second, and so on.
#[derive(Debug, Clone, Default)]
struct Habit(Vec<Step>);

/// Members beyond this many are looked up by name every time: what is remembered must not grow with what is sent.
const MAX_STEPS: usize = 1024;

/// The longest text between two values that can be recognised as a whole.
const MAX_GLUE: usize = 32;

/// One likely member.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The bytes from behind the value before up to the value, in two halves, and which bits of them count.
    glue: [u128; 2],
    mask: [u128; 2],
    length: usize,
    target: Target,
}

/// What a member is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Nobody wants it.
    Skip,
    /// One column takes it as it is.
    Column(u32),
    /// Several columns take it, or something inside it.
    Field(FieldId),
}

impl Step {
    fn new(glue: &str, target: Target) -> Step {
        let length = glue.len();
        let mut bytes = [0; MAX_GLUE];
        let mut mask = [0; MAX_GLUE];
        if length <= MAX_GLUE {
            bytes[..length].copy_from_slice(glue.as_bytes());
            mask[..length].fill(0xff);
        } else {
            // No text matches this.
            bytes.fill(0xff);
            mask.fill(0xff);
        }
        Step { glue: halves(bytes), mask: halves(mask), length, target }
    }

    #[inline(always)]
    fn matches(&self, text: Text<'_>, at: usize) -> bool {
        (text.wide_word(at) ^ self.glue[0]) & self.mask[0] == 0
            && (self.length <= 16 || (text.wide_word(at + 16) ^ self.glue[1]) & self.mask[1] == 0)
    }
}

fn halves(bytes: [u8; MAX_GLUE]) -> [u128; 2] {
    let half = |from: usize| u128::from_le_bytes(bytes[from..from + 16].try_into().expect("16 of 32 bytes"));
    [half(0), half(16)]
}

impl Habit {
    /// Which of the likely members comes next, if one does.
    #[inline(always)]
    fn recognise(&self, index: usize, text: Text<'_>, at: usize) -> Option<usize> {
        if self.0.get(index)?.matches(text, at) {
            return Some(index);
        }
        // Perhaps the record lacks this one. The first has no comma in front, so nothing stands for another one there.
        (index > 0 && self.0.get(index + 1)?.matches(text, at)).then_some(index + 1)
    }

    fn learn(&mut self, index: usize, step: Step) {
        if let Some(known) = self.0.get_mut(index) {
            *known = step;
        } else if index == self.0.len() && index < MAX_STEPS {
            self.0.push(step);
        }
    }
}

/// What follows in an object.
enum Next {
    /// A member, and where its value begins.
    Member(Target, usize),
    /// Nothing: where the object ends.
    End(usize),
}

/// One document on its way into columns.
struct Pass<'a> {
    text: Text<'a>,
    fields: &'a Fields,
    writers: &'a [Writer],
    types: &'a [DataType],
    habits: &'a mut [Habit],
    columns: &'a mut [ColumnBuffer],
    /// How many rows each column has without this one.
    row: usize,
    /// How many columns have got their value.
    filled: usize,
    /// Values that did not fit, by column. A later duplicate of the field may still replace them.
    refusals: Vec<(usize, String)>,
}

impl Pass<'_> {
    /// The whole payload. Returns the kind of a document that is none to take fields from.
    fn document(&mut self) -> Outcome<Option<Kind>> {
        let text = self.text;
        let start = if text.slice(0, text.len()).starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let at = text.skip_blanks(start);
        if at == text.len() {
            return Ok(None);
        }
        let kind = text.kind(at)?;
        let end = if kind == Kind::Object { self.object(FieldId::ROOT, at, 0)? } else { text.value_end(at, 0)? };
        let end = text.skip_blanks(end);
        if end != text.len() {
            return Err(Malformed { at: end, expected: "nothing behind the document" });
        }
        Ok(Some(kind).filter(|kind| !matches!(kind, Kind::Object | Kind::Null)))
    }

    /// Gives columns whose field was missing a null; fails if a value did not fit.
    #[inline]
    fn finish(self) -> std::result::Result<(), BadValue> {
        if self.filled == self.columns.len() { Ok(()) } else { self.finish_partly_filled() }
    }

    fn finish_partly_filled(self) -> std::result::Result<(), BadValue> {
        // What a later duplicate has replaced does not count.
        let refusal = self.refusals.into_iter().find(|(column, _)| self.columns[*column].rows() == self.row);
        if let Some((column, reason)) = refusal {
            return Err(BadValue { column: Some(column), path: String::new(), reason });
        }
        for column in self.columns.iter_mut().filter(|column| column.rows() == self.row) {
            column.push_null();
        }
        Ok(())
    }

    /// The object that begins at `at`, inside `depth` containers. Returns where it ends.
    fn object(&mut self, field: FieldId, at: usize, depth: usize) -> Outcome<usize> {
        check_depth(depth, at)?;
        // Taken out, because what is inside the object may ask for other habits.
        let mut habit = std::mem::take(&mut self.habits[field.index()]);
        let end = self.members(field, &mut habit, at + 1, depth + 1);
        self.habits[field.index()] = habit;
        end
    }

    /// The members of an object, from behind its brace on. Returns where the object ends.
    #[inline]
    fn members(&mut self, field: FieldId, habit: &mut Habit, mut at: usize, depth: usize) -> Outcome<usize> {
        let text = self.text;
        let mut index = 0;
        loop {
            let target;
            if let Some(known) = habit.recognise(index, text, at) {
                let step = &habit.0[known];
                // The text that was remembered may have had fewer blanks at its end.
                at = text.skip_blanks(at + step.length);
                target = step.target;
                index = known;
            } else {
                match self.next_member(field, habit, index, at)? {
                    Next::Member(wanted, value) => (target, at) = (wanted, value),
                    Next::End(end) => return Ok(end),
                }
            }
            index += 1;
            at = match target {
                Target::Skip => text.value_end(at, depth)?,
                Target::Column(column) => self.column_value(column as usize, at, depth)?,
                Target::Field(field) => self.field_value(field, at, depth)?,
            };
        }
    }

    /// Reads what stands at `at`, behind a value or an opening brace.
    #[inline(never)]
    fn next_member(&self, field: FieldId, habit: &mut Habit, index: usize, at: usize) -> Outcome<Next> {
        let text = self.text;
        let mut name = text.skip_blanks(at);
        match text.byte(name) {
            b'}' => return Ok(Next::End(name + 1)),
            b',' if index > 0 => name = text.skip_blanks(name + 1),
            _ if index > 0 => return Err(Malformed { at: name, expected: MEMBER_END }),
            _ => {}
        }
        let member = text.member(name)?;
        let name = text.slice(member.name, member.name_end);
        let id = if member.escaped {
            // What is half a surrogate pair is the name of no field.
            unescape(name).and_then(|name| self.fields.member(field, &name))
        } else {
            self.fields.member(field, name)
        };
        let target = id.map_or(Target::Skip, |id| self.target(id));
        habit.learn(index, Step::new(text.slice(at, member.value), target));
        Ok(Next::Member(target, member.value))
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
    fn column_value(&mut self, column: usize, at: usize, depth: usize) -> Outcome<usize> {
        let buffer = &mut self.columns[column];
        if buffer.rows() != self.row {
            // The field comes a second time: the last one wins.
            buffer.truncate(self.row);
            self.filled -= 1;
        }
        self.filled += 1;
        if let Some(end) = self.writers[column].write_plain(self.text, at, buffer) {
            return Ok(end);
        }
        if self.text.has(at, b"null") {
            buffer.push_null();
            return Ok(at + 4);
        }
        self.odd_column_value(column, at, depth)
    }

    /// The same, for a value that is not written plainly.
    #[inline(never)]
    fn odd_column_value(&mut self, column: usize, at: usize, depth: usize) -> Outcome<usize> {
        let end = self.text.value_end(at, depth)?;
        let written = self.text.slice(at, end);
        let kind = self.text.kind(at)?;
        let unescaped;
        let value = match kind {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(written),
            Kind::Number => Value::Number(written),
            Kind::Array | Kind::Object => Value::Container(written),
            Kind::String => {
                let inside = &written[1..written.len() - 1];
                if inside.contains('\\') {
                    unescaped = unescape(inside);
                    Value::String(unescaped.as_deref())
                } else {
                    Value::String(Some(inside))
                }
            }
        };
        if let Err(refusal) = self.writers[column].write(value, &mut self.columns[column]) {
            let found = match refusal {
                Refusal::Kind => kind.name(),
                Refusal::Found(found) => found,
            };
            self.filled -= 1;
            // Of a name that comes twice, only the last value counts.
            self.refusals.retain(|(earlier, _)| *earlier != column);
            self.refusals.push((column, format!("expected {}, found {found}", types::name(&self.types[column]))));
        }
        Ok(end)
    }

    /// The value at `at`, for all columns that take it or something inside it. Returns where it ends.
    fn field_value(&mut self, id: FieldId, at: usize, depth: usize) -> Outcome<usize> {
        let fields = self.fields;
        let field = fields.get(id);
        let mut end = None;
        for column in &field.columns {
            end = Some(self.column_value(*column, at, depth)?);
        }
        if !field.columns_inside.is_empty() {
            self.forget_inside(&field.columns_inside);
            end = Some(match self.text.kind(at)? {
                Kind::Object => self.object(id, at, depth)?,
                Kind::Array => self.array(id, at, depth)?,
                _ => self.text.value_end(at, depth)?,
            });
        }
        Ok(end.expect("a field feeds at least one column"))
    }

    /// A second field of the same name replaces all of the first: what its inside gave to columns goes.
    fn forget_inside(&mut self, columns: &[usize]) {
        for column in columns {
            if self.columns[*column].rows() != self.row {
                self.columns[*column].truncate(self.row);
                self.filled -= 1;
            }
        }
        if !self.refusals.is_empty() {
            self.refusals.retain(|(column, _)| !columns.contains(column));
        }
    }

    /// The array that begins at `at`, for columns that take items of it. Returns where it ends.
    fn array(&mut self, id: FieldId, at: usize, depth: usize) -> Outcome<usize> {
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
                Some(Target::Column(column)) => self.column_value(column as usize, at, depth)?,
                Some(Target::Field(field)) => self.field_value(field, at, depth)?,
            };
            at = text.skip_blanks(end);
            match text.byte(at) {
                b',' => at = text.skip_blanks(at + 1),
                b']' => return Ok(at + 1),
                _ => return Err(Malformed { at, expected: ITEM_END }),
            }
        }
        unreachable!("an array ends before the index does")
    }
}

/// The text of a string between its quotes; `None` if a surrogate lacks its other half, which is all that can be wrong
/// with a string that follows the grammar.
fn unescape(inside: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{inside}\"")).ok()
}
