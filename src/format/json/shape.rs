//! What the columns of a spec ask for: which writer takes a value, and what is wanted of the values inside it.

use arrow_schema::{DataType, Field};

use super::fields::{FieldId, Fields, Path};
use super::strict::Strict;
use super::value::Writer;
use crate::column::fixed_bytes;
use crate::error::{Error, Result, Status};
use crate::types;

/// One column, or what a list, a map or a struct holds.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// The type, as messages show it. A box, so that a column takes 64 bytes and is quickly found among others.
    pub type_name: Box<str>,
    /// Whether null is refused.
    pub required: bool,
    pub writer: Writer,
    /// What decides about values that are not written plainly, instead of the rules of J4.
    pub strict: Option<Box<Strict>>,
}

const _: () = assert!(size_of::<Column>() <= 64);

/// The columns that one object fills: those of the table, or the members of a struct.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The object, whose fields feed the columns.
    pub object: FieldId,
    pub columns: Vec<Column>,
    /// As many columns with a value make a row for which nothing else has to be looked at: `usize::MAX` if that is never so.
    pub enough: usize,
    /// Whether a row of which all is null is a null struct.
    pub null_is_null: bool,
}

impl Shape {
    /// The columns that an object fills.
    pub fn new(object: FieldId, columns: Vec<Column>) -> Shape {
        Shape { object, enough: columns.len(), columns, null_is_null: false }
    }
}

impl Column {
    /// What decides about its values, if it is one of an object processor.
    pub fn strict(&self) -> &Strict {
        self.strict.as_ref().expect("a column of an object processor is strict")
    }
}

/// A value that holds others.
#[derive(Debug, Clone)]
pub enum Nested {
    List(Items),
    Struct(Shape),
    /// What an object processor makes one column of by way of a row that has just this one.
    Row(Shape),
    /// Entries, by their values. The keys are text.
    Map(Items),
}

/// What a list or a map holds any number of.
#[derive(Debug, Clone)]
pub struct Items {
    pub column: Column,
    /// What one takes before any text or bytes.
    pub bytes: usize,
}

/// All that the columns of a spec ask for.
#[derive(Debug, Clone)]
pub struct Shapes {
    /// The table's columns.
    pub root: Shape,
    /// What [`Writer::Nested`] stands for, by its number.
    pub nested: Vec<Nested>,
    /// The fields of the document, and those of the objects that structs are made of.
    pub fields: Fields,
}

impl Shapes {
    /// What these columns ask for, each of its field of the document.
    pub fn new<'s>(columns: impl IntoIterator<Item = (&'s Field, &'s Path)>) -> Result<Shapes> {
        let root = Shape::new(FieldId::ROOT, Vec::new());
        let mut shapes = Shapes { root, nested: Vec::new(), fields: Fields::default() };
        for (index, (field, path)) in columns.into_iter().enumerate() {
            let column = shapes.column(field)?;
            shapes.root.columns.push(column);
            shapes.root.enough += 1;
            shapes.fields.add(FieldId::ROOT, path, index);
        }
        Ok(shapes)
    }

    fn column(&mut self, field: &Field) -> Result<Column> {
        let data_type = field.data_type();
        let writer = match data_type {
            DataType::List(item) => {
                let column = self.column(item)?;
                self.add(Nested::List(Items { bytes: fixed_bytes(item.data_type()), column }))
            }
            DataType::Struct(members) => {
                let object = self.fields.add_object();
                let mut columns = Vec::with_capacity(members.len());
                for (index, member) in members.iter().enumerate() {
                    if columns.iter().any(|earlier: &Column| earlier.name == *member.name()) {
                        let message = format!("there are two members {}; a struct has each once", member.name());
                        return Err(Error::new(Status::InvalidArgument, message));
                    }
                    columns.push(self.column(member)?);
                    self.fields.add(object, &Path::field(member.name()), index);
                }
                self.add(Nested::Struct(Shape::new(object, columns)))
            }
            DataType::Map(entries, sorted) => {
                let column = self.column(map_value(entries, *sorted)?)?;
                self.add(Nested::Map(Items { bytes: fixed_bytes(entries.data_type()), column }))
            }
            scalar => Writer::new(scalar).ok_or_else(|| unsupported(scalar))?,
        };
        let required = !field.is_nullable();
        Ok(Column { name: field.name().clone(), type_name: shown(data_type).into(), required, writer, strict: None })
    }

    /// Whether these are the columns of an object processor, whose values have one form each.
    pub fn is_strict(&self) -> bool {
        self.fields.get(FieldId::ROOT).node().is_some()
    }

    pub fn add(&mut self, nested: Nested) -> Writer {
        self.nested.push(nested);
        Writer::Nested(u32::try_from(self.nested.len() - 1).expect("a spec has fewer than 2^32 types"))
    }
}

/// The name of a type, or what it begins with: a message is to be read, and many of them may be kept.
fn shown(data_type: &DataType) -> String {
    const MOST: usize = 100;
    let name = types::name(data_type);
    match name.char_indices().nth(MOST) {
        None => name,
        Some((end, _)) => format!("{}...", &name[..end]),
    }
}

/// Whether a column of a spec can have this type. The error names the column.
pub fn check_type(field: &Field) -> Result<()> {
    types::check_depth(field.data_type())?;
    match Shapes::new([(field, &Path::field(field.name()))]) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = format!("column {} cannot be {}; {error}", field.name(), types::name(field.data_type()));
            let error = Error::new(error.status(), message).with_detail("argument", "type");
            Err(error.with_detail("column", field.name()))
        }
    }
}

fn unsupported(data_type: &DataType) -> Error {
    let name = types::name(data_type);
    let instead = match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => "; use utf8",
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "; use binary",
        DataType::LargeList(_) | DataType::ListView(_) | DataType::LargeListView(_) | DataType::FixedSizeList(..) => {
            "; use a list"
        }
        DataType::Date64 => "; use date32",
        DataType::Float16 => "; use float32",
        DataType::Dictionary(_, values) if **values == DataType::Utf8 => "; use utf8",
        _ => "",
    };
    Error::new(Status::Unsupported, format!("a json spec does not read {name}{instead}"))
}

/// The value of a map's entries.
fn map_value(entries: &Field, sorted: bool) -> Result<&Field> {
    let DataType::Struct(members) = entries.data_type() else {
        return Err(Error::new(Status::InvalidArgument, "a map's entries have to be a struct of key and value"));
    };
    match &members[..] {
        [key, value] if *key.data_type() == DataType::Utf8 && !sorted => Ok(value),
        _ => Err(Error::new(Status::Unsupported, "a json spec reads maps whose keys are utf8, in no order")),
    }
}
