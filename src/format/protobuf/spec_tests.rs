use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use prost_reflect::prost_types::FileDescriptorSet;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use protox::file::File;

use super::schema::HINT;
use super::*;
use crate::column::SizeHint;
use crate::format::BadValue;
use crate::format::writers::Learn;
use crate::registry::{Reference, SchemaKind};
use crate::types;

const FILE: &str = "test.proto";

/// The text of a file of proto3 in the package `test`.
fn file(definitions: &str) -> String {
    format!("syntax = \"proto3\";\npackage test;\n{definitions}")
}

fn spec(definitions: &str) -> ProtobufSpec {
    ProtobufSpec::from_source(FILE, &file(definitions), None).unwrap()
}

/// The same with a setting.
fn spec_with(definitions: &str, key: &str, value: &str) -> ProtobufSpec {
    let mut spec = spec(definitions);
    spec.set(key, value).unwrap();
    spec
}

fn including(definitions: &str, include: &str) -> ProtobufSpec {
    spec_with(definitions, "include", include)
}

/// The columns of a spec, as `name: type`.
fn columns_of(spec: &ProtobufSpec) -> Vec<String> {
    let (columns, _) = spec.resolve().unwrap();
    let shown = |column: &FormatColumn| format!("{}: {}", column.field.name(), types::name(column.field.data_type()));
    columns.iter().map(shown).collect()
}

fn names_of(spec: &ProtobufSpec) -> Vec<String> {
    spec.resolve().unwrap().0.iter().map(|column| column.field.name().clone()).collect()
}

fn error_of(spec: &ProtobufSpec) -> String {
    spec.resolve().unwrap_err().message().to_owned()
}

/// A schema as a registry has it.
fn registered(text: impl Into<String>, references: Vec<Reference>) -> registry::Schema {
    registry::Schema { id: Some(7), version: None, kind: SchemaKind::Protobuf, text: text.into(), references }
}

/// What a schema refers to, a version of a subject.
fn reference(name: &str, subject: &str, version: i32, schema: registry::Schema) -> Reference {
    Reference { name: name.to_owned(), subject: subject.to_owned(), version, schema: Arc::new(schema) }
}

fn subject() -> ProtobufSpec {
    ProtobufSpec::from_subject("orders-value", "latest", None).unwrap()
}

/// The descriptor of a file as clients put it into a registry.
fn base64(name: &str, text: &str) -> String {
    STANDARD.encode(File::from_source(name, text).unwrap().file_descriptor_proto().encode_to_vec())
}

/// A serialized set of descriptors of these files.
fn set(files: &[(&str, &str)]) -> Vec<u8> {
    let file = |(name, text): &(&str, &str)| File::from_source(name, text).unwrap().into();
    FileDescriptorSet { file: files.iter().map(file).collect() }.encode_to_vec()
}

/// What becomes of payloads, and of those that are not written why.
struct Table {
    columns: Vec<ColumnBuffer>,
    decoder: ProtobufDecoder,
}

impl Table {
    fn new(spec: &ProtobufSpec) -> Table {
        let (columns, decoder) = spec.resolve().unwrap();
        let buffer = |column: &FormatColumn| ColumnBuffer::of(&column.field, &SizeHint::default()).unwrap();
        Table { columns: columns.iter().map(buffer).collect(), decoder }
    }

    fn decode(&mut self, payload: &[u8]) -> std::result::Result<(), Refused> {
        let outcome = self.decoder.decode(Some(payload), &mut self.columns);
        self.columns.iter_mut().for_each(|column| column.truncate(0));
        outcome
    }

    fn bad(&mut self, payload: &[u8]) -> String {
        match self.decode(payload) {
            Err(Refused::Bad(BadValue { column: None, reason, .. })) => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// A payload with an id, an index path and a message.
fn framed(id: u8, places: &[u8], message: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, id], places, message].concat()
}

#[test]
fn each_type_has_its_column() {
    let spec = spec(
        r#"
        import "google/protobuf/any.proto";
        import "google/protobuf/duration.proto";
        import "google/protobuf/field_mask.proto";
        import "google/protobuf/struct.proto";
        import "google/protobuf/timestamp.proto";
        import "google/protobuf/wrappers.proto";
        message M {
            double a = 1; float b = 2; int32 c = 3; int64 d = 4; uint32 e = 5; uint64 f = 6; sint32 g = 7; sint64 h = 8;
            fixed32 i = 9; fixed64 j = 10; sfixed32 k = 11; sfixed64 l = 12; bool m = 13; string n = 14; bytes o = 15;
            E p = 16; repeated uint32 q = 17; map<int32, string> r = 18; map<string, Inner> s = 19; repeated Inner t = 20;
            google.protobuf.Timestamp u = 21; google.protobuf.Duration v = 22; google.protobuf.UInt64Value w = 23;
            google.protobuf.Any x = 24; google.protobuf.FieldMask y = 25; google.protobuf.Struct z = 26;
            repeated google.protobuf.BytesValue aa = 27; map<bool, google.protobuf.ListValue> ab = 28;
            map<sint64, E> ac = 29;
        }
        message Inner { bool yes = 1; repeated Inner2 more = 2; }
        message Inner2 { google.protobuf.Value value = 1; }
        enum E { ZERO = 0; }
        "#,
    );
    assert_eq!(
        columns_of(&spec),
        [
            "a: float64",
            "b: float32",
            "c: int32",
            "d: int64",
            "e: uint32",
            "f: uint64",
            "g: int32",
            "h: int64",
            "i: uint32",
            "j: uint64",
            "k: int32",
            "l: int64",
            "m: bool",
            "n: utf8",
            "o: binary",
            "p: utf8",
            "q: list<uint32>",
            "r: map<int32, utf8>",
            "s: map<utf8, struct<yes: bool, more: list<struct<value: utf8>>>>",
            "t: list<struct<yes: bool, more: list<struct<value: utf8>>>>",
            "u: timestamp[ns, UTC]",
            "v: duration[ns]",
            "w: uint64",
            "x: struct<type_url: utf8, value: binary>",
            "y: list<utf8>",
            "z: utf8",
            "aa: list<binary>",
            "ab: map<bool, utf8>",
            "ac: map<int64, utf8>",
        ]
    );
}

const NESTED: &str = r#"
    message M { int32 z = 3; Inner sub = 2; repeated Inner many = 4; map<string, Inner> by_name = 5; map<string, int32> m = 6;
                Nothing nothing = 7; }
    message Inner { string x = 9; Deep deep = 1; }
    message Deep { E e = 1; }
    message Nothing {}
    enum E { ZERO = 0; }
"#;

#[test]
fn messages_become_columns_or_structs_in_the_order_of_the_file() {
    let flat = [
        "z: int32",
        "sub_x: utf8",
        "sub_deep_e: utf8",
        "many: list<struct<x: utf8, deep: struct<e: utf8>>>",
        "by_name: map<utf8, struct<x: utf8, deep: struct<e: utf8>>>",
        "m: map<utf8, int32>",
    ];
    assert_eq!(columns_of(&spec(NESTED)), flat);
    let structs = columns_of(&spec_with(NESTED, "nested", "struct"));
    assert_eq!(structs[1], "sub: struct<x: utf8, deep: struct<e: utf8>>");
    assert_eq!(structs[5], "nothing: struct<>");
    assert_eq!(columns_of(&spec_with(NESTED, "enum", "number"))[2], "sub_deep_e: int32");
    let (columns, _) = spec(NESTED).resolve().unwrap();
    assert_eq!(columns[2].source, "/sub/deep/e");
}

#[test]
fn paths_say_which_fields_are_wanted() {
    for (include, columns) in [
        ("*", "z sub_x sub_deep_e many by_name m"),
        ("/*", "z sub_x sub_deep_e many by_name m"),
        ("z", "z"),
        ("/z, sub/x", "z sub_x"),
        ("/sub/*", "sub_x sub_deep_e"),
        ("sub/deep/*,m", "sub_deep_e m"),
        ("/m/*", "m"),
        ("/m/value", "m"),
        ("/many/*", "many"),
        ("/z/*", "z"),
    ] {
        assert_eq!(names_of(&including(NESTED, include)).join(" "), columns, "{include}");
    }
    for (include, column) in [
        ("/many/x", "many: list<struct<x: utf8>>"),
        ("/many/deep/e", "many: list<struct<deep: struct<e: utf8>>>"),
        ("/by_name/value/x", "by_name: map<utf8, struct<x: utf8>>"),
        ("/by_name/value/*", "by_name: map<utf8, struct<x: utf8, deep: struct<e: utf8>>>"),
    ] {
        assert_eq!(columns_of(&including(NESTED, include)), [column], "{include}");
    }
    let mut spec = including(NESTED, "/sub/deep/e");
    spec.set("nested", "struct").unwrap();
    assert_eq!(columns_of(&spec), ["sub: struct<deep: struct<e: utf8>>"]);
    spec.set("include", "*").unwrap();
    assert_eq!(names_of(&spec).len(), 6);
}

#[test]
fn paths_that_lead_nowhere_are_errors_that_say_what_to_write() {
    let whole = |what: &str, path: &str| format!("it is {what}; write {path}/* for all of its fields, or name some");
    for (include, why) in [
        ("/sub", whole("a message", "/sub")),
        ("z,/many", whole("a list of messages", "/many")),
        ("/by_name", whole("a map of messages", "/by_name")),
        ("/by_name/value", whole("a message", "/by_name/value")),
        ("/by_name/key", "it needs more of the map; write /by_name/*".to_owned()),
        ("/z/more", "/z is one column; write that".to_owned()),
        ("/sub/y", "test.Inner has no field y, but x, deep".to_owned()),
        ("/sub/deep/more/*", "test.Deep has no field more, but e".to_owned()),
        ("/nothing/*", "test.Nothing has no fields".to_owned()),
    ] {
        let path = include.rsplit(',').next().unwrap();
        assert_eq!(error_of(&including(NESTED, include)), format!("include: {path} leads to no column: {why}"));
    }
    for (include, path) in
        [("", ""), ("a,,b", ""), ("/", "/"), ("a/", "a/"), ("/a//b", "/a//b"), ("a/*/b", "a/*/b"), ("x, a*", "a*")]
    {
        let error = spec(NESTED).set("include", include).unwrap_err();
        let expected = "is no path; write /name, /outer/name, /outer/* or *, with commas between them";
        assert_eq!(error.message(), format!("include: '{path}' {expected}"));
    }
}

#[test]
fn columns_of_one_name_are_refused_with_both_paths() {
    let clash = "message M { int32 a_b = 1; A a = 2; } message A { int32 b = 1; int32 c = 2; }";
    assert_eq!(
        error_of(&spec(clash)),
        "columns: two columns are named 'a_b': /a_b and /a/b; give one of them another name with karrow_spec_map_field, \
         or leave it out with include"
    );
    let mut mapped = spec(clash);
    mapped.map_field("a/b", "inner").unwrap();
    mapped.map_field("/nobody", "x").unwrap();
    assert_eq!(names_of(&mapped), ["a_b", "inner", "a_c"]);
    mapped.map_field("/a/c", "inner").unwrap();
    assert!(error_of(&mapped).contains("two columns are named 'inner': /a/b and /a/c;"));
    assert_eq!(names_of(&including(clash, "/a_b,/a/c")), ["a_b", "a_c"]);

    let error = mapped.map_field("a/b", "other").unwrap_err();
    assert_eq!(error.message(), "field: /a/b is mapped to column inner already; a field has one column");
    let mut lost = spec_with(NESTED, "nested", "struct");
    lost.map_field("sub/x", "X").unwrap();
    assert!(error_of(&lost).contains("/sub/x is mapped to column X, but is a part of /sub, which is one column"));
}

#[test]
fn what_contains_itself_is_refused_unless_left_out() {
    let tree = "message Node { int32 value = 1; Node left = 2; repeated Node others = 3; map<int32, Other> by_id = 4; }
                message Other { Node node = 1; }";
    let message = |path: &str| {
        format!(
            "message: {path} is a test.Node inside a test.Node; columns of a message that contains itself would not end; \
             leave it out, with include and the paths of the fields that are wanted"
        )
    };
    assert_eq!(error_of(&spec(tree)), message("/left"));
    assert_eq!(error_of(&including(tree, "/others/*")), message("/others"));
    assert_eq!(error_of(&including(tree, "/by_id/*")), message("/by_id/value/node"));
    assert_eq!(columns_of(&including(tree, "/value")), ["value: int32"]);
    // Paths that somebody has written come to an end.
    assert_eq!(
        names_of(&including(tree, "/value,/left/value,/left/left/value")),
        ["value", "left_value", "left_left_value"]
    );
    assert_eq!(
        columns_of(&including(tree, "/by_id/value/node/value")),
        ["by_id: map<int32, struct<node: struct<value: int32>>>"]
    );
}

#[test]
fn messages_of_too_many_fields_are_refused() {
    let wide = |level: usize| {
        let fields = (1..=10).map(|number| format!("M{} f{number} = {number};", level + 1));
        format!("message M{level} {{ {} }}", fields.collect::<String>())
    };
    let mut definitions: String = (0..6).map(wide).collect();
    definitions += "message M6 { int32 x = 1; }";
    let error = spec(&definitions).resolve().unwrap_err();
    assert_eq!(error.status(), Status::Limit);
    assert!(error.message().contains("has more than 100000 fields"), "{error}");

    let deep = |level: usize| format!("message M{level} {{ int32 x = 1; M{} inner = 2; }}", level + 1);
    let definitions =
        |levels: usize| format!("{}message M{levels} {{ int32 x = 1; }}", (0..levels).map(deep).collect::<String>());
    let (last, too_deep) = (spec(&definitions(64)), spec(&definitions(65)));
    assert_eq!(names_of(&last).len(), 65);
    assert!(error_of(&too_deep).contains("nested more than 64 levels deep"));
    assert!(spec_with(&definitions(70), "nested", "struct").resolve().is_err());
}

#[test]
fn messages_have_a_full_name_or_one_within_the_package() {
    let definitions = "message First { int32 a = 1; map<int32, int32> m = 2; message Inner { int32 b = 1; } } message Second { int32 c = 1; }";
    let named = |name| ProtobufSpec::from_source(FILE, &file(definitions), name).unwrap();
    for (name, column) in [
        (None, "a"),
        (Some("test.Second"), "c"),
        (Some("Second"), "c"),
        (Some("First.Inner"), "b"),
        (Some("test.First.Inner"), "b"),
    ] {
        assert_eq!(names_of(&named(name))[0], column);
    }
    for unknown in ["Third", "Inner", "First.MEntry"] {
        let expected =
            format!("message: there is no message {unknown}; test.proto has test.First, test.Second, test.First.Inner");
        assert_eq!(error_of(&named(Some(unknown))), expected);
    }
    let many: String = (0..20).map(|number| format!("message M{number} {{}}")).collect();
    let many = ProtobufSpec::from_source(FILE, &file(&many), Some("x")).unwrap();
    assert!(error_of(&many).ends_with("test.M6, test.M7, ..."));
    assert_eq!(error_of(&spec("enum E { ZERO = 0; }")), "message: test.proto has no message");
    let unnamed = ProtobufSpec::from_source(FILE, &file(definitions), Some("")).unwrap_err();
    assert!(unnamed.message().starts_with("message: the name is empty"));
}

#[test]
fn what_is_called_as_if_it_were_well_known_is_read_as_it_is() {
    let strange = "syntax = 'proto3'; package google.protobuf; message Timestamp { string text = 1; } message Value { int32 x = 1; }";
    let mut spec =
        spec("import 'strange.proto'; message M { google.protobuf.Timestamp t = 1; google.protobuf.Value v = 2; }");
    spec.add_file("strange.proto", strange).unwrap();
    assert_eq!(columns_of(&spec), ["t_text: utf8", "v_x: int32"]);
}

#[test]
fn a_message_at_the_top_is_read_as_an_ordinary_one() {
    let text = "syntax = 'proto3'; import 'google/protobuf/struct.proto'; import 'google/protobuf/timestamp.proto';";
    let named = |name| ProtobufSpec::from_source(FILE, text, Some(name)).unwrap();
    assert_eq!(columns_of(&named("google.protobuf.Timestamp")), ["seconds: int64", "nanos: int32"]);
    assert_eq!(columns_of(&named("google.protobuf.Struct")), ["fields: map<utf8, utf8>"]);
}

#[test]
fn texts_are_checked_at_once_and_imports_later() {
    let error = ProtobufSpec::from_source(FILE, "syntax = 'proto3';\nmessage M {\n  int32 = 1;\n}", None).unwrap_err();
    assert_eq!(error.message(), "text: test.proto:3:9: expected an identifier, but found '='");
    let error = ProtobufSpec::from_source("", "", None).unwrap_err();
    assert!(error.message().starts_with("file: it is empty"));
    let edition = ProtobufSpec::from_source(FILE, "edition = '2023';", None).unwrap_err();
    let edition = edition.message();
    assert!(edition.starts_with("text: test.proto:1:1: ") && edition.ends_with(HINT), "{edition}");

    let mut spec = spec("import 'a.proto';\nmessage M { A a = 1; }");
    assert_eq!(
        error_of(&spec),
        "schema: test.proto imports a.proto, and there is no such file; add it with karrow_spec_add_file"
    );
    spec.add_file("a.proto", &file("import 'google/protobuf/timestamp.proto'; message B {}")).unwrap();
    assert_eq!(error_of(&spec), "schema: test.proto:4:13: name 'A' is not defined");

    let mut circle = self::spec("import 'a.proto'; message M {}");
    circle.add_file("a.proto", "import 'b.proto';").unwrap();
    circle.add_file("b.proto", "import 'a.proto';").unwrap();
    assert_eq!(error_of(&circle), "schema: a.proto imports itself, by way of test.proto, a.proto, b.proto");
    let mut long = self::spec("import '0'; message M {}");
    (0..100).for_each(|number| long.add_file(&number.to_string(), &format!("import '{}';", number + 1)).unwrap());
    assert_eq!(error_of(&long), "schema: its imports import others more than 64 times over");
}

#[test]
fn a_file_is_added_once() {
    let mut spec = spec("import 'a.proto'; message M { A a = 1; }");
    let a = file("message A { int32 x = 1; }");
    spec.add_file("a.proto", &a).unwrap();
    spec.add_file("a.proto", &a).unwrap();
    let error = spec.add_file("a.proto", &file("message A {}")).unwrap_err();
    assert_eq!(error.message(), "name: there is another file a.proto already");
    let error = spec.add_file(FILE, &a).unwrap_err();
    assert_eq!(error.message(), "name: there is another file test.proto already");
    assert!(spec.add_file("", &a).unwrap_err().message().starts_with("name: it is empty"));
    assert!(spec.add_file("b.proto", "message").unwrap_err().message().starts_with("text: b.proto: expected"));
    // One that is built in stays as it is.
    spec.add_file("google/protobuf/timestamp.proto", "").unwrap();
    assert_eq!(columns_of(&spec), ["a_x: int32"]);
}

#[test]
fn descriptors_are_checked_at_once() {
    let main = "syntax = 'proto3'; import 'a.proto'; import 'google/protobuf/timestamp.proto';
                message M { A a = 1; google.protobuf.Timestamp t = 2; }";
    let a = "syntax = 'proto3'; message A { int32 x = 1; }";
    let files = set(&[("a.proto", a), ("main.proto", main)]);
    let spec = ProtobufSpec::from_descriptors(&files, None).unwrap();
    assert_eq!(columns_of(&spec), ["a_x: int32", "t: timestamp[ns, UTC]"]);
    assert!(!spec.has_ids());
    assert_eq!(columns_of(&ProtobufSpec::from_descriptors(&files, Some("A")).unwrap()), ["x: int32"]);

    let error =
        |bytes: &[u8], message| ProtobufSpec::from_descriptors(bytes, message).unwrap_err().message().to_owned();
    assert!(error(&files, Some("N")).starts_with("message: there is no message N; main.proto has M"));
    assert_eq!(error(&[], None), "descriptors: there is no file among them");
    assert!(error(b"\x0a\xff", None).starts_with("descriptors: they are no serialized FileDescriptorSet: "));
    let missing = error(&set(&[("main.proto", main)]), None);
    assert!(missing.starts_with("descriptors: main.proto imports a.proto, and there is no such file"), "{missing}");
    let twice = error(&set(&[("a.proto", a), ("a.proto", a)]), None);
    assert_eq!(twice, "descriptors: there are two files named a.proto among them");
    let mut edition = FileDescriptorSet::decode(files.as_slice()).unwrap();
    edition.file[0].syntax = Some("editions".to_owned());
    let edition = error(&edition.encode_to_vec(), None);
    assert_eq!(edition, "descriptors: a.proto is written in 'editions'; what can be read is proto2 and proto3");
}

const IMPORTED: &str = "syntax = 'proto3'; message A { optional int32 x = 1; }";
const MANIFOLD: &str = "syntax = 'proto2'; package p; import 'a.proto'; import 'google/protobuf/wrappers.proto';
    message M { optional A a = 1; map<string, A> m = 2; oneof o { E e = 3; G g = 4; } repeated int32 r = 5 [packed = true];
                optional group H = 6 { optional google.protobuf.Int32Value more = 1; } extensions 10 to 20; }
    message G { required bytes b = 1 [default = 'x']; } enum E { option allow_alias = true; X = 1; Y = 1; }
    extend M { optional int32 x = 10; }";

#[test]
fn descriptors_that_have_been_damaged_are_errors_at_most() {
    let columns = |bytes: &[u8]| {
        let mut spec = ProtobufSpec::from_descriptors(bytes, None)?;
        let file = FileDescriptorSet::decode(bytes).unwrap().file.pop().unwrap();
        spec.add_schema(7, &STANDARD.encode(file.encode_to_vec()))?;
        spec.resolve().map(|_| ())
    };
    let whole = set(&[("a.proto", IMPORTED), ("main.proto", MANIFOLD)]);
    columns(&whole).unwrap();
    for place in 0..whole.len() {
        for change in [0x01, 0x08, 0x80] {
            let mut damaged = whole.clone();
            damaged[place] ^= change;
            let _ = columns(&damaged);
        }
        let _ = columns(&whole[..place]);
    }
}

#[test]
fn texts_that_have_been_damaged_are_errors_at_most() {
    let columns = |text: &str| {
        let mut spec = ProtobufSpec::from_source(FILE, text, None)?;
        spec.add_file("a.proto", IMPORTED)?;
        spec.add_schema(7, text)?;
        spec.resolve().map(|_| ())
    };
    columns(MANIFOLD).unwrap();
    for place in 0..MANIFOLD.len() {
        let (begin, rest) = MANIFOLD.split_at(place);
        let _ = columns(begin);
        let _ = columns(rest);
        for change in ["", " ", "0", "{", "}", "'", "[", "é"] {
            let _ = columns(&format!("{begin}{change}{}", &rest[1..]));
        }
    }
}

#[test]
fn entries_of_maps_have_a_key_and_a_value() {
    let file = file("message M { map<string, int32> m = 1; int32 a = 2; }");
    let whole = FileDescriptorSet::decode(set(&[(FILE, &file)]).as_slice()).unwrap();
    let error = |change: &dyn Fn(&mut prost_reflect::prost_types::DescriptorProto)| {
        let mut changed = whole.clone();
        change(&mut changed.file[0].message_type[0].nested_type[0]);
        error_of(&ProtobufSpec::from_descriptors(&changed.encode_to_vec(), None).unwrap())
    };
    let expected = "schema: /m is a map whose entries are not made of a key and a value";
    assert_eq!(error(&|entry| drop(entry.field.remove(0))), expected);
    assert_eq!(error(&|entry| drop(entry.field.pop())), expected);
    assert_eq!(error(&|entry| entry.field[0].set_type(Type::Double)), expected);
    assert_eq!(error(&|entry| entry.field[1].set_label(Label::Repeated)), expected);
}

#[test]
fn a_subject_has_its_columns_once_its_schema_is_known() {
    let unknown = subject().resolve().unwrap_err();
    assert_eq!(unknown.status(), Status::InvalidState);
    assert!(unknown.message().contains("the schema of orders-value is not known; set schema.registry.url"));
    assert_eq!(subject().subject(), Some(("orders-value", Version::Latest)));

    let text = file("message M { int32 a = 1; }");
    for text in [text.clone(), base64("any.proto", &text)] {
        let known = subject().with_schema(&registered(text, Vec::new())).unwrap();
        assert_eq!((known.subject(), known.has_ids()), (None, true));
        assert_eq!(columns_of(&known), ["a: int32"]);
    }
    let broken = subject().with_schema(&registered(file("message M { A a = 1; }"), Vec::new())).unwrap_err();
    assert_eq!((broken.status(), broken.message()), (Status::Registry, "schema:3:13: name 'A' is not defined"));
    let neither = subject().with_schema(&registered(STANDARD.encode([7, 7]), Vec::new())).unwrap_err();
    assert_eq!(neither.message(), "it is neither a file of Protobuf nor a descriptor of one in base64");

    for (kind, name) in [(SchemaKind::Avro, "Avro"), (SchemaKind::Json, "JSON Schema")] {
        let other = registry::Schema { kind, ..registered("\"string\"", Vec::new()) };
        let error = subject().with_schema(&other).unwrap_err();
        assert_eq!(error.status(), Status::Registry);
        assert_eq!(error.message(), format!("what the registry has for it is {name}, and no schema of Protobuf"));
    }
    for (name, version) in [("", "latest"), ("s", "0"), ("s", "newest")] {
        assert!(ProtobufSpec::from_subject(name, version, None).is_err());
    }
}

/// A file of a registry with one message.
fn leaf(message: &str, field: &str) -> registry::Schema {
    registered(file(&format!("message {message} {{ int32 {field} = 1; }}")), Vec::new())
}

#[test]
fn references_are_imports_wherever_they_are_listed() {
    let main = file(
        "import 'a.proto'; import 'b.proto'; import 'google/protobuf/timestamp.proto';
         message M { A a = 1; B b = 2; google.protobuf.Timestamp t = 3; }",
    );
    let a = || file("import 'common.proto'; message A { Common c = 1; }");
    let b = file("import 'common.proto'; message B { Common c = 1; }");
    let common = |version, field| reference("common.proto", "common", version, leaf("Common", field));
    let time = reference("google/protobuf/timestamp.proto", "time", 1, registered("syntax = 'proto2';", Vec::new()));
    let schema =
        |a, b| registered(main.clone(), vec![reference("a.proto", "a", 1, a), reference("b.proto", "b", 1, b)]);
    let columns = |schema: &registry::Schema| columns_of(&subject().with_schema(schema).unwrap());

    let diamond = schema(registered(a(), vec![common(1, "x"), time]), registered(b.clone(), vec![common(1, "x")]));
    assert_eq!(columns(&diamond), ["a_c_x: int32", "b_c_x: int32", "t: timestamp[ns, UTC]"]);
    // A newer version can be read as an older one.
    let versions = schema(registered(a(), vec![common(2, "y")]), registered(b.clone(), vec![common(1, "x")]));
    assert_eq!(columns(&versions)[..2], ["a_c_y: int32", "b_c_y: int32"]);
    let versions = schema(registered(a(), vec![common(1, "x")]), registered(b.clone(), vec![common(2, "y")]));
    assert_eq!(columns(&versions)[..2], ["a_c_y: int32", "b_c_y: int32"]);
    // The name in a descriptor is not the one that counts.
    let text = file("message Common { int32 z = 1; }");
    let described = || reference("common.proto", "common", 3, registered(base64("other.proto", &text), Vec::new()));
    let described = schema(registered(a(), vec![described()]), registered(b.clone(), vec![described()]));
    assert_eq!(columns(&described)[..2], ["a_c_z: int32", "b_c_z: int32"]);

    let error = |schema: &registry::Schema| subject().with_schema(schema).unwrap_err().message().to_owned();
    let other = reference("common.proto", "other", 1, leaf("Common", "other"));
    let two = schema(registered(a(), vec![common(1, "x")]), registered(b.clone(), vec![other]));
    assert_eq!(error(&two), "what it refers to has two files named common.proto, of the subjects common and other");
    let missing = schema(registered(a(), Vec::new()), registered(b.clone(), Vec::new()));
    assert!(error(&missing).starts_with("a.proto imports common.proto, and there is no such file"));
    let avro = registry::Schema { kind: SchemaKind::Avro, ..registered("\"string\"", Vec::new()) };
    let avro = schema(registered(a(), vec![reference("common.proto", "common", 1, avro)]), registered(b, Vec::new()));
    assert_eq!(
        error(&avro),
        "it refers to common.proto: what the registry has for it is Avro, and no schema of Protobuf"
    );
}

#[test]
fn settings_and_schemas_are_checked() {
    let mut spec = spec("message M { int32 a = 1; }");
    let unknown = spec.set("protocl", "raw").unwrap_err();
    assert_eq!(unknown.message(), "key: a protobuf spec has no 'protocl'; it has protocol, nested, enum, include");
    let unknown = spec.set("protocol", "row").unwrap_err();
    assert_eq!(unknown.message(), "value: protocol cannot be 'row'; it can be serdes or raw");
    let text = file("message M { int32 a = 1; }");
    spec.add_schema(7, &text).unwrap();
    spec.add_schema(7, &text).unwrap();
    let other = spec.add_schema(7, &base64("x", &text)).unwrap_err();
    assert_eq!(other.message(), "id: there is a schema 7 already; an id stands for one schema");
    let broken = spec.add_schema(8, "message M {").unwrap_err();
    assert!(broken.message().starts_with("schema: schema 8: expected"), "{broken}");
    spec.add_schema(9, &file("message M { sint32 a = 1; }")).unwrap();
    assert_eq!(
        error_of(&spec),
        "schema: schema 9 cannot be read as the reader's schema: /a is of type int32, and was written as sint32"
    );
}

#[test]
fn schemas_that_are_added_import_the_files_of_the_spec() {
    let mut spec = spec("import 'a.proto'; message M { A a = 1; }");
    spec.set("protocol", "serdes").unwrap();
    spec.add_file("a.proto", &file("message A { int32 x = 1; }")).unwrap();
    spec.add_file("b.proto", &file("message B { int32 x = 1; }")).unwrap();
    spec.add_schema(7, &file("import 'a.proto'; import 'b.proto'; message M { A a = 1; B b = 2; }")).unwrap();
    Table::new(&spec).decode(&framed(7, &[0], &[])).unwrap();
}

#[test]
fn payloads_say_which_message_they_are() {
    let text = file(
        "message Other { message Deep {} } message Outer { message First {} message M { int32 a = 1; message In {} } }",
    );
    let mut spec = ProtobufSpec::from_source(FILE, &text, Some("Outer.M")).unwrap();
    spec.set("protocol", "serdes").unwrap();
    spec.add_schema(7, &text).unwrap();
    spec.add_schema(8, &file("message Other {}")).unwrap();
    let mut table = Table::new(&spec);
    for places in [&[4, 2, 2][..], &[0x84, 0, 2, 2], &[4, 0x82, 0x80, 0, 0x82, 0]] {
        table.decode(&framed(7, places, &[])).unwrap();
    }
    let found = |name: &str| format!("expected message test.Outer.M, found message {name}");
    for (places, name) in [
        (&[0][..], "test.Other"),
        (&[2, 0], "test.Other"),
        (&[2, 2], "test.Outer"),
        (&[4, 2, 0], "test.Outer.First"),
        (&[6, 2, 2, 0], "test.Outer.M.In"),
    ] {
        assert_eq!(table.bad(&framed(7, places, &[])), found(name));
    }
    assert_eq!(table.bad(&framed(8, &[0], &[])), found("test.Other"));
    for places in [&[2, 4][..], &[8, 2, 2, 0, 0], &[2, 0xfe, 0xff, 0xff, 0xff, 0x0f]] {
        assert_eq!(
            table.bad(&framed(7, places, &[])),
            "expected message test.Outer.M, found an index path that leads to no message of schema 7"
        );
    }
    let endless = [0x80; 12];
    let many = [&[0xca, 0x01][..], &[0; 101]].concat();
    for places in [&[][..], &[4], &[4, 2], &[4, 2, 0x80], &[1], &[4, 2, 1], &endless, &many] {
        assert_eq!(
            table.bad(&framed(7, places, &[])),
            "malformed index path of the message behind the schema's id",
            "{places:?}"
        );
    }
    let framing = "expected Confluent's framing (a zero byte and 4 of a schema's id), found";
    assert_eq!(table.bad(&[]), format!("{framing} 0 bytes"));
    assert_eq!(table.bad(&[0, 0, 0, 0]), format!("{framing} 4 bytes"));
    assert_eq!(table.bad(&[1, 0, 0, 0, 7, 0]), format!("{framing} another first byte"));
}

#[test]
fn the_first_message_of_a_file_has_two_index_paths() {
    let text = file("message M { int32 a = 1; }");
    let mut spec = ProtobufSpec::from_source(FILE, &text, None).unwrap();
    spec.set("protocol", "serdes").unwrap();
    spec.add_schema(7, &text).unwrap();
    let mut table = Table::new(&spec);
    table.decode(&framed(7, &[0], &[])).unwrap();
    table.decode(&framed(7, &[2, 0], &[])).unwrap();
    // A map's entries are messages, too, and none that anybody writes.
    let map = file("message Other { map<int32, int32> m = 1; }");
    spec.add_schema(8, &map).unwrap();
    assert!(Table::new(&spec).bad(&framed(8, &[4, 0, 0], &[])).ends_with("found message test.Other.MEntry"));
}

#[test]
fn schemas_become_known_to_all_clones() {
    let mut spec = spec("message M { int32 a = 1; }");
    spec.set("protocol", "serdes").unwrap();
    let mut table = Table::new(&spec);
    let mut clone = table.decoder.clone();
    let payload = framed(7, &[0], &[]);
    assert_eq!(table.decode(&payload), Err(Refused::UnknownSchema(7)));
    clone.writers().learn(7, &registered(file("message M { int64 a = 1; }"), Vec::new()));
    table.decode(&payload).unwrap();

    clone.writers().learn(8, &registered(file("message M { string a = 1; }"), Vec::new()));
    let unusable = "schema 8 cannot be read as the reader's schema: /a is of type int32, and was written as string";
    assert_eq!(table.bad(&framed(8, &[0], &[])), unusable);
    let avro = registry::Schema { kind: SchemaKind::Avro, ..registered("\"string\"", Vec::new()) };
    clone.writers().learn(9, &avro);
    assert_eq!(
        table.bad(&framed(9, &[0], &[])),
        "schema 9 cannot be read as the reader's schema: what the registry has for it is Avro, and no schema of Protobuf"
    );

    clone.writers().give_up(10, "nobody knows it", Some(Instant::now() + Duration::from_secs(3600)));
    assert_eq!(table.bad(&framed(10, &[0], &[])), "nobody knows it");
    clone.writers().give_up(10, "nobody knows it", Some(Instant::now()));
    assert_eq!(table.decode(&framed(10, &[0], &[])), Err(Refused::UnknownSchema(10)));
    assert!(clone.decode(None, &mut table.columns).is_ok());
}

/// Whether data of a message with one definition can be read as one with another, and if not, why.
fn compare(reader: &str, writer: &str) -> std::result::Result<(), String> {
    let others =
        "message A { int32 x = 1; B b = 2; } message B { string s = 1; } message C { int32 x = 2; string b = 1; }
                  message D { int64 x = 1; D2 b = 2; } message D2 { bytes s = 1; } enum E { ZERO = 0; }
                  message Time { int64 s = 1; int32 n = 2; } message NoTime { string s = 1; }
                  message Many { repeated Many2 f = 1; } message Many2 { string key = 1; Many3 value = 2; }
                  message Many3 { double n = 2; string s = 3; } message Odd { repeated Odd2 f = 1; }
                  message Odd2 { string key = 1; Odd3 value = 2; } message Odd3 { float n = 2; }";
    let imports = "import 'google/protobuf/timestamp.proto'; import 'google/protobuf/struct.proto';";
    let text = |field: &str| file(&format!("{imports} message M {{ {field} f = 1; }} {others}"));
    let mut spec = ProtobufSpec::from_source(FILE, &text(reader), None).unwrap();
    spec.add_schema(7, &text(writer)).unwrap();
    let prefix = "schema: schema 7 cannot be read as the reader's schema: ";
    spec.resolve().map(|_| ()).map_err(|error| error.message().strip_prefix(prefix).unwrap().to_owned())
}

#[test]
fn fields_can_be_read_that_are_written_alike() {
    let alike: [&[&str]; 7] = [
        &["int32", "int64", "uint32", "uint64", "bool", "E"],
        &["sint32", "sint64"],
        &["fixed32", "sfixed32"],
        &["fixed64", "sfixed64"],
        &["float"],
        &["double"],
        &["string", "bytes"],
    ];
    let all: Vec<(usize, &str)> =
        (0..).zip(alike).flat_map(|(class, types)| types.iter().map(move |ty| (class, *ty))).collect();
    let shown = |ty: &str| if ty == "E" { "test.E".to_owned() } else { ty.to_owned() };
    for (reader_class, reader) in &all {
        for (writer_class, writer) in &all {
            let expected = if reader_class == writer_class {
                Ok(())
            } else {
                Err(format!("/f is of type {}, and was written as {}", shown(reader), shown(writer)))
            };
            assert_eq!(compare(reader, writer), expected);
            assert_eq!(compare(&format!("repeated {reader}"), &format!("repeated {writer}")).is_ok(), expected.is_ok());
        }
    }
    let cannot = |path: &str, reader: &str, writer: &str| {
        Err(format!("{path} is of type {reader}, and was written as {writer}"))
    };
    // One is as good as a list of one, unless it is not written because it is 0.
    assert_eq!(compare("repeated string", "bytes"), Ok(()));
    assert_eq!(compare("repeated A", "D"), Ok(()));
    assert_eq!(compare("repeated int32", "int32"), cannot("/f", "repeated int32", "int32"));
    assert_eq!(compare("string", "repeated string"), cannot("/f", "string", "repeated string"));
    // Messages by their fields.
    assert_eq!(compare("A", "D"), Ok(()));
    assert_eq!(compare("A", "C"), cannot("/f/x", "int32", "string"));
    assert_eq!(compare("repeated A", "repeated C"), cannot("/f/x", "int32", "string"));
    assert_eq!(compare("A", "string"), cannot("/f", "test.A", "string"));
    // Maps are repeated entries.
    assert_eq!(compare("map<string, A>", "map<string, D>"), Ok(()));
    assert_eq!(compare("map<string, A>", "map<string, C>"), cannot("/f/value/x", "int32", "string"));
    assert_eq!(compare("map<string, int32>", "map<sint32, int32>"), cannot("/f/key", "string", "sint32"));
    assert_eq!(compare("map<string, int32>", "map<string, bool>"), Ok(()));
    assert_eq!(compare("map<int32, A>", "int32"), cannot("/f", "map<int32, test.A>", "int32"));
    // What is well known by all of its fields, and what contains itself too.
    assert_eq!(compare("google.protobuf.Timestamp", "Time"), Ok(()));
    assert_eq!(compare("google.protobuf.Timestamp", "NoTime"), cannot("/f/seconds", "int64", "string"));
    assert_eq!(compare("google.protobuf.Struct", "google.protobuf.Struct"), Ok(()));
    assert_eq!(compare("google.protobuf.Struct", "Many"), Ok(()));
    assert_eq!(compare("google.protobuf.Struct", "Odd"), cannot("/f/fields/value/number_value", "double", "float"));
}

#[test]
fn only_wanted_fields_are_compared() {
    let mut spec =
        including("message M { int32 a = 1; int32 b = 2; A c = 3; } message A { int32 x = 1; int32 y = 2; }", "a,c/y");
    spec.add_schema(7, &file("message M { string b = 2; A c = 3; } message A { string x = 1; bool y = 2; }")).unwrap();
    spec.resolve().unwrap();
    spec.add_schema(8, &file("message M { A c = 3; } message A { string y = 2; }")).unwrap();
    assert!(error_of(&spec).ends_with("/c/y is of type int32, and was written as string"));
}

#[test]
fn groups_are_written_in_a_way_of_their_own() {
    let group =
        "syntax = 'proto2'; message M { optional group G = 1 { optional int32 x = 1; } repeated group H = 2 {} }";
    let mut spec = ProtobufSpec::from_source(FILE, group, None).unwrap();
    assert_eq!(columns_of(&spec), ["g_x: int32", "h: list<struct<>>"]);
    spec.add_schema(7, group).unwrap();
    spec.resolve().unwrap();
    spec.add_schema(8, "syntax = 'proto2'; message M { optional G g = 1; } message G { optional int32 x = 1; }")
        .unwrap();
    assert!(error_of(&spec).ends_with("/g is of type group M.G, and was written as G"), "{}", error_of(&spec));
}
