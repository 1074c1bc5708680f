//! The columns of a description: their names, their types, and a node for each value.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields as Members};

use super::description::{self, Optional, Scalar, Value};
use super::names::names;
use crate::column::fixed_bytes;
use crate::error::{Error, Result};
use crate::format::json::fields::{FieldId, Fields};
use crate::format::json::kinds::{Kinds, What};
use crate::format::json::shape::{Column, Items, Nested, Shape, Shapes};
use crate::format::json::strict::{Node, NodeKind, Rows, Strict, Typed};
use crate::format::json::value::Writer;
use crate::schema::FormatColumn;
use crate::types;

/// The columns of a description, in their order, and what fills them.
pub fn columns(value: &Value) -> Result<(Vec<FormatColumn>, Shapes)> {
    let shapes = Shapes { root: Shape::new(FieldId::ROOT, Vec::new()), nested: Vec::new(), fields: Fields::default() };
    let mut builder = Builder { shapes };
    let mut row = Row::default();
    builder.node(FieldId::ROOT, value, &mut row, &Place::default(), false);
    let fields = row.fields();
    let mut columns = Vec::with_capacity(fields.len());
    for (field, source) in fields.into_iter().zip(&row.sources) {
        if types::check_depth(field.data_type()).is_err() {
            let message = format!(
                "{source}: the type of its column is nested more than {} levels deep; any takes values as they are written",
                types::MAX_DEPTH
            );
            return Err(Error::argument("description", message));
        }
        columns.push(FormatColumn { field, source: source.clone() });
    }
    builder.shapes.root = row.shape(FieldId::ROOT);
    Ok((columns, builder.shapes))
}

/// Where a value is: for the names of its columns, and for messages.
#[derive(Debug, Clone, Default)]
struct Place {
    path: Vec<String>,
    pointer: String,
}

impl Place {
    /// The place of a part of the value.
    fn part(&self, name: &str) -> Place {
        self.part_named(name, name)
    }

    /// The same under another name.
    fn part_named(&self, name: &str, key: &str) -> Place {
        let path = self.path.iter().cloned().chain([name.to_owned()]).collect();
        let pointer = format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1"));
        Place { path, pointer }
    }

    /// The same place, with a name that comes from elsewhere.
    fn named(&self, path: &[String]) -> Place {
        Place { path: self.path.iter().chain(path).cloned().collect(), pointer: self.pointer.clone() }
    }
}

/// What one row consists of: the table's, or that of a struct or of several lists.
#[derive(Debug, Default)]
struct Row {
    columns: Vec<Column>,
    types: Vec<DataType>,
    paths: Vec<Vec<String>>,
    sources: Vec<String>,
    /// Whether something has to be looked at that is not a column.
    has_checks: bool,
    /// Whether all of its columns are null if it is made of null.
    null_is_null: bool,
}

impl Row {
    fn push(&mut self, column: Column, data_type: DataType, place: &Place) {
        self.columns.push(column);
        self.types.push(data_type);
        self.paths.push(place.path.clone());
        self.sources.push(place.pointer.clone());
    }

    /// The columns under their names, which those that messages name get, too.
    fn fields(&mut self) -> Vec<Field> {
        let names = names(&self.paths);
        for (column, name) in self.columns.iter_mut().zip(&names) {
            column.name.clone_from(name);
        }
        names.into_iter().zip(&self.types).map(|(name, data_type)| Field::new(name, data_type.clone(), true)).collect()
    }

    fn shape(&mut self, object: FieldId) -> Shape {
        let mut shape = Shape::new(object, std::mem::take(&mut self.columns));
        if self.has_checks {
            shape.enough = usize::MAX;
        }
        shape.null_is_null = self.null_is_null;
        shape
    }

    /// Whether it is one value, and not something with a name inside it.
    fn is_plain(&self) -> bool {
        self.paths.len() == 1 && self.paths[0].is_empty()
    }
}

struct Builder {
    shapes: Shapes,
}

impl Builder {
    /// Adds the columns of a value to a row, and the node of its field.
    fn node(&mut self, id: FieldId, value: &Value, row: &mut Row, place: &Place, use_first: bool) {
        let first = row.columns.len();
        let optional = |optional: &Optional| *optional;
        let mut refuses_unknown = false;
        // The node of an object has to be there before its members are.
        let mut members: Vec<(String, FieldId, bool)> = Vec::new();
        let (name, optional, kind) = match value {
            Value::Scalar(scalar) => {
                let column = scalar_column(scalar, use_first);
                let data_type = scalar.what.data_type().expect("a scalar has a type");
                row.push(column, data_type, place);
                ("", ANYTHING, NodeKind::Column)
            }
            Value::Skip(kinds) => {
                let may_be = Optional { missing: kinds.have(Kinds::MISSING), null: kinds.have(Kinds::NULL) };
                ("another kind of value", may_be, NodeKind::Skip(*kinds))
            }
            Value::Object(object) => {
                refuses_unknown = !object.allow_unknown;
                let fields = self.fields(&object.fields, row, place, &mut members);
                ("an object", optional(&object.optional), NodeKind::Object(fields))
            }
            Value::Tuple { values, optional } => {
                let alone = values.len() == 1;
                let mut items = Vec::with_capacity(values.len());
                for (index, (name, value)) in values.iter().enumerate() {
                    let item = self.shapes.fields.add_object();
                    let mut part = place.part_named(name, &index.to_string());
                    if alone {
                        part.path.clone_from(&place.path);
                    }
                    self.node(item, value, row, &part, false);
                    items.push(item);
                }
                ("an array", *optional, NodeKind::Tuple(items))
            }
            Value::Array { element, parallel, optional } => {
                let (mut inner, object) = self.inner(element);
                if inner.columns.is_empty() || (*parallel && !inner.is_plain()) {
                    let rows = self.rows(&mut inner, object, row, place);
                    ("an array", *optional, NodeKind::Array(rows))
                } else {
                    let (item, data_type) = self.one(inner, object);
                    let bytes = fixed_bytes(&data_type);
                    let writer = self.shapes.add(Nested::List(Items { column: item, bytes }));
                    let column = nested_column(What::Array, Kinds::ARRAY, *optional, use_first, writer, None);
                    let item = Field::new("item", data_type, true);
                    row.push(column, DataType::List(Arc::new(item)), place);
                    ("", ANYTHING, NodeKind::Column)
                }
            }
            Value::Entries { key, value, parallel, optional } => {
                let (mut inner, object) = self.inner(value);
                let key_type = key.what.data_type().expect("a scalar has a type");
                let key = scalar_column(key, false);
                if inner.columns.is_empty() || *parallel {
                    if inner.is_plain() {
                        inner.paths[0].push("Value".to_owned());
                    }
                    row.push(list_of_rows("key"), list(&key_type), &place.named(&["Key".to_owned()]));
                    let mut values = self.rows(&mut inner, object, row, place);
                    values.bytes += fixed_bytes(&key_type);
                    ("an object", *optional, NodeKind::Entries { key: Box::new(key), values })
                } else {
                    let (item, data_type) = self.one(inner, object);
                    let entry = vec![Field::new("key", key_type, false), Field::new("value", data_type, true)];
                    let entries = DataType::Struct(Members::from(entry));
                    let bytes = fixed_bytes(&entries);
                    let writer = self.shapes.add(Nested::Map(Items { column: item, bytes }));
                    let key = Some(Box::new(key));
                    let column = nested_column(What::Entries, Kinds::OBJECT, *optional, use_first, writer, key);
                    let data_type = DataType::Map(Arc::new(Field::new("entries", entries, false)), false);
                    row.push(column, data_type, place);
                    ("", ANYTHING, NodeKind::Column)
                }
            }
            Value::Typed(typed) => {
                let kind = NodeKind::Typed(Box::new(self.typed(typed, row, place)));
                ("a typed object", typed.optional, kind)
            }
        };
        row.has_checks |= !optional.missing;
        let columns = first..row.columns.len();
        let Optional { missing: allow_missing, null: allow_null } = optional;
        let pointer = place.pointer.clone();
        let node = Node { place: pointer, name, allow_missing, allow_null, use_first, columns, kind };
        self.shapes.fields.set_node(id, node, refuses_unknown);
        for (name, member, case_sensitive) in members {
            self.shapes.fields.add_member(id, &name, member, case_sensitive);
        }
    }

    /// The fields of an object, and by which names its members are theirs.
    fn fields(
        &mut self,
        fields: &[description::Field],
        row: &mut Row,
        place: &Place,
        members: &mut Vec<(String, FieldId, bool)>,
    ) -> Vec<FieldId> {
        let mut ids = Vec::with_capacity(fields.len());
        for field in fields {
            let id = self.shapes.fields.add_object();
            self.node(id, &field.value, row, &place.part(&field.name), field.use_first);
            let names = std::iter::once(&field.name).chain(&field.aliases);
            members.extend(names.map(|name| (name.clone(), id, field.case_sensitive)));
            ids.push(id);
        }
        ids
    }

    fn typed(&mut self, typed: &description::Typed, row: &mut Row, place: &Place) -> Typed {
        let column = scalar_column(&typed.column, false);
        row.push(column, DataType::Utf8, &place.part(&typed.type_field));
        let mut of_all = Vec::new();
        let shared = self.fields(&typed.shared, row, place, &mut of_all);
        let mut types = Vec::with_capacity(typed.types.len());
        for (name, object) in &typed.types {
            let mut members = of_all.clone();
            let own_place = Place { path: place.part(name).path, pointer: place.pointer.clone() };
            let first = row.columns.len();
            let own = self.fields(&object.fields, row, &own_place, &mut members);
            let id = self.shapes.fields.add_object();
            let node = Node {
                place: place.pointer.clone(),
                name: "an object",
                allow_missing: true,
                allow_null: true,
                use_first: false,
                columns: first..row.columns.len(),
                kind: NodeKind::Object(shared.iter().chain(&own).copied().collect()),
            };
            self.shapes.fields.set_node(id, node, !object.allow_unknown);
            for (name, member, case_sensitive) in members {
                self.shapes.fields.add_member(id, &name, member, case_sensitive);
            }
            types.push((name.clone(), id));
        }
        Typed { type_field: typed.type_field.clone(), types, allow_unknown: typed.allow_unknown }
    }

    /// What a value inside a list or a map consists of.
    fn inner(&mut self, value: &Value) -> (Row, FieldId) {
        let object = self.shapes.fields.add_object();
        let mut row = Row { null_is_null: null_is_null(value), ..Row::default() };
        self.node(object, value, &mut row, &Place::default(), false);
        (row, object)
    }

    /// That as one column: a value, or a struct.
    fn one(&mut self, mut inner: Row, object: FieldId) -> (Column, DataType) {
        let is_column = self.shapes.fields.get(object).node().is_some_and(|node| node.column().is_some());
        if is_column {
            let column = inner.columns.pop().expect("a value that is a column has one");
            return (column, inner.types.pop().expect("a column has a type"));
        }
        let is_plain = inner.is_plain();
        let members = inner.fields();
        let shape = inner.shape(object);
        // What has no name inside it, and yet is more than a value: a tuple of one.
        let nested = if is_plain { Nested::Row(shape) } else { Nested::Struct(shape) };
        let writer = self.shapes.add(nested);
        let column = nested_column(What::Struct, Kinds::OBJECT, ANYTHING, false, writer, None);
        let data_type = match inner.types.pop() {
            Some(data_type) if is_plain => data_type,
            _ => DataType::Struct(Members::from(members)),
        };
        (column, data_type)
    }

    /// That as a list for each of its columns.
    fn rows(&mut self, inner: &mut Row, object: FieldId, row: &mut Row, place: &Place) -> Rows {
        let bytes = inner.types.iter().map(fixed_bytes).sum();
        for (data_type, path) in inner.types.iter().zip(&inner.paths) {
            row.push(list_of_rows("array"), list(data_type), &place.named(path));
        }
        inner.fields();
        Rows { shape: inner.shape(object), bytes }
    }
}

/// Whether all columns of a value are null if it is, so that nothing gets lost if that is all there is to say.
fn null_is_null(value: &Value) -> bool {
    match value {
        Value::Scalar(scalar) => scalar.on_null.is_none() && scalar.what != What::Any,
        Value::Object(object) => object.fields.iter().all(|field| null_is_null(&field.value)),
        Value::Tuple { values, .. } => values.iter().all(|(_, value)| null_is_null(value)),
        Value::Typed(typed) => typed.column.on_null.is_none(),
        Value::Skip(_) | Value::Array { .. } | Value::Entries { .. } => true,
    }
}

/// Of a value whose column says what it may be.
const ANYTHING: Optional = Optional { missing: true, null: true };

fn list(item: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item.clone(), true)))
}

fn scalar_column(scalar: &Scalar, use_first: bool) -> Column {
    let what = scalar.what;
    let writer = match what {
        What::Bool => Writer::Bool,
        What::Int => Writer::Int32,
        What::Long => Writer::Int64,
        What::Double => Writer::Float64,
        What::String => Writer::Utf8,
        What::Instant => Writer::Iso,
        What::Epoch(power) => Writer::Epoch(power),
        _ => Writer::Strict,
    };
    let (on_null, on_missing) = (scalar.on_null.clone(), scalar.on_missing.clone());
    let strict = Strict { what, allowed: scalar.allowed, on_null, on_missing, use_first, key: None };
    Column {
        name: String::new(),
        type_name: what.name().into(),
        required: false,
        writer,
        strict: Some(Box::new(strict)),
    }
}

fn nested_column(
    what: What,
    kinds: Kinds,
    optional: Optional,
    use_first: bool,
    writer: Writer,
    key: Option<Box<Column>>,
) -> Column {
    let allowed = kinds.with(Kinds::MISSING, optional.missing).with(Kinds::NULL, optional.null);
    let strict = Strict { what, allowed, on_null: None, on_missing: None, use_first, key };
    let type_name = what.name().into();
    Column { name: String::new(), type_name, required: false, writer, strict: Some(Box::new(strict)) }
}

/// A column that is filled with others, by their node.
fn list_of_rows(type_name: &str) -> Column {
    let type_name = type_name.into();
    Column { name: String::new(), type_name, required: false, writer: Writer::Strict, strict: None }
}
