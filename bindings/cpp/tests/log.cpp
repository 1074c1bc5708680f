// Logs and their entries.

#include "support.hpp"

#include <future>
#include <thread>

using namespace karrow;
using namespace std::chrono_literals;
using support::expect_error_with;

namespace {

/// A consumer of brokers of which there are none, in a thread that tries to open it until this object's end.
class Lost {
public:
    explicit Lost(const Log &log)
        : consumer_(Options("t")
                        .set("bootstrap.servers", "127.0.0.1:1")
                        .set("debug", "broker")
                        .key(Spec::ignore())
                        .value(Spec::simple("V", "utf8"))
                        .log(log)),
          opening_(std::async(std::launch::async, [this] { consumer_.open(forever); }))
    {
    }

    ~Lost()
    {
        consumer_.wakeup();
        expect_error_with([this] { opening_.get(); }, Status::interrupted, "");
    }

private:
    Consumer consumer_;
    std::future<void> opening_;
};

} // namespace

TEST(Logs, HaveNothingToTakeWhenNothingComes)
{
    const Log log(LogLevel::debug, 10);
    EXPECT_FALSE(log.take(0s));
    EXPECT_FALSE(log.take(1ms));
    EXPECT_EQ(log.dropped(), 0U);
}

TEST(Logs, WaitForAMessageAndSayAllAboutIt)
{
    const auto before = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now()) - 1h;
    const Log log(LogLevel::debug, 1000);
    const Lost lost(log);
    for (bool named = false; !named;) {
        const std::optional<LogEntry> entry = log.take(forever);
        ASSERT_TRUE(entry);
        EXPECT_TRUE(entry->source() == "karrow" || entry->source().rfind("librdkafka/", 0) == 0) << entry->source();
        EXPECT_GE(entry->level(), LogLevel::error);
        EXPECT_LE(entry->level(), LogLevel::debug);
        EXPECT_GT(entry->time(), before);
        named = entry->text().find("127.0.0.1:1") != std::string::npos;
    }
}

TEST(Logs, CanBeReadWhenTheirConsumerIsGone)
{
    const Log log(LogLevel::debug, 1000);
    {
        const Lost lost(log);
        EXPECT_TRUE(log.take(forever));
        EXPECT_TRUE(log.take(forever));
    }
    while (const std::optional<LogEntry> entry = log.take(0s))
        EXPECT_NE(entry->text(), "");
    EXPECT_FALSE(log.take(0s));
}

TEST(Logs, CountWhatGaveWay)
{
    const Log log(LogLevel::debug, 1);
    const Lost lost(log);
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (log.dropped() == 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_GT(log.dropped(), 0U);
}

TEST(Logs, KeepWhatIsSeriousEnough)
{
    const Log log(LogLevel::error, 1000);
    const Lost lost(log);
    // What librdkafka says before, of what it is about to do, is less serious.
    const std::optional<LogEntry> entry = log.take(forever);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->level(), LogLevel::error) << entry->text();
}

TEST(Logs, NeedRoomAndALevel)
{
    expect_error_with([] { Log(LogLevel::info, 0); }, Status::invalid_argument, "capacity");
    expect_error_with([] { Log(static_cast<LogLevel>(8), 1); }, Status::invalid_argument, "level");
}

TEST(Logs, ThatHaveBeenMovedSaySo)
{
    Log log(LogLevel::info, 1);
    const Log moved = std::move(log);
    expect_error_with([&] { log.take(0s); }, Status::invalid_argument, "log: is NULL");
    EXPECT_EQ(log.dropped(), 0U);
    EXPECT_FALSE(moved.take(0s));
}

TEST(LogEntries, ThatHaveBeenMovedAreEmpty)
{
    const Log log(LogLevel::debug, 1000);
    const Lost lost(log);
    std::optional<LogEntry> entry = log.take(forever);
    ASSERT_TRUE(entry);
    const LogEntry moved = std::move(*entry);
    EXPECT_EQ(entry->text(), "");
    EXPECT_EQ(entry->source(), "");
    EXPECT_EQ(entry->time(), Timestamp());
    EXPECT_EQ(entry->level(), LogLevel{});
    EXPECT_NE(moved.text(), "");
}
