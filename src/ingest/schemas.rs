//! Schemas that records name and nobody knows yet (rule A8).
//!
//! A partition that comes across one stops at the record, by the mechanism of [`super::slot`], and the schema is looked up
//! on a thread of its own while others go on. Whatever comes of it, the decoders of all partitions are told first, and then
//! the partitions that have waited try their record again: it becomes a row, or it is bad. As long as the registry cannot
//! be asked, they wait, and their state says why.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::slot::panic_message;
use super::slots::Slots;
use crate::error::{Error, Result, Status};
use crate::format::Side;
use crate::format::writers::Learn;
use crate::registry::{Cancel, Client, Failure, Kind, Patience};
use crate::rows::SchemaId;

/// For how long a look-up goes on before partitions say what holds it up; twice as long each time, because a registry may be
/// slow.
const FIRST_ROUND: Duration = Duration::from_secs(2);
const LONGEST_ROUND: Duration = Duration::from_secs(120);
/// How long to wait before a registry is asked again that has refused to answer: somebody has to change something.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);
/// How long to wait before an id is asked for again that the registry does not know: it may be the client that remembers.
const UNKNOWN_PAUSE: Duration = Duration::from_millis(100);
/// How long an id that the registry does not know makes records bad before it is asked again.
const UNKNOWN_KEPT: Duration = Duration::from_secs(30);

/// Schemas that partitions wait for.
#[derive(Default)]
pub struct Wanted {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    /// Those that no thread looks up yet.
    queue: VecDeque<SchemaId>,
    /// All that are being looked up, or will be.
    pending: HashSet<SchemaId>,
    closing: bool,
}

impl Wanted {
    /// A partition waits for this schema.
    pub fn add(&self, schema: SchemaId) {
        let mut state = self.state.lock();
        if state.pending.insert(schema) {
            state.queue.push_back(schema);
            self.arrived.notify_one();
        }
    }

    /// The next one to look up; `None`: there will be none any more.
    fn next(&self) -> Option<SchemaId> {
        let mut state = self.state.lock();
        loop {
            if state.closing {
                return None;
            }
            match state.queue.pop_front() {
                Some(schema) => return Some(schema),
                None => self.arrived.wait(&mut state),
            }
        }
    }

    /// Nobody looks this schema up any more: a partition that comes across it from now on asks again.
    fn done(&self, schema: SchemaId) {
        self.state.lock().pending.remove(&schema);
    }

    fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }
}

/// The threads that look schemas up.
pub struct Schemas {
    slots: Arc<Slots>,
    cancel: Arc<Cancel>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the slot of this index.
pub type Wake = Box<dyn Fn(usize) + Send + Sync>;

impl Schemas {
    /// Looks up what partitions wait for, from now on.
    pub fn start(client: Arc<Client>, slots: &Arc<Slots>, wake: Wake) -> Result<Schemas> {
        let cancel = Arc::new(Cancel::default());
        let writers = [Side::Key, Side::Value].map(|side| slots.layout().decoder(side).writers());
        let look_ups = LookUps { client, writers, slots: Arc::clone(slots), cancel: Arc::clone(&cancel), wake };
        let thread = thread::Builder::new().name("karrow-schemas".to_owned()).spawn(move || look_ups.run());
        let thread = thread
            .map_err(|error| Error::new(Status::Limit, format!("the system gives no further thread: {error}")))?;
        Ok(Schemas { slots: Arc::clone(slots), cancel, thread: Some(thread) })
    }
}

impl Drop for Schemas {
    /// Ends what is being looked up, and waits for that.
    fn drop(&mut self) {
        self.slots.shared().wanted.close();
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic in it has nothing left to protect.
            let _ = thread.join();
        }
    }
}

struct LookUps {
    client: Arc<Client>,
    /// Of the key and of the value.
    writers: [Option<Arc<dyn Learn>>; 2],
    slots: Arc<Slots>,
    cancel: Arc<Cancel>,
    wake: Wake,
}

impl LookUps {
    /// A thread for each look-up, so that one that takes long holds up none that does not. There are never more of them than
    /// partitions, as each waits for one schema.
    fn run(&self) {
        thread::scope(|scope| {
            while let Some(schema) = self.slots.shared().wanted.next() {
                let thread = thread::Builder::new().name(format!("karrow-schema-{}", schema.id));
                if thread.spawn_scoped(scope, move || self.look_up(schema)).is_err() {
                    // No thread to be had: then the others wait.
                    self.look_up(schema);
                }
            }
        });
    }

    fn look_up(&self, schema: SchemaId) {
        let Some(writers) = &self.writers[schema.side as usize] else { return };
        let mut unknown_since = None;
        let mut round = FIRST_ROUND;
        loop {
            let end = Instant::now() + round;
            round = LONGEST_ROUND.min(2 * round);
            let patience = Patience { deadline: Some(end), cancel: &self.cancel };
            let failure = match self.client.by_id(schema.id, patience) {
                Ok(found) => {
                    // Or the partition would wait for ever.
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| writers.learn(schema.id, &found))) {
                        let text = panic_message(&*panic);
                        writers.give_up(schema.id, &format!("karrow panicked at schema {}: {text}", schema.id), None);
                    }
                    break;
                }
                Err(failure) => failure,
            };
            match failure.kind() {
                Kind::Cancelled => return,
                Kind::Unusable => {
                    writers.give_up(schema.id, failure.message(), None);
                    break;
                }
                Kind::Unknown => {
                    // Since it has been reached: one that has just come back may not have everything yet.
                    let since = *unknown_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.client.unknown_id_retry() {
                        writers.give_up(schema.id, failure.message(), Some(Instant::now() + UNKNOWN_KEPT));
                        break;
                    }
                }
                Kind::Unreachable | Kind::Refused => {
                    unknown_since = None;
                    self.explain(schema, &failure);
                }
            }
            let again = match failure.kind() {
                Kind::Refused => Instant::now() + REFUSED_PAUSE,
                Kind::Unreachable => end,
                _ => Instant::now() + UNKNOWN_PAUSE,
            };
            if self.cancel.wait_until(again) {
                return;
            }
        }
        // First, so that nobody waits for a look-up that is over.
        self.slots.shared().wanted.done(schema);
        for (index, slot) in self.slots.all().iter().enumerate() {
            if slot.end_wait(schema) {
                (self.wake)(index);
            }
        }
    }

    /// Shows on the partitions that wait what holds them up.
    fn explain(&self, schema: SchemaId, failure: &Failure) {
        self.slots.all().iter().for_each(|slot| slot.explain_wait(schema, failure.message()));
    }
}
