//! Names of columns, as Deephaven makes them of paths.

/// Words that Deephaven and Java have a meaning for.
const RESERVED: [&str; 58] = [
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "goto",
    "i",
    "if",
    "ii",
    "implements",
    "import",
    "in",
    "instanceof",
    "int",
    "interface",
    "k",
    "long",
    "native",
    "new",
    "not",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "short",
    "static",
    "strictfp",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "void",
    "volatile",
    "while",
];

/// The name of a column of its own whose path is empty.
const VALUE: &str = "Value";

/// A name for each path: its parts with an underscore in between, without what a name cannot have, and none of them twice.
pub fn names(paths: &[Vec<String>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(paths.len());
    let mut known = hashbrown::HashSet::new();
    for path in paths {
        let name = if path.is_empty() { VALUE.to_owned() } else { legal(&path.join("_")) };
        let mut unique = name.clone();
        let mut number = 2;
        while known.contains(&unique) {
            unique = format!("{name}{number}");
            number += 1;
        }
        known.insert(unique.clone());
        names.push(unique);
    }
    names
}

fn legal(name: &str) -> String {
    let is_letter = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let name: String = name.chars().filter(|character| is_letter(*character)).collect();
    let begins_well = name.starts_with(|character: char| !character.is_numeric());
    if begins_well && !RESERVED.contains(&&*name) { name } else { format!("column_{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that Deephaven was seen to make of these.
    #[test]
    fn names_are_deephavens() {
        for (paths, expected) in [
            (&[&["+1"][..], &["-1"]][..], &["column_1", "column_12"][..]),
            (&[&["a b"], &["i"], &["class"], &["1x"]], &["ab", "column_i", "column_class", "column_1x"]),
            (&[&["a", "b"], &["a_b"], &["a_b2"], &["a_b"]], &["a_b", "a_b2", "a_b22", "a_b3"]),
            (&[&[]], &["Value"]),
            (&[&["0"], &["1"]], &["column_0", "column_1"]),
            (&[&["größe"], &["+"], &["-"], &["Über", "x"]], &["größe", "column_", "column_2", "Über_x"]),
        ] {
            let paths: Vec<Vec<String>> =
                paths.iter().map(|path| path.iter().map(|part| (*part).to_owned()).collect()).collect();
            assert_eq!(names(&paths), expected);
        }
    }
}
