/*
 * The part in C++ of wrapper.rs, which runs it and makes figures of what it prints.
 *
 *     wrapper_bench read SERVERS TOPIC ROWS     reads a topic once for each line of its input
 *     wrapper_bench calls ROUNDS                what a call and a batch cost
 */
#include <karrow/karrow.hpp>

#include <sys/resource.h>

#include <cstring>
#include <iostream>

/// How many there are, all int64, in the topic and in the batch: count, col2 and so on.
constexpr int columns = 20;

/// Far more than anything here takes.
constexpr std::chrono::minutes patience(2);

/// The user and system time of this process in nanoseconds, all threads together.
static std::int64_t cpu_time()
{
    rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        throw std::system_error(errno, std::generic_category(), "getrusage");
    const auto nanoseconds = [](timeval time) { return (time.tv_sec * 1'000'000 + time.tv_usec) * 1'000; };
    return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
}

static karrow::Options options(const std::string &servers, const std::string &topic)
{
    karrow::Spec spec = karrow::Spec::json({{"count", "int64"}});
    for (int column = 2; column <= columns; ++column)
        spec.add_column("col" + std::to_string(column), "int64");
    return karrow::Options(topic)
        .set("bootstrap.servers", servers)
        .start(karrow::all_partitions, karrow::Offset::beginning())
        .key(karrow::Spec::ignore())
        .value(spec)
        .table_type(karrow::TableType::blink());
}

/// Polls until so many rows have come, and hands every cycle out.
template <class Use>
static void poll_rows(const karrow::Consumer &consumer, std::int64_t wanted, Use use)
{
    for (std::int64_t rows = 0; rows < wanted;) {
        const karrow::Cycle cycle = consumer.poll(patience);
        if (cycle.rows == 0)
            throw std::runtime_error(std::to_string(rows) + " rows of " + std::to_string(wanted) + " have come");
        use(cycle.snapshot);
        rows += cycle.rows;
    }
}

/// Reads as many rows as there are, and adds up the column count, so that nobody can do without the rows.
static std::int64_t read(const std::string &servers, const std::string &topic, std::int64_t wanted)
{
    const karrow::Consumer consumer = karrow::consume_to_partitioned_table(options(servers, topic));
    std::int64_t sum = 0;
    poll_rows(consumer, wanted, [&](const karrow::Snapshot &snapshot) {
        for (const karrow::Partition &partition : snapshot.partitions())
            for (const karrow::Batch &batch : partition.batches()) {
                const auto counts = batch.column<std::int64_t>("count");
                for (std::int64_t row = 0; row < counts.size(); ++row)
                    sum += counts.value(row);
            }
    });
    return sum;
}

/// Reads once for each line of the input, and prints the nanoseconds of CPU time that it took, and the sum.
static void read_in_turn(const std::string &servers, const std::string &topic, std::int64_t rows)
{
    for (std::string line; std::getline(std::cin, line);) {
        const std::int64_t begun = cpu_time();
        const std::int64_t sum = read(servers, topic, rows);
        std::cout << cpu_time() - begun << ' ' << sum << std::endl;
    }
}

/// How many rows the batch has that is taken out.
constexpr std::int64_t batch_rows = 8192;

/// A snapshot that shows batch_rows rows.
static karrow::Snapshot batch(const karrow::MockCluster &cluster)
{
    const std::string topic = "batch";
    cluster.create_topic(topic, 1);
    const std::string record = R"("{\"count\":1}")";
    std::string records = "[" + record;
    for (std::int64_t row = 1; row < batch_rows; ++row)
        records += "," + record;
    cluster.produce_records(topic, records + "]");
    karrow::Options shown = options(cluster.bootstrap_servers(), topic).table_type(karrow::TableType::append());
    for (const char *column : {"partition", "offset", "timestamp"})
        shown.set("karrow." + std::string(column) + ".column.name", "");
    const karrow::Consumer consumer = karrow::consume_to_partitioned_table(shown);
    poll_rows(consumer, batch_rows, [](const karrow::Snapshot &) {});
    return consumer.snapshot();
}

/// Prints for each round how many nanoseconds a call that does next to nothing takes, and how many a batch that is taken
/// out as structs of Arrow and released.
static void calls(int rounds)
{
    constexpr int calls_each = 10'000'000, batches_each = 20'000;
    const karrow::MockCluster cluster;
    const karrow::Snapshot snapshot = batch(cluster);
    const karrow::Partition partition = snapshot.partition(0);
    for (int round = 0; round < rounds; ++round) {
        const std::int64_t begun = cpu_time();
        for (int call = 0; call < calls_each; ++call)
            snapshot.cycle();
        const std::int64_t called = cpu_time();
        for (int taken = 0; taken < batches_each; ++taken) {
            const karrow::Batch batch(snapshot.schema(), partition.array());
            if (batch.rows() != batch_rows || batch.schema()->n_children != columns)
                throw std::runtime_error("the batch has " + std::to_string(batch.rows()) + " rows");
        }
        const auto each = [](std::int64_t all, int count) { return static_cast<double>(all) / count; };
        std::cout << each(called - begun, calls_each) << ' ' << each(cpu_time() - called, batches_each) << std::endl;
    }
}

int main(int argc, char **argv)
try {
    if (argc == 5 && std::strcmp(argv[1], "read") == 0)
        return read_in_turn(argv[2], argv[3], std::stoll(argv[4])), 0;
    if (argc == 3 && std::strcmp(argv[1], "calls") == 0)
        return calls(std::stoi(argv[2])), 0;
    std::cerr << "usage: wrapper_bench read SERVERS TOPIC ROWS | calls ROUNDS\n";
    return 2;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
