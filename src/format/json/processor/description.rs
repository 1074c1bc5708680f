//! What a description says: the value language of Deephaven's `deephaven.json`, by its names.
//!
//! A value is an object with its kind as `type`, or short for one: the name of a kind, or of a type of Python, as a string; an
//! array of one value, for an array of such values; any other object, for an object of these fields.

use super::document::{self, Json};
use crate::error::{Error, Result};
use crate::format::json::kinds::{Constant, Kinds, What};
use crate::types;

/// What a value may be, and what becomes of it.
#[derive(Debug)]
pub enum Value {
    Scalar(Scalar),
    Skip(Kinds),
    Object(Object),
    Typed(Typed),
    Array { element: Box<Value>, parallel: bool, optional: Optional },
    Tuple { values: Vec<(String, Value)>, optional: Optional },
    Entries { key: Scalar, value: Box<Value>, parallel: bool, optional: Optional },
}

/// Whether a value may be missing, or null.
#[derive(Debug, Clone, Copy)]
pub struct Optional {
    pub missing: bool,
    pub null: bool,
}

/// A value that is one column.
#[derive(Debug)]
pub struct Scalar {
    pub what: What,
    pub allowed: Kinds,
    pub on_null: Option<Constant>,
    pub on_missing: Option<Constant>,
}

#[derive(Debug)]
pub struct Object {
    pub fields: Vec<Field>,
    pub allow_unknown: bool,
    pub optional: Optional,
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    pub name: String,
    pub aliases: Vec<String>,
    pub use_first: bool,
    pub case_sensitive: bool,
    pub value: Value,
}

/// An object whose first field says which others it has.
#[derive(Debug)]
pub struct Typed {
    pub type_field: String,
    pub shared: Vec<Field>,
    /// The name of a type, and the fields that it has beside the shared ones.
    pub types: Vec<(String, Object)>,
    pub allow_unknown: bool,
    /// The type's own column.
    pub column: Scalar,
    pub optional: Optional,
}

/// Reads a description.
pub fn read(text: &str) -> Result<Value> {
    document::with(text, |json| value(json, "", 0))
}

/// Something in the description is wrong, at a place.
fn wrong(at: &str, what: impl std::fmt::Display) -> Error {
    let place = if at.is_empty() { String::new() } else { format!("{at}: ") };
    Error::argument("description", format!("{place}{what}")).with_detail("pointer", at)
}

/// The place of a member, as a JSON Pointer.
fn inside(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The kinds, by what they are called as `type`.
const KINDS: [&str; 19] = [
    "object",
    "typed_object",
    "array",
    "tuple",
    "object_entries",
    "bool",
    "char",
    "byte",
    "short",
    "int",
    "long",
    "float",
    "double",
    "string",
    "instant",
    "big_integer",
    "big_decimal",
    "any",
    "skip",
];

/// The members of an object that says something. Which of them have been looked at is kept, so that none is passed over.
struct Members<'j, 't> {
    at: &'j str,
    members: &'j [(String, Json<'t>)],
    /// What it is, for messages.
    what: &'j str,
    known: Vec<&'static str>,
}

impl<'j, 't> Members<'j, 't> {
    fn take(&mut self, name: &'static str) -> Option<(String, &'j Json<'t>)> {
        self.known.push(name);
        let (name, json) = self.members.iter().find(|(known, _)| known == name)?;
        Some((inside(self.at, name), json))
    }

    fn required(&mut self, name: &'static str) -> Result<(String, &'j Json<'t>)> {
        let missing = wrong(self.at, format!("{} needs {name}", self.what));
        self.take(name).ok_or(missing)
    }

    fn bool(&mut self, name: &'static str, default: bool) -> Result<bool> {
        match self.take(name) {
            None => Ok(default),
            Some((_, Json::Bool(value))) => Ok(*value),
            Some((at, other)) => Err(wrong(&at, format!("expected true or false, found {}", name_of(other)))),
        }
    }

    /// Whether the second of two words is said; the first is the default.
    fn choice(&mut self, name: &'static str, words: [&str; 2]) -> Result<bool> {
        match self.take(name) {
            None => Ok(false),
            Some((_, Json::String(word))) if *word == words[0] => Ok(false),
            Some((_, Json::String(word))) if *word == words[1] => Ok(true),
            Some((at, _)) => Err(wrong(&at, format!("expected \"{}\" or \"{}\"", words[0], words[1]))),
        }
    }

    fn optional(&mut self) -> Result<Optional> {
        Ok(Optional { missing: self.bool("allow_missing", true)?, null: self.bool("allow_null", true)? })
    }

    /// Every member has been looked at.
    fn end(self) -> Result<()> {
        match self.members.iter().find(|(name, _)| !self.known.contains(&&**name)) {
            None => Ok(()),
            Some((name, _)) => {
                let known = self.known.join(", ");
                Err(wrong(&inside(self.at, name), format!("{} has no such option; it has {known}", self.what)))
            }
        }
    }
}

fn name_of(json: &Json<'_>) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// The value that a part of the description stands for.
fn value(json: &Json<'_>, at: &str, depth: usize) -> Result<Value> {
    value_with(json, at, depth, &[])
}

/// The same, which may have options beside its own.
fn value_with(json: &Json<'_>, at: &str, depth: usize, others: &[&'static str]) -> Result<Value> {
    if depth > types::MAX_DEPTH {
        let most = types::MAX_DEPTH;
        return Err(wrong(
            at,
            format!("values are nested more than {most} levels deep; any takes them as they are written"),
        ));
    }
    match json {
        Json::String(name) => short(name, at),
        Json::Array(items) => match &items[..] {
            [element] => {
                let element = Box::new(value(element, &inside(at, "0"), depth + 1)?);
                Ok(Value::Array { element, parallel: false, optional: Optional { missing: true, null: true } })
            }
            _ => {
                let found = items.len();
                Err(wrong(at, format!("an array of one value is short for an array of such values; it has {found}")))
            }
        },
        Json::Object(members) => match members.iter().find(|(name, _)| name == "type") {
            Some((_, Json::String(kind))) => {
                let Some(what) = KINDS.iter().find(|known| **known == kind) else {
                    let message = format!(
                        "there is no kind '{kind}'; use one of {}. An object with a field of the name type is written with \
                         \"type\": \"object\" and \"fields\", or this field as an object",
                        KINDS.join(", ")
                    );
                    return Err(wrong(&inside(at, "type"), message));
                };
                let mut known = vec!["type"];
                known.extend(others);
                long(Members { at, members, what, known }, depth)
            }
            _ => {
                let fields = fields(members, at, depth, &FieldDefaults { use_first: false, case_sensitive: true })?;
                check_names(&fields.iter().collect::<Vec<_>>(), at)?;
                let optional = Optional { missing: true, null: true };
                Ok(Value::Object(Object { fields, allow_unknown: true, optional }))
            }
        },
        other => {
            let message =
                format!("expected a value's description, an object, an array or a string, found {}", name_of(other));
            Err(wrong(at, message))
        }
    }
}

/// What a string stands for: a type of Python, or a kind by its name, where both differ the type.
fn short(name: &str, at: &str) -> Result<Value> {
    let what = match name {
        "str" | "string" => What::String,
        "int" | "long" => What::Long,
        "float" | "double" => What::Double,
        "bool" => What::Bool,
        "datetime" | "instant" => What::Instant,
        "object" | "any" => What::Any,
        "char" => What::Char,
        "byte" => What::Byte,
        "short" => What::Short,
        "big_integer" => What::BigInteger(None),
        "big_decimal" => What::BigDecimal(None),
        "skip" => return Ok(Value::Skip(ALL)),
        "typed_object" | "array" | "tuple" | "object_entries" => {
            let message = format!("{name} needs more than its name; write {{\"type\": \"{name}\", ...}}");
            return Err(wrong(at, message));
        }
        _ => {
            let message = format!(
                "there is no '{name}'; use str, int, float, bool, datetime, object, or a kind: {}",
                KINDS.join(", ")
            );
            return Err(wrong(at, message));
        }
    };
    let allowed = taken(what).and(Kinds::MISSING).and(Kinds::NULL);
    Ok(Value::Scalar(Scalar { what, allowed, on_null: None, on_missing: None }))
}

const ALL: Kinds = Kinds::MISSING
    .and(Kinds::NULL)
    .and(Kinds::INT)
    .and(Kinds::DECIMAL)
    .and(Kinds::STRING)
    .and(Kinds::BOOL)
    .and(Kinds::OBJECT)
    .and(Kinds::ARRAY);

/// What a scalar takes without being told to.
fn taken(what: What) -> Kinds {
    match what {
        What::Bool => Kinds::BOOL,
        What::Char | What::String | What::Instant => Kinds::STRING,
        What::Float | What::Double | What::BigDecimal(_) => Kinds::INT.and(Kinds::DECIMAL),
        What::Any => ALL,
        What::TypeName => Kinds::STRING.and(Kinds::INT),
        _ => Kinds::INT,
    }
}

/// What a scalar can be told to take.
fn options(what: What) -> &'static [(&'static str, Kinds)] {
    match what {
        What::Bool | What::Float | What::Double | What::BigDecimal(_) => &[("allow_string", Kinds::STRING)],
        What::Byte | What::Short | What::Int | What::Long | What::Epoch(_) | What::BigInteger(_) => {
            &[("allow_decimal", Kinds::DECIMAL), ("allow_string", Kinds::STRING)]
        }
        What::String => &[("allow_int", Kinds::INT), ("allow_decimal", Kinds::DECIMAL), ("allow_bool", Kinds::BOOL)],
        _ => &[],
    }
}

/// A value that says its kind.
fn long(mut members: Members<'_, '_>, depth: usize) -> Result<Value> {
    let kind = members.what;
    let value = match kind {
        "object" => Value::Object(object(&mut members, depth)?),
        "typed_object" => Value::Typed(typed(&mut members, depth)?),
        "array" => {
            let (at, element) = members.required("element")?;
            let element = Box::new(value(element, &at, depth + 1)?);
            let parallel = members.choice("columns", ["struct", "parallel"])?;
            Value::Array { element, parallel, optional: members.optional()? }
        }
        "tuple" => {
            let values = tuple(&mut members, depth)?;
            Value::Tuple { values, optional: members.optional()? }
        }
        "object_entries" => {
            let (at, of_entries) = members.required("value_type")?;
            let of_entries = Box::new(value(of_entries, &at, depth + 1)?);
            let key = key(&mut members, depth)?;
            let parallel = members.choice("columns", ["map", "parallel"])?;
            Value::Entries { key, value: of_entries, parallel, optional: members.optional()? }
        }
        "any" => Value::Scalar(Scalar { what: What::Any, allowed: ALL, on_null: None, on_missing: None }),
        "skip" => {
            let by_default = members.bool("allow_by_default", true)?;
            let mut allowed = Kinds::NONE;
            for (option, kind) in [
                ("allow_missing", Kinds::MISSING),
                ("allow_null", Kinds::NULL),
                ("allow_int", Kinds::INT),
                ("allow_decimal", Kinds::DECIMAL),
                ("allow_string", Kinds::STRING),
                ("allow_bool", Kinds::BOOL),
                ("allow_object", Kinds::OBJECT),
                ("allow_array", Kinds::ARRAY),
            ] {
                allowed = allowed.with(kind, members.bool(option, by_default)?);
            }
            Value::Skip(allowed)
        }
        scalar => {
            let what = what(scalar, &mut members)?;
            Value::Scalar(self::scalar(what, &mut members)?)
        }
    };
    members.end()?;
    Ok(value)
}

/// What a scalar's name and its options for types say.
fn what(kind: &str, members: &mut Members<'_, '_>) -> Result<What> {
    Ok(match kind {
        "bool" => What::Bool,
        "char" => What::Char,
        "byte" => What::Byte,
        "short" => What::Short,
        "int" => What::Int,
        "long" => What::Long,
        "float" => What::Float,
        "double" => What::Double,
        "string" => What::String,
        "instant" => match members.take("number_format") {
            None => What::Instant,
            Some((_, Json::String(unit))) if unit == "s" => What::Epoch(9),
            Some((_, Json::String(unit))) if unit == "ms" => What::Epoch(6),
            Some((_, Json::String(unit))) if unit == "us" => What::Epoch(3),
            Some((_, Json::String(unit))) if unit == "ns" => What::Epoch(0),
            Some((_, Json::Null)) => What::Instant,
            Some((at, _)) => return Err(wrong(&at, "expected \"s\", \"ms\", \"us\" or \"ns\"")),
        },
        "big_integer" => {
            let precision = digits(members, "precision", 1)?;
            What::BigInteger(precision.map(|(precision, _)| precision))
        }
        _ => {
            let precision = digits(members, "precision", 1)?;
            match (precision, digits(members, "scale", 0)?) {
                (Some((precision, _)), Some((scale, at))) if scale > precision => {
                    return Err(wrong(
                        &at,
                        format!("a scale of {scale} is more than the {precision} digits there are"),
                    ));
                }
                (Some((precision, _)), scale) => {
                    What::BigDecimal(Some((precision, scale.map_or(0, |(scale, _)| scale))))
                }
                (None, Some((_, at))) => return Err(wrong(&at, "a scale needs a precision")),
                (None, None) => What::BigDecimal(None),
            }
        }
    })
}

/// How many digits something has, and where that is said.
fn digits(members: &mut Members<'_, '_>, name: &'static str, least: u8) -> Result<Option<(u8, String)>> {
    const MOST: u8 = arrow_schema::DECIMAL256_MAX_PRECISION;
    let Some((at, json)) = members.take(name) else { return Ok(None) };
    let number = if let Json::Number(number) = json { number.parse().ok() } else { None };
    match number {
        Some(number) if (least..=MOST).contains(&number) => Ok(Some((number, at))),
        _ => Err(wrong(&at, format!("expected a whole number from {least} to {MOST}"))),
    }
}

fn scalar(what: What, members: &mut Members<'_, '_>) -> Result<Scalar> {
    let optional = members.optional()?;
    let mut allowed = taken(what).with(Kinds::MISSING, optional.missing).with(Kinds::NULL, optional.null);
    for (option, kind) in options(what) {
        allowed = allowed.with(*kind, members.bool(option, false)?);
    }
    let on_missing = constant(members, "on_missing", what, optional.missing)?;
    let on_null = constant(members, "on_null", what, optional.null)?;
    Ok(Scalar { what, allowed: allowed.and(taken(what)), on_null, on_missing })
}

/// A value that stands for null, or for one that is missing.
fn constant(
    members: &mut Members<'_, '_>,
    name: &'static str,
    what: What,
    is_allowed: bool,
) -> Result<Option<Constant>> {
    let Some((at, json)) = members.take(name) else { return Ok(None) };
    if !is_allowed {
        let option = name.replace("on_", "allow_");
        return Err(wrong(&at, format!("it is of no use, because {option} is false")));
    }
    let as_text = matches!(what, What::Instant | What::Epoch(_) | What::String | What::Char | What::TypeName);
    let as_both = matches!(what, What::Float | What::Double | What::BigInteger(_) | What::BigDecimal(_));
    let (kind, text) = match json {
        Json::Null => return Ok(None),
        Json::Bool(value) if what == What::Bool => (Kinds::BOOL, if *value { "true" } else { "false" }),
        Json::String(text) if as_text || as_both => (Kinds::STRING, &text[..]),
        Json::Number(number) if !as_text && taken(what).have(Kinds::of_number(number)) => {
            (Kinds::of_number(number), *number)
        }
        other => return Err(wrong(&at, format!("expected a value of {}, found {}", what.name(), name_of(other)))),
    };
    let constant = Constant::new(what, kind, text);
    Ok(Some(constant.map_err(|found| wrong(&at, format!("expected a value of {}, found {found}", what.name())))?))
}

/// What fields have unless they say otherwise.
struct FieldDefaults {
    use_first: bool,
    case_sensitive: bool,
}

fn object(members: &mut Members<'_, '_>, depth: usize) -> Result<Object> {
    let case_sensitive = members.bool("case_sensitive", true)?;
    let use_first = repeated(members, "repeated_field_behavior", false)?;
    let (at, json) = members.required("fields")?;
    let fields = fields(object_members(json, &at)?, &at, depth, &FieldDefaults { use_first, case_sensitive })?;
    check_names(&fields.iter().collect::<Vec<_>>(), &at)?;
    let allow_unknown = members.bool("allow_unknown_fields", true)?;
    Ok(Object { fields, allow_unknown, optional: members.optional()? })
}

fn object_members<'j, 't>(json: &'j Json<'t>, at: &str) -> Result<&'j [(String, Json<'t>)]> {
    match json {
        Json::Object(members) => Ok(members),
        other => Err(wrong(at, format!("expected an object, found {}", name_of(other)))),
    }
}

/// Whether of fields that come twice the first one counts.
fn repeated(members: &mut Members<'_, '_>, name: &'static str, default: bool) -> Result<bool> {
    match members.take(name) {
        None => Ok(default),
        Some((_, Json::String(behavior))) if behavior.eq_ignore_ascii_case("error") => Ok(false),
        Some((_, Json::String(behavior))) if behavior.eq_ignore_ascii_case("use_first") => Ok(true),
        Some((at, _)) => Err(wrong(&at, "expected \"error\" or \"use_first\"")),
    }
}

fn fields(members: &[(String, Json<'_>)], at: &str, depth: usize, defaults: &FieldDefaults) -> Result<Vec<Field>> {
    members.iter().map(|(name, json)| field(name, json, &inside(at, name), depth, defaults)).collect()
}

/// A field, whose options stand beside those of its value. An object's own `case_sensitive` is about its fields, so that as a
/// field it says `field_case_sensitive` instead.
fn field(name: &str, json: &Json<'_>, at: &str, depth: usize, defaults: &FieldDefaults) -> Result<Field> {
    let members: &[(String, Json<'_>)] = match json {
        Json::Object(members)
            if members.iter().any(|(name, kind)| name == "type" && matches!(kind, Json::String(_))) =>
        {
            members
        }
        _ => &[],
    };
    let is_object = members.iter().any(|(name, kind)| name == "type" && *kind == Json::String("object".to_owned()));
    let mut options = Members { at, members, what: "a field", known: Vec::new() };
    let case = if is_object { "field_case_sensitive" } else { "case_sensitive" };
    let case_sensitive = options.bool(case, defaults.case_sensitive)?;
    let use_first = repeated(&mut options, "repeated_behavior", defaults.use_first)?;
    let aliases = match options.take("aliases") {
        None => Vec::new(),
        Some((at, Json::Array(aliases))) => {
            let alias = |(index, alias): (usize, &Json<'_>)| match alias {
                Json::String(alias) => Ok(alias.clone()),
                other => Err(wrong(&format!("{at}/{index}"), format!("expected a string, found {}", name_of(other)))),
            };
            aliases.iter().enumerate().map(alias).collect::<Result<_>>()?
        }
        Some((at, other)) => return Err(wrong(&at, format!("expected an array of strings, found {}", name_of(other)))),
    };
    let value = value_with(json, at, depth + 1, &options.known)?;
    Ok(Field { name: name.to_owned(), aliases, use_first, case_sensitive, value })
}

/// No two fields can be meant by one name; if one of them takes its name in whatever case, none of the others' in another.
fn check_names(fields: &[&Field], at: &str) -> Result<()> {
    let exact = fields.iter().all(|field| field.case_sensitive);
    let mut known = hashbrown::HashMap::new();
    for field in fields {
        for name in std::iter::once(&field.name).chain(&field.aliases) {
            let counted = if exact { name.clone() } else { crate::format::json::fields::folded(name) };
            if let Some(earlier) = known.insert(counted, &field.name) {
                let message = format!("the name '{name}' also means the field {earlier}; each name means one field");
                return Err(wrong(&inside(at, &field.name), message));
            }
        }
    }
    Ok(())
}

fn typed(members: &mut Members<'_, '_>, depth: usize) -> Result<Typed> {
    let (at, json) = members.required("type_field")?;
    let Json::String(type_field) = json else {
        return Err(wrong(&at, format!("expected the name of a field, found {}", name_of(json))));
    };
    let defaults = FieldDefaults { use_first: false, case_sensitive: true };
    let shared = match members.take("shared_fields") {
        None => Vec::new(),
        Some((at, json)) => fields(object_members(json, &at)?, &at, depth, &defaults)?,
    };
    let (objects_at, json) = members.required("objects")?;
    let mut types = Vec::new();
    for (name, json) in object_members(json, &objects_at)? {
        let at = inside(&objects_at, name);
        let Value::Object(object) = value(json, &at, depth + 1)? else {
            return Err(wrong(&at, "expected an object: what fields there are of this type"));
        };
        let all: Vec<&Field> = shared.iter().chain(&object.fields).collect();
        check_all_names(&all, &at, type_field)?;
        types.push((name.clone(), object));
    }
    let allow_unknown = members.bool("allow_unknown_types", true)?;
    let column = scalar(What::TypeName, members)?;
    let have = |kind| column.allowed.have(kind);
    let optional = Optional { missing: have(Kinds::MISSING), null: have(Kinds::NULL) };
    Ok(Typed { type_field: type_field.clone(), shared, types, allow_unknown, column, optional })
}

/// The same for the fields of one type, none of which is the one that says the type.
fn check_all_names(fields: &[&Field], at: &str, type_field: &str) -> Result<()> {
    check_names(fields, at)?;
    match fields.iter().find(|field| field.name == type_field || field.aliases.iter().any(|alias| alias == type_field))
    {
        None => Ok(()),
        Some(_) => Err(wrong(at, format!("the name '{type_field}' already means the field that says the type"))),
    }
}

fn tuple(members: &mut Members<'_, '_>, depth: usize) -> Result<Vec<(String, Value)>> {
    let (at, json) = members.required("values")?;
    let named: Vec<(String, &Json<'_>)> = match json {
        Json::Array(values) => values.iter().enumerate().map(|(index, json)| (index.to_string(), json)).collect(),
        Json::Object(values) => values.iter().map(|(name, json)| (name.clone(), json)).collect(),
        other => {
            let message = format!("expected an array, or an object with a name for each, found {}", name_of(other));
            return Err(wrong(&at, message));
        }
    };
    if named.is_empty() {
        return Err(wrong(&at, "a tuple has at least one value"));
    }
    named.into_iter().map(|(name, json)| Ok((name.clone(), value(json, &inside(&at, &name), depth + 1)?))).collect()
}

/// What the keys of entries are: a string unless something else is said.
fn key(members: &mut Members<'_, '_>, depth: usize) -> Result<Scalar> {
    let Some((at, json)) = members.take("key_type") else {
        return Ok(Scalar { what: What::String, allowed: Kinds::STRING, on_null: None, on_missing: None });
    };
    match value(json, &at, depth + 1)? {
        Value::Scalar(key) if key.what != What::Any => {
            if !key.allowed.have(Kinds::STRING) {
                let message = format!("keys are strings; a key of {} needs \"allow_string\": true", key.what.name());
                return Err(wrong(&at, message));
            }
            Ok(key)
        }
        _ => Err(wrong(&at, "a key is one value, and not of any kind")),
    }
}
