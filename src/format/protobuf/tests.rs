use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use serde_json::{Value as Json, json};

use super::*;
use crate::column::SizeHint;
use crate::format::BadValue;

/// What becomes of messages, and of those that are not written why.
struct Table {
    fields: Vec<Field>,
    columns: Vec<ColumnBuffer>,
    decoder: ProtobufDecoder,
    rows: usize,
}

impl Table {
    /// Of the first message of a file, of which the text is what follows the syntax.
    fn new(text: &str) -> Table {
        Table::of(text, &[])
    }

    fn of(text: &str, settings: &[(&str, &str)]) -> Table {
        let text = if text.contains("syntax") { text.to_owned() } else { format!("syntax = \"proto3\"; {text}") };
        let mut spec = ProtobufSpec::from_source("test.proto", &text, None).unwrap();
        settings.iter().for_each(|(key, value)| spec.set(key, value).unwrap());
        let (columns, decoder) = spec.resolve().unwrap();
        let fields: Vec<Field> = columns.into_iter().map(|column| column.field).collect();
        let columns = fields.iter().map(|field| ColumnBuffer::of(field, &SizeHint::default()).unwrap()).collect();
        Table { fields, columns, decoder, rows: 0 }
    }

    fn decode(&mut self, message: &[u8]) -> std::result::Result<(), Refused> {
        let outcome = self.decoder.decode(Some(message), &mut self.columns);
        self.rows += usize::from(outcome.is_ok());
        if outcome.is_ok() {
            assert!(self.columns.iter().all(|column| column.rows() == self.rows));
        }
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
        outcome
    }

    fn bad(&mut self, message: &[u8]) -> BadValue {
        match self.decode(message) {
            Err(Refused::Bad(bad)) => bad,
            other => panic!("{other:?}"),
        }
    }

    /// The row that a message is, without what is null. Times are nanoseconds, and all keys text.
    fn row(&mut self, message: &[u8]) -> Json {
        self.decode(message).unwrap();
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(|column| column.publish().to_array()).collect();
        arrays.iter().for_each(|array| array.to_data().validate_full().unwrap());
        let arrays = arrays.iter().map(|array| arrow_cast::cast(array, &of_json(array.data_type())).unwrap());
        let named = self.fields.iter().map(|field| field.name().as_str()).zip(arrays);
        let batch = RecordBatch::try_from_iter_with_nullable(named.map(|(name, array)| (name, array, true))).unwrap();
        let mut writer = arrow_json::LineDelimitedWriter::new(Vec::new());
        writer.write(&batch.slice(self.rows - 1, 1)).unwrap();
        serde_json::from_slice(&writer.into_inner()).unwrap()
    }
}

/// The type that JSON is written of.
fn of_json(data_type: &DataType) -> DataType {
    let named = |field: &Arc<Field>| field.as_ref().clone().with_data_type(of_json(field.data_type()));
    match data_type {
        DataType::Timestamp(..) | DataType::Duration(_) => DataType::Int64,
        DataType::List(item) => DataType::List(Arc::new(named(item))),
        DataType::Struct(members) => DataType::Struct(members.iter().map(named).collect()),
        DataType::Map(entries, is_sorted) => {
            let DataType::Struct(entry) = entries.data_type() else { unreachable!("entries are structs") };
            let key = Field::new("key", DataType::Utf8, false);
            let entry = DataType::Struct(vec![key, named(&entry[1])].into());
            DataType::Map(Arc::new(Field::new("entries", entry, false)), *is_sorted)
        }
        other => other.clone(),
    }
}

/// A number as Protobuf writes it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field that is a number.
fn number(field: u64, number: u64) -> Vec<u8> {
    [varint(field << 3), varint(number)].concat()
}

/// A field that is bytes, text or a message.
fn part(field: u64, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [varint(field << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A group.
fn group(field: u64, fields: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 3), fields.to_vec(), varint(field << 3 | 4)].concat()
}

fn all(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// A time, as serializers write it.
fn time(seconds: i64, nanos: i64) -> Vec<u8> {
    all(&[number(1, seconds.cast_unsigned()), number(2, nanos.cast_unsigned())])
}

/// A file with these messages.
fn with_times(messages: &str) -> String {
    let imports = "import 'google/protobuf/timestamp.proto'; import 'google/protobuf/duration.proto';";
    format!("syntax = 'proto3'; {imports} {messages}")
}

#[test]
fn a_scalar_that_comes_again_is_what_came_last() {
    let mut table = Table::new("message M { int64 a = 1; string b = 2; optional bool c = 3; fixed32 d = 4; }");
    let message = all(&[part(2, "first"), number(1, 5), number(3, 1), part(2, "x"), number(1, 7), number(3, 0)]);
    assert_eq!(table.row(&message), json!({ "a": 7, "b": "x", "c": false, "d": 0 }));
    assert_eq!(table.row(&[]), json!({ "a": 0, "b": "", "d": 0 }));
    // What is written of the row before stays.
    assert_eq!(table.bad(&all(&[number(1, 1), part(2, "y"), part(2, [0xff])])).column, Some(1));
    assert_eq!(table.row(&number(1, 9)), json!({ "a": 9, "b": "", "d": 0 }));
}

#[test]
fn numbers_that_are_not_there_are_zero() {
    const UNKNOWN: u64 = 99;
    // Tags of one byte, of two, of three, and of so many that nobody guesses them.
    let known: Vec<u64> = (1..=20).chain([3000, 300_000]).collect();
    let fields: Vec<String> = known.iter().map(|number| format!("uint64 f{number} = {number};")).collect();
    let mut table = Table::new(&format!("message M {{ {} }}", fields.concat()));
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..60 {
        // In some rounds few of the fields are there, in others most.
        let mut there: Vec<u64> = known.iter().copied().filter(|_| random(12) < round % 13).collect();
        let place = random(there.len() as u64 + 1) as usize;
        match round % 4 {
            0 => there.insert(place, UNKNOWN),
            1 => there.insert(place, known[random(22) as usize]),
            2 => there.rotate_left(place),
            _ => {}
        }
        let mut message = Vec::new();
        let mut row: serde_json::Map<String, Json> =
            known.iter().map(|field| (format!("f{field}"), 0.into())).collect();
        for field in there {
            // Most numbers take a byte or two.
            let bits = if random(4) == 0 { random(64) } else { random(14) };
            let value = random(1 << 31) << 33 >> (63 - bits);
            let whole = number(field, value);
            for cut in 1..whole.len() {
                table.bad(&[&message, &whole[..cut]].concat());
            }
            message.extend(whole);
            if field != UNKNOWN {
                row.insert(format!("f{field}"), value.into());
            }
            assert_eq!(table.row(&message), Json::Object(row.clone()));
        }
    }
}

#[test]
fn parts_of_a_message_are_together_the_message() {
    let text = "message M { N n = 1; int32 x = 2; repeated N ns = 3; google.protobuf.Timestamp t = 4; }
        message N { int32 a = 1; repeated int32 b = 2; O o = 3; optional string c = 4; }
        message O { int32 p = 1; int32 q = 2; map<string, int32> m = 3; }";
    let text = format!("syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; {text}");
    let entry = |key: &str, value| part(3, all(&[part(1, key), number(2, value)]));
    let message = all(&[
        part(1, all(&[number(1, 1), part(2, [1, 2]), part(3, all(&[number(1, 8), entry("k", 1), entry("l", 2)]))])),
        number(2, 3),
        part(3, number(1, 4)),
        part(4, number(1, 10)),
        part(1, all(&[number(1, 9), number(2, 3), part(3, all(&[number(2, 7), entry("k", 5)]))])),
        part(4, number(2, 5)),
        part(1, []),
    ]);
    let item = json!({ "a": 4, "b": [] });
    let inside = json!({ "a": 9, "b": [1, 2, 3], "o": { "p": 8, "q": 7, "m": { "l": 2, "k": 5 } } });
    let row = Table::of(&text, &[("nested", "struct")]).row(&message);
    assert_eq!(row, json!({ "n": inside, "x": 3, "ns": [item], "t": 10_000_000_005_i64 }));
    let row = Table::of(&text, &[]).row(&message);
    let flat = json!({ "n_a": 9, "n_b": [1, 2, 3], "n_o_p": 8, "n_o_q": 7, "n_o_m": { "l": 2, "k": 5 }, "x": 3,
        "ns": [item], "t": 10_000_000_005_i64 });
    assert_eq!(row, flat);
    // One that is not there has nothing, and one that is empty has defaults.
    assert_eq!(Table::of(&text, &[]).row(&[]), json!({ "x": 0, "ns": [] }));
    let row = Table::of(&text, &[]).row(&all(&[part(1, []), part(4, [])]));
    assert_eq!(row, json!({ "n_a": 0, "n_b": [], "x": 0, "ns": [], "t": 0 }));
}

#[test]
fn a_member_of_a_oneof_clears_the_others() {
    let mut table = Table::new(
        "message M { oneof o { int32 a = 1; string b = 2; N n = 3; N p = 4; } int32 x = 5; }
         message N { int32 i = 1; repeated int32 r = 2; }",
    );
    let inside = |i| all(&[number(1, i), part(2, [i as u8])]);
    assert_eq!(table.row(&all(&[number(1, 0), part(2, "b")])), json!({ "b": "b", "x": 0 }));
    assert_eq!(table.row(&all(&[part(2, "b"), number(5, 1), number(1, 0)])), json!({ "a": 0, "x": 1 }));
    assert_eq!(
        table.row(&all(&[part(3, inside(1)), number(1, 2), part(3, number(1, 3))])),
        json!({ "n_i": 3, "n_r": [], "x": 0 })
    );
    assert_eq!(
        table.row(&all(&[part(3, inside(1)), part(3, number(2, 4))])),
        json!({ "n_i": 1, "n_r": [1, 4], "x": 0 })
    );
    assert_eq!(table.row(&all(&[part(3, inside(1)), part(4, inside(2))])), json!({ "p_i": 2, "p_r": [2], "x": 0 }));
    assert_eq!(table.row(&all(&[part(3, inside(1)), part(4, inside(2)), number(1, 1)])), json!({ "a": 1, "x": 0 }));
    // Also what has been cleared has to be well-formed.
    let bad = table.bad(&all(&[part(3, [0x12, 0x05]), number(1, 1)]));
    assert_eq!(bad.reason, "malformed protobuf at byte 4: expected a length, found more than the bytes that are left");
}

#[test]
fn a_member_that_nobody_wants_clears_the_others_as_well() {
    let text = "message M { oneof o { int32 a = 1; string b = 2; N n = 3; } } message N { int32 i = 1; }";
    let mut table = Table::of(text, &[("include", "/a,/n/*")]);
    assert_eq!(table.row(&all(&[number(1, 1), part(2, "b")])), json!({}));
    assert_eq!(table.row(&all(&[part(3, number(1, 1)), part(2, "b")])), json!({}));
    assert_eq!(table.row(&all(&[part(2, "b"), number(1, 1)])), json!({ "a": 1 }));
    // Of another wire type it is no member.
    assert_eq!(table.row(&all(&[number(1, 1), number(2, 1)])), json!({ "a": 1 }));
}

#[test]
fn items_come_together_and_alone_and_between_other_fields() {
    let mut table = Table::new(
        "message M { repeated int32 a = 1; repeated double b = 2; repeated bool c = 3; repeated string d = 4;
         repeated sint64 e = 5 [packed = false]; repeated E f = 6; int32 x = 7; } enum E { Z = 0; Y = 1; }",
    );
    let bits = |value: f64| value.to_le_bytes();
    let message = all(&[
        part(1, [1, 2]),
        part(4, "s"),
        number(1, 3),
        part(2, [bits(0.5), bits(1.5)].concat()),
        [&[0x11][..], &bits(2.5)].concat(),
        part(5, [1, 2]),
        number(5, 3),
        number(7, 1),
        number(5, 4),
        part(3, [1, 0]),
        part(4, ""),
        part(6, [1, 0, 7]),
        part(1, []),
        part(1, [4]),
    ]);
    let row = json!({ "a": [1, 2, 3, 4], "b": [0.5, 1.5, 2.5], "c": [true, false], "d": ["s", ""], "e": [-1, 1, -2, 2],
        "f": ["Y", "Z", "7"], "x": 1 });
    assert_eq!(table.row(&message), row);
    let bad = table.bad(&all(&[part(1, [1, 2]), [0x0a, 2, 1, 0x80, 1].to_vec()]));
    assert_eq!((bad.column, bad.path.as_str()), (Some(0), "[3]"));
    assert_eq!(bad.reason, "malformed protobuf at byte 7: expected more bytes, found the end");
    assert_eq!(table.bad(&part(2, [0; 9])).path, "[1]");
    assert_eq!(table.bad(&all(&[part(4, "a"), part(4, [0x80])])).path, "[1]");
}

#[test]
fn of_entries_with_the_same_key_the_last_one_wins() {
    let mut table = Table::new(
        "message M { map<string, N> m = 1; map<int32, string> i = 2; map<bool, int32> b = 3; int32 x = 4; }
         message N { map<string, N2> m = 1; int32 v = 2; } message N2 { map<sint32, int32> m = 1; }",
    );
    let entry = |field, key: &str, value: &[u8]| part(field, all(&[part(1, key), part(2, value)]));
    let v = |value| number(2, value);
    let message = all(&[entry(1, "a", &v(1)), entry(1, "b", &v(2)), entry(1, "a", &v(3))]);
    let of = |v| json!({ "m": {}, "v": v });
    assert_eq!(table.row(&message), json!({ "m": { "b": of(2), "a": of(3) }, "i": {}, "b": {}, "x": 0 }));
    // With other fields between them, and values in parts.
    let message = all(&[
        entry(1, "a", &v(1)),
        number(4, 5),
        part(1, all(&[part(2, entry(1, "k", &[])), part(1, "b"), part(2, v(6))])),
        entry(1, "a", &v(7)),
        part(2, all(&[number(1, 1), part(2, "x")])),
        part(2, part(2, "zero")),
        part(2, all(&[number(1, 1), part(2, "y")])),
        part(3, number(1, 200)),
        part(3, all(&[number(1, 1), number(2, 3)])),
        part(3, []),
    ]);
    let b = json!({ "m": { "k": { "m": {} } }, "v": 6 });
    let row =
        json!({ "m": { "b": b, "a": of(7) }, "i": { "0": "zero", "1": "y" }, "b": { "true": 3, "false": 0 }, "x": 5 });
    assert_eq!(table.row(&message), row);
    // Twenty are more than are compared with each other.
    let many: Vec<Vec<u8>> = (0..40).map(|n| part(2, all(&[number(1, n % 20 + 1), part(2, n.to_string())]))).collect();
    let row = table.row(&all(&many));
    assert_eq!(row["i"].as_object().unwrap().len(), 20);
    assert_eq!(row["i"]["20"], "39");
    // What is wrong with one that loses is wrong all the same.
    let wrong = part(2, all(&[number(1, 1), part(2, [0xff])]));
    let bad = table.bad(&all(&[number(4, 1), wrong, part(2, all(&[number(1, 1), part(2, "good")]))]));
    assert_eq!((bad.column, bad.path.as_str()), (Some(1), "[0]"));
    let inner = entry(1, "k", &part(1, number(1, 1 << 40)));
    assert_eq!(table.bad(&all(&[entry(1, "a", &[]), entry(1, "b", &inner)])).path, "[1].m[0].m[0]");
}

#[test]
fn faults_have_the_path_of_the_value() {
    let mut table = Table::of(
        "message M { int32 x = 1; N n = 2; repeated N ns = 3; } message N { string a = 1; repeated N2 b = 2; }
         message N2 { int32 i = 1; uint32 u = 2; sint32 s = 3; E e = 4; } enum E { Z = 0; }",
        &[("nested", "struct")],
    );
    let at = |table: &mut Table, message: &[u8]| {
        let bad = table.bad(message);
        (bad.column, bad.path, bad.reason)
    };
    let misfit = |kind: &str| format!("expected {kind}, found a number beyond it");
    let place = |column, path: &str, reason: String| (Some(column), path.to_owned(), reason);
    assert_eq!(at(&mut table, &number(1, 1 << 31)), place(0, "", misfit("int32")));
    // Bits that an int32 has not, although its own are all the same.
    assert_eq!(at(&mut table, &number(1, 0xffff_ffff)), place(0, "", misfit("int32")));
    assert_eq!(table.row(&number(1, u64::MAX))["x"], -1);
    let inner = |bad| all(&[part(2, []), part(2, bad)]);
    assert_eq!(at(&mut table, &part(2, inner(number(2, 1 << 32)))), place(1, ".b[1].u", misfit("uint32")));
    assert_eq!(
        at(&mut table, &all(&[part(3, []), part(3, inner(number(3, 1 << 32)))])),
        place(2, "[1].b[1].s", misfit("sint32"))
    );
    assert_eq!(at(&mut table, &part(2, inner(number(4, 1 << 32)))), place(1, ".b[1].e", misfit("int32")));
    let utf8 = "malformed protobuf at byte 7: expected valid UTF-8, found other bytes";
    assert_eq!(at(&mut table, &all(&[part(3, []), part(3, part(1, [0xc0]))])), place(2, "[1].a", utf8.to_owned()));
    // A tag that is wrong belongs to no field.
    let wrong = "malformed protobuf at byte 2: expected the number of a field, found 0 or a number with too many bits";
    assert_eq!(at(&mut table, &part(2, [0x00])), place(1, "", wrong.to_owned()));
    assert_eq!(table.bad(&[0x00]).column, None);
}

#[test]
fn what_is_malformed_is_bad() {
    let mut table = Table::new(
        "syntax = \"proto2\"; message M { optional int32 a = 1; optional string b = 2; optional group G = 3 { optional int32 x = 1; }
         repeated fixed64 f = 4; optional N n = 5; } message N { optional string s = 2; }",
    );
    let told = |at: usize, what: &str| format!("malformed protobuf at byte {at}: {what}");
    let wire_type = "expected the wire type of the field, found another";
    let end_group = "expected the end of a group, found the end of another or of the message";
    for (message, reason) in [
        (vec![0x08], told(1, "expected more bytes, found the end")),
        (vec![0x08, 0x80], told(1, "expected more bytes, found the end")),
        (vec![0x80], told(0, "expected more bytes, found the end")),
        ([&[0x08][..], &[0xff; 10], &[0; 8]].concat(), told(1, "expected a number, found one with too many bits")),
        (vec![0x00, 0x00], told(0, "expected the number of a field, found 0 or a number with too many bits")),
        (vec![0x07], told(0, "expected the number of a field, found 0 or a number with too many bits")),
        (number(1 << 29, 0), told(0, "expected the number of a field, found 0 or a number with too many bits")),
        (vec![0x3e, 0x00], told(1, "expected a wire type, found 6 or 7")),
        (vec![0x0f, 0x00], told(0, "expected a wire type, found 6 or 7")),
        (vec![0x12, 0x02, b'a'], told(2, "expected a length, found more than the bytes that are left")),
        (part(5, [0x12, 5, b'a']), told(4, "expected a length, found more than the bytes that are left")),
        (
            vec![0x2a, 2, 0x12, 5, 0x12, 3, b'a', b'a', b'a'],
            told(4, "expected a length, found more than the bytes that are left"),
        ),
        (part(1, "a"), told(0, wire_type)),
        (number(2, 1), told(0, wire_type)),
        (number(4, 1), told(0, wire_type)),
        (part(3, "a"), told(0, wire_type)),
        (vec![0x0c], told(0, wire_type)),
        (vec![0x74], told(1, "expected a field, found the end of a group that has not begun")),
        (vec![0x1b], told(1, end_group)),
        (vec![0x1b, 0x08, 0x01, 0x0c], told(4, end_group)),
        (vec![0x73, 0x08, 0x01, 0x7c], told(4, end_group)),
        (part(2, [0xff]), told(3, "expected valid UTF-8, found other bytes")),
    ] {
        assert_eq!(table.bad(&message).reason, reason, "{message:02x?}");
    }
    let message = all(&[number(99, 1), part(98, [0xff]), group(97, &group(96, &number(1, 1))), number(1, 3)]);
    assert_eq!(table.row(&message), json!({ "a": 3, "f": [] }));
    assert_eq!(table.row(&all(&[group(3, &number(1, 1)), group(3, &number(7, 1))])), json!({ "g_x": 1, "f": [] }));
}

#[test]
fn unknown_groups_are_nested_only_so_deep() {
    let mut table = Table::new("message M { int32 a = 1; }");
    let groups = |depth| [vec![0x73; depth], vec![0x74; depth], number(1, 5)].concat();
    assert_eq!(table.row(&groups(100)), json!({ "a": 5 }));
    let reason = table.bad(&groups(101)).reason;
    assert!(reason.ends_with("expected fewer groups inside one another, found more than 100"), "{reason}");
    assert!(table.bad(&vec![0x73; 1_000_000]).reason.contains("more than 100"));
}

#[test]
fn times_have_to_be_in_range() {
    let mut table =
        Table::new(&with_times("message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; }"));
    let (seconds, nanos) = (i64::MAX / 1_000_000_000, i64::MAX % 1_000_000_000);
    for (seconds, nanos, is_good) in [
        (0, 0, true),
        (0, 999_999_999, true),
        (0, 1_000_000_000, false),
        (0, -1, false),
        (seconds, nanos, true),
        (seconds, nanos + 1, false),
        (-seconds - 1, 1_000_000_000 - nanos - 1, true),
        (-seconds - 1, 1_000_000_000 - nanos - 2, false),
        (i64::MAX, 0, false),
        (i64::MIN, 999_999_999, false),
    ] {
        assert_eq!(table.decode(&part(1, time(seconds, nanos))).is_ok(), is_good, "{seconds} {nanos}");
    }
    for (seconds, nanos, is_good) in [
        (-1, -1, true),
        (1, -1, false),
        (-1, 1, false),
        (0, -999_999_999, true),
        (0, -1_000_000_000, false),
        (seconds, nanos, true),
        (seconds, nanos + 1, false),
        (-seconds, -nanos - 1, true),
        (-seconds, -nanos - 2, false),
        (i64::MIN, -999_999_999, false),
    ] {
        assert_eq!(table.decode(&part(2, time(seconds, nanos))).is_ok(), is_good, "{seconds} {nanos}");
    }
    assert_eq!(table.bad(&part(1, number(2, 1 << 31))).reason, "expected int32, found a number beyond it");
}

#[test]
fn times_are_read_however_they_are_written() {
    let mut table =
        Table::new(&with_times("message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; }"));
    let seconds = |seconds: i64| number(1, seconds.cast_unsigned());
    let nanos = |nanos: i64| number(2, nanos.cast_unsigned());
    let long = |field: u8, last: u8| vec![field << 3, last | 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
    for (fields, expected) in [
        (all(&[]), 0_i64),
        (seconds(7), 7_000_000_000),
        (nanos(8), 8),
        (time(7, 8), 7_000_000_008),
        (time(1_767_346_200, 999_999_999), 1_767_346_200_999_999_999),
        (all(&[nanos(8), seconds(7)]), 7_000_000_008),
        (all(&[seconds(9), nanos(9), seconds(7), nanos(8)]), 7_000_000_008),
        (all(&[number(3, 1), seconds(7), part(4, "x"), nanos(8), group(5, &seconds(9))]), 7_000_000_008),
        (all(&[long(1, 7), long(2, 8)]), 7_000_000_008),
        (vec![0x88, 0x00, 0x07, 0x90, 0x80, 0x00, 0x08], 7_000_000_008),
        (vec![0x08, 0x87, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x10, 0x08], 7_000_000_008),
        (vec![0x08, 0x87, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x10, 0x08], 7_000_000_008),
    ] {
        // At the end of the payload and before it.
        assert_eq!(table.row(&part(1, &fields)), json!({ "t": expected }), "{fields:02x?}");
        let row = table.row(&all(&[part(1, &fields), part(2, &fields)]));
        assert_eq!(row, json!({ "t": expected, "d": expected }), "{fields:02x?}");
    }
    assert_eq!(
        table.row(&all(&[part(1, time(-7, 8)), part(2, time(-7, -8))])),
        json!({ "t": -6_999_999_992_i64, "d": -7_000_000_008_i64 })
    );
    let told = |at: usize, what: &str| format!("malformed protobuf at byte {at}: {what}");
    let (end, wire_type) = ("expected more bytes, found the end", "expected the wire type of the field, found another");
    for (fields, reason) in [
        (vec![0x08], told(2, end)),
        (vec![0x08, 0x87], told(2, end)),
        (vec![0x08, 0x07, 0x10], told(4, end)),
        (vec![0x08, 0x07, 0x10, 0x88], told(4, end)),
        (vec![0x08, 0x07, 0x15, 0, 0, 0, 0], told(4, wire_type)),
        (vec![0x0a, 0x00], told(2, wire_type)),
        (nanos(1 << 31), "expected int32, found a number beyond it".to_owned()),
    ] {
        // What follows is no part of it.
        for message in [part(1, &fields), all(&[part(1, &fields), part(2, time(1, 1))])] {
            let bad = table.bad(&message);
            assert_eq!((bad.column, &bad.reason), (Some(0), &reason), "{message:02x?}");
        }
    }
}

#[test]
fn a_further_part_of_a_time_goes_on_with_it() {
    let text = with_times(
        "message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; int64 x = 3; N n = 4;
         repeated N ns = 5; map<int32, google.protobuf.Timestamp> m = 6; repeated google.protobuf.Duration ds = 7; }
         message N { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; }",
    );
    let mut table = Table::new(&text);
    let (seconds, nanos) =
        (|value: i64| number(1, value.cast_unsigned()), |value: i64| number(2, value.cast_unsigned()));
    let good = |value: i64| (Some(value), Some(value));
    for ((first, second), (t, d)) in [
        ((time(5, 6), vec![]), good(5_000_000_006)),
        ((vec![], time(5, 6)), good(5_000_000_006)),
        ((seconds(5), nanos(6)), good(5_000_000_006)),
        ((time(5, 6), seconds(4)), good(4_000_000_006)),
        ((time(5, 6), nanos(0)), good(5_000_000_000)),
        ((time(-5, 6), seconds(-4)), (Some(-3_999_999_994), None)),
        ((time(-5, -6), seconds(-4)), (None, Some(-4_000_000_006))),
        ((nanos(-6), seconds(-4)), (None, Some(-4_000_000_006))),
        // Neither of the parts is in range.
        ((time(1, -1), time(i64::MAX, 2)), (None, None)),
        // Only both together are, or no longer.
        ((time(1, 1_000_000_000), nanos(3)), good(1_000_000_003)),
        ((time(i64::MAX, 3), seconds(1)), good(1_000_000_003)),
        ((time(1, 3), seconds(i64::MIN)), (None, None)),
        ((time(1, 3), nanos(-3)), (None, None)),
    ] {
        for (place, expected) in [(1, t), (2, d)] {
            let (first, second) = (part(place, &first), part(place, &second));
            let inside = all(&[first.clone(), number(3, 1), second.clone()]);
            let name = if place == 1 { "t" } else { "d" };
            let messages = [
                inside.clone(),
                all(&[number(3, 1), first.clone(), second.clone()]),
                // Also as members.
                all(&[number(3, 1), part(4, &first), part(4, &second)]),
                all(&[part(5, inside), number(3, 1)]),
            ];
            for (message, path) in messages.iter().zip(["", "", "n_", "ns"]) {
                let Some(expected) = expected else {
                    assert!(!table.bad(message).reason.contains("malformed"), "{message:02x?}");
                    continue;
                };
                let row = table.row(message);
                let of = if path == "ns" { &row["ns"][0][name] } else { &row[format!("{path}{name}")] };
                assert_eq!(of, expected, "{message:02x?}");
            }
        }
    }
    // What makes it good may come late, and several may be.
    let bad = all(&[part(1, nanos(-1)), part(2, time(1, -1))]);
    assert_eq!(
        table.row(&all(&[bad.clone(), number(3, 1), part(2, seconds(-1)), part(1, seconds(5)), part(1, nanos(1))])),
        json!({ "t": 5_000_000_001_i64, "d": -1_000_000_001_i64, "x": 1, "ns": [], "m": {}, "ds": [] })
    );
    assert_eq!(table.bad(&all(&[bad.clone(), part(1, nanos(1))])).column, Some(1));
    assert_eq!(table.bad(&all(&[bad, part(2, nanos(1))])).column, Some(0));
    // But never of what is malformed.
    assert_eq!(table.bad(&all(&[part(1, [0x08]), part(1, time(1, 1))])).column, Some(0));
    assert_eq!(table.bad(&all(&[part(1, time(1, 1)), part(1, [0x08])])).column, Some(0));
    // Items are no parts of each other, and a value of a map is there.
    let bad = table.bad(&all(&[part(7, time(1, 1)), part(7, time(1, -1)), part(7, seconds(-1))]));
    assert_eq!((bad.column, bad.path.as_str()), (Some(7), "[1]"));
    assert_eq!(table.bad(&all(&[part(5, part(1, nanos(-1))), part(5, part(1, nanos(1)))])).path, "[0].t");
    assert_eq!(table.row(&part(6, number(1, 1)))["m"], json!({ "1": 0 }));
    assert_eq!(
        table.row(&part(6, all(&[part(2, seconds(-1)), number(1, 1), part(2, nanos(1))])))["m"],
        json!({ "1": -999_999_999_i64 })
    );
}

#[test]
fn a_time_of_a_oneof_is_cleared_as_others_are() {
    let mut table = Table::new(&with_times(
        "message M { oneof o { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; int32 i = 3; N n = 4; } }
         message N { int32 j = 1; }",
    ));
    let (t, d, i) = (part(1, time(1, 2)), part(2, time(3, 4)), number(3, 5));
    assert_eq!(table.row(&t), json!({ "t": 1_000_000_002 }));
    assert_eq!(table.row(&all(&[t.clone(), d.clone()])), json!({ "d": 3_000_000_004_u64 }));
    assert_eq!(table.row(&all(&[d.clone(), t.clone()])), json!({ "t": 1_000_000_002 }));
    assert_eq!(table.row(&all(&[d.clone(), t.clone(), i.clone()])), json!({ "i": 5 }));
    assert_eq!(table.row(&all(&[t.clone(), part(4, number(1, 6))])), json!({ "n_j": 6 }));
    // Of what has been cleared nothing is left.
    assert_eq!(table.row(&all(&[t.clone(), i.clone(), part(1, number(2, 7))])), json!({ "t": 7 }));
    assert_eq!(table.row(&all(&[t.clone(), part(1, number(2, 7))])), json!({ "t": 1_000_000_007 }));
    // What was wrong with it is wrong all the same.
    let odd = part(1, number(2, 1_000_000_000));
    assert_eq!(table.row(&all(&[odd.clone(), part(1, number(2, 7)), d])), json!({ "d": 3_000_000_004_u64 }));
    let reason = "expected 0 to 999999999 nanoseconds, found others";
    assert_eq!(table.bad(&all(&[odd.clone(), i.clone(), t.clone()])).reason, reason);
    assert_eq!(table.bad(&all(&[t, i, odd])).reason, reason);
}

#[test]
fn nothing_that_many_messages_inside_had_is_left_for_the_next_record() {
    let members: Vec<String> = (1..=20).map(|n| format!("N n{n} = {n};")).collect();
    let items: Vec<String> = (1..=20).map(|n| format!("I i{n} = {n};")).collect();
    let mut table = Table::of(
        &format!(
            "message M {{ {} repeated N ns = 21; }} message N {{ {} }} message I {{ int32 v = 1; }}",
            members.join(" "),
            items.join(" ")
        ),
        &[("nested", "struct")],
    );
    let inside = |n| part(n, number(1, n));
    let message = |odd: u64| all(&(1..=20).filter(|n| n % 2 == odd).map(|n| part(n, inside(n))).collect::<Vec<_>>());
    for odd in [0, 1, 0] {
        let row = table.row(&all(&[part(21, inside(1)), message(odd), part(21, inside(2)), part(21, [])]));
        for n in 1..=20 {
            let expected = if n % 2 == odd { json!({ format!("i{n}"): { "v": n } }) } else { Json::Null };
            assert_eq!(row[format!("n{n}")], expected);
        }
        assert_eq!(row["ns"], json!([{ "i1": { "v": 1 } }, { "i2": { "v": 2 } }, {}]));
        assert!(table.decode(&all(&[message(1), part(2, part(2, [0x08]))])).is_err());
    }
}

#[test]
fn structs_are_json_text() {
    let text = "syntax = \"proto3\"; import \"google/protobuf/struct.proto\";
        message M { google.protobuf.Struct s = 1; google.protobuf.Value v = 2; google.protobuf.ListValue l = 3; }";
    let mut table = Table::new(text);
    let double = |value: f64| [&[0x11][..], &value.to_le_bytes()].concat();
    let entry = |key: &str, value: &[u8]| part(1, all(&[part(1, key), part(2, value)]));
    let object = all(&[
        entry("b", &double(1.0)),
        entry("a", &part(3, "\"\u{1}é")),
        part(1, part(1, "none")),
        entry("b", &part(6, all(&[part(1, number(4, 1)), part(1, number(1, 0)), part(1, part(5, []))]))),
    ]);
    let row = table.row(&all(&[part(1, object), part(2, double(-0.25)), part(3, [])]));
    assert_eq!(row["s"], r#"{"a":"\"\u0001é","none":null,"b":[true,null,{}]}"#);
    assert_eq!((&row["v"], &row["l"]), (&json!("-0.25"), &json!("[]")));
    let row = table.row(&all(&[part(2, []), part(1, entry("x", &[])), part(1, entry("y", &part(3, "")))]));
    assert_eq!(row, json!({ "s": r#"{"x":null,"y":""}"#, "v": "null" }));
    // Parts of the same array, and an object that it clears.
    let list = |value| part(6, part(1, double(value)));
    let row = table.row(&part(2, all(&[part(5, entry("x", &[])), list(1.0), list(2.0)])));
    assert_eq!(row, json!({ "v": "[1.0,2.0]" }));
    assert_eq!(table.bad(&part(2, all(&[part(5, [0x08]), list(1.0)]))).column, Some(1));
    assert!(table.bad(&part(2, double(f64::NAN))).reason.contains("a finite number"));
    assert_eq!(table.row(&part(2, all(&[double(f64::NAN), number(4, 0)]))), json!({ "v": "false" }));
    let nested = |depth: usize| {
        let mut list = Vec::new();
        for _ in 1..depth {
            list = part(1, part(6, list));
        }
        part(3, list)
    };
    assert_eq!(table.row(&nested(100)), json!({ "l": format!("{}{}", "[".repeat(100), "]".repeat(100)) }));
    assert_eq!(table.bad(&nested(101)).reason, "expected JSON of up to 100 levels, found more");
}

#[test]
fn items_take_only_so_much() {
    let members: Vec<String> = (1..=1000).map(|n| format!("int64 f{n} = {n};")).collect();
    let mut table = Table::new(&format!(
        "message M {{ repeated N ns = 1; oneof o {{ N n = 2; N p = 3; }} map<int32, N> m = 4; }} message N {{ {} }}",
        members.join(" ")
    ));
    let empty = part(1, []);
    table.decode(&empty.repeat(100)).unwrap();
    assert_eq!(table.decoder.item_bytes(), 100 * 8000);
    let reason = "expected fewer items, found more than a row may hold";
    assert_eq!(table.bad(&empty.repeat(256 * 1024 * 1024 / 8000 + 1)).reason, reason);
    let entries: Vec<Vec<u8>> = (0..256 * 1024 * 1024 / 8004 + 1).map(|key| part(4, number(1, key))).collect();
    assert_eq!(table.bad(&entries.concat()).reason, reason);
    // What is cleared again and again takes time, too.
    let both = all(&[part(2, []), part(3, [])]);
    assert_eq!(table.bad(&both.repeat(256 * 1024 * 1024 / 16_000 + 1)).reason, reason);
}

#[test]
fn maps_in_maps_are_not_read_again_and_again() {
    let levels = 30;
    let mut text = "message M { map<int32, L1> m = 1; }".to_owned();
    for level in 1..levels {
        text += &format!(" message L{level} {{ map<int32, L{}> m = 1; int32 v = 2; }}", level + 1);
    }
    text += &format!(" message L{levels} {{ int32 v = 2; }}");
    let mut table = Table::new(&text);
    // In each map the same key twice.
    let mut message = number(2, 1);
    for _ in 0..levels {
        message = all(&[part(1, []), part(1, part(2, message))]);
    }
    table.decode(&message).unwrap();
    assert!(table.bad(&message[..message.len() - 1]).path.is_empty());
}

#[test]
fn parts_of_many_messages_take_no_time_that_grows_with_their_square() {
    let mut table = Table::new(
        "message M { N n = 1; map<int32, int32> m = 2; } message N { int32 i = 1; O o = 2; } message O { int32 j = 1; }",
    );
    let part_of_it = all(&[part(1, part(2, number(1, 5))), part(2, number(1, 1))]);
    let row = table.row(&part_of_it.repeat(200_000));
    assert_eq!(row, json!({ "n_i": 0, "n_o_j": 5, "m": { "1": 0 } }));
}
