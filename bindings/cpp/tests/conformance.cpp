// The conformance cases (tests/conformance) through the library, on the embedded cluster: a test for each case. What a
// case says that is not understood here is an error, never passed over.

#include "support.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

using namespace karrow;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// A case that cannot be understood, or that comes out otherwise.
struct Mismatch : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class Value>
std::string shown(const Value &value)
{
    std::ostringstream text;
    text << value;
    return text.str();
}

template <class Found, class Expected>
void same(const std::string &what, const Found &found, const Expected &expected)
{
    if (!(found == expected))
        throw Mismatch(what + " is " + shown(found) + ", not " + shown(expected));
}

/// Does a part of something, and says which part if it fails.
template <class Part>
void within(const std::string &place, Part part)
{
    try {
        part();
    } catch (const std::exception &failure) {
        throw Mismatch(place + ": " + failure.what());
    }
}

// Cases -----------------------------------------------------------------------------------------------------------

/// The members of an object, to be taken one by one; `end` throws if one is left over.
class Members {
public:
    explicit Members(const json &object) : left_(object)
    {
        if (!object.is_object())
            throw Mismatch("expected an object, found " + object.dump());
    }

    bool has(const std::string &name) const { return left_.contains(name); }

    /// A member, or null if it is missing.
    json take(const std::string &name)
    {
        if (!has(name))
            return nullptr;
        json member = std::move(left_.at(name));
        left_.erase(name);
        return member;
    }

    json need(const std::string &name)
    {
        if (!has(name))
            throw Mismatch(name + " is missing");
        return take(name);
    }

    template <class Value>
    Value take(const std::string &name, Value otherwise)
    {
        return has(name) ? take(name).get<Value>() : otherwise;
    }

    void end() const
    {
        if (!left_.empty())
            throw Mismatch(left_.begin().key() + " is not known here");
    }

private:
    json left_;
};

struct Case {
    std::string name;
    json text;
};

void PrintTo(const Case &printed, std::ostream *out)
{
    *out << printed.name;
}

std::vector<Case> cases_for_the_embedded_cluster()
{
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(KARROW_CONFORMANCE_CASES))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<Case> cases;
    for (const std::filesystem::path &file : files)
        for (json &text : json::parse(std::ifstream(file)))
            if (text.value("needs", "") != "broker")
                cases.push_back({text.at("name"), std::move(text)});
    return cases;
}

// Cells -----------------------------------------------------------------------------------------------------------

std::string base64(const std::uint8_t *bytes, std::size_t size)
{
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < size; at += 3) {
        std::uint32_t bits = 0;
        for (std::size_t byte = at; byte < at + 3; ++byte)
            bits = bits << 8 | (byte < size ? bytes[byte] : 0);
        for (std::size_t digit = 0; digit < 4; ++digit)
            text += at + digit > size ? '=' : digits[bits >> (18 - 6 * digit) & 63];
    }
    return text;
}

bool is_valid(const ArrowArray &array, std::int64_t row)
{
    const auto *validity = static_cast<const std::uint8_t *>(array.buffers[0]);
    return validity == nullptr || (validity[row / 8] >> (row % 8) & 1) != 0;
}

/// A decimal as text: a little-endian number in two's complement, and how many of its digits are behind the point.
std::string decimal(const std::uint8_t *bytes, std::size_t size, std::size_t scale)
{
    std::vector<std::uint32_t> number(size / 4);
    std::memcpy(number.data(), bytes, size);
    const bool negative = number.back() >> 31 != 0;
    std::uint64_t carry = 1;
    for (std::uint32_t &limb : number) {
        if (!negative)
            break;
        carry += ~limb;
        limb = static_cast<std::uint32_t>(carry);
        carry >>= 32;
    }
    std::string digits;
    while (std::any_of(number.begin(), number.end(), [](std::uint32_t limb) { return limb != 0; })) {
        std::uint64_t rest = 0;
        for (auto limb = number.rbegin(); limb != number.rend(); ++limb) {
            rest = rest << 32 | *limb;
            *limb = static_cast<std::uint32_t>(rest / 10);
            rest %= 10;
        }
        digits.insert(digits.begin(), static_cast<char>('0' + rest));
    }
    if (digits.size() <= scale)
        digits.insert(0, scale + 1 - digits.size(), '0');
    if (scale > 0)
        digits.insert(digits.size() - scale, ".");
    return (negative ? "-" : "") + digits;
}

/// Precision, scale and bits of a decimal's format, `d:10,2` or `d:50,5,256`.
struct Decimal {
    std::size_t precision = 0, scale = 0, bits = 128;

    explicit Decimal(const std::string &format)
    {
        char comma = 0;
        std::istringstream numbers(format.substr(2));
        numbers >> precision >> comma >> scale >> comma >> bits;
    }
};

/// A text, bytes, or a list or struct of them, in the way that cases have it.
json nested_cell(const ArrowSchema &field, const ArrowArray &array, std::int64_t row)
{
    const std::string format = field.format;
    same("the offset of an array", array.offset, 0);
    if (!is_valid(array, row))
        return nullptr;
    if (format == "+s") {
        json members = json::object();
        for (std::int64_t child = 0; child < field.n_children; ++child)
            members[field.children[child]->name] = nested_cell(*field.children[child], *array.children[child], row);
        return members;
    }
    const auto *ends = static_cast<const std::int32_t *>(array.buffers[1]) + row;
    if (format == "+l") {
        json items = json::array();
        for (std::int32_t item = ends[0]; item < ends[1]; ++item)
            items.push_back(nested_cell(*field.children[0], *array.children[0], item));
        return items;
    }
    if (format != "u" && format != "z")
        throw Mismatch("there are no cells of format " + format);
    const auto *bytes = static_cast<const std::uint8_t *>(array.buffers[2]);
    const auto size = static_cast<std::size_t>(ends[1] - ends[0]);
    const std::uint8_t *start = size == 0 ? nullptr : bytes + ends[0];
    return format == "u" ? json(std::string(reinterpret_cast<const char *>(start), size)) : json(base64(start, size));
}

template <class Type, class Show>
std::vector<json> cells_as(const Batch &batch, const std::string &name, Show show)
{
    std::vector<json> cells;
    for (const std::optional<Type> value : batch.column<Type>(name))
        cells.push_back(value ? json(show(*value)) : json(nullptr));
    return cells;
}

template <class Number>
std::vector<json> numbers_as(const Batch &batch, const std::string &name)
{
    return cells_as<Number>(batch, name, [](Number number) { return number; });
}

template <class Duration>
std::vector<json> durations_as(const Batch &batch, const std::string &name)
{
    return cells_as<Duration>(batch, name, [](Duration duration) { return duration.count(); });
}

template <class Period>
std::vector<json> timestamps_as(const Batch &batch, const std::string &name, bool zoned)
{
    using Duration = std::chrono::duration<std::int64_t, Period>;
    using Point = std::chrono::time_point<std::chrono::system_clock, Duration>;
    if (!zoned)
        return durations_as<Duration>(batch, name);
    return cells_as<Point>(batch, name, [](Point point) { return point.time_since_epoch().count(); });
}

/// All cells of a column, read in the way its type is to be read.
std::vector<json> cells_of(const Batch &batch, const ArrowSchema &field, const ArrowArray &array)
{
    const std::string format = field.format, name = field.name;
    if (format == "b")
        return numbers_as<bool>(batch, name);
    if (format == "c")
        return numbers_as<std::int8_t>(batch, name);
    if (format == "C")
        return numbers_as<std::uint8_t>(batch, name);
    if (format == "s")
        return numbers_as<std::int16_t>(batch, name);
    if (format == "S")
        return numbers_as<std::uint16_t>(batch, name);
    if (format == "i")
        return numbers_as<std::int32_t>(batch, name);
    if (format == "I")
        return numbers_as<std::uint32_t>(batch, name);
    if (format == "l")
        return numbers_as<std::int64_t>(batch, name);
    if (format == "L")
        return numbers_as<std::uint64_t>(batch, name);
    if (format == "f")
        return cells_as<float>(batch, name, [](float number) { return static_cast<double>(number); });
    if (format == "g")
        return numbers_as<double>(batch, name);
    if (format == "u")
        return cells_as<std::string_view>(batch, name, [](std::string_view text) { return std::string(text); });
    if (format == "z")
        return cells_as<Bytes>(batch, name, [](Bytes bytes) { return base64(bytes.data(), bytes.size()); });
    if (format == "tdD")
        return durations_as<Days>(batch, name);
    if (format == "tts")
        return durations_as<std::chrono::duration<std::int32_t>>(batch, name);
    if (format == "ttm")
        return durations_as<std::chrono::duration<std::int32_t, std::milli>>(batch, name);
    if (format == "ttu")
        return durations_as<std::chrono::duration<std::int64_t, std::micro>>(batch, name);
    if (format == "ttn")
        return durations_as<std::chrono::duration<std::int64_t, std::nano>>(batch, name);
    const bool zoned = format.size() > 4;
    if (format.substr(0, 4) == "tss:")
        return timestamps_as<std::ratio<1>>(batch, name, zoned);
    if (format.substr(0, 4) == "tsm:")
        return timestamps_as<std::milli>(batch, name, zoned);
    if (format.substr(0, 4) == "tsu:")
        return timestamps_as<std::micro>(batch, name, zoned);
    if (format.substr(0, 4) == "tsn:")
        return timestamps_as<std::nano>(batch, name, zoned);
    std::vector<json> cells;
    for (std::int64_t row = 0; row < array.length; ++row) {
        if (format.substr(0, 2) != "d:") {
            cells.push_back(nested_cell(field, array, row));
            continue;
        }
        const Decimal type(format);
        const auto *numbers = static_cast<const std::uint8_t *>(array.buffers[1]);
        const std::uint8_t *number = numbers + static_cast<std::size_t>(row) * type.bits / 8;
        cells.push_back(is_valid(array, row) ? json(decimal(number, type.bits / 8, type.scale)) : json(nullptr));
    }
    return cells;
}

/// A float as a case has it: a number, or its text, which is read as the column's type.
json float_cell(const json &expected, const std::string &format)
{
    if (!expected.is_string())
        return expected.is_null() ? expected : json(expected.get<double>());
    const auto text = expected.get<std::string>();
    char *end = nullptr;
    const double number = format == "f" ? std::strtof(text.c_str(), &end) : std::strtod(text.c_str(), &end);
    if (*end != '\0' || text.empty())
        throw Mismatch(text + " is not the text of a float");
    return number;
}

bool is_same_cell(const json &found, const json &expected)
{
    if (!found.is_number_float() || !expected.is_number_float())
        return found.dump() == expected.dump();
    const double numbers[] = {found.get<double>(), expected.get<double>()};
    return std::memcmp(&numbers[0], &numbers[1], sizeof(double)) == 0
        || (std::isnan(numbers[0]) && std::isnan(numbers[1]));
}

/// Columns by name, with all their cells.
struct Columns {
    std::vector<std::string> names;
    std::map<std::string, std::string> formats;
    std::map<std::string, std::vector<json>> cells;
    std::int64_t rows = 0;

    explicit Columns(const Schema &schema)
    {
        for (std::int64_t index = 0; index < schema->n_children; ++index) {
            names.emplace_back(schema->children[index]->name);
            formats[names.back()] = schema->children[index]->format;
            cells[names.back()];
        }
    }

    void add(const Batch &batch)
    {
        const Columns here(batch.schema());
        if (here.names != names || here.formats != formats)
            throw Mismatch("a batch has other columns");
        rows += batch.rows();
        for (std::int64_t index = 0; index < batch.schema()->n_children; ++index) {
            const ArrowSchema &field = *batch.schema()->children[index];
            std::vector<json> read = cells_of(batch, field, *batch.array()->children[index]);
            same("the rows of a column", static_cast<std::int64_t>(read.size()), batch.rows());
            std::move(read.begin(), read.end(), std::back_inserter(cells[field.name]));
        }
    }

    void check(const json &expected) const
    {
        for (const auto &[name, column] : expected.items()) {
            const auto found = cells.find(name);
            if (found == cells.end())
                throw Mismatch("there is no column " + name);
            const std::string format = formats.at(name);
            for (std::size_t row = 0; row < std::min(column.size(), found->second.size()); ++row) {
                const bool is_float = format == "f" || format == "g";
                const json cell = is_float ? float_cell(column[row], format) : column[row];
                if (!is_same_cell(found->second[row], cell))
                    throw Mismatch(name + ", row " + shown(row) + ": " + found->second[row].dump() + ", not "
                                   + column[row].dump());
            }
            same("the number of rows of " + name, found->second.size(), column.size());
        }
    }

    bool operator==(const Columns &other) const
    {
        const auto same_cells = [](const auto &mine, const auto &theirs) {
            return mine.first == theirs.first
                && std::equal(mine.second.begin(), mine.second.end(), theirs.second.begin(), theirs.second.end(),
                              is_same_cell);
        };
        return names == other.names && rows == other.rows
            && std::equal(cells.begin(), cells.end(), other.cells.begin(), other.cells.end(), same_cells);
    }
};

/// Every row of a partition, which is the same in one piece and as a stream (rules Y7, Y8).
void add_rows(Columns &columns, const Snapshot &snapshot, std::int32_t id)
{
    const Partition partition = snapshot.partition(id);
    Columns streamed(snapshot.schema()), whole(snapshot.schema());
    for (const Batch &batch : partition.batches()) {
        if (batch.rows() == 0)
            throw Mismatch("a batch without rows");
        streamed.add(batch);
        columns.add(batch);
    }
    whole.add(Batch(snapshot.schema(), partition.array()));
    if (!(streamed == whole))
        throw Mismatch("the array is not what the stream is");
}

// Schemas ---------------------------------------------------------------------------------------------------------

/// The name of a type as cases have it.
std::string type_of(const ArrowSchema &field)
{
    const std::string format = field.format;
    if (format.substr(0, 2) == "d:") {
        const Decimal type(format);
        return "decimal" + shown(type.bits) + "(" + shown(type.precision) + ", " + shown(type.scale) + ")";
    }
    if (format == "+l")
        return "list<" + type_of(*field.children[0]) + ">";
    if (format == "+s") {
        std::string members;
        for (std::int64_t child = 0; child < field.n_children; ++child)
            members += (child == 0 ? "" : ", ") + std::string(field.children[child]->name) + ": "
                + type_of(*field.children[child]);
        return "struct<" + members + ">";
    }
    return detail::type_name(format);
}

/// The metadata of a field or a schema: the C Data Interface writes counts, lengths and texts one behind the other.
std::map<std::string, std::string> metadata_of(const ArrowSchema &schema)
{
    std::map<std::string, std::string> metadata;
    const char *at = schema.metadata;
    const auto number = [&at] {
        std::int32_t value = 0;
        std::memcpy(&value, at, sizeof value);
        at += sizeof value;
        return value;
    };
    const auto text = [&at, &number] {
        const std::int32_t size = number();
        std::string value(at, static_cast<std::size_t>(size));
        at += size;
        return value;
    };
    for (std::int32_t left = at == nullptr ? 0 : number(); left > 0; --left) {
        std::string key = text();
        metadata[key] = text();
    }
    return metadata;
}

void check_schema(const json &expected, const Schema &schema)
{
    same("the number of columns", schema->n_children, static_cast<std::int64_t>(expected.size()));
    for (std::int64_t index = 0; index < schema->n_children; ++index) {
        const ArrowSchema &field = *schema->children[index];
        Members members(expected[static_cast<std::size_t>(index)]);
        same("the name of a column", std::string(field.name), members.need("name").get<std::string>());
        within(field.name, [&] {
            same("its type", type_of(field), members.need("type").get<std::string>());
            const bool nullable = (field.flags & ARROW_FLAG_NULLABLE) != 0;
            same("whether it is nullable", nullable, members.take("nullable", true));
            const auto metadata = metadata_of(field);
            for (const std::string key : {"origin", "source"})
                if (members.has(key))
                    same("its " + key, metadata.at("karrow." + key), members.take(key).get<std::string>());
            members.end();
        });
    }
}

// Errors ----------------------------------------------------------------------------------------------------------

void check_text(const std::string &what, const std::string &found, json expected, const std::string &topic)
{
    const bool whole = expected.is_string();
    if (!whole) {
        Members members(expected);
        expected = members.need("contains");
        members.end();
    }
    auto text = expected.get<std::string>();
    static const std::string placeholder = "{topic}";
    for (std::size_t at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder))
        text.replace(at, placeholder.size(), topic);
    if (whole)
        same(what, found, text);
    else if (found.find(text) == std::string::npos)
        throw Mismatch(what + " is " + found + ", which does not contain " + text);
}

void check_error(const Error &error, Members expected, const std::string &topic)
{
    same("the status", status_name(error.status()), expected.need("status").get<std::string>());
    check_text("the message", error.what(), expected.need("message"), topic);
    for (const std::string key : {"column", "side", "reason", "argument"})
        if (expected.has(key))
            same(key, error.detail(key).value_or("(none)"), expected.take(key).get<std::string>());
    expected.end();
}

template <class Call>
void check_failing(const json &expected, const std::string &topic, Call call)
{
    try {
        call();
    } catch (const Error &error) {
        check_error(error, Members(expected), topic);
        return;
    }
    throw Mismatch("should have failed");
}

// Running ---------------------------------------------------------------------------------------------------------

/// One cluster for all cases; their names tell topics apart.
const MockCluster &cluster()
{
    static const MockCluster cluster;
    return cluster;
}

Spec spec_of(const json &text)
{
    Members members(text);
    const auto kind = members.need("spec").get<std::string>();
    Spec spec = Spec::ignore();
    if (kind == "from_properties") {
        spec = Spec::from_properties();
    } else if (kind == "simple") {
        const json column = members.take("column"), type = members.take("type");
        const auto optional = [](const json &part) {
            return part.is_null() ? std::nullopt : std::optional<std::string>(part.get<std::string>());
        };
        spec = Spec::simple(optional(column), optional(type));
    } else if (kind == "json") {
        spec = Spec::json();
        const json columns = members.need("columns"), mapping = members.take("mapping");
        for (const json &column : columns)
            spec.add_column(column.at(0), column.at(1));
        for (const json &field : mapping)
            spec.map_field(field.at(0), field.at(1));
    } else if (kind != "ignore") {
        throw Mismatch("there is no spec " + kind);
    }
    members.end();
    return spec;
}

/// What no Offset can be goes to the library as it is, which has to refuse it.
void set_start(Options &options, const std::string &partition, const json &start)
{
    static const std::map<std::string, std::int64_t> names = {
        {"beginning", KARROW_SEEK_TO_BEGINNING}, {"dont_seek", KARROW_DONT_SEEK}, {"end", KARROW_SEEK_TO_END}};
    const std::int64_t offset = start.is_string() ? names.at(start) : start.get<std::int64_t>();
    const std::int32_t number = partition == "all" ? KARROW_ALL_PARTITIONS : std::stoi(partition);
    if (offset < 0 && start.is_number())
        detail::call(karrow_options_set_start_offset, options.get(), number, offset);
    else {
        const Offset place = start == "beginning" ? Offset::beginning()
            : start == "dont_seek"                ? Offset::dont_seek()
            : start == "end"                      ? Offset::end()
                                                  : Offset(offset);
        partition == "all" ? options.start(all_partitions, place) : options.start(number, place);
    }
}

enum class Table { blink, append, ring };

/// A case on its way.
class RunningCase {
public:
    explicit RunningCase(const Case &text) : topic_(text.name), case_(text.text), options_(topic_)
    {
        for (const char *said_elsewhere : {"name", "rules", "needs", "topic_config"})
            case_.take(said_elsewhere);
    }

    void all()
    {
        const json error = case_.take("error"), steps = case_.take("steps"), log = case_.take("log");
        const auto partitions = case_.take<std::int32_t>("partitions", 1);
        std::string call = "spec";
        try {
            set_specs();
            call = "options";
            set_options();
            const json schema = case_.take("schema");
            case_.end();
            call = "new";
            consumer_.emplace(options_);
            if (partitions > 0)
                cluster().create_topic(topic_, partitions);
            call = "open";
            produce(log.is_null() ? json::array() : log);
            consumer_->open(60s);
            call = "the steps";
            begin(schema);
        } catch (const Error &failure) {
            if (error.is_null())
                throw Mismatch(call + " fails: " + failure.what());
            Members expected(error);
            same("the call that fails", call, expected.need("at").get<std::string>());
            check_error(failure, std::move(expected), topic_);
            return;
        }
        if (!error.is_null())
            throw Mismatch("should have failed");
        for (std::size_t index = 0; index < steps.size(); ++index)
            within("step " + shown(index), [&] { step(steps[index]); });
    }

private:
    void set_specs()
    {
        const json key = case_.take("key"), value = case_.take("value");
        options_.key(key.is_null() ? Spec::ignore() : spec_of(key));
        if (!value.is_null())
            options_.value(spec_of(value));
    }

    void set_options()
    {
        options_.set("bootstrap.servers", cluster().bootstrap_servers());
        // The embedded cluster answers a request for records that are yet to come only when its time is over.
        options_.set("fetch.wait.max.ms", "2");
        const json options = case_.take("options");
        for (const auto &[key, value] : options.items())
            value.is_null() ? options_.unset(key) : options_.set(key, value);
        if (case_.has("read_partitions"))
            options_.partitions(case_.take("read_partitions"));
        if (!case_.has("start"))
            options_.start(all_partitions, Offset::beginning());
        const json starts = case_.take("start");
        for (const auto &[partition, start] : starts.items())
            set_start(options_, partition, start);
        set_table(case_.has("table") ? case_.take("table") : json("append"));
    }

    void set_table(const json &table)
    {
        if (table == "append") {
            table_ = Table::append;
            options_.table_type(TableType::append());
        } else if (table == "blink") {
            options_.table_type(TableType::blink());
        } else if (table != "default") {
            Members members(table);
            table_ = Table::ring;
            capacity_ = members.need("ring");
            members.end();
            options_.table_type(TableType::ring(capacity_));
        }
    }

    void begin(const json &schema)
    {
        cycles_.push_back(consumer_->snapshot());
        if (schema.is_null())
            return;
        within("schema", [&] {
            const Schema found = consumer_->schema();
            check_schema(schema, found);
            same("karrow.topic", metadata_of(*found.get()).at("karrow.topic"), topic_);
        });
    }

    void step(const json &text)
    {
        Members step(text);
        if (step.has("produce"))
            produce(step.take("produce"));
        else if (step.has("poll"))
            poll(Members(step.take("poll")), step.take("error"));
        else if (step.has("expect"))
            expect(step);
        else if (step.has("rows"))
            rows(Members(step.take("rows")), step.take("error"));
        else if (step.has("merged"))
            merged(Members(step.take("merged")), step.take("error"));
        else if (step.has("refuse"))
            refuse(Members(step.take("refuse")));
        else if (step.has("resume"))
            resume(Members(step.take("resume")), step.take("error"));
        else if (step.has("view"))
            check_failing(step.need("error"), topic_, [&] { consumer_->snapshot().view(step.take("view")); });
        step.end();
    }

    void produce(const json &records)
    {
        if (records.empty())
            return;
        cluster().produce_records(topic_, records.dump());
        for (const json &record : records)
            ++produced_[partition_of(record)];
    }

    static std::int32_t partition_of(const json &record)
    {
        return record.is_object() ? record.value("partition", 0) : 0;
    }

    void poll(Members poll, const json &error)
    {
        if (!error.is_null()) {
            poll.end();
            // An end is a value of the wrapper's, without the sentence that the library has for it.
            same("the status", status_name(consumer_->poll(0s).status), error.at("status").get<std::string>());
            check_failing(error, topic_, [&] {
                detail::call(karrow_consumer_poll, consumer_->get(), 0, nullptr, nullptr, nullptr);
            });
            return;
        }
        const auto rows = poll.take<std::int64_t>("rows", 0);
        const auto failed = poll.take<std::int32_t>("failed", 0);
        poll.end();
        poll_until(rows, failed);
    }

    /// Polls until exactly so many rows have come and so many partitions are failed.
    void poll_until(std::int64_t rows, std::int32_t failed)
    {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        std::vector<Snapshot> cycles;
        Snapshot before = consumer_->snapshot();
        std::int64_t seen = 0;
        for (;;) {
            // What is expected to find nothing does not wait for it.
            Cycle cycle = consumer_->poll(rows == 0 && failed == 0 ? 0ms : 100ms);
            if (!cycle)
                throw Mismatch("poll came to " + status_name(cycle.status));
            seen += cycle.rows;
            check_cycle(before, cycle);
            before = consumer_->snapshot();
            cycles.push_back(std::move(cycle.snapshot));
            if (seen == rows && cycle.failed == failed)
                break;
            if (seen > rows || cycle.failed > failed || std::chrono::steady_clock::now() > deadline)
                throw Mismatch(shown(seen) + " rows and " + shown(cycle.failed) + " failed, not " + shown(rows) + " and "
                               + shown(failed) + failures(before));
        }
        cycles_ = std::move(cycles);
    }

    /// What holds for every cycle: rows are numbered on from the cycle before, and there are as many new ones as poll
    /// says (rules Y1, Y2, Y4).
    void check_cycle(const Snapshot &before, const Cycle &cycle) const
    {
        same("the cycle", cycle.snapshot.cycle(), before.cycle() + 1);
        std::int64_t added = 0;
        for (const Partition &now : cycle.snapshot.partitions()) {
            const std::int64_t old_end = before.partition(now.id()).end_row();
            added += now.end_row() - old_end;
            const std::int64_t first_row = table_ == Table::blink ? old_end
                : table_ == Table::append                         ? 0
                                          : std::max<std::int64_t>(0, now.end_row() - capacity_);
            same("first_row of a cycle", now.first_row(), first_row);
        }
        same("the rows of a cycle", added, cycle.rows);
    }

    static std::string failures(const Snapshot &snapshot)
    {
        std::string text;
        for (const Partition &partition : snapshot.partitions())
            if (const std::optional<Error> failure = partition.failure())
                text.append("; ").append(failure->what());
        return text;
    }

    void expect(Members &step)
    {
        // Asked anew, so that nothing is seen of what has happened since the last poll (rule Y3).
        cycles_.back() = consumer_->snapshot();
        if (step.has("partitions")) {
            json ids = json::array();
            for (const Partition &partition : cycles_.back().partitions())
                ids.push_back(partition.id());
            same("partitions", ids, step.take("partitions"));
        }
        if (step.has("cycle"))
            same("cycle", cycles_.back().cycle(), step.take("cycle").get<std::int64_t>());
        std::vector<const Snapshot *> shown_cycles;
        for (const Snapshot &cycle : cycles_)
            if (table_ == Table::blink || &cycle == &cycles_.back())
                shown_cycles.push_back(&cycle);
        std::vector<Snapshot> views;
        if (step.has("view")) {
            const json view = step.take("view");
            for (const Snapshot *cycle : shown_cycles)
                views.push_back(cycle->view(view));
            shown_cycles.clear();
            for (const Snapshot &cycle : views)
                shown_cycles.push_back(&cycle);
        }
        const json partitions = step.take("expect");
        for (const auto &[partition, expected] : partitions.items()) {
            const std::int32_t id = std::stoi(partition);
            within("[" + partition + "]", [&, &expected = expected] {
                expect_partition(id, Members(expected), shown_cycles);
            });
        }
    }

    void expect_partition(std::int32_t id, Members expected, const std::vector<const Snapshot *> &cycles) const
    {
        const Partition partition = cycles.back()->partition(id);
        Columns columns(cycles.back()->schema());
        for (const Snapshot *cycle : cycles)
            add_rows(columns, *cycle, id);
        const std::int64_t first_row = cycles.front()->partition(id).first_row();
        same("the number of rows", columns.rows, partition.end_row() - first_row);
        same("first_row", first_row, expected.take("first_row", first_row));
        same("end_row", partition.end_row(), expected.take("end_row", partition.end_row()));
        columns.check(expected.take("columns"));
        const std::int64_t next_offset = partition.next_offset().value();
        same("next_offset", next_offset, expected.take("next_offset", next_offset));
        const json failure = expected.take("failure");
        const auto state = expected.take<std::string>("state", failure.is_null() ? "reading" : "failed");
        expected.end();
        const std::optional<Error> found = partition.failure();
        same(found ? std::string("state (") + found->what() + ")" : "state", state_name(partition.state()), state);
        if (failure.is_null())
            return;
        if (!found)
            throw Mismatch("failure: there is none");
        check_error(*found, Members(failure), topic_);
        check_place(*found, id, next_offset);
    }

    static std::string state_name(PartitionState state)
    {
        return state == PartitionState::reading ? "reading" : state == PartitionState::waiting ? "waiting" : "failed";
    }

    static void check_place(const Error &failure, std::int32_t partition, std::int64_t offset)
    {
        const std::optional<Position> position = failure.position();
        if (!position)
            throw Mismatch("the failure has no place");
        same("the partition of the failure", position->partition, partition);
        same("the offset of the failure", position->offset.value(), offset);
    }

    void rows(Members rows, const json &error)
    {
        const auto id = rows.take<std::int32_t>("partition", 0);
        const auto from_row = rows.need("from_row").get<std::int64_t>();
        const auto end_row = rows.take<std::int64_t>("end_row", -1);
        const json columns = rows.take("columns");
        rows.end();
        const Snapshot snapshot = consumer_->snapshot();
        if (!error.is_null())
            return check_failing(error, topic_, [&] { snapshot.partition(id).stream(from_row, end_row); });
        check_stream(snapshot, snapshot.partition(id).stream(from_row, end_row), columns);
    }

    void merged(Members merged, const json &error)
    {
        const auto from_rows = merged.take<std::vector<std::int64_t>>("from_rows", {});
        const json columns = merged.take("columns");
        merged.end();
        const Snapshot snapshot = consumer_->snapshot();
        if (!error.is_null())
            return check_failing(error, topic_, [&] { snapshot.merged(from_rows); });
        check_stream(snapshot, snapshot.merged(from_rows), columns);
    }

    static void check_stream(const Snapshot &snapshot, Stream stream, const json &columns)
    {
        Columns found(snapshot.schema());
        for (const Batch &batch : Batches(std::move(stream)))
            found.add(batch);
        found.check(columns);
    }

    /// Produces records that have to fail their partition, one by one, and resumes past each.
    void refuse(Members refuse)
    {
        const auto column = refuse.take<std::string>("column", "");
        const auto side = refuse.take<std::string>("side", "value");
        const json reason = refuse.need("reason"), records = refuse.need("records");
        refuse.end();
        for (const json &record : records) {
            const std::int32_t partition = partition_of(record);
            const std::int64_t offset = produced_[partition];
            within("the record at offset " + shown(offset), [&] {
                produce(json::array({record}));
                poll_until(0, 1);
                const std::optional<Error> failure = cycles_.back().partition(partition).failure();
                if (!failure)
                    throw Mismatch("another partition has failed");
                check_refusal(*failure, column, side, reason);
                check_place(*failure, partition, offset);
                same("next_offset", cycles_.back().partition(partition).next_offset().value(), offset);
                consumer_->resume(partition, Offset(offset + 1));
                poll_until(0, 0);
            });
        }
    }

    void check_refusal(const Error &failure, const std::string &column, const std::string &side,
                       const json &reason) const
    {
        same("the status", status_name(failure.status()), "BAD_RECORD");
        const std::string told = failure.detail("reason").value_or("");
        check_text("the reason", told, reason, topic_);
        const std::string place = topic_ + "[" + shown(failure.position()->partition) + "]@"
            + shown(failure.position()->offset.value()) + " (" + side + ")";
        const std::string named = column.empty() ? "" : "column " + column + ": ";
        same("the message", failure.what(), named + told + ", at " + place);
        same("column", failure.detail("column").value_or(""), column);
        same("side", failure.detail("side").value_or(""), side);
        same("topic", failure.detail("topic").value_or(""), topic_);
    }

    void resume(Members resume, const json &error)
    {
        const auto partition = resume.take<std::int32_t>("partition", 0);
        const auto offset = resume.need("offset").get<std::int64_t>();
        resume.end();
        // What no Offset can be goes to the library as it is.
        const auto call = [&] { detail::call(karrow_consumer_resume, consumer_->get(), partition, offset); };
        if (error.is_null())
            consumer_->resume(partition, Offset(offset));
        else
            check_failing(error, topic_, call);
    }

    std::string topic_;
    Members case_;
    Options options_;
    std::optional<Consumer> consumer_;
    Table table_ = Table::blink;
    std::int64_t capacity_ = 0;
    /// How many records there are in each partition.
    std::map<std::int32_t, std::int64_t> produced_;
    /// The cycles of the last poll step, the newest last.
    std::vector<Snapshot> cycles_;
};

class Conformance : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(Conformance, IsAsTheCaseSays)
{
    try {
        RunningCase(GetParam()).all();
    } catch (const std::exception &failure) {
        FAIL() << failure.what();
    }
}

INSTANTIATE_TEST_SUITE_P(Cases, Conformance, testing::ValuesIn(cases_for_the_embedded_cluster()),
                         [](const auto &info) { return info.param.name; });
