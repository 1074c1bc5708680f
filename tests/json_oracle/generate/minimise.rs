//! Makes a case that shows a difference as small as it gets, so that whoever reads it sees what matters.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Arc;

use arrow_schema::{DataType, Field};

use crate::json_oracle::compare::{Case, compare};
use crate::json_oracle::document::{self, Kind, Node};
use crate::json_oracle::{Column, types};

/// How many bytes of a payload are shown.
const LONGEST_SHOWN: usize = 4000;

/// Panics with the smallest case found that shows the difference, if there is one.
pub fn assert_same(case: &Case) {
    if let Err(difference) = compare_safely(case) {
        let case = minimise(case.clone());
        let smallest = compare_safely(&case).expect_err("only cases that differ are kept");
        panic!("{smallest}\n{}\nbefore it was made smaller: {difference}", describe(&case));
    }
}

fn compare_safely(case: &Case) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| compare(case))).unwrap_or_else(|_| Err("a panic".to_owned()))
}

fn describe(case: &Case) -> String {
    let columns = case.schema.columns.iter().map(|column| {
        // Without names of its fields and what may be null, if that is as usual.
        let data_type = if case.schema.by_arrow { format!("{:?}", column.data_type) } else { column.type_name.clone() };
        format!("{:?}{}: {data_type}", column.name, if column.nullable { "" } else { " (not null)" })
    });
    let payloads = case.payloads.iter().map(|payload| match payload {
        None => "null of Kafka".to_owned(),
        Some(bytes) if bytes.len() > LONGEST_SHOWN => {
            format!("b\"{}\" and so on, {} bytes", bytes[..LONGEST_SHOWN].escape_ascii(), bytes.len())
        }
        Some(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
    });
    format!(
        "columns {{{}}}\nmapping {:?}\npayloads\n  {}",
        columns.collect::<Vec<_>>().join(", "),
        case.schema.mapping,
        payloads.collect::<Vec<_>>().join("\n  ")
    )
}

fn minimise(case: Case) -> Case {
    // Thousands of panics would be shown otherwise.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let smallest = smallest_that_differs(case);
    set_hook(hook);
    smallest
}

fn smallest_that_differs(mut case: Case) -> Case {
    let mut tries = 20_000;
    let mut differs = |case: &Case| {
        tries -= 1;
        tries > 0 && compare_safely(case).is_err()
    };
    loop {
        let before = size(&case);
        for index in (0..case.payloads.len()).rev() {
            let mut smaller = case.clone();
            smaller.payloads.remove(index);
            if differs(&smaller) {
                case = smaller;
            }
        }
        for index in (0..case.schema.columns.len()).rev() {
            let mut smaller = case.clone();
            let column = smaller.schema.columns.remove(index);
            smaller.schema.mapping.retain(|(_, name)| *name != column.name);
            if differs(&smaller) {
                case = smaller;
            }
        }
        for index in 0..case.schema.columns.len() {
            while let Some(simpler) = simpler_columns(&case, index).into_iter().find(&mut differs) {
                case = simpler;
            }
        }
        if let Some(by_names) = by_names(&case).filter(&mut differs) {
            case = by_names;
        }
        for index in 0..case.payloads.len() {
            case = without_values(case, index, &mut differs);
            case = without_bytes(case, index, &mut differs);
        }
        if size(&case) == before {
            return case;
        }
    }
}

/// The case without values of one payload that make no difference, if that is a document.
fn without_values(mut case: Case, index: usize, mut differs: impl FnMut(&Case) -> bool) -> Case {
    loop {
        let payload = case.payloads[index].clone().unwrap_or_default();
        let mut cuts = Vec::new();
        if let Ok(Some(document)) = document::read(&payload) {
            add_cuts(&payload, &document, &mut cuts);
        }
        let with = |(cut, replacement): (Range<usize>, &str)| {
            let mut case = case.clone();
            case.payloads[index].as_mut().map(|bytes| bytes.splice(cut, replacement.bytes()));
            case
        };
        match cuts.into_iter().map(with).find(&mut differs) {
            Some(smaller) => case = smaller,
            None => return case,
        }
    }
}

/// What can be taken out of a value, or of what is inside, and what stands for it then.
fn add_cuts<'a>(payload: &[u8], node: &Node<'a>, cuts: &mut Vec<(Range<usize>, &'a str)>) {
    let start = |text: &str| text.as_ptr().addr() - payload.as_ptr().addr();
    let end = |text: &str| start(text) + text.len();
    let parts: Vec<&Node<'a>> = match &node.kind {
        Kind::Array(items) => items.iter().collect(),
        Kind::Object(members) => members.iter().map(|(_, node)| node).collect(),
        _ => return,
    };
    for simpler in ["0", "null", "\"\""].into_iter().chain(parts.iter().map(|part| part.text)) {
        cuts.push((start(node.text)..end(node.text), simpler));
    }
    let mut before = start(node.text) + 1;
    for (index, part) in parts.iter().enumerate() {
        let mut behind = end(part.text);
        if index == 0 && parts.len() > 1 {
            // The comma as well.
            behind += payload[behind..].iter().position(|byte| *byte == b',').map_or(0, |comma| comma + 1);
        }
        cuts.push((before..behind, ""));
        before = end(part.text);
    }
    parts.into_iter().for_each(|part| add_cuts(payload, part, cuts));
}

/// The case without bytes of one payload that make no difference.
fn without_bytes(mut case: Case, index: usize, mut differs: impl FnMut(&Case) -> bool) -> Case {
    let mut length = case.payloads[index].as_ref().map_or(0, Vec::len);
    while length > 0 {
        let mut at = 0;
        while at + length <= case.payloads[index].as_ref().map_or(0, Vec::len) {
            let mut smaller = case.clone();
            smaller.payloads[index].as_mut().map(|bytes| bytes.drain(at..at + length));
            if differs(&smaller) {
                case = smaller;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    case
}

/// The case with simpler types of one column.
fn simpler_columns(case: &Case, index: usize) -> Vec<Case> {
    let simpler = simpler_fields(&case.schema.columns[index].field());
    let with = |field: Field| {
        let mut case = case.clone();
        let column = &mut case.schema.columns[index];
        *column = Column { nullable: field.is_nullable(), ..Column::of(&column.name, field.data_type().clone()) };
        case
    };
    simpler.into_iter().map(with).collect()
}

/// The case with columns declared by the names of their types, if that can be.
fn by_names(case: &Case) -> Option<Case> {
    let mut case = case.clone();
    let says_all = |column: &Column| column.nullable && types::has_a_name(&column.data_type);
    let possible = case.schema.by_arrow && case.schema.columns.iter().all(says_all);
    case.schema.by_arrow = false;
    possible.then_some(case)
}

fn simpler_fields(field: &Field) -> Vec<Field> {
    let mut fields = Vec::new();
    if !field.is_nullable() {
        fields.push(field.clone().with_nullable(true));
    }
    fields.extend(simpler_types(field.data_type()).into_iter().map(|simpler| field.clone().with_data_type(simpler)));
    fields
}

/// Types with fewer parts; each of them is simpler still in the end.
fn simpler_types(data_type: &DataType) -> Vec<DataType> {
    let with_name = |field: &Field, name: &str| {
        let other = field.name() != name;
        other.then(|| field.clone().with_name(name))
    };
    match data_type {
        DataType::List(item) => {
            let fields = simpler_fields(item).into_iter().chain(with_name(item, "item"));
            let parts = [item.data_type().clone()].into_iter();
            parts.chain(fields.map(|item| DataType::List(item.into()))).collect()
        }
        DataType::Struct(members) => {
            let mut simpler: Vec<DataType> = members.iter().map(|member| member.data_type().clone()).collect();
            for (index, member) in members.iter().enumerate() {
                let with = |replaced: Vec<Field>| {
                    let mut members: Vec<Arc<Field>> = members.iter().cloned().collect();
                    drop(members.splice(index..=index, replaced.into_iter().map(Arc::new)));
                    DataType::Struct(members.into())
                };
                if members.len() > 1 {
                    simpler.push(with(Vec::new()));
                }
                simpler.extend(simpler_fields(member).into_iter().map(|field| with(vec![field])));
            }
            simpler
        }
        DataType::Map(entries, _) => {
            let value = types::map_value(entries);
            let mut simpler = vec![value.data_type().clone()];
            let fields = simpler_fields(value).into_iter().chain(with_name(value, "value"));
            simpler.extend(fields.map(|value| types::map_of("entries", "key", value)));
            simpler
        }
        DataType::Int64 => Vec::new(),
        DataType::Utf8 => vec![DataType::Int64],
        _ => vec![DataType::Int64, DataType::Utf8],
    }
}

fn size(case: &Case) -> usize {
    let bytes: usize = case.payloads.iter().flatten().map(Vec::len).sum();
    let types: usize = case.schema.columns.iter().map(|column| format!("{:?}", column.field()).len()).sum();
    types + case.payloads.len() + bytes + usize::from(case.schema.by_arrow)
}
