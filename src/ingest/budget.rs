//! The memory budget (rule Y11): what has been fetched, and what has been decoded but not yet published, or not taken.
//!
//! One half is for librdkafka's queues, shared out among the partitions; the other for decoded rows and dead letters,
//! counted here. A partition that finds no room is not served until the next cycle has published: its fetch queue fills
//! to its limit, and then nothing more is fetched for it. Room is checked after a record has been decoded, so that one
//! record of any size is always let in.
//!
//! A cycle makes no room where the table is full, or dead letters are: then only the caller can, and is told
//! ([`Budget::why_full`]).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Status};

/// librdkafka hands a whole queue to the thread that serves it, fetches the next queue behind it, and goes beyond its limit
/// by one response.
const QUEUES_PER_PARTITION: usize = 3;
/// Below this a queue holds so little that every fetch is a round trip for a handful of records.
const MIN_QUEUE_BYTES: usize = 32 * 1024;
/// Deeper queues are slower: what has been fetched falls out of the processor's cache before it is decoded.
const MAX_QUEUE_BYTES: usize = 1024 * 1024;
/// What librdkafka and Kafka's own client ask for at most.
const MAX_RESPONSE_BYTES: usize = 50 * 1024 * 1024;

/// Room for decoded rows and dead letters, shared by all partitions of a consumer.
pub struct Budget {
    /// The whole budget, and the half of it that is for these.
    total: usize,
    limit: usize,
    per_partition: AtomicUsize,
    /// What unpublished rows take.
    used: AtomicUsize,
    /// What untaken dead letters take.
    letters: AtomicUsize,
    /// What the table may hold, unpublished rows included, and what it holds.
    table_limit: usize,
    table: AtomicUsize,
}

/// How librdkafka's queues are to be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// For the queue of one partition.
    pub partition_bytes: usize,
    /// For one fetch response.
    pub response_bytes: usize,
}

impl Budget {
    /// The decoded half of the whole budget, for so many partitions, and what the table may hold (`None`: anything).
    pub fn new(total_bytes: usize, table_bytes: Option<usize>, partitions: usize) -> Budget {
        let budget = Budget {
            total: total_bytes,
            limit: total_bytes / 2,
            per_partition: AtomicUsize::new(0),
            used: AtomicUsize::new(0),
            letters: AtomicUsize::new(0),
            table_limit: table_bytes.unwrap_or(usize::MAX),
            table: AtomicUsize::new(0),
        };
        budget.share_among(partitions);
        budget
    }

    /// No partition may hold more than half of the room, if there are others.
    pub fn share_among(&self, partitions: usize) {
        let share = if partitions > 1 { self.limit / 2 } else { self.limit };
        self.per_partition.store(share, Ordering::SeqCst);
    }

    /// The table now holds so much.
    pub fn set_table(&self, bytes: usize) {
        self.table.store(bytes, Ordering::SeqCst);
    }

    /// Untaken dead letters now take so much.
    pub fn set_letters(&self, bytes: usize) {
        self.letters.store(bytes, Ordering::SeqCst);
    }

    /// Whether [`Budget::why_full`] may have something to say to any partition.
    pub fn may_be_full(&self) -> bool {
        self.table.load(Ordering::SeqCst) >= self.table_limit
            || self.letters.load(Ordering::SeqCst) >= self.per_partition.load(Ordering::SeqCst)
    }

    /// Why a partition whose untaken dead letters take this much finds no room, whatever the next cycle publishes;
    /// `None`: it will find some. The error, of status `LIMIT`, says how to make room.
    pub fn why_full(&self, letters: usize) -> Option<Error> {
        let message = if self.table.load(Ordering::SeqCst) >= self.table_limit {
            format!(
                "the table holds karrow.append.max.bytes ({}); discard rows that are not needed any more",
                self.table_limit
            )
        } else if letters >= self.per_partition.load(Ordering::SeqCst)
            || self.letters.load(Ordering::SeqCst) >= self.limit
        {
            format!(
                "untaken dead letters fill karrow.memory.budget.bytes ({}); take them with karrow_consumer_dead_letters",
                self.total
            )
        } else {
            return None;
        };
        Some(Error::new(Status::Limit, message))
    }

    /// The fetched half, shared out.
    pub fn queue_limits(total_bytes: usize, partitions: usize) -> QueueLimits {
        let half = total_bytes / 2;
        let share = half / partitions.max(1) / QUEUES_PER_PARTITION;
        QueueLimits {
            partition_bytes: share.clamp(MIN_QUEUE_BYTES, MAX_QUEUE_BYTES),
            response_bytes: (half / 4).min(MAX_RESPONSE_BYTES),
        }
    }

    /// A partition that held `before` bytes now holds `after`.
    pub fn account(&self, before: usize, after: usize) {
        if after >= before {
            self.used.fetch_add(after - before, Ordering::SeqCst);
        } else {
            self.used.fetch_sub(before - after, Ordering::SeqCst);
        }
    }

    /// Whether a partition may decode another record that holds this much in rows, and this much in dead letters.
    pub fn has_room(&self, held: usize, letters: usize) -> bool {
        let used = self.used.load(Ordering::SeqCst);
        held.saturating_add(letters) < self.per_partition.load(Ordering::SeqCst)
            && used.saturating_add(self.letters.load(Ordering::SeqCst)) < self.limit
            && self.table.load(Ordering::SeqCst).saturating_add(used) < self.table_limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_partition_takes_more_than_half_and_all_together_stop_at_the_limit() {
        let budget = Budget::new(4000, None, 3);
        assert!(budget.has_room(0, 0));
        budget.account(0, 1000);
        assert!(!budget.has_room(1000, 0) && budget.has_room(999, 0) && budget.has_room(0, 0));
        budget.account(0, 1000);
        assert!(!budget.has_room(0, 0));
        budget.account(1000, 0);
        assert!(budget.has_room(0, 0));
    }

    #[test]
    fn a_single_partition_may_use_everything() {
        let budget = Budget::new(4000, None, 1);
        budget.account(0, 1999);
        assert!(budget.has_room(1999, 0) && !budget.has_room(2000, 0));
        budget.share_among(2);
        assert!(budget.has_room(999, 0) && !budget.has_room(1000, 0));
    }

    #[test]
    fn a_full_table_leaves_no_room() {
        let budget = Budget::new(4000, Some(100), 1);
        budget.set_table(90);
        assert!(budget.has_room(0, 0));
        budget.account(0, 10);
        assert!(!budget.has_room(0, 0));
        assert_eq!(budget.why_full(0), None, "the next cycle publishes the rows");
        budget.account(10, 0);
        budget.set_table(100);
        assert!(!budget.has_room(0, 0));
        let full = budget.why_full(0).unwrap();
        assert_eq!(full.status(), Status::Limit);
        assert_eq!(
            full.message(),
            "the table holds karrow.append.max.bytes (100); discard rows that are not needed any more"
        );
        budget.set_table(99);
        assert!(budget.has_room(0, 0) && budget.why_full(0).is_none());
    }

    #[test]
    fn dead_letters_take_room_that_no_cycle_gives_back() {
        let budget = Budget::new(4000, None, 2);
        budget.set_letters(999);
        assert!(budget.has_room(0, 999) && !budget.has_room(1, 999) && !budget.may_be_full());
        assert_eq!(budget.why_full(999), None, "there is room once the row is published");
        budget.set_letters(1000);
        assert!(budget.may_be_full());
        let full = budget.why_full(1000).unwrap();
        assert_eq!(full.status(), Status::Limit);
        assert_eq!(
            full.message(),
            "untaken dead letters fill karrow.memory.budget.bytes (4000); take them with karrow_consumer_dead_letters"
        );
        assert!(!budget.has_room(0, 1000));
        assert!(budget.has_room(0, 0) && budget.why_full(0).is_none(), "they are another partition's");
        budget.set_letters(2000);
        assert!(!budget.has_room(0, 0) && budget.why_full(0) == Some(full));
        budget.set_letters(0);
        budget.account(0, 1500);
        budget.set_letters(500);
        assert!(!budget.has_room(0, 0) && budget.why_full(500).is_none());
    }

    #[test]
    fn queues_share_the_other_half() {
        const MIB: usize = 1024 * 1024;
        assert_eq!(Budget::queue_limits(24 * MIB, 8).partition_bytes, MIB / 2);
        assert_eq!(Budget::queue_limits(256 * MIB, 4).partition_bytes, MIB);
        assert_eq!(Budget::queue_limits(MIB, 64).partition_bytes, 32 * 1024);
    }
}
