// A cluster in this process, with orders that are produced to it in the background.
#pragma once

#include "orders_check.hpp"
#include "orders_records.hpp"

#include <atomic>
#include <future>
#include <thread>

/// A topic of orders that are pure functions of their place in it, so that every row can be checked.
class Demo {
public:
    Demo(const std::string &topic, std::int64_t orders, Format written)
        : topic_(topic), orders_(orders), written_(written)
    {
        cluster_.create_topic(topic, order_partitions);
    }

    ~Demo() { stop_ = true; }

    std::string bootstrap_servers() const { return cluster_.bootstrap_servers(); }

    /// Begins to produce.
    void start() { producer_ = std::async(std::launch::async, &Demo::produce, this).share(); }

    /// Throws what has ended the producer before its time.
    void check_producer() const
    {
        if (producer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
            producer_.get();
    }

private:
    /// 20,000 orders in a second, so that there is something to see.
    static constexpr std::int64_t orders_at_once = 200;
    static constexpr std::chrono::milliseconds pause{10};

    void produce()
    {
        auto next = std::chrono::steady_clock::now();
        while (produced_ < orders_ && !stop_) {
            const std::int64_t end = std::min(produced_ + orders_at_once, orders_);
            std::string records;
            for (std::int64_t number = produced_; number < end; ++number) {
                const auto partition = static_cast<std::int32_t>(number % order_partitions);
                const Row order = order_of(partition, number / order_partitions);
                records += (records.empty() ? "[" : ",") + record_of(order, written_);
            }
            cluster_.produce_records(topic_, records + "]");
            produced_ = end;
            std::this_thread::sleep_until(next += pause);
        }
    }

    const std::string topic_;
    const std::int64_t orders_;
    const Format written_;
    karrow::MockCluster cluster_;
    std::atomic<std::int64_t> produced_{0};
    std::atomic<bool> stop_{false};
    std::shared_future<void> producer_; // destroyed first, which waits for it
};
