//! Schemas, documents made for them, and what can happen to the bytes of a document.

pub mod minimise;
mod nested;
mod random;
mod values;

use crate::json_oracle::compare::{Case, MARKER};
use crate::json_oracle::document::DEEPEST;
use crate::json_oracle::types::{self, TYPES};
use crate::json_oracle::{Column, Schema};
use arrow_schema::DataType;
use nested::{Manner, Shape, Types};
use random::Random;

/// A value of a document. Scalars are written already.
#[derive(Clone)]
enum Tree {
    Scalar(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

fn null() -> Tree {
    Tree::Scalar("null".to_owned())
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

/// A schema without lists, structs and maps, and up to 20 payloads, most of them alike.
pub fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let schema = schema(&mut random);
    payloads(&mut random, schema)
}

/// A schema with lists, structs or maps, and up to 20 payloads, most of them alike.
pub fn nested_case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let schema = nested_schema(&mut random);
    payloads(&mut random, schema)
}

fn payloads(random: &mut Random, schema: Schema) -> Case {
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
    let mut schema = Schema { by_arrow: random.one_in(4), ..Schema::default() };
    for name in column_names(random, count) {
        let (field, container) = field(random);
        if let Some(field) = field {
            schema.mapping.push((field, name.clone()));
        }
        // What is inside, and the text of all of it.
        let (type_name, data_type) = if container { ("utf8".to_owned(), DataType::Utf8) } else { scalar_type(random) };
        let nullable = !schema.by_arrow || !random.one_in(5);
        schema.columns.push(Column { name, type_name, data_type, nullable });
    }
    random.shuffle(&mut schema.mapping);
    schema
}

fn nested_schema(random: &mut Random) -> Schema {
    let by_arrow = random.one_in(2);
    let mut schema = Schema { by_arrow, ..Schema::default() };
    let count = 1 + random.below(4);
    let others = if random.one_in(2) { random.below(4) } else { 0 };
    let mut names = column_names(random, count + others);
    for name in names.drain(..count) {
        let field = if random.one_in(3) { field(random).0 } else { None };
        schema.mapping.extend(field.map(|field| (field, name.clone())));
        let mut types = Types::new(random, by_arrow);
        let data_type = if random.one_in(4) { scalar_type(random).1 } else { types.container(random) };
        let nullable = types.nullable(random);
        schema.columns.push(Column { nullable, ..Column::of(&name, data_type) });
    }
    // Columns of what is inside of others.
    for name in names {
        let from = &schema.columns[random.below(count)];
        let mut tokens = path(&schema, from);
        let inside = descend(random, &from.data_type, &mut tokens);
        schema.mapping.push((pointer(&tokens), name.clone()));
        let data_type = match random.below(6) {
            0 => DataType::Utf8,
            1 => scalar_type(random).1,
            2 => Types::new(random, by_arrow).container(random),
            _ => inside,
        };
        let nullable = !by_arrow || !random.one_in(4);
        schema.columns.push(Column { nullable, ..Column::of(&name, data_type) });
    }
    random.shuffle(&mut schema.mapping);
    schema
}

fn column_names(random: &mut Random, count: usize) -> Vec<String> {
    // A column has to have a name; a field may have an empty one.
    let mut names: Vec<String> = NAMES.iter().filter(|name| !name.is_empty()).map(|name| (*name).to_owned()).collect();
    random.shuffle(&mut names);
    names.extend((names.len()..count).map(|number| format!("column{number}")));
    names.truncate(count);
    names
}

/// A type without members, and a name of it.
fn scalar_type(random: &mut Random) -> (String, DataType) {
    let max_precision = match random.below(12) {
        0 => 38,
        1 => 76,
        _ => {
            let (name, data_type) = TYPES[random.below(TYPES.len())];
            return (name.to_owned(), data_type());
        }
    };
    let precision = 1 + random.below(max_precision);
    let scale = random.below(precision + 1);
    let (p, s) = (u8::try_from(precision).unwrap(), i8::try_from(scale).unwrap());
    let data_type = if max_precision == 38 { DataType::Decimal128(p, s) } else { DataType::Decimal256(p, s) };
    (types::name(&data_type), data_type)
}

/// Goes some way into a type, and says which.
fn descend(random: &mut Random, data_type: &DataType, tokens: &mut Vec<String>) -> DataType {
    if random.one_in(4) {
        return data_type.clone();
    }
    let field = match data_type {
        DataType::List(item) => {
            tokens.push(random.below(3).to_string());
            item
        }
        DataType::Struct(members) if !members.is_empty() => {
            let member = &members[random.below(members.len())];
            tokens.push(member.name().clone());
            member
        }
        DataType::Map(entries, _) => {
            tokens.push(random.pick(NAMES).to_owned());
            types::map_value(entries)
        }
        _ => return data_type.clone(),
    };
    descend(random, field.data_type(), tokens)
}

fn pointer(tokens: &[String]) -> String {
    tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect()
}

/// What a mapping says of the column's field, if there is one, and whether the field is a container of others.
fn field(random: &mut Random) -> (Option<String>, bool) {
    match random.below(10) {
        0..=4 => (None, false),
        5..=6 => (Some(random.pick(NAMES).to_owned()).filter(|name| !name.starts_with('/')), false),
        7 => (Some(format!("/{}", random.pick(CONTAINERS))), true),
        _ => {
            let mut tokens = vec![random.pick(CONTAINERS).to_owned()];
            for _ in 0..=random.below(3) {
                let from = if random.one_in(2) { &["0", "1", "2", "-", "01"] } else { NAMES };
                tokens.push(random.pick(from).to_owned());
            }
            (Some(pointer(&tokens)), false)
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

/// The columns that a path leads to.
fn fed_by<'a>(schema: &'a Schema, wanted: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    (0..schema.columns.len()).filter(move |index| path(schema, &schema.columns[*index]) == wanted)
}

/// Whether one of them does not take nulls.
fn is_needed(schema: &Schema, path: &[String]) -> bool {
    fed_by(schema, path).any(|index| !schema.columns[index].nullable)
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
    /// What the value of each column looks like.
    shapes: Vec<Shape>,
    /// One of so many containers inside columns does not look as usual.
    steady: usize,
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
            // What is there already if a column is that holds it.
            let is_inside =
                |outer: &Column| path != self::path(schema, outer) && path.starts_with(&self::path(schema, outer));
            let is_there = schema.columns.iter().any(|outer| outer.data_type.is_nested() && is_inside(outer));
            if !paths.contains(&path) && (!is_there || random.one_in(6)) {
                paths.push(path);
            }
        }
        let unknown = random.below(4);
        paths.extend((0..unknown).map(|_| vec![unknown_name(random)]));
        if random.one_in(2) {
            random.shuffle(&mut paths);
        }
        let shapes = schema.columns.iter().map(|column| Shape::new(random, &column.field().into(), 0)).collect();
        let steady = [3, 12, 100][random.below(3)];
        let (escaped_names, flaws) = (usize::MAX, usize::MAX);
        let mut layout = Layout { paths, blanks: Blanks::None, escaped_names, flaws, shapes, steady };
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
        let column = random.below(schema.columns.len());
        match random.below(7) {
            0 => random.shuffle(&mut self.paths),
            1 if at < self.paths.len() && !is_needed(schema, &self.paths[at]) => drop(self.paths.remove(at)),
            2 => self.paths.insert(at, vec![unknown_name(random)]),
            // Once more what is there already, or was: a duplicate.
            3 => self.paths.insert(at, path(schema, &schema.columns[column])),
            4 => *self = Layout::new(random, schema),
            5 => self.shapes[column] = Shape::new(random, &schema.columns[column].field().into(), 0),
            _ => self.change_style(random),
        }
    }

    fn payload(&mut self, random: &mut Random, schema: &Schema) -> Vec<u8> {
        self.flaws = if random.one_in(25) { 8 } else { usize::MAX };
        let manner = Manner { fits: !random.one_in(4), steady: self.steady };
        let mut root = Tree::Object(Vec::new());
        for (index, path) in self.paths.iter().enumerate() {
            if random.one_in(12) && !(manner.fits && is_needed(schema, path)) {
                continue;
            }
            let is_replaced = self.paths[index + 1..].contains(path);
            let fed: Vec<usize> = fed_by(schema, path).collect();
            let value = if fed.is_empty() {
                values::anything(random, 0)
            } else if is_replaced && random.one_in(2) {
                values::unfit(random)
            } else {
                self.shapes[fed[random.below(fed.len())]].value(random, manner, 0)
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
                    members.push((token.clone(), null()));
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
    let name = random.pick(NAMES);
    format!("{{{}:{}}}", values::quote(random, name, usize::MAX), deep(random, 1)).into_bytes()
}

/// A value inside so many containers that nests about as deep as it may.
fn deep(random: &mut Random, outer: usize) -> String {
    let depth = DEEPEST - outer - 4 + random.below(8);
    let (mut front, mut back) = (String::new(), String::new());
    let kind = random.below(3);
    for _ in 0..depth {
        let is_array = kind == 0 || (kind == 1 && random.one_in(2));
        front.push_str(if is_array { "[" } else { "{\"a\":" });
        back.insert(0, if is_array { ']' } else { '}' });
    }
    format!("{front}null{back}")
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
