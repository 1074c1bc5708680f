//! Arrays as the C Data Interface has them, prepared once and handed out as often as somebody asks.
//!
//! A structure of the interface belongs to whoever gets it: each export needs structures of its own, but what they point
//! to is the same each time. So an array is taken apart once, into [`Prepared`]; an export is then one allocation for all
//! columns and a reference count for each. Written here and not taken from arrow-rs, which allocates several times for
//! every array of every export.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use arrow_array::ffi::FFI_ArrowArray;
use arrow_data::{ArrayData, layout};
use arrow_schema::DataType;

/// The interface's structure, as its specification declares it.
#[repr(C)]
struct ArrowArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *const *const c_void,
    children: *mut *mut ArrowArray,
    dictionary: *mut ArrowArray,
    release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    private_data: *mut c_void,
}

/// An array, and what every structure says that shows it.
pub struct Prepared {
    length: i64,
    null_count: i64,
    buffers: Vec<*const c_void>,
    children: Vec<Arc<Prepared>>,
    /// Whether the only child is the dictionary, which has a place of its own in the structure.
    has_dictionary: bool,
    /// Keeps what the buffers point to.
    _data: ArrayData,
}

// SAFETY: the pointers are to buffers of `_data`, which are immutable and may be shared.
unsafe impl Send for Prepared {}
// SAFETY: as above.
unsafe impl Sync for Prepared {}

/// What a structure with children owns.
struct Parent {
    /// Its own array; `None` for a batch, which has no buffers.
    _prepared: Option<Arc<Prepared>>,
    pointers: Vec<*mut ArrowArray>,
    children: Vec<ArrowArray>,
}

/// The buffers of a struct array that has no nulls.
struct NoBuffers([*const c_void; 1]);

// SAFETY: a NULL pointer is nobody's.
unsafe impl Sync for NoBuffers {}

static NO_NULLS: NoBuffers = NoBuffers([ptr::null()]);

impl Prepared {
    /// Takes an array apart, which has offset 0 at every level.
    pub fn new(data: ArrayData) -> Arc<Prepared> {
        assert_eq!(data.offset(), 0, "what leaves has offset 0 at every level: not all readers look at it");
        let nulls = data.nulls().map_or(ptr::null(), |nulls| nulls.validity().as_ptr().cast());
        let has_nulls = layout(data.data_type()).can_contain_null_mask;
        let values = data.buffers().iter().map(|buffer| buffer.as_ptr().cast());
        Arc::new(Prepared {
            length: number(data.len()),
            null_count: number(data.null_count()),
            buffers: has_nulls.then_some(nulls).into_iter().chain(values).collect(),
            children: data.child_data().iter().map(|child| Prepared::new(child.clone())).collect(),
            has_dictionary: matches!(data.data_type(), DataType::Dictionary(..)),
            _data: data,
        })
    }

    fn export(self: &Arc<Prepared>) -> ArrowArray {
        let array = ArrowArray {
            length: self.length,
            null_count: self.null_count,
            offset: 0,
            n_buffers: number(self.buffers.len()),
            n_children: 0,
            buffers: self.buffers.as_ptr(),
            children: ptr::null_mut(),
            dictionary: ptr::null_mut(),
            release: Some(release_leaf),
            private_data: ptr::null_mut(),
        };
        if self.children.is_empty() {
            return ArrowArray { private_data: Arc::into_raw(Arc::clone(self)).cast_mut().cast(), ..array };
        }
        let array = array.with_children(Some(Arc::clone(self)), self.children.iter().map(Prepared::export).collect());
        if !self.has_dictionary {
            return array;
        }
        // SAFETY: `with_children` has just made an array of pointers to the children, of which there is one.
        let dictionary = unsafe { *array.children };
        ArrowArray { n_children: 0, children: ptr::null_mut(), dictionary, ..array }
    }
}

impl ArrowArray {
    fn with_children(self, prepared: Option<Arc<Prepared>>, children: Vec<ArrowArray>) -> ArrowArray {
        let mut parent = Box::new(Parent { _prepared: prepared, pointers: Vec::new(), children });
        parent.pointers = parent.children.iter_mut().map(ptr::from_mut).collect();
        let (n_children, pointers) = (number(parent.children.len()), parent.pointers.as_mut_ptr());
        let private_data = Box::into_raw(parent).cast();
        ArrowArray { n_children, children: pointers, release: Some(release_parent), private_data, ..self }
    }
}

/// A struct array of so many rows, none of them null, with these members.
pub fn export<'a>(rows: usize, columns: impl Iterator<Item = &'a Arc<Prepared>>) -> FFI_ArrowArray {
    let array = ArrowArray {
        length: number(rows),
        null_count: 0,
        offset: 0,
        n_buffers: 1,
        n_children: 0,
        buffers: NO_NULLS.0.as_ptr(),
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    };
    let array = array.with_children(None, columns.map(Prepared::export).collect());
    // SAFETY: both are the structure of the specification.
    unsafe { std::mem::transmute::<ArrowArray, FFI_ArrowArray>(array) }
}

unsafe extern "C" fn release_leaf(array: *mut ArrowArray) {
    // SAFETY: by the specification `array` is a structure made by `Prepared::export`, wherever it has been moved to, and
    // not released: its count is given back once.
    unsafe {
        drop(Arc::from_raw((*array).private_data.cast_const().cast::<Prepared>()));
        (*array).release = None;
    }
}

unsafe extern "C" fn release_parent(array: *mut ArrowArray) {
    // SAFETY: by the specification `array` is a structure made by `with_children`, wherever it has been moved to, and not
    // released. Children that the reader has moved away have no callback here any more, and need nothing of the parent.
    unsafe {
        let mut parent = Box::from_raw((*array).private_data.cast::<Parent>());
        for child in &mut parent.children {
            if let Some(release) = child.release {
                release(child);
            }
        }
        (*array).release = None;
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).expect("no array is longer than memory")
}

#[cfg(test)]
mod tests {
    use std::mem::transmute;

    use arrow_array::ffi::{FFI_ArrowSchema, from_ffi};
    use arrow_array::types::Int32Type;
    use arrow_array::{Array, DictionaryArray, ListArray, StringArray};
    use arrow_schema::Field;

    use super::*;

    #[test]
    fn a_child_that_was_moved_away_outlives_its_parent() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]).to_data();
        let texts = StringArray::from(vec![Some("a"), None]).to_data();
        let expected = [lists, texts];
        let prepared = expected.clone().map(Prepared::new);
        // SAFETY: both are the structure of the specification.
        let parent = unsafe { transmute::<FFI_ArrowArray, ArrowArray>(export(2, prepared.iter())) };
        let moved = [0, 1].map(|child| {
            // SAFETY: there are two children. Each is copied and then marked as released, as the specification has it.
            unsafe { FFI_ArrowArray::from_raw((*parent.children.add(child)).cast()) }
        });
        let weak = prepared.each_ref().map(Arc::downgrade);
        drop(prepared);
        // SAFETY: as above; dropping it releases it.
        drop(unsafe { transmute::<ArrowArray, FFI_ArrowArray>(parent) });
        for (array, expected) in moved.into_iter().zip(expected) {
            let schema = FFI_ArrowSchema::try_from(expected.data_type()).unwrap();
            // SAFETY: the array has this type.
            assert_eq!(unsafe { from_ffi(array, &schema) }.unwrap(), expected);
        }
        assert!(weak.iter().all(|weak| weak.strong_count() == 0));
    }

    #[test]
    fn a_dictionary_has_its_own_place() {
        let symbols: DictionaryArray<Int32Type> = [Some("a"), None, Some("b"), Some("a")].into_iter().collect();
        let prepared = [Prepared::new(symbols.to_data())];
        let array = export(4, prepared.iter());
        drop(prepared);
        let fields = vec![Field::new("symbols", symbols.data_type().clone(), true)];
        let schema = FFI_ArrowSchema::try_from(&DataType::Struct(fields.into())).unwrap();
        // SAFETY: the structures say the same type.
        let data = unsafe { from_ffi(array, &schema) }.unwrap();
        data.validate_full().unwrap();
        assert_eq!(data.child_data()[0], symbols.to_data());
    }
}
