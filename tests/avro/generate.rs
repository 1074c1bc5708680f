//! Cases from bytes: a writer's schema, a reader's that has come of it, and data.

use std::collections::HashMap;

use apache_avro::types::Value;
use serde_json::{Value as Json, json};

use super::types::{FixedLogical, Ty, TyField};

/// What is decoded, and how.
#[derive(Debug, Clone)]
pub struct Case {
    pub writer: Ty,
    /// The writer's schema with the names that the reader's aliases give to its fields.
    pub aliased: Ty,
    pub reader: Ty,
    /// Whether the two do not fit, whatever the data are.
    pub is_broken: bool,
    pub framing: Framing,
    pub structs: bool,
    pub dense_unions: bool,
    pub dictionaries: bool,
    pub values: Vec<Value>,
    /// What is done to the bytes of a datum, by the place of the value.
    pub mutations: Vec<(usize, Mutation)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Framing {
    Confluent,
    Bare,
    SingleObject,
}

#[derive(Debug, Clone)]
pub enum Mutation {
    Cut(usize),
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize),
}

impl Mutation {
    /// The datum, spoiled, or not after all.
    pub fn apply(&self, datum: &[u8]) -> Vec<u8> {
        let mut datum = datum.to_vec();
        let length = datum.len();
        match self {
            Mutation::Cut(at) => datum.truncate(at % (length + 1)),
            Mutation::Set(at, byte) if length > 0 => datum[at % length] = *byte,
            Mutation::Remove(at) if length > 0 => drop(datum.remove(at % length)),
            Mutation::Set(..) | Mutation::Remove(_) => {}
            Mutation::Insert(at, bytes) => {
                let at = at % (length + 1);
                datum.splice(at..at, bytes.iter().copied());
            }
        }
        datum
    }
}

/// The case that these bytes stand for. Where they end, zeros follow.
pub fn case(bytes: &[u8]) -> Case {
    let mut source = Source { bytes, at: 0, names: 0, named: Vec::new() };
    let framing = [Framing::Confluent, Framing::Bare, Framing::SingleObject][source.below(3)];
    let (structs, dense_unions, dictionaries) = (source.flip(), source.flip(), source.flip());
    let writer = source.record(0);
    let mut evolution = Evolution { source: &mut source, done: HashMap::new(), is_broken: false };
    let (reader, aliased) = evolution.evolve_itself(&writer, Inside::Record);
    let is_broken = evolution.is_broken;
    let values: Vec<Value> = (0..1 + source.below(4)).map(|_| source.value(&writer)).collect();
    let mutations = (0..source.below(8)).map(|_| (source.below(values.len()), source.mutation())).collect();
    Case { writer, aliased, reader, is_broken, framing, structs, dense_unions, dictionaries, values, mutations }
}

struct Source<'b> {
    bytes: &'b [u8],
    at: usize,
    /// How many names have been given.
    names: usize,
    /// Types that have a name, and may be mentioned again.
    named: Vec<Ty>,
}

const LONGS: [&str; 7] = [
    "timestamp-millis",
    "timestamp-micros",
    "timestamp-nanos",
    "local-timestamp-millis",
    "local-timestamp-micros",
    "local-timestamp-nanos",
    "time-micros",
];

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn new_name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// A type, inside so many others.
    fn ty(&mut self, depth: usize) -> Ty {
        match self.below(if depth >= 3 { 11 } else { 18 }) {
            0 => Ty::Int([None, Some("date"), Some("time-millis")][self.below(3)]),
            1 => Ty::Long(if self.flip() { None } else { Some(LONGS[self.below(LONGS.len())]) }),
            2 => Ty::String { is_uuid: self.below(4) == 3 },
            3 => Ty::Double,
            4 => Ty::Boolean,
            5 => Ty::Bytes(if self.flip() { Some(self.digits(76)) } else { None }),
            6 => Ty::Float,
            7 => self.enumeration(),
            8 => self.fixed(),
            9 => Ty::Null,
            10 => match self.below(self.named.len() + 1) {
                0 => Ty::Long(None),
                place => self.named[place - 1].clone(),
            },
            11 | 12 => Ty::Array(Box::new(self.ty(depth + 1))),
            13 => Ty::Map(Box::new(self.ty(depth + 1))),
            14 | 15 => self.nullable(depth),
            16 => self.union(depth),
            _ => self.record(depth + 1),
        }
    }

    fn digits(&mut self, most: u8) -> (u8, u8) {
        let precision = 1 + self.byte() % most;
        (precision, self.byte() % (precision + 1))
    }

    fn enumeration(&mut self) -> Ty {
        let name = self.new_name("E");
        let symbols: Vec<String> = (0..1 + self.below(4)).map(|number| format!("S{number}")).collect();
        let default = self.flip().then(|| symbols[0].clone());
        let ty = Ty::Enum { name, symbols, default };
        self.named.push(ty.clone());
        ty
    }

    fn fixed(&mut self) -> Ty {
        let name = self.new_name("F");
        let (size, logical) = match self.below(6) {
            0 => (16, Some(FixedLogical::Uuid)),
            1 => (12, Some(FixedLogical::Duration)),
            2 => {
                let (precision, scale) = self.digits(38);
                (17, Some(FixedLogical::Decimal(precision, scale)))
            }
            3 => (0, None),
            _ => (1 + self.below(20), None),
        };
        let ty = Ty::Fixed { name, size, logical };
        self.named.push(ty.clone());
        ty
    }

    fn nullable(&mut self, depth: usize) -> Ty {
        match self.ty(depth + 1) {
            union @ Ty::Union(_) => union,
            Ty::Null => Ty::Null,
            some if self.flip() => Ty::Union(vec![Ty::Null, some]),
            some => Ty::Union(vec![some, Ty::Null]),
        }
    }

    /// Branches whose values cannot be taken for each other's, whichever of them a reader lacks.
    fn union(&mut self, depth: usize) -> Ty {
        let mut branches: Vec<Ty> = Vec::new();
        for _ in 0..2 + self.below(3) {
            let branch = self.ty(depth + 1);
            let group = |ty: &Ty| match ty {
                Ty::Null => 0,
                Ty::Boolean => 1,
                Ty::Int(_) | Ty::Long(_) | Ty::Float | Ty::Double => 2,
                Ty::String { .. } | Ty::Bytes(_) | Ty::Fixed { .. } | Ty::Enum { .. } | Ty::Array(_) => 3,
                Ty::Map(_) | Ty::Record { .. } => 4,
                Ty::Union(_) => 5,
            };
            if group(&branch) != 5 && !branches.iter().any(|other| group(other) == group(&branch)) {
                branches.push(branch);
            }
        }
        if branches.is_empty() { Ty::Null } else { Ty::Union(branches) }
    }

    fn record(&mut self, depth: usize) -> Ty {
        let name = self.new_name("R");
        // One without fields has no columns, and then nobody looks at what it is.
        let names: Vec<String> = (0..1 + self.below(5)).map(|number| format!("f{number}")).collect();
        let field = |name| TyField { name, aliases: Vec::new(), ty: self.ty(depth), default: None };
        let fields = names.into_iter().map(field).collect();
        let ty = Ty::Record { name, fields };
        self.named.push(ty.clone());
        ty
    }

    /// A value of the type, as apache-avro has it without logical types.
    fn value(&mut self, ty: &Ty) -> Value {
        match ty {
            Ty::Null => Value::Null,
            Ty::Boolean => Value::Boolean(self.flip()),
            Ty::Int(_) => Value::Int(match self.below(6) {
                0 => 0,
                1 => i32::MIN,
                2 => i32::MAX,
                3 => i32::from(self.byte().cast_signed()),
                _ => i32::from_le_bytes(self.array()),
            }),
            Ty::Long(_) => Value::Long(match self.below(7) {
                0 => 0,
                1 => i64::MIN,
                2 => i64::MAX,
                3 => i64::from(self.byte().cast_signed()),
                4 => i64::from(i32::from_le_bytes(self.array())),
                _ => i64::from_le_bytes(self.array()),
            }),
            Ty::Float => Value::Float(f32::from_bits(u32::from_le_bytes(self.array()))),
            Ty::Double => Value::Double(f64::from_bits(u64::from_le_bytes(self.array()))),
            Ty::Bytes(Some((precision, _))) => Value::Bytes(self.decimal(*precision)),
            Ty::Bytes(None) => Value::Bytes(self.bytes_value()),
            Ty::String { is_uuid: true } => {
                Value::String(apache_avro::Uuid::from_bytes(self.array()).hyphenated().to_string())
            }
            Ty::String { is_uuid: false } => Value::String(self.text()),
            Ty::Fixed { size, logical: Some(FixedLogical::Decimal(precision, _)), .. } => {
                let digits = self.decimal(*precision);
                let sign = if digits[0] >= 0x80 { 0xff } else { 0 };
                let mut bytes = vec![sign; size - digits.len()];
                bytes.extend(digits);
                Value::Fixed(*size, bytes)
            }
            Ty::Fixed { size, .. } => Value::Fixed(*size, (0..*size).map(|_| self.byte()).collect()),
            Ty::Enum { symbols, .. } => {
                let number = self.below(symbols.len());
                Value::Enum(number as u32, symbols[number].clone())
            }
            Ty::Array(item) => Value::Array((0..self.below(4)).map(|_| self.value(item)).collect()),
            Ty::Map(of) => Value::Map((0..self.below(4)).map(|_| (self.text(), self.value(of))).collect()),
            Ty::Union(branches) => {
                let number = self.below(branches.len());
                Value::Union(number as u32, Box::new(self.value(&branches[number])))
            }
            Ty::Record { fields, .. } => {
                Value::Record(fields.iter().map(|field| (field.name.clone(), self.value(&field.ty))).collect())
            }
        }
    }

    /// A number of so many digits, with a byte in front that it would not need, or without.
    fn decimal(&mut self, precision: u8) -> Vec<u8> {
        let digits: String =
            (0..1 + self.below(precision.into())).map(|_| char::from(b'0' + self.byte() % 10)).collect();
        let number: num_bigint::BigInt = digits.parse().unwrap();
        let number = if self.flip() { -number } else { number };
        let mut bytes = number.to_signed_bytes_be();
        if bytes.len() < 17 && self.flip() {
            bytes.insert(0, if bytes[0] >= 0x80 { 0xff } else { 0 });
        }
        bytes
    }

    fn bytes_value(&mut self) -> Vec<u8> {
        (0..self.below(6)).map(|_| self.byte()).collect()
    }

    fn text(&mut self) -> String {
        (0..self.below(6)).map(|_| ['a', 'B', '7', 'é', '\u{0}', '𝄞', ' '][self.below(7)]).collect()
    }

    fn mutation(&mut self) -> Mutation {
        let at = usize::from(u16::from_le_bytes(self.array()));
        match self.below(5) {
            0 => Mutation::Cut(at),
            1 => Mutation::Set(at, self.byte()),
            2 => Mutation::Remove(at),
            3 => Mutation::Insert(at, self.bytes_value()),
            // A large number.
            _ => Mutation::Insert(at, vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, self.byte()]),
        }
    }
}

/// Makes a reader's schema of a writer's.
struct Evolution<'s, 'b> {
    source: &'s mut Source<'b>,
    /// What has become of types with a name: the same wherever they are.
    done: HashMap<String, (Ty, Ty)>,
    is_broken: bool,
}

/// Where a type is, which limits what it may become.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Record,
    Collection,
    Union,
}

impl Evolution<'_, '_> {
    /// The reader's type, and the writer's with the reader's names.
    fn evolve(&mut self, ty: &Ty, inside: Inside) -> (Ty, Ty) {
        let (read, aliased) = self.evolve_itself(ty, inside);
        let wraps = inside != Inside::Union && !matches!(read, Ty::Union(_) | Ty::Null);
        match self.source.below(8) {
            1 if wraps => (Ty::Union(vec![Ty::Null, read]), aliased),
            2 if wraps => (Ty::Union(vec![read, Ty::Null]), aliased),
            _ => (read, aliased),
        }
    }

    fn evolve_itself(&mut self, ty: &Ty, inside: Inside) -> (Ty, Ty) {
        if let Some(done) = ty.name().and_then(|name| self.done.get(name)) {
            return done.clone();
        }
        let way = self.source.below(8);
        match ty {
            Ty::Int(None) => (
                match way {
                    1 => Ty::Long(None),
                    2 => Ty::Float,
                    3 => Ty::Double,
                    4 => Ty::Long(Some("timestamp-micros")),
                    5 => Ty::Int(Some("date")),
                    _ => ty.clone(),
                },
                ty.clone(),
            ),
            Ty::Int(Some(_)) if way == 1 => (Ty::Int(None), ty.clone()),
            Ty::Int(Some(_)) if way == 2 => (Ty::Double, ty.clone()),
            Ty::Long(None) => (
                match way {
                    1 => Ty::Float,
                    2 => Ty::Double,
                    3 => Ty::Long(Some("timestamp-millis")),
                    _ => ty.clone(),
                },
                ty.clone(),
            ),
            Ty::Long(Some(_)) if way == 1 => (Ty::Long(None), ty.clone()),
            Ty::Float if way == 1 => (Ty::Double, ty.clone()),
            Ty::String { is_uuid: false } if way == 1 && inside != Inside::Union => (Ty::Bytes(None), ty.clone()),
            Ty::String { is_uuid: true } if way == 1 => (Ty::String { is_uuid: false }, ty.clone()),
            Ty::Bytes(None) if way == 1 && inside != Inside::Union => (Ty::String { is_uuid: false }, ty.clone()),
            Ty::Bytes(Some(_)) if way == 1 => (Ty::Bytes(None), ty.clone()),
            Ty::Enum { name, symbols, .. } => {
                let mut read = symbols.clone();
                if way >= 4 {
                    let by = way % read.len();
                    read.rotate_left(by);
                }
                if way == 2 && read.len() > 1 {
                    read.pop();
                }
                if way == 3 {
                    read.insert(0, "New".to_owned());
                }
                let default = self.source.flip().then(|| read[0].clone());
                let done = (Ty::Enum { name: name.clone(), symbols: read, default }, ty.clone());
                self.done.insert(name.clone(), done.clone());
                done
            }
            Ty::Fixed { name, size, .. } if way == 1 => {
                let done = (Ty::Fixed { name: name.clone(), size: *size, logical: None }, ty.clone());
                self.done.insert(name.clone(), done.clone());
                done
            }
            Ty::Array(item) => {
                let (read, aliased) = self.evolve(item, Inside::Collection);
                (Ty::Array(Box::new(read)), Ty::Array(Box::new(aliased)))
            }
            Ty::Map(of) => {
                let (read, aliased) = self.evolve(of, Inside::Collection);
                (Ty::Map(Box::new(read)), Ty::Map(Box::new(aliased)))
            }
            Ty::Union(branches) => self.union(ty, branches, way, inside),
            Ty::Record { name, fields } => {
                let done = self.record(name, fields);
                self.done.insert(name.clone(), done.clone());
                done
            }
            _ => {
                if let Some(name) = ty.name() {
                    self.done.insert(name.to_owned(), (ty.clone(), ty.clone()));
                }
                (ty.clone(), ty.clone())
            }
        }
    }

    fn union(&mut self, ty: &Ty, branches: &[Ty], way: usize, inside: Inside) -> (Ty, Ty) {
        let both: Vec<(Ty, Ty)> = branches.iter().map(|branch| self.evolve(branch, Inside::Union)).collect();
        let aliased = Ty::Union(both.iter().map(|(_, aliased)| aliased.clone()).collect());
        // A union that loses its null no longer takes all values.
        if ty.nullable().is_some() && way == 1 && inside != Inside::Union {
            let some = both.into_iter().map(|(read, _)| read).find(|read| *read != Ty::Null);
            return (some.unwrap_or(Ty::Null), aliased);
        }
        let mut read: Vec<Ty> = both.into_iter().map(|(read, _)| read).collect();
        match way {
            2 => read.reverse(),
            3 if read.len() > 2 => read.retain(|branch| *branch != Ty::Boolean),
            4 if read.len() > 2 => read.retain(|branch| *branch != Ty::Null),
            _ => {}
        }
        (Ty::Union(read), aliased)
    }

    fn record(&mut self, name: &str, fields: &[TyField]) -> (Ty, Ty) {
        // Only what is always there makes a difference whatever the data are.
        let is_top = name == "R1";
        let (mut read, mut aliased) = (Vec::new(), Vec::new());
        for (number, field) in fields.iter().enumerate() {
            let (mut read_ty, aliased_ty) =
                self.evolve(&field.ty, if is_top { Inside::Record } else { Inside::Collection });
            let way = self.source.below(12);
            if way == 11 && is_top && field.ty == Ty::Boolean {
                read_ty = Ty::Int(None);
                self.is_broken = true;
            }
            let renamed = if way == 10 { format!("renamed{number}") } else { field.name.clone() };
            let aliases = if way == 10 { vec!["other".to_owned(), field.name.clone()] } else { Vec::new() };
            aliased.push(TyField { name: renamed.clone(), ty: aliased_ty, ..field.clone() });
            let is_last = number + 1 == fields.len() && read.is_empty();
            if way != 9 || self.is_broken || is_last {
                read.push(TyField { name: renamed, aliases, ty: read_ty, default: None });
            }
        }
        match self.source.below(6) {
            1 => read.reverse(),
            2 => {
                let (ty, default) = self.defaulted();
                read.insert(0, TyField { name: "added".to_owned(), aliases: Vec::new(), ty, default: Some(default) });
            }
            3 if is_top && self.source.below(4) == 1 => {
                let field = TyField { name: "needed".to_owned(), aliases: Vec::new(), ty: Ty::Double, default: None };
                read.push(field);
                self.is_broken = true;
            }
            _ => {}
        }
        let named = |fields| Ty::Record { name: name.to_owned(), fields };
        (named(read), named(aliased))
    }

    /// A type and a default of it.
    fn defaulted(&mut self) -> (Ty, Json) {
        match self.source.below(9) {
            0 => (Ty::Int(None), json!(-7)),
            1 => (Ty::Double, json!(1.5)),
            2 => (Ty::String { is_uuid: false }, json!("dé")),
            3 => (Ty::Union(vec![Ty::Null, Ty::Long(None)]), Json::Null),
            4 => (Ty::Union(vec![Ty::Long(None), Ty::Null]), json!(12)),
            5 => (Ty::Array(Box::new(Ty::Float)), json!([0.25, 3])),
            6 => (Ty::Map(Box::new(Ty::Bytes(None))), json!({ "k": "ab" })),
            7 => (Ty::Boolean, json!(true)),
            _ => {
                let name = self.source.new_name("D");
                let field =
                    |name: &str, ty, default| TyField { name: name.to_owned(), aliases: Vec::new(), ty, default };
                let fields = vec![
                    field("a", Ty::Long(None), None),
                    field("b", Ty::String { is_uuid: false }, Some(json!("inner"))),
                ];
                (Ty::Record { name, fields }, json!({ "a": 3 }))
            }
        }
    }
}
