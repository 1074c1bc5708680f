//! The columns that follow from a reader's schema, and which of its fields they are of (rules A4 to A6).

use std::sync::Arc;

use arrow_schema::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, Fields, TimeUnit};
use arrow_schema::{UnionFields, UnionMode};

use super::schema::{Logical, Schema, Symbols, Type, TypeId, Wire};
use crate::column;
use crate::error::{Error, Result, Status};
use crate::format::mapping::Mapping;
use crate::schema::FormatColumn;
use crate::types;

/// What stands between the names of nested fields, in names of columns and in paths.
const IN_NAMES: &str = "__";
const IN_PATHS: &str = ".";

/// How deeply types may be nested, which is what [`types::check_depth`] allows.
const MAX_DEPTH: usize = types::MAX_DEPTH;

/// The most fields and types inside types of one schema. A schema of a few lines can be one of very many columns.
const MAX_FIELDS: usize = 100_000;

/// The most bytes of a value of fixed size: each null takes as many.
const MAX_FIXED: usize = 16 * 1024 * 1024;

/// How Avro's types become Arrow's, where there is a choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Whether nested records stay structs, rather than to become columns of their own.
    pub structs: bool,
    /// Whether unions are dense unions.
    pub dense_unions: bool,
    /// Whether enums are dictionaries.
    pub dictionaries: bool,
    /// Names of columns, by the path of the field.
    pub mapping: Mapping,
    /// Whether fields that are not mapped become columns, too.
    pub mapped_only: bool,
}

/// Which of the columns that are filled together a value goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// None: nobody wants it.
    Nowhere,
    /// This one.
    Column(usize),
    /// It is a record, or null; each of the record's fields has a place.
    Fields(Vec<Place>),
}

impl Place {
    /// Calls with each column.
    pub fn for_each(&self, each: &mut impl FnMut(usize)) {
        match self {
            Place::Nowhere => {}
            Place::Column(column) => each(*column),
            Place::Fields(fields) => fields.iter().for_each(|field| field.for_each(each)),
        }
    }
}

/// The columns of a schema, and the place of the record that it is.
pub fn columns(schema: &Schema, choices: &Choices) -> Result<(Vec<FormatColumn>, Place)> {
    let root = schema.root();
    if !matches!(schema.get(root).wire, Wire::Record(..)) {
        let found = schema.type_name(root);
        let message = format!("its top level is of type {found}, and has to be a record");
        return Err(Error::argument("schema", message));
    }
    let mut builder = Builder { schema, choices, columns: Vec::new(), inside: Vec::new(), count: 0 };
    let place = builder.fields(root, "")?;
    Ok((builder.columns, place))
}

struct Builder<'s> {
    schema: &'s Schema,
    choices: &'s Choices,
    columns: Vec<FormatColumn>,
    /// The types that are being looked at, each inside the one before.
    inside: Vec<TypeId>,
    count: usize,
}

impl Builder<'_> {
    /// The columns of a record's fields.
    fn fields(&mut self, record: TypeId, path: &str) -> Result<Place> {
        self.enter(record, path)?;
        let Wire::Record(_, fields) = &self.schema.get(record).wire else {
            return Err(Error::internal("only a record has fields"));
        };
        let places = fields.iter().map(|field| {
            let path = if path.is_empty() { field.name.clone() } else { format!("{path}{IN_PATHS}{}", field.name) };
            self.field(field.ty, path)
        });
        let places = places.collect::<Result<_>>()?;
        self.inside.pop();
        Ok(Place::Fields(places))
    }

    fn field(&mut self, ty: TypeId, path: String) -> Result<Place> {
        let mapped = self.choices.mapping.get(&path);
        if mapped.is_none() && self.choices.mapped_only && !self.choices.mapping.is_empty() {
            return Ok(Place::Nowhere);
        }
        let some = self.schema.without_null(ty);
        if matches!(self.schema.get(some).wire, Wire::Record(..)) && !self.choices.structs {
            return self.fields(some, &path);
        }
        self.choices.mapping.check_whole(&path, IN_PATHS)?;
        let name = mapped.map_or_else(|| path.replace(IN_PATHS, IN_NAMES), str::to_owned);
        let field = self.named(&name, ty, &path)?;
        types::check_depth(field.data_type())?;
        self.columns.push(FormatColumn { field, source: path });
        Ok(Place::Column(self.columns.len() - 1))
    }

    /// A column, a member or an item. All may be null, as columns are (rule Y7): what may not be is refused when it is read.
    fn named(&mut self, name: &str, ty: TypeId, path: &str) -> Result<Field> {
        let data_type = self.data_type(ty, path)?;
        let field = Field::new(name, data_type, true);
        Ok(match self.symbols(ty) {
            Some(symbols) => column::with_symbols(field, &symbols.names),
            None => field,
        })
    }

    /// The symbols that a dictionary of this type has.
    fn symbols(&self, ty: TypeId) -> Option<&Symbols> {
        let some = self.schema.without_null(ty);
        match &self.schema.get(some).wire {
            Wire::Enum(_, symbols) if self.choices.dictionaries => Some(symbols),
            _ => None,
        }
    }

    fn data_type(&mut self, ty: TypeId, path: &str) -> Result<DataType> {
        let ty = self.schema.without_null(ty);
        self.enter(ty, path)?;
        let schema = self.schema;
        let data_type = match &schema.get(ty).wire {
            Wire::Array(item) => DataType::List(Arc::new(self.named("item", *item, &format!("{path}[]"))?)),
            Wire::Map(of) => {
                let value = self.named("value", *of, &format!("{path}{{}}"))?;
                let entry = Fields::from(vec![Field::new("key", DataType::Utf8, false), value]);
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
            }
            Wire::Record(_, fields) => {
                let members = fields.iter().map(|field| {
                    let path = format!("{path}{IN_PATHS}{}", field.name);
                    self.named(&field.name, field.ty, &path)
                });
                DataType::Struct(members.collect::<Result<_>>()?)
            }
            Wire::Union(branches) => self.union(branches, path)?,
            Wire::Enum(..) if self.choices.dictionaries => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            _ => scalar(schema.get(ty), path)?,
        };
        self.inside.pop();
        Ok(data_type)
    }

    /// A union that says more than that a value may be missing.
    fn union(&mut self, branches: &[TypeId], path: &str) -> Result<DataType> {
        let schema = self.schema;
        let is_null = |branch: &TypeId| matches!(schema.get(*branch).wire, Wire::Null);
        if branches.iter().all(is_null) {
            if branches.is_empty() {
                return Err(Error::argument("schema", format!("{path} is a union of no types, which has no values")));
            }
            return Ok(DataType::Null);
        }
        let names = member_names(schema, branches);
        let dense = self.choices.dense_unions;
        let mut members = Vec::with_capacity(branches.len());
        for (branch, name) in branches.iter().zip(&names) {
            if dense || !is_null(branch) {
                members.push(self.named(name, *branch, &format!("{path}{IN_PATHS}{name}"))?);
            }
        }
        if !dense {
            return Ok(DataType::Struct(Fields::from(members)));
        }
        let too_many = |_| {
            let message = format!("{path} is a union of {} types; a dense union has 128 at most", branches.len());
            Error::argument("schema", message)
        };
        let ids = (0..members.len()).map(|id| i8::try_from(id).map_err(too_many)).collect::<Result<Vec<_>>>()?;
        let fields = UnionFields::try_new(ids, members)
            .map_err(|error| Error::argument("schema", format!("{path} is no union for Arrow: {error}")))?;
        Ok(DataType::Union(fields, UnionMode::Dense))
    }

    fn enter(&mut self, ty: TypeId, path: &str) -> Result<()> {
        if self.inside.contains(&ty) {
            let message = format!(
                "{path} is a {} inside a {0}; columns of a type that contains itself would not end; leave it out of the \
                 reader's schema, or of the columns, with a mapping and mapped_only",
                self.schema.type_name(ty)
            );
            return Err(Error::argument("schema", message));
        }
        self.count += 1;
        if self.inside.len() > 1 + MAX_DEPTH || self.count > MAX_FIELDS {
            let message = format!(
                "at {path} it is nested more than {MAX_DEPTH} levels deep, or has more than {MAX_FIELDS} fields; leave \
                 some out of the reader's schema, or of the columns, with a mapping and mapped_only"
            );
            return Err(Error::new(Status::Limit, format!("schema: {message}")).with_detail("argument", "schema"));
        }
        self.inside.push(ty);
        Ok(())
    }
}

/// The names of the members that stand for branches: their types', with the namespace where that alone tells two apart.
pub fn member_names(schema: &Schema, branches: &[TypeId]) -> Vec<String> {
    let is_taken = |name: &str| branches.iter().filter(|other| schema.type_name(**other) == name).count() > 1;
    let name = |branch: &TypeId| match &schema.get(*branch).wire {
        Wire::Fixed(named, _) | Wire::Enum(named, _) | Wire::Record(named, _) if is_taken(named.short()) => {
            named.full.clone()
        }
        _ => schema.type_name(*branch).to_owned(),
    };
    branches.iter().map(name).collect()
}

/// The type of a column for values that hold no others.
fn scalar(ty: &Type, path: &str) -> Result<DataType> {
    Ok(match (&ty.wire, ty.logical) {
        (_, Some(Logical::Date)) => DataType::Date32,
        (_, Some(Logical::TimeMillis)) => DataType::Time32(TimeUnit::Millisecond),
        (_, Some(Logical::TimeMicros)) => DataType::Time64(TimeUnit::Microsecond),
        (_, Some(Logical::Timestamp(unit))) => types::timestamp(unit, Some("UTC")),
        (_, Some(Logical::LocalTimestamp(unit))) => types::timestamp(unit, None),
        (_, Some(Logical::Uuid | Logical::BigDecimal)) => DataType::Utf8,
        (_, Some(Logical::Decimal { precision, scale })) => decimal(precision, scale),
        (Wire::Null, _) => DataType::Null,
        (Wire::Boolean, _) => DataType::Boolean,
        (Wire::Int, _) => DataType::Int32,
        (Wire::Long, _) => DataType::Int64,
        (Wire::Float, _) => DataType::Float32,
        (Wire::Double, _) => DataType::Float64,
        (Wire::Bytes, _) => DataType::Binary,
        (Wire::String | Wire::Enum(..), _) => DataType::Utf8,
        (Wire::Fixed(_, size), _) => match i32::try_from(*size) {
            Ok(width) if *size <= MAX_FIXED => DataType::FixedSizeBinary(width),
            _ => {
                let message = format!("{path} has values of {size} bytes; a column has {MAX_FIXED} at most; use bytes");
                return Err(Error::argument("schema", message));
            }
        },
        (Wire::Array(_) | Wire::Map(_) | Wire::Union(_) | Wire::Record(..), _) => {
            return Err(Error::internal("what holds other values is no scalar"));
        }
    })
}

/// The narrowest type that has so many digits: text has any number of them.
pub fn decimal(precision: usize, scale: usize) -> DataType {
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision), Ok(scale)) if precision <= DECIMAL128_MAX_PRECISION => DataType::Decimal128(precision, scale),
        (Ok(precision), Ok(scale)) if precision <= DECIMAL256_MAX_PRECISION => DataType::Decimal256(precision, scale),
        _ => DataType::Utf8,
    }
}
