//! Lists, structs and maps: their types, and values that are written much alike from record to record.

use std::sync::Arc;

use arrow_schema::{DataType, Field};

use super::random::Random;
use super::{NAMES, Tree, null, scalar_type, unknown_name, values};
use crate::json_oracle::types;

/// How deep the deepest types nest; there are no more levels in the name of one.
const DEEPEST_TYPE: usize = 64;

/// Names of fields that Arrow has no use for, in schemas that were not made here.
const ODD_NAMES: &[&str] = &["item", "element", "array", "", "entries", "key", "value", "a", "[0]"];

/// Makes types with members or items.
pub struct Types {
    /// Whether an Arrow schema declares them, which can say more than the name of a type.
    pub by_arrow: bool,
    /// How many more fields there may be.
    room: usize,
}

impl Types {
    pub fn new(random: &mut Random, by_arrow: bool) -> Types {
        Types { by_arrow, room: 1 + random.below(12) }
    }

    pub fn container(&mut self, random: &mut Random) -> DataType {
        if random.one_in(30) {
            let levels = 1 + random.below(DEEPEST_TYPE);
            return self.chain(random, levels);
        }
        self.container_at(random, 0)
    }

    /// Whether a field takes nulls.
    pub fn nullable(&self, random: &mut Random) -> bool {
        !self.by_arrow || !random.one_in(3)
    }

    fn container_at(&mut self, random: &mut Random, depth: usize) -> DataType {
        match random.below(5) {
            0 | 1 => self.list(random, depth),
            2 | 3 => self.structure(random, depth),
            _ => self.map(random, depth),
        }
    }

    /// Containers of one field each.
    fn chain(&mut self, random: &mut Random, levels: usize) -> DataType {
        let mut data_type = scalar_type(random).1;
        for _ in 0..levels {
            let kind = random.below(3);
            let name = match kind {
                0 => self.odd_name(random, "item"),
                1 => self.member_names(random, 1).remove(0),
                _ => self.odd_name(random, "value"),
            };
            let field = Field::new(name, data_type, self.nullable(random));
            data_type = match kind {
                0 => DataType::List(field.into()),
                1 => DataType::Struct(vec![field].into()),
                _ => self.map_of(random, field),
            };
        }
        data_type
    }

    fn field(&mut self, random: &mut Random, name: String, depth: usize) -> Field {
        self.room = self.room.saturating_sub(1);
        let is_container = self.room > 0 && depth < 6 && random.one_in(if depth == 1 { 2 } else { 3 });
        let data_type = if is_container { self.container_at(random, depth) } else { scalar_type(random).1 };
        Field::new(name, data_type, self.nullable(random))
    }

    fn list(&mut self, random: &mut Random, depth: usize) -> DataType {
        let name = self.odd_name(random, "item");
        DataType::List(self.field(random, name, depth + 1).into())
    }

    fn structure(&mut self, random: &mut Random, depth: usize) -> DataType {
        let count = if self.by_arrow && random.one_in(30) { 0 } else { 1 + random.below(5) };
        let names = self.member_names(random, count);
        DataType::Struct(names.into_iter().map(|name| self.field(random, name, depth + 1)).collect())
    }

    fn map(&mut self, random: &mut Random, depth: usize) -> DataType {
        let name = self.odd_name(random, "value");
        let value = self.field(random, name, depth + 1);
        self.map_of(random, value)
    }

    fn map_of(&self, random: &mut Random, value: Field) -> DataType {
        types::map_of(&self.odd_name(random, "entries"), &self.odd_name(random, "key"), value)
    }

    fn member_names(&self, random: &mut Random, count: usize) -> Vec<String> {
        let can_be_said = |name: &&&str| self.by_arrow || types::fits_into_a_name(name);
        let mut names: Vec<String> = NAMES.iter().filter(can_be_said).map(|name| (*name).to_owned()).collect();
        random.shuffle(&mut names);
        names.truncate(count);
        names
    }

    fn odd_name(&self, random: &mut Random, usual: &str) -> String {
        let name = if self.by_arrow && random.one_in(3) { random.pick(ODD_NAMES) } else { usual };
        name.to_owned()
    }
}

/// How the values of a field are usually written: the decoder remembers what objects looked like before.
pub struct Shape {
    field: Arc<Field>,
    parts: Parts,
}

enum Parts {
    None,
    /// So many items.
    List(usize, Box<Shape>),
    /// Members in the order in which they are written; those without a shape are unknown to the type.
    Struct(Vec<(String, Option<Shape>)>),
    /// The keys that there are.
    Map(Vec<String>, Box<Shape>),
}

/// How the values of one record differ from what is usual.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Whether all values are what their columns take.
    pub fits: bool,
    /// One of so many containers does not look as usual.
    pub steady: usize,
}

impl Manner {
    /// For a part of a value: not all of what does not fit is at fault.
    fn part(self, random: &mut Random) -> Manner {
        Manner { fits: self.fits || !random.one_in(3), ..self }
    }
}

impl Shape {
    pub fn new(random: &mut Random, field: &Arc<Field>, depth: usize) -> Shape {
        let parts = match field.data_type() {
            DataType::List(item) => {
                let length = match depth {
                    0 if random.one_in(60) => 20 + random.below(100),
                    0 => random.below(7),
                    1 => random.below(5),
                    2 => random.below(3),
                    _ => 1,
                };
                Parts::List(length, Box::new(Shape::new(random, item, depth + 1)))
            }
            DataType::Struct(fields) => Parts::Struct(members(random, fields, depth)),
            DataType::Map(entries, _) => {
                let count = match depth {
                    // About as many as make it worth while to look them up in another way.
                    0 | 1 if random.one_in(10) => 10 + random.below(30),
                    0..=2 => random.below(5),
                    _ => 1,
                };
                let mut keys: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
                random.shuffle(&mut keys);
                keys.truncate(count);
                Parts::Map(keys, Box::new(Shape::new(random, types::map_value(entries), depth + 1)))
            }
            _ => Parts::None,
        };
        Shape { field: field.clone(), parts }
    }

    pub fn value(&self, random: &mut Random, manner: Manner, depth: usize) -> Tree {
        let nulls = if depth > 2 { 100 } else { 15 };
        if (self.field.is_nullable() || !manner.fits) && random.one_in(nulls) {
            return null();
        }
        if !manner.fits && random.one_in(4) {
            return values::unfit(random);
        }
        match &self.parts {
            Parts::None => values::value(random, self.field.data_type(), manner.fits),
            Parts::List(length, item) => list(random, *length, item, manner, depth),
            Parts::Struct(members) => structure(random, members, manner, depth),
            Parts::Map(keys, value) => map(random, keys, value, manner, depth),
        }
    }
}

fn members(random: &mut Random, fields: &arrow_schema::Fields, depth: usize) -> Vec<(String, Option<Shape>)> {
    let mut members = Vec::new();
    for field in fields {
        // What is never there is null.
        if !field.is_nullable() || !random.one_in(10) {
            members.push((field.name().clone(), Some(Shape::new(random, field, depth + 1))));
        }
    }
    if random.one_in(3) {
        random.shuffle(&mut members);
    }
    if random.one_in(3) {
        let at = random.below(members.len() + 1);
        members.insert(at, (unknown_name(random), None));
    }
    members
}

fn list(random: &mut Random, usual: usize, item: &Shape, manner: Manner, depth: usize) -> Tree {
    let length = match random.below(12) {
        0 if depth < 3 => random.below(4),
        0 => random.below(2),
        1 | 2 if usual > 1 => usual - random.below(2),
        _ => usual,
    };
    Tree::Array((0..length).map(|_| part(random, item, manner, depth)).collect())
}

fn structure(random: &mut Random, members: &[(String, Option<Shape>)], manner: Manner, depth: usize) -> Tree {
    let mut written: Vec<(String, Tree)> = Vec::new();
    for (name, shape) in members {
        let Some(shape) = shape else {
            written.push((name.clone(), values::anything(random, 1)));
            continue;
        };
        if (shape.field.is_nullable() || !manner.fits) && random.one_in(if depth > 2 { 100 } else { 20 }) {
            continue;
        }
        written.push((name.clone(), part(random, shape, manner, depth)));
    }
    if random.one_in(manner.steady) {
        deviate(random, &mut written);
    }
    Tree::Object(written)
}

fn map(random: &mut Random, usual: &[String], value: &Shape, manner: Manner, depth: usize) -> Tree {
    let mut keys = usual.to_vec();
    if random.one_in(6) {
        let at = random.below(keys.len() + 1);
        let key = if random.one_in(2) { random.pick(NAMES).to_owned() } else { format!("key{}", random.below(100)) };
        keys.insert(at, key);
    }
    if !manner.fits && random.one_in(8) {
        keys.push(values::HALF_A_CHARACTER.to_string());
    }
    let mut written: Vec<(String, Tree)> =
        keys.into_iter().map(|key| (key, part(random, value, manner, depth))).collect();
    if random.one_in(manner.steady) {
        deviate(random, &mut written);
    }
    Tree::Object(written)
}

fn part(random: &mut Random, shape: &Shape, manner: Manner, depth: usize) -> Tree {
    let manner = manner.part(random);
    shape.value(random, manner, depth + 1)
}

/// Changes what an object looks like, and now and then what it says.
fn deviate(random: &mut Random, members: &mut Vec<(String, Tree)>) {
    let at = random.below(members.len() + 1);
    match random.below(6) {
        0 => random.shuffle(members),
        1 if at < members.len() => drop(members.remove(at)),
        2 => members.insert(at, (unknown_name(random), values::anything(random, 1))),
        3 if at < members.len() => members.swap(0, at),
        _ => {
            // Replaced by what stands behind it, whatever it is.
            for _ in 0..=random.below(3) {
                let Some((name, value)) = members.get(at).cloned() else { return };
                let replaced = if random.one_in(3) { value } else { values::unfit(random) };
                let before = random.below(at + 1);
                members.insert(before, (name, replaced));
            }
        }
    }
}
