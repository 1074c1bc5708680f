//! One column from a whole key or value: Kafka's own serialisers for numbers, text, bytes and UUIDs (rules S1 to S4).

use arrow_schema::{DataType, Field};

use super::{BadValue, ColumnProperties, Side};
use crate::column::ColumnBuffer;
use crate::error::{Error, Result};
use crate::schema::FormatColumn;
use crate::types;

/// What the bytes are, as Kafka's serialisers write them: numbers big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Utf8,
    Binary,
    /// The text of a UUID; the column holds it in lower case.
    Uuid,
}

const NAMES: &str = "int16, int32, int64, float32, float64, utf8, binary or uuid";

impl Wire {
    fn parse(name: &str) -> Option<Wire> {
        if matches!(name, "uuid" | "UUID" | "java.util.UUID") {
            return Some(Wire::Uuid);
        }
        match types::parse(name).ok()? {
            DataType::Int16 => Some(Wire::Int16),
            DataType::Int32 => Some(Wire::Int32),
            DataType::Int64 => Some(Wire::Int64),
            DataType::Float32 => Some(Wire::Float32),
            DataType::Float64 => Some(Wire::Float64),
            // What is text elsewhere for want of a better type, but what no Kafka serialiser writes.
            DataType::Utf8 if !matches!(name, "char" | "BigDecimal" | "BigInteger") => Some(Wire::Utf8),
            DataType::Binary => Some(Wire::Binary),
            _ => None,
        }
    }

    /// The type that a Kafka deserialiser class stands for.
    fn of_deserializer(class: &str) -> Option<Wire> {
        let name = class.strip_prefix("org.apache.kafka.common.serialization.")?;
        match name.strip_suffix("Deserializer")? {
            "Short" => Some(Wire::Int16),
            "Integer" => Some(Wire::Int32),
            "Long" => Some(Wire::Int64),
            "Float" => Some(Wire::Float32),
            "Double" => Some(Wire::Float64),
            "String" => Some(Wire::Utf8),
            "ByteArray" | "ByteBuffer" | "Bytes" => Some(Wire::Binary),
            "UUID" => Some(Wire::Uuid),
            _ => None,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Wire::Int16 => DataType::Int16,
            Wire::Int32 => DataType::Int32,
            Wire::Int64 => DataType::Int64,
            Wire::Float32 => DataType::Float32,
            Wire::Float64 => DataType::Float64,
            Wire::Utf8 | Wire::Uuid => DataType::Utf8,
            Wire::Binary => DataType::Binary,
        }
    }
}

/// Writes a payload into its one column.
#[derive(Debug, Clone)]
pub struct SimpleDecoder {
    wire: Wire,
}

/// Settles name and type: what the spec says, else what the options say, else (for the type) what the deserialiser
/// implies, else (for the name) `KafkaKey` and `KafkaValue`.
pub fn resolve(
    side: Side,
    column: Option<&str>,
    type_name: Option<&str>,
    properties: &ColumnProperties,
) -> Result<(FormatColumn, SimpleDecoder)> {
    let side_name = side.name();
    let property = |suffix: &str| properties.get(&format!("{side_name}.{suffix}")).map(String::as_str);
    let name = column.or_else(|| property("column.name")).unwrap_or(match side {
        Side::Key => "KafkaKey",
        Side::Value => "KafkaValue",
    });
    let wire = if let Some(type_name) = type_name {
        Wire::parse(type_name).ok_or_else(|| {
            Error::argument("type", format!("a simple spec cannot read '{type_name}' into column {name}; use {NAMES}"))
                .with_detail("column", name)
        })?
    } else if let Some(type_name) = property("column.type") {
        let key = format!("karrow.{side_name}.column.type");
        Wire::parse(type_name)
            .ok_or_else(|| Error::argument(&key, format!("'{type_name}' is not supported; use {NAMES}")))?
    } else if let Some(class) = property("deserializer") {
        let key = format!("{side_name}.deserializer");
        Wire::of_deserializer(class).ok_or_else(|| {
            Error::argument(
                &key,
                format!("no column type follows from '{class}'; set karrow.{side_name}.column.type to {NAMES}"),
            )
        })?
    } else {
        return Err(Error::argument(
            &format!("{side_name} spec"),
            format!(
                "no type for column {name}; give the spec a type, set karrow.{side_name}.column.type to {NAMES}, \
                 or ignore the {side_name}"
            ),
        )
        .with_detail("column", name));
    };
    let column = FormatColumn { field: Field::new(name, wire.data_type(), true), source: String::new() };
    Ok((column, SimpleDecoder { wire }))
}

impl SimpleDecoder {
    /// Takes bytes as they are.
    /// cbindgen:ignore
    pub const BYTES: SimpleDecoder = SimpleDecoder { wire: Wire::Binary };

    /// Writes one payload.
    #[inline]
    pub fn decode(&self, payload: Option<&[u8]>, column: &mut ColumnBuffer) -> std::result::Result<(), BadValue> {
        let Some(payload) = payload else {
            column.push_null();
            return Ok(());
        };
        match self.wire {
            Wire::Int16 => column.push_i16(i16::from_be_bytes(self.fixed(payload)?)),
            Wire::Int32 => column.push_i32(i32::from_be_bytes(self.fixed(payload)?)),
            Wire::Int64 => column.push_i64(i64::from_be_bytes(self.fixed(payload)?)),
            Wire::Float32 => column.push_f32(f32::from_be_bytes(self.fixed(payload)?)),
            Wire::Float64 => column.push_f64(f64::from_be_bytes(self.fixed(payload)?)),
            Wire::Utf8 => column.push_str(self.text(payload)?),
            Wire::Binary => column.push_bytes(payload),
            Wire::Uuid => {
                let mut canonical = [0; UUID_LENGTH];
                column.push_str(self.uuid(payload, &mut canonical)?);
            }
        }
        Ok(())
    }

    fn fixed<const N: usize>(&self, payload: &[u8]) -> std::result::Result<[u8; N], BadValue> {
        payload.try_into().map_err(|_| self.bad(format!("{N} bytes"), format!("{} bytes", payload.len())))
    }

    fn text<'a>(&self, payload: &'a [u8]) -> std::result::Result<&'a str, BadValue> {
        std::str::from_utf8(payload).map_err(|error| {
            self.bad("valid UTF-8".to_owned(), format!("an invalid sequence at byte {}", error.valid_up_to()))
        })
    }

    fn uuid<'a>(&self, payload: &[u8], canonical: &'a mut [u8; UUID_LENGTH]) -> std::result::Result<&'a str, BadValue> {
        let valid = payload.len() == UUID_LENGTH
            && payload.iter().enumerate().all(|(position, byte)| match position {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        if !valid {
            let expected = "the text of a UUID (8-4-4-4-12 hexadecimal digits)".to_owned();
            return Err(self.bad(expected, format!("{} other bytes", payload.len())));
        }
        canonical.copy_from_slice(payload);
        canonical.make_ascii_lowercase();
        Ok(std::str::from_utf8(canonical).expect("hexadecimal digits and dashes are ASCII"))
    }

    #[cold]
    fn bad(&self, expected: String, found: String) -> BadValue {
        let type_name = match self.wire {
            Wire::Uuid => "uuid".to_owned(),
            wire => types::name(&wire.data_type()),
        };
        let reason = format!("expected {expected} for {type_name}, found {found}");
        BadValue { column: Some(0), path: String::new(), reason }
    }
}

const UUID_LENGTH: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::SizeHint;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type};
    use arrow_array::{Array, ArrayRef};
    use proptest::prelude::*;

    fn properties(pairs: &[(&str, &str)]) -> ColumnProperties {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn decode(type_name: &str, payloads: &[Option<&[u8]>]) -> std::result::Result<ArrayRef, BadValue> {
        let (column, decoder) = resolve(Side::Value, None, Some(type_name), &properties(&[])).unwrap();
        let mut buffer = ColumnBuffer::new(column.field.data_type(), &SizeHint::default()).unwrap();
        for payload in payloads {
            decoder.decode(*payload, &mut buffer)?;
        }
        Ok(buffer.publish().to_array())
    }

    #[test]
    fn every_value_is_itself_and_null_is_null() {
        let column = decode("int64", &[Some(&i64::MIN.to_be_bytes()), None, Some(&i64::MAX.to_be_bytes())]).unwrap();
        let column = column.as_primitive::<Int64Type>();
        assert_eq!(column.iter().collect::<Vec<_>>(), [Some(i64::MIN), None, Some(i64::MAX)]);
        let column = decode("short", &[Some(&i16::MIN.to_be_bytes())]).unwrap();
        assert_eq!(column.as_primitive::<Int16Type>().value(0), i16::MIN);
        let column = decode("int", &[Some(&i32::MIN.to_be_bytes())]).unwrap();
        assert_eq!(column.as_primitive::<Int32Type>().value(0), i32::MIN);
        let column = decode("float", &[Some(&f32::MIN.to_be_bytes())]).unwrap();
        assert_eq!(column.as_primitive::<Float32Type>().value(0), f32::MIN);
        let column = decode("double", &[Some(&f64::NEG_INFINITY.to_be_bytes())]).unwrap();
        assert_eq!(column.as_primitive::<Float64Type>().value(0), f64::NEG_INFINITY);
    }

    #[test]
    fn empty_text_and_bytes_are_not_null() {
        let text = decode("String", &[Some(b""), None, Some("zwölf".as_bytes())]).unwrap();
        assert_eq!(text.as_string::<i32>().iter().collect::<Vec<_>>(), [Some(""), None, Some("zwölf")]);
        let bytes = decode("byte[]", &[Some(b""), None, Some(&[0, 255])]).unwrap();
        assert_eq!(bytes.null_count(), 1);
        assert_eq!(bytes.as_binary::<i32>().value(2), [0, 255]);
    }

    #[test]
    fn what_does_not_fit_is_bad_and_the_reason_holds_no_payload() {
        for (type_name, payload, reason) in [
            ("int64", &b"12345"[..], "expected 8 bytes for int64, found 5 bytes"),
            ("float32", b"", "expected 4 bytes for float32, found 0 bytes"),
            ("utf8", b"ab\xffcd", "expected valid UTF-8 for utf8, found an invalid sequence at byte 2"),
            (
                "uuid",
                b"secret",
                "expected the text of a UUID (8-4-4-4-12 hexadecimal digits) for uuid, found 6 other bytes",
            ),
        ] {
            let bad = decode(type_name, &[Some(payload)]).unwrap_err();
            assert_eq!(bad, BadValue { column: Some(0), path: String::new(), reason: reason.to_owned() });
        }
    }

    #[test]
    fn a_uuid_comes_out_in_lower_case() {
        let uuids = decode("java.util.UUID", &[Some(b"01234567-89AB-cdef-0123-456789ABCDEF"), None]).unwrap();
        assert_eq!(uuids.as_string::<i32>().value(0), "01234567-89ab-cdef-0123-456789abcdef");
        assert!(decode("uuid", &[Some(b"01234567-89ab-cdef-0123+456789abcdef")]).is_err());
    }

    #[test]
    fn name_and_type_come_from_the_spec_then_the_options_then_the_deserialiser() {
        let all = properties(&[
            ("key.column.name", "K"),
            ("key.column.type", "long"),
            ("key.deserializer", "org.apache.kafka.common.serialization.ShortDeserializer"),
        ]);
        let resolved = |column, type_name, properties: &ColumnProperties| {
            let (column, _) = resolve(Side::Key, column, type_name, properties).unwrap();
            (column.field.name().clone(), column.field.data_type().clone())
        };
        assert_eq!(resolved(Some("Mine"), Some("utf8"), &all), ("Mine".to_owned(), DataType::Utf8));
        assert_eq!(resolved(None, None, &all), ("K".to_owned(), DataType::Int64));
        let deserializer =
            properties(&[("key.deserializer", "org.apache.kafka.common.serialization.ShortDeserializer")]);
        assert_eq!(resolved(None, None, &deserializer), ("KafkaKey".to_owned(), DataType::Int16));
    }

    #[test]
    fn a_missing_or_unknown_type_says_what_to_set() {
        let error = |type_name, pairs: &[(&str, &str)]| {
            resolve(Side::Value, None, type_name, &properties(pairs)).unwrap_err().message().to_owned()
        };
        assert_eq!(
            error(None, &[]),
            "value spec: no type for column KafkaValue; give the spec a type, set karrow.value.column.type to int16, \
             int32, int64, float32, float64, utf8, binary or uuid, or ignore the value"
        );
        assert!(error(Some("bool"), &[]).starts_with("type: a simple spec cannot read 'bool' into column KafkaValue"));
        assert!(error(Some("char"), &[]).contains("cannot read 'char'"));
        assert!(error(None, &[("value.column.type", "Integer")]).starts_with("karrow.value.column.type: 'Integer'"));
        assert!(error(None, &[("value.deserializer", "com.example.X")]).contains("karrow.value.column.type"));
    }

    proptest! {
        #[test]
        fn random_bytes_are_a_value_or_bad_never_a_panic(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            for (type_name, fits) in [("int16", payload.len() == 2), ("int32", payload.len() == 4),
                ("int64", payload.len() == 8), ("float32", payload.len() == 4), ("float64", payload.len() == 8),
                ("binary", true), ("utf8", String::from_utf8(payload.clone()).is_ok())] {
                prop_assert_eq!(decode(type_name, &[Some(&payload)]).is_ok(), fits);
            }
            prop_assert!(decode("uuid", &[Some(&payload)]).is_err() || payload.len() == UUID_LENGTH);
        }
    }
}
