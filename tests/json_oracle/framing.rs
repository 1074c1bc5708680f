//! Bytes as schema and payloads: what the fuzz target makes of its input, and the files in `fuzz/` hold.
//!
//! The first line says the schema. A number is that of one written here, or, beyond them, of a column `v` of each type.
//! Anything else spells the types of columns, of a byte or more each, so that every line means something:
//!
//! | bytes | mean |
//! |---|---|
//! | `[` | a list of what follows |
//! | `{` … `}` | a struct of what stands between |
//! | `<` | a map to what follows |
//! | `!` | what follows may not be null; an Arrow schema declares the columns then |
//! | `=` | what follows is a column of the field that the first column reads, `a` |
//! | `/x/y` | what follows is a column of the field behind the pointer `/a/x/y` |
//! | others | a type without members, see `LETTERS` |
//!
//! Behind the line come payloads, separated by the byte 0x1E. A payload that is the one byte 0x00 stands for Kafka's null.

use arrow_schema::{DataType, Field};

use super::compare::Case;
use super::types::{self, TYPES};
use super::{Column, Schema};

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

/// Bytes that stand for types without members; all others stand for one of all of them.
const LETTERS: &[(u8, &str)] = &[
    (b'b', "bool"),
    (b'i', "int32"),
    (b'l', "int64"),
    (b'u', "uint8"),
    (b'f', "float32"),
    (b'd', "float64"),
    (b'm', "decimal128(10, 2)"),
    (b'M', "decimal256(40, 9)"),
    (b's', "utf8"),
    (b'x', "binary"),
    (b'D', "date32"),
    (b't', "time64[ns]"),
    (b'T', "timestamp[ns, UTC]"),
    (b'L', "timestamp[us]"),
];

/// What columns and members are called, in order.
const NAMES: &[&str] = &["a", "b", "c", "ab", "a\"", "\\", "é", "abcdefghijklmnop", "abcdefghijklmnopq"];

/// How many columns and members a line spells.
const MOST_FIELDS: usize = 64;

/// How deep the types of a line nest.
const DEEPEST_TYPE: usize = 64;

/// What the input says.
pub fn case(input: &[u8]) -> Case {
    let (line, rest) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[][..]),
    };
    let schema = match std::str::from_utf8(line).ok().and_then(|text| text.parse().ok()) {
        Some(number) => schema(number),
        None => Line { rest: line, fields: 0 }.schema(),
    };
    let payload = |bytes: &[u8]| if bytes == KAFKA_NULL { None } else { Some(bytes.to_vec()) };
    Case { schema, payloads: rest.split(|byte| *byte == SEPARATOR).map(payload).collect() }
}

fn schema(number: usize) -> Schema {
    let number = number % (SCHEMAS.len() + TYPES.len());
    let Some((columns, mapping)) = SCHEMAS.get(number) else {
        let (type_name, _) = TYPES[number - SCHEMAS.len()];
        return Schema { columns: vec![Column::new("v", type_name)], ..Schema::default() };
    };
    Schema {
        columns: columns.iter().map(|(name, type_name)| Column::new(name, type_name)).collect(),
        mapping: mapping.iter().map(|(field, column)| ((*field).to_owned(), (*column).to_owned())).collect(),
        by_arrow: false,
    }
}

/// Reads a line that spells types.
struct Line<'a> {
    rest: &'a [u8],
    /// How many columns and members there are so far.
    fields: usize,
}

impl Line<'_> {
    fn schema(mut self) -> Schema {
        let mut schema = Schema::default();
        // An empty line spells one column.
        while schema.columns.is_empty() || (!self.rest.is_empty() && self.fields < MOST_FIELDS) {
            let name = name(schema.columns.len());
            if let Some(field) = self.mapped_field() {
                schema.mapping.push((field, name.clone()));
            }
            let field = self.field(&name, 0);
            let mut column = Column::of(&name, field.data_type().clone());
            column.nullable = field.is_nullable();
            schema.columns.push(column);
        }
        schema.by_arrow = !schema.columns.iter().all(|column| column.nullable && types::has_a_name(&column.data_type));
        schema
    }

    fn mapped_field(&mut self) -> Option<String> {
        if self.take(b'=') {
            return Some("a".to_owned());
        }
        let mut pointer = "/a".to_owned();
        while self.take(b'/') {
            let token = self.next().filter(u8::is_ascii_alphanumeric).unwrap_or(b'0');
            pointer.extend(['/', char::from(token)]);
        }
        Some(pointer).filter(|pointer| pointer != "/a")
    }

    fn field(&mut self, name: &str, depth: usize) -> Field {
        self.fields += 1;
        let nullable = !self.take(b'!');
        Field::new(name, self.data_type(depth), nullable)
    }

    fn data_type(&mut self, depth: usize) -> DataType {
        let byte = self.next().unwrap_or(b's');
        match byte {
            _ if depth == DEEPEST_TYPE => DataType::Utf8,
            b'[' => DataType::List(self.field("item", depth + 1).into()),
            b'<' => types::map_of("entries", "key", self.field("value", depth + 1)),
            b'{' => {
                let mut members = Vec::new();
                while !self.take(b'}') && !self.rest.is_empty() && self.fields < MOST_FIELDS {
                    members.push(self.field(&name(members.len()), depth + 1));
                }
                DataType::Struct(members.into())
            }
            _ => match LETTERS.iter().find(|(letter, _)| *letter == byte) {
                Some((_, name)) => types::scalar(name),
                None => TYPES[usize::from(byte) % TYPES.len()].1(),
            },
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }
}

/// The name of a column or member.
fn name(index: usize) -> String {
    NAMES.get(index).map_or_else(|| format!("n{index}"), |name| (*name).to_owned())
}
