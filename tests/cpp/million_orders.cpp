/*
 * A million orders, written as JSON in every way that means the same, and read back through the C++ wrapper.
 *
 *     million_orders print PARTITION               the records of a partition, one a line: timestamp, blank, payload
 *     million_orders check SERVERS TOPIC           reads them from a topic and compares every value of every row
 *
 * An order is a pure function of its partition and offset, so both know what there has to be.
 */
#include <karrow/karrow.hpp>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <iostream>

constexpr std::int32_t partitions = 8;
constexpr std::int64_t orders_each = 125'000;

struct Order {
    std::optional<std::string> symbol;
    std::string side;
    std::optional<double> price;
    std::int64_t qty;
    std::int64_t time_us; // since 1970
    std::int64_t kafka_ms; // the record's timestamp; they go up and down
};

/// Makes a number look random (splitmix64).
static std::uint64_t scattered(std::uint64_t number)
{
    number = (number + 1) * 0x9e3779b97f4a7c15u;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
    number = (number ^ number >> 27) * 0x94d049bb133111ebu;
    return number ^ number >> 31;
}

static std::uint64_t random_of(std::int32_t partition, std::int64_t offset)
{
    return scattered(static_cast<std::uint64_t>(partition) << 40 ^ static_cast<std::uint64_t>(offset));
}

static Order order_of(std::int32_t partition, std::int64_t offset)
{
    static const char *const symbols[] = {"AAPL", "BRK.B", "Ünïcode \"quoted\"", "", "a rather long name of a symbol"};
    const std::uint64_t random = random_of(partition, offset);
    Order order;
    if (random % 11 != 0)
        order.symbol = symbols[random % 5];
    order.side = random % 2 == 0 ? "buy" : "sell";
    if (random % 13 != 0)
        order.price = static_cast<double>(random >> 20 & 0xfffff) / 100;
    order.qty = static_cast<std::int64_t>(random) >> (random & 31);
    order.time_us = 1'767'346'200'000'000 + offset * 1'001;
    order.kafka_ms = 1'704'187'800'000 + static_cast<std::int64_t>(random >> 8 & 0xffffff);
    return order;
}

/// The text of a string, escaped in one of several ways.
static std::string quoted(const std::string &text, std::uint64_t way)
{
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"')
            result += way % 2 == 0 ? "\\\"" : "\\u0022";
        else if (c == 'a' && way % 7 == 0)
            result += "\\u0061";
        else
            result += c;
    }
    return result + '"';
}

static std::string printed(const char *format, double number)
{
    char text[64];
    std::snprintf(text, sizeof text, format, number);
    return text;
}

static std::string time_text(std::int64_t time_us, std::uint64_t way)
{
    if (way % 3 == 0)
        return std::to_string(time_us);
    const std::time_t seconds = static_cast<std::time_t>(time_us / 1'000'000) + (way % 3 == 1 ? 0 : 3600);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64], whole[96];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(whole, sizeof whole, "\"%s.%06" PRId64 "%s\"", text, time_us % 1'000'000,
                  way % 3 == 1 ? "Z" : "+01:00");
    return whole;
}

/// An order in one of many spellings: members in another order, missing or null, with blanks, extra or duplicate ones.
static std::string payload_of(std::int32_t partition, std::int64_t offset)
{
    const Order order = order_of(partition, offset);
    const std::uint64_t way = scattered(random_of(partition, offset));
    const std::string blank = way % 17 == 0 ? " " : "";
    std::vector<std::string> members;
    if (order.symbol)
        members.push_back("\"jsymbol\":" + blank + quoted(*order.symbol, way));
    else if (way % 2 == 0)
        members.push_back("\"jsymbol\":null");
    members.push_back((way % 19 == 0 ? R"("jside":"other","jside":)" : R"("jside":)") + quoted(order.side, way));
    if (order.price)
        members.push_back("\"jprice\":" + blank
                          + (way % 5 == 0 ? "\"" + printed("%.2f", *order.price) + "\""
                                          : printed(way % 3 == 0 ? "%.17g" : "%.2f", *order.price)));
    else if (way % 2 == 0)
        members.push_back("\"jprice\" : null");
    members.push_back("\"jqty\":" + std::to_string(order.qty) + (way % 23 == 0 ? ".0" : ""));
    members.push_back("\"jts\":" + time_text(order.time_us, way));
    if (way % 29 == 0)
        members.push_back(R"("unknown":{"jqty":[1,"]}",{"jside":null}]})");
    if (way % 31 == 0)
        std::swap(members.front(), members.back());
    std::string payload = "{" + blank;
    for (std::size_t index = 0; index < members.size(); ++index)
        payload += (index == 0 ? "" : blank + "," + blank) + members[index];
    return payload + "}";
}

static void print(std::int32_t partition)
{
    for (std::int64_t offset = 0; offset < orders_each; ++offset)
        std::cout << order_of(partition, offset).kafka_ms << ' ' << payload_of(partition, offset) << '\n';
}

[[noreturn]] static void differs(std::int32_t partition, std::int64_t offset, const char *what)
{
    throw std::runtime_error(std::string(what) + " differs at " + std::to_string(partition) + "@"
                             + std::to_string(offset));
}

/// Compares the rows of a batch with the orders from `offset` on, and returns the offset behind them.
static std::int64_t check_batch(const karrow::Batch &batch, std::int32_t partition, std::int64_t offset)
{
    const auto kafka_partition = batch.column<std::int32_t>("KafkaPartition");
    const auto kafka_offset = batch.column<std::int64_t>("KafkaOffset");
    const auto kafka_time = batch.column<karrow::Timestamp>("KafkaTimestamp");
    const auto symbol = batch.column<std::string_view>("Symbol");
    const auto side = batch.column<std::string_view>("Side");
    const auto price = batch.column<double>("Price");
    const auto qty = batch.column<std::int64_t>("Qty");
    const auto time = batch.column<karrow::Timestamp>("Tstamp");
    for (std::int64_t row = 0; row < batch.rows(); ++row, ++offset) {
        const Order order = order_of(partition, offset);
        if (kafka_partition[row] != partition || kafka_offset[row] != offset)
            differs(partition, offset, "the place");
        if (kafka_time[row] != karrow::Timestamp(std::chrono::milliseconds(order.kafka_ms)))
            differs(partition, offset, "KafkaTimestamp");
        if (symbol[row] != order.symbol)
            differs(partition, offset, "Symbol");
        if (side[row] != order.side)
            differs(partition, offset, "Side");
        if (price[row] != order.price)
            differs(partition, offset, "Price");
        if (qty[row] != order.qty)
            differs(partition, offset, "Qty");
        if (time[row] != karrow::Timestamp(std::chrono::microseconds(order.time_us)))
            differs(partition, offset, "Tstamp");
    }
    return offset;
}

static int check(const char *servers, const char *topic)
{
    const karrow::Consumer consumer = karrow::consume_to_partitioned_table(
        karrow::Options(topic)
            .set("bootstrap.servers", servers)
            .start(karrow::all_partitions, karrow::Offset::beginning())
            .key(karrow::Spec::ignore())
            .value(karrow::Spec::json(
                {{"Symbol", "String"}, {"Side", "String"}, {"Price", "double"}, {"Qty", "long"}, {"Tstamp", "Instant"}},
                {{"jsymbol", "Symbol"}, {"jside", "Side"}, {"jprice", "Price"}, {"jqty", "Qty"}, {"jts", "Tstamp"}}))
            .table_type(karrow::TableType::append()));
    karrow::Cycle cycle;
    for (std::int64_t rows = 0; rows < partitions * orders_each; rows += cycle.rows) {
        cycle = consumer.poll(std::chrono::seconds(60));
        if (!cycle || cycle.rows == 0 || cycle.failed != 0)
            break;
    }
    std::int64_t checked = 0;
    for (const karrow::Partition &partition : cycle.snapshot.partitions()) {
        if (const std::optional<karrow::Error> failure = partition.failure())
            throw *failure;
        std::int64_t offset = 0;
        for (const karrow::Batch &batch : partition.batches())
            offset = check_batch(batch, partition.id(), offset);
        if (offset != orders_each || partition.next_offset() != karrow::Offset(offset))
            differs(partition.id(), offset, "the number of orders");
        checked += offset;
    }
    std::cout << checked << " orders, each one equal to what was produced" << std::endl;
    return 0;
}

int main(int argc, char **argv)
try {
    if (argc == 3 && std::strcmp(argv[1], "print") == 0)
        return print(std::stoi(argv[2])), 0;
    if (argc == 4 && std::strcmp(argv[1], "check") == 0)
        return check(argv[2], argv[3]);
    std::cerr << "usage: million_orders print PARTITION | check SERVERS TOPIC" << std::endl;
    return 2;
} catch (const std::exception &error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
