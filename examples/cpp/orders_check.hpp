// Made-up orders, and the check that they are what comes.
#pragma once

#include "orders_view.hpp"

/// How many partitions they go to, in turn.
constexpr std::int32_t order_partitions = 4;

/// Makes a number look random (splitmix64).
inline std::uint64_t scattered(std::uint64_t number)
{
    number = (number + 1) * 0x9e3779b97f4a7c15u;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
    number = (number ^ number >> 27) * 0x94d049bb133111ebu;
    return number ^ number >> 31;
}

/// The row that has to come of the n-th order of a partition.
inline Row order_of(std::int32_t partition, std::int64_t offset)
{
    struct Stock {
        const char *symbol;
        int cents;
    };
    static constexpr Stock stocks[] = {{"AAPL", 18950}, {"AMZN", 17825}, {"GOOG", 17140},
                                       {"META", 49610}, {"MSFT", 41275}, {"NVDA", 12090}};
    std::uint64_t random = scattered(static_cast<std::uint64_t>(offset) * order_partitions
                                     + static_cast<std::uint64_t>(partition));
    const auto below = [&random](std::uint64_t limit) {
        const auto number = static_cast<std::int64_t>(random % limit);
        random /= limit;
        return number;
    };
    const Stock &stock = stocks[below(std::size(stocks))];
    const char *side = below(2) == 0 ? "buy" : "sell";
    const double price = static_cast<double>(stock.cents + below(400) - 200) / 100;
    const std::int64_t qty = 100 * (1 + below(9));
    // From 2026-01-02T09:30:00Z on, one each millisecond.
    const std::chrono::milliseconds kafka_time(1767346200000 + offset);
    const std::chrono::microseconds time(kafka_time + std::chrono::microseconds(below(1000)));
    return {partition, offset, karrow::Timestamp(kafka_time), stock.symbol, side, price, qty, karrow::Timestamp(time)};
}

/// Compares what comes with what is produced.
class Check {
public:
    explicit Check(std::int64_t orders) : orders_(orders) {}

    /// The n-th row of a partition has to be its n-th order, so that none is missing and none comes twice.
    void look_at(std::int32_t partition, std::int64_t number, const Row &row)
    {
        const bool exists = number * order_partitions + partition < orders_;
        if (!exists || !(row == order_of(partition, number)))
            ++wrong_;
        ++rows_;
    }

    bool all_came() const { return rows_ >= orders_; }

    /// What came of it, in one sentence; `stopped` if somebody did not want to wait for the rest.
    std::string verdict(bool stopped, double seconds) const
    {
        const std::string rows = grouped(rows_), orders = grouped(orders_);
        if (wrong_ > 0)
            return grouped(wrong_) + " of " + rows + " rows differ from what was produced";
        if (all_came())
            return format("all %s orders came in %.1f s: each one once, in order, and equal to what was produced",
                          orders.c_str(), seconds);
        if (stopped)
            return "stopped after " + rows + " orders, each one equal to what was produced";
        return format("%s of %s orders are missing after %.1f s", grouped(orders_ - rows_).c_str(), orders.c_str(),
                      seconds);
    }

    /// What the shell is told.
    int exit_code(bool stopped) const { return wrong_ == 0 && (stopped || all_came()) ? 0 : 1; }

private:
    const std::int64_t orders_;
    std::int64_t rows_ = 0;
    std::int64_t wrong_ = 0;
};
