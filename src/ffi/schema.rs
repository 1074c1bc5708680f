//! `ArrowSchema`: columns, to the caller and from the caller.

use std::ffi::{CStr, c_char, c_void};

use arrow_array::ffi::FFI_ArrowSchema;
use arrow_schema::Schema;

use crate::error::{Error, Result};

/// A schema for the caller.
pub fn export(schema: &Schema) -> Result<FFI_ArrowSchema> {
    Ok(FFI_ArrowSchema::try_from(schema)?)
}

/// The caller's schema, which stays the caller's: a struct, whose members are the columns.
pub fn import(schema: &FFI_ArrowSchema, argument: &'static str) -> Result<Schema> {
    let layout: *const Layout = std::ptr::from_ref(schema).cast();
    // SAFETY: both are the struct of the Arrow C Data Interface, and the caller's is alive.
    if let Some(fault) = unsafe { fault(layout) } {
        return Err(Error::argument(argument, format!("{fault}; give a schema as arrow libraries export it")));
    }
    Schema::try_from(schema).map_err(|error| {
        let message = format!("{error}; give a struct of the columns, as arrow libraries export a schema");
        Error::argument(argument, message)
    })
}

/// More levels than any schema that is read has. The types that follow from one are made by recursion.
const MAX_DEPTH: usize = 200;

/// The struct of the Arrow C Data Interface, to look at it before a library does that panics where it is broken.
#[repr(C)]
struct Layout {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *const *const Layout,
    dictionary: *const Layout,
    release: *const c_void,
    private_data: *const c_void,
}

/// What is broken about a schema.
///
/// # Safety
/// Each pointer is NULL or points to what the Arrow C Data Interface says.
unsafe fn fault(schema: *const Layout) -> Option<&'static str> {
    let mut open = vec![(schema, 0)];
    while let Some((schema, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return Some("it is nested more than 200 levels deep");
        }
        // SAFETY: as the caller says.
        let Some(schema) = (unsafe { schema.as_ref() }) else { return Some("one of its children is NULL") };
        if schema.release.is_null() {
            return Some("it has been released");
        }
        // SAFETY: as the caller says.
        let is_text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_str().is_ok();
        if schema.format.is_null() || !is_text(schema.format) {
            return Some("a format in it is no text");
        }
        if !schema.name.is_null() && !is_text(schema.name) {
            return Some("a name in it is not valid UTF-8");
        }
        let Ok(count) = usize::try_from(schema.n_children) else { return Some("it has a negative number of children") };
        if count > 0 && schema.children.is_null() {
            return Some("its children are NULL");
        }
        // SAFETY: so many pointers, as the caller says.
        open.extend((0..count).map(|index| (unsafe { *schema.children.add(index) }, depth + 1)));
        if !schema.dictionary.is_null() {
            open.push((schema.dictionary, depth + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field};
    use std::collections::HashMap;
    use std::ptr;
    use std::sync::Arc;

    fn columns() -> Schema {
        let list = DataType::List(Arc::new(Field::new("element", DataType::Int64, false)));
        let metadata = HashMap::from([("k".to_owned(), "v".to_owned())]);
        Schema::new(vec![Field::new("a", list, true).with_metadata(metadata), Field::new("b", DataType::Utf8, false)])
    }

    fn message(schema: &FFI_ArrowSchema) -> String {
        import(schema, "columns").unwrap_err().message().to_owned()
    }

    #[test]
    fn what_is_exported_is_imported() {
        let exported = export(&columns()).unwrap();
        assert_eq!(import(&exported, "columns").unwrap(), columns());
        assert_eq!(import(&exported, "columns").unwrap(), columns(), "it is still the caller's");
    }

    #[test]
    fn broken_schemas_are_told_and_nothing_panics() {
        assert!(message(&FFI_ArrowSchema::empty()).starts_with("columns: it has been released;"));
        let list = FFI_ArrowSchema::try_from(&DataType::Int64).unwrap();
        assert!(message(&list).contains("give a struct of the columns"));
        let no_format = FFI_ArrowSchema::try_new("no format", vec![], None).unwrap();
        assert!(message(&no_format).contains("give a struct of the columns"));
        let broken = |change: &dyn Fn(&mut Layout)| {
            let exported = export(&columns()).unwrap();
            // SAFETY: a copy to break, which nobody releases; what it points to is alive as long as `exported`.
            let mut copy = unsafe { ptr::from_ref(&exported).cast::<Layout>().read() };
            change(&mut copy);
            // SAFETY: all pointers are NULL or the exported ones.
            unsafe { fault(&copy) }.expect("it is broken")
        };
        let not_utf8 = c"\xff";
        let nulls = [ptr::null::<Layout>(); 2];
        assert_eq!(broken(&|schema| schema.format = ptr::null()), "a format in it is no text");
        assert_eq!(broken(&|schema| schema.format = not_utf8.as_ptr()), "a format in it is no text");
        assert_eq!(broken(&|schema| schema.name = not_utf8.as_ptr()), "a name in it is not valid UTF-8");
        assert_eq!(broken(&|schema| schema.n_children = -1), "it has a negative number of children");
        assert_eq!(broken(&|schema| schema.children = ptr::null()), "its children are NULL");
        assert_eq!(broken(&|schema| schema.children = nulls.as_ptr()), "one of its children is NULL");
        let deep = (0..300).fold(DataType::Int8, |inside, _| DataType::List(Arc::new(Field::new("i", inside, true))));
        let deep = export(&Schema::new(vec![Field::new("a", deep, true)])).unwrap();
        assert!(message(&deep).starts_with("columns: it is nested more than 200 levels deep"));
    }
}
