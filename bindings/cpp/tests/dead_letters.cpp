// What becomes of bad records: skipped, null, or dead letters, which are taken.

#include "support.hpp"

using namespace karrow;
using support::bad;
using support::cluster_with;
using support::expect_error_with;
using support::forty_two;
using support::opened;
using support::options_of;

namespace {

/// Polls until this partition is to go on at this offset.
Snapshot read_up_to(const Consumer &consumer, std::int32_t partition, std::int64_t offset)
{
    const auto is_there = [partition, offset](const Cycle &cycle) {
        return cycle.snapshot.partition(partition).next_offset() == Offset(offset);
    };
    return support::poll_until(consumer, is_there).snapshot;
}

std::vector<std::optional<std::int64_t>> values_of(const Snapshot &snapshot)
{
    std::vector<std::optional<std::int64_t>> values;
    for (const Batch &batch : snapshot.partition(0).batches())
        for (const std::optional<std::int64_t> value : batch.column<std::int64_t>("V"))
            values.push_back(value);
    return values;
}

/// 42, what does not fit, 42.
MockCluster cluster_with_a_bad_record()
{
    MockCluster cluster = cluster_with(1);
    for (const std::string_view value : {forty_two, bad, forty_two})
        cluster.produce("t", 0, std::nullopt, value);
    return cluster;
}

} // namespace

TEST(BadRecords, AreSkippedOrNullIfTheirPolicySaysSo)
{
    const MockCluster cluster = cluster_with_a_bad_record();
    for (const auto &[policy, expected] : {
             std::pair<std::string, std::vector<std::optional<std::int64_t>>>{"skip", {42, 42}},
             {"null", {42, std::nullopt, 42}},
         }) {
        const Consumer consumer = opened(options_of(cluster, "int64").set("karrow.value.bad.record.policy", policy));
        EXPECT_EQ(values_of(read_up_to(consumer, 0, 3)), expected) << policy;
        EXPECT_EQ(consumer.progress().at(0).bad_records.value, 1);
        EXPECT_TRUE(consumer.dead_letters().empty());
    }
}

TEST(BadRecords, HaveNoOtherPolicies)
{
    const MockCluster cluster = cluster_with(1);
    const auto make = [&] { Consumer(options_of(cluster, "int64").set("karrow.bad.record.policy", "drop")); };
    expect_error_with(make, Status::invalid_argument, "'drop' is none of fail, skip, null, dead_letter");
}

TEST(DeadLetters, SayEverythingAboutTheirRecords)
{
    const MockCluster cluster = cluster_with(2);
    cluster.produce_records("t", R"([
        {"partition": 1, "value": "12345", "timestamp_ms": 1500,
         "headers": [["a", "1"], ["a", null], ["", ""]]},
        {"partition": 1, "key": "", "value": {"base64": "AP8="}, "timestamp_ms": 2500},
        {"partition": 1, "value": {"base64": "AAAAAAAAACo="}}])");
    Options options = options_of(cluster, "int64").set("karrow.bad.record.policy", "dead_letter");
    const Consumer consumer = opened(options.stop(1, Stop::before(Offset(3))).stop(0, Stop::before(Offset(0))));
    const Snapshot snapshot = read_up_to(consumer, 1, 3);
    EXPECT_EQ(snapshot.partition(1).end_row(), 1);
    const std::vector<DeadLetter> letters = consumer.dead_letters();
    ASSERT_EQ(letters.size(), 2U);

    EXPECT_EQ(letters[0].topic, "t");
    EXPECT_EQ(letters[0].partition, 1);
    EXPECT_EQ(letters[0].offset, Offset(0));
    EXPECT_EQ(letters[0].timestamp, MockCluster::Time(std::chrono::milliseconds(1500)));
    EXPECT_EQ(letters[0].key, std::nullopt);
    EXPECT_EQ(letters[0].value, "12345");
    ASSERT_EQ(letters[0].headers.size(), 3U);
    EXPECT_EQ(letters[0].headers[0].key, "a");
    EXPECT_EQ(letters[0].headers[0].value, "1");
    EXPECT_EQ(letters[0].headers[1].key, "a");
    EXPECT_EQ(letters[0].headers[1].value, std::nullopt);
    EXPECT_EQ(letters[0].headers[2].key, "");
    EXPECT_EQ(letters[0].headers[2].value, "");
    EXPECT_EQ(letters[0].side, "value");
    EXPECT_EQ(letters[0].column, "V");
    EXPECT_EQ(letters[0].path, std::nullopt);
    EXPECT_EQ(letters[0].reason, "expected 8 bytes for int64, found 5 bytes");

    EXPECT_EQ(letters[1].offset, Offset(1));
    EXPECT_EQ(letters[1].key, "");
    EXPECT_EQ(letters[1].value, std::string("\0\xff", 2));
    EXPECT_TRUE(letters[1].headers.empty());

    EXPECT_EQ(consumer.progress().at(1).bad_records.value, 2);
    EXPECT_TRUE(consumer.dead_letters().empty()) << "each comes once";
    EXPECT_EQ(consumer.poll(forever).status, Status::end);
}

TEST(DeadLetters, AreTakenAfterCloseTooAndOutliveTheirConsumerAsAStream)
{
    const MockCluster cluster = cluster_with_a_bad_record();
    const Options options = options_of(cluster, "int64").set("karrow.bad.record.policy", "dead_letter");
    std::optional<Consumer> consumer = opened(options);
    read_up_to(*consumer, 0, 3);
    consumer->close();
    Stream stream = consumer->dead_letter_stream();
    Stream empty = consumer->dead_letter_stream();
    consumer.reset();
    EXPECT_EQ(stream.schema()->n_children, 11);
    const std::optional<Array> rows = stream.next();
    ASSERT_TRUE(rows);
    EXPECT_EQ((*rows)->length, 1);
    EXPECT_FALSE(stream.next());
    EXPECT_EQ(empty.schema()->n_children, 11);
    EXPECT_FALSE(empty.next());
}

TEST(DeadLetters, ThatNobodyTakesHoldReadingBackUntilSomebodyDoes)
{
    constexpr std::int64_t records = 8;
    const MockCluster cluster = cluster_with(1);
    const std::string large(200'000, 'x');
    for (std::int64_t record = 0; record < records; ++record)
        cluster.produce("t", 0, std::nullopt, large);
    const Consumer consumer = opened(options_of(cluster, "int64")
                                         .set("karrow.bad.record.policy", "dead_letter")
                                         .set("karrow.memory.budget.bytes", "1048576")
                                         .stop(0, Stop::before(Offset(records))));
    std::int64_t taken = 0, limits = 0;
    Cycle cycle;
    while ((cycle = consumer.poll(forever)).status != Status::end) {
        if (cycle)
            continue;
        ASSERT_EQ(cycle.status, Status::limit);
        ++limits;
        EXPECT_EQ(consumer.progress().at(0).state, ReadingState::waiting);
        for (const DeadLetter &letter : consumer.dead_letters())
            EXPECT_EQ(letter.offset, Offset(taken++));
    }
    for (const DeadLetter &letter : consumer.dead_letters())
        EXPECT_EQ(letter.offset, Offset(taken++));
    EXPECT_EQ(taken, records);
    EXPECT_GE(limits, 2) << "half of the budget holds three of them";
}

TEST(DeadLetters, AreNothingBeforeOpen)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer(options_of(cluster, "int64"));
    expect_error_with([&] { (void)consumer.dead_letters(); }, Status::invalid_state, "has not been opened");
}
