//! The step of a cycle in which functions of the caller's make columns (rule V4).
//!
//! ```text
//! slot ──► contribute: what waits, as payloads ──► processing: columns, or why not ──► slot: what has come of it
//!                                                                                  ╰─► table
//! ```
//!
//! It runs on the thread that polls, and holds no lock of a partition while a function runs: reading goes on behind the
//! batch. A batch is shown whole or, up to a record that fails its partition, in part; what lies behind is read again
//! after a resume, and so are the records that have come in meanwhile ([`Slot::end_processing`]).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, make_array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use arrow_select::filter::filter;

use super::slot::{Slot, panic_message};
use crate::batch::Batch;
use crate::error::{Error, Status};
use crate::format::Side;
use crate::format::callback::{CallbackSpec, Made, Payloads};
use crate::options::Plan;
use crate::options::columns::Layout;
use crate::rows::{BadRecord, BadRecordPolicy, Header, Policies, Record, RecordTime, Sealed};
use crate::schema::{Note, TableSchema};
use crate::table::align::align;
use crate::table::{Contribution, PartitionState};

/// The sides, in the order in which their functions are asked.
const SIDES: [Side; 2] = [Side::Key, Side::Value];

/// How records that wait become rows.
pub struct Processing {
    topic: Arc<str>,
    policies: Policies,
    /// The columns that they are to have,
    schema: Arc<TableSchema>,
    /// those in which they wait,
    waiting: Arc<TableSchema>,
    /// and the functions in between, one for a side at most.
    callbacks: [Option<CallbackSpec>; 2],
}

/// What has come of a partition's batch.
pub struct Processed<'a> {
    /// How many rows are shown.
    pub rows: i64,
    /// The size of their keys and values.
    pub bytes: i64,
    /// The records that were refused, up to the one that the partition stops at.
    pub refused: Vec<RefusedRecord<'a>>,
    /// Where and why the partition stops; `None`: it does not.
    pub failure: Option<(i64, Error)>,
}

/// A record that a function has refused.
pub struct RefusedRecord<'a> {
    /// The record.
    pub record: Record<'a>,
    /// Its headers, where they may be wanted.
    pub headers: Vec<Header<'a>>,
    /// Why, and what becomes of it.
    pub bad: BadRecord,
}

/// The rows that a batch becomes.
struct Outcome<'a> {
    sealed: Option<Sealed>,
    processed: Processed<'a>,
}

/// What is to be done with the rows of a batch.
struct Verdicts {
    /// The records that were refused, by row.
    refused: Vec<(usize, BadRecord)>,
    /// Rows whose columns of a side are null.
    null: [Vec<usize>; 2],
    /// Rows that are none.
    dropped: Vec<usize>,
    /// The row at which the partition stops.
    end: Option<usize>,
}

impl Processing {
    /// What has to be done between payloads and these columns; `None`: nothing, because they are decoded.
    pub fn new(plan: &Plan, layout: &Layout) -> Option<Processing> {
        let callbacks = plan.columns.callbacks();
        if callbacks.iter().all(Option::is_none) {
            return None;
        }
        let has_callback = callbacks.map(|callback| callback.is_some());
        let policies = plan.bad_records;
        let mut notes = vec![Note::Offset, Note::Time, Note::Bytes];
        let makes_letters = SIDES
            .iter()
            .zip(has_callback)
            .any(|(side, has)| has && policies.of(side.name()) == BadRecordPolicy::DeadLetter);
        if makes_letters {
            notes.push(Note::Headers);
            notes.extend((!has_callback[0]).then_some(Note::Key));
            notes.extend((!has_callback[1]).then_some(Note::Value));
        }
        let schema = Arc::clone(&layout.schema);
        let waiting = Arc::new(schema.of_payloads(has_callback, notes));
        Some(Processing {
            topic: Arc::clone(&plan.topic),
            policies,
            schema,
            waiting,
            callbacks: callbacks.map(Option::<&CallbackSpec>::cloned),
        })
    }

    /// The columns in which records wait.
    pub fn waiting(&self) -> &Arc<TableSchema> {
        &self.waiting
    }

    /// Makes of what a partition contributes, which waits, what it contributes to the table.
    pub fn apply(&self, slot: &Slot, contribution: Contribution) -> Contribution {
        let Contribution { sealed, next_offset, state } = contribution;
        let Some(waiting) = sealed.into_iter().next() else {
            return Contribution { sealed: Vec::new(), next_offset, state };
        };
        let columns = Waiting {
            schema: &self.waiting,
            waits: self.callbacks.each_ref().map(Option::is_some),
            arrays: waiting.batch.arrays().columns(),
        };
        let processed = catch_unwind(AssertUnwindSafe(|| self.process(slot.partition(), &columns, &waiting)));
        let outcome = processed.unwrap_or_else(|panic| {
            let what = format!("karrow panicked between a processor and the table: {}", panic_message(&*panic));
            Outcome::failed(self.failure(Status::Panic, &what, slot.partition(), columns.offset(0), None))
        });
        let Outcome { sealed, processed } = outcome;
        slot.end_processing(&processed, next_offset);
        let sealed = sealed.into_iter().collect();
        match processed.failure {
            None => Contribution { sealed, next_offset, state },
            Some((next_offset, error)) => Contribution { sealed, next_offset, state: PartitionState::Failed(error) },
        }
    }

    fn process<'a>(&self, partition: i32, columns: &'a Waiting<'a>, waiting: &Sealed) -> Outcome<'a> {
        let mut made: [Option<Made>; 2] = [None, None];
        for (index, side) in SIDES.into_iter().enumerate() {
            let Some(callback) = &self.callbacks[index] else { continue };
            let payloads = Payloads {
                payloads: columns.side(side),
                offsets: columns.note(Note::Offset),
                times: columns.note(Note::Time),
            };
            let answer = catch_unwind(AssertUnwindSafe(|| callback.call(partition, &payloads)));
            let answer =
                answer.unwrap_or_else(|panic| Err(format!("the processor panicked: {}", panic_message(&*panic))));
            match answer {
                Ok(answer) => made[index] = Some(answer),
                Err(what) => {
                    let first = columns.offset(0);
                    return Outcome::failed(self.failure(Status::Processor, &what, partition, first, Some(side)));
                }
            }
        }
        let verdicts = self.judge(&made);
        let end = verdicts.end.unwrap_or(columns.rows());
        let shown = Shown::new(end, &verdicts.dropped);
        let failure = verdicts.refused.last().filter(|_| verdicts.end.is_some());
        let failure = failure.map(|(row, bad)| {
            let offset = columns.offset(*row);
            (offset, bad.clone().into_error(&self.topic, partition, offset))
        });
        let bytes = shown.of(columns.note(Note::Bytes)).as_primitive::<Int64Type>().values().iter().sum();
        let refused = verdicts.refused.iter().map(|(row, bad)| columns.refused(*row, bad.clone())).collect();
        let processed = Processed { rows: shown.count(), bytes, refused, failure };
        let sealed = (shown.count() > 0).then(|| {
            let batch = self.batch(columns, made, &verdicts.null, &shown);
            let bytes = batch.memory();
            // The newest of all, also of those that are no row: it says when to forget at the latest.
            Sealed { batch, already_published: 0, bytes, newest_ms: waiting.newest_ms, open: false }
        });
        Outcome { sealed, processed }
    }

    /// Where and why a batch fails as a whole.
    fn failure(&self, status: Status, what: &str, partition: i32, offset: i64, side: Option<Side>) -> (i64, Error) {
        let place = side.map(|side| format!(" ({})", side.name())).unwrap_or_default();
        let message = format!("{what}, at {}[{partition}]@{offset}{place}", self.topic);
        let error = Error::new(status, message).at(partition, offset).with_detail("topic", &*self.topic);
        let error = match side {
            Some(side) => error.with_detail("side", side.name()).with_detail("reason", what),
            None => error,
        };
        (offset, error)
    }

    /// What becomes of the rows that were refused, up to the first one that its partition stops at (rules R1 to R3).
    fn judge(&self, made: &[Option<Made>; 2]) -> Verdicts {
        let mut verdicts =
            Verdicts { refused: Vec::new(), null: [Vec::new(), Vec::new()], dropped: Vec::new(), end: None };
        let refusals = |index: usize| made[index].iter().flat_map(|made| made.refusals.keys().copied());
        let mut rows: Vec<usize> = refusals(0).chain(refusals(1)).collect();
        rows.sort_unstable();
        rows.dedup();
        for row in rows {
            let mut decisive: Option<BadRecord> = None;
            for (index, side) in SIDES.into_iter().enumerate() {
                let Some(reason) = made[index].as_ref().and_then(|made| made.refusals.get(&row)) else { continue };
                verdicts.null[index].push(row);
                let (policy, side) = (self.policies.of(side.name()), side.name());
                // Of two with the same policy the first decides.
                if decisive.as_ref().is_none_or(|known| known.policy < policy) {
                    decisive = Some(BadRecord { policy, side, column: None, path: None, reason: reason.clone() });
                }
            }
            let Some(bad) = decisive else { continue };
            let policy = bad.policy;
            verdicts.refused.push((row, bad));
            match policy {
                BadRecordPolicy::Null => {}
                BadRecordPolicy::Skip | BadRecordPolicy::DeadLetter => verdicts.dropped.push(row),
                BadRecordPolicy::Fail => {
                    verdicts.end = Some(row);
                    break;
                }
            }
        }
        verdicts
    }

    /// The rows that are shown, in the table's columns.
    fn batch(&self, columns: &Waiting<'_>, made: [Option<Made>; 2], null: &[Vec<usize>; 2], shown: &Shown) -> Batch {
        let mut all: Vec<ArrayRef> = columns.arrays[..self.schema.key().start].to_vec();
        for (index, made) in made.into_iter().enumerate() {
            match made {
                None => all.extend_from_slice(&columns.arrays[columns.range(SIDES[index])]),
                Some(made) => all.extend(made.columns.into_iter().map(|column| with_nulls(column, &null[index]))),
            }
        }
        let all = all.iter().map(|column| align(shown.of(column)).to_data().into()).collect();
        let batch = Batch::new(Arc::clone(self.schema.arrow()), shown.rows, all);
        // Little of much would keep all of it.
        if shown.end * 2 < columns.rows() { batch.copy_tail(shown.rows) } else { batch }
    }
}

impl Outcome<'_> {
    fn failed(failure: (i64, Error)) -> Self {
        let processed = Processed { rows: 0, bytes: 0, refused: Vec::new(), failure: Some(failure) };
        Outcome { sealed: None, processed }
    }
}

/// The columns of a batch that waits.
struct Waiting<'a> {
    schema: &'a TableSchema,
    /// Which sides are payloads.
    waits: [bool; 2],
    arrays: &'a [ArrayRef],
}

impl<'a> Waiting<'a> {
    fn rows(&self) -> usize {
        self.note(Note::Offset).len()
    }

    fn range(&self, side: Side) -> std::ops::Range<usize> {
        match side {
            Side::Key => self.schema.key(),
            Side::Value => self.schema.value(),
        }
    }

    /// The payloads of a side that waits.
    fn side(&self, side: Side) -> &'a ArrayRef {
        &self.arrays[self.range(side).start]
    }

    fn find(&self, note: Note) -> Option<&'a ArrayRef> {
        let place = self.schema.notes().iter().position(|known| *known == note)?;
        Some(&self.arrays[self.schema.value().end + place])
    }

    fn note(&self, note: Note) -> &'a ArrayRef {
        self.find(note).expect("offset, time and bytes are always noted")
    }

    fn offset(&self, row: usize) -> i64 {
        self.note(Note::Offset).as_primitive::<Int64Type>().value(row)
    }

    /// A payload, if it is there: of a side that waits, or because it is noted.
    fn payload(&self, side: Side, note: Note, row: usize) -> Option<&'a [u8]> {
        let column = if self.waits[side as usize] { self.side(side) } else { self.find(note)? };
        let column = column.as_binary::<i32>();
        column.is_valid(row).then(|| column.value(row))
    }

    fn refused(&self, row: usize, bad: BadRecord) -> RefusedRecord<'a> {
        let times = self.note(Note::Time).as_primitive::<Int64Type>();
        // Who has set it is not told of a bad record.
        let timestamp = if times.is_valid(row) { RecordTime::Create(times.value(row)) } else { RecordTime::None };
        let record = Record {
            offset: self.offset(row),
            timestamp,
            receive_time_ns: 0,
            leader_epoch: None,
            key: self.payload(Side::Key, Note::Key, row),
            value: self.payload(Side::Value, Note::Value, row),
            headers: &[],
        };
        RefusedRecord { record, headers: self.find(Note::Headers).map_or_else(Vec::new, |all| headers(all, row)), bad }
    }
}

/// The headers of a row.
fn headers(column: &ArrayRef, row: usize) -> Vec<Header<'_>> {
    let lists = column.as_list::<i32>();
    let pairs = lists.values().as_struct();
    let (keys, values) = (pairs.column(0).as_binary::<i32>(), pairs.column(1).as_binary::<i32>());
    let ends = lists.value_offsets();
    let items = usize::try_from(ends[row]).unwrap_or(0)..usize::try_from(ends[row + 1]).unwrap_or(0);
    items
        .map(|item| Header { key: keys.value(item), value: values.is_valid(item).then(|| values.value(item)) })
        .collect()
}

/// The column with nulls in these rows, whatever is there.
fn with_nulls(column: ArrayRef, rows: &[usize]) -> ArrayRef {
    if rows.is_empty() || *column.data_type() == DataType::Null {
        return column;
    }
    let mut valid = vec![true; column.len()];
    rows.iter().for_each(|row| valid[*row] = false);
    let valid = NullBuffer::from(valid);
    let nulls = NullBuffer::union(column.nulls(), Some(&valid));
    let data = column.to_data();
    // Nulls are counted from the array's own beginning.
    let builder = align(make_array(data)).to_data().into_builder().nulls(nulls);
    make_array(builder.build().expect("the same values, of which fewer are valid"))
}

/// Which rows of a batch are shown.
struct Shown {
    rows: usize,
    /// Those before this one,
    end: usize,
    /// but for those that are false here.
    mask: Option<BooleanArray>,
}

impl Shown {
    fn new(end: usize, dropped: &[usize]) -> Shown {
        let mask = (!dropped.is_empty()).then(|| {
            let mut mask = vec![true; end];
            dropped.iter().for_each(|row| mask[*row] = false);
            BooleanArray::new(BooleanBuffer::from(mask), None)
        });
        Shown { rows: end - dropped.len(), end, mask }
    }

    fn count(&self) -> i64 {
        i64::try_from(self.rows).expect("a batch has at most a few thousand million rows")
    }

    fn of(&self, column: &ArrayRef) -> ArrayRef {
        let front = if self.end == column.len() { Arc::clone(column) } else { column.slice(0, self.end) };
        match &self.mask {
            None => front,
            Some(mask) => filter(&front, mask).expect("columns and mask have the same length"),
        }
    }
}
