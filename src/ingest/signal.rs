//! How the thread that polls learns that there is something to publish, or that it should stop waiting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result, Status};

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// There is something to publish.
    Pending,
    /// The time was over.
    TimedOut,
}

/// Flags that the polling thread sleeps on. Setting `pending` again and again costs one atomic exchange.
#[derive(Default)]
pub struct Signal {
    pending: AtomicBool,
    flags: Mutex<Flags>,
    changed: Condvar,
}

#[derive(Default)]
struct Flags {
    wakeup: bool,
    closing: bool,
}

impl Signal {
    /// There is something to publish.
    pub fn pend(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            // Taking the lock orders this after a sleeper's check and before its sleep.
            drop(self.flags.lock());
            self.changed.notify_all();
        }
    }

    /// Ends the current wait, or the next one: once.
    pub fn wake(&self) {
        self.flags.lock().wakeup = true;
        self.changed.notify_all();
    }

    /// Ends every wait from now on.
    pub fn close(&self) {
        self.flags.lock().closing = true;
        self.changed.notify_all();
    }

    /// Whether [`Signal::close`] has been called.
    pub fn is_closing(&self) -> bool {
        self.flags.lock().closing
    }

    /// Takes note that what is pending is about to be published.
    pub fn clear_pending(&self) {
        self.pending.store(false, Ordering::Release);
    }

    /// `INTERRUPTED` if somebody called wakeup (which this uses up), `CLOSED` if the consumer is being closed.
    pub fn check(&self) -> Result<()> {
        Self::check_flags(&mut self.flags.lock())
    }

    /// Sleeps until something is pending or the time is over (`None`: never); fails as [`Signal::check`] does.
    pub fn wait(&self, deadline: Option<Instant>) -> Result<Wait> {
        let mut flags = self.flags.lock();
        loop {
            Self::check_flags(&mut flags)?;
            if self.pending.load(Ordering::Acquire) {
                return Ok(Wait::Pending);
            }
            if self.sleep(&mut flags, deadline) {
                return Ok(Wait::TimedOut);
            }
        }
    }

    /// Sleeps until the time is over; fails as [`Signal::check`] does.
    pub fn linger(&self, until: Instant) -> Result<()> {
        let mut flags = self.flags.lock();
        loop {
            Self::check_flags(&mut flags)?;
            if self.sleep(&mut flags, Some(until)) {
                return Ok(());
            }
        }
    }

    /// Whether the time is over.
    fn sleep(&self, flags: &mut parking_lot::MutexGuard<'_, Flags>, deadline: Option<Instant>) -> bool {
        match deadline {
            None => {
                self.changed.wait(flags);
                false
            }
            Some(deadline) => {
                if Instant::now() >= deadline {
                    return true;
                }
                self.changed.wait_until(flags, deadline);
                false
            }
        }
    }

    fn check_flags(flags: &mut Flags) -> Result<()> {
        if flags.closing {
            return Err(closed());
        }
        if std::mem::take(&mut flags.wakeup) {
            return Err(Error::new(Status::Interrupted, "interrupted by wakeup"));
        }
        Ok(())
    }
}

/// The error of every call on a consumer that has been closed.
pub fn closed() -> Error {
    Error::new(Status::Closed, "the consumer is closed; make a new one to read on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn wakeup_is_kept_for_the_next_wait_and_used_once() {
        let signal = Signal::default();
        signal.wake();
        signal.wake();
        assert_eq!(signal.wait(None).unwrap_err().status(), Status::Interrupted);
        assert_eq!(signal.wait(Some(Instant::now())).unwrap(), Wait::TimedOut);
    }

    #[test]
    fn what_is_pending_ends_a_wait_in_another_thread() {
        let signal = Signal::default();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| signal.wait(None));
            signal.pend();
            assert_eq!(waiter.join().unwrap().unwrap(), Wait::Pending);
        });
        signal.clear_pending();
        assert_eq!(signal.wait(Some(Instant::now())).unwrap(), Wait::TimedOut);
    }

    #[test]
    fn closing_ends_every_wait() {
        let signal = Signal::default();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| signal.linger(Instant::now() + Duration::from_secs(3600)));
            signal.close();
            assert_eq!(waiter.join().unwrap().unwrap_err().status(), Status::Closed);
        });
        assert_eq!(signal.wait(None).unwrap_err().status(), Status::Closed);
        assert!(signal.is_closing());
    }
}
