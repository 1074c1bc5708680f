//! The consumer: a source that fills partition buffers, and the cycle that publishes them.
//!
//! ```text
//! source ──► slot (one a partition: decode, stop, resume) ──► poll: seal all, publish in one swap ──► table
//! ```
//!
//! [`Consumer`] knows sources only as something that can be woken and closed. What makes a partition stop, and what a
//! poll waits for, is the same for records from Kafka and for records handed over in memory.

pub mod budget;
pub mod kafka;
pub mod memory;
pub mod signal;
pub mod slot;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::error::{Error, Result, Status};
use crate::options::{Options, Plan};
use crate::rows::RowBuffer;
use crate::table::Table;
use crate::table::snapshot::Snapshot;
use budget::Budget;
use kafka::Beginning;
use signal::{Signal, Wait, closed};
use slot::{Shared, Slot};

/// Where records come from, once reading has begun.
pub trait Source: Send + Sync {
    /// The slot of this index has been resumed, or has room again.
    fn wake(&self, slot: usize);

    /// Ends reading. Waits until nothing writes into a slot any more.
    fn close(self: Box<Self>);
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// As long as it takes.
    Never,
    /// This many milliseconds; 0 does not wait.
    Millis(u64),
}

impl Timeout {
    /// The time-out that a number of milliseconds stands for: −1 waits for ever, other negatives are errors.
    pub fn from_number(timeout_ms: i64) -> Result<Timeout> {
        match u64::try_from(timeout_ms) {
            Ok(ms) => Ok(Timeout::Millis(ms)),
            Err(_) if timeout_ms == -1 => Ok(Timeout::Never),
            Err(_) => Err(Error::argument(
                "timeout_ms",
                format!("{timeout_ms} is negative; give 0 or more milliseconds, or -1 to wait for ever"),
            )),
        }
    }

    /// When the time is over; `None`: never.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Timeout::Never => None,
            Timeout::Millis(ms) => Instant::now().checked_add(Duration::from_millis(ms)),
        }
    }

    fn as_number(self) -> i64 {
        match self {
            Timeout::Never => -1,
            Timeout::Millis(ms) => i64::try_from(ms).unwrap_or(i64::MAX),
        }
    }
}

/// What a poll published.
pub struct Cycle {
    /// How many rows it added, over all partitions.
    pub rows: i64,
    /// How many partitions are failed.
    pub failed: i32,
    /// Exactly this cycle.
    pub snapshot: Snapshot,
}

/// Reads a topic into a partitioned table.
pub struct Consumer {
    plan: Plan,
    signal: Arc<Signal>,
    /// Held by open and poll: there is one cycle at a time.
    call: Mutex<()>,
    opened: RwLock<Option<Arc<Opened>>>,
    closing: Mutex<Closing>,
    /// The panic that ended the consumer, if one did.
    poisoned: Mutex<Option<String>>,
}

/// What there is once a consumer has been opened, and stays after it has been closed.
struct Opened {
    slots: Vec<Arc<Slot>>,
    table: Table,
    source: RwLock<Option<Box<dyn Source>>>,
}

/// How far a close has come.
enum Closing {
    /// Nobody has called it.
    No,
    /// A thread is taking the source apart.
    Running(Receiver<()>),
    /// There is nothing left to take apart.
    Done,
}

impl Consumer {
    /// A consumer that will read from Kafka. Checks everything that can be checked without asking a broker.
    pub fn new(options: &Options) -> Result<Consumer> {
        let plan = options.plan()?;
        kafka::check_properties(&kafka::data_properties(&plan, 1))?;
        Ok(Consumer::from_plan(plan))
    }

    fn from_plan(plan: Plan) -> Consumer {
        Consumer {
            plan,
            signal: Arc::default(),
            call: Mutex::new(()),
            opened: RwLock::new(None),
            closing: Mutex::new(Closing::No),
            poisoned: Mutex::new(None),
        }
    }

    /// What the consumer was made from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Finds out what there is to read, fixes where each partition starts, and begins to read.
    pub fn open(&self, timeout: Timeout) -> Result<()> {
        let _call = self.begin_call("open")?;
        if self.opened.read().is_some() {
            return Err(Error::new(Status::InvalidState, "the consumer is open already"));
        }
        let opened = kafka::open(&self.plan, &self.signal, timeout.deadline(), timeout.as_number())?;
        let (slots, table) = self.prepare(&opened.beginnings)?;
        let source = opened.start(&self.plan, &slots)?;
        self.install(slots, table, Box::new(source));
        Ok(())
    }

    fn prepare(&self, beginnings: &[Beginning]) -> Result<(Vec<Arc<Slot>>, Table)> {
        let shared = Arc::new(Shared {
            topic: Arc::clone(&self.plan.topic),
            signal: Arc::clone(&self.signal),
            budget: Budget::new(self.plan.memory_budget_bytes, beginnings.len()),
        });
        let table_type = self.plan.table_type;
        let slots = beginnings
            .iter()
            .map(|beginning| {
                let rows = RowBuffer::new(
                    Arc::clone(&self.plan.schema),
                    beginning.partition,
                    self.plan.key.clone(),
                    self.plan.value.clone(),
                    table_type.chunk_limits(),
                    table_type.on_seal(),
                )?;
                let (shared, state) = (Arc::clone(&shared), beginning.state.clone());
                Ok(Arc::new(Slot::new(shared, beginning.partition, beginning.offset, state, rows)))
            })
            .collect::<Result<Vec<_>>>()?;
        let initial = beginnings.iter().map(|b| (b.partition, b.offset, b.state.clone()));
        Ok((slots, Table::new(Arc::clone(&self.plan.schema), table_type, initial)))
    }

    fn install(&self, slots: Vec<Arc<Slot>>, table: Table, source: Box<dyn Source>) {
        *self.opened.write() = Some(Arc::new(Opened { slots, table, source: RwLock::new(Some(source)) }));
    }

    /// One cycle: waits until there is something new or the time is over, and publishes it (rule Y1).
    ///
    /// Fails with `END`, without a new cycle, once every partition has failed and all of that has been published.
    pub fn poll(&self, timeout: Timeout) -> Result<Cycle> {
        let deadline = timeout.deadline();
        let _call = self.begin_call("poll")?;
        let opened = self.opened()?;
        match catch_unwind(AssertUnwindSafe(|| self.cycle(&opened, deadline))) {
            Ok(outcome) => outcome,
            Err(panic) => {
                let text = slot::panic_message(&*panic).to_owned();
                *self.poisoned.lock() = Some(text.clone());
                Err(Error::new(Status::Panic, format!("karrow panicked while it published a cycle: {text}")))
            }
        }
    }

    fn cycle(&self, opened: &Opened, deadline: Option<Instant>) -> Result<Cycle> {
        if opened.slots.iter().all(|slot| slot.is_over()) {
            self.signal.check()?;
            return Err(Error::new(
                Status::End,
                "every partition has failed; resume one to read on, or close the consumer",
            ));
        }
        while self.signal.wait(deadline)? == Wait::Pending {
            // What comes from here on is pending again, even if this cycle still takes it along; hence the second look.
            self.signal.clear_pending();
            if opened.slots.iter().any(|slot| slot.has_news()) {
                // Interrupted, the rows are still there for the next poll.
                self.linger(deadline).inspect_err(|_| self.signal.pend())?;
                break;
            }
        }
        let contributions = opened.slots.iter().map(|slot| slot.contribute()).collect();
        if let Some(source) = &*opened.source.read() {
            for (index, slot) in opened.slots.iter().enumerate() {
                if slot.take_starved() {
                    source.wake(index);
                }
            }
        }
        let (state, rows) = opened.table.publish(contributions);
        let failed = state.partitions().iter().filter(|partition| partition.failure().is_some()).count();
        let failed = i32::try_from(failed).unwrap_or(i32::MAX);
        Ok(Cycle { rows, failed, snapshot: Snapshot::new(state) })
    }

    /// Gives what came first some company, within the caller's time.
    fn linger(&self, deadline: Option<Instant>) -> Result<()> {
        if self.plan.linger.is_zero() {
            return Ok(());
        }
        let until = Instant::now() + self.plan.linger;
        self.signal.linger(deadline.map_or(until, |deadline| until.min(deadline)))
    }

    /// The state of the last cycle. Works at any time after open, also after close.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot::new(self.opened()?.table.state()))
    }

    /// Lets a failed partition go on: at the record it stopped at, or at a later offset.
    pub fn resume(&self, partition: i32, offset: i64) -> Result<()> {
        self.check_alive()?;
        if offset < 0 {
            return Err(Error::argument("offset", format!("{offset} is negative; give the offset to go on at")));
        }
        let opened = self.opened()?;
        Snapshot::new(opened.table.state()).partition(partition)?;
        let index = opened.slots.partition_point(|slot| slot.partition() < partition);
        opened.slots[index].request_resume(offset)?;
        if let Some(source) = &*opened.source.read() {
            source.wake(index);
        }
        Ok(())
    }

    /// Ends the current or the next open or poll, once.
    pub fn wakeup(&self) {
        self.signal.wake();
    }

    /// Ends everything: wakes open and poll, waits for them, drops rows nobody has seen. What has been published stays.
    ///
    /// `TIMEOUT` if that takes longer; it then goes on by itself, and another close waits for it again.
    pub fn close(&self, timeout: Timeout) -> Result<()> {
        let deadline = timeout.deadline();
        self.signal.close();
        let late = || {
            let message = "closing takes longer than the time given; it goes on, and another close waits for it";
            Error::new(Status::Timeout, message).retriable()
        };
        let _call = match deadline {
            None => self.call.lock(),
            Some(deadline) => self.call.try_lock_until(deadline).ok_or_else(late)?,
        };
        let mut closing = self.closing.lock();
        if let Closing::No = *closing {
            let source = self.opened.read().as_ref().and_then(|opened| opened.source.write().take());
            *closing = match source {
                None => Closing::Done,
                Some(source) => Closing::Running(close_aside(source)),
            };
        }
        if let Closing::Running(done) = &*closing {
            let waited = match deadline {
                None => done.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(deadline) => done.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            };
            if waited == Err(RecvTimeoutError::Timeout) {
                return Err(late());
            }
            *closing = Closing::Done;
        }
        Ok(())
    }

    fn begin_call(&self, name: &str) -> Result<parking_lot::MutexGuard<'_, ()>> {
        self.check_alive()?;
        let call = self.call.try_lock().ok_or_else(|| {
            let message = format!("{name}: another open, poll or close of this consumer is running in another thread");
            Error::new(Status::Busy, message)
        })?;
        Ok(call)
    }

    fn check_alive(&self) -> Result<()> {
        if self.signal.is_closing() {
            return Err(closed());
        }
        match &*self.poisoned.lock() {
            None => Ok(()),
            Some(text) => Err(Error::new(
                Status::Poisoned,
                format!("an earlier call ended in a panic ({text}); close this consumer and make a new one"),
            )),
        }
    }

    fn opened(&self) -> Result<Arc<Opened>> {
        let opened = self.opened.read().clone();
        opened.ok_or_else(|| Error::new(Status::InvalidState, "the consumer has not been opened; call open first"))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Without a time-out there is nothing it can fail with.
        let _ = self.close(Timeout::Never);
    }
}

/// Closes a source on a thread of its own, because librdkafka cannot be told how long that may take.
fn close_aside(source: Box<dyn Source>) -> Receiver<()> {
    let (send, receive) = channel();
    let source = Arc::new(Mutex::new(Some(source)));
    let aside = Arc::clone(&source);
    let thread = std::thread::Builder::new().name("karrow-close".to_owned()).spawn(move || {
        if let Some(source) = aside.lock().take() {
            source.close();
        }
        // The one who waits may have given up.
        let _ = send.send(());
    });
    if thread.is_err() {
        // No thread to be had: then it takes as long as it takes. The sender is gone, so nobody waits for it.
        if let Some(source) = source.lock().take() {
            source.close();
        }
    }
    receive
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Decoder, Side, Spec};
    use crate::rows::RecordTime;
    use memory::OwnedRecord;

    #[test]
    fn a_panic_in_a_poll_is_told_once_and_poisons_the_consumer() {
        let mut options = Options::new("t").unwrap();
        options.set("bootstrap.servers", Some("memory")).unwrap();
        options.set_spec(Side::Key, Spec::Ignore);
        options.set("karrow.value.column.type", Some("utf8")).unwrap();
        let mut plan = options.plan().unwrap();
        // A decoder that leaves its column out makes columns of different lengths, which no batch can have.
        plan.value = Decoder::Ignore;
        let (consumer, feeder) = Consumer::in_memory_from(plan, &[(0, 0)]).unwrap();
        consumer.poll(Timeout::Millis(0)).unwrap();
        let record =
            OwnedRecord { offset: 0, timestamp: RecordTime::None, key: None, value: None, headers: Vec::new() };
        feeder.push(0, record).unwrap();
        let error = consumer.poll(Timeout::Never).err().unwrap();
        assert_eq!(error.status(), Status::Panic);
        assert!(error.message().starts_with("karrow panicked while it published a cycle: "), "{error}");
        let error = consumer.poll(Timeout::Never).err().unwrap();
        assert_eq!(error.status(), Status::Poisoned);
        assert_eq!(consumer.resume(0, 0).err().unwrap().status(), Status::Poisoned);
        assert_eq!(consumer.snapshot().unwrap().cycle(), 1);
        consumer.close(Timeout::Never).unwrap();
    }

    #[test]
    fn time_outs_are_checked() {
        assert_eq!(Timeout::from_number(-1).unwrap(), Timeout::Never);
        assert_eq!(Timeout::from_number(0).unwrap(), Timeout::Millis(0));
        let error = Timeout::from_number(-2).unwrap_err();
        assert_eq!(error.message(), "timeout_ms: -2 is negative; give 0 or more milliseconds, or -1 to wait for ever");
        assert_eq!(Timeout::Never.deadline(), None);
    }
}
