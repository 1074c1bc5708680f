// Snapshots: ranges over partitions, rows, views, everything merged, and what outlives what.

#include "support.hpp"

#include <numeric>

using namespace karrow;
using namespace std::chrono_literals;
using support::bad;
using support::cluster_with;
using support::expect_error;
using support::expect_error_with;
using support::forty_two;
using support::texts_of;

namespace {

/// A topic with two partitions: `a0` to `a4` in the first, `b0` to `b2` in the second.
class Snapshots : public ::testing::Test {
protected:
    void SetUp() override
    {
        for (int record = 0; record < 5; ++record)
            cluster.produce("t", 0, std::nullopt, "a" + std::to_string(record));
        for (int record = 0; record < 3; ++record)
            cluster.produce("t", 1, std::nullopt, "b" + std::to_string(record));
        snapshot = support::read_rows(consumer, 8);
    }

    MockCluster cluster = cluster_with(2);
    Consumer consumer = support::consumer_of(cluster, "utf8");
    Snapshot snapshot;
};

using Texts = std::vector<std::string>;

} // namespace

// Partitions ------------------------------------------------------------------------------------------------------

TEST_F(Snapshots, GoOverTheirPartitionsInOrder)
{
    std::vector<std::int32_t> ids;
    for (const Partition &partition : snapshot.partitions()) {
        ids.push_back(partition.id());
        EXPECT_EQ(partition.state(), PartitionState::reading);
        EXPECT_EQ(partition.first_row(), 0);
        EXPECT_EQ(partition.end_row(), partition.id() == 0 ? 5 : 3);
        EXPECT_EQ(partition.next_offset(), Offset(partition.end_row()));
        EXPECT_FALSE(partition.failure());
    }
    EXPECT_EQ(ids, (std::vector<std::int32_t>{0, 1}));
}

TEST_F(Snapshots, HaveEachPartitionByItsNumber)
{
    EXPECT_EQ(snapshot.partition(1).id(), 1);
    EXPECT_EQ(snapshot.partition(1).end_row(), 3);
    expect_error([&] { snapshot.partition(2); }, Status::not_found,
                 "partition: 2 is not among the partitions read (0, 1)");
}

TEST_F(Snapshots, CountTheirCycles)
{
    const std::int64_t before = snapshot.cycle();
    EXPECT_GE(before, 1);
    EXPECT_EQ(consumer.poll(0s).snapshot.cycle(), before + 1);
    EXPECT_EQ(snapshot.cycle(), before);
}

TEST_F(Snapshots, HaveTheSchemaOfTheirConsumer)
{
    const Schema schema = snapshot.schema(), same = consumer.schema();
    ASSERT_EQ(schema->n_children, 4);
    ASSERT_EQ(same->n_children, 4);
    for (std::int64_t column = 0; column < 4; ++column)
        EXPECT_STREQ(schema->children[column]->name, same->children[column]->name);
    EXPECT_STREQ(schema->children[3]->name, "V");
    EXPECT_STREQ(schema->children[3]->format, "u");
}

// Rows ------------------------------------------------------------------------------------------------------------

TEST_F(Snapshots, ShowTheRowsOfAPartitionFromAnyRowToAnyOther)
{
    const Partition partition = snapshot.partition(0);
    EXPECT_EQ(texts_of(partition.batches()), (Texts{"a0", "a1", "a2", "a3", "a4"}));
    EXPECT_EQ(texts_of(partition.batches(3)), (Texts{"a3", "a4"}));
    EXPECT_EQ(texts_of(partition.batches(1, 3)), (Texts{"a1", "a2"}));
    EXPECT_EQ(texts_of(partition.batches(5)), Texts{});
    EXPECT_EQ(texts_of(Batches(partition.stream())), (Texts{"a0", "a1", "a2", "a3", "a4"}));
    EXPECT_EQ(texts_of(Batches(partition.stream(4))), Texts{"a4"});
    EXPECT_EQ(texts_of(Batches(partition.stream(0, 1))), Texts{"a0"});
    expect_error_with([&] { partition.stream(6); }, Status::out_of_range, "6");
    expect_error_with([&] { partition.batches(0, 6); }, Status::out_of_range, "6");
}

TEST_F(Snapshots, ShowAllRowsOfAPartitionAsOneArray)
{
    const Batch batch(snapshot.schema(), snapshot.partition(0).array());
    EXPECT_EQ(batch.rows(), 5);
    EXPECT_EQ(batch.column<std::string_view>("V")[4], "a4");
    EXPECT_EQ(batch.column<std::int64_t>("KafkaOffset")[4], 4);
    EXPECT_EQ(batch.column<std::int32_t>("KafkaPartition")[4], 0);
    EXPECT_TRUE(batch.column<Timestamp>("KafkaTimestamp")[4]);
}

TEST_F(Snapshots, KeepTheirRowsWhileMoreCome)
{
    cluster.produce("t", 0, std::nullopt, "a5");
    const Snapshot later = support::read_rows(consumer, 9);
    EXPECT_EQ(snapshot.partition(0).end_row(), 5);
    // From where the earlier one ended.
    EXPECT_EQ(texts_of(later.partition(0).batches(snapshot.partition(0).end_row())), Texts{"a5"});
}

TEST_F(Snapshots, MergeAllPartitions)
{
    EXPECT_EQ(texts_of(Batches(snapshot.merged())), (Texts{"a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2"}));
    EXPECT_EQ(texts_of(Batches(snapshot.merged({3, 2}))), (Texts{"a3", "a4", "b2"}));
    expect_error_with([&] { snapshot.merged({3}); }, Status::invalid_argument, "from_rows");
    expect_error_with([&] { snapshot.merged({3, 9}); }, Status::out_of_range, "9");
}

TEST_F(Snapshots, ShowChosenColumnsUnderOtherNames)
{
    const Snapshot view = snapshot.view({"Text=V", "KafkaOffset"});
    const Schema schema = view.schema();
    ASSERT_EQ(schema->n_children, 2);
    EXPECT_STREQ(schema->children[0]->name, "Text");
    EXPECT_STREQ(schema->children[1]->name, "KafkaOffset");
    EXPECT_EQ(texts_of(view.partition(1).batches(), "Text"), (Texts{"b0", "b1", "b2"}));
    EXPECT_EQ(view.cycle(), snapshot.cycle());
    EXPECT_EQ(view.partition(0).next_offset(), snapshot.partition(0).next_offset());
    expect_error_with([&] { snapshot.view({}); }, Status::invalid_argument, "columns");
    expect_error_with([&] { snapshot.view({"X=Y"}); }, Status::not_found, "Y");
    expect_error_with([&] { snapshot.view({"V", "V"}); }, Status::invalid_argument, "V");
    expect_error([&] { snapshot.view({std::string("V\0", 2)}); }, Status::invalid_argument,
                 "columns: holds a NUL character");
}

// Failures --------------------------------------------------------------------------------------------------------

TEST(SnapshotsOfFailures, ShowThemAsValues)
{
    const MockCluster cluster = cluster_with(2);
    cluster.produce("t", 0, std::nullopt, forty_two);
    cluster.produce("t", 0, std::nullopt, bad);
    const Consumer consumer = support::consumer_of(cluster, "int64");
    const Snapshot snapshot = support::read_failures(consumer, 1);
    const Partition failed = snapshot.partition(0), healthy = snapshot.partition(1);
    EXPECT_EQ(failed.state(), PartitionState::failed);
    EXPECT_EQ(failed.end_row(), 1);
    EXPECT_EQ(failed.next_offset(), Offset(1));
    ASSERT_TRUE(failed.failure());
    EXPECT_EQ(failed.failure()->status(), Status::bad_record);
    EXPECT_EQ(healthy.state(), PartitionState::reading);
    EXPECT_FALSE(healthy.failure());
}

TEST(SnapshotsOfFailures, ShowWhatAPartitionWaitsFor)
{
    constexpr std::int16_t fetch = 1;
    constexpr std::int32_t topic_authorization_failed = 29;
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = support::consumer_of(cluster, "utf8");
    cluster.push_errors(fetch, std::vector<std::int32_t>(50, topic_authorization_failed));
    const karrow::Cycle cycle = support::poll_until(consumer, [](const Cycle &now) {
        return now.snapshot.partition(0).state() == PartitionState::waiting;
    });
    const std::optional<Error> failure = cycle.snapshot.partition(0).failure();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->status(), Status::kafka);
    EXPECT_EQ(failure->kafka_code(), topic_authorization_failed);
    EXPECT_EQ(cycle.failed, 0);
}

// What outlives what ----------------------------------------------------------------------------------------------

TEST_F(Snapshots, ThatAreTemporaryMayBeLoopedOver)
{
    Texts texts;
    for (const Partition &partition : consumer.snapshot().partitions())
        for (const Batch &batch : partition.batches())
            for (std::optional<std::string_view> text : batch.column<std::string_view>("V"))
                texts.emplace_back(*text);
    EXPECT_EQ(texts.size(), 8U);
    std::int64_t rows = 0;
    for (const Batch &batch : consumer.snapshot().partition(1).batches())
        rows += batch.rows();
    for (const Batch &batch : Batches(consumer.snapshot().view({"V"}).merged()))
        rows += batch.rows();
    EXPECT_EQ(rows, 11);
}

TEST_F(Snapshots, GoBeforeTheirPartitionsAndExports)
{
    const Partition partition = snapshot.partition(0);
    Stream stream = snapshot.partition(1).stream();
    Array array = snapshot.partition(0).array();
    Schema schema = snapshot.schema();
    std::optional<Batch> first;
    for (Batch &batch : snapshot.partition(0).batches()) {
        first = std::move(batch);
        break;
    }
    snapshot = Snapshot();
    { Consumer gone = std::move(consumer); }

    EXPECT_EQ(partition.end_row(), 5);
    EXPECT_EQ(texts_of(partition.batches(4)), Texts{"a4"});
    EXPECT_EQ(texts_of(Batches(std::move(stream))), (Texts{"b0", "b1", "b2"}));
    const Batch batch(std::move(schema), std::move(array));
    EXPECT_EQ(batch.column<std::string_view>("V")[0], "a0");
    ASSERT_TRUE(first);
    EXPECT_EQ(first->column<std::string_view>("V")[0], "a0");
}

TEST_F(Snapshots, ThatHaveBeenMovedAreEmpty)
{
    const Snapshot moved = std::move(snapshot);
    EXPECT_EQ(snapshot.get(), nullptr);
    EXPECT_EQ(snapshot.cycle(), 0);
    EXPECT_TRUE(snapshot.partitions().empty());
    expect_error_with([&] { snapshot.partition(0); }, Status::invalid_argument, "snapshot: is NULL");
    expect_error_with([&] { snapshot.schema(); }, Status::invalid_argument, "snapshot: is NULL");
    expect_error_with([&] { snapshot.view({"V"}); }, Status::invalid_argument, "snapshot: is NULL");
    expect_error_with([&] { snapshot.merged(); }, Status::invalid_argument, "snapshot: is NULL");
    EXPECT_EQ(moved.partitions().size(), 2U);
}

TEST_F(Snapshots, LendTheirHandleToTheHeadersFunctions)
{
    EXPECT_EQ(karrow_snapshot_partition_count(snapshot.get()), 2U);
    EXPECT_EQ(karrow_snapshot_cycle(snapshot.get()), snapshot.cycle());
}
