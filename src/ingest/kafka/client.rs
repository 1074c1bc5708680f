//! A librdkafka handle that frees itself, and the questions karrow asks of a cluster before and beside reading.
//!
//! Every question is asynchronous and waited for in short slices, so that wakeup, close and the caller's time end it
//! whatever the brokers do.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::bindings as rd;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;

use super::trouble::{Troubles, explain_certificate};
use crate::error::{Error, Result, Status};
use crate::log::{Level, Log};
use crate::options::secrets::{Secrets, is_secret};

/// How long a wait may go on before it looks whether it should end.
const SLICE_MS: c_int = 20;
/// The same for metadata requests, which cannot be waited for in slices: each try takes longer, for the sake of far
/// clusters, but not so long that wakeup and close would seem to hang.
const FIRST_METADATA_SLICE_MS: c_int = 100;
const LAST_METADATA_SLICE_MS: c_int = 500;
/// The same while nothing can be read anyway: a broker that has just come back may be slow.
const LONGEST_SLICE_MS: c_int = 1000;
/// How many times brokers have to say that there is no such topic: one of them may not have heard yet of a topic that has
/// just been created.
const ANSWERS_FOR_NO_TOPIC: u32 = 4;
/// How long a broker may take to say a topic's id before it is asked again; and how long librdkafka takes at most to notice
/// that it has not, as it looks once a second.
const TOPIC_ID_TIMEOUT_MS: c_int = 1000;
const TOPIC_ID_END_MS: c_int = TOPIC_ID_TIMEOUT_MS + 3000;
/// Properties that give the client a certificate of its own.
const CLIENT_CERTIFICATES: [&str; 3] = ["ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"];

/// A librdkafka handle.
pub struct Client {
    handle: NonNull<rd::rd_kafka_t>,
    /// librdkafka's callbacks hold its address until the handle is destroyed.
    context: Arc<Context>,
    /// Where answers will come that nobody waits for any more, and that the handle has to outlive.
    unanswered: Mutex<Vec<Queue>>,
}

// SAFETY: librdkafka's handles may be used from any thread, and `Context` synchronises itself.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

/// What librdkafka's callbacks write to.
struct Context {
    log: Option<Log>,
    secrets: Secrets,
    last_error: Mutex<Option<String>>,
    troubles: Troubles,
    /// What OpenSSL has to say about keys and certificates while the handle is made; `None` once it is.
    complaints: Mutex<Option<Vec<String>>>,
}

impl Client {
    /// Makes a consumer handle. Nothing is asked of any broker before the first question.
    pub fn new(properties: &BTreeMap<String, String>, log: Option<Log>) -> Result<Client> {
        let configuration = Configuration::new(properties)?;
        let secrets = Secrets::new(properties);
        let context = Arc::new(Context {
            log,
            secrets,
            last_error: Mutex::new(None),
            troubles: Troubles::new(CLIENT_CERTIFICATES.iter().any(|key| properties.contains_key(*key))),
            complaints: Mutex::new(Some(Vec::new())),
        });
        let mut text = [0; 512];
        // SAFETY: the configuration is alive; the context outlives the handle, because `Client` drops it later; on
        // success librdkafka takes the configuration over.
        let handle = unsafe {
            rd::rd_kafka_conf_set_opaque(configuration.0.as_ptr(), Arc::as_ptr(&context).cast_mut().cast());
            rd::rd_kafka_conf_set_log_cb(configuration.0.as_ptr(), Some(on_log));
            rd::rd_kafka_conf_set_error_cb(configuration.0.as_ptr(), Some(on_error));
            if verifies_certificates(properties) {
                rd::rd_kafka_conf_set_ssl_cert_verify_cb(configuration.0.as_ptr(), Some(on_certificate));
            }
            rd::rd_kafka_new(
                rd::rd_kafka_type_t::RD_KAFKA_CONSUMER,
                configuration.0.as_ptr(),
                text.as_mut_ptr(),
                text.len(),
            )
        };
        let complaints = context.complaints.lock().take().unwrap_or_default();
        match NonNull::new(handle) {
            Some(handle) => {
                std::mem::forget(configuration);
                Ok(Client { handle, context, unanswered: Mutex::new(Vec::new()) })
            }
            None => {
                // SAFETY: librdkafka wrote a terminated text into the buffer.
                let text = context.secrets.redact(unsafe { string(text.as_ptr()) });
                let hint = if complaints.is_empty() { String::new() } else { format!(" ({})", complaints.join(", ")) };
                Err(Error::new(Status::Kafka, format!("librdkafka refused the configuration: {text}{hint}")))
            }
        }
    }

    /// The handle, for calls that have no method here.
    pub fn as_ptr(&self) -> *mut rd::rd_kafka_t {
        self.handle.as_ptr()
    }

    /// Lets librdkafka say what it has to say about brokers.
    pub fn serve_events(&self) {
        // SAFETY: the handle is alive.
        unsafe { rd::rd_kafka_poll(self.as_ptr(), 0) };
    }

    /// The last thing librdkafka said about a broker it could not use, or the one that matters more.
    pub fn last_error(&self) -> Option<String> {
        self.context.troubles.refused().or_else(|| self.context.last_error.lock().clone())
    }

    /// Why it is of no use to wait any longer: the brokers refuse this client, and will again.
    pub fn refusal(&self) -> Option<Error> {
        self.context.troubles.verdict()
    }

    /// Why no broker can be used, if none can.
    pub fn outage(&self) -> Option<Error> {
        let text = self.context.troubles.outage()?;
        let code = Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
        let error = Error::new(Status::Kafka, format!("no broker can be used for now: {text}"));
        Some(error.with_kafka_code(code as i32).retriable())
    }

    /// A broker has answered: what went wrong before is over.
    pub fn forget_troubles(&self) {
        self.context.troubles.forget();
        *self.context.last_error.lock() = None;
    }

    /// Whether a broker answers at all. Each try takes longer, as for [`Client::partitions`], and `slice_ms` is how long the
    /// last one took, 0 for none.
    pub fn is_answered(&self, slice_ms: &mut c_int) -> bool {
        *slice_ms = (*slice_ms * 2).clamp(FIRST_METADATA_SLICE_MS, LONGEST_SLICE_MS);
        let mut metadata = ptr::null();
        // SAFETY: the handle is alive; the answer, if any, is ours to destroy.
        unsafe {
            let code = rd::rd_kafka_metadata(self.as_ptr(), 0, ptr::null_mut(), &mut metadata, *slice_ms);
            if !metadata.is_null() {
                rd::rd_kafka_metadata_destroy(metadata);
            }
            code == Code::RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// What the cluster says about a topic. As a by-product the handle knows the partitions' leaders.
    pub fn topic(&self, topic: &str, wait: &dyn Waiting) -> Result<Topic> {
        let mut slice_ms = FIRST_METADATA_SLICE_MS;
        let mut answers_for_none = 0;
        loop {
            wait.go_on(self)?;
            match self.try_topic(topic, slice_ms) {
                Err(error) if error.status() == Status::NotFound && answers_for_none + 1 < ANSWERS_FOR_NO_TOPIC => {
                    answers_for_none += 1;
                    self.serve_events();
                    self.pause(wait)?;
                }
                Err(error) if error.is_retriable() => {
                    self.serve_events();
                    slice_ms = (slice_ms * 2).min(LAST_METADATA_SLICE_MS);
                    if error.kafka_code() != Code::RD_KAFKA_RESP_ERR__TIMED_OUT as i32 {
                        self.pause(wait)?;
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// One metadata request. It is the only question librdkafka has no asynchronous call for that works with every
    /// cluster: describing topics wants to know the controller, which the embedded cluster does not have.
    fn try_topic(&self, topic: &str, timeout_ms: c_int) -> Result<Topic> {
        let name = topic_name(topic)?;
        // SAFETY: handle and name are alive; topic handle and answer are destroyed below, after their last use.
        unsafe {
            let handle = rd::rd_kafka_topic_new(self.as_ptr(), name.as_ptr(), ptr::null_mut());
            if handle.is_null() {
                return Err(topic_error(topic, rd::rd_kafka_last_error()));
            }
            let mut metadata = ptr::null();
            let code = rd::rd_kafka_metadata(self.as_ptr(), 0, handle, &mut metadata, timeout_ms);
            rd::rd_kafka_topic_destroy(handle);
            if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(kafka_error(code, "asking for the topic's partitions"));
            }
            let topics = slice((*metadata).topics, usize::try_from((*metadata).topic_cnt).unwrap_or(0));
            let outcome = match topics.first() {
                None => Err(Error::internal("no topic in the answer")),
                Some(found) if found.err != Code::RD_KAFKA_RESP_ERR_NO_ERROR => Err(topic_error(topic, found.err)),
                Some(found) => {
                    let partitions = slice(found.partitions, usize::try_from(found.partition_cnt).unwrap_or(0));
                    let mut partitions: Vec<i32> = partitions.iter().map(|partition| partition.id).collect();
                    partitions.sort_unstable();
                    Ok(Topic { partitions, answered_by: (*metadata).orig_broker_id })
                }
            };
            rd::rd_kafka_metadata_destroy(metadata);
            outcome
        }
    }

    /// The id that the cluster gave the topic when it was created, so that one that was created again can be told apart;
    /// `None` if the cluster gives none. `broker` is one that answers.
    pub fn topic_id(&self, topic: &str, broker: i32, wait: &dyn Waiting) -> Result<Option<TopicId>> {
        let name = topic_name(topic)?;
        self.ask(
            wait,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            |options, queue| {
                let mut text = [0; 512];
                let mut names = [name.as_ptr()];
                // SAFETY: everything passed is alive, and the call copies it; the collection is destroyed here.
                unsafe {
                    // Any broker knows. Unless told which, librdkafka waits for the controller, which some clusters hide.
                    rd::rd_kafka_AdminOptions_set_broker(options, broker, text.as_mut_ptr(), text.len());
                    rd::rd_kafka_AdminOptions_set_request_timeout(
                        options,
                        TOPIC_ID_TIMEOUT_MS,
                        text.as_mut_ptr(),
                        text.len(),
                    );
                    let topics = rd::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
                    rd::rd_kafka_DescribeTopics(self.as_ptr(), topics, options, queue);
                    rd::rd_kafka_TopicCollection_destroy(topics);
                }
            },
            |event| {
                // SAFETY: the event is the answer to this question, and outlives everything taken from it here.
                unsafe {
                    let mut count = 0;
                    let result = rd::rd_kafka_event_DescribeTopics_result(event);
                    let topics = rd::rd_kafka_DescribeTopics_result_topics(result, &mut count);
                    let Some(found) = slice(topics, count).first() else { return Ok(None) };
                    let code = rd::rd_kafka_error_code(rd::rd_kafka_TopicDescription_error(*found));
                    if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                        return Err(topic_error(topic, code));
                    }
                    let id = rd::rd_kafka_TopicDescription_topic_id(*found);
                    let id = TopicId(
                        rd::rd_kafka_Uuid_most_significant_bits(id),
                        rd::rd_kafka_Uuid_least_significant_bits(id),
                    );
                    Ok((id != TopicId(0, 0)).then_some(id))
                }
            },
        )
    }

    /// One offset of each of these partitions. With `committed` the log ends where the first open transaction begins. A
    /// time behind all records has no offset.
    pub fn offsets(
        &self,
        topic: &str,
        asked: &[(i32, Which)],
        committed: bool,
        wait: &dyn Waiting,
    ) -> Result<BTreeMap<i32, i64>> {
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut list = PartitionList::new(asked.len());
        for (partition, which) in asked {
            let spec = match which {
                Which::Oldest => rd::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST as i64,
                Which::End => rd::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST as i64,
                Which::Time(ms) => *ms,
            };
            list.add(topic, *partition, spec)?;
        }
        self.ask(
            wait,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
            |options, queue| {
                // SAFETY: options, list and queue are alive; the call copies the list.
                unsafe {
                    if committed {
                        let level = rd::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
                        let error = rd::rd_kafka_AdminOptions_set_isolation_level(options, level);
                        rd::rd_kafka_error_destroy(error);
                    }
                    rd::rd_kafka_ListOffsets(self.as_ptr(), list.as_ptr(), options, queue);
                }
            },
            |event| {
                let mut offsets = BTreeMap::new();
                // SAFETY: the event is the answer to this question, and outlives everything taken from it here.
                unsafe {
                    let result = rd::rd_kafka_event_ListOffsets_result(event);
                    let mut count = 0;
                    let infos = rd::rd_kafka_ListOffsets_result_infos(result, &mut count);
                    for info in slice(infos, count) {
                        let partition = &*rd::rd_kafka_ListOffsetsResultInfo_topic_partition(*info);
                        if partition.err != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                            return Err(partition_error(topic, partition.partition, partition.err));
                        }
                        if partition.offset >= 0 {
                            offsets.insert(partition.partition, partition.offset);
                        }
                    }
                }
                Ok(offsets)
            },
        )
    }

    /// Behind the newest record of a partition that this handle fetches, as far as it has heard.
    pub fn known_end(&self, topic: &CStr, partition: i32) -> Option<i64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the handle, the name and both numbers are alive.
        let code = unsafe {
            rd::rd_kafka_get_watermark_offsets(self.as_ptr(), topic.as_ptr(), partition, &mut low, &mut high)
        };
        (code == Code::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }

    /// Commits offsets for a group, all or with an error that says which it could not.
    ///
    /// This asks as somebody who manages groups does. A commit of the handle's own would hold up its end until the brokers
    /// have answered, or have had their whole time to.
    pub fn commit(&self, group: &str, topic: &str, offsets: &[(i32, i64)], wait: &dyn Waiting) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let name = group_name(group)?;
        let mut list = PartitionList::new(offsets.len());
        for (partition, offset) in offsets {
            list.add(topic, *partition, *offset)?;
        }
        self.ask(
            wait,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
            |options, queue| {
                // SAFETY: everything passed is alive, and the call copies it; the request is destroyed here.
                unsafe {
                    let mut request = rd::rd_kafka_AlterConsumerGroupOffsets_new(name.as_ptr(), list.as_ptr());
                    rd::rd_kafka_AlterConsumerGroupOffsets(self.as_ptr(), &mut request, 1, options, queue);
                    rd::rd_kafka_AlterConsumerGroupOffsets_destroy(request);
                }
            },
            |event| {
                // SAFETY: the event is the answer to this question, and outlives everything taken from it here.
                unsafe {
                    let result = rd::rd_kafka_event_AlterConsumerGroupOffsets_result(event);
                    let mut count = 0;
                    let groups = rd::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &mut count);
                    group_partitions(group, topic, slice(groups, count)).map(drop)
                }
            },
        )
    }

    /// The offsets that a group has committed for these partitions; those without one are left out.
    pub fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
        wait: &dyn Waiting,
    ) -> Result<BTreeMap<i32, i64>> {
        let name = group_name(group)?;
        let mut list = PartitionList::new(partitions.len());
        for partition in partitions {
            list.add(topic, *partition, i64::from(rd::RD_KAFKA_OFFSET_INVALID))?;
        }
        self.ask(
            wait,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
            |options, queue| {
                // SAFETY: everything passed is alive, and the call copies it; the request is destroyed here.
                unsafe {
                    let mut request = rd::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), list.as_ptr());
                    rd::rd_kafka_ListConsumerGroupOffsets(self.as_ptr(), &mut request, 1, options, queue);
                    rd::rd_kafka_ListConsumerGroupOffsets_destroy(request);
                }
            },
            |event| {
                let mut offsets = BTreeMap::new();
                // SAFETY: the event is the answer to this question, and outlives everything taken from it here.
                unsafe {
                    let result = rd::rd_kafka_event_ListConsumerGroupOffsets_result(event);
                    let mut count = 0;
                    let groups = rd::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
                    for partition in group_partitions(group, topic, slice(groups, count))? {
                        if partition.offset >= 0 {
                            offsets.insert(partition.partition, partition.offset);
                        }
                    }
                }
                Ok(offsets)
            },
        )
        .map_err(|error| {
            if error.status() != Status::Kafka {
                return error;
            }
            let message = format!(
                "group.id: the committed offsets of group {group} cannot be read ({}); let the user describe the group, \
                 or give start offsets",
                error.message()
            );
            Error::new(Status::Kafka, message).with_kafka_code(error.kafka_code()).with_detail("argument", "group.id")
        })
    }

    /// Asks a question until there is an answer that asking again would not change, or the wait is over.
    fn ask<R>(
        &self,
        wait: &dyn Waiting,
        operation: rd::rd_kafka_admin_op_t,
        send: impl Fn(*mut rd::rd_kafka_AdminOptions_t, *mut rd::rd_kafka_queue_t),
        parse: impl Fn(*mut rd::rd_kafka_event_t) -> Result<R>,
    ) -> Result<R> {
        loop {
            let queue = Queue::new(self);
            // SAFETY: the handle is alive; the options are destroyed below, after `send` has copied them.
            let options = unsafe { rd::rd_kafka_AdminOptions_new(self.as_ptr(), operation) };
            send(options, queue.as_ptr());
            // SAFETY: made above, used by nobody any more.
            unsafe { rd::rd_kafka_AdminOptions_destroy(options) };
            let event = match self.answer(&queue, wait) {
                Ok(event) => event,
                Err(error) => {
                    // If it comes while the handle is being destroyed, librdkafka (2.12) takes what it could not parse for
                    // the answer, and the process ends.
                    if operation == rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS {
                        self.unanswered.lock().push(queue);
                    }
                    return Err(error);
                }
            };
            // SAFETY: the event is alive.
            let code = unsafe { rd::rd_kafka_event_error(event.0.as_ptr()) };
            let answer = if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                parse(event.0.as_ptr())
            } else {
                // SAFETY: the event is alive, and its text with it.
                let text = unsafe { string(rd::rd_kafka_event_error_string(event.0.as_ptr())) };
                Err(kafka_error(code, &text))
            };
            match answer {
                Err(error) if error.is_retriable() => {
                    *self.context.last_error.lock() = Some(error.message().to_owned());
                    self.pause(wait)?;
                }
                answer => return answer,
            }
        }
    }
}

impl Client {
    /// Waits for the one event that comes to a queue.
    fn answer(&self, queue: &Queue, wait: &dyn Waiting) -> Result<Event> {
        loop {
            wait.go_on(self)?;
            // SAFETY: the queue is alive; the event is owned from here on.
            let event = unsafe { rd::rd_kafka_queue_poll(queue.as_ptr(), SLICE_MS) };
            if let Some(event) = NonNull::new(event) {
                return Ok(Event(event));
            }
            self.serve_events();
        }
    }

    /// Lets a cluster that cannot answer yet get its breath back.
    fn pause(&self, wait: &dyn Waiting) -> Result<()> {
        let again = Instant::now() + Duration::from_millis(100);
        while Instant::now() < again {
            wait.go_on(self)?;
            std::thread::sleep(Duration::from_millis(SLICE_MS.unsigned_abs().into()));
        }
        Ok(())
    }
}

impl Client {
    /// Takes the answers that nobody waits for any more. There will be one to each question, if only that its time is over.
    fn take_answers(&mut self) -> usize {
        let answer = |queue: Queue| {
            // SAFETY: the queue is alive; the event is owned from here on.
            let event = unsafe { rd::rd_kafka_queue_poll(queue.as_ptr(), TOPIC_ID_END_MS) };
            NonNull::new(event).map(Event)
        };
        self.unanswered.get_mut().drain(..).filter_map(answer).count()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.take_answers();
        // SAFETY: nobody else holds the handle; queues and lists made from it borrow it, or were dropped before.
        unsafe { rd::rd_kafka_destroy(self.as_ptr()) };
    }
}

/// Whether a question is still worth waiting for.
pub trait Waiting {
    /// Fails once it is not.
    fn go_on(&self, client: &Client) -> Result<()>;
}

/// What a cluster says about a topic.
pub struct Topic {
    /// Its partitions, in ascending order.
    pub partitions: Vec<i32>,
    /// The broker that said so.
    pub answered_by: i32,
}

/// The two halves of a topic's UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicId(i64, i64);

/// Which place in a partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The offset of the oldest record.
    Oldest,
    /// The offset behind the newest record.
    End,
    /// The offset of the first record whose timestamp is this or later, in ms since 1970-01-01 UTC.
    Time(i64),
}

/// The partitions in answers about a group, unless one says that something went wrong.
///
/// # Safety
/// The answers are alive, and as long as what is returned.
unsafe fn group_partitions<'a>(
    group: &str,
    topic: &str,
    answers: &[*const rd::rd_kafka_group_result_t],
) -> Result<Vec<&'a rd::rd_kafka_topic_partition_t>> {
    let mut partitions = Vec::new();
    for answer in answers {
        // SAFETY: as the caller says; every answer has a list, and at most one error.
        let (code, list) = unsafe {
            let code = rd::rd_kafka_error_code(rd::rd_kafka_group_result_error(*answer));
            let list = rd::rd_kafka_group_result_partitions(*answer);
            let empty: &[rd::rd_kafka_topic_partition_t] = &[];
            let list =
                if list.is_null() { empty } else { slice((*list).elems, usize::try_from((*list).cnt).unwrap_or(0)) };
            (code, list)
        };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(kafka_error(code, &format!("group {group}")));
        }
        if let Some(failed) = list.iter().find(|partition| partition.err != Code::RD_KAFKA_RESP_ERR_NO_ERROR) {
            return Err(partition_error(topic, failed.partition, failed.err));
        }
        partitions.extend(list);
    }
    Ok(partitions)
}

fn group_name(group: &str) -> Result<CString> {
    CString::new(group).map_err(|_| Error::argument("group.id", "the name holds a NUL character"))
}

fn topic_name(topic: &str) -> Result<CString> {
    CString::new(topic)
        .map_err(|_| Error::argument("topic", "the name holds a NUL character, which Kafka does not allow"))
}

/// A queue that frees itself.
pub struct Queue(NonNull<rd::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    fn new(client: &Client) -> Queue {
        // SAFETY: the handle is alive; librdkafka aborts rather than return NULL.
        let queue = unsafe { rd::rd_kafka_queue_new(client.as_ptr()) };
        Queue(NonNull::new(queue).expect("librdkafka never returns NULL here"))
    }

    /// The queue that records of this partition come to. Must be dropped before the client.
    pub fn of_partition(client: &Client, topic: &CStr, partition: i32) -> Result<Queue> {
        // SAFETY: the handle and the name are alive.
        let queue = unsafe { rd::rd_kafka_queue_get_partition(client.as_ptr(), topic.as_ptr(), partition) };
        let queue = NonNull::new(queue);
        queue.map(Queue).ok_or_else(|| Error::internal(format!("librdkafka has no queue for partition {partition}")))
    }

    /// The queue, for calls that have no method here.
    pub fn as_ptr(&self) -> *mut rd::rd_kafka_queue_t {
        self.0.as_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made by librdkafka, destroyed once.
        unsafe { rd::rd_kafka_queue_destroy(self.as_ptr()) };
    }
}

/// A list of partitions with offsets that frees itself.
pub struct PartitionList(NonNull<rd::rd_kafka_topic_partition_list_t>);

impl PartitionList {
    /// An empty list.
    pub fn new(capacity: usize) -> PartitionList {
        // SAFETY: no arguments that could be wrong; librdkafka aborts rather than return NULL.
        let list = unsafe { rd::rd_kafka_topic_partition_list_new(c_int::try_from(capacity).unwrap_or(0)) };
        PartitionList(NonNull::new(list).expect("librdkafka never returns NULL here"))
    }

    /// Adds a partition.
    pub fn add(&mut self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let name = topic_name(topic)?;
        // SAFETY: the list is alive, the name is copied; the new element belongs to the list.
        unsafe { (*rd::rd_kafka_topic_partition_list_add(self.0.as_ptr(), name.as_ptr(), partition)).offset = offset };
        Ok(())
    }

    /// The list, for calls that have no method here.
    pub fn as_ptr(&self) -> *mut rd::rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: made in `new`, destroyed once.
        unsafe { rd::rd_kafka_topic_partition_list_destroy(self.as_ptr()) };
    }
}

struct Event(NonNull<rd::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: taken from a queue, destroyed once.
        unsafe { rd::rd_kafka_event_destroy(self.0.as_ptr()) };
    }
}

struct Configuration(NonNull<rd::rd_kafka_conf_t>);

impl Configuration {
    fn new(properties: &BTreeMap<String, String>) -> Result<Configuration> {
        // SAFETY: no arguments; librdkafka aborts rather than return NULL.
        let configuration = Configuration(
            NonNull::new(unsafe { rd::rd_kafka_conf_new() }).expect("librdkafka never returns NULL here"),
        );
        for (key, value) in properties {
            configuration.set(key, value)?;
        }
        check_token_source(properties)?;
        Ok(configuration)
    }

    fn set(&self, key: &str, value: &str) -> Result<()> {
        let terminated = |text: &str| {
            CString::new(text).map_err(|_| Error::argument(key, "key and value must not hold a NUL character"))
        };
        let (name, value) = (terminated(key)?, terminated(value)?);
        let mut text = [0; 512];
        // SAFETY: the configuration, both strings and the buffer are alive.
        let outcome = unsafe {
            rd::rd_kafka_conf_set(self.0.as_ptr(), name.as_ptr(), value.as_ptr(), text.as_mut_ptr(), text.len())
        };
        match outcome {
            rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_UNKNOWN => {
                let near = crate::options::nearest_of_all(key, self.keys());
                Err(Error::argument(key, format!("Kafka has no such property, nor has karrow{near}")))
            }
            rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_INVALID if is_secret(key) => {
                Err(Error::argument(key, "librdkafka refused the value, which is not shown because it is a secret"))
            }
            rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_INVALID => {
                // SAFETY: librdkafka wrote a terminated text into the buffer.
                Err(Error::argument(key, unsafe { string(text.as_ptr()) }))
            }
        }
    }

    /// Every key that librdkafka knows.
    fn keys(&self) -> Vec<String> {
        let mut count = 0;
        // SAFETY: the configuration is alive; the dump has `count` strings, keys and values in turn, and is freed here.
        unsafe {
            let dump = rd::rd_kafka_conf_dump(self.0.as_ptr(), &mut count);
            let keys = slice(dump, count).iter().step_by(2).map(|key| string(*key)).collect();
            rd::rd_kafka_conf_dump_free(dump, count);
            keys
        }
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and not taken over by `rd_kafka_new`.
        unsafe { rd::rd_kafka_conf_destroy(self.0.as_ptr()) };
    }
}

/// Whether brokers have to show a good certificate. Otherwise there is nothing to say about a bad one.
fn verifies_certificates(properties: &BTreeMap<String, String>) -> bool {
    properties.get("enable.ssl.certificate.verification").is_none_or(|value| is_true(value))
}

/// librdkafka would wait for ever for a token that nobody gives it.
fn check_token_source(properties: &BTreeMap<String, String>) -> Result<()> {
    let mechanism = ["sasl.mechanism", "sasl.mechanisms"]
        .into_iter()
        .find(|key| properties.get(*key).is_some_and(|value| value == "OAUTHBEARER"));
    let made_up = properties.get("enable.sasl.oauthbearer.unsecure.jwt");
    match mechanism {
        Some(key) if !made_up.is_some_and(|value| is_true(value)) => {
            let message = format!(
                "{key}: karrow cannot fetch tokens for OAUTHBEARER; use SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN, or for a \
                 test enable.sasl.oauthbearer.unsecure.jwt=true"
            );
            Err(Error::new(Status::Unsupported, message).with_detail("argument", key))
        }
        _ => Ok(()),
    }
}

/// Checks properties without making a handle.
pub fn check_properties(properties: &BTreeMap<String, String>) -> Result<()> {
    Configuration::new(properties).map(drop)
}

/// How librdkafka reads switches.
fn is_true(value: &str) -> bool {
    ["true", "t", "1"].contains(&value.to_lowercase().as_str())
}

/// An error of Kafka's, or librdkafka's own, with its number.
pub fn kafka_error(code: Code, context: &str) -> Error {
    let name = describe(code);
    // Some of librdkafka's texts have the name of the error in them, others do not say it.
    let message = if context.contains(&name) { context.to_owned() } else { format!("{context}: {name}") };
    let error = Error::new(Status::Kafka, message).with_kafka_code(code as i32);
    if is_retriable(code) { error.retriable() } else { error }
}

/// An error that concerns one partition.
pub fn partition_error(topic: &str, partition: i32, code: Code) -> Error {
    kafka_error(code, &format!("{topic}[{partition}]")).with_detail("topic", topic)
}

fn topic_error(topic: &str, code: Code) -> Error {
    if code == Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
        let message = format!("topic: there is no topic '{topic}' on this cluster; create it, or check the name");
        return Error::new(Status::NotFound, message)
            .with_kafka_code(code as i32)
            .with_detail("argument", "topic")
            .with_detail("topic", topic);
    }
    if code == Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED {
        let reason = describe(code);
        let message = format!("topic: the user may not read topic '{topic}' ({reason}); allow Describe and Read on it");
        return Error::new(Status::Kafka, message)
            .with_kafka_code(code as i32)
            .with_detail("argument", "topic")
            .with_detail("topic", topic);
    }
    kafka_error(code, &format!("topic {topic}")).with_detail("topic", topic)
}

/// librdkafka's text for a code.
pub fn describe(code: Code) -> String {
    // SAFETY: librdkafka returns a static text for every code.
    unsafe { string(rd::rd_kafka_err2str(code)) }
}

/// What asking again may mend: no leader yet, a broker that went away, an answer that did not come in time.
pub fn is_retriable(code: Code) -> bool {
    use Code::*;
    matches!(
        code,
        RD_KAFKA_RESP_ERR__TRANSPORT
            | RD_KAFKA_RESP_ERR__TIMED_OUT
            | RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
            | RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
            | RD_KAFKA_RESP_ERR_UNKNOWN
            | RD_KAFKA_RESP_ERR__WAIT_COORD
            | RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
            | RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
            | RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
            | RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE
            | RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE
            | RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
            | RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
            | RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
            | RD_KAFKA_RESP_ERR_NOT_COORDINATOR
            | RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE
            | RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH
            | RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH
            | RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR
    )
}

/// librdkafka's text as a string.
///
/// # Safety
/// `text` is NULL or a terminated text that lives through the call.
pub unsafe fn string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not NULL, and terminated, says the caller.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    // Some of its texts are lines.
    text.trim_end().to_owned()
}

/// An array of librdkafka's as a slice; NULL is empty.
///
/// # Safety
/// `first` is NULL or the first of `count` values that live as long as the slice.
unsafe fn slice<'a, T>(first: *const T, count: usize) -> &'a [T] {
    if first.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(first, count) }
}

unsafe extern "C" fn on_log(handle: *const rd::rd_kafka_t, level: c_int, facility: *const c_char, text: *const c_char) {
    // SAFETY: the opaque pointer is the `Context` that `Client::new` set, which outlives the handle.
    let context = unsafe { &*rd::rd_kafka_opaque(handle).cast::<Context>() };
    // SAFETY: librdkafka lends two terminated texts for the call.
    let (facility, text) = unsafe { (string(facility), string(text)) };
    let text = context.secrets.redact(text);
    let level = Level::from_number(level).unwrap_or(Level::Debug);
    match &*facility {
        // What is worse comes with a code, through the error callback.
        "FAIL" if (Level::Warning..=Level::Info).contains(&level) => {
            *context.last_error.lock() = Some(context.troubles.disconnect(&text));
        }
        "SSL" | "SSLPASSWD" if level <= Level::Warning => context.complain(&text),
        _ => {}
    }
    if let Some(log) = &context.log {
        log.push(level, &format!("librdkafka/{facility}"), &text);
    }
}

impl Context {
    /// Notes what OpenSSL says about a key or a certificate: `…:Provider routines::bad decrypt`.
    fn complain(&self, text: &str) {
        if let Some(complaints) = &mut *self.complaints.lock() {
            let text = text.split_once("]: ").map_or(text, |(_, text)| text);
            let text = text.rsplit_once("::").map_or(text, |(_, text)| text).to_owned();
            if !complaints.contains(&text) {
                complaints.push(text);
            }
        }
    }
}

unsafe extern "C" fn on_error(_: *mut rd::rd_kafka_t, code: c_int, reason: *const c_char, opaque: *mut c_void) {
    // SAFETY: the opaque pointer is the `Context` that `Client::new` set, which outlives the handle.
    let context = unsafe { &*opaque.cast::<Context>() };
    // SAFETY: librdkafka lends a terminated text for the call.
    let reason = context.secrets.redact(unsafe { string(reason) });
    if let Some(sentence) = context.troubles.error(known_code(code), &reason) {
        *context.last_error.lock() = Some(sentence);
    }
}

/// The code of this number, out of those that are told apart here.
fn known_code(number: c_int) -> Code {
    use Code::*;
    let known = [
        RD_KAFKA_RESP_ERR__SSL,
        RD_KAFKA_RESP_ERR__AUTHENTICATION,
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
    ];
    known.into_iter().find(|code| *code as c_int == number).unwrap_or(RD_KAFKA_RESP_ERR_UNKNOWN)
}

/// Notes what is wrong with a broker's certificate, which nobody else says. What OpenSSL has decided stands.
unsafe extern "C" fn on_certificate(
    _: *mut rd::rd_kafka_t,
    broker: *const c_char,
    _: i32,
    x509_error: *mut c_int,
    _: c_int,
    _: *const c_char,
    _: usize,
    reason: *mut c_char,
    reason_size: usize,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: the opaque pointer is the `Context` that `Client::new` set, which outlives the handle.
    let context = unsafe { &*opaque.cast::<Context>() };
    // SAFETY: librdkafka lends a terminated text and a number for the call.
    let (address, number) = unsafe { (string(broker), *x509_error) };
    context.troubles.certificate(&address, number);
    if number == 0 {
        return 1;
    }
    // The text goes to the log, beside the certificate's subject and issuer.
    let text = explain_certificate(number);
    let length = text.len().min(reason_size.saturating_sub(1));
    if reason_size > 0 {
        // SAFETY: librdkafka lends a buffer of this size; the text and its end fit.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr().cast(), reason, length);
            *reason.add(length) = 0;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::mock::EmbeddedCluster;

    /// Goes on so many times.
    struct Times(AtomicUsize);

    impl Waiting for Times {
        fn go_on(&self, _: &Client) -> Result<()> {
            let outcome = self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            outcome.map(drop).map_err(|_| Error::new(Status::Interrupted, "enough"))
        }
    }

    #[test]
    fn a_handle_outlives_the_answer_to_a_question_that_was_given_up() {
        let cluster = EmbeddedCluster::new(1).unwrap();
        cluster.create_topic("t", 1).unwrap();
        let servers = cluster.bootstrap_servers().to_owned();
        for delay_ms in [0, 300] {
            let mut client =
                Client::new(&BTreeMap::from([("bootstrap.servers".to_owned(), servers.clone())]), None).unwrap();
            let topic = client.topic("t", &Times(AtomicUsize::new(1000))).unwrap();
            cluster.set_delay(1, Duration::from_millis(delay_ms)).unwrap();
            let id = client.topic_id("t", topic.answered_by, &Times(AtomicUsize::new(0)));
            assert_eq!(id.unwrap_err().status(), Status::Interrupted);
            assert_eq!((client.unanswered.get_mut().len(), client.take_answers()), (1, 1));
            assert_eq!(client.take_answers(), 0);
        }
    }
}
