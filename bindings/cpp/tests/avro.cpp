// Avro specs: records of several writers as columns, and what is refused when. What becomes of which value, the
// conformance cases say.

#include "support.hpp"

using namespace karrow;
using support::expect_error;

namespace {

const std::string reader = R"({"type": "record", "name": "Order", "fields": [
    {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
        {"name": "name", "type": "string"}]}},
    {"name": "qty", "type": "long", "default": -1}]})";
const std::string writer = R"({"type": "record", "name": "Order", "fields": [
    {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
        {"name": "name", "type": "string"}]}}]})";

/// The rows that these records become, of which each is written in hexadecimal digits.
Batch rows_of(const Spec &spec, const std::string &records, std::int64_t count)
{
    const MockCluster cluster = support::cluster_with(1);
    cluster.produce_records("t", records);
    const Consumer consumer = support::opened(support::options_of(cluster, "utf8").value(spec));
    const Snapshot snapshot = support::read_rows(consumer, count);
    return Batch(snapshot.schema(), snapshot.partition(0).array());
}

} // namespace

TEST(AvroSpecs, ReadWhatWritersOfOtherSchemasHaveWritten)
{
    const Batch batch = rows_of(
        Spec::avro_schema(reader).add_schema(1, reader).add_schema(7, writer).map_field("customer.name", "Name"),
        R"([{"hex": "00 00000001 0261 54"}, {"hex": "00 00000007 046263"}, null])", 3);
    const Column<std::string_view> names = batch.column<std::string_view>("Name");
    EXPECT_EQ(names[0], "a");
    EXPECT_EQ(names[1], "bc");
    EXPECT_TRUE(names.is_null(2));
    const Column<std::int64_t> quantities = batch.column<std::int64_t>("qty");
    EXPECT_EQ(quantities[0], 42);
    EXPECT_EQ(quantities[1], -1);
    EXPECT_TRUE(quantities.is_null(2));
}

TEST(AvroSpecs, AreSetOnATemporaryAndOnAName)
{
    const std::string bare = R"([{"hex": "0261 54"}])";
    const Batch plain = rows_of(Spec::avro_schema(reader).set("framing", "bare"), bare, 1);
    EXPECT_EQ(plain.column<std::int64_t>("qty")[0], 42);
    Spec spec = Spec::avro_schema(reader);
    spec.set("framing", "bare").add_schema(1, reader).map_field("qty", "Qty");
    const Batch batch = rows_of(spec, bare, 1);
    EXPECT_EQ(batch.column<std::int64_t>("Qty")[0], 42);
    EXPECT_EQ(batch.column<std::string_view>("customer__name")[0], "a");
}

TEST(AvroSpecs, NameTypesThatAreNotReadAsColumns)
{
    const std::string id = R"({"type": "record", "name": "R", "fields": [
        {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 2}},
        {"name": "any", "type": ["int", "string"]}, {"name": "nothing", "type": "null"}]})";
    const Batch batch = rows_of(Spec::avro_schema(id).set("framing", "bare").set("union", "dense"),
                                R"([{"hex": "0102 00 02"}])", 1);
    const auto is_no_number = [&batch](const std::string &name, const std::string &type) {
        expect_error([&] { batch.column<std::int64_t>(name); }, Status::invalid_argument,
                     "column " + name + ": is " + type + ", which is not read as std::int64_t");
    };
    is_no_number("id", "fixed_size_binary(2)");
    is_no_number("any", "union");
    is_no_number("nothing", "null");
}

TEST(AvroSpecs, AreCheckedWhenTheyAreMade)
{
    expect_error([] { Spec::avro_subject(""); }, Status::invalid_argument,
                 "subject: it is empty; a registry has schemas by the name of a subject");
    expect_error([] { Spec::avro_subject("orders-value", "newest"); }, Status::invalid_argument,
                 "version: 'newest' is no version of a schema; use latest or a number from 1 on");
    EXPECT_NO_THROW(Spec::avro_subject("orders-value"));
    EXPECT_NO_THROW(Spec::avro_subject("orders-value", "3"));
    expect_error([] { Spec::avro_schema(reader).set("nested", "flat"); }, Status::invalid_argument,
                 "value: nested cannot be 'flat'; it can be flatten or struct");
    expect_error([] { Spec::json().set("nested", "struct"); }, Status::invalid_state,
                 "a json spec has no settings; they belong to an avro spec, a protobuf spec or a callback spec");
    expect_error([] { Spec::avro_schema(reader).add_schema(7, reader).add_schema(7, writer); },
                 Status::invalid_argument, "id: there is a schema 7 already; an id stands for one schema");
}
