/*
 * Follows a topic of orders, and shows it while it comes.
 *
 *     orders                                                100,000 orders in a cluster of its own, each one checked
 *     orders --bootstrap-servers HOST:PORT --topic NAME     a topic of yours, until Ctrl-C
 *
 * `options_of`, `take_rows` and `follow` are all there is of karrow here. What is shown is in orders_view.hpp, the
 * cluster of its own in orders_demo.hpp.
 */
#include "orders_demo.hpp"
#include "orders_view.hpp"
#include "wakeup_on_signal.hpp"

#include <dlfcn.h>
#include <getopt.h>

#include <charconv>
#include <filesystem>
#include <iostream>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// How many rows of each partition are shown.
constexpr std::size_t shown_rows = 3;

/// How long a demo waits for an order before it gives up.
constexpr auto patience = 10s;

struct Settings {
    std::string bootstrap_servers; // none: a cluster of its own
    std::string topic = "orders";
    std::optional<karrow::Offset> from;
    std::optional<std::int64_t> orders;
    std::vector<std::pair<std::string, std::string>> properties;
};

// Reading ---------------------------------------------------------------------------------------------------------

static karrow::Options options_of(const Settings &settings)
{
    karrow::Options options(settings.topic);
    options.set("karrow.poll.linger.ms", "50") // more rows in fewer cycles: nobody looks more often
        .key(karrow::Spec::ignore())
        .value(karrow::Spec::json(
            {{"Symbol", "String"}, {"Side", "String"}, {"Price", "double"}, {"Qty", "int64"}, {"Tstamp", "Instant"}},
            {{"jsymbol", "Symbol"}, {"jside", "Side"}, {"jprice", "Price"}, {"jqty", "Qty"}, {"jts", "Tstamp"}}));
    for (const auto &[key, value] : settings.properties)
        options.set(key, value);
    return options;
}

/// Takes what a snapshot has more than the one before. If told to check, says how many rows differ from what was
/// produced.
static std::int64_t take_rows(const karrow::Snapshot &snapshot, bool check, Progress &progress)
{
    std::int64_t wrong = 0;
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
            const auto time = batch.column<karrow::Timestamp>("Tstamp");
            for (std::int64_t row = 0; row < batch.rows(); ++row, ++number) {
                known.last.push_back({kafka_partition.value(row), kafka_offset.value(row), kafka_time[row],
                                      std::optional<std::string>(symbol[row]), std::optional<std::string>(side[row]),
                                      price[row], qty[row], time[row]});
                // The n-th row has to be the n-th order, so that none is missing and none comes twice.
                if (check && !(known.last.back() == Demo::row_of(partition.id(), number)))
                    ++wrong;
                if (known.last.size() > shown_rows)
                    known.last.pop_front();
            }
        }
        progress.rows += partition.end_row() - known.rows;
        known.rows = partition.end_row();
        known.failure = partition.failure();
    }
    return wrong;
}

/// What came of a demo, in one sentence.
static std::string verdict(const Demo &demo, const Progress &progress, std::int64_t wrong, bool stopped, double seconds)
{
    if (wrong > 0)
        return grouped(wrong) + " of " + grouped(progress.rows) + " rows differ from what was produced";
    if (progress.rows == demo.orders())
        return format("all %s orders came in %.1f s: each one once, in order, and equal to what was produced",
                      grouped(progress.rows).c_str(), seconds);
    if (stopped)
        return "stopped after " + grouped(progress.rows) + " orders, each one equal to what was produced";
    return grouped(demo.orders() - progress.rows) + " of " + grouped(demo.orders()) + " orders are missing";
}

/// Follows the topic until a signal comes, nothing can come any more, or all orders of a demo are there. The exit code.
static int follow(const Settings &settings, const sigset_t &signals)
{
    std::optional<Demo> demo;
    karrow::Options options = options_of(settings);
    if (settings.bootstrap_servers.empty()) {
        demo.emplace(settings.topic, settings.orders.value_or(100'000));
        options.set("bootstrap.servers", demo->bootstrap_servers()).table_type(karrow::TableType::append());
    } else {
        // It may run for days, and shows no more rows than these.
        options.set("bootstrap.servers", settings.bootstrap_servers)
            .start(karrow::all_partitions, settings.from.value_or(karrow::Offset::beginning()))
            .table_type(karrow::TableType::ring(shown_rows));
    }
    const karrow::Consumer consumer(options);
    const WakeupOnSignal wakeup(signals, consumer);
    consumer.open(30s);
    if (demo)
        demo->start(); // what is produced after open is never missed

    Progress progress;
    View view(settings.topic + " on " + (demo ? demo->bootstrap_servers() : settings.bootstrap_servers));
    karrow::Cycle cycle;
    std::int64_t wrong = 0;
    std::int32_t failed = 0;
    auto last_came = Clock::now();
    while ((cycle = consumer.poll(100ms))) {
        wrong += take_rows(cycle.snapshot, demo.has_value(), progress);
        failed = cycle.failed;
        if (cycle.rows > 0)
            last_came = Clock::now();
        if (demo) {
            demo->check_producer();
            for (auto &[id, partition] : progress.partitions)
                partition.lag = std::max<std::int64_t>(demo->produced(id) - partition.rows, 0);
            if (progress.rows >= demo->orders() || Clock::now() - last_came > patience)
                break;
        }
        view.update(progress);
    }
    view.finish(progress);
    const bool stopped = cycle.status == karrow::Status::interrupted;
    if (!demo) {
        std::cout << "\n" << grouped(progress.rows) << " rows from " << progress.partitions.size() << " partitions, "
                  << failed << " of which failed" << std::endl;
        return failed == 0 ? 0 : 1;
    }
    std::cout << "\n" << verdict(*demo, progress, wrong, stopped, view.seconds()) << std::endl;
    return wrong == 0 && (stopped || progress.rows == demo->orders()) ? 0 : 1;
}

// The command line ------------------------------------------------------------------------------------------------

/// The file of this program, or what it was called as where the system does not tell.
static std::string program_path(const char *called_as)
{
    std::error_code unknown;
    const std::filesystem::path path = std::filesystem::canonical("/proc/self/exe", unknown);
    return unknown ? called_as : path.string();
}

/// The file that the loader has found the library in.
static std::string library_path()
{
    Dl_info library{};
    return dladdr(reinterpret_cast<const void *>(&karrow_version), &library) ? library.dli_fname : "unknown";
}

static void print_usage()
{
    std::cout << R"(usage: orders [--orders N]
       orders --bootstrap-servers HOST:PORT[,...] [--topic NAME] [--from beginning|end]

Shows a Kafka topic of orders, JSON objects with jsymbol, jside, jprice, jqty and jts, as they come.

  --bootstrap-servers HOST:PORT   your cluster, until Ctrl-C; without it, a cluster in this process
                                  and orders that are produced to it, until all have come
  --topic NAME                    the topic [orders]
  --from beginning|end            all there is, or what comes from now on [beginning]
  -X KEY=VALUE                    any property of librdkafka or karrow; may be repeated
  --orders N                      how many orders to produce without --bootstrap-servers [100000]
  --help                          this text

The exit code is 0 if all went well, 1 if orders are missing or differ or partitions have failed, and
2 for arguments that make no sense.
)";
}

/// An argument that makes no sense.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

static karrow::Offset start_of(const std::string &name)
{
    if (name == "beginning")
        return karrow::Offset::beginning();
    if (name == "end")
        return karrow::Offset::end();
    throw UsageError("--from: '" + name + "' is neither 'beginning' nor 'end'");
}

static std::pair<std::string, std::string> property_of(const std::string &text)
{
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos)
        throw UsageError("-X: '" + text + "' is not KEY=VALUE");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

static std::int64_t count_of(const std::string &text)
{
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < 1)
        throw UsageError("--orders: '" + text + "' is not a number of orders");
    return count;
}

/// Nothing if the user wanted help only.
static std::optional<Settings> settings_of(int argc, char **argv)
{
    enum { bootstrap_servers = 256, topic, from, orders, help };
    static const option known[] = {{"bootstrap-servers", required_argument, nullptr, bootstrap_servers},
                                   {"topic", required_argument, nullptr, topic},
                                   {"from", required_argument, nullptr, from},
                                   {"orders", required_argument, nullptr, orders},
                                   {"help", no_argument, nullptr, help},
                                   {}};
    Settings settings;
    for (int found; (found = getopt_long(argc, argv, "X:h", known, nullptr)) != -1;) {
        switch (found) {
        case bootstrap_servers:
            settings.bootstrap_servers = optarg;
            break;
        case topic:
            settings.topic = optarg;
            break;
        case from:
            settings.from = start_of(optarg);
            break;
        case orders:
            settings.orders = count_of(optarg);
            break;
        case 'X':
            settings.properties.push_back(property_of(optarg));
            break;
        case 'h':
        case help:
            return std::nullopt;
        default: // getopt_long has said what is wrong
            throw UsageError("--help shows what there is");
        }
    }
    if (optind < argc)
        throw UsageError(format("'%s' is more than there should be; --help shows what there is", argv[optind]));
    if (settings.orders && !settings.bootstrap_servers.empty())
        throw UsageError("--orders: goes without --bootstrap-servers");
    return settings;
}

int main(int argc, char **argv)
{
    const sigset_t signals = WakeupOnSignal::block_signals();
    try {
        const std::optional<Settings> settings = settings_of(argc, argv);
        if (!settings) {
            print_usage();
            return 0;
        }
        const int code = follow(*settings, signals);
        if (settings->bootstrap_servers.empty())
            std::cout << "\nyour own topic, until Ctrl-C (any Kafka property with -X key=value):\n  "
                      << program_path(argv[0]) << " --bootstrap-servers HOST:PORT --topic NAME\nkarrow "
                      << karrow::version() << " is " << library_path() << std::endl;
        return code;
    } catch (const UsageError &error) {
        std::cerr << "orders: " << error.what() << std::endl;
        return 2;
    } catch (const karrow::Error &error) {
        if (error.status() == karrow::Status::interrupted)
            return 0;
        std::cerr << "orders: " << error.what() << std::endl;
        return 1;
    }
}
