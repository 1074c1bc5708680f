//! The source for records that a program hands over in memory: the whole path but Kafka.
//!
//! Tests, fuzzing and benchmarks drive the ingest code through it exactly as librdkafka's callback does.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::kafka::Beginning;
use super::slot::{Flow, Next, Slot};
use super::{Consumer, Source};
use crate::error::{Error, Result, Status};
use crate::options::{Options, Plan};
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
    /// Its headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Hands records to a consumer. Clones share the consumer's partitions.
#[derive(Clone)]
pub struct Feeder(Arc<Queues>);

struct Queues {
    slots: Vec<Arc<Slot>>,
    /// Records that their partition has not taken yet. Held while they are handed over, so that they stay in order.
    waiting: Vec<Mutex<VecDeque<OwnedRecord>>>,
}

impl Consumer {
    /// An open consumer whose records come from the feeder, with these partitions, each from its first offset on. Kafka's
    /// properties have no effect.
    pub fn in_memory(options: &Options, partitions: &[(i32, i64)]) -> Result<(Consumer, Feeder)> {
        let mut options = options.clone();
        options.set("bootstrap.servers", Some("memory"))?;
        Consumer::in_memory_from(options.plan()?, partitions)
    }

    pub(super) fn in_memory_from(plan: Plan, partitions: &[(i32, i64)]) -> Result<(Consumer, Feeder)> {
        let consumer = Consumer::from_plan(plan);
        let mut beginnings: Vec<Beginning> = partitions
            .iter()
            .map(|&(partition, offset)| Beginning { partition, offset, state: PartitionState::Reading })
            .collect();
        beginnings.sort_by_key(|beginning| beginning.partition);
        let (slots, table) = consumer.prepare(&beginnings)?;
        let queues =
            Arc::new(Queues { waiting: slots.iter().map(|_| Mutex::default()).collect(), slots: slots.clone() });
        consumer.install(slots, table, Box::new(Feeder(Arc::clone(&queues))));
        Ok((consumer, Feeder(queues)))
    }
}

impl Feeder {
    /// Hands a record over. If its partition has stopped, or finds no room, it waits behind those before it.
    pub fn push(&self, partition: i32, record: OwnedRecord) -> Result<()> {
        let index = self.0.slots.binary_search_by_key(&partition, |slot| slot.partition());
        let index = index
            .map_err(|_| Error::new(Status::NotFound, format!("partition: {partition} is not among those read")))?;
        self.0.waiting[index].lock().push_back(record);
        self.0.hand_over(index);
        Ok(())
    }

    /// How many records a partition has not taken.
    pub fn waiting(&self, partition: i32) -> usize {
        let slots = self.0.slots.iter().zip(&self.0.waiting);
        slots.filter(|(slot, _)| slot.partition() == partition).map(|(_, waiting)| waiting.lock().len()).sum()
    }
}

impl Queues {
    fn hand_over(&self, index: usize) {
        let mut waiting = self.waiting[index].lock();
        let slot = &self.slots[index];
        if let Some(Next::Seek(offset)) = slot.take_resume() {
            waiting.retain(|record| record.offset >= offset);
        }
        while let Some(mut serving) = if waiting.is_empty() { None } else { slot.serve() } {
            while let Some(record) = waiting.pop_front() {
                if record.lend(|record| serving.offer(record)) == Flow::Stop {
                    break;
                }
            }
        }
    }
}

impl Source for Feeder {
    fn wake(&self, slot: usize) {
        self.0.hand_over(slot);
    }

    fn close(self: Box<Self>) {}
}

impl OwnedRecord {
    fn lend<R>(&self, with: impl FnOnce(&Record<'_>) -> R) -> R {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(key, value)| Header { key: key.as_bytes(), value: value.as_deref() }).collect();
        with(&Record {
            offset: self.offset,
            timestamp: self.timestamp,
            receive_time_ns: crate::log::now_ns(),
            leader_epoch: None,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
        })
    }
}
