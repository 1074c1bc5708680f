//! The checked-in header is what cbindgen prints from the source. `KARROW_BLESS=1 cargo test --test header` rewrites it;
//! reading the difference is the review of the ABI.

use std::path::Path;

#[test]
fn the_header_is_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    let bindings = cbindgen::Builder::new()
        .with_crate(root)
        .with_config(config)
        .generate()
        .expect("cbindgen understands the source");
    let mut printed = Vec::new();
    bindings.write(&mut printed);
    let printed = String::from_utf8(printed).expect("the header is UTF-8");
    let path = root.join("include/karrow.h");
    if std::env::var_os("KARROW_BLESS").is_some() {
        std::fs::create_dir_all(root.join("include")).expect("the folder can be made");
        std::fs::write(&path, &printed).expect("the header can be written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        printed == checked_in,
        "include/karrow.h is not what the source says; run KARROW_BLESS=1 cargo test --test header and read the diff"
    );
}

/// cbindgen prints what it finds anywhere in the crate: a constant inside the library brings its type along.
#[test]
fn the_header_names_nothing_but_what_is_the_librarys_own() {
    let header = include_str!("../include/karrow.h");
    let types = header.lines().filter_map(|line| line.strip_prefix("typedef struct ")?.strip_suffix(';'));
    let types: Vec<&str> = types.filter_map(|names| names.split(' ').next_back()).collect();
    assert!(types.contains(&"karrow_consumer"));
    let constants = header.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    let names = types.into_iter().chain(constants.map(|(name, _)| name));
    let others: Vec<&str> = names.filter(|name| !name.to_lowercase().starts_with("karrow_")).collect();
    assert_eq!(others, ["ARROW_FLAG_DICTIONARY_ORDERED", "ARROW_FLAG_NULLABLE", "ARROW_FLAG_MAP_KEYS_SORTED"]);
}
