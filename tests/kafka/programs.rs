//! Programs of `tests/cpp`, which use karrow as its users do.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs one of them; it has to succeed.
pub fn run(name: &str, arguments: &[&str]) -> Output {
    let folder = std::env::var_os("KARROW_TEST_PROGRAMS_DIR")
        .expect("KARROW_TEST_PROGRAMS_DIR names the folder of the built programs of tests/cpp");
    let output = Command::new(PathBuf::from(folder).join(name)).args(arguments).output();
    let output = output.expect("it is built");
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
