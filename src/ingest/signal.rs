//! How the thread that polls learns that there is something to publish, or that it should stop waiting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

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
    /// For those who wait for cycles that somebody else polls.
    published: Condvar,
}

#[derive(Default)]
struct Flags {
    wakeup: bool,
    closing: bool,
    /// The last cycle that has been published.
    cycle: i64,
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
        self.published.notify_all();
    }

    /// Ends every wait from now on.
    pub fn close(&self) {
        self.flags.lock().closing = true;
        self.changed.notify_all();
        self.published.notify_all();
    }

    /// This cycle has been published.
    pub fn publish(&self, cycle: i64) {
        self.flags.lock().cycle = cycle;
        self.published.notify_all();
    }

    /// Sleeps until a cycle after this one is published, which is `Pending`, or the time is over; fails as
    /// [`Signal::check`] does, and as `check_over` does where no cycle can come any more. What that says may only change
    /// with a cycle.
    pub fn wait_for_cycle(
        &self,
        after_cycle: i64,
        deadline: Option<Instant>,
        check_over: impl Fn() -> Result<()>,
    ) -> Result<Wait> {
        let mut flags = self.flags.lock();
        loop {
            Self::check_flags(&mut flags)?;
            if flags.cycle > after_cycle {
                return Ok(Wait::Pending);
            }
            // Without the lock: what it looks at has locks of its own, and who holds those may be about to `pend`.
            MutexGuard::unlocked(&mut flags, &check_over)?;
            Self::check_flags(&mut flags)?;
            if flags.cycle > after_cycle {
                return Ok(Wait::Pending);
            }
            if Self::sleep(&self.published, &mut flags, deadline) {
                return Ok(Wait::TimedOut);
            }
        }
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
            if Self::sleep(&self.changed, &mut flags, deadline) {
                return Ok(Wait::TimedOut);
            }
        }
    }

    /// Sleeps until the time is over; fails as [`Signal::check`] does.
    pub fn linger(&self, until: Instant) -> Result<()> {
        let mut flags = self.flags.lock();
        loop {
            Self::check_flags(&mut flags)?;
            if Self::sleep(&self.changed, &mut flags, Some(until)) {
                return Ok(());
            }
        }
    }

    /// Whether the time is over.
    fn sleep(condition: &Condvar, flags: &mut MutexGuard<'_, Flags>, deadline: Option<Instant>) -> bool {
        match deadline {
            None => {
                condition.wait(flags);
                false
            }
            Some(deadline) => {
                if Instant::now() >= deadline {
                    return true;
                }
                condition.wait_until(flags, deadline);
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
    fn who_asks_whether_a_cycle_can_come_waits_for_nobody_who_has_something_pending() {
        let signal = Signal::default();
        let another_thread_pends = || {
            std::thread::scope(|scope| scope.spawn(|| signal.pend()).join().unwrap());
            Ok(())
        };
        assert_eq!(signal.wait_for_cycle(0, Some(Instant::now()), another_thread_pends).unwrap(), Wait::TimedOut);
    }

    #[test]
    fn a_cycle_that_is_published_while_that_is_asked_ends_the_wait() {
        let signal = Signal::default();
        let publishes = || {
            signal.publish(1);
            Ok(())
        };
        assert_eq!(signal.wait_for_cycle(0, None, publishes).unwrap(), Wait::Pending);
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
