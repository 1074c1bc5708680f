// A cluster in this process, with orders that are produced to it in the background.
#pragma once

#include "orders_view.hpp"

#include <atomic>
#include <future>
#include <thread>

/// Orders that are pure functions of their place in the topic, so that every row can be checked.
class Demo {
public:
    Demo(const std::string &topic, std::int64_t orders) : topic_(topic), orders_(orders)
    {
        cluster_.create_topic(topic, partitions);
    }

    ~Demo() { stop_ = true; }

    std::string bootstrap_servers() const { return cluster_.bootstrap_servers(); }

    /// Begins to produce.
    void start() { producer_ = std::async(std::launch::async, &Demo::produce, this).share(); }

    /// How many orders there will be.
    std::int64_t orders() const { return orders_; }

    /// How many of them are in a partition by now.
    std::int64_t produced(std::int32_t partition) const
    {
        return (produced_ + partitions - 1 - partition) / partitions;
    }

    /// Throws what has ended the producer before its time.
    void check_producer() const
    {
        if (producer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
            producer_.get();
    }

    /// The row that has to come of an order.
    static Row row_of(std::int32_t partition, std::int64_t offset)
    {
        struct Stock {
            const char *symbol;
            int cents;
        };
        static constexpr Stock stocks[] = {{"AAPL", 18950}, {"AMZN", 17825}, {"GOOG", 17140},
                                           {"META", 49610}, {"MSFT", 41275}, {"NVDA", 12090}};
        std::uint64_t random = scattered(static_cast<std::uint64_t>(offset) * partitions
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
        return {partition, offset, karrow::Timestamp(kafka_time), stock.symbol, side, price, qty,
                karrow::Timestamp(time)};
    }

private:
    static constexpr std::int32_t partitions = 4;

    /// 20,000 orders in a second, so that there is something to see.
    static constexpr std::int64_t orders_at_once = 200;
    static constexpr std::chrono::milliseconds pause{10};

    void produce()
    {
        auto next = std::chrono::steady_clock::now();
        while (produced_ < orders_ && !stop_) {
            const std::int64_t end = std::min(produced_ + orders_at_once, orders_);
            std::string records;
            for (std::int64_t number = produced_; number < end; ++number)
                records += (records.empty() ? "[" : ",")
                    + record_of(static_cast<std::int32_t>(number % partitions), number / partitions);
            cluster_.produce_records(topic_, records + "]");
            produced_ = end;
            std::this_thread::sleep_until(next += pause);
        }
    }

    /// As `produce_records` has it: the value is a text, so that its quotes are escaped.
    static std::string record_of(std::int32_t partition, std::int64_t offset)
    {
        const Row row = row_of(partition, offset);
        const std::string symbol = *row.symbol, side = *row.side, time = iso_text(*row.time);
        const auto qty = static_cast<long long>(*row.qty);
        const auto kafka_ms = static_cast<long long>(row.kafka_time->time_since_epoch() / std::chrono::milliseconds(1));
        const char *pattern = R"({"partition":%d,"timestamp_ms":%lld,"key":"%s","value":")"
                              R"({\"jsymbol\":\"%s\",\"jside\":\"%s\",\"jprice\":%.2f,\"jqty\":%lld,\"jts\":\"%s\"}"})";
        return format(pattern, partition, kafka_ms, symbol.c_str(), symbol.c_str(), side.c_str(), *row.price, qty,
                      time.c_str());
    }

    /// Makes a number look random (splitmix64).
    static std::uint64_t scattered(std::uint64_t number)
    {
        number = (number + 1) * 0x9e3779b97f4a7c15u;
        number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
        number = (number ^ number >> 27) * 0x94d049bb133111ebu;
        return number ^ number >> 31;
    }

    const std::string topic_;
    const std::int64_t orders_;
    karrow::MockCluster cluster_;
    std::atomic<std::int64_t> produced_{0};
    std::atomic<bool> stop_{false};
    std::shared_future<void> producer_; // destroyed first, which waits for it
};
