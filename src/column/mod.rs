//! Column buffers: where a decoder writes, one typed vector for each column of a partition.
//!
//! A buffer knows nothing of rows beyond its own length. [`crate::rows`] keeps the columns of a partition in step, and
//! takes a row back by truncating every column to the length it had before.

mod nulls;
mod published;
mod shared;

use arrow_array::{Array, StringArray};
use arrow_buffer::{BooleanBufferBuilder, ToByteSlice, i256};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, UnionMode};

use crate::error::{Error, Result, Status};
use crate::types;
use nulls::Nulls;
pub use published::Published;
use shared::SharedVec;

/// One column of one partition, being written.
pub struct ColumnBuffer {
    data_type: DataType,
    nulls: Nulls,
    length: usize,
    /// How many of the rows have been published.
    published: usize,
    values: Values,
}

/// The memory behind a column, by its physical layout: what fills the same number of bytes is kept in the same way.
enum Values {
    /// bool, a bit each.
    Bits(BooleanBufferBuilder),
    Fixed1(SharedVec<u8>),
    Fixed2(SharedVec<u16>),
    Fixed4(SharedVec<u32>),
    Fixed8(SharedVec<u64>),
    Fixed16(SharedVec<i128>),
    Fixed32(SharedVec<i256>),
    /// utf8 and binary: `ends` has one entry more than there are rows.
    Bytes {
        ends: SharedVec<i32>,
        bytes: SharedVec<u8>,
    },
    /// list, and map, which is a list of its entries.
    List {
        ends: SharedVec<i32>,
        child: Box<ColumnBuffer>,
    },
    Struct(Vec<ColumnBuffer>),
    /// Nothing but nulls.
    Nothing,
    /// fixed_size_binary, of which each row has as many bytes.
    FixedBytes {
        width: usize,
        bytes: SharedVec<u8>,
    },
    /// A dictionary of the symbols that the schema has: a row is the number of one.
    Symbols {
        numbers: SharedVec<u32>,
        symbols: Box<ArrayData>,
    },
    /// A dense union, of which each row is in one of the children.
    Union(Box<UnionValues>),
}

/// A dense union, by the places of its children, which are also their type ids.
struct UnionValues {
    ids: SharedVec<i8>,
    offsets: SharedVec<i32>,
    children: Vec<ColumnBuffer>,
    /// How many rows are in each child.
    rows: Vec<usize>,
    /// Which child takes the nulls.
    null: usize,
}

/// One expression for all kinds of fixed-width values, then the arms for the others.
macro_rules! match_values {
    ($values:expr, $fixed:ident => $each:expr, $($others:tt)*) => {
        match $values {
            Values::Fixed1($fixed) => $each,
            Values::Fixed2($fixed) => $each,
            Values::Fixed4($fixed) => $each,
            Values::Fixed8($fixed) => $each,
            Values::Fixed16($fixed) => $each,
            Values::Fixed32($fixed) => $each,
            $($others)*
        }
    };
}

/// How much room a new buffer gets at once: what its predecessor turned out to need.
#[derive(Clone, Default)]
pub struct SizeHint {
    rows: usize,
    bytes: usize,
    children: Vec<SizeHint>,
    /// What the dictionary of the column before holds: shared, it is one to those who put chunks together.
    symbols: Option<ArrayData>,
}

/// Where a field has the symbols of its dictionary, as a list in JSON. They are part of the schema, because they are the same
/// for all chunks (rule Y9).
const SYMBOLS: &str = "karrow.symbols";

/// The same field, with what its dictionary holds.
pub fn with_symbols(mut field: Field, symbols: &[String]) -> Field {
    let symbols = serde_json::Value::from(symbols).to_string();
    field.metadata_mut().insert(SYMBOLS.to_owned(), symbols);
    field
}

/// What a dictionary holds.
fn symbols_of(field: &Field) -> Result<ArrayData> {
    let symbols = field.metadata().get(SYMBOLS).and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
    let symbols = symbols.ok_or_else(|| unsupported(field.data_type()))?;
    Ok(StringArray::from(symbols).into_data())
}

fn unsupported(data_type: &DataType) -> Error {
    Error::new(Status::Unsupported, format!("columns of type {} are not supported", types::name(data_type)))
}

impl ColumnBuffer {
    /// An empty buffer for a field: of its type, with the symbols of its dictionary. `UNSUPPORTED` for types no decoder
    /// writes.
    pub fn of(field: &Field, hint: &SizeHint) -> Result<ColumnBuffer> {
        let data_type = field.data_type();
        match data_type {
            DataType::Dictionary(numbers, values) if **numbers == DataType::Int32 && **values == DataType::Utf8 => {
                let symbols = hint.symbols.clone().map_or_else(|| symbols_of(field), Ok)?;
                let values =
                    Values::Symbols { numbers: SharedVec::with_capacity(hint.rows), symbols: Box::new(symbols) };
                Ok(ColumnBuffer::with_values(data_type, values))
            }
            other => ColumnBuffer::new(other, hint),
        }
    }

    /// An empty buffer of this type. `UNSUPPORTED` for types no decoder writes, and for dictionaries, which need a field.
    pub fn new(data_type: &DataType, hint: &SizeHint) -> Result<ColumnBuffer> {
        let rows = hint.rows;
        let ends = || {
            let mut ends = SharedVec::with_capacity(rows + 1);
            ends.push(0);
            ends
        };
        let child_hint = |index: usize| hint.children.get(index).cloned().unwrap_or_default();
        let values = match data_type {
            DataType::Boolean => Values::Bits(BooleanBufferBuilder::new(rows)),
            DataType::Utf8 | DataType::Binary => {
                Values::Bytes { ends: ends(), bytes: SharedVec::with_capacity(hint.bytes) }
            }
            DataType::List(item) | DataType::Map(item, _) => {
                Values::List { ends: ends(), child: Box::new(ColumnBuffer::of(item, &child_hint(0))?) }
            }
            DataType::Struct(fields) => Values::Struct(
                fields
                    .iter()
                    .enumerate()
                    .map(|(index, field)| ColumnBuffer::of(field, &child_hint(index)))
                    .collect::<Result<_>>()?,
            ),
            DataType::Null => Values::Nothing,
            DataType::FixedSizeBinary(width) => match usize::try_from(*width) {
                Ok(width) => Values::FixedBytes { width, bytes: SharedVec::with_capacity(hint.bytes) },
                Err(_) => return Err(unsupported(data_type)),
            },
            DataType::Union(fields, UnionMode::Dense) if fields.iter().zip(0..).all(|((id, _), place)| id == place) => {
                let children = fields.iter().enumerate();
                let children = children.map(|(index, (_, field))| ColumnBuffer::of(field, &child_hint(index)));
                let children: Vec<ColumnBuffer> = children.collect::<Result<_>>()?;
                let null = children.iter().position(|child| matches!(child.values, Values::Nothing));
                Values::Union(Box::new(UnionValues {
                    ids: SharedVec::with_capacity(rows),
                    offsets: SharedVec::with_capacity(rows),
                    rows: vec![0; children.len()],
                    // Every child takes nulls.
                    null: null.unwrap_or(0),
                    children,
                }))
            }
            other => match other.primitive_width() {
                Some(1) => Values::Fixed1(SharedVec::with_capacity(rows)),
                Some(2) => Values::Fixed2(SharedVec::with_capacity(rows)),
                Some(4) => Values::Fixed4(SharedVec::with_capacity(rows)),
                Some(8) => Values::Fixed8(SharedVec::with_capacity(rows)),
                Some(16) => Values::Fixed16(SharedVec::with_capacity(rows)),
                Some(32) => Values::Fixed32(SharedVec::with_capacity(rows)),
                _ => return Err(unsupported(other)),
            },
        };
        Ok(ColumnBuffer::with_values(data_type, values))
    }

    fn with_values(data_type: &DataType, values: Values) -> ColumnBuffer {
        ColumnBuffer { data_type: data_type.clone(), nulls: Nulls::default(), length: 0, published: 0, values }
    }

    /// How many rows have been written.
    pub fn rows(&self) -> usize {
        self.length
    }

    /// Bytes written since the last publish, by what Arrow needs for them.
    pub fn unpublished_bytes(&self) -> usize {
        match_values!(&self.values, values => values.unpublished_bytes(),
            Values::Bits(_) => (self.length - self.published).div_ceil(8),
            Values::Bytes { ends, bytes } => ends.unpublished_bytes() + bytes.unpublished_bytes(),
            Values::List { ends, child } => ends.unpublished_bytes() + child.unpublished_bytes(),
            Values::Struct(children) => children.iter().map(ColumnBuffer::unpublished_bytes).sum(),
            Values::Nothing => 0,
            Values::FixedBytes { bytes, .. } => bytes.unpublished_bytes(),
            Values::Symbols { numbers, .. } => numbers.unpublished_bytes(),
            Values::Union(union) => {
                let children: usize = union.children.iter().map(ColumnBuffer::unpublished_bytes).sum();
                union.ids.unpublished_bytes() + union.offsets.unpublished_bytes() + children
            }
        )
    }

    /// What a successor of so many rows should make room for: some more than this buffer would need for them, unless the
    /// number of rows `is_certain`, and always of text and items. A successor that is a little larger would otherwise have
    /// to grow, to twice the size.
    pub fn size_hint(&self, rows: usize, is_certain: bool) -> SizeHint {
        let scaled = |count: usize| {
            let scaled = count as u128 * rows as u128 / self.length.max(1) as u128;
            usize::try_from(scaled).unwrap_or(count)
        };
        let some_more = |count: usize| count + count / if is_certain { 256 } else { 64 } + shared::CHUNK;
        SizeHint {
            rows: if is_certain { rows } else { some_more(rows) },
            bytes: match &self.values {
                Values::Bytes { bytes, .. } | Values::FixedBytes { bytes, .. } => some_more(scaled(bytes.len())),
                _ => 0,
            },
            children: match &self.values {
                Values::List { child, .. } => vec![child.size_hint(scaled(child.rows()), false)],
                Values::Struct(children) => children.iter().map(|child| child.size_hint(rows, is_certain)).collect(),
                Values::Union(union) => {
                    union.children.iter().map(|child| child.size_hint(scaled(child.rows()), false)).collect()
                }
                _ => Vec::new(),
            },
            symbols: match &self.values {
                Values::Symbols { symbols, .. } => Some(ArrayData::clone(symbols)),
                _ => None,
            },
        }
    }

    /// Adds a null.
    #[inline]
    pub fn push_null(&mut self) {
        // Of most numbers and times, without a look at what else there is.
        if let Values::Fixed8(values) = &mut self.values {
            values.push(0);
            self.nulls.add(self.length);
            self.length += 1;
        } else {
            self.push_other_null();
        }
    }

    #[inline(never)]
    fn push_other_null(&mut self) {
        match_values!(&mut self.values, values => values.push(Default::default()),
            Values::Bits(bits) => bits.append(false),
            Values::Bytes { ends, .. } | Values::List { ends, .. } => {
                let end = ends.get(ends.len() - 1);
                ends.push(end);
            }
            Values::Struct(children) => children.iter_mut().for_each(ColumnBuffer::push_null),
            // What has no bits for nulls.
            Values::Nothing => return self.valid(),
            Values::Union(union) => {
                let null = union.null;
                union.children[null].push_null();
                return self.end_union(null);
            }
            Values::FixedBytes { width, bytes } => bytes.extend_zeroed(*width),
            Values::Symbols { numbers, .. } => numbers.push(0),
        );
        self.nulls.add(self.length);
        self.length += 1;
    }

    /// Takes back everything written after the first `length` rows. O(1), plus the bits of the rows taken back.
    pub fn truncate(&mut self, length: usize) {
        match_values!(&mut self.values, values => values.truncate(length),
            Values::Bits(bits) => bits.truncate(length),
            Values::Bytes { ends, bytes } => {
                ends.truncate(length + 1);
                bytes.truncate(index(ends.get(ends.len() - 1)));
            }
            Values::List { ends, child } => {
                ends.truncate(length + 1);
                child.truncate(index(ends.get(ends.len() - 1)));
            }
            Values::Struct(children) => children.iter_mut().for_each(|child| child.truncate(length)),
            Values::Nothing => {}
            Values::FixedBytes { width, bytes } => bytes.truncate(*width * length),
            Values::Symbols { numbers, .. } => numbers.truncate(length),
            Values::Union(union) => union.truncate(length),
        );
        self.nulls.truncate(length);
        self.length = self.length.min(length);
    }

    /// All rows written so far, never to be changed; later rows go behind them in the same memory.
    ///
    /// Nothing is copied but what is packed into bits (validity and bool), an eighth of a byte per row, because a byte of
    /// it may hold rows from both sides of the cut.
    pub fn publish(&mut self) -> Published {
        self.published = self.length;
        Published {
            data_type: self.data_type.clone(),
            length: self.length,
            nulls: self.nulls.to_buffer(self.length),
            values: match_values!(&mut self.values, values => values.publish_fixed(),
                Values::Bits(bits) => published::Values::Bits(bits.finish_cloned().into_inner()),
                Values::Bytes { ends, bytes } => {
                    published::Values::Bytes { ends: ends.publish(), bytes: bytes.publish() }
                }
                Values::List { ends, child } => {
                    published::Values::List { ends: ends.publish(), child: Box::new(child.publish()) }
                }
                Values::Struct(children) => {
                    published::Values::Struct(children.iter_mut().map(ColumnBuffer::publish).collect())
                }
                Values::Nothing => published::Values::Nothing,
                Values::FixedBytes { width, bytes } => {
                    published::Values::Fixed { front: bytes.publish(), width: *width }
                }
                Values::Symbols { numbers, symbols } => {
                    published::Values::Symbols { numbers: numbers.publish(), symbols: ArrayData::clone(symbols) }
                }
                Values::Union(union) => union.publish(),
            ),
        }
    }

    /// Empties the buffer, to be filled again in the same memory; `false` if somebody still holds what it has published:
    /// then it is of no use any more.
    pub fn recycle(&mut self) -> bool {
        (self.length, self.published) = (0, 0);
        self.nulls.truncate(0);
        match_values!(&mut self.values, values => values.recycle(),
            Values::Bits(bits) => {
                bits.truncate(0);
                true
            }
            Values::Bytes { ends, bytes } => recycle_ends(ends) && bytes.recycle(),
            Values::List { ends, child } => recycle_ends(ends) && child.recycle(),
            Values::Struct(children) => children.iter_mut().all(ColumnBuffer::recycle),
            Values::Nothing => true,
            Values::FixedBytes { bytes, .. } => bytes.recycle(),
            Values::Symbols { numbers, .. } => numbers.recycle(),
            Values::Union(union) => union.recycle(),
        )
    }

    #[inline(always)]
    fn valid(&mut self) {
        self.length += 1;
    }
}

/// Typed writes. Each panics if the column holds values of another size: a decoder is built against the schema, so that a
/// mismatch is a bug of karrow, which costs the partition and never the process.
impl ColumnBuffer {
    /// Adds a value to a bool column.
    #[inline]
    pub fn push_bool(&mut self, value: bool) {
        let Values::Bits(bits) = &mut self.values else { mismatch(&self.data_type, "bool") };
        bits.append(value);
        self.valid();
    }

    /// Adds a value to an int8 column.
    #[inline]
    pub fn push_i8(&mut self, value: i8) {
        let Values::Fixed1(values) = &mut self.values else { mismatch(&self.data_type, "int8") };
        values.push(value.cast_unsigned());
        self.valid();
    }

    /// Adds a value to a uint8 column.
    #[inline]
    pub fn push_u8(&mut self, value: u8) {
        let Values::Fixed1(values) = &mut self.values else { mismatch(&self.data_type, "uint8") };
        values.push(value);
        self.valid();
    }

    /// Adds a value to an int16 column.
    #[inline]
    pub fn push_i16(&mut self, value: i16) {
        let Values::Fixed2(values) = &mut self.values else { mismatch(&self.data_type, "int16") };
        values.push(value.cast_unsigned());
        self.valid();
    }

    /// Adds a value to a uint16 column.
    #[inline]
    pub fn push_u16(&mut self, value: u16) {
        let Values::Fixed2(values) = &mut self.values else { mismatch(&self.data_type, "uint16") };
        values.push(value);
        self.valid();
    }

    /// Adds a value to an int32, date32 or time32 column.
    #[inline]
    pub fn push_i32(&mut self, value: i32) {
        let Values::Fixed4(values) = &mut self.values else { mismatch(&self.data_type, "int32") };
        values.push(value.cast_unsigned());
        self.valid();
    }

    /// Adds a value to a uint32 column.
    #[inline]
    pub fn push_u32(&mut self, value: u32) {
        let Values::Fixed4(values) = &mut self.values else { mismatch(&self.data_type, "uint32") };
        values.push(value);
        self.valid();
    }

    /// Adds a value to an int64, time64 or timestamp column.
    #[inline]
    pub fn push_i64(&mut self, value: i64) {
        let Values::Fixed8(values) = &mut self.values else { mismatch(&self.data_type, "int64") };
        values.push(value.cast_unsigned());
        self.valid();
    }

    /// The last value of an int64, time64, timestamp or duration column; 0 for null.
    pub fn last_i64(&self) -> i64 {
        let Values::Fixed8(values) = &self.values else { mismatch(&self.data_type, "int64") };
        values.get(self.length - 1).cast_signed()
    }

    /// Adds a value to a uint64 column.
    #[inline]
    pub fn push_u64(&mut self, value: u64) {
        let Values::Fixed8(values) = &mut self.values else { mismatch(&self.data_type, "uint64") };
        values.push(value);
        self.valid();
    }

    /// Adds a value to a float32 column.
    #[inline]
    pub fn push_f32(&mut self, value: f32) {
        let Values::Fixed4(values) = &mut self.values else { mismatch(&self.data_type, "float32") };
        values.push(value.to_bits());
        self.valid();
    }

    /// Adds a value to a float64 column.
    #[inline]
    pub fn push_f64(&mut self, value: f64) {
        let Values::Fixed8(values) = &mut self.values else { mismatch(&self.data_type, "float64") };
        values.push(value.to_bits());
        self.valid();
    }

    /// Adds a value to a decimal128 column.
    #[inline]
    pub fn push_i128(&mut self, value: i128) {
        let Values::Fixed16(values) = &mut self.values else { mismatch(&self.data_type, "decimal128") };
        values.push(value);
        self.valid();
    }

    /// Adds a value to a decimal256 column.
    #[inline]
    pub fn push_i256(&mut self, value: i256) {
        let Values::Fixed32(values) = &mut self.values else { mismatch(&self.data_type, "decimal256") };
        values.push(value);
        self.valid();
    }

    /// Adds a value to a utf8 column.
    #[inline]
    pub fn push_str(&mut self, value: &str) {
        debug_assert_eq!(self.data_type, DataType::Utf8);
        self.push_variable(value.as_bytes());
    }

    /// Adds `text[from..to]` to a utf8 column: faster than [`ColumnBuffer::push_str`] for a short part of a longer text.
    #[inline(always)]
    pub fn push_part(&mut self, text: &str, from: usize, to: usize) {
        debug_assert_eq!(self.data_type, DataType::Utf8);
        assert!(from <= to && text.is_char_boundary(from) && text.is_char_boundary(to), "a part is text as well");
        let Values::Bytes { ends, bytes } = &mut self.values else { mismatch(&self.data_type, "utf8 or binary") };
        let end = end_of(bytes.len() + (to - from));
        bytes.extend_from_part(text.as_bytes(), from, to);
        ends.push(end);
        self.valid();
    }

    /// Adds the first `length` of these bytes to a utf8 column, if they are text: faster than to look whether they are
    /// before, for a short text that has others behind it.
    #[inline(always)]
    pub fn push_text(&mut self, bytes: &[u8], length: usize) -> std::result::Result<(), std::str::Utf8Error> {
        debug_assert_eq!(self.data_type, DataType::Utf8);
        let Values::Bytes { ends, bytes: texts } = &mut self.values else {
            mismatch(&self.data_type, "utf8 or binary")
        };
        if !shared::is_short_ascii(bytes, length) {
            std::str::from_utf8(&bytes[..length])?;
        }
        let end = end_of(texts.len() + length);
        texts.extend_from_part(bytes, 0, length);
        ends.push(end);
        self.valid();
        Ok(())
    }

    /// Adds a value to a binary column.
    #[inline]
    pub fn push_bytes(&mut self, value: &[u8]) {
        // A utf8 column takes only what the type system knows to be text.
        if self.data_type != DataType::Binary {
            mismatch(&self.data_type, "binary");
        }
        self.push_variable(value);
    }

    #[inline]
    fn push_variable(&mut self, value: &[u8]) {
        let Values::Bytes { ends, bytes } = &mut self.values else { mismatch(&self.data_type, "utf8 or binary") };
        let end = end_of(bytes.len() + value.len());
        bytes.extend_from_slice(value);
        ends.push(end);
        self.valid();
    }

    /// The item column of a list or map column, to add the items or entries of the next row to.
    pub fn list_items(&mut self) -> &mut ColumnBuffer {
        let Values::List { child, .. } = &mut self.values else { mismatch(&self.data_type, "list") };
        child
    }

    /// Ends a row of a list or map column: its items are those added since the row before.
    pub fn end_list(&mut self) {
        let Values::List { ends, child } = &mut self.values else { mismatch(&self.data_type, "list") };
        ends.push(i32::try_from(child.rows()).expect("a chunk holds less than 2^31 items"));
        self.valid();
    }

    /// The member columns of a struct column, to add the next row's members to, one value each.
    pub fn struct_members(&mut self) -> &mut [ColumnBuffer] {
        let Values::Struct(children) = &mut self.values else { mismatch(&self.data_type, "struct") };
        children
    }

    /// Ends a row of a struct column, after each of its members has got its value.
    pub fn end_struct(&mut self) {
        self.valid();
    }

    /// The same for a row that is null, whose members have got a null each.
    pub fn end_null_struct(&mut self) {
        self.nulls.add(self.length);
        self.valid();
    }

    /// What tells the value of a row from other values, of a column of numbers, bools or text.
    pub fn value_bytes(&self, row: usize) -> Vec<u8> {
        match_values!(&self.values, values => values.get(row).to_byte_slice().to_vec(),
            Values::Bits(bits) => vec![u8::from(bits.get_bit(row))],
            Values::Bytes { ends, bytes } => {
                (index(ends.get(row))..index(ends.get(row + 1))).map(|at| bytes.get(at)).collect()
            }
            _ => mismatch(&self.data_type, "a key"),
        )
    }

    /// Adds a value to a fixed_size_binary column. It has to have that size.
    #[inline]
    pub fn push_fixed(&mut self, value: &[u8]) {
        match &mut self.values {
            Values::FixedBytes { width, bytes } if *width == value.len() => bytes.extend_from_slice(value),
            _ => mismatch(&self.data_type, "fixed_size_binary"),
        }
        self.valid();
    }

    /// Adds the symbol of this number to a column that is a dictionary.
    #[inline]
    pub fn push_symbol(&mut self, number: u32) {
        match &mut self.values {
            Values::Symbols { numbers, symbols } if (number as usize) < symbols.len() => numbers.push(number),
            _ => mismatch(&self.data_type, "a symbol"),
        }
        self.valid();
    }

    /// The children of a union column, one of which gets the next row's value.
    pub fn union_children(&mut self) -> &mut [ColumnBuffer] {
        let Values::Union(union) = &mut self.values else { mismatch(&self.data_type, "union") };
        &mut union.children
    }

    /// Ends a row of a union column, after this child has got its value.
    pub fn end_union(&mut self, child: usize) {
        let Values::Union(union) = &mut self.values else { mismatch(&self.data_type, "union") };
        union.end(child);
        self.valid();
    }
}

impl UnionValues {
    fn end(&mut self, child: usize) {
        let row = self.rows[child];
        assert_eq!(self.children[child].rows(), row + 1, "a row of a union is one value of one child");
        self.ids.push(i8::try_from(child).expect("children have the ids of the type, which are 0 to 127"));
        self.offsets.push(end_of(row));
        self.rows[child] += 1;
    }

    fn publish(&mut self) -> published::Values {
        published::Values::Union {
            ids: self.ids.publish(),
            offsets: self.offsets.publish(),
            children: self.children.iter_mut().map(ColumnBuffer::publish).collect(),
        }
    }

    fn recycle(&mut self) -> bool {
        self.rows.fill(0);
        self.ids.recycle() && self.offsets.recycle() && self.children.iter_mut().all(ColumnBuffer::recycle)
    }

    /// Takes back rows one by one: only the last few ever are.
    fn truncate(&mut self, length: usize) {
        for row in (length..self.ids.len()).rev() {
            let child = usize::try_from(self.ids.get(row)).expect("ids are places");
            self.rows[child] = index(self.offsets.get(row));
        }
        self.ids.truncate(length);
        self.offsets.truncate(length);
        // Also a value that no row has come to refer to.
        self.children.iter_mut().zip(&self.rows).for_each(|(child, rows)| child.truncate(*rows));
    }
}

/// What a value of this type takes in a buffer before any text, bytes or items.
pub fn fixed_bytes(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(members) => members.iter().map(|member| fixed_bytes(member.data_type())).sum(),
        DataType::Null => 0,
        DataType::FixedSizeBinary(width) => usize::try_from(*width).unwrap_or(0),
        // A type id, an offset and the widest child.
        DataType::Union(fields, _) => {
            let widest = fields.iter().map(|(_, field)| fixed_bytes(field.data_type())).max();
            size_of::<i8>() + size_of::<i32>() + widest.unwrap_or(0)
        }
        // Of what is not a number, an end; of a bool, at most that.
        other => other.primitive_width().unwrap_or(size_of::<i32>()),
    }
}

fn recycle_ends(ends: &mut SharedVec<i32>) -> bool {
    let is_free = ends.recycle();
    if is_free {
        ends.push(0);
    }
    is_free
}

#[cold]
fn mismatch(data_type: &DataType, written: &str) -> ! {
    panic!("a decoder wrote {written} into a column of type {data_type}")
}

#[inline(always)]
fn end_of(bytes: usize) -> i32 {
    // A chunk is closed long before its bytes reach 2 GiB (rows.rs), so this cannot fail.
    i32::try_from(bytes).expect("a chunk holds less than 2 GiB")
}

fn index(end: i32) -> usize {
    usize::try_from(end).expect("ends start at 0 and only grow")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Decimal256Type, Int64Type};
    use arrow_array::{Array, StringArray};
    use arrow_schema::{Field, Fields};
    use std::sync::Arc;

    fn buffer(data_type: DataType) -> ColumnBuffer {
        ColumnBuffer::new(&data_type, &SizeHint::default()).unwrap()
    }

    #[test]
    fn a_published_array_does_not_see_later_rows_or_nulls() {
        let mut column = buffer(DataType::Int64);
        column.push_i64(1);
        let first = column.publish().to_array();
        column.push_null();
        column.push_i64(3);
        let second = column.publish().to_array();
        assert_eq!((first.len(), first.null_count()), (1, 0));
        assert_eq!((second.len(), second.null_count()), (3, 1));
        assert_eq!(second.as_primitive::<Int64Type>().value(2), 3);
        second.to_data().validate_full().unwrap();
    }

    #[test]
    fn a_successor_that_is_a_little_larger_stays_where_it_is() {
        let fill = |column: &mut ColumnBuffer, rows: usize| {
            let mut starts = Vec::new();
            for _ in 0..rows {
                column.push_str("sixteen bytes...");
                if starts.is_empty() || column.rows() == rows {
                    // What has been published is copied if it has to grow.
                    let data = column.publish().to_array().to_data();
                    starts.push([0, 1].map(|index| data.buffers()[index].as_ptr()));
                }
            }
            starts
        };
        let mut column = buffer(DataType::Utf8);
        fill(&mut column, 1000);
        let mut varying = ColumnBuffer::new(&DataType::Utf8, &column.size_hint(1000, false)).unwrap();
        let starts = fill(&mut varying, 1015);
        assert_eq!(starts[0], starts[1]);
        // As many rows, with a little more text.
        let mut full = ColumnBuffer::new(&DataType::Utf8, &column.size_hint(1000, true)).unwrap();
        full.push_str("sixteen bytes... and more");
        let starts = fill(&mut full, 1000);
        assert_eq!(starts[0], starts[1]);
    }

    #[test]
    fn truncation_takes_back_text_and_nulls() {
        let mut column = buffer(DataType::Utf8);
        column.push_str("kept");
        column.push_str("gone");
        column.push_null();
        column.truncate(1);
        column.push_null();
        column.push_str("");
        let expected = StringArray::from(vec![Some("kept"), None, Some("")]);
        assert_eq!(column.publish().to_array().as_string::<i32>(), &expected);
    }

    #[test]
    fn truncation_takes_back_list_items() {
        let member =
            Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Binary, true)]);
        let item = Arc::new(Field::new("item", DataType::Struct(member), false));
        let mut column = buffer(DataType::List(item));
        for keys in [&["a", "b"][..], &["gone", "gone too"], &[]] {
            for key in keys {
                let item = column.list_items();
                let members = item.struct_members();
                members[0].push_str(key);
                members[1].push_null();
                item.end_struct();
            }
            column.end_list();
        }
        column.truncate(1);
        column.push_null();
        let array = column.publish().to_array();
        array.to_data().validate_full().unwrap();
        let list = array.as_list::<i32>();
        assert_eq!((list.len(), list.null_count(), list.value_length(0)), (2, 1, 2));
        assert_eq!(list.values().len(), 2);
    }

    #[test]
    fn a_struct_whose_members_are_null_may_be_null_itself() {
        let members = Fields::from(vec![Field::new("a", DataType::Int64, true)]);
        let mut column = buffer(DataType::Struct(members));
        for row in 0..3 {
            match row {
                1 => column.struct_members()[0].push_i64(7),
                _ => column.struct_members()[0].push_null(),
            }
            if row == 2 { column.end_null_struct() } else { column.end_struct() }
        }
        let array = column.publish().to_array();
        array.to_data().validate_full().unwrap();
        assert_eq!((0..3).map(|row| array.is_null(row)).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn values_are_told_apart_by_their_bytes() {
        let mut texts = buffer(DataType::Utf8);
        ["a", "", "ab", "a"].iter().for_each(|text| texts.push_str(text));
        assert_eq!(texts.value_bytes(2), b"ab");
        assert!(texts.value_bytes(1).is_empty() && texts.value_bytes(0) == texts.value_bytes(3));
        let mut numbers = buffer(DataType::Int16);
        [1, -1, 1].iter().for_each(|number| numbers.push_i16(*number));
        assert!(numbers.value_bytes(0) == numbers.value_bytes(2) && numbers.value_bytes(0) != numbers.value_bytes(1));
        let mut bools = buffer(DataType::Boolean);
        [true, false].iter().for_each(|value| bools.push_bool(*value));
        assert_ne!(bools.value_bytes(0), bools.value_bytes(1));
    }

    #[test]
    fn bools_and_wide_numbers_are_kept_as_they_are() {
        let mut bools = buffer(DataType::Boolean);
        let mut wide = buffer(DataType::Decimal256(76, 0));
        let first = {
            bools.push_bool(true);
            bools.publish().to_array()
        };
        bools.push_null();
        bools.push_bool(true);
        bools.truncate(2);
        bools.push_bool(false);
        assert_eq!(bools.unpublished_bytes(), 1);
        wide.push_i256(i256::MAX);
        wide.push_null();
        assert!(first.as_boolean().value(0) && first.len() == 1);
        assert_eq!(bools.publish().to_array().as_boolean().iter().collect::<Vec<_>>(), [Some(true), None, Some(false)]);
        assert_eq!(bools.unpublished_bytes(), 0);
        let wide = wide.publish().to_array();
        assert_eq!(wide.as_primitive::<Decimal256Type>().iter().collect::<Vec<_>>(), [Some(i256::MAX), None]);
    }

    #[test]
    fn an_empty_column_has_real_buffers() {
        for data_type in [DataType::Boolean, DataType::Int16, DataType::Utf8, DataType::Float32] {
            let array = buffer(data_type).publish().to_array();
            assert!(array.to_data().buffers().iter().all(|buffer| !buffer.as_ptr().is_null()));
            array.to_data().validate_full().unwrap();
        }
    }

    #[test]
    fn a_type_no_decoder_writes_is_refused() {
        let error = ColumnBuffer::new(&DataType::LargeUtf8, &SizeHint::default()).err().unwrap();
        assert_eq!(error.message(), "columns of type largeutf8 are not supported");
    }
}
