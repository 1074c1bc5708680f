// Protobuf specs: messages of several writers as columns, and what is refused when. What becomes of which value, the
// conformance cases say.

#include "support.hpp"

using namespace karrow;
using support::expect_error;
using support::expect_error_with;
using namespace std::chrono_literals;

namespace {

const std::string reader = R"(syntax = "proto3";
package test;
import "customer.proto";
message Other {}
message Order { Customer customer = 1; optional int64 qty = 2; map<string, uint32> sizes = 3; })";
const std::string customer = R"(syntax = "proto3"; package test; message Customer { string name = 1; })";
const std::string writer = R"(syntax = "proto3";
package test;
import "customer.proto";
message Order { Customer customer = 1; })";

/// The file of one message, `Order`, with one field, `int64 qty`, in a serialized FileDescriptorSet.
const std::string descriptors = std::string("\x0a\x27\x0a\x07o.proto\x22\x14\x0a\x05Order\x12\x0b\x0a\x03qty\x18\x01"
                                            "\x20\x01\x28\x03") +
                                "\x62\x06proto3";

Spec order_spec()
{
    return Spec::protobuf_source("order.proto", reader, "Order").add_file("customer.proto", customer);
}

/// The rows that these records become, of which each is written in hexadecimal digits.
Batch rows_of(const Spec &spec, const std::string &records, std::int64_t count)
{
    const MockCluster cluster = support::cluster_with(1);
    cluster.produce_records("t", records);
    const Consumer consumer = support::opened(support::options_of(cluster, "utf8").value(spec));
    const Snapshot snapshot = support::read_rows(consumer, count);
    return Batch(snapshot.schema(), snapshot.partition(0).array());
}

/// What is wrong with the columns of a spec.
void expect_no_columns(const Spec &spec, const std::string &why)
{
    expect_error_with([&spec] { Options("t").key(Spec::ignore()).value(spec).schema(1s); }, Status::invalid_argument,
                      why);
}

} // namespace

TEST(ProtobufSpecs, ReadWhatWritersOfOtherSchemasHaveWritten)
{
    const Batch batch = rows_of(
        order_spec().set("protocol", "serdes").add_schema(1, reader).add_schema(7, writer).map_field("customer/name", "Name"),
        R"([{"hex": "00 00000001 02 02 0a030a0161 102a"}, {"hex": "00 00000007 00 0a040a026263"}, null])", 3);
    const Column<std::string_view> names = batch.column<std::string_view>("Name");
    EXPECT_EQ(names[0], "a");
    EXPECT_EQ(names[1], "bc");
    EXPECT_TRUE(names.is_null(2));
    const Column<std::int64_t> quantities = batch.column<std::int64_t>("qty");
    EXPECT_EQ(quantities[0], 42);
    EXPECT_TRUE(quantities.is_null(1));
    EXPECT_TRUE(quantities.is_null(2));
}

TEST(ProtobufSpecs, MakeDurationsOfDurations)
{
    const Spec spec = Spec::protobuf_source("a.proto", R"(syntax = "proto3"; import "google/protobuf/duration.proto";
        message M { google.protobuf.Duration d = 1; })");
    const Batch batch = rows_of(spec, R"([{"hex": "0a0608011080e807"}, {"hex": ""}])", 2);
    const Column<std::chrono::nanoseconds> durations = batch.column<std::chrono::nanoseconds>("d");
    EXPECT_EQ(durations[0], 1s + 128us);
    EXPECT_TRUE(durations.is_null(1));
    expect_error([&batch] { batch.column<std::int64_t>("d"); }, Status::invalid_argument,
                 "column d: is duration[ns], which is not read as std::int64_t");
}

TEST(ProtobufSpecs, AreSetOnATemporaryAndOnAName)
{
    const std::string raw = R"([{"hex": "0a030a0161 102a"}])";
    const Batch plain = rows_of(order_spec().set("include", "/qty"), raw, 1);
    EXPECT_EQ(plain.column<std::int64_t>("qty")[0], 42);
    Spec spec = Spec::protobuf_source("order.proto", reader, "test.Order");
    spec.add_file("customer.proto", customer).set("include", "/customer/*,qty").map_field("/qty", "Qty");
    const Batch batch = rows_of(spec, raw, 1);
    EXPECT_EQ(batch.column<std::int64_t>("Qty")[0], 42);
    EXPECT_EQ(batch.column<std::string_view>("customer_name")[0], "a");
}

TEST(ProtobufSpecs, ComeFromDescriptorsToo)
{
    // The bytes are only borrowed.
    std::string bytes = descriptors;
    const Spec spec = Spec::protobuf_descriptor(bytes);
    bytes.assign(bytes.size(), 'x');
    const Batch batch = rows_of(spec, R"([{"hex": "082a"}])", 1);
    EXPECT_EQ(batch.column<std::int64_t>("qty")[0], 42);
    EXPECT_NO_THROW(Spec::protobuf_descriptor(descriptors, "Order"));
    expect_error([] { Spec::protobuf_descriptor(descriptors, "Other"); }, Status::invalid_argument,
                 "message: there is no message Other; o.proto has Order");
    expect_error([] { Spec::protobuf_descriptor(""); }, Status::invalid_argument,
                 "descriptors: there is no file among them");
}

TEST(ProtobufSpecs, AreCheckedWhenTheyAreMade)
{
    expect_error([] { Spec::protobuf_subject(""); }, Status::invalid_argument,
                 "subject: it is empty; a registry has schemas by the name of a subject");
    expect_error([] { Spec::protobuf_subject("orders-value", "newest"); }, Status::invalid_argument,
                 "version: 'newest' is no version of a schema; use latest or a number from 1 on");
    expect_error([] { Spec::protobuf_subject("orders-value", "latest", ""); }, Status::invalid_argument,
                 "message: the name is empty; without one it is the first of the file");
    EXPECT_NO_THROW(Spec::protobuf_subject("orders-value"));
    EXPECT_NO_THROW(Spec::protobuf_subject("orders-value", "3", "Order"));
    expect_error([] { Spec::protobuf_source("order.proto", "message Order {\n int64 = 1; }"); },
                 Status::invalid_argument, "text: order.proto:2:8: expected an identifier, but found '='");
    expect_error([] { order_spec().set("nested", "flat"); }, Status::invalid_argument,
                 "value: nested cannot be 'flat'; it can be flatten or struct");
    expect_error([] { order_spec().add_schema(7, reader).add_schema(7, writer); }, Status::invalid_argument,
                 "id: there is a schema 7 already; an id stands for one schema");
    expect_error([] { order_spec().add_file("customer.proto", reader); }, Status::invalid_argument,
                 "name: there is another file customer.proto already");
    expect_error([] { Spec::json().add_file("customer.proto", customer); }, Status::invalid_state,
                 "a json spec has no files; they belong to a protobuf spec");
}

TEST(ProtobufSpecs, AreTiedTogetherWhenThereAreToBeColumns)
{
    EXPECT_NO_THROW(Options("t").key(Spec::ignore()).value(order_spec()).schema(1s));
    expect_no_columns(Spec::protobuf_source("order.proto", reader),
                      "schema: order.proto imports customer.proto, and there is no such file; add it with");
    expect_no_columns(Spec::protobuf_source("a.proto", "syntax = 'proto3'; message M { B b = 1; }"),
                      "schema: a.proto:1:32: name 'B' is not defined");
    expect_no_columns(order_spec().set("include", "/customer"),
                      "include: /customer leads to no column: it is a message; write /customer/*");
    expect_no_columns(Spec::protobuf_source("a.proto", "syntax = 'proto3'; message M { M m = 1; }"),
                      "message: /m is a M inside a M;");
    expect_no_columns(Spec::protobuf_subject("orders-value"), "schema.registry.url");
}
