// The consumer: cycles and how they end, resuming, closing, and calls beside each other.

#include "support.hpp"

#include <atomic>
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
using support::options_of;
using support::texts_of;

// Cycles ----------------------------------------------------------------------------------------------------------

TEST(Consumers, ShowACycleWithItsRowsAndSnapshot)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const Consumer consumer = consumer_of(cluster, "utf8");
    const Cycle cycle = consumer.poll(60s);
    ASSERT_TRUE(cycle);
    EXPECT_EQ(cycle.status, Status::ok);
    EXPECT_EQ(cycle.rows, 1);
    EXPECT_EQ(cycle.failed, 0);
    EXPECT_EQ(cycle.snapshot.cycle(), 1);
    EXPECT_EQ(texts_of(cycle.snapshot.partition(0).batches()), std::vector<std::string>{"a"});
}

TEST(Consumers, HaveCyclesWithoutRowsWhenTimeRunsOut)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = consumer_of(cluster, "utf8");
    for (std::int64_t expected : {1, 2}) {
        const Cycle cycle = consumer.poll(0s);
        ASSERT_TRUE(cycle);
        EXPECT_EQ(cycle.rows, 0);
        EXPECT_EQ(cycle.snapshot.cycle(), expected);
    }
}

TEST(Consumers, WaitForTheFirstRowHoweverLongTheTimeIs)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = consumer_of(cluster, "utf8");
    for (const Timeout &timeout : {Timeout(forever), Timeout(std::chrono::hours::max()), Timeout(24h)}) {
        std::future<Cycle> polled = std::async(std::launch::async, [&] { return consumer.poll(timeout); });
        cluster.produce("t", 0, std::nullopt, "a");
        EXPECT_EQ(polled.get().rows, 1);
    }
}

TEST(Consumers, RefuseTimesThatAreNegative)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = consumer_of(cluster, "utf8");
    const std::string message = "timeout: is negative; karrow::forever waits for ever";
    expect_error([&] { (void)consumer.poll(-1ms); }, Status::invalid_argument, message);
    expect_error([&] { consumer.close(-1ms); }, Status::invalid_argument, message);
    EXPECT_TRUE(consumer.poll(0s));
}

TEST(Consumers, EndWithoutAnExceptionOnceEverythingHasFailed)
{
    const MockCluster cluster = cluster_with(2);
    cluster.produce("t", 0, std::nullopt, bad);
    cluster.produce("t", 1, std::nullopt, bad);
    const Consumer consumer = consumer_of(cluster, "int64");
    std::int32_t failed = 0;
    while (const Cycle cycle = consumer.poll(60s))
        failed = cycle.failed;
    EXPECT_EQ(failed, 2);
    const Cycle after = consumer.poll(forever);
    EXPECT_FALSE(after);
    EXPECT_EQ(after.status, Status::end);
    EXPECT_EQ(after.rows, 0);
    EXPECT_EQ(after.failed, 0);
    EXPECT_EQ(after.snapshot.get(), nullptr);
}

TEST(Consumers, GoOnAtARecordOrBehindIt)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, bad);
    cluster.produce("t", 0, std::nullopt, bad);
    cluster.produce("t", 0, std::nullopt, forty_two);
    const Consumer consumer = consumer_of(cluster, "int64");
    Partition stopped = support::read_failures(consumer, 1).partition(0);
    EXPECT_EQ(stopped.next_offset(), Offset(0));
    consumer.resume(0, stopped.next_offset()); // as bad as before
    stopped = support::read_failures(consumer, 1).partition(0);
    EXPECT_EQ(stopped.next_offset(), Offset(0));
    consumer.resume(0, stopped.next_offset() + 1);
    stopped = support::read_failures(consumer, 1).partition(0);
    EXPECT_EQ(stopped.next_offset(), Offset(1));
    consumer.resume(0, stopped.failure()->position()->offset + 1);
    const Batch batch = [&] {
        const Snapshot snapshot = support::read_rows(consumer, 1);
        return Batch(snapshot.schema(), snapshot.partition(0).array());
    }();
    EXPECT_EQ(batch.column<std::int64_t>("V")[0], 42);
    EXPECT_EQ(batch.column<std::int64_t>("KafkaOffset")[0], 2);
    expect_error_with([&] { consumer.resume(0, Offset(3)); }, Status::invalid_state, "has not failed");
    expect_error_with([&] { consumer.resume(1, Offset(3)); }, Status::not_found, "1 is not among");
}

// Order of calls --------------------------------------------------------------------------------------------------

TEST(Consumers, AreOpenedOnceAndReadThen)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer(options_of(cluster, "utf8"));
    expect_error_with([&] { (void)consumer.poll(forever); }, Status::invalid_state, "call open first");
    expect_error_with([&] { consumer.snapshot(); }, Status::invalid_state, "call open first");
    EXPECT_EQ(consumer.schema()->n_children, 4);
    consumer.open(60s);
    EXPECT_EQ(consumer.snapshot().cycle(), 0);
    EXPECT_EQ(consumer.snapshot().partitions().size(), 1U);
    expect_error_with([&] { consumer.open(60s); }, Status::invalid_state, "is open already");
}

TEST(Consumers, AreMadeAndOpenedByOneCall)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const Consumer consumer = consume_to_partitioned_table(options_of(cluster, "utf8"), 60s);
    EXPECT_EQ(consumer.poll(60s).rows, 1);
    expect_error_with([&] { consume_to_partitioned_table(options_of(cluster, "utf8").set("group.idd", "g")); },
                      Status::invalid_argument, "group.idd");
    expect_error_with([&] { consume_to_partitioned_table(options_of(cluster, "utf8").partitions({7})); },
                      Status::not_found, "7");
}

TEST(Consumers, KeepOnlySnapshotsAfterClose)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const Consumer consumer = consumer_of(cluster, "utf8");
    support::read_rows(consumer, 1);
    consumer.close();
    consumer.close(0s);
    expect_error_with([&] { (void)consumer.poll(forever); }, Status::closed, "is closed");
    expect_error_with([&] { consumer.open(forever); }, Status::closed, "is closed");
    expect_error_with([&] { consumer.resume(0, Offset(0)); }, Status::closed, "is closed");
    EXPECT_EQ(texts_of(consumer.snapshot().partition(0).batches()), std::vector<std::string>{"a"});
}

TEST(Consumers, ThatHaveBeenMovedSaySo)
{
    const MockCluster cluster = cluster_with(1);
    Consumer consumer = consumer_of(cluster, "utf8");
    const Consumer moved = std::move(consumer);
    EXPECT_EQ(consumer.get(), nullptr);
    const auto refused = [](const std::function<void()> &call) {
        expect_error_with(call, Status::invalid_argument, "consumer: is NULL");
    };
    refused([&] { consumer.open(0s); });
    refused([&] { (void)consumer.poll(0s); });
    refused([&] { consumer.snapshot(); });
    refused([&] { consumer.schema(); });
    refused([&] { (void)consumer.wait(0, 0s); });
    refused([&] { consumer.progress(); });
    refused([&] { consumer.progress_stream(); });
    refused([&] { (void)consumer.dead_letters(); });
    refused([&] { (void)consumer.dead_letter_stream(); });
    refused([&] { consumer.commit(moved.snapshot(), 0s); });
    refused([&] { consumer.discard(0, 0); });
    refused([&] { consumer.resume(0, Offset(0)); });
    refused([&] { consumer.wakeup(); });
    refused([&] { consumer.close(0s); });
    cluster.produce("t", 0, std::nullopt, "a");
    EXPECT_EQ(moved.poll(60s).rows, 1);
    consumer = consumer_of(cluster, "utf8");
    EXPECT_EQ(consumer.poll(60s).rows, 1);
}

TEST(Consumers, AreClosedByTheirEnd)
{
    const MockCluster cluster = cluster_with(2);
    for (int record = 0; record < 20; ++record)
        cluster.produce("t", record % 2, std::nullopt, "a");
    consumer_of(cluster, "utf8"); // gone while it reads
    Snapshot snapshot;
    {
        const Consumer consumer = consumer_of(cluster, "utf8");
        snapshot = support::read_rows(consumer, 20);
    }
    EXPECT_EQ(support::rows_in(snapshot), 20);
}

// Calls beside each other -----------------------------------------------------------------------------------------

namespace {

/// Runs a poll without end in a thread of its own, and waits until it is at it.
std::future<Cycle> polling(const Consumer &consumer)
{
    std::future<Cycle> polled = std::async(std::launch::async, [&consumer] {
        for (;;) {
            try {
                return consumer.poll(forever);
            } catch (const Error &error) {
                if (error.status() != Status::busy)
                    throw;
                std::this_thread::yield();
            }
        }
    });
    for (;;) {
        try {
            (void)consumer.poll(0s);
            std::this_thread::yield();
        } catch (const Error &error) {
            EXPECT_EQ(error.status(), Status::busy) << error.what();
            return polled;
        }
    }
}

} // namespace

TEST(Consumers, AreWokenUpWithoutAnException)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = consumer_of(cluster, "utf8");
    std::future<Cycle> polled = polling(consumer);
    consumer.wakeup();
    const Cycle cycle = polled.get();
    EXPECT_FALSE(cycle);
    EXPECT_EQ(cycle.status, Status::interrupted);
    EXPECT_EQ(cycle.snapshot.get(), nullptr);
    // Once.
    EXPECT_TRUE(consumer.poll(0s));
    consumer.wakeup();
    EXPECT_EQ(consumer.poll(forever).status, Status::interrupted);
    EXPECT_TRUE(consumer.poll(0s));
}

TEST(Consumers, AreWokenUpWhileTheyOpen)
{
    // Nobody listens there.
    const Consumer consumer(
        Options("t").set("bootstrap.servers", "127.0.0.1:1").key(Spec::ignore()).value(Spec::simple("V", "utf8")));
    consumer.wakeup();
    expect_error_with([&] { consumer.open(forever); }, Status::interrupted, "");
}

TEST(Consumers, LetAnotherThreadEndThem)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = consumer_of(cluster, "utf8");
    std::future<Cycle> polled = polling(consumer);
    consumer.close();
    expect_error_with([&] { polled.get(); }, Status::closed, "is closed");
}

TEST(Consumers, AreReadByOtherThreadsWhileOnePolls)
{
    constexpr std::int64_t records = 200;
    const MockCluster cluster = cluster_with(2);
    const Consumer consumer = consumer_of(cluster, "utf8");
    std::atomic<bool> done = false;
    std::future<std::int64_t> most = std::async(std::launch::async, [&] {
        std::int64_t rows = 0;
        while (!done) {
            const Snapshot snapshot = consumer.snapshot();
            std::int64_t seen = 0;
            for (const Partition &partition : snapshot.partitions())
                for (const Batch &batch : partition.batches())
                    seen += batch.rows();
            EXPECT_EQ(seen, support::rows_in(snapshot));
            EXPECT_GE(seen, rows);
            rows = seen;
        }
        return rows;
    });
    // Also when the test is left by an exception.
    const std::shared_ptr<void> ends_it(nullptr, [&done](void *) { done = true; });
    for (std::int64_t record = 0; record < records; ++record)
        cluster.produce("t", static_cast<std::int32_t>(record % 2), std::nullopt, "a");
    support::read_rows(consumer, records);
    done = true;
    EXPECT_LE(most.get(), records);
    EXPECT_EQ(support::rows_in(consumer.snapshot()), records);
}
