//! Bytes as a description and documents: what the fuzz target makes of its input, and the files in `fuzz/` hold.
//!
//! The first line is a description, or the number of one that is generated, with its documents in front of the others. Behind
//! it come documents, separated by the byte 0x1E. A document that is the one byte 0x00 stands for Kafka's null.

use super::compare::Case;
use super::generate;

const SEPARATOR: u8 = 0x1e;
const KAFKA_NULL: &[u8] = &[0];

/// What these bytes say.
pub fn case(input: &[u8]) -> Case {
    let line_end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (line, rest) = input.split_at(line_end);
    let line = String::from_utf8_lossy(line);
    let mut case = match line.parse() {
        Ok(seed) => generate::case(seed),
        Err(_) => Case { description: line.into_owned(), payloads: Vec::new() },
    };
    if let [_, documents @ ..] = rest {
        let documents = documents.split(|byte| *byte == SEPARATOR);
        case.payloads.extend(documents.map(|bytes| (bytes != KAFKA_NULL).then(|| bytes.to_vec())));
    }
    case
}
