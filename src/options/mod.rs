//! What a caller says about what to consume, and what follows from it before anything is asked of a broker.
//!
//! [`Options`] collects, [`Options::plan`] checks and settles: which keys are the library's and which Kafka's, which
//! columns there are, where each partition starts. A [`Plan`] holds nothing that can still be wrong by itself.
//!
//! [`columns`] is what follows for the columns. The other modules are the tables of keys: [`java`] translates those of the Java client, [`librdkafka`] has those
//! that may not be set, [`registry`] those of the schema registry's client, and [`secrets`] says which may not be shown.

pub mod columns;
mod jaas;
pub mod java;
pub mod librdkafka;
mod pem;
pub mod registry;
pub mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_schema::{DataType, TimeUnit};

use crate::error::{Error, Result};
use crate::format::{ColumnProperties, Side, Spec};
use crate::log::Log;
use crate::registry::{Cancel, Client, Patience, Settings};
use crate::rows::{BadRecordPolicy, Policies};
use crate::schema::{CommonColumn, TableSchema};
use crate::table::retention::{Retention, TableType};
use crate::types;
use columns::{Columns, Layout};

/// A start offset: the oldest record there is.
pub const KARROW_SEEK_TO_BEGINNING: i64 = -1;
/// A start offset, and the default: the committed offset of the caller's `group.id`, if there is one; else what
/// `auto.offset.reset` says, which is the end of the log unless set.
pub const KARROW_DONT_SEEK: i64 = -2;
/// A start offset: the end of the log as it is when open returns. A record produced after that is never missed.
pub const KARROW_SEEK_TO_END: i64 = -3;

/// Where reading starts (rule O1). The numbers are Deephaven's, not librdkafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The oldest record there is: −1.
    Beginning,
    /// The group's committed offset, else what `auto.offset.reset` says: −2.
    DontSeek,
    /// The end of the log as it is when open returns: −3.
    End,
    /// This offset.
    Offset(i64),
    /// The first record whose timestamp is this or later, in ms since 1970-01-01 UTC; the end if there is none yet (O6).
    Time(i64),
}

/// Where reading ends (rule O7), as of open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Before this offset.
    Offset(i64),
    /// Before the first record whose timestamp is this or later, in ms since 1970-01-01 UTC; at the end of the log if there
    /// is none.
    Time(i64),
    /// At the end of the log.
    End,
}

impl Stop {
    /// Before an offset of 0 or more.
    pub fn from_offset(offset: i64) -> Result<Stop> {
        if offset < 0 {
            return Err(Error::argument("offset", format!("{offset} is negative; give the offset to stop before")));
        }
        Ok(Stop::Offset(offset))
    }

    /// Before a time, in ms since 1970-01-01 UTC.
    pub fn from_time(timestamp_ms: i64) -> Result<Stop> {
        check_time(timestamp_ms).map(Stop::Time)
    }
}

/// Kafka looks up no time before 1970.
fn check_time(timestamp_ms: i64) -> Result<i64> {
    if timestamp_ms < 0 {
        let message = format!("{timestamp_ms} is negative; give milliseconds since 1970-01-01 UTC");
        return Err(Error::argument("timestamp_ms", message));
    }
    Ok(timestamp_ms)
}

impl Start {
    /// At a time, in ms since 1970-01-01 UTC.
    pub fn from_time(timestamp_ms: i64) -> Result<Start> {
        check_time(timestamp_ms).map(Start::Time)
    }

    /// The start that a number stands for: an offset, or one of the constants −1, −2, −3.
    pub fn from_number(number: i64) -> Result<Start> {
        match number {
            KARROW_SEEK_TO_BEGINNING => Ok(Start::Beginning),
            KARROW_DONT_SEEK => Ok(Start::DontSeek),
            KARROW_SEEK_TO_END => Ok(Start::End),
            0.. => Ok(Start::Offset(number)),
            _ => Err(Error::argument(
                "offset",
                format!(
                    "{number} is neither an offset (0 or more) nor SEEK_TO_BEGINNING (-1), DONT_SEEK (-2) \
                     or SEEK_TO_END (-3)"
                ),
            )),
        }
    }
}

/// Where to go when there is no offset to start from, or the one there is lies outside the log (rules O3, O4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetReset {
    /// `earliest`: the oldest record.
    Earliest,
    /// `latest`, the default: the end of the log.
    Latest,
    /// `error` or `none`: nowhere; the partition fails.
    Fail,
}

impl OffsetReset {
    fn parse(value: &str) -> Option<OffsetReset> {
        match value {
            "earliest" | "smallest" | "beginning" => Some(OffsetReset::Earliest),
            "latest" | "largest" | "end" => Some(OffsetReset::Latest),
            "error" | "none" => Some(OffsetReset::Fail),
            _ => None,
        }
    }
}

/// Everything a caller can say. Later calls win over earlier ones for the same thing.
#[derive(Clone)]
pub struct Options {
    topic: String,
    properties: BTreeMap<String, String>,
    partitions: Option<BTreeSet<i32>>,
    start: BTreeMap<i32, Start>,
    start_all: Start,
    stop: BTreeMap<i32, Stop>,
    stop_all: Option<Stop>,
    key: Spec,
    value: Spec,
    table_type: TableType,
    log: Option<Log>,
}

/// What follows from the options.
#[derive(Clone)]
pub struct Plan {
    /// The topic.
    pub topic: Arc<str>,
    /// Kafka's properties, as the caller gave them.
    pub kafka: BTreeMap<String, String>,
    /// Which partitions; `None`: all.
    pub partitions: Option<BTreeSet<i32>>,
    /// Where single partitions start.
    pub start: BTreeMap<i32, Start>,
    /// Where all others start.
    pub start_all: Start,
    /// Where single partitions stop.
    pub stop: BTreeMap<i32, Stop>,
    /// Where all others stop; `None`: nowhere.
    pub stop_all: Option<Stop>,
    /// What to do without a usable offset.
    pub offset_reset: OffsetReset,
    /// How often published offsets are committed without being told to; `None`: never.
    pub auto_commit: Option<Duration>,
    /// How often the topic is looked at for new partitions, and for whether it still is the same; `None`: never.
    pub discovery: Option<Duration>,
    /// What to keep of the rows.
    pub retention: Retention,
    /// Which columns there are to be.
    pub columns: Columns,
    /// The columns and what fills them; `None`: a schema registry has to be asked first.
    pub layout: Option<Layout>,
    /// What becomes of bad records.
    pub bad_records: Policies,
    /// Bounds fetch queues, everything decoded but not yet published, and dead letters that nobody has taken, together.
    pub memory_budget_bytes: usize,
    /// How many threads decode; `None`: as many as there are cores, at most one a partition.
    pub ingest_threads: Option<usize>,
    /// How to ask the schema registry; `None` if none is named.
    pub registry: Option<Arc<Settings>>,
    /// How long a poll that has something waits for more.
    pub linger: Duration,
    /// Where librdkafka's and karrow's messages go.
    pub log: Option<Log>,
}

/// The library's keys that name columns or say something about them, without `karrow.`; `deephaven.` works as well.
const COLUMN_KEYS: [&str; 13] = [
    "partition.column.name",
    "offset.column.name",
    "timestamp.column.name",
    "receivetime.column.name",
    "keybytes.column.name",
    "valuebytes.column.name",
    "key.column.name",
    "key.column.type",
    "value.column.name",
    "value.column.type",
    "headers.column.name",
    "timestamptype.column.name",
    "leaderepoch.column.name",
];

const TIMESTAMP_TYPE: &str = "timestamp.column.type";
const MEMORY_BUDGET: &str = "memory.budget.bytes";
const INGEST_THREADS: &str = "ingest.threads";
const POLL_LINGER: &str = "poll.linger.ms";
const DISCOVERY: &str = "partition.discovery.ms";
const APPEND_MAX_BYTES: &str = "append.max.bytes";
const RING_MAX_BYTES: &str = "ring.max.bytes";
const RING_MAX_AGE: &str = "ring.max.age.ms";
const BAD_RECORDS: &str = "bad.record.policy";
const BAD_KEYS: &str = "key.bad.record.policy";
const BAD_VALUES: &str = "value.bad.record.policy";
const UNKNOWN_ID_RETRY: &str = "registry.unknown.id.retry.ms";

/// The library's other keys, which Deephaven does not have.
const OWN_KEYS: [&str; 12] = [
    TIMESTAMP_TYPE,
    MEMORY_BUDGET,
    INGEST_THREADS,
    POLL_LINGER,
    DISCOVERY,
    APPEND_MAX_BYTES,
    RING_MAX_BYTES,
    RING_MAX_AGE,
    BAD_RECORDS,
    BAD_KEYS,
    BAD_VALUES,
    UNKNOWN_ID_RETRY,
];

/// Properties of the Java client that karrow reads itself: they tell a simple spec its type.
const DESERIALIZER_KEYS: [&str; 2] = ["key.deserializer", "value.deserializer"];

const MIN_MEMORY_BUDGET: usize = 1024 * 1024;
const DEFAULT_MEMORY_BUDGET: usize = 256 * 1024 * 1024;
const DEFAULT_DISCOVERY_MS: usize = 30_000;
const DEFAULT_UNKNOWN_ID_RETRY_MS: usize = 5000;
/// What librdkafka and Kafka's own client have.
const DEFAULT_AUTO_COMMIT_MS: u64 = 5000;

impl fmt::Debug for Options {
    /// Without secrets, and without what could hold some.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("topic", &self.topic)
            .field("properties", &secrets::Shown(&self.properties))
            .field("partitions", &self.partitions)
            .field("start", &self.start)
            .field("start_all", &self.start_all)
            .field("stop", &self.stop)
            .field("stop_all", &self.stop_all)
            .field("key", &self.key)
            .field("value", &self.value)
            .field("table_type", &self.table_type)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Options for a topic, everything else at its default: all partitions, new records only, both specs from
    /// properties, blink.
    pub fn new(topic: &str) -> Result<Options> {
        if topic.is_empty() {
            return Err(Error::argument("topic", "the name is empty; give the name of a Kafka topic"));
        }
        Ok(Options {
            topic: topic.to_owned(),
            properties: BTreeMap::new(),
            partitions: None,
            start: BTreeMap::new(),
            start_all: Start::DontSeek,
            stop: BTreeMap::new(),
            stop_all: None,
            key: Spec::FROM_PROPERTIES,
            value: Spec::FROM_PROPERTIES,
            table_type: TableType::Blink,
            log: None,
        })
    }

    /// Sets a property, Kafka's or the library's; `None` sets it back to its default.
    pub fn set(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        check_key(key, value)?;
        if let Some(other) = other_spelling(key)
            && value.is_some()
            && self.properties.contains_key(&other)
        {
            return Err(Error::argument(key, format!("{other} is set already, and both mean the same")));
        }
        match value {
            Some(value) => self.properties.insert(key.to_owned(), value.to_owned()),
            None => self.properties.remove(key),
        };
        Ok(())
    }

    /// Reads only these partitions (rule P2). Order and duplicates do not matter.
    pub fn set_partitions(&mut self, ids: &[i32]) -> Result<()> {
        if ids.is_empty() {
            return Err(Error::argument("ids", "the list is empty; name at least one partition, or set none for all"));
        }
        if let Some(id) = ids.iter().find(|id| **id < 0) {
            return Err(Error::argument("ids", format!("{id} is not a partition; partitions count from 0")));
        }
        self.partitions = Some(ids.iter().copied().collect());
        Ok(())
    }

    /// Where a partition starts (`None`: all that have no entry of their own).
    pub fn set_start(&mut self, partition: Option<i32>, start: Start) -> Result<()> {
        match check_partition(partition)? {
            None => self.start_all = start,
            Some(id) => {
                self.start.insert(id, start);
            }
        }
        Ok(())
    }

    /// Where a partition stops (`None`: all that have no entry of their own). What stops everywhere is a bounded read: it
    /// ends by itself, and partitions that the topic gets later are not read.
    pub fn set_stop(&mut self, partition: Option<i32>, stop: Stop) -> Result<()> {
        match check_partition(partition)? {
            None => self.stop_all = Some(stop),
            Some(id) => {
                self.stop.insert(id, stop);
            }
        }
        Ok(())
    }

    /// How one side of every record becomes columns.
    pub fn set_spec(&mut self, side: Side, spec: Spec) {
        match side {
            Side::Key => self.key = spec,
            Side::Value => self.value = spec,
        }
    }

    /// What the table keeps.
    pub fn set_table_type(&mut self, table_type: TableType) -> Result<()> {
        if let TableType::Ring { capacity: ..=0 } = table_type {
            return Err(Error::argument("capacity", "a ring keeps at least 1 row of each partition"));
        }
        self.table_type = table_type;
        Ok(())
    }

    /// Where messages go.
    pub fn set_log(&mut self, log: Option<Log>) {
        self.log = log;
    }

    /// The table's columns. Asks nobody, unless a spec names a subject of a schema registry: that one is then asked until
    /// the deadline (`None`: for ever).
    pub fn schema(&self, deadline: Option<Instant>) -> Result<Arc<TableSchema>> {
        let columns = self.columns()?;
        if let Some(layout) = columns.known()? {
            return Ok(layout.schema);
        }
        let client = Client::new(Arc::new(self.needed_registry(&columns)?))?;
        let cancel = Cancel::default();
        let patience = Patience { deadline, cancel: &cancel };
        let layout = columns.layout(&|subject, version| Ok(client.by_subject(subject, version, patience)?))?;
        Ok(layout.schema)
    }

    /// Checks everything that can be checked without a broker.
    pub fn plan(&self) -> Result<Plan> {
        let kafka = self.kafka_properties()?;
        let columns = self.columns()?;
        let layout = columns.known()?;
        let registry = if layout.is_some() { self.registry()? } else { Some(self.needed_registry(&columns)?) };
        if registry.is_none()
            && let Some(side) = columns.side_without_schemas()
        {
            let message = format!(
                "not set, and the {} says the ids of schemas, of which none is known; set it, add schemas with \
                 karrow_spec_add_schema, or set the framing of avro to bare, the protocol of protobuf to raw",
                side.name()
            );
            return Err(Error::argument("schema.registry.url", message));
        }
        let offset_reset = match self.properties.get("auto.offset.reset") {
            None => OffsetReset::Latest,
            Some(value) => OffsetReset::parse(value).ok_or_else(|| {
                Error::argument("auto.offset.reset", format!("'{value}' is not earliest, latest, error or none"))
            })?,
        };
        let memory_budget_bytes = self.number(MEMORY_BUDGET)?.unwrap_or(DEFAULT_MEMORY_BUDGET);
        if memory_budget_bytes < MIN_MEMORY_BUDGET {
            let message = format!("{memory_budget_bytes} bytes are too few; give at least {MIN_MEMORY_BUDGET}");
            return Err(Error::argument(&format!("karrow.{MEMORY_BUDGET}"), message));
        }
        let ingest_threads = self.number(INGEST_THREADS)?;
        if ingest_threads == Some(0) {
            return Err(Error::argument(&format!("karrow.{INGEST_THREADS}"), "at least 1 thread has to decode"));
        }
        Ok(Plan {
            topic: self.topic.as_str().into(),
            kafka,
            partitions: self.partitions.clone(),
            start: self.start.clone(),
            start_all: self.start_all,
            stop: self.stop.clone(),
            stop_all: self.stop_all,
            offset_reset,
            auto_commit: self.auto_commit()?,
            discovery: match self.number(DISCOVERY)?.unwrap_or(DEFAULT_DISCOVERY_MS) {
                0 => None,
                interval_ms => Some(millis(interval_ms)),
            },
            retention: self.retention()?,
            layout,
            columns,
            bad_records: self.bad_records()?,
            memory_budget_bytes,
            ingest_threads,
            registry: registry.map(Arc::new),
            linger: millis(self.number(POLL_LINGER)?.unwrap_or(0)),
            log: self.log.clone(),
        })
    }

    /// How to ask the schema registry, if one is named: everything about it that can be checked without reading a file.
    pub fn registry(&self) -> Result<Option<Settings>> {
        let retry_ms = self.number(UNKNOWN_ID_RETRY)?.unwrap_or(DEFAULT_UNKNOWN_ID_RETRY_MS);
        registry::settings(&self.properties, millis(retry_ms))
    }

    /// How to ask the schema registry that a spec has to be looked up in.
    fn needed_registry(&self, columns: &Columns) -> Result<Settings> {
        self.registry()?.ok_or_else(|| {
            let of =
                columns.subject().map(|(side, subject)| format!("; the {} is of subject '{subject}'", side.name()));
            let message = format!("not set{}, whose schema only a registry knows", of.unwrap_or_default());
            Error::argument("schema.registry.url", message)
        })
    }

    fn kafka_properties(&self) -> Result<BTreeMap<String, String>> {
        let kafka: BTreeMap<String, String> = self
            .properties
            .iter()
            // librdkafka's default, an empty group, means none.
            .filter(|(key, value)| *key != "group.id" || !value.is_empty())
            .filter(|(key, _)| {
                library_key(key).is_none() && !DESERIALIZER_KEYS.contains(&key.as_str()) && !registry::owns(key)
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let kafka = java::translate(kafka)?;
        if !["bootstrap.servers", "metadata.broker.list"]
            .iter()
            .any(|key| kafka.get(*key).is_some_and(|v| !v.is_empty()))
        {
            return Err(Error::argument("bootstrap.servers", "not set; give host:port of at least one broker"));
        }
        Ok(kafka)
    }

    /// How often to commit, if Kafka's properties ask for it (rule K9). karrow does it itself, because librdkafka would
    /// count what has been decoded, and only rows that a poll has published may count.
    fn auto_commit(&self) -> Result<Option<Duration>> {
        let key = "enable.auto.commit";
        let wanted = self.properties.get(key).map_or("false", String::as_str);
        match wanted.to_lowercase().as_str() {
            "false" | "f" | "0" => return Ok(None),
            "true" | "t" | "1" => {}
            _ => return Err(Error::argument(key, format!("'{wanted}' is neither true nor false"))),
        }
        if self.properties.get("group.id").is_none_or(String::is_empty) {
            return Err(Error::argument(key, "there is no group to commit for; set group.id"));
        }
        let key = "auto.commit.interval.ms";
        let interval_ms = match self.properties.get(key) {
            None => DEFAULT_AUTO_COMMIT_MS,
            Some(value) => value.parse().ok().filter(|ms| *ms > 0).ok_or_else(|| {
                Error::argument(key, format!("'{value}' is not a whole number of milliseconds, 1 or more"))
            })?,
        };
        Ok(Some(Duration::from_millis(interval_ms)))
    }

    fn retention(&self) -> Result<Retention> {
        let is_ring = matches!(self.table_type, TableType::Ring { .. });
        let ring_bytes = self.limit(RING_MAX_BYTES, is_ring, "a ring")?;
        let append_bytes = self.limit(APPEND_MAX_BYTES, self.table_type == TableType::Append, "an append")?;
        let age_ms = self.limit(RING_MAX_AGE, is_ring, "a ring")?;
        Ok(Retention {
            table_type: self.table_type,
            max_bytes: ring_bytes.or(append_bytes),
            max_age_ms: age_ms.map(|age_ms| i64::try_from(age_ms).unwrap_or(i64::MAX)),
        })
    }

    /// What becomes of bad records (rules R2, R3): what a side has of its own comes before what is said of all.
    fn bad_records(&self) -> Result<Policies> {
        let common = self.bad_record_policy(BAD_RECORDS)?.unwrap_or(BadRecordPolicy::Fail);
        Ok(Policies {
            key: self.bad_record_policy(BAD_KEYS)?.unwrap_or(common),
            value: self.bad_record_policy(BAD_VALUES)?.unwrap_or(common),
            common,
        })
    }

    fn bad_record_policy(&self, suffix: &str) -> Result<Option<BadRecordPolicy>> {
        let parse = |value: &str| {
            BadRecordPolicy::parse(value).ok_or_else(|| {
                let names = BadRecordPolicy::NAMES.map(|(name, _)| name).join(", ");
                Error::argument(&format!("karrow.{suffix}"), format!("'{value}' is none of {names}"))
            })
        };
        self.library(suffix).map(parse).transpose()
    }

    /// A limit that only one type of table has.
    fn limit(&self, suffix: &str, applies: bool, table: &str) -> Result<Option<usize>> {
        let limit = self.number(suffix)?;
        let key = format!("karrow.{suffix}");
        match limit {
            Some(0) => Err(Error::argument(&key, "0 would keep nothing; give 1 or more, or leave it out")),
            Some(_) if !applies => Err(Error::argument(&key, format!("only {table} table has this limit"))),
            limit => Ok(limit),
        }
    }

    fn columns(&self) -> Result<Columns> {
        if self.key == Spec::Ignore && self.value == Spec::Ignore {
            return Err(Error::argument(
                "key and value specs",
                "both are ignore, which leaves nothing to read; give at least one side another spec",
            ));
        }
        let mut properties: ColumnProperties = DESERIALIZER_KEYS
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), self.properties.get(*key)?.clone())))
            .collect();
        for key in ["key.column.name", "key.column.type", "value.column.name", "value.column.type"] {
            if let Some(value) = self.library(key) {
                properties.insert(key.to_owned(), value.to_owned());
            }
        }
        let (topic, common) = (self.topic.as_str().into(), self.common_columns()?);
        Ok(Columns { topic, common, properties, key: self.key.clone(), value: self.value.clone() })
    }

    fn common_columns(&self) -> Result<Vec<(CommonColumn, String)>> {
        let timestamp_unit = match self.library(TIMESTAMP_TYPE) {
            None => TimeUnit::Nanosecond,
            Some(name) => match types::parse(name) {
                Ok(DataType::Timestamp(unit @ (TimeUnit::Nanosecond | TimeUnit::Millisecond), Some(zone)))
                    if &*zone == "UTC" =>
                {
                    unit
                }
                _ => {
                    let message = format!("'{name}' is neither timestamp[ns, UTC] nor timestamp[ms, UTC]");
                    return Err(Error::argument(&format!("karrow.{TIMESTAMP_TYPE}"), message));
                }
            },
        };
        let named = [
            (CommonColumn::Partition, "KafkaPartition"),
            (CommonColumn::Offset, "KafkaOffset"),
            (CommonColumn::Timestamp(timestamp_unit), "KafkaTimestamp"),
            (CommonColumn::ReceiveTime, ""),
            (CommonColumn::KeyBytes, ""),
            (CommonColumn::ValueBytes, ""),
            (CommonColumn::Headers, ""),
            (CommonColumn::TimestampType, ""),
            (CommonColumn::LeaderEpoch, ""),
        ];
        Ok(named
            .into_iter()
            .map(|(column, default)| {
                let name = self.library(&format!("{}.column.name", column.key())).unwrap_or(default);
                (column, name.to_owned())
            })
            .filter(|(_, name)| !name.is_empty())
            .collect())
    }

    /// The value of one of the library's keys, whichever way it is spelt.
    fn library(&self, suffix: &str) -> Option<&str> {
        let get = |prefix: &str| self.properties.get(&format!("{prefix}.{suffix}"));
        get("karrow").or_else(|| get("deephaven")).map(String::as_str)
    }

    fn number(&self, suffix: &str) -> Result<Option<usize>> {
        let parse = |value: &str| {
            value.parse().map_err(|_| {
                Error::argument(&format!("karrow.{suffix}"), format!("'{value}' is not a whole number of 0 or more"))
            })
        };
        self.library(suffix).map(parse).transpose()
    }
}

/// A partition, or `None` for all of them.
fn check_partition(partition: Option<i32>) -> Result<Option<i32>> {
    match partition {
        Some(id) if id < 0 => {
            let message = format!("{id} is neither a partition, which count from 0, nor ALL_PARTITIONS (-1)");
            Err(Error::argument("partition", message))
        }
        partition => Ok(partition),
    }
}

fn millis(ms: usize) -> Duration {
    Duration::from_millis(ms.try_into().unwrap_or(u64::MAX))
}

/// The prefix and the rest of a key that is the library's.
fn library_key(key: &str) -> Option<(&str, &str)> {
    key.split_once('.').filter(|(prefix, _)| matches!(*prefix, "karrow" | "deephaven"))
}

/// Every key of the library, as karrow spells it; those of Deephaven's have `deephaven.` as well.
pub fn library_keys() -> impl Iterator<Item = String> {
    COLUMN_KEYS.iter().chain(&OWN_KEYS).map(|suffix| format!("karrow.{suffix}"))
}

/// Whether a key stands in one of the tables of keys.
fn is_known(key: &str) -> bool {
    match library_key(key) {
        Some(("deephaven", suffix)) => COLUMN_KEYS.contains(&suffix),
        Some((_, suffix)) => COLUMN_KEYS.contains(&suffix) || OWN_KEYS.contains(&suffix),
        None => registry::is_known(key) || java::treatment(key).is_some(),
    }
}

/// Whether there is such a key, and it may be set. Only librdkafka knows its own, and is asked later.
fn check_key(key: &str, value: Option<&str>) -> Result<()> {
    if let Some((_, suffix)) = library_key(key) {
        if !is_known(key) {
            let near = nearest(&format!("karrow.{suffix}"), library_keys());
            return Err(Error::argument(key, format!("unknown key{near}")));
        }
    } else if registry::owns(key) {
        if !registry::is_known(key) {
            return Err(Error::argument(key, format!("unknown key{}", nearest(key, registry::keys()))));
        }
        registry::check(key, value.unwrap_or_default())?;
    } else if let Some(value) = value {
        librdkafka::check(key)?;
        java::check(key, value)?;
    }
    Ok(())
}

/// The same key with the other prefix, if it has two.
fn other_spelling(key: &str) -> Option<String> {
    match library_key(key) {
        Some(("karrow", suffix)) => Some(format!("deephaven.{suffix}")),
        Some((_, suffix)) => Some(format!("karrow.{suffix}")),
        None => registry::other_spelling(key),
    }
}

/// The nearest keys of every kind, for one that neither karrow nor librdkafka knows.
pub(crate) fn nearest_of_all(key: &str, librdkafka_keys: Vec<String>) -> String {
    let java = java::KEYS.iter().filter(|(_, treatment)| !matches!(treatment, java::Treatment::Refused(_)));
    let java = java.map(|(key, _)| (*key).to_owned());
    let mut known: BTreeSet<String> = librdkafka_keys.into_iter().chain(java).chain(registry::keys()).collect();
    known.extend(library_keys());
    librdkafka::refused().for_each(|key| {
        known.remove(key);
    });
    nearest(key, known.into_iter())
}

/// `; did you mean …?` with the keys that look most like this one, or nothing.
fn nearest(key: &str, known: impl Iterator<Item = String>) -> String {
    let mut close: Vec<(f64, String)> = known
        .map(|candidate| (strsim::jaro_winkler(key, &candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names: Vec<String> = close.into_iter().take(3).map(|(_, candidate)| candidate).collect();
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        let mut options = Options::new("orders").unwrap();
        options.set("bootstrap.servers", Some("localhost:1")).unwrap();
        options.set_spec(Side::Key, Spec::Ignore);
        options.set("karrow.value.column.type", Some("utf8")).unwrap();
        for (key, value) in pairs {
            options.set(key, Some(value)).unwrap();
        }
        options
    }

    fn set_error(key: &str, value: &str) -> String {
        options(&[]).set(key, Some(value)).unwrap_err().message().to_owned()
    }

    fn plan_error(pairs: &[(&str, &str)]) -> String {
        options(pairs).plan().err().unwrap().message().to_owned()
    }

    fn names(options: &Options) -> Vec<String> {
        let schema = options.schema(None).unwrap();
        schema.arrow().fields().iter().map(|field| field.name().clone()).collect()
    }

    #[test]
    fn common_columns_have_deephavens_names_and_order_and_can_be_left_out() {
        assert_eq!(names(&options(&[])), ["KafkaPartition", "KafkaOffset", "KafkaTimestamp", "KafkaValue"]);
        let all = options(&[
            ("karrow.leaderepoch.column.name", "Epoch"),
            ("deephaven.receivetime.column.name", "Received"),
            ("karrow.keybytes.column.name", "KeySize"),
            ("karrow.valuebytes.column.name", "ValueSize"),
            ("karrow.headers.column.name", "Headers"),
            ("karrow.timestamptype.column.name", "Kind"),
            ("karrow.timestamp.column.name", ""),
            ("karrow.value.column.name", "Text"),
        ]);
        assert_eq!(
            names(&all),
            ["KafkaPartition", "KafkaOffset", "Received", "KeySize", "ValueSize", "Headers", "Kind", "Epoch", "Text"]
        );
    }

    #[test]
    fn timestamps_can_be_milliseconds() {
        let schema = options(&[("karrow.timestamp.column.type", "timestamp[ms, UTC]")]).schema(None).unwrap();
        assert_eq!(*schema.arrow().field(2).data_type(), types::timestamp(TimeUnit::Millisecond, Some("UTC")));
        assert_eq!(
            plan_error(&[("karrow.timestamp.column.type", "int64")]),
            "karrow.timestamp.column.type: 'int64' is neither timestamp[ns, UTC] nor timestamp[ms, UTC]"
        );
    }

    #[test]
    fn both_spellings_of_one_key_are_an_error() {
        let mut options = options(&[("deephaven.offset.column.name", "O")]);
        let error = options.set("karrow.offset.column.name", Some("X")).unwrap_err();
        assert_eq!(
            error.message(),
            "karrow.offset.column.name: deephaven.offset.column.name is set already, and both mean the same"
        );
        options.set("deephaven.offset.column.name", None).unwrap();
        options.set("karrow.offset.column.name", Some("X")).unwrap();
        assert!(names(&options).contains(&"X".to_owned()));
    }

    #[test]
    fn unknown_library_keys_name_the_nearest() {
        let error = set_error("karrow.ofset.column.name", "x");
        let expected = "karrow.ofset.column.name: unknown key; did you mean karrow.offset.column.name or ";
        assert!(error.starts_with(expected), "{error}");
        assert!(set_error("deephaven.memory.budget.bytes", "1").contains("did you mean karrow.memory.budget.bytes"));
    }

    #[test]
    fn unknown_keys_of_the_registry_name_the_nearest() {
        assert_eq!(
            set_error("schema.registry.ulr", "x"),
            "schema.registry.ulr: unknown key; did you mean schema.registry.url or schema.registry.proxy.host or \
             schema.registry.proxy.port?"
        );
        let error = set_error("basic.auth.userinfo", "x");
        assert!(error.starts_with("basic.auth.userinfo: unknown key; did you mean basic.auth.user.info"), "{error}");
        for key in registry::keys().filter(|key| registry::check(key, "x").is_ok()) {
            // Only a registry that is named is one that anything can be wrong with.
            assert!(options(&[(&key, "x")]).plan().is_ok() != key.ends_with(".url"), "{key}");
        }
        let mut options = options(&[("basic.auth.user.info", "a:b")]);
        let error = options.set("schema.registry.basic.auth.user.info", Some("a:b")).unwrap_err();
        assert!(error.message().ends_with(": basic.auth.user.info is set already, and both mean the same"));
    }

    #[test]
    fn the_nearest_keys_are_of_any_kind_but_can_be_set() {
        let nearest =
            |key: &str| nearest_of_all(key, vec!["sasl.username".to_owned(), "enable.partition.eof".to_owned()]);
        for (key, suggestion) in [
            ("sasl.usrname", "sasl.username"),
            ("fetch.max.wait", "fetch.max.wait.ms"),
            ("karow.offset.column.name", "karrow.offset.column.name"),
            ("schema.registy.url", "schema.registry.url"),
        ] {
            assert!(nearest(key).starts_with(&format!("; did you mean {suggestion}")), "{key}{}", nearest(key));
        }
        for key in ["enable.partition.eof2", "interceptor.class"] {
            assert!(!nearest(key).contains("enable.partition.eof") && !nearest(key).contains("interceptor.classes"));
        }
        assert_eq!(nearest("zzz"), "");
    }

    #[test]
    fn keys_that_karrow_owns_are_refused_with_the_reason() {
        for key in librdkafka::refused() {
            let error = set_error(key, "true");
            assert!(error.starts_with(&format!("{key}: this ")), "{error}");
            options(&[]).set(key, None).unwrap();
        }
        assert_eq!(
            set_error("enable.partition.eof", "false"),
            "enable.partition.eof: this property cannot be set: karrow turns it on, to know where a partition ends"
        );
    }

    #[test]
    fn numbers_are_checked() {
        assert_eq!(
            plan_error(&[("karrow.memory.budget.bytes", "1k")]),
            "karrow.memory.budget.bytes: '1k' is not a whole number of 0 or more"
        );
        assert_eq!(
            plan_error(&[("karrow.memory.budget.bytes", "1000")]),
            "karrow.memory.budget.bytes: 1000 bytes are too few; give at least 1048576"
        );
        assert_eq!(
            plan_error(&[("karrow.ingest.threads", "0")]),
            "karrow.ingest.threads: at least 1 thread has to decode"
        );
    }

    #[test]
    fn kafka_keys_pass_through_and_the_others_do_not() {
        let plan = options(&[
            ("fetch.wait.max.ms", "7"),
            ("schema.registry.url", "http://localhost"),
            ("key.deserializer", "whatever"),
            ("karrow.poll.linger.ms", "3"),
        ])
        .plan()
        .unwrap();
        assert_eq!(plan.kafka.keys().collect::<Vec<_>>(), ["bootstrap.servers", "fetch.wait.max.ms"]);
        assert_eq!(plan.linger, Duration::from_millis(3));
        assert_eq!(plan.offset_reset, OffsetReset::Latest);
    }

    #[test]
    fn what_is_missing_or_contradictory_is_said() {
        let mut missing = options(&[]);
        missing.set("bootstrap.servers", None).unwrap();
        assert_eq!(
            missing.plan().err().unwrap().message(),
            "bootstrap.servers: not set; give host:port of at least one broker"
        );
        assert!(plan_error(&[("bootstrap.servers", "")]).starts_with("bootstrap.servers: not set"));
        assert!(
            plan_error(&[("metadata.broker.list", "b:1")]).starts_with("metadata.broker.list: bootstrap.servers is")
        );
        assert!(options(&[("enable.auto.commit", "False")]).plan().is_ok());
        let mut nothing = options(&[]);
        nothing.set_spec(Side::Value, Spec::Ignore);
        assert!(nothing.plan().err().unwrap().message().starts_with("key and value specs: both are ignore"));
        assert!(plan_error(&[("auto.offset.reset", "first")]).starts_with("auto.offset.reset: 'first' is not"));
        assert!(plan_error(&[("enable.auto.commit", "true")]).starts_with("enable.auto.commit: there is no group"));
        assert!(plan_error(&[("enable.auto.commit", "si")]).starts_with("enable.auto.commit: 'si' is neither"));
        let interval = [("enable.auto.commit", "true"), ("group.id", "g"), ("auto.commit.interval.ms", "0")];
        assert!(plan_error(&interval).starts_with("auto.commit.interval.ms: '0' is not a whole number"));
        assert!(Options::new("").err().unwrap().message().starts_with("topic: the name is empty"));
    }

    #[test]
    fn partitions_offsets_and_tables_are_checked() {
        let mut options = options(&[]);
        assert!(options.set_partitions(&[]).unwrap_err().message().contains("the list is empty"));
        assert!(options.set_partitions(&[1, -4]).unwrap_err().message().contains("-4 is not a partition"));
        assert!(options.set_start(Some(-4), Start::End).unwrap_err().message().contains("ALL_PARTITIONS (-1)"));
        assert!(Start::from_number(-4).unwrap_err().message().starts_with("offset: -4 is neither an offset"));
        let ring = TableType::Ring { capacity: 0 };
        assert!(options.set_table_type(ring).unwrap_err().message().contains("at least 1 row"));
        assert!(options.set_stop(Some(-4), Stop::End).unwrap_err().message().contains("ALL_PARTITIONS (-1)"));
        assert!(Stop::from_offset(-1).unwrap_err().message().starts_with("offset: -1 is negative"));
        assert!(Stop::from_time(-1).unwrap_err().message().starts_with("timestamp_ms: -1 is negative"));
        assert!(Start::from_time(-1).unwrap_err().message().starts_with("timestamp_ms: -1 is negative"));
    }

    #[test]
    fn a_sides_own_policy_comes_before_that_of_all() {
        use BadRecordPolicy::{DeadLetter, Fail, Null, Skip};
        let policies = |pairs: &[(&str, &str)]| {
            let Policies { key, value, common } = options(pairs).plan().unwrap().bad_records;
            (key, value, common)
        };
        let (all, key, value) =
            ("karrow.bad.record.policy", "karrow.key.bad.record.policy", "karrow.value.bad.record.policy");
        assert_eq!(policies(&[]), (Fail, Fail, Fail));
        assert_eq!(policies(&[(all, "skip")]), (Skip, Skip, Skip));
        assert_eq!(policies(&[(all, "dead_letter"), (key, "null")]), (Null, DeadLetter, DeadLetter));
        assert_eq!(policies(&[(key, "skip"), (value, "null")]), (Skip, Null, Fail));
        assert_eq!(policies(&[(all, "null"), (key, "fail"), (value, "fail")]), (Fail, Fail, Null));
        for key in [all, key, value] {
            for wrong in ["", "Skip", "drop"] {
                let expected = format!("{key}: '{wrong}' is none of fail, skip, null, dead_letter");
                assert_eq!(plan_error(&[(key, wrong)]), expected);
            }
        }
        assert!(set_error("deephaven.bad.record.policy", "skip").contains("did you mean karrow.bad.record.policy"));
    }

    #[test]
    fn limits_belong_to_their_type_of_table() {
        for key in ["karrow.ring.max.bytes", "karrow.ring.max.age.ms"] {
            assert_eq!(plan_error(&[(key, "5")]), format!("{key}: only a ring table has this limit"));
        }
        let mut options = options(&[("karrow.append.max.bytes", "5")]);
        assert!(options.plan().err().unwrap().message().ends_with("only an append table has this limit"));
        options.set_table_type(TableType::Append).unwrap();
        assert_eq!(options.plan().unwrap().retention.full_at_bytes(), Some(5));
        options.set("karrow.append.max.bytes", Some("0")).unwrap();
        assert!(options.plan().err().unwrap().message().contains("0 would keep nothing"));
    }
}
