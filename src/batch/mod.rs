//! Batches: rows as they are published, the same memory in three forms.
//!
//! Most batches of a busy partition are published again, a little longer, before anybody reads them. So a [`Batch`] is
//! made of what publishing leaves, which costs next to nothing; the Arrow arrays, and what the C Data Interface needs
//! beside them, are made for the first reader and kept for the others.

mod c_data;

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow_array::ffi::FFI_ArrowArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;

use crate::column::Published;
use c_data::Prepared;

/// Immutable rows of all columns.
pub struct Batch {
    schema: SchemaRef,
    rows: usize,
    columns: Vec<Published>,
    arrays: OnceLock<RecordBatch>,
    prepared: OnceLock<Vec<Arc<Prepared>>>,
}

impl Batch {
    /// So many rows of the columns of the schema. Panics if a column has more of them or less, which is a bug of karrow.
    pub fn new(schema: SchemaRef, rows: usize, columns: Vec<Published>) -> Batch {
        assert_eq!(columns.len(), schema.fields().len());
        assert!(columns.iter().all(|column| column.rows() == rows), "a row is in all columns, or in none");
        Batch { schema, rows, columns, arrays: OnceLock::new(), prepared: OnceLock::new() }
    }

    /// How many rows there are.
    pub fn num_rows(&self) -> usize {
        self.rows
    }

    /// The rows as Arrow arrays.
    pub fn arrays(&self) -> &RecordBatch {
        self.arrays.get_or_init(|| {
            let columns = self.columns.iter().map(Published::to_array).collect();
            RecordBatch::try_new(Arc::clone(&self.schema), columns)
                .expect("columns are made from the schema and kept in step")
        })
    }

    /// Some of the columns as a struct array of the C Data Interface, which holds what it needs.
    pub fn export(&self, columns: &[usize]) -> FFI_ArrowArray {
        let prepare = || self.columns.iter().map(|column| Prepared::new(column.to_data())).collect();
        let all = self.prepared.get_or_init(prepare);
        c_data::export(self.rows, columns.iter().map(|&column| &all[column]))
    }

    /// What the memory takes that the rows keep, whether they need all of it or not.
    pub fn memory(&self) -> usize {
        self.columns.iter().map(|column| column.to_data().get_buffer_memory_size()).sum()
    }

    /// The last `rows` rows in memory of their own.
    pub fn copy_tail(&self, rows: usize) -> Batch {
        let columns = self.columns.iter().map(|column| column.copy_tail(rows)).collect();
        Batch::new(Arc::clone(&self.schema), rows, columns)
    }
}

impl From<RecordBatch> for Batch {
    fn from(arrays: RecordBatch) -> Batch {
        let columns = arrays.columns().iter().map(|column| column.to_data().into()).collect();
        Batch::new(arrays.schema(), arrays.num_rows(), columns)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Batch of {} rows", self.rows)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::StructArray;
    use arrow_array::ffi::{FFI_ArrowSchema, from_ffi};
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, cast::AsArray};
    use arrow_schema::{DataType, Field, Fields, Schema};

    use super::*;
    use crate::column::{ColumnBuffer, SizeHint};

    /// Columns of every layout, with and without nulls.
    fn batch() -> Batch {
        let members: Fields =
            vec![Field::new("a", DataType::Utf8, true), Field::new("b", DataType::Int64, true)].into();
        let item = Arc::new(Field::new("item", DataType::Struct(members.clone()), true));
        let types = [
            DataType::Int64,
            DataType::Boolean,
            DataType::Utf8,
            DataType::Struct(members),
            DataType::List(item),
            DataType::Decimal128(20, 3),
        ];
        let fields: Vec<Field> =
            types.into_iter().enumerate().map(|(at, kind)| Field::new(at.to_string(), kind, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let mut columns: Vec<ColumnBuffer> = schema
            .fields()
            .iter()
            .map(|field| ColumnBuffer::new(field.data_type(), &SizeHint::default()).unwrap())
            .collect();
        for row in 0..100_i64 {
            if row % 7 == 3 {
                columns.iter_mut().for_each(ColumnBuffer::push_null);
                continue;
            }
            columns[0].push_i64(row);
            columns[1].push_bool(row % 2 == 0);
            columns[2].push_str(&"x".repeat(row as usize % 5));
            let write = |members: &mut [ColumnBuffer]| {
                members[0].push_str("member");
                members[1].push_null();
            };
            write(columns[3].struct_members());
            columns[3].end_struct();
            for _ in 0..row % 3 {
                let item = columns[4].list_items();
                write(item.struct_members());
                item.end_struct();
            }
            columns[4].end_list();
            columns[5].push_i128(i128::from(row) << 10);
        }
        Batch::new(schema, 100, columns.iter_mut().map(ColumnBuffer::publish).collect())
    }

    fn import(exported: FFI_ArrowArray, batch: &Batch, columns: &[usize]) -> StructArray {
        let fields = batch.schema.project(columns).unwrap().fields;
        let schema = FFI_ArrowSchema::try_from(&DataType::Struct(fields)).unwrap();
        // SAFETY: the array has been exported with these columns.
        let data = unsafe { from_ffi(exported, &schema) }.unwrap();
        data.validate_full().unwrap();
        data.into()
    }

    #[test]
    fn what_is_exported_is_what_was_written_whichever_form_came_first() {
        let all = [0, 1, 2, 3, 4, 5];
        let (exported_first, read_first) = (batch(), batch());
        let expected = StructArray::from(read_first.arrays().clone());
        assert_eq!((expected.len(), expected.column(0).null_count()), (100, 14));
        for columns in [&all[..], &[4], &[5, 0], &[]] {
            let fields = read_first.schema.project(columns).unwrap().fields;
            let arrays: Vec<ArrayRef> = columns.iter().map(|&at| Arc::clone(expected.column(at))).collect();
            let expected = StructArray::try_new_with_length(fields, arrays, None, 100).unwrap();
            for batch in [&exported_first, &read_first] {
                for _ in 0..2 {
                    assert_eq!(import(batch.export(columns), batch, columns), expected);
                }
            }
        }
    }

    #[test]
    fn exporting_again_shares_and_what_is_exported_outlives_the_batch() {
        let batch = batch();
        let arrays = [(); 2].map(|()| import(batch.export(&[0, 3]), &batch, &[0, 3]));
        drop(batch);
        let address = |array: &StructArray| array.column(0).as_primitive::<Int64Type>().values().as_ptr();
        assert_eq!(address(&arrays[0]), address(&arrays[1]));
        let [first, second] = arrays;
        drop(first);
        assert_eq!(second.column(0).as_primitive::<Int64Type>().value(99), 99);
    }

    #[test]
    fn a_copied_tail_is_the_last_rows_in_memory_of_their_own() {
        let batch = batch();
        let rows_before = |length| batch.arrays().slice(100 - length, length);
        let address = |array: &dyn Array| array.to_data().buffers().first().map(|buffer| buffer.as_ptr());
        for length in [1, 20, 99] {
            let copy = batch.copy_tail(length);
            // A copy can be copied, and exported.
            for copy in [copy.copy_tail(length), copy] {
                assert_eq!(*copy.arrays(), rows_before(length));
                import(copy.export(&[0, 1, 2, 3, 4, 5]), &copy, &[0, 1, 2, 3, 4, 5]);
                for (copy, all) in copy.arrays().columns().iter().zip(batch.arrays().columns()) {
                    assert!(address(copy).is_none() || address(copy) != address(all));
                }
            }
        }
    }

    #[test]
    fn everything_is_let_go_of_once_the_last_structure_is_released() {
        let batch = batch();
        let mut exported = [(); 3].map(|()| batch.export(&[0, 4]));
        let prepared = batch.prepared.get().unwrap().iter().map(Arc::downgrade).collect::<Vec<_>>();
        drop(batch);
        assert!(prepared[1].upgrade().is_none(), "nobody exported it");
        for at in [0, 4] {
            assert_eq!(prepared[at].strong_count(), 3);
        }
        // Dropping releases, as a reader in C does; one that is released already is left alone.
        exported[0] = FFI_ArrowArray::empty();
        assert_eq!(prepared[0].strong_count(), 2);
        drop(exported);
        assert!(prepared.iter().all(|prepared| prepared.strong_count() == 0));
    }
}
