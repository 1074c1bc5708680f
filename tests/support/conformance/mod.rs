//! Conformance cases: reading them, running them, and checking what comes of it. `tests/conformance/README.md` says what
//! stands in a case.
//!
//! [`run`] drives one case; where its records go is the business of a [`Place`]: straight into the ingest code, or a
//! topic of a cluster. What a case says that nobody here understands is an error, never passed over.

mod case;
mod check;
mod run;

use std::fmt;

pub use case::{Case, Needs, Range, SpecText, Step, cases, files, folder, read};
pub use run::{Place, run};

/// What a check came to: the reason, if it failed.
pub type Outcome<T = ()> = Result<T, String>;

fn same<T: PartialEq + fmt::Debug>(what: &str, found: T, expected: T) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, not {expected:?}")) }
}
