//! `ArrowArray` from the caller: data that nobody has looked at.
//!
//! A library that imports arrays trusts them, or panics. So the structures are looked at first, as far as that is
//! possible: what is missing, negative or of another shape is told. What buffers hold is for validation to say; that they
//! are as long as they have to be nobody can see.

use std::ffi::c_void;

use arrow_array::ffi::{FFI_ArrowArray, from_ffi_and_data_type};
use arrow_data::{ArrayData, layout};
use arrow_schema::DataType;

use crate::types;

/// The struct of the Arrow C Data Interface.
#[repr(C)]
struct Layout {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *const *const c_void,
    children: *const *const Layout,
    dictionary: *const Layout,
    release: *const c_void,
    private_data: *const c_void,
}

/// The caller's array as data of a type without dictionaries, unions and views; or what is wrong with it. It is released
/// by whoever lets go of it last.
pub fn import(array: FFI_ArrowArray, data_type: &DataType) -> Result<ArrayData, String> {
    let layout: *const Layout = std::ptr::from_ref(&array).cast();
    // SAFETY: both are the struct of the Arrow C Data Interface, and the caller's is alive.
    unsafe { check(layout, data_type) }?;
    // SAFETY: its structures have the shape of the type; its buffers are as long as they say, by the specification.
    let data = unsafe { from_ffi_and_data_type(array, data_type.clone()) };
    data.map(forget_empty).map_err(|error| error.to_string())
}

/// The same data, in which an array without rows has nothing else either: it may say where bytes begin, of which its
/// importer knows none.
fn forget_empty(data: ArrayData) -> ArrayData {
    if data.is_empty() {
        return ArrayData::new_empty(data.data_type());
    }
    if data.child_data().is_empty() {
        return data;
    }
    let children = data.child_data().iter().cloned().map(forget_empty).collect();
    // SAFETY: the same types and lengths as before. Nobody has looked at the data yet, who validates it all.
    unsafe { data.into_builder().child_data(children).build_unchecked() }
}

/// What is wrong with the structures of an array.
///
/// # Safety
/// Each pointer is NULL or points to what the Arrow C Data Interface says.
unsafe fn check(array: *const Layout, data_type: &DataType) -> Result<(), String> {
    let mut open = vec![(array, data_type)];
    while let Some((array, data_type)) = open.pop() {
        let fault = |what: &str| Err(format!("{what} in an array of {}", types::name(data_type)));
        // SAFETY: as the caller says.
        let Some(array) = (unsafe { array.as_ref() }) else { return fault("a child is NULL") };
        if array.release.is_null() {
            return Err("it has been released".to_owned());
        }
        let end = array.length.checked_add(array.offset);
        if array.length < 0 || array.offset < 0 || end.is_none_or(|end| end > MAX_ROWS) {
            return fault("there is no such length or offset");
        }
        let layout = layout(data_type);
        let first = usize::from(layout.can_contain_null_mask);
        let expected = first + layout.buffers.len();
        if usize::try_from(array.n_buffers) != Ok(expected) {
            return fault(&format!("expected {expected} buffers, found {}", array.n_buffers));
        }
        if array.null_count < -1 || array.null_count > array.length {
            return fault("there is no such number of nulls");
        }
        if expected > 0 && array.buffers.is_null() {
            return fault("the buffers are NULL");
        }
        // SAFETY: so many pointers, as the caller says.
        let buffer = |index: usize| unsafe { *array.buffers.add(index) };
        if first == 1 && array.null_count > 0 && buffer(0).is_null() {
            return fault("there are nulls, but the buffer that says which is NULL");
        }
        let has_rows = array.length + array.offset > 0;
        // Behind the ends of texts, what these are the ends of.
        if has_rows && expected > first && buffer(first).is_null() {
            return fault("a buffer is NULL");
        }
        if has_rows && let Some(width) = end_width(data_type) {
            let ends = buffer(first);
            if !ends.addr().is_multiple_of(width) {
                return fault("the buffer of offsets is not aligned");
            }
            let last = usize::try_from(array.length + array.offset).unwrap_or(0);
            // SAFETY: one more than there are rows, as the caller says; aligned, as looked at.
            let last = unsafe {
                if width == 4 { i64::from(*ends.cast::<i32>().add(last)) } else { *ends.cast::<i64>().add(last) }
            };
            if !(0..=MAX_ROWS).contains(&last) {
                return fault("the last offset is out of range");
            }
            if expected > first + 1 && last > 0 && buffer(first + 1).is_null() {
                return fault("a buffer is NULL");
            }
        }
        if !array.dictionary.is_null() {
            return fault("there is a dictionary");
        }
        let inside: Vec<&DataType> = match data_type {
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::FixedSizeList(item, _)
            | DataType::Map(item, _) => vec![item.data_type()],
            DataType::Struct(members) => members.iter().map(|member| member.data_type()).collect(),
            _ => Vec::new(),
        };
        if usize::try_from(array.n_children) != Ok(inside.len()) {
            return fault(&format!("expected {} children, found {}", inside.len(), array.n_children));
        }
        if !inside.is_empty() && array.children.is_null() {
            return fault("the children are NULL");
        }
        // SAFETY: so many pointers, as the caller says.
        let children = (0..inside.len()).map(|index| unsafe { *array.children.add(index) });
        open.extend(children.zip(inside));
    }
    Ok(())
}

/// More rows or bytes than any array has, and few enough to be counted in bits.
const MAX_ROWS: i64 = i64::MAX >> 8;

/// How wide the offsets are of types that have them.
fn end_width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Utf8 | DataType::Binary | DataType::List(_) | DataType::Map(..) => Some(size_of::<i32>()),
        DataType::LargeUtf8 | DataType::LargeBinary | DataType::LargeList(_) => Some(size_of::<i64>()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::sync::Arc;

    use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder};
    use arrow_array::{Array, ArrayRef, StructArray};
    use arrow_schema::Field;

    use super::*;

    fn columns() -> StructArray {
        let mut texts = StringBuilder::new();
        let mut lists = ListBuilder::new(Int64Builder::new());
        for row in 0..5_i64 {
            texts.append_option((row % 2 == 0).then(|| row.to_string()));
            lists.values().append_value(row);
            lists.append(row != 3);
        }
        let columns: [ArrayRef; 2] = [Arc::new(texts.finish()), Arc::new(lists.finish())];
        let fields =
            columns.iter().zip(["a", "b"]).map(|(column, name)| Field::new(name, column.data_type().clone(), true));
        StructArray::new(fields.collect(), columns.to_vec(), None)
    }

    #[test]
    fn what_is_exported_is_imported() {
        for (offset, length) in [(0, 5), (2, 2), (3, 1), (5, 0)] {
            let data = columns().slice(offset, length).to_data();
            let imported = import(FFI_ArrowArray::new(&data), data.data_type()).unwrap();
            imported.validate_full().unwrap();
            assert_eq!(imported, data);
        }
    }

    #[test]
    fn broken_structures_are_told_and_nothing_panics() {
        let data = columns().to_data();
        let message = |change: &dyn Fn(&mut Layout)| {
            let exported = FFI_ArrowArray::new(&data);
            // SAFETY: a copy to break, which nobody releases; what it points to is alive as long as `exported`.
            let mut copy = unsafe { ptr::from_ref(&exported).cast::<Layout>().read() };
            change(&mut copy);
            // SAFETY: all pointers are NULL or the exported ones.
            unsafe { check(&copy, data.data_type()) }.expect_err("it is broken")
        };
        let whole = "in an array of struct<a: utf8, b: list<int64>>";
        let expect = |change: &dyn Fn(&mut Layout), what: &str| assert_eq!(message(change), format!("{what} {whole}"));
        assert_eq!(message(&|array| array.release = ptr::null()), "it has been released");
        for length in [-1, i64::MAX] {
            expect(&|array| array.length = length, "there is no such length or offset");
            expect(&|array| array.offset = length, "there is no such length or offset");
        }
        expect(&|array| array.n_buffers = 2, "expected 1 buffers, found 2");
        expect(&|array| array.null_count = -2, "there is no such number of nulls");
        expect(&|array| array.null_count = 1, "there are nulls, but the buffer that says which is NULL");
        expect(&|array| array.buffers = ptr::null(), "the buffers are NULL");
        expect(&|array| array.dictionary = ptr::from_ref(array), "there is a dictionary");
        expect(&|array| array.n_children = 1, "expected 2 children, found 1");
        expect(&|array| array.n_children = -1, "expected 2 children, found -1");
        expect(&|array| array.children = ptr::null(), "the children are NULL");
        let nulls = [ptr::null::<Layout>(); 2];
        assert_eq!(message(&|array| array.children = nulls.as_ptr()), "a child is NULL in an array of list<int64>");

        // SAFETY: there are two children, of which the first is text.
        let child = |array: &Layout| unsafe { (*array.children).read() };
        let with = |change: &dyn Fn(&mut Layout)| {
            let exported = FFI_ArrowArray::new(&data);
            // SAFETY: as above.
            let whole = unsafe { ptr::from_ref(&exported).cast::<Layout>().read() };
            let mut copy = child(&whole);
            change(&mut copy);
            // SAFETY: as above.
            unsafe { check(&copy, &DataType::Utf8) }.expect_err("it is broken")
        };
        // SAFETY: the three buffers of texts.
        let buffers = |array: &Layout| unsafe { array.buffers.cast::<[*const c_void; 3]>().read() };
        let replaced = |index: usize, buffer: *const c_void| {
            with(&|array| {
                let mut all = buffers(array);
                all[index] = buffer;
                array.buffers = Box::leak(Box::new(all)).as_ptr();
            })
        };
        assert_eq!(
            replaced(0, ptr::null()),
            "there are nulls, but the buffer that says which is NULL in an array of utf8"
        );
        assert_eq!(replaced(1, ptr::null()), "a buffer is NULL in an array of utf8");
        assert_eq!(replaced(2, ptr::null()), "a buffer is NULL in an array of utf8");
        let ends: [i32; 7] = [0, 1, 1, 2, 2, -3, -3];
        assert_eq!(replaced(1, ends.as_ptr().cast()), "the last offset is out of range in an array of utf8");
        let odd = ends.as_ptr().cast::<u8>().wrapping_add(1).cast();
        assert_eq!(replaced(1, odd), "the buffer of offsets is not aligned in an array of utf8");
    }
}
