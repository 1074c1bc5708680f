//! The types that columns may have (rule T): their names, and what they stand for.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

/// The name of a type, and what it stands for.
pub type NamedType = (&'static str, fn() -> DataType);

pub const TYPES: &[NamedType] = &[
    ("bool", || DataType::Boolean),
    ("int8", || DataType::Int8),
    ("int16", || DataType::Int16),
    ("int32", || DataType::Int32),
    ("int64", || DataType::Int64),
    ("uint8", || DataType::UInt8),
    ("uint16", || DataType::UInt16),
    ("uint32", || DataType::UInt32),
    ("uint64", || DataType::UInt64),
    ("float32", || DataType::Float32),
    ("float64", || DataType::Float64),
    ("decimal128(10, 2)", || DataType::Decimal128(10, 2)),
    ("decimal128(38, 0)", || DataType::Decimal128(38, 0)),
    ("decimal128(38, 38)", || DataType::Decimal128(38, 38)),
    ("decimal256(3, 1)", || DataType::Decimal256(3, 1)),
    ("decimal256(40, 9)", || DataType::Decimal256(40, 9)),
    ("decimal256(76, 38)", || DataType::Decimal256(76, 38)),
    ("utf8", || DataType::Utf8),
    ("binary", || DataType::Binary),
    ("date32", || DataType::Date32),
    ("time32[s]", || DataType::Time32(TimeUnit::Second)),
    ("time32[ms]", || DataType::Time32(TimeUnit::Millisecond)),
    ("time64[us]", || DataType::Time64(TimeUnit::Microsecond)),
    ("time64[ns]", || DataType::Time64(TimeUnit::Nanosecond)),
    ("timestamp[s, UTC]", || timestamp(TimeUnit::Second, "UTC")),
    ("timestamp[ms, UTC]", || timestamp(TimeUnit::Millisecond, "UTC")),
    ("timestamp[us, UTC]", || timestamp(TimeUnit::Microsecond, "UTC")),
    ("timestamp[ns, UTC]", || timestamp(TimeUnit::Nanosecond, "UTC")),
    ("timestamp[ms, Europe/Vienna]", || timestamp(TimeUnit::Millisecond, "Europe/Vienna")),
    ("timestamp[ns, America/New_York]", || timestamp(TimeUnit::Nanosecond, "America/New_York")),
    ("timestamp[s]", || DataType::Timestamp(TimeUnit::Second, None)),
    ("timestamp[ms]", || DataType::Timestamp(TimeUnit::Millisecond, None)),
    ("timestamp[us]", || DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("timestamp[ns]", || DataType::Timestamp(TimeUnit::Nanosecond, None)),
    ("boolean", || DataType::Boolean),
    ("byte", || DataType::Int8),
    ("short", || DataType::Int16),
    ("int", || DataType::Int32),
    ("long", || DataType::Int64),
    ("float", || DataType::Float32),
    ("double", || DataType::Float64),
    ("String", || DataType::Utf8),
    ("byte[]", || DataType::Binary),
    ("Instant", || timestamp(TimeUnit::Nanosecond, "UTC")),
];

fn timestamp(unit: TimeUnit, zone: &str) -> DataType {
    DataType::Timestamp(unit, Some(zone.into()))
}

/// The type of this name, which is one of [`TYPES`].
pub fn scalar(name: &str) -> DataType {
    let (_, data_type) = TYPES.iter().find(|(known, _)| *known == name).expect("one of the types");
    data_type()
}

/// A map whose entries have fields of these names.
pub fn map_of(entries: &str, key: &str, value: Field) -> DataType {
    let entry = Fields::from(vec![Field::new(key, DataType::Utf8, false), value]);
    DataType::Map(Arc::new(Field::new(entries, DataType::Struct(entry), false)), false)
}

/// The field of a map's values.
pub fn map_value(entries: &Field) -> &Arc<Field> {
    match entries.data_type() {
        DataType::Struct(entry) => &entry[1],
        other => panic!("entries of a map are structs, and no {other}"),
    }
}

/// The name of a type.
pub fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) => format!("list<{}>", name(item.data_type())),
        DataType::Struct(members) => {
            let members = members.iter().map(|member| format!("{}: {}", member.name(), name(member.data_type())));
            format!("struct<{}>", members.collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => format!("map<utf8, {}>", name(map_value(entries).data_type())),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("decimal256({precision}, {scale})"),
        other => {
            let known = TYPES.iter().find(|(_, data_type)| data_type() == *other);
            known.unwrap_or_else(|| panic!("no name for {other}")).0.to_owned()
        }
    }
}

/// Whether the name of the type says all of it; what it does not say, an Arrow schema does.
pub fn has_a_name(data_type: &DataType) -> bool {
    let is_plain =
        |field: &Field, name: &str| field.is_nullable() && field.name() == name && has_a_name(field.data_type());
    match data_type {
        DataType::List(item) => is_plain(item, "item"),
        DataType::Struct(members) => {
            // A struct without members has no name.
            !members.is_empty()
                && members.iter().all(|member| fits_into_a_name(member.name()) && is_plain(member, member.name()))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(entry) = entries.data_type() else { return false };
            entries.name() == "entries" && entry[0].name() == "key" && is_plain(&entry[1], "value")
        }
        _ => true,
    }
}

/// Whether a struct's type can name a member so.
pub fn fits_into_a_name(member: &str) -> bool {
    !member.is_empty() && member.trim() == member && !member.contains(':')
}
