// JSON specs: the page's call, columns of every type as the typed reader sees them, and what is refused when.

#include "support.hpp"

using namespace karrow;
using namespace std::chrono_literals;
using support::cluster_with;
using support::expect_error;
using support::expect_error_with;

namespace {

/// Options for values of this spec, without the columns that every topic has.
Options json_options(const MockCluster &cluster, const Spec &spec)
{
    return support::options_of(cluster, "utf8")
        .set("karrow.partition.column.name", "")
        .set("karrow.offset.column.name", "")
        .set("karrow.timestamp.column.name", "")
        .value(spec);
}

/// The rows that these documents become.
Batch rows_of(const Spec &spec, const std::vector<std::string> &documents)
{
    const MockCluster cluster = cluster_with(1);
    for (const std::string &document : documents)
        cluster.produce("t", 0, std::nullopt, document);
    const Consumer consumer = support::opened(json_options(cluster, spec));
    const Snapshot snapshot = support::read_rows(consumer, static_cast<std::int64_t>(documents.size()));
    return Batch(snapshot.schema(), snapshot.partition(0).array());
}

std::vector<std::string> names_in(const Batch &batch)
{
    std::vector<std::string> names;
    for (std::int64_t column = 0; column < batch.schema()->n_children; ++column)
        names.emplace_back(batch.schema()->children[column]->name);
    return names;
}

} // namespace

TEST(JsonSpecs, ReadOrdersAsThePageHasThem)
{
    MockCluster cluster;
    cluster.create_topic("orders", 4);
    const Consumer consumer = consume_to_partitioned_table(
        Options("orders")
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .key(Spec::ignore())
            .value(Spec::json(
                {{"Symbol", "String"}, {"Side", "String"}, {"Price", "double"}, {"Qty", "long"}, {"Tstamp", "Instant"}},
                {{"jsymbol", "Symbol"}, {"jside", "Side"}, {"jprice", "Price"}, {"jqty", "Qty"}, {"jts", "Tstamp"}}))
            .table_type(TableType::append()));
    cluster.produce("orders", 2, std::nullopt,
                    R"({"jsymbol": "KRW", "jside": "buy", "jprice": 17.25, "jqty": 300, "jts": 1500000000123456789})");
    const Snapshot snapshot = support::read_rows(consumer, 1);
    const Batch batch(snapshot.schema(), snapshot.partition(2).array());
    EXPECT_EQ(names_in(batch), (std::vector<std::string>{"KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol",
                                                         "Side", "Price", "Qty", "Tstamp"}));
    EXPECT_EQ(batch.column<std::string_view>("Symbol")[0], "KRW");
    EXPECT_EQ(batch.column<std::string_view>("Side")[0], "buy");
    EXPECT_EQ(batch.column<double>("Price")[0], 17.25);
    EXPECT_EQ(batch.column<std::int64_t>("Qty")[0], 300);
    EXPECT_EQ(batch.column<Timestamp>("Tstamp")[0], Timestamp(1'500'000'000'123'456'789ns));
}

TEST(JsonSpecs, HaveColumnsForEveryTypeOfTheReader)
{
    const std::string json = R"({"i8": -128, "i16": -32768, "i32": -2147483648, "i64": -9223372036854775808,
        "u8": 255, "u16": 65535, "u32": 4294967295, "u64": 18446744073709551615, "f32": 1.5, "f64": -2.25, "b": true,
        "s": "zw\u00f6lf", "bin": "AP8=", "d": "1970-01-08", "t32s": "00:01:00", "t32ms": "00:00:00.007",
        "t64us": "00:00:00.000007", "t64ns": "00:00:00.000000007", "local": "1970-01-01T00:00:07",
        "tss": "1970-01-01T00:00:07Z", "tsms": 1500000000007, "tsus": "1970-01-01T00:00:00.000007Z"})";
    const Batch batch = rows_of(
        Spec::json({{"i8", "int8"}, {"i16", "int16"}, {"i32", "int32"}, {"i64", "int64"}, {"u8", "uint8"},
                    {"u16", "uint16"}, {"u32", "uint32"}, {"u64", "uint64"}, {"f32", "float32"}, {"f64", "float64"},
                    {"b", "bool"}, {"s", "utf8"}, {"bin", "binary"}, {"d", "date32"}, {"t32s", "time32[s]"},
                    {"t32ms", "time32[ms]"}, {"t64us", "time64[us]"}, {"t64ns", "time64[ns]"},
                    {"local", "timestamp[s]"}, {"tss", "timestamp[s, UTC]"}, {"tsms", "timestamp[ms, UTC]"},
                    {"tsus", "timestamp[us, Europe/Vienna]"}}),
        {json, "{}"});
    EXPECT_EQ(batch.column<std::int8_t>("i8")[0], std::numeric_limits<std::int8_t>::min());
    EXPECT_EQ(batch.column<std::int16_t>("i16")[0], std::numeric_limits<std::int16_t>::min());
    EXPECT_EQ(batch.column<std::int32_t>("i32")[0], std::numeric_limits<std::int32_t>::min());
    EXPECT_EQ(batch.column<std::int64_t>("i64")[0], std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(batch.column<std::uint8_t>("u8")[0], std::numeric_limits<std::uint8_t>::max());
    EXPECT_EQ(batch.column<std::uint16_t>("u16")[0], std::numeric_limits<std::uint16_t>::max());
    EXPECT_EQ(batch.column<std::uint32_t>("u32")[0], std::numeric_limits<std::uint32_t>::max());
    EXPECT_EQ(batch.column<std::uint64_t>("u64")[0], std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(batch.column<float>("f32")[0], 1.5F);
    EXPECT_EQ(batch.column<double>("f64")[0], -2.25);
    EXPECT_EQ(batch.column<bool>("b")[0], true);
    EXPECT_EQ(batch.column<std::string_view>("s")[0], "zw\xc3\xb6lf");
    const Bytes bytes = batch.column<Bytes>("bin").value(0);
    EXPECT_EQ(std::vector<std::uint8_t>(bytes.begin(), bytes.end()), (std::vector<std::uint8_t>{0x00, 0xff}));
    EXPECT_EQ(batch.column<Days>("d")[0], Days(7));
    using Seconds32 = std::chrono::duration<std::int32_t>;
    using Milliseconds32 = std::chrono::duration<std::int32_t, std::milli>;
    EXPECT_EQ(batch.column<Seconds32>("t32s")[0], Seconds32(60));
    EXPECT_EQ(batch.column<Milliseconds32>("t32ms")[0], Milliseconds32(7));
    EXPECT_EQ(batch.column<std::chrono::microseconds>("t64us")[0], 7us);
    EXPECT_EQ(batch.column<std::chrono::nanoseconds>("t64ns")[0], 7ns);
    EXPECT_EQ(batch.column<std::chrono::seconds>("local")[0], 7s);
    using std::chrono::system_clock;
    using std::chrono::time_point;
    EXPECT_EQ((batch.column<time_point<system_clock, std::chrono::seconds>>("tss")[0]->time_since_epoch()), 7s);
    EXPECT_EQ((batch.column<time_point<system_clock, std::chrono::milliseconds>>("tsms")[0]->time_since_epoch()),
              1500000000007ms);
    EXPECT_EQ((batch.column<time_point<system_clock, std::chrono::microseconds>>("tsus")[0]->time_since_epoch()), 7us);
    // The second record has none of it.
    EXPECT_TRUE(batch.column<std::int8_t>("i8").is_null(1));
    EXPECT_TRUE(batch.column<bool>("b").is_null(1));
    EXPECT_TRUE(batch.column<std::string_view>("s").is_null(1));
    EXPECT_TRUE((batch.column<time_point<system_clock, std::chrono::seconds>>("tss").is_null(1)));
}

TEST(JsonSpecs, AreReadInStreamsThatStartInTheMiddleOfAByte)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer =
        support::opened(json_options(cluster, Spec::json({{"Odd", "bool"}, {"Third", "int64"}, {"Name", "utf8"}})));
    constexpr std::int64_t rows = 40;
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::string third = row % 3 == 0 ? "null" : std::to_string(row);
        cluster.produce("t", 0, std::nullopt,
                        R"({"Odd": )" + std::string(row % 2 == 1 ? "true" : "false") + R"(, "Third": )" + third
                            + R"(, "Name": "row )" + std::to_string(row) + R"("})");
    }
    const Snapshot snapshot = support::read_rows(consumer, rows);
    for (std::int64_t from = 0; from < rows; ++from) {
        std::int64_t row = from;
        for (const Batch &batch : snapshot.partition(0).batches(from)) {
            const auto odd = batch.column<bool>("Odd");
            const auto third = batch.column<std::int64_t>("Third");
            const auto name = batch.column<std::string_view>("Name");
            for (std::int64_t index = 0; index < batch.rows(); ++index, ++row) {
                EXPECT_EQ(odd[index], row % 2 == 1);
                EXPECT_EQ(third[index], row % 3 == 0 ? std::nullopt : std::optional<std::int64_t>(row));
                EXPECT_EQ(name[index], "row " + std::to_string(row));
            }
        }
        EXPECT_EQ(row, rows);
    }
}

TEST(JsonSpecs, GrowColumnByColumnWithAndWithoutAName)
{
    Spec spec = Spec::json();
    EXPECT_EQ(&spec.add_column("Price", "double").map_field("/quote/0/price", "Price"), &spec);
    const std::vector<std::pair<std::string, std::string>> more = {{"Symbol", "utf8"}, {"Copy", "utf8"}};
    for (const auto &[name, type] : more)
        spec.add_column(name, type);
    spec.map_field("Symbol", "Copy");
    const std::string json = R"({"Symbol": "KRW", "quote": [{"price": 17.5}]})";
    const Batch batch = rows_of(spec, {json});
    EXPECT_EQ(names_in(batch), (std::vector<std::string>{"Price", "Symbol", "Copy"}));
    EXPECT_EQ(batch.column<double>("Price")[0], 17.5);
    EXPECT_EQ(batch.column<std::string_view>("Symbol")[0], "KRW");
    EXPECT_EQ(batch.column<std::string_view>("Copy")[0], "KRW");

    const Batch same = rows_of(Spec::json()
                                   .map_field("/quote/0/price", "Price")
                                   .add_column("Price", "double")
                                   .add_column("Symbol", "utf8"),
                               {json});
    EXPECT_EQ(names_in(same), (std::vector<std::string>{"Price", "Symbol"}));
    EXPECT_EQ(same.column<double>("Price")[0], 17.5);
}

TEST(JsonSpecs, SayAtOnceWhatIsWrongWithThem)
{
    expect_error_with([] { Spec::json({{"A", "utf8"}, {"A", "utf8"}}); }, Status::invalid_argument, "A");
    expect_error_with([] { Spec::json({{"A", "int128"}}); }, Status::invalid_argument, "int128");
    expect_error_with([] { Spec::json({{"A", "utf8"}}, {{"a", "A"}, {"b", "A"}}); }, Status::invalid_argument, "A");
    expect_error_with([] { Spec::json({{"A", "utf8"}}, {{"/~7", "A"}}); }, Status::invalid_argument, "/~7");
    expect_error_with([] { Spec::ignore().add_column("A", "utf8"); }, Status::invalid_state, "json");
    expect_error_with([] { Spec::simple("A", "utf8").map_field("a", "A"); }, Status::invalid_state, "json");
}

TEST(JsonSpecs, SayWhenAConsumerIsMadeWhatIsWrongWithThemTogether)
{
    const MockCluster cluster = cluster_with(1);
    expect_error_with([&] { Consumer consumer(json_options(cluster, Spec::json({{"A", "utf8"}}, {{"b", "B"}}))); },
                      Status::invalid_argument, "B");
    expect_error_with(
        [&] {
            Consumer consumer(support::options_of(cluster, "utf8").value(Spec::json({{"KafkaOffset", "utf8"}})));
        },
        Status::invalid_argument, "KafkaOffset");
}

TEST(JsonSpecs, StopAtARecordThatDoesNotFit)
{
    const MockCluster cluster = cluster_with(2);
    cluster.produce("t", 0, std::nullopt, R"({"Price": 1})");
    cluster.produce("t", 0, std::nullopt, R"({"Price": "secret"})");
    cluster.produce("t", 0, std::nullopt, R"({"Price": 3})");
    cluster.produce("t", 1, std::nullopt, R"({"Price": 4)");
    const Consumer consumer = support::opened(json_options(cluster, Spec::json({{"Price", "double"}})));
    const Snapshot snapshot = support::read_failures(consumer, 2);
    const std::optional<Error> failure = snapshot.partition(0).failure();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->status(), Status::bad_record);
    EXPECT_EQ(failure->detail("column"), "Price");
    EXPECT_EQ(failure->detail("side"), "value");
    EXPECT_EQ(failure->detail("topic"), "t");
    ASSERT_TRUE(failure->position());
    EXPECT_EQ(failure->position()->partition, 0);
    EXPECT_EQ(failure->position()->offset, Offset(1));
    EXPECT_EQ(std::string(failure->what()).find("secret"), std::string::npos) << failure->what();
    EXPECT_EQ(snapshot.partition(0).end_row(), 1);
    ASSERT_TRUE(snapshot.partition(1).failure());
    EXPECT_EQ(snapshot.partition(1).failure()->detail("column"), std::nullopt);
    EXPECT_EQ(consumer.poll(forever).status, Status::end);

    consumer.resume(0, snapshot.partition(0).next_offset() + 1);
    const Snapshot resumed = support::read_rows(consumer, 2);
    const Batch batch(resumed.schema(), resumed.partition(0).array());
    EXPECT_EQ(batch.column<double>("Price")[0], 1);
    EXPECT_EQ(batch.column<double>("Price")[1], 3);
}

TEST(JsonSpecs, TakeTheColumnsOfAnArrowSchema)
{
    const MockCluster cluster = cluster_with(1);
    const Spec texts = Spec::json({{"Legs", "list<struct<Symbol: utf8, Qty: int64>>"}, {"Tags", "map<utf8, long[]>"}});
    const Schema columns = json_options(cluster, texts).key(Spec::ignore()).schema(0ms);
    const Batch batch = rows_of(Spec::json_columns(columns),
                                {R"({"Legs": [{"Symbol": "KRW", "Qty": 3}, null], "Tags": {"a": [1, 2], "b": []}})"});
    EXPECT_EQ(names_in(batch), (std::vector<std::string>{"Legs", "Tags"}));
    const ArrowArray &legs = *batch.array()->children[0];
    EXPECT_EQ(legs.children[0]->length, 2);
    EXPECT_EQ(legs.children[0]->null_count, 1);
    const ArrowArray &tags = *batch.array()->children[1];
    EXPECT_EQ(tags.children[0]->length, 2);
    EXPECT_EQ(tags.children[0]->children[1]->children[0]->length, 2);
    expect_error([] { Spec::json_columns(Schema{}); }, Status::invalid_argument,
                 "columns: it has been released; give a schema as arrow libraries export it");
}
