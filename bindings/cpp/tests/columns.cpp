// The typed reader of columns, over arrays of another producer: every type, nulls, offsets, and what is refused.

#include "support.hpp"

using namespace karrow;
using support::array_of;
using support::batch_of;
using support::bytes_of;
using support::expect_error;
using support::Field;
using support::schema_of;

// Values ----------------------------------------------------------------------------------------------------------

namespace {

/// Expects a column to be read as these values.
template <class Type>
void expect_values(const Field &field, std::vector<std::optional<Type>> expected, std::int64_t offset = 0)
{
    const Batch batch = batch_of({field}, static_cast<std::int64_t>(expected.size()), offset);
    const Column<Type> column = batch.column<Type>(field.name);
    EXPECT_EQ(batch.rows(), static_cast<std::int64_t>(expected.size()));
    ASSERT_EQ(column.size(), batch.rows());
    for (std::int64_t row = 0; row < column.size(); ++row) {
        const std::optional<Type> &value = expected[static_cast<std::size_t>(row)];
        EXPECT_EQ(column[row], value) << field.format << " row " << row;
        EXPECT_EQ(column.is_null(row), !value) << field.format << " row " << row;
        if (value) {
            EXPECT_EQ(column.value(row), *value) << field.format << " row " << row;
        }
    }
}

/// The smallest and the largest number, and 42, of which the second is null.
template <class Number>
void expect_numbers(const std::string &format)
{
    using Limits = std::numeric_limits<Number>;
    const Number lowest = Limits::lowest(), one(1), most = Limits::max(), number(42);
    const std::vector<std::uint8_t> values = bytes_of<Number>({lowest, one, most, number});
    expect_values<Number>({"N", format, {values}}, {lowest, one, most, number});
    expect_values<Number>({"N", format, {values}, {0b1101}, 1}, {lowest, std::nullopt, most, number});
}

} // namespace

TEST(Columns, OfNumbersHoldTheWholeRange)
{
    expect_numbers<std::int8_t>("c");
    expect_numbers<std::uint8_t>("C");
    expect_numbers<std::int16_t>("s");
    expect_numbers<std::uint16_t>("S");
    expect_numbers<std::int32_t>("i");
    expect_numbers<std::uint32_t>("I");
    expect_numbers<std::int64_t>("l");
    expect_numbers<std::uint64_t>("L");
    expect_numbers<float>("f");
    expect_numbers<double>("g");
}

TEST(Columns, OfBoolAreOneBitEach)
{
    // Nine rows, so that a second byte is needed.
    expect_values<bool>({"B", "b", {{0b01000101, 0b1}}, {0b11011111, 0b1}, 1},
                        {true, false, true, false, false, std::nullopt, true, false, true});
}

TEST(Columns, OfTextTellEmptyFromNull)
{
    const Field field{"T", "u", {bytes_of<std::int32_t>({0, 2, 2, 2, 8}), bytes_of("abzw\xc3\xb6lf")}, {0b1011}, 1};
    expect_values<std::string_view>(field, {"ab", "", std::nullopt, "zw\xc3\xb6lf"});
}

TEST(Columns, OfTextWithoutAnyBytesNeedNoBufferForThem)
{
    expect_values<std::string_view>({"T", "u", {bytes_of<std::int32_t>({0, 0, 0}), {}}, {0b01}, 1}, {"", std::nullopt});
}

TEST(Columns, OfBinaryHoldAnyBytes)
{
    const Batch batch = batch_of(
        {{"B", "z", {bytes_of<std::int32_t>({0, 2, 2, 5}), {0xff, 0x00, 1, 2, 3}}, {0b101}, 1}}, 3);
    const Column<Bytes> column = batch.column<Bytes>("B");
    ASSERT_EQ(column.value(0).size(), 2U);
    EXPECT_EQ(column.value(0)[0], 0xff);
    EXPECT_EQ(column.value(0)[1], 0x00);
    EXPECT_FALSE(column[1]);
    const Bytes last = column.value(2);
    EXPECT_EQ(std::vector<std::uint8_t>(last.begin(), last.end()), (std::vector<std::uint8_t>{1, 2, 3}));
    EXPECT_EQ(last.data(), last.begin());
    EXPECT_EQ(Bytes().size(), 0U);
}

TEST(Columns, OfTimestampsWithAZoneArePointsInTime)
{
    using std::chrono::system_clock;
    using std::chrono::time_point;
    const Field nanoseconds{"T", "tsn:UTC", {bytes_of<std::int64_t>({1'500'000'000'123'456'789, 0, -1})}, {0b101}, 1};
    expect_values<Timestamp>(nanoseconds, {Timestamp(std::chrono::nanoseconds(1'500'000'000'123'456'789)), std::nullopt,
                                           Timestamp(std::chrono::nanoseconds(-1))});
    using Micro = time_point<system_clock, std::chrono::microseconds>;
    using Milli = time_point<system_clock, std::chrono::milliseconds>;
    using Second = time_point<system_clock, std::chrono::seconds>;
    const std::vector<std::uint8_t> seven = bytes_of<std::int64_t>({7});
    expect_values<Micro>({"T", "tsu:Europe/Vienna", {seven}}, {Micro(std::chrono::microseconds(7))});
    expect_values<Milli>({"T", "tsm:+01:00", {seven}}, {Milli(std::chrono::milliseconds(7))});
    expect_values<Second>({"T", "tss:UTC", {seven}}, {Second(std::chrono::seconds(7))});
}

TEST(Columns, OfTimesOfNoPlaceAreDurations)
{
    using namespace std::chrono;
    const std::vector<std::uint8_t> wide = bytes_of<std::int64_t>({-7, 7}), narrow = bytes_of<std::int32_t>({-7, 7});
    for (const char *format : {"tss:", "tDs"})
        expect_values<seconds>({"T", format, {wide}}, {seconds(-7), seconds(7)});
    for (const char *format : {"tsm:", "tDm"})
        expect_values<milliseconds>({"T", format, {wide}}, {milliseconds(-7), milliseconds(7)});
    for (const char *format : {"tsu:", "ttu", "tDu"})
        expect_values<microseconds>({"T", format, {wide}}, {microseconds(-7), microseconds(7)});
    for (const char *format : {"tsn:", "ttn", "tDn"})
        expect_values<nanoseconds>({"T", format, {wide}}, {nanoseconds(-7), nanoseconds(7)});
    using Seconds32 = duration<std::int32_t>;
    using Milliseconds32 = duration<std::int32_t, std::milli>;
    expect_values<Seconds32>({"T", "tts", {narrow}}, {Seconds32(-7), Seconds32(7)});
    expect_values<Milliseconds32>({"T", "ttm", {narrow}}, {Milliseconds32(-7), Milliseconds32(7)});
    expect_values<Days>({"D", "tdD", {narrow}}, {Days(-7), Days(7)});
}

TEST(Columns, CanBeIterated)
{
    const Batch batch = batch_of({{"N", "i", {bytes_of<std::int32_t>({1, 2, 3})}, {0b101}, 1}}, 3);
    std::vector<std::optional<std::int32_t>> values;
    for (std::optional<std::int32_t> value : batch.column<std::int32_t>("N"))
        values.push_back(value);
    EXPECT_EQ(values, (std::vector<std::optional<std::int32_t>>{1, std::nullopt, 3}));
    const Column<std::int32_t> column = batch.column<std::int32_t>("N");
    EXPECT_EQ(std::distance(column.begin(), column.end()), 3);
    EXPECT_EQ(*std::find(column.begin(), column.end(), 3), 3);
    auto iterator = column.begin();
    EXPECT_EQ(*iterator++, 1);
    EXPECT_EQ(*iterator, std::nullopt);
}

// Offsets ---------------------------------------------------------------------------------------------------------

TEST(Columns, StartWhereTheirOffsetSays)
{
    Field numbers{"N", "i", {bytes_of<std::int32_t>({9, 9, 1, 2, 3})}, {0b10111}, 1};
    numbers.offset = 2;
    expect_values<std::int32_t>(numbers, {1, std::nullopt, 3});
    // The rows' own offset comes on top.
    numbers.offset = 1;
    expect_values<std::int32_t>(numbers, {1, std::nullopt, 3}, 1);
    numbers.offset = 0;
    expect_values<std::int32_t>(numbers, {1, std::nullopt, 3}, 2);

    Field bits{"B", "b", {{0b01000000, 0b1}}, {0b10111111, 0b1}, 1};
    bits.offset = 4;
    expect_values<bool>(bits, {false, false, std::nullopt, false, true});
    bits.offset = 7;
    expect_values<bool>(bits, {true}, 1);

    Field texts{"T", "u", {bytes_of<std::int32_t>({0, 1, 3, 6}), bytes_of("abbccc")}};
    texts.offset = 1;
    expect_values<std::string_view>(texts, {"bb", "ccc"});
    expect_values<std::string_view>(texts, {"ccc"}, 1);
}

TEST(Columns, BelieveABitmapIfNobodyHasCountedTheNulls)
{
    expect_values<std::int32_t>({"N", "i", {bytes_of<std::int32_t>({1, 2})}, {0b01}, -1}, {1, std::nullopt});
    expect_values<std::int32_t>({"N", "i", {bytes_of<std::int32_t>({1, 2})}, {}, -1}, {1, 2});
}

// Batches ---------------------------------------------------------------------------------------------------------

TEST(BatchesOfRows, LetTheirColumnsLiveWhenTheyMove)
{
    Batch batch = batch_of({{"N", "i", {bytes_of<std::int32_t>({1, 2})}}}, 2);
    const Column<std::int32_t> column = batch.column<std::int32_t>("N");
    const Batch moved = std::move(batch);
    EXPECT_EQ(column[1], 2);
    EXPECT_EQ(moved.rows(), 2);
}

TEST(BatchesOfRows, AreEmptyWhenTheyHaveBeenMoved)
{
    Batch batch = batch_of({{"N", "i", {bytes_of<std::int32_t>({1, 2})}}}, 2);
    const Batch moved = std::move(batch);
    EXPECT_EQ(batch.rows(), 0);
    EXPECT_FALSE(batch.array());
    expect_error([&] { batch.column<std::int32_t>("N"); }, Status::invalid_argument, "batch: has been moved");
    expect_error([&] { batch.schema(); }, Status::invalid_argument, "batch: has been moved");
}

TEST(BatchesOfRows, ShowAndHandOnTheirStructs)
{
    support::released() = 0;
    Batch batch = batch_of({{"N", "i", {bytes_of<std::int32_t>({1, 2})}}}, 2);
    EXPECT_STREQ(batch.schema()->children[0]->name, "N");
    EXPECT_EQ(batch.array()->n_children, 1);
    ArrowArray mine;
    batch.array().move_to(&mine);
    EXPECT_EQ(batch.rows(), 0);
    mine.release(&mine);
    EXPECT_EQ(support::released(), 2);
}

TEST(BatchesOfRows, TakeOnlySchemaAndArrayOfOneTable)
{
    const std::string message = "batch: schema and array are not those of one table";
    const std::vector<Field> one = {{"N", "i", {bytes_of<std::int32_t>({1})}}};
    const std::vector<Field> two = {one[0], {"M", "i", {bytes_of<std::int32_t>({1})}}};
    expect_error([&] { Batch(schema_of(two), array_of(one, 1)); }, Status::invalid_argument, message);
    expect_error([&] { Batch(Schema(), array_of(one, 1)); }, Status::invalid_argument, message);
    expect_error([&] { Batch(schema_of(one), Array()); }, Status::invalid_argument, message);
    ArrowSchema number = support::make_schema("", "i");
    ArrowArray numbers = support::make_array(1, 0, 0, {{}, bytes_of<std::int32_t>({1})});
    expect_error([&] { Batch(Schema(&number), Array(&numbers)); }, Status::invalid_argument, message);
    ArrowArray with_nulls = support::make_array(1, 0, 1, {{0b0}});
    expect_error([&] { Batch(schema_of({}), Array(&with_nulls)); }, Status::invalid_argument, message);
}

// What is refused -------------------------------------------------------------------------------------------------

TEST(Columns, ThatAreNotThereAreNamedWithThoseThatAre)
{
    const Batch batch =
        batch_of({{"Price", "g", {bytes_of<double>({1})}}, {"Qty", "l", {bytes_of<std::int64_t>({1})}}}, 1);
    expect_error([&] { batch.column<double>("Prize"); }, Status::not_found,
                 "column Prize: there is none; there are Price, Qty");
    expect_error([&] { batch.column<double>("Pric"); }, Status::not_found,
                 "column Pric: there is none; there are Price, Qty");
}

TEST(Columns, NeedNoName)
{
    Schema schema = schema_of({{"", "i", {}}, {"N", "i", {}}});
    schema.get()->children[0]->name = nullptr;
    const std::vector<std::uint8_t> one = bytes_of<std::int32_t>({1}), two = bytes_of<std::int32_t>({2});
    const Batch batch(std::move(schema), array_of({{"", "i", {one}}, {"N", "i", {two}}}, 1));
    EXPECT_EQ(batch.column<std::int32_t>("")[0], 1);
    EXPECT_EQ(batch.column<std::int32_t>("N")[0], 2);
}

namespace {

/// Whether a column of this format is read as `Type`, and if not, the message.
template <class Type>
std::optional<std::string> refusal(const std::string &format, bool dictionary = false)
{
    Field field{"C", format, {{0}, {0}}};
    field.dictionary = dictionary;
    const Batch batch = batch_of({field}, 0);
    try {
        batch.column<Type>("C");
        return std::nullopt;
    } catch (const Error &error) {
        EXPECT_EQ(error.status(), Status::invalid_argument);
        return error.what();
    }
}

/// Expects `Type` to read columns of just these formats.
template <class Type>
void expect_reads(const std::vector<std::string> &formats)
{
    const std::vector<std::string> all = {
        "n",    "b",       "c",       "C",       "s",       "S",      "i",          "I",   "l",   "L",    "e",   "f",
        "g",    "z",       "Z",       "u",       "U",       "d:10,2", "d:40,2,256", "vu",  "vz",  "w:16", "tdD", "tdm",
        "tts",  "ttm",     "ttu",     "ttn",     "tss:",    "tsm:",   "tsu:",       "tDs", "tDm", "tDu",  "tDn", "tiM",
        "tsn:", "tss:UTC", "tsm:UTC", "tsu:UTC", "tsn:UTC", "+l",     "+s",         "+m",  "cc"};
    for (const std::string &format : all) {
        const bool reads = std::find(formats.begin(), formats.end(), format) != formats.end();
        EXPECT_EQ(!refusal<Type>(format), reads) << format << " as " << detail::ColumnType<Type>::name();
    }
    EXPECT_TRUE(refusal<Type>(formats[0], true)) << "a dictionary's indices are not its values";
}

template <class Duration>
using Point = std::chrono::time_point<std::chrono::system_clock, Duration>;

} // namespace

TEST(Columns, AreReadAsNothingButTheirOwnType)
{
    expect_reads<std::int8_t>({"c"});
    expect_reads<std::uint8_t>({"C"});
    expect_reads<std::int16_t>({"s"});
    expect_reads<std::uint16_t>({"S"});
    expect_reads<std::int32_t>({"i"});
    expect_reads<std::uint32_t>({"I"});
    expect_reads<std::int64_t>({"l"});
    expect_reads<std::uint64_t>({"L"});
    expect_reads<float>({"f"});
    expect_reads<double>({"g"});
    expect_reads<bool>({"b"});
    expect_reads<std::string_view>({"u"});
    expect_reads<Bytes>({"z"});
    expect_reads<Point<std::chrono::seconds>>({"tss:UTC"});
    expect_reads<Point<std::chrono::milliseconds>>({"tsm:UTC"});
    expect_reads<Point<std::chrono::microseconds>>({"tsu:UTC"});
    expect_reads<Timestamp>({"tsn:UTC"});
    expect_reads<std::chrono::seconds>({"tss:", "tDs"});
    expect_reads<std::chrono::milliseconds>({"tsm:", "tDm"});
    expect_reads<std::chrono::microseconds>({"tsu:", "ttu", "tDu"});
    expect_reads<std::chrono::nanoseconds>({"tsn:", "ttn", "tDn"});
    expect_reads<std::chrono::duration<std::int32_t>>({"tts"});
    expect_reads<std::chrono::duration<std::int32_t, std::milli>>({"ttm"});
    expect_reads<Days>({"tdD"});
}

TEST(Columns, OfAnotherTypeSayWhichAndWhatWasAskedFor)
{
    EXPECT_EQ(refusal<std::int64_t>("g"), "column C: is float64, which is not read as std::int64_t");
    EXPECT_EQ(refusal<double>("i"), "column C: is int32, which is not read as double");
    EXPECT_EQ(refusal<bool>("u"), "column C: is utf8, which is not read as bool");
    EXPECT_EQ(refusal<std::string_view>("z"), "column C: is binary, which is not read as std::string_view");
    EXPECT_EQ(refusal<Bytes>("b"), "column C: is bool, which is not read as karrow::Bytes");
    EXPECT_EQ(refusal<float>("tsn:UTC"), "column C: is timestamp[ns, UTC], which is not read as float");
    EXPECT_EQ(refusal<Timestamp>("tsm:UTC"),
              "column C: is timestamp[ms, UTC], which is not read as a time_point in ns");
    EXPECT_EQ(refusal<Timestamp>("tsn:"), "column C: is timestamp[ns], which is not read as a time_point in ns");
    EXPECT_EQ(refusal<std::chrono::seconds>("tts"), "column C: is time32[s], which is not read as a duration in s");
    EXPECT_EQ(refusal<std::chrono::seconds>("ttn"), "column C: is time64[ns], which is not read as a duration in s");
    EXPECT_EQ((refusal<std::chrono::duration<std::int32_t, std::milli>>("tdD")),
              "column C: is date32, which is not read as a duration in ms (std::int32_t)");
    EXPECT_EQ(refusal<Days>("+s"), "column C: is struct, which is not read as karrow::Days");
    EXPECT_EQ(refusal<double>("d:10,2"), "column C: is decimal128(10, 2), which is not read as double");
    EXPECT_EQ(refusal<double>("d:40,2,256"), "column C: is decimal256(40, 2), which is not read as double");
    EXPECT_EQ(refusal<double>("tDs"), "column C: is duration[s], which is not read as double");
    EXPECT_EQ(refusal<double>("vu"), "column C: is of Arrow format vu, which is not read as double");
    EXPECT_EQ(refusal<std::int32_t>("i", true), "column C: is a dictionary, which is not read as std::int32_t");
}
