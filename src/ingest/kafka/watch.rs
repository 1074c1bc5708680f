//! Beside reading: what has become of the topic, where partitions go on that have lost their place, and commits that
//! nobody asks for one by one.
//!
//! All of it waits for brokers, so it has a thread of its own, which holds nobody up. It only asks: what follows for a
//! partition, the partition's own thread carries out.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::client::{Client, Topic, TopicId, Waiting, Which};
use super::fetch::Shared;
use super::{LogRange, log_range};
use crate::error::{Error, Result, Status};
use crate::ingest::Timeout;
use crate::ingest::slots::Beginning;
use crate::log::Level;
use crate::table::PartitionState;

/// How long one look at the topic may take. The next one comes anyway.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last commit may hold up a close.
const LAST_COMMIT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a partition cannot be read on where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Its position is outside the log.
    OutOfRange,
    /// The log was cut off before its position, and may have grown past it since.
    Truncated,
}

/// A partition that has lost its place.
struct LostPlace {
    /// Which one.
    index: usize,
    why: Lost,
    /// How many seeks of the partition had been by then.
    seeks: u64,
}

/// What the watching thread is asked for.
#[derive(Default)]
pub struct Watch {
    wanted: Mutex<Wanted>,
    came: Condvar,
}

#[derive(Default)]
struct Wanted {
    lost: VecDeque<LostPlace>,
    /// What may be committed, and has not been.
    commit: Option<Vec<(i32, i64)>>,
    stopping: bool,
}

impl Watch {
    /// Finds out where a partition goes on that has lost its place.
    pub fn find(&self, index: usize, why: Lost, seeks: u64) {
        self.wanted.lock().lost.push_back(LostPlace { index, why, seeks });
        self.came.notify_one();
    }

    /// From now on these offsets may be committed.
    pub fn may_commit(&self, offsets: Vec<(i32, i64)>) {
        self.wanted.lock().commit = Some(offsets);
    }

    /// The source is closing.
    pub fn wake(&self) {
        self.wanted.lock().stopping = true;
        self.came.notify_one();
    }

    /// Sleeps until a partition has lost its place, which it returns, the time has come, or the source closes.
    fn wait(&self, until: Option<Instant>) -> Option<LostPlace> {
        let mut wanted = self.wanted.lock();
        while !wanted.stopping && wanted.lost.is_empty() {
            match until {
                None => self.came.wait(&mut wanted),
                Some(until) => {
                    if self.came.wait_until(&mut wanted, until).timed_out() {
                        break;
                    }
                }
            }
        }
        wanted.lost.pop_front()
    }
}

/// What was known about the topic when it was last looked at.
struct Known {
    id: Option<TopicId>,
    /// Whether it was gone.
    missing: bool,
    /// What was last committed.
    committed: Vec<(i32, i64)>,
}

/// Waits until the source closes, or until its time is over.
struct Patience<'a> {
    shared: &'a Shared,
    deadline: Option<Instant>,
}

impl Waiting for Patience<'_> {
    fn go_on(&self, client: &Client) -> Result<()> {
        // The one before the other: somebody who commits keeps the source from being closed.
        if self.shared.is_closing() || self.shared.is_stopping() {
            return Err(crate::ingest::signal::closed());
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let reason = client.last_error().unwrap_or_else(|| "no broker has answered".to_owned());
            let message = format!("Kafka could not be reached in time: {reason}");
            return Err(Error::new(Status::Timeout, message).retriable());
        }
        Ok(())
    }
}

/// Waits out its time, whether or not the source closes.
struct LastWords(Instant);

impl Waiting for LastWords {
    fn go_on(&self, _: &Client) -> Result<()> {
        if Instant::now() >= self.0 {
            Err(Error::new(Status::Timeout, "the last commit took too long"))
        } else {
            Ok(())
        }
    }
}

impl Shared {
    /// Whether the consumer is being closed.
    fn is_closing(&self) -> bool {
        self.slots.shared().signal.is_closing()
    }

    /// The watching thread.
    pub fn watch(&self) {
        let mut known = Known { id: None, missing: false, committed: Vec::new() };
        // At once, to know the topic's id before it can be another.
        self.look(&mut known);
        let next_after =
            |interval: Option<Duration>| interval.and_then(|interval| Instant::now().checked_add(interval));
        let mut next_look = next_after(self.plan.discovery);
        let mut next_commit = next_after(self.plan.auto_commit);
        let due = |time: Option<Instant>| time.is_some_and(|time| Instant::now() >= time);
        while !self.is_stopping() {
            let until = [next_look, next_commit].into_iter().flatten().min();
            if let Some(lost) = self.watch.wait(until) {
                // A topic that was created again has lost every partition's place, and is dealt with as a whole.
                if !self.look(&mut known) {
                    self.find_place(&lost);
                }
            }
            if due(next_look) {
                self.look(&mut known);
                next_look = next_after(self.plan.discovery);
            }
            if due(next_commit) {
                self.commit_published(&mut known, &self.patience(LOOK_TIMEOUT));
                next_commit = next_after(self.plan.auto_commit);
            }
        }
        if self.plan.auto_commit.is_some() {
            self.commit_published(&mut known, &LastWords(Instant::now() + LAST_COMMIT_TIMEOUT));
        }
    }

    fn patience(&self, timeout: Duration) -> Patience<'_> {
        Patience { shared: self, deadline: Instant::now().checked_add(timeout) }
    }

    /// Commits for somebody who waits for it.
    pub fn commit(&self, offsets: &[(i32, i64)], timeout: Timeout) -> Result<()> {
        let patience = Patience { shared: self, deadline: timeout.deadline() };
        self.control.commit(self.group(), &self.plan.topic, offsets, &patience)
    }

    /// The caller's group. Without one nobody asks for a commit.
    fn group(&self) -> &str {
        self.plan.kafka.get("group.id").map_or("", String::as_str)
    }

    /// Commits what may be committed, if that has changed.
    fn commit_published(&self, known: &mut Known, wait: &dyn Waiting) {
        let offsets = self.watch.wanted.lock().commit.take();
        let Some(offsets) = offsets.filter(|offsets| *offsets != known.committed) else { return };
        match self.control.commit(self.group(), &self.plan.topic, &offsets, wait) {
            Ok(()) => known.committed = offsets,
            Err(error) => {
                if !self.is_closing() {
                    self.say(Level::Warning, &format!("offsets were not committed: {error}"));
                }
                // Unless there are newer ones by then, they are tried again.
                self.watch.wanted.lock().commit.get_or_insert(offsets);
            }
        }
    }

    /// Finds out what has become of the topic. Whether it was created again: then all partitions have been told so.
    fn look(&self, known: &mut Known) -> bool {
        let outcome = self.try_look(known);
        outcome.unwrap_or_else(|error| {
            if !self.is_closing() {
                self.say(Level::Warning, &format!("looking at the topic: {error}"));
            }
            false
        })
    }

    fn try_look(&self, known: &mut Known) -> Result<bool> {
        let wait = self.patience(LOOK_TIMEOUT);
        let topic = match self.control.topic(&self.plan.topic, &wait) {
            Ok(topic) => topic,
            Err(error) if error.status() == Status::NotFound => {
                known.missing = true;
                let message = format!("topic {} does not exist any more; it was deleted", self.plan.topic);
                let error = Error::new(Status::NotFound, message).with_detail("topic", &*self.plan.topic);
                for feed in self.feeds() {
                    feed.slot.enter().wait(error.clone());
                }
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let id = self.control.topic_id(&self.plan.topic, topic.answered_by, &wait)?;
        let created_again = id.is_some() && known.id.is_some() && id != known.id;
        if created_again {
            self.begin_again(&topic, &wait)?;
        } else if known.missing {
            self.feeds().iter().for_each(|feed| feed.slot.enter().go_on());
        }
        known.missing = false;
        known.id = id.or(known.id);
        self.join_new(&topic, &wait)?;
        Ok(created_again)
    }

    /// The topic was created again: no position means anything any more (rule O9).
    fn begin_again(&self, topic: &Topic, wait: &dyn Waiting) -> Result<()> {
        self.say(Level::Warning, &format!("topic {} was created again", self.plan.topic));
        let why = "is of an earlier topic that had the name of";
        // All of them are asked about before any is moved: if that fails, nothing has happened, and the next look tries again.
        let mut targets = Vec::new();
        for (index, feed) in self.feeds().iter().enumerate() {
            let (partition, seen) = (feed.slot.partition(), feed.slot.seen());
            if seen.state == PartitionState::Finished {
                continue;
            }
            if !topic.partitions.contains(&partition) {
                let message = format!("topic {} was created again without partition {partition}", self.plan.topic);
                let error = Error::new(Status::NotFound, message).with_detail("topic", &*self.plan.topic);
                targets.push((index, Err(error)));
                continue;
            }
            let range = log_range(&self.plan, &self.control, partition, wait)?;
            // What one that failed has stopped at is gone. Somebody will resume it, and has to know where.
            let target = if seen.state.is_over() {
                Err(range.refusal(&self.plan, partition, seen.position, why))
            } else {
                range.leave(&self.plan, partition, seen.position, why)
            };
            targets.push((index, target));
        }
        for (index, target) in targets {
            self.reset(index, target, None);
        }
        Ok(())
    }

    /// Finds out where a partition goes on that has lost its place.
    fn find_place(&self, lost: &LostPlace) {
        let Some(feed) = self.feeds().get(lost.index).cloned() else { return };
        if feed.seeks() != lost.seeks {
            // It has been sent somewhere since.
            return;
        }
        let partition = feed.slot.partition();
        let offset = feed.slot.seen().position;
        let wait = Patience { shared: self, deadline: None };
        let target =
            log_range(&self.plan, &self.control, partition, &wait).and_then(|range: LogRange| match lost.why {
                // The position may be inside again, if the log has grown past it since.
                Lost::OutOfRange => range.check(&self.plan, partition, offset),
                Lost::Truncated => range.leave(&self.plan, partition, offset, "has been cut off"),
            });
        if !self.is_stopping() {
            self.reset(lost.index, target, Some(lost.seeks));
        }
    }

    /// Partitions that the topic has got since are read from their beginning, unless the call named those it wants, or
    /// where to stop (rule P5).
    fn join_new(&self, topic: &Topic, wait: &dyn Waiting) -> Result<()> {
        if self.plan.partitions.is_some() || self.plan.stop_all.is_some() {
            return Ok(());
        }
        let known: BTreeSet<i32> = self.slots.all().iter().map(|slot| slot.partition()).collect();
        let new: Vec<i32> = topic.partitions.iter().copied().filter(|id| !known.contains(id)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = new.iter().map(|id| (*id, Which::Oldest)).collect();
        let oldest = self.control.offsets(&self.plan.topic, &asked, false, wait)?;
        for partition in new {
            let offset = oldest.get(&partition).copied().unwrap_or(0);
            self.add(&Beginning { partition, offset, stop: None, state: PartitionState::Reading })?;
            self.say(Level::Notice, &format!("{}[{partition}] is new, and read from offset {offset}", self.plan.topic));
        }
        Ok(())
    }
}
