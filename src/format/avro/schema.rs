//! Avro schemas as a graph: apache-avro parses the documents, here names become what they stand for.
//!
//! A named type is there once, whatever the number of places that mention it, so that a recursive schema is finite. What
//! apache-avro has a type of its own for is a logical type again, on top of the type that is on the wire, because schemas
//! are resolved by what is on the wire.

use std::collections::HashMap;

use apache_avro::rabin::Rabin;
use apache_avro::schema::{self as parsed, Alias, DecimalSchema, InnerDecimalSchema, Name, UuidSchema};
use arrow_schema::TimeUnit;
use serde_json::{Value, json};

use super::default;
use crate::error::{Error, Result};
use crate::registry::{self, SchemaKind};

/// The text of a schema, and the schemas that it refers to by name without defining them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The schema, as JSON.
    pub text: String,
    /// What it refers to, by the name of the reference.
    pub references: Vec<(String, Document)>,
}

impl Document {
    /// A schema that needs no others.
    pub fn new(text: impl Into<String>) -> Document {
        Document { text: text.into(), references: Vec::new() }
    }

    /// The schema that a registry has, with its references.
    pub fn of(schema: &registry::Schema) -> std::result::Result<Document, String> {
        schema.check_kind(SchemaKind::Avro)?;
        let references = schema.references.iter();
        let references = references.map(|reference| Ok((reference.name.clone(), Document::of(&reference.schema)?)));
        Ok(Document { text: schema.text.clone(), references: references.collect::<std::result::Result<_, String>>()? })
    }

    /// The texts of all documents, each once, and behind those that it refers to.
    fn texts<'d>(&'d self, depth: usize, texts: &mut Vec<&'d str>) -> std::result::Result<(), String> {
        if depth > MAX_REFERENCES {
            return Err(format!("its references refer to others more than {MAX_REFERENCES} times over"));
        }
        // Several may refer to the same one.
        if texts.contains(&self.text.as_str()) {
            return Ok(());
        }
        for (_, document) in &self.references {
            document.texts(depth + 1, texts)?;
        }
        texts.push(&self.text);
        Ok(())
    }
}

/// How long a chain of references may be.
const MAX_REFERENCES: usize = 64;

/// Which type of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeId(usize);

/// A schema, with everything that it refers to.
#[derive(Debug, Clone)]
pub struct Schema {
    types: Vec<Type>,
    root: TypeId,
    fingerprint: u64,
    /// By type, whether its values take no bytes.
    nothings: Vec<bool>,
}

/// A type: what is on the wire, and what it means.
#[derive(Debug, Clone)]
pub struct Type {
    /// How it is written.
    pub wire: Wire,
    /// What its values mean beyond that.
    pub logical: Option<Logical>,
}

/// How values of a type are written.
#[derive(Debug, Clone)]
pub enum Wire {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(Named, usize),
    Enum(Named, Symbols),
    Array(TypeId),
    /// By the type of the values; keys are strings.
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Named, Vec<Field>),
}

/// The name of a type, which other types may refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// With its namespace.
    pub full: String,
    /// Other full names that it takes in schemas of writers.
    aliases: Vec<String>,
}

/// The symbols of an enum.
#[derive(Debug, Clone)]
pub struct Symbols {
    pub names: Vec<String>,
    /// Which one stands for symbols that this schema does not have.
    pub default: Option<usize>,
}

/// A field of a record.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    /// Other names that it takes in schemas of writers.
    pub aliases: Vec<String>,
    pub ty: TypeId,
    /// What it is where a writer has no such field, as a datum of its type; or why that cannot be.
    pub default: Option<std::result::Result<Vec<u8>, String>>,
}

/// What values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logical {
    Date,
    TimeMillis,
    TimeMicros,
    /// An instant.
    Timestamp(TimeUnit),
    /// A date and a time of day, wherever.
    LocalTimestamp(TimeUnit),
    Uuid,
    Duration,
    Decimal {
        precision: usize,
        scale: usize,
    },
    /// A decimal with a scale of its own in each value.
    BigDecimal,
}

impl Named {
    fn new(name: &Name, aliases: Option<&Vec<Alias>>) -> Named {
        let full = |alias: &Alias| alias.fully_qualified_name(name.namespace()).fullname(None);
        Named { full: name.fullname(None), aliases: aliases.into_iter().flatten().map(full).collect() }
    }

    /// The name without its namespace.
    pub fn short(&self) -> &str {
        short(&self.full)
    }

    /// Whether the type of this name in a schema of a writer is the same, with its namespace.
    pub fn is_exactly(&self, written: &Named) -> bool {
        self.full == written.full || self.aliases.contains(&written.full)
    }

    /// The same without namespaces, which is what the specification asks for.
    pub fn is(&self, written: &Named) -> bool {
        let is = |name: &str| short(name) == written.short();
        is(&self.full) || self.aliases.iter().any(|alias| is(alias))
    }
}

fn short(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}

impl Schema {
    /// Parses a document, and those it refers to. The error says what is wrong with it.
    pub fn parse(document: &Document) -> Result<Schema> {
        Schema::read(document).map_err(|reason| Error::argument("schema", reason))
    }

    /// The same, with nothing but the reason as an error.
    pub fn read(document: &Document) -> std::result::Result<Schema, String> {
        let mut texts = Vec::new();
        document.texts(0, &mut texts)?;
        let parsed = parse_all(&texts)?;
        let mut graph = Graph::default();
        let mut root = None;
        for schema in &parsed {
            root = Some(graph.add(schema)?);
        }
        // The document itself comes last.
        let (Some(root), Some(main)) = (root, parsed.last()) else { return Err("there is no schema".to_owned()) };
        let fingerprint = fingerprint(main, &graph);
        let nothings = nothings(&graph.types);
        let mut schema = Schema { types: graph.types, root, fingerprint, nothings };
        default::encode_all(&mut schema, graph.defaults);
        Ok(schema)
    }

    /// Fails if a default is no value of its field. Of those that write data, libraries do not always check it, and nobody
    /// needs it.
    pub fn check_defaults(&self) -> Result<()> {
        let records = self.types.iter().filter_map(|ty| match &ty.wire {
            Wire::Record(named, fields) => Some((named, fields)),
            _ => None,
        });
        for (field, named) in records.flat_map(|(named, fields)| fields.iter().map(move |field| (field, named))) {
            if let Some(Err(reason)) = &field.default {
                let message = format!("the default of field {} of {} does not fit: {reason}", field.name, named.full);
                return Err(Error::argument("schema", message));
            }
        }
        Ok(())
    }

    /// The type of the schema as a whole.
    pub fn root(&self) -> TypeId {
        self.root
    }

    /// A type of the schema.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }

    /// The CRC-64-AVRO of the schema's canonical form.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether a value of the type takes no bytes, as far as one can tell: a record that contains itself always has none.
    pub fn is_nothing(&self, id: TypeId) -> bool {
        self.nothings[id.0]
    }

    /// What the type is beside null, if it is a union that only says that a value may be missing.
    pub fn nullable(&self, id: TypeId) -> Option<TypeId> {
        let Wire::Union(branches) = &self.get(id).wire else { return None };
        let is_null = |branch: &TypeId| matches!(self.get(*branch).wire, Wire::Null);
        match branches[..] {
            [null, some] | [some, null] if is_null(&null) && !is_null(&some) => Some(some),
            _ => None,
        }
    }

    /// The same, or the type itself.
    pub fn without_null(&self, id: TypeId) -> TypeId {
        self.nullable(id).unwrap_or(id)
    }

    /// The type's name in messages, and of a member that stands for a branch of a union.
    pub fn type_name(&self, id: TypeId) -> &str {
        match &self.get(id).wire {
            Wire::Null => "null",
            Wire::Boolean => "boolean",
            Wire::Int => "int",
            Wire::Long => "long",
            Wire::Float => "float",
            Wire::Double => "double",
            Wire::Bytes => "bytes",
            Wire::String => "string",
            Wire::Array(_) => "array",
            Wire::Map(_) => "map",
            Wire::Union(_) => "union",
            Wire::Fixed(named, _) | Wire::Enum(named, _) | Wire::Record(named, _) => named.short(),
        }
    }

    /// Gives a field what it is by default.
    pub(super) fn set_default(&mut self, record: TypeId, field: usize, value: std::result::Result<Vec<u8>, String>) {
        if let Wire::Record(_, fields) = &mut self.types[record.0].wire {
            fields[field].default = Some(value);
        }
    }
}

/// Which types have values that take no bytes. All are taken to until something in them does not.
fn nothings(types: &[Type]) -> Vec<bool> {
    let mut nothings = vec![true; types.len()];
    loop {
        let before = nothings.iter().filter(|is| **is).count();
        let mut look = |id: usize| {
            nothings[id] = match &types[id].wire {
                Wire::Null => true,
                Wire::Fixed(_, size) => *size == 0,
                Wire::Record(_, fields) => fields.iter().all(|field| nothings[field.ty.0]),
                _ => false,
            };
        };
        // Both ways, as a type may be defined before or behind those that it is made of.
        (0..types.len()).for_each(&mut look);
        (0..types.len()).rev().for_each(&mut look);
        if nothings.iter().filter(|is| **is).count() == before {
            return nothings;
        }
    }
}

/// Parses documents together, so that each knows the names of those before it.
fn parse_all(texts: &[&str]) -> std::result::Result<Vec<apache_avro::Schema>, String> {
    let mut fields = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let ty: Value = match serde_json::from_str(text) {
            Ok(ty) => ty,
            // A registry may have the name of a primitive type without its quotes.
            Err(_) if text.bytes().all(|byte| byte.is_ascii_lowercase()) && !text.is_empty() => json!(text),
            Err(error) => return Err(format!("it is no JSON: {error}")),
        };
        fields.push(json!({ "name": format!("document{index}"), "type": without_defaults(ty) }));
    }
    // A record has room for schemas of any kind, and lends them no namespace.
    let all = json!({ "type": "record", "name": "karrow__documents", "fields": fields });
    match apache_avro::Schema::parse(&all) {
        Ok(apache_avro::Schema::Record(all)) => Ok(all.fields.into_iter().map(|field| field.schema).collect()),
        Ok(_) => Err("it is no Avro schema".to_owned()),
        Err(error) => Err(format!("it is no Avro schema: {error}")),
    }
}

/// Where the default of a field is while apache-avro must not see it: it would refuse the schema for one that does not fit,
/// whoever needs it, and takes twice as long for each level of records that fill what is missing in others.
const DEFAULT: &str = "karrow.default";

/// The same schema with the defaults of its fields elsewhere.
fn without_defaults(schema: Value) -> Value {
    match schema {
        Value::Array(all) => Value::Array(all.into_iter().map(without_defaults).collect()),
        Value::Object(mut members) => {
            for name in ["type", "items", "values"] {
                if let Some(inner) = members.get_mut(name) {
                    *inner = without_defaults(inner.take());
                }
            }
            if let Some(Value::Array(fields)) = members.get_mut("fields") {
                for field in fields.iter_mut() {
                    *field = without_defaults(field.take());
                    if let Value::Object(field) = field
                        && let Some(default) = field.remove("default")
                    {
                        field.insert(DEFAULT.to_owned(), default);
                    }
                }
            }
            Value::Object(members)
        }
        name => name,
    }
}

/// The fingerprint of a schema as if its text held what it refers to.
fn fingerprint(main: &apache_avro::Schema, graph: &Graph<'_>) -> u64 {
    let mut whole = main.clone();
    let named: Vec<apache_avro::Schema> = graph.names.values().map(|(_, schema)| (*schema).clone()).collect();
    if whole.denormalize(&named).is_err() {
        // Everything that has a name is among `named`, or adding it to the graph would have failed.
        whole = main.clone();
    }
    // The canonical form knows no logical types, but apache-avro leaves traces of them in it.
    let plain = serde_json::to_value(&whole).ok().map(without_logical_types);
    let plain = plain.and_then(|plain| apache_avro::Schema::parse(&plain).ok()).unwrap_or(whole);
    let bytes = plain.fingerprint::<Rabin>().bytes;
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

/// The same schema, of types as they are on the wire.
fn without_logical_types(schema: Value) -> Value {
    match schema {
        Value::Array(all) => Value::Array(all.into_iter().map(without_logical_types).collect()),
        Value::Object(mut members) => {
            members.retain(|name, _| !["logicalType", "precision", "scale"].contains(&name.as_str()));
            for name in ["type", "items", "values", "fields"] {
                if let Some(inner) = members.get_mut(name) {
                    *inner = without_logical_types(inner.take());
                }
            }
            Value::Object(members)
        }
        name => name,
    }
}

/// A default that is still to be written as a datum.
pub struct PendingDefault<'p> {
    pub record: TypeId,
    pub field: usize,
    pub value: &'p Value,
}

#[derive(Default)]
struct Graph<'p> {
    types: Vec<Type>,
    names: HashMap<String, (TypeId, &'p apache_avro::Schema)>,
    aliases: HashMap<String, TypeId>,
    defaults: Vec<PendingDefault<'p>>,
}

impl<'p> Graph<'p> {
    /// The type that a parsed schema is. Recursion goes as deep as the text is nested, which serde_json limits.
    fn add(&mut self, schema: &'p apache_avro::Schema) -> std::result::Result<TypeId, String> {
        use apache_avro::Schema as S;
        if let S::Ref { name } = schema {
            return self.named(&name.fullname(None));
        }
        if let Some(name) = schema.name() {
            let name = name.fullname(None);
            if let Some((id, first)) = self.names.get(&name) {
                // apache-avro repeats a definition in some places where the text refers to it.
                if *first == schema {
                    return Ok(*id);
                }
                return Err(format!("there are two types {name}; a name stands for one type"));
            }
            // Known before what is inside it, which may refer to it.
            let id = self.push(Wire::Null, None);
            self.names.insert(name, (id, schema));
            for alias in Named::new(schema.name().ok_or("a named type has a name")?, schema.aliases()).aliases {
                self.aliases.entry(alias).or_insert(id);
            }
            self.types[id.0] = self.definition(schema, id)?;
            return Ok(id);
        }
        let ty = match schema {
            S::Array(array) => Type::plain(Wire::Array(self.add(&array.items)?)),
            S::Map(map) => Type::plain(Wire::Map(self.add(&map.types)?)),
            S::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.add(branch));
                Type::plain(Wire::Union(branches.collect::<std::result::Result<_, _>>()?))
            }
            other => unnamed(other)?,
        };
        Ok(self.push(ty.wire, ty.logical))
    }

    fn push(&mut self, wire: Wire, logical: Option<Logical>) -> TypeId {
        self.types.push(Type { wire, logical });
        TypeId(self.types.len() - 1)
    }

    fn named(&self, name: &str) -> std::result::Result<TypeId, String> {
        let known = self.names.get(name).map(|(id, _)| *id).or_else(|| self.aliases.get(name).copied());
        known.ok_or_else(|| format!("the type {name} is not defined; define it, or refer to the schema that does"))
    }

    /// A type that has a name.
    fn definition(&mut self, schema: &'p apache_avro::Schema, id: TypeId) -> std::result::Result<Type, String> {
        use apache_avro::Schema as S;
        let fixed =
            |fixed: &parsed::FixedSchema| Wire::Fixed(Named::new(&fixed.name, fixed.aliases.as_ref()), fixed.size);
        let (wire, logical) = match schema {
            S::Record(record) => {
                let mut fields = Vec::with_capacity(record.fields.len());
                for (index, field) in record.fields.iter().enumerate() {
                    let ty = self.add(&field.schema)?;
                    let (name, aliases) = (field.name.clone(), field.aliases.clone());
                    fields.push(Field { name, aliases, ty, default: None });
                    let pending = |value| PendingDefault { record: id, field: index, value };
                    self.defaults.extend(field.custom_attributes.get(DEFAULT).map(pending));
                }
                (Wire::Record(Named::new(&record.name, record.aliases.as_ref()), fields), None)
            }
            S::Enum(symbols) => {
                let of = |name: &String| symbols.symbols.iter().position(|symbol| symbol == name);
                let default = symbols.default.as_ref().and_then(of);
                let named = Named::new(&symbols.name, symbols.aliases.as_ref());
                (Wire::Enum(named, Symbols { names: symbols.symbols.clone(), default }), None)
            }
            S::Fixed(plain) => (fixed(plain), None),
            S::Decimal(DecimalSchema { precision, scale, inner: InnerDecimalSchema::Fixed(inner) }) => {
                (fixed(inner), Some(Logical::Decimal { precision: *precision, scale: *scale }))
            }
            S::Uuid(UuidSchema::Fixed(inner)) => (fixed(inner), Some(Logical::Uuid)),
            S::Duration(inner) => (fixed(inner), Some(Logical::Duration)),
            other => return Err(format!("{other} has a name, which no schema should have")),
        };
        Ok(Type { wire, logical })
    }
}

impl Type {
    fn plain(wire: Wire) -> Type {
        Type { wire, logical: None }
    }
}

/// A type that has no name and holds no others.
fn unnamed(schema: &apache_avro::Schema) -> std::result::Result<Type, String> {
    use apache_avro::Schema as S;
    let (wire, logical) = match schema {
        S::Null => (Wire::Null, None),
        S::Boolean => (Wire::Boolean, None),
        S::Int => (Wire::Int, None),
        S::Long => (Wire::Long, None),
        S::Float => (Wire::Float, None),
        S::Double => (Wire::Double, None),
        // A UUID of bytes is not in the specification, which wants logical types ignored that it does not know.
        S::Bytes | S::Uuid(UuidSchema::Bytes) => (Wire::Bytes, None),
        S::String => (Wire::String, None),
        S::Decimal(DecimalSchema { precision, scale, .. }) => {
            (Wire::Bytes, Some(Logical::Decimal { precision: *precision, scale: *scale }))
        }
        S::BigDecimal => (Wire::Bytes, Some(Logical::BigDecimal)),
        S::Uuid(_) => (Wire::String, Some(Logical::Uuid)),
        S::Date => (Wire::Int, Some(Logical::Date)),
        S::TimeMillis => (Wire::Int, Some(Logical::TimeMillis)),
        S::TimeMicros => (Wire::Long, Some(Logical::TimeMicros)),
        S::TimestampMillis => (Wire::Long, Some(Logical::Timestamp(TimeUnit::Millisecond))),
        S::TimestampMicros => (Wire::Long, Some(Logical::Timestamp(TimeUnit::Microsecond))),
        S::TimestampNanos => (Wire::Long, Some(Logical::Timestamp(TimeUnit::Nanosecond))),
        S::LocalTimestampMillis => (Wire::Long, Some(Logical::LocalTimestamp(TimeUnit::Millisecond))),
        S::LocalTimestampMicros => (Wire::Long, Some(Logical::LocalTimestamp(TimeUnit::Microsecond))),
        S::LocalTimestampNanos => (Wire::Long, Some(Logical::LocalTimestamp(TimeUnit::Nanosecond))),
        other => return Err(format!("{other} is no type that has no name")),
    };
    Ok(Type { wire, logical })
}
