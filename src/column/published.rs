//! What a buffer has published: its front, shared and never written again.
//!
//! A cycle publishes every column of every partition that got rows, and most of what it publishes is published again, a
//! little further, by the next one before anybody has read it. So publishing only notes how far the memory may be read;
//! the Arrow array is made for whoever asks.

use arrow_array::{ArrayRef, make_array};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_data::transform::MutableArrayData;
use arrow_schema::DataType;

use super::shared::Front;

/// A column as far as it has been published: sharing its memory is all that it costs.
pub struct Published {
    pub(super) data_type: DataType,
    pub(super) length: usize,
    pub(super) nulls: Option<NullBuffer>,
    pub(super) values: Values,
}

/// The memory of a published column, by its physical layout.
pub(super) enum Values {
    Bits(Buffer),
    Fixed {
        front: Front,
        width: usize,
    },
    Bytes {
        ends: Front,
        bytes: Front,
    },
    List {
        ends: Front,
        child: Box<Published>,
    },
    Struct(Vec<Published>),
    /// Nulls, which have no memory.
    Nothing,
    /// Numbers of symbols, and those.
    Symbols {
        numbers: Front,
        symbols: ArrayData,
    },
    Union {
        ids: Front,
        offsets: Front,
        children: Vec<Published>,
    },
    /// An array that no buffer has published.
    Array(ArrayData),
}

impl Published {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.length
    }

    /// The rows as an Arrow array in the same memory.
    pub fn to_array(&self) -> ArrayRef {
        make_array(self.to_data())
    }

    /// The rows as the data of an Arrow array in the same memory.
    pub fn to_data(&self) -> ArrayData {
        let builder = ArrayData::builder(self.data_type.clone()).len(self.length).nulls(self.nulls.clone());
        let builder = match &self.values {
            Values::Bits(bits) => builder.add_buffer(bits.clone()),
            Values::Fixed { front, .. } => builder.add_buffer(front.to_buffer()),
            Values::Bytes { ends, bytes } => builder.buffers(vec![ends.to_buffer(), bytes.to_buffer()]),
            Values::List { ends, child } => builder.add_buffer(ends.to_buffer()).add_child_data(child.to_data()),
            Values::Struct(children) => builder.child_data(children.iter().map(Published::to_data).collect()),
            Values::Nothing => builder,
            Values::Symbols { numbers, symbols } => {
                builder.add_buffer(numbers.to_buffer()).add_child_data(symbols.clone())
            }
            Values::Union { ids, offsets, children } => builder
                .buffers(vec![ids.to_buffer(), offsets.to_buffer()])
                .child_data(children.iter().map(Published::to_data).collect()),
            Values::Array(data) => return data.clone(),
        };
        // SAFETY: the buffers have the layout of `data_type` (chosen together in `ColumnBuffer::new`), every one holds
        // `length` values (`ends` one more, bytes of a fixed size as many times as many), ends only grow and stop at the
        // child's length, numbers of symbols were checked by `push_symbol`, ids and offsets of a union are those of rows
        // that `end_union` has found, and text was checked by `push_str`'s argument type.
        unsafe { builder.build_unchecked() }
    }
    /// The last `length` rows in memory of their own.
    pub fn copy_tail(&self, length: usize) -> Published {
        let first = self.length - length;
        if let (Values::Fixed { front, width }, None) = (&self.values, &self.nulls) {
            let values = Values::Fixed { front: front.copy_from(first * width), width: *width };
            return Published { data_type: self.data_type.clone(), length, nulls: None, values };
        }
        let data = self.to_data();
        let mut copy = MutableArrayData::new(vec![&data], false, length);
        copy.try_extend(0, first, self.length).expect("a part has smaller offsets than the whole");
        copy.freeze().into()
    }
}

impl From<ArrayData> for Published {
    fn from(data: ArrayData) -> Published {
        let (data_type, length, nulls) = (data.data_type().clone(), data.len(), data.nulls().cloned());
        Published { data_type, length, nulls, values: Values::Array(data) }
    }
}
