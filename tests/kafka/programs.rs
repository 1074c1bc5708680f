//! Programs of `tests/cpp`, of `bindings/go` and of `bindings/java`, which use karrow as its users do.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs one of `tests/cpp`; it has to succeed.
pub fn run(name: &str, arguments: &[&str]) -> Output {
    run_in("KARROW_TEST_PROGRAMS_DIR", "tests/cpp", name, arguments)
}

/// The same of one in Go.
pub fn run_go(name: &str, arguments: &[&str]) -> Output {
    run_in("KARROW_GO_PROGRAMS_DIR", "bindings/go", name, arguments)
}

/// The same of one in Java, which is a command that runs it.
pub fn run_java(name: &str, arguments: &[&str]) -> Output {
    run_in("KARROW_JAVA_PROGRAMS_DIR", "bindings/java", name, arguments)
}

/// Runs a program of the folder that a variable names.
fn run_in(variable: &str, sources: &str, name: &str, arguments: &[&str]) -> Output {
    succeed(program(variable, sources, name).args(arguments))
}

/// A program of the folder that a variable names.
pub fn program(variable: &str, sources: &str, name: &str) -> Command {
    let folder = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} names the folder of the built programs of {sources}"));
    Command::new(PathBuf::from(folder).join(name))
}

/// Runs a program, which has to succeed.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("it is built");
    let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "{command:?}: {}{}", said[0], said[1]);
    output
}
