//! Files of Protobuf with messages of all kinds.

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumOptions, EnumValueDescriptorProto, FieldDescriptorProto, FieldOptions,
    FileDescriptorProto, MessageOptions, OneofDescriptorProto,
};

use super::source::Source;

/// The message that data are.
pub const MESSAGE: &str = "test.M1";

/// How many messages are inside one another.
const MAX_DEPTH: usize = 3;

const SCALARS: [Type; 15] = [
    Type::Int64,
    Type::String,
    Type::Double,
    Type::Int32,
    Type::Bool,
    Type::Bytes,
    Type::Uint64,
    Type::Sint64,
    Type::Fixed64,
    Type::Float,
    Type::Uint32,
    Type::Sint32,
    Type::Fixed32,
    Type::Sfixed32,
    Type::Sfixed64,
];

/// Scalars that may be keys of maps.
const KEYS: [Type; 12] = [
    Type::String,
    Type::Int32,
    Type::Int64,
    Type::Bool,
    Type::Uint64,
    Type::Sint32,
    Type::Fixed32,
    Type::Uint32,
    Type::Sint64,
    Type::Fixed64,
    Type::Sfixed32,
    Type::Sfixed64,
];

const WELL_KNOWN: [(&str, &str); 16] = [
    ("timestamp", "Timestamp"),
    ("duration", "Duration"),
    ("struct", "Struct"),
    ("struct", "Value"),
    ("struct", "ListValue"),
    ("any", "Any"),
    ("field_mask", "FieldMask"),
    ("wrappers", "Int64Value"),
    ("wrappers", "StringValue"),
    ("wrappers", "BytesValue"),
    ("wrappers", "BoolValue"),
    ("wrappers", "DoubleValue"),
    ("wrappers", "FloatValue"),
    ("wrappers", "Int32Value"),
    ("wrappers", "UInt32Value"),
    ("wrappers", "UInt64Value"),
];

/// A file of which [`MESSAGE`] is one of the messages.
pub fn file(source: &mut Source<'_>) -> FileDescriptorProto {
    let is_proto3 = source.flip();
    let file = FileDescriptorProto {
        name: Some("test.proto".to_owned()),
        package: Some("test".to_owned()),
        syntax: is_proto3.then(|| "proto3".to_owned()),
        ..Default::default()
    };
    let mut builder = Builder { source, file, is_proto3, messages: 0, complete: Vec::new() };
    builder.message(0);
    builder.file
}

struct Builder<'s, 'b> {
    source: &'s mut Source<'b>,
    file: FileDescriptorProto,
    is_proto3: bool,
    messages: usize,
    /// The messages that others may have a field of.
    complete: Vec<String>,
}

impl Builder<'_, '_> {
    /// Adds a message inside so many others, and tells its name.
    fn message(&mut self, depth: usize) -> String {
        self.messages += 1;
        let name = format!("M{}", self.messages);
        let mut message = DescriptorProto { name: Some(name.clone()), ..Default::default() };
        let mut number = 0;
        let fields = if self.source.once_in(16) { 0 } else { 1 + self.source.below(6) };
        for _ in 0..fields {
            number = self.next_number(number);
            self.field(&mut message, number, depth);
        }
        let order = self.source.below(4);
        match order {
            1 => message.field.reverse(),
            2 => self.source.shuffle(&mut message.field),
            _ => {}
        }
        add_optional_oneofs(&mut message);
        self.file.message_type.push(message);
        self.complete.push(format!(".test.{name}"));
        format!(".test.{name}")
    }

    fn next_number(&mut self, number: i32) -> i32 {
        let next = number
            + match self.source.below(16) {
                0 => 2 + i32::from(self.source.byte()),
                1 => 20_000,
                2 => 100_000_000,
                3 => 15 - number.min(14),
                _ => 1,
            };
        // Numbers that nobody may use, and the last there is.
        if (19_000..20_000).contains(&next) { 20_000 } else { next.min(536_870_911 - 8) }.max(number + 1)
    }

    fn field(&mut self, message: &mut DescriptorProto, number: i32, depth: usize) {
        let name = format!("f{number}");
        let mut field = FieldDescriptorProto {
            name: Some(name.clone()),
            number: Some(number),
            label: Some(Label::Optional.into()),
            ..Default::default()
        };
        match self.source.below(12) {
            0 | 1 => {
                self.kind(&mut field, message, depth);
                field.label = Some(Label::Repeated.into());
                if is_packable(field.r#type()) && self.source.flip() {
                    field.options = Some(FieldOptions { packed: Some(self.source.flip()), ..Default::default() });
                }
            }
            2 => {
                self.map(&mut field, message, depth);
                field.label = Some(Label::Repeated.into());
            }
            3 | 4 => {
                self.kind(&mut field, message, depth);
                if message.oneof_decl.is_empty() || self.source.once_in(3) {
                    let name = Some(format!("o{number}"));
                    message.oneof_decl.push(OneofDescriptorProto { name, options: None });
                }
                field.oneof_index = Some(message.oneof_decl.len() as i32 - 1);
            }
            5 => {
                self.kind(&mut field, message, depth);
                field.proto3_optional = (self.is_proto3 && field.r#type() != Type::Message).then_some(true);
            }
            6 if !self.is_proto3 => {
                self.kind(&mut field, message, depth);
                field.label = Some(Label::Required.into());
            }
            7 | 8 => field.r#type = Some(SCALARS[self.source.below(3)].into()),
            _ => self.kind(&mut field, message, depth),
        }
        message.field.push(field);
    }

    /// Gives a field a type.
    fn kind(&mut self, field: &mut FieldDescriptorProto, around: &mut DescriptorProto, depth: usize) {
        match self.source.below(10) {
            0 | 1 => {
                field.type_name = Some(self.enumeration());
                field.r#type = Some(Type::Enum.into());
            }
            2 | 3 if depth < MAX_DEPTH => {
                field.type_name = Some(self.message(depth + 1));
                field.r#type = Some(Type::Message.into());
            }
            4 if !self.complete.is_empty() => {
                field.type_name = Some(self.complete[self.source.below(self.complete.len())].clone());
                field.r#type = Some(Type::Message.into());
            }
            5 => {
                field.type_name = Some(self.well_known());
                field.r#type = Some(Type::Message.into());
            }
            6 if depth < MAX_DEPTH && !self.is_proto3 => {
                let name = self.message(depth + 1);
                let mut group = self.file.message_type.pop().expect("the one that was added last");
                self.complete.pop();
                let group_name = format!("G{}", &name[".test.M".len()..]);
                field.name = Some(group_name.to_lowercase());
                field.type_name = Some(format!(".test.{}.{group_name}", around.name()));
                field.r#type = Some(Type::Group.into());
                group.name = Some(group_name);
                // What is inside it has its name of it.
                let before = format!("{name}.");
                let after = format!("{}.", field.type_name());
                rename(&mut group, &before, &after);
                around.nested_type.push(group);
            }
            _ => field.r#type = Some(SCALARS[self.source.below(SCALARS.len())].into()),
        }
    }

    fn well_known(&mut self) -> String {
        let (file, message) = WELL_KNOWN[self.source.below(WELL_KNOWN.len())];
        let file = format!("google/protobuf/{file}.proto");
        if !self.file.dependency.contains(&file) {
            self.file.dependency.push(file);
        }
        format!(".google.protobuf.{message}")
    }

    fn map(&mut self, field: &mut FieldDescriptorProto, around: &mut DescriptorProto, depth: usize) {
        let entry_field = |name: &str, number| FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(Label::Optional.into()),
            ..Default::default()
        };
        let mut key = entry_field("key", 1);
        key.r#type = Some(KEYS[self.source.below(KEYS.len())].into());
        let mut value = entry_field("value", 2);
        self.kind(&mut value, around, depth);
        if value.r#type() == Type::Group {
            around.nested_type.pop();
            value = entry_field("value", 2);
            value.r#type = Some(Type::Sint64.into());
        }
        let name = format!("F{}Entry", field.number());
        field.type_name = Some(format!(".test.{}.{name}", around.name()));
        field.r#type = Some(Type::Message.into());
        around.nested_type.push(DescriptorProto {
            name: Some(name),
            field: vec![key, value],
            options: Some(MessageOptions { map_entry: Some(true), ..Default::default() }),
            ..Default::default()
        });
    }

    fn enumeration(&mut self) -> String {
        let name = format!("E{}", self.file.enum_type.len());
        let mut numbers = vec![if self.is_proto3 { 0 } else { self.source.below(3) as i32 }];
        for _ in 0..self.source.below(4) {
            numbers.push(match self.source.below(5) {
                0 => -1 - i32::from(self.source.byte()),
                1 => i32::from_le_bytes(self.source.array()),
                // Sometimes another name of the same.
                _ => self.source.below(6) as i32,
            });
        }
        let values = numbers.iter().enumerate().map(|(place, number)| EnumValueDescriptorProto {
            name: Some(format!("{name}_V{place}")),
            number: Some(*number),
            options: None,
        });
        self.file.enum_type.push(EnumDescriptorProto {
            name: Some(name.clone()),
            value: values.collect(),
            options: Some(EnumOptions { allow_alias: Some(true), ..Default::default() }),
            ..Default::default()
        });
        format!(".test.{name}")
    }
}

fn rename(message: &mut DescriptorProto, before: &str, after: &str) {
    let rename = |field: &mut FieldDescriptorProto| {
        if let Some(inside) = field.type_name.as_ref().and_then(|name| name.strip_prefix(before)) {
            field.type_name = Some(format!("{after}{inside}"));
        }
    };
    message.field.iter_mut().for_each(rename);
    message.nested_type.iter_mut().for_each(|inside| super::schema::rename(inside, before, after));
}

/// A field of proto3 that is optional is the only member of a oneof that nobody has written, behind all others.
fn add_optional_oneofs(message: &mut DescriptorProto) {
    for field in &mut message.field {
        if field.proto3_optional() {
            field.oneof_index = Some(message.oneof_decl.len() as i32);
            message.oneof_decl.push(OneofDescriptorProto { name: Some(format!("_{}", field.name())), options: None });
        }
    }
}

fn is_packable(of: Type) -> bool {
    !matches!(of, Type::String | Type::Bytes | Type::Message | Type::Group)
}
