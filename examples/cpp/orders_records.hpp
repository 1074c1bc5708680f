// Orders as the records that a demo produces, in JSON or in Avro.
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

/// What Avro makes of values, in hexadecimal digits.
class AvroWriter {
public:
    void write_byte(unsigned byte)
    {
        static constexpr char digits[] = "0123456789abcdef";
        hex_ += digits[byte >> 4 & 15];
        hex_ += digits[byte & 15];
    }

    /// `int`, `long` and the place of an enum's symbol: seven bits in a byte, the lowest ones first, and in them the
    /// numbers 0, -1, 1, -2 and so on.
    void write_long(std::int64_t number)
    {
        auto rest = static_cast<std::uint64_t>(number) << 1 ^ (number < 0 ? ~std::uint64_t{0} : 0);
        for (; rest > 0x7f; rest >>= 7)
            write_byte(0x80 | (rest & 0x7f));
        write_byte(static_cast<unsigned>(rest));
    }

    void write_double(double number)
    {
        std::uint64_t bits = 0;
        static_assert(sizeof bits == sizeof number);
        std::memcpy(&bits, &number, sizeof bits);
        for (unsigned shift = 0; shift < 64; shift += 8)
            write_byte(bits >> shift & 0xff);
    }

    void write_string(const std::string &text)
    {
        write_long(static_cast<std::int64_t>(text.size()));
        for (const char byte : text)
            write_byte(static_cast<unsigned char>(byte));
    }

    const std::string &hex() const { return hex_; }

private:
    std::string hex_;
};

/// The same in Avro: a zero byte, the number of the schema, and the fields of `order_spec` one behind the other.
inline std::string avro_of(const Row &row)
{
    AvroWriter writer;
    writer.write_byte(0);
    for (int shift = 24; shift >= 0; shift -= 8)
        writer.write_byte(order_schema_id >> shift & 0xff);
    writer.write_string(*row.symbol);
    writer.write_long(*row.side == "buy" ? 0 : 1);
    writer.write_double(*row.price);
    writer.write_long(*row.qty);
    writer.write_long(row.time->time_since_epoch().count());
    return R"({"hex":")" + writer.hex() + R"("})";
}

/// The order that becomes a row, as `produce_records` has it.
inline std::string record_of(const Row &row, Format written)
{
    const auto kafka_ms = static_cast<long long>(row.kafka_time->time_since_epoch() / std::chrono::milliseconds(1));
    const std::string value = written == Format::avro ? avro_of(row) : json_of(row);
    return format(R"({"partition":%d,"timestamp_ms":%lld,"key":"%s","value":%s})", row.partition, kafka_ms,
                  row.symbol->c_str(), value.c_str());
}
