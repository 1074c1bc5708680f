//! The source for records that a program hands over in memory: the whole path but Kafka.
//!
//! Tests, fuzzing and benchmarks drive the ingest code through it exactly as librdkafka's callback does.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::slot::{Flow, Next, Slot};
use super::slots::{Beginning, Slots};
use super::{Consumer, Source, Timeout};
use crate::error::{Error, Result, Status};
use crate::options::{Options, Plan, Stop};
use crate::rows::{Header, Record, RecordTime};
use crate::table::PartitionState;

/// A record that owns its bytes.
#[derive(Debug, Clone)]
pub struct OwnedRecord {
    /// Its offset: greater than that of the record before.
    pub offset: i64,
    /// Its timestamp.
    pub timestamp: RecordTime,
    /// Its key; `None`: Kafka's null.
    pub key: Option<Vec<u8>>,
    /// Its value; `None`: Kafka's null.
    pub value: Option<Vec<u8>>,
    /// Its headers; a key should be UTF-8.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Hands records to a consumer. Clones share the consumer's partitions.
#[derive(Clone)]
pub struct Feeder(Arc<Queues>);

struct Queues {
    slots: Arc<Slots>,
    /// Whether records come with their headers. As with Kafka, others have to ask for them.
    wants_headers: bool,
    /// One for each slot. Held while its records are handed over, so that they stay in order.
    waiting: Vec<Mutex<Waiting>>,
}

/// Records that their partition has not taken yet, or may have to take again.
struct Waiting {
    records: VecDeque<OwnedRecord>,
    /// How many of them, at the front, it has taken.
    taken: usize,
    /// Behind the last record that was pushed.
    end: i64,
}

impl Consumer {
    /// An open consumer whose records come from the feeder, with these partitions, each from its first offset on, to its
    /// stop offset if it has one. Kafka's properties have no effect.
    pub fn in_memory(options: &Options, partitions: &[(i32, i64)]) -> Result<(Consumer, Feeder)> {
        let mut options = options.clone();
        options.set("bootstrap.servers", Some("memory"))?;
        Consumer::in_memory_from(options.plan()?, partitions)
    }

    pub(super) fn in_memory_from(plan: Plan, partitions: &[(i32, i64)]) -> Result<(Consumer, Feeder)> {
        let begin = |&(partition, offset)| {
            let stop = match plan.stop.get(&partition).copied().or(plan.stop_all) {
                None => None,
                Some(Stop::Offset(offset)) => Some(offset),
                Some(Stop::Time(_) | Stop::End) => {
                    return Err(Error::new(Status::Unsupported, "records in memory can stop only at an offset"));
                }
            };
            let finished = stop.is_some_and(|stop| stop <= offset);
            let state = if finished { PartitionState::Finished } else { PartitionState::Reading };
            Ok(Beginning { partition, offset, stop, state })
        };
        let mut beginnings = partitions.iter().map(begin).collect::<Result<Vec<_>>>()?;
        beginnings.sort_by_key(|beginning| beginning.partition);
        let consumer = Consumer::from_plan(plan)?;
        let layout = consumer.layout(None)?;
        let (slots, table) = consumer.prepare(&layout, &beginnings)?;
        let wants_headers = slots.want_headers();
        let nothing = |beginning: &Beginning| Waiting { records: VecDeque::new(), taken: 0, end: beginning.offset };
        let waiting = beginnings.iter().map(|beginning| Mutex::new(nothing(beginning))).collect();
        let queues = Arc::new(Queues { waiting, slots: Arc::clone(&slots), wants_headers });
        consumer.install(slots, table, Box::new(Feeder(Arc::clone(&queues))))?;
        Ok((consumer, Feeder(queues)))
    }
}

impl Feeder {
    /// Hands a record over. If its partition has stopped, or finds no room, it waits behind those before it.
    pub fn push(&self, partition: i32, record: OwnedRecord) -> Result<()> {
        let index = self.0.index(partition)?;
        let mut waiting = self.0.waiting[index].lock();
        waiting.end = record.offset + 1;
        waiting.records.push_back(record);
        drop(waiting);
        self.0.hand_over(index);
        Ok(())
    }

    /// Lends records, in order, as librdkafka's callback does: none is copied. Returns how many the partition has taken;
    /// it takes no more once it stops, finds no room or somebody polls, and none at all while others wait. What it has
    /// not taken is the caller's to lend again.
    pub fn lend<'r>(&self, partition: i32, records: impl IntoIterator<Item = Record<'r>>) -> Result<usize> {
        let index = self.0.index(partition)?;
        self.0.hand_over(index);
        let mut waiting = self.0.waiting[index].lock();
        let slots = self.0.slots.all();
        let serving = if waiting.is_empty() { slots[index].serve() } else { None };
        let Some(mut serving) = serving else { return Ok(0) };
        let mut taken = 0;
        for record in records {
            waiting.end = record.offset + 1;
            taken += 1;
            let now = if self.0.wants_headers { record.headers } else { &[] };
            if serving.offer(&Record { headers: now, ..record }, &|| record.headers.to_vec()) == Flow::Stop {
                break;
            }
        }
        Ok(taken)
    }

    /// How many records a partition has not taken.
    pub fn waiting(&self, partition: i32) -> usize {
        self.0.index(partition).map_or(0, |index| self.0.waiting[index].lock().len())
    }
}

impl Waiting {
    fn len(&self) -> usize {
        self.records.len() - self.taken
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets what the partition has taken and will not take again.
    fn forget(&mut self, slot: &Slot) {
        while self.taken > 0 && self.records.front().is_some_and(|record| slot.is_done_with(record.offset)) {
            self.records.pop_front();
            self.taken -= 1;
        }
    }

    /// Goes on at this offset, wherever that is.
    fn seek(&mut self, offset: i64) {
        self.records.retain(|record| record.offset >= offset);
        self.taken = 0;
    }
}

impl Queues {
    fn index(&self, partition: i32) -> Result<usize> {
        let slots = self.slots.all();
        let index = slots.binary_search_by_key(&partition, |slot| slot.partition());
        index.map_err(|_| Error::new(Status::NotFound, format!("partition: {partition} is not among those read")))
    }

    fn hand_over(&self, index: usize) {
        let mut waiting = self.waiting[index].lock();
        let slot = Arc::clone(&self.slots.all()[index]);
        if let Some(Next::Seek(offset)) = slot.take_resume() {
            waiting.seek(offset);
        }
        while let Some(mut serving) = if waiting.is_empty() { None } else { slot.serve() } {
            let mut flow = Flow::Continue;
            while flow == Flow::Continue
                && let Some(record) = waiting.records.get(waiting.taken)
            {
                flow = record.lend(|record, headers| {
                    let now = if self.wants_headers { headers } else { &[] };
                    serving.offer(&Record { headers: now, ..*record }, &|| headers.to_vec())
                });
                waiting.taken += 1;
                waiting.forget(&slot);
            }
            if flow == Flow::Continue {
                serving.end_of_log(waiting.end, waiting.end);
            }
        }
    }
}

impl Source for Feeder {
    fn wake(&self, slot: usize) {
        self.0.hand_over(slot);
    }

    fn log_end(&self, slot: usize) -> Option<i64> {
        Some(self.0.waiting[slot].lock().end)
    }

    fn commit(&self, _: &[(i32, i64)], _: Timeout) -> Result<()> {
        Err(Error::new(Status::Unsupported, "records in memory have no cluster to commit to"))
    }

    fn may_commit(&self, _: Vec<(i32, i64)>) {}

    fn close(self: Box<Self>) {}
}

impl OwnedRecord {
    /// The record without its headers, and these.
    fn lend<R>(&self, with: impl for<'a> FnOnce(&Record<'a>, &'a [Header<'a>]) -> R) -> R {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect();
        let record = Record {
            offset: self.offset,
            timestamp: self.timestamp,
            receive_time_ns: crate::log::now_ns(),
            leader_epoch: None,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &[],
        };
        with(&record, &headers)
    }
}
