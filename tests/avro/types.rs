//! Avro types as cases are made of them.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub enum Ty {
    Null,
    Boolean,
    /// With its logical type, if it has one, as the long is.
    Int(Option<&'static str>),
    Long(Option<&'static str>),
    Float,
    Double,
    /// With the precision and the scale of a decimal.
    Bytes(Option<(u8, u8)>),
    String {
        is_uuid: bool,
    },
    Fixed {
        name: String,
        size: usize,
        logical: Option<FixedLogical>,
    },
    Enum {
        name: String,
        symbols: Vec<String>,
        default: Option<String>,
    },
    Array(Box<Ty>),
    Map(Box<Ty>),
    Union(Vec<Ty>),
    Record {
        name: String,
        fields: Vec<TyField>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FixedLogical {
    Uuid,
    Duration,
    Decimal(u8, u8),
}

#[derive(Debug, Clone, PartialEq)]
pub struct TyField {
    pub name: String,
    pub aliases: Vec<String>,
    pub ty: Ty,
    pub default: Option<Json>,
}

impl Ty {
    /// The schema, with or without logical types, which say nothing about the bytes.
    pub fn schema(&self, with_logical: bool) -> Json {
        self.json(with_logical, &mut BTreeSet::new())
    }

    fn json(&self, with_logical: bool, defined: &mut BTreeSet<String>) -> Json {
        let plain = |name: &str, logical: &Option<&'static str>| match logical {
            Some(logical) if with_logical => json!({ "type": name, "logicalType": logical }),
            _ => json!(name),
        };
        if let Some(name) = self.name()
            && !defined.insert(name.to_owned())
        {
            return json!(name);
        }
        match self {
            Ty::Null => json!("null"),
            Ty::Boolean => json!("boolean"),
            Ty::Int(logical) => plain("int", logical),
            Ty::Long(logical) => plain("long", logical),
            Ty::Float => json!("float"),
            Ty::Double => json!("double"),
            Ty::Bytes(Some((precision, scale))) if with_logical => {
                json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale })
            }
            Ty::Bytes(_) => json!("bytes"),
            Ty::String { is_uuid } => plain("string", &is_uuid.then_some("uuid")),
            Ty::Fixed { name, size, logical } => {
                let mut fixed = json!({ "type": "fixed", "name": name, "size": size });
                match logical {
                    Some(FixedLogical::Uuid) if with_logical => fixed["logicalType"] = json!("uuid"),
                    Some(FixedLogical::Duration) if with_logical => fixed["logicalType"] = json!("duration"),
                    Some(FixedLogical::Decimal(precision, scale)) if with_logical => {
                        fixed["logicalType"] = json!("decimal");
                        fixed["precision"] = json!(precision);
                        fixed["scale"] = json!(scale);
                    }
                    _ => {}
                }
                fixed
            }
            Ty::Enum { name, symbols, default } => {
                let mut all = json!({ "type": "enum", "name": name, "symbols": symbols });
                if let Some(default) = default {
                    all["default"] = json!(default);
                }
                all
            }
            Ty::Array(item) => json!({ "type": "array", "items": item.json(with_logical, defined) }),
            Ty::Map(value) => json!({ "type": "map", "values": value.json(with_logical, defined) }),
            Ty::Union(branches) => {
                branches.iter().map(|branch| branch.json(with_logical, defined)).collect::<Vec<_>>().into()
            }
            Ty::Record { name, fields } => {
                let fields = fields.iter().map(|field| {
                    let mut json = json!({ "name": field.name, "type": field.ty.json(with_logical, defined) });
                    if !field.aliases.is_empty() {
                        json["aliases"] = json!(field.aliases);
                    }
                    if let Some(default) = &field.default {
                        json["default"] = default.clone();
                    }
                    json
                });
                let fields: Vec<Json> = fields.collect();
                json!({ "type": "record", "name": name, "fields": fields })
            }
        }
    }

    /// The name of a type that has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Ty::Fixed { name, .. } | Ty::Enum { name, .. } | Ty::Record { name, .. } => Some(name),
            _ => None,
        }
    }

    /// What it is beside null, if it is a union that only says that a value may be missing.
    pub fn nullable(&self) -> Option<&Ty> {
        match self {
            Ty::Union(branches) => match &branches[..] {
                [Ty::Null, some] | [some, Ty::Null] if *some != Ty::Null => Some(some),
                _ => None,
            },
            _ => None,
        }
    }
}
