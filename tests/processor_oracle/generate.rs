//! Descriptions and documents that look random, all of one number: most documents fit their description, and many fail to
//! by one thing.

use super::compare::{Case, MARKER};
use crate::document::{self, Kind, Node};

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("less than a usize")
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

const SCALARS: [&str; 13] = [
    "bool",
    "char",
    "byte",
    "short",
    "int",
    "long",
    "float",
    "double",
    "string",
    "instant",
    "big_integer",
    "big_decimal",
    "any",
];
const NAMES: [&str; 9] = ["a", "b", "c", "Name", "d e", "1", "type", "x/y", "größe"];

/// A description of its own, and some documents.
pub fn case(seed: u64) -> Case {
    let mut random = Random(seed);
    let description = match random.below(8) {
        0 => description(&mut random, 3),
        1 => typed(&mut random, 2),
        _ => object(&mut random, 3),
    };
    let node = document::read(description.as_bytes()).expect("it is JSON").expect("there is one");
    let count = 1 + random.below(9);
    let payloads = (0..count).map(|_| payload(&mut random, &node)).collect();
    drop(node);
    Case { description, payloads }
}

fn payload(random: &mut Random, description: &Node<'_>) -> Option<Vec<u8>> {
    match random.below(40) {
        0 => return None,
        1 => return Some(random.of(&["", " ", "null", "{}", "[]", "{} x", "\u{feff}{}", "1"]).as_bytes().to_vec()),
        _ => {}
    }
    let errors = if random.once_in(3) { 12 } else { usize::MAX };
    let mut bytes = document(random, description, errors).into_bytes();
    if random.once_in(30) && !bytes.is_empty() {
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => bytes.truncate(at),
            1 => bytes[at] = b"\"{}[],:0e\\\xff"[random.below(11)],
            _ => bytes.push(b'}'),
        }
    }
    Some(bytes)
}

fn option(random: &mut Random, options: &mut String, name: &str, likely: usize) {
    if random.once_in(likely) {
        options.push_str(&format!(", \"{name}\": {}", random.of(&["true", "false"])));
    }
}

fn scalar(random: &mut Random) -> String {
    let kind = random.of(&SCALARS);
    if random.once_in(3) {
        return format!("\"{}\"", random.of(&[kind, "str", "int", "float", "datetime", "object", "bool"]));
    }
    let mut options = format!("\"type\": \"{kind}\"");
    if kind == "any" {
        return format!("{{{options}}}");
    }
    let mut is_number = false;
    if kind == "instant" && random.once_in(2) {
        options.push_str(&format!(", \"number_format\": \"{}\"", random.of(&["s", "ms", "us", "ns"])));
        is_number = true;
    }
    match kind {
        "byte" | "short" | "int" | "long" => {
            ["allow_decimal", "allow_string"].map(|o| option(random, &mut options, o, 2))
        }
        "instant" if is_number => ["allow_decimal", "allow_string"].map(|o| option(random, &mut options, o, 2)),
        "big_integer" => ["allow_decimal", "allow_string"].map(|o| option(random, &mut options, o, 2)),
        "bool" | "float" | "double" | "big_decimal" => ["allow_string"; 2].map(|_| ()),
        "string" => ["allow_int", "allow_bool"].map(|o| option(random, &mut options, o, 2)),
        _ => [(), ()],
    };
    if matches!(kind, "bool" | "float" | "double" | "big_decimal") {
        option(random, &mut options, "allow_string", 2);
    }
    if kind == "string" {
        option(random, &mut options, "allow_decimal", 2);
    }
    if kind.starts_with("big") && random.once_in(3) {
        options.push_str(&format!(", \"precision\": {}", random.of(&["3", "20", "38", "39", "76"])));
        if kind == "big_decimal" {
            options.push_str(&format!(", \"scale\": {}", random.of(&["0", "1", "3"])));
        }
    }
    for what in ["null", "missing"] {
        match random.below(5) {
            0 => options.push_str(&format!(", \"allow_{what}\": false")),
            1 => {
                let constant = match kind {
                    "bool" => random.of(&["true", "false"]),
                    "char" => random.of(&["\"x\"", "\"€\""]),
                    "string" => random.of(&["\"\"", "\"none\""]),
                    "instant" => random.of(&["\"1970-01-01T00:00:00Z\"", "\"2000-01-01T12:00:00.5+02:00\""]),
                    _ => random.of(&["0", "7", "-1"]),
                };
                options.push_str(&format!(", \"on_{what}\": {constant}"));
            }
            _ => {}
        }
    }
    format!("{{{options}}}")
}

fn optional(random: &mut Random, options: &mut String) {
    for what in ["allow_null", "allow_missing"] {
        option(random, options, what, 6);
    }
}

fn description(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return scalar(random);
    }
    let mut options = String::new();
    match random.below(14) {
        0..=5 => scalar(random),
        6 => {
            let mut options = String::new();
            for kind in ["missing", "null", "int", "decimal", "string", "bool", "object", "array", "by_default"] {
                option(random, &mut options, &format!("allow_{kind}"), 4);
            }
            format!("{{\"type\": \"skip\"{options}}}")
        }
        7 | 8 => object(random, depth - 1),
        9 => format!("[{}]", description(random, depth - 1)),
        10 => {
            optional(random, &mut options);
            let columns = random.of(&["struct", "parallel"]);
            let element = description(random, depth - 1);
            format!("{{\"type\": \"array\", \"columns\": \"{columns}\", \"element\": {element}{options}}}")
        }
        11 => {
            optional(random, &mut options);
            let count = 1 + random.below(3);
            let values: Vec<String> = (0..count).map(|_| description(random, depth - 1)).collect();
            let values = if random.once_in(2) {
                format!("[{}]", values.join(", "))
            } else {
                let named = values.iter().enumerate().map(|(index, value)| format!("\"n{index}\": {value}"));
                format!("{{{}}}", named.collect::<Vec<_>>().join(", "))
            };
            format!("{{\"type\": \"tuple\", \"values\": {values}{options}}}")
        }
        12 => {
            optional(random, &mut options);
            let columns = random.of(&["map", "parallel"]);
            let value = description(random, depth - 1);
            if random.once_in(2) {
                let kind = random.of(&["int", "long", "bool", "double", "big_integer"]);
                options.push_str(&format!(", \"key_type\": {{\"type\": \"{kind}\", \"allow_string\": true}}"));
            }
            format!("{{\"type\": \"object_entries\", \"columns\": \"{columns}\", \"value_type\": {value}{options}}}")
        }
        _ => typed(random, depth - 1),
    }
}

/// Fields of different names.
fn fields(random: &mut Random, depth: usize, first: usize, most: usize) -> String {
    let count = random.below(most + 1);
    let field = |index: usize| {
        let name = NAMES[(first + index) % NAMES.len()];
        let mut value = description(random, depth);
        if value.contains("\"type\": ") && value.starts_with("{\"type") {
            value.pop();
            if random.once_in(4) {
                value.push_str(&format!(", \"aliases\": [\"{name}2\"]"));
            }
            if random.once_in(4) {
                value.push_str(", \"repeated_behavior\": \"use_first\"");
            }
            if random.once_in(6) && !value.starts_with("{\"type\": \"object\"") {
                value.push_str(&format!(", \"case_sensitive\": {}", random.of(&["true", "false"])));
            }
            value.push('}');
        }
        format!("\"{name}\": {value}")
    };
    format!("{{{}}}", (0..count).map(field).collect::<Vec<_>>().join(", "))
}

fn object(random: &mut Random, depth: usize) -> String {
    let first = random.below(NAMES.len());
    let fields = fields(random, depth, first, 5);
    // A field of the name type may make it anything.
    if random.once_in(3) && !fields.contains("\"type\": \"") {
        return fields;
    }
    let mut options = String::new();
    optional(random, &mut options);
    option(random, &mut options, "allow_unknown_fields", 4);
    option(random, &mut options, "case_sensitive", 6);
    if random.once_in(5) {
        options.push_str(", \"repeated_field_behavior\": \"use_first\"");
    }
    format!("{{\"type\": \"object\", \"fields\": {fields}{options}}}")
}

fn typed(random: &mut Random, depth: usize) -> String {
    let mut options = String::new();
    optional(random, &mut options);
    option(random, &mut options, "allow_unknown_types", 3);
    let shared = fields(random, depth, 0, 2);
    let types: Vec<String> =
        ["u", "1", "V"].iter().map(|name| format!("\"{name}\": {}", of_type(random, depth))).collect();
    let types = types.join(", ");
    format!(
        "{{\"type\": \"typed_object\", \"type_field\": \"t\", \"shared_fields\": {shared}, \"objects\": {{{types}}}{options}}}"
    )
}

fn of_type(random: &mut Random, depth: usize) -> String {
    let fields = fields(random, depth, 3, 2);
    let mut options = String::new();
    option(random, &mut options, "allow_unknown_fields", 4);
    format!("{{\"type\": \"object\", \"fields\": {fields}{options}}}")
}

/// A document of a description, with about one error in so many values.
fn document(random: &mut Random, description: &Node<'_>, errors: usize) -> String {
    let blank = |random: &mut Random| if random.once_in(20) { " " } else { "" };
    if errors != usize::MAX && random.once_in(errors) {
        return odd(random);
    }
    if random.once_in(12) {
        return "null".to_owned();
    }
    let kind = match &description.kind {
        Kind::String(Some(short)) => short.clone(),
        Kind::Array(_) => "array".to_owned(),
        Kind::Object(_) => match description.member("type").map(|kind| &kind.kind) {
            Some(Kind::String(Some(kind))) => match &kind[..] {
                // What is short for another kind.
                "int" => "narrow".to_owned(),
                "float" => "double".to_owned(),
                "object" => "fields".to_owned(),
                kind => kind.to_owned(),
            },
            _ => "fields".to_owned(),
        },
        _ => "any".to_owned(),
    };
    let may = |option: &str| description.member(option).is_some_and(|option| matches!(option.kind, Kind::Bool(true)));
    let of = |member: &str| description.member(member).expect("a description that is in order has this");
    let members = |node: &Node<'_>, random: &mut Random| match &node.kind {
        Kind::Object(members) => object_text(random, members, errors),
        _ => Vec::new(),
    };
    match &kind[..] {
        "array" => {
            let element = match &description.kind {
                Kind::Array(items) => &items[0],
                _ => of("element"),
            };
            let count = random.below(4);
            let items: Vec<String> = (0..count).map(|_| document(random, element, errors)).collect();
            format!("[{}{}]", blank(random), items.join(if random.once_in(10) { " , " } else { "," }))
        }
        "fields" => {
            let members = match description.member("type").map(|kind| &kind.kind) {
                Some(Kind::String(_)) => members(of("fields"), random),
                _ => members(description, random),
            };
            format!("{{{}{}}}", blank(random), members.join(","))
        }
        "typed_object" => {
            let name = random.of(&["u", "u", "1", "V", "w"]);
            let quoted = if name == "1" && random.once_in(2) { name.to_owned() } else { format!("\"{name}\"") };
            let mut all = vec![format!("\"t\":{}{quoted}", blank(random))];
            if let Some(shared) = description.member("shared_fields") {
                all.extend(members(shared, random));
            }
            if let Some(own) = of("objects").member(name).and_then(|own| own.member("fields")) {
                all.extend(members(own, random));
            }
            if errors != usize::MAX && random.once_in(errors) {
                all.reverse();
            }
            format!("{{{}}}", all.join(","))
        }
        "tuple" => {
            let mut values: Vec<String> = match &of("values").kind {
                Kind::Array(values) => values.iter().map(|value| document(random, value, errors)).collect(),
                Kind::Object(values) => values.iter().map(|(_, value)| document(random, value, errors)).collect(),
                _ => Vec::new(),
            };
            if errors != usize::MAX && random.once_in(errors) {
                values.pop();
            }
            format!("[{}]", values.join(","))
        }
        "object_entries" => {
            let keys = match description.member("key_type").and_then(|key| key.member("type")).map(|kind| kind.text) {
                Some("\"bool\"") => ["true", "FALSE", "true"],
                Some(_) => ["1", "-2", "+1"],
                None => ["k", "l", "\\u006b"],
            };
            let most = if random.once_in(4) { 4 } else { 3 };
            let count = random.below(most);
            let entries: Vec<String> = (0..count)
                .map(|index| format!("\"{}\":{}", keys[index], document(random, of("value_type"), errors)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        scalar => {
            if may("allow_string") && random.once_in(3) {
                return random
                    .of(&["\"1\"", "\"+7\"", "\"1.5\"", "\" true \"", "\"1e2\"", "\"NaN\"", "\"null\""])
                    .to_owned();
            }
            if may("allow_decimal") && random.once_in(3) {
                return random.of(&["1.5", "-0.9", "1e2", "2.500", "12e-1"]).to_owned();
            }
            match scalar {
                "bool" => random.of(&["true", "false"]).to_owned(),
                "char" => random.of(&["\"x\"", "\"é\"", "\"\\n\""]).to_owned(),
                "str" | "string" => match random.below(4) {
                    0 => format!("\"{MARKER}\""),
                    1 => "\"a\\u0041\\\"b\"".to_owned(),
                    2 => "\"\"".to_owned(),
                    _ => "\"a text of more than sixteen bytes\"".to_owned(),
                },
                "datetime" | "instant" if description.member("number_format").is_none() => random
                    .of(&[
                        "\"2023-12-23T00:48:52.123456789Z\"",
                        "\"1969-12-31T23:59:59-01:30\"",
                        "\"2000-02-29t12:00:00.5z\"",
                    ])
                    .to_owned(),
                "double" | "float" | "big_decimal" => random.of(&["1", "0.5", "-1.25e2", "0.1", "7"]).to_owned(),
                "any" | "object" | "skip" => random.of(&["1", "[1,{\"a\":[]}]", "{ }", "\"x\"", "1.50"]).to_owned(),
                "byte" => random.of(&["1", "-128", "127", "0"]).to_owned(),
                _ => random.of(&["1", "-32768", "7", "30000", "-0"]).to_owned(),
            }
        }
    }
}

/// Members for these fields, and now and then something else.
fn object_text(random: &mut Random, fields: &[(Option<String>, Node<'_>)], errors: usize) -> Vec<String> {
    let mut members = Vec::new();
    for (name, value) in fields {
        let name = name.as_deref().expect("names are text");
        if random.once_in(10) {
            continue;
        }
        let name = match random.below(20) {
            0 => format!("{name}2"),
            1 if name.is_ascii() => name.to_ascii_uppercase(),
            2 if name.starts_with('a') => name.replacen('a', "\\u0061", 1),
            _ => name.to_owned(),
        };
        members.push(format!("\"{name}\":{}", document(random, value, errors)));
    }
    if random.once_in(8) {
        members.insert(random.below(members.len() + 1), format!("\"unknown\":{}", odd(random)));
    }
    if !members.is_empty() && random.once_in(25) {
        members.push(members[random.below(members.len())].clone());
    }
    if random.once_in(6) {
        members.reverse();
    }
    members
}

/// A value that probably does not fit.
fn odd(random: &mut Random) -> String {
    let odd = [
        "1",
        "1.5",
        "\"x\"",
        "true",
        "null",
        "{}",
        "[]",
        "[1]",
        "{\"a\":1}",
        "300",
        "99999999999",
        "1e400",
        "1e30",
        "\"\"",
        "\"\\ud800\"",
        "\"2300-01-01T00:00:00Z\"",
        "123456789012345678901234567890",
        "\"1e99999\"",
        "0.0001",
        "-1e-7",
    ];
    random.of(&odd).to_owned()
}
