//! `google.protobuf.Struct`, `Value` and `ListValue`, as JSON text.

use std::collections::HashMap;

use prost_reflect::MessageDescriptor;

use super::decode::{Misfit, NO_INT32, Parts, Problem};
use super::wire::{Key, Malformed, Span, Wire, WireType};

/// Which of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Struct,
    Value,
    List,
}

impl Shape {
    /// The shape of one of these messages.
    pub fn of(message: &MessageDescriptor) -> Shape {
        match message.name() {
            "Struct" => Shape::Struct,
            "ListValue" => Shape::List,
            _ => Shape::Value,
        }
    }
}

/// How many objects and arrays may be inside one another.
const MAX_DEPTH: usize = 100;

const TOO_DEEP: Misfit = "expected JSON of up to 100 levels, found more";
const NO_NUMBER: Misfit = "expected a finite number, found one that JSON has not";

/// Adds the text of a message to some other text.
pub fn write(shape: Shape, payload: &[u8], parts: Parts<'_>, text: &mut Vec<u8>) -> Result<(), Problem> {
    let mut writer = Writer { payload, text, depth: 0 };
    match shape {
        Shape::Struct => writer.object(parts),
        Shape::Value => writer.value(parts),
        Shape::List => writer.array(parts),
    }
}

struct Writer<'a, 't> {
    payload: &'a [u8],
    text: &'t mut Vec<u8>,
    /// How many objects and arrays are being written, each inside the one before.
    depth: usize,
}

/// What a value has been found to be so far: the last member of its oneof.
enum Found<'a> {
    Nothing,
    Number(f64),
    Text(&'a str),
    Bool(bool),
    Inside(Shape, Vec<Span>),
}

/// The fields that a message has, and which of them is next.
struct Fields<'a, 's> {
    payload: &'a [u8],
    wire: Wire<'a>,
    more: std::slice::Iter<'s, Span>,
}

impl<'a, 's> Fields<'a, 's> {
    fn new(payload: &'a [u8], parts: Parts<'s>) -> Fields<'a, 's> {
        Fields { payload, wire: Wire::new(payload, parts.first), more: parts.more.iter() }
    }

    /// The tag of the next field, of whatever part.
    fn next(&mut self) -> Result<Option<Key>, Problem> {
        loop {
            if self.wire.has_more() {
                return self.read(|wire| wire.key()).map(Some);
            }
            match self.more.next() {
                Some(part) => self.wire = Wire::new(self.payload, *part),
                None => return Ok(None),
            }
        }
    }

    fn read<T>(&mut self, read: impl FnOnce(&mut Wire<'a>) -> Result<T, Malformed>) -> Result<T, Problem> {
        let at = self.payload.len() - self.wire.left();
        read(&mut self.wire).map_err(|malformed| Problem::Malformed(malformed, at))
    }

    fn span(&mut self) -> Result<Span, Problem> {
        let payload = self.payload.len();
        self.read(|wire| wire.span(payload))
    }

    fn text(&mut self) -> Result<&'a str, Problem> {
        self.read(|wire| simdutf8::basic::from_utf8(wire.bytes()?).map_err(|_| Malformed::Utf8))
    }

    /// Steps over a field that is not one of those up to this number.
    fn skip(&mut self, key: Key, known: u32) -> Result<(), Problem> {
        self.read(|wire| {
            if key.number() <= known {
                key.wire_type()?;
                return Err(Malformed::OtherWireType);
            }
            wire.skip(key)
        })
    }
}

const fn key(number: u32, wire_type: WireType) -> Key {
    Key::new(number, wire_type)
}

const FIRST: Key = key(1, WireType::Length);
const SECOND: Key = key(2, WireType::Length);
const NULL: Key = key(1, WireType::Varint);
const NUMBER: Key = key(2, WireType::Bits64);
const TEXT: Key = key(3, WireType::Length);
const BOOL: Key = key(4, WireType::Varint);
const STRUCT: Key = key(5, WireType::Length);
const LIST: Key = key(6, WireType::Length);

impl<'a> Writer<'a, '_> {
    fn value(&mut self, parts: Parts<'_>) -> Result<(), Problem> {
        let payload = self.payload;
        let mut fields = Fields::new(payload, parts);
        let mut found = Found::Nothing;
        while let Some(key) = fields.next()? {
            let next = match key {
                NULL => {
                    let number = fields.read(|wire| wire.varint())?;
                    i32::try_from(number.cast_signed()).map_err(|_| NO_INT32)?;
                    Found::Nothing
                }
                NUMBER => Found::Number(f64::from_le_bytes(fields.read(|wire| wire.array())?)),
                TEXT => Found::Text(fields.text()?),
                BOOL => Found::Bool(fields.read(|wire| wire.varint())? != 0),
                STRUCT | LIST => {
                    let shape = if key == STRUCT { Shape::Struct } else { Shape::List };
                    let span = fields.span()?;
                    match &mut found {
                        // A part of the same one.
                        Found::Inside(same, parts) if *same == shape => {
                            parts.push(span);
                            continue;
                        }
                        _ => Found::Inside(shape, vec![span]),
                    }
                }
                other => {
                    fields.skip(other, 6)?;
                    continue;
                }
            };
            self.discard(std::mem::replace(&mut found, next))?;
        }
        self.found(found)
    }

    /// Looks whether something is well-formed that another member has taken the place of.
    fn discard(&mut self, found: Found<'_>) -> Result<(), Problem> {
        if let Found::Inside(..) = found {
            let length = self.text.len();
            self.found(found)?;
            self.text.truncate(length);
        }
        Ok(())
    }

    fn found(&mut self, found: Found<'_>) -> Result<(), Problem> {
        match found {
            Found::Nothing => self.text.extend_from_slice(b"null"),
            Found::Bool(value) => self.text.extend_from_slice(if value { b"true" } else { b"false" }),
            Found::Number(number) => self.number(number)?,
            Found::Text(text) => self.string(text),
            Found::Inside(shape, spans) => {
                let Some((first, more)) = spans.split_first() else { return Ok(()) };
                let parts = Parts { first: *first, more };
                match shape {
                    Shape::Struct => self.object(parts)?,
                    _ => self.array(parts)?,
                }
            }
        }
        Ok(())
    }

    fn number(&mut self, number: f64) -> Result<(), Problem> {
        let number = serde_json::Number::from_f64(number).ok_or(NO_NUMBER)?;
        self.text.extend_from_slice(number.to_string().as_bytes());
        Ok(())
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut *self.text, text).expect("a vector takes any bytes");
    }

    fn enter(&mut self) -> Result<(), Problem> {
        if self.depth == MAX_DEPTH {
            return Err(TOO_DEEP.into());
        }
        self.depth += 1;
        Ok(())
    }

    fn array(&mut self, parts: Parts<'_>) -> Result<(), Problem> {
        self.enter()?;
        self.text.push(b'[');
        let mut fields = Fields::new(self.payload, parts);
        let mut is_first = true;
        while let Some(key) = fields.next()? {
            if key != FIRST {
                fields.skip(key, 1)?;
                continue;
            }
            if !is_first {
                self.text.push(b',');
            }
            is_first = false;
            let span = fields.span()?;
            self.value(Parts::one(span))?;
        }
        self.text.push(b']');
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, parts: Parts<'_>) -> Result<(), Problem> {
        self.enter()?;
        let start = self.text.len();
        // Where in the text each entry ends, by its key; and where the last one of a key is.
        let mut entries = Vec::new();
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut fields = Fields::new(self.payload, parts);
        while let Some(key) = fields.next()? {
            if key != FIRST {
                fields.skip(key, 1)?;
                continue;
            }
            let span = fields.span()?;
            let (name, value) = entry(self.payload, span)?;
            self.text.push(if entries.is_empty() { b'{' } else { b',' });
            self.string(name);
            self.text.push(b':');
            match value.split_first() {
                Some((first, more)) => self.value(Parts { first: *first, more })?,
                None => self.found(Found::Nothing)?,
            }
            last.insert(name, entries.len());
            entries.push((name, self.text.len()));
        }
        if last.len() < entries.len() {
            self.keep_last(start, &entries, &last);
        }
        if entries.is_empty() {
            self.text.push(b'{');
        }
        self.text.push(b'}');
        self.depth -= 1;
        Ok(())
    }

    /// Takes out of an object what is written of keys that come again later.
    #[cold]
    fn keep_last(&mut self, start: usize, entries: &[(&str, usize)], last: &HashMap<&str, usize>) {
        let (mut from, mut to) = (start, start);
        for (place, (name, end)) in entries.iter().enumerate() {
            if last[name] == place {
                self.text.copy_within(from..*end, to);
                // The first one that stays begins the object.
                self.text[to] = if to == start { b'{' } else { b',' };
                to += end - from;
            }
            from = *end;
        }
        self.text.truncate(to);
    }
}

/// The key of an entry of an object, and the parts of its value.
fn entry(payload: &[u8], span: Span) -> Result<(&str, Vec<Span>), Problem> {
    let (mut name, mut value) = ("", Vec::new());
    let mut fields = Fields::new(payload, Parts::one(span));
    while let Some(key) = fields.next()? {
        match key {
            FIRST => name = fields.text()?,
            SECOND => value.push(fields.span()?),
            other => fields.skip(other, 2)?,
        }
    }
    Ok((name, value))
}
