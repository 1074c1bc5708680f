//! One partition between its source and the table: the private buffer, and the one mechanism that stops and resumes it.
//!
//! A source hands records to a [`Slot`] one at a time and stops when told to. What made a partition stop (a bad record, a
//! full budget, an error of Kafka) is decided here and nowhere else, so that every source behaves the same.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::budget::Budget;
use super::dead_letters::{DeadLetters, Letter, Share};
use super::processing::Processed;
use super::progress::{Counts, Seen};
use super::schemas::Wanted;
use super::signal::Signal;
use super::slots::Beginning;
use crate::error::{Error, Result, Status};
use crate::rows::{BadRecord, BadRecordPolicy, Header, Record, RecordTime, RowBuffer, SchemaId, Unwritten};
use crate::table::{Contribution, PartitionState};

/// How many payload bytes come in between two looks at the budget. The budget is kept to within this, a thread.
const SETTLE_BYTES: usize = 32 * 1024;

/// How much a partition holds at most that a function of the caller's has still to see. It becomes one batch, in whose
/// columns 32 bits have to say where a payload ends, the last one's included, which may be as large as this.
const MAX_WAITING_BYTES: usize = 1 << 30;

/// What a consumer's partitions share.
pub struct Shared {
    /// The topic, for messages.
    pub topic: Arc<str>,
    /// Tells the polling thread.
    pub signal: Arc<Signal>,
    /// Room for decoded rows and dead letters.
    pub budget: Budget,
    /// Bad records that nobody has taken.
    pub dead_letters: DeadLetters,
    /// Schemas that partitions wait for.
    pub wanted: Wanted,
}

/// Fetches a record's headers, which cost more than most decoders: asked only for a bad record that is kept, and only
/// if the record itself has come without.
pub type LateHeaders<'f, 'r> = &'f dyn Fn() -> Vec<Header<'r>>;

/// Whether a source may hand over the next record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next record, please.
    Continue,
    /// The record was taken; keep the next one until this slot is served again.
    Stop,
}

/// Where a source has to go on reading after a resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Behind the record at which it stopped.
    Behind,
    /// At this offset, wherever it was before.
    Seek(i64),
}

/// One partition.
pub struct Slot {
    partition: i32,
    stop_offset: Option<i64>,
    shared: Arc<Shared>,
    /// Whether what it holds goes to a function of the caller's before it is rows.
    waits_for_processing: bool,
    /// The offset before which nothing is read again.
    done_before: AtomicI64,
    /// Somebody waits for the lock: whoever serves the partition lets go of it after the record at hand.
    wanted: AtomicBool,
    /// What `Inner` says, for those who must not wait for a lock that is held while a whole queue is served:
    /// whether there is anything for a cycle,
    news: AtomicBool,
    /// whether nothing more can come unless somebody resumes the partition,
    over: AtomicBool,
    /// whether the partition is not served for lack of room, until somebody has made some,
    starved: AtomicBool,
    /// whether it waits for room that only the caller can make,
    waits: AtomicBool,
    /// and whether that has been published,
    held_back: AtomicBool,
    /// in which cycle it last had something to contribute.
    last_fed: AtomicI64,
    /// What progress tells, as of the last serve.
    seen: Mutex<Seen>,
    inner: Mutex<Inner>,
}

/// What a slot protects: belongs to the thread that serves the partition, and for moments to the one that polls.
struct Inner {
    rows: RowBuffer,
    next_offset: i64,
    state: PartitionState,
    /// The record at which the partition stopped: beside dead letters the one payload that is ever kept.
    parked: Option<ParkedRecord>,
    /// Where to go on, once the serving thread gets to it.
    resume: Option<i64>,
    /// The schema without which nobody can say what the parked record is.
    awaits: Option<SchemaId>,
    /// Whether it has failed at what was read without a record to keep: it is read again.
    unprocessed: bool,
    /// What the budget counts for this partition's rows,
    held_bytes: usize,
    /// for those that a function of the caller's is looking at,
    processing_bytes: usize,
    /// and for its dead letters.
    letters: Share,
    /// Whether there is anything a poll should publish at once.
    changed: bool,
    /// Whether only the next offset has moved, which no poll needs to hurry for.
    moved: bool,
    /// Whether it waits for room that only the caller can make: then that is what its state says.
    held_back: bool,
    /// What progress tells.
    counts: Counts,
    /// The offset of the last bad record, so that one that is tried again is counted once,
    last_bad: i64,
    /// of the last one that a function refused,
    last_refused: i64,
    /// and of the last one that has become a dead letter when it was read, so that it comes once if it is read again.
    last_letter: i64,
}

impl Slot {
    /// The partition that begins like this. `is_new`: it is to be shown from the next cycle on, and is not in the table yet.
    pub fn new(shared: Arc<Shared>, beginning: &Beginning, rows: RowBuffer, is_new: bool) -> Slot {
        let (state, position) = (beginning.state.clone(), beginning.offset);
        let seen = Seen { state, position, held_bytes: 0, counts: Counts::default() };
        Slot {
            partition: beginning.partition,
            stop_offset: beginning.stop,
            shared,
            waits_for_processing: rows.waits_for_processing(),
            done_before: AtomicI64::new(beginning.offset),
            wanted: AtomicBool::new(false),
            news: AtomicBool::new(is_new),
            over: AtomicBool::new(beginning.state.is_over() && !is_new),
            starved: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            held_back: AtomicBool::new(false),
            last_fed: AtomicI64::new(0),
            seen: Mutex::new(seen),
            inner: Mutex::new(Inner {
                rows,
                next_offset: beginning.offset,
                state: beginning.state.clone(),
                parked: None,
                resume: None,
                awaits: None,
                unprocessed: false,
                held_bytes: 0,
                processing_bytes: 0,
                letters: Share::default(),
                changed: is_new,
                moved: false,
                held_back: false,
                counts: Counts::default(),
                last_bad: -1,
                last_refused: -1,
                last_letter: -1,
            }),
        }
    }

    /// Its Kafka partition number.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Begins to serve the partition: `None` if it has stopped or there is no room; then leave its records where they
    /// are until the slot is woken.
    pub fn serve(&self) -> Option<Serving<'_>> {
        let inner = self.inner.lock();
        if inner.state.is_over() || inner.resume.is_some() || inner.awaits.is_some() {
            return None;
        }
        if !self.has_room(&inner) {
            // Said first and looked at again, because whoever makes room does that first and looks who starves then.
            self.starved.store(true, Ordering::SeqCst);
            if !self.has_room(&inner) {
                return None;
            }
            self.starved.store(false, Ordering::SeqCst);
        }
        Some(Serving { slot: self, inner: Some(inner) })
    }

    /// Takes the partition's buffer whatever its state, to change where and whether it is read.
    pub fn enter(&self) -> Serving<'_> {
        Serving { slot: self, inner: Some(self.inner.lock()) }
    }

    /// If the partition is to be resumed: settles the record it stopped at, and says where the source has to go on.
    pub fn take_resume(&self) -> Option<Next> {
        let mut inner = self.inner.lock();
        let offset = inner.resume.take()?;
        let parked = inner.parked.take();
        let mut serving = Serving { slot: self, inner: Some(inner) };
        match parked {
            Some(parked) if offset == parked.offset => {
                parked.lend(|record| serving.offer(record, &Vec::new));
                Some(Next::Behind)
            }
            parked => {
                serving.jump(offset);
                let behind = parked.is_some_and(|parked| offset == parked.offset + 1);
                Some(if behind { Next::Behind } else { Next::Seek(offset) })
            }
        }
    }

    /// Asks for the failed partition to go on at `offset`: at the record it stopped at, or behind it.
    pub fn request_resume(&self, offset: i64) -> Result<()> {
        let mut inner = self.inner.lock();
        let PartitionState::Failed(_) = inner.state else {
            return Err(Error::new(
                Status::InvalidState,
                format!("partition: {} has not failed, so there is nothing to resume", self.partition),
            )
            .with_detail("argument", "partition"));
        };
        if inner.changed {
            return Err(Error::new(
                Status::InvalidState,
                format!("partition: {} has failed, but no poll has published that yet; poll first", self.partition),
            )
            .with_detail("argument", "partition"));
        }
        // Without a parked record the failure is Kafka's, and its message says which offsets there are.
        if (inner.parked.is_some() || inner.unprocessed) && offset < inner.next_offset {
            return Err(Error::argument(
                "offset",
                format!(
                    "partition {} stopped at offset {}; resume there or behind it, because earlier records are in the \
                     table already",
                    self.partition, inner.next_offset
                ),
            ));
        }
        inner.resume = Some(offset);
        // At once, so that a failure shown from now on is a new one.
        inner.state = PartitionState::Reading;
        inner.changed = true;
        self.publish_flags(&inner);
        self.shared.signal.pend();
        Ok(())
    }

    /// Why a schema that the partition may wait for is not there yet.
    pub fn explain_wait(&self, schema: SchemaId, why: &str) {
        let mut inner = self.inner.lock();
        if inner.awaits == Some(schema) {
            let waiting = self.waiting_for(schema, inner.next_offset, why);
            inner.enter(waiting);
            self.tell(&inner);
        }
    }

    fn waiting_for(&self, schema: SchemaId, offset: i64, why: &str) -> PartitionState {
        let place = format!("{}[{}]@{offset} ({})", self.shared.topic, self.partition, schema.side.name());
        let error = Error::new(Status::Registry, format!("{why}, for {place}"));
        let error = error.at(self.partition, offset).with_detail("topic", &*self.shared.topic).retriable();
        PartitionState::Waiting(error)
    }

    /// All there is to know about a schema is known. Whether the partition has waited for it: then it goes on at the record
    /// that it stopped at, once it is woken.
    pub fn end_wait(&self, schema: SchemaId) -> bool {
        let mut inner = self.inner.lock();
        let awaited = inner.awaits == Some(schema);
        if awaited {
            inner.awaits = None;
            inner.resume = Some(inner.next_offset);
        }
        awaited
    }

    /// Gives this cycle everything new; `None` if there is nothing. With `cut` the chunk in progress is closed. What is
    /// decoded while the partition is served for the first time since the last cycle is left to grow: serving a queue is
    /// short, and interrupting it often is not cheap.
    pub fn contribute(&self, cycle: i64, cut: bool) -> Option<Contribution> {
        if !self.has_news() && !cut {
            return None;
        }
        self.last_fed.store(cycle, Ordering::Relaxed);
        self.wanted.store(true, Ordering::Relaxed);
        let mut inner = self.inner.lock();
        self.wanted.store(false, Ordering::Relaxed);
        let sealed = inner.rows.seal(cut);
        if self.waits_for_processing && !sealed.is_empty() {
            inner.processing_bytes = inner.held_bytes;
        } else {
            self.shared.budget.account(inner.held_bytes, 0);
        }
        inner.held_bytes = 0;
        inner.changed = false;
        inner.moved = false;
        self.publish_flags(&inner);
        let contribution = Contribution { sealed, next_offset: inner.next_offset, state: inner.state.clone() };
        MutexGuard::unlock_fair(inner);
        Some(contribution)
    }

    /// Takes in what has come of rows that it contributed and that functions of the caller's have looked at: up to
    /// `next_offset`, unless the partition fails before. Then what has been read behind that place is forgotten; it is read
    /// again after a resume.
    pub fn end_processing(&self, processed: &Processed<'_>, next_offset: i64) {
        self.wanted.store(true, Ordering::Relaxed);
        let mut guard = self.inner.lock();
        self.wanted.store(false, Ordering::Relaxed);
        let inner = &mut *guard;
        self.shared.budget.account(inner.processing_bytes, 0);
        inner.processing_bytes = 0;
        for refused in &processed.refused {
            let (offset, bad) = (refused.record.offset, &refused.bad);
            if inner.last_refused < offset {
                inner.last_refused = offset;
                inner.counts.bad_records.count(bad.side);
            }
            if bad.policy == BadRecordPolicy::DeadLetter {
                // Never twice: what comes again lies behind all that has become a letter here.
                self.add_letter(inner, &refused.record, &refused.headers, bad);
            }
        }
        inner.counts.add(processed.rows, processed.bytes);
        if let Some((offset, error)) = &processed.failure {
            inner.rows.clear();
            self.settle(inner);
            inner.next_offset = *offset;
            inner.counts.end = None;
            (inner.parked, inner.resume, inner.awaits) = (None, None, None);
            inner.enter(PartitionState::Failed(error.clone()));
            inner.unprocessed = true;
            // The cycle that is being made shows it.
            (inner.changed, inner.moved) = (false, false);
        }
        let done_before = processed.failure.as_ref().map_or(next_offset, |(offset, _)| *offset);
        self.done_before.store(done_before, Ordering::Relaxed);
        self.publish_flags(inner);
        MutexGuard::unlock_fair(guard);
    }

    /// Whether a source may forget the record of this offset once the partition has taken it.
    pub fn is_done_with(&self, offset: i64) -> bool {
        !self.waits_for_processing || offset < self.done_before.load(Ordering::Relaxed)
    }

    /// From now on, lets whoever serves the partition stop after the record at hand: everything is about to end.
    pub fn interrupt(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Whether the partition has something for a cycle.
    pub fn has_news(&self) -> bool {
        self.news.load(Ordering::Acquire)
    }

    /// The cycle in which it last had something to contribute.
    pub fn last_fed(&self) -> i64 {
        self.last_fed.load(Ordering::Relaxed)
    }

    /// Whether nothing more can come of this partition unless somebody resumes it.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Why nothing more is read before the caller makes room, if that is so and a cycle has shown it.
    pub fn held_back_by(&self) -> Option<Error> {
        if !self.held_back.load(Ordering::Acquire) {
            return None;
        }
        match self.seen().state {
            PartitionState::Waiting(why) => Some(why),
            // It has been let go since.
            _ => None,
        }
    }

    /// Holds the partition back if there is no room that a cycle could make, or lets it go if there is; then, whether
    /// it has waited for room and is to be woken.
    ///
    /// To be called after each change that may have made room: after every partition has contributed to a cycle, and
    /// after dead letters have been taken. This is why nobody waits for ever. Whoever makes room does that first and
    /// looks here then. If two do so at once, the one that gets the lock last sees the room that both have made, so
    /// that it neither holds back for a reason that is gone nor leaves anybody held back for one. A partition that is
    /// not held back but starves has said so before it looked at the budget for the last time ([`Slot::serve`]): either
    /// it saw the new room, or it is found starving here. It stays so while it is held back, for whoever lets it go.
    /// One that starves later than this finds room, or rows or letters that are news, and so another cycle will come; and
    /// so does one that is held back later.
    pub fn look_for_room(&self) -> bool {
        // The lock may be held while a whole queue is served, and most partitions wait for nothing at most times.
        let waits = self.starved.load(Ordering::SeqCst) || self.waits.load(Ordering::SeqCst);
        if !waits && !self.shared.budget.may_be_full() {
            return false;
        }
        let mut inner = self.inner.lock();
        let letters = self.shared.dead_letters.held(&inner.letters);
        if let Some(full) = self.shared.budget.why_full(letters) {
            self.hold_back(&mut inner, full);
            return false;
        }
        // Both have to be asked.
        self.starved.swap(false, Ordering::SeqCst) | self.release(&mut inner)
    }

    fn hold_back(&self, inner: &mut Inner, full: Error) {
        let may_be = inner.held_back || inner.state == PartitionState::Reading;
        let state = PartitionState::Waiting(full);
        if may_be && inner.state != state {
            inner.enter(state);
            inner.held_back = true;
            self.tell(inner);
        }
    }

    /// Whether the partition has been held back.
    fn release(&self, inner: &mut Inner) -> bool {
        let held_back = inner.held_back;
        if held_back {
            inner.enter(PartitionState::Reading);
            self.tell(inner);
        }
        held_back
    }

    /// Makes a change of state known that came from outside a serve.
    fn tell(&self, inner: &Inner) {
        self.publish_flags(inner);
        self.shared.signal.pend();
    }

    /// Whether another record may be decoded.
    fn has_room(&self, inner: &Inner) -> bool {
        let held = inner.held_bytes + inner.processing_bytes;
        let is_batch = self.waits_for_processing && inner.held_bytes >= MAX_WAITING_BYTES;
        !is_batch && self.shared.budget.has_room(held, self.shared.dead_letters.held(&inner.letters))
    }

    /// The offset it stops before; `None`: it does not stop.
    pub fn stop_offset(&self) -> Option<i64> {
        self.stop_offset
    }

    /// Where reading has come to, as of the last serve.
    pub fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    /// Whether everything up to the stop has been read.
    pub fn is_finished(&self) -> bool {
        self.seen.lock().state == PartitionState::Finished
    }

    fn publish_flags(&self, inner: &Inner) {
        let news = inner.changed || inner.moved;
        self.over.store(inner.state.is_over() && !news, Ordering::Release);
        self.waits.store(inner.held_back, Ordering::SeqCst);
        self.held_back.store(inner.held_back && !news, Ordering::Release);
        self.news.store(news, Ordering::Release);
        *self.seen.lock() = Seen {
            state: inner.state.clone(),
            position: inner.next_offset,
            held_bytes: inner.held_bytes + inner.processing_bytes,
            counts: inner.counts.clone(),
        };
    }

    /// Brings the budget up to date.
    fn settle(&self, inner: &mut Inner) {
        let held = inner.rows.measure();
        self.shared.budget.account(inner.held_bytes, held);
        inner.held_bytes = held;
    }

    /// Makes a dead letter of a record.
    fn add_letter(&self, inner: &mut Inner, record: &Record<'_>, headers: &[Header<'_>], bad: &BadRecord) {
        let letter = Letter { partition: self.partition, record, headers, bad };
        self.shared.dead_letters.add(&letter, &self.shared.budget, &mut inner.letters);
    }

    /// Counts a row, which counts only later if it is still to be processed.
    #[inline]
    fn count_row(&self, inner: &mut Inner, record: &Record<'_>) {
        if self.waits_for_processing {
            inner.counts.passed(record);
        } else {
            inner.counts.took(record);
        }
    }

    /// Goes on behind a record that is done with.
    #[inline]
    fn pass(&self, inner: &mut Inner, offset: i64) -> Flow {
        inner.next_offset = offset + 1;
        if let PartitionState::Waiting(_) = inner.state {
            inner.enter(PartitionState::Reading);
        }
        if self.stop_offset == Some(inner.next_offset) {
            self.finish(inner);
            return Flow::Stop;
        }
        if inner.rows.unmeasured_bytes() >= SETTLE_BYTES {
            self.settle(inner);
            if !self.has_room(inner) {
                return Flow::Stop;
            }
        }
        if self.wanted.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    }

    /// Everything before the stop has been read; what lies between the last record and it never comes.
    fn finish(&self, inner: &mut Inner) {
        inner.next_offset = inner.next_offset.max(self.stop_offset.unwrap_or(inner.next_offset));
        inner.enter(PartitionState::Finished);
    }
}

impl Inner {
    /// The partition does something else from now on.
    fn enter(&mut self, state: PartitionState) {
        self.changed |= self.state != state;
        self.state = state;
        self.held_back = false;
    }

    /// Counts a bad record, but not once more if it is tried again.
    fn count_bad(&mut self, offset: i64, side: &str) {
        if self.last_bad < offset {
            self.last_bad = offset;
            self.counts.bad_records.count(side);
        }
    }
}

/// A slot while its partition is being served.
pub struct Serving<'a> {
    slot: &'a Slot,
    /// Taken only by `drop`.
    inner: Option<MutexGuard<'a, Inner>>,
}

impl Serving<'_> {
    /// Takes one record: decodes it into a row, makes of it what its policy says if it is bad, or stops the partition
    /// at it. A panic on the way costs the partition, not the process.
    pub fn offer<'r>(&mut self, record: &Record<'r>, late: LateHeaders<'_, 'r>) -> Flow {
        let panic = match catch_unwind(AssertUnwindSafe(|| self.take(record, late))) {
            Ok(flow) => return flow,
            Err(panic) => panic,
        };
        let slot = self.slot;
        let inner = self.inner();
        inner.rows.roll_back();
        inner.next_offset = record.offset;
        let message = format!(
            "karrow panicked at {}[{}]@{}: {}",
            slot.shared.topic,
            slot.partition,
            record.offset,
            panic_message(&*panic)
        );
        let error = Error::new(Status::Panic, message).with_detail("topic", &*slot.shared.topic);
        self.stop_at(error.at(slot.partition, record.offset), record, late)
    }

    fn take<'r>(&mut self, record: &Record<'r>, late: LateHeaders<'_, 'r>) -> Flow {
        let slot = self.slot;
        let inner = self.inner();
        if record.offset < inner.next_offset {
            let message = format!(
                "the log of {}[{}] went back from offset {} to {}; it was truncated, or the topic was created again; \
                 resume at the offset to go on from",
                slot.shared.topic, slot.partition, inner.next_offset, record.offset
            );
            let error = Error::new(Status::Kafka, message).with_detail("topic", &*slot.shared.topic);
            return self.fail(error);
        }
        if slot.stop_offset.is_some_and(|stop| record.offset >= stop) {
            slot.finish(inner);
            return Flow::Stop;
        }
        match inner.rows.append(record) {
            Ok(()) => {
                slot.count_row(inner, record);
                slot.pass(inner, record.offset)
            }
            Err(Unwritten::Bad(bad)) => self.take_bad(record, late, bad),
            Err(Unwritten::Waits(schema)) => self.await_schema(schema, record, late),
        }
    }

    /// Stops the partition at a record until its schema is known.
    #[cold]
    #[inline(never)]
    fn await_schema<'r>(&mut self, schema: SchemaId, record: &Record<'r>, late: LateHeaders<'_, 'r>) -> Flow {
        let parked = self.park(record, late);
        let slot = self.slot;
        let inner = self.inner();
        let why = format!("schema {} is being looked up in the registry", schema.id);
        inner.next_offset = record.offset;
        inner.parked = Some(parked);
        inner.awaits = Some(schema);
        inner.enter(slot.waiting_for(schema, record.offset, &why));
        slot.shared.wanted.add(schema);
        Flow::Stop
    }

    /// Makes of a bad record what its policy says.
    #[cold]
    #[inline(never)]
    fn take_bad<'r>(&mut self, record: &Record<'r>, late: LateHeaders<'_, 'r>, bad: BadRecord) -> Flow {
        let slot = self.slot;
        let inner = self.inner();
        inner.count_bad(record.offset, bad.side);
        match bad.policy {
            BadRecordPolicy::Fail => {
                inner.next_offset = record.offset;
                let error = bad.into_error(&slot.shared.topic, slot.partition, record.offset);
                return self.stop_at(error, record, late);
            }
            BadRecordPolicy::Null => slot.count_row(inner, record),
            BadRecordPolicy::Skip => {
                inner.counts.passed(record);
                inner.moved = true;
            }
            BadRecordPolicy::DeadLetter => {
                if inner.last_letter < record.offset {
                    slot.add_letter(inner, record, &headers_of(record, late), &bad);
                    inner.last_letter = record.offset;
                }
                inner.counts.passed(record);
                // Somebody has to poll before anybody takes it.
                inner.changed = true;
            }
        }
        let flow = slot.pass(inner, record.offset);
        if slot.has_room(inner) { flow } else { Flow::Stop }
    }

    /// Stops the partition for a reason that lies with Kafka, at the offset it would have read next.
    pub fn fail(&mut self, error: Error) -> Flow {
        let next_offset = self.inner().next_offset;
        let partition = self.slot.partition;
        let error = if error.position().is_none() { error.at(partition, next_offset) } else { error };
        self.stop(error, None)
    }

    /// Stops the partition at a record, of which everything is kept that may be wanted when it is tried again.
    fn stop_at<'r>(&mut self, error: Error, record: &Record<'r>, late: LateHeaders<'_, 'r>) -> Flow {
        let parked = self.park(record, late);
        self.stop(error, Some(parked))
    }

    fn park<'r>(&mut self, record: &Record<'r>, late: LateHeaders<'_, 'r>) -> ParkedRecord {
        let may_be_a_letter = self.inner().rows.policies().make_dead_letters();
        let headers = if may_be_a_letter { headers_of(record, late) } else { record.headers.into() };
        ParkedRecord::new(&Record { headers: &headers, ..*record })
    }

    /// Kafka refuses the partition for now, but reading goes on by itself when that changes.
    pub fn wait(&mut self, error: Error) {
        let inner = self.inner();
        if inner.state.is_over() || inner.awaits.is_some() {
            return;
        }
        inner.enter(PartitionState::Waiting(error));
    }

    /// Kafka serves the partition again, even if there is no record yet.
    pub fn go_on(&mut self) {
        let inner = self.inner();
        if matches!(inner.state, PartitionState::Waiting(_)) && !inner.held_back && inner.awaits.is_none() {
            inner.enter(PartitionState::Reading);
        }
    }

    /// The log has no record up to `offset` that has not been offered; `high` is behind all that may be in it, open
    /// transactions included.
    pub fn end_of_log(&mut self, offset: i64, high: i64) -> Flow {
        self.go_on();
        let slot = self.slot;
        let inner = self.inner();
        if offset > inner.next_offset {
            // Control records and those of aborted transactions take offsets, and never come.
            inner.next_offset = offset;
            inner.moved = true;
        }
        inner.counts.end = Some(high.max(offset));
        if slot.stop_offset.is_some_and(|stop| inner.next_offset >= stop) {
            slot.finish(inner);
            return Flow::Stop;
        }
        Flow::Continue
    }

    /// What the partition is doing.
    pub fn state(&mut self) -> &PartitionState {
        &self.inner().state
    }

    /// Reading goes on at another offset: a reset, or a resume past records.
    pub fn jump(&mut self, offset: i64) {
        let inner = self.inner();
        if offset < inner.next_offset {
            // What is read again becomes rows again, and counts again.
            let last = [&mut inner.last_bad, &mut inner.last_refused, &mut inner.last_letter];
            last.into_iter().for_each(|last| *last = (*last).min(offset - 1));
        }
        inner.next_offset = offset;
        inner.unprocessed = false;
        inner.counts.end = None;
        inner.changed = true;
        if !inner.state.is_over() {
            // The record that was to be tried again is not read any more.
            (inner.parked, inner.resume) = (None, None);
            if inner.awaits.take().is_some() {
                inner.enter(PartitionState::Reading);
            }
        }
    }

    fn stop(&mut self, error: Error, parked: Option<ParkedRecord>) -> Flow {
        let inner = self.inner();
        inner.parked = parked;
        inner.awaits = None;
        inner.unprocessed = false;
        inner.enter(PartitionState::Failed(error));
        // Also if it had failed in the same way before.
        inner.changed = true;
        Flow::Stop
    }

    fn inner(&mut self) -> &mut Inner {
        self.inner.as_mut().expect("only drop takes it")
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let Some(mut inner) = self.inner.take() else { return };
        self.slot.settle(&mut inner);
        inner.changed |= inner.rows.unpublished_rows() > 0;
        self.slot.publish_flags(&inner);
        if inner.changed {
            self.slot.shared.signal.pend();
        }
        // The polling thread may be waiting for this buffer: it comes first.
        MutexGuard::unlock_fair(inner);
    }
}

/// A record's headers, fetched if it came without.
fn headers_of<'r>(record: &Record<'r>, late: LateHeaders<'_, 'r>) -> Cow<'r, [Header<'r>]> {
    if record.headers.is_empty() { late().into() } else { record.headers.into() }
}

/// A copy of a record, for as long as its partition is stopped at it.
struct ParkedRecord {
    offset: i64,
    timestamp: RecordTime,
    receive_time_ns: i64,
    leader_epoch: Option<i32>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl ParkedRecord {
    fn new(record: &Record<'_>) -> ParkedRecord {
        ParkedRecord {
            offset: record.offset,
            timestamp: record.timestamp,
            receive_time_ns: record.receive_time_ns,
            leader_epoch: record.leader_epoch,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record
                .headers
                .iter()
                .map(|header| (header.key.to_vec(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }

    fn lend<R>(&self, with: impl FnOnce(&Record<'_>) -> R) -> R {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect();
        with(&Record {
            offset: self.offset,
            timestamp: self.timestamp,
            receive_time_ns: self.receive_time_ns,
            leader_epoch: self.leader_epoch,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
        })
    }
}

/// What a panic said, if it said anything.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::progress::BadRecords;
    use arrow_array::cast::AsArray;

    use crate::format::avro::AvroSpec;
    use crate::format::{Decoder, Side, Spec};
    use crate::ingest::signal::Wait;
    use crate::rows::{ChunkLimits, OnSeal, Policies};
    use crate::schema::{FormatColumn, TableSchema};

    fn spec(type_name: &str) -> Spec {
        Spec::Simple { column: Some("V".to_owned()), type_name: Some(type_name.to_owned()) }
    }

    /// A slot whose decoder does not fit its schema, which makes it panic at the first record that is not null.
    fn slot_that_panics() -> Slot {
        slot_that_panics_and_stops(None)
    }

    fn slot_that_panics_and_stops(stop: Option<i64>) -> Slot {
        slot_of("utf8", stop, Policies::default())
    }

    /// A slot of int64 values, of which bad ones have this policy.
    fn slot_that(policy: BadRecordPolicy, stop: Option<i64>) -> Slot {
        slot_of("int64", stop, Policies { value: policy, ..Policies::default() })
    }

    /// A slot whose decoder makes int64 values, for a column of this type.
    fn slot_of(column: &str, stop: Option<i64>, policies: Policies) -> Slot {
        let (columns, _) = spec(column).resolve(Side::Value, &Default::default()).unwrap();
        let (_, decoder) = spec("int64").resolve(Side::Value, &Default::default()).unwrap();
        slot_with(|rows| rows.with_policies(policies), (columns, decoder), stop)
    }

    fn slot_with(
        settle: impl FnOnce(RowBuffer) -> RowBuffer,
        (columns, decoder): (Vec<FormatColumn>, Decoder),
        stop: Option<i64>,
    ) -> Slot {
        let schema = Arc::new(TableSchema::new("t", vec![], vec![], columns).unwrap());
        let limits = ChunkLimits::default();
        let rows = RowBuffer::new(schema, 2, Decoder::Ignore, decoder, limits, OnSeal::Continue).unwrap();
        let rows = settle(rows);
        let (topic, signal): (Arc<str>, _) = ("t".into(), Arc::default());
        let dead_letters = DeadLetters::new(Arc::clone(&topic));
        let budget = Budget::new(1 << 20, Some(1 << 20), 1);
        let shared = Shared { topic, signal, budget, dead_letters, wanted: Default::default() };
        let beginning = Beginning { partition: 2, offset: 0, stop, state: PartitionState::Reading };
        Slot::new(Arc::new(shared), &beginning, rows, false)
    }

    /// A slot of Avro data, whose schemas a registry knows.
    fn slot_with_registry() -> Slot {
        let schema = r#"{"type": "record", "name": "R", "fields": [{"name": "V", "type": "long"}]}"#;
        let spec = Spec::Avro(AvroSpec::from_schema(schema).unwrap());
        slot_with(|rows| rows.with_registry(), spec.resolve(Side::Value, &Default::default()).unwrap(), None)
    }

    fn record(offset: i64, value: Option<&[u8]>) -> Record<'_> {
        Record {
            offset,
            timestamp: RecordTime::None,
            receive_time_ns: 0,
            leader_epoch: None,
            key: None,
            value,
            headers: &[],
        }
    }

    #[test]
    fn a_panic_in_a_decoder_fails_the_partition_at_the_record_and_leaves_no_row() {
        let slot = slot_that_panics();
        let mut serving = slot.serve().unwrap();
        assert_eq!(serving.offer(&record(0, None), &Vec::new), Flow::Continue);
        assert_eq!(serving.offer(&record(1, Some(&[0; 8])), &Vec::new), Flow::Stop);
        drop(serving);
        assert!(slot.serve().is_none() && slot.has_news() && !slot.is_over());
        let contribution = slot.contribute(1, false).unwrap();
        assert_eq!((contribution.sealed[0].batch.num_rows(), contribution.next_offset), (1, 1));
        let PartitionState::Failed(error) = contribution.state else { panic!("it has not failed") };
        assert_eq!((error.status(), error.position()), (Status::Panic, Some((2, 1))));
        assert_eq!(error.message(), "karrow panicked at t[2]@1: a decoder wrote int64 into a column of type Utf8");
        assert!(slot.is_over());
        slot.request_resume(2).unwrap();
        assert_eq!(slot.take_resume(), Some(Next::Behind));
        assert_eq!(slot.serve().unwrap().offer(&record(2, None), &Vec::new), Flow::Continue);
        assert_eq!(slot.contribute(1, false).unwrap().sealed[0].batch.num_rows(), 2);
    }

    #[test]
    fn a_log_that_goes_back_fails_the_partition() {
        let slot = slot_that_panics();
        let mut serving = slot.serve().unwrap();
        assert_eq!(serving.offer(&record(7, None), &Vec::new), Flow::Continue);
        assert_eq!(serving.offer(&record(7, None), &Vec::new), Flow::Stop);
        drop(serving);
        let PartitionState::Failed(error) = slot.contribute(1, false).unwrap().state else {
            panic!("it has not failed")
        };
        assert_eq!((error.status(), error.position()), (Status::Kafka, Some((2, 8))));
        assert!(error.message().starts_with("the log of t[2] went back from offset 8 to 7;"), "{error}");
        // Kafka's failures can be resumed anywhere.
        slot.request_resume(3).unwrap();
        assert_eq!(slot.take_resume(), Some(Next::Seek(3)));
        assert_eq!(slot.contribute(1, false).unwrap().next_offset, 3);
    }

    #[test]
    fn a_waiting_partition_reads_on_with_the_next_record_or_the_end_of_the_log() {
        let slot = slot_that_panics();
        let error = || Error::new(Status::Kafka, "not authorised");
        slot.serve().unwrap().wait(error());
        assert!(slot.has_news());
        assert_eq!(slot.contribute(1, false).unwrap().state, PartitionState::Waiting(error()));
        slot.serve().unwrap().wait(error());
        assert!(!slot.has_news(), "the same reason again is no news");
        slot.serve().unwrap().go_on();
        assert_eq!(slot.contribute(1, false).unwrap().state, PartitionState::Reading);
        slot.serve().unwrap().wait(error());
        slot.serve().unwrap().offer(&record(0, None), &Vec::new);
        assert_eq!(slot.contribute(1, false).unwrap().state, PartitionState::Reading);
        slot.serve().unwrap().fail(Error::new(Status::Kafka, "gone for good"));
        slot.enter().wait(error());
        let state = slot.contribute(1, false).unwrap().state;
        assert!(matches!(state, PartitionState::Failed(_)), "{state:?}");
    }

    #[test]
    fn a_partition_finishes_at_its_stop_or_where_nothing_can_come_before_it() {
        // At the record before it, at the first one behind it, and at the end of a log without either.
        let slot = slot_that_panics_and_stops(Some(2));
        let mut serving = slot.serve().unwrap();
        assert_eq!(serving.offer(&record(0, None), &Vec::new), Flow::Continue);
        assert_eq!(serving.offer(&record(1, None), &Vec::new), Flow::Stop);
        drop(serving);
        let finished = |slot: &Slot, rows: usize| {
            assert!(slot.is_finished() && slot.serve().is_none());
            let contribution = slot.contribute(1, false).unwrap();
            assert_eq!((contribution.next_offset, contribution.state), (2, PartitionState::Finished));
            let sealed: usize = contribution.sealed.iter().map(|sealed| sealed.batch.num_rows()).sum();
            assert_eq!(sealed, rows);
            assert!(slot.is_over());
        };
        finished(&slot, 2);
        let slot = slot_that_panics_and_stops(Some(2));
        assert_eq!(slot.serve().unwrap().offer(&record(0, None), &Vec::new), Flow::Continue);
        assert_eq!(slot.serve().unwrap().offer(&record(7, None), &Vec::new), Flow::Stop);
        finished(&slot, 1);
        let slot = slot_that_panics_and_stops(Some(2));
        assert_eq!(slot.serve().unwrap().end_of_log(1, 1), Flow::Continue);
        assert_eq!(slot.serve().unwrap().end_of_log(2, 2), Flow::Stop);
        finished(&slot, 0);
    }

    #[test]
    fn a_partition_that_waits_for_a_schema_is_served_again_once_it_is_known_or_the_partition_is_sent_elsewhere() {
        let payload: &[u8] = &[0, 0, 0, 0, 7, 2];
        let schema = SchemaId { side: Side::Value, id: 7 };
        let other = SchemaId { side: Side::Key, id: 7 };
        let waiting = || {
            let slot = slot_with_registry();
            assert_eq!(slot.serve().unwrap().offer(&record(3, Some(payload)), &Vec::new), Flow::Stop);
            assert!(slot.serve().is_none() && slot.has_news() && !slot.is_over());
            slot
        };
        let message = |slot: &Slot| match slot.seen().state {
            PartitionState::Waiting(error) => error.message().to_owned(),
            other => panic!("{other:?}"),
        };
        let slot = waiting();
        assert_eq!(message(&slot), "schema 7 is being looked up in the registry, for t[2]@3 (value)");
        // What Kafka says meanwhile does not hide that.
        slot.enter().wait(Error::new(Status::Kafka, "not authorised"));
        slot.enter().go_on();
        slot.explain_wait(other, "nobody waits for it");
        slot.explain_wait(schema, "nobody answers");
        assert_eq!(message(&slot), "nobody answers, for t[2]@3 (value)");
        assert!(!slot.end_wait(other) && slot.end_wait(schema) && !slot.end_wait(schema));
        // It is still not known, so that the partition waits again.
        assert_eq!(slot.take_resume(), Some(Next::Behind));
        assert!(slot.serve().is_none() && slot.end_wait(schema));

        for ended in [false, true] {
            let slot = waiting();
            assert!(!ended || slot.end_wait(schema));
            slot.enter().jump(100);
            assert_eq!((slot.take_resume(), slot.seen().position), (None, 100));
            assert!(!slot.end_wait(schema) && slot.serve().is_some());
        }
        let slot = waiting();
        slot.enter().fail(Error::new(Status::Kafka, "gone for good"));
        assert!(!slot.end_wait(schema) && matches!(slot.seen().state, PartitionState::Failed(_)));
    }

    #[test]
    fn the_end_of_the_log_moves_the_next_offset_without_hurry() {
        let slot = slot_that_panics();
        slot.serve().unwrap().offer(&record(0, None), &Vec::new);
        slot.contribute(1, false).unwrap();
        slot.shared.signal.clear_pending();
        slot.serve().unwrap().end_of_log(3, 3);
        assert!(!hurries(&slot));
        assert_eq!(slot.contribute(1, false).unwrap().next_offset, 3);
    }

    /// Whether a poll that waits would end.
    fn hurries(slot: &Slot) -> bool {
        slot.shared.signal.wait(Some(std::time::Instant::now())).unwrap() == Wait::Pending
    }

    const GOOD: Option<&[u8]> = Some(&[0; 8]);
    const BAD: Option<&[u8]> = Some(b"bad");

    fn counted(slot: &Slot) -> BadRecords {
        slot.seen().counts.bad_records
    }

    fn bad_values(count: i64) -> BadRecords {
        let mut expected = BadRecords::default();
        (0..count).for_each(|_| expected.count("value"));
        expected
    }

    #[test]
    fn a_skipped_record_moves_the_next_offset_without_hurry_and_goes_the_way_of_a_row() {
        let slot = slot_that(BadRecordPolicy::Skip, Some(4));
        assert_eq!(slot.serve().unwrap().offer(&record(0, BAD), &Vec::new), Flow::Continue);
        assert!(slot.has_news() && !hurries(&slot));
        let contribution = slot.contribute(1, false).unwrap();
        assert_eq!((contribution.sealed.len(), contribution.next_offset), (0, 1));
        // Somebody waits for the lock.
        slot.interrupt();
        assert_eq!(slot.serve().unwrap().offer(&record(1, BAD), &Vec::new), Flow::Stop);
        slot.contribute(1, false).unwrap();
        // It ends a wait for Kafka, which is news.
        slot.serve().unwrap().wait(Error::new(Status::Kafka, "not authorised"));
        slot.contribute(1, false).unwrap();
        slot.shared.signal.clear_pending();
        slot.serve().unwrap().offer(&record(2, BAD), &Vec::new);
        assert!(hurries(&slot));
        assert_eq!(slot.contribute(1, false).unwrap().state, PartitionState::Reading);
        // It finishes the partition if it is the last one before the stop.
        assert_eq!(slot.serve().unwrap().offer(&record(3, BAD), &Vec::new), Flow::Stop);
        let contribution = slot.contribute(1, false).unwrap();
        assert_eq!((contribution.next_offset, contribution.state), (4, PartitionState::Finished));
        assert_eq!(counted(&slot), bad_values(4));
        assert!(slot.shared.dead_letters.take(&slot.shared.budget).is_none());
    }

    #[test]
    fn a_dead_letter_hurries_and_comes_with_headers_that_are_fetched_for_it_alone() {
        let slot = slot_that(BadRecordPolicy::DeadLetter, None);
        let asked = std::cell::Cell::new(0);
        let late = || {
            asked.set(asked.get() + 1);
            vec![Header { key: b"h", value: Some(b"1") }]
        };
        let mut serving = slot.serve().unwrap();
        assert_eq!(serving.offer(&record(0, GOOD), &late), Flow::Continue);
        assert_eq!(asked.get(), 0);
        assert_eq!(serving.offer(&record(1, BAD), &late), Flow::Continue);
        assert_eq!(asked.get(), 1);
        let here = [Header { key: b"here", value: None }];
        serving.offer(&Record { headers: &here, ..record(2, BAD) }, &late);
        assert_eq!(asked.get(), 1, "it has come with its headers");
        drop(serving);
        assert!(hurries(&slot));
        let contribution = slot.contribute(1, false).unwrap();
        assert_eq!((contribution.sealed[0].batch.num_rows(), contribution.next_offset), (1, 3));
        let letters: Vec<_> = slot.shared.dead_letters.take(&slot.shared.budget).unwrap().collect();
        assert_eq!(letters.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
        let headers = letters[0].column_by_name("headers").unwrap().as_list::<i32>();
        let keys = headers.values().as_struct().column(0).as_binary::<i32>();
        assert_eq!(keys.iter().collect::<Vec<_>>(), [Some(&b"h"[..]), Some(b"here")]);
        assert_eq!(counted(&slot), bad_values(2));
    }

    #[test]
    fn a_record_that_stops_its_partition_keeps_its_headers_where_it_may_become_a_dead_letter() {
        for (key, expected) in [(BadRecordPolicy::Fail, 0), (BadRecordPolicy::DeadLetter, 1)] {
            let slot = slot_of("int64", None, Policies { key, ..Policies::default() });
            slot.serve().unwrap().offer(&record(0, BAD), &|| vec![Header { key: b"h", value: None }]);
            let parked = slot.inner.lock().parked.as_ref().map(|parked| parked.headers.len());
            assert_eq!(parked, Some(expected));
        }
    }

    #[test]
    fn a_bad_record_counts_once_however_often_it_is_tried_and_again_if_its_place_is_read_again() {
        let slot = slot_that(BadRecordPolicy::Fail, None);
        slot.serve().unwrap().offer(&record(0, GOOD), &Vec::new);
        slot.serve().unwrap().offer(&record(1, BAD), &Vec::new);
        for _ in 0..3 {
            slot.contribute(1, false).unwrap();
            slot.request_resume(1).unwrap();
            assert_eq!(slot.take_resume(), Some(Next::Behind));
            assert_eq!(counted(&slot), bad_values(1));
        }
        // The same record again, from Kafka.
        slot.enter().jump(1);
        slot.enter().offer(&record(1, BAD), &Vec::new);
        assert_eq!(counted(&slot), bad_values(1));
        // Another log, as far as anybody knows.
        slot.enter().jump(0);
        slot.enter().offer(&record(0, BAD), &Vec::new);
        slot.enter().offer(&record(1, BAD), &Vec::new);
        assert_eq!(counted(&slot), bad_values(3));
    }

    #[test]
    fn untaken_dead_letters_hold_their_partition_back_until_they_are_taken() {
        let slot = slot_that(BadRecordPolicy::DeadLetter, None);
        let shared = Arc::clone(&slot.shared);
        let half = vec![b'x'; 1 << 19];
        // One is let in whatever its size, and none behind it.
        assert_eq!(slot.serve().unwrap().offer(&record(0, Some(&half)), &Vec::new), Flow::Stop);
        assert!(slot.serve().is_none() && slot.serve().is_none());
        assert_eq!(slot.contribute(1, false).unwrap().next_offset, 1);
        assert!(!slot.look_for_room(), "no cycle makes room");
        let full = Error::new(
            Status::Limit,
            "untaken dead letters fill karrow.memory.budget.bytes (1048576); take them with \
             karrow_consumer_dead_letters",
        );
        assert_eq!(slot.held_back_by(), None, "no cycle has said so");
        assert!(hurries(&slot));
        assert_eq!(slot.contribute(2, false).unwrap().state, PartitionState::Waiting(full.clone()));
        assert_eq!(slot.held_back_by(), Some(full.clone()));
        assert!(!slot.look_for_room() && !slot.has_news(), "the same again is no news");
        // The table is full too: taking the letters is not enough, nor is room in the table.
        shared.budget.set_table(1 << 20);
        assert!(!slot.look_for_room());
        let table_full = slot.contribute(3, false).unwrap().state;
        assert!(matches!(&table_full, PartitionState::Waiting(why) if *why != full), "{table_full:?}");
        shared.budget.set_table(0);
        assert!(!slot.look_for_room());
        assert_eq!(slot.contribute(4, false).unwrap().state, PartitionState::Waiting(full));
        assert_eq!(shared.dead_letters.take(&shared.budget).unwrap().count(), 1);
        assert!(slot.look_for_room(), "it is to be woken");
        assert_eq!(slot.contribute(5, false).unwrap().state, PartitionState::Reading);
        assert_eq!(slot.serve().unwrap().offer(&record(1, GOOD), &Vec::new), Flow::Continue);
    }

    #[test]
    fn letters_that_leave_room_once_rows_are_published_hold_nobody_back() {
        let slot = slot_that(BadRecordPolicy::DeadLetter, None);
        let most = vec![b'x'; (1 << 19) - 1000];
        slot.serve().unwrap().offer(&record(0, Some(&most)), &Vec::new);
        let mut offset = 1;
        while let Some(mut serving) = slot.serve() {
            serving.offer(&record(offset, GOOD), &Vec::new);
            offset += 1;
        }
        assert!((2..200).contains(&offset), "{offset}");
        let contribution = slot.contribute(1, false).unwrap();
        assert_eq!((contribution.next_offset, contribution.state), (offset, PartitionState::Reading));
        assert!(slot.look_for_room(), "it starved");
        assert!(slot.serve().is_some() && slot.held_back_by().is_none());
    }

    #[test]
    fn a_partition_that_fails_or_finishes_while_it_is_held_back_is_not_let_go() {
        let full = || {
            let slot = slot_that(BadRecordPolicy::Fail, Some(1));
            slot.shared.budget.set_table(1 << 20);
            slot.look_for_room();
            slot.contribute(1, false).unwrap();
            assert!(slot.held_back_by().is_some());
            slot
        };
        let make_room = |slot: &Slot| {
            slot.contribute(2, false).unwrap();
            assert!(slot.is_over() && slot.held_back_by().is_none());
            slot.shared.budget.set_table(0);
            assert!(!slot.look_for_room() && !slot.has_news() && slot.is_over());
        };
        let slot = full();
        slot.enter().fail(Error::new(Status::Kafka, "gone for good"));
        make_room(&slot);
        let slot = full();
        slot.enter().end_of_log(1, 1);
        make_room(&slot);
        // What Kafka says comes before what a full table does, and is not taken back by room in it.
        let slot = full();
        let gone = PartitionState::Waiting(Error::new(Status::NotFound, "deleted"));
        slot.enter().wait(Error::new(Status::NotFound, "deleted"));
        slot.shared.budget.set_table(0);
        assert!(!slot.look_for_room());
        assert_eq!(slot.contribute(2, false).unwrap().state, gone);
    }

    #[test]
    fn a_partition_that_waits_for_room_is_not_let_go_by_anything_else() {
        let slot = slot_that_panics();
        slot.shared.budget.set_table(1 << 20);
        let full = slot.shared.budget.why_full(0).unwrap();
        assert!(!slot.look_for_room());
        assert_eq!(slot.held_back_by(), None, "no cycle has said so");
        assert_eq!(slot.contribute(1, false).unwrap().state, PartitionState::Waiting(full.clone()));
        assert_eq!(slot.held_back_by(), Some(full.clone()));
        slot.enter().end_of_log(0, 0);
        assert!(!slot.look_for_room() && !slot.has_news());
        assert_eq!(slot.held_back_by(), Some(full));
        slot.shared.budget.set_table(0);
        assert!(slot.look_for_room() && !slot.look_for_room());
        assert_eq!(slot.contribute(1, false).unwrap().state, PartitionState::Reading);
    }
}
