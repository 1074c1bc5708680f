//! Names of column types, as users write them, and the Arrow types they stand for (rule T).
//!
//! Two spellings of most names are understood: Arrow's (`int64`, `timestamp[ns, UTC]`) and Deephaven's (`long`,
//! `Instant`), so that a call written for Deephaven reads the same here.

use std::sync::Arc;

use arrow_schema::{DataType, TimeUnit};

use crate::error::{Error, Result};

/// The Arrow type of this name. The error's message fits behind the name of the argument it came from.
pub fn parse(name: &str) -> Result<DataType> {
    let scalar = match name {
        "bool" | "bool_" | "boolean" => DataType::Boolean,
        "int8" | "byte" => DataType::Int8,
        "int16" | "short" => DataType::Int16,
        "int32" | "int" => DataType::Int32,
        "int64" | "long" => DataType::Int64,
        "float32" | "float" => DataType::Float32,
        "float64" | "double" => DataType::Float64,
        "utf8" | "String" | "string" | "char" => DataType::Utf8,
        "binary" | "byte[]" => DataType::Binary,
        "Instant" => timestamp(TimeUnit::Nanosecond, Some("UTC")),
        _ => return parse_timestamp(name).ok_or_else(|| unknown(name)),
    };
    Ok(scalar)
}

/// The name of a type as [`parse`] reads it and messages show it.
pub fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Timestamp(unit, zone) => {
            let unit = unit_name(*unit);
            match zone {
                Some(zone) => format!("timestamp[{unit}, {zone}]"),
                None => format!("timestamp[{unit}]"),
            }
        }
        other => other.to_string().to_lowercase(),
    }
}

/// A timestamp type.
pub fn timestamp(unit: TimeUnit, zone: Option<&str>) -> DataType {
    DataType::Timestamp(unit, zone.map(Arc::from))
}

fn parse_timestamp(name: &str) -> Option<DataType> {
    let inside = name.strip_prefix("timestamp[")?.strip_suffix(']')?;
    let (unit, zone) = match inside.split_once(',') {
        Some((unit, zone)) => (unit.trim(), Some(zone.trim())),
        None => (inside.trim(), None),
    };
    let unit = match unit {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return None,
    };
    if zone.is_some_and(str::is_empty) {
        return None;
    }
    Some(timestamp(unit, zone))
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

fn unknown(name: &str) -> Error {
    Error::argument(
        "type",
        format!("unknown type '{name}'; use an Arrow name such as int64, float64, utf8, binary or timestamp[ns, UTC]"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_mean_the_same_type() {
        for (arrow, deephaven) in [
            ("bool", "bool_"),
            ("int8", "byte"),
            ("int16", "short"),
            ("int32", "int"),
            ("int64", "long"),
            ("float32", "float"),
            ("float64", "double"),
            ("utf8", "String"),
            ("binary", "byte[]"),
            ("timestamp[ns, UTC]", "Instant"),
        ] {
            assert_eq!(parse(arrow).unwrap(), parse(deephaven).unwrap());
            assert_eq!(name(&parse(deephaven).unwrap()), arrow);
        }
    }

    #[test]
    fn timestamps_have_a_unit_and_perhaps_a_zone() {
        assert_eq!(parse("timestamp[ms]").unwrap(), timestamp(TimeUnit::Millisecond, None));
        assert_eq!(name(&parse("timestamp[us,Europe/Vienna]").unwrap()), "timestamp[us, Europe/Vienna]");
        for wrong in ["timestamp[h]", "timestamp[ms", "timestamp[ms,]", "timestamp", "int128", ""] {
            assert!(parse(wrong).unwrap_err().message().contains("unknown type"), "{wrong}");
        }
    }
}
