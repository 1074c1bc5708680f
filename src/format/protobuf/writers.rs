//! The message that data are read as, and where it is in the schemas that data name: what the decoders of all partitions
//! share.

use std::sync::Arc;

use prost_reflect::FileDescriptor;

use super::columns::Wanted;
use super::compare;
use super::schema::{Files, message_at, place_of};
use crate::format::writers::Reader;
use crate::format::{Refused, bad};
use crate::registry;

/// The most names of messages in front of one: nobody nests so many.
const MAX_PLACES: u32 = 100;

/// The message that data are read as.
#[derive(Debug)]
pub struct ProtobufReader {
    wanted: Wanted,
}

/// The file of a schema that data name.
#[derive(Debug)]
pub struct WriterFile {
    file: FileDescriptor,
    /// The full name of the reader's message.
    message: String,
    /// Where that is in the file; `None`: nowhere.
    place: Option<Vec<u32>>,
    /// The same as it is usually written.
    written: Option<Vec<u8>>,
}

impl ProtobufReader {
    /// No writers yet.
    pub(super) fn new(wanted: Wanted) -> ProtobufReader {
        ProtobufReader { wanted }
    }

    /// The file of this name, if data of the reader's message can be read that were written with it.
    pub(super) fn file(&self, files: &Files, name: &str) -> Result<Arc<WriterFile>, String> {
        let file = files.compile(name)?;
        let message = self.wanted.message.full_name().to_owned();
        let writer = file.parent_pool().get_message_by_name(&message);
        let place = match writer.filter(|writer| writer.parent_file() == file) {
            Some(writer) => {
                compare::check(&self.wanted, &writer)?;
                Some(place_of(&writer))
            }
            // Data of it are other messages, and only they are bad.
            None => None,
        };
        let written = place.as_deref().map(write_places);
        Ok(Arc::new(WriterFile { file, message, place, written }))
    }
}

impl Reader for ProtobufReader {
    type Plan = WriterFile;

    fn plan(&self, schema: &registry::Schema) -> Result<Arc<WriterFile>, String> {
        let name = match schema.id {
            Some(id) => name_of(id),
            None => "schema".to_owned(),
        };
        self.file(&Files::of_registry(schema, &name)?, &name)
    }
}

/// What the file of a schema is called that has no name of its own.
pub fn name_of(id: i32) -> String {
    format!("schema {id}")
}

impl WriterFile {
    /// The message behind its place in the file, if it is the reader's.
    #[inline(always)]
    pub(super) fn message<'p>(&self, placed: &'p [u8]) -> Result<&'p [u8], Refused> {
        match self.written.as_deref().and_then(|written| placed.strip_prefix(written)) {
            Some(message) => Ok(message),
            None => self.find_message(placed),
        }
    }

    #[cold]
    fn find_message<'p>(&self, placed: &'p [u8]) -> Result<&'p [u8], Refused> {
        let Some((place, message)) = read_places(placed) else {
            return Err(bad("malformed index path of the message behind the schema's id".to_owned()));
        };
        if self.place.as_ref() == Some(&place) {
            return Ok(message);
        }
        Err(bad(match message_at(&self.file, &place) {
            Some(found) => format!("expected message {}, found message {}", self.message, found.full_name()),
            None => {
                format!(
                    "expected message {}, found an index path that leads to no message of {}",
                    self.message,
                    self.file.name()
                )
            }
        }))
    }
}

/// A place as writers write it: the first message of a file is a count of 0.
fn write_places(place: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    match place {
        [0] => write_number(0, &mut bytes),
        place => {
            write_number(place.len() as u64, &mut bytes);
            place.iter().for_each(|place| write_number(u64::from(*place), &mut bytes));
        }
    }
    bytes
}

/// Zigzag, seven bits in each byte, the lowest first.
fn write_number(number: u64, bytes: &mut Vec<u8>) {
    let mut rest = number << 1;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// A place, and what is behind it.
fn read_places(bytes: &[u8]) -> Option<(Vec<u32>, &[u8])> {
    let (count, mut rest) = read_number(bytes)?;
    if count == 0 {
        return Some((vec![0], rest));
    }
    if count > MAX_PLACES {
        return None;
    }
    let mut place = Vec::new();
    for _ in 0..count {
        let (number, behind) = read_number(rest)?;
        place.push(number);
        rest = behind;
    }
    Some((place, rest))
}

/// A number that is not negative and has 31 bits at most.
fn read_number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?)?;
        if byte & 0x80 == 0 {
            let number = u32::try_from(number).ok()?;
            return (number & 1 == 0).then_some((number >> 1, &bytes[index + 1..]));
        }
    }
    None
}
