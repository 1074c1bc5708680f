//! Whether data of another message can be read as the reader's: what counts is how fields of the same number are written.
//!
//! A payload does not say what its values are, only how long they are. A field that has become another type since may still
//! look right and be wrong, so that descriptors are compared, once for each that data name, as far as anybody wants the fields.

use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor};

use super::columns::{Goal, Kind, Wanted, entry_of, kind_name};
use super::include::SEPARATOR;

/// How the values of a field are written. What is written alike can be read as each other.
#[derive(PartialEq, Eq)]
enum Writing {
    Varint,
    Zigzag,
    Fixed32,
    Fixed64,
    Float,
    Double,
    Bytes,
    Message,
    Group,
}

fn writing(field: &FieldDescriptor) -> Writing {
    match field.kind() {
        FieldKind::Int32
        | FieldKind::Int64
        | FieldKind::Uint32
        | FieldKind::Uint64
        | FieldKind::Bool
        | FieldKind::Enum(_) => Writing::Varint,
        FieldKind::Sint32 | FieldKind::Sint64 => Writing::Zigzag,
        FieldKind::Fixed32 | FieldKind::Sfixed32 => Writing::Fixed32,
        FieldKind::Fixed64 | FieldKind::Sfixed64 => Writing::Fixed64,
        FieldKind::Float => Writing::Float,
        FieldKind::Double => Writing::Double,
        FieldKind::String | FieldKind::Bytes => Writing::Bytes,
        FieldKind::Message(_) if field.is_group() => Writing::Group,
        FieldKind::Message(_) => Writing::Message,
    }
}

/// Checks that data of a message can be read into what is wanted, or says which field is in the way.
pub fn check(wanted: &Wanted, writer: &MessageDescriptor) -> Result<(), String> {
    check_fields(wanted, writer, "")
}

fn check_fields(wanted: &Wanted, writer: &MessageDescriptor, path: &str) -> Result<(), String> {
    for wanted in &wanted.fields {
        let Some(written) = writer.get_field(wanted.field.number()) else { continue };
        let path = below(path, &wanted.field);
        check_writing(&wanted.field, &written, &path)?;
        match &wanted.goal {
            Goal::Flat(inner) => check_fields(inner, message_of(&written.kind(), &path)?, &path)?,
            Goal::Column { kind, .. } => check_kind(kind, &wanted.field, &written, &path)?,
        }
    }
    Ok(())
}

/// Checks what is inside the values of a field.
fn check_kind(kind: &Kind, read: &FieldDescriptor, written: &FieldDescriptor, path: &str) -> Result<(), String> {
    match kind {
        Kind::Scalar | Kind::EnumName(_) | Kind::EnumNumber => Ok(()),
        Kind::List(item) => check_kind(item, read, written, path),
        Kind::Struct(wanted) => check_fields(wanted, message_of(&written.kind(), path)?, path),
        Kind::Map { key, value_field, value } => {
            let kind = written.kind();
            let entry = message_of(&kind, path)?;
            for read in [key, value_field] {
                let Some(written) = entry.get_field(read.number()) else { continue };
                let path = below(path, read);
                check_writing(read, &written, &path)?;
                if read == value_field {
                    check_kind(value, read, &written, &path)?;
                }
            }
            Ok(())
        }
        Kind::Timestamp | Kind::Duration | Kind::Wrapper(_) | Kind::Any | Kind::FieldMask | Kind::Json(_) => {
            let (read, written) = (read.kind(), written.kind());
            check_all(message_of(&read, path)?, message_of(&written, path)?, path, &mut Vec::new())
        }
    }
}

/// The same for all fields of a message, which may contain itself.
fn check_all(
    reader: &MessageDescriptor,
    writer: &MessageDescriptor,
    path: &str,
    seen: &mut Vec<(MessageDescriptor, MessageDescriptor)>,
) -> Result<(), String> {
    let pair = (reader.clone(), writer.clone());
    if seen.contains(&pair) {
        return Ok(());
    }
    seen.push(pair);
    for read in reader.fields() {
        let Some(written) = writer.get_field(read.number()) else { continue };
        let path = below(path, &read);
        check_writing(&read, &written, &path)?;
        if let (FieldKind::Message(reader), FieldKind::Message(writer)) = (read.kind(), written.kind()) {
            check_all(&reader, &writer, &path, seen)?;
        }
    }
    Ok(())
}

/// Checks how the values of a field are written, and how many there may be.
fn check_writing(read: &FieldDescriptor, written: &FieldDescriptor, path: &str) -> Result<(), String> {
    let as_read = writing(read);
    let (many, were_many) = (is_repeated(read), is_repeated(written));
    // A single number that is 0 is not written, and then nobody knows whether there was one.
    let is_counted = matches!(as_read, Writing::Bytes | Writing::Message | Writing::Group);
    let as_often = many == were_many || (many && is_counted);
    if as_often && as_read == writing(written) {
        return Ok(());
    }
    Err(format!("{path} is of type {}, and was written as {}", type_name(read), type_name(written)))
}

/// Maps are repeated entries.
fn is_repeated(field: &FieldDescriptor) -> bool {
    field.is_list() || field.is_map()
}

fn type_name(field: &FieldDescriptor) -> String {
    let name = kind_name(&field.kind());
    let group = if field.is_group() { "group " } else { "" };
    let repeated = if is_repeated(field) { "repeated " } else { "" };
    match entry_of(field) {
        Some((key, value)) => format!("map<{}, {}>", kind_name(&key.kind()), kind_name(&value.kind())),
        None => format!("{repeated}{group}{name}"),
    }
}

fn below(path: &str, field: &FieldDescriptor) -> String {
    format!("{path}{SEPARATOR}{}", field.name())
}

/// What has been found to be written as the message that is read is one itself.
fn message_of<'k>(kind: &'k FieldKind, path: &str) -> Result<&'k MessageDescriptor, String> {
    kind.as_message().ok_or_else(|| format!("{path} was not written as a message"))
}
