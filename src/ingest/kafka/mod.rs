//! The source that reads from Kafka.
//!
//! Opening asks the cluster for the topic's partitions and the offsets to start at, so that "now" is fixed when it
//! returns. Reading is [`fetch`]'s: a second handle, whose queues are sized by what opening found out. Beside it, [`watch`]
//! asks the cluster through the first handle what has become of the topic.

mod client;
mod fetch;
mod trouble;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::budget::Budget;
use super::signal::Signal;
use super::slots::{Beginning, Slots};
use crate::error::{Error, Result, Status};
use crate::options::{OffsetReset, Plan, Start, Stop};
use crate::table::PartitionState;
pub use client::check_properties;
use client::{Client, Waiting, Which};
pub use fetch::Fetch;

/// A cluster that has said where each partition starts, but of which nothing has been fetched.
pub struct Opened {
    /// The partitions to read, in ascending order.
    pub beginnings: Vec<Beginning>,
    control: Client,
    data: Client,
}

/// Waits until the caller's time is over, or wakeup or close ends it.
struct Patience<'a> {
    signal: &'a Signal,
    deadline: Option<Instant>,
    timeout_ms: i64,
}

impl Waiting for Patience<'_> {
    fn go_on(&self, client: &Client) -> Result<()> {
        self.signal.check()?;
        if let Some(refusal) = client.refusal() {
            return Err(refusal);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let reason = client.last_error().unwrap_or_else(|| "no broker has answered".to_owned());
            let message = format!("Kafka could not be reached within {} ms: {reason}", self.timeout_ms);
            return Err(Error::new(Status::Timeout, message).retriable());
        }
        Ok(())
    }
}

/// Resolves partitions and offsets. Ends at the deadline, or earlier through wakeup or close.
pub fn open(plan: &Plan, signal: &Signal, deadline: Option<Instant>, timeout_ms: i64) -> Result<Opened> {
    let wait = Patience { signal, deadline, timeout_ms };
    let control = Client::new(&control_properties(plan), plan.log.clone())?;
    let existing = control.topic(&plan.topic, &wait)?.partitions;
    control.forget_troubles();
    let partitions = choose_partitions(plan, &existing)?;
    let beginnings = resolve(plan, &control, &partitions, &wait)?;
    let data = Client::new(&data_properties(plan, partitions.len()), plan.log.clone())?;
    // An assignment to a leader that is not known yet costs half a second.
    data.topic(&plan.topic, &wait)?;
    data.forget_troubles();
    Ok(Opened { beginnings, control, data })
}

/// Which of the topic's partitions are read (rules P1 to P3), and whether every start names one that exists (O5).
fn choose_partitions(plan: &Plan, existing: &[i32]) -> Result<Vec<i32>> {
    let range = || match (existing.first(), existing.last()) {
        (Some(first), Some(last)) => format!("it has partitions {first} to {last}"),
        _ => "it has no partitions".to_owned(),
    };
    let missing = |argument: &'static str, partition: i32| {
        let message = format!("{argument}: topic {} has no partition {partition}; {}", plan.topic, range());
        Err(Error::new(Status::NotFound, message).with_detail("argument", argument).with_detail("topic", &*plan.topic))
    };
    if let Some(partition) = plan.start.keys().chain(plan.stop.keys()).find(|partition| !existing.contains(partition)) {
        return missing("offsets", *partition);
    }
    match &plan.partitions {
        None => Ok(existing.to_vec()),
        Some(chosen) => match chosen.iter().find(|partition| !existing.contains(partition)) {
            Some(partition) => missing("partitions", *partition),
            None => Ok(chosen.iter().copied().collect()),
        },
    }
}

/// The offset at which each partition starts, and that at which it stops, as of now (rules O1 to O4, O6, O7).
fn resolve(plan: &Plan, client: &Client, partitions: &[i32], wait: &dyn Waiting) -> Result<Vec<Beginning>> {
    let committed_reads = reads_committed(plan);
    let all = |which| partitions.iter().map(|partition| (*partition, which)).collect::<Vec<_>>();
    let oldest = client.offsets(&plan.topic, &all(Which::Oldest), false, wait)?;
    let end = client.offsets(&plan.topic, &all(Which::End), committed_reads, wait)?;
    // An offset inside an open transaction is behind what can be read, but not outside the log.
    let log_end =
        if committed_reads { client.offsets(&plan.topic, &all(Which::End), false, wait)? } else { end.clone() };
    let stop_of = |partition: i32| plan.stop.get(&partition).copied().or(plan.stop_all);
    let start_of = |partition: i32| plan.start.get(&partition).copied().unwrap_or(plan.start_all);
    let unsought: Vec<i32> = partitions.iter().copied().filter(|id| start_of(*id) == Start::DontSeek).collect();
    let committed = match plan.kafka.get("group.id") {
        Some(group) if !unsought.is_empty() => client.committed(group, &plan.topic, &unsought, wait)?,
        _ => BTreeMap::new(),
    };
    let at_times = |time_of: &dyn Fn(i32) -> Option<i64>| {
        let asked: Vec<_> = partitions.iter().filter_map(|id| time_of(*id).map(|ms| (*id, Which::Time(ms)))).collect();
        client.offsets(&plan.topic, &asked, committed_reads, wait)
    };
    let start_times = at_times(&|partition| match start_of(partition) {
        Start::Time(ms) => Some(ms),
        _ => None,
    })?;
    let stop_times = at_times(&|partition| match stop_of(partition) {
        Some(Stop::Time(ms)) => Some(ms),
        _ => None,
    })?;
    let mut beginnings = Vec::with_capacity(partitions.len());
    for &partition in partitions {
        let of = |offsets: &BTreeMap<i32, i64>| {
            let offset = offsets.get(&partition).copied();
            offset.ok_or_else(|| Error::internal(format!("no offset for partition {partition} in the answer")))
        };
        let log = LogRange { oldest: of(&oldest)?, end: of(&end)?, log_end: of(&log_end)? };
        let wanted = match start_of(partition) {
            Start::Beginning => Ok(log.oldest),
            Start::End => Ok(log.end),
            // Where no record is as late as that, the next one may be (O6).
            Start::Time(_) => Ok(start_times.get(&partition).copied().unwrap_or(log.end)),
            Start::Offset(offset) => log.check(plan, partition, offset),
            Start::DontSeek => match committed.get(&partition) {
                Some(offset) => log.check(plan, partition, *offset),
                None => log.reset(plan.offset_reset).ok_or_else(|| no_offset(plan, partition, log.end)),
            },
        };
        let stop = stop_of(partition).map(|stop| match stop {
            Stop::Offset(offset) => offset,
            Stop::Time(_) => stop_times.get(&partition).copied().unwrap_or(log.end),
            Stop::End => log.end,
        });
        let (offset, state) = match wanted {
            Ok(offset) if stop.is_some_and(|stop| stop <= offset) => (offset, PartitionState::Finished),
            Ok(offset) => (offset, PartitionState::Reading),
            Err(error) => (error.position().map_or(log.end, |(_, offset)| offset), PartitionState::Failed(error)),
        };
        beginnings.push(Beginning { partition, offset, stop, state });
    }
    Ok(beginnings)
}

/// Where a partition's log begins and ends.
#[derive(Debug, Clone, Copy)]
struct LogRange {
    /// The oldest offset.
    oldest: i64,
    /// Behind the newest record that may be read now.
    end: i64,
    /// Behind the newest record, open transactions included.
    log_end: i64,
}

impl LogRange {
    /// The offset itself, or where the reset policy sends it if it lies outside the log (rule O4).
    fn check(self, plan: &Plan, partition: i32, offset: i64) -> Result<i64> {
        if (self.oldest..=self.log_end).contains(&offset) {
            return Ok(offset);
        }
        self.leave(plan, partition, offset, "is outside")
    }

    /// Where the reset policy sends a partition whose offset cannot be gone on from, for this reason.
    fn leave(self, plan: &Plan, partition: i32, offset: i64, why: &str) -> Result<i64> {
        let reset = self.reset(plan.offset_reset);
        if let (Some(reset), Some(log)) = (reset, &plan.log) {
            let text = format!(
                "offset {offset} {why} {}[{partition}], which has {} to {}; reading from {reset}",
                plan.topic, self.oldest, self.log_end
            );
            log.push(crate::log::Level::Warning, "karrow", &text);
        }
        reset.ok_or_else(|| self.refusal(plan, partition, offset, why))
    }

    /// That an offset cannot be gone on from, for this reason, and what can be done.
    fn refusal(self, plan: &Plan, partition: i32, offset: i64, why: &str) -> Error {
        let message = format!(
            "offset {offset} {why} {}[{partition}], whose offsets go from {} to {}; resume at one of these, \
             or set auto.offset.reset to earliest or latest",
            plan.topic, self.oldest, self.log_end
        );
        Error::new(Status::OutOfRange, message).at(partition, offset).with_detail("topic", &*plan.topic)
    }

    fn reset(self, reset: OffsetReset) -> Option<i64> {
        match reset {
            OffsetReset::Earliest => Some(self.oldest),
            OffsetReset::Latest => Some(self.end),
            OffsetReset::Fail => None,
        }
    }
}

fn no_offset(plan: &Plan, partition: i32, end: i64) -> Error {
    let group = plan.kafka.get("group.id");
    let who = group.map_or_else(|| "there is no group.id".to_owned(), |group| format!("group {group} has none"));
    let message = format!(
        "no committed offset for {}[{partition}] ({who}) and auto.offset.reset is none; resume at an offset, or give a \
         start offset",
        plan.topic
    );
    Error::new(Status::OutOfRange, message).at(partition, end).with_detail("topic", &*plan.topic)
}

fn reads_committed(plan: &Plan) -> bool {
    plan.kafka.get("isolation.level").is_none_or(|level| level == "read_committed")
}

/// The range of one partition's log, asked for while it is being read.
fn log_range(plan: &Plan, client: &Client, partition: i32, wait: &dyn Waiting) -> Result<LogRange> {
    let one = |which, committed| {
        let offsets = client.offsets(&plan.topic, &[(partition, which)], committed, wait)?;
        offsets.get(&partition).copied().ok_or_else(|| Error::internal("no offset in the answer"))
    };
    Ok(LogRange {
        oldest: one(Which::Oldest, false)?,
        end: one(Which::End, reads_committed(plan))?,
        log_end: one(Which::End, false)?,
    })
}

/// The caller's properties and those that karrow sets unless the caller did.
fn with_defaults(plan: &Plan, defaults: &[(&[&str], String)]) -> BTreeMap<String, String> {
    let mut properties = plan.kafka.clone();
    for (names, value) in defaults {
        // The others are other names of the same property, or properties that it has to fit.
        if !names.iter().any(|name| plan.kafka.contains_key(*name)) {
            properties.insert(names[0].to_owned(), value.clone());
        }
    }
    for (key, value) in [
        // karrow resets offsets itself (rule O4): librdkafka would jump without a word.
        ("auto.offset.reset", "error"),
        // karrow commits itself (rule O8): librdkafka would count what no poll has published.
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
    ] {
        properties.insert(key.to_owned(), value.to_owned());
    }
    properties
}

/// Properties that both handles share.
fn common_defaults(plan: &Plan) -> Vec<(&'static [&'static str], String)> {
    // Brokers that hang up are told of at this level and nowhere else.
    let level = plan.log.as_ref().map_or(crate::log::Level::Info, |log| log.level().max(crate::log::Level::Info));
    vec![
        (&["client.id"], "karrow".to_owned()),
        (&["log_level"], (level as i32).to_string()),
        // Looks where the common distributions keep their certificates; the vendored OpenSSL only knows its own place.
        (&["ssl.ca.location", "ssl.ca.pem", "ssl.ca.certificate.stores"], "probe".to_owned()),
    ]
}

fn control_properties(plan: &Plan) -> BTreeMap<String, String> {
    with_defaults(plan, &common_defaults(plan))
}

/// Properties of the handle that fetches: the caller's, and what karrow adds for the sake of speed and of its promises.
pub fn data_properties(plan: &Plan, partitions: usize) -> BTreeMap<String, String> {
    let limits = Budget::queue_limits(plan.memory_budget_bytes, partitions);
    let mut defaults = common_defaults(plan);
    let queue_kib = (limits.partition_bytes / 1024).max(1);
    defaults.extend([
        // librdkafka assigns nothing without a group. This one is never committed to nor read from.
        (&["group.id"][..], "karrow".to_owned()),
        (&["queued.max.messages.kbytes"], queue_kib.to_string()),
        (&["fetch.message.max.bytes", "max.partition.fetch.bytes"], limits.partition_bytes.to_string()),
        // librdkafka wants these three to fit together, and sees to it itself unless this one is set.
        (
            &["fetch.max.bytes", "message.max.bytes", "receive.message.max.bytes"],
            limits.response_bytes.max(limits.partition_bytes).max(1_000_000).to_string(),
        ),
        // A full queue is looked at again soon after it has been emptied; librdkafka's default is a whole second.
        (&["fetch.queue.backoff.ms"], "2".to_owned()),
        (&["fetch.wait.max.ms"], "100".to_owned()),
        // What was damaged on a disk must not become a row. Processors compute the checksum faster than memory is read.
        (&["check.crcs"], "true".to_owned()),
    ]);
    with_defaults(plan, &defaults)
}

impl Opened {
    /// Begins to fetch, into these slots: one for each beginning, in the same order.
    pub fn start(self, plan: &Plan, slots: &Arc<Slots>) -> Result<Fetch> {
        Fetch::start(plan, self.control, self.data, &self.beginnings, slots)
    }
}
