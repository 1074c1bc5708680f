//! Decoding alone: one thread, record by record into batches of 8192 rows, beside libraries that do the same.
//!
//!     cargo bench --bench decode [SHAPE...]
//!
//! Rounds of karrow and its peers take turns in one run, over the same records; before anything is timed, what they make
//! of the records is compared and has to be equal.

mod support;

use std::hint::black_box;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use karrow::format::json::JsonSpec;
use karrow::format::{Side, Spec};
use karrow::rows::{BadRecordPolicy, ChunkLimits, OnSeal, Policies, Record, RecordTime, RowBuffer};
use karrow::schema::TableSchema;
use support::{Cost, measure, print_figure};

const RECORDS: usize = 4 * BATCH_ROWS;
const BATCH_ROWS: usize = 8192;
const ROUNDS: usize = 15;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for shape in [int64x20(), trade(), unknown30(), structs(), list(), list_of_structs(), map()] {
        if wanted.is_empty() || wanted.iter().any(|name| shape.name.contains(name.as_str())) {
            run(&shape);
        }
    }
    if wanted.is_empty() || wanted.iter().any(|name| "trade.bad1".contains(name.as_str())) {
        run_bad();
    }
}

/// Records of one kind, and the columns they are decoded into.
struct Shape {
    name: &'static str,
    columns: Vec<(String, &'static str)>,
    records: Vec<Vec<u8>>,
}

impl Shape {
    fn new(name: &'static str, columns: &[(&str, &'static str)], records: Vec<Vec<u8>>) -> Shape {
        Shape { name, columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(), records }
    }
}

/// Twenty columns of integers from 1 to 1000.
fn int64x20() -> Shape {
    let mut random = Random(1);
    let names: Vec<String> = (1..=20).map(|n| if n == 1 { "count".to_owned() } else { format!("col{n}") }).collect();
    let record = |_| {
        let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":{}", 1 + random.below(1000))).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    };
    let records = (0..RECORDS).map(record).collect();
    Shape { name: "int64x20", columns: names.into_iter().map(|name| (name, "int64")).collect(), records }
}

/// Nine columns of a trade: four texts, two numbers that are sometimes null.
fn trade() -> Shape {
    let columns = [
        ("symbol", "utf8"),
        ("side", "utf8"),
        ("price", "float64"),
        ("qty", "int64"),
        ("time", "timestamp[ns, UTC]"),
        ("venue", "utf8"),
        ("order_id", "utf8"),
        ("fee", "float64"),
        ("parent", "int64"),
    ];
    let mut random = Random(2);
    let record = |row: usize| {
        let symbol = ["AAPL", "MSFT", "NVDA", "GOOG", "AMZN", "META", "BRK.B", "TSM"][random.below(8) as usize];
        let side = ["buy", "sell"][random.below(2) as usize];
        let price = format!("{}.{:02}", 10 + random.below(900), random.below(100));
        let time = 1_767_346_200_000_000_000 + row as u64 * 1_000_003;
        let venue = ["XNAS", "XNYS", "ARCX", "BATS"][random.below(4) as usize];
        let order_id = format!("{:08x}-{:06}", random.below(1 << 32), random.below(1_000_000));
        let fee = if random.below(4) == 0 { "null".to_owned() } else { format!("0.{:04}", random.below(10_000)) };
        let parent = if random.below(2) == 0 { "null".to_owned() } else { random.below(10_000_000).to_string() };
        format!(
            "{{\"symbol\":\"{symbol}\",\"side\":\"{side}\",\"price\":{price},\"qty\":{},\"time\":{time},\
             \"venue\":\"{venue}\",\"order_id\":\"{order_id}\",\"fee\":{fee},\"parent\":{parent}}}",
            1 + random.below(10_000)
        )
        .into_bytes()
    };
    let records = (0..RECORDS).map(record).collect();
    Shape::new("trade", &columns, records)
}

/// The trades, among thirty fields that no column reads, a third of them objects and arrays.
fn unknown30() -> Shape {
    let mut random = Random(3);
    let mut shape = trade();
    for record in &mut shape.records {
        let others = (0..30).map(|n| match n % 6 {
            0 => format!("\"u{n}\":{}", random.below(1_000_000)),
            1 | 2 => format!("\"u{n}\":\"{:016x}\"", random.below(u64::MAX)),
            3 => format!("\"u{n}\":{}.{:02}", random.below(900), random.below(100)),
            4 => format!("\"u{n}\":[{},{},{}]", random.below(10), random.below(1000), random.below(100_000)),
            _ => format!("\"u{n}\":{{\"a\":{},\"b\":\"{:08x}\",\"c\":null}}", random.below(10), random.below(1 << 32)),
        });
        let text = String::from_utf8(std::mem::take(record)).expect("JSON is text");
        // Three unknown fields in front of each known one.
        let known: Vec<&str> = text[1..text.len() - 1].split(',').collect();
        let mut members = Vec::new();
        for (index, other) in others.enumerate() {
            members.push(other);
            members.extend(known.get(index / 3).filter(|_| index % 3 == 2).map(|known| (*known).to_owned()));
        }
        *record = format!("{{{}}}", members.join(",")).into_bytes();
    }
    Shape { name: "trade.unknown30", ..shape }
}

/// Structs in structs.
fn structs() -> Shape {
    let mut random = Random(4);
    let record = |_| {
        format!(
            "{{\"id\":{},\"customer\":{{\"name\":\"{:08x}\",\"tier\":{},\"address\":{{\"city\":\"{}\",\"zip\":{}}}}},\
             \"total\":{{\"net\":{}.{:02},\"tax\":{}.{:02}}}}}",
            random.below(1 << 40),
            random.below(1 << 32),
            1 + random.below(5),
            ["Vienna", "Graz", "Linz", "Salzburg"][random.below(4) as usize],
            1000 + random.below(9000),
            random.below(10_000),
            random.below(100),
            random.below(1000),
            random.below(100),
        )
        .into_bytes()
    };
    let columns = [
        ("id", "int64"),
        ("customer", "struct<name: utf8, tier: int32, address: struct<city: utf8, zip: int32>>"),
        ("total", "struct<net: float64, tax: float64>"),
    ];
    Shape::new("nested.struct", &columns, (0..RECORDS).map(record).collect())
}

/// Twenty integers in an array.
fn list() -> Shape {
    let mut random = Random(5);
    let record = |row| {
        let items: Vec<String> = (0..20).map(|_| random.below(100_000).to_string()).collect();
        format!("{{\"id\":{row},\"values\":[{}]}}", items.join(",")).into_bytes()
    };
    let columns = [("id", "int64"), ("values", "list<int64>")];
    Shape::new("nested.list", &columns, (0..RECORDS).map(record).collect())
}

/// An order with up to nine legs.
fn list_of_structs() -> Shape {
    let mut random = Random(6);
    let record = |row| {
        let legs: Vec<String> = (0..1 + random.below(9))
            .map(|_| {
                let symbol = ["AAPL", "MSFT", "NVDA", "GOOG", "AMZN", "META", "BRK.B", "TSM"][random.below(8) as usize];
                let (price, cents, qty) = (10 + random.below(900), random.below(100), 1 + random.below(10_000));
                format!("{{\"symbol\":\"{symbol}\",\"price\":{price}.{cents:02},\"qty\":{qty}}}")
            })
            .collect();
        format!("{{\"id\":{row},\"legs\":[{}]}}", legs.join(",")).into_bytes()
    };
    let columns = [("id", "int64"), ("legs", "list<struct<symbol: utf8, price: float64, qty: int64>>")];
    Shape::new("nested.list_of_structs", &columns, (0..RECORDS).map(record).collect())
}

/// Six tags.
fn map() -> Shape {
    let mut random = Random(7);
    let record = |row| {
        let tags: Vec<String> =
            (0..6).map(|n| format!("\"tag{}\":\"{:06x}\"", n + 6 * random.below(4), random.below(1 << 24))).collect();
        format!("{{\"id\":{row},\"tags\":{{{}}}}}", tags.join(",")).into_bytes()
    };
    let columns = [("id", "int64"), ("tags", "map<utf8, utf8>")];
    Shape::new("nested.map", &columns, (0..RECORDS).map(record).collect())
}

/// A fixed sequence of numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn run(shape: &Shape) {
    let bytes: usize = shape.records.iter().map(Vec::len).sum();
    println!("{}: {RECORDS} records of {} bytes", shape.name, bytes / RECORDS);
    let mut karrow = Karrow::new(shape);
    let schema = karrow.peer_schema();
    assert_eq!(values(&karrow.decode(&shape.records)), values(&arrow_json(&schema, &shape.records)), "{}", shape.name);

    let mut rounds: Vec<(Cost, Cost)> = Vec::with_capacity(ROUNDS);
    // The first round warms caches and branch predictors, and is not counted.
    for round in 0..=ROUNDS {
        let pair = (
            measure(|| drop(black_box(karrow.decode(&shape.records)))),
            measure(|| drop(black_box(arrow_json(&schema, &shape.records)))),
        );
        if round > 0 {
            rounds.push(pair);
        }
    }
    let name = |figure: &str| format!("decode.json.{}.{figure}", shape.name);
    let (rows, bytes) = (RECORDS as f64, bytes as f64);
    print_figure(&name("ns_per_row"), "ns", &rounds, |(ours, _)| ours.cpu.as_nanos() as f64 / rows);
    print_figure(&name("gb_per_s"), "GB/s", &rounds, |(ours, _)| bytes / ours.cpu.as_nanos() as f64);
    print_figure(&name("arrow_json.ns_per_row"), "ns", &rounds, |(_, peer)| peer.cpu.as_nanos() as f64 / rows);
    print_figure(&name("ratio.arrow_json"), "x", &rounds, |(ours, peer)| {
        peer.cpu.as_secs_f64() / ours.cpu.as_secs_f64()
    });
}

/// The trades, of which one in a hundred does not fit and is skipped, beside all of them good.
fn run_bad() {
    let clean = trade();
    let mut bad = Shape { name: "trade.bad1", ..trade() };
    for (index, record) in bad.records.iter_mut().enumerate().filter(|(index, _)| index % 100 == 50) {
        *record = spoil(record, index / 100);
    }
    let good = bad.records.iter().zip(&clean.records).filter(|(bad, clean)| bad == clean).count();
    let (mut karrow, mut karrow_clean) = (Karrow::new(&bad), Karrow::new(&clean));
    let rows: usize = karrow.decode(&bad.records).iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, good);
    println!("{}: {RECORDS} records, {} bad", bad.name, RECORDS - good);
    let round = |_| {
        (
            measure(|| drop(black_box(karrow.decode(&bad.records)))),
            measure(|| drop(black_box(karrow_clean.decode(&clean.records)))),
        )
    };
    let rounds: Vec<(Cost, Cost)> = (0..=ROUNDS).map(round).skip(1).collect();
    let rows = RECORDS as f64;
    print_figure("decode.json.trade.bad1.ns_per_row", "ns", &rounds, |(bad, _)| bad.cpu.as_nanos() as f64 / rows);
    print_figure("decode.json.trade.bad1.rate_ratio.clean", "x", &rounds, |(bad, clean)| {
        clean.cpu.as_secs_f64() / bad.cpu.as_secs_f64()
    });
}

/// A trade that is bad in one of several ways.
fn spoil(record: &[u8], way: usize) -> Vec<u8> {
    let text = std::str::from_utf8(record).expect("JSON is text");
    match way % 6 {
        0 => text[..text.len() - 1].to_owned(),
        1 => text.replacen("\"price\":", "\"price\":\"x\",\"was\":", 1),
        2 => text.replacen("\"qty\":", "\"qty\":0.5,\"was\":", 1),
        3 => text.replacen("\"time\":", "\"time\":\"yesterday\",\"was\":", 1),
        4 => text.replacen("\"parent\":", "\"parent\":[1],\"was\":", 1),
        _ => format!("[{text}]"),
    }
    .into_bytes()
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
    fn new(shape: &Shape) -> Karrow {
        let mut spec = JsonSpec::default();
        shape.columns.iter().for_each(|(name, kind)| spec.add_column(name, kind).unwrap());
        let (_, key) = Spec::Ignore.resolve(Side::Key, &Default::default()).unwrap();
        let (columns, value) = Spec::Json(spec).resolve(Side::Value, &Default::default()).unwrap();
        let schema = Arc::new(TableSchema::new(shape.name, Vec::new(), Vec::new(), columns).unwrap());
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
        self.rows.seal(false).into_iter().map(|sealed| sealed.batch).collect()
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

fn arrow_json(schema: &SchemaRef, records: &[Vec<u8>]) -> Vec<RecordBatch> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(BATCH_ROWS).build_decoder().unwrap();
    let mut batches = Vec::new();
    for (row, record) in records.iter().enumerate() {
        assert_eq!(decoder.decode(record).unwrap(), record.len());
        if (row + 1) % BATCH_ROWS == 0 {
            batches.extend(decoder.flush().unwrap());
        }
    }
    batches.extend(decoder.flush().unwrap());
    batches
}
