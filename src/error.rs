//! The one error type, and the statuses it can carry.
//!
//! Everything that can go wrong, in any room of the house, is an [`Error`]: what kind of trouble it is,
//! a sentence that names the thing and the way out, and where in the topic it happened.
//! The C boundary hands the same value on, so a message is written once, here in Rust, for every language.

use std::ffi::CStr;
use std::fmt;

/// What a call came to. The numbers are part of the C ABI: they are only ever added to.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The call did what it says.
    Ok = 0,
    /// Nothing can come any more: every partition has finished or failed.
    End = 1,
    /// `karrow_consumer_wakeup` ended the call before it did anything.
    Interrupted = 2,
    /// The time given was over before the call could do what it says.
    Timeout = 3,
    /// Another call is using the handle.
    Busy = 4,
    /// The consumer has been closed.
    Closed = 5,
    /// An argument is wrong; the message names it and says what would be right.
    InvalidArgument = 6,
    /// The call does not fit the state of the handle (polling before opening, or from inside a processor, for example).
    InvalidState = 7,
    /// The topic, partition or column does not exist.
    NotFound = 8,
    /// A row number or an offset lies outside what there is.
    OutOfRange = 9,
    /// karrow, or this build of it, cannot do what was asked.
    Unsupported = 10,
    /// A record does not fit its columns.
    BadRecord = 11,
    /// Kafka, or the way to it, reported an error; `karrow_error_kafka_code` has librdkafka's number.
    Kafka = 12,
    /// The schema registry, or the way to it, reported an error.
    Registry = 13,
    /// An object processor failed.
    Processor = 14,
    /// A limit of memory or of the format has been reached; the message names it.
    Limit = 15,
    /// karrow met a bug of its own; the message says which. Please report it.
    Panic = 16,
    /// An earlier call ended in `PANIC`: the consumer no longer runs, what it has published stays readable.
    Poisoned = 17,
    /// Something that should not be possible; the message says what. Please report it.
    Internal = 18,
}

impl Status {
    /// Every status, in the order of its number.
    /// cbindgen:ignore
    pub const ALL: [Status; 19] = [
        Status::Ok,
        Status::End,
        Status::Interrupted,
        Status::Timeout,
        Status::Busy,
        Status::Closed,
        Status::InvalidArgument,
        Status::InvalidState,
        Status::NotFound,
        Status::OutOfRange,
        Status::Unsupported,
        Status::BadRecord,
        Status::Kafka,
        Status::Registry,
        Status::Processor,
        Status::Limit,
        Status::Panic,
        Status::Poisoned,
        Status::Internal,
    ];

    /// The status's name as it stands in the header, without the prefix: `INVALID_ARGUMENT`.
    pub fn c_name(self) -> &'static CStr {
        match self {
            Status::Ok => c"OK",
            Status::End => c"END",
            Status::Interrupted => c"INTERRUPTED",
            Status::Timeout => c"TIMEOUT",
            Status::Busy => c"BUSY",
            Status::Closed => c"CLOSED",
            Status::InvalidArgument => c"INVALID_ARGUMENT",
            Status::InvalidState => c"INVALID_STATE",
            Status::NotFound => c"NOT_FOUND",
            Status::OutOfRange => c"OUT_OF_RANGE",
            Status::Unsupported => c"UNSUPPORTED",
            Status::BadRecord => c"BAD_RECORD",
            Status::Kafka => c"KAFKA",
            Status::Registry => c"REGISTRY",
            Status::Processor => c"PROCESSOR",
            Status::Limit => c"LIMIT",
            Status::Panic => c"PANIC",
            Status::Poisoned => c"POISONED",
            Status::Internal => c"INTERNAL",
        }
    }

    /// The same name as a string.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().expect("the names are ASCII")
    }
}

/// `Result` with karrow's error.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong: a status, a sentence, and where it happened.
///
/// One pointer wide, so that a `Result` stays small on the path that does not fail.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    status: Status,
    message: String,
    kafka_code: i32,
    retriable: bool,
    position: Option<(i32, i64)>,
    details: Vec<(&'static str, String)>,
}

impl Error {
    /// An error of this status. Control characters in the message are escaped, so that it is safe to print.
    pub fn new(status: Status, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            status,
            message: escape_control(message.into()),
            kafka_code: 0,
            retriable: false,
            position: None,
            details: Vec::new(),
        }))
    }

    /// `INVALID_ARGUMENT` for the argument of this name; the message begins with the name.
    pub fn argument(argument: &str, message: impl fmt::Display) -> Error {
        Error::new(Status::InvalidArgument, format!("{argument}: {message}")).with_detail("argument", argument)
    }

    /// `INTERNAL`: something that should not be possible.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(Status::Internal, message)
    }

    /// The same error with librdkafka's error number.
    pub fn with_kafka_code(mut self, code: i32) -> Error {
        self.0.kafka_code = code;
        self
    }

    /// The same error, marked as worth trying again without a change.
    pub fn retriable(mut self) -> Error {
        self.0.retriable = true;
        self
    }

    /// The same error with the partition and offset it happened at.
    pub fn at(mut self, partition: i32, offset: i64) -> Error {
        self.0.position = Some((partition, offset));
        self
    }

    /// The same error with one more detail, which callers read by its key.
    pub fn with_detail(mut self, key: &'static str, value: impl Into<String>) -> Error {
        self.0.details.push((key, escape_control(value.into())));
        self
    }

    /// What kind of trouble it is.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// The sentence: lower case, names the thing and the way out, holds no payload and no secret.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// librdkafka's error number, 0 if Kafka had no part in it.
    pub fn kafka_code(&self) -> i32 {
        self.0.kafka_code
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_retriable(&self) -> bool {
        self.0.retriable
    }

    /// The partition and the offset, if the error belongs to one record or one position.
    pub fn position(&self) -> Option<(i32, i64)> {
        self.0.position
    }

    /// One detail: `topic`, `side` (`key`, `value`, `timestamp`, `headers`), `column`, `path`
    /// (inside the column), `reason`, `argument`.
    pub fn detail(&self, key: &str) -> Option<&str> {
        self.details().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// All details, in the order they were added.
    pub fn details(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.details.iter().map(|(key, value)| (*key, value.as_str()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.status.name(), self.0.message)
    }
}

impl std::error::Error for Error {}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Error {
        Error::internal(format!("arrow: {error}"))
    }
}

/// Topic names, column names and broker messages come from outside; none of them may move a terminal's cursor.
fn escape_control(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_in_messages_and_details() {
        let error = Error::argument("topic", "bad\u{1b}[2J\nname").with_detail("topic", "a\0b");
        assert_eq!(error.message(), "topic: bad\\u{1b}[2J\\nname");
        assert_eq!(error.detail("topic"), Some("a\\u{0}b"));
        assert_eq!(error.detail("argument"), Some("topic"));
        assert_eq!(error.detail("column"), None);
    }

    #[test]
    fn every_status_has_its_own_number_and_name() {
        for (number, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, number);
            assert!(Status::ALL.iter().filter(|other| other.name() == status.name()).count() == 1);
        }
    }
}
