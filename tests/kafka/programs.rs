//! Programs of `tests/cpp`, of `bindings/go/internal/cmd` and of `bindings/java`, which use karrow as its users do.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs one of `tests/cpp`; it has to succeed.
pub fn run(name: &str, arguments: &[&str]) -> Output {
    run_in("KARROW_TEST_PROGRAMS_DIR", "tests/cpp", name, arguments)
}

/// The same of one in Go.
pub fn run_go(name: &str, arguments: &[&str]) -> Output {
    run_in("KARROW_GO_PROGRAMS_DIR", "bindings/go/internal/cmd", name, arguments)
}

/// The same of one in Java, which is a command that runs it.
pub fn run_java(name: &str, arguments: &[&str]) -> Output {
    run_in("KARROW_JAVA_PROGRAMS_DIR", "bindings/java", name, arguments)
}

/// Runs a program of the folder that a variable names.
fn run_in(variable: &str, sources: &str, name: &str, arguments: &[&str]) -> Output {
    let folder = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} names the folder of the built programs of {sources}"));
    let output = Command::new(PathBuf::from(folder).join(name)).args(arguments).output();
    let output = output.expect("it is built");
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
