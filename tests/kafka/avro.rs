//! Avro that Confluent's own serializer has written (rules A1 to A3, A8).

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use karrow::format::Spec;
use karrow::format::avro::AvroSpec;

use crate::confluent::{self, Format, country_in, number_in, ticker, version};

struct Avro;

impl Format for Avro {
    const NAME: &'static str = "avro";
    const PROGRAM: &'static str = "avro_writer.py";
    const COUNTRY: &'static str = "customer__country";
    const OTHER_COUNTRY: &'static str = "OTHER";

    fn sold() -> Spec {
        Spec::Avro(AvroSpec::from_schema(READER).unwrap())
    }
}

/// One field under a third name, some left out, and a country for those it does not know.
const READER: &str = r#"{"type": "record", "name": "Sold", "fields": [
    {"name": "customer", "type": {"type": "record", "name": "Buyer", "fields": [
        {"name": "country", "type": {
            "type": "enum", "name": "Country", "symbols": ["OTHER", "FR", "DE"], "default": "OTHER"}}]}},
    {"name": "security", "aliases": ["ticker", "symbol"], "type": "string"},
    {"name": "number", "type": "long"}]}"#;

/// An order as version 3 says it, whatever it was written in.
#[derive(Debug, PartialEq)]
struct Order {
    offset: i64,
    key: String,
    number: i64,
    ticker: String,
    note: Option<String>,
    /// In hundredths.
    price: i128,
    tags: Vec<String>,
    customer: String,
    country: String,
    vip: bool,
}

impl Order {
    fn expected(number: i64, version: i64) -> Order {
        let note = match (version, number % 10) {
            (1, _) => Some("no note".to_owned()),
            (_, 0) => None,
            _ => Some(format!("note {number}")),
        };
        Order {
            offset: number,
            key: format!("order {number}"),
            number: number_in(version, number),
            ticker: ticker(number),
            note,
            price: i128::from(number) * 7 - 1000,
            tags: (0..number % 4).map(|tag| format!("tag {tag}")).collect(),
            customer: format!("customer {}", number % 11),
            country: country_in(version, number).to_owned(),
            vip: version == 3 && number % 2 == 0,
        }
    }

    fn all_of(batch: &RecordBatch) -> Vec<Order> {
        let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("there is no column {name}"));
        let text = |name: &str, row: usize| column(name).as_string::<i32>().value(row).to_owned();
        let tags = |row: usize| column("tags").as_list::<i32>().value(row);
        let order = |row: usize| Order {
            offset: column("KafkaOffset").as_primitive::<Int64Type>().value(row),
            key: text("id", row),
            number: column("number").as_primitive::<Int64Type>().value(row),
            ticker: text("ticker", row),
            note: column("note").is_valid(row).then(|| text("note", row)),
            price: column("price").as_primitive::<Decimal128Type>().value(row),
            tags: tags(row).as_string::<i32>().iter().map(|tag| tag.unwrap().to_owned()).collect(),
            customer: text("customer__name", row),
            country: text("customer__country", row),
            vip: column("customer__vip").as_boolean().value(row),
        };
        (0..batch.num_rows()).map(order).collect()
    }
}

#[test]
fn three_versions_in_one_partition_are_read_as_the_latest_and_as_a_schema_of_the_readers_own() {
    let subject = |_, name: &str| Spec::Avro(AvroSpec::from_subject(name, "latest").unwrap());
    confluent::three_versions_in_one_partition::<Avro>(subject, |batch, versions| {
        let numbers = (0..).take(batch.num_rows());
        let expected: Vec<_> = numbers.map(|number| Order::expected(number, version(number, versions))).collect();
        assert_eq!(Order::all_of(batch), expected);
    });
}

#[test]
fn an_id_that_the_registry_does_not_know_is_a_bad_record_at_its_offset() {
    confluent::an_id_that_the_registry_does_not_know::<Avro>();
}

#[test]
fn a_partition_waits_for_the_registry_and_goes_on_where_it_was() {
    confluent::a_partition_waits_for_the_registry::<Avro>();
}
