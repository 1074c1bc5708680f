//! A broker that dies in the middle of a million records, and comes back.

use karrow::ingest::Timeout;
use karrow::options::Stop;
use karrow::table::PartitionState;

use crate::support::broker::Cluster;
use crate::{HANG, appending, check_partition, open, poll_until, produce, read_to_end};

const PARTITIONS: i32 = 4;
const EACH: i64 = 250_000;

#[test]
fn a_million_records_come_whole_through_the_death_of_their_broker() {
    let cluster = &Cluster::start(1);
    let topic = "restart";
    cluster.create_topic(topic, PARTITIONS, 1, &[]);
    for partition in 0..PARTITIONS {
        produce(cluster, topic, partition, 0, EACH);
    }
    let mut options = appending(cluster, topic);
    // So little is fetched ahead that most is still to come when the broker goes.
    options.set("karrow.memory.budget.bytes", Some("1048576")).unwrap();
    options.set("reconnect.backoff.max.ms", Some("500")).unwrap();
    options.set_stop(None, Stop::End).unwrap();
    let consumer = open(&options);
    let rows = |snapshot: &karrow::table::snapshot::Snapshot| -> i64 {
        snapshot.partitions().iter().map(|partition| partition.rows().end_row()).sum()
    };
    poll_until(&consumer, |cycle| rows(&cycle.snapshot) > 100_000);
    cluster.kill_broker(1);
    // What has been fetched still comes, and then nothing: no partition fails, and none is taken for finished.
    let end = std::time::Instant::now() + HANG;
    loop {
        assert!(std::time::Instant::now() < end);
        let cycle = consumer.poll(Timeout::Millis(1000)).unwrap();
        assert_eq!(cycle.failed, 0);
        if cycle.rows == 0 {
            break;
        }
    }
    let snapshot = consumer.snapshot().unwrap();
    assert!(rows(&snapshot) < EACH * i64::from(PARTITIONS), "everything had been fetched before the broker died");
    assert!(snapshot.partitions().iter().any(|partition| *partition.state() != PartitionState::Finished));
    cluster.start_broker(1);
    let snapshot = read_to_end(&consumer);
    for partition in 0..PARTITIONS {
        check_partition(&snapshot, partition, 0, EACH, |_| false);
    }
}
