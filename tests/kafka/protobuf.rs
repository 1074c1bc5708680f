//! Protobuf that Confluent's own serializer has written (rules B1, B2, B7), and messages without framing that prost has.

use std::collections::{BTreeMap, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    DurationNanosecondType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use karrow::format::protobuf::ProtobufSpec;
use karrow::format::{Side, Spec};
use karrow::options::Stop;
use prost::Message;
use prost_reflect::prost_types;

use crate::confluent::{self, Format, Writer, country_in, number_in, ticker, version};
use crate::support::broker::{Record, shared_cluster};
use crate::{appending, open, read_to_end};

struct Protobuf;

impl Format for Protobuf {
    const NAME: &'static str = "protobuf";
    const PROGRAM: &'static str = "protobuf_writer.py";
    const COUNTRY: &'static str = "customer_country";
    // Its number.
    const OTHER_COUNTRY: &'static str = "3";

    fn sold() -> Spec {
        let mut spec = ProtobufSpec::from_source("sold.proto", READER, Some(ORDER)).unwrap();
        spec.set("protocol", "serdes").unwrap();
        Spec::Protobuf(spec)
    }
}

/// The message that writers write, wherever it is in their files.
const ORDER: &str = "shop.Shop.Order";

/// One field under a third name, some left out, and types of its own where data allow it.
const READER: &str = r#"
    syntax = "proto3";
    package shop;
    message Shop {
      message Order {
        Buyer customer = 4;
        string security = 2;
        int64 number = 1;
      }
    }
    enum Country { NOWHERE = 0; FR = 2; DE = 1; }
    message Buyer { Country country = 2; }"#;

/// An order as version 3 says it, whatever it was written in.
#[derive(Debug, PartialEq)]
struct Order {
    offset: i64,
    key: String,
    number: i64,
    ticker: String,
    customer: String,
    country: String,
    vip: bool,
    tags: Vec<String>,
    at: Option<i64>,
    amounts: BTreeMap<String, i64>,
    card: Option<String>,
    cash: Option<u32>,
    token: Option<Vec<u8>>,
    note: Option<String>,
}

impl Order {
    fn expected(number: i64, version: i64) -> Order {
        let note = match number % 10 {
            _ if version == 1 => None,
            0 => None,
            5 => Some(String::new()),
            _ => Some(format!("note {number}")),
        };
        let pays = |kind| number % 5 == kind;
        Order {
            offset: number,
            key: format!("order {number}"),
            number: number_in(version, number),
            ticker: ticker(number),
            customer: format!("customer {}", number % 11),
            country: country_in(version, number).to_owned(),
            vip: version == 3 && number % 2 == 0,
            tags: (0..number % 4).map(|tag| format!("tag {tag}")).collect(),
            at: (number % 6 != 0).then_some((1_600_000_000 + number) * 1_000_000_000 + number),
            amounts: (0..number % 3).map(|amount| (format!("amount {amount}"), amount * number)).collect(),
            card: pays(1).then(|| format!("card {number}")),
            cash: pays(2).then(|| u32::try_from(number % 2).unwrap()),
            token: (version == 3 && pays(3)).then(|| vec![0xff; usize::try_from(number % 4).unwrap()]),
            note,
        }
    }

    fn all_of(batch: &RecordBatch) -> Vec<Order> {
        let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("there is no column {name}"));
        let number = |name: &str, row: usize| column(name).as_primitive::<Int64Type>().value(row);
        let order = |row: usize| Order {
            offset: number("KafkaOffset", row),
            key: text(column("id"), row).unwrap(),
            number: number("number", row),
            ticker: text(column("ticker"), row).unwrap(),
            customer: text(column("customer_name"), row).unwrap(),
            country: text(column("customer_country"), row).unwrap(),
            vip: column("customer_vip").as_boolean().value(row),
            tags: texts(&column("tags").as_list::<i32>().value(row)),
            at: some(column("at"), row).map(|at| at.as_primitive::<TimestampNanosecondType>().value(row)),
            amounts: amounts(column("amounts"), row),
            card: text(column("card"), row),
            cash: some(column("cash"), row).map(|cash| cash.as_primitive::<UInt32Type>().value(row)),
            token: some(column("token"), row).map(|token| token.as_binary::<i32>().value(row).to_vec()),
            note: text(column("note"), row),
        };
        (0..batch.num_rows()).map(order).collect()
    }
}

/// The column, where it is not null in a row.
fn some(column: &ArrayRef, row: usize) -> Option<&ArrayRef> {
    column.is_valid(row).then_some(column)
}

fn text(column: &ArrayRef, row: usize) -> Option<String> {
    some(column, row).map(|column| column.as_string::<i32>().value(row).to_owned())
}

fn texts(items: &ArrayRef) -> Vec<String> {
    items.as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect()
}

/// Whose entries are in no order.
fn amounts(column: &ArrayRef, row: usize) -> BTreeMap<String, i64> {
    let entries = column.as_map().value(row);
    let amounts = entries.column(1).as_primitive::<Int64Type>().values().iter().copied();
    texts(entries.column(0)).into_iter().zip(amounts).collect()
}

#[test]
fn three_versions_in_one_partition_are_read_as_the_latest_and_as_a_message_of_the_readers_own() {
    let subject = |side, name: &str| {
        let message = (side == Side::Value).then_some(ORDER);
        Spec::Protobuf(ProtobufSpec::from_subject(name, "latest", message).unwrap())
    };
    confluent::three_versions_in_one_partition::<Protobuf>(subject, |batch, versions| {
        let numbers = (0..).take(batch.num_rows());
        let expected: Vec<_> = numbers.map(|number| Order::expected(number, version(number, versions))).collect();
        assert_eq!(Order::all_of(batch), expected);
    });
    // What is in front: the message is the second one in the second of its file, and then the third one in the third.
    for (offset, place) in [(0, [4, 2, 2]), (1, [4, 2, 2]), (2, [4, 4, 4])] {
        assert_eq!(written("protobuf-versions", offset)[5..8], place, "{offset}");
    }
}

#[test]
fn an_id_that_the_registry_does_not_know_is_a_bad_record_at_its_offset() {
    confluent::an_id_that_the_registry_does_not_know::<Protobuf>();
}

#[test]
fn a_record_of_another_message_of_the_same_file_is_a_bad_record_at_its_offset() {
    // B2
    let remark = |writer: &mut Writer, topic: &str| {
        writer.write(0, 20, 21, &[0]);
        written(topic, 20)
    };
    let reason = |reason: &str| reason == "expected message shop.Shop.Order, found message shop.Remark";
    confluent::a_bad_record_among_orders::<Protobuf>("other-message", remark, reason);
}

/// The value of a record of partition 0.
fn written(topic: &str, offset: i64) -> Vec<u8> {
    let cluster = shared_cluster();
    let mut options = appending(cluster, topic);
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, crate::simple("Value", "binary"));
    options.set_stop(None, Stop::End).unwrap();
    let batch = read_to_end(&open(&options)).whole(0).unwrap();
    let row = usize::try_from(offset).unwrap();
    batch.column_by_name("Value").unwrap().as_binary::<i32>().value(row).to_vec()
}

#[test]
fn a_partition_waits_for_the_registry_and_goes_on_where_it_was() {
    confluent::a_partition_waits_for_the_registry::<Protobuf>();
}

/// A message as prost writes it, which tells nobody what it is.
#[derive(Clone, PartialEq, Message)]
struct Quote {
    #[prost(sint64, tag = "1")]
    number: i64,
    #[prost(string, tag = "2")]
    symbol: String,
    #[prost(double, optional, tag = "3")]
    bid: Option<f64>,
    #[prost(message, optional, tag = "4")]
    venue: Option<Venue>,
    #[prost(float, repeated, tag = "5")]
    levels: Vec<f32>,
    #[prost(message, repeated, tag = "6")]
    legs: Vec<Leg>,
    #[prost(map = "int32, string", tag = "7")]
    names: HashMap<i32, String>,
    #[prost(fixed64, tag = "8")]
    id: u64,
    #[prost(message, optional, tag = "9")]
    lasts: Option<prost_types::Duration>,
    #[prost(oneof = "quote::Source", tags = "20, 21")]
    source: Option<quote::Source>,
}

mod quote {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Source {
        #[prost(bytes, tag = "20")]
        Wire(Vec<u8>),
        #[prost(int32, tag = "21")]
        Desk(i32),
    }
}

#[derive(Clone, PartialEq, Message)]
struct Venue {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bool, tag = "2")]
    lit: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Leg {
    #[prost(uint32, tag = "1")]
    ratio: u32,
    #[prost(message, optional, tag = "2")]
    venue: Option<Venue>,
}

/// The same, for who reads it.
const QUOTE: &str = r#"
    syntax = "proto3";
    import "google/protobuf/duration.proto";
    message Quote {
      sint64 number = 1;
      string symbol = 2;
      optional double bid = 3;
      Venue venue = 4;
      repeated float levels = 5;
      repeated Leg legs = 6;
      map<int32, string> names = 7;
      fixed64 id = 8;
      google.protobuf.Duration lasts = 9;
      oneof source { bytes wire = 20; int32 desk = 21; }
    }
    message Venue { string name = 1; bool lit = 2; }
    message Leg { uint32 ratio = 1; Venue venue = 2; }"#;

impl Quote {
    fn of(number: i64) -> Quote {
        let small = u32::try_from(number % 1000).unwrap();
        let venue = |number: i64| Venue { name: format!("V{}", number % 3), lit: number % 2 == 0 };
        let leg = |leg: u32| Leg { ratio: u32::MAX - leg, venue: (leg % 2 == 1).then(|| venue(leg.into())) };
        Quote {
            number: if number % 2 == 0 { -(number << 40) } else { number },
            symbol: if number % 4 == 0 { String::new() } else { format!("Ω{number}") },
            bid: (number % 3 != 0).then_some(number as f64 * 0.5 - 50.0),
            venue: (number % 5 != 0).then(|| venue(number)),
            levels: (0..number % 4).map(|level| level as f32 + 0.25).collect(),
            legs: (0..small % 3).map(leg).collect(),
            names: (0..number % 3).map(|name| (name as i32 - 1, format!("name {name}"))).collect(),
            id: u64::MAX - u64::from(small),
            lasts: (number % 7 != 0).then_some(prost_types::Duration { seconds: -number, nanos: -(small as i32) }),
            source: match number % 3 {
                0 => None,
                1 => Some(quote::Source::Wire(vec![0; small as usize % 3])),
                _ => Some(quote::Source::Desk(small as i32 % 2)),
            },
        }
    }

    fn all_of(batch: &RecordBatch) -> Vec<Quote> {
        let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("there is no column {name}"));
        let quote = |row: usize| {
            let wire = some(column("wire"), row).map(|wire| wire.as_binary::<i32>().value(row).to_vec());
            let desk = some(column("desk"), row).map(|desk| desk.as_primitive::<Int32Type>().value(row));
            assert!(wire.is_none() || desk.is_none());
            let names = column("names").as_map().value(row);
            let keys = names.column(0).as_primitive::<Int32Type>().values().iter().copied();
            let levels = column("levels").as_list::<i32>().value(row);
            Quote {
                number: column("number").as_primitive::<Int64Type>().value(row),
                symbol: text(column("symbol"), row).unwrap(),
                bid: some(column("bid"), row).map(|bid| bid.as_primitive::<Float64Type>().value(row)),
                venue: Venue::of(column("venue_name"), column("venue_lit"), row),
                levels: levels.as_primitive::<Float32Type>().values().to_vec(),
                legs: Leg::all_of(&column("legs").as_list::<i32>().value(row)),
                names: keys.zip(texts(names.column(1))).collect(),
                id: column("id").as_primitive::<UInt64Type>().value(row),
                lasts: some(column("lasts"), row).map(|lasts| {
                    let nanos = lasts.as_primitive::<DurationNanosecondType>().value(row);
                    let second = 1_000_000_000;
                    prost_types::Duration { seconds: nanos / second, nanos: (nanos % second) as i32 }
                }),
                source: wire.map(quote::Source::Wire).or(desk.map(quote::Source::Desk)),
            }
        };
        (0..batch.num_rows()).map(quote).collect()
    }
}

impl Venue {
    /// What is not set has neither.
    fn of(name: &ArrayRef, lit: &ArrayRef, row: usize) -> Option<Venue> {
        assert_eq!(name.is_valid(row), lit.is_valid(row));
        Some(Venue { name: text(name, row)?, lit: lit.as_boolean().value(row) })
    }
}

impl Leg {
    fn all_of(legs: &ArrayRef) -> Vec<Leg> {
        let legs = legs.as_struct();
        let venues = legs.column_by_name("venue").unwrap();
        let leg = |row: usize| Leg {
            ratio: legs.column_by_name("ratio").unwrap().as_primitive::<UInt32Type>().value(row),
            venue: some(venues, row).and_then(|venues| {
                let venues = venues.as_struct();
                Venue::of(venues.column(0), venues.column(1), row)
            }),
        };
        (0..legs.len()).map(leg).collect()
    }
}

#[test]
fn messages_without_framing_are_read_as_prost_has_written_them() {
    // B1, B2, B3, B4
    const COUNT: i64 = 5000;
    let (cluster, topic) = (shared_cluster(), "protobuf-raw");
    cluster.create_topic(topic, 1, 1, &[]);
    let quotes: Vec<Quote> = (0..COUNT).map(Quote::of).collect();
    let records = quotes.iter().map(|quote| Record { value: Some(quote.encode_to_vec().into()), ..Record::default() });
    assert_eq!(cluster.produce(topic, 0, records).len(), quotes.len());
    let mut options = appending(cluster, topic);
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, Spec::Protobuf(ProtobufSpec::from_source("quote.proto", QUOTE, None).unwrap()));
    options.set_stop(None, Stop::End).unwrap();
    assert_eq!(Quote::all_of(&read_to_end(&open(&options)).whole(0).unwrap()), quotes);
}
