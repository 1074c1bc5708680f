// The demo's verdict on a topic where an order is missing, comes twice, or is another one, as the example's own code
// writes it to an embedded cluster and reads it from there, in each format; and what that code makes of times.
#include "orders_check.hpp"
#include "orders_records.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t orders = 10;

class OrdersCheck : public testing::TestWithParam<Format> {
protected:
    static std::string record(const Row &row) { return record_of(row, GetParam()); }

    /// The records of all orders in the order in which the demo produces them.
    static std::vector<std::string> all_records()
    {
        std::vector<std::string> records;
        for (std::int64_t number = 0; number < orders; ++number)
            records.push_back(
                record(order_of(static_cast<std::int32_t>(number % order_partitions), number / order_partitions)));
        return records;
    }

    /// What the demo makes of these records.
    static Check check_of(const std::vector<std::string> &records)
    {
        const karrow::MockCluster cluster;
        cluster.create_topic("orders", order_partitions);
        std::string array;
        for (const std::string &record : records)
            array += (array.empty() ? "" : ",") + record;
        cluster.produce_records("orders", "[" + array + "]");
        const karrow::Consumer consumer =
            karrow::consume_to_partitioned_table(karrow::Options("orders")
                                                     .set("bootstrap.servers", cluster.bootstrap_servers())
                                                     .start(karrow::all_partitions, karrow::Offset::beginning())
                                                     .key(karrow::Spec::ignore())
                                                     .value(order_spec(GetParam()))
                                                     .table_type(karrow::TableType::append()));
        Check check(orders);
        Progress progress;
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (progress.rows < static_cast<std::int64_t>(records.size())) {
            const karrow::Cycle cycle = consumer.poll(1s);
            if (!cycle || cycle.failed > 0 || std::chrono::steady_clock::now() > deadline)
                throw std::runtime_error("not all records have become rows");
            const karrow::Snapshot table = order_view(cycle.snapshot, GetParam());
            take_rows(table, progress, [&](std::int32_t partition, std::int64_t number, const Row &row) {
                check.look_at(partition, number, row);
            });
        }
        return check;
    }

    static void expect_failure(const std::vector<std::string> &records, const std::string &verdict)
    {
        const Check check = check_of(records);
        EXPECT_EQ(check.verdict(false, 2.5), verdict);
        EXPECT_NE(check.exit_code(false), 0);
    }
};

INSTANTIATE_TEST_SUITE_P(Formats, OrdersCheck,
                         testing::Values(Format::json, Format::avro, Format::protobuf, Format::processor),
                         [](const auto &test) {
                             return test.param == Format::json       ? "Json"
                                    : test.param == Format::avro     ? "Avro"
                                    : test.param == Format::protobuf ? "Protobuf"
                                                                     : "Processor";
                         });

TEST_P(OrdersCheck, AllOrdersOnceAndInOrderAreWhatThereHasToBe)
{
    const Check check = check_of(all_records());
    EXPECT_TRUE(check.all_came());
    EXPECT_EQ(check.verdict(false, 2.5),
              "all 10 orders came in 2.5 s: each one once, in order, and equal to what was produced");
    EXPECT_EQ(check.exit_code(false), 0);
}

TEST_P(OrdersCheck, AnOrderThatDoesNotComeIsMissing)
{
    // The last one of any partition: nothing behind it moves up.
    for (std::int64_t number = orders - order_partitions; number < orders; ++number) {
        std::vector<std::string> records = all_records();
        records.erase(records.begin() + number);
        expect_failure(records, "1 of 10 orders are missing after 2.5 s");
        EXPECT_FALSE(check_of(records).all_came());
    }
    expect_failure({}, "10 of 10 orders are missing after 2.5 s");
}

TEST_P(OrdersCheck, AnOrderThatIsLeftOutMovesThoseBehindIt)
{
    std::vector<std::string> records = all_records();
    records.erase(records.begin());
    expect_failure(records, "2 of 9 rows differ from what was produced"); // the two behind it in partition 0
}

TEST_P(OrdersCheck, AnOrderThatComesTwiceIsSeen)
{
    std::vector<std::string> records = all_records();
    records.push_back(records.back());
    expect_failure(records, "1 of 11 rows differ from what was produced");
    // Also where another one is left out, so that there are as many as there should be.
    records.erase(records.end() - 3);
    EXPECT_EQ(records.size(), all_records().size());
    EXPECT_TRUE(check_of(records).all_came());
    expect_failure(records, "1 of 10 rows differ from what was produced");
}

TEST_P(OrdersCheck, AnOrderThatWasNeverToComeIsSeen)
{
    std::vector<std::string> records = all_records();
    records.push_back(record(order_of(orders % order_partitions, orders / order_partitions)));
    expect_failure(records, "1 of 11 rows differ from what was produced");
}

TEST_P(OrdersCheck, OrdersThatComeInAnotherOrderDiffer)
{
    std::vector<std::string> records = all_records();
    std::swap(records[1], records[1 + order_partitions]);
    expect_failure(records, "2 of 10 rows differ from what was produced");
}

TEST_P(OrdersCheck, EveryValueOfAnOrderIsCompared)
{
    const std::vector<std::function<void(Row &)>> changes = {
        [](Row &row) { row.kafka_time = *row.kafka_time + 1ms; },
        [](Row &row) { row.symbol = "IBM"; },
        [](Row &row) { row.side = *row.side == "buy" ? "sell" : "buy"; },
        [](Row &row) { row.price = *row.price + 0.01; },
        [](Row &row) { row.qty = *row.qty + 1; },
        [](Row &row) { row.time = *row.time + 1us; },
    };
    for (const std::function<void(Row &)> &change : changes) {
        std::vector<std::string> records = all_records();
        Row row = order_of(2, 1);
        change(row);
        records[2 + order_partitions] = record(row);
        expect_failure(records, "1 of 10 rows differ from what was produced");
    }
    std::vector<std::string> records = all_records();
    records[0] = R"({"partition": 0, "timestamp_ms": 1767346200000, "value": null})";
    expect_failure(records, "1 of 10 rows differ from what was produced");
}

TEST_P(OrdersCheck, StoppingIsNoFailureUnlessWhatCameDiffers)
{
    std::vector<std::string> records = all_records();
    records.resize(7);
    const Check some = check_of(records);
    EXPECT_EQ(some.verdict(true, 2.5), "stopped after 7 orders, each one equal to what was produced");
    EXPECT_EQ(some.exit_code(true), 0);
    EXPECT_NE(some.exit_code(false), 0);
    std::swap(records[0], records[order_partitions]);
    const Check wrong = check_of(records);
    EXPECT_EQ(wrong.verdict(true, 2.5), "2 of 7 rows differ from what was produced");
    EXPECT_NE(wrong.exit_code(true), 0);
}

TEST(OrderSpecs, MakeTheSameColumnsOfEachFormat)
{
    const auto columns_of = [](Format written) {
        const karrow::Schema schema =
            karrow::Options("orders").key(karrow::Spec::ignore()).value(order_spec(written)).schema(1s);
        std::vector<std::pair<std::string, std::string>> columns;
        for (std::int64_t index = 0; index < schema->n_children; ++index)
            columns.emplace_back(schema->children[index]->name, schema->children[index]->format);
        return columns;
    };
    const auto columns = columns_of(Format::json);
    EXPECT_EQ(columns.size(), 8u);
    EXPECT_EQ(columns_of(Format::avro), columns);
    EXPECT_EQ(columns_of(Format::protobuf), columns);
}

using Times = std::vector<std::optional<karrow::Timestamp>>;

/// The times that null and these numbers are in a unit.
Times times_in(const std::string &unit, const std::vector<std::int64_t> &numbers)
{
    std::string records = R"({"hex": "00"})";
    for (const std::int64_t number : numbers) {
        HexWriter writer;
        writer.write_long(1); // not null
        writer.write_long(number);
        records += ", " + writer.value();
    }
    const karrow::MockCluster cluster;
    cluster.create_topic("times", 1);
    cluster.produce_records("times", "[" + records + "]");
    const std::string schema = R"({"type": "record", "name": "R", "fields": [
        {"name": "Time", "type": ["null", {"type": "long", "logicalType": "timestamp-)"
        + unit + R"("}]}]})";
    const karrow::Consumer consumer =
        karrow::consume_to_partitioned_table(karrow::Options("times")
                                                 .set("bootstrap.servers", cluster.bootstrap_servers())
                                                 .start(karrow::all_partitions, karrow::Offset::beginning())
                                                 .stop(karrow::all_partitions, karrow::Stop::at_end())
                                                 .key(karrow::Spec::ignore())
                                                 .value(karrow::Spec::avro_schema(schema).set("framing", "bare"))
                                                 .table_type(karrow::TableType::append()));
    while (consumer.poll(60s)) {
    }
    const karrow::Snapshot snapshot = consumer.snapshot();
    const karrow::Batch batch(snapshot.schema(), snapshot.partition(0).array());
    const auto times = times_of(batch, "Time");
    Times found;
    for (std::int64_t row = 0; row < batch.rows(); ++row)
        found.push_back(times(row));
    return found;
}

TEST(OrderTimes, AreReadInEachUnitAndEndWhereNanosecondsDo)
{
    using karrow::Timestamp;
    using Numbers = std::numeric_limits<std::int64_t>;
    const std::vector<std::int64_t> numbers = {-1, 1767346200000, Numbers::min(), Numbers::max()};
    EXPECT_EQ(times_in("nanos", numbers), (Times{std::nullopt, Timestamp(-1ns), Timestamp(1767346200000ns),
                                                 Timestamp::min(), Timestamp::max()}));
    EXPECT_EQ(times_in("micros", numbers), (Times{std::nullopt, Timestamp(-1us), Timestamp(1767346200000us),
                                                  std::chrono::ceil<std::chrono::microseconds>(Timestamp::min()),
                                                  std::chrono::floor<std::chrono::microseconds>(Timestamp::max())}));
    EXPECT_EQ(times_in("millis", numbers), (Times{std::nullopt, Timestamp(-1ms), Timestamp(1767346200000ms),
                                                  std::chrono::ceil<std::chrono::milliseconds>(Timestamp::min()),
                                                  std::chrono::floor<std::chrono::milliseconds>(Timestamp::max())}));
}

} // namespace
