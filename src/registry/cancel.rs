//! How a look-up is ended from another thread.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use ureq::Agent;

/// Ends the look-ups that were given it, from any thread and for good.
///
/// What waits for an answer, or to ask again, ends at once. What is connecting ends with the time-out of connecting, since
/// the system offers no way to call it back.
#[derive(Default)]
pub struct Cancel {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    next_number: u64,
    /// Those whose connections have to be cut.
    running: Vec<(u64, Agent)>,
}

impl Cancel {
    /// Ends every look-up that runs with this, or begins to.
    pub fn cancel(&self) {
        let running = {
            let mut state = self.state.lock();
            state.cancelled = true;
            std::mem::take(&mut state.running)
        };
        self.changed.notify_all();
        for (_, agent) in running {
            agent.shutdown();
        }
    }

    /// Whether it has been called.
    pub fn is_cancelled(&self) -> bool {
        self.state.lock().cancelled
    }

    /// Waits until a time; says whether it was ended before.
    pub fn wait_until(&self, time: Instant) -> bool {
        let mut state = self.state.lock();
        while !state.cancelled {
            if self.changed.wait_until(&mut state, time).timed_out() {
                break;
            }
        }
        state.cancelled
    }

    /// Lets `cancel` cut this agent's connections until the guard is dropped.
    pub(super) fn watch(&self, agent: &Agent) -> Watched<'_> {
        let mut state = self.state.lock();
        let number = state.next_number;
        state.next_number += 1;
        if state.cancelled {
            drop(state);
            agent.clone().shutdown();
        } else {
            state.running.push((number, agent.clone()));
        }
        Watched { cancel: self, number }
    }
}

pub(super) struct Watched<'a> {
    cancel: &'a Cancel,
    number: u64,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.cancel.state.lock().running.retain(|(number, _)| *number != self.number);
    }
}
