// What compiles, and what must not: ownership, and the distinct types of partitions, offsets and times.

#include "support.hpp"

using namespace karrow;

// Ownership -------------------------------------------------------------------------------------------------------

template <class Type>
constexpr bool only_moves = std::is_nothrow_move_constructible_v<Type> && std::is_nothrow_move_assignable_v<Type>
    && std::is_nothrow_destructible_v<Type> && !std::is_copy_constructible_v<Type> && !std::is_copy_assignable_v<Type>;

static_assert(only_moves<Options>);
static_assert(only_moves<Spec>);
static_assert(only_moves<Consumer>);
static_assert(only_moves<Snapshot>);
static_assert(only_moves<Cycle>);
static_assert(only_moves<Waited>);
static_assert(only_moves<Log>);
static_assert(only_moves<LogEntry>);
static_assert(only_moves<MockCluster>);
static_assert(only_moves<Schema>);
static_assert(only_moves<Array>);
static_assert(only_moves<Stream>);
static_assert(only_moves<Batch>);

// Exceptions are copied while they are thrown, and must not throw then.
static_assert(std::is_base_of_v<std::runtime_error, Error>);
static_assert(std::is_nothrow_copy_constructible_v<Error>);
static_assert(std::is_copy_assignable_v<Error>);

// Values that may be kept.
static_assert(std::is_copy_constructible_v<Partition> && std::is_copy_assignable_v<Partition>);
static_assert(std::is_trivially_copyable_v<Column<double>>);
static_assert(std::is_trivially_copyable_v<Offset>);
static_assert(std::is_trivially_copyable_v<Timeout>);
static_assert(std::is_trivially_copyable_v<Start> && std::is_trivially_copyable_v<Stop>);
static_assert(std::is_copy_constructible_v<PartitionProgress> && std::is_copy_assignable_v<PartitionProgress>);

// Partitions and offsets ------------------------------------------------------------------------------------------

template <class Which, class Where, class = void>
constexpr bool starts = false;
template <class Which, class Where>
constexpr bool starts<Which, Where,
                      std::void_t<decltype(std::declval<Options &>().start(std::declval<Which>(),
                                                                           std::declval<Where>()))>> = true;

static_assert(starts<int, Offset>);
static_assert(starts<AllPartitions, Offset>);
static_assert(!starts<Offset, int>);
static_assert(!starts<Offset, AllPartitions>);
static_assert(!starts<Offset, Offset>);
static_assert(!starts<AllPartitions, AllPartitions>);
static_assert(!starts<int, int>);
static_assert(!starts<int, std::int64_t>);
static_assert(!starts<int, AllPartitions>);
static_assert(!starts<AllPartitions, int>);

// A start is also a time, of the system's clock only; a stop says what it means.
static_assert(starts<int, Timestamp> && starts<AllPartitions, std::chrono::system_clock::time_point>);
static_assert(starts<int, MockCluster::Time>);
static_assert(!starts<int, std::chrono::steady_clock::time_point> && !starts<int, std::chrono::seconds>);
static_assert(!starts<int, Stop>);

template <class Which, class Where, class = void>
constexpr bool stops = false;
template <class Which, class Where>
constexpr bool stops<Which, Where,
                     std::void_t<decltype(std::declval<Options &>().stop(std::declval<Which>(),
                                                                         std::declval<Where>()))>> = true;

static_assert(stops<int, Stop> && stops<AllPartitions, Stop>);
static_assert(!stops<Offset, Stop> && !stops<int, Offset> && !stops<int, int> && !stops<int, Timestamp>);
static_assert(!stops<AllPartitions, Start>);

template <class Which, class Where, class = void>
constexpr bool resumes = false;
template <class Which, class Where>
constexpr bool resumes<Which, Where,
                       std::void_t<decltype(std::declval<Consumer &>().resume(std::declval<Which>(),
                                                                              std::declval<Where>()))>> = true;

static_assert(resumes<int, Offset>);
static_assert(!resumes<Offset, int>);
static_assert(!resumes<int, std::int64_t>);
static_assert(!resumes<AllPartitions, Offset>);

static_assert(!std::is_convertible_v<std::int64_t, Offset> && !std::is_convertible_v<Offset, std::int64_t>);
static_assert(!std::is_constructible_v<Offset, AllPartitions> && !std::is_constructible_v<AllPartitions, int>);

// The numbers are the library's.
static_assert(Offset::beginning().value() == KARROW_SEEK_TO_BEGINNING);
static_assert(Offset::end().value() == KARROW_SEEK_TO_END);
static_assert(Offset::dont_seek().value() == KARROW_DONT_SEEK);
static_assert(Offset(27).value() == 27 && Offset(27) + 3 == Offset(30) && Offset(27) != Offset(28));

// Times -----------------------------------------------------------------------------------------------------------

static_assert(std::is_convertible_v<std::chrono::milliseconds, Timeout>);
static_assert(std::is_convertible_v<std::chrono::nanoseconds, Timeout>);
static_assert(std::is_convertible_v<std::chrono::duration<double>, Timeout>);
static_assert(!std::is_constructible_v<Timeout, int> && !std::is_constructible_v<Timeout, std::int64_t>);
static_assert(std::is_convertible_v<Forever, Timeout> && !std::is_constructible_v<Forever, int>);
static_assert(Timeout(forever).number() == -1);

// Temporaries -----------------------------------------------------------------------------------------------------

// A column of a batch that has no name would point into memory that is gone.
template <class From, class = void>
constexpr bool has_columns = false;
template <class From>
constexpr bool has_columns<From, std::void_t<decltype(std::declval<From>().template column<double>("Price"))>> = true;

static_assert(has_columns<Batch &> && has_columns<const Batch &>);
static_assert(!has_columns<Batch &&> && !has_columns<const Batch &&>);

template <class From, class = void>
constexpr bool shows_its_structs = false;
template <class From>
constexpr bool shows_its_structs<
    From, std::void_t<decltype(std::declval<From>().schema()), decltype(std::declval<From>().array())>> = true;

static_assert(shows_its_structs<const Batch &>);
static_assert(!shows_its_structs<Batch &&>);

// A null pointer is no text, and would be read as one.
template <class Key, class Value, class = void>
constexpr bool produces = false;
template <class Key, class Value>
constexpr bool produces<Key, Value,
                        std::void_t<decltype(std::declval<MockCluster &>().produce("t", 0, std::declval<Key>(),
                                                                                   std::declval<Value>()))>> = true;

static_assert(produces<std::nullopt_t, std::nullopt_t> && produces<const char *, std::string>);
static_assert(!produces<std::nullptr_t, const char *> && !produces<const char *, std::nullptr_t>);

// Chaining keeps options that have a name, and hands on those that have none.
static_assert(std::is_same_v<decltype(std::declval<Options &>().set("", "")), Options &>);
static_assert(std::is_same_v<decltype(std::declval<Options &&>().set("", "")), Options>);
static_assert(std::is_same_v<decltype(std::declval<Spec &>().add_column("", "")), Spec &>);
static_assert(std::is_same_v<decltype(std::declval<Spec &&>().add_column("", "")), Spec>);

// Values that only show at run time -------------------------------------------------------------------------------

TEST(Offsets, HaveNamesWhereTheyAreNegative)
{
    for (const std::int64_t number : {std::int64_t{-1}, std::int64_t{-2}, std::numeric_limits<std::int64_t>::min()})
        support::expect_error([&] { Offset offset(number); }, Status::invalid_argument,
                              "offset: is negative; offsets count from 0");
}

TEST(Offsets, OfLogicalPositionsHaveNothingBehindThem)
{
    support::expect_error_with([] { Offset::beginning() + 1; }, Status::invalid_argument, "offset: is negative");
    support::expect_error_with([] { Offset(3) + -4; }, Status::invalid_argument, "offset: is negative");
}

TEST(Timeouts, RoundUpToMilliseconds)
{
    using namespace std::chrono_literals;
    EXPECT_EQ(Timeout(0s).number(), 0);
    EXPECT_EQ(Timeout(1ns).number(), 1);
    EXPECT_EQ(Timeout(999999ns).number(), 1);
    EXPECT_EQ(Timeout(1ms).number(), 1);
    EXPECT_EQ(Timeout(1001us).number(), 2);
    EXPECT_EQ(Timeout(2s).number(), 2000);
    EXPECT_EQ(Timeout(1h).number(), 3600000);
    EXPECT_EQ(Timeout(std::chrono::duration<double>(0.0001)).number(), 1);
    EXPECT_EQ(Timeout(std::chrono::duration<float>(1.5F)).number(), 1500);
    EXPECT_EQ(Timeout(std::chrono::nanoseconds::max()).number(), 9223372036855);
}

TEST(Timeouts, BeyondWhatMillisecondsCountAreTheLongest)
{
    const std::int64_t longest = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(Timeout(std::chrono::milliseconds::max()).number(), longest);
    EXPECT_EQ(Timeout(std::chrono::seconds::max()).number(), longest);
    EXPECT_EQ(Timeout(std::chrono::hours::max()).number(), longest);
    EXPECT_EQ(Timeout(std::chrono::duration<double>(1e300)).number(), longest);
    EXPECT_EQ(Timeout(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).number(), longest);
}

TEST(Timeouts, ThatAreNegativeNeverMeanForEver)
{
    using namespace std::chrono_literals;
    const std::string message = "timeout: is negative; karrow::forever waits for ever";
    support::expect_error([] { Timeout timeout(-1ms); }, Status::invalid_argument, message);
    support::expect_error([] { Timeout timeout(-1ns); }, Status::invalid_argument, message);
    support::expect_error([] { Timeout timeout(-5s); }, Status::invalid_argument, message);
    support::expect_error([] { Timeout timeout(std::chrono::hours::min()); }, Status::invalid_argument, message);
    const std::chrono::duration<double> not_a_number(std::numeric_limits<double>::quiet_NaN());
    support::expect_error([&] { Timeout timeout(not_a_number); }, Status::invalid_argument, message);
}
