//! The records of the other shapes, as Avro: the same values in the same columns.

// Each benchmark compiles this module for itself, and not all use all of it.
#![allow(dead_code)]

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use arrow_schema::DataType;
use karrow::format::Spec;
use karrow::format::avro::AvroSpec;
use serde_json::{Value as Json, json};

use crate::shapes::{self, Shape};

/// The id of the schema that all records were written with.
pub const SCHEMA_ID: i32 = 1;

/// How many bytes are in front of a datum.
pub const FRAME_BYTES: usize = 5;

/// Records of one kind in Confluent's framing, and what they were written with and are read as.
pub struct AvroShape {
    pub name: String,
    pub writer: Json,
    pub reader: Json,
    pub records: Vec<Vec<u8>>,
    pub is_nested: bool,
}

impl AvroShape {
    /// The records of a shape of JSON.
    pub fn of(shape: &Shape) -> AvroShape {
        let mut names = 0;
        let fields = shape.columns.iter().map(|(name, kind)| {
            let data_type = karrow::types::parse(kind).unwrap();
            let ty = avro_type(&data_type, &mut names);
            // Of the trades, two columns may be null.
            let ty = if ["fee", "parent"].contains(&name.as_str()) { json!(["null", ty]) } else { ty };
            json!({ "name": name, "type": ty })
        });
        let writer = record("Row", fields.collect());
        let schema = Schema::parse(&writer).unwrap();
        let datum_writer = GenericDatumWriter::builder(&schema).build().unwrap();
        let write = |record: &Vec<u8>| {
            let json: Json = serde_json::from_slice(record).unwrap();
            let value = Value::try_from(json).unwrap().resolve(&schema).unwrap();
            let datum = datum_writer.write_value_to_vec(value).unwrap();
            [&[0][..], &SCHEMA_ID.to_be_bytes(), &datum].concat()
        };
        let records = shape.records.iter().map(write).collect();
        let (name, reader) = (shape.name.clone(), writer.clone());
        AvroShape { name, writer, reader, records, is_nested: shape.is_nested() }
    }

    /// How the records' values are decoded.
    pub fn spec(&self) -> Spec {
        let mut spec = AvroSpec::from_schema(&self.reader.to_string()).unwrap();
        spec.set("nested", "struct").unwrap();
        spec.add_schema(SCHEMA_ID, &self.writer.to_string()).unwrap();
        Spec::Avro(spec)
    }

    pub fn bytes(&self) -> usize {
        self.records.iter().map(Vec::len).sum()
    }
}

/// Every other one of twenty columns.
pub fn every_other() -> AvroShape {
    let shape = AvroShape::of(&shapes::int64x20());
    let fields = shape.writer["fields"].as_array().unwrap().iter().step_by(2).cloned().collect();
    AvroShape { name: "int64x20.every_other".to_owned(), reader: record("Row", fields), ..shape }
}

/// The first ten of twenty columns.
pub fn first_ten() -> AvroShape {
    let shape = AvroShape::of(&shapes::int64x20());
    let fields = shape.writer["fields"].as_array().unwrap().iter().take(10).cloned().collect();
    AvroShape { name: "int64x20.first_ten".to_owned(), reader: record("Row", fields), ..shape }
}

/// Trades as a newer schema has them: in another order, of wider types, with a field that the records lack.
pub fn evolved() -> AvroShape {
    let shape = AvroShape::of(&shapes::trade());
    let mut fields: Vec<Json> = shape.writer["fields"].as_array().unwrap().iter().rev().cloned().collect();
    for field in &mut fields {
        if field["name"] == "qty" {
            field["type"] = json!("double");
        }
    }
    fields.insert(3, json!({ "name": "desk", "type": "long", "default": 7 }));
    AvroShape { name: "trade.evolved".to_owned(), reader: record("Row", fields), ..shape }
}

fn record(name: &str, fields: Vec<Json>) -> Json {
    json!({ "type": "record", "name": name, "fields": fields })
}

fn avro_type(data_type: &DataType, names: &mut usize) -> Json {
    match data_type {
        DataType::Int32 => json!("int"),
        DataType::Int64 => json!("long"),
        DataType::Float64 => json!("double"),
        DataType::Utf8 => json!("string"),
        DataType::Timestamp(..) => json!({ "type": "long", "logicalType": "timestamp-nanos" }),
        DataType::List(item) => json!({ "type": "array", "items": avro_type(item.data_type(), names) }),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(entry) => json!({ "type": "map", "values": avro_type(entry[1].data_type(), names) }),
            other => unreachable!("entries are no {other}"),
        },
        DataType::Struct(members) => {
            *names += 1;
            let name = format!("Struct{names}");
            let member = |member: &std::sync::Arc<arrow_schema::Field>| json!({ "name": member.name(), "type": avro_type(member.data_type(), names) });
            let fields = members.iter().map(member).collect();
            record(&name, fields)
        }
        other => unreachable!("no shape has a column of {other}"),
    }
}
