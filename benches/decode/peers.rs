//! What karrow is measured beside: libraries that decode the same records into the same columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, SchemaRef};
use sonic_rs::{JsonContainerTrait, JsonValueTrait};

use crate::shapes::BATCH_ROWS;

/// Decodes records into batches of [`BATCH_ROWS`].
pub type Decode = fn(&SchemaRef, &[Vec<u8>]) -> Vec<RecordBatch>;

pub fn arrow_json(schema: &SchemaRef, records: &[Vec<u8>]) -> Vec<RecordBatch> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(BATCH_ROWS).build_decoder().unwrap();
    let mut batches = Vec::new();
    for (row, record) in records.iter().enumerate() {
        assert_eq!(decoder.decode(record).unwrap(), record.len());
        if (row + 1) % BATCH_ROWS == 0 {
            batches.extend(decoder.flush().unwrap());
        }
    }
    batches.extend(decoder.flush().unwrap());
    batches
}

pub fn serde_json(schema: &SchemaRef, records: &[Vec<u8>]) -> Vec<RecordBatch> {
    through_values::<serde_json::Value>(schema, records)
}

pub fn sonic_rs(schema: &SchemaRef, records: &[Vec<u8>]) -> Vec<RecordBatch> {
    through_values::<sonic_rs::Value>(schema, records)
}

/// Makes a value of each record, and appends what the columns want of it.
fn through_values<V: Value>(schema: &SchemaRef, records: &[Vec<u8>]) -> Vec<RecordBatch> {
    let fields = Fields::new(schema);
    let mut builders: Vec<Builder> = schema.fields().iter().map(|field| Builder::new(field.data_type())).collect();
    let decode_batch = |records: &[Vec<u8>]| {
        for record in records {
            let value = V::parse(record);
            value.visit(&fields, |index, member| builders[index].append(member));
        }
        RecordBatch::try_new(Arc::clone(schema), builders.iter_mut().map(Builder::finish).collect()).unwrap()
    };
    records.chunks(BATCH_ROWS).map(decode_batch).collect()
}

/// The names of columns, and their places.
struct Fields {
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl Fields {
    fn new(schema: &SchemaRef) -> Fields {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let places = names.iter().cloned().zip(0..).collect();
        Fields { names, places }
    }
}

/// A parsed record.
trait Value: Member + Sized {
    fn parse(record: &[u8]) -> Self;
    /// Hands out the member for each column, or `None`.
    fn visit(&self, fields: &Fields, append: impl FnMut(usize, Option<&Self>));
}

/// A member of a record.
pub trait Member {
    fn int64(&self) -> Option<i64>;
    fn float64(&self) -> Option<f64>;
    fn text(&self) -> Option<&str>;
}

impl Value for serde_json::Value {
    fn parse(record: &[u8]) -> Self {
        serde_json::from_slice(record).unwrap()
    }

    fn visit(&self, fields: &Fields, mut append: impl FnMut(usize, Option<&Self>)) {
        fields.names.iter().enumerate().for_each(|(index, name)| append(index, self.get(name)));
    }
}

impl Member for serde_json::Value {
    fn int64(&self) -> Option<i64> {
        self.as_i64()
    }

    fn float64(&self) -> Option<f64> {
        self.as_f64()
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }
}

impl Value for sonic_rs::Value {
    fn parse(record: &[u8]) -> Self {
        sonic_rs::from_slice(record).unwrap()
    }

    /// Not with `get`, which compares one name after the other: at twenty columns that takes half as long again.
    fn visit(&self, fields: &Fields, mut append: impl FnMut(usize, Option<&Self>)) {
        let mut members = vec![None; fields.names.len()];
        for (name, member) in self.as_object().unwrap() {
            if let Some(&place) = fields.places.get(name) {
                members[place] = Some(member);
            }
        }
        members.into_iter().enumerate().for_each(|(index, member)| append(index, member));
    }
}

impl Member for sonic_rs::Value {
    fn int64(&self) -> Option<i64> {
        self.as_i64()
    }

    fn float64(&self) -> Option<f64> {
        self.as_f64()
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }
}

/// A column that grows.
pub enum Builder {
    Int64(Int64Builder),
    Float64(Float64Builder),
    Timestamp(TimestampNanosecondBuilder),
    Text(StringBuilder),
}

impl Builder {
    pub fn new(data_type: &DataType) -> Builder {
        match data_type {
            DataType::Int64 => Builder::Int64(Int64Builder::new()),
            DataType::Float64 => Builder::Float64(Float64Builder::new()),
            DataType::Timestamp(..) => {
                Builder::Timestamp(TimestampNanosecondBuilder::new().with_data_type(data_type.clone()))
            }
            DataType::Utf8 => Builder::Text(StringBuilder::new()),
            other => unreachable!("no shape has a column of {other}"),
        }
    }

    pub fn append<V: Member>(&mut self, member: Option<&V>) {
        match self {
            Builder::Int64(builder) => builder.append_option(member.and_then(V::int64)),
            Builder::Float64(builder) => builder.append_option(member.and_then(V::float64)),
            Builder::Timestamp(builder) => builder.append_option(member.and_then(V::int64)),
            Builder::Text(builder) => builder.append_option(member.and_then(V::text)),
        }
    }

    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Int64(builder) => Arc::new(builder.finish()),
            Builder::Float64(builder) => Arc::new(builder.finish()),
            Builder::Timestamp(builder) => Arc::new(builder.finish()),
            Builder::Text(builder) => Arc::new(builder.finish()),
        }
    }
}
