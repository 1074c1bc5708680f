/*
 * Follows a topic of orders, and shows it while it comes.
 *
 *     orders                                                100,000 orders in a cluster of its own, each one checked
 *     orders --bootstrap-servers HOST:PORT --topic NAME     a topic of yours, until Ctrl-C
 *
 * With `--format avro` orders are Avro records, with `--format protobuf` messages of Protobuf, and with
 * `--schema-registry URL` theirs is the schema of your topic. With `--format processor` they are JSON, read by an object
 * processor, which is another way to the same table.
 *
 * `options_of` and `follow` here and the functions of orders_rows.hpp are all there is of karrow. What is shown is in
 * orders_view.hpp, the cluster of its own in orders_demo.hpp, its records are made in orders_records.hpp, and what came
 * is compared in orders_check.hpp.
 */
#include "orders_check.hpp"
#include "orders_demo.hpp"
#include "orders_rows.hpp"
#include "orders_view.hpp"
#include "wakeup_on_signal.hpp"

#include <dlfcn.h>
#include <getopt.h>

#include <charconv>
#include <filesystem>
#include <iostream>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Settings {
    std::string bootstrap_servers; // none: a cluster of its own
    std::string topic = "orders";
    Format format = Format::json;
    std::string schema_registry; // none: the schema is the demo's
    std::optional<karrow::Offset> from;
    std::optional<karrow::Stop> to;
    std::optional<std::int64_t> orders;
    std::optional<std::int32_t> seconds;
    std::vector<std::pair<std::string, std::string>> properties;
};

// Reading ---------------------------------------------------------------------------------------------------------

static karrow::Options options_of(const Settings &settings)
{
    karrow::Options options(settings.topic);
    options.set("karrow.poll.linger.ms", "50") // more rows in fewer cycles: nobody looks more often
        .key(karrow::Spec::ignore());
    if (settings.schema_registry.empty())
        options.value(order_spec(settings.format));
    else
        options.value(registry_spec(settings.topic, settings.format))
            .set("schema.registry.url", settings.schema_registry);
    for (const auto &[key, value] : settings.properties)
        options.set(key, value);
    return options;
}

/// Follows the topic until a signal comes, nothing can come any more, or a demo is over. The exit code.
static int follow(const Settings &settings, const sigset_t &signals)
{
    const std::int64_t orders = settings.orders.value_or(100'000);
    const std::chrono::seconds time_limit(settings.seconds.value_or(25)); // of a demo; your own cluster has it to open
    const auto deadline = Clock::now() + time_limit;
    std::optional<Demo> demo;
    karrow::Options options = options_of(settings);
    if (settings.bootstrap_servers.empty()) {
        demo.emplace(settings.topic, orders, settings.format);
        options.set("bootstrap.servers", demo->bootstrap_servers()).table_type(karrow::TableType::append());
    } else {
        // It may run for days, and shows no more rows than these.
        options.set("bootstrap.servers", settings.bootstrap_servers)
            .start(karrow::all_partitions, settings.from.value_or(karrow::Offset::beginning()))
            .table_type(karrow::TableType::ring(shown_rows));
        if (settings.to)
            options.stop(karrow::all_partitions, *settings.to);
    }
    const karrow::Consumer consumer(options);
    const WakeupOnSignal wakeup(signals, consumer);
    consumer.open(time_limit);
    if (demo)
        demo->start(); // what is produced after open is never missed

    Check check(orders);
    Progress progress;
    View view(settings.topic + " on " + (demo ? demo->bootstrap_servers() : settings.bootstrap_servers));
    karrow::Cycle cycle;
    std::int32_t failed = 0;
    while ((cycle = consumer.poll(100ms))) {
        const karrow::Snapshot table = order_view(cycle.snapshot, settings.format);
        take_rows(table, progress, [&](std::int32_t partition, std::int64_t number, const Row &row) {
            if (demo)
                check.look_at(partition, number, row);
        });
        take_progress(consumer.progress(), progress);
        failed = cycle.failed;
        if (demo) {
            demo->check_producer();
            // One more look behind the last order would find one that comes twice.
            if ((check.all_came() && cycle.rows == 0) || Clock::now() > deadline)
                break;
        }
        view.update(progress);
    }
    take_progress(consumer.progress(), progress);
    view.finish(progress);
    const bool stopped = cycle.status == karrow::Status::interrupted;
    if (!demo) {
        std::cout << "\n" << grouped(progress.rows) << " rows from " << progress.partitions.size() << " partitions, "
                  << failed << " of which failed" << std::endl;
        return failed == 0 ? 0 : 1;
    }
    std::cout << "\n" << check.verdict(stopped, view.seconds()) << std::endl;
    return check.exit_code(stopped);
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
    std::cout << R"(usage: orders [--format json|avro|protobuf|processor] [--orders N]
       orders --bootstrap-servers HOST:PORT[,...] [--topic NAME] [--from beginning|end] [--to end]
              [--format processor] [--format avro|protobuf --schema-registry URL]

Shows a Kafka topic of orders as they come: JSON objects, Avro records or Protobuf messages with jsymbol,
jside, jprice, jqty and jts. In Avro they are two strings or enums, a double, a long and a timestamp, in
Protobuf an int64 in place of the long.

  --bootstrap-servers HOST:PORT   your cluster, until Ctrl-C; without it, a cluster in this process
                                  and orders that are produced to it, until all have come
  --topic NAME                    the topic [orders]
  --format json|avro|protobuf     what orders are written in [json]
  --format processor              they are JSON, read by an object processor: jts has to be text
  --schema-registry URL           where the schema of your topic is, the latest one of NAME-value
  --from beginning|end            all there is, or what comes from now on [beginning]
  --to end                        what there is now, and then it ends
  -X KEY=VALUE                    any property of librdkafka, karrow or the client of the registry
                                  (schema.registry....); may be repeated
  --orders N                      how many orders to produce without --bootstrap-servers [100000]
  --seconds N                     how long they may take before those that have not come are missing [25]
  --help                          this text

The exit code is 0 if all went well, 1 if orders are missing or differ or partitions have failed, and
2 for arguments that make no sense.
)";
}

/// An argument that makes no sense.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

static Format format_of(const std::string &name)
{
    if (name == "json")
        return Format::json;
    if (name == "avro")
        return Format::avro;
    if (name == "protobuf")
        return Format::protobuf;
    if (name == "processor")
        return Format::processor;
    throw UsageError("--format: '" + name + "' is not 'json', 'avro', 'protobuf' or 'processor'");
}

static std::string name_of(Format format)
{
    static constexpr const char *names[] = {"json", "avro", "protobuf", "processor"};
    return names[static_cast<int>(format)];
}

/// Whether orders have a schema that a registry may have.
static bool has_schema(Format format)
{
    return format == Format::avro || format == Format::protobuf;
}

static karrow::Offset start_of(const std::string &name)
{
    if (name == "beginning")
        return karrow::Offset::beginning();
    if (name == "end")
        return karrow::Offset::end();
    throw UsageError("--from: '" + name + "' is neither 'beginning' nor 'end'");
}

static karrow::Stop stop_of(const std::string &name)
{
    if (name == "end")
        return karrow::Stop::at_end();
    throw UsageError("--to: '" + name + "' is not 'end'; without it reading goes on until Ctrl-C");
}

static std::pair<std::string, std::string> property_of(const std::string &text)
{
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos)
        throw UsageError("-X: '" + text + "' is not KEY=VALUE");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

template <class Number>
static Number number_of(const std::string &what, const std::string &text)
{
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 1)
        throw UsageError("--" + what + ": '" + text + "' is not a number of " + what);
    return number;
}

/// Nothing if the user wanted help only.
static std::optional<Settings> settings_of(int argc, char **argv)
{
    enum { bootstrap_servers = 256, topic, written, schema_registry, from, to, orders, seconds, help };
    static const option known[] = {{"bootstrap-servers", required_argument, nullptr, bootstrap_servers},
                                   {"topic", required_argument, nullptr, topic},
                                   {"format", required_argument, nullptr, written},
                                   {"schema-registry", required_argument, nullptr, schema_registry},
                                   {"from", required_argument, nullptr, from},
                                   {"to", required_argument, nullptr, to},
                                   {"orders", required_argument, nullptr, orders},
                                   {"seconds", required_argument, nullptr, seconds},
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
        case written:
            settings.format = format_of(optarg);
            break;
        case schema_registry:
            settings.schema_registry = optarg;
            break;
        case from:
            settings.from = start_of(optarg);
            break;
        case to:
            settings.to = stop_of(optarg);
            break;
        case orders:
            settings.orders = number_of<std::int64_t>("orders", optarg);
            break;
        case seconds:
            settings.seconds = number_of<std::int32_t>("seconds", optarg);
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
    if (settings.to && settings.bootstrap_servers.empty())
        throw UsageError("--to: goes with --bootstrap-servers; the demo ends by itself");
    if (settings.orders && !settings.bootstrap_servers.empty())
        throw UsageError("--orders: goes without --bootstrap-servers");
    if (settings.seconds && !settings.bootstrap_servers.empty())
        throw UsageError("--seconds: goes without --bootstrap-servers");
    if (!settings.schema_registry.empty() && !has_schema(settings.format))
        throw UsageError("--schema-registry: goes with --format avro or --format protobuf");
    if (!settings.schema_registry.empty() && settings.bootstrap_servers.empty())
        throw UsageError("--schema-registry: goes with --bootstrap-servers; the demo has a schema of its own");
    if (has_schema(settings.format) && !settings.bootstrap_servers.empty() && settings.schema_registry.empty())
        throw UsageError("--format: " + name_of(settings.format)
                         + " with --bootstrap-servers goes with --schema-registry");
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
                      << program_path(argv[0]) << " --bootstrap-servers HOST:PORT --topic NAME"
                      << (settings->format == Format::json ? "" : " --format " + name_of(settings->format))
                      << (has_schema(settings->format) ? " --schema-registry URL" : "")
                      << "\nkarrow " << karrow::version() << " is " << library_path() << std::endl;
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
