//! What rules V1 to V3 say, written as plainly as possible, to compare object processors with.
//!
//! Nothing here is taken from the decoder: a description is read a second time, as a document is, and interpreted anew for
//! each value. What a value becomes is text, one for each column, so that everything can be compared. Property tests and the
//! fuzz target share it.

pub mod compare;
pub mod framing;
pub mod generate;
mod scalars;

use crate::document::{Kind, Node};

/// The value of one column: a text that tells it from all others of its type.
pub type Cell = String;

/// Why a document is refused; nobody compares the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

type Outcome<T> = Result<T, Refused>;

/// A value, or what stands for one.
#[derive(Clone, Copy)]
pub enum Input<'n, 'a> {
    Missing,
    Null,
    Value(&'n Node<'a>),
    /// The name of an entry.
    Text(&'n str),
}

/// What a description says, taken apart.
#[derive(Debug, Clone)]
pub enum Value {
    /// A kind by its name, and its options as they are written.
    Scalar(Scalar),
    Skip(Vec<&'static str>),
    Object {
        fields: Vec<Field>,
        allow_unknown: bool,
        optional: Optional,
    },
    Typed {
        type_field: String,
        shared: Vec<Field>,
        types: Vec<(String, Vec<Field>, bool)>,
        unknown: bool,
        column: Scalar,
    },
    Array {
        element: Box<Value>,
        parallel: bool,
        optional: Optional,
    },
    Tuple {
        values: Vec<(String, Value)>,
        optional: Optional,
    },
    Entries {
        key: Scalar,
        value: Box<Value>,
        parallel: bool,
        optional: Optional,
    },
}

#[derive(Debug, Clone)]
pub struct Scalar {
    kind: String,
    /// `int`, `decimal`, `string`, `bool`, `null`, `missing`.
    allowed: Vec<&'static str>,
    format: Option<String>,
    digits: Option<(usize, usize)>,
    on_null: Option<Cell>,
    on_missing: Option<Cell>,
}

#[derive(Debug, Clone)]
pub struct Field {
    names: Vec<String>,
    use_first: bool,
    case_sensitive: bool,
    value: Value,
}

#[derive(Debug, Clone, Copy)]
pub struct Optional {
    missing: bool,
    null: bool,
}

const NULL: &str = "null";

fn text<'n>(node: &'n Node<'_>) -> &'n str {
    match &node.kind {
        Kind::String(Some(text)) => text,
        _ => panic!("a description that is in order has a string here"),
    }
}

fn option(node: &Node<'_>, name: &str, default: bool) -> bool {
    node.member(name).map_or(default, |option| matches!(option.kind, Kind::Bool(true)))
}

fn optional(node: &Node<'_>) -> Optional {
    Optional { missing: option(node, "allow_missing", true), null: option(node, "allow_null", true) }
}

/// What a description that is in order says.
pub fn read(node: &Node<'_>) -> Value {
    match &node.kind {
        Kind::String(Some(short)) => match short.as_str() {
            "skip" => Value::Skip(KINDS.to_vec()),
            "str" => scalar("string", None),
            "int" => scalar("long", None),
            "float" => scalar("double", None),
            "datetime" => scalar("instant", None),
            "object" => scalar("any", None),
            kind => scalar(kind, None),
        },
        Kind::Array(items) => {
            let optional = Optional { missing: true, null: true };
            Value::Array { element: Box::new(read(&items[0])), parallel: false, optional }
        }
        Kind::Object(members) => match node.member("type").map(|kind| &kind.kind) {
            Some(Kind::String(Some(kind))) => read_kind(kind, node),
            _ => Value::Object {
                fields: fields(members, false, true),
                allow_unknown: true,
                optional: Optional { missing: true, null: true },
            },
        },
        other => panic!("{other:?} is no description"),
    }
}

const KINDS: [&str; 8] = ["missing", "null", "int", "decimal", "string", "bool", "object", "array"];

fn read_kind(kind: &str, node: &Node<'_>) -> Value {
    let member = |name: &str| node.member(name).expect("a description that is in order has this");
    let members = |name: &str| match node.member(name).map(|member| &member.kind) {
        Some(Kind::Object(members)) => &members[..],
        _ => &[],
    };
    let is = |name: &str, value: &str| node.member(name).is_some_and(|option| text(option) == value);
    let parallel = is("columns", "parallel");
    match kind {
        "object" => {
            let use_first =
                node.member("repeated_field_behavior").is_some_and(|b| text(b).eq_ignore_ascii_case("use_first"));
            Value::Object {
                fields: fields(members("fields"), use_first, option(node, "case_sensitive", true)),
                allow_unknown: option(node, "allow_unknown_fields", true),
                optional: optional(node),
            }
        }
        "typed_object" => Value::Typed {
            type_field: text(member("type_field")).to_owned(),
            shared: fields(members("shared_fields"), false, true),
            types: members("objects")
                .iter()
                .map(|(name, object)| {
                    let Value::Object { fields, allow_unknown, .. } = read(object) else {
                        panic!("a type is an object")
                    };
                    (name.clone().expect("a name"), fields, allow_unknown)
                })
                .collect(),
            unknown: option(node, "allow_unknown_types", true),
            column: scalar_of("type name", Some(node)),
        },
        "array" => Value::Array { element: Box::new(read(member("element"))), parallel, optional: optional(node) },
        "tuple" => Value::Tuple {
            values: match &member("values").kind {
                Kind::Array(items) => items.iter().enumerate().map(|(i, item)| (i.to_string(), read(item))).collect(),
                Kind::Object(named) => {
                    named.iter().map(|(name, item)| (name.clone().expect("a name"), read(item))).collect()
                }
                other => panic!("{other:?} are no values"),
            },
            optional: optional(node),
        },
        "object_entries" => Value::Entries {
            key: match node.member("key_type").map(read) {
                Some(Value::Scalar(key)) => key,
                _ => scalar_of("string", None),
            },
            value: Box::new(read(member("value_type"))),
            parallel,
            optional: optional(node),
        },
        "skip" => {
            let default = option(node, "allow_by_default", true);
            Value::Skip(KINDS.into_iter().filter(|kind| option(node, &format!("allow_{kind}"), default)).collect())
        }
        kind => scalar(kind, Some(node)),
    }
}

fn fields(members: &[(Option<String>, Node<'_>)], use_first: bool, case_sensitive: bool) -> Vec<Field> {
    let field = |(name, node): &(Option<String>, Node<'_>)| {
        let own = node.member("type").filter(|kind| matches!(kind.kind, Kind::String(_)));
        let said = |name: &str| own.and_then(|_| node.member(name));
        let is_object = own.is_some_and(|kind| text(kind) == "object");
        let mut names = vec![name.clone().expect("a name")];
        if let Some(Kind::Array(aliases)) = said("aliases").map(|aliases| &aliases.kind) {
            names.extend(aliases.iter().map(|alias| text(alias).to_owned()));
        }
        let case = said(if is_object { "field_case_sensitive" } else { "case_sensitive" });
        Field {
            names,
            use_first: said("repeated_behavior").map_or(use_first, |b| text(b).eq_ignore_ascii_case("use_first")),
            case_sensitive: case.map_or(case_sensitive, |case| matches!(case.kind, Kind::Bool(true))),
            value: read(node),
        }
    };
    members.iter().map(field).collect()
}

fn scalar(kind: &str, node: Option<&Node<'_>>) -> Value {
    Value::Scalar(scalar_of(kind, node))
}

fn scalar_of(kind: &str, node: Option<&Node<'_>>) -> Scalar {
    let mut allowed = match kind {
        "bool" => vec!["bool"],
        "char" | "string" => vec!["string"],
        "float" | "double" | "big_decimal" => vec!["int", "decimal"],
        "type name" => vec!["string", "int"],
        "any" => KINDS.to_vec(),
        _ => vec!["int"],
    };
    let format = node.and_then(|node| node.member("number_format")).and_then(|format| match &format.kind {
        Kind::String(format) => format.clone(),
        _ => None,
    });
    if kind == "instant" && format.is_none() {
        allowed = vec!["string"];
    }
    for kind in ["int", "decimal", "string", "bool"] {
        if node.is_some_and(|node| option(node, &format!("allow_{kind}"), false)) {
            allowed.push(kind);
        }
    }
    for kind in ["missing", "null"] {
        if node.is_none_or(|node| option(node, &format!("allow_{kind}"), true)) {
            allowed.push(kind);
        }
    }
    let number =
        |name: &str| node.and_then(|node| node.member(name)).map(|number| number.text.parse::<usize>().unwrap());
    let digits = number("precision").map(|precision| (precision, number("scale").unwrap_or(0)));
    let mut scalar = Scalar { kind: kind.to_owned(), allowed, format, digits, on_null: None, on_missing: None };
    let constant = |name: &str| {
        let constant = node?.member(name).filter(|constant| !matches!(constant.kind, Kind::Null))?;
        // A constant has to be in order, whatever values may be; an instant is text.
        let mut lenient = scalar.clone();
        lenient.allowed = vec!["int", "decimal", "bool", "string"];
        lenient.format = None;
        Some(lenient.value(Input::Value(constant)).expect("a constant is in order"))
    };
    let (on_null, on_missing) = (constant("on_null"), constant("on_missing"));
    (scalar.on_null, scalar.on_missing) = (on_null, on_missing);
    scalar
}

/// The kind of a value.
fn kind_of(node: &Node<'_>) -> &'static str {
    match &node.kind {
        Kind::Null => "null",
        Kind::Bool(_) => "bool",
        Kind::Number if node.text.contains(['.', 'e', 'E']) => "decimal",
        Kind::Number => "int",
        Kind::String(_) => "string",
        Kind::Array(_) => "array",
        Kind::Object(_) => "object",
    }
}

impl Value {
    /// The columns, by path and without a name for what has none.
    pub fn columns(&self) -> Vec<Vec<String>> {
        let inside = |name: &str, value: &Value| {
            let mut paths = value.columns();
            paths.iter_mut().for_each(|path| path.insert(0, name.to_owned()));
            paths
        };
        let of_fields = |fields: &[Field]| -> Vec<Vec<String>> {
            fields.iter().flat_map(|field| inside(&field.names[0], &field.value)).collect()
        };
        match self {
            Value::Scalar(_) => vec![vec![]],
            Value::Skip(_) => vec![],
            Value::Object { fields, .. } => of_fields(fields),
            Value::Typed { type_field, shared, types, .. } => {
                let mut paths = vec![vec![type_field.clone()]];
                paths.extend(of_fields(shared));
                for (name, fields, _) in types {
                    let mut own = of_fields(fields);
                    own.iter_mut().for_each(|path| path.insert(0, name.clone()));
                    paths.extend(own);
                }
                paths
            }
            Value::Tuple { values, .. } if values.len() == 1 => values[0].1.columns(),
            Value::Tuple { values, .. } => values.iter().flat_map(|(name, value)| inside(name, value)).collect(),
            Value::Array { element, parallel, .. } => match element.columns() {
                paths if *parallel || paths.is_empty() => paths,
                _ => vec![vec![]],
            },
            Value::Entries { value, parallel, .. } => match value.columns() {
                mut paths if *parallel || paths.is_empty() => {
                    if paths == [Vec::<String>::new()] {
                        paths = vec![vec!["Value".to_owned()]];
                    }
                    paths.insert(0, vec!["Key".to_owned()]);
                    paths
                }
                _ => vec![vec![]],
            },
        }
    }

    /// What becomes of a value: a cell for each column.
    pub fn cells(&self, input: Input<'_, '_>) -> Outcome<Vec<Cell>> {
        let nulls = || vec![NULL.to_owned(); self.columns().len()];
        let may_lack = |optional: &Optional| match input {
            Input::Missing => Some(optional.missing),
            Input::Null => Some(optional.null),
            Input::Value(node) => matches!(node.kind, Kind::Null).then_some(optional.null),
            Input::Text(_) => None,
        };
        let node = match input {
            Input::Value(node) => Some(node),
            _ => None,
        };
        match self {
            Value::Scalar(scalar) => Ok(vec![scalar.value(input)?]),
            Value::Skip(allowed) => {
                let kind = match input {
                    Input::Missing => "missing",
                    Input::Null => "null",
                    Input::Value(node) => kind_of(node),
                    Input::Text(_) => "string",
                };
                if allowed.contains(&kind) { Ok(vec![]) } else { Err(Refused) }
            }
            Value::Object { fields, allow_unknown, optional } => match may_lack(optional) {
                Some(false) => Err(Refused),
                Some(true) => {
                    let inside = if matches!(input, Input::Missing) { Input::Missing } else { Input::Null };
                    let cells = fields.iter().map(|field| field.value.cells(inside));
                    Ok(cells.collect::<Outcome<Vec<_>>>()?.concat())
                }
                None => match node.map(|node| &node.kind) {
                    Some(Kind::Object(members)) => of_members(fields, members, *allow_unknown),
                    _ => Err(Refused),
                },
            },
            Value::Typed { type_field, shared, types, unknown, column } => {
                let optional =
                    Optional { missing: column.allowed.contains(&"missing"), null: column.allowed.contains(&"null") };
                let mut cells = nulls();
                match may_lack(&optional) {
                    Some(false) => return Err(Refused),
                    Some(true) => {
                        cells[0] = column.value(if matches!(input, Input::Missing) { input } else { Input::Null })?;
                        return Ok(cells);
                    }
                    None => {}
                }
                let Some(Kind::Object(members)) = node.map(|node| &node.kind) else { return Err(Refused) };
                let Some(((name, of_type), members)) = members.split_first() else { return Err(Refused) };
                if name.as_ref() != Some(type_field) {
                    return Err(Refused);
                }
                cells[0] = column.value(Input::Value(of_type))?;
                let name = match &of_type.kind {
                    Kind::String(name) => name.as_deref(),
                    Kind::Number => Some(of_type.text),
                    _ => None,
                };
                let known = types.iter().position(|(known, ..)| Some(&known[..]) == name);
                let Some(known) = known else {
                    return if *unknown { Ok(cells) } else { Err(Refused) };
                };
                let count = |fields: &[Field]| fields.iter().map(|field| field.value.columns().len()).sum::<usize>();
                let (_, own, allow_unknown) = &types[known];
                let all: Vec<Field> = shared.iter().chain(own).cloned().collect();
                let read = of_members(&all, members, *allow_unknown)?;
                let (of_shared, of_own) = read.split_at(count(shared));
                let first =
                    1 + count(shared) + types[..known].iter().map(|(_, fields, _)| count(fields)).sum::<usize>();
                cells[1..=of_shared.len()].clone_from_slice(of_shared);
                cells[first..first + of_own.len()].clone_from_slice(of_own);
                Ok(cells)
            }
            Value::Tuple { values, optional } => match may_lack(optional) {
                Some(false) => Err(Refused),
                Some(true) => {
                    let inside = if matches!(input, Input::Missing) { Input::Missing } else { Input::Null };
                    Ok(values.iter().map(|(_, value)| value.cells(inside)).collect::<Outcome<Vec<_>>>()?.concat())
                }
                None => match node.map(|node| &node.kind) {
                    Some(Kind::Array(items)) if items.len() == values.len() => {
                        let cells = values.iter().zip(items).map(|((_, value), item)| value.cells(Input::Value(item)));
                        Ok(cells.collect::<Outcome<Vec<_>>>()?.concat())
                    }
                    _ => Err(Refused),
                },
            },
            Value::Array { element, parallel, optional } => match may_lack(optional) {
                Some(false) => Err(Refused),
                Some(true) => Ok(nulls()),
                None => {
                    let Some(Kind::Array(items)) = node.map(|node| &node.kind) else { return Err(Refused) };
                    let rows = items.iter().map(|item| element.row(item)).collect::<Outcome<Vec<_>>>()?;
                    let paths = element.columns();
                    if *parallel || paths.is_empty() {
                        return Ok(transposed(&rows, paths.len()));
                    }
                    Ok(vec![list(rows.iter().zip(items).map(|(row, item)| element.one(row, item)))])
                }
            },
            Value::Entries { key, value, parallel, optional } => match may_lack(optional) {
                Some(false) => Err(Refused),
                Some(true) => Ok(nulls()),
                None => {
                    let Some(Kind::Object(members)) = node.map(|node| &node.kind) else { return Err(Refused) };
                    let mut keys = Vec::new();
                    let mut rows = Vec::new();
                    for (name, node) in members {
                        // No key is null, whatever its text says.
                        let key = key.value(Input::Text(name.as_deref().ok_or(Refused)?));
                        keys.push(key.ok().filter(|key| key != NULL).ok_or(Refused)?);
                        rows.push(value.row(node)?);
                    }
                    let paths = value.columns();
                    if *parallel || paths.is_empty() {
                        let mut cells = vec![list(keys)];
                        cells.extend(transposed(&rows, paths.len()));
                        return Ok(cells);
                    }
                    if (1..keys.len()).any(|index| keys[..index].contains(&keys[index])) {
                        return Err(Refused);
                    }
                    let values = rows.iter().zip(members).map(|(row, (_, node))| value.one(row, node));
                    Ok(vec![list(keys.iter().zip(values).map(|(key, value)| format!("{key}=>{value}")))])
                }
            },
        }
    }

    fn row(&self, node: &Node<'_>) -> Outcome<Vec<Cell>> {
        self.cells(Input::Value(node))
    }

    /// A row of what is inside an array as one cell.
    fn one(&self, row: &[Cell], node: &Node<'_>) -> Cell {
        let is_plain = self.columns() == [Vec::<String>::new()];
        match row {
            [cell] if is_plain => cell.clone(),
            _ if matches!(node.kind, Kind::Null) && row.iter().all(|cell| cell == NULL) => NULL.to_owned(),
            _ => format!("{{{}}}", row.join(";")),
        }
    }
}

/// A name without its case, as Java compares characters: those that would become several stay as they are.
fn folded(name: &str) -> String {
    let single = |character: char, others: Vec<char>| if let [other] = others[..] { other } else { character };
    let upper = name.chars().map(|character| single(character, character.to_uppercase().collect()));
    upper.map(|character| single(character, character.to_lowercase().collect())).collect()
}

fn list(items: impl IntoIterator<Item = Cell>) -> Cell {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

fn transposed(rows: &[Vec<Cell>], columns: usize) -> Vec<Cell> {
    (0..columns).map(|column| list(rows.iter().map(|row| row[column].clone()))).collect()
}

/// The cells of fields, from members in any order.
fn of_members(fields: &[Field], members: &[(Option<String>, Node<'_>)], allow_unknown: bool) -> Outcome<Vec<Cell>> {
    let mut cells: Vec<Option<Vec<Cell>>> = vec![None; fields.len()];
    for (name, node) in members {
        let means = |field: &Field| {
            field.names.iter().any(|known| match name {
                None => false,
                Some(name) if field.case_sensitive => known == name,
                Some(name) => folded(known) == folded(name),
            })
        };
        match fields.iter().position(means) {
            None if allow_unknown => {}
            None => return Err(Refused),
            Some(index) if cells[index].is_some() && fields[index].use_first => {}
            Some(index) if cells[index].is_some() => return Err(Refused),
            Some(index) => cells[index] = Some(fields[index].value.cells(Input::Value(node))?),
        }
    }
    let all =
        fields.iter().zip(cells).map(|(field, cells)| cells.map_or_else(|| field.value.cells(Input::Missing), Ok));
    Ok(all.collect::<Outcome<Vec<_>>>()?.concat())
}
