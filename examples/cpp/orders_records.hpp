// Orders as the records that a demo produces, in JSON, Avro or Protobuf.
#pragma once

#include "orders_view.hpp"

#include <cstring>

/// The value of a record as `produce_records` has it: a text, so that its quotes are escaped.
inline std::string json_of(const Row &row)
{
    const char *pattern =
        R"("{\"jsymbol\":\"%s\",\"jside\":\"%s\",\"jprice\":%.2f,\"jqty\":%lld,\"jts\":\"%s\"}")";
    return format(pattern, row.symbol->c_str(), row.side->c_str(), *row.price, static_cast<long long>(*row.qty),
                  iso_text(*row.time).c_str());
}

/// Values as Avro and Protobuf write them, in hexadecimal digits.
class HexWriter {
public:
    void write_byte(unsigned byte)
    {
        static constexpr char digits[] = "0123456789abcdef";
        hex_ += digits[byte >> 4 & 15];
        hex_ += digits[byte & 15];
    }

    /// Seven bits in a byte, the lowest ones first.
    void write_number(std::uint64_t number)
    {
        for (; number > 0x7f; number >>= 7)
            write_byte(0x80 | (number & 0x7f));
        write_byte(static_cast<unsigned>(number));
    }

    /// Avro's `int`, `long` and place of an enum's symbol: the same of the numbers 0, -1, 1, -2 and so on.
    void write_long(std::int64_t number)
    {
        write_number(static_cast<std::uint64_t>(number) << 1 ^ (number < 0 ? ~std::uint64_t{0} : 0));
    }

    void write_double(double number)
    {
        std::uint64_t bits = 0;
        static_assert(sizeof bits == sizeof number);
        std::memcpy(&bits, &number, sizeof bits);
        for (unsigned shift = 0; shift < 64; shift += 8)
            write_byte(bits >> shift & 0xff);
    }

    void write_bytes(const std::string &text)
    {
        for (const char byte : text)
            write_byte(static_cast<unsigned char>(byte));
    }

    void write_all(const HexWriter &other) { hex_ += other.hex_; }

    std::uint64_t size() const { return hex_.size() / 2; }

    /// As the value of a record for `produce_records`.
    std::string value() const { return R"({"hex":")" + hex_ + R"("})"; }

private:
    std::string hex_;
};

/// The same in Avro: a zero byte, the number of the schema, and the fields of `order_spec` one behind the other.
inline std::string avro_of(const Row &row)
{
    HexWriter writer;
    writer.write_byte(0);
    for (int shift = 24; shift >= 0; shift -= 8)
        writer.write_byte(order_schema_id >> shift & 0xff);
    writer.write_long(static_cast<std::int64_t>(row.symbol->size()));
    writer.write_bytes(*row.symbol);
    writer.write_long(*row.side == "buy" ? 0 : 1);
    writer.write_double(*row.price);
    writer.write_long(*row.qty);
    writer.write_long(row.time->time_since_epoch().count());
    return writer.value();
}

/// The same in Protobuf: the fields of `order_spec`, and in front of each its number and how it is written.
inline std::string protobuf_of(const Row &row)
{
    enum Written { number = 0, eight_bytes = 1, bytes = 2 };
    const auto begin = [](HexWriter &writer, std::uint64_t field, Written written) {
        writer.write_number(field << 3 | written);
    };
    HexWriter writer, time;
    begin(writer, 1, bytes);
    writer.write_number(row.symbol->size());
    writer.write_bytes(*row.symbol);
    begin(writer, 2, number);
    writer.write_number(*row.side == "buy" ? 0 : 1);
    begin(writer, 3, eight_bytes);
    writer.write_double(*row.price);
    begin(writer, 4, number);
    writer.write_number(static_cast<std::uint64_t>(*row.qty));
    const auto since_epoch = row.time->time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    begin(time, 1, number);
    time.write_number(static_cast<std::uint64_t>(seconds.count()));
    begin(time, 2, number);
    time.write_number(static_cast<std::uint64_t>(std::chrono::nanoseconds(since_epoch - seconds).count()));
    begin(writer, 5, bytes);
    writer.write_number(time.size());
    writer.write_all(time);
    return writer.value();
}

/// The order that becomes a row, as `produce_records` has it.
inline std::string record_of(const Row &row, Format written)
{
    const auto kafka_ms = static_cast<long long>(row.kafka_time->time_since_epoch() / std::chrono::milliseconds(1));
    const std::string value = written == Format::avro       ? avro_of(row)
                              : written == Format::protobuf ? protobuf_of(row)
                                                            : json_of(row);
    return format(R"({"partition":%d,"timestamp_ms":%lld,"key":"%s","value":%s})", row.partition, kafka_ms,
                  row.symbol->c_str(), value.c_str());
}
