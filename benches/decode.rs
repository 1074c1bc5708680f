//! Decoding alone: one thread, record by record into batches of 8192 rows, beside libraries that do the same.
//!
//!     cargo bench --bench decode -- [NAME...]
//!
//! A name is that of a shape, as it is in the names of figures, or what several begin with, as in `nested`; those of Avro
//! begin with `avro`, those of Protobuf with `protobuf`. Rounds of karrow and its peers take turns in one run, over the same
//! records; before anything is timed, what they make of the records is compared and has to be equal.
//!
//! One peer is a package for Python. It takes part if `KARROW_PYTHON` names a Python that has what `benches/requirements.txt`
//! says.

#[path = "decode/avro_peers.rs"]
mod avro_peers;
#[path = "support/avro_shapes.rs"]
mod avro_shapes;
#[path = "decode/peers.rs"]
mod peers;
#[path = "decode/protobuf_peers.rs"]
mod protobuf_peers;
#[path = "support/protobuf_shapes.rs"]
mod protobuf_shapes;
#[path = "support/shapes.rs"]
mod shapes;
mod support;

use std::hint::black_box;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use avro_shapes::AvroShape;
use karrow::format::{Side, Spec};
use karrow::rows::{BadRecordPolicy, ChunkLimits, OnSeal, Policies, Record, RecordTime, RowBuffer};
use karrow::schema::TableSchema;
use peers::Decode;
use protobuf_peers::Ptars;
use protobuf_shapes::ProtobufShape;
use shapes::{BATCH_ROWS, Shape};
use support::{Cost, measure, print_cpu_figure, print_figure, print_summary};

const ROUNDS: usize = 15;

/// By name, what runs it.
const BENCHMARKS: [(&str, fn()); 42] = [
    ("int64x20", || beside_peers(&shapes::int64x20())),
    ("doublex20", || beside_peers(&shapes::doublex20())),
    ("timestampx20", || beside_peers(&shapes::timestampx20())),
    ("int64x100", || beside_peers(&shapes::int64x100())),
    ("int64x1000", || beside_peers(&shapes::int64x1000())),
    ("trade", || beside_peers(&shapes::trade())),
    ("trade.shuffled", || beside_peers(&shapes::shuffled())),
    ("trade.escaped", || beside_peers(&shapes::escaped())),
    ("trade.unknown30", || beside_peers(&shapes::unknown30())),
    ("trade.bad1", || beside_clean(&shapes::bad1(), &shapes::trade())),
    ("nested.struct", || beside_peers(&shapes::structs())),
    ("nested.list", || beside_peers(&shapes::list())),
    ("nested.list_of_structs", || beside_peers(&shapes::list_of_structs())),
    ("nested.map", || beside_peers(&shapes::map())),
    ("processor.trade", || processor_beside_json(&shapes::trade())),
    ("processor.int64x20", || processor_beside_json(&shapes::int64x20())),
    ("avro.int64x20", || avro_beside_peers(&AvroShape::of(&shapes::int64x20()))),
    ("avro.int64x20.every_other", || avro_beside_peers(&avro_shapes::every_other())),
    ("avro.int64x20.first_ten", || avro_beside_peers(&avro_shapes::first_ten())),
    ("avro.doublex20", || avro_beside_peers(&AvroShape::of(&shapes::doublex20()))),
    ("avro.timestampx20", || avro_beside_peers(&AvroShape::of(&shapes::timestampx20()))),
    ("avro.int64x100", || avro_beside_peers(&AvroShape::of(&shapes::int64x100()))),
    ("avro.int64x1000", || avro_beside_peers(&AvroShape::of(&shapes::int64x1000()))),
    ("avro.trade", || avro_beside_peers(&AvroShape::of(&shapes::trade()))),
    ("avro.trade.evolved", || avro_beside_peers(&avro_shapes::evolved())),
    ("avro.nested.struct", || avro_beside_peers(&AvroShape::of(&shapes::structs()))),
    ("avro.nested.list", || avro_beside_peers(&AvroShape::of(&shapes::list()))),
    ("avro.nested.list_of_structs", || avro_beside_peers(&AvroShape::of(&shapes::list_of_structs()))),
    ("avro.nested.map", || avro_beside_peers(&AvroShape::of(&shapes::map()))),
    ("protobuf.int64x20", || protobuf_beside_peers(&ProtobufShape::of(&shapes::int64x20()))),
    ("protobuf.int64x20.sparse", || protobuf_beside_peers(&protobuf_shapes::sparse())),
    ("protobuf.doublex20", || protobuf_beside_peers(&ProtobufShape::of(&shapes::doublex20()))),
    ("protobuf.timestampx20", || protobuf_beside_peers(&ProtobufShape::of(&shapes::timestampx20()))),
    ("protobuf.int64x100", || protobuf_beside_peers(&ProtobufShape::of(&shapes::int64x100()))),
    ("protobuf.int64x1000", || protobuf_beside_peers(&ProtobufShape::of(&shapes::int64x1000()))),
    ("protobuf.trade", || protobuf_beside_peers(&ProtobufShape::of(&shapes::trade()))),
    ("protobuf.nested.struct", || protobuf_beside_peers(&ProtobufShape::of(&shapes::structs()))),
    ("protobuf.nested.list", || protobuf_beside_peers(&ProtobufShape::of(&shapes::list()))),
    ("protobuf.nested.list_of_structs", || protobuf_beside_peers(&ProtobufShape::of(&shapes::list_of_structs()))),
    ("protobuf.nested.map", || protobuf_beside_peers(&ProtobufShape::of(&shapes::map()))),
    ("scale.columns", scale_columns),
    ("scale.value_bytes", scale_value_bytes),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let asks_for = |wanted: &str, name: &str| {
        name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(unknown) = wanted.iter().find(|wanted| !BENCHMARKS.iter().any(|(name, _)| asks_for(wanted, name))) {
        let names: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
        eprintln!("nothing here is called {unknown}; there are {}", names.join(", "));
        std::process::exit(2);
    }
    for (name, run) in BENCHMARKS {
        if wanted.is_empty() || wanted.iter().any(|wanted| asks_for(wanted, name)) {
            run();
        }
    }
    print_summary("decode");
}

/// karrow and those peers that can, over the same records.
fn beside_peers(shape: &Shape) {
    let (rows, bytes) = (shape.records.len() as f64, shape.bytes() as f64);
    println!("{}: {rows} records of {:.0} bytes", shape.name, bytes / rows);
    let mut karrow = Karrow::new(&shape.name, &shape.spec());
    let schema = karrow.peer_schema();
    let mut peers: Vec<(&str, Decode)> = vec![("arrow_json", peers::arrow_json)];
    if !shape.is_nested() {
        peers.extend([("serde_json", peers::serde_json as Decode), ("sonic_rs", peers::sonic_rs as Decode)]);
    }
    let expected = values(&karrow.decode(&shape.records));
    for (peer, decode) in &peers {
        assert!(values(&decode(&schema, &shape.records)) == expected, "{peer} makes other rows of {}", shape.name);
    }

    let ours = || drop(black_box(karrow.decode(&shape.records)));
    let theirs = |index: usize| drop(black_box(peers[index].1(&schema, &shape.records)));
    let names: Vec<&str> = peers.iter().map(|(peer, _)| *peer).collect();
    take_turns(&format!("json.{}", shape.name), (rows, bytes), &names, ours, theirs);
}

/// The same for Avro.
fn avro_beside_peers(shape: &AvroShape) {
    let (rows, bytes) = (shape.records.len() as f64, shape.bytes() as f64);
    println!("{}: {rows} records of {:.0} bytes", shape.name, bytes / rows);
    let mut karrow = Karrow::new(&shape.name, &shape.spec());
    let schema = karrow.peer_schema();
    let mut peers: Vec<(&str, avro_peers::Decode)> = vec![("arrow_avro", avro_peers::arrow_avro)];
    if !shape.is_nested {
        peers.push(("apache_avro", avro_peers::apache_avro));
    }
    let expected = values(&karrow.decode(&shape.records));
    for (peer, decode) in &peers {
        // What may be null inside of lists and structs, each says in its own way.
        let found = values(&decode(&schema, shape)).into_iter().zip(&expected).map(|(found, expected)| {
            let columns = found.iter().zip(expected);
            columns.map(|(found, expected)| arrow_cast::cast(found, expected.data_type()).unwrap()).collect()
        });
        let found: Vec<Vec<ArrayRef>> = found.collect();
        assert!(found == expected, "{peer} makes other rows of {}", shape.name);
    }
    let ours = || drop(black_box(karrow.decode(&shape.records)));
    let theirs = |index: usize| drop(black_box(peers[index].1(&schema, shape)));
    let names: Vec<&str> = peers.iter().map(|(peer, _)| *peer).collect();
    take_turns(&format!("avro.{}", shape.name), (rows, bytes), &names, ours, theirs);
}

/// The same for Protobuf.
fn protobuf_beside_peers(shape: &ProtobufShape) {
    let (rows, bytes) = (shape.records.len() as f64, shape.bytes() as f64);
    println!("{}: {rows} records of {:.0} bytes", shape.name, bytes / rows);
    let mut karrow = Karrow::new(&shape.name, &shape.spec());
    let expected = values(&peers::arrow_json(&karrow.peer_schema(), &shape.json));
    assert!(values(&karrow.decode(&shape.records)) == expected, "karrow makes other rows of {}", shape.name);
    for (record, json) in shape.records.iter().zip(&shape.json) {
        assert!(shape.is(record, json), "dynamic_message makes other rows of {}", shape.name);
    }
    let mut ptars = Ptars::start(shape);
    let mut names = vec!["dynamic_message"];
    names.extend(ptars.as_ref().map(|_| "ptars"));
    if ptars.is_none() {
        println!("KARROW_PYTHON names no Python, so that ptars takes no part");
    }
    let ours = || drop(black_box(karrow.decode(&shape.records)));
    let theirs = |index: usize| match &mut ptars {
        Some(ptars) if index == 1 => ptars.decode(),
        _ => measure(|| protobuf_peers::dynamic_message(shape)),
    };
    take_turns_of(&format!("protobuf.{}", shape.name), (rows, bytes), &names, ours, theirs);
}

/// Times karrow and each peer, which take turns, and prints what it has cost to decode so many rows of so many bytes.
fn take_turns(shape: &str, size: (f64, f64), peers: &[&str], ours: impl FnMut(), theirs: impl Fn(usize)) {
    take_turns_of(shape, size, peers, ours, |index| measure(|| theirs(index)));
}

/// The same with peers that say themselves what it has cost.
fn take_turns_of(
    shape: &str,
    (rows, bytes): (f64, f64),
    peers: &[&str],
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(usize) -> Cost,
) {
    let name = |figure: &str| format!("decode.{shape}.{figure}");
    // karrow's cost, and that of each peer. The first round warms caches and branch predictors, and is not counted.
    let rounds: Vec<(Cost, Vec<Cost>)> =
        (0..=ROUNDS).map(|_| (measure(&mut ours), (0..peers.len()).map(&mut theirs).collect())).skip(1).collect();
    print_cpu_figure(&name("ns_per_row"), "ns", &rounds, rows, |(ours, _)| *ours);
    print_figure(&name("gb_per_s"), "GB/s", &rounds, |(ours, _)| bytes / ours.cpu.as_nanos() as f64);
    for (index, peer) in peers.iter().enumerate() {
        print_cpu_figure(&name(&format!("{peer}.ns_per_row")), "ns", &rounds, rows, |(_, peers)| peers[index]);
        print_figure(&name(&format!("ratio.{peer}")), "x", &rounds, |(ours, peers)| {
            peers[index].cpu.as_secs_f64() / ours.cpu.as_secs_f64()
        });
    }
}

/// Records of which some do not fit and are skipped, beside all of them good.
fn beside_clean(bad: &Shape, clean: &Shape) {
    let good = bad.records.iter().zip(&clean.records).filter(|(bad, clean)| bad == clean).count();
    println!("{}: {} records, {} bad", bad.name, bad.records.len(), bad.records.len() - good);
    let new = |shape: &Shape| Karrow::new(&shape.name, &shape.spec());
    let (mut karrow, mut karrow_clean) = (new(bad), new(clean));
    let rows: usize = karrow.decode(&bad.records).iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, good);
    let round = |_| {
        (
            measure(|| drop(black_box(karrow.decode(&bad.records)))),
            measure(|| drop(black_box(karrow_clean.decode(&clean.records)))),
        )
    };
    let rounds: Vec<(Cost, Cost)> = (0..=ROUNDS).map(round).skip(1).collect();
    let name = |figure: &str| format!("decode.json.{}.{figure}", bad.name);
    print_cpu_figure(&name("ns_per_row"), "ns", &rounds, bad.records.len() as f64, |(bad, _)| *bad);
    print_figure(&name("rate_ratio.clean"), "x", &rounds, |(bad, clean)| {
        clean.cpu.as_secs_f64() / bad.cpu.as_secs_f64()
    });
}

/// An object processor beside a json spec of the same columns.
fn processor_beside_json(shape: &Shape) {
    let rows = shape.records.len() as f64;
    println!("processor.{}: {rows} records", shape.name);
    let mut processor = Karrow::new(&shape.name, &shape.processor());
    let mut json = Karrow::new(&shape.name, &shape.spec());
    let same = values(&processor.decode(&shape.records)) == values(&json.decode(&shape.records));
    assert!(same, "an object processor makes other rows of {}", shape.name);
    let round = |_| {
        (
            measure(|| drop(black_box(processor.decode(&shape.records)))),
            measure(|| drop(black_box(json.decode(&shape.records)))),
        )
    };
    let rounds: Vec<(Cost, Cost)> = (0..=ROUNDS).map(round).skip(1).collect();
    let name = |figure: &str| format!("decode.processor.{}.{figure}", shape.name);
    print_cpu_figure(&name("ns_per_row"), "ns", &rounds, rows, |(processor, _)| *processor);
    print_figure(&name("cpu_ratio.json"), "x", &rounds, |(processor, json)| {
        processor.cpu.as_secs_f64() / json.cpu.as_secs_f64()
    });
}

/// From one column to a thousand, a million cells each.
fn scale_columns() {
    let steps: Vec<_> = [1, 10, 20, 100, 1000]
        .map(|columns| {
            let records = (1 << 20) / columns;
            let name = format!("scale.columns.{columns}.ns_per_cell");
            (name, shapes::int64(columns, records), (columns * records) as f64)
        })
        .into();
    scale(&steps);
}

/// A text of fifty bytes to one of a hundred thousand, sixteen megabytes each.
fn scale_value_bytes() {
    let steps: Vec<_> = [50, 1000, 10_000, 100_000]
        .map(|letters| {
            let records = 16_000_000 / letters;
            let name = format!("scale.value_bytes.{letters}.ns_per_byte");
            (name, shapes::text(letters, records), (letters * records) as f64)
        })
        .into();
    scale(&steps);
}

/// Steps take turns as peers do, so that a bend is one of karrow and not of the machine. Each has the name of its figure,
/// and how many of the figure's units are in it.
fn scale(steps: &[(String, Shape, f64)]) {
    let mut karrows: Vec<Karrow> = steps.iter().map(|(_, shape, _)| Karrow::new(&shape.name, &shape.spec())).collect();
    let rounds: Vec<Vec<Cost>> = (0..=ROUNDS)
        .map(|_| {
            let each = karrows.iter_mut().zip(steps);
            each.map(|(karrow, (_, shape, _))| measure(|| drop(black_box(karrow.decode(&shape.records))))).collect()
        })
        .skip(1)
        .collect();
    for (index, (name, _, units)) in steps.iter().enumerate() {
        print_cpu_figure(name, "ns", &rounds, *units, |steps| steps[index]);
    }
}

/// Columns without the metadata that only karrow's have, instants as numbers.
fn values(batches: &[RecordBatch]) -> Vec<Vec<ArrayRef>> {
    let values = |column: &ArrayRef| match column.data_type() {
        DataType::Timestamp(..) => {
            Arc::new(column.as_primitive::<TimestampNanosecondType>().reinterpret_cast::<Int64Type>()) as ArrayRef
        }
        _ => Arc::clone(column),
    };
    batches.iter().map(|batch| batch.columns().iter().map(values).collect()).collect()
}

/// karrow's rows, as an ingest thread fills them, without common columns.
struct Karrow {
    schema: Arc<TableSchema>,
    rows: RowBuffer,
}

impl Karrow {
    fn new(name: &str, spec: &Spec) -> Karrow {
        let (_, key) = Spec::Ignore.resolve(Side::Key, &Default::default()).unwrap();
        let (columns, value) = spec.resolve(Side::Value, &Default::default()).unwrap();
        let schema = Arc::new(TableSchema::new(name, Vec::new(), Vec::new(), columns).unwrap());
        let limits = ChunkLimits { rows: BATCH_ROWS, ..ChunkLimits::default() };
        let policies = Policies { value: BadRecordPolicy::Skip, ..Policies::default() };
        let rows = RowBuffer::new(Arc::clone(&schema), 0, key, value, limits, OnSeal::Begin).unwrap();
        let rows = rows.with_policies(policies);
        Karrow { schema, rows }
    }

    fn decode(&mut self, records: &[Vec<u8>]) -> Vec<RecordBatch> {
        for (offset, value) in records.iter().enumerate() {
            let record = Record {
                offset: offset as i64,
                timestamp: RecordTime::None,
                receive_time_ns: 0,
                leader_epoch: None,
                key: None,
                value: Some(value),
                headers: &[],
            };
            // What is bad is skipped.
            let _ = self.rows.append(&record);
        }
        self.rows.seal(false).into_iter().map(|sealed| sealed.batch.arrays().clone()).collect()
    }

    /// The same columns for a peer, with UTC as an offset: names of zones need a feature of arrow that nothing else does.
    fn peer_schema(&self) -> SchemaRef {
        let data_type = |of_ours: &DataType| match of_ours {
            DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
            other => other.clone(),
        };
        let fields = self.schema.arrow().fields().iter();
        Arc::new(Schema::new(fields.map(|f| Field::new(f.name(), data_type(f.data_type()), true)).collect::<Vec<_>>()))
    }
}
