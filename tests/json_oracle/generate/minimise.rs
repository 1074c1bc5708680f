//! Makes a case that shows a difference as small as it gets, so that whoever reads it sees what matters.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use crate::json_oracle::compare::{Case, compare};

/// How many bytes of a payload are shown.
const LONGEST_SHOWN: usize = 4000;

/// Panics with the smallest case found that shows the difference, if there is one.
pub fn assert_same(case: &Case) {
    if let Err(difference) = compare_safely(case) {
        let case = minimise(case.clone());
        let smallest = compare_safely(&case).expect_err("only cases that differ are kept");
        panic!("{smallest}\n{}\nbefore it was made smaller: {difference}", describe(&case));
    }
}

fn compare_safely(case: &Case) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| compare(case))).unwrap_or_else(|_| Err("a panic".to_owned()))
}

fn describe(case: &Case) -> String {
    let columns = case.schema.columns.iter().map(|column| format!("{:?}: {}", column.name, column.type_name));
    let payloads = case.payloads.iter().map(|payload| match payload {
        None => "null of Kafka".to_owned(),
        Some(bytes) if bytes.len() > LONGEST_SHOWN => {
            format!("b\"{}\" and so on, {} bytes", bytes[..LONGEST_SHOWN].escape_ascii(), bytes.len())
        }
        Some(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
    });
    format!(
        "columns {{{}}}\nmapping {:?}\npayloads\n  {}",
        columns.collect::<Vec<_>>().join(", "),
        case.schema.mapping,
        payloads.collect::<Vec<_>>().join("\n  ")
    )
}

fn minimise(case: Case) -> Case {
    // Thousands of panics would be shown otherwise.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let smallest = smallest_that_differs(case);
    set_hook(hook);
    smallest
}

fn smallest_that_differs(mut case: Case) -> Case {
    let mut tries = 20_000;
    let mut differs = |case: &Case| {
        tries -= 1;
        tries > 0 && compare_safely(case).is_err()
    };
    loop {
        let before = size(&case);
        for index in (0..case.payloads.len()).rev() {
            let mut smaller = case.clone();
            smaller.payloads.remove(index);
            if differs(&smaller) {
                case = smaller;
            }
        }
        for index in (0..case.schema.columns.len()).rev() {
            let mut smaller = case.clone();
            let column = smaller.schema.columns.remove(index);
            smaller.schema.mapping.retain(|(_, name)| *name != column.name);
            if differs(&smaller) {
                case = smaller;
            }
        }
        for index in 0..case.payloads.len() {
            let mut length = case.payloads[index].as_ref().map_or(0, Vec::len);
            while length > 0 {
                let mut at = 0;
                while at + length <= case.payloads[index].as_ref().map_or(0, Vec::len) {
                    let mut smaller = case.clone();
                    smaller.payloads[index].as_mut().map(|bytes| bytes.drain(at..at + length));
                    if differs(&smaller) {
                        case = smaller;
                    } else {
                        at += length;
                    }
                }
                length /= 2;
            }
        }
        if size(&case) == before {
            return case;
        }
    }
}

fn size(case: &Case) -> usize {
    let bytes: usize = case.payloads.iter().flatten().map(Vec::len).sum();
    case.schema.columns.len() + case.payloads.len() + bytes
}
