//! Bytes as schema and payloads: what the fuzz target makes of its input, and the seeds in `fuzz/seeds/json` hold.
//!
//! The first line is the number of a schema: one of those written here, or, beyond them, a column `v` of each type. Behind
//! it come payloads, separated by the byte 0x1E. A payload that is the one byte 0x00 stands for Kafka's null.

use super::compare::Case;
use super::{Column, Schema, TYPES};

const SEPARATOR: u8 = 0x1e;
const KAFKA_NULL: &[u8] = &[0];

/// Columns and their types, fields and the columns they are mapped to.
type Table = (&'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)]);

const SCHEMAS: &[Table] = &[
    // 0: orders
    (
        &[("Symbol", "String"), ("Side", "utf8"), ("Price", "double"), ("Qty", "long"), ("Tstamp", "Instant")],
        &[("jsymbol", "Symbol"), ("jside", "Side"), ("jprice", "Price"), ("jqty", "Qty"), ("jts", "Tstamp")],
    ),
    // 1: integers
    (
        &[
            ("a", "int8"),
            ("b", "int16"),
            ("c", "int32"),
            ("d", "int64"),
            ("e", "uint8"),
            ("f", "uint16"),
            ("g", "uint32"),
            ("h", "uint64"),
        ],
        &[],
    ),
    // 2: other numbers, all of one field
    (
        &[("f", "float32"), ("d", "float64"), ("s", "decimal128(10, 2)"), ("l", "decimal256(76, 38)"), ("t", "utf8")],
        &[("n", "f"), ("n", "d"), ("n", "s"), ("n", "l"), ("n", "t")],
    ),
    // 3: bools, texts, bytes
    (&[("b", "bool"), ("t", "utf8"), ("u", "utf8"), ("x", "binary")], &[]),
    // 4: dates and times
    (
        &[
            ("d", "date32"),
            ("s", "time32[s]"),
            ("ms", "time32[ms]"),
            ("us", "time64[us]"),
            ("ns", "time64[ns]"),
            ("l", "timestamp[us]"),
        ],
        &[],
    ),
    // 5: timestamps of all units, of one field
    (
        &[
            ("s", "timestamp[s, UTC]"),
            ("ms", "timestamp[ms, Europe/Vienna]"),
            ("us", "timestamp[us, UTC]"),
            ("ns", "timestamp[ns, America/New_York]"),
        ],
        &[("ts", "s"), ("ts", "ms"), ("ts", "us"), ("ts", "ns")],
    ),
    // 6: pointers into containers, which are columns too
    (
        &[("whole", "utf8"), ("x", "int64"), ("y", "utf8"), ("first", "float64"), ("third", "utf8"), ("deep", "bool")],
        &[
            ("a", "whole"),
            ("/a/x", "x"),
            ("/a/y", "y"),
            ("/list/0", "first"),
            ("/list/2", "third"),
            ("/list/2/a~1b/~0", "deep"),
        ],
    ),
    // 7: names that are easily taken for each other
    (
        &[
            ("empty", "int64"),
            ("a", "int64"),
            ("ab", "int64"),
            ("a\"", "int64"),
            ("\\", "int64"),
            ("é", "int64"),
            ("😀", "int64"),
            ("abcdefghijklmnop", "int64"),
            ("abcdefghijklmnopq", "int64"),
            ("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "int64"),
        ],
        &[("", "empty")],
    ),
];

/// What the input says.
pub fn case(input: &[u8]) -> Case {
    let (number, rest) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[][..]),
    };
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let payload = |bytes: &[u8]| if bytes == KAFKA_NULL { None } else { Some(bytes.to_vec()) };
    Case { schema: schema(number), payloads: rest.split(|byte| *byte == SEPARATOR).map(payload).collect() }
}

fn schema(number: usize) -> Schema {
    let number = number % (SCHEMAS.len() + TYPES.len());
    let Some((columns, mapping)) = SCHEMAS.get(number) else {
        let (type_name, _) = TYPES[number - SCHEMAS.len()];
        return Schema { columns: vec![Column::new("v", type_name)], mapping: Vec::new() };
    };
    Schema {
        columns: columns.iter().map(|(name, type_name)| Column::new(name, type_name)).collect(),
        mapping: mapping.iter().map(|(field, column)| ((*field).to_owned(), (*column).to_owned())).collect(),
    }
}
