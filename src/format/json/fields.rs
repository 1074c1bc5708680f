//! Which fields of an object feed which columns: for the document, and for each struct, a tree of names as deep as the
//! pointers of the spec.

use std::fmt;

use hashbrown::HashMap;

use super::strict::Node;
use crate::error::{Error, Result};

/// The way from the document's root to a field: names of members, or indexes of items in decimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// The decoder follows pointers by recursion, whose depth this bounds.
const MAX_POINTER_DEPTH: usize = 100;

impl Path {
    /// The member of the root that has this name.
    pub fn field(name: &str) -> Path {
        Path(vec![name.to_owned()])
    }

    /// A literal field name, or, with `/` first, a JSON Pointer (RFC 6901).
    pub fn parse(field: &str) -> Result<Path> {
        let Some(pointer) = field.strip_prefix('/') else {
            return Ok(Path::field(field));
        };
        let names = pointer.split('/').map(unescape).collect::<Option<Vec<_>>>().ok_or_else(|| {
            let message =
                format!("'{field}' is not a JSON Pointer: '~' must be followed by 0 (for '~') or 1 (for '/')");
            Error::argument("field", message)
        })?;
        if names.len() > MAX_POINTER_DEPTH {
            let message = format!("a JSON Pointer has at most {MAX_POINTER_DEPTH} names, and this one {}", names.len());
            return Err(Error::argument("field", message));
        }
        Ok(Path(names))
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = match part.as_bytes().first()? {
            b'0' => ('~', &part[1..]),
            b'1' => ('/', &part[1..]),
            _ => return None,
        };
        name.push(escaped);
        name.push_str(rest);
    }
    Some(name)
}

/// As a JSON Pointer.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|name| write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")))
    }
}

/// One field: a number into [`Fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldId(u32);

impl FieldId {
    /// The document itself.
    /// cbindgen:ignore
    pub const ROOT: FieldId = FieldId(0);

    /// Its number.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One field that somebody wants something of.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// The columns that take its value.
    pub columns: Vec<usize>,
    /// The columns that take something inside it.
    pub columns_inside: Vec<usize>,
    members: HashMap<Box<str>, FieldId>,
    /// The members whose names are indexes of an array, by index.
    items: Vec<(usize, FieldId)>,
    /// What an object processor says about it.
    strict: Option<Box<Strictness>>,
}

/// What an object processor says about a field beyond where it goes.
#[derive(Debug, Clone)]
struct Strictness {
    node: Node,
    /// Whether members that nobody wants are refused.
    refuses_unknown: bool,
    /// Members whose names count in whatever case, by [`folded`].
    folded: HashMap<Box<str>, FieldId>,
}

impl Field {
    /// What an object processor makes of its value.
    #[inline]
    pub fn node(&self) -> Option<&Node> {
        self.strict.as_ref().map(|strict| &strict.node)
    }

    /// Whether members that nobody wants are refused.
    pub fn refuses_unknown(&self) -> bool {
        self.strict.as_ref().is_some_and(|strict| strict.refuses_unknown)
    }
}

/// A name without its case, character by character, as Java compares names regardless of case.
pub fn folded(name: &str) -> String {
    let one = |character: char, mut changed: [Option<char>; 2]| match changed[1].take() {
        None => changed[0].unwrap_or(character),
        Some(_) => character,
    };
    let upper = |character: char| {
        let mut upper = character.to_uppercase();
        one(character, [upper.next(), upper.next()])
    };
    let lower = |character: char| {
        let mut lower = character.to_lowercase();
        one(character, [lower.next(), lower.next()])
    };
    name.chars().map(upper).map(lower).collect()
}

/// All fields that feed columns, those of the document first.
#[derive(Debug, Clone)]
pub struct Fields(Vec<Field>);

impl Default for Fields {
    fn default() -> Fields {
        Fields(vec![Field::default()])
    }
}

impl Fields {
    /// An object of its own, beside the document.
    pub fn add_object(&mut self) -> FieldId {
        self.0.push(Field::default());
        FieldId(u32::try_from(self.0.len() - 1).expect("a spec has fewer than 2^32 fields"))
    }

    /// Lets the field at a path of an object feed a column.
    pub fn add(&mut self, object: FieldId, path: &Path, column: usize) {
        let mut at = object;
        for name in &path.0 {
            self.get_mut(at).columns_inside.push(column);
            at = self.member_or_new(at, name);
        }
        self.get_mut(at).columns.push(column);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One field.
    #[inline]
    pub fn get(&self, id: FieldId) -> &Field {
        &self.0[id.index()]
    }

    /// The member of an object that has this name.
    pub fn member(&self, of: FieldId, name: &str) -> Option<FieldId> {
        let field = self.get(of);
        let member = field.members.get(name).copied();
        match &field.strict {
            Some(strict) if member.is_none() && !strict.folded.is_empty() => strict.folded.get(&*folded(name)).copied(),
            _ => member,
        }
    }

    /// Says what an object processor makes of a field; if that is one column, which.
    pub fn set_node(&mut self, id: FieldId, node: Node, refuses_unknown: bool) {
        let field = self.get_mut(id);
        field.columns = node.column().into_iter().collect();
        field.strict = Some(Box::new(Strictness { node, refuses_unknown, folded: HashMap::new() }));
    }

    /// Gives a field with a node a member, by one of its names.
    pub fn add_member(&mut self, of: FieldId, name: &str, member: FieldId, case_sensitive: bool) {
        let field = self.get_mut(of);
        match &mut field.strict {
            Some(strict) if !case_sensitive => {
                strict.folded.insert(folded(name).into(), member);
            }
            _ => {
                field.members.insert(name.into(), member);
            }
        }
    }

    /// The item of an array that has this index.
    pub fn item(&self, of: FieldId, index: usize) -> Option<FieldId> {
        self.get(of).items.iter().find(|(wanted, _)| *wanted == index).map(|(_, id)| *id)
    }

    fn get_mut(&mut self, id: FieldId) -> &mut Field {
        &mut self.0[id.index()]
    }

    fn member_or_new(&mut self, of: FieldId, name: &str) -> FieldId {
        if let Some(id) = self.member(of, name) {
            return id;
        }
        let id = self.add_object();
        let parent = self.get_mut(of);
        parent.members.insert(name.into(), id);
        if let Some(index) = array_index(name) {
            parent.items.push((index, id));
        }
        id
    }
}

/// The index that a name of a JSON Pointer stands for in an array: digits without a leading zero.
fn array_index(name: &str) -> Option<usize> {
    let canonical = name == "0" || (name.starts_with(|c: char| c.is_ascii_digit() && c != '0'));
    if canonical && name.bytes().all(|byte| byte.is_ascii_digit()) { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_in_front_makes_a_pointer_and_anything_else_a_literal_name() {
        for (field, pointer) in
            [("a", "/a"), ("a/b", "/a~1b"), ("", "/"), ("/", "/"), ("/a/0/~0~1", "/a/0/~0~1"), ("~2", "/~02")]
        {
            assert_eq!(Path::parse(field).unwrap().to_string(), pointer);
        }
        assert_eq!(Path::parse("/a").unwrap(), Path::field("a"));
        for wrong in ["/~", "/a~2", "/~~0"] {
            assert!(Path::parse(wrong).unwrap_err().message().contains("is not a JSON Pointer"), "{wrong}");
        }
        assert!(Path::parse(&"/a".repeat(100)).is_ok());
        assert!(Path::parse(&"/a".repeat(101)).unwrap_err().message().ends_with("at most 100 names, and this one 101"));
    }

    #[test]
    fn names_lose_their_case_as_in_java() {
        for (one, other) in [("Age", "aGE"), ("ÜBER", "über"), ("K", "\u{212a}"), ("straße", "STRAßE")] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("straße"), folded("STRASSE"));
    }

    #[test]
    fn items_are_found_by_canonical_indexes_only() {
        let mut fields = Fields::default();
        for (column, pointer) in ["/l/0", "/l/01", "/l/12", "/l/-"].into_iter().enumerate() {
            fields.add(FieldId::ROOT, &Path::parse(pointer).unwrap(), column);
        }
        let list = fields.member(FieldId::ROOT, "l").unwrap();
        assert_eq!(fields.get(list).columns_inside, [0, 1, 2, 3]);
        let columns = |index| fields.item(list, index).map(|id| fields.get(id).columns.clone());
        assert_eq!((columns(0), columns(1), columns(12)), (Some(vec![0]), None, Some(vec![2])));
    }
}
