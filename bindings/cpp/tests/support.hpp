/*
 * What the tests in C++ share: checks of errors, ways to a cluster, a consumer and its rows, and Arrow arrays that are
 * not karrow's.
 */
#ifndef KARROW_CPP_TESTS_SUPPORT_HPP
#define KARROW_CPP_TESTS_SUPPORT_HPP

#include <karrow/karrow.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <ostream>

namespace karrow {

// What GoogleTest prints when an expectation fails.
inline void PrintTo(Status status, std::ostream *out)
{
    *out << status_name(status);
}

inline void PrintTo(Offset offset, std::ostream *out)
{
    *out << "offset " << offset.value();
}

} // namespace karrow

namespace support {

using namespace std::chrono_literals;

// Errors ----------------------------------------------------------------------------------------------------------

/// The error that a call throws.
inline karrow::Error error_of(const std::function<void()> &call)
{
    try {
        call();
    } catch (const karrow::Error &error) {
        return error;
    }
    ADD_FAILURE() << "the call should have thrown";
    return karrow::Error(karrow::Status::ok, "nothing was thrown");
}

/// Expects a call to throw an error of this status, and its message to be this.
inline void expect_error(const std::function<void()> &call, karrow::Status status, const std::string &message)
{
    const karrow::Error error = error_of(call);
    EXPECT_EQ(error.status(), status);
    EXPECT_STREQ(error.what(), message.c_str());
}

/// Expects a call to throw an error of this status, and its message to contain this.
inline void expect_error_with(const std::function<void()> &call, karrow::Status status, const std::string &part)
{
    const karrow::Error error = error_of(call);
    EXPECT_EQ(error.status(), status);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
}

// Clusters and consumers ------------------------------------------------------------------------------------------

/// The record value 42, as a simple spec of int64 reads it, and one that it refuses.
inline constexpr std::string_view forty_two("\0\0\0\0\0\0\0\x2a", 8);
inline constexpr std::string_view bad = "12345";

/// A cluster with the topic `t`.
inline karrow::MockCluster cluster_with(std::int32_t partitions)
{
    karrow::MockCluster cluster;
    cluster.create_topic("t", partitions);
    return cluster;
}

/// Options for the topic `t` from its beginning: no key, and the value in a column `V` of this type, of which
/// everything is kept.
inline karrow::Options options_of(const karrow::MockCluster &cluster, const std::string &type)
{
    return karrow::Options("t")
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .start(karrow::all_partitions, karrow::Offset::beginning())
        .key(karrow::Spec::ignore())
        .value(karrow::Spec::simple("V", type))
        .table_type(karrow::TableType::append());
}

/// A consumer of these options, open.
inline karrow::Consumer opened(const karrow::Options &options)
{
    return karrow::consume_to_partitioned_table(options);
}

inline karrow::Consumer consumer_of(const karrow::MockCluster &cluster, const std::string &type)
{
    return opened(options_of(cluster, type));
}

/// Why partitions have failed, for a test that did not expect it.
inline std::string failures_of(const karrow::Snapshot &snapshot)
{
    std::string failures;
    for (const karrow::Partition &partition : snapshot.partitions())
        if (const std::optional<karrow::Error> failure = partition.failure())
            failures.append("\n").append(failure->what());
    return failures;
}

/// Polls until a cycle is as it should be, and returns it.
inline karrow::Cycle poll_until(const karrow::Consumer &consumer,
                                const std::function<bool(const karrow::Cycle &)> &as_it_should_be)
{
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < deadline) {
        karrow::Cycle cycle = consumer.poll(1s);
        if (!cycle)
            throw std::runtime_error("poll ended with " + karrow::status_name(cycle.status)
                                     + failures_of(consumer.snapshot()));
        if (as_it_should_be(cycle))
            return cycle;
    }
    throw std::runtime_error("a minute has not been enough" + failures_of(consumer.snapshot()));
}

/// How many rows there are in all partitions, those that are not kept any more included.
inline std::int64_t rows_in(const karrow::Snapshot &snapshot)
{
    std::int64_t rows = 0;
    for (const karrow::Partition &partition : snapshot.partitions())
        rows += partition.end_row();
    return rows;
}

/// Polls until this many rows have come, and returns that cycle's snapshot.
inline karrow::Snapshot read_rows(const karrow::Consumer &consumer, std::int64_t rows)
{
    const auto are_there = [rows](const karrow::Cycle &cycle) { return rows_in(cycle.snapshot) >= rows; };
    return poll_until(consumer, are_there).snapshot;
}

/// Polls until this many partitions have failed, and returns that cycle's snapshot.
inline karrow::Snapshot read_failures(const karrow::Consumer &consumer, std::int32_t failed)
{
    const auto have_failed = [failed](const karrow::Cycle &cycle) { return cycle.failed >= failed; };
    return poll_until(consumer, have_failed).snapshot;
}

/// The values of a text column, in all batches; `-` for null.
inline std::vector<std::string> texts_of(karrow::Batches batches, std::string_view column = "V")
{
    std::vector<std::string> texts;
    for (const karrow::Batch &batch : batches)
        for (std::optional<std::string_view> text : batch.column<std::string_view>(column))
            texts.emplace_back(text.value_or("-"));
    return texts;
}

// Arrow arrays of another producer --------------------------------------------------------------------------------

/// One column: a format, its buffers behind the validity's, and, if it has nulls, that.
struct Field {
    std::string name;
    std::string format;
    std::vector<std::vector<std::uint8_t>> buffers;
    std::vector<std::uint8_t> validity = {};
    std::int64_t null_count = 0;
    std::int64_t offset = 0;
    bool dictionary = false;
};

/// The bytes of some values, as they lie in memory.
template <class Value>
std::vector<std::uint8_t> bytes_of(std::initializer_list<Value> values)
{
    const auto *first = reinterpret_cast<const std::uint8_t *>(values.begin());
    return {first, first + values.size() * sizeof(Value)};
}

inline std::vector<std::uint8_t> bytes_of(std::string_view text)
{
    return {text.begin(), text.end()};
}

/// How many structs that were made here have been released.
inline int &released()
{
    static int count = 0;
    return count;
}

/// Memory of a schema and of its children, which are released with it.
struct SchemaMemory {
    std::string name;
    std::string format;
    std::vector<ArrowSchema> structs;
    std::vector<ArrowSchema *> children;
    ArrowSchema dictionary{};
};

inline void release_schema(ArrowSchema *schema)
{
    auto *memory = static_cast<SchemaMemory *>(schema->private_data);
    for (ArrowSchema &child : memory->structs)
        if (child.release != nullptr)
            child.release(&child);
    if (memory->dictionary.release != nullptr)
        memory->dictionary.release(&memory->dictionary);
    delete memory;
    schema->release = nullptr;
    ++released();
}

inline ArrowSchema make_schema(const std::string &name, const std::string &format,
                               std::vector<ArrowSchema> children = {})
{
    auto *memory = new SchemaMemory{name, format, std::move(children), {}, {}};
    for (ArrowSchema &child : memory->structs)
        memory->children.push_back(&child);
    ArrowSchema schema{};
    schema.format = memory->format.c_str();
    schema.name = memory->name.c_str();
    schema.flags = ARROW_FLAG_NULLABLE;
    schema.n_children = static_cast<std::int64_t>(memory->children.size());
    schema.children = memory->children.data();
    schema.release = release_schema;
    schema.private_data = memory;
    return schema;
}

/// Memory of an array and of its children, which are released with it.
struct ArrayMemory {
    std::vector<std::vector<std::uint8_t>> bytes;
    std::vector<const void *> buffers;
    std::vector<ArrowArray> structs;
    std::vector<ArrowArray *> children;
};

inline void release_array(ArrowArray *array)
{
    auto *memory = static_cast<ArrayMemory *>(array->private_data);
    for (ArrowArray &child : memory->structs)
        if (child.release != nullptr)
            child.release(&child);
    delete memory;
    array->release = nullptr;
    ++released();
}

/// The first buffer is the validity's; one without bytes is NULL.
inline ArrowArray make_array(std::int64_t length, std::int64_t offset, std::int64_t null_count,
                             std::vector<std::vector<std::uint8_t>> bytes, std::vector<ArrowArray> children = {})
{
    auto *memory = new ArrayMemory{std::move(bytes), {}, std::move(children), {}};
    for (const std::vector<std::uint8_t> &buffer : memory->bytes)
        memory->buffers.push_back(buffer.empty() ? nullptr : buffer.data());
    for (ArrowArray &child : memory->structs)
        memory->children.push_back(&child);
    ArrowArray array{};
    array.length = length;
    array.offset = offset;
    array.null_count = null_count;
    array.n_buffers = static_cast<std::int64_t>(memory->buffers.size());
    array.buffers = memory->buffers.data();
    array.n_children = static_cast<std::int64_t>(memory->children.size());
    array.children = memory->children.data();
    array.release = release_array;
    array.private_data = memory;
    return array;
}

inline karrow::Schema schema_of(const std::vector<Field> &fields)
{
    std::vector<ArrowSchema> children;
    for (const Field &field : fields) {
        ArrowSchema child = make_schema(field.name, field.format);
        if (field.dictionary) {
            auto *memory = static_cast<SchemaMemory *>(child.private_data);
            memory->dictionary = make_schema("", "u");
            child.dictionary = &memory->dictionary;
        }
        children.push_back(child);
    }
    ArrowSchema schema = make_schema("", "+s", std::move(children));
    return karrow::Schema(&schema);
}

/// Rows from `offset` on of the columns.
inline karrow::Array array_of(const std::vector<Field> &fields, std::int64_t rows, std::int64_t offset = 0)
{
    std::vector<ArrowArray> children;
    for (const Field &field : fields) {
        std::vector<std::vector<std::uint8_t>> buffers = {field.validity};
        buffers.insert(buffers.end(), field.buffers.begin(), field.buffers.end());
        children.push_back(make_array(offset + rows, field.offset, field.null_count, std::move(buffers)));
    }
    ArrowArray array = make_array(rows, offset, 0, {{}}, std::move(children));
    return karrow::Array(&array);
}

inline karrow::Batch batch_of(const std::vector<Field> &fields, std::int64_t rows, std::int64_t offset = 0)
{
    return karrow::Batch(schema_of(fields), array_of(fields, rows, offset));
}

} // namespace support

#endif
