//! The columns of a table: common ones that every record has, then the key's, then the value's (rules K6, K7, Y7).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};
use crate::types;

/// A column that every record can fill, whatever its key and value hold. In the order in which they appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommonColumn {
    /// The Kafka partition, int32, never null.
    Partition,
    /// The Kafka offset, int64, never null.
    Offset,
    /// The record's timestamp, in this unit, UTC; null if it has none.
    Timestamp(TimeUnit),
    /// When karrow took the record from the client: wall clock, ns, UTC.
    ReceiveTime,
    /// Size of the serialised key, int32; null for a null key.
    KeyBytes,
    /// Size of the serialised value, int32; null for a null value.
    ValueBytes,
    /// The record's headers, in order, duplicates kept.
    Headers,
    /// `CreateTime` or `LogAppendTime`; null if the record has no timestamp.
    TimestampType,
    /// The leader epoch under which the record was read, int32; null if the broker does not tell.
    LeaderEpoch,
}

impl CommonColumn {
    /// The column's name in metadata and in the option that names the column: `receivetime` for
    /// `karrow.receivetime.column.name`.
    pub fn key(self) -> &'static str {
        match self {
            CommonColumn::Partition => "partition",
            CommonColumn::Offset => "offset",
            CommonColumn::Timestamp(_) => "timestamp",
            CommonColumn::ReceiveTime => "receivetime",
            CommonColumn::KeyBytes => "keybytes",
            CommonColumn::ValueBytes => "valuebytes",
            CommonColumn::Headers => "headers",
            CommonColumn::TimestampType => "timestamptype",
            CommonColumn::LeaderEpoch => "leaderepoch",
        }
    }

    fn data_type(self) -> DataType {
        match self {
            CommonColumn::Partition | CommonColumn::KeyBytes | CommonColumn::ValueBytes | CommonColumn::LeaderEpoch => {
                DataType::Int32
            }
            CommonColumn::Offset => DataType::Int64,
            CommonColumn::Timestamp(unit) => types::timestamp(unit, Some("UTC")),
            CommonColumn::ReceiveTime => types::timestamp(TimeUnit::Nanosecond, Some("UTC")),
            CommonColumn::TimestampType => DataType::Utf8,
            CommonColumn::Headers => {
                // A list of pairs and not a map: a map with duplicate keys is refused by readers.
                let header = Fields::from(vec![
                    Field::new("key", DataType::Utf8, false),
                    Field::new("value", DataType::Binary, true),
                ]);
                DataType::List(Arc::new(Field::new("item", DataType::Struct(header), false)))
            }
        }
    }

    fn nullable(self) -> bool {
        !matches!(self, CommonColumn::Partition | CommonColumn::Offset)
    }
}

/// A column that a format makes from a key or a value.
#[derive(Debug, Clone)]
pub struct FormatColumn {
    /// Name and type, and what else the caller's schema says. In the table it is nullable whatever this says (rule Y7).
    pub field: Field,
    /// Where in the payload the column comes from; empty for the payload as a whole.
    pub source: String,
}

/// What is noted of a record that a caller's function has still to see (rule V4): whatever is told of it afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Its offset, int64.
    Offset,
    /// Its timestamp in ms, int64; null if it has none.
    Time,
    /// The size of its key and value, int64.
    Bytes,
    /// Its key, binary.
    Key,
    /// Its value, binary.
    Value,
    /// Its headers, as dead letters have them.
    Headers,
}

impl Note {
    fn data_type(self) -> DataType {
        match self {
            Note::Offset | Note::Time | Note::Bytes => DataType::Int64,
            Note::Key | Note::Value => DataType::Binary,
            Note::Headers => binary_headers(),
        }
    }
}

/// Headers whose keys may be no text.
pub fn binary_headers() -> DataType {
    let header =
        Fields::from(vec![Field::new("key", DataType::Binary, false), Field::new("value", DataType::Binary, true)]);
    DataType::List(Arc::new(Field::new("item", DataType::Struct(header), false)))
}

/// The schema of a table, with what the row builder needs to know about the origin of its columns.
#[derive(Debug, Clone)]
pub struct TableSchema {
    arrow: SchemaRef,
    common: Vec<CommonColumn>,
    key: Range<usize>,
    value: Range<usize>,
    notes: Vec<Note>,
}

impl TableSchema {
    /// Puts the columns together. A name that appears twice is an error that names both origins.
    pub fn new(
        topic: &str,
        common: Vec<(CommonColumn, String)>,
        key: Vec<FormatColumn>,
        value: Vec<FormatColumn>,
    ) -> Result<TableSchema> {
        let (key_start, value_start) = (common.len(), common.len() + key.len());
        let value_end = value_start + value.len();
        let mut fields: Vec<Field> = Vec::with_capacity(value_end);
        // By name: a schema of Avro may have very many.
        let mut origins: HashMap<String, String> = HashMap::with_capacity(value_end);
        let mut add = |mut field: Field, origin: &str, source: &str, told: String| {
            let name = field.name();
            if let Some(earlier) = origins.get(name) {
                return Err(Error::argument(
                    "columns",
                    format!("two columns are named '{name}': {earlier} and {told}; rename one of them"),
                )
                .with_detail("column", name));
            }
            origins.insert(name.clone(), told);
            let own = [("karrow.origin", origin), ("karrow.source", source)];
            field.metadata_mut().extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
            fields.push(field);
            Ok(())
        };
        for (column, name) in &common {
            let told = format!("the common column {} (karrow.{0}.column.name)", column.key());
            let field = Field::new(name, column.data_type(), column.nullable());
            add(field, "common", column.key(), told)?;
        }
        for (columns, origin) in [(key, "key"), (value, "value")] {
            for column in columns {
                let told = format!("a column of the {origin}");
                add(column.field.with_nullable(true), origin, &column.source, told)?;
            }
        }
        let metadata = [("karrow.topic".to_owned(), topic.to_owned())];
        Ok(TableSchema {
            arrow: Arc::new(Schema::new_with_metadata(fields, metadata)),
            common: common.into_iter().map(|(column, _)| column).collect(),
            key: key_start..value_start,
            value: value_start..value_end,
            notes: Vec::new(),
        })
    }

    /// The columns in which records wait for functions that make the columns of a side of their payloads: for these
    /// sides, which are key and value, one column of payloads; behind all columns, notes.
    pub fn of_payloads(&self, sides: [bool; 2], notes: Vec<Note>) -> TableSchema {
        let all = self.arrow.fields();
        let mut fields: Vec<Arc<Field>> = all[..self.key.start].to_vec();
        let mut side = |columns: Range<usize>, has_payloads: bool| {
            let start = fields.len();
            if has_payloads {
                fields.push(Arc::new(Field::new("payload", DataType::Binary, true)));
            } else {
                fields.extend_from_slice(&all[columns]);
            }
            start..fields.len()
        };
        let key = side(self.key(), sides[0]);
        let value = side(self.value(), sides[1]);
        fields.extend(notes.iter().map(|note| Arc::new(Field::new("note", note.data_type(), true))));
        TableSchema { arrow: Arc::new(Schema::new(fields)), common: self.common.clone(), key, value, notes }
    }

    /// The Arrow schema: the same for every partition and every cycle.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// The common columns, which come first.
    pub fn common(&self) -> &[CommonColumn] {
        &self.common
    }

    /// Which columns the key fills.
    pub fn key(&self) -> Range<usize> {
        self.key.clone()
    }

    /// Which columns the value fills.
    pub fn value(&self) -> Range<usize> {
        self.value.clone()
    }

    /// What is noted of each record, behind all other columns; nothing in a table's own schema.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether records need to come with their headers, which cost more than most decoders.
    pub fn wants_headers(&self) -> bool {
        self.common.contains(&CommonColumn::Headers) || self.notes.contains(&Note::Headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> FormatColumn {
        FormatColumn { field: Field::new(name, DataType::Int64, true), source: String::new() }
    }

    #[test]
    fn common_key_and_value_columns_follow_each_other() {
        let common = vec![(CommonColumn::Partition, "P".to_owned()), (CommonColumn::Headers, "H".to_owned())];
        let schema = TableSchema::new("orders", common, vec![column("K")], vec![column("V"), column("W")]).unwrap();
        let names: Vec<_> = schema.arrow().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["P", "H", "K", "V", "W"]);
        assert_eq!((schema.key(), schema.value()), (2..3, 3..5));
        assert!(schema.wants_headers());
        assert_eq!(schema.arrow().metadata()["karrow.topic"], "orders");
        assert_eq!(schema.arrow().field(0).metadata()["karrow.origin"], "common");
        assert!(!schema.arrow().field(0).is_nullable() && schema.arrow().field(1).is_nullable());
    }

    #[test]
    fn payloads_stand_for_the_columns_of_a_side_and_notes_come_behind_all() {
        let common = vec![(CommonColumn::Partition, "P".to_owned())];
        let schema = TableSchema::new("orders", common, vec![column("K")], vec![column("V"), column("W")]).unwrap();
        let shape = |sides: [bool; 2], notes: &[Note]| {
            let waiting = schema.of_payloads(sides, notes.to_vec());
            let names: Vec<_> = waiting.arrow().fields().iter().map(|field| field.name().clone()).collect();
            assert_eq!((waiting.notes(), waiting.common()), (notes, schema.common()));
            (names.join(" "), waiting.key(), waiting.value(), waiting.wants_headers())
        };
        let offsets = [Note::Offset];
        assert_eq!(shape([false, true], &offsets), ("P K payload note".to_owned(), 1..2, 2..3, false));
        assert_eq!(shape([true, false], &offsets), ("P payload V W note".to_owned(), 1..2, 2..4, false));
        let all = [Note::Offset, Note::Headers];
        assert_eq!(shape([true, true], &all), ("P payload payload note note".to_owned(), 1..2, 2..3, true));
        assert!(schema.notes().is_empty());
    }

    #[test]
    fn a_name_that_appears_twice_is_an_error_naming_both_origins() {
        let common = vec![(CommonColumn::Offset, "Offset".to_owned())];
        let error = TableSchema::new("t", common, vec![], vec![column("Offset")]).unwrap_err();
        assert_eq!(
            error.message(),
            "columns: two columns are named 'Offset': the common column offset (karrow.offset.column.name) \
             and a column of the value; rename one of them"
        );
        let error = TableSchema::new("t", vec![], vec![column("X")], vec![column("X")]).unwrap_err();
        assert!(error.message().contains("a column of the key and a column of the value"), "{error}");
    }
}
