//! Records that more than one benchmark decodes, made from fixed seeds.

use karrow::format::Spec;
use karrow::format::json::JsonSpec;

/// Records of one kind, and the columns they are decoded into.
pub struct Shape {
    pub name: &'static str,
    columns: Vec<(String, &'static str)>,
    pub records: Vec<Vec<u8>>,
}

impl Shape {
    /// Twenty columns of integers from 1 to 1000.
    pub fn int64x20(records: usize) -> Shape {
        let mut random = Random(1);
        let names: Vec<String> =
            (1..=20).map(|n| if n == 1 { "count".to_owned() } else { format!("col{n}") }).collect();
        let record = |_| {
            let members: Vec<String> =
                names.iter().map(|name| format!("\"{name}\":{}", 1 + random.below(1000))).collect();
            format!("{{{}}}", members.join(",")).into_bytes()
        };
        let records = (0..records).map(record).collect();
        Shape { name: "int64x20", columns: names.into_iter().map(|name| (name, "int64")).collect(), records }
    }

    /// Nine columns of a trade: four texts, two numbers that are sometimes null.
    pub fn trade(records: usize) -> Shape {
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
        let records = (0..records).map(record).collect();
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Shape { name: "trade", columns, records }
    }

    /// How the records' values are decoded.
    pub fn spec(&self) -> Spec {
        let mut spec = JsonSpec::default();
        self.columns.iter().for_each(|(name, kind)| spec.add_column(name, kind).unwrap());
        Spec::Json(spec)
    }
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
