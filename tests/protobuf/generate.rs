//! Cases from bytes: a message's descriptor, and data, also such as no serializer writes them.

use std::fmt;

use prost_reflect::prost::Message;
use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

use super::schema::{self, MESSAGE};
use super::source::{Mutation, Source};

/// What is decoded, and how.
pub struct Case {
    pub file: FileDescriptorProto,
    pub message: MessageDescriptor,
    pub structs: bool,
    pub enum_numbers: bool,
    /// Whether data name their schema.
    pub is_framed: bool,
    pub payloads: Vec<Payload>,
}

/// A message, and what is known of it before anybody reads it.
#[derive(Debug, Clone)]
pub struct Payload {
    pub bytes: Vec<u8>,
    pub is_mutated: bool,
    /// Whether it has a number that is beyond its type, which dynamic messages cut.
    pub is_beyond: bool,
    /// Whether it may have a value that is none of its column's.
    pub may_misfit: bool,
}

impl Case {
    /// The file as a serialized set.
    pub fn descriptors(&self) -> Vec<u8> {
        FileDescriptorSet { file: vec![self.file.clone()] }.encode_to_vec()
    }

    /// Whether there may be messages that are no columns, so that karrow does not look into them.
    pub fn has_unwanted(&self) -> bool {
        !self.structs && self.file.message_type.iter().any(is_empty)
    }
}

fn is_empty(message: &DescriptorProto) -> bool {
    message.field.is_empty() || message.nested_type.iter().any(is_empty)
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { structs, enum_numbers, is_framed, .. } = self;
        writeln!(f, "structs {structs}, enum_numbers {enum_numbers}, is_framed {is_framed}")?;
        let mut messages: Vec<&DescriptorProto> = self.file.message_type.iter().collect();
        while let Some(message) = messages.pop() {
            writeln!(f, "message {} {{", message.name())?;
            for field in &message.field {
                let oneof = field.oneof_index.map(|oneof| format!(", of oneof {oneof}")).unwrap_or_default();
                let (label, of, name) = (field.label(), field.r#type(), field.type_name());
                writeln!(f, "  {label:?} {of:?} {name} {} = {}{oneof}", field.name(), field.number())?;
            }
            writeln!(f, "}}")?;
            messages.extend(&message.nested_type);
        }
        for of in &self.file.enum_type {
            let values: Vec<String> = of.value.iter().map(|v| format!("{} = {}", v.name(), v.number())).collect();
            writeln!(f, "enum {} {{ {} }}", of.name(), values.join("; "))?;
        }
        Ok(())
    }
}

/// How deeply values are inside one another that may be so without end.
const MAX_DEPTH: usize = 7;

/// The case that these bytes stand for.
pub fn case(bytes: &[u8]) -> Case {
    let mut source = Source::new(bytes);
    let (structs, enum_numbers, is_framed) = (source.flip(), source.once_in(4), source.once_in(4));
    let file = schema::file(&mut source);
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_proto(file.clone()).unwrap_or_else(|error| panic!("{error:?}: {file:#?}"));
    let message = pool.get_message_by_name(MESSAGE).expect("each file has it");
    let mut payloads = Vec::new();
    for _ in 0..1 + source.below(3) {
        let mut writer = Writer { source: &mut source, is_beyond: false, may_misfit: false };
        let bytes = writer.fields(&message, 0);
        let Writer { is_beyond, may_misfit, .. } = writer;
        payloads.push(Payload { bytes, is_mutated: false, is_beyond, may_misfit });
    }
    // The same as a serializer writes them.
    for place in 0..payloads.len() {
        let payload = &payloads[place];
        if let Ok(message) = DynamicMessage::decode(message.clone(), &payload.bytes[..]) {
            let bytes = message.encode_to_vec();
            payloads.push(Payload { bytes, is_beyond: false, ..payload.clone() });
        }
    }
    for _ in 0..source.below(8) {
        let whole = &payloads[source.below(payloads.len())];
        let mutation: Mutation = source.mutation();
        let bytes = mutation.apply(&whole.bytes);
        payloads.push(Payload { bytes, is_mutated: true, is_beyond: false, may_misfit: true });
    }
    Case { file, message, structs, enum_numbers, is_framed, payloads }
}

/// Writes messages in all ways in which they may be written.
struct Writer<'s, 'b> {
    source: &'s mut Source<'b>,
    is_beyond: bool,
    may_misfit: bool,
}

const VARINT: u64 = 0;
const BITS64: u64 = 1;
const LENGTH: u64 = 2;
const GROUP: u64 = 3;
const END_GROUP: u64 = 4;
const BITS32: u64 = 5;

impl Writer<'_, '_> {
    /// A message: of each field none, one or several, in some order, and some that nobody knows.
    fn fields(&mut self, message: &MessageDescriptor, depth: usize) -> Vec<u8> {
        let mut chunks = Vec::new();
        for field in message.fields() {
            let times = [1, 1, 0, 1, 2, 0, 1, 3][self.source.below(8)];
            for _ in 0..times {
                let is_deep = depth >= MAX_DEPTH && matches!(field.kind(), Kind::Message(_));
                if !is_deep {
                    chunks.push(self.field(&field, depth));
                }
            }
        }
        for _ in 0..self.source.below(4) / 2 {
            chunks.push(self.unknown(message));
        }
        match self.source.below(4) {
            1 => self.source.shuffle(&mut chunks),
            2 => chunks.reverse(),
            _ => {}
        }
        chunks.concat()
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize) -> Vec<u8> {
        let number = field.number();
        let wire_type = wire_type(field);
        let is_packable = field.is_list() && ![LENGTH, GROUP].contains(&wire_type);
        // Mostly as it should be.
        let is_packed = is_packable && (field.is_packed() != self.source.once_in(4));
        if is_packed {
            let items: Vec<u8> = (0..self.source.below(5)).flat_map(|_| self.value(field, depth)).collect();
            return [self.tag(number, LENGTH), self.delimited(items)].concat();
        }
        let value = self.value(field, depth);
        match wire_type {
            GROUP => [self.tag(number, GROUP), value, self.tag(number, END_GROUP)].concat(),
            _ => [self.tag(number, wire_type), value].concat(),
        }
    }

    fn value(&mut self, field: &FieldDescriptor, depth: usize) -> Vec<u8> {
        match field.kind() {
            Kind::Double => self.double(field).to_le_bytes().to_vec(),
            Kind::Fixed64 | Kind::Sfixed64 => self.source.array::<8>().to_vec(),
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => self.source.array::<4>().to_vec(),
            Kind::Int32 => {
                let number = self.int32();
                self.narrow(i64::from(number).cast_unsigned())
            }
            Kind::Enum(of) => {
                let values = &of.enum_descriptor_proto().value;
                let number = match self.source.below(4) {
                    0 => self.int32(),
                    _ => values[self.source.below(values.len())].number(),
                };
                self.narrow(i64::from(number).cast_unsigned())
            }
            Kind::Uint32 | Kind::Sint32 => {
                let number = self.int32();
                self.narrow(number.cast_unsigned().into())
            }
            Kind::Int64 | Kind::Uint64 | Kind::Sint64 => {
                let number = self.int64();
                self.varint(number)
            }
            Kind::Bool => {
                let number = if self.source.once_in(8) { self.int64() } else { self.source.below(2) as u64 };
                self.varint(number)
            }
            Kind::String => {
                let text = self.source.text().into_bytes();
                self.delimited(text)
            }
            Kind::Bytes => {
                let bytes = self.source.bytes();
                self.delimited(bytes)
            }
            Kind::Message(message) => {
                let bytes = self.message(&message, depth);
                if field.is_group() { bytes } else { self.delimited(bytes) }
            }
        }
    }

    fn message(&mut self, message: &MessageDescriptor, depth: usize) -> Vec<u8> {
        let limit = match message.full_name() {
            "google.protobuf.Timestamp" => 9_000_000_000,
            "google.protobuf.Duration" => 1_000_000,
            _ => return self.fields(message, depth + 1),
        };
        if self.source.once_in(8) {
            self.may_misfit = true;
            return self.fields(message, depth + 1);
        }
        let mut bytes = Vec::new();
        for _ in 0..self.source.below(3) {
            let seconds = self.int64() % limit;
            let nanos = self.int64() % 1_000_000_000;
            let (number, value) = if self.source.flip() { (1, seconds) } else { (2, nanos) };
            bytes.extend(self.tag(number, VARINT));
            bytes.extend(self.varint(value));
        }
        bytes
    }

    /// Numbers that JSON has not are seldom.
    fn double(&mut self, field: &FieldDescriptor) -> f64 {
        let number = f64::from_bits(u64::from_le_bytes(self.source.array()));
        let is_json = field.parent_message().full_name() == "google.protobuf.Value";
        match number.is_finite() {
            false if is_json && !self.source.once_in(8) => 0.5,
            false if is_json => {
                self.may_misfit = true;
                number
            }
            _ => number,
        }
    }

    fn int32(&mut self) -> i32 {
        match self.source.below(6) {
            0 => 0,
            1 => i32::MIN,
            2 => i32::MAX,
            3 => i32::from(self.source.byte().cast_signed()),
            _ => i32::from_le_bytes(self.source.array()),
        }
    }

    fn int64(&mut self) -> u64 {
        match self.source.below(7) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => u64::from(self.source.byte()),
            4 => i64::from(i32::from_le_bytes(self.source.array())).cast_unsigned(),
            _ => u64::from_le_bytes(self.source.array()),
        }
    }

    /// A number that has to fit 32 bits, and seldom does not.
    fn narrow(&mut self, number: u64) -> Vec<u8> {
        if self.source.once_in(128) {
            self.is_beyond = true;
            let number = 1 << (33 + self.source.below(28));
            return self.varint(number);
        }
        self.varint(number)
    }

    /// A number, seldom with more bytes than it needs.
    fn varint(&mut self, number: u64) -> Vec<u8> {
        let mut bytes = varint(number);
        if self.source.once_in(32) {
            let longer = bytes.len() + self.source.below(11 - bytes.len());
            let last = bytes.len() - 1;
            if longer > bytes.len() {
                bytes[last] |= 0x80;
                bytes.resize(longer, 0x80);
                bytes[longer - 1] = 0;
            }
        }
        bytes
    }

    fn tag(&mut self, number: u32, wire_type: u64) -> Vec<u8> {
        self.varint(u64::from(number) << 3 | wire_type)
    }

    fn delimited(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        [self.varint(bytes.len() as u64), bytes].concat()
    }

    /// A field that the message does not have.
    fn unknown(&mut self, message: &MessageDescriptor) -> Vec<u8> {
        let mut number = 1 + u32::from(self.source.byte()) * [1, 1, 1, 10_007][self.source.below(4)];
        while message.get_field(number).is_some() {
            number += 1;
        }
        let wire_type = [VARINT, BITS64, LENGTH, GROUP, BITS32][self.source.below(5)];
        let value = match wire_type {
            VARINT => {
                let number = self.int64();
                self.varint(number)
            }
            BITS64 => self.source.array::<8>().to_vec(),
            BITS32 => self.source.array::<4>().to_vec(),
            LENGTH => {
                let bytes = self.source.bytes();
                self.delimited(bytes)
            }
            _ => {
                let inside: Vec<u8> = (0..self.source.below(3)).flat_map(|_| self.unknown(message)).collect();
                [inside, self.tag(number, END_GROUP)].concat()
            }
        };
        [self.tag(number, wire_type), value].concat()
    }
}

fn wire_type(field: &FieldDescriptor) -> u64 {
    match field.kind() {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => BITS64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => BITS32,
        Kind::Message(_) if field.is_group() => GROUP,
        Kind::String | Kind::Bytes | Kind::Message(_) => LENGTH,
        _ => VARINT,
    }
}

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
