// Specs of a subject: columns that a schema registry knows, the records that are read with it, and what is thrown where it
// does not know any.

#include "support.hpp"

#include "registry.h"

using namespace karrow;
using namespace std::chrono_literals;
using support::error_of;
using support::expect_error;

namespace {

const char first[] = R"({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]})";
const char second[] = R"({"type": "record", "name": "Order", "fields": [
    {"name": "symbol", "type": "string", "default": "?"}, {"name": "id", "type": "long"}]})";
const char file[] = R"(syntax = "proto3"; message File {})";
const char first_file[] = R"(syntax = "proto3"; message Order { int64 id = 1; })";
const char second_file[] = R"(syntax = "proto3"; message Other {} message Order { int64 id = 1; string symbol = 2; })";
const char half_a_file[] = R"(syntax = "proto3"; message Whole { Half half = 1; })";

const registry_schema schemas[] = {
    {"orders-value", 1, 1, "AVRO", first},
    {"orders-value", 2, 7, "AVRO", second},
    {"files-value", 1, 8, "PROTOBUF", file},
    {"text-value", 1, 9, "JSON", "{}"},
    {"messages-value", 1, 10, "PROTOBUF", first_file},
    {"messages-value", 2, 11, "PROTOBUF", second_file},
    {"halves-value", 1, 12, "PROTOBUF", half_a_file},
};

/// A registry that has these schemas, for as long as it lives.
class Registry {
public:
    Registry() { registry_start(&registry_, schemas, std::size(schemas)); }
    ~Registry() { registry_stop(&registry_); }
    Registry(const Registry &) = delete;
    Registry &operator=(const Registry &) = delete;

    std::string url() const { return registry_.url; }

private:
    registry registry_;
};

/// Options for the topic `t` whose values are of a subject.
Options options_of(const MockCluster &cluster, const Registry &registry, const Spec &spec)
{
    return support::options_of(cluster, "utf8").value(spec).set("schema.registry.url", registry.url());
}

/// The names of the columns behind the common ones.
std::vector<std::string> columns_of(const Schema &schema)
{
    std::vector<std::string> names;
    for (std::int64_t column = 3; column < schema->n_children; ++column)
        names.emplace_back(schema->children[column]->name);
    return names;
}

} // namespace

TEST(SchemaRegistries, KnowTheColumnsOfASubject)
{
    const MockCluster cluster = support::cluster_with(1);
    const Registry registry;
    const auto columns = [&](const Spec &spec) {
        return columns_of(options_of(cluster, registry, spec).schema(forever));
    };
    const std::vector<std::string> latest = {"symbol", "id"};
    EXPECT_EQ(columns(Spec::avro_subject("orders-value")), latest);
    EXPECT_EQ(columns(Spec::avro_subject("orders-value", "1").map_field("id", "Id")), std::vector<std::string>{"Id"});
    const std::vector<std::string> latest_message = {"id", "symbol"};
    EXPECT_EQ(columns(Spec::protobuf_subject("messages-value", "latest", "Order")), latest_message);
    EXPECT_EQ(columns(Spec::protobuf_subject("messages-value", "1").map_field("id", "Id")),
              std::vector<std::string>{"Id"});
    EXPECT_EQ(columns(Spec::protobuf_subject("messages-value")), std::vector<std::string>{});
}

TEST(SchemaRegistries, KnowWhatRecordsWereWrittenWith)
{
    const MockCluster cluster = support::cluster_with(1);
    const Registry registry;
    cluster.produce_records("t", R"([{"hex": "00 00000007 0461 62 54"}, {"hex": "00 00000001 56"}, null])");
    const Consumer consumer = support::opened(options_of(cluster, registry, Spec::avro_subject("orders-value")));
    // One that is written once the consumer is at the end.
    const Snapshot before = support::read_rows(consumer, 3);
    cluster.produce_records("t", R"([{"hex": "00 00000007 0263 58"}])");
    const Snapshot snapshot = support::read_rows(consumer, 4);
    EXPECT_EQ(support::rows_in(before), 3);
    const Batch batch(snapshot.schema(), snapshot.partition(0).array());
    const Column<std::string_view> symbols = batch.column<std::string_view>("symbol");
    const Column<std::int64_t> ids = batch.column<std::int64_t>("id");
    EXPECT_EQ(symbols[0], "ab");
    EXPECT_EQ(symbols[1], "?");
    EXPECT_EQ(symbols[3], "c");
    EXPECT_EQ(ids[0], 42);
    EXPECT_EQ(ids[1], 43);
    EXPECT_EQ(ids[3], 44);
    EXPECT_TRUE(symbols.is_null(2));
    EXPECT_TRUE(ids.is_null(2));
}

TEST(SchemaRegistries, KnowWhichMessageARecordIs)
{
    const MockCluster cluster = support::cluster_with(1);
    const Registry registry;
    cluster.produce_records(
        "t", R"([{"hex": "00 0000000b 02 02 082a 12026162"}, {"hex": "00 0000000a 00 082b"}, {"hex": "00 0000000b 00"}])");
    const Spec spec = Spec::protobuf_subject("messages-value", "latest", "Order");
    const Consumer consumer = support::opened(options_of(cluster, registry, spec));
    const Snapshot snapshot = support::read_failures(consumer, 1);
    const Partition partition = snapshot.partition(0);
    ASSERT_EQ(partition.end_row(), 2);
    const Batch batch(snapshot.schema(), partition.array());
    EXPECT_EQ(batch.column<std::int64_t>("id")[0], 42);
    EXPECT_EQ(batch.column<std::int64_t>("id")[1], 43);
    EXPECT_EQ(batch.column<std::string_view>("symbol")[0], "ab");
    EXPECT_EQ(batch.column<std::string_view>("symbol")[1], "");
    const std::optional<Error> failure = partition.failure();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->status(), Status::bad_record);
    EXPECT_STREQ(failure->what(), "expected message Order, found message Other, at t[0]@2 (value)");
}

TEST(SchemaRegistries, MakeABadRecordOfAnIdThatTheyDoNotKnow)
{
    const MockCluster cluster = support::cluster_with(1);
    const Registry registry;
    cluster.produce_records("t", R"([{"hex": "00 00000007 0461 62 54"}, {"hex": "00 00000063 56"}])");
    const Consumer consumer =
        support::opened(options_of(cluster, registry, Spec::avro_subject("orders-value"))
                            .set("karrow.registry.unknown.id.retry.ms", "0"));
    const Partition partition = support::read_failures(consumer, 1).partition(0);
    EXPECT_EQ(partition.end_row(), 1);
    EXPECT_EQ(partition.next_offset(), Offset(1));
    const std::optional<Error> failure = partition.failure();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->status(), Status::bad_record);
    EXPECT_EQ(failure->what(),
              "schema 99: the schema registry at " + registry.url() + " has no such schema, at t[0]@1 (value)");
}

TEST(SchemaRegistries, ThrowWhereASubjectHasNoColumns)
{
    const MockCluster cluster = support::cluster_with(1);
    const Registry registry;
    const auto is_refused = [&](const Spec &spec, const std::string &message) {
        const Options options = options_of(cluster, registry, spec);
        expect_error([&] { (void)options.schema(forever); }, Status::registry, message);
    };
    const std::string at = "the schema registry at " + registry.url();
    is_refused(Spec::avro_subject("orders-value", "3"),
               "version 3 of subject 'orders-value': " + at + " has no such version of it");
    is_refused(Spec::avro_subject("files-value"),
               "subject 'files-value': what the registry has for it is Protobuf, and no schema of Avro");
    is_refused(Spec::protobuf_subject("orders-value"),
               "subject 'orders-value': what the registry has for it is Avro, and no schema of Protobuf");
    is_refused(Spec::protobuf_subject("halves-value"), "subject 'halves-value': schema:1:36: name 'Half' is not defined");
    expect_error(
        [&] {
            const Spec spec = Spec::protobuf_subject("messages-value", "latest", "Trade");
            (void)options_of(cluster, registry, spec).schema(forever);
        },
        Status::invalid_argument, "message: there is no message Trade; schema has Other, Order");
    is_refused(Spec::avro_subject("text-value"),
               "subject 'text-value': what the registry has for it is JSON Schema, and no schema of Avro");
    expect_error([&] { (void)support::opened(options_of(cluster, registry, Spec::avro_subject("nobody"))); },
                 Status::registry, "the latest version of subject 'nobody': " + at + " has no such subject");
}

TEST(SchemaRegistries, ThrowWhereNobodyCanBeAsked)
{
    const MockCluster cluster = support::cluster_with(1);
    Options options = support::options_of(cluster, "utf8").value(Spec::avro_subject("orders-value"));
    const std::string nowhere =
        "schema.registry.url: not set; the value is of subject 'orders-value', whose schema only a registry knows";
    expect_error([&] { (void)options.schema(forever); }, Status::invalid_argument, nowhere);
    expect_error([&] { const Consumer consumer(options); }, Status::invalid_argument, nowhere);

    options.set("schema.registry.url", Registry().url());
    const Error away = error_of([&] { (void)options.schema(300ms); });
    EXPECT_EQ(away.status(), Status::registry);
    EXPECT_TRUE(away.is_retriable());
    EXPECT_NE(std::string(away.what()).find("cannot be reached"), std::string::npos) << away.what();
}
