//! Three brokers: leaders that move, and one that dies, in the middle of reading.

use std::sync::atomic::{AtomicBool, Ordering};

use karrow::table::retention::TableType;

use crate::support::broker::Cluster;
use crate::{check_rows, open, options, poll_until, produce};

const PARTITIONS: i32 = 4;
const EACH: i64 = 150_000;

#[test]
fn nothing_is_lost_or_repeated_when_leaders_move_and_a_broker_dies() {
    let cluster = &Cluster::start(3);
    let topic = "leaders";
    cluster.create_topic(topic, PARTITIONS, 3, &[("min.insync.replicas", "1")]);
    let producing = &AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // In pieces, so that records keep coming while leaders move.
            let piece = EACH / 50;
            for from in (0..EACH).step_by(piece.try_into().unwrap()) {
                for partition in 0..PARTITIONS {
                    produce(cluster, topic, partition, from, from + piece);
                }
            }
            producing.store(false, Ordering::Release);
        });
        let mut options = options(cluster, topic);
        options.set_table_type(TableType::Append).unwrap();
        // Small, so that the partitions are still being read when their leaders go.
        options.set("karrow.memory.budget.bytes", Some("2097152")).unwrap();
        let consumer = open(&options);
        let mover = scope.spawn(move || {
            let mut moves = 0;
            for partition in 0..PARTITIONS {
                let to = cluster.leader(topic, partition) % 3 + 1;
                cluster.move_leader(topic, partition, to);
                moves += 1;
            }
            let victim = cluster.leader(topic, 0);
            cluster.kill_broker(victim);
            assert_ne!(cluster.leader(topic, 0), -1);
            cluster.start_broker(victim);
            moves
        });
        poll_until(&consumer, |cycle| {
            assert_eq!(cycle.failed, 0, "{:?}", crate::progress(&cycle.snapshot));
            cycle.snapshot.partitions().iter().all(|partition| partition.rows().end_row() == EACH)
        });
        assert_eq!(mover.join().unwrap(), PARTITIONS);
        assert!(!producing.load(Ordering::Acquire));
        let snapshot = consumer.snapshot().unwrap();
        for partition in 0..PARTITIONS {
            let batches = snapshot.stream(partition, 0, None).unwrap();
            assert_eq!(batches.fold(0, |next, batch| check_rows(&batch, partition, next)), EACH);
        }
    });
}
