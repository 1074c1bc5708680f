// The embedded cluster: what is produced arrives, and every fault can be asked for.

#include "support.hpp"

using namespace karrow;
using namespace std::chrono_literals;
using support::cluster_with;
using support::expect_error_with;

TEST(MockClusters, TellNullFromEmpty)
{
    const MockCluster cluster = cluster_with(1);
    EXPECT_EQ(cluster.produce("t", 0, std::nullopt, ""), Offset(0));
    EXPECT_EQ(cluster.produce("t", 0, "", std::nullopt), Offset(1));
    EXPECT_EQ(cluster.produce("t", 0, "key", std::string(3, '\0')), Offset(2));
    const Consumer consumer = support::opened(support::options_of(cluster, "utf8").key(Spec::simple("K", "utf8")));
    const Snapshot snapshot = support::read_rows(consumer, 3);
    const Batch batch(snapshot.schema(), snapshot.partition(0).array());
    const auto keys = batch.column<std::string_view>("K"), values = batch.column<std::string_view>("V");
    EXPECT_EQ(keys[0], std::nullopt);
    EXPECT_EQ(values[0], "");
    EXPECT_EQ(keys[1], "");
    EXPECT_EQ(values[1], std::nullopt);
    EXPECT_EQ(keys[2], "key");
    EXPECT_EQ(values[2], std::string_view("\0\0\0", 3));
}

TEST(MockClusters, KeepTheTimeOfARecord)
{
    const MockCluster cluster = cluster_with(1);
    const MockCluster::Time time(1'500'000'000'123ms);
    const Timestamp before = std::chrono::system_clock::now();
    cluster.produce("t", 0, std::nullopt, "then", time);
    cluster.produce("t", 0, std::nullopt, "now");
    const Snapshot snapshot = support::read_rows(support::consumer_of(cluster, "utf8"), 2);
    const Batch batch(snapshot.schema(), snapshot.partition(0).array());
    const Column<Timestamp> times = batch.column<Timestamp>("KafkaTimestamp");
    EXPECT_EQ(times[0], time);
    EXPECT_GT(times.value(1), before - 1h);
}

TEST(MockClusters, TakeRecordsAsData)
{
    const MockCluster cluster = cluster_with(2);
    cluster.produce_records("t", R"(["a", null,
        {"partition": 1, "key": "k", "value": {"base64": "Yg=="}, "timestamp_ms": 1500000000123}])");
    const Consumer consumer = support::opened(support::options_of(cluster, "utf8").key(Spec::simple("K", "utf8")));
    const Snapshot snapshot = support::read_rows(consumer, 3);
    EXPECT_EQ(support::texts_of(snapshot.partition(0).batches()), (std::vector<std::string>{"a", "-"}));
    const Batch batch(snapshot.schema(), snapshot.partition(1).array());
    EXPECT_EQ(batch.column<std::string_view>("K")[0], "k");
    EXPECT_EQ(batch.column<std::string_view>("V")[0], "b");
    EXPECT_EQ(batch.column<Timestamp>("KafkaTimestamp")[0], MockCluster::Time(1'500'000'000'123ms));
    expect_error_with([&] { cluster.produce_records("t", "[1]"); }, Status::invalid_argument, "[0]");
    expect_error_with([&] { cluster.produce_records("t", R"([{"partition": 2}])"); }, Status::not_found, "2");
    expect_error_with([&] { cluster.produce_records("t", std::string("[]\0", 3)); }, Status::invalid_argument,
                      "records: holds a NUL character");
}

TEST(MockClusters, RefuseWhatTheyDoNotHave)
{
    const MockCluster cluster = cluster_with(1);
    expect_error_with([] { MockCluster cluster_of_none(0); }, Status::invalid_argument, "brokers");
    expect_error_with([&] { cluster.create_topic("t", 1); }, Status::invalid_argument, "t");
    expect_error_with([&] { cluster.create_topic("u", 0); }, Status::invalid_argument, "partitions");
    expect_error_with([&] { cluster.produce("t", 1, std::nullopt, "a"); }, Status::not_found, "1");
    expect_error_with([&] { cluster.push_errors(99, {1}); }, Status::invalid_argument, "99");
    expect_error_with([&] { cluster.set_broker_up(2, false); }, Status::invalid_argument, "broker");
    expect_error_with([&] { cluster.set_leader("t", 0, 2); }, Status::invalid_argument, "broker");
    expect_error_with([&] { cluster.set_leader("t", 7, 1); }, Status::kafka, "");
    expect_error_with([&] { cluster.set_delay(1, -1ms); }, Status::invalid_argument, "delay_ms");
    expect_error_with([&] { cluster.produce(std::string("t\0", 2), 0, {}, {}); }, Status::invalid_argument,
                      "topic: holds a NUL character");
}

TEST(MockClusters, GoOnAfterErrorsOfFetch)
{
    constexpr std::int16_t fetch = 1;
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = support::consumer_of(cluster, "utf8");
    cluster.push_errors(fetch, {6, 7}); // not the leader, timed out
    cluster.produce("t", 0, std::nullopt, "a");
    EXPECT_EQ(support::texts_of(support::read_rows(consumer, 1).partition(0).batches()), std::vector<std::string>{"a"});
}

TEST(MockClusters, LetBrokersGoAndComeBackAndLeadersMove)
{
    const MockCluster cluster(2);
    cluster.create_topic("t", 1);
    cluster.set_leader("t", 0, 1);
    const Consumer consumer = support::consumer_of(cluster, "utf8");
    cluster.produce("t", 0, std::nullopt, "a");
    support::read_rows(consumer, 1);
    cluster.set_leader("t", 0, 2);
    cluster.set_broker_up(1, false);
    cluster.produce("t", 0, std::nullopt, "b");
    support::read_rows(consumer, 2);
    cluster.set_broker_up(1, true);
    cluster.set_leader("t", 0, 1);
    cluster.produce("t", 0, std::nullopt, "c");
    EXPECT_EQ(support::texts_of(support::read_rows(consumer, 3).partition(0).batches()),
              (std::vector<std::string>{"a", "b", "c"}));
}

TEST(MockClusters, LetBrokersTakeTheirTime)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "a");
    const Consumer consumer(support::options_of(cluster, "utf8"));
    cluster.set_delay(1, 1h);
    expect_error_with([&] { consumer.open(300ms); }, Status::timeout, "within 300 ms");
    cluster.set_delay(1, 0ms);
    consumer.open(60s);
    support::read_rows(consumer, 1);
}

TEST(MockClusters, ThatHaveBeenMovedSaySo)
{
    MockCluster cluster = cluster_with(1);
    const MockCluster moved = std::move(cluster);
    EXPECT_EQ(cluster.bootstrap_servers(), "");
    EXPECT_NE(moved.bootstrap_servers(), "");
    const auto refused = [](const std::function<void()> &call) {
        expect_error_with(call, Status::invalid_argument, "cluster: is NULL");
    };
    refused([&] { cluster.create_topic("u", 1); });
    refused([&] { cluster.produce("t", 0, {}, {}); });
    refused([&] { cluster.produce_records("t", "[]"); });
    refused([&] { cluster.push_errors(1, {6}); });
    refused([&] { cluster.set_broker_up(1, true); });
    refused([&] { cluster.set_leader("t", 0, 1); });
    refused([&] { cluster.set_delay(1, 0ms); });
}
