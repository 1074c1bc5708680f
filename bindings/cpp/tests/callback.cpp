// Processors as lambdas: what they make, what they refuse, what they throw, and when they are let go.

#include "support.hpp"

#include <atomic>
#include <thread>
#include <tuple>

namespace {

using karrow::Batch;
using karrow::Bytes;
using karrow::Column;
using karrow::Consumer;
using karrow::Options;
using karrow::Partition;
using karrow::ProcessorCall;
using karrow::Snapshot;
using karrow::Spec;
using karrow::Status;
using support::expect_error;
using support::expect_error_with;

/// The columns, Text utf8 and Length int64, behind so many rows that nobody wants.
std::vector<support::Field> fields_of(const Column<Bytes> &payloads, std::size_t unwanted = 0)
{
    std::vector<std::uint8_t> text(unwanted, 'x');
    std::vector<std::int32_t> ends{0};
    std::vector<std::int64_t> lengths(unwanted, -1);
    for (std::size_t row = 1; row <= unwanted; ++row)
        ends.push_back(static_cast<std::int32_t>(row));
    for (const std::optional<Bytes> payload : payloads) {
        const Bytes bytes = payload.value_or(Bytes());
        text.insert(text.end(), bytes.begin(), bytes.end());
        ends.push_back(static_cast<std::int32_t>(text.size()));
        lengths.push_back(static_cast<std::int64_t>(bytes.size()));
    }
    // An empty buffer would be a NULL one.
    text.push_back(0);
    const auto raw = [](const auto &values) {
        const auto *first = reinterpret_cast<const std::uint8_t *>(values.data());
        return std::vector<std::uint8_t>(first, first + values.size() * sizeof values[0]);
    };
    return {{"Text", "u", {raw(ends), text}}, {"Length", "l", {raw(lengths)}}};
}

const std::vector<support::Field> declared = {{"Text", "u", {}}, {"Length", "l", {}}};

/// Makes texts and lengths; refuses `refuse`, throws at `throw`.
void obey(ProcessorCall &call)
{
    const Batch input = call.take_input();
    const Column<Bytes> payloads = input.column<Bytes>("payload");
    for (std::int64_t row = 0; row < input.rows(); ++row) {
        const Bytes bytes = payloads[row].value_or(Bytes());
        const std::string text(bytes.begin(), bytes.end());
        if (text == "refuse")
            call.refuse(row, "expected anything else");
        if (text == "throw")
            throw std::runtime_error("it is too much");
    }
    const std::vector<support::Field> fields = fields_of(payloads);
    call.set_output(support::array_of(fields, input.rows()), support::schema_of(fields));
}

Options options_with(const karrow::MockCluster &cluster, const Spec &spec)
{
    return support::options_of(cluster, "utf8").set("karrow.poll.linger.ms", "50").value(spec);
}

std::vector<std::string> texts_of(const Snapshot &snapshot, std::int32_t partition = 0)
{
    return support::texts_of(snapshot.partition(partition).batches(), "Text");
}

} // namespace

TEST(Processors, MakeColumns)
{
    const karrow::MockCluster cluster = support::cluster_with(2);
    cluster.produce_records("t", R"(["one", "", null])");
    Spec spec = Spec::callback(support::schema_of(declared), [](ProcessorCall &call) {
        EXPECT_EQ(call.partition(), 0);
        const Batch input = call.take_input();
        expect_error_with([&] { call.take_input(); }, Status::invalid_state, "the input has been taken already");
        EXPECT_EQ(input.column<std::int64_t>("offset")[0].has_value(), true);
        EXPECT_TRUE((input.column<std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>>(
            "timestamp")[0]));
        // From the fourth row on of something longer.
        call.set_output(support::array_of(fields_of(input.column<Bytes>("payload"), 3), input.rows(), 3));
    });
    spec.set("offset", "true").set("timestamp", "true");
    const Consumer consumer = support::opened(options_with(cluster, spec));
    const Snapshot snapshot = support::read_rows(consumer, 3);
    EXPECT_EQ(texts_of(snapshot), (std::vector<std::string>{"one", "", ""}));
    const Batch batch(snapshot.schema(), snapshot.partition(0).array());
    EXPECT_EQ(batch.column<std::int64_t>("Length")[0], 3);
}

TEST(Processors, RefuseRows)
{
    const karrow::MockCluster cluster = support::cluster_with(1);
    cluster.produce_records("t", R"(["one", "refuse", "three"])");
    const Spec spec = Spec::callback(support::schema_of(declared), obey);
    const Consumer skipping = support::opened(options_with(cluster, spec).set("karrow.bad.record.policy", "skip"));
    EXPECT_EQ(texts_of(support::read_rows(skipping, 2)), (std::vector<std::string>{"one", "three"}));
    const Consumer failing = support::opened(options_with(cluster, spec));
    const Snapshot failed = support::read_failures(failing, 1);
    EXPECT_EQ(failed.partition(0).failure()->status(), Status::bad_record);
    EXPECT_STREQ(failed.partition(0).failure()->what(), "expected anything else, at t[0]@1 (value)");
    EXPECT_EQ(texts_of(failed), (std::vector<std::string>{"one"}));
    failing.resume(0, karrow::Offset(2));
    EXPECT_EQ(texts_of(support::read_rows(failing, 2)), (std::vector<std::string>{"one", "three"}));
}

TEST(Processors, FailTheirPartitionByExceptionsAndWhatTheyDoWrong)
{
    const std::string at = ", at t[0]@0 (value)";
    std::atomic<bool> mended{false};
    const auto faulty = [&mended](void (*fault)(ProcessorCall &)) {
        return Spec::callback(support::schema_of(declared), [&mended, fault](ProcessorCall &call) {
            (mended || call.partition() != 0 ? obey : fault)(call);
        });
    };
    struct Case {
        void (*fault)(ProcessorCall &);
        std::string message;
    };
    const std::vector<Case> cases = {
        {[](ProcessorCall &) { throw std::runtime_error("out of order"); }, "the processor failed: out of order"},
        {[](ProcessorCall &) { throw 7; }, "the processor failed: it threw what is no std::exception"},
        {[](ProcessorCall &) { throw std::runtime_error("\xff"); }, "the processor failed: it returned 1"},
        {[](ProcessorCall &call) { call.fail("not today"); }, "the processor failed: not today"},
        {[](ProcessorCall &) {}, "the processor has set no output"},
        {[](ProcessorCall &call) { call.refuse(99, "none"); },
         "the processor failed: row: there is no row 99; the batch has rows 0 to 1"},
        {[](ProcessorCall &call) { call.set_output(support::array_of({{"Text", "u", {{0, 0, 0, 0}, {0}}}}, 0)); },
         "the processor failed: output: expected 2 children, found 1 in an array of struct<Text: utf8, Length: int64>"},
        {[](ProcessorCall &call) {
             try {
                 call.set_output(support::array_of({}, 2), support::schema_of({{"Other", "u", {}}}));
             } catch (const karrow::Error &) {
             }
         },
         "the output of the processor has not been taken: expected 2 columns, found 1"},
    };
    for (const Case &each : cases) {
        mended = false;
        const int before = support::released();
        const karrow::MockCluster cluster = support::cluster_with(2);
        cluster.produce("t", 0, std::nullopt, "one");
        cluster.produce("t", 0, std::nullopt, "two");
        cluster.produce("t", 1, std::nullopt, "other");
        const Consumer consumer = support::opened(options_with(cluster, faulty(each.fault)));
        Snapshot snapshot = support::read_failures(consumer, 1);
        while (snapshot.partition(1).end_row() == 0)
            snapshot = consumer.poll(karrow::forever).snapshot;
        const karrow::Error failure = *snapshot.partition(0).failure();
        EXPECT_EQ(failure.status(), Status::processor);
        EXPECT_EQ(failure.what(), each.message + at);
        EXPECT_EQ(snapshot.partition(0).end_row(), 0);
        EXPECT_EQ(texts_of(snapshot, 1), (std::vector<std::string>{"other"}));
        mended = true;
        consumer.resume(0, karrow::Offset(0));
        EXPECT_EQ(texts_of(support::read_rows(consumer, 3)), (std::vector<std::string>{"one", "two"}));
        EXPECT_GT(support::released(), before);
    }
}

TEST(Processors, CannotUseTheConsumerThatRunsThem)
{
    const karrow::MockCluster cluster = support::cluster_with(1);
    cluster.produce_records("t", R"(["one"])");
    const Consumer *inside = nullptr;
    const Consumer consumer =
        support::opened(options_with(cluster, Spec::callback(support::schema_of(declared), [&](ProcessorCall &call) {
            const std::string rest = ": a processor cannot use the consumer whose poll runs it";
            expect_error_with([&] { std::ignore = inside->poll(karrow::forever); }, Status::invalid_state, "poll" + rest);
            expect_error_with([&] { inside->close(karrow::forever); }, Status::invalid_state, "close" + rest);
            expect_error_with([&] { inside->resume(0, karrow::Offset(0)); }, Status::invalid_state, "resume" + rest);
            EXPECT_EQ(inside->snapshot().partition(0).end_row(), 0);
            obey(call);
        })));
    inside = &consumer;
    EXPECT_EQ(texts_of(support::read_rows(consumer, 1)), (std::vector<std::string>{"one"}));
}

TEST(Processors, ServeConsumersOnSeveralThreadsAndAreLetGoOnce)
{
    const karrow::MockCluster cluster = support::cluster_with(1);
    const auto alive = std::make_shared<int>(0);
    std::atomic<int> calls{0};
    {
        std::optional<Spec> spec = Spec::callback(support::schema_of(declared), [alive, &calls](ProcessorCall &call) {
            ++calls;
            const Batch input = call.take_input();
            call.set_output(support::array_of(fields_of(input.column<Bytes>("payload")), input.rows()));
        });
        std::vector<Consumer> consumers;
        for (int number = 0; number < 3; ++number)
            consumers.push_back(support::opened(options_with(cluster, *spec).set("karrow.poll.linger.ms", "0")));
        spec.reset();
        EXPECT_EQ(alive.use_count(), 2);
        std::vector<std::thread> threads;
        for (const Consumer &consumer : consumers)
            threads.emplace_back([&consumer] {
                EXPECT_EQ(texts_of(support::read_rows(consumer, 30)), std::vector<std::string>(30, "shared"));
            });
        for (int record = 0; record < 30; ++record)
            cluster.produce("t", 0, std::nullopt, "shared");
        for (std::thread &thread : threads)
            thread.join();
        EXPECT_GE(calls, 3);
        EXPECT_EQ(alive.use_count(), 2);
    }
    EXPECT_EQ(alive.use_count(), 1);
}

TEST(Processors, AreLetGoIfNoSpecComesOfThem)
{
    const auto alive = std::make_shared<int>(0);
    const auto hold = [alive](ProcessorCall &) {};
    EXPECT_EQ(alive.use_count(), 2);
    expect_error([&] { Spec::callback(support::schema_of({}), hold); }, Status::invalid_argument,
                 "columns: there are none; a processor makes at least one");
    expect_error([&] { Spec::callback(support::schema_of({{"A", "vu", {}}}), hold); }, Status::unsupported,
                 "columns: column A cannot be utf8view; a processor does not make utf8view; use utf8");
    expect_error([&] { Spec::callback(support::schema_of(declared), hold).set("offset", "1"); },
                 Status::invalid_argument, "value: offset cannot be '1'; it can be true or false");
    EXPECT_EQ(alive.use_count(), 2);
    // What cannot be copied is moved in.
    EXPECT_NO_THROW(Spec::callback(support::schema_of(declared),
                                   [only = std::make_unique<int>(1)](ProcessorCall &) mutable { ++*only; }));
}
