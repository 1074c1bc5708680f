/*
 * Conformance cases against what comes out: the members of a case, and cells, schemas and specs as cases write them.
 */
#ifndef KARROW_CPP_TESTS_CONFORMANCE_HPP
#define KARROW_CPP_TESTS_CONFORMANCE_HPP

#include <karrow/karrow.hpp>

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>

namespace conformance {

using nlohmann::json;

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

// Cells -----------------------------------------------------------------------------------------------------------

inline constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline std::string base64(const std::uint8_t *bytes, std::size_t size)
{
    std::string text;
    for (std::size_t at = 0; at < size; at += 3) {
        std::uint32_t bits = 0;
        for (std::size_t byte = at; byte < at + 3; ++byte)
            bits = bits << 8 | (byte < size ? bytes[byte] : 0);
        for (std::size_t digit = 0; digit < 4; ++digit)
            text += at + digit > size ? '=' : base64_digits[bits >> (18 - 6 * digit) & 63];
    }
    return text;
}

inline std::string bytes_of_base64(const std::string &text)
{
    static const std::string digits = base64_digits;
    std::string bytes;
    std::uint32_t bits = 0, count = 0;
    for (const char digit : text.substr(0, text.find('='))) {
        const std::size_t value = digits.find(digit);
        if (value == std::string::npos)
            throw Mismatch("it is no base64");
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8)
            bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
    }
    return bytes;
}

inline bool is_valid(const ArrowArray &array, std::int64_t row)
{
    const auto *validity = static_cast<const std::uint8_t *>(array.buffers[0]);
    return validity == nullptr || (validity[row / 8] >> (row % 8) & 1) != 0;
}

/// A decimal as text: a little-endian number in two's complement, and how many of its digits are behind the point.
inline std::string decimal(const std::uint8_t *bytes, std::size_t size, std::size_t scale)
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

template <class Number>
Number number_at(const ArrowArray &array, std::int64_t row)
{
    Number number{};
    const auto *bytes = static_cast<const std::uint8_t *>(array.buffers[1]);
    std::memcpy(&number, bytes + static_cast<std::size_t>(row) * sizeof number, sizeof number);
    return number;
}

/// A cell of any type that is no list, struct or map, and not null.
inline json scalar_cell(const std::string &format, const ArrowArray &array, std::int64_t row)
{
    if (format == "b")
        return (static_cast<const std::uint8_t *>(array.buffers[1])[row / 8] >> (row % 8) & 1) != 0;
    if (format == "c")
        return number_at<std::int8_t>(array, row);
    if (format == "C")
        return number_at<std::uint8_t>(array, row);
    if (format == "s")
        return number_at<std::int16_t>(array, row);
    if (format == "S")
        return number_at<std::uint16_t>(array, row);
    if (format == "i" || format == "tdD" || format == "tts" || format == "ttm")
        return number_at<std::int32_t>(array, row);
    if (format == "I")
        return number_at<std::uint32_t>(array, row);
    if (format == "l" || format == "ttu" || format == "ttn" || format == "tDn"
        || format.substr(0, 2) == "ts")
        return number_at<std::int64_t>(array, row);
    if (format == "L")
        return number_at<std::uint64_t>(array, row);
    if (format == "f")
        return static_cast<double>(number_at<float>(array, row));
    if (format == "g")
        return number_at<double>(array, row);
    if (format.substr(0, 2) == "d:") {
        const Decimal type(format);
        const auto *numbers = static_cast<const std::uint8_t *>(array.buffers[1]);
        return decimal(numbers + static_cast<std::size_t>(row) * type.bits / 8, type.bits / 8, type.scale);
    }
    if (format.substr(0, 2) == "w:") {
        const std::size_t width = std::stoul(format.substr(2));
        const auto *bytes = static_cast<const std::uint8_t *>(array.buffers[1]);
        return base64(bytes + static_cast<std::size_t>(row) * width, width);
    }
    if (format != "u" && format != "z")
        throw Mismatch("there are no cells of format " + format);
    const auto *ends = static_cast<const std::int32_t *>(array.buffers[1]) + row;
    const auto *bytes = static_cast<const std::uint8_t *>(array.buffers[2]);
    const auto size = static_cast<std::size_t>(ends[1] - ends[0]);
    const std::uint8_t *start = size == 0 ? nullptr : bytes + ends[0];
    return format == "u" ? json(std::string(reinterpret_cast<const char *>(start), size)) : json(base64(start, size));
}

/// Whether a format is that of a dense union.
inline bool is_union(const std::string &format)
{
    return format.substr(0, 4) == "+ud:";
}

/// A cell of a column that holds others, or one in it, as cases have it: of a list its items, of a struct its members,
/// of a map its entries as pairs, of a union the one member that it has.
inline json nested_cell(const ArrowSchema &field, const ArrowArray &array, std::int64_t row)
{
    const std::string format = field.format;
    same("the offset of an array", array.offset, 0);
    if (row >= array.length)
        throw Mismatch("an array is shorter than what it is part of");
    if (format == "n")
        return nullptr;
    if (is_union(format)) {
        const std::int8_t chosen = static_cast<const std::int8_t *>(array.buffers[0])[row];
        const std::int32_t place = static_cast<const std::int32_t *>(array.buffers[1])[row];
        if (chosen < 0 || chosen >= field.n_children)
            throw Mismatch("a union has a child that it does not have");
        return {{field.children[chosen]->name, nested_cell(*field.children[chosen], *array.children[chosen], place)}};
    }
    if (!is_valid(array, row))
        return nullptr;
    if (field.dictionary != nullptr)
        return nested_cell(*field.dictionary, *array.dictionary, number_at<std::int32_t>(array, row));
    if (format == "+s") {
        json members = json::object();
        for (std::int64_t child = 0; child < field.n_children; ++child)
            members[field.children[child]->name] = nested_cell(*field.children[child], *array.children[child], row);
        return members;
    }
    if (format != "+l" && format != "+m")
        return scalar_cell(format, array, row);
    const auto *ends = static_cast<const std::int32_t *>(array.buffers[1]) + row;
    const ArrowSchema &item_field = *field.children[0];
    const ArrowArray &items = *array.children[0];
    json cells = json::array();
    for (std::int32_t item = ends[0]; item < ends[1]; ++item)
        if (format == "+l")
            cells.push_back(nested_cell(item_field, items, item));
        else
            cells.push_back({nested_cell(*item_field.children[0], *items.children[0], item),
                             nested_cell(*item_field.children[1], *items.children[1], item)});
    return cells;
}

template <class Type, class Show>
std::vector<json> cells_as(const karrow::Batch &batch, const std::string &name, Show show)
{
    std::vector<json> cells;
    for (const std::optional<Type> value : batch.column<Type>(name))
        cells.push_back(value ? json(show(*value)) : json(nullptr));
    return cells;
}

template <class Number>
std::vector<json> numbers_as(const karrow::Batch &batch, const std::string &name)
{
    return cells_as<Number>(batch, name, [](Number number) { return number; });
}

template <class Duration>
std::vector<json> durations_as(const karrow::Batch &batch, const std::string &name)
{
    return cells_as<Duration>(batch, name, [](Duration duration) { return duration.count(); });
}

template <class Period>
std::vector<json> timestamps_as(const karrow::Batch &batch, const std::string &name, bool zoned)
{
    using Duration = std::chrono::duration<std::int64_t, Period>;
    using Point = std::chrono::time_point<std::chrono::system_clock, Duration>;
    if (!zoned)
        return durations_as<Duration>(batch, name);
    return cells_as<Point>(batch, name, [](Point point) { return point.time_since_epoch().count(); });
}

/// All cells of a column, read in the way its type is to be read.
inline std::vector<json> cells_of(const karrow::Batch &batch, const ArrowSchema &field, const ArrowArray &array)
{
    const std::string format = field.dictionary == nullptr ? field.format : "a dictionary", name = field.name;
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
        return cells_as<karrow::Bytes>(batch, name,
                                       [](karrow::Bytes bytes) { return base64(bytes.data(), bytes.size()); });
    if (format == "tdD")
        return durations_as<karrow::Days>(batch, name);
    if (format == "tts")
        return durations_as<std::chrono::duration<std::int32_t>>(batch, name);
    if (format == "ttm")
        return durations_as<std::chrono::duration<std::int32_t, std::milli>>(batch, name);
    if (format == "ttu")
        return durations_as<std::chrono::duration<std::int64_t, std::micro>>(batch, name);
    if (format == "ttn" || format == "tDn")
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
    for (std::int64_t row = 0; row < array.length; ++row)
        cells.push_back(nested_cell(field, array, row));
    return cells;
}

/// A float as a case has it: a number, or its text, which is read as the column's type.
inline json float_cell(const json &expected, const std::string &format)
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

/// What a field is, and what is inside it.
struct Shape {
    std::string name, format;
    std::vector<Shape> inside;

    explicit Shape(const ArrowSchema &field) : name(field.name), format(field.format)
    {
        for (std::int64_t child = 0; child < field.n_children; ++child)
            inside.emplace_back(*field.children[child]);
    }

    bool operator==(const Shape &other) const
    {
        return name == other.name && format == other.format && inside == other.inside;
    }
};

/// A cell as a case has it, with its floats read as their types. What is of another kind stays as it is.
inline json expected_cell(const json &expected, const Shape &shape)
{
    const std::string &format = shape.format;
    if (format == "f" || format == "g")
        return float_cell(expected, format);
    json cell = expected;
    if (format == "+l" && cell.is_array())
        for (json &item : cell)
            item = expected_cell(item, shape.inside[0]);
    if (format == "+m" && cell.is_array())
        for (json &entry : cell)
            if (entry.is_array() && entry.size() == 2)
                for (std::size_t part : {0U, 1U})
                    entry[part] = expected_cell(entry[part], shape.inside[0].inside[part]);
    if ((format == "+s" || is_union(format)) && cell.is_object())
        for (const Shape &member : shape.inside)
            if (cell.contains(member.name))
                cell[member.name] = expected_cell(cell[member.name], member);
    return cell;
}

inline bool is_same_cell(const json &found, const json &expected)
{
    if (found.is_number_float() && expected.is_number_float()) {
        const double numbers[] = {found.get<double>(), expected.get<double>()};
        return std::memcmp(&numbers[0], &numbers[1], sizeof(double)) == 0
            || (std::isnan(numbers[0]) && std::isnan(numbers[1]));
    }
    if (found.is_array() && expected.is_array())
        return std::equal(found.begin(), found.end(), expected.begin(), expected.end(), is_same_cell);
    if (found.is_object() && expected.is_object()) {
        const auto same_member = [](const auto &mine, const auto &theirs) {
            return mine.first == theirs.first && is_same_cell(mine.second, theirs.second);
        };
        const auto &mine = found.get_ref<const json::object_t &>();
        const auto &theirs = expected.get_ref<const json::object_t &>();
        return std::equal(mine.begin(), mine.end(), theirs.begin(), theirs.end(), same_member);
    }
    return found.dump() == expected.dump();
}

/// Columns by name, with all their cells.
struct Columns {
    std::vector<Shape> shapes;
    std::map<std::string, std::vector<json>> cells;
    std::int64_t rows = 0;

    explicit Columns(const karrow::Schema &schema)
    {
        for (std::int64_t index = 0; index < schema->n_children; ++index) {
            shapes.emplace_back(*schema->children[index]);
            cells[shapes.back().name];
        }
    }

    void add(const karrow::Batch &batch)
    {
        if (!(Columns(batch.schema()).shapes == shapes))
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
            const auto has_name = [&name = name](const Shape &shape) { return shape.name == name; };
            const Shape &shape = *std::find_if(shapes.begin(), shapes.end(), has_name);
            for (std::size_t row = 0; row < std::min(column.size(), found->second.size()); ++row) {
                if (!is_same_cell(found->second[row], expected_cell(column[row], shape)))
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
        return shapes == other.shapes && rows == other.rows
            && std::equal(cells.begin(), cells.end(), other.cells.begin(), other.cells.end(), same_cells);
    }
};

/// Every row of a partition, which is the same in one piece and as a stream (rules Y7, Y8).
inline void add_rows(Columns &columns, const karrow::Snapshot &snapshot, std::int32_t id)
{
    const karrow::Partition partition = snapshot.partition(id);
    Columns streamed(snapshot.schema()), whole(snapshot.schema());
    for (const karrow::Batch &batch : partition.batches()) {
        if (batch.rows() == 0)
            throw Mismatch("a batch without rows");
        streamed.add(batch);
        columns.add(batch);
    }
    whole.add(karrow::Batch(snapshot.schema(), partition.array()));
    if (!(streamed == whole))
        throw Mismatch("the array is not what the stream is");
}

// Schemas ---------------------------------------------------------------------------------------------------------

/// The name of a type as cases have it.
inline std::string type_of(const ArrowSchema &field)
{
    const std::string format = field.format;
    if (field.dictionary != nullptr)
        return "dictionary<" + karrow::detail::type_name(format) + ", " + type_of(*field.dictionary) + ">";
    if (format.substr(0, 2) == "d:") {
        const Decimal type(format);
        return "decimal" + shown(type.bits) + "(" + shown(type.precision) + ", " + shown(type.scale) + ")";
    }
    if (format == "+l")
        return "list<" + type_of(*field.children[0]) + ">";
    if (format == "+m") {
        const ArrowSchema &entry = *field.children[0];
        return "map<" + type_of(*entry.children[0]) + ", " + type_of(*entry.children[1]) + ">";
    }
    if (format == "+s" || is_union(format)) {
        std::string members;
        for (std::int64_t child = 0; child < field.n_children; ++child)
            members += (child == 0 ? "" : ", ") + std::string(field.children[child]->name) + ": "
                + type_of(*field.children[child]);
        return karrow::detail::type_name(format) + "<" + members + ">";
    }
    return karrow::detail::type_name(format);
}

/// The metadata of a field or a schema: the C Data Interface writes counts, lengths and texts one behind the other.
inline std::map<std::string, std::string> metadata_of(const ArrowSchema &schema)
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

inline void check_fields(const json &expected, const ArrowSchema &found);

inline void check_field(const json &expected, const ArrowSchema &field)
{
    Members members(expected);
    const json children = members.take("children");
    const std::string type = children.is_null() ? type_of(field) : karrow::detail::type_name(field.format);
    same("the name of a field", std::string(field.name), members.need("name").get<std::string>());
    within(field.name, [&] {
        same("its type", type, members.need("type").get<std::string>());
        const bool nullable = (field.flags & ARROW_FLAG_NULLABLE) != 0;
        same("whether it is nullable", nullable, members.take("nullable", true));
        const auto metadata = metadata_of(field);
        for (const std::string key : {"origin", "source"})
            if (members.has(key))
                same("its " + key, metadata.at("karrow." + key), members.take(key).get<std::string>());
        const json others = members.take("metadata");
        for (const auto &[key, value] : others.items())
            same("its " + key, metadata.at(key), value.get<std::string>());
        if (!children.is_null())
            check_fields(children, field);
        members.end();
    });
}

/// Whether just these fields are inside another, or in a schema.
inline void check_fields(const json &expected, const ArrowSchema &found)
{
    same("the number of fields", found.n_children, static_cast<std::int64_t>(expected.size()));
    for (std::int64_t index = 0; index < found.n_children; ++index)
        check_field(expected[static_cast<std::size_t>(index)], *found.children[index]);
}

/// The format of a type by its name.
inline std::string format_of(const std::string &type)
{
    for (const char *format : {"b", "c", "C", "s", "S", "i", "I", "l", "L", "f", "g", "u", "z", "tdD", "tts", "ttm",
                               "ttu", "ttn", "+l", "+s", "+m"})
        if (karrow::detail::type_name(format) == type)
            return format;
    if (type == "large_utf8")
        return "U";
    if (type == "large_list")
        return "+L";
    const std::size_t comma = type.find(", ");
    const std::string behind = comma == std::string::npos ? "" : type.substr(comma + 2, type.size() - comma - 3);
    for (const char *bits : {"128", "256"})
        if (type.substr(0, 11) == std::string("decimal") + bits + "(") {
            const std::string precision = type.substr(11, comma - 11);
            return "d:" + precision + "," + behind + (std::string(bits) == "256" ? ",256" : "");
        }
    for (const char *unit : {"s", "m", "u", "n"})
        if (karrow::detail::type_name(std::string("ts") + unit + ":" + behind) == type)
            return std::string("ts") + unit + ":" + behind;
    throw Mismatch("there is no type " + type);
}

/// An Arrow schema that is made by hand: what its pointers point to, which it takes with it when it is released.
struct MadeSchema {
    std::string name, format, metadata;
    std::vector<karrow::Schema> children;
    std::vector<ArrowSchema *> pointers;

    /// Metadata as the C Data Interface writes it.
    void write_metadata(const std::map<std::string, std::string> &pairs)
    {
        const auto write_number = [this](std::size_t size) {
            const auto number = static_cast<std::int32_t>(size);
            metadata.append(reinterpret_cast<const char *>(&number), sizeof number);
        };
        write_number(pairs.size());
        for (const auto &[key, value] : pairs)
            for (const std::string &text : {key, value}) {
                write_number(text.size());
                metadata.append(text);
            }
    }
};

/// A field of an Arrow schema as cases have it.
inline karrow::Schema made_field(const json &field)
{
    auto made = std::make_unique<MadeSchema>();
    Members members(field);
    made->name = members.need("name").get<std::string>();
    made->format = format_of(members.need("type").get<std::string>());
    const bool nullable = members.take("nullable", true);
    const json metadata = members.take("metadata"), children = members.take("children");
    members.end();
    if (!metadata.is_null())
        made->write_metadata(metadata);
    for (const json &child : children)
        made->children.push_back(made_field(child));
    for (karrow::Schema &child : made->children)
        made->pointers.push_back(child.get());
    karrow::Schema schema;
    schema.get()->format = made->format.c_str();
    schema.get()->name = made->name.c_str();
    schema.get()->metadata = made->metadata.empty() ? nullptr : made->metadata.data();
    schema.get()->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
    schema.get()->n_children = static_cast<std::int64_t>(made->pointers.size());
    schema.get()->children = made->pointers.data();
    schema.get()->release = [](ArrowSchema *released) {
        delete static_cast<MadeSchema *>(released->private_data);
        released->release = nullptr;
    };
    schema.get()->private_data = made.release();
    return schema;
}

/// The Arrow schema of these columns: a struct.
inline karrow::Schema made_schema(const json &fields)
{
    return made_field({{"name", ""}, {"type", "struct"}, {"children", fields}});
}

// Specs -----------------------------------------------------------------------------------------------------------

/// An Avro schema or a description: its text, or the JSON that the text is.
inline std::string schema_text(const json &schema)
{
    return schema.is_string() ? schema.get<std::string>() : schema.dump();
}

/// A text, perhaps as its lines.
inline std::string text_of_lines(const json &lines)
{
    if (lines.is_string())
        return lines.get<std::string>();
    std::string text;
    for (const json &line : lines)
        text.append(&line == &lines.front() ? "" : "\n").append(line.get<std::string>());
    return text;
}

inline karrow::Spec protobuf_spec_of(Members &members)
{
    const json source = members.take("source"), descriptor = members.take("descriptor");
    const json message_name = members.take("message"), version = members.take("version");
    const json files = members.take("files"), settings = members.take("set"), mapping = members.take("mapping");
    const json schemas = members.take("schemas");
    const auto optional = [](const json &part) {
        return part.is_null() ? std::nullopt : std::optional<std::string>(part.get<std::string>());
    };
    const auto message = optional(message_name);
    karrow::Spec spec = karrow::Spec::ignore();
    if (!source.is_null())
        spec = karrow::Spec::protobuf_source(members.take<std::string>("file", "case.proto"), text_of_lines(source),
                                             message);
    else if (!descriptor.is_null())
        spec = karrow::Spec::protobuf_descriptor(bytes_of_base64(descriptor.at("base64")), message);
    else
        spec = karrow::Spec::protobuf_subject(members.need("subject"), optional(version).value_or("latest"), message);
    for (const auto &[name, text] : files.items())
        spec.add_file(name, text_of_lines(text));
    for (const auto &[key, value] : settings.items())
        spec.set(key, value);
    for (const json &field : mapping)
        spec.map_field(field.at(0), field.at(1));
    for (const auto &[id, writer] : schemas.items())
        spec.add_schema(std::stoi(id), text_of_lines(writer));
    return spec;
}

inline karrow::Spec spec_of(const json &text)
{
    Members members(text);
    const auto kind = members.need("spec").get<std::string>();
    karrow::Spec spec = karrow::Spec::ignore();
    if (kind == "from_properties") {
        spec = karrow::Spec::from_properties();
    } else if (kind == "simple") {
        const json column = members.take("column"), type = members.take("type");
        const auto optional = [](const json &part) {
            return part.is_null() ? std::nullopt : std::optional<std::string>(part.get<std::string>());
        };
        spec = karrow::Spec::simple(optional(column), optional(type));
    } else if (kind == "json") {
        const json fields = members.take("fields"), columns = members.take("columns");
        const json mapping = members.take("mapping");
        spec = fields.is_null() ? karrow::Spec::json() : karrow::Spec::json_columns(made_schema(fields));
        for (const json &column : columns)
            spec.add_column(column.at(0), column.at(1));
        for (const json &field : mapping)
            spec.map_field(field.at(0), field.at(1));
    } else if (kind == "object_processor") {
        spec = karrow::Spec::object_processor(schema_text(members.need("description")));
    } else if (kind == "avro") {
        const json schema = members.take("schema"), version = members.take("version"), settings = members.take("set");
        const json mapping = members.take("mapping"), schemas = members.take("schemas");
        if (!schema.is_null())
            spec = karrow::Spec::avro_schema(schema_text(schema));
        else if (version.is_null())
            spec = karrow::Spec::avro_subject(members.need("subject"));
        else
            spec = karrow::Spec::avro_subject(members.need("subject"), version);
        for (const auto &[key, value] : settings.items())
            spec.set(key, value);
        for (const json &field : mapping)
            spec.map_field(field.at(0), field.at(1));
        for (const auto &[id, writer] : schemas.items())
            spec.add_schema(std::stoi(id), schema_text(writer));
    } else if (kind == "protobuf") {
        spec = protobuf_spec_of(members);
    } else if (kind != "ignore") {
        throw Mismatch("there is no spec " + kind);
    }
    members.end();
    return spec;
}

} // namespace conformance

#endif
