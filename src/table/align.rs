//! Cutting batches so that every array in them has offset 0, at every level.
//!
//! The C Data Interface allows an offset, but arrow-java ignores it and shows wrong rows, and Arrow C++ refuses a record
//! batch that has one. Values are shared; only what is packed into bits is rebuilt, an eighth of a byte per row.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, make_array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;

use crate::batch::Batch;

/// Rows `offset..offset + length` of a batch, sharing its memory.
pub fn slice(batch: &Arc<Batch>, offset: usize, length: usize) -> Arc<Batch> {
    if offset == 0 && length == batch.num_rows() {
        return Arc::clone(batch);
    }
    let batch = batch.arrays();
    let columns = batch.columns().iter().map(|column| align(column.slice(offset, length))).collect();
    let slice = RecordBatch::try_new(batch.schema(), columns).expect("a slice has the schema of the whole");
    Arc::new(slice.into())
}

/// The same array with offset 0, bits included.
pub fn align(array: ArrayRef) -> ArrayRef {
    if let DataType::Boolean = array.data_type() {
        let bools = array.as_boolean();
        let nulls = bools.nulls().map(align_nulls);
        return Arc::new(BooleanArray::new(align_bits(bools.values()), nulls));
    }
    let data = array.to_data();
    let children = data.child_data().iter().map(|child| align(make_array(child.clone())).to_data()).collect();
    let nulls = data.nulls().map(align_nulls);
    let builder = data.into_builder().child_data(children).nulls(nulls);
    // SAFETY: the same buffers, the same length, and bitmaps that say the same from bit 0 on.
    make_array(unsafe { builder.build_unchecked() })
}

fn align_nulls(nulls: &NullBuffer) -> NullBuffer {
    NullBuffer::new(align_bits(nulls.inner()))
}

fn align_bits(bits: &BooleanBuffer) -> BooleanBuffer {
    if bits.offset() == 0 { bits.clone() } else { BooleanBuffer::new(bits.sliced(), 0, bits.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::builder::{BooleanBuilder, Int32Builder, ListBuilder, StringBuilder, StructBuilder};
    use arrow_data::ArrayData;
    use arrow_schema::{Field, Schema};

    fn batch() -> Arc<Batch> {
        let mut bools = BooleanBuilder::new();
        let mut texts = StringBuilder::new();
        let mut lists = ListBuilder::new(BooleanBuilder::new());
        let member = |name| Field::new(name, DataType::Int32, true);
        let mut structs = StructBuilder::from_fields(vec![member("a")], 0);
        for row in 0..100 {
            let value = (row % 3 != 0).then_some(row % 2 == 0);
            bools.append_option(value);
            texts.append_option(value.map(|_| row.to_string()));
            lists.values().append_option(value);
            lists.append(value.is_some());
            structs.field_builder::<Int32Builder>(0).unwrap().append_option(value.map(|_| row));
            structs.append(row % 5 != 0);
        }
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("bools", Arc::new(bools.finish())),
            ("texts", Arc::new(texts.finish())),
            ("lists", Arc::new(lists.finish())),
            ("structs", Arc::new(structs.finish())),
        ];
        let columns = columns.into_iter().map(|(name, array)| (name, array, true));
        Arc::new(RecordBatch::try_from_iter_with_nullable(columns).unwrap().into())
    }

    fn offsets(data: &ArrayData) -> Vec<usize> {
        let bits = data.nulls().map_or(0, NullBuffer::offset);
        let mut all = vec![data.offset(), bits];
        all.extend(data.child_data().iter().flat_map(offsets));
        all
    }

    #[test]
    fn slices_have_no_offset_at_any_level_and_say_the_same() {
        let batch = batch();
        for (offset, length) in [(0, 100), (1, 99), (3, 64), (8, 8), (99, 1), (50, 0)] {
            let slice = slice(&batch, offset, length);
            assert_eq!(*slice.arrays(), batch.arrays().slice(offset, length));
            for column in slice.arrays().columns() {
                let data = column.to_data();
                data.validate_full().unwrap();
                assert!(offsets(&data).iter().all(|offset| *offset == 0), "{:?}", column.data_type());
            }
        }
    }

    #[test]
    fn a_slice_shares_values() {
        let batch = batch();
        let address = |batch: &Batch| batch.arrays().column(1).to_data().buffers()[1].as_ptr();
        assert_eq!(address(&slice(&batch, 10, 20)), address(&batch));
    }

    #[test]
    fn a_batch_without_columns_keeps_its_schema() {
        let empty = Arc::new(RecordBatch::new_empty(Arc::new(Schema::empty())).into());
        assert_eq!(slice(&empty, 0, 0).num_rows(), 0);
    }
}
