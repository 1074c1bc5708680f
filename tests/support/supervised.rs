//! A process under a supervisor of ours that never outlives this one.
//!
//! The supervisor, a script that ends with `supervise.sh`, is told what to do through a pipe. The pipe closes when this
//! process ends, however it ends, and then the supervisor kills what it runs.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Dropping it kills the process and gives up its data.
pub struct Supervised {
    supervisor: Child,
}

impl Supervised {
    pub fn start(command: &mut Command) -> Supervised {
        let supervisor = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: an interrupt from the keyboard is for the tests; the supervisor then sees them go.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        Supervised { supervisor }
    }

    /// Ends it with `stop` or `kill`, and keeps its data.
    pub fn end(mut self, command: &str) {
        let stdin = self.supervisor.stdin.as_mut().expect("the supervisor was started with a pipe");
        writeln!(stdin, "{command}").expect("the supervisor reads until its process has gone");
        self.wait();
    }

    pub fn has_gone(&mut self) -> bool {
        self.supervisor.try_wait().expect("a child process can be waited for").is_some()
    }

    /// The supervisor has its own deadline, after which it kills the process.
    fn wait(&mut self) {
        self.supervisor.wait().expect("a child process can be waited for");
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        self.wait();
    }
}
