//! The records that decoding, and what comes before and after it, is measured on. All come from fixed seeds.

// Each benchmark compiles this module for itself, and not all use all records.
#![allow(dead_code)]

use karrow::format::Spec;
use karrow::format::json::JsonSpec;
use karrow::format::json::processor::ProcessorSpec;

pub const BATCH_ROWS: usize = 8192;

const RECORDS: usize = 4 * BATCH_ROWS;

/// Records of one kind, and the columns they are decoded into.
pub struct Shape {
    pub name: String,
    pub columns: Vec<(String, &'static str)>,
    pub records: Vec<Vec<u8>>,
}

impl Shape {
    fn new(name: &str, columns: &[(&str, &'static str)], records: Vec<Vec<u8>>) -> Shape {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Shape { name: name.to_owned(), columns, records }
    }

    /// As many columns of one type, `count`, `col2` and so on, of values that are made one by one.
    fn uniform(kind: &'static str, columns: usize, records: usize, mut value: impl FnMut(usize) -> String) -> Shape {
        let names: Vec<String> =
            (1..=columns).map(|n| if n == 1 { "count".to_owned() } else { format!("col{n}") }).collect();
        let mut record = |row| {
            let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":{}", value(row))).collect();
            format!("{{{}}}", members.join(",")).into_bytes()
        };
        let records = (0..records).map(&mut record).collect();
        let type_name = kind.split('[').next().unwrap_or(kind);
        let name = format!("{type_name}x{columns}");
        Shape { name, columns: names.into_iter().map(|name| (name, kind)).collect(), records }
    }

    /// How the records' values are decoded.
    pub fn spec(&self) -> Spec {
        let mut spec = JsonSpec::default();
        self.columns.iter().for_each(|(name, kind)| spec.add_column(name, kind).unwrap());
        Spec::Json(spec)
    }

    /// The same by an object processor.
    pub fn processor(&self) -> Spec {
        let field = |(name, kind): &(String, &str)| {
            let value = match *kind {
                "utf8" => "\"str\"",
                "int64" => "\"int\"",
                "float64" => "\"float\"",
                "timestamp[ns, UTC]" => "{\"type\": \"instant\", \"number_format\": \"ns\"}",
                other => panic!("no value of an object processor is {other}"),
            };
            format!("\"{name}\": {value}")
        };
        let fields: Vec<String> = self.columns.iter().map(field).collect();
        Spec::Processor(ProcessorSpec::new(&format!("{{{}}}", fields.join(", "))).unwrap())
    }

    pub fn bytes(&self) -> usize {
        self.records.iter().map(Vec::len).sum()
    }

    /// Whether a column is of columns, which only some peers are asked to decode.
    pub fn is_nested(&self) -> bool {
        self.columns.iter().any(|(_, kind)| kind.contains('<'))
    }
}

/// Columns of integers from 1 to 1000.
pub fn int64(columns: usize, records: usize) -> Shape {
    let mut random = Random(1);
    Shape::uniform("int64", columns, records, move |_| (1 + random.below(1000)).to_string())
}

pub fn int64x20() -> Shape {
    int64(20, RECORDS)
}

pub fn int64x100() -> Shape {
    int64(100, RECORDS / 4)
}

pub fn int64x1000() -> Shape {
    int64(1000, RECORDS / 32)
}

/// Numbers from 1 to 1000 with four decimals.
pub fn doublex20() -> Shape {
    let mut random = Random(8);
    let value = move |_| format!("{}.{:04}", 1 + random.below(1000), random.below(10_000));
    let shape = Shape::uniform("float64", 20, RECORDS, value);
    Shape { name: "doublex20".to_owned(), ..shape }
}

/// Instants within an hour, as nanoseconds since 1970.
pub fn timestampx20() -> Shape {
    let mut random = Random(9);
    let value = move |row| (START_NS + row as u64 * 1_000_003 + random.below(3_600_000_000_000)).to_string();
    Shape::uniform("timestamp[ns, UTC]", 20, RECORDS, value)
}

const START_NS: u64 = 1_767_346_200_000_000_000;

/// Nine columns of a trade: four texts, two numbers that are sometimes null.
pub fn trades(records: usize) -> Shape {
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
        let time = START_NS + row as u64 * 1_000_003;
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
    let records = (0..records).map(record).collect();
    Shape::new("trade", &columns, records)
}

pub fn trade() -> Shape {
    trades(RECORDS)
}

/// The trades, among thirty fields that no column reads, a third of them objects and arrays.
pub fn unknown30() -> Shape {
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
        let text = text_of(record);
        // Three unknown fields in front of each known one.
        let known: Vec<&str> = text[1..text.len() - 1].split(',').collect();
        let mut members = Vec::new();
        for (index, other) in others.enumerate() {
            members.push(other);
            members.extend(known.get(index / 3).filter(|_| index % 3 == 2).map(|known| (*known).to_owned()));
        }
        *record = format!("{{{}}}", members.join(",")).into_bytes();
    }
    Shape { name: "trade.unknown30".to_owned(), ..shape }
}

/// The trades, with the members of each in an order of its own.
pub fn shuffled() -> Shape {
    let mut random = Random(10);
    let mut shape = trade();
    for record in &mut shape.records {
        let text = text_of(record);
        let mut members: Vec<&str> = text[1..text.len() - 1].split(',').collect();
        for last in (1..members.len()).rev() {
            members.swap(last, random.below(last as u64 + 1) as usize);
        }
        *record = format!("{{{}}}", members.join(",")).into_bytes();
    }
    Shape { name: "trade.shuffled".to_owned(), ..shape }
}

/// The trades, with an escape in every text.
pub fn escaped() -> Shape {
    let mut random = Random(11);
    let mut shape = trade();
    for record in &mut shape.records {
        let text = text_of(record);
        let members: Vec<String> = text[1..text.len() - 1]
            .split(',')
            .map(|member| {
                let escape = [r"\n", r#"\""#, r"\\", r"\/", r"\u00e9", r"\ud83d\ude00"][random.below(6) as usize];
                match member.split_once(":\"") {
                    Some((name, value)) => format!("{name}:\"{}{escape}{}", &value[..1], &value[1..]),
                    None => member.to_owned(),
                }
            })
            .collect();
        *record = format!("{{{}}}", members.join(",")).into_bytes();
    }
    Shape { name: "trade.escaped".to_owned(), ..shape }
}

/// The trades, of which one in a hundred does not fit, in one of several ways.
pub fn bad1() -> Shape {
    let mut shape = trade();
    for (index, record) in shape.records.iter_mut().enumerate().filter(|(index, _)| index % 100 == 50) {
        *record = spoil(record, index / 100);
    }
    Shape { name: "trade.bad1".to_owned(), ..shape }
}

/// A trade that is bad in one of several ways.
fn spoil(record: &[u8], way: usize) -> Vec<u8> {
    let text = text_of(record);
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

/// Structs in structs.
pub fn structs() -> Shape {
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
pub fn list() -> Shape {
    let mut random = Random(5);
    let record = |row| {
        let items: Vec<String> = (0..20).map(|_| random.below(100_000).to_string()).collect();
        format!("{{\"id\":{row},\"values\":[{}]}}", items.join(",")).into_bytes()
    };
    let columns = [("id", "int64"), ("values", "list<int64>")];
    Shape::new("nested.list", &columns, (0..RECORDS).map(record).collect())
}

/// An order with up to nine legs.
pub fn list_of_structs() -> Shape {
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
pub fn map() -> Shape {
    let mut random = Random(7);
    let record = |row| {
        let tags: Vec<String> =
            (0..6).map(|n| format!("\"tag{}\":\"{:06x}\"", n + 6 * random.below(4), random.below(1 << 24))).collect();
        format!("{{\"id\":{row},\"tags\":{{{}}}}}", tags.join(",")).into_bytes()
    };
    let columns = [("id", "int64"), ("tags", "map<utf8, utf8>")];
    Shape::new("nested.map", &columns, (0..RECORDS).map(record).collect())
}

/// One text of as many letters.
pub fn text(letters: usize, records: usize) -> Shape {
    let mut random = Random(12);
    let record = |_| {
        let letters: String = (0..letters).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        format!("{{\"value\":\"{letters}\"}}").into_bytes()
    };
    Shape::new(&format!("text{letters}"), &[("value", "utf8")], (0..records).map(record).collect())
}

fn text_of(record: &[u8]) -> &str {
    std::str::from_utf8(record).expect("JSON is text")
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
