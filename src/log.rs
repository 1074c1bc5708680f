//! What librdkafka and karrow have to say while they run, kept until somebody takes it.
//!
//! Nothing is ever written to stderr: a library has no business on its host's terminal. A log is a bounded queue with
//! a handle of its own, so that it can be read after a failed open too, and from another thread than the one that polls.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// How serious an entry is, in syslog's numbers: a lower number is more serious.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error = 3,
    /// Something that may lead to trouble.
    Warning = 4,
    /// Normal, but worth knowing.
    Notice = 5,
    /// What is being done.
    Info = 6,
    /// What only a developer wants to know.
    Debug = 7,
}

impl Level {
    /// The level of this syslog number; 0 to 3 are all errors. `None` for numbers outside 0 to 7.
    pub fn from_number(number: i32) -> Option<Level> {
        match number {
            0..=3 => Some(Level::Error),
            4 => Some(Level::Warning),
            5 => Some(Level::Notice),
            6 => Some(Level::Info),
            7 => Some(Level::Debug),
            _ => None,
        }
    }
}

/// One thing said.
#[derive(Debug, Clone)]
pub struct Entry {
    /// How serious it is.
    pub level: Level,
    /// When it was said: nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// Who said it: `karrow`, or `librdkafka` with its facility, as in `librdkafka/FAIL`.
    pub source: String,
    /// What was said: one line, no payload, no secret.
    pub text: String,
}

/// A bounded queue of entries. Clones share it.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    level: Level,
    capacity: usize,
    queue: Mutex<Queue>,
    came: Condvar,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    dropped: u64,
}

impl Log {
    /// A log that keeps entries at least as serious as `level`, the newest `capacity` of them.
    pub fn new(level: Level, capacity: usize) -> Result<Log> {
        if capacity == 0 {
            return Err(Error::argument("capacity", "a log needs room for at least 1 entry"));
        }
        Ok(Log(Arc::new(Inner { level, capacity, queue: Mutex::default(), came: Condvar::new() })))
    }

    /// The least serious level this log keeps.
    pub fn level(&self) -> Level {
        self.0.level
    }

    /// Adds an entry; the oldest gives way when the log is full.
    pub fn push(&self, level: Level, source: &str, text: &str) {
        if level > self.0.level {
            return;
        }
        let entry = Entry { level, time_ns: now_ns(), source: source.to_owned(), text: text.trim_end().to_owned() };
        let mut queue = self.0.queue.lock();
        if queue.entries.len() == self.0.capacity {
            queue.entries.pop_front();
            queue.dropped += 1;
        }
        queue.entries.push_back(entry);
        drop(queue);
        self.0.came.notify_one();
    }

    /// Takes the oldest entry; waits for one until `deadline` (`None`: for ever). `None`: the time was over.
    pub fn take(&self, deadline: Option<Instant>) -> Option<Entry> {
        let mut queue = self.0.queue.lock();
        loop {
            if let Some(entry) = queue.entries.pop_front() {
                return Some(entry);
            }
            match deadline {
                None => self.0.came.wait(&mut queue),
                Some(deadline) => {
                    if self.0.came.wait_until(&mut queue, deadline).timed_out() {
                        return queue.entries.pop_front();
                    }
                }
            }
        }
    }

    /// How many entries gave way to newer ones, since the log was made.
    pub fn dropped(&self) -> u64 {
        self.0.queue.lock().dropped
    }
}

/// Wall clock time in nanoseconds since 1970-01-01 UTC.
pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_entries_and_counts_the_rest() {
        let log = Log::new(Level::Notice, 2).unwrap();
        for text in ["a", "b", "c\n"] {
            log.push(Level::Error, "karrow", text);
        }
        log.push(Level::Debug, "karrow", "too little");
        let past = Some(Instant::now());
        assert_eq!(log.take(past).unwrap().text, "b");
        assert_eq!(log.take(past).unwrap().text, "c");
        assert!(log.take(past).is_none());
        assert_eq!(log.dropped(), 1);
        assert!(Log::new(Level::Info, 0).is_err());
    }

    #[test]
    fn a_waiting_reader_gets_what_another_thread_says() {
        let log = Log::new(Level::Info, 8).unwrap();
        let writer = log.clone();
        let thread = std::thread::spawn(move || writer.push(Level::Info, "karrow", "hello"));
        assert_eq!(log.take(None).unwrap().text, "hello");
        thread.join().unwrap();
    }
}
