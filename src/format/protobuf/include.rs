//! Which fields become columns, as a caller says it by paths (rule B1).
//!
//! The rules are Deephaven's: `/foo/bar` is the field `bar` of the message `foo`, and nothing below it; `/foo/bar/*` is also
//! everything below it; `*` is everything.

use std::collections::BTreeSet;
use std::ops::Bound;

use prost_reflect::MessageDescriptor;

use super::columns::{in_order, well_known};
use super::schema::listed;
use crate::error::{Error, Result};

/// What is in front of each name of a path.
pub const SEPARATOR: &str = "/";
/// Everything below.
const ALL: &str = "*";
/// What it is called where it is set.
const ARGUMENT: &str = "include";

/// Paths of fields; without any, all are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Include {
    /// As they were given, but with a slash in front.
    paths: Vec<String>,
    /// All that are on the way to one of them, and they themselves.
    open: BTreeSet<String>,
    /// Those with everything below.
    whole: BTreeSet<String>,
}

/// The form that all paths have here: a slash in front of each name.
pub fn normal(path: &str) -> String {
    if path.starts_with(SEPARATOR) { path.to_owned() } else { format!("{SEPARATOR}{path}") }
}

impl Include {
    /// Reads paths with commas between them.
    pub fn parse(text: &str) -> Result<Include> {
        let mut include = Include::default();
        for path in text.split(',') {
            include.add(path.trim())?;
        }
        Ok(include)
    }

    fn add(&mut self, given: &str) -> Result<()> {
        let path = normal(given);
        let mut names: Vec<&str> = path.split(SEPARATOR).skip(1).collect();
        let whole = names.last() == Some(&ALL);
        if whole {
            names.pop();
        }
        if (names.is_empty() && !whole) || names.iter().any(|name| name.is_empty() || name.contains(ALL)) {
            let message =
                format!("'{given}' is no path; write /name, /outer/name, /outer/* or *, with commas between them");
            return Err(Error::argument(ARGUMENT, message));
        }
        let mut on_the_way = String::new();
        self.open.insert(String::new());
        for name in names {
            on_the_way = format!("{on_the_way}{SEPARATOR}{name}");
            self.open.insert(on_the_way.clone());
        }
        if whole {
            self.whole.insert(on_the_way);
        }
        self.paths.push(path);
        Ok(())
    }

    /// Whether everything below a path is meant.
    pub fn is_whole(&self, path: &str) -> bool {
        self.paths.is_empty() || self.whole.contains(path)
    }

    /// Whether a path is meant, or something below it.
    pub fn is_open(&self, path: &str) -> bool {
        self.open.contains(path)
    }

    /// Checks that each path has led to a column, or to a part of one, by the paths of all that the message has become.
    pub fn check(&self, message: &MessageDescriptor, columns: &BTreeSet<String>) -> Result<()> {
        for path in &self.paths {
            let has_any = match path.strip_suffix(ALL) {
                Some(SEPARATOR) => true,
                Some(begin) => {
                    let first = columns.range::<str, _>((Bound::Included(begin), Bound::Unbounded)).next();
                    first.is_some_and(|first| first.starts_with(begin))
                        || columns.contains(begin.trim_end_matches(SEPARATOR))
                }
                None => columns.contains(path),
            };
            if !has_any {
                return Err(Error::argument(
                    ARGUMENT,
                    format!("{path} leads to no column: {}", why_none(message, path)),
                ));
            }
        }
        Ok(())
    }
}

/// Why a path of a message leads to no column, and what to write instead.
fn why_none(message: &MessageDescriptor, path: &str) -> String {
    let mut message = message.clone();
    let mut on_the_way = String::new();
    let mut what = "a message";
    for name in path.split(SEPARATOR).skip(1).filter(|name| *name != ALL) {
        let Some(field) = message.get_field_by_name(name) else {
            let fields: Vec<String> = in_order(&message).iter().map(|field| field.name().to_owned()).collect();
            return format!("{} has no field {name}, but {}", message.full_name(), listed(&fields, "none at all"));
        };
        let outer = on_the_way;
        on_the_way = format!("{outer}{SEPARATOR}{name}");
        message = match field.kind().as_message() {
            Some(inner) if well_known(inner).is_none() => inner.clone(),
            // The key of a map whose values are messages.
            _ if on_the_way == path => return format!("it needs more of the map; write {outer}{SEPARATOR}{ALL}"),
            _ => return format!("{on_the_way} is one column; write that"),
        };
        what = match field {
            field if field.is_map() => "a map of messages",
            field if field.is_list() => "a list of messages",
            _ => "a message",
        };
    }
    if message.fields().len() == 0 {
        return format!("{} has no fields", message.full_name());
    }
    format!("it is {what}; write {path}{SEPARATOR}{ALL} for all of its fields, or name some")
}
