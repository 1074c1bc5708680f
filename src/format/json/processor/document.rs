//! A JSON text as a tree, with its members in their order: the order of fields is that of columns.

use crate::error::{Error, Result};
use crate::format::json::decode::unescape;
use crate::format::json::text::{Kind, Malformed, Padded, Text};
use crate::types;

/// A value of the text.
#[derive(Debug, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    String(String),
    Array(Vec<Json<'a>>),
    Object(Vec<(String, Json<'a>)>),
}

/// Descriptions are read and followed by recursion. Each level of types takes up to three in the text.
const MAX_DEPTH: usize = 3 * types::MAX_DEPTH + 1;

/// The value of a text, for as long as it is looked at.
pub fn with<T>(text: &str, look: impl FnOnce(&Json<'_>) -> Result<T>) -> Result<T> {
    let mut padded = Padded::default();
    let text = padded.fill(text.as_bytes()).expect("text is UTF-8");
    let start = text.skip_blanks(0);
    let malformed = |Malformed { at, expected }| {
        Error::argument("description", format!("it is not JSON: expected {expected} at byte {at}"))
    };
    let end = text.value_end(start, 0).map_err(malformed)?;
    if text.skip_blanks(end) != text.len() {
        return Err(malformed(Malformed { at: end, expected: "nothing behind the value" }));
    }
    look(&value(text, start, 0)?.0)
}

/// The value at `at` of a text that follows the grammar, and where it ends.
fn value(text: Text<'_>, at: usize, depth: usize) -> Result<(Json<'_>, usize)> {
    if depth > MAX_DEPTH {
        let message =
            format!("it is nested more than {MAX_DEPTH} levels deep; any takes what lies deeper as it is written");
        return Err(Error::argument("description", message));
    }
    let checked = |ended: std::result::Result<usize, Malformed>| ended.expect("the grammar has been checked");
    let kind = text.kind(at).expect("the grammar has been checked");
    let next = |at: usize| {
        let at = text.skip_blanks(at);
        if text.byte(at) == b',' { text.skip_blanks(at + 1) } else { at }
    };
    if kind == Kind::Array {
        let (mut items, mut at) = (Vec::new(), text.skip_blanks(at + 1));
        while text.byte(at) != b']' {
            let (item, end) = value(text, at, depth + 1)?;
            items.push(item);
            at = next(end);
        }
        return Ok((Json::Array(items), at + 1));
    }
    if kind == Kind::Object {
        let (mut members, mut at) = (Vec::new(), text.skip_blanks(at + 1));
        while text.byte(at) != b'}' {
            let member = text.member(at).expect("the grammar has been checked");
            let name = string(member.quoted(text))?;
            let (of_name, end) = value(text, member.value, depth + 1)?;
            if members.iter().any(|(earlier, _)| *earlier == name) {
                let message = format!("an object in it has two members {name}; each is to be there once");
                return Err(Error::argument("description", message));
            }
            members.push((name, of_name));
            at = next(end);
        }
        return Ok((Json::Object(members), at + 1));
    }
    let end = checked(text.value_end(at, 0));
    let written = text.slice(at, end);
    let scalar = match kind {
        Kind::Bool => Json::Bool(written == "true"),
        Kind::Number => Json::Number(written),
        Kind::String => Json::String(string(written)?),
        _ => Json::Null,
    };
    Ok((scalar, end))
}

fn string(quoted: &str) -> Result<String> {
    unescape(quoted).ok_or_else(|| Error::argument("description", "a string in it has half a surrogate pair"))
}
