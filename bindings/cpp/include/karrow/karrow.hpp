/*
 * karrow for C++17: Kafka topics as live, partitioned Arrow tables.
 *
 *     karrow::Consumer consumer = karrow::consume_to_partitioned_table(
 *         karrow::Options("orders")
 *             .set("bootstrap.servers", "redpanda:9092")
 *             .key(karrow::Spec::ignore())
 *             .value(karrow::Spec::json(
 *                 {{"Symbol", "String"}, {"Price", "double"}, {"Tstamp", "Instant"}},
 *                 {{"jsymbol", "Symbol"}, {"jprice", "Price"}, {"jts", "Tstamp"}}))
 *             .table_type(karrow::TableType::append()));
 *
 *     std::map<std::int32_t, std::int64_t> seen; // rows of each partition
 *     while (karrow::Cycle cycle = consumer.poll(std::chrono::seconds(1)))
 *         for (const karrow::Partition &partition : cycle.snapshot.partitions()) {
 *             for (const karrow::Batch &batch : partition.batches(seen[partition.id()])) {
 *                 karrow::Column<double> price = batch.column<double>("Price");
 *                 for (std::int64_t row = 0; row < batch.rows(); ++row)
 *                     if (std::optional<double> value = price[row])
 *                         ...
 *             }
 *             seen[partition.id()] = partition.end_row();
 *         }
 *
 * A thin layer over karrow.h, which says what every call does; this says what is different in C++. The rules, once:
 *
 * Errors.  What fails throws karrow::Error, which carries all that the library knows. Outcomes that are part of normal
 *   use are values: the end, a full table or a wakeup in poll, no cycle in time in wait, no message in time in
 *   Log::take, a partition's failure in a snapshot.
 * Ownership.  Every handle is move-only and freed by its destructor. One that has been moved from can be destroyed and
 *   assigned to; its getters that cannot fail return 0, false or something empty, everything else throws
 *   INVALID_ARGUMENT. What is made from a handle never needs it any more: an exported stream outlives its snapshot, a
 *   snapshot its consumer. Texts come as copies. Only a Column, and the texts and bytes in it, point into the Batch
 *   they came from.
 * Threads.  const members may be called by any threads at once, others by one thread at a time and beside no other
 *   call. Destroying or moving an object beside a call on it is never allowed: to end a consumer that another thread
 *   polls, call close (or wakeup) and join that thread first.
 * Time-outs  are durations of std::chrono, or karrow::forever.
 * Arrow.  Only the structs of the C Data and C Stream Interfaces, as karrow.h declares them behind the standard's own
 *   guards. Schema, Array and Stream own one each, and hand it to any other Arrow implementation.
 */
#ifndef KARROW_KARROW_HPP
#define KARROW_KARROW_HPP

#include "values.hpp"

#include <karrow.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <ratio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace karrow {

// Versions --------------------------------------------------------------------------------------------------------

/// The version of the C ABI of the library that is loaded: `major << 16 | minor`.
inline std::uint32_t abi_version() noexcept
{
    return karrow_abi_version();
}

/// Whether a program that was built for one version of the C ABI can use a library of another: before 1.0 only the same
/// one, from then on a newer one too.
constexpr bool abi_fits(std::uint32_t built_for, std::uint32_t loaded) noexcept
{
    const std::uint32_t major = built_for >> 16;
    return major == loaded >> 16 && (major == 0 ? loaded == built_for : loaded >= built_for);
}

/// What to show a person: `0.1.0 (librdkafka 2.12.1)`.
inline std::string version()
{
    return karrow_version();
}

// Errors ----------------------------------------------------------------------------------------------------------

/// What a call came to. A newer library may know more of them.
enum class Status : std::int32_t {
    /// The call did what it says.
    ok = KARROW_STATUS_OK,
    /// Nothing can come any more: every partition has finished or failed.
    end = KARROW_STATUS_END,
    /// Consumer::wakeup ended the call before it did anything.
    interrupted = KARROW_STATUS_INTERRUPTED,
    /// The time given was over before the call could do what it says.
    timeout = KARROW_STATUS_TIMEOUT,
    /// Another call is using the handle.
    busy = KARROW_STATUS_BUSY,
    /// The consumer has been closed.
    closed = KARROW_STATUS_CLOSED,
    /// An argument is wrong; the message names it and says what would be right.
    invalid_argument = KARROW_STATUS_INVALID_ARGUMENT,
    /// The call does not fit the state of the handle (polling before opening, for example).
    invalid_state = KARROW_STATUS_INVALID_STATE,
    /// The topic, partition or column does not exist.
    not_found = KARROW_STATUS_NOT_FOUND,
    /// A row number or an offset lies outside what there is.
    out_of_range = KARROW_STATUS_OUT_OF_RANGE,
    /// karrow, or this build of it, cannot do what was asked.
    unsupported = KARROW_STATUS_UNSUPPORTED,
    /// A record does not fit its columns.
    bad_record = KARROW_STATUS_BAD_RECORD,
    /// Kafka, or the way to it, reported an error; Error::kafka_code has librdkafka's number.
    kafka = KARROW_STATUS_KAFKA,
    /// The schema registry, or the way to it, reported an error.
    registry = KARROW_STATUS_REGISTRY,
    /// An object processor failed.
    processor = KARROW_STATUS_PROCESSOR,
    /// A limit of memory or of the format has been reached; the message names it.
    limit = KARROW_STATUS_LIMIT,
    /// karrow met a bug of its own; the message says which. Please report it.
    panic = KARROW_STATUS_PANIC,
    /// An earlier call ended in `panic`: the consumer no longer runs, what it has published stays readable.
    poisoned = KARROW_STATUS_POISONED,
    /// Something that should not be possible; the message says what. Please report it.
    internal = KARROW_STATUS_INTERNAL,
};

/// The name of a status as karrow.h has it, without the prefix: `INVALID_ARGUMENT`.
inline std::string status_name(Status status)
{
    return karrow_status_name(static_cast<std::int32_t>(status));
}

class Offset;
struct Position;

/// What went wrong in a call, or in a partition: thrown by the one, a value of the other. `what()` is the sentence to
/// show: it names the thing and the way out, and holds no payload and no secret. Cheap to copy; any threads may read
/// it.
class Error : public std::runtime_error {
public:
    /// Takes over an error that a function of karrow.h has written.
    explicit Error(karrow_error *owned) : Error(std::shared_ptr<karrow_error>(owned, karrow_error_free)) {}

    /// An error of the wrapper's own, about an argument the library never sees.
    Error(Status status, const std::string &message) : std::runtime_error(message), status_(status) {}

    /// What kind of trouble it is.
    Status status() const noexcept { return status_; }

    /// librdkafka's error number (positive ones are the Kafka protocol's); 0 if Kafka had no part in it.
    std::int32_t kafka_code() const noexcept { return karrow_error_kafka_code(handle_.get()); }

    /// Whether the same call may succeed later without a change.
    bool is_retriable() const noexcept { return karrow_error_is_retriable(handle_.get()); }

    /// Where in the topic it happened, if it belongs to a record.
    std::optional<Position> position() const;

    /// A detail by its key: `topic`, `side`, `column`, `path`, `reason`, `argument` or `pointer`; nothing if the error does
    /// not have it.
    std::optional<std::string> detail(const std::string &key) const
    {
        const char *detail = karrow_error_detail(handle_.get(), key.c_str());
        return detail == nullptr ? std::nullopt : std::optional<std::string>(detail);
    }

private:
    explicit Error(std::shared_ptr<karrow_error> handle)
        : std::runtime_error(message_of(handle.get())),
          status_(static_cast<Status>(karrow_error_status(handle.get()))),
          handle_(std::move(handle))
    {
    }

    static const char *message_of(const karrow_error *error) noexcept
    {
        const char *message = karrow_error_message(error);
        return message == nullptr ? "" : message;
    }

    Status status_;
    // Shared, because copying an exception must not throw. NULL for an error of the wrapper's own: the library's
    // getters then say that there is nothing more to know.
    std::shared_ptr<karrow_error> handle_;
};

namespace detail {

/// Calls a function of karrow.h and throws what it reports, unless that is one of the outcomes the caller deals with.
template <class Function, class... Arguments>
Status attempt(std::initializer_list<Status> outcomes, Function function, Arguments... arguments)
{
    karrow_error *error = nullptr;
    const auto status = static_cast<Status>(function(arguments..., &error));
    if (status == Status::ok)
        return status;
    Error failure(error);
    if (std::find(outcomes.begin(), outcomes.end(), status) == outcomes.end())
        throw failure;
    return status;
}

/// Calls a function that has no output, or several.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments)
{
    attempt({}, function, arguments...);
}

/// Calls a function with one output, and returns that.
template <class Output, class Function, class... Arguments>
Output output_of(Function function, Arguments... arguments)
{
    Output output{};
    attempt({}, function, arguments..., &output);
    return output;
}

/// A text for C, which would take a NUL character for its end.
inline const char *c_text(const std::string &text, const char *argument)
{
    if (text.find('\0') != std::string::npos)
        throw Error(Status::invalid_argument, std::string(argument) + ": holds a NUL character");
    return text.c_str();
}

/// A text of C's, which is NULL for a NULL handle, and may be for the name of an Arrow column.
inline std::string text_of(const char *text)
{
    return text == nullptr ? std::string() : std::string(text);
}

/// What every owner of a handle has.
template <class Type, void (*Free)(Type *)>
class Handle {
public:
    /// The handle, for functions of karrow.h; NULL once it has been moved from. It stays this object's.
    Type *get() const noexcept { return handle_.get(); }

protected:
    explicit Handle(Type *owned) noexcept : handle_(owned) {}
    Handle(Handle &&) noexcept = default;
    Handle &operator=(Handle &&) noexcept = default;
    ~Handle() = default;

private:
    struct Deleter {
        void operator()(Type *handle) const noexcept { Free(handle); }
    };

    std::unique_ptr<Type, Deleter> handle_;
};

} // namespace detail

// Times, partitions and offsets -----------------------------------------------------------------------------------

/// The type of `karrow::forever`.
struct Forever {
    explicit Forever() = default;
};

/// The time-out that never runs out.
inline constexpr Forever forever{};

/// How long a call may take. Any duration of std::chrono is one: what is finer than a millisecond is rounded up, so
/// that no positive time becomes 0, which does not wait; what is longer than milliseconds can count waits that long. A
/// negative duration, as from a deadline that has passed, never means to wait for ever: it throws INVALID_ARGUMENT.
class Timeout {
public:
    template <class Rep, class Period>
    Timeout(std::chrono::duration<Rep, Period> duration) : milliseconds_(rounded_up(duration))
    {
    }

    constexpr Timeout(Forever) noexcept : milliseconds_(-1) {}

    /// As karrow.h has it: milliseconds, or -1.
    constexpr std::int64_t number() const noexcept { return milliseconds_; }

private:
    static std::int64_t rounded_up(std::chrono::duration<long double, std::milli> duration)
    {
        const long double number = std::ceil(duration.count());
        // Not a number fails this comparison too.
        if (!(duration.count() >= 0))
            throw Error(Status::invalid_argument, "timeout: is negative; karrow::forever waits for ever");
        constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max();
        return number >= static_cast<long double>(longest) ? longest : static_cast<std::int64_t>(number);
    }

    std::int64_t milliseconds_;
};

/// The type of `all_partitions`: no number of a partition can be taken for it.
struct AllPartitions {
    explicit AllPartitions() = default;
};

/// All partitions that have no start, or no stop, of their own.
inline constexpr AllPartitions all_partitions{};

/// Where in a partition to start or to go on: the offset of a record, or one of Kafka's three logical positions.
/// Neither integers nor partitions are taken for offsets.
class Offset {
public:
    /// The offset of a record. A negative number throws INVALID_ARGUMENT: the logical positions have names.
    explicit constexpr Offset(std::int64_t value) : value_(value)
    {
        if (value < 0)
            throw Error(Status::invalid_argument, "offset: is negative; offsets count from 0");
    }

    /// The oldest record there is.
    static constexpr Offset beginning() noexcept { return Offset(Logical(), KARROW_SEEK_TO_BEGINNING); }

    /// The end of the log as it is when open returns. A record produced after that is never missed.
    static constexpr Offset end() noexcept { return Offset(Logical(), KARROW_SEEK_TO_END); }

    /// The default: the committed offset of the caller's `group.id`, if there is one; else what `auto.offset.reset`
    /// says, which is the end unless set.
    static constexpr Offset dont_seek() noexcept { return Offset(Logical(), KARROW_DONT_SEEK); }

    /// The number, as karrow.h has it: negative for a logical position.
    constexpr std::int64_t value() const noexcept { return value_; }

    /// The offset this many further on. A logical position has none, and throws INVALID_ARGUMENT.
    constexpr Offset operator+(std::int64_t records) const { return Offset(Offset(value_).value_ + records); }

    constexpr bool operator==(Offset other) const noexcept { return value_ == other.value_; }
    constexpr bool operator!=(Offset other) const noexcept { return value_ != other.value_; }

private:
    struct Logical {};

    constexpr Offset(Logical, std::int64_t value) noexcept : value_(value) {}

    std::int64_t value_;
};

/// A record's place in its topic.
struct Position {
    std::int32_t partition;
    Offset offset;
};

namespace detail {

/// A time as Kafka has it, in milliseconds. Between one millisecond and the next there are no records, so that the
/// first one at a finer time or later is the first one at the next millisecond or later.
template <class Duration>
std::int64_t kafka_time(std::chrono::time_point<std::chrono::system_clock, Duration> time)
{
    using Milliseconds = std::chrono::duration<std::int64_t, std::milli>;
    const auto since_1970 = time.time_since_epoch();
    const std::chrono::duration<long double, std::milli> roughly = since_1970;
    // Some clocks count in units of which milliseconds cannot count as many. No record is as early, or as late, as
    // that.
    if (!(roughly.count() > -9e18L))
        return std::numeric_limits<std::int64_t>::min();
    if (roughly.count() >= 9e18L)
        return std::numeric_limits<std::int64_t>::max();
    return std::chrono::ceil<Milliseconds>(since_1970).count();
}

} // namespace detail

/// Where in a partition reading starts: an Offset, or any time_point of the system clock. A time means the first record
/// of that time or later, as of open; if there is none yet, the end of the log.
class Start {
public:
    constexpr Start(Offset offset) noexcept : number_(offset.value()), is_time_(false) {}

    template <class Duration>
    Start(std::chrono::time_point<std::chrono::system_clock, Duration> time)
        : number_(detail::kafka_time(time)), is_time_(true)
    {
    }

private:
    friend class Options;

    std::int64_t number_;
    bool is_time_;
};

/// Where in a partition reading stops. There it has finished, and once all partitions have, poll comes to an end.
class Stop {
public:
    /// The end of the log as it is when open returns, also if there are only transaction markers or aborted records
    /// there. With `isolation.level=read_committed`, the default, the log ends where the first open transaction begins.
    static constexpr Stop at_end() noexcept { return {Kind::end, 0}; }

    /// Before the record of this offset, whether it is there yet or not. A logical position throws INVALID_ARGUMENT.
    static constexpr Stop before(Offset offset) { return {Kind::offset, Offset(offset.value()).value()}; }

    /// Before the first record of this time or later, as of open; if there is none, at the end of the log as of open.
    template <class Duration>
    static Stop before(std::chrono::time_point<std::chrono::system_clock, Duration> time)
    {
        return {Kind::time, detail::kafka_time(time)};
    }

private:
    friend class Options;

    enum class Kind { offset, time, end };

    constexpr Stop(Kind kind, std::int64_t number) noexcept : kind_(kind), number_(number) {}

    Kind kind_;
    std::int64_t number_;
};

inline std::optional<Position> Error::position() const
{
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    if (!karrow_error_position(handle_.get(), &partition, &offset))
        return std::nullopt;
    return Position{partition, Offset(offset)};
}

// Arrow structs ---------------------------------------------------------------------------------------------------

/// Owns a struct of the Arrow C interfaces, and releases it through its own callback. Move-only.
///
/// To hand it to another Arrow implementation, pass `get()` to its import function, which takes the content over and
/// leaves this object empty; or `move_to` memory of your own.
template <class Struct>
class ArrowOwner {
public:
    /// Empty: nothing to release.
    ArrowOwner() noexcept = default;

    /// Takes the content of a struct over, and leaves that empty.
    explicit ArrowOwner(Struct *source) noexcept : struct_(std::exchange(*source, Struct{})) {}

    ArrowOwner(ArrowOwner &&other) noexcept : ArrowOwner(&other.struct_) {}

    ArrowOwner &operator=(ArrowOwner &&other) noexcept
    {
        ArrowOwner taken(std::move(other));
        std::swap(struct_, taken.struct_);
        return *this;
    }

    ~ArrowOwner() { reset(); }

    /// The struct; never NULL, and still this object's. Its `release` is NULL if this is empty.
    Struct *get() noexcept { return &struct_; }
    const Struct *get() const noexcept { return &struct_; }
    const Struct *operator->() const noexcept { return &struct_; }

    /// Whether there is something to release.
    explicit operator bool() const noexcept { return struct_.release != nullptr; }

    /// Moves the content into memory of the caller's, who releases it from then on. What was there is not looked at.
    void move_to(Struct *out) noexcept { *out = std::exchange(struct_, Struct{}); }

    /// Releases the content now.
    void reset() noexcept
    {
        if (struct_.release != nullptr)
            struct_.release(&struct_);
        struct_ = Struct{};
    }

private:
    Struct struct_{};
};

/// The columns of a table: a struct schema.
using Schema = ArrowOwner<ArrowSchema>;

/// Rows of a table: a struct array, whose children are the columns.
using Array = ArrowOwner<ArrowArray>;

/// Rows of a table, batch by batch. Any one thread at a time may read it.
class Stream : public ArrowOwner<ArrowArrayStream> {
public:
    using ArrowOwner::ArrowOwner;

    /// The columns of every batch.
    Schema schema()
    {
        Schema schema;
        check(readable()->get_schema(get(), schema.get()));
        return schema;
    }

    /// The next batch; nothing at the end. Throws INTERNAL with the producer's message if that fails.
    std::optional<Array> next()
    {
        Array array;
        check(readable()->get_next(get(), array.get()));
        return array ? std::optional<Array>(std::move(array)) : std::nullopt;
    }

private:
    const ArrowArrayStream *readable() const
    {
        if (!*this)
            throw Error(Status::invalid_argument, "stream: has been released or moved");
        return get();
    }

    void check(int code)
    {
        if (code == 0)
            return;
        const char *message = get()->get_last_error(get());
        throw Error(Status::internal, message == nullptr ? std::generic_category().message(code) : message);
    }
};

// Columns ---------------------------------------------------------------------------------------------------------

/// A point in time, as a column `timestamp[ns, zone]` (Deephaven's Instant) has it.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// Days since 1970-01-01, as a column `date32` has them.
using Days = std::chrono::duration<std::int32_t, std::ratio<86400>>;

/// A value of a binary column. Points into its batch.
class Bytes {
public:
    constexpr Bytes() noexcept = default;
    constexpr Bytes(const std::uint8_t *data, std::size_t size) noexcept : data_(data), size_(size) {}

    constexpr const std::uint8_t *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr const std::uint8_t *begin() const noexcept { return data_; }
    constexpr const std::uint8_t *end() const noexcept { return data_ + size_; }
    constexpr std::uint8_t operator[](std::size_t index) const noexcept { return data_[index]; }

private:
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

inline bool bit(const void *bitmap, std::int64_t index) noexcept
{
    return (static_cast<const std::uint8_t *>(bitmap)[index / 8] >> (index % 8) & 1) != 0;
}

/// The buffers of a column behind that of its validity.
struct Buffers {
    const void *values;
    const void *bytes;
};

/// A value of fixed width.
template <class Stored>
Stored fixed(Buffers buffers, std::int64_t index) noexcept
{
    return static_cast<const Stored *>(buffers.values)[index];
}

/// A value of any width: where it begins, and its size.
inline std::pair<const std::uint8_t *, std::size_t> variable(Buffers buffers, std::int64_t index) noexcept
{
    const auto *starts = static_cast<const std::int32_t *>(buffers.values) + index;
    // Where there are no bytes at all, there may be no buffer for them.
    if (starts[0] == starts[1])
        return {nullptr, 0};
    return {static_cast<const std::uint8_t *>(buffers.bytes) + starts[0],
            static_cast<std::size_t>(starts[1] - starts[0])};
}

/// How columns are read as `Type`: `name()` is what a message calls it, `reads(format)` whether a column of this Arrow
/// format is read as it, `value(buffers, index)` one value.
template <class Type>
struct ColumnType {
    static_assert(sizeof(Type) == 0,
                  "columns are read as std::int8_t to std::int64_t, std::uint8_t to std::uint64_t, float, double, "
                  "bool, std::string_view, karrow::Bytes, time_points of the system clock, and durations");
};

template <class Number, char Format>
struct NumberType {
    static bool reads(std::string_view format) { return format.size() == 1 && format[0] == Format; }
    static Number value(Buffers buffers, std::int64_t index) noexcept
    {
        return fixed<Number>(buffers, index);
    }
};

template <>
struct ColumnType<std::int8_t> : NumberType<std::int8_t, 'c'> {
    static std::string name() { return "std::int8_t"; }
};

template <>
struct ColumnType<std::uint8_t> : NumberType<std::uint8_t, 'C'> {
    static std::string name() { return "std::uint8_t"; }
};

template <>
struct ColumnType<std::int16_t> : NumberType<std::int16_t, 's'> {
    static std::string name() { return "std::int16_t"; }
};

template <>
struct ColumnType<std::uint16_t> : NumberType<std::uint16_t, 'S'> {
    static std::string name() { return "std::uint16_t"; }
};

template <>
struct ColumnType<std::int32_t> : NumberType<std::int32_t, 'i'> {
    static std::string name() { return "std::int32_t"; }
};

template <>
struct ColumnType<std::uint32_t> : NumberType<std::uint32_t, 'I'> {
    static std::string name() { return "std::uint32_t"; }
};

template <>
struct ColumnType<std::int64_t> : NumberType<std::int64_t, 'l'> {
    static std::string name() { return "std::int64_t"; }
};

template <>
struct ColumnType<std::uint64_t> : NumberType<std::uint64_t, 'L'> {
    static std::string name() { return "std::uint64_t"; }
};

template <>
struct ColumnType<float> : NumberType<float, 'f'> {
    static std::string name() { return "float"; }
};

template <>
struct ColumnType<double> : NumberType<double, 'g'> {
    static std::string name() { return "double"; }
};

template <>
struct ColumnType<bool> {
    static std::string name() { return "bool"; }
    static bool reads(std::string_view format) { return format == "b"; }
    static bool value(Buffers buffers, std::int64_t index) noexcept { return bit(buffers.values, index); }
};

template <>
struct ColumnType<std::string_view> {
    static std::string name() { return "std::string_view"; }
    static bool reads(std::string_view format) { return format == "u"; }
    static std::string_view value(Buffers buffers, std::int64_t index) noexcept
    {
        const auto [data, size] = variable(buffers, index);
        return {reinterpret_cast<const char *>(data), size};
    }
};

template <>
struct ColumnType<Bytes> {
    static std::string name() { return "karrow::Bytes"; }
    static bool reads(std::string_view format) { return format == "z"; }
    static Bytes value(Buffers buffers, std::int64_t index) noexcept
    {
        const auto [data, size] = variable(buffers, index);
        return {data, size};
    }
};

/// A unit of time: its letter in Arrow's formats, and its name in Arrow's types.
struct Unit {
    char letter;
    const char *name;
};

inline constexpr Unit units[] = {{'s', "s"}, {'m', "ms"}, {'u', "us"}, {'n', "ns"}};

template <class Period>
constexpr Unit unit_of()
{
    static_assert(std::ratio_equal_v<Period, std::ratio<1>> || std::ratio_equal_v<Period, std::milli>
                      || std::ratio_equal_v<Period, std::micro> || std::ratio_equal_v<Period, std::nano>,
                  "columns of times are in seconds, milliseconds, microseconds or nanoseconds");
    return units[Period::den == 1 ? 0 : Period::den == 1000 ? 1 : Period::den == 1000000 ? 2 : 3];
}

/// Timestamps with a zone: points in time.
template <class Rep, class Period>
struct ColumnType<std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<Rep, Period>>> {
    static_assert(std::is_same_v<Rep, std::int64_t>, "timestamps are counted in std::int64_t");

    using Duration = std::chrono::duration<Rep, Period>;
    using Point = std::chrono::time_point<std::chrono::system_clock, Duration>;

    static std::string name() { return std::string("a time_point in ") + unit_of<Period>().name; }
    static bool reads(std::string_view format)
    {
        return format.size() > 4 && format.substr(0, 4) == std::string{'t', 's', unit_of<Period>().letter, ':'};
    }
    static Point value(Buffers buffers, std::int64_t index) noexcept
    {
        return Point(Duration(fixed<Rep>(buffers, index)));
    }
};

/// Times that belong to no place: timestamps without a zone, times of day, durations, and dates.
template <class Rep, class Period>
struct ColumnType<std::chrono::duration<Rep, Period>> {
    static constexpr bool wide = std::is_same_v<Rep, std::int64_t>;
    static constexpr bool days = std::is_same_v<std::chrono::duration<Rep, Period>, Days>;

    static_assert(wide || std::is_same_v<Rep, std::int32_t>, "times are counted in std::int64_t or std::int32_t");

    static std::string name()
    {
        if constexpr (days)
            return "karrow::Days";
        else
            return std::string("a duration in ") + unit_of<Period>().name + (wide ? "" : " (std::int32_t)");
    }
    static bool reads(std::string_view format)
    {
        if constexpr (days) {
            return format == "tdD";
        } else {
            const char letter = unit_of<Period>().letter;
            const bool small = letter == 's' || letter == 'm';
            if (format == std::string{'t', 't', letter})
                return wide != small;
            return wide && (format == std::string{'t', 's', letter, ':'} || format == std::string{'t', 'D', letter});
        }
    }
    static std::chrono::duration<Rep, Period> value(Buffers buffers, std::int64_t index) noexcept
    {
        return std::chrono::duration<Rep, Period>(fixed<Rep>(buffers, index));
    }
};

/// The name of a unit by its letter.
inline std::string unit_name(char letter)
{
    for (const Unit &unit : units)
        if (unit.letter == letter)
            return unit.name;
    return {letter};
}

/// The name of an Arrow type by its format, as messages show it. The rare ones are shown as their format.
inline std::string type_name(std::string_view format)
{
    static constexpr std::pair<std::string_view, const char *> names[] = {
        {"b", "bool"},    {"c", "int8"},   {"C", "uint8"},  {"s", "int16"},   {"S", "uint16"},  {"i", "int32"},
        {"I", "uint32"},  {"l", "int64"},  {"L", "uint64"}, {"f", "float32"}, {"g", "float64"}, {"u", "utf8"},
        {"z", "binary"},  {"+l", "list"},  {"+s", "struct"}, {"+m", "map"},   {"tdD", "date32"}, {"n", "null"}};
    for (const auto &[known, name] : names)
        if (format == known)
            return name;
    if (format.substr(0, 4) == "+ud:")
        return "union";
    const std::string_view kind = format.substr(0, 2);
    if (kind == "w:")
        return "fixed_size_binary(" + std::string(format.substr(2)) + ")";
    if (kind == "ts" && format.size() >= 4)
        return "timestamp[" + unit_name(format[2]) + (format.size() > 4 ? ", " : "") + std::string(format.substr(4))
            + "]";
    if (kind == "tt" && format.size() == 3)
        return (format[2] == 's' || format[2] == 'm' ? "time32[" : "time64[") + unit_name(format[2]) + "]";
    if (kind == "tD" && format.size() == 3)
        return "duration[" + unit_name(format[2]) + "]";
    if (kind == "d:") {
        const bool wide = format.size() > 4 && format.substr(format.size() - 4) == ",256";
        std::string digits(format.substr(2, format.size() - (wide ? 6 : 2)));
        return (wide ? "decimal256(" : "decimal128(") + digits.replace(digits.find(','), 1, ", ") + ")";
    }
    return "of Arrow format " + std::string(format);
}

} // namespace detail

/// One column of a batch, read as `Type`. A view: cheap to copy, and valid for as long as its batch is.
///
/// Row numbers count from 0 within the batch, and are not checked.
template <class Type>
class Column {
public:
    /// How many rows there are.
    std::int64_t size() const noexcept { return size_; }

    /// Whether a row has no value.
    bool is_null(std::int64_t row) const noexcept
    {
        return validity_ != nullptr && !detail::bit(validity_, first_ + row);
    }

    /// The value of a row; nothing if it is null. (Of a bool as a condition: that it is not null, not that it is true.)
    std::optional<Type> operator[](std::int64_t row) const noexcept
    {
        return is_null(row) ? std::nullopt : std::optional<Type>(value(row));
    }

    /// The value of a row that is known not to be null; of one that is, an unspecified value.
    Type value(std::int64_t row) const noexcept { return detail::ColumnType<Type>::value(buffers_, first_ + row); }

    /// Goes over all rows: a `std::optional<Type>` for each.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::optional<Type>;
        using difference_type = std::int64_t;
        using pointer = const value_type *;
        using reference = value_type;

        value_type operator*() const noexcept { return column_[row_]; }
        iterator &operator++() noexcept
        {
            ++row_;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            iterator before = *this;
            ++row_;
            return before;
        }
        bool operator==(const iterator &other) const noexcept { return row_ == other.row_; }
        bool operator!=(const iterator &other) const noexcept { return row_ != other.row_; }

    private:
        friend class Column;

        iterator(const Column &column, std::int64_t row) noexcept : column_(column), row_(row) {}

        Column column_;
        std::int64_t row_;
    };

    iterator begin() const noexcept { return {*this, 0}; }
    iterator end() const noexcept { return {*this, size_}; }

private:
    friend class Batch;

    Column(const ArrowArray &array, std::int64_t first, std::int64_t size) noexcept
        : validity_(array.null_count == 0 ? nullptr : array.buffers[0]),
          buffers_{array.buffers[1], array.n_buffers > 2 ? array.buffers[2] : nullptr},
          first_(array.offset + first),
          size_(size)
    {
    }

    const void *validity_;
    detail::Buffers buffers_;
    std::int64_t first_;
    std::int64_t size_;
};

/// Rows of a table, with typed columns. Move-only; holds the memory that its columns point into.
class Batch {
public:
    /// Rows with their columns, from wherever they came: a partition's `array()` and its snapshot's `schema()`, say.
    ///
    /// Throws INVALID_ARGUMENT if they do not belong together, or are not a struct schema and array without nulls.
    Batch(Schema schema, Array array) : Batch(std::make_shared<const Schema>(std::move(schema)), std::move(array)) {}

    /// How many rows there are.
    std::int64_t rows() const noexcept { return array_->length; }

    /// The columns: `children` of a struct schema.
    ///
    /// Throws INVALID_ARGUMENT for a batch that has been moved from.
    const Schema &schema() const &
    {
        if (!array_)
            throw Error(Status::invalid_argument, "batch: has been moved");
        return *schema_;
    }
    const Schema &schema() const && = delete;

    /// The rows, to be read or handed on as an Arrow struct.
    const Array &array() const & noexcept { return array_; }
    Array &array() & noexcept { return array_; }
    const Array &array() const && = delete;

    /// A column by its name, read as the C++ type that has just its values: std::int8_t to std::int64_t, std::uint8_t
    /// to std::uint64_t, float, double, bool, std::string_view (utf8), Bytes (binary); for timestamps with a zone a
    /// std::chrono::time_point of the system clock in the column's unit, as Timestamp is for nanoseconds; for
    /// timestamps without a zone (since 1970-01-01T00:00 wherever that is), durations and time64 a
    /// std::chrono::duration in the column's unit; for time32 one that counts in std::int32_t; and Days for date32.
    ///
    /// Throws NOT_FOUND for a column that does not exist, and INVALID_ARGUMENT for another type: nothing is converted.
    template <class Type>
    Column<Type> column(std::string_view name) const &
    {
        const std::int64_t index = index_of(name);
        const ArrowSchema &field = *schema()->children[index];
        if (field.dictionary != nullptr || !detail::ColumnType<Type>::reads(field.format)) {
            const std::string type = field.dictionary == nullptr ? detail::type_name(field.format) : "a dictionary";
            throw Error(Status::invalid_argument, "column " + std::string(name) + ": is " + type
                                                      + ", which is not read as " + detail::ColumnType<Type>::name());
        }
        return Column<Type>(*array_->children[index], array_->offset, array_->length);
    }
    /// A column points into its batch, which has to have a name.
    template <class Type>
    Column<Type> column(std::string_view name) const && = delete;

private:
    friend class Batches;

    Batch(std::shared_ptr<const Schema> schema, Array array) : schema_(std::move(schema)), array_(std::move(array))
    {
        const bool fits = *schema_ && array_ && std::string_view((*schema_)->format) == "+s"
            && array_->n_children == (*schema_)->n_children
            && (array_->null_count == 0 || array_->buffers[0] == nullptr);
        if (!fits)
            throw Error(Status::invalid_argument, "batch: schema and array are not those of one table");
    }

    std::int64_t index_of(std::string_view name) const
    {
        std::string names;
        for (std::int64_t index = 0; index < schema()->n_children; ++index) {
            const std::string found = detail::text_of(schema()->children[index]->name);
            if (name == found)
                return index;
            names.append(names.empty() ? "" : ", ").append(found);
        }
        throw Error(Status::not_found, "column " + std::string(name) + ": there is none; there are " + names);
    }

    std::shared_ptr<const Schema> schema_;
    Array array_;
};

/// The batches of a stream, for a range-based for. They come as the loop goes, and only once. One thread reads it.
class Batches {
public:
    /// Takes a stream over and asks it for its columns.
    explicit Batches(Stream stream)
        : stream_(std::move(stream)), schema_(std::make_shared<const Schema>(stream_.schema()))
    {
    }

    /// The batch the loop has come to, which lives until the next step unless it is moved away and kept.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Batch;
        using difference_type = std::ptrdiff_t;
        using pointer = Batch *;
        using reference = Batch &;

        Batch &operator*() const { return *batches_->current_; }
        Batch *operator->() const { return &*batches_->current_; }
        iterator &operator++()
        {
            if (!batches_->advance())
                batches_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(const iterator &other) const noexcept { return batches_ == other.batches_; }
        bool operator!=(const iterator &other) const noexcept { return batches_ != other.batches_; }

    private:
        friend class Batches;

        explicit iterator(Batches *batches) noexcept : batches_(batches) {}

        Batches *batches_;
    };

    /// Reads the first batch. Each step reads the next; what Stream::next throws comes through.
    iterator begin() { return iterator(advance() ? this : nullptr); }
    iterator end() noexcept { return iterator(nullptr); }

private:
    bool advance()
    {
        current_.reset();
        if (std::optional<Array> array = stream_.next())
            current_.emplace(Batch(schema_, std::move(*array)));
        return current_.has_value();
    }

    Stream stream_;
    std::shared_ptr<const Schema> schema_;
    std::optional<Batch> current_;
};

// Log -------------------------------------------------------------------------------------------------------------

/// How serious an entry is, in syslog's numbers: a lower number is more serious.
enum class LogLevel : std::int32_t {
    /// Something failed.
    error = KARROW_LOG_LEVEL_ERROR,
    /// Something that may lead to trouble.
    warning = KARROW_LOG_LEVEL_WARNING,
    /// Normal, but worth knowing.
    notice = KARROW_LOG_LEVEL_NOTICE,
    /// What is being done.
    info = KARROW_LOG_LEVEL_INFO,
    /// What only a developer wants to know.
    debug = KARROW_LOG_LEVEL_DEBUG,
};

/// One message taken from a log.
class LogEntry : public detail::Handle<karrow_log_entry, karrow_log_entry_free> {
public:
    /// How serious it is.
    LogLevel level() const noexcept { return static_cast<LogLevel>(karrow_log_entry_level(get())); }

    /// When it was said.
    Timestamp time() const noexcept { return Timestamp(std::chrono::nanoseconds(karrow_log_entry_time_ns(get()))); }

    /// Who said it: `karrow`, or `librdkafka/` and its facility, as in `librdkafka/FAIL`.
    std::string source() const { return detail::text_of(karrow_log_entry_source(get())); }

    /// What was said.
    std::string text() const { return detail::text_of(karrow_log_entry_text(get())); }

private:
    friend class Log;

    explicit LogEntry(karrow_log_entry *owned) noexcept : Handle(owned) {}
};

/// A bounded queue of messages. Consumers made with it keep what they need of it.
class Log : public detail::Handle<karrow_log, karrow_log_free> {
public:
    /// Keeps messages at least as serious as `level`, the newest `capacity` of them.
    ///
    /// Throws INVALID_ARGUMENT for a capacity of 0.
    Log(LogLevel level, std::size_t capacity)
        : Handle(detail::output_of<karrow_log *>(karrow_log_new, static_cast<std::int32_t>(level), capacity))
    {
    }

    /// Takes the oldest message, waiting for one if there is none; nothing if none comes in time.
    std::optional<LogEntry> take(Timeout timeout) const
    {
        karrow_log_entry *entry = nullptr;
        if (detail::attempt({Status::timeout}, karrow_log_take, get(), timeout.number(), &entry) == Status::timeout)
            return std::nullopt;
        return LogEntry(entry);
    }

    /// How many messages gave way to newer ones because the log was full.
    std::uint64_t dropped() const noexcept { return karrow_log_dropped(get()); }
};

// Processors ------------------------------------------------------------------------------------------------------

/// One call of a processor: records of one partition, and what is to become of them. Only a processor gets one, as an
/// argument, and it lives until the processor returns.
class ProcessorCall {
public:
    /// The handle, for functions of karrow.h.
    karrow_processor_call *get() const noexcept { return call_; }

    /// The records' partition.
    std::int32_t partition() const noexcept { return karrow_processor_call_partition(call_); }

    /// Takes the input, once: a row for each record in a column `payload`, binary, null for Kafka's null; then, if the
    /// spec has been set to them, `offset`, int64, and `timestamp`, timestamp[ms, UTC]. It may be kept for as long as it
    /// is wanted.
    ///
    /// Throws INVALID_STATE if it has been taken.
    Batch take_input()
    {
        Schema schema;
        Array array;
        detail::call(karrow_processor_call_take_input, call_, array.get(), schema.get());
        return Batch(std::move(schema), std::move(array));
    }

    /// Sets the output: the columns that the spec declared, with as many rows as the input. It is shown without a copy,
    /// and released by any thread once nothing shows it. A later output replaces an earlier one. Arrays that an Arrow
    /// library has exported become an Array and a Schema by `Array(&array)` and `Schema(&schema)`.
    ///
    /// Throws INVALID_ARGUMENT saying what is wrong with it, after which there is no output.
    void set_output(Array output, const Schema &schema) { set(std::move(output), schema.get()); }

    /// The same with an array that is taken for what was declared: its shape can contradict, the width of its numbers
    /// cannot.
    void set_output(Array output) { set(std::move(output), nullptr); }

    /// Refuses a row, counted from 0: its record is a bad record, with the policy of these. What the output has in that
    /// row is not used. The reason is shown to users, and must hold nothing of the payload.
    ///
    /// Throws OUT_OF_RANGE for a row that there is not.
    void refuse(std::int64_t row, const std::string &reason)
    {
        detail::call(karrow_processor_call_refuse, call_, row, detail::c_text(reason, "reason"));
    }

    /// Lets the batch fail as a whole: its partition stops at its first record. So does an exception, with its what().
    /// The message is shown to users, and must hold nothing of a payload.
    void fail(const std::string &message)
    {
        detail::call(karrow_processor_call_fail, call_, detail::c_text(message, "message"));
    }

private:
    friend class Spec;

    explicit ProcessorCall(karrow_processor_call *call) noexcept : call_(call) {}

    void set(Array output, const ArrowSchema *schema)
    {
        detail::call(karrow_processor_call_set_output, call_, output.get(), schema);
    }

    karrow_processor_call *call_;
};

// What to consume -------------------------------------------------------------------------------------------------

/// How a key or a value becomes columns. Options copy it, so that one spec may serve many.
class Spec : public detail::Handle<karrow_spec, karrow_spec_free> {
public:
    /// Two texts that belong together: a column and its type, or a field and its column.
    using Pair = std::pair<std::string, std::string>;

    /// No column: that side of every record is not looked at.
    static Spec ignore() { return Spec(detail::output_of<karrow_spec *>(karrow_spec_new_ignore)); }

    /// One column that the options name, in `karrow.key.column.name` and `karrow.key.column.type` or those of the
    /// value. This is what a side has that no spec was set for.
    static Spec from_properties() { return Spec(detail::output_of<karrow_spec *>(karrow_spec_new_from_properties)); }

    /// The whole key or value in one column, as Kafka's own serialisers write it: `int16`, `int32`, `int64`, `float32`,
    /// `float64`, `utf8`, `binary` or `uuid`, or Deephaven's names. What is left out the options name.
    static Spec simple(const std::optional<std::string> &column, const std::optional<std::string> &type = std::nullopt)
    {
        return Spec(detail::output_of<karrow_spec *>(karrow_spec_new_simple,
                                                     column ? detail::c_text(*column, "column") : nullptr,
                                                     type ? detail::c_text(*type, "type") : nullptr));
    }

    /// Columns from a JSON object: pairs of name and type, and pairs of field and column for those that are not named
    /// like their field. A field is a literal name or, with `/` first, a JSON Pointer.
    ///
    /// Throws as add_column and map_field do.
    static Spec json(std::initializer_list<Pair> columns = {}, std::initializer_list<Pair> mapping = {})
    {
        Spec spec(detail::output_of<karrow_spec *>(karrow_spec_new_json));
        for (const auto &[name, type] : columns)
            spec.add_column(name, type);
        for (const auto &[field, column] : mapping)
            spec.map_field(field, column);
        return spec;
    }

    /// A JSON spec with the columns of an Arrow schema, a struct, as if each had been added with add_column; what is not
    /// nullable there refuses null. The schema stays the caller's; one that was exported by an Arrow library becomes a
    /// Schema by `Schema(&exported)`.
    ///
    /// Throws INVALID_ARGUMENT for a schema that has been released or is none; UNSUPPORTED for a type that JSON is not
    /// read into.
    static Spec json_columns(const Schema &columns)
    {
        return Spec(detail::output_of<karrow_spec *>(karrow_spec_new_json_columns, columns.get()));
    }

    /// Columns from JSON values of the forms that this description has, in Deephaven's JSON value language: karrow.h says
    /// what becomes of which kind. The functions of `karrow::values`, in karrow/values.hpp, make descriptions.
    ///
    /// Throws INVALID_ARGUMENT for text that is no description, with the place in it as the detail `pointer`.
    static Spec object_processor(const std::string &description)
    {
        return Spec(detail::output_of<karrow_spec *>(karrow_spec_new_object_processor,
                                                     detail::c_text(description, "description")));
    }

    /// The same with a description that those functions have made.
    static Spec object_processor(const values::Value &description) { return object_processor(description.text()); }

    /// Columns, those of an Arrow schema, a struct, that a function makes of payloads, batch by batch: anything that can be
    /// called with a `ProcessorCall &`, a lambda say, which is moved into the spec. It runs inside Consumer::poll, on the
    /// thread that polls, once for each partition and cycle that has records; several consumers of one spec may call it
    /// at once. On the consumer whose poll runs it, only snapshot, schema, progress and wakeup can be called; others
    /// throw INVALID_STATE.
    ///
    /// A batch fails as a whole, and its partition stops at its first record, if the function throws (the failure says
    /// what()), fails the call, or sets no output; resume has the same records come again. The function is destroyed
    /// when the last spec, options and consumer that have it are gone, by any thread. `set("offset", "true")` and
    /// `set("timestamp", "true")` let it see these, too.
    ///
    /// Throws INVALID_ARGUMENT for a schema that has been released, is none, or has no columns; UNSUPPORTED for
    /// dictionaries, unions, views, and types with run ends.
    template <class Processor>
    static Spec callback(const Schema &columns, Processor &&processor)
    {
        using Function = std::decay_t<Processor>;
        static_assert(std::is_invocable_v<Function &, ProcessorCall &>,
                      "a processor is called with a karrow::ProcessorCall &");
        auto owned = std::make_unique<Function>(std::forward<Processor>(processor));
        karrow_spec *spec = nullptr;
        // From here on the library releases it, also if the call fails.
        detail::call(karrow_spec_new_callback, columns.get(), &Spec::process<Function>,
                     static_cast<void *>(owned.release()), &Spec::release<Function>, &spec);
        return Spec(spec);
    }

    /// Columns from an Avro record, which is read as this schema, whatever it was written with; karrow.h says what
    /// becomes of which type. Records inside the record become columns of their own: `customer__name`.
    ///
    /// Throws INVALID_ARGUMENT for text that is no Avro schema.
    static Spec avro_schema(const std::string &schema)
    {
        return Spec(
            detail::output_of<karrow_spec *>(karrow_spec_new_avro_schema, detail::c_text(schema, "schema")));
    }

    /// The same with a schema that the registry of `schema.registry.url` has: a version of a subject, a number from 1
    /// on, or the latest one. Which one that is, is fixed when a consumer is opened.
    ///
    /// Throws INVALID_ARGUMENT for an empty subject, or what is no version.
    static Spec avro_subject(const std::string &subject, const std::string &version = "latest")
    {
        return Spec(detail::output_of<karrow_spec *>(karrow_spec_new_avro_subject, detail::c_text(subject, "subject"),
                                                     detail::c_text(version, "version")));
    }

    /// Columns from a Protobuf message: the one of this name, full or within the file's package, or else the first, of a
    /// file in the language of Protobuf, which has a name as others would import it. What it imports itself is added with
    /// add_file, but for `google/protobuf/timestamp.proto` and the others that are built in. karrow.h says what becomes
    /// of which type. Messages inside the message become columns of their own: `customer_name`. A key or value is one
    /// message and nothing else, unless `protocol` is set to `serdes`.
    ///
    /// Throws INVALID_ARGUMENT for text that is no such file, with the line, or an empty name.
    static Spec protobuf_source(const std::string &file, const std::string &text,
                                const std::optional<std::string> &message = std::nullopt)
    {
        return Spec(detail::output_of<karrow_spec *>(
            karrow_spec_new_protobuf_source, detail::c_text(file, "file"), detail::c_text(text, "text"),
            message ? detail::c_text(*message, "message") : nullptr));
    }

    /// The same with files that have been compiled: the bytes of a serialized `google.protobuf.FileDescriptorSet`, as
    /// `protoc --include_imports --descriptor_set_out` writes it. The message is one of the last file's.
    ///
    /// Throws INVALID_ARGUMENT for bytes that are no such set, a file that is missing in it, or a message that there is
    /// not.
    static Spec protobuf_descriptor(std::string_view descriptors,
                                    const std::optional<std::string> &message = std::nullopt)
    {
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(descriptors.data());
        return Spec(detail::output_of<karrow_spec *>(karrow_spec_new_protobuf_descriptor, bytes, descriptors.size(),
                                                     message ? detail::c_text(*message, "message") : nullptr));
    }

    /// The same with a file that the registry of `schema.registry.url` has: a version of a subject, a number from 1 on,
    /// or the latest one. Which one that is, is fixed when a consumer is opened. Data have Confluent's framing unless
    /// `protocol` is set to `raw`.
    ///
    /// Throws INVALID_ARGUMENT for an empty subject or name of a message, or what is no version.
    static Spec protobuf_subject(const std::string &subject, const std::string &version = "latest",
                                 const std::optional<std::string> &message = std::nullopt)
    {
        return Spec(detail::output_of<karrow_spec *>(
            karrow_spec_new_protobuf_subject, detail::c_text(subject, "subject"), detail::c_text(version, "version"),
            message ? detail::c_text(*message, "message") : nullptr));
    }

    /// Adds a column to a JSON spec. Types have Arrow's names (`int64`, `timestamp[ns, UTC]`, `decimal128(10, 2)`,
    /// `list<utf8>`, `struct<a: int64, b: bool>`, `map<utf8, float64>`) or Deephaven's (`long`, `Instant`, `String`,
    /// `long[]`); karrow.h says what each of them takes.
    ///
    /// Throws INVALID_ARGUMENT for a type there is not, or a name the spec has already; UNSUPPORTED for a type that
    /// JSON is not read into; INVALID_STATE for a spec of another kind.
    Spec &add_column(const std::string &name, const std::string &type) &
    {
        detail::call(karrow_spec_add_column, get(), detail::c_text(name, "name"), detail::c_text(type, "type"));
        return *this;
    }
    Spec add_column(const std::string &name, const std::string &type) &&
    {
        return std::move(add_column(name, type));
    }

    /// Ties a field to a column. Of a JSON spec: the column reads this field, not the one of its own name; a field may
    /// feed several columns, and whether the column exists is checked when a consumer is made. Of an Avro spec: the
    /// field's column has this name; what is inside a record has a dot in front, as in `customer.name`. Of a Protobuf
    /// spec: the same with slashes, as in `/customer/name`.
    ///
    /// Throws INVALID_ARGUMENT for a pointer that is none, a column of JSON that another field is mapped to already, or
    /// a field of Avro or Protobuf that is mapped to another column already; INVALID_STATE for a spec of another kind.
    Spec &map_field(const std::string &field, const std::string &column) &
    {
        detail::call(karrow_spec_map_field, get(), detail::c_text(field, "field"), detail::c_text(column, "column"));
        return *this;
    }
    Spec map_field(const std::string &field, const std::string &column) &&
    {
        return std::move(map_field(field, column));
    }

    /// Sets something about an Avro spec: `framing` (`confluent`, `bare`, `single_object`), `nested` (`flatten`,
    /// `struct`), `union` (`struct`, `dense`), `enum` (`utf8`, `dictionary`) or `mapped_only` (`false`, `true`), of
    /// which the first is what it is unless it is set. About a Protobuf spec: `protocol` (`serdes`, `raw`), `nested`
    /// (`flatten`, `struct`), `enum` (`utf8`, `number`) or `include` (paths of fields with commas between them:
    /// `/customer/name,/items/*`). karrow.h says what they mean.
    ///
    /// Throws INVALID_ARGUMENT for an unknown key or value; INVALID_STATE for a spec of another kind.
    Spec &set(const std::string &key, const std::string &value) &
    {
        detail::call(karrow_spec_set, get(), detail::c_text(key, "key"), detail::c_text(value, "value"));
        return *this;
    }
    Spec set(const std::string &key, const std::string &value) && { return std::move(set(key, value)); }

    /// Adds a schema that data were written with to an Avro spec or a Protobuf spec, by the id that they say. No registry
    /// is asked for it.
    ///
    /// Throws INVALID_ARGUMENT for text that is no schema of the spec's kind, or an id that stands for another schema
    /// already; INVALID_STATE for a spec of another kind.
    Spec &add_schema(std::int32_t id, const std::string &schema) &
    {
        detail::call(karrow_spec_add_schema, get(), id, detail::c_text(schema, "schema"));
        return *this;
    }
    Spec add_schema(std::int32_t id, const std::string &schema) && { return std::move(add_schema(id, schema)); }

    /// Adds a file to a Protobuf spec, by the name that its own file, other files that are added, and those of add_schema
    /// import it by. What a schema of the registry imports the registry has itself.
    ///
    /// Throws INVALID_ARGUMENT for text that is no file in the language of Protobuf, with the line, or a name that
    /// another file has; INVALID_STATE for a spec of another kind.
    Spec &add_file(const std::string &name, const std::string &text) &
    {
        detail::call(karrow_spec_add_file, get(), detail::c_text(name, "name"), detail::c_text(text, "text"));
        return *this;
    }
    Spec add_file(const std::string &name, const std::string &text) && { return std::move(add_file(name, text)); }

private:
    explicit Spec(karrow_spec *owned) noexcept : Handle(owned) {}

    /// What the library calls: no exception leaves it.
    template <class Function>
    static std::int32_t process(void *function, karrow_processor_call *raw) noexcept
    {
        ProcessorCall call(raw);
        try {
            (*static_cast<Function *>(function))(call);
            return 0;
        } catch (const std::exception &error) {
            karrow_processor_call_fail(raw, error.what(), nullptr);
        } catch (...) {
            karrow_processor_call_fail(raw, "it threw what is no std::exception", nullptr);
        }
        return 1;
    }

    template <class Function>
    static void release(void *function) noexcept
    {
        delete static_cast<Function *>(function);
    }
};

/// What a table keeps of its rows.
class TableType {
public:
    /// The rows of the last cycle only. This is the default.
    static constexpr TableType blink() noexcept { return {KARROW_TABLE_TYPE_BLINK, 0}; }

    /// Every row.
    static constexpr TableType append() noexcept { return {KARROW_TABLE_TYPE_APPEND, 0}; }

    /// The last `rows` rows of each partition, at least 1.
    static constexpr TableType ring(std::int64_t rows) noexcept { return {KARROW_TABLE_TYPE_RING, rows}; }

private:
    friend class Options;

    constexpr TableType(karrow_table_type kind, std::int64_t capacity) noexcept : kind_(kind), capacity_(capacity) {}

    karrow_table_type kind_;
    std::int64_t capacity_;
};

/// What to consume, and what to make of it: everything at its default but what is set. Consumers have their own copy.
///
/// Every setter returns the options, so that they can be chained: a reference to options that have a name, options by
/// value from a temporary.
class Options : public detail::Handle<karrow_options, karrow_options_free> {
public:
    /// All partitions, each from Offset::dont_seek(), key and value from properties, a blink table.
    ///
    /// Throws INVALID_ARGUMENT for an empty name, UNSUPPORTED if the library that is loaded does not fit this header.
    /// Whether the topic exists is found out by open.
    explicit Options(const std::string &topic) : Handle(made_for(topic)) {}

    /// Sets a property. Keys that begin with `karrow.` (or `deephaven.`) are the library's, and karrow.h lists them;
    /// all others are Kafka's, as librdkafka or the Java client has them, or the schema registry's.
    ///
    /// Throws INVALID_ARGUMENT for an unknown key of the library or the registry, a key set under both its names, or one
    /// that karrow must own; UNSUPPORTED for one that cannot be honoured. Values, and Kafka's other keys, are checked
    /// when a consumer is made.
    Options &set(const std::string &key, const std::string &value) &
    {
        detail::call(karrow_options_set, get(), detail::c_text(key, "key"), detail::c_text(value, "value"));
        return *this;
    }
    Options set(const std::string &key, const std::string &value) && { return std::move(set(key, value)); }

    /// Sets a property back to its default.
    Options &unset(const std::string &key) &
    {
        detail::call(karrow_options_set, get(), detail::c_text(key, "key"), nullptr);
        return *this;
    }
    Options unset(const std::string &key) && { return std::move(unset(key)); }

    /// Reads only these partitions; order and duplicates do not matter.
    ///
    /// Throws INVALID_ARGUMENT for an empty list or a negative number. A partition that the topic does not have is an
    /// error of open.
    Options &partitions(const std::vector<std::int32_t> &numbers) &
    {
        detail::call(karrow_options_set_partitions, get(), numbers.data(), numbers.size());
        return *this;
    }
    Options partitions(const std::vector<std::int32_t> &numbers) && { return std::move(partitions(numbers)); }

    /// Where one partition starts: at an Offset, or at a time_point of the system clock. This beats what is said of all
    /// partitions, in whatever order it is said.
    ///
    /// An offset outside the partition's log goes where `auto.offset.reset` says. Throws INVALID_ARGUMENT for a
    /// negative partition, or a time before 1970. A partition that the topic does not have is an error of open.
    Options &start(std::int32_t partition, Start start) & { return start_at(checked(partition), start); }
    Options start(std::int32_t partition, Start start) && { return std::move(this->start(partition, start)); }

    /// Where all partitions start that have no start of their own.
    Options &start(AllPartitions, Start start) & { return start_at(KARROW_ALL_PARTITIONS, start); }
    Options start(AllPartitions all, Start start) && { return std::move(this->start(all, start)); }

    /// Where one partition stops; unless told, nowhere. This beats what is said of all partitions, in whatever order it
    /// is said.
    ///
    /// Throws INVALID_ARGUMENT for a negative partition, or a time before 1970. A partition that the topic does not
    /// have is an error of open.
    Options &stop(std::int32_t partition, Stop stop) & { return stop_at(checked(partition), stop); }
    Options stop(std::int32_t partition, Stop stop) && { return std::move(this->stop(partition, stop)); }

    /// Where all partitions stop that have no stop of their own. Partitions that the topic gets later are then not
    /// read.
    Options &stop(AllPartitions, Stop stop) & { return stop_at(KARROW_ALL_PARTITIONS, stop); }
    Options stop(AllPartitions all, Stop stop) && { return std::move(this->stop(all, stop)); }

    /// How the keys of the records become columns. The spec is copied.
    Options &key(const Spec &spec) & { return side(KARROW_SIDE_KEY, spec); }
    Options key(const Spec &spec) && { return std::move(key(spec)); }

    /// How the values of the records become columns. The spec is copied.
    Options &value(const Spec &spec) & { return side(KARROW_SIDE_VALUE, spec); }
    Options value(const Spec &spec) && { return std::move(value(spec)); }

    /// What the table keeps of its rows.
    ///
    /// Throws INVALID_ARGUMENT for a ring of less than 1 row.
    Options &table_type(TableType type) &
    {
        detail::call(karrow_options_set_table_type, get(), static_cast<std::int32_t>(type.kind_), type.capacity_);
        return *this;
    }
    Options table_type(TableType type) && { return std::move(table_type(type)); }

    /// Where librdkafka's and karrow's messages go; without a log, nowhere.
    Options &log(const Log &log) &
    {
        detail::call(karrow_options_set_log, get(), log.get());
        return *this;
    }
    Options log(const Log &log) && { return std::move(this->log(log)); }

    /// The columns that a consumer of these options will have. Asks no broker; the time is for specs that ask a schema
    /// registry.
    ///
    /// Throws whatever is wrong with names and types; REGISTRY for what the registry does not give.
    Schema schema(Timeout timeout) const
    {
        Schema schema;
        detail::call(karrow_options_schema, get(), timeout.number(), schema.get());
        return schema;
    }

private:
    /// Everything begins with options, so this is where the library is looked at.
    static karrow_options *made_for(const std::string &topic)
    {
        if (!abi_fits(KARROW_ABI_VERSION, abi_version()))
            throw Error(Status::unsupported,
                        "karrow " + version() + " is loaded, which does not fit the karrow.h that this program was built"
                        " with; build the program again, or install the library it was built for");
        return detail::output_of<karrow_options *>(karrow_options_new, detail::c_text(topic, "topic"));
    }

    /// The number of one partition, which that of all must not be taken for.
    static std::int32_t checked(std::int32_t partition)
    {
        if (partition == KARROW_ALL_PARTITIONS)
            throw Error(Status::invalid_argument,
                        "partition: is negative; partitions count from 0, and karrow::all_partitions means all");
        return partition;
    }

    Options &start_at(std::int32_t partition, Start start)
    {
        detail::call(start.is_time_ ? karrow_options_set_start_time : karrow_options_set_start_offset, get(), partition,
                     start.number_);
        return *this;
    }

    Options &stop_at(std::int32_t partition, Stop stop)
    {
        if (stop.kind_ == Stop::Kind::end)
            detail::call(karrow_options_set_stop_at_end, get(), partition);
        else
            detail::call(stop.kind_ == Stop::Kind::time ? karrow_options_set_stop_time : karrow_options_set_stop_offset,
                         get(), partition, stop.number_);
        return *this;
    }

    Options &side(karrow_side side, const Spec &spec)
    {
        detail::call(karrow_options_set_spec, get(), static_cast<std::int32_t>(side), spec.get());
        return *this;
    }
};

// Snapshots -------------------------------------------------------------------------------------------------------

/// What a partition is doing.
enum class PartitionState : std::int32_t {
    /// It is being read.
    reading = KARROW_PARTITION_STATE_READING,
    /// It cannot be read for the moment, because Kafka refuses it or the table is full (Partition::failure says which);
    /// it goes on by itself when that changes.
    waiting = KARROW_PARTITION_STATE_WAITING,
    /// It has stopped, and goes on only after Consumer::resume.
    failed = KARROW_PARTITION_STATE_FAILED,
    /// Everything up to where it was to stop has been read.
    finished = KARROW_PARTITION_STATE_FINISHED,
};

/// One partition in a snapshot: an Arrow table. A value that may be copied; it keeps what the snapshot shows, also when
/// the Snapshot itself is gone.
class Partition {
public:
    /// Kafka's number of the partition.
    std::int32_t id() const noexcept { return id_; }

    /// The number of the first row there is. Row numbers count the rows that a partition has published, from 0, and
    /// never go back. In a blink table this is the number of rows before the cycle.
    std::int64_t first_row() const
    {
        std::int64_t first_row = 0;
        detail::call(karrow_snapshot_rows, snapshot_.get(), id_, &first_row, nullptr);
        return first_row;
    }

    /// The number behind that of the last row: where to go on reading in a later snapshot.
    std::int64_t end_row() const
    {
        std::int64_t end_row = 0;
        detail::call(karrow_snapshot_rows, snapshot_.get(), id_, nullptr, &end_row);
        return end_row;
    }

    /// What the partition is doing.
    PartitionState state() const
    {
        return static_cast<PartitionState>(
            detail::output_of<std::int32_t>(karrow_snapshot_state, snapshot_.get(), id_));
    }

    /// Where reading goes on after what the snapshot shows; if it failed at a record, that record's offset.
    Offset next_offset() const
    {
        return Offset(detail::output_of<std::int64_t>(karrow_snapshot_next_offset, snapshot_.get(), id_));
    }

    /// Why the partition has failed, or waits; nothing while it is being read, and once it has finished.
    std::optional<Error> failure() const
    {
        auto *failure = detail::output_of<karrow_error *>(karrow_snapshot_failure, snapshot_.get(), id_);
        return failure == nullptr ? std::nullopt : std::optional<Error>(Error(failure));
    }

    /// The rows from `from_row` to before `end_row` (-1: to the end), to be read or handed on.
    ///
    /// Throws OUT_OF_RANGE for rows that are not kept any more (the message names the first) or not there yet.
    Stream stream(std::int64_t from_row, std::int64_t end_row = -1) const
    {
        Stream stream;
        detail::call(karrow_snapshot_export_stream, snapshot_.get(), id_, from_row, end_row, stream.get());
        return stream;
    }

    /// All rows there are.
    Stream stream() const { return stream(first_row()); }

    /// The same rows as a range of batches with typed columns.
    Batches batches(std::int64_t from_row, std::int64_t end_row = -1) const
    {
        return Batches(stream(from_row, end_row));
    }
    Batches batches() const { return Batches(stream()); }

    /// All rows as one array; Snapshot::schema has its columns. The rows are put together when first asked for, and
    /// kept.
    ///
    /// Throws LIMIT if they do not fit into one array (a column of text beyond 2 GiB): use the stream.
    Array array() const
    {
        Array array;
        detail::call(karrow_snapshot_export_array, snapshot_.get(), id_, array.get(), nullptr);
        return array;
    }

private:
    friend class Snapshot;

    Partition(std::shared_ptr<karrow_snapshot> snapshot, std::int32_t id) noexcept
        : snapshot_(std::move(snapshot)), id_(id)
    {
    }

    std::shared_ptr<karrow_snapshot> snapshot_;
    std::int32_t id_;
};

/// The partitioned table as of one cycle: immutable, consistent across partitions, and alive for as long as it, a
/// Partition of it or anything exported from it is. Move-only; any threads may read it.
class Snapshot {
public:
    /// Empty, like one that has been moved from.
    Snapshot() noexcept = default;
    Snapshot(Snapshot &&) noexcept = default;
    Snapshot &operator=(Snapshot &&) noexcept = default;
    ~Snapshot() = default;

    /// The handle, for functions of karrow.h; NULL if this is empty. It stays this object's.
    const karrow_snapshot *get() const noexcept { return handle_.get(); }

    /// How many cycles there have been: 0 before the first poll.
    std::int64_t cycle() const noexcept { return karrow_snapshot_cycle(get()); }

    /// All partitions that are read, empty ones included, in ascending order.
    std::vector<Partition> partitions() const
    {
        std::vector<Partition> partitions;
        const std::size_t count = karrow_snapshot_partition_count(get());
        partitions.reserve(count);
        for (std::size_t index = 0; index < count; ++index) {
            const auto id = detail::output_of<std::int32_t>(karrow_snapshot_partition_at, get(), index);
            partitions.push_back(Partition(handle_, id));
        }
        return partitions;
    }

    /// One partition by Kafka's number.
    ///
    /// Throws NOT_FOUND for one that is not read.
    Partition partition(std::int32_t id) const
    {
        Partition partition(handle_, id);
        partition.state();
        return partition;
    }

    /// The columns of every partition.
    Schema schema() const
    {
        Schema schema;
        detail::call(karrow_snapshot_schema, get(), schema.get());
        return schema;
    }

    /// The same rows with chosen columns: each text is `Name`, which keeps a column, or `New=Old`, which renames one.
    /// The view is a snapshot of its own, which keeps states, failures and next offsets.
    ///
    /// Throws NOT_FOUND for a column that does not exist; INVALID_ARGUMENT for none at all, a name that appears twice,
    /// or a text of neither form.
    Snapshot view(const std::vector<std::string> &columns) const
    {
        std::vector<const char *> texts;
        texts.reserve(columns.size());
        for (const std::string &column : columns)
            texts.push_back(detail::c_text(column, "columns"));
        return Snapshot(
            detail::output_of<karrow_snapshot *>(karrow_snapshot_view, get(), texts.data(), texts.size()));
    }

    /// The rows of all partitions, one partition after the other: all rows, or those from a row number on, of which
    /// there is then one for each partition, in their order.
    ///
    /// Throws INVALID_ARGUMENT for another number of row numbers; otherwise as Partition::stream.
    Stream merged(const std::vector<std::int64_t> &from_rows = {}) const
    {
        Stream stream;
        detail::call(karrow_snapshot_export_merged, get(), from_rows.empty() ? nullptr : from_rows.data(),
                     from_rows.size(), stream.get());
        return stream;
    }

private:
    friend class Consumer;

    explicit Snapshot(karrow_snapshot *owned) : handle_(owned, karrow_snapshot_free) {}

    // Shared with partitions, so that a loop over those of a temporary snapshot is safe.
    std::shared_ptr<karrow_snapshot> handle_;
};

/// What a poll came to. True as a condition if there was a cycle, so that `while (Cycle cycle = consumer.poll(...))`
/// runs until nothing can come any more, or somebody calls wakeup.
struct Cycle {
    /// `ok`: a cycle, perhaps without rows; `end`: every partition has finished or failed, and an earlier cycle has
    /// shown it; `limit`: all others wait for room, in the table (`karrow.append.max.bytes`), which Consumer::discard
    /// makes, or among dead letters, which Consumer::dead_letters makes, and an earlier cycle has shown it;
    /// `interrupted`: wakeup ended the call. Only with `ok` is there anything in the other members.
    Status status = Status::ok;
    /// How many rows the cycle has added, in all partitions.
    std::int64_t rows = 0;
    /// How many partitions are failed.
    std::int32_t failed = 0;
    /// Exactly this cycle.
    Snapshot snapshot = {};

    explicit operator bool() const noexcept { return status == Status::ok; }
};

/// What a wait came to. True as a condition if there is a cycle.
struct Waited {
    /// `ok`: a cycle; `timeout`: none in time; `end`: every partition has finished or failed, and the cycle waited
    /// behind shows it; `interrupted`: wakeup ended the call.
    Status status = Status::ok;
    /// The last cycle there is; empty unless the status is `ok`.
    Snapshot snapshot = {};

    explicit operator bool() const noexcept { return status == Status::ok; }
};

// Progress --------------------------------------------------------------------------------------------------------

/// What a partition is doing, as progress has it.
enum class ReadingState {
    /// It is being read.
    reading,
    /// Everything there is has been read; more may come.
    at_end,
    /// It cannot be read for the moment, and goes on by itself.
    waiting,
    /// It has stopped, and goes on only after Consumer::resume.
    failed,
    /// Everything up to where it was to stop has been read.
    finished,
    /// Something that only a newer library knows; Consumer::progress_stream has its name.
    other,
};

/// How many records were bad, whatever became of them: each once, by the side that decided it. Of several bad sides
/// that with the strongest policy decides (`fail`, `dead_letter`, `skip`, `null`), and among equals the first:
/// timestamp or headers, key, value.
struct BadRecords {
    std::int64_t key = 0;
    std::int64_t value = 0;
    std::int64_t timestamp = 0;
    std::int64_t headers = 0;
};

/// How far a partition has been read.
struct PartitionProgress {
    /// Kafka's number of the partition.
    std::int32_t partition = 0;
    /// What it is doing.
    ReadingState state = ReadingState::reading;
    /// Why it waits or has failed.
    std::optional<std::string> reason = {};
    /// The offset that is read next.
    Offset position = Offset(0);
    /// Behind the newest record of the log, as far as brokers have told; nothing until they have.
    std::optional<Offset> end_offset = {};
    /// Where it stops; nothing if nowhere.
    std::optional<Offset> stop_offset = {};
    /// How many offsets lie between the position and the end, or the stop if that comes first. Reaches 0 also where the
    /// log ends with transaction markers or aborted records.
    std::optional<std::int64_t> lag = {};
    /// Rows decoded so far.
    std::int64_t rows = 0;
    /// The size of their keys and values.
    std::int64_t bytes = 0;
    /// Records that were bad.
    BadRecords bad_records = {};
    /// In how many pieces the last cycle's rows lie.
    std::int64_t batches = 0;
    /// What they and the rows that no cycle has published take.
    std::int64_t memory_bytes = 0;
    /// The timestamp of the last record; nothing if it has none.
    std::optional<std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<std::int64_t, std::milli>>>
        last_record_time = {};
};

namespace detail {

inline ReadingState reading_state(std::string_view name)
{
    static constexpr std::pair<std::string_view, ReadingState> names[] = {{"reading", ReadingState::reading},
                                                                          {"at_end", ReadingState::at_end},
                                                                          {"waiting", ReadingState::waiting},
                                                                          {"failed", ReadingState::failed},
                                                                          {"finished", ReadingState::finished}};
    for (const auto &[known, state] : names)
        if (name == known)
            return state;
    return ReadingState::other;
}

inline std::optional<Offset> optional_offset(std::optional<std::int64_t> offset)
{
    return offset ? std::optional<Offset>(Offset(*offset)) : std::nullopt;
}

/// Where a column of karrow's own tables is.
inline std::int64_t own_column(const Schema &schema, std::string_view name)
{
    for (std::int64_t index = 0; index < schema->n_children; ++index)
        if (name == text_of(schema->children[index]->name))
            return index;
    throw Error(Status::internal, "there is no column " + std::string(name));
}

/// The members of a struct column as a batch, taken out of theirs: Arrow lets a child be moved away.
inline Batch struct_column(const Schema &schema, const Array &array, std::string_view name)
{
    const std::int64_t index = own_column(schema, name);
    return Batch(Schema(schema->children[index]), Array(array->children[index]));
}

/// The rows of the progress table, which is one batch.
inline std::vector<PartitionProgress> progress_of(Stream stream)
{
    using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<std::int64_t, std::milli>>;
    std::vector<PartitionProgress> progress;
    while (std::optional<Array> array = stream.next()) {
        Schema schema = stream.schema();
        const Batch bad = struct_column(schema, *array, "bad_records");
        const Batch batch(std::move(schema), std::move(*array));
        const auto number = [&batch](std::string_view name) { return batch.column<std::int64_t>(name); };
        const auto partition = batch.column<std::int32_t>("partition");
        const auto state = batch.column<std::string_view>("state"), reason = batch.column<std::string_view>("reason");
        const auto position = number("position"), end_offset = number("end_offset");
        const auto stop_offset = number("stop_offset"), lag = number("lag"), rows = number("rows");
        const auto bytes = number("bytes"), batches = number("batches"), memory_bytes = number("memory_bytes");
        const auto last_record_time = batch.column<Time>("last_record_time");
        const auto key = bad.column<std::int64_t>("key"), value = bad.column<std::int64_t>("value");
        const auto timestamp = bad.column<std::int64_t>("timestamp"), headers = bad.column<std::int64_t>("headers");
        for (std::int64_t row = 0; row < batch.rows(); ++row)
            progress.push_back({partition.value(row), reading_state(state.value(row)),
                                reason.is_null(row) ? std::nullopt : std::optional<std::string>(reason.value(row)),
                                Offset(position.value(row)), optional_offset(end_offset[row]),
                                optional_offset(stop_offset[row]), lag[row], rows.value(row), bytes.value(row),
                                {key.value(row), value.value(row), timestamp.value(row), headers.value(row)},
                                batches.value(row), memory_bytes.value(row), last_record_time[row]});
    }
    return progress;
}

} // namespace detail

// Dead letters ----------------------------------------------------------------------------------------------------

/// A header of a record, with copies of its bytes.
struct Header {
    /// Its key, which should be UTF-8.
    std::string key = {};
    /// Its value; nothing for null.
    std::optional<std::string> value = {};
};

/// A bad record that became a dead letter, with copies of its bytes.
struct DeadLetter {
    /// Its topic.
    std::string topic = {};
    /// Kafka's number of its partition.
    std::int32_t partition = 0;
    /// Its offset.
    Offset offset = Offset(0);
    /// Its timestamp; nothing if it has none.
    std::optional<std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<std::int64_t, std::milli>>>
        timestamp = {};
    /// Its key; nothing for Kafka's null.
    std::optional<std::string> key = {};
    /// Its value; nothing for Kafka's null.
    std::optional<std::string> value = {};
    /// Its headers, in order and with duplicates.
    std::vector<Header> headers = {};
    /// What is bad: `key`, `value`, `timestamp` or `headers`.
    std::string side = {};
    /// The column that could not take its value; nothing if the payload as a whole is bad.
    std::optional<std::string> column = {};
    /// The place inside the column, as `Legs[3].Price`; nothing if it is the column itself.
    std::optional<std::string> path = {};
    /// What was expected and what was found.
    std::string reason = {};
};

namespace detail {

inline std::string copy_of(Bytes bytes)
{
    return std::string(bytes.begin(), bytes.end());
}

inline std::optional<std::string> copy_of(std::optional<Bytes> bytes)
{
    return bytes ? std::optional<std::string>(copy_of(*bytes)) : std::nullopt;
}

inline std::optional<std::string> copy_of(std::optional<std::string_view> text)
{
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// The headers of each row, taken out of their batch: Arrow lets a child be moved away.
inline std::vector<std::vector<Header>> headers_of(const Schema &schema, const Array &array)
{
    const std::int64_t index = own_column(schema, "headers");
    const ArrowArray &lists = *array->children[index];
    const auto *ends = static_cast<const std::int32_t *>(lists.buffers[1]) + lists.offset;
    const Batch items(Schema(schema->children[index]->children[0]), Array(lists.children[0]));
    const auto keys = items.column<Bytes>("key"), values = items.column<Bytes>("value");
    std::vector<std::vector<Header>> headers(static_cast<std::size_t>(array->length));
    for (std::vector<Header> &of_row : headers) {
        for (std::int64_t item = ends[0]; item < ends[1]; ++item)
            of_row.push_back({copy_of(keys.value(item)), copy_of(values[item])});
        ++ends;
    }
    return headers;
}

inline std::vector<DeadLetter> dead_letters_of(Stream stream)
{
    using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<std::int64_t, std::milli>>;
    std::vector<DeadLetter> letters;
    while (std::optional<Array> array = stream.next()) {
        Schema schema = stream.schema();
        std::vector<std::vector<Header>> headers = headers_of(schema, *array);
        const Batch batch(std::move(schema), std::move(*array));
        const auto text = [&batch](std::string_view name) { return batch.column<std::string_view>(name); };
        const auto partition = batch.column<std::int32_t>("partition");
        const auto offset = batch.column<std::int64_t>("offset");
        const auto timestamp = batch.column<Time>("timestamp");
        const auto key = batch.column<Bytes>("key"), value = batch.column<Bytes>("value");
        const auto topic = text("topic"), side = text("side"), column = text("column"), path = text("path");
        const auto reason = text("reason");
        for (std::int64_t row = 0; row < batch.rows(); ++row)
            letters.push_back({std::string(topic.value(row)), partition.value(row), Offset(offset.value(row)),
                               timestamp[row], copy_of(key[row]), copy_of(value[row]),
                               std::move(headers[static_cast<std::size_t>(row)]), std::string(side.value(row)),
                               copy_of(column[row]), copy_of(path[row]), std::string(reason.value(row))});
    }
    return letters;
}

} // namespace detail

// Consumer --------------------------------------------------------------------------------------------------------

/// Reads a topic into a partitioned table. Any threads may call its members; open and poll one at a time (the second
/// gets BUSY). The destructor closes it, however long that takes, and must not run beside another call.
class Consumer : public detail::Handle<karrow_consumer, karrow_consumer_free> {
public:
    /// Checks names, types and the values of properties; asks no broker.
    ///
    /// Throws INVALID_ARGUMENT naming the option, key or column that is wrong.
    explicit Consumer(const Options &options)
        : Handle(detail::output_of<karrow_consumer *>(karrow_consumer_new, options.get()))
    {
    }

    /// Asks the cluster for the topic's partitions and offsets, and begins to read. When it returns, "now" is fixed:
    /// what is produced later is never missed, whatever the start offsets say. After an error it may be called again.
    ///
    /// Throws TIMEOUT with the last thing that went wrong on the way to the brokers; NOT_FOUND for a topic or partition
    /// that does not exist; KAFKA for what Kafka refuses; INTERRUPTED, CLOSED, BUSY; INVALID_STATE if it is open
    /// already.
    void open(Timeout timeout) const { detail::call(karrow_consumer_open, get(), timeout.number()); }

    /// One cycle: publishes everything decoded since the last one, for all partitions at once. With rows or a change of
    /// state at hand it returns at once; otherwise it waits for the first, at most `timeout`. Time running out is no
    /// error: that cycle has no rows. A partition that fails does not make poll fail.
    ///
    /// Throws BUSY; CLOSED; INVALID_STATE before open; PANIC, and from then on POISONED.
    [[nodiscard]] Cycle poll(Timeout timeout) const
    {
        Cycle cycle;
        karrow_snapshot *snapshot = nullptr;
        cycle.status = detail::attempt({Status::end, Status::limit, Status::interrupted}, karrow_consumer_poll, get(),
                                       timeout.number(), &cycle.rows, &cycle.failed, &snapshot);
        if (cycle)
            cycle.snapshot = Snapshot(snapshot);
        return cycle;
    }

    /// The state of the last cycle: cycle 0, without rows, before the first poll. Never waits. Works also after close.
    ///
    /// Throws INVALID_STATE before open.
    Snapshot snapshot() const
    {
        return Snapshot(detail::output_of<karrow_snapshot *>(karrow_consumer_snapshot, get()));
    }

    /// For threads that read while another one polls: waits until a cycle after `after_cycle` has been published, at
    /// most `timeout`, and hands out the last one there is. Several threads may wait at once; wakeup ends one call.
    ///
    /// Throws CLOSED; INVALID_STATE before open.
    [[nodiscard]] Waited wait(std::int64_t after_cycle, Timeout timeout) const
    {
        Waited waited;
        karrow_snapshot *snapshot = nullptr;
        waited.status = detail::attempt({Status::timeout, Status::end, Status::interrupted}, karrow_consumer_wait,
                                        get(), after_cycle, timeout.number(), &snapshot);
        if (waited)
            waited.snapshot = Snapshot(snapshot);
        return waited;
    }

    /// How far reading has come, for each partition, in ascending order. Live, so that it may be ahead of the last
    /// cycle; never waits, and is cheap enough to be asked at every poll. Works also after close.
    ///
    /// Throws INVALID_STATE before open.
    std::vector<PartitionProgress> progress() const { return detail::progress_of(progress_stream()); }

    /// The same as a stream of one batch, to be handed on: karrow.h lists its columns.
    Stream progress_stream() const
    {
        Stream stream;
        detail::call(karrow_consumer_progress, get(), stream.get());
        return stream;
    }

    /// Takes the dead letters that have come, the bad records whose policy is `dead_letter`
    /// (`karrow.bad.record.policy`): each comes once, those of one partition in the order of their offsets. The letters
    /// of all records before a Partition::next_offset have come when the poll that made it returns; so: poll, use the
    /// rows, take the dead letters, commit. Those that nobody takes count against `karrow.memory.budget.bytes`, and
    /// partitions wait when they fill it. Works also after the end and after close.
    ///
    /// Throws INVALID_STATE before open.
    [[nodiscard]] std::vector<DeadLetter> dead_letters() const { return detail::dead_letters_of(dead_letter_stream()); }

    /// The same as a stream without copies, to be handed on: karrow.h lists its columns. What it holds has been taken,
    /// whether it is read or not.
    [[nodiscard]] Stream dead_letter_stream() const
    {
        Stream stream;
        detail::call(karrow_consumer_dead_letters, get(), stream.get());
        return stream;
    }

    /// Commits, for the `group.id` of the options, exactly what a snapshot of this consumer shows: for each partition
    /// its Partition::next_offset. A partition that failed because its offset lies outside the log has none, and is
    /// left out. The snapshot may be an older one, or a view. Take dead letters first, because what has been committed
    /// does not come again. Wakeup does not end it, close does.
    ///
    /// Throws INVALID_ARGUMENT for a snapshot of another consumer; INVALID_STATE without a `group.id`, or before open;
    /// KAFKA for what Kafka refuses, after which some partitions may have been committed; TIMEOUT; CLOSED.
    void commit(const Snapshot &snapshot, Timeout timeout) const
    {
        detail::call(karrow_consumer_commit, get(), snapshot.get(), timeout.number());
    }

    /// Gives up the rows of a partition before `before_row`: the next cycle does not show them any more. Their memory is
    /// freed piece by piece, once more than half of a piece has been given up and no snapshot or export holds it. For
    /// append tables that live for months; row numbers go on.
    ///
    /// Throws INVALID_STATE for other types of tables, which forget by themselves, or before open; OUT_OF_RANGE for a
    /// row that has not been published; NOT_FOUND for a partition that is not read; CLOSED.
    void discard(std::int32_t partition, std::int64_t before_row) const
    {
        detail::call(karrow_consumer_discard, get(), partition, before_row);
    }

    /// The columns of every partition.
    Schema schema() const
    {
        Schema schema;
        detail::call(karrow_consumer_schema, get(), schema.get());
        return schema;
    }

    /// Lets a failed partition go on: at the record it stopped at (Partition::next_offset), which is then tried again,
    /// or behind it (`next_offset() + 1`). The next cycles show what comes of it.
    ///
    /// Throws INVALID_STATE if the last published cycle does not show the partition as failed; INVALID_ARGUMENT for an
    /// offset whose rows are in the table already; NOT_FOUND for a partition that is not read.
    void resume(std::int32_t partition, Offset offset) const
    {
        detail::call(karrow_consumer_resume, get(), partition, offset.value());
    }

    /// Ends the running open, poll or wait as interrupted, or the next one if none is running: once.
    void wakeup() const { detail::call(karrow_consumer_wakeup, get()); }

    /// Ends reading: wakes open, poll, wait and commit, waits for them, drops rows that no cycle has published, commits
    /// nothing (but what `enable.auto.commit` still owes). Afterwards these and resume and discard throw CLOSED;
    /// snapshots, progress and dead letters can still be taken. Closing again does nothing.
    ///
    /// Throws TIMEOUT if it takes longer; it then goes on by itself, and another close waits for it again.
    void close(Timeout timeout = forever) const { detail::call(karrow_consumer_close, get(), timeout.number()); }
};

/// Makes a consumer and opens it: everything that Deephaven's call of this name does. The default time-out is that of
/// the Java client for such calls. Make a Consumer yourself to open it again after an error, or to wake it up while it
/// opens.
///
/// Throws what making and opening a consumer throw.
inline Consumer consume_to_partitioned_table(const Options &options, Timeout timeout = std::chrono::seconds(60))
{
    Consumer consumer(options);
    consumer.open(timeout);
    return consumer;
}

// Embedded cluster ------------------------------------------------------------------------------------------------

/// An embedded cluster, for demos and for users' own tests: real Kafka protocol on loopback, in this process. It keeps
/// at most 5 MiB a partition, and knows no times, transactions or security.
class MockCluster : public detail::Handle<karrow_mock_cluster, karrow_mock_cluster_free> {
public:
    /// A record's time, in Kafka's unit.
    using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

    /// Starts a cluster of this many brokers, numbered from 1.
    ///
    /// Throws INVALID_ARGUMENT for fewer than 1.
    explicit MockCluster(std::int32_t brokers = 1)
        : Handle(detail::output_of<karrow_mock_cluster *>(karrow_mock_cluster_new, brokers))
    {
    }

    /// What to set `bootstrap.servers` to.
    std::string bootstrap_servers() const { return detail::text_of(karrow_mock_cluster_bootstrap_servers(get())); }

    /// Creates a topic, replicated on up to three brokers.
    ///
    /// Throws INVALID_ARGUMENT for a topic that exists already, or fewer than 1 partition.
    void create_topic(const std::string &topic, std::int32_t partitions) const
    {
        detail::call(karrow_mock_cluster_create_topic, get(), detail::c_text(topic, "topic"), partitions);
    }

    /// Produces one record, waits until it is in the log, and returns its offset. Without a key or a value that side is
    /// Kafka's null. The default time stands for now.
    ///
    /// Throws NOT_FOUND for a partition that does not exist; INVALID_ARGUMENT; KAFKA for what the cluster refuses;
    /// TIMEOUT after a minute.
    Offset produce(const std::string &topic, std::int32_t partition, std::optional<std::string_view> key,
                   std::optional<std::string_view> value, Time time = {}) const
    {
        return Offset(detail::output_of<std::int64_t>(
            karrow_mock_cluster_produce, get(), detail::c_text(topic, "topic"), partition, data_of(key), size_of(key),
            data_of(value), size_of(value), time.time_since_epoch().count()));
    }

    /// Kafka's null is `std::nullopt`: a null pointer would be taken for the beginning of a text.
    template <class Null, class = std::enable_if_t<std::is_null_pointer_v<Null>>>
    void produce(const std::string &, std::int32_t, Null, std::optional<std::string_view>, Time = {}) const = delete;
    template <class Null, class = std::enable_if_t<std::is_null_pointer_v<Null>>>
    void produce(const std::string &, std::int32_t, std::optional<std::string_view>, Null, Time = {}) const = delete;

    /// Produces the records of a JSON array, and waits until all are in the log: what a test produces can so be data. A
    /// record is an object with any of `partition`, `key`, `value`, `timestamp_ms` and `headers`, or only a value;
    /// karrow.h says how each is written. Nothing is produced unless all records are well formed and their partitions
    /// exist.
    ///
    /// Throws INVALID_ARGUMENT naming the place, as in `[3].headers[0]`; otherwise as produce.
    void produce_records(const std::string &topic, const std::string &records) const
    {
        detail::call(karrow_mock_cluster_produce_records, get(), detail::c_text(topic, "topic"),
                     detail::c_text(records, "records"));
    }

    /// Lets the next requests of one kind fail, with these errors in turn. Kinds and errors are the Kafka protocol's
    /// numbers: 0 Produce, 1 Fetch, 2 ListOffsets, 3 Metadata, 9 OffsetFetch, 10 FindCoordinator.
    ///
    /// Throws INVALID_ARGUMENT for others; the message lists them.
    void push_errors(std::int16_t request, const std::vector<std::int32_t> &errors) const
    {
        detail::call(karrow_mock_cluster_push_errors, get(), request, errors.data(), errors.size());
    }

    /// Lets a broker vanish, or come back.
    ///
    /// Throws INVALID_ARGUMENT for a broker that does not exist.
    void set_broker_up(std::int32_t broker, bool up) const
    {
        detail::call(karrow_mock_cluster_set_broker_up, get(), broker, up);
    }

    /// Moves a partition to another leader.
    ///
    /// Throws INVALID_ARGUMENT for a broker that does not exist; KAFKA for a partition that does not.
    void set_leader(const std::string &topic, std::int32_t partition, std::int32_t broker) const
    {
        detail::call(karrow_mock_cluster_set_leader, get(), detail::c_text(topic, "topic"), partition, broker);
    }

    /// Lets a broker take this long for every answer.
    ///
    /// Throws INVALID_ARGUMENT for a broker that does not exist, or a negative time.
    void set_delay(std::int32_t broker, std::chrono::milliseconds delay) const
    {
        detail::call(karrow_mock_cluster_set_delay, get(), broker, delay.count());
    }

private:
    static const std::uint8_t *data_of(std::optional<std::string_view> bytes) noexcept
    {
        return bytes ? reinterpret_cast<const std::uint8_t *>(bytes->data()) : nullptr;
    }

    static std::int64_t size_of(std::optional<std::string_view> bytes) noexcept
    {
        return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
    }
};

} // namespace karrow

#endif /* KARROW_KARROW_HPP */
