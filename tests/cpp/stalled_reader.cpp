/*
 * Opens a topic and does not poll: how much memory does that come to?
 *
 *     stalled_reader SERVERS TOPIC BUDGET_BYTES RECORDS
 *
 * Waits until nothing more is taken in, prints the resident set of that moment, and then reads everything, to show that
 * reading was held up and not broken.
 */
#include <karrow/karrow.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

/// The resident set of this process.
static std::int64_t resident_kib()
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmRSS:", 0) == 0)
            return std::atoll(line.c_str() + 6);
    throw std::runtime_error("the system does not tell the resident set");
}

/// Waits until the resident set stays as it is for some seconds, and returns the most it has been.
static std::int64_t settled_kib()
{
    constexpr int still_for = 30;
    std::int64_t most = 0;
    for (int still = 0; still < still_for; ++still) {
        std::this_thread::sleep_for(100ms);
        const std::int64_t now = resident_kib();
        if (now > most + 1024)
            still = 0;
        most = std::max(most, now);
    }
    return most;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        std::cerr << "usage: " << argv[0] << " SERVERS TOPIC BUDGET_BYTES RECORDS\n";
        return 2;
    }
    try {
        const std::int64_t records = std::atoll(argv[4]);
        const karrow::Consumer consumer(karrow::Options(argv[2])
                                            .set("bootstrap.servers", argv[1])
                                            .set("karrow.memory.budget.bytes", argv[3])
                                            .start(karrow::all_partitions, karrow::Offset::beginning())
                                            .key(karrow::Spec::ignore())
                                            .value(karrow::Spec::simple("Value", "binary")));
        consumer.open(60s);
        std::cout << "resident_kib " << settled_kib() << std::endl;
        std::int64_t rows = 0;
        while (rows < records) {
            const karrow::Cycle cycle = consumer.poll(60s);
            if (cycle.rows == 0 || cycle.failed > 0) {
                std::cerr << rows << " of " << records << " records came\n";
                return 1;
            }
            rows += cycle.rows;
        }
        std::cout << "rows " << rows << std::endl;
        return rows == records ? 0 : 1;
    } catch (const karrow::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
