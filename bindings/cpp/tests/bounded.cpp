// Where reading starts and stops, who waits for cycles, how far reading has come, and what is committed and given up.

#include "support.hpp"

#include <future>
#include <thread>

using namespace karrow;
using namespace std::chrono_literals;
using support::bad;
using support::cluster_with;
using support::consumer_of;
using support::expect_error;
using support::expect_error_with;
using support::forty_two;
using support::opened;
using support::options_of;
using support::texts_of;

namespace {

/// A time of Kafka's.
MockCluster::Time ms(std::int64_t since_1970)
{
    return MockCluster::Time(std::chrono::milliseconds(since_1970));
}

/// Polls to the end, and returns the last cycle.
Snapshot read_to_the_end(const Consumer &consumer)
{
    Cycle cycle = consumer.poll(60s);
    while (cycle)
        cycle = consumer.poll(60s);
    EXPECT_EQ(cycle.status, Status::end);
    return consumer.snapshot();
}

/// Looks at a partition's progress until it has come to this state.
PartitionProgress progress_until(const Consumer &consumer, std::size_t index, ReadingState state)
{
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < deadline) {
        PartitionProgress progress = consumer.progress().at(index);
        if (progress.state == state)
            return progress;
        std::this_thread::yield();
    }
    throw std::runtime_error("a minute has not been enough");
}

/// Options that fill their table with every row, so that it has to be made room in.
Options options_of_a_small_table(const MockCluster &cluster)
{
    return options_of(cluster, "utf8").set("karrow.append.max.bytes", "1");
}

} // namespace

// Starts and stops ------------------------------------------------------------------------------------------------

TEST(BoundedReads, StopAtTheEndAsOfOpen)
{
    const MockCluster cluster = cluster_with(3);
    cluster.produce("t", 0, std::nullopt, "a");
    cluster.produce("t", 0, std::nullopt, "b");
    cluster.produce("t", 2, std::nullopt, "c");
    const Consumer consumer = opened(options_of(cluster, "utf8").stop(all_partitions, Stop::at_end()));
    cluster.produce("t", 0, std::nullopt, "late");
    const Snapshot snapshot = read_to_the_end(consumer);
    EXPECT_EQ(texts_of(Batches(snapshot.merged())), (std::vector<std::string>{"a", "b", "c"}));
    for (const Partition &partition : snapshot.partitions()) {
        EXPECT_EQ(partition.state(), PartitionState::finished);
        EXPECT_FALSE(partition.failure());
    }
    EXPECT_EQ(snapshot.partition(0).next_offset(), Offset(2));
}

TEST(BoundedReads, StopBeforeAnOffset)
{
    const MockCluster cluster = cluster_with(2);
    for (const char *value : {"a", "b", "c"}) {
        cluster.produce("t", 0, std::nullopt, value);
        cluster.produce("t", 1, std::nullopt, value);
    }
    const Consumer consumer = opened(options_of(cluster, "utf8")
                                         .start(1, Offset(1))
                                         .stop(all_partitions, Stop::before(Offset(1)))
                                         .stop(1, Stop::before(Offset(2))));
    const Snapshot snapshot = read_to_the_end(consumer);
    EXPECT_EQ(texts_of(snapshot.partition(0).batches()), std::vector<std::string>{"a"});
    EXPECT_EQ(texts_of(snapshot.partition(1).batches()), std::vector<std::string>{"b"});
}

// The embedded cluster knows no times: it finds no record for any of them. So a start is the end of the log, and a stop
// is the end as of open. The conformance cases against Apache Kafka show what else times mean.
TEST(BoundedReads, StartAndStopAtTimes)
{
    const MockCluster cluster = cluster_with(2);
    cluster.produce("t", 0, std::nullopt, "a", ms(1000));
    cluster.produce("t", 1, std::nullopt, "b", ms(1000));
    const Consumer consumer = opened(options_of(cluster, "utf8")
                                         .start(1, std::chrono::system_clock::now())
                                         .stop(0, Stop::before(ms(9000)))
                                         .stop(all_partitions, Stop::before(std::chrono::system_clock::now())));
    const Snapshot snapshot = read_to_the_end(consumer);
    EXPECT_EQ(texts_of(snapshot.partition(0).batches()), std::vector<std::string>{"a"});
    EXPECT_EQ(texts_of(snapshot.partition(1).batches()), std::vector<std::string>{});
    EXPECT_EQ(snapshot.partition(1).next_offset(), Offset(1));
}

TEST(BoundedReads, RefusePlacesThatThereAreNot)
{
    const std::string no_partition =
        "partition: is negative; partitions count from 0, and karrow::all_partitions means all";
    const auto refused = [](const std::function<void(Options &)> &set, const std::string &message) {
        Options options("t");
        expect_error([&] { set(options); }, Status::invalid_argument, message);
    };
    refused([](Options &options) { options.start(-1, Offset(0)); }, no_partition);
    refused([](Options &options) { options.start(-1, ms(0)); }, no_partition);
    refused([](Options &options) { options.stop(-1, Stop::at_end()); }, no_partition);
    refused([](Options &options) { options.stop(-2, Stop::at_end()); },
            "partition: -2 is neither a partition, which count from 0, nor ALL_PARTITIONS (-1)");
    refused([](Options &options) { options.stop(0, Stop::before(Offset::end())); },
            "offset: is negative; offsets count from 0");
    const std::string too_early = " is negative; give milliseconds since 1970-01-01 UTC";
    refused([](Options &options) { options.start(0, ms(-1)); }, "timestamp_ms: -1" + too_early);
    refused([](Options &options) { options.start(all_partitions, ms(-2)); }, "timestamp_ms: -2" + too_early);
    refused([](Options &options) { options.stop(0, Stop::before(ms(-1))); }, "timestamp_ms: -1" + too_early);
}

TEST(BoundedReads, TakeTimesOfAnyClockUnit)
{
    using std::chrono::system_clock;
    const auto time_of = [](auto since_1970) {
        return detail::kafka_time(std::chrono::time_point<system_clock, decltype(since_1970)>(since_1970));
    };
    EXPECT_EQ(time_of(5ms), 5);
    EXPECT_EQ(time_of(2s), 2000);
    // The first record at or behind such a time is that of the next millisecond.
    EXPECT_EQ(time_of(std::chrono::nanoseconds(5000001)), 6);
    EXPECT_EQ(time_of(std::chrono::microseconds(5000)), 5);
    EXPECT_EQ(time_of(std::chrono::nanoseconds(-1)), 0);
    EXPECT_EQ(time_of(std::chrono::nanoseconds::max()), 9223372036855);
    EXPECT_EQ(time_of(std::chrono::duration<double>(0.0015)), 2);
    using Hours = std::chrono::duration<std::int64_t, std::ratio<3600>>;
    EXPECT_EQ(time_of(Hours::max()), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(time_of(Hours::min()), std::numeric_limits<std::int64_t>::min());
    expect_error_with([] { Options("t").start(0, std::chrono::time_point<system_clock, Hours>(Hours::min())); },
                      Status::invalid_argument, "is negative; give milliseconds since 1970-01-01 UTC");
}

// Waiting for cycles ----------------------------------------------------------------------------------------------

TEST(Waits, HandOutTheCyclesOfAnotherThread)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = consumer_of(cluster, "utf8");
    std::future<std::vector<std::string>> read = std::async(std::launch::async, [&consumer] {
        std::vector<std::string> texts;
        std::int64_t cycle = 0, row = 0;
        while (texts.size() < 3) {
            const Waited waited = consumer.wait(cycle, 60s);
            if (!waited)
                throw std::runtime_error("wait came to " + status_name(waited.status));
            EXPECT_GT(waited.snapshot.cycle(), cycle);
            const Partition partition = waited.snapshot.partition(0);
            for (std::string &text : texts_of(partition.batches(row)))
                texts.push_back(std::move(text));
            row = partition.end_row();
            cycle = waited.snapshot.cycle();
        }
        return texts;
    });
    for (const char *value : {"a", "b", "c"}) {
        cluster.produce("t", 0, std::nullopt, value);
        while (consumer.poll(60s).rows == 0)
            continue;
    }
    EXPECT_EQ(read.get(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Waits, EndAsValues)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const Consumer consumer = opened(options_of(cluster, "utf8").stop(all_partitions, Stop::at_end()));
    const Waited timeout = consumer.wait(0, 0s);
    EXPECT_FALSE(timeout);
    EXPECT_EQ(timeout.status, Status::timeout);
    EXPECT_EQ(timeout.snapshot.get(), nullptr);
    consumer.wakeup();
    EXPECT_EQ(consumer.wait(0, forever).status, Status::interrupted);
    const Snapshot last = read_to_the_end(consumer);
    const Waited there = consumer.wait(last.cycle() - 1, forever);
    ASSERT_TRUE(there);
    EXPECT_EQ(there.snapshot.cycle(), last.cycle());
    EXPECT_EQ(consumer.wait(last.cycle(), forever).status, Status::end);
    consumer.close();
    expect_error_with([&] { (void)consumer.wait(0, forever); }, Status::closed, "is closed");
}

TEST(Waits, AreEndedByTheLastCycleAndByClose)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const auto wait_for_ever = [](const Consumer &consumer) {
        constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
        return std::async(std::launch::async, [&consumer] { return consumer.wait(never, forever); });
    };
    const Consumer bounded = opened(options_of(cluster, "utf8").stop(all_partitions, Stop::at_end()));
    std::future<Waited> waited = wait_for_ever(bounded);
    read_to_the_end(bounded);
    EXPECT_EQ(waited.get().status, Status::end);

    const Consumer endless = consumer_of(cluster, "utf8");
    waited = wait_for_ever(endless);
    endless.close();
    expect_error_with([&] { waited.get(); }, Status::closed, "is closed");
}

// Progress --------------------------------------------------------------------------------------------------------

TEST(Progress, HasAllItsColumns)
{
    const MockCluster cluster = cluster_with(4);
    cluster.produce("t", 0, "key", forty_two, ms(1500));
    cluster.produce("t", 0, "k", forty_two, ms(2500));
    cluster.produce("t", 1, std::nullopt, forty_two);
    cluster.produce("t", 1, std::nullopt, bad);
    cluster.produce("t", 1, std::nullopt, forty_two);
    cluster.produce("t", 2, std::nullopt, forty_two);
    cluster.produce("t", 2, std::nullopt, forty_two);
    const Consumer consumer = opened(options_of(cluster, "int64").stop(2, Stop::before(Offset(1))));
    support::read_rows(consumer, 4);
    support::read_failures(consumer, 1);

    const PartitionProgress whole = progress_until(consumer, 0, ReadingState::at_end);
    EXPECT_EQ(whole.partition, 0);
    EXPECT_EQ(whole.reason, std::nullopt);
    EXPECT_EQ(whole.position, Offset(2));
    EXPECT_EQ(whole.end_offset, Offset(2));
    EXPECT_EQ(whole.stop_offset, std::nullopt);
    EXPECT_EQ(whole.lag, 0);
    EXPECT_EQ(whole.rows, 2);
    EXPECT_EQ(whole.bytes, 20);
    EXPECT_EQ(whole.bad_records.value, 0);
    EXPECT_EQ(whole.batches, 1);
    EXPECT_EQ(whole.memory_bytes, 56);
    EXPECT_EQ(whole.last_record_time, ms(2500));

    const PartitionProgress failed = consumer.progress().at(1);
    EXPECT_EQ(failed.partition, 1);
    EXPECT_EQ(failed.state, ReadingState::failed);
    EXPECT_EQ(failed.reason, "column V: expected 8 bytes for int64, found 5 bytes, at t[1]@1 (value)");
    EXPECT_EQ(failed.position, Offset(1));
    EXPECT_EQ(failed.lag, 2);
    EXPECT_EQ(failed.rows, 1);
    EXPECT_EQ(failed.bad_records.key, 0);
    EXPECT_EQ(failed.bad_records.value, 1);
    EXPECT_EQ(failed.bad_records.timestamp, 0);
    EXPECT_EQ(failed.bad_records.headers, 0);

    const PartitionProgress finished = consumer.progress().at(2);
    EXPECT_EQ(finished.partition, 2);
    EXPECT_EQ(finished.state, ReadingState::finished);
    EXPECT_EQ(finished.position, Offset(1));
    EXPECT_EQ(finished.stop_offset, Offset(1));
    EXPECT_EQ(finished.lag, 0);

    const PartitionProgress empty = progress_until(consumer, 3, ReadingState::at_end);
    EXPECT_EQ(empty.partition, 3);
    EXPECT_EQ(empty.position, Offset(0));
    EXPECT_EQ(empty.rows, 0);
    EXPECT_EQ(empty.last_record_time, std::nullopt);
    EXPECT_EQ(consumer.progress().size(), 4U);
}

TEST(Progress, IsToldAfterCloseToo)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const Consumer consumer = consumer_of(cluster, "utf8");
    support::read_rows(consumer, 1);
    consumer.close();
    EXPECT_EQ(consumer.progress().at(0).rows, 1);
}

TEST(Progress, IsAStreamForOthersThatOutlivesItsConsumer)
{
    const MockCluster cluster = cluster_with(2);
    std::optional<Consumer> consumer = consumer_of(cluster, "utf8");
    Stream stream = consumer->progress_stream();
    consumer.reset();
    const Schema schema = stream.schema();
    EXPECT_EQ(schema->n_children, 13);
    const std::optional<Array> rows = stream.next();
    ASSERT_TRUE(rows);
    EXPECT_EQ((*rows)->length, 2);
    EXPECT_FALSE(stream.next());
}

TEST(Progress, KnowsOfNoStateThatItDoesNot)
{
    EXPECT_EQ(detail::reading_state("at_end"), ReadingState::at_end);
    EXPECT_EQ(detail::reading_state("dreaming"), ReadingState::other);
}

// Committing ------------------------------------------------------------------------------------------------------

TEST(Commits, AreOfWhatASnapshotShows)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const auto options = [&cluster] { return options_of(cluster, "utf8").set("group.id", "g"); };
    {
        const Consumer consumer = opened(options());
        const Snapshot first = support::read_rows(consumer, 1);
        cluster.produce("t", 0, std::nullopt, "b");
        support::read_rows(consumer, 2);
        consumer.commit(first.view({"V"}), 60s);
    }
    const Consumer next = opened(options().start(all_partitions, Offset::dont_seek()));
    EXPECT_EQ(next.snapshot().partition(0).next_offset(), Offset(1));
    EXPECT_EQ(texts_of(support::read_rows(next, 1).partition(0).batches()), std::vector<std::string>{"b"});
}

TEST(Commits, AreRefusedWithoutAGroupOrForAnotherConsumer)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = opened(options_of(cluster, "utf8").set("group.id", "g"));
    const Consumer other = consumer_of(cluster, "utf8");
    expect_error([&] { consumer.commit(other.snapshot(), 60s); }, Status::invalid_argument,
                 "snapshot: it is another consumer's; commit what this one has published");
    expect_error([&] { consumer.commit(Snapshot(), 60s); }, Status::invalid_argument, "snapshot: is NULL");
    expect_error_with([&] { other.commit(other.snapshot(), 60s); }, Status::invalid_state, "set group.id");
    consumer.close();
    expect_error_with([&] { consumer.commit(consumer.snapshot(), 60s); }, Status::closed, "is closed");
}

// Giving up rows --------------------------------------------------------------------------------------------------

TEST(Discards, GiveUpRowsFromTheNextCycleOn)
{
    const MockCluster cluster = cluster_with(1);
    for (const char *value : {"a", "b", "c"})
        cluster.produce("t", 0, std::nullopt, value);
    const Consumer consumer = consumer_of(cluster, "utf8");
    const Snapshot before = support::read_rows(consumer, 3);
    consumer.discard(0, 2);
    EXPECT_EQ(consumer.snapshot().partition(0).first_row(), 0);
    const Cycle cycle = consumer.poll(60s);
    ASSERT_TRUE(cycle);
    EXPECT_EQ(cycle.snapshot.partition(0).first_row(), 2);
    EXPECT_EQ(cycle.snapshot.partition(0).end_row(), 3);
    EXPECT_EQ(texts_of(cycle.snapshot.partition(0).batches()), std::vector<std::string>{"c"});
    EXPECT_EQ(texts_of(before.partition(0).batches()), (std::vector<std::string>{"a", "b", "c"}));
    expect_error([&] { consumer.discard(0, 4); }, Status::out_of_range,
                 "before_row: partition 0 has published rows 0 to 3, not 4");
    expect_error_with([&] { consumer.discard(7, 0); }, Status::not_found, "partition: 7");
    consumer.close();
    expect_error_with([&] { consumer.discard(0, 3); }, Status::closed, "is closed");
}

TEST(Discards, MakeRoomInATableThatIsFull)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const Consumer consumer = opened(options_of_a_small_table(cluster));
    support::read_rows(consumer, 1);
    cluster.produce("t", 0, std::nullopt, "b");
    Cycle cycle = consumer.poll(60s);
    EXPECT_EQ(cycle.rows, 0);
    const Partition full = consumer.snapshot().partition(0);
    EXPECT_EQ(full.state(), PartitionState::waiting);
    ASSERT_TRUE(full.failure());
    EXPECT_EQ(full.failure()->status(), Status::limit);
    cycle = consumer.poll(forever);
    EXPECT_FALSE(cycle);
    EXPECT_EQ(cycle.status, Status::limit);
    EXPECT_EQ(cycle.snapshot.get(), nullptr);
    consumer.discard(0, 1);
    EXPECT_EQ(texts_of(support::read_rows(consumer, 2).partition(0).batches()), std::vector<std::string>{"b"});
}

TEST(Discards, AreForAppendTables)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = opened(options_of(cluster, "utf8").table_type(TableType::ring(1)));
    expect_error_with([&] { consumer.discard(0, 0); }, Status::invalid_state, "only an append table");
}
