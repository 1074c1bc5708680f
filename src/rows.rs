//! Rows of one partition, being written: every column in step, a row whole or absent.

use std::collections::VecDeque;
use std::slice;
use std::sync::Arc;

use arrow_schema::{Field, TimeUnit};

use crate::batch::Batch;
use crate::column::{ColumnBuffer, SizeHint, fixed_bytes};
use crate::error::{Error, Result, Status};
use crate::format::{BadValue, Decoder, Refused, Side};
use crate::schema::{CommonColumn, Note, TableSchema};
use crate::types;

/// One record as the source lends it: nothing in it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp.
    pub timestamp: RecordTime,
    /// When karrow got it: wall clock, ns since 1970-01-01 UTC.
    pub receive_time_ns: i64,
    /// The leader epoch it was read under; `None`: not told.
    pub leader_epoch: Option<i32>,
    /// Its key; `None`: Kafka's null.
    pub key: Option<&'a [u8]>,
    /// Its value; `None`: Kafka's null.
    pub value: Option<&'a [u8]>,
    /// Its headers, in order; empty also when nobody wants them.
    pub headers: &'a [Header<'a>],
}

/// One header of a record.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// Its key, which should be UTF-8.
    pub key: &'a [u8],
    /// Its value; `None`: null.
    pub value: Option<&'a [u8]>,
}

/// A record's timestamp: milliseconds since 1970-01-01 UTC, and who set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordTime {
    /// The record has none.
    None,
    /// Set by the producer.
    Create(i64),
    /// Set by the broker when it appended the record.
    LogAppend(i64),
}

impl Record<'_> {
    /// When the record came into being, in ms since 1970-01-01 UTC: its timestamp, or when it arrived if it has none.
    pub fn time_ms(&self) -> i64 {
        match self.timestamp {
            RecordTime::None => self.receive_time_ns / 1_000_000,
            RecordTime::Create(ms) | RecordTime::LogAppend(ms) => ms,
        }
    }

    /// The size of its key and value.
    #[inline]
    pub fn payload_bytes(&self) -> i64 {
        let size = self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len);
        // A payload's size fits, because Kafka says it in 32 bits.
        i64::try_from(size).unwrap_or(i64::MAX)
    }

    /// How many bytes the record's key, value and headers take in columns at most, beside what every row takes.
    pub fn variable_bytes(&self) -> usize {
        // A header takes two ends of 32 bits, even if it is empty.
        let header_bytes =
            |header: &Header<'_>| header.key.len() + header.value.map_or(0, <[u8]>::len) + 2 * size_of::<i32>();
        self.key.map_or(0, <[u8]>::len)
            + self.value.map_or(0, <[u8]>::len)
            + self.headers.iter().map(header_bytes).sum::<usize>()
    }
}

/// What becomes of a bad record (rule R2). From the weakest to the strongest: of a record with several bad sides, the
/// strongest of their policies holds (R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BadRecordPolicy {
    /// It is a row; the columns of its bad side are null.
    Null,
    /// It is no row.
    Skip,
    /// It is no row, but one of the dead letters.
    DeadLetter,
    /// Its partition stops at it.
    Fail,
}

impl BadRecordPolicy {
    /// Every policy, from the default on, by the name that options have for it.
    pub const NAMES: [(&str, BadRecordPolicy); 4] = [
        ("fail", BadRecordPolicy::Fail),
        ("skip", BadRecordPolicy::Skip),
        ("null", BadRecordPolicy::Null),
        ("dead_letter", BadRecordPolicy::DeadLetter),
    ];

    /// The policy of this name.
    pub fn parse(name: &str) -> Option<BadRecordPolicy> {
        BadRecordPolicy::NAMES.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy)
    }
}

/// What becomes of a bad record, by its bad side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// Where its key is bad.
    pub key: BadRecordPolicy,
    /// Where its value is.
    pub value: BadRecordPolicy,
    /// Where what belongs to neither is: its timestamp, its headers.
    pub common: BadRecordPolicy,
}

impl Default for Policies {
    /// Every bad record fails its partition.
    fn default() -> Policies {
        let fail = BadRecordPolicy::Fail;
        Policies { key: fail, value: fail, common: fail }
    }
}

impl Policies {
    /// Whether a bad record may become a dead letter.
    pub fn make_dead_letters(self) -> bool {
        [self.key, self.value, self.common].contains(&BadRecordPolicy::DeadLetter)
    }

    /// What becomes of a record whose bad side has this name.
    pub fn of(self, side: &str) -> BadRecordPolicy {
        if side == Side::Key.name() {
            self.key
        } else if side == Side::Value.name() {
            self.value
        } else {
            self.common
        }
    }
}

/// Why a record is not in the table, or not as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// What becomes of it.
    pub policy: BadRecordPolicy,
    /// `key`, `value`, `timestamp` or `headers`.
    pub side: &'static str,
    /// The column that could not take its value; `None`: the payload as a whole is at fault.
    pub column: Option<String>,
    /// The value inside the column that is at fault, beginning with the column: `Legs[3].Price`; `None`: all of it.
    pub path: Option<String>,
    /// What was expected and what was found.
    pub reason: String,
}

/// Why a record is not a row, or not as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// It is bad.
    Bad(BadRecord),
    /// Nobody knows before this schema is.
    Waits(SchemaId),
}

/// The schema that one side of a record was written with, as a registry knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SchemaId {
    /// Whose schema it is.
    pub side: Side,
    /// Its id.
    pub id: i32,
}

impl BadRecord {
    /// The error that a partition fails with: names column, reason and place.
    pub fn into_error(self, topic: &str, partition: i32, offset: i64) -> Error {
        let place = self.path.as_ref().or(self.column.as_ref());
        let column = place.map(|place| format!("column {place}: ")).unwrap_or_default();
        let message = format!("{column}{}, at {topic}[{partition}]@{offset} ({})", self.reason, self.side);
        let error = Error::new(Status::BadRecord, message)
            .at(partition, offset)
            .with_detail("topic", topic)
            .with_detail("side", self.side)
            .with_detail("reason", self.reason);
        let details = [("column", self.column), ("path", self.path)];
        let known = details.into_iter().filter_map(|(key, value)| Some((key, value?)));
        known.fold(error, |error, (key, value)| error.with_detail(key, value))
    }
}

/// Kafka's names for who set a record's timestamp.
const CREATE_TIME: &str = "CreateTime";
const LOG_APPEND_TIME: &str = "LogAppendTime";

/// When a chunk is full. A chunk is the unit of memory that the tables keep and drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    /// The most rows.
    pub rows: usize,
    /// About the most bytes; a single larger record gets a chunk of its own.
    pub bytes: usize,
    /// The most milliseconds between the timestamps of its first record and any other.
    pub span_ms: i64,
}

impl ChunkLimits {
    /// Everything goes into one chunk.
    /// cbindgen:ignore
    pub const NONE: ChunkLimits = ChunkLimits { rows: usize::MAX, bytes: usize::MAX, span_ms: i64::MAX };
}

impl Default for ChunkLimits {
    fn default() -> ChunkLimits {
        ChunkLimits { rows: 64 * 1024, bytes: 16 * 1024 * 1024, span_ms: i64::MAX }
    }
}

/// How many rows the first chunk of a table has that keeps them.
const FIRST_ROWS: usize = 64;
/// The largest chunk whose memory is kept to be used again, as a large one has enough rows to share the cost of its memory.
const SMALL_CHUNK_BYTES: usize = 256 * 1024;
/// How many chunks that are handed over may still be shown: the one before, and the one that this cycle publishes.
const RETIRED: usize = 2;

/// What happens to the chunk in progress when it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSeal {
    /// Later rows go behind the published ones in the same memory: the table sees one chunk grow.
    Continue,
    /// The chunk is handed over, and a new one begun: the table keeps nothing of it for long.
    Begin,
}

/// Rows that a cycle publishes: one immutable batch.
#[derive(Debug)]
pub struct Sealed {
    /// The rows of the chunk so far, those published by earlier cycles included.
    pub batch: Batch,
    /// How many rows at the front earlier cycles have published already.
    pub already_published: usize,
    /// What the rows of the chunk so far take.
    pub bytes: usize,
    /// The newest timestamp among them, in ms; the time of arrival counts for records without one.
    pub newest_ms: i64,
    /// Whether the chunk may still grow.
    pub open: bool,
}

/// The rows of one partition that no cycle has published yet, and the chunk they go into.
pub struct RowBuffer {
    schema: Arc<TableSchema>,
    partition: i32,
    key: Decoder,
    value: Decoder,
    limits: ChunkLimits,
    on_seal: OnSeal,
    policies: Policies,
    has_registry: bool,
    columns: Vec<ColumnBuffer>,
    /// How many rows the chunk in progress is to have: fewer at first.
    chunk_rows: usize,
    /// The columns of small chunks that have been handed over, oldest first, until their memory is free again.
    retired: VecDeque<Vec<ColumnBuffer>>,
    /// Whole rows in the chunk in progress; columns may be longer while a row is being written.
    rows: usize,
    /// How many of them have been published.
    published: usize,
    /// What those published rows take.
    published_bytes: usize,
    /// What the unpublished rows of the chunk in progress take, as of the last measurement.
    unpublished_bytes: usize,
    /// At most what has come into the chunk in progress since: payload sizes plus `fixed_row_bytes` a row.
    unmeasured_bytes: usize,
    /// What a row takes before any text or bytes.
    fixed_row_bytes: usize,
    /// The time of the first row in the chunk in progress, and the newest time of all of them, in ms.
    first_ms: i64,
    newest_ms: i64,
    closed: Vec<Sealed>,
    closed_rows: usize,
    closed_bytes: usize,
}

impl RowBuffer {
    /// An empty buffer for one partition. Bad records fail, unless [`RowBuffer::with_policies`] says otherwise.
    pub fn new(
        schema: Arc<TableSchema>,
        partition: i32,
        key: Decoder,
        value: Decoder,
        limits: ChunkLimits,
        on_seal: OnSeal,
    ) -> Result<RowBuffer> {
        let columns = schema
            .arrow()
            .fields()
            .iter()
            .map(|field| ColumnBuffer::of(field, &SizeHint::default()))
            .collect::<Result<Vec<_>>>()?;
        let fields = schema.arrow().fields();
        let fixed_row_bytes: usize = fields.iter().map(|field| fixed_bytes(field.data_type())).sum();
        // The one text that does not come out of the record's bytes.
        let kind_bytes = if schema.common().contains(&CommonColumn::TimestampType) { LOG_APPEND_TIME.len() } else { 0 };
        Ok(RowBuffer {
            schema,
            partition,
            key,
            value,
            limits,
            on_seal,
            policies: Policies::default(),
            has_registry: false,
            columns,
            chunk_rows: if on_seal == OnSeal::Continue { limits.rows.min(FIRST_ROWS) } else { limits.rows },
            retired: VecDeque::new(),
            rows: 0,
            published: 0,
            published_bytes: 0,
            unpublished_bytes: 0,
            unmeasured_bytes: 0,
            fixed_row_bytes: fixed_row_bytes + kind_bytes,
            first_ms: 0,
            newest_ms: i64::MIN,
            closed: Vec::new(),
            closed_rows: 0,
            closed_bytes: 0,
        })
    }

    /// The same buffer, with other policies for bad records.
    pub fn with_policies(self, policies: Policies) -> RowBuffer {
        RowBuffer { policies, ..self }
    }

    /// What becomes of bad records.
    pub fn policies(&self) -> Policies {
        self.policies
    }

    /// Whether its rows are not those of the table, but payloads that a function is to see first.
    pub fn waits_for_processing(&self) -> bool {
        !self.schema.notes().is_empty()
    }

    /// The same buffer, which does not call a record bad whose schema it does not know: somebody will look it up.
    pub fn with_registry(self) -> RowBuffer {
        RowBuffer { has_registry: true, ..self }
    }

    /// Adds the record as one row. A bad record is an error, which says why and what becomes of it: with the policy
    /// `null` it is a row all the same, with nulls for what is bad; with every other policy, and if a schema has to be
    /// looked up first, everything is left as it was.
    pub fn append(&mut self, record: &Record<'_>) -> std::result::Result<(), Unwritten> {
        let record_bytes = record.variable_bytes() + self.fixed_row_bytes;
        let time_ms = record.time_ms();
        if self.is_full_for(record_bytes, time_ms) {
            self.close_chunk();
        }
        match self.write(record, |bad, _| Err(Unwritten::Bad(bad))) {
            Ok(()) => {
                self.end_row(record_bytes, time_ms);
                Ok(())
            }
            Err(Unwritten::Bad(first)) => {
                let unwritten = self.write_bad(record, first);
                if let Unwritten::Bad(BadRecord { policy: BadRecordPolicy::Null, .. }) = unwritten {
                    self.end_row(record_bytes, time_ms);
                }
                Err(unwritten)
            }
            Err(waits) => {
                self.roll_back();
                Err(waits)
            }
        }
    }

    /// The row that has been written is whole.
    #[inline]
    fn end_row(&mut self, record_bytes: usize, time_ms: i64) {
        if self.rows == 0 {
            self.first_ms = time_ms;
        }
        self.newest_ms = self.newest_ms.max(time_ms);
        self.rows += 1;
        self.unmeasured_bytes += record_bytes + self.key.item_bytes() + self.value.item_bytes();
    }

    /// Looks at all sides of a bad record, of which this is the first one that is bad, and says which of them decides
    /// what becomes of it (rule R3). If that is `null`, its row has been written.
    #[cold]
    #[inline(never)]
    fn write_bad(&mut self, record: &Record<'_>, first: BadRecord) -> Unwritten {
        self.roll_back();
        let is_last = first.side == Side::Value.name();
        if first.policy == BadRecordPolicy::Fail || (is_last && first.policy != BadRecordPolicy::Null) {
            return Unwritten::Bad(first);
        }
        let rows = self.rows;
        let mut decisive: Option<BadRecord> = None;
        // From the beginning again, because what is good has to be written too if the row is kept.
        let outcome = self.write(record, |bad, columns| {
            if bad.policy == BadRecordPolicy::Fail {
                return Err(Unwritten::Bad(bad));
            }
            for column in columns {
                column.truncate(rows);
                column.push_null();
            }
            if decisive.as_ref().is_none_or(|known| known.policy < bad.policy) {
                decisive = Some(bad);
            }
            Ok(())
        });
        let unwritten = outcome.err().unwrap_or_else(|| Unwritten::Bad(decisive.unwrap_or(first)));
        if !matches!(unwritten, Unwritten::Bad(BadRecord { policy: BadRecordPolicy::Null, .. })) {
            self.roll_back();
        }
        unwritten
    }

    /// Takes back a row that a panic left unfinished.
    pub fn roll_back(&mut self) {
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
    }

    /// Drops all rows that no cycle has taken, from a buffer whose chunks are handed over.
    pub fn clear(&mut self) {
        assert_eq!(self.on_seal, OnSeal::Begin, "rows that readers can see are never taken back");
        self.closed.clear();
        (self.closed_rows, self.closed_bytes) = (0, 0);
        (self.rows, self.newest_ms) = (0, i64::MIN);
        self.roll_back();
        self.measure();
    }

    /// How many rows no cycle has published.
    pub fn unpublished_rows(&self) -> usize {
        self.closed_rows + self.rows - self.published
    }

    /// At most how many bytes have come since the last [`RowBuffer::measure`]: cheap enough to ask after every record.
    pub fn unmeasured_bytes(&self) -> usize {
        self.unmeasured_bytes
    }

    /// How many bytes the unpublished rows take.
    pub fn measure(&mut self) -> usize {
        // A column of texts has an end before its first row. Without rows it must not count: no cycle would ever free it.
        self.unpublished_bytes = if self.rows == self.published {
            0
        } else {
            self.columns.iter().map(ColumnBuffer::unpublished_bytes).sum()
        };
        self.unmeasured_bytes = 0;
        self.closed_bytes + self.unpublished_bytes
    }

    /// Gives up all unpublished rows as immutable batches, in order. Nothing is copied. With `cut` the chunk in progress
    /// is closed, even if all of it has been published.
    pub fn seal(&mut self, cut: bool) -> Vec<Sealed> {
        if cut && self.rows > 0 {
            self.close_chunk();
        } else if self.rows > self.published {
            match self.on_seal {
                OnSeal::Begin => self.close_chunk(),
                OnSeal::Continue => {
                    self.measure();
                    self.push_sealed(true);
                    self.published = self.rows;
                    self.published_bytes += self.unpublished_bytes;
                    self.unpublished_bytes = 0;
                }
            }
        }
        self.closed_rows = 0;
        self.closed_bytes = 0;
        std::mem::take(&mut self.closed)
    }

    /// Whether one more record of this size and time belongs into a new chunk. Looks at the columns only when payload sizes
    /// alone cannot tell: columns may hold much less than the payloads they were picked from.
    fn is_full_for(&mut self, record_bytes: usize, time_ms: i64) -> bool {
        let over = |rows: &RowBuffer| {
            let chunk_bytes = rows.published_bytes + rows.unpublished_bytes + rows.unmeasured_bytes;
            chunk_bytes + record_bytes > rows.limits.bytes
        };
        if self.rows == 0 {
            return false;
        }
        if self.rows >= self.chunk_rows || time_ms.saturating_sub(self.first_ms) > self.limits.span_ms {
            return true;
        }
        if !over(self) {
            return false;
        }
        self.measure();
        over(self)
    }

    fn close_chunk(&mut self) {
        self.measure();
        self.push_sealed(false);
        self.closed_rows += self.rows - self.published;
        self.closed_bytes += self.unpublished_bytes;
        self.replace_columns();
        self.rows = 0;
        self.published = 0;
        self.published_bytes = 0;
        self.unpublished_bytes = 0;
        self.newest_ms = i64::MIN;
    }

    /// Makes columns for the next chunk. Those of a small chunk that is handed over are used again for the one after
    /// the next, which is when a blink table has let go of it, unless somebody else still reads it: of small chunks there
    /// are many, and making room for them costs as much as filling them.
    fn replace_columns(&mut self) {
        // What readers may hold cannot grow where it is. So the first chunks are small, and each makes room for the next to
        // be twice as large, until they have their full size.
        let is_full = self.rows == self.chunk_rows;
        if is_full {
            self.chunk_rows = self.limits.rows.min(2 * self.chunk_rows);
        }
        let rows = if is_full { self.chunk_rows } else { self.rows };
        let is_small = self.on_seal == OnSeal::Begin && self.unpublished_bytes <= SMALL_CHUNK_BYTES;
        let free = if self.retired.len() < RETIRED { None } else { self.retired.pop_front() };
        let free = free.filter(|_| is_small).and_then(|mut columns| {
            let is_free = columns.iter_mut().all(ColumnBuffer::recycle);
            is_free.then_some(columns)
        });
        let columns = free.unwrap_or_else(|| {
            let fields = self.schema.arrow().fields().iter().zip(&self.columns);
            let successor = |(field, column): (&Arc<Field>, &ColumnBuffer)| {
                ColumnBuffer::of(field, &column.size_hint(rows, is_full))
            };
            fields.map(|pair| successor(pair).expect("the same types made a buffer before")).collect()
        });
        let full = std::mem::replace(&mut self.columns, columns);
        if is_small {
            self.retired.push_back(full);
        }
    }

    /// Adds the chunk in progress, as far as it has come and as of the last measurement, to what the next seal gives up.
    fn push_sealed(&mut self, open: bool) {
        let columns = self.columns.iter_mut().map(ColumnBuffer::publish).collect();
        let batch = Batch::new(Arc::clone(self.schema.arrow()), self.rows, columns);
        let bytes = self.published_bytes + self.unpublished_bytes;
        let (already_published, newest_ms) = (self.published, self.newest_ms);
        self.closed.push(Sealed { batch, already_published, bytes, newest_ms, open });
    }

    /// Writes a row, side by side. What is bad is handed to `on_bad`, with the columns that got nothing of it or only a
    /// part, and goes on if that does not fail.
    fn write(
        &mut self,
        record: &Record<'_>,
        mut on_bad: impl FnMut(BadRecord, &mut [ColumnBuffer]) -> std::result::Result<(), Unwritten>,
    ) -> std::result::Result<(), Unwritten> {
        let (schema, policies, has_registry) = (&self.schema, self.policies, self.has_registry);
        let (common, rest) = self.columns.split_at_mut(schema.key().start);
        for (index, (kind, column)) in schema.common().iter().zip(common).enumerate() {
            if let Err((side, reason)) = write_common(*kind, column, self.partition, record) {
                let bad = BadValue { column: Some(index), path: String::new(), reason };
                on_bad(located(schema, policies, side, 0, bad), slice::from_mut(column))?;
            }
        }
        let (key, rest) = rest.split_at_mut(schema.key().len());
        let (value, notes) = rest.split_at_mut(schema.value().len());
        if let Err(refused) = self.key.decode(record.key, key) {
            let bad = bad_value(refused, Side::Key, has_registry)?;
            on_bad(located(schema, policies, Side::Key.name(), schema.key().start, bad), key)?;
        }
        if let Err(refused) = self.value.decode(record.value, value) {
            let bad = bad_value(refused, Side::Value, has_registry)?;
            on_bad(located(schema, policies, Side::Value.name(), schema.value().start, bad), value)?;
        }
        for (note, column) in schema.notes().iter().zip(notes) {
            write_note(*note, column, record);
        }
        Ok(())
    }
}

/// What is bad about a payload that has been refused, unless that is not known before its schema is.
#[cold]
fn bad_value(refused: Refused, side: Side, has_registry: bool) -> std::result::Result<BadValue, Unwritten> {
    match refused {
        Refused::Bad(bad) => Ok(bad),
        Refused::UnknownSchema(id) if has_registry => Err(Unwritten::Waits(SchemaId { side, id })),
        Refused::UnknownSchema(id) => Ok(BadValue {
            column: None,
            path: String::new(),
            reason: format!(
                "schema id {id} is not known; add it with karrow_spec_add_schema, or set schema.registry.url"
            ),
        }),
    }
}

/// A value that is bad, whose column counts from the first one of its side.
#[cold]
fn located(
    schema: &TableSchema,
    policies: Policies,
    side: &'static str,
    first_column: usize,
    bad: BadValue,
) -> BadRecord {
    let column = bad.column.map(|index| schema.arrow().field(first_column + index).name().clone());
    let path = column.as_ref().filter(|_| !bad.path.is_empty()).map(|column| format!("{column}{}", bad.path));
    BadRecord { policy: policies.of(side), side, column, path, reason: bad.reason }
}

#[inline]
fn write_common(
    kind: CommonColumn,
    column: &mut ColumnBuffer,
    partition: i32,
    record: &Record<'_>,
) -> std::result::Result<(), (&'static str, String)> {
    match kind {
        CommonColumn::Partition => column.push_i32(partition),
        CommonColumn::Offset => column.push_i64(record.offset),
        CommonColumn::Timestamp(unit) => match record.timestamp {
            RecordTime::None => column.push_null(),
            RecordTime::Create(ms) | RecordTime::LogAppend(ms) => column.push_i64(timestamp(ms, unit)?),
        },
        CommonColumn::ReceiveTime => column.push_i64(record.receive_time_ns),
        CommonColumn::KeyBytes => push_size(column, record.key, "key")?,
        CommonColumn::ValueBytes => push_size(column, record.value, "value")?,
        CommonColumn::TimestampType => match record.timestamp {
            RecordTime::None => column.push_null(),
            RecordTime::Create(_) => column.push_str(CREATE_TIME),
            RecordTime::LogAppend(_) => column.push_str(LOG_APPEND_TIME),
        },
        CommonColumn::LeaderEpoch => match record.leader_epoch {
            Some(epoch) => column.push_i32(epoch),
            None => column.push_null(),
        },
        CommonColumn::Headers => {
            for header in record.headers {
                let key = std::str::from_utf8(header.key)
                    .map_err(|_| ("headers", "expected a header key in UTF-8, found other bytes".to_owned()))?;
                let item = column.list_items();
                let members = item.struct_members();
                members[0].push_str(key);
                match header.value {
                    Some(value) => members[1].push_bytes(value),
                    None => members[1].push_null(),
                }
                item.end_struct();
            }
            column.end_list();
        }
    }
    Ok(())
}

fn write_note(note: Note, column: &mut ColumnBuffer, record: &Record<'_>) {
    match note {
        Note::Offset => column.push_i64(record.offset),
        Note::Time => match record.timestamp {
            RecordTime::None => column.push_null(),
            RecordTime::Create(ms) | RecordTime::LogAppend(ms) => column.push_i64(ms),
        },
        Note::Bytes => column.push_i64(record.payload_bytes()),
        Note::Key => push_bytes(column, record.key),
        Note::Value => push_bytes(column, record.value),
        Note::Headers => push_headers(column, record.headers),
    }
}

/// Adds bytes that may be null to a binary column.
pub fn push_bytes(column: &mut ColumnBuffer, value: Option<&[u8]>) {
    match value {
        Some(value) => column.push_bytes(value),
        None => column.push_null(),
    }
}

/// Adds headers, whatever is in their keys, to a column of [`crate::schema::binary_headers`].
pub fn push_headers(column: &mut ColumnBuffer, headers: &[Header<'_>]) {
    for header in headers {
        let item = column.list_items();
        let members = item.struct_members();
        members[0].push_bytes(header.key);
        push_bytes(&mut members[1], header.value);
        item.end_struct();
    }
    column.end_list();
}

fn timestamp(ms: i64, unit: TimeUnit) -> std::result::Result<i64, (&'static str, String)> {
    if unit == TimeUnit::Millisecond {
        return Ok(ms);
    }
    ms.checked_mul(1_000_000).ok_or_else(|| {
        let reason = format!(
            "{ms} ms since 1970 is outside the range of {}; set karrow.timestamp.column.type to timestamp[ms, UTC]",
            types::name(&types::timestamp(unit, Some("UTC")))
        );
        ("timestamp", reason)
    })
}

fn push_size(
    column: &mut ColumnBuffer,
    payload: Option<&[u8]>,
    side: &'static str,
) -> std::result::Result<(), (&'static str, String)> {
    match payload {
        None => column.push_null(),
        Some(payload) => {
            let size = i32::try_from(payload.len())
                .map_err(|_| (side, format!("{} bytes are more than an int32 can say", payload.len())))?;
            column.push_i32(size);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Spec;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int32Type, Int64Type, TimestampNanosecondType};

    const NS: CommonColumn = CommonColumn::Timestamp(TimeUnit::Nanosecond);

    fn buffer(common: &[CommonColumn], limits: ChunkLimits, on_seal: OnSeal) -> RowBuffer {
        let spec = |name: &str, type_name: &str| Spec::Simple {
            column: Some(name.to_owned()),
            type_name: Some(type_name.to_owned()),
        };
        let (keys, key) = spec("K", "utf8").resolve(Side::Key, &Default::default()).unwrap();
        let (values, value) = spec("V", "int64").resolve(Side::Value, &Default::default()).unwrap();
        let common = common.iter().map(|kind| (*kind, kind.key().to_owned())).collect();
        let schema = Arc::new(TableSchema::new("t", common, keys, values).unwrap());
        RowBuffer::new(schema, 3, key, value, limits, on_seal).unwrap()
    }

    fn record<'a>(offset: i64, key: &'a [u8], value: &'a [u8]) -> Record<'a> {
        Record {
            offset,
            timestamp: RecordTime::Create(1_700_000_000_123),
            receive_time_ns: 5,
            leader_epoch: Some(7),
            key: Some(key),
            value: Some(value),
            headers: &[],
        }
    }

    /// What is bad about a record.
    fn refuse(rows: &mut RowBuffer, record: &Record<'_>) -> BadRecord {
        match rows.append(record) {
            Err(Unwritten::Bad(bad)) => bad,
            other => panic!("it is not bad: {other:?}"),
        }
    }

    #[test]
    fn a_bad_record_leaves_no_trace_in_any_column() {
        let mut rows = buffer(&[CommonColumn::Offset, CommonColumn::Headers], ChunkLimits::default(), OnSeal::Begin);
        let headers = [Header { key: b"h", value: Some(b"1") }];
        rows.append(&record(0, b"good", &1_i64.to_be_bytes())).unwrap();
        let bad = refuse(&mut rows, &Record { headers: &headers, ..record(1, b"bad", b"short") });
        assert_eq!(bad.side, "value");
        assert_eq!(
            bad.into_error("orders", 3, 1).message(),
            "column V: expected 8 bytes for int64, found 5 bytes, at orders[3]@1 (value)"
        );
        let bad = refuse(&mut rows, &record(2, b"\xff", &1_i64.to_be_bytes()));
        assert_eq!((bad.side, bad.column.as_deref()), ("key", Some("K")));
        rows.append(&record(3, b"good too", &2_i64.to_be_bytes())).unwrap();
        let sealed = rows.seal(false);
        let batch = sealed[0].batch.arrays();
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[0, 3]);
        assert_eq!(batch.column(1).as_list::<i32>().values().len(), 0);
        assert_eq!(batch.column(3).as_primitive::<Int64Type>().values(), &[1, 2]);
    }

    #[test]
    fn every_common_column_says_what_the_record_says() {
        let all = [
            CommonColumn::Partition,
            CommonColumn::Offset,
            NS,
            CommonColumn::ReceiveTime,
            CommonColumn::KeyBytes,
            CommonColumn::ValueBytes,
            CommonColumn::Headers,
            CommonColumn::TimestampType,
            CommonColumn::LeaderEpoch,
        ];
        let mut rows = buffer(&all, ChunkLimits::default(), OnSeal::Continue);
        let headers = [
            Header { key: b"a", value: Some(b"1") },
            Header { key: b"a", value: None },
            Header { key: b"", value: Some(b"") },
        ];
        let eight = 9_i64.to_be_bytes();
        rows.append(&Record { headers: &headers, ..record(10, b"", &eight) }).unwrap();
        rows.append(&Record { timestamp: RecordTime::None, leader_epoch: None, key: None, ..record(11, b"", &eight) })
            .unwrap();
        rows.append(&Record { timestamp: RecordTime::LogAppend(-1), ..record(12, b"xy", &eight) }).unwrap();
        let sealed = rows.seal(false);
        let batch = sealed[0].batch.arrays();
        let ints = |index: usize| batch.column(index).as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
        assert_eq!(ints(0), [Some(3); 3]);
        let times: Vec<_> = batch.column(2).as_primitive::<TimestampNanosecondType>().iter().collect();
        assert_eq!(times, [Some(1_700_000_000_123_000_000), None, Some(-1_000_000)]);
        assert_eq!(batch.column(3).as_primitive::<TimestampNanosecondType>().value(0), 5);
        assert_eq!(ints(4), [Some(0), None, Some(2)]);
        assert_eq!(ints(5), [Some(8); 3]);
        let lists = batch.column(6).as_list::<i32>();
        assert_eq!((lists.value_length(0), lists.value_length(1), lists.null_count()), (3, 0, 0));
        let first = lists.value(0);
        let pairs = first.as_struct();
        assert_eq!(pairs.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), Some("a"), Some("")]);
        let values: Vec<_> = pairs.column(1).as_binary::<i32>().iter().collect();
        assert_eq!(values, [Some(&b"1"[..]), None, Some(b"")]);
        let kinds: Vec<_> = batch.column(7).as_string::<i32>().iter().collect();
        assert_eq!(kinds, [Some("CreateTime"), None, Some("LogAppendTime")]);
        assert_eq!(ints(8), [Some(7), None, Some(7)]);
        for column in batch.columns() {
            column.to_data().validate_full().unwrap();
        }
    }

    #[test]
    fn a_timestamp_outside_the_nanosecond_range_is_bad() {
        let far = Record { timestamp: RecordTime::Create(9_223_372_036_855), ..record(4, b"", &[0; 8]) };
        let mut rows = buffer(&[NS], ChunkLimits::default(), OnSeal::Continue);
        let bad = refuse(&mut rows, &far);
        assert_eq!(
            bad.into_error("t", 3, 4).message(),
            "column timestamp: 9223372036855 ms since 1970 is outside the range of timestamp[ns, UTC]; \
             set karrow.timestamp.column.type to timestamp[ms, UTC], at t[3]@4 (timestamp)"
        );
        let edge = Record { timestamp: RecordTime::Create(9_223_372_036_854), ..far };
        rows.append(&edge).unwrap();
        let mut rows = buffer(&[CommonColumn::Timestamp(TimeUnit::Millisecond)], ChunkLimits::default(), OnSeal::Begin);
        rows.append(&far).unwrap();
    }

    #[test]
    fn a_header_key_that_is_not_utf8_is_bad() {
        let mut rows = buffer(&[CommonColumn::Headers], ChunkLimits::default(), OnSeal::Begin);
        let headers = [Header { key: b"ok", value: None }, Header { key: b"\xff", value: None }];
        let bad = refuse(&mut rows, &Record { headers: &headers, ..record(0, b"", &[0; 8]) });
        assert_eq!((bad.side, bad.column.as_deref()), ("headers", Some("headers")));
    }

    use BadRecordPolicy::{DeadLetter, Fail, Null, Skip};

    /// Columns headers, timestamp, K and V, and these policies.
    fn lenient(policies: Policies) -> RowBuffer {
        buffer(&[CommonColumn::Headers, NS], ChunkLimits::default(), OnSeal::Continue).with_policies(policies)
    }

    #[test]
    fn the_strongest_policy_of_all_bad_sides_decides_and_among_equals_the_first_side() {
        let far = RecordTime::Create(i64::MAX);
        let good_key: &[u8] = b"k";
        for common in [Null, Skip, DeadLetter, Fail] {
            for key in [Null, Skip, DeadLetter, Fail] {
                for value in [Null, Skip, DeadLetter, Fail] {
                    // Which sides are bad, as bits.
                    for bad in 1..8 {
                        let is_bad = |bit: i32| bad & bit != 0;
                        let sides = [(1, "timestamp", common), (2, "key", key), (4, "value", value)];
                        let strongest = sides.iter().filter(|side| is_bad(side.0)).map(|side| side.2).max().unwrap();
                        let decisive = sides.iter().find(|side| is_bad(side.0) && side.2 == strongest).unwrap();
                        let mut rows = lenient(Policies { key, value, common });
                        let record = Record {
                            timestamp: if is_bad(1) { far } else { RecordTime::None },
                            key: Some(if is_bad(2) { b"\xff" } else { good_key }),
                            value: Some(if is_bad(4) { b"short" } else { &[0; 8] }),
                            ..record(0, b"", b"")
                        };
                        let found = refuse(&mut rows, &record);
                        assert_eq!((found.side, found.policy), (decisive.1, strongest), "{common:?} {key:?} {value:?}");
                        assert_eq!(rows.unpublished_rows(), usize::from(strongest == Null));
                    }
                }
            }
        }
    }

    #[test]
    fn a_bad_side_that_may_be_null_is_null_and_the_rest_of_the_row_is_as_it_is() {
        let mut rows = lenient(Policies { key: Null, value: Null, common: Null });
        let eight = 7_i64.to_be_bytes();
        let good = [Header { key: b"a", value: None }, Header { key: b"b", value: Some(b"1") }];
        // The first of them is in the column already when the second turns out to be bad.
        let bad = [good[0], Header { key: b"\xff", value: None }];
        let far = RecordTime::Create(i64::MAX);
        rows.append(&Record { headers: &good, ..record(0, b"first", &eight) }).unwrap();
        for (side, record) in [
            ("headers", Record { headers: &bad, ..record(1, b"second", &eight) }),
            ("timestamp", Record { headers: &good, timestamp: far, ..record(2, b"third", &eight) }),
            ("key", record(3, b"\xff", &eight)),
            ("value", record(4, b"fifth", b"short")),
            ("headers", Record { headers: &bad, timestamp: far, ..record(5, b"\xff", b"short") }),
        ] {
            let found = refuse(&mut rows, &record);
            assert_eq!((found.side, found.policy), (side, Null));
        }
        rows.append(&Record { headers: &good, ..record(6, b"last", &eight) }).unwrap();
        assert!(rows.measure() > 0);
        let sealed = rows.seal(false);
        let batch = sealed[0].batch.arrays();
        batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
        let nulls = |column: usize| (0..7).map(|row| batch.column(column).is_null(row)).collect::<Vec<_>>();
        assert_eq!(nulls(0), [false, true, false, false, false, true, false]);
        assert_eq!(nulls(1), [false, false, true, false, false, true, false]);
        let headers = batch.column(0).as_list::<i32>();
        let lengths: Vec<_> = (0..7).map(|row| headers.value_length(row)).collect();
        assert_eq!(lengths, [2, 0, 2, 0, 0, 0, 2]);
        let keys: Vec<_> = batch.column(2).as_string::<i32>().iter().collect();
        assert_eq!(keys, [Some("first"), Some("second"), Some("third"), None, Some("fifth"), None, Some("last")]);
        let values: Vec<_> = batch.column(3).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(values, [Some(7), Some(7), Some(7), Some(7), None, None, Some(7)]);
    }

    #[test]
    fn rows_with_nulls_for_what_is_bad_count_like_others() {
        let limits = ChunkLimits { rows: 4, ..ChunkLimits::default() };
        let policies = Policies { value: Null, ..Policies::default() };
        let mut rows = buffer(&[CommonColumn::Offset], limits, OnSeal::Begin).with_policies(policies);
        for offset in 0..10 {
            let value: &[u8] = if offset % 2 == 0 { b"bad" } else { &[0; 8] };
            assert_eq!(rows.append(&record(offset, b"k", value)).is_err(), offset % 2 == 0);
        }
        assert_eq!((rows.unpublished_rows(), rows.unmeasured_bytes() > 0), (10, true));
        let sealed: Vec<_> = rows.seal(false).iter().map(|sealed| sealed.batch.num_rows()).collect();
        assert_eq!(sealed, [4, 4, 2]);
    }

    #[test]
    fn policies_have_names_and_a_default() {
        for (name, policy) in BadRecordPolicy::NAMES {
            assert_eq!(BadRecordPolicy::parse(name), Some(policy));
        }
        assert_eq!(BadRecordPolicy::parse("FAIL"), None);
        let default = Policies::default();
        assert_eq!((default.key, default.value, default.common), (Fail, Fail, Fail));
        assert!(!default.make_dead_letters());
        for (key, value, common) in [(DeadLetter, Fail, Fail), (Fail, DeadLetter, Fail), (Fail, Fail, DeadLetter)] {
            assert!(Policies { key, value, common }.make_dead_letters());
        }
    }

    #[test]
    fn a_chunk_in_progress_grows_across_seals_without_being_copied() {
        let mut rows =
            buffer(&[CommonColumn::Offset], ChunkLimits { rows: 100, ..ChunkLimits::default() }, OnSeal::Continue);
        let mut starts = Vec::new();
        for offset in 0..30 {
            rows.append(&record(offset, b"k", &offset.to_be_bytes())).unwrap();
            assert_eq!(rows.unpublished_rows(), 1);
            let sealed = rows.seal(false);
            assert_eq!((sealed.len(), sealed[0].open), (1, true));
            assert_eq!(sealed[0].already_published, usize::try_from(offset).unwrap());
            starts.push(sealed[0].batch.arrays().column(0).to_data().buffers()[0].as_ptr());
        }
        assert!(starts.iter().all(|start| *start == starts[0]));
        assert!(rows.seal(false).is_empty());
    }

    #[test]
    fn the_first_chunks_are_small_so_that_none_has_to_grow() {
        let mut rows =
            buffer(&[CommonColumn::Offset], ChunkLimits { rows: 1000, ..ChunkLimits::default() }, OnSeal::Continue);
        let mut chunks: Vec<(usize, Vec<*const u8>)> = Vec::new();
        for offset in 0..3000 {
            rows.append(&record(offset, b"key", &offset.to_be_bytes())).unwrap();
            for sealed in rows.seal(false) {
                let address = |column: &arrow_array::ArrayRef| column.to_data().buffers().last().unwrap().as_ptr();
                let addresses = sealed.batch.arrays().columns().iter().map(address).collect();
                if sealed.already_published == 0 {
                    chunks.push((1, addresses));
                } else {
                    let last = chunks.last_mut().unwrap();
                    assert_eq!(last.1, addresses);
                    last.0 = sealed.batch.num_rows();
                }
            }
        }
        let rows: Vec<usize> = chunks.iter().map(|(rows, _)| *rows).collect();
        assert_eq!(rows, [64, 128, 256, 512, 1000, 1000, 40]);
    }

    #[test]
    fn memory_of_small_chunks_is_used_again_unless_it_is_still_read() {
        let mut rows = buffer(&[CommonColumn::Offset, CommonColumn::Headers], ChunkLimits::default(), OnSeal::Begin);
        let headers = [Header { key: b"h", value: Some(b"1") }];
        let mut cycle = |offset: i64| {
            for (at, headers) in [(0, &headers[..]), (1, &[])] {
                let offset = offset + at;
                rows.append(&Record { headers, ..record(offset, b"k", &offset.to_be_bytes()) }).unwrap();
            }
            rows.seal(false).pop().unwrap().batch
        };
        let address = |batch: &Batch| batch.arrays().column(0).to_data().buffers()[0].as_ptr();
        let check = |batch: &Batch, offset: i64| {
            let arrays = batch.arrays();
            arrays.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
            assert_eq!(arrays.column(0).as_primitive::<Int64Type>().values(), &[offset, offset + 1]);
            let lists = arrays.column(1).as_list::<i32>();
            assert_eq!((lists.value_length(0), lists.value_length(1), lists.values().len()), (1, 0, 1));
        };
        let mut addresses = Vec::new();
        let mut shown = cycle(0);
        for number in 1..9 {
            addresses.push(address(&shown));
            shown = cycle(10 * number);
            check(&shown, 10 * number);
        }
        assert_eq!(addresses[..3], addresses[3..6]);
        // What somebody reads is left alone.
        let kept: Vec<Batch> = (10..20).map(|number| cycle(10 * number)).collect();
        kept.iter().zip(10..20).for_each(|(batch, number)| check(batch, 10 * number));
    }

    #[test]
    fn chunks_close_when_full_of_rows_or_bytes() {
        let limits = ChunkLimits { rows: 4, bytes: 1000, ..ChunkLimits::default() };
        let mut rows = buffer(&[CommonColumn::Offset], limits, OnSeal::Begin);
        for offset in 0..10 {
            rows.append(&record(offset, b"k", &[0; 8])).unwrap();
        }
        let big = vec![b'x'; 940];
        rows.append(&record(10, &big, &[0; 8])).unwrap();
        rows.append(&record(11, &big, &[0; 8])).unwrap();
        let huge = vec![b'x'; 5000];
        rows.append(&record(12, &huge, &[0; 8])).unwrap();
        assert!(rows.measure() > 6800);
        let sealed: Vec<_> = rows.seal(false).iter().map(|sealed| sealed.batch.num_rows()).collect();
        assert_eq!(sealed, [4, 4, 2, 1, 1, 1]);
        assert_eq!(rows.unpublished_rows(), 0);
    }

    #[test]
    fn without_rows_nothing_is_held() {
        for on_seal in [OnSeal::Begin, OnSeal::Continue] {
            let mut rows = buffer(&[CommonColumn::Headers], ChunkLimits::default(), on_seal);
            assert_eq!(rows.measure(), 0);
            refuse(&mut rows, &record(0, b"k", b"bad"));
            assert_eq!(rows.measure(), 0);
            rows.append(&record(1, b"k", &[0; 8])).unwrap();
            assert!(rows.measure() > 0);
            for cut in [false, true] {
                rows.seal(cut);
                assert_eq!(rows.measure(), 0, "{on_seal:?} {cut}");
            }
        }
    }
}
