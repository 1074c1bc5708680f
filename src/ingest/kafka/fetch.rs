//! Reading: threads that serve partition queues through librdkafka's consume callback, and decode inside it.
//!
//! Each partition has a queue of its own that is forwarded nowhere, and belongs to one ingest thread. librdkafka puts the
//! partition on that thread's ready list when records arrive; the thread serves the whole queue in one call. A partition
//! that has stopped, or finds no room in the budget, is simply not served: its queue fills, and librdkafka stops fetching
//! it. Seeking happens on the partition's own thread, between two serves, so that no record slips in between.

use std::collections::VecDeque;
use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, RwLock};
use rdkafka::bindings as rd;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;

use super::client::{Client, PartitionList, Queue, describe, is_retriable, kafka_error, string};
use super::watch::{Lost, Watch};
use crate::error::{Error, Result, Status};
use crate::ingest::slot::{Flow, Next, Serving, Slot, panic_message};
use crate::ingest::slots::{Beginning, Slots};
use crate::ingest::{Source, Timeout};
use crate::log::{Level, now_ns};
use crate::options::Plan;
use crate::rows::{Header, Record, RecordTime};
use crate::table::PartitionState;

/// How long the events thread waits for librdkafka at a time. Who wants something of it ends the wait.
const EVENTS_SLICE_MS: i32 = 1000;

/// A running source. Dropping it without [`Source::close`] closes it.
pub struct Fetch {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads of a source share.
pub(super) struct Shared {
    pub plan: Plan,
    pub slots: Arc<Slots>,
    /// Answers questions; a handle that fetches would let them wait behind a fetch.
    pub control: Client,
    pub watch: Watch,
    /// Fetches.
    data: Client,
    topic: CString,
    /// One for each slot, in the same order.
    feeds: RwLock<Vec<Arc<Feed>>>,
    ready: Vec<Arc<ReadyList>>,
    stopping: AtomicBool,
}

/// One partition as its ingest thread sees it.
pub(super) struct Feed {
    pub slot: Arc<Slot>,
    /// Which of the ready lists, and so which thread.
    list: usize,
    /// Taken when the source closes, before the handle is destroyed.
    queue: Mutex<Option<Arc<Queue>>>,
    /// What librdkafka's callback gets; lives as long as the callback is set.
    _arrival: Arc<Arrival>,
    /// Whether librdkafka fetches the partition.
    assigned: AtomicBool,
    /// How often librdkafka was sent to another offset: what somebody has found out about an earlier place is outdated.
    seeks: AtomicU64,
    /// Where a reset goes on, once the cluster has said what there is.
    reset: Mutex<Option<Reset>>,
}

/// Where a partition is to go on that cannot where it is.
struct Reset {
    /// The offset, or why there is none.
    target: Result<i64>,
    /// How many seeks had been when it lost its place; `None`: however many.
    seeks: Option<u64>,
}

impl Feed {
    /// How often librdkafka was sent to another offset.
    pub fn seeks(&self) -> u64 {
        self.seeks.load(Ordering::Acquire)
    }
}

/// Puts a partition on its thread's ready list.
struct Arrival {
    list: Arc<ReadyList>,
    feed: usize,
}

/// Partitions of one thread that have something to do.
#[derive(Default)]
struct ReadyList {
    queue: Mutex<Ready>,
    came: Condvar,
}

#[derive(Default)]
struct Ready {
    feeds: VecDeque<usize>,
    /// Which feeds are in the list, so that none is in it twice.
    listed: Vec<bool>,
    stopping: bool,
}

impl ReadyList {
    fn push(&self, feed: usize) {
        let mut ready = self.queue.lock();
        if ready.listed.len() <= feed {
            ready.listed.resize(feed + 1, false);
        }
        if !std::mem::replace(&mut ready.listed[feed], true) {
            ready.feeds.push_back(feed);
            drop(ready);
            self.came.notify_one();
        }
    }

    /// The next partition; `None` once the source is closing.
    fn pop(&self) -> Option<usize> {
        let mut ready = self.queue.lock();
        loop {
            if ready.stopping {
                return None;
            }
            if let Some(feed) = ready.feeds.pop_front() {
                ready.listed[feed] = false;
                return Some(feed);
            }
            self.came.wait(&mut ready);
        }
    }

    fn stop(&self) {
        self.queue.lock().stopping = true;
        self.came.notify_all();
    }
}

impl Fetch {
    pub(super) fn start(
        plan: &Plan,
        control: Client,
        data: Client,
        beginnings: &[Beginning],
        slots: &Arc<Slots>,
    ) -> Result<Fetch> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let thread_count = plan.ingest_threads.unwrap_or(cores).min(slots.all().len()).max(1);
        let topic =
            CString::new(&*plan.topic).map_err(|_| Error::argument("topic", "the name holds a NUL character"))?;
        // SAFETY: the handle is alive. Errors now come to the consumer queue, which the events thread polls.
        unsafe { rd::rd_kafka_poll_set_consumer(data.as_ptr()) };
        let shared = Arc::new(Shared {
            plan: plan.clone(),
            slots: Arc::clone(slots),
            control,
            watch: Watch::default(),
            data,
            topic,
            feeds: RwLock::default(),
            ready: (0..thread_count).map(|_| Arc::default()).collect(),
            stopping: AtomicBool::new(false),
        });
        // From here on `Fetch` takes care of the end, also if something below fails.
        let mut fetch = Fetch { shared, threads: Vec::with_capacity(thread_count + 2) };
        let mut assignment = PartitionList::new(beginnings.len());
        for (beginning, slot) in beginnings.iter().zip(slots.all().iter()) {
            let reading = !beginning.state.is_over();
            if reading {
                assignment.add(&plan.topic, beginning.partition, beginning.offset)?;
            }
            fetch.shared.feed(Arc::clone(slot), reading)?;
        }
        // SAFETY: handle and list are alive; the call copies the list.
        let code = unsafe { rd::rd_kafka_assign(fetch.shared.data.as_ptr(), assignment.as_ptr()) };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(kafka_error(code, "assigning partitions"));
        }
        for list in 0..thread_count {
            let shared = Arc::clone(&fetch.shared);
            fetch.spawn(format!("karrow-ingest-{list}"), move || shared.ingest(list))?;
        }
        let shared = Arc::clone(&fetch.shared);
        fetch.spawn("karrow-events".to_owned(), move || shared.serve_events())?;
        let shared = Arc::clone(&fetch.shared);
        fetch.spawn("karrow-watch".to_owned(), move || shared.watch())?;
        Ok(fetch)
    }

    fn spawn(&mut self, name: String, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name).spawn(work);
        let thread = thread
            .map_err(|error| Error::new(Status::Limit, format!("the system gives no further thread: {error}")))?;
        self.threads.push(thread);
        Ok(())
    }

    /// The order matters: librdkafka hangs for ever in destroy while a queue of ours is alive.
    fn stop(&mut self) {
        let shared = &self.shared;
        if shared.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        for list in &shared.ready {
            list.stop();
        }
        for feed in shared.feeds.read().iter() {
            feed.slot.interrupt();
        }
        shared.watch.wake();
        shared.end_events_wait();
        for thread in self.threads.drain(..) {
            // A panic outside decoding has nothing left to protect.
            let _ = thread.join();
        }
        for feed in shared.feeds.read().iter() {
            if let Some(queue) = feed.queue.lock().take() {
                // SAFETY: the queue is alive; after this call librdkafka does not use `arrival` any more.
                unsafe { rd::rd_kafka_queue_cb_event_enable(queue.as_ptr(), None, ptr::null_mut()) };
            }
        }
        // SAFETY: the handle is alive, and nobody else uses it any more. It is destroyed with `shared`.
        unsafe { rd::rd_kafka_consumer_close(shared.data.as_ptr()) };
    }
}

impl Source for Fetch {
    fn wake(&self, slot: usize) {
        self.shared.wake(slot);
    }

    fn log_end(&self, slot: usize) -> Option<i64> {
        let partition = self.shared.feeds.read().get(slot)?.slot.partition();
        self.shared.data.known_end(&self.shared.topic, partition)
    }

    fn commit(&self, offsets: &[(i32, i64)], timeout: Timeout) -> Result<()> {
        self.shared.commit(offsets, timeout)
    }

    fn may_commit(&self, offsets: Vec<(i32, i64)>) {
        self.shared.watch.may_commit(offsets);
    }

    fn close(mut self: Box<Self>) {
        self.stop();
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Makes the slot of the next index, which this returns, known to an ingest thread. Before the partition is assigned:
    /// this keeps its records off the consumer's own queue.
    fn feed(&self, slot: Arc<Slot>, assigned: bool) -> Result<usize> {
        let mut feeds = self.feeds.write();
        let list = feeds.len() % self.ready.len();
        let queue = Queue::of_partition(&self.data, &self.topic, slot.partition())?;
        let arrival = Arc::new(Arrival { list: Arc::clone(&self.ready[list]), feed: feeds.len() });
        // SAFETY: queue and handle are alive. `arrival` stays where it is until the callback is unset.
        unsafe {
            rd::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut());
            rd::rd_kafka_queue_cb_event_enable(
                queue.as_ptr(),
                Some(on_arrival),
                Arc::as_ptr(&arrival).cast_mut().cast(),
            );
        }
        feeds.push(Arc::new(Feed {
            slot,
            list,
            queue: Mutex::new(Some(Arc::new(queue))),
            _arrival: arrival,
            assigned: AtomicBool::new(assigned),
            seeks: AtomicU64::new(0),
            reset: Mutex::new(None),
        }));
        Ok(feeds.len() - 1)
    }

    /// Begins to read a partition that the topic has got since.
    pub fn add(&self, beginning: &Beginning) -> Result<()> {
        let index = self.feed(self.slots.add(beginning)?, false)?;
        self.reset(index, Ok(beginning.offset), None);
        Ok(())
    }

    /// All partitions.
    pub fn feeds(&self) -> Vec<Arc<Feed>> {
        self.feeds.read().clone()
    }

    /// Whether the source is being closed.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Sends a partition to another offset, or fails it; its own thread does that, unless the partition has been sent
    /// somewhere since it had so many `seeks` behind it (`None`: even then).
    pub fn reset(&self, index: usize, target: Result<i64>, seeks: Option<u64>) {
        if let Some(feed) = self.feeds.read().get(index) {
            *feed.reset.lock() = Some(Reset { target, seeks });
        }
        self.wake(index);
    }

    fn wake(&self, index: usize) {
        let list = self.feeds.read().get(index).map(|feed| feed.list);
        if let Some(list) = list {
            self.ready[list].push(index);
        }
    }

    /// Ends the events thread's wait, or its next one.
    fn end_events_wait(&self) {
        // SAFETY: the handle is alive; the reference to its queue is given back at once.
        unsafe {
            let queue = rd::rd_kafka_queue_get_consumer(self.data.as_ptr());
            if !queue.is_null() {
                rd::rd_kafka_queue_yield(queue);
                rd::rd_kafka_queue_destroy(queue);
            }
        }
    }

    pub fn say(&self, level: Level, text: &str) {
        if let Some(log) = &self.plan.log {
            log.push(level, "karrow", text);
        }
    }

    /// One ingest thread.
    fn ingest(&self, list: usize) {
        while let Some(index) = self.ready[list].pop() {
            let Some(feed) = self.feeds.read().get(index).cloned() else { continue };
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                self.move_on(&feed);
                self.serve(&feed)
            }));
            // A panic outside decoding: this partition has to be given up, and the thread's others not.
            let outcome = outcome.unwrap_or_else(|panic| {
                let text = format!("karrow panicked while it served a partition: {}", panic_message(&*panic));
                feed.slot.enter().fail(Error::new(Status::Panic, text));
                Outcome::default()
            });
            if let Some(lost) = outcome.lost {
                self.watch.find(index, lost, feed.seeks());
            }
            if outcome.more {
                self.ready[list].push(index);
            }
        }
    }

    /// Carries out what somebody asked of a partition: a reset, a resume.
    fn move_on(&self, feed: &Feed) {
        let reset = feed.reset.lock().take();
        let reset = reset.filter(|reset| reset.seeks.is_none_or(|seeks| seeks == feed.seeks()));
        match reset.map(|reset| reset.target) {
            None => {}
            Some(Ok(offset)) => {
                feed.slot.enter().jump(offset);
                self.seek(feed, offset);
            }
            Some(Err(error)) => {
                feed.slot.enter().fail(error);
            }
        }
        match feed.slot.take_resume() {
            None | Some(Next::Behind) => {}
            Some(Next::Seek(offset)) => self.seek(feed, offset),
        }
        if feed.slot.is_finished()
            && let Err(error) = self.leave(feed)
        {
            // What librdkafka goes on fetching is never served: its queue fills, and then it stops.
            self.say(Level::Warning, error.message());
        }
    }

    /// Fetches a partition from another offset on. Only on its own thread: what its queue still holds is outdated by the
    /// time it is served again.
    fn seek(&self, feed: &Feed, offset: i64) {
        let partition = feed.slot.partition();
        feed.seeks.fetch_add(1, Ordering::AcqRel);
        let mut outcome = self.leave(feed);
        if outcome.is_ok() {
            outcome = self.assign(partition, offset, rd::rd_kafka_incremental_assign);
        }
        match outcome {
            Ok(()) => feed.assigned.store(true, Ordering::Release),
            Err(error) => {
                feed.slot.enter().fail(error);
            }
        }
    }

    /// Fetches a partition no more. Only on its own thread.
    fn leave(&self, feed: &Feed) -> Result<()> {
        if feed.assigned.swap(false, Ordering::AcqRel) {
            self.assign(feed.slot.partition(), 0, rd::rd_kafka_incremental_unassign)?;
        }
        Ok(())
    }

    fn assign(
        &self,
        partition: i32,
        offset: i64,
        change: unsafe extern "C" fn(
            *mut rd::rd_kafka_t,
            *const rd::rd_kafka_topic_partition_list_t,
        ) -> *mut rd::rd_kafka_error_t,
    ) -> Result<()> {
        let mut list = PartitionList::new(1);
        list.add(&self.plan.topic, partition, offset)?;
        // SAFETY: handle and list are alive; the call copies the list. The error is ours to destroy.
        unsafe {
            let error = change(self.data.as_ptr(), list.as_ptr().cast_const());
            let code = rd::rd_kafka_error_code(error);
            rd::rd_kafka_error_destroy(error);
            if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(kafka_error(code, "seeking")) }
        }
    }

    /// Decodes what a partition's queue holds, until it is empty or the partition has to stop.
    fn serve(&self, feed: &Feed) -> Outcome {
        let Some(queue) = feed.queue.lock().clone() else { return Outcome::default() };
        let Some(serving) = feed.slot.serve() else { return Outcome::default() };
        let mut context = Serve {
            source: self,
            serving,
            partition: feed.slot.partition(),
            receive_time_ns: now_ns(),
            wants_headers: self.slots.want_headers(),
            outcome: Outcome::default(),
        };
        // SAFETY: the queue is alive, the callback's argument is `context`, which nobody else uses during the call. The
        // queue is a partition's: the only one on which librdkafka serves nothing but records and their errors.
        unsafe {
            rd::rd_kafka_consume_callback_queue(queue.as_ptr(), 0, Some(on_record), (&raw mut context).cast());
        }
        context.outcome
    }

    /// The thread that keeps librdkafka's main queue empty.
    fn serve_events(&self) {
        let mut outage = Outage::default();
        while !self.is_stopping() {
            // SAFETY: the handle is alive; the message, if any, is ours to destroy. Records never come here, because
            // every partition has a queue of its own.
            unsafe {
                let message = rd::rd_kafka_consumer_poll(self.data.as_ptr(), EVENTS_SLICE_MS);
                if !message.is_null() {
                    let text = string(rd::rd_kafka_message_errstr(message));
                    self.say(Level::Warning, &text);
                    rd::rd_kafka_message_destroy(message);
                }
            }
            self.control.serve_events();
            self.watch_brokers(&mut outage);
        }
    }

    /// Shows on every partition that no broker can be used, which librdkafka tells to nobody in particular, and takes it
    /// back once one answers.
    fn watch_brokers(&self, outage: &mut Outage) {
        let change = |from: &PartitionState, to: &dyn Fn(&mut Serving<'_>)| {
            for feed in self.feeds() {
                let mut entered = feed.slot.enter();
                if entered.state() == from {
                    to(&mut entered);
                }
            }
        };
        match outage.shown.take() {
            None => {
                let Some(error) = self.data.outage() else { return };
                self.say(Level::Warning, error.message());
                // Who waits for something else goes on waiting for that.
                change(&PartitionState::Reading, &|entered| entered.wait(error.clone()));
                *outage = Outage { shown: Some(error), slice_ms: 0 };
            }
            Some(error) if self.data.is_answered(&mut outage.slice_ms) => {
                self.data.forget_troubles();
                change(&PartitionState::Waiting(error), &|entered| entered.go_on());
            }
            still => outage.shown = still,
        }
    }
}

/// A time in which no broker can be used.
#[derive(Default)]
struct Outage {
    /// What partitions say about it, if there is one.
    shown: Option<Error>,
    /// How long the last look at whether it is over took.
    slice_ms: i32,
}

/// What came of serving a queue.
#[derive(Default)]
struct Outcome {
    /// There may be more in the queue.
    more: bool,
    /// The broker says that the position is not in the log.
    lost: Option<Lost>,
}

/// The callback's argument.
struct Serve<'a> {
    source: &'a Shared,
    serving: Serving<'a>,
    partition: i32,
    receive_time_ns: i64,
    wants_headers: bool,
    outcome: Outcome,
}

/// librdkafka has put something into an empty queue. Called with its locks held: only takes note.
unsafe extern "C" fn on_arrival(_: *mut rd::rd_kafka_t, arrival: *mut c_void) {
    // SAFETY: set in `Fetch::start`, and alive until the callback is unset.
    let arrival = unsafe { &*arrival.cast::<Arrival>() };
    arrival.list.push(arrival.feed);
}

/// One record, or an error in a record's place. Nothing in here is kept once it returns.
unsafe extern "C" fn on_record(message: *mut rd::rd_kafka_message_t, context: *mut c_void) {
    // SAFETY: `Shared::serve` passes its `Serve`, which nobody else uses during the call.
    let serve = unsafe { &mut *context.cast::<Serve<'_>>() };
    // SAFETY: librdkafka lends the message for the call.
    let lent = unsafe { &*message };
    let flow = if lent.err == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
        // SAFETY: the message is alive, and holds a record.
        unsafe { serve.record(message) }
    } else {
        // SAFETY: as above; its payload is a text.
        serve.error(lent.err, lent.offset, &unsafe { string(rd::rd_kafka_message_errstr(message)) })
    };
    if flow == Flow::Stop {
        serve.outcome.more = true;
        // SAFETY: the handle is alive. The rest of the queue stays where it is, in order.
        unsafe { rd::rd_kafka_yield(serve.source.data.as_ptr()) };
    }
}

impl Serve<'_> {
    /// # Safety
    /// The message is alive and holds a record.
    unsafe fn record(&mut self, message: *mut rd::rd_kafka_message_t) -> Flow {
        // SAFETY: alive, says the caller.
        let lent = unsafe { &*message };
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: alive, says the caller.
        let (time, epoch) =
            unsafe { (rd::rd_kafka_message_timestamp(message, &mut kind), rd::rd_kafka_message_leader_epoch(message)) };
        let timestamp = match kind {
            // Kafka's own way to say that a record has none.
            _ if time == -1 => RecordTime::None,
            rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => RecordTime::Create(time),
            rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => RecordTime::LogAppend(time),
            rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => RecordTime::None,
        };
        // SAFETY: alive, says the caller; the headers live as long as the message.
        let all_headers = || unsafe { headers(message) };
        let headers = if self.wants_headers { all_headers() } else { Vec::new() };
        let record = Record {
            offset: lent.offset,
            timestamp,
            receive_time_ns: self.receive_time_ns,
            leader_epoch: (epoch >= 0).then_some(epoch),
            // SAFETY: pointer and length belong together, and live as long as the message.
            key: unsafe { bytes(lent.key, lent.key_len) },
            // SAFETY: as above.
            value: unsafe { bytes(lent.payload, lent.len) },
            headers: &headers,
        };
        self.serving.offer(&record, &all_headers)
    }

    fn error(&mut self, code: Code, offset: i64, text: &str) -> Flow {
        use Code::*;
        match code {
            RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                let high = self.source.data.known_end(&self.source.topic, self.partition);
                self.serving.end_of_log(offset, high.unwrap_or(offset))
            }
            RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET | RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE => {
                // Only the text tells the one from the other.
                let truncated = text.contains(&describe(RD_KAFKA_RESP_ERR__LOG_TRUNCATION));
                self.outcome.lost = Some(if truncated { Lost::Truncated } else { Lost::OutOfRange });
                Flow::Continue
            }
            // librdkafka goes on by itself when the topic, the rights or the broker come back.
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
            | RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
            | RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => self.wait(code, text),
            code if is_retriable(code) => self.wait(code, text),
            // A record that cannot be read, or something nobody has thought of: going on might lose it.
            _ => {
                let error = self.located(code, text);
                self.serving.fail(error)
            }
        }
    }

    fn wait(&mut self, code: Code, text: &str) -> Flow {
        let error = self.located(code, text);
        self.serving.wait(error);
        Flow::Continue
    }

    fn located(&self, code: Code, text: &str) -> Error {
        let (topic, partition) = (&*self.source.plan.topic, self.partition);
        // Some of librdkafka's texts begin with the partition, in a spelling of their own.
        let own = format!("{topic} [{partition}]: ");
        let context = format!("{topic}[{partition}]: {}", text.strip_prefix(&own).unwrap_or(text));
        kafka_error(code, &context).with_detail("topic", topic)
    }
}

/// # Safety
/// The message is alive.
unsafe fn headers<'a>(message: *mut rd::rd_kafka_message_t) -> Vec<Header<'a>> {
    let mut list = ptr::null_mut();
    let mut headers = Vec::new();
    // SAFETY: alive, says the caller. What the calls below hand out lives as long as the message.
    unsafe {
        if rd::rd_kafka_message_headers(message, &mut list) != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return headers;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        while rd::rd_kafka_header_get_all(list, headers.len(), &mut name, &mut value, &mut size)
            == Code::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            let key = std::ffi::CStr::from_ptr(name).to_bytes();
            headers.push(Header { key, value: bytes(value.cast_mut(), size) });
        }
    }
    headers
}

/// Kafka's null is NULL; an empty payload is not.
///
/// # Safety
/// NULL, or `length` bytes that live as long as the slice.
unsafe fn bytes<'a>(start: *mut c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller says.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}
