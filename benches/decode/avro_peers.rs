//! Libraries that decode the same Avro records into the same columns.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use arrow_array::RecordBatch;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use arrow_schema::SchemaRef;

use crate::avro_shapes::{AvroShape, FRAME_BYTES, SCHEMA_ID};
use crate::peers::{Builder, Member};
use crate::shapes::BATCH_ROWS;

/// Decodes records into batches of [`BATCH_ROWS`].
pub type Decode = fn(&SchemaRef, &AvroShape) -> Vec<RecordBatch>;

/// Record by record, which is how they come.
pub fn arrow_avro(_: &SchemaRef, shape: &AvroShape) -> Vec<RecordBatch> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    let id = Fingerprint::Id(SCHEMA_ID.cast_unsigned());
    store.set(id, AvroSchema::new(shape.writer.to_string())).unwrap();
    let builder = ReaderBuilder::new().with_writer_schema_store(store).with_active_fingerprint(id);
    let builder = builder.with_reader_schema(AvroSchema::new(shape.reader.to_string())).with_batch_size(BATCH_ROWS);
    let mut decoder = builder.build_decoder().unwrap();
    let mut batches = Vec::new();
    for record in &shape.records {
        assert_eq!(decoder.decode(record).unwrap(), record.len());
        if decoder.batch_is_full() {
            batches.extend(decoder.flush().unwrap());
        }
    }
    batches.extend(decoder.flush().unwrap());
    batches
}

/// Makes a value of each record, and appends what the columns want of it.
pub fn apache_avro(schema: &SchemaRef, shape: &AvroShape) -> Vec<RecordBatch> {
    let (writer, reader) = (Schema::parse(&shape.writer).unwrap(), Schema::parse(&shape.reader).unwrap());
    let datum_reader = GenericDatumReader::builder(&writer);
    let datum_reader = match shape.writer == shape.reader {
        true => datum_reader.build(),
        false => datum_reader.reader_schema(&reader).build(),
    };
    let datum_reader = datum_reader.unwrap();
    let mut builders: Vec<Builder> = schema.fields().iter().map(|field| Builder::new(field.data_type())).collect();
    let decode_batch = |records: &[Vec<u8>]| {
        for record in records {
            let value = datum_reader.read_value(&mut &record[FRAME_BYTES..]).unwrap();
            let Value::Record(members) = value else { unreachable!("a record is one") };
            builders.iter_mut().zip(&members).for_each(|(builder, (_, member))| builder.append(Some(member)));
        }
        RecordBatch::try_new(schema.clone(), builders.iter_mut().map(Builder::finish).collect()).unwrap()
    };
    shape.records.chunks(BATCH_ROWS).map(decode_batch).collect()
}

impl Member for Value {
    fn int64(&self) -> Option<i64> {
        match self {
            Value::Union(_, some) => some.int64(),
            Value::Long(value) | Value::TimestampNanos(value) => Some(*value),
            _ => None,
        }
    }

    fn float64(&self) -> Option<f64> {
        match self {
            Value::Union(_, some) => some.float64(),
            Value::Double(value) => Some(*value),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}
