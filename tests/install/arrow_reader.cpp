/*
 * Hands the rows of a topic to Arrow's own library for C++, and lets that check them: their structure, and every value
 * against an array that it has made itself.
 */
#include <karrow/karrow.hpp>

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/json/from_string.h>

#include <iostream>

namespace {

/// A column, the fields that it is read from, in one record after the other, and what Arrow says they are. A field that
/// is empty is left out of its record.
struct Case {
    const char *name;
    const char *karrow_type;
    std::shared_ptr<arrow::DataType> type;
    std::vector<std::string> fields;
    const char *values;
};

const std::vector<Case> cases = {
    {"Bool", "bool", arrow::boolean(), {"true", "", "false"}, "[true, null, false]"},
    {"Small", "int8", arrow::int8(), {"-128", "null", "127"}, "[-128, null, 127]"},
    {"Int", "int32", arrow::int32(), {"-2147483648", "1", "2147483647"}, "[-2147483648, 1, 2147483647]"},
    {"Long", "long", arrow::int64(), {"-9223372036854775808", "", "\"7\""}, "[-9223372036854775808, null, 7]"},
    {"Unsigned", "uint64", arrow::uint64(), {"18446744073709551615", "0", ""}, "[18446744073709551615, 0, null]"},
    {"Float", "float32", arrow::float32(), {"1.5", "-0.25", ""}, "[1.5, -0.25, null]"},
    {"Double", "double", arrow::float64(), {"189.37", "", "1e300"}, "[189.37, null, 1e300]"},
    {"Decimal", "decimal128(10, 2)", arrow::decimal128(10, 2), {"189.30", "", "-1"}, R"(["189.30", null, "-1.00"])"},
    {"Text", "String", arrow::utf8(), {R"("gr\u00fcn")", R"("")", ""}, R"(["grün", "", null])"},
    {"Bytes", "binary", arrow::binary(), {R"("a2Fycm93")", "", R"("")"}, R"(["karrow", null, ""])"},
    {"Date", "date32", arrow::date32(), {R"("1970-01-03")", "", R"("1969-12-31")"}, "[2, null, -1]"},
    {"Time", "time64[us]", arrow::time64(arrow::TimeUnit::MICRO), {R"("00:00:01.5")", "", ""}, "[1500000, null, null]"},
    {"Instant", "Instant", arrow::timestamp(arrow::TimeUnit::NANO, "UTC"),
     {R"("2026-01-02T09:30:00.123456Z")", "", R"("1969-12-31T23:59:59.999999999Z")"},
     "[1767346200123456000, null, -1]"},
    {"Local", "timestamp[ms]", arrow::timestamp(arrow::TimeUnit::MILLI), {"", "", R"("1970-01-01T00:00:02")"},
     "[null, null, 2000]"},
};

constexpr std::size_t records = 3;

std::string record(std::size_t number)
{
    std::string fields;
    for (const Case &column : cases)
        if (!column.fields[number].empty())
            fields += (fields.empty() ? "\"" : ", \"") + std::string(column.name) + "\": " + column.fields[number];
    return "{" + fields + "}";
}

/// Two cycles, so that the rows come in memory that has grown.
karrow::Snapshot read_topic()
{
    const karrow::MockCluster cluster;
    cluster.create_topic("values", 1);
    karrow::Spec spec = karrow::Spec::json();
    for (const Case &column : cases)
        spec.add_column(column.name, column.karrow_type);
    const karrow::Consumer consumer = karrow::consume_to_partitioned_table(
        karrow::Options("values")
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .key(karrow::Spec::ignore())
            .value(spec)
            .table_type(karrow::TableType::append()));
    karrow::Cycle cycle;
    for (std::size_t number = 0; number < records; ++number) {
        cluster.produce("values", 0, std::nullopt, record(number));
        if (!(cycle = consumer.poll(std::chrono::seconds(30))) || cycle.rows != 1)
            throw std::runtime_error("the record did not come within 30 seconds");
    }
    return std::move(cycle.snapshot);
}

arrow::Status check(karrow::Stream stream)
{
    // Takes the stream over.
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ImportRecordBatchReader(stream.get()));
    ARROW_ASSIGN_OR_RAISE(auto table, reader->ToTable());
    ARROW_RETURN_NOT_OK(table->ValidateFull());
    for (const Case &column : cases) {
        ARROW_ASSIGN_OR_RAISE(auto values, arrow::json::ArrayFromJSONString(column.type, column.values));
        const auto found = table->GetColumnByName(column.name);
        if (found == nullptr || !found->Equals(arrow::ChunkedArray(values)))
            return arrow::Status::Invalid(column.name, ": found ", found == nullptr ? "nothing" : found->ToString(),
                                          "\ninstead of ", values->ToString());
    }
    const auto offset = table->GetColumnByName("KafkaOffset");
    ARROW_ASSIGN_OR_RAISE(auto offsets, arrow::json::ArrayFromJSONString(arrow::int64(), "[0, 1, 2]"));
    if (offset == nullptr || !offset->Equals(arrow::ChunkedArray(offsets)))
        return arrow::Status::Invalid("KafkaOffset: is not 0, 1, 2");
    std::cout << table->ToString() << "\n";
    return arrow::Status::OK();
}

} // namespace

int main()
try {
    // The snapshot outlives its consumer and its cluster, and the stream outlives the snapshot.
    const arrow::Status status = check(read_topic().partition(0).stream());
    if (!status.ok())
        std::cerr << status.ToString() << "\n";
    return status.ok() ? 0 : 1;
} catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 1;
}
