use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use serde_json::{Value as Json, json};

use super::*;
use crate::column::SizeHint;
use crate::format::BadValue;

/// What becomes of messages, and of those that are not written why.
struct Table {
    fields: Vec<Field>,
    columns: Vec<ColumnBuffer>,
    decoder: ProtobufDecoder,
    rows: usize,
}

impl Table {
    /// Of the first message of a file, of which the text is what follows the syntax.
    fn new(text: &str) -> Table {
        Table::of(text, &[])
    }

    fn of(text: &str, settings: &[(&str, &str)]) -> Table {
        let text = if text.contains("syntax") { text.to_owned() } else { format!("syntax = \"proto3\"; {text}") };
        let mut spec = ProtobufSpec::from_source("test.proto", &text, None).unwrap();
        settings.iter().for_each(|(key, value)| spec.set(key, value).unwrap());
        let (columns, decoder) = spec.resolve().unwrap();
        let fields: Vec<Field> = columns.into_iter().map(|column| column.field).collect();
        let columns = fields.iter().map(|field| ColumnBuffer::of(field, &SizeHint::default()).unwrap()).collect();
        Table { fields, columns, decoder, rows: 0 }
    }

    fn decode(&mut self, message: &[u8]) -> std::result::Result<(), Refused> {
        let outcome = self.decoder.decode(Some(message), &mut self.columns);
        self.rows += usize::from(outcome.is_ok());
        if outcome.is_ok() {
            assert!(self.columns.iter().all(|column| column.rows() == self.rows));
        }
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
        outcome
    }

    fn bad(&mut self, message: &[u8]) -> BadValue {
        match self.decode(message) {
            Err(Refused::Bad(bad)) => bad,
            other => panic!("{other:?}"),
        }
    }

    /// The row that a message is, without what is null.
    fn row(&mut self, message: &[u8]) -> Json {
        self.decode(message).unwrap();
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(|column| column.publish().to_array()).collect();
        arrays.iter().for_each(|array| array.to_data().validate_full().unwrap());
        let batch = RecordBatch::try_new(Arc::new(Schema::new(self.fields.clone())), arrays).unwrap();
        let mut writer = arrow_json::LineDelimitedWriter::new(Vec::new());
        writer.write(&batch.slice(self.rows - 1, 1)).unwrap();
        serde_json::from_slice(&writer.into_inner()).unwrap()
    }
}

#[test]
fn first() {
    let mut table = Table::new(
        "message M { int64 a = 1; string b = 2; N n = 3; repeated int32 r = 4; map<string, int32> m = 5; optional double o = 6;
          repeated N ns = 7; message N { int32 x = 1; string y = 2; } }",
    );
    assert_eq!(table.row(&[]), json!({ "a": 0, "b": "", "r": [], "m": {}, "ns": [] }));
    let message = [
        8, 1, 26, 2, 8, 3, 26, 3, 18, 1, b'q', 34, 3, 1, 2, 3, 32, 4, 42, 5, 10, 1, b'a', 16, 1, 42, 5, 10, 1, b'a',
        16, 2, 58, 2, 8, 5, 58, 0,
    ];
    let row = json!({ "a": 1, "b": "", "n_x": 3, "n_y": "q", "r": [1, 2, 3, 4], "m": { "a": 2 },
        "ns": [{ "x": 5, "y": "" }, { "x": 0, "y": "" }] });
    assert_eq!(table.row(&message), row);
    assert_eq!(table.bad(&message[..5]).path, "");
}
