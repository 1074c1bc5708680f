// Specs and options: every setter reaches the library, chained or not, and what is wrong is said where it is set.

#include "support.hpp"

using namespace karrow;
using namespace std::chrono_literals;
using support::cluster_with;
using support::expect_error;
using support::expect_error_with;
using support::options_of;
using support::texts_of;

namespace {

/// The columns that a consumer of these options would have.
std::vector<std::string> columns_of(const Options &options)
{
    const Schema schema = options.schema(0s);
    std::vector<std::string> columns;
    for (std::int64_t index = 0; index < schema->n_children; ++index) {
        const ArrowSchema &column = *schema->children[index];
        columns.push_back(std::string(column.name) + ":" + column.format);
    }
    return columns;
}

using Columns = std::vector<std::string>;

/// Options without the columns that every topic has, so that those of the specs are left.
Options plain_options()
{
    return Options("t")
        .set("karrow.partition.column.name", "")
        .set("karrow.offset.column.name", "")
        .set("karrow.timestamp.column.name", "")
        .key(Spec::ignore());
}

} // namespace

// Specs -----------------------------------------------------------------------------------------------------------

TEST(Specs, OfOneSideDoNotReachTheOther)
{
    EXPECT_EQ(columns_of(plain_options().value(Spec::simple("V", "int32"))), Columns{"V:i"});
    EXPECT_EQ(columns_of(plain_options().key(Spec::simple("K", "utf8")).value(Spec::ignore())), Columns{"K:u"});
    EXPECT_EQ(columns_of(plain_options().key(Spec::simple("K", "int16")).value(Spec::simple("V", "double"))),
              (Columns{"K:s", "V:g"}));
}

TEST(Specs, LeaveOpenWhatTheOptionsName)
{
    const auto options = [] {
        return plain_options().set("karrow.value.column.name", "Named").set("karrow.value.column.type", "int64");
    };
    EXPECT_EQ(columns_of(options()), Columns{"Named:l"});
    EXPECT_EQ(columns_of(options().value(Spec::from_properties())), Columns{"Named:l"});
    EXPECT_EQ(columns_of(options().value(Spec::simple(std::nullopt))), Columns{"Named:l"});
    EXPECT_EQ(columns_of(options().value(Spec::simple("V"))), Columns{"V:l"});
    EXPECT_EQ(columns_of(options().value(Spec::simple(std::nullopt, "utf8"))), Columns{"Named:u"});
}

TEST(Specs, MayServeManyOptionsAndGoBeforeThem)
{
    std::optional<Spec> spec = Spec::simple("V", "utf8");
    Options one = plain_options().value(*spec), other = plain_options().key(*spec).value(Spec::ignore());
    spec.reset();
    EXPECT_EQ(columns_of(one), Columns{"V:u"});
    EXPECT_EQ(columns_of(other), Columns{"V:u"});
}

TEST(Specs, ThatHaveBeenMovedSaySo)
{
    Spec spec = Spec::ignore();
    const Spec other = std::move(spec);
    EXPECT_EQ(spec.get(), nullptr);
    expect_error_with([&] { Options("t").value(spec); }, Status::invalid_argument, "spec: is NULL");
    expect_error_with([&] { spec.add_column("C", "utf8"); }, Status::invalid_argument, "spec: is NULL");
    spec = Spec::simple("V", "utf8");
    EXPECT_EQ(columns_of(plain_options().value(spec)), Columns{"V:u"});
}

// Chaining --------------------------------------------------------------------------------------------------------

TEST(OptionsOfATopic, ChainWithAndWithoutAName)
{
    Options options("t");
    EXPECT_EQ(&options.set("group.id", "g"), &options);
    EXPECT_EQ(&options.unset("group.id"), &options);
    EXPECT_EQ(&options.partitions({0}), &options);
    EXPECT_EQ(&options.start(0, Offset(0)), &options);
    EXPECT_EQ(&options.start(all_partitions, Offset::end()), &options);
    EXPECT_EQ(&options.start(0, std::chrono::system_clock::now()), &options);
    EXPECT_EQ(&options.start(all_partitions, std::chrono::system_clock::now()), &options);
    EXPECT_EQ(&options.stop(0, Stop::before(Offset(1))), &options);
    EXPECT_EQ(&options.stop(all_partitions, Stop::at_end()), &options);
    EXPECT_EQ(&options.key(Spec::ignore()), &options);
    EXPECT_EQ(&options.value(Spec::simple("V", "utf8")), &options);
    EXPECT_EQ(&options.table_type(TableType::blink()), &options);
    EXPECT_EQ(&options.log(Log(LogLevel::error, 1)), &options);

    const Options chained = Options("t")
                                .set("group.id", "g")
                                .unset("group.id")
                                .partitions({0})
                                .start(0, Offset(0))
                                .start(all_partitions, Offset::end())
                                .start(0, std::chrono::system_clock::now())
                                .start(all_partitions, std::chrono::system_clock::now())
                                .stop(0, Stop::before(Offset(1)))
                                .stop(all_partitions, Stop::at_end())
                                .key(Spec::ignore())
                                .value(Spec::simple("V", "utf8"))
                                .table_type(TableType::blink())
                                .log(Log(LogLevel::error, 1));
    EXPECT_EQ(columns_of(chained), columns_of(options));
}

TEST(OptionsOfATopic, AreMovedAndNotCopied)
{
    Options options = plain_options().value(Spec::simple("V", "utf8"));
    Options other = std::move(options);
    EXPECT_EQ(options.get(), nullptr);
    EXPECT_NE(other.get(), nullptr);
    EXPECT_EQ(columns_of(other), Columns{"V:u"});
    expect_error_with([&] { options.set("group.id", "g"); }, Status::invalid_argument, "options: is NULL");
    expect_error_with([&] { options.schema(0s); }, Status::invalid_argument, "options: is NULL");
    expect_error_with([&] { Consumer consumer(options); }, Status::invalid_argument, "options: is NULL");
    options = Options("t");
    options.set("group.id", "g");
}

// Properties ------------------------------------------------------------------------------------------------------

TEST(OptionsOfATopic, RefuseKeysTheyDoNotKnow)
{
    expect_error_with([] { Options("t").set("karrow.offset.colum.name", "O"); }, Status::invalid_argument,
                      "karrow.offset.column.name");
}

TEST(OptionsOfATopic, GoBackToTheDefaultOfAProperty)
{
    Options options = plain_options().set("karrow.value.column.type", "int64").set("karrow.value.column.name", "Named");
    EXPECT_EQ(columns_of(options), Columns{"Named:l"});
    options.unset("karrow.value.column.name");
    EXPECT_EQ(columns_of(options), Columns{"KafkaValue:l"});
}

TEST(OptionsOfATopic, RefuseTextsThatCCannotHold)
{
    const std::string text("a\0b", 3);
    const auto refused = [](const std::function<void()> &call, const std::string &argument) {
        expect_error(call, Status::invalid_argument, argument + ": holds a NUL character");
    };
    refused([&] { Options options(text); }, "topic");
    refused([&] { Options("t").set(text, "v"); }, "key");
    refused([&] { Options("t").set("group.id", text); }, "value");
    refused([&] { Options("t").unset(text); }, "key");
    refused([&] { Spec::simple(text, "utf8"); }, "column");
    refused([&] { Spec::simple("V", text); }, "type");
    refused([&] { Spec::json().add_column(text, "utf8"); }, "name");
    refused([&] { Spec::json().add_column("V", text); }, "type");
    refused([&] { Spec::json().map_field(text, "V"); }, "field");
    refused([&] { Spec::json().map_field("v", text); }, "column");
}

TEST(OptionsOfATopic, SaySoonWhatIsWrongWithAType)
{
    expect_error_with([] { plain_options().value(Spec::simple("V", "int128")).schema(0s); }, Status::invalid_argument,
                      "int128");
}

// Partitions and offsets ------------------------------------------------------------------------------------------

TEST(OptionsOfATopic, ReadOnlyThePartitionsThatAreAskedFor)
{
    const MockCluster cluster = cluster_with(4);
    const Consumer consumer = support::opened(options_of(cluster, "utf8").partitions({3, 1, 3}));
    std::vector<std::int32_t> ids;
    for (const Partition &partition : consumer.snapshot().partitions())
        ids.push_back(partition.id());
    EXPECT_EQ(ids, (std::vector<std::int32_t>{1, 3}));
}

TEST(OptionsOfATopic, RefusePartitionsThatCannotBe)
{
    expect_error_with([] { Options("t").partitions({}); }, Status::invalid_argument, "the list is empty");
    expect_error_with([] { Options("t").partitions({0, -4}); }, Status::invalid_argument, "-4 is not a partition");
    const std::string message =
        "partition: is negative; partitions count from 0, and karrow::all_partitions means all";
    expect_error([] { Options("t").start(-1, Offset(0)); }, Status::invalid_argument, message);
    expect_error_with([] { Options("t").start(-2, Offset(0)); }, Status::invalid_argument, "-2");
}

TEST(OptionsOfATopic, StartWhereTheyAreTold)
{
    const MockCluster cluster = cluster_with(4);
    for (std::int32_t partition = 0; partition < 4; ++partition)
        for (const char *value : {"a", "b", "c"})
            cluster.produce("t", partition, std::nullopt, value);
    const Consumer consumer = support::opened(options_of(cluster, "utf8")
                                                  .start(1, Offset::end())
                                                  .start(3, Offset::beginning())
                                                  .start(2, Offset(2))
                                                  .start(all_partitions, Offset(1)));
    const Snapshot snapshot = support::read_rows(consumer, 6);
    EXPECT_EQ(texts_of(snapshot.partition(0).batches()), (std::vector<std::string>{"b", "c"}));
    EXPECT_EQ(texts_of(snapshot.partition(1).batches()), std::vector<std::string>{});
    EXPECT_EQ(texts_of(snapshot.partition(2).batches()), std::vector<std::string>{"c"});
    EXPECT_EQ(texts_of(snapshot.partition(3).batches()), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(OptionsOfATopic, DoNotSeekUnlessTheyAreTold)
{
    const MockCluster cluster = cluster_with(1);
    cluster.produce("t", 0, std::nullopt, "before");
    const Consumer consumer = support::opened(options_of(cluster, "utf8").start(all_partitions, Offset::dont_seek()));
    cluster.produce("t", 0, std::nullopt, "after");
    EXPECT_EQ(texts_of(support::read_rows(consumer, 1).partition(0).batches()), std::vector<std::string>{"after"});
}

// Tables ----------------------------------------------------------------------------------------------------------

namespace {

/// What a table keeps of the values `a`, `b`, `c`, with a cycle for each of them.
std::vector<std::string> kept_by(TableType type)
{
    const MockCluster cluster = cluster_with(1);
    const Consumer consumer = support::opened(options_of(cluster, "utf8").table_type(type));
    Snapshot snapshot = consumer.snapshot();
    for (const char *value : {"a", "b", "c"}) {
        cluster.produce("t", 0, std::nullopt, value);
        snapshot = support::read_rows(consumer, support::rows_in(snapshot) + 1);
    }
    return texts_of(snapshot.partition(0).batches());
}

} // namespace

TEST(TableTypes, KeepWhatTheySay)
{
    EXPECT_EQ(kept_by(TableType::blink()), std::vector<std::string>{"c"});
    EXPECT_EQ(kept_by(TableType::ring(2)), (std::vector<std::string>{"b", "c"}));
    EXPECT_EQ(kept_by(TableType::append()), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(TableTypes, OfRingsHaveRoom)
{
    expect_error_with([] { Options("t").table_type(TableType::ring(0)); }, Status::invalid_argument, "capacity");
}
