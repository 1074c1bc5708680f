//! The consumer: a source that fills partition buffers, and the cycle that publishes them.
//!
//! ```text
//! source ──► slot (one a partition: decode, stop, resume) ──► poll: seal all, publish in one swap ──► table
//! ```
//!
//! [`Consumer`] knows sources only as something that can be woken and closed. What makes a partition stop, and what a
//! poll waits for, is the same for records from Kafka and for records handed over in memory.

pub mod budget;
pub mod dead_letters;
pub mod kafka;
pub mod memory;
pub mod processing;
pub mod progress;
pub mod schemas;
pub mod signal;
pub mod slot;
pub mod slots;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use parking_lot::{Mutex, RwLock};

use crate::error::{Error, Result, Status};
use crate::options::columns::Layout;
use crate::options::{Options, Plan};
use crate::registry::{Cancel, Client, Patience};
use crate::schema::TableSchema;
use crate::table::retention::TableType;
use crate::table::snapshot::{Batches, Snapshot};
use crate::table::{Table, TableState};
use schemas::Schemas;
use signal::{Signal, Wait, closed};
use slot::Slot;
use slots::{Beginning, Slots};

/// Where records come from, once reading has begun.
pub trait Source: Send + Sync {
    /// The slot of this index has been resumed, or has room again.
    fn wake(&self, slot: usize);

    /// Behind the newest record of this slot's partition, as far as the source has heard.
    fn log_end(&self, slot: usize) -> Option<i64>;

    /// Commits offsets of partitions for the caller's group. Ends at the deadline, or earlier when the consumer closes.
    fn commit(&self, offsets: &[(i32, i64)], timeout: Timeout) -> Result<()>;

    /// These offsets may be committed whenever it is time to: the caller is done with what comes before them.
    fn may_commit(&self, offsets: Vec<(i32, i64)>);

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
    /// Who is asked for schemas; `None`: nobody has to be.
    registry: Option<Arc<Client>>,
    signal: Arc<Signal>,
    /// Ends what open looks up.
    looking_up: Mutex<Option<Arc<Cancel>>>,
    /// Held by open and poll: there is one cycle at a time.
    call: Mutex<()>,
    /// Held, shared, by those who wait for cycles: close waits for them.
    waits: RwLock<()>,
    opened: RwLock<Option<Arc<Opened>>>,
    closing: Mutex<Closing>,
    /// The thread that polls while it may be inside a function of the caller's.
    processing: Mutex<Option<ThreadId>>,
    /// The panic that ended the consumer, if one did.
    poisoned: Mutex<Option<String>>,
}

/// What there is once a consumer has been opened, and stays after it has been closed.
struct Opened {
    slots: Arc<Slots>,
    table: Table,
    source: RwLock<Option<Box<dyn Source>>>,
    /// The threads that look up what records are written with, if a registry has to be asked.
    schemas: Mutex<Option<Schemas>>,
    /// Rows that the next cycle gives up: those before a row, by partition.
    discards: Mutex<BTreeMap<i32, i64>>,
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
        Consumer::from_plan(plan)
    }

    fn from_plan(plan: Plan) -> Result<Consumer> {
        let registry = plan.registry.as_ref().filter(|_| plan.columns.use_registry());
        let registry = registry.map(|settings| Client::new(Arc::clone(settings))).transpose()?;
        Ok(Consumer {
            plan,
            registry: registry.map(Arc::new),
            signal: Arc::default(),
            looking_up: Mutex::default(),
            call: Mutex::new(()),
            waits: RwLock::new(()),
            opened: RwLock::new(None),
            closing: Mutex::new(Closing::No),
            processing: Mutex::new(None),
            poisoned: Mutex::new(None),
        })
    }

    /// The columns of every partition. `INVALID_STATE` before open if a schema registry has to be asked for them.
    pub fn schema(&self) -> Result<Arc<TableSchema>> {
        if let Some(layout) = &self.plan.layout {
            return Ok(Arc::clone(&layout.schema));
        }
        let opened = self.opened.read().clone();
        let opened = opened.ok_or_else(|| {
            let message = "the columns are those of a subject of the schema registry, which open asks; call open first";
            Error::new(Status::InvalidState, message)
        })?;
        Ok(Arc::clone(&opened.slots.layout().schema))
    }

    /// Finds out what there is to read, fixes where each partition starts, and begins to read.
    pub fn open(&self, timeout: Timeout) -> Result<()> {
        let _call = self.begin_call("open")?;
        if self.opened.read().is_some() {
            return Err(Error::new(Status::InvalidState, "the consumer is open already"));
        }
        let deadline = timeout.deadline();
        let layout = self.layout(deadline)?;
        let opened = kafka::open(&self.plan, &self.signal, deadline, timeout.as_number())?;
        let (slots, table) = self.prepare(&layout, &opened.beginnings)?;
        let source = opened.start(&self.plan, &slots)?;
        self.install(slots, table, Box::new(source))
    }

    /// The columns and what fills them. Asks the registry for what only it knows; wakeup and close end that.
    fn layout(&self, deadline: Option<Instant>) -> Result<Layout> {
        if let Some(layout) = &self.plan.layout {
            return Ok(layout.clone());
        }
        let client = self.registry.as_ref().expect("a plan without a layout has a registry");
        let cancel = Arc::new(Cancel::default());
        *self.looking_up.lock() = Some(Arc::clone(&cancel));
        let patience = Patience { deadline, cancel: &cancel };
        // Who has called wakeup or close before has not found anything to cancel.
        let outcome = self.signal.check().and_then(|()| {
            self.plan.columns.layout(&|subject, version| Ok(client.by_subject(subject, version, patience)?))
        });
        *self.looking_up.lock() = None;
        if cancel.is_cancelled() {
            self.signal.check()?;
        }
        outcome
    }

    fn prepare(&self, layout: &Layout, beginnings: &[Beginning]) -> Result<(Arc<Slots>, Table)> {
        let slots = Slots::new(&self.plan, layout, Arc::clone(&self.signal), beginnings)?;
        let initial = beginnings.iter().map(|b| (b.partition, b.offset, b.state.clone()));
        Ok((Arc::new(slots), Table::new(Arc::clone(&layout.schema), self.plan.retention, initial)))
    }

    fn install(&self, slots: Arc<Slots>, table: Table, source: Box<dyn Source>) -> Result<()> {
        let (source, schemas, discards) = (RwLock::new(Some(source)), Mutex::default(), Mutex::default());
        let opened = Arc::new(Opened { slots, table, source, schemas, discards });
        if let Some(client) = &self.registry {
            let weak = Arc::downgrade(&opened);
            let wake = move |index: usize| {
                if let Some(opened) = weak.upgrade()
                    && let Some(source) = &*opened.source.read()
                {
                    source.wake(index);
                }
            };
            *opened.schemas.lock() = Some(Schemas::start(Arc::clone(client), &opened.slots, Box::new(wake))?);
        }
        *self.opened.write() = Some(opened);
        Ok(())
    }

    /// One cycle: waits until there is something new or the time is over, and publishes it (rule Y1).
    ///
    /// Fails without a new cycle: with `END` once every partition has finished or failed, with `LIMIT` once all others wait
    /// for room that only the caller can make, in the table or among dead letters, and that has been published.
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
        if self.plan.auto_commit.is_some()
            && let Some(source) = &*opened.source.read()
        {
            // Who polls again is done with what the last cycle showed.
            source.may_commit(offsets(&opened.table.state()));
        }
        self.check_standstill(opened)?;
        while self.signal.wait(deadline)? == Wait::Pending {
            // What comes from here on is pending again, even if this cycle still takes it along; hence the second look.
            self.signal.clear_pending();
            if opened.has_news() {
                // Interrupted, the rows are still there for the next poll.
                self.linger(deadline).inspect_err(|_| self.signal.pend())?;
                break;
            }
        }
        let slots = opened.slots.all();
        let discards = std::mem::take(&mut *opened.discards.lock());
        let cycle = opened.table.state().cycle() + 1;
        let now_ms = crate::log::now_ns() / 1_000_000;
        let contribute = |(index, slot): (usize, &Arc<Slot>)| {
            // Only closed chunks can be let go.
            let cut = discards.contains_key(&slot.partition()) || opened.table.wants_cut(index, now_ms);
            let contribution = slot.contribute(cycle, cut);
            let contribution = match opened.slots.processing() {
                None => contribution,
                Some(processing) => contribution.map(|waiting| processing.apply(slot, waiting)),
            };
            (slot.partition(), contribution)
        };
        let contributions = {
            let _inside = opened.slots.processing().map(|_| Inside::begin(&self.processing));
            slots.iter().enumerate().map(contribute).collect()
        };
        let (state, rows) = opened.table.publish(contributions, &discards, now_ms);
        self.signal.publish(state.cycle());
        opened.slots.shared().budget.set_table(state.bytes());
        opened.use_room(&slots);
        let failed = state.partitions().iter().filter(|partition| partition.failure().is_some()).count();
        let failed = i32::try_from(failed).unwrap_or(i32::MAX);
        Ok(Cycle { rows, failed, snapshot: Snapshot::new(state) })
    }

    /// Fails if no cycle would bring anything: nothing can come any more, or there is room for nothing.
    fn check_standstill(&self, opened: &Opened) -> Result<()> {
        let slots = opened.slots.all();
        if opened.has_news() {
            return Ok(());
        }
        let mut full = None;
        for slot in slots.iter().filter(|slot| !slot.is_over()) {
            match slot.held_back_by() {
                Some(why) => full = full.or(Some(why)),
                None => return Ok(()),
            }
        }
        self.signal.check()?;
        Err(full.unwrap_or_else(|| at_the_end(&slots)))
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

    /// The next cycle after this one that somebody else polls. `TIMEOUT` if none comes in time, `END` if none can come.
    pub fn wait(&self, after_cycle: i64, timeout: Timeout) -> Result<Snapshot> {
        self.check_outside("wait")?;
        let deadline = timeout.deadline();
        self.check_alive()?;
        let _wait = self.waits.read();
        let opened = self.opened()?;
        let check_over = || {
            let (slots, state) = (opened.slots.all(), opened.table.state());
            let over = !opened.has_news() && slots.iter().all(|slot| slot.is_over());
            // The slots may be those of a cycle that is being made, and the caller has not seen yet.
            let shown = state.cycle() <= after_cycle && state.partitions().iter().all(|each| each.state().is_over());
            if over && shown { Err(at_the_end(&slots)) } else { Ok(()) }
        };
        match self.signal.wait_for_cycle(after_cycle, deadline, check_over)? {
            Wait::Pending => Ok(Snapshot::new(opened.table.state())),
            Wait::TimedOut => {
                let message = format!(
                    "no cycle has been published after cycle {after_cycle} within {} ms; another thread has to poll",
                    timeout.as_number()
                );
                Err(Error::new(Status::Timeout, message).retriable())
            }
        }
    }

    /// How far reading has come, a row for each partition; [`progress::schema`] has the columns. Never waits, and works at
    /// any time after open.
    pub fn progress(&self) -> Result<RecordBatch> {
        let opened = self.opened()?;
        let state = opened.table.state();
        let source = opened.source.read();
        let slots = opened.slots.all();
        let tell = |(index, slot): (usize, &Arc<Slot>)| progress::Told {
            partition: slot.partition(),
            stop: slot.stop_offset(),
            seen: slot.seen(),
            shown: state.partitions().get(index).map(Arc::as_ref),
            high: source.as_ref().and_then(|source| source.log_end(index)),
        };
        let partitions: Vec<_> = slots.iter().enumerate().map(tell).collect();
        progress::table(&partitions)
    }

    /// Takes the bad records that became dead letters, each once; [`dead_letters::schema`] has the columns. Those of
    /// all records before a cycle's next offsets have come when the poll that made the cycle returns. Makes room for
    /// more, and works at any time after open, also after close.
    pub fn dead_letters(&self) -> Result<Batches> {
        self.check_outside("dead_letters")?;
        let opened = self.opened()?;
        let shared = opened.slots.shared();
        let Some(letters) = shared.dead_letters.take(&shared.budget) else {
            return Ok(shared.dead_letters.nothing());
        };
        opened.use_room(&opened.slots.all());
        Ok(letters)
    }

    /// Commits what a snapshot shows, and nothing else: for each partition the offset behind its last row or skipped
    /// record, for the caller's `group.id`.
    pub fn commit(&self, snapshot: &Snapshot, timeout: Timeout) -> Result<()> {
        self.check_outside("commit")?;
        self.check_alive()?;
        let opened = self.opened()?;
        if !opened.table.made(snapshot) {
            return Err(Error::argument("snapshot", "it is another consumer's; commit what this one has published"));
        }
        if !self.plan.kafka.contains_key("group.id") {
            let message = "there is no group to commit for; set group.id before the consumer is made";
            return Err(Error::new(Status::InvalidState, message).with_detail("argument", "group.id"));
        }
        match &*opened.source.read() {
            Some(source) => source.commit(&offsets(snapshot.state()), timeout),
            None => Err(closed()),
        }
    }

    /// Gives up the rows of a partition before `before_row`, from the next cycle on. Only an append table keeps rows until
    /// it is told.
    pub fn discard(&self, partition: i32, before_row: i64) -> Result<()> {
        self.check_outside("discard")?;
        self.check_alive()?;
        let opened = self.opened()?;
        if self.plan.retention.table_type != TableType::Append {
            let message =
                "only an append table is told which rows to discard; blink and ring tables forget by themselves";
            return Err(Error::new(Status::InvalidState, message));
        }
        let snapshot = Snapshot::new(opened.table.state());
        let end_row = snapshot.partition(partition)?.rows().end_row();
        if !(0..=end_row).contains(&before_row) {
            let message =
                format!("before_row: partition {partition} has published rows 0 to {end_row}, not {before_row}");
            return Err(Error::new(Status::OutOfRange, message).with_detail("argument", "before_row"));
        }
        let mut discards = opened.discards.lock();
        let row = discards.entry(partition).or_default();
        *row = before_row.max(*row);
        self.signal.pend();
        Ok(())
    }

    /// Lets a failed partition go on: at the record it stopped at, or at a later offset.
    pub fn resume(&self, partition: i32, offset: i64) -> Result<()> {
        self.check_outside("resume")?;
        self.check_alive()?;
        if offset < 0 {
            return Err(Error::argument("offset", format!("{offset} is negative; give the offset to go on at")));
        }
        let opened = self.opened()?;
        Snapshot::new(opened.table.state()).partition(partition)?;
        let slots = opened.slots.all();
        let index = slots.partition_point(|slot| slot.partition() < partition);
        slots[index].request_resume(offset)?;
        if let Some(source) = &*opened.source.read() {
            source.wake(index);
        }
        Ok(())
    }

    /// Ends the current or the next open, poll or wait, once.
    pub fn wakeup(&self) {
        self.signal.wake();
        self.end_look_up();
    }

    fn end_look_up(&self) {
        if let Some(cancel) = &*self.looking_up.lock() {
            cancel.cancel();
        }
    }

    /// Ends everything: wakes open, poll, wait and commit, waits for them, drops rows nobody has seen. What has been published stays.
    ///
    /// `TIMEOUT` if that takes longer; it then goes on by itself, and another close waits for it again.
    pub fn close(&self, timeout: Timeout) -> Result<()> {
        self.check_outside("close")?;
        let deadline = timeout.deadline();
        self.signal.close();
        self.end_look_up();
        let late = || {
            let message = "closing takes longer than the time given; it goes on, and another close waits for it";
            Error::new(Status::Timeout, message).retriable()
        };
        let _call = match deadline {
            None => self.call.lock(),
            Some(deadline) => self.call.try_lock_until(deadline).ok_or_else(late)?,
        };
        match deadline {
            None => drop(self.waits.write()),
            Some(deadline) => drop(self.waits.try_write_until(deadline).ok_or_else(late)?),
        }
        let mut closing = self.closing.lock();
        if let Closing::No = *closing {
            let opened = self.opened.read().clone();
            let schemas = opened.as_ref().and_then(|opened| opened.schemas.lock().take());
            let source = opened.and_then(|opened| opened.source.write().take());
            *closing = match source {
                None => Closing::Done,
                Some(source) => Closing::Running(close_aside(source, schemas)),
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

    /// Whether this thread is inside a processor of this consumer, and so inside one of its polls.
    pub fn is_processing(&self) -> bool {
        *self.processing.lock() == Some(std::thread::current().id())
    }

    fn check_outside(&self, name: &str) -> Result<()> {
        if self.is_processing() {
            let message = format!(
                "{name}: a processor cannot use the consumer whose poll runs it; it can ask it for snapshot, schema and \
                 progress, and wake it up"
            );
            return Err(Error::new(Status::InvalidState, message));
        }
        Ok(())
    }

    fn begin_call(&self, name: &str) -> Result<parking_lot::MutexGuard<'_, ()>> {
        self.check_outside(name)?;
        self.check_alive()?;
        let call = self.call.try_lock().ok_or_else(|| {
            let message = format!("{name}: another open, poll or close of this consumer is running in another thread");
            // A close that has begun since then is no other than one that was there before.
            self.check_alive().err().unwrap_or_else(|| Error::new(Status::Busy, message))
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

impl Opened {
    /// Whether there is anything for a cycle.
    fn has_news(&self) -> bool {
        !self.discards.lock().is_empty() || self.slots.all().iter().any(|slot| slot.has_news())
    }

    /// After room may have been made: lets partitions go on for which there is some, and holds those back for which
    /// only the caller can make it. Those that have waited longest come first, or busy partitions would take all the
    /// room again, cycle after cycle.
    fn use_room(&self, slots: &[Arc<Slot>]) {
        let mut waiting: Vec<usize> = (0..slots.len()).filter(|index| slots[*index].look_for_room()).collect();
        waiting.sort_by_key(|index| slots[*index].last_fed());
        if let Some(source) = &*self.source.read() {
            waiting.into_iter().for_each(|index| source.wake(index));
        }
    }
}

/// While it lives, its thread is inside a poll that may run functions of the caller's.
struct Inside<'a>(&'a Mutex<Option<ThreadId>>);

impl Inside<'_> {
    fn begin(processing: &Mutex<Option<ThreadId>>) -> Inside<'_> {
        *processing.lock() = Some(std::thread::current().id());
        Inside(processing)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// What a state shows of each partition, as offsets to go on from. A partition that has no place to go on from, because its
/// offset lies outside the log, has none.
fn offsets(state: &TableState) -> Vec<(i32, i64)> {
    let known = state.partitions().iter().filter(|partition| {
        let outside = |failure: &Error| failure.status() == Status::OutOfRange;
        !partition.failure().is_some_and(outside)
    });
    known.map(|partition| (partition.id(), partition.next_offset())).collect()
}

fn at_the_end(slots: &[Arc<Slot>]) -> Error {
    let message = if slots.iter().all(|slot| slot.is_finished()) {
        "every partition has been read to where it was to stop"
    } else {
        "every partition has finished or failed; resume one that failed to read on, or close the consumer"
    };
    Error::new(Status::End, message)
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Without a time-out there is nothing it can fail with.
        let _ = self.close(Timeout::Never);
    }
}

/// Closes a source on a thread of its own, because librdkafka cannot be told how long that may take.
fn close_aside(source: Box<dyn Source>, schemas: Option<Schemas>) -> Receiver<()> {
    let (send, receive) = channel();
    let close = move || {
        // They wake partitions of the source.
        drop(schemas);
        source.close();
    };
    let close = Arc::new(Mutex::new(Some(close)));
    let aside = Arc::clone(&close);
    let thread = std::thread::Builder::new().name("karrow-close".to_owned()).spawn(move || {
        if let Some(close) = aside.lock().take() {
            close();
        }
        // The one who waits may have given up.
        let _ = send.send(());
    });
    if thread.is_err() {
        // No thread to be had: then it takes as long as it takes. The sender is gone, so nobody waits for it.
        if let Some(close) = close.lock().take() {
            close();
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
        plan.layout.as_mut().unwrap().value = Decoder::Ignore;
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
