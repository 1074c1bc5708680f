//! Schemas, documents made for them, and what can happen to the bytes of a document.

pub mod minimise;
mod random;
mod values;

use crate::json_oracle::compare::{Case, MARKER};
use crate::json_oracle::document::DEEPEST;
use crate::json_oracle::{Column, Schema, TYPES};
use arrow_schema::DataType;
use random::Random;

/// A value of a document. Scalars are written already.
#[derive(Clone)]
enum Tree {
    Scalar(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// Names of columns and fields: prefixes of each other, of lengths around those of machine words, with everything that
/// has to be escaped, and with what means something in pointers.
const NAMES: &[&str] = &[
    "a",
    "ab",
    "abc",
    "A",
    "price",
    "price2",
    "",
    "0",
    "1",
    "a/b",
    "/a",
    "a~b",
    "~1",
    "say \"a\"",
    "back\\slash",
    "tab\t",
    "\u{1}",
    "\u{7f}",
    "é",
    "ключ",
    "日本",
    "😀",
    "e\u{301}",
    "seven77",
    "eight888",
    "nine99999",
    "eleven11111",
    "twelve121212",
    "thirteen13131",
    "thirteen13132",
    "fourteen141414",
    "fifteen15151515",
    "sixteen161616161",
    "sixteen16161616é",
    "seventeen17171717",
    "twenty-eight-bytes-of-a-name",
    "twenty-nine-bytes-of-a-name-2",
    "thirty-bytes-of-a-name-3030303",
    "thirty-one-bytes-of-a-name-3131",
    "thirty-two-bytes-of-a-name-32323",
    "thirty-three-bytes-of-a-name-3333",
    "sixty-three-bytes-of-a-name-sixty-three-bytes-of-a-name-6363636",
    "sixty-four-bytes-of-a-name-sixty-four-bytes-of-a-name-6464646464",
    "sixty-four-bytes-of-a-name-sixty-four-bytes-of-a-name-646464646X",
    "sixty-five-bytes-of-a-name-sixty-five-bytes-of-a-name-65656565656",
];

/// Fields that have members or elements which feed columns.
const CONTAINERS: &[&str] = &["a", "nested", "price", "sixteen161616161"];

/// A schema and up to 20 payloads, most of them alike.
pub fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let random = &mut random;
    let schema = schema(random);
    let mut layout = Layout::new(random, &schema);
    let mut payloads: Vec<Option<Vec<u8>>> = Vec::new();
    for _ in 0..=random.below(20) {
        if random.one_in(6) {
            layout.change(random, &schema);
        }
        let payload = if random.one_in(25) { unusual_payload(random) } else { Some(layout.payload(random, &schema)) };
        let previous = payloads.last().cloned().flatten();
        payloads.push(match payload {
            Some(payload) if random.one_in(8) => Some(mutate(random, payload, previous.as_deref())),
            payload => payload,
        });
    }
    Case { schema, payloads }
}

fn schema(random: &mut Random) -> Schema {
    let count = match random.below(30) {
        0 => 60,
        1..=8 => 1,
        9..=18 => 1 + random.below(4),
        _ => 1 + random.below(12),
    };
    // A column has to have a name; a field may have an empty one.
    let mut names: Vec<String> = NAMES.iter().filter(|name| !name.is_empty()).map(|name| (*name).to_owned()).collect();
    random.shuffle(&mut names);
    names.extend((names.len()..count).map(|number| format!("column{number}")));
    names.truncate(count);
    let mut schema = Schema::default();
    for name in &names {
        let (field, container) = field(random);
        if let Some(field) = field {
            schema.mapping.push((field, name.clone()));
        }
        // What is inside, and the text of all of it.
        schema.columns.push(if container { Column::new(name, "utf8") } else { column(random, name) });
    }
    random.shuffle(&mut schema.mapping);
    schema
}

fn column(random: &mut Random, name: &str) -> Column {
    let max_precision = match random.below(12) {
        0 => 38,
        1 => 76,
        _ => return Column::new(name, TYPES[random.below(TYPES.len())].0),
    };
    let precision = 1 + random.below(max_precision);
    let scale = random.below(precision + 1);
    let (p, s) = (u8::try_from(precision).unwrap(), i8::try_from(scale).unwrap());
    let (bits, data_type) =
        if max_precision == 38 { (128, DataType::Decimal128(p, s)) } else { (256, DataType::Decimal256(p, s)) };
    Column { name: name.to_owned(), type_name: format!("decimal{bits}({precision}, {scale})"), data_type }
}

/// What a mapping says of the column's field, if there is one, and whether the field is a container of others.
fn field(random: &mut Random) -> (Option<String>, bool) {
    match random.below(10) {
        0..=4 => (None, false),
        5..=6 => (Some(random.pick(NAMES).to_owned()).filter(|name| !name.starts_with('/')), false),
        7 => (Some(format!("/{}", random.pick(CONTAINERS))), true),
        _ => {
            let mut tokens = vec![random.pick(CONTAINERS)];
            for _ in 0..=random.below(3) {
                tokens.push(if random.one_in(2) {
                    random.pick(&["0", "1", "2", "-", "01"])
                } else {
                    random.pick(NAMES)
                });
            }
            let pointer = tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")));
            (Some(pointer.collect()), false)
        }
    }
}

/// The way to the value that feeds a column.
fn path(schema: &Schema, column: &Column) -> Vec<String> {
    let mapped = schema.mapping.iter().find(|(_, name)| *name == column.name);
    match mapped {
        None => vec![column.name.clone()],
        Some((field, _)) => match field.strip_prefix('/') {
            None => vec![field.clone()],
            Some(pointer) => pointer.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect(),
        },
    }
}

/// What one document has in common with the next.
struct Layout {
    /// Ways to values, in the order in which they are written.
    paths: Vec<Vec<String>>,
    blanks: Blanks,
    /// One of so many names is written with escapes.
    escaped_names: usize,
    /// One of so many items lacks something, or has too much.
    flaws: usize,
}

#[derive(Clone, Copy)]
enum Blanks {
    None,
    AfterSigns,
    Lines,
    Rarely,
    Anywhere,
}

impl Layout {
    fn new(random: &mut Random, schema: &Schema) -> Layout {
        let mut paths: Vec<Vec<String>> = Vec::new();
        for column in &schema.columns {
            let path = path(schema, column);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let unknown = random.below(4);
        paths.extend((0..unknown).map(|_| vec![unknown_name(random)]));
        if random.one_in(2) {
            random.shuffle(&mut paths);
        }
        let mut layout = Layout { paths, blanks: Blanks::None, escaped_names: usize::MAX, flaws: usize::MAX };
        layout.change_style(random);
        layout
    }

    fn change_style(&mut self, random: &mut Random) {
        self.blanks = match random.below(8) {
            0..=2 => Blanks::None,
            3 => Blanks::AfterSigns,
            4 => Blanks::Lines,
            5 | 6 => Blanks::Rarely,
            _ => Blanks::Anywhere,
        };
        self.escaped_names = match random.below(5) {
            0 => 1,
            1 => 4,
            _ => usize::MAX,
        };
    }

    fn change(&mut self, random: &mut Random, schema: &Schema) {
        let at = random.below(self.paths.len() + 1);
        match random.below(6) {
            0 => random.shuffle(&mut self.paths),
            1 if at < self.paths.len() => drop(self.paths.remove(at)),
            2 => self.paths.insert(at, vec![unknown_name(random)]),
            3 => {
                // Once more what is there already, or was: a duplicate.
                let column = &schema.columns[random.below(schema.columns.len())];
                self.paths.insert(at, path(schema, column));
            }
            4 => *self = Layout::new(random, schema),
            _ => self.change_style(random),
        }
    }

    fn payload(&mut self, random: &mut Random, schema: &Schema) -> Vec<u8> {
        self.flaws = if random.one_in(25) { 8 } else { usize::MAX };
        let fits = !random.one_in(4);
        let mut root = Tree::Object(Vec::new());
        for path in &self.paths {
            if random.one_in(12) {
                continue;
            }
            let fed: Vec<&Column> =
                schema.columns.iter().filter(|column| crate::generate::path(schema, column) == *path).collect();
            let value = if fed.is_empty() {
                values::anything(random, 0)
            } else {
                let column = fed[random.below(fed.len())];
                values::value(random, &column.data_type, fits)
            };
            insert(random, &mut root, path, value);
        }
        let mut out = String::new();
        if random.one_in(40) {
            out.push('\u{feff}');
        }
        self.blank(random, &mut out, false);
        self.write(random, &root, &mut out);
        self.blank(random, &mut out, false);
        out.into_bytes()
    }

    fn write(&self, random: &mut Random, tree: &Tree, out: &mut String) {
        match tree {
            Tree::Scalar(text) => out.push_str(text),
            Tree::Array(elements) => self.write_list(random, out, ('[', ']'), elements, |random, element, out| {
                self.write(random, element, out);
            }),
            Tree::Object(members) => self.write_list(random, out, ('{', '}'), members, |random, (name, value), out| {
                let escaped = if random.one_in(self.escaped_names) { 2 } else { usize::MAX };
                out.push_str(&values::quote(random, name, escaped));
                self.blank(random, out, false);
                out.push(':');
                self.blank(random, out, true);
                self.write(random, value, out);
            }),
        }
    }

    fn write_list<T>(
        &self,
        random: &mut Random,
        out: &mut String,
        (open, close): (char, char),
        items: &[T],
        mut write: impl FnMut(&mut Random, &T, &mut String),
    ) {
        out.push(open);
        for (index, item) in items.iter().enumerate() {
            let flaw = if random.one_in(self.flaws) { Some(random.below(3)) } else { None };
            if index > 0 && flaw != Some(0) {
                out.push(',');
            }
            self.blank(random, out, index > 0);
            if flaw != Some(1) {
                write(random, item, out);
            }
            if flaw == Some(2) {
                out.push(',');
            }
            self.blank(random, out, false);
        }
        if items.is_empty() {
            self.blank(random, out, false);
        }
        out.push(close);
    }

    fn blank(&self, random: &mut Random, out: &mut String, after_sign: bool) {
        match self.blanks {
            Blanks::None => {}
            Blanks::AfterSigns if after_sign => out.push(' '),
            Blanks::Lines if after_sign => out.push_str(random.pick(&["\n  ", "\r\n\t", "\n"])),
            Blanks::Rarely if random.one_in(8) => out.push_str(random.pick(&[" ", " ", "\t", "\n", "\r"])),
            Blanks::AfterSigns | Blanks::Lines | Blanks::Rarely => {}
            Blanks::Anywhere => {
                for _ in 0..random.below(4) {
                    out.push_str(random.pick(&[" ", " ", "\t", "\n", "\r", "                                 "]));
                }
            }
        }
    }
}

/// A name that may or may not be that of a column or a field.
fn unknown_name(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("unknown{}", random.below(5)),
        1 => format!("{MARKER}{}", random.below(5)),
        _ => random.pick(NAMES).to_owned(),
    }
}

/// Puts a value where a path leads, and what is missing on the way. A member that is there already becomes a duplicate.
fn insert(random: &mut Random, tree: &mut Tree, path: &[String], value: Tree) {
    let [token, rest @ ..] = path else {
        *tree = value;
        return;
    };
    if let Tree::Scalar(_) = tree {
        let is_index = matches!(token.as_str(), "0" | "1" | "2");
        *tree = if is_index && !random.one_in(4) { Tree::Array(Vec::new()) } else { Tree::Object(Vec::new()) };
    }
    match tree {
        Tree::Scalar(_) => unreachable!("it is a container by now"),
        Tree::Array(elements) => {
            let Some(index) = token.parse().ok().filter(|index| *index < 9_usize) else { return };
            while elements.len() <= index {
                elements.push(values::anything(random, 2));
            }
            insert(random, &mut elements[index], rest, value);
        }
        Tree::Object(members) => {
            let known = members.iter().rposition(|(name, _)| name == token);
            let index = match known {
                Some(index) if !rest.is_empty() => index,
                _ => {
                    members.push((token.clone(), Tree::Scalar("null".to_owned())));
                    members.len() - 1
                }
            };
            insert(random, &mut members[index].1, rest, value);
        }
    }
}

/// Payloads that are no document of the usual kind.
fn unusual_payload(random: &mut Random) -> Option<Vec<u8>> {
    let payload: &[u8] = match random.below(25) {
        0 => return None,
        1 => b"",
        2 => b" \t\r\n ",
        3 => b"null",
        4 => b"\n null\t",
        5 => b"\xef\xbb\xbf",
        6 => b"\xef\xbb\xbf null",
        7 => b"\xef\xbb\xbf\xef\xbb\xbf{}",
        8 => b" \xef\xbb\xbf{}",
        9 => b"\x0c",
        10 => b"[]",
        11 => b"[{}]",
        12 => b"17",
        13 => b"\"text\"",
        14 => b"true",
        15 => b"nul",
        16 => b"nullnull",
        17 => b"{}{}",
        18 => b"{} x",
        19 => b"{",
        20 => b"\0",
        21 => b"{}",
        22 => b"{\"a\":01}",
        23 => return Some(wide(random)),
        _ => return Some(nested(random)),
    };
    Some(payload.to_vec())
}

/// Containers in containers, about as deep as they may be.
fn nested(random: &mut Random) -> Vec<u8> {
    let depth = DEEPEST - 4 + random.below(8);
    let name = random.pick(NAMES);
    let name = values::quote(random, name, usize::MAX);
    let (mut front, mut back) = (format!("{{{name}:"), "}".to_owned());
    let kind = random.below(3);
    for _ in 1..depth {
        let is_array = kind == 0 || (kind == 1 && random.one_in(2));
        front.push_str(if is_array { "[" } else { "{\"a\":" });
        back.insert(0, if is_array { ']' } else { '}' });
    }
    format!("{front}null{back}").into_bytes()
}

/// An object of more members than anybody would learn by heart, some of which are fields of columns.
fn wide(random: &mut Random) -> Vec<u8> {
    let count = 4090 + random.below(12);
    let first = random.below(2);
    let mut members: Vec<String> = (0..count).map(|number| format!("\"{}\":{first}", number + first)).collect();
    members.extend((0..3).map(|_| {
        let name = random.pick(NAMES);
        format!("{}:{first}", values::quote(random, name, usize::MAX))
    }));
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// Does some harm, or none, to the bytes.
fn mutate(random: &mut Random, mut bytes: Vec<u8>, other: Option<&[u8]>) -> Vec<u8> {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(12)).min(bytes.len());
        match random.below(10) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            4 => bytes.insert(at, *random.pick(&[&b'"', &b'\\', &b'{', &b'}', &b',', &b'0', &b'-', &b'.', &0, &0xff])),
            5 => bytes.swap(at, end - 1),
            6 => bytes[at] = random.bits().to_le_bytes()[0],
            7 => drop(bytes.drain(..at)),
            8 => drop(bytes.splice(at..at, random.pick(&["é", "日", "😀"]).bytes())),
            _ => {
                let other = other.unwrap_or(b"{\"a\":1}");
                let from = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}
