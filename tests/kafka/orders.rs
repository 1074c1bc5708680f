//! A million orders as JSON, spelt in many ways, read through the C++ wrapper and compared value by value.

use crate::programs::run;
use crate::support::broker::{Record, shared_cluster};

const TOPIC: &str = "million-orders";
const PARTITIONS: i32 = 8;

#[test]
fn a_million_orders_come_out_of_cpp_as_they_went_in() {
    let cluster = shared_cluster();
    cluster.create_topic(TOPIC, PARTITIONS, 1, &[]);
    for partition in 0..PARTITIONS {
        let printed = run("million_orders", &["print", &partition.to_string()]);
        let payloads = printed.stdout.split(|byte| *byte == b'\n').filter(|payload| !payload.is_empty());
        let offsets = cluster.produce(
            TOPIC,
            partition,
            payloads.map(|payload| Record { value: Some(payload.into()), ..Record::default() }),
        );
        assert_eq!((offsets[0], offsets.len()), (0, 125_000));
    }
    let checked = run("million_orders", &["check", &cluster.bootstrap_servers(), TOPIC]);
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "1000000 orders, each one equal to what was produced\n");
}
