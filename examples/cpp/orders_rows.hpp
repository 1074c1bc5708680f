// Orders as rows: the columns that they are read into, and how new rows are taken out of a snapshot.
#pragma once

#include <karrow/karrow.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>

/// How many rows of each partition are shown.
constexpr std::size_t shown_rows = 3;

/// One row, with every column of the table. What a record leaves out is null.
struct Row {
    std::int32_t partition;
    std::int64_t offset;
    std::optional<karrow::Timestamp> kafka_time;
    std::optional<std::string> symbol;
    std::optional<std::string> side;
    std::optional<double> price;
    std::optional<std::int64_t> qty;
    std::optional<karrow::Timestamp> time;

    bool operator==(const Row &other) const
    {
        return partition == other.partition && offset == other.offset && kafka_time == other.kafka_time
            && symbol == other.symbol && side == other.side && price == other.price && qty == other.qty
            && time == other.time;
    }
};

/// What has been read so far.
struct Progress {
    struct Partition {
        std::int64_t rows = 0;
        std::optional<std::int64_t> lag;   // once it is known
        std::optional<karrow::Offset> from; // where reading was when it was first looked at
        std::deque<Row> last;
        std::optional<karrow::Error> failure;
    };

    std::int64_t rows = 0;
    std::optional<double> done; // how much of a read that ends
    std::map<std::int32_t, Partition> partitions;
};

/// Takes how far reading has come, and if it stops everywhere, how much of the way that is.
inline void take_progress(const std::vector<karrow::PartitionProgress> &partitions, Progress &progress)
{
    std::int64_t read = 0, all = 0;
    bool stops = true;
    for (const karrow::PartitionProgress &now : partitions) {
        Progress::Partition &known = progress.partitions[now.partition];
        known.lag = now.lag;
        known.from = known.from.value_or(now.position);
        stops = stops && now.stop_offset;
        if (now.stop_offset) {
            const std::int64_t way = std::max<std::int64_t>(now.stop_offset->value() - known.from->value(), 0);
            all += way;
            read += std::min(now.position.value() - known.from->value(), way);
        }
    }
    if (stops)
        progress.done = all == 0 ? 1 : static_cast<double>(read) / static_cast<double>(all);
}

/// What an order is written in, and read by: JSON by a json spec or by an object processor.
enum class Format { json, avro, protobuf, processor };

/// By this number each of the demo's Avro records says which schema it was written with. A registry would give it out.
constexpr std::int32_t order_schema_id = 1;

/// Names the columns that the fields of an order become.
inline karrow::Spec with_order_columns(karrow::Spec spec)
{
    spec.map_field("jsymbol", "Symbol").map_field("jside", "Side").map_field("jprice", "Price");
    spec.map_field("jqty", "Qty").map_field("jts", "Tstamp");
    return spec;
}

/// What orders of the demo become: the same columns, whatever they are written in.
inline karrow::Spec order_spec(Format written)
{
    if (written == Format::json)
        return with_order_columns(karrow::Spec::json({{"Symbol", "String"},
                                                      {"Side", "String"},
                                                      {"Price", "double"},
                                                      {"Qty", "int64"},
                                                      {"Tstamp", "Instant"}}));
    if (written == Format::protobuf)
        return with_order_columns(karrow::Spec::protobuf_source("order.proto", R"(syntax = "proto3";
            import "google/protobuf/timestamp.proto";
            message Order {
                enum Side { buy = 0; sell = 1; }
                string jsymbol = 1;
                Side jside = 2;
                double jprice = 3;
                int64 jqty = 4;
                google.protobuf.Timestamp jts = 5;
            })"));
    if (written == Format::processor) {
        namespace values = karrow::values;
        return karrow::Spec::object_processor(values::object({{"jsymbol", values::string()},
                                                              {"jside", values::string()},
                                                              {"jprice", values::double_()},
                                                              {"jqty", values::long_()},
                                                              {"jts", values::instant()}}));
    }
    const char *schema = R"({"type": "record", "name": "Order", "fields": [
        {"name": "jsymbol", "type": "string"},
        {"name": "jside", "type": {"type": "enum", "name": "Side", "symbols": ["buy", "sell"]}},
        {"name": "jprice", "type": "double"},
        {"name": "jqty", "type": "long"},
        {"name": "jts", "type": {"type": "long", "logicalType": "timestamp-nanos"}}]})";
    return with_order_columns(karrow::Spec::avro_schema(schema).add_schema(order_schema_id, schema));
}

/// The columns of orders under the same names: an object processor's are those of the fields.
inline karrow::Snapshot order_view(const karrow::Snapshot &snapshot, Format written)
{
    if (written != Format::processor)
        return snapshot.view({"KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol", "Side", "Price", "Qty",
                              "Tstamp"});
    return snapshot.view({"KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol=jsymbol", "Side=jside",
                          "Price=jprice", "Qty=jqty", "Tstamp=jts"});
}

/// Orders with the schema that a registry has for a topic, perhaps with fields that nobody asks for here.
inline karrow::Spec registry_spec(const std::string &topic, Format written)
{
    const std::string subject = topic + "-value";
    if (written == Format::protobuf)
        return with_order_columns(
            karrow::Spec::protobuf_subject(subject).set("include", "jsymbol,jside,jprice,jqty,jts"));
    return with_order_columns(karrow::Spec::avro_subject(subject).set("mapped_only", "true"));
}

/// A column of times in whatever unit an Avro schema has; those too far away for nanoseconds become the last there are.
inline std::function<std::optional<karrow::Timestamp>(std::int64_t)> times_of(const karrow::Batch &batch,
                                                                              const std::string &name)
{
    const auto counted_in = [&](auto unit) {
        using Unit = decltype(unit);
        using Time = std::chrono::time_point<std::chrono::system_clock, Unit>;
        return [column = batch.column<Time>(name)](std::int64_t row) -> std::optional<karrow::Timestamp> {
            const std::optional<Time> time = column[row];
            if (!time)
                return std::nullopt;
            return std::clamp(*time, std::chrono::ceil<Unit>(karrow::Timestamp::min()),
                              std::chrono::floor<Unit>(karrow::Timestamp::max()));
        };
    };
    const ArrowSchema &columns = *batch.schema().get();
    for (std::int64_t index = 0; index < columns.n_children; ++index) {
        // As Arrow writes them: `tsu:UTC` is a timestamp in microseconds.
        const std::string_view type = columns.children[index]->format;
        if (columns.children[index]->name != name)
            continue;
        if (type.substr(0, 3) == "tsm")
            return counted_in(std::chrono::duration<std::int64_t, std::milli>());
        if (type.substr(0, 3) == "tsu")
            return counted_in(std::chrono::duration<std::int64_t, std::micro>());
    }
    return counted_in(karrow::Timestamp::duration()); // which says so if it is something else
}

/// Takes what a snapshot has more than the one before, and calls `look_at(partition, number, row)` for each new row:
/// its number is how many rows its partition had before it.
template <class LookAt>
void take_rows(const karrow::Snapshot &snapshot, Progress &progress, const LookAt &look_at)
{
    for (const karrow::Partition &partition : snapshot.partitions()) {
        Progress::Partition &known = progress.partitions[partition.id()];
        std::int64_t number = std::max(known.rows, partition.first_row());
        for (const karrow::Batch &batch : partition.batches(number)) {
            const auto kafka_partition = batch.column<std::int32_t>("KafkaPartition");
            const auto kafka_offset = batch.column<std::int64_t>("KafkaOffset");
            const auto kafka_time = batch.column<karrow::Timestamp>("KafkaTimestamp");
            const auto symbol = batch.column<std::string_view>("Symbol");
            const auto side = batch.column<std::string_view>("Side");
            const auto price = batch.column<double>("Price");
            const auto qty = batch.column<std::int64_t>("Qty");
            const auto time = times_of(batch, "Tstamp");
            for (std::int64_t row = 0; row < batch.rows(); ++row, ++number) {
                known.last.push_back({kafka_partition.value(row), kafka_offset.value(row), kafka_time[row],
                                      std::optional<std::string>(symbol[row]), std::optional<std::string>(side[row]),
                                      price[row], qty[row], time(row)});
                look_at(partition.id(), number, known.last.back());
                if (known.last.size() > shown_rows)
                    known.last.pop_front();
            }
        }
        progress.rows += partition.end_row() - known.rows;
        known.rows = partition.end_row();
        known.failure = partition.failure();
    }
}
