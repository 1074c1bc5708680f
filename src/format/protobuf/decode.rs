//! One pass over a message, field by field as its plan says, straight into columns.
//!
//! Fields are guessed to come in the order of their numbers. A scalar is written when it is read, and the default of one that
//! has been passed over is, too; if it comes after all, or again, its column takes back what it has. So it is with a time, but
//! what its column has is where a further part goes on. The items of a list go behind each other as they come. Any other
//! message inside is read when the one around it has ended: until then only its place is remembered, or its places, because
//! all its parts together are the message. So the fields of a message always are one pass, in whatever order and number they
//! come.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::slice;

use super::json;
use super::plan::{Absent, Field, List, Map, Message, MessageId, Op, Plan};
use super::time::{self, Time};
use super::wire::{Key, Malformed, Span, Tag, Wire, WireType};
use crate::column::ColumnBuffer;
use crate::format::{BadValue, varint};

/// What the items of all lists and the entries of all maps of one record may take, before any text or bytes. An item of a
/// few bytes can be a struct of a thousand members.
const MAX_ITEM_BYTES: usize = 256 * 1024 * 1024;

/// Maps of up to this many entries are looked through for a key that comes twice; larger ones are hashed.
const FEW_KEYS: usize = 16;

/// Where fewer numbers than that are not there, it is likely that others behind them are not, too.
const FEW_ZEROS: usize = 8;

/// How many numbers are read then without a look at how many of them are there.
const MANY_NUMBERS: usize = 32;

/// Messages that have no more to remember do so on the stack.
const FEW_SLOTS: usize = 8;

/// What is found where the items of one record take more than a row may.
const TOO_MANY_ITEMS: Misfit = "expected fewer items, found more than a row may hold";
pub const NO_INT32: Misfit = "expected int32, found a number beyond it";
const NO_SINT32: Misfit = "expected sint32, found a number beyond it";
const NO_UINT32: Misfit = "expected uint32, found a number beyond it";

/// A value that is well-formed and does not fit its column: what was expected and what was found.
pub type Misfit = &'static str;

/// What is wrong.
#[derive(Debug, Clone, Copy)]
pub enum Problem {
    /// At this byte of the message.
    Malformed(Malformed, usize),
    Misfit(Misfit),
}

impl From<Misfit> for Problem {
    fn from(misfit: Misfit) -> Problem {
        Problem::Misfit(misfit)
    }
}

/// Why a value has not been written.
#[derive(Debug)]
struct Fault {
    /// Which of the columns that are filled together.
    column: Option<usize>,
    /// Where inside that column.
    path: String,
    problem: Problem,
}

/// What ended the reading of a field.
enum Cause {
    Malformed(Malformed),
    Problem(Problem),
    /// A message, an item or an entry inside it has said what.
    Fault(Box<Fault>),
}

impl From<Malformed> for Cause {
    #[inline(always)]
    fn from(malformed: Malformed) -> Cause {
        Cause::Malformed(malformed)
    }
}

impl From<Misfit> for Cause {
    #[inline(always)]
    fn from(misfit: Misfit) -> Cause {
        Cause::Problem(Problem::Misfit(misfit))
    }
}

impl From<Problem> for Cause {
    fn from(problem: Problem) -> Cause {
        Cause::Problem(problem)
    }
}

impl From<Box<Fault>> for Cause {
    #[inline(always)]
    fn from(fault: Box<Fault>) -> Cause {
        Cause::Fault(fault)
    }
}

type Step = std::result::Result<(), Cause>;
type Outcome = std::result::Result<(), Box<Fault>>;

/// Writes a message into columns, as the plan says. Returns what the row takes beside what its columns always take and the
/// bytes of the payload.
#[inline]
pub fn decode(
    plan: &Plan,
    scratch: &mut Scratch,
    message: &[u8],
    columns: &mut [ColumnBuffer],
) -> std::result::Result<usize, BadValue> {
    let mut pass = Pass {
        plan,
        scratch,
        payload: message,
        room: MAX_ITEM_BYTES,
        maps_are_odd: false,
        spans: Vec::new(),
        text: Vec::new(),
    };
    let row = columns.first().map_or(0, ColumnBuffer::rows);
    match pass.message(plan.root, Parts::one(Span { start: 0, end: message.len() }), columns, row) {
        Ok(()) => Ok(MAX_ITEM_BYTES - pass.room),
        Err(fault) => Err(told(*fault)),
    }
}

#[cold]
fn told(fault: Fault) -> BadValue {
    let reason = match fault.problem {
        Problem::Malformed(malformed, at) => format!("malformed protobuf at byte {at}: {}", malformed.told()),
        Problem::Misfit(misfit) => misfit.to_owned(),
    };
    BadValue { column: fault.column, path: fault.path, reason }
}

/// Where in the payload a message is, which may come in several parts.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'s> {
    pub first: Span,
    pub more: &'s [Span],
}

impl Parts<'_> {
    pub fn one(first: Span) -> Parts<'static> {
        Parts { first, more: &[] }
    }
}

/// What is remembered while a message is read.
#[derive(Debug, Clone, Copy, Default)]
enum Slot {
    #[default]
    Nothing,
    /// Where a message inside is.
    Once(Span),
    /// Where its parts are, by [`Pass::spans`].
    Parts(usize),
    /// That the entries of a map which follow each other here have been written, are all different, and have taken so much of
    /// what items may take.
    Run { span: Span, taken: usize },
    /// Where the entries of a map are that have not been written, by [`Pass::spans`].
    Entries(usize),
    /// Which member a oneof has, by its place among the fields.
    Member(usize),
}

/// Memory that is used for one payload after the other.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// For messages that have much to remember and are not being read.
    slots: Vec<Vec<Slot>>,
}

/// One payload on its way into columns.
struct Pass<'a> {
    plan: &'a Plan,
    scratch: &'a mut Scratch,
    payload: &'a [u8],
    /// What further items of lists and entries of maps may take.
    room: usize,
    /// Whether a map was read whose keys are not all different, or whose entries do not follow each other. Then those of all
    /// that follow are looked at before any is written, or a map of maps of maps would be read twice as often at each level.
    maps_are_odd: bool,
    /// Where messages and entries are of which there are several.
    spans: Vec<Vec<Span>>,
    /// For JSON text.
    text: Vec<u8>,
}

/// A message that is being read.
struct Reading<'a, 'r> {
    message: &'a Message,
    columns: &'r mut [ColumnBuffer],
    /// How many rows the columns had before.
    row: usize,
    slots: &'r mut [Slot],
    /// Times that are out of range as far as they have come. Few messages have any.
    odd_times: Option<Box<OddTimes>>,
}

/// By their columns, which are null so far: what has been read of them, and what is wrong with it.
#[derive(Default)]
struct OddTimes(BTreeMap<u32, (Time, Misfit)>);

impl Reading<'_, '_> {
    /// The time in this column, if it is one that is out of range.
    fn take_odd_time(&mut self, column: u32) -> Option<(Time, Misfit)> {
        self.odd_times.as_mut()?.0.remove(&column)
    }
}

impl<'a> Pass<'a> {
    /// Reads a message, and writes one value into each of its columns, or ends with what is wrong.
    fn message(&mut self, id: MessageId, parts: Parts<'_>, columns: &mut [ColumnBuffer], row: usize) -> Outcome {
        let message = self.plan.message_of(id);
        let mut few;
        let mut many = Vec::new();
        let slots = match message.slots {
            0 => &mut [][..],
            count @ ..=FEW_SLOTS => {
                few = [const { Slot::Nothing }; FEW_SLOTS];
                &mut few[..count]
            }
            count => {
                many = self.scratch.slots.pop().unwrap_or_default();
                many.clear();
                many.resize(count, Slot::Nothing);
                &mut many[..]
            }
        };
        let outcome = self.fields(parts, Reading { message, columns, row, slots, odd_times: None });
        if message.slots > FEW_SLOTS {
            self.scratch.slots.push(many);
        }
        outcome
    }

    #[inline]
    fn fields(&mut self, parts: Parts<'_>, mut reading: Reading<'a, '_>) -> Outcome {
        let fields = &reading.message.fields[..];
        let mut more = parts.more.iter();
        let mut wire = Wire::new(self.payload, parts.first);
        // The place of the first field that has neither been read nor passed over.
        let mut next = 0;
        loop {
            // What is usual, as long as it comes as guessed.
            if fields.get(next).is_some_and(|field| field.run > 0) {
                let left;
                (left, next) = usual(fields, next, reading.columns, wire);
                wire.go_to(left);
            }
            if let Some(field) = fields.get(next)
                && wire.takes(field.tag)
            {
                next += 1;
                if let Err(cause) = self.field(field, field.key, &mut wire, &mut reading) {
                    return Err(self.fault(field.column, cause, &wire));
                }
                continue;
            }
            if let Some(place) = later(reading.message, &wire, next) {
                match &fields[next] {
                    Field { run, op: Op::Varint64, absent: Absent::Zero64, column: Some(column), .. }
                        if place < next + FEW_ZEROS.min(*run as usize) =>
                    {
                        let run = &fields[next..][..MANY_NUMBERS.min(*run as usize)];
                        let columns = &mut reading.columns[*column as usize..][..run.len()];
                        let (left, written) = numbers_or_zeros(run, columns, wire);
                        wire.go_to(left);
                        next += written;
                    }
                    _ => {
                        self.pass_over(next, place, &mut reading)?;
                        next = place;
                    }
                }
            } else if wire.has_more() {
                (wire, next) = self.other_field(wire, next, &mut reading)?;
            } else {
                match more.next() {
                    Some(part) => wire = Wire::new(self.payload, *part),
                    None => break,
                }
            }
        }
        self.pass_over(next, fields.len(), &mut reading)?;
        if let Some(odd_times) = &reading.odd_times
            && let Some((column, (_, misfit))) = odd_times.0.first_key_value()
        {
            return Err(self.fault(Some(*column), (*misfit).into(), &wire));
        }
        for place in &reading.message.ends {
            let field = &fields[*place as usize];
            if let Err(cause) = self.end(field, &mut reading) {
                return Err(self.fault(field.column, cause, &wire));
            }
        }
        Ok(())
    }

    /// Reads a field that is not the one that was guessed.
    #[inline(never)]
    fn other_field(
        &mut self,
        mut wire: Wire<'a>,
        mut next: usize,
        reading: &mut Reading<'a, '_>,
    ) -> std::result::Result<(Wire<'a>, usize), Box<Fault>> {
        let mut column = None;
        match self.read_other(&mut wire, &mut next, reading, &mut column) {
            Ok(()) => Ok((wire, next)),
            Err(cause) => Err(self.fault(column, cause, &wire)),
        }
    }

    #[inline(always)]
    fn read_other(
        &mut self,
        wire: &mut Wire<'a>,
        next: &mut usize,
        reading: &mut Reading<'a, '_>,
        column: &mut Option<u32>,
    ) -> Step {
        let mut ahead = *wire;
        let key = ahead.key()?;
        let Some(place) = reading.message.place(key.number()) else {
            *wire = ahead;
            return Ok(wire.skip(key)?);
        };
        let field = &reading.message.fields[place];
        *column = field.column;
        if key != field.key && !self.takes_also(field, key)? {
            if field.op != Op::Unwanted {
                return Err(Malformed::OtherWireType.into());
            }
            *wire = ahead;
            return Ok(wire.skip(key)?);
        }
        *wire = ahead;
        if let Some(slot) = field.oneof {
            self.set_member(slot, place, reading)?;
        }
        if place >= *next {
            self.pass_over(*next, place, reading)?;
            *next = place + 1;
        } else if field.op.is_scalar()
            && let Some(column) = field.column
        {
            // What comes last holds.
            reading.columns[column as usize].truncate(reading.row);
        }
        self.field(field, key, wire, reading)
    }

    /// Whether a field may come with this tag, which is not what serializers write: items of a list, together or alone.
    fn takes_also(&self, field: &Field, key: Key) -> std::result::Result<bool, Malformed> {
        let wire_type = key.wire_type()?;
        Ok(match field.op {
            Op::List(list) => {
                let list = &self.plan.lists[list as usize];
                wire_type == list.wire_type || (list.is_packable && wire_type == WireType::Length)
            }
            _ => false,
        })
    }

    /// Writes what fields are that are not there, from one place up to another.
    #[inline(always)]
    fn pass_over(&mut self, from: usize, to: usize, reading: &mut Reading<'a, '_>) -> Outcome {
        if from < to {
            for field in &reading.message.fields[from..to] {
                self.absent(field, reading.columns)?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn absent(&mut self, field: &Field, columns: &mut [ColumnBuffer]) -> Outcome {
        let Some(column) = field.column else { return Ok(()) };
        let column = &mut columns[column as usize];
        match field.absent {
            Absent::Later | Absent::Empty => {}
            Absent::Null => column.push_null(),
            Absent::Bits32(bits) => column.push_u32(bits),
            Absent::Zero64 => column.push_u64(0),
            Absent::False => column.push_bool(false),
            Absent::NoText => column.push_str(""),
            Absent::NoBytes => column.push_bytes(&[]),
            Absent::Name(table) => {
                let name = &self.plan.enums[table as usize].first;
                match self.room.checked_sub(name.len()) {
                    Some(room) => self.room = room,
                    None => return Err(no_room(field.column)),
                }
                column.push_str(name);
            }
        }
        Ok(())
    }

    /// Takes what follows a tag.
    #[inline(always)]
    fn field(&mut self, field: &Field, key: Key, wire: &mut Wire<'a>, reading: &mut Reading<'a, '_>) -> Step {
        if let (true, Some(column)) = (field.op.is_scalar(), field.column) {
            return self.scalar(field.op, wire, &mut reading.columns[column as usize]);
        }
        let mut ahead = *wire;
        let outcome = self.collect(field, key, &mut ahead, reading);
        *wire = ahead;
        outcome
    }

    /// Reads a scalar.
    #[inline(always)]
    fn scalar(&mut self, op: Op, wire: &mut Wire<'a>, column: &mut ColumnBuffer) -> Step {
        match op {
            Op::Varint64 => column.push_u64(wire.varint()?),
            Op::Text => {
                let (text, length) = wire.bytes_and_more()?;
                column.push_text(text, length).map_err(|_| Malformed::Utf8)?;
            }
            Op::Bits64 => column.push_u64(u64::from_le_bytes(wire.array()?)),
            Op::Int32 => column.push_i32(int32(wire)?),
            Op::Uint32 => column.push_u32(u32::try_from(wire.varint()?).map_err(|_| NO_UINT32)?),
            Op::Sint32 => {
                let number = u32::try_from(wire.varint()?).map_err(|_| NO_SINT32)?;
                column.push_i32((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
            Op::Sint64 => column.push_i64(varint::signed(wire.varint()?)),
            Op::Bool => column.push_bool(wire.varint()? != 0),
            Op::Bits32 => column.push_u32(u32::from_le_bytes(wire.array()?)),
            Op::Bytes => column.push_bytes(wire.bytes()?),
            Op::Name(table) => self.name(table, int32(wire)?, column)?,
            _ => unreachable!("only scalars are read at once"),
        }
        Ok(())
    }

    /// Writes the name of an enum's value.
    #[inline]
    fn name(&mut self, table: u32, number: i32, column: &mut ColumnBuffer) -> Step {
        match self.plan.enums[table as usize].get(number) {
            Some(name) => {
                self.take_room(name.len())?;
                column.push_str(name);
            }
            None => {
                let number = number.to_string();
                self.take_room(number.len())?;
                column.push_str(&number);
            }
        }
        Ok(())
    }

    /// What further items may take is so much less.
    #[inline(always)]
    fn take_room(&mut self, bytes: usize) -> std::result::Result<(), Misfit> {
        self.room = self.room.checked_sub(bytes).ok_or(TOO_MANY_ITEMS)?;
        Ok(())
    }

    /// Takes what follows the tag of a field that is no scalar: times and items are written, of other messages only the place
    /// is remembered.
    #[inline(never)]
    fn collect(&mut self, field: &Field, key: Key, wire: &mut Wire<'a>, reading: &mut Reading<'a, '_>) -> Step {
        match (field.op, field.column) {
            (Op::List(list), Some(column)) => {
                let list = &self.plan.lists[list as usize];
                let column = &mut reading.columns[column as usize];
                if let Err(cause) = self.items(list, field, key, wire, column.list_items()) {
                    let fault = self.fault(None, cause, wire);
                    return Err(inside_item(fault, column, reading.row).into());
                }
            }
            (Op::Map(map), Some(column)) => {
                let column = &mut reading.columns[column as usize];
                let slot = &mut reading.slots[field.slot as usize];
                self.entries(&self.plan.maps[map as usize], field.tag, wire, column, reading.row, slot)?;
            }
            (Op::Time(kind), Some(column)) => {
                let part = self.span(key, wire)?;
                self.time(kind, part, column, reading)?;
            }
            (Op::Unwanted, _) => wire.skip(key)?,
            _ => {
                let span = self.span(key, wire)?;
                let slot = &mut reading.slots[field.slot as usize];
                match slot {
                    Slot::Once(first) => {
                        self.spans.push(vec![*first, span]);
                        *slot = Slot::Parts(self.spans.len() - 1);
                    }
                    Slot::Parts(parts) => self.spans[*parts].push(span),
                    _ => *slot = Slot::Once(span),
                }
            }
        }
        Ok(())
    }

    /// Writes a time, or what a further part makes of it.
    fn time(&mut self, kind: time::Kind, part: Span, column: u32, reading: &mut Reading<'a, '_>) -> Step {
        let mut time = Time::default();
        if reading.columns[column as usize].rows() > reading.row {
            let odd_time = reading.take_odd_time(column);
            let column = &mut reading.columns[column as usize];
            time = odd_time.map_or_else(|| Time::of(column.last_i64(), kind), |(time, _)| time);
            column.truncate(reading.row);
        }
        time.read(self.payload, part)?;
        match time.nanoseconds(kind) {
            Ok(nanoseconds) => reading.columns[column as usize].push_i64(nanoseconds),
            // A further part may make it good.
            Err(misfit) => {
                reading.columns[column as usize].push_null();
                reading.odd_times.get_or_insert_default().0.insert(column, (time, misfit));
            }
        }
        Ok(())
    }

    /// The place of a message, behind its length or up to the end of its group.
    #[inline(always)]
    fn span(&self, key: Key, wire: &mut Wire<'a>) -> std::result::Result<Span, Malformed> {
        match key.wire_type()? {
            WireType::Group => wire.group(key.number(), self.payload.len()),
            _ => wire.span(self.payload.len()),
        }
    }

    /// Writes items of a list: those behind one tag, and those behind the same tag that follow.
    fn items(&mut self, list: &List, field: &Field, key: Key, wire: &mut Wire<'a>, items: &mut ColumnBuffer) -> Step {
        if list.is_packable && key.wire_type()? == WireType::Length {
            let mut run = Wire::new(self.payload, wire.span(self.payload.len())?);
            let outcome = self.packed(list, &mut run, items);
            if outcome.is_err() {
                *wire = run;
            }
            return outcome;
        }
        loop {
            self.take_room(list.item_bytes)?;
            match list.op {
                op if op.is_scalar() => self.scalar(op, wire, items)?,
                Op::Time(kind) => {
                    let mut time = Time::default();
                    time.read(self.payload, self.span(key, wire)?)?;
                    items.push_i64(time.nanoseconds(kind)?);
                }
                op => {
                    let span = self.span(key, wire)?;
                    let row = items.rows();
                    self.value(op, Parts::one(span), slice::from_mut(items), 0, row)?;
                }
            }
            if key != field.key || !wire.takes(field.tag) {
                return Ok(());
            }
        }
    }

    /// Writes the items that are in a run.
    #[inline]
    fn packed(&mut self, list: &List, run: &mut Wire<'a>, items: &mut ColumnBuffer) -> Step {
        let first = items.rows();
        match list.op {
            Op::Varint64 => {
                while run.has_more() {
                    items.push_u64(run.varint()?);
                }
            }
            Op::Bits64 => {
                while run.has_more() {
                    items.push_u64(u64::from_le_bytes(run.array()?));
                }
            }
            op => {
                while run.has_more() {
                    self.scalar(op, run, items)?;
                }
            }
        }
        // Each has taken a byte at least, so that there cannot be very many more than may be.
        Ok(self.take_room((items.rows() - first).saturating_mul(list.item_bytes))?)
    }

    /// Writes a message that is complete into the column of this place, or into all that it has.
    fn value(&mut self, op: Op, parts: Parts<'_>, columns: &mut [ColumnBuffer], column: usize, row: usize) -> Step {
        match op {
            Op::Message(message) => self.message(message, parts, columns, row)?,
            Op::Struct(message) => {
                let column = &mut columns[column];
                let names = &self.plan.message_of(message).names;
                self.message(message, parts, column.struct_members(), row)
                    .map_err(|fault| inside_member(fault, names))?;
                column.end_struct();
            }
            Op::Json(shape) => {
                self.text.clear();
                json::write(shape, self.payload, parts, &mut self.text)?;
                self.take_room(self.text.len())?;
                columns[column].push_text(&self.text, self.text.len()).map_err(|_| Malformed::Utf8)?;
            }
            _ => unreachable!("everything else is read as it comes"),
        }
        Ok(())
    }

    /// Writes what has been put off until its message has ended.
    #[inline]
    fn end(&mut self, field: &Field, reading: &mut Reading<'a, '_>) -> Step {
        let column = field.column.map_or(0, |column| column as usize);
        match field.op {
            Op::List(_) => reading.columns[column].end_list(),
            Op::Map(map) => {
                let list = &mut reading.columns[column];
                if let Slot::Entries(entries) = reading.slots[field.slot as usize] {
                    let entries = std::mem::take(&mut self.spans[entries]);
                    self.last_entries(&self.plan.maps[map as usize], &entries, list, reading.row)?;
                }
                list.end_list();
            }
            op => {
                let span = match reading.slots[field.slot as usize] {
                    Slot::Once(span) => span,
                    Slot::Parts(parts) => {
                        let parts = std::mem::take(&mut self.spans[parts]);
                        let parts = Parts { first: parts[0], more: &parts[1..] };
                        return self.value(op, parts, reading.columns, column, reading.row);
                    }
                    _ if field.absent == Absent::Empty => Span { start: 0, end: 0 },
                    _ => {
                        self.push_nulls(op, reading.columns, column);
                        return Ok(());
                    }
                };
                self.value(op, Parts::one(span), reading.columns, column, reading.row)?;
            }
        }
        Ok(())
    }

    fn push_nulls(&self, op: Op, columns: &mut [ColumnBuffer], column: usize) {
        match op {
            Op::Message(message) => {
                for column in &self.plan.message_of(message).columns {
                    columns[*column as usize].push_null();
                }
            }
            _ => columns[column].push_null(),
        }
    }

    /// Lets a oneof have the member of this place, and no other.
    fn set_member(&mut self, slot: u32, place: usize, reading: &mut Reading<'a, '_>) -> Step {
        let before = std::mem::replace(&mut reading.slots[slot as usize], Slot::Member(place));
        let Slot::Member(other) = before else { return Ok(()) };
        if other == place {
            return Ok(());
        }
        let field = &reading.message.fields[other];
        if let (true, Some(column)) = (field.op.is_value(), field.column) {
            // What is wrong with it is wrong all the same.
            if let Some((_, misfit)) = reading.take_odd_time(column) {
                return Err(misfit.into());
            }
            let column = &mut reading.columns[column as usize];
            column.truncate(reading.row);
            column.push_null();
        } else if field.op != Op::Unwanted {
            match std::mem::take(&mut reading.slots[field.slot as usize]) {
                Slot::Once(span) => self.discard(field, Parts::one(span), reading)?,
                Slot::Parts(parts) => {
                    let parts = std::mem::take(&mut self.spans[parts]);
                    self.discard(field, Parts { first: parts[0], more: &parts[1..] }, reading)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads a message that another member of its oneof has taken the place of: what is wrong with it is wrong all the same.
    #[cold]
    fn discard(&mut self, field: &Field, parts: Parts<'_>, reading: &mut Reading<'a, '_>) -> Step {
        let written = match (field.op, &field.column) {
            (Op::Message(message), _) => &self.plan.message_of(message).columns[..],
            (_, Some(column)) => slice::from_ref(column),
            (_, None) => &[],
        };
        // As if it stayed there, so that many of them cannot take long.
        let bytes = match field.op {
            Op::Message(message) | Op::Struct(message) => self.plan.message_of(message).bytes,
            _ => 0,
        };
        self.take_room(bytes)?;
        let column = field.column.map_or(0, |column| column as usize);
        self.value(field.op, parts, reading.columns, column, reading.row)?;
        for column in written {
            reading.columns[*column as usize].truncate(reading.row);
        }
        Ok(())
    }

    /// Takes entries of a map: the one behind a tag, and those behind the same tag that follow.
    fn entries(
        &mut self,
        map: &Map,
        tag: Tag,
        wire: &mut Wire<'a>,
        column: &mut ColumnBuffer,
        row: usize,
        slot: &mut Slot,
    ) -> Step {
        // Where entries are that have been written, and have to be looked at again.
        let mut earlier = None;
        match slot {
            Slot::Nothing if !self.maps_are_odd => {
                let (behind_tag, room) = (*wire, self.room);
                if self.different_entries(map, tag, wire, column, row)? {
                    let (start, end) = (self.payload.len() - behind_tag.left(), self.payload.len() - wire.left());
                    *slot = Slot::Run { span: Span { start, end }, taken: room - self.room };
                    return Ok(());
                }
                column.truncate(row);
                (*wire, self.room) = (behind_tag, room);
            }
            Slot::Run { span, taken } => {
                column.truncate(row);
                self.room += *taken;
                earlier = Some(*span);
            }
            _ => {}
        }
        self.maps_are_odd = true;
        let place = match slot {
            Slot::Entries(place) => *place,
            _ => {
                self.spans.push(Vec::new());
                self.spans.len() - 1
            }
        };
        *slot = Slot::Entries(place);
        let entries = &mut self.spans[place];
        if let Some(span) = earlier {
            remember(entries, tag, &mut Wire::new(self.payload, span), self.payload.len())?;
        }
        Ok(remember(entries, tag, wire, self.payload.len())?)
    }

    /// Writes the entries of a map. Returns false if a key comes twice, which is seldom.
    fn different_entries(
        &mut self,
        map: &Map,
        tag: Tag,
        wire: &mut Wire<'a>,
        column: &mut ColumnBuffer,
        row: usize,
    ) -> std::result::Result<bool, Cause> {
        let (mut few, mut count) = ([MapKey::default(); FEW_KEYS], 0);
        let mut hashed = HashSet::new();
        loop {
            let span = wire.span(self.payload.len())?;
            self.entry(map, span, column, row)?;
            let key = self.key(map, span);
            let is_known = match few.get_mut(count) {
                Some(place) => {
                    *place = key;
                    few[..count].contains(&key)
                }
                None => {
                    if count == FEW_KEYS {
                        hashed.extend(few);
                    }
                    !hashed.insert(key)
                }
            };
            if is_known {
                return Ok(false);
            }
            count += 1;
            if !wire.takes(tag) {
                return Ok(true);
            }
        }
    }

    /// Writes the entries of a map of which, of those with the same key, the last one wins.
    #[cold]
    fn last_entries(&mut self, map: &Map, entries: &[Span], column: &mut ColumnBuffer, row: usize) -> Step {
        let last: HashMap<MapKey<'a>, usize> =
            entries.iter().enumerate().map(|(place, span)| (self.key(map, *span), place)).collect();
        for (place, span) in entries.iter().enumerate() {
            let (rows, room) = (column.list_items().rows(), self.room);
            // What is wrong with those that lose is wrong all the same.
            self.entry(map, *span, column, row)?;
            if last[&self.key(map, *span)] != place {
                column.list_items().truncate(rows);
                self.room = room;
            }
        }
        Ok(())
    }

    /// Writes an entry.
    #[inline]
    fn entry(&mut self, map: &Map, span: Span, column: &mut ColumnBuffer, row: usize) -> Step {
        self.take_room(map.entry_bytes)?;
        let entries = column.list_items();
        let place = entries.rows();
        let outcome = self.message(map.entry, Parts::one(span), entries.struct_members(), place);
        entries.end_struct();
        outcome.map_err(|fault| {
            // The one that is being written is none yet.
            column.list_items().truncate(place);
            inside_item(fault, column, row).into()
        })
    }

    /// The key of an entry that can be read.
    #[inline]
    fn key(&self, map: &Map, span: Span) -> MapKey<'a> {
        let mut key = MapKey::default();
        let mut wire = Wire::new(self.payload, span);
        while wire.has_more() {
            let Ok(found) = wire.key() else { break };
            let read = match map.key_op {
                _ if found != map.key => wire.skip(found).map(|()| key),
                Op::Text => wire.bytes().map(|text| MapKey { number: 0, text }),
                Op::Bool => wire.varint().map(|number| MapKey { number: u64::from(number != 0), text: &[] }),
                Op::Bits32 => {
                    wire.array().map(|bits| MapKey { number: u64::from(u32::from_le_bytes(bits)), text: &[] })
                }
                Op::Bits64 => wire.array().map(|bits| MapKey { number: u64::from_le_bytes(bits), text: &[] }),
                _ => wire.varint().map(|number| MapKey { number, text: &[] }),
            };
            match read {
                Ok(read) => key = read,
                Err(_) => break,
            }
        }
        key
    }

    /// What the reading of a field has ended with, and which column is without its value for that.
    #[cold]
    #[inline(never)]
    fn fault(&self, column: Option<u32>, cause: Cause, wire: &Wire<'a>) -> Box<Fault> {
        let column = column.map(|column| column as usize);
        match cause {
            Cause::Malformed(malformed) => {
                let at = self.payload.len() - wire.left();
                Box::new(Fault { column, path: String::new(), problem: Problem::Malformed(malformed, at) })
            }
            Cause::Problem(problem) => Box::new(Fault { column, path: String::new(), problem }),
            // What was read into the same columns has told which of them is bad.
            Cause::Fault(fault) => Box::new(Fault { column: column.or(fault.column), ..*fault }),
        }
    }
}

/// Reads fields of the usual kinds as long as they come as guessed, the one of this place first. Returns how much of the
/// payload is left, and the place of the first field that has not been read.
///
/// It does nothing else, so that what is left of the message stays in registers.
#[inline(never)]
fn usual(fields: &[Field], mut next: usize, columns: &mut [ColumnBuffer], wire: Wire<'_>) -> (usize, usize) {
    let mut ahead = wire;
    while let Some(Field { run: count @ 1.., op, column: Some(column), .. }) = fields.get(next) {
        let run = &fields[next..][..*count as usize];
        let columns = &mut columns[*column as usize..][..run.len()];
        let wire = &mut ahead;
        let read = match op {
            Op::Varint64 => while_some(run, columns, |tag, column| wire.number(tag).map(|it| column.push_u64(it))),
            Op::Bits64 => while_some(run, columns, |tag, column| wire.bits64(tag).map(|it| column.push_u64(it))),
            Op::Time(kind) => {
                while_some(run, columns, |tag, column| time::usual(wire, tag, *kind).map(|it| column.push_i64(it)))
            }
            _ => while_some(run, columns, |tag, column| {
                let before = *wire;
                let (text, length) = wire.short_bytes(tag)?;
                if column.push_text(text, length).is_err() {
                    *wire = before;
                    return None;
                }
                Some(())
            }),
        };
        next += read;
        if read < run.len() {
            break;
        }
    }
    (ahead.left(), next)
}

/// Reads fields into columns as long as that gives something. Returns how many did.
#[inline(always)]
fn while_some(
    run: &[Field],
    columns: &mut [ColumnBuffer],
    mut read: impl FnMut(Tag, &mut ColumnBuffer) -> Option<()>,
) -> usize {
    let mut pairs = run.iter().zip(columns);
    pairs.position(|(field, column)| read(field.tag, column).is_none()).unwrap_or(run.len())
}

/// Reads numbers of which some are not there, so that they are 0. Which ones nobody can guess, and a wrong guess costs more
/// than to read a number. So none is made, as long as nothing else comes. Returns how much of the payload is left, and how
/// many have been written.
#[inline(never)]
fn numbers_or_zeros(run: &[Field], columns: &mut [ColumnBuffer], wire: Wire<'_>) -> (usize, usize) {
    let mut ahead = wire;
    let read = while_some(run, columns, |tag, column| ahead.short_number_or_zero(tag).map(|it| column.push_u64(it)));
    (ahead.left(), read)
}

/// The place of the field that comes next, if that is one behind the one that was guessed, and comes as serializers write it.
#[inline(always)]
fn later(message: &Message, wire: &Wire<'_>, next: usize) -> Option<usize> {
    let key = wire.peek().filter(|_| wire.has_more())?;
    let place = message.place(key.number())?;
    let field = &message.fields[place];
    (place > next && field.key == key && field.oneof.is_none()).then_some(place)
}

/// The key of an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct MapKey<'a> {
    number: u64,
    text: &'a [u8],
}

/// Remembers the places of a map's entries: the one behind a tag, and those behind the same tag that follow.
fn remember(
    entries: &mut Vec<Span>,
    tag: Tag,
    wire: &mut Wire<'_>,
    payload: usize,
) -> std::result::Result<(), Malformed> {
    loop {
        entries.push(wire.span(payload)?);
        if !wire.takes(tag) {
            return Ok(());
        }
    }
}

#[inline(always)]
fn int32(wire: &mut Wire<'_>) -> std::result::Result<i32, Cause> {
    Ok(i32::try_from(wire.varint()?.cast_signed()).map_err(|_| NO_INT32)?)
}

#[cold]
fn no_room(column: Option<u32>) -> Box<Fault> {
    let column = column.map(|column| column as usize);
    Box::new(Fault { column, path: String::new(), problem: Problem::Misfit(TOO_MANY_ITEMS) })
}

/// The same, seen from around the item that was being written. The column gives up the row, which is taken back as a whole.
#[cold]
fn inside_item(mut fault: Box<Fault>, column: &mut ColumnBuffer, row: usize) -> Box<Fault> {
    let items = column.list_items().rows();
    column.truncate(row);
    let index = items - column.list_items().rows();
    fault.path.insert_str(0, &format!("[{index}]"));
    fault.column = None;
    fault
}

/// The same, seen from around the members of these names.
#[cold]
fn inside_member(mut fault: Box<Fault>, names: &[String]) -> Box<Fault> {
    if let Some(name) = fault.column.and_then(|column| names.get(column)) {
        fault.path.insert_str(0, &format!(".{name}"));
    }
    fault.column = None;
    fault
}
