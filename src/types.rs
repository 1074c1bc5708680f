//! Names of column types, as users write them, and the Arrow types they stand for (rule T).
//!
//! Two spellings of most names are understood: Arrow's (`int64`, `timestamp[ns, UTC]`) and Deephaven's (`long`,
//! `Instant`), so that a call written for Deephaven reads the same here.

use std::sync::Arc;

use arrow_schema::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, Fields, TimeUnit};

use crate::error::{Error, Result};

/// The Arrow type of this name. The error's message fits behind the name of the argument it came from.
pub fn parse(name: &str) -> Result<DataType> {
    let mut parser = Parser { rest: name, depth: 0 };
    match parser.data_type() {
        Some(data_type) if parser.rest.trim().is_empty() => check_depth(&data_type).map(|()| data_type),
        _ if parser.depth > MAX_DEPTH => Err(Error::argument("type", too_deep())),
        _ => Err(unknown(name)),
    }
}

/// How many types a type may be inside of: types are read, shown and filled by recursion.
/// cbindgen:ignore
pub const MAX_DEPTH: usize = 64;

/// Checks that a type is not nested more deeply than [`parse`] would let it be.
pub fn check_depth(data_type: &DataType) -> Result<()> {
    let mut inside = vec![(data_type, 0)];
    while let Some((data_type, depth)) = inside.pop() {
        if depth > MAX_DEPTH {
            return Err(Error::argument("type", too_deep()));
        }
        match data_type {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                inside.push((item.data_type(), depth + 1));
            }
            DataType::Struct(members) => inside.extend(members.iter().map(|member| (member.data_type(), depth + 1))),
            DataType::Union(members, _) => {
                inside.extend(members.iter().map(|(_, member)| (member.data_type(), depth + 1)));
            }
            // The entries are no level of their own.
            DataType::Map(entries, _) => inside.push((entries.data_type(), depth)),
            _ => {}
        }
    }
    Ok(())
}

fn too_deep() -> String {
    format!(
        "it is nested more than {MAX_DEPTH} levels deep; read what lies deeper as utf8, which takes it as it is written"
    )
}

/// The name of a type as [`parse`] reads it and messages show it.
pub fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Timestamp(unit, Some(zone)) => format!("timestamp[{}, {zone}]", unit_name(*unit)),
        DataType::Timestamp(unit, None) => format!("timestamp[{}]", unit_name(*unit)),
        DataType::Time32(unit) => format!("time32[{}]", unit_name(*unit)),
        DataType::Time64(unit) => format!("time64[{}]", unit_name(*unit)),
        DataType::Duration(unit) => format!("duration[{}]", unit_name(*unit)),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("decimal256({precision}, {scale})"),
        DataType::List(item) => format!("list<{}>", name(item.data_type())),
        DataType::Struct(members) => {
            let member = |member: &Arc<Field>| format!("{}: {}", member.name(), name(member.data_type()));
            format!("struct<{}>", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        DataType::Union(members, _) => {
            let member = |(_, member): (i8, &Arc<Field>)| format!("{}: {}", member.name(), name(member.data_type()));
            format!("union<{}>", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        DataType::Dictionary(numbers, values) => format!("dictionary<{}, {}>", name(numbers), name(values)),
        DataType::FixedSizeBinary(width) => format!("fixed_size_binary({width})"),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(entry) if entry.len() == 2 => {
                format!("map<{}, {}>", name(entry[0].data_type()), name(entry[1].data_type()))
            }
            other => format!("map<{}>", name(other)),
        },
        other => other.to_string().to_lowercase(),
    }
}

/// A timestamp type.
pub fn timestamp(unit: TimeUnit, zone: Option<&str>) -> DataType {
    DataType::Timestamp(unit, zone.map(Arc::from))
}

/// Reads one type from the front of a text; every method is `None` for what is none.
struct Parser<'a> {
    rest: &'a str,
    /// How many types what is being read is inside of. It stays where it was when that became too many.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn data_type(&mut self) -> Option<DataType> {
        let mut data_type = self.one()?;
        // Deephaven's arrays.
        while self.take("[]") {
            data_type = DataType::List(Arc::new(Field::new("item", data_type, true)));
            if check_depth(&data_type).is_err() {
                self.depth = MAX_DEPTH + 1;
                return None;
            }
        }
        Some(data_type)
    }

    /// A type inside another.
    fn inner(&mut self) -> Option<DataType> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let data_type = self.data_type()?;
        self.depth -= 1;
        Some(data_type)
    }

    fn one(&mut self) -> Option<DataType> {
        let name = self.word();
        let data_type = match name {
            "bool" | "bool_" | "boolean" | "Boolean" => DataType::Boolean,
            // Deephaven's way to say binary, and not a list.
            "byte" if self.take("[]") => DataType::Binary,
            "int8" | "byte" => DataType::Int8,
            "int16" | "short" => DataType::Int16,
            "int32" | "int" => DataType::Int32,
            "int64" | "long" => DataType::Int64,
            "uint8" => DataType::UInt8,
            "uint16" => DataType::UInt16,
            "uint32" => DataType::UInt32,
            "uint64" => DataType::UInt64,
            "float32" | "float" => DataType::Float32,
            "float64" | "double" => DataType::Float64,
            "utf8" | "String" | "string" | "char" => DataType::Utf8,
            // Without digits given, only text holds every big number.
            "BigDecimal" | "BigInteger" if !self.next_is("(") => DataType::Utf8,
            "BigDecimal" => self.decimal(DECIMAL256_MAX_PRECISION).map(|(p, s)| big_number(p, s))?,
            "BigInteger" => self.whole_digits(DECIMAL256_MAX_PRECISION).map(|p| big_number(p, 0))?,
            "binary" => DataType::Binary,
            "date32" | "LocalDate" => DataType::Date32,
            "LocalTime" => DataType::Time64(TimeUnit::Nanosecond),
            "Instant" => timestamp(TimeUnit::Nanosecond, Some("UTC")),
            "time32" => match self.unit()? {
                unit @ (TimeUnit::Second | TimeUnit::Millisecond) => DataType::Time32(unit),
                _ => return None,
            },
            "time64" => match self.unit()? {
                unit @ (TimeUnit::Microsecond | TimeUnit::Nanosecond) => DataType::Time64(unit),
                _ => return None,
            },
            "timestamp" => self.timestamp()?,
            "decimal128" => self.decimal(DECIMAL128_MAX_PRECISION).map(|(p, s)| DataType::Decimal128(p, s))?,
            "decimal256" => self.decimal(DECIMAL256_MAX_PRECISION).map(|(p, s)| DataType::Decimal256(p, s))?,
            "list" => self.list()?,
            "struct" => self.structure()?,
            "map" => self.map()?,
            _ => return None,
        };
        Some(data_type)
    }

    fn timestamp(&mut self) -> Option<DataType> {
        let inside = self.inside_brackets()?;
        let (unit, zone) = match inside.split_once(',') {
            Some((unit, zone)) => (unit.trim(), Some(zone.trim())),
            None => (inside.trim(), None),
        };
        if zone.is_some_and(str::is_empty) {
            return None;
        }
        Some(timestamp(unit_of(unit)?, zone))
    }

    fn unit(&mut self) -> Option<TimeUnit> {
        unit_of(self.inside_brackets()?.trim())
    }

    fn decimal(&mut self, max_precision: u8) -> Option<(u8, i8)> {
        self.expect("(")?;
        let precision = self.word().parse().ok()?;
        self.expect(",")?;
        let scale = self.word().parse::<i8>().ok()?;
        self.expect(")")?;
        let fits = (1..=max_precision).contains(&precision) && u8::try_from(scale).is_ok_and(|s| s <= precision);
        fits.then_some((precision, scale))
    }

    /// The digits of a whole number. The scale may be given too, which is 0.
    fn whole_digits(&mut self, max_precision: u8) -> Option<u8> {
        self.expect("(")?;
        let precision = self.word().parse().ok()?;
        if self.take(",") && self.word() != "0" {
            return None;
        }
        self.expect(")")?;
        (1..=max_precision).contains(&precision).then_some(precision)
    }

    fn list(&mut self) -> Option<DataType> {
        self.expect("<")?;
        let item = self.inner()?;
        self.expect(">")?;
        Some(DataType::List(Arc::new(Field::new("item", item, true))))
    }

    fn structure(&mut self) -> Option<DataType> {
        self.expect("<")?;
        let mut members: Vec<Field> = Vec::new();
        loop {
            let (member, rest) = self.rest.split_once(':')?;
            let member = member.trim();
            if member.is_empty() || members.iter().any(|earlier| earlier.name() == member) {
                return None;
            }
            self.rest = rest;
            members.push(Field::new(member, self.inner()?, true));
            if !self.take(",") {
                break;
            }
        }
        self.expect(">")?;
        Some(DataType::Struct(Fields::from(members)))
    }

    fn map(&mut self) -> Option<DataType> {
        self.expect("<")?;
        let key = self.inner()?;
        self.expect(",")?;
        let value = self.inner()?;
        self.expect(">")?;
        let entry = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
        Some(DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false))
    }

    /// Letters, digits and underscores, after blanks.
    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        word
    }

    fn next_is(&self, token: &str) -> bool {
        self.rest.trim_start().starts_with(token)
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        self.take(token).then_some(())
    }

    fn inside_brackets(&mut self) -> Option<&'a str> {
        let (inside, rest) = self.rest.strip_prefix('[')?.split_once(']')?;
        self.rest = rest;
        Some(inside)
    }
}

/// The narrower decimal, if it has so many digits.
pub fn big_number(precision: u8, scale: i8) -> DataType {
    if precision <= DECIMAL128_MAX_PRECISION {
        DataType::Decimal128(precision, scale)
    } else {
        DataType::Decimal256(precision, scale)
    }
}

fn unit_of(name: &str) -> Option<TimeUnit> {
    [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond]
        .into_iter()
        .find(|unit| unit_name(*unit) == name)
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
        format!(
            "unknown type '{name}'; use an Arrow name such as int64, float64, utf8, timestamp[ns, UTC] or decimal128(10, 2)"
        ),
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
    fn other_names_of_deephaven_are_understood() {
        for (arrow, deephaven) in [
            ("utf8", "BigDecimal"),
            ("decimal128(10, 2)", "BigDecimal(10, 2)"),
            ("decimal128(38, 38)", "BigDecimal(38,38)"),
            ("decimal256(39, 0)", "BigDecimal(39, 0)"),
            ("decimal256(76, 10)", "BigDecimal(76, 10)"),
            ("list<decimal128(10, 2)>", "BigDecimal(10, 2)[]"),
            ("utf8", "BigInteger"),
            ("decimal128(20, 0)", "BigInteger(20)"),
            ("decimal128(20, 0)", "BigInteger(20, 0)"),
            ("decimal256(76, 0)", "BigInteger(76)"),
            ("utf8", "char"),
            ("date32", "LocalDate"),
            ("time64[ns]", "LocalTime"),
            ("list<int64>", "long[]"),
            ("list<list<utf8>>", "String[][]"),
            ("list<binary>", "byte[][]"),
        ] {
            assert_eq!(name(&parse(deephaven).unwrap()), arrow);
        }
    }

    #[test]
    fn names_are_read_as_they_are_shown() {
        for text in [
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "time32[s]",
            "time32[ms]",
            "time64[us]",
            "decimal128(10, 2)",
            "decimal128(38, 38)",
            "decimal256(76, 0)",
            "timestamp[s, UTC]",
            "timestamp[us]",
            "struct<a: int32, b c: list<map<utf8, timestamp[ns, Europe/Vienna]>>>",
        ] {
            assert_eq!(name(&parse(text).unwrap()), text);
        }
        assert_eq!(
            parse("map<utf8,struct<a:int>[]>").unwrap(),
            parse(" map < utf8 , list< struct<a: int32>>> ").unwrap()
        );
    }

    #[test]
    fn types_are_nested_only_so_deep() {
        let lists = |depth: usize| format!("{}int8{}", "list<".repeat(depth), ">".repeat(depth));
        let arrays = |depth: usize| format!("list<int{}>", "[]".repeat(depth - 1));
        let maps = |depth: usize| format!("{}int8{}", "map<utf8, ".repeat(depth), ">".repeat(depth));
        let structs = |depth: usize| format!("{}int8{}", "struct<a: ".repeat(depth), ">".repeat(depth));
        for nested in [lists, arrays, maps, structs] {
            let deepest = parse(&nested(MAX_DEPTH)).unwrap();
            check_depth(&deepest).unwrap();
            let list = DataType::List(Arc::new(Field::new("item", deepest, true)));
            for too_deep in [parse(&nested(MAX_DEPTH + 1)), parse(&nested(100_000)), check_depth(&list).map(|()| list)]
            {
                let error = too_deep.unwrap_err();
                assert!(error.message().starts_with("type: it is nested more than 64 levels deep"), "{error}");
            }
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for wrong in [
            "timestamp[h]",
            "timestamp[ms",
            "timestamp[ms,]",
            "timestamp",
            "int128",
            "",
            "int64 x",
            "decimal128(39, 0)",
            "decimal128(0, 0)",
            "decimal128(10, 11)",
            "decimal128(10, -1)",
            "decimal128(10)",
            "BigDecimal(77, 0)",
            "BigDecimal(0, 0)",
            "BigDecimal(5, 6)",
            "BigDecimal(10)",
            "BigDecimal(",
            "BigInteger(77)",
            "BigInteger(0)",
            "BigInteger(20, 1)",
            "BigInteger()",
            "time32[us]",
            "time64[s]",
            "list<>",
            "list<int64",
            "struct<>",
            "struct<a: int8, a: int8>",
            "map<utf8>",
        ] {
            assert!(parse(wrong).unwrap_err().message().contains("unknown type"), "{wrong}");
        }
    }
}
