// An exception carries the whole error, wherever it came from.

#include "support.hpp"

#include <thread>

using namespace karrow;
using support::bad;
using support::error_of;
using support::forty_two;

TEST(Errors, CarryStatusMessageAndDetails)
{
    const Error error = error_of([] { Options(""); });
    EXPECT_EQ(error.status(), Status::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("topic"), std::string::npos) << error.what();
    EXPECT_EQ(error.detail("argument"), "topic");
    EXPECT_EQ(error.detail("column"), std::nullopt);
    EXPECT_EQ(error.detail("no such key"), std::nullopt);
    EXPECT_EQ(error.kafka_code(), 0);
    EXPECT_FALSE(error.is_retriable());
    EXPECT_FALSE(error.position());
}

TEST(Errors, CanBeCaughtAsTheStandardsExceptions)
{
    EXPECT_THROW(Options(""), std::runtime_error);
    EXPECT_THROW(Options(""), std::exception);
}

TEST(Errors, OfRecordsCarryTheirPosition)
{
    const MockCluster cluster = support::cluster_with(2);
    cluster.produce("t", 1, std::nullopt, forty_two);
    cluster.produce("t", 1, std::nullopt, bad);
    const Consumer consumer = support::consumer_of(cluster, "int64");
    const std::optional<Error> failure = support::read_failures(consumer, 1).partition(1).failure();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->status(), Status::bad_record);
    EXPECT_STREQ(failure->what(), "column V: expected 8 bytes for int64, found 5 bytes, at t[1]@1 (value)");
    ASSERT_TRUE(failure->position());
    EXPECT_EQ(failure->position()->partition, 1);
    EXPECT_EQ(failure->position()->offset, Offset(1));
    EXPECT_EQ(failure->detail("topic"), "t");
    EXPECT_EQ(failure->detail("side"), "value");
    EXPECT_EQ(failure->detail("column"), "V");
    EXPECT_EQ(failure->detail("reason"), "expected 8 bytes for int64, found 5 bytes");
}

TEST(Errors, OfKafkaCarryItsNumber)
{
    const MockCluster cluster = support::cluster_with(1);
    const Error error = error_of([&] { cluster.set_leader("t", 7, 1); });
    EXPECT_EQ(error.status(), Status::kafka);
    EXPECT_NE(error.kafka_code(), 0);
}

TEST(Errors, SayWhetherTheSameCallMaySucceedLater)
{
    // Nobody listens there.
    const Consumer consumer(
        Options("t").set("bootstrap.servers", "127.0.0.1:1").key(Spec::ignore()).value(Spec::simple("V", "utf8")));
    const Error error = error_of([&] { consumer.open(std::chrono::milliseconds(200)); });
    EXPECT_EQ(error.status(), Status::timeout);
    EXPECT_TRUE(error.is_retriable());
}

TEST(Errors, AreCopiedWithAllTheyCarry)
{
    std::optional<Error> original = error_of([] { Options(""); });
    Error copy = *original;
    Error assigned(Status::ok, "");
    assigned = copy;
    original.reset();
    for (const Error &error : {copy, assigned}) {
        EXPECT_EQ(error.status(), Status::invalid_argument);
        EXPECT_EQ(error.detail("argument"), "topic");
    }
    EXPECT_STREQ(copy.what(), assigned.what());
}

TEST(Errors, CanBeThrownInOneThreadAndReadInAnother)
{
    std::exception_ptr thrown;
    std::thread([&] {
        try {
            Options("");
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    const Error error = error_of([&] { std::rethrow_exception(thrown); });
    EXPECT_EQ(error.detail("argument"), "topic");
}

TEST(Errors, TakeOverWhatAFunctionOfTheHeaderHasWritten)
{
    karrow_error *raw = nullptr;
    karrow_options *options = nullptr;
    ASSERT_EQ(karrow_options_new("", &options, &raw), KARROW_STATUS_INVALID_ARGUMENT);
    const std::string message = karrow_error_message(raw);
    const Error error(raw);
    EXPECT_EQ(error.what(), message);
    EXPECT_EQ(error.status(), Status::invalid_argument);
}

TEST(Errors, OfTheWrapperHaveNothingOfKafkas)
{
    const Error error(Status::not_found, "column Prize: there is none");
    EXPECT_EQ(error.status(), Status::not_found);
    EXPECT_STREQ(error.what(), "column Prize: there is none");
    EXPECT_EQ(error.kafka_code(), 0);
    EXPECT_FALSE(error.is_retriable());
    EXPECT_FALSE(error.position());
    EXPECT_EQ(error.detail("column"), std::nullopt);
}

TEST(Statuses, HaveTheHeadersNames)
{
    EXPECT_EQ(status_name(Status::ok), "OK");
    EXPECT_EQ(status_name(Status::invalid_argument), "INVALID_ARGUMENT");
    EXPECT_EQ(status_name(Status::internal), "INTERNAL");
    EXPECT_EQ(status_name(static_cast<Status>(1000)), "UNKNOWN");
}

TEST(Versions, AreThoseOfTheLibrary)
{
    EXPECT_EQ(abi_version(), karrow_abi_version());
    EXPECT_EQ(version(), karrow_version());
}

TEST(Versions, FitBefore10OnlyIfTheyAreTheSame)
{
    EXPECT_TRUE(abi_fits(KARROW_ABI_VERSION, abi_version()));
    EXPECT_TRUE(abi_fits(0x0000'0001, 0x0000'0001));
    EXPECT_FALSE(abi_fits(0x0000'0001, 0x0000'0002));
    EXPECT_TRUE(abi_fits(0x0001'0002, 0x0001'0003));
    EXPECT_FALSE(abi_fits(0x0001'0002, 0x0001'0001));
    EXPECT_FALSE(abi_fits(0x0001'0002, 0x0002'0000));
}
