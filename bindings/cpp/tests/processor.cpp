// Object processors: descriptions that C++ makes, and what is refused when. What becomes of which value, the conformance
// cases say.

#include "support.hpp"

#include <type_traits>

using namespace karrow;
using support::expect_error;

namespace {

/// The rows that these records become.
Batch rows_of(const Spec &spec, const std::string &records, std::int64_t count)
{
    const MockCluster cluster = support::cluster_with(1);
    cluster.produce_records("t", records);
    const Consumer consumer = support::opened(support::options_of(cluster, "utf8").value(spec));
    const Snapshot snapshot = support::read_rows(consumer, count);
    return Batch(snapshot.schema(), snapshot.partition(0).array());
}

std::vector<std::string> columns_of(const Spec &spec)
{
    const Options options = Options("t").key(Spec::ignore()).value(spec);
    const Schema schema = options.schema(std::chrono::seconds(0));
    std::vector<std::string> names;
    for (std::int64_t index = 3; index < schema.get()->n_children; ++index)
        names.push_back(std::string(schema.get()->children[index]->name) + " " + schema.get()->children[index]->format);
    return names;
}

// Whether a kind has an option.
template <class Kind, class = void>
constexpr bool takes_decimals = false;
template <class Kind>
constexpr bool takes_decimals<Kind, std::void_t<decltype(std::declval<Kind>().allow_decimal())>> = true;
template <class Kind, class = void>
constexpr bool takes_text = false;
template <class Kind>
constexpr bool takes_text<Kind, std::void_t<decltype(std::declval<Kind>().allow_string())>> = true;
template <class Kind, class Constant, class = void>
constexpr bool takes_constant = false;
template <class Kind, class Constant>
constexpr bool
    takes_constant<Kind, Constant, std::void_t<decltype(std::declval<Kind>().on_null(std::declval<Constant>()))>> = true;

static_assert(takes_decimals<values::Int> && takes_decimals<values::String> && takes_decimals<values::EpochInstant>);
static_assert(!takes_decimals<values::Double> && !takes_decimals<values::Bool> && !takes_decimals<values::Instant>);
static_assert(takes_text<values::Bool> && takes_text<values::BigDecimal> && !takes_text<values::String>
              && !takes_text<values::Char> && !takes_text<values::Object>);
static_assert(takes_constant<values::Double, double> && takes_constant<values::TypedObject, const char *>);
static_assert(!takes_constant<values::Long, const char *> && !takes_constant<values::Any, double>
              && !takes_constant<values::Array, double>);

} // namespace

TEST(ObjectProcessors, ReadWhatTheirDescriptionSays)
{
    const Spec spec = Spec::object_processor(values::object({
        {"jsymbol", values::string()},
        {"jprice", values::double_().on_null(0).on_missing(-0.5)},
        {"jqty", values::long_().allow_string()},
    }));
    const Batch batch =
        rows_of(spec, R"(["{\"jsymbol\":\"AAPL\",\"jprice\":null,\"jqty\":\"7\"}", "{\"jqty\":8}", null])", 3);
    const Column<double> prices = batch.column<double>("jprice");
    EXPECT_EQ(batch.column<std::string_view>("jsymbol")[0], "AAPL");
    EXPECT_EQ(prices[0], 0);
    EXPECT_EQ(prices[1], -0.5);
    EXPECT_TRUE(prices.is_null(2));
    EXPECT_EQ(batch.column<std::int64_t>("jqty")[1], 8);
}

TEST(ObjectProcessors, HaveViewsThatReadLikeThePages)
{
    const MockCluster cluster = support::cluster_with(1);
    cluster.produce_records("t", R"(["{\"jsymbol\":\"AAPL\",\"jprice\":1.5}"])");
    const Spec spec = Spec::object_processor(R"({"jsymbol": "str", "jprice": "float"})");
    const Consumer consumer = support::opened(support::options_of(cluster, "utf8").value(spec));
    const Snapshot view = support::read_rows(consumer, 1).view({"Symbol=jsymbol", "Price=jprice"});
    const Batch batch(view.schema(), view.partition(0).array());
    EXPECT_EQ(batch.column<std::string_view>("Symbol")[0], "AAPL");
    EXPECT_EQ(batch.column<double>("Price")[0], 1.5);
}

TEST(ObjectProcessors, HaveEveryKindInCpp)
{
    const Spec spec = Spec::object_processor(values::object({
        {"a", values::bool_().allow_string().on_null(false).on_missing(true)},
        {"b", values::char_().on_null("-")},
        {"c", values::byte_().allow_decimal().on_null(0)},
        {"d", values::short_().allow_decimal().allow_string()},
        {"e", values::int_().on_missing(-7)},
        {"f", values::long_().on_null(std::numeric_limits<std::int64_t>::min())},
        {"g", values::float_().on_null(std::nan("")).on_missing(-std::numeric_limits<double>::infinity())},
        {"h", values::double_().allow_string().on_null(0.1)},
        {"j", values::string().allow_int().allow_decimal().allow_bool().on_null("a \"text\"\n")},
        {"l", values::instant().on_null("1970-01-01T00:00:00Z")},
        {"m", values::instant(values::Epoch::ms).allow_decimal().allow_string().on_missing("1970-01-01T00:00:01Z")},
        {"n", values::big_integer().allow_decimal().allow_string().on_null("123456789012345678901234567890")},
        {"o", values::big_integer().precision(40)},
        {"p", values::big_decimal().allow_string().decimal(10, 2).on_null("1.50")},
        {"q", values::any()},
        {"r", values::skip().allow_by_default(false).allow_missing().allow_int().allow_null(false)},
        {"s", values::array(values::object({{"x", values::long_()}}).allow_null(false)).allow_missing(false).allow_missing()},
        {"t", values::array(values::object({{"x", values::long_()}, {"y", values::string()}})).parallel()},
        {"u", values::tuple({values::long_(), values::string()})},
        {"v", values::named_tuple({{"x", values::long_()}, {"y", values::string()}})},
        {"w", values::object_entries(values::double_()).key_type(values::int_().allow_string())},
        {"x", values::object_entries(values::double_()).parallel()},
        {"y", values::typed_object("kind", {{"id", values::long_()}},
                                 {{"trade", values::object({{"price", values::double_()}}).allow_unknown_fields(false)}})
                  .allow_unknown_types(false)
                  .on_null("none")},
    }));
    const std::vector<std::string> expected = {
        "a b",        "b u",      "c c",      "d s",   "e i",   "f l",   "g f",  "h g",         "j u",       "l tsn:UTC",
        "m tsn:UTC",  "n u",      "o d:40,0,256", "p d:10,2", "q u",   "s +l",  "t_x +l", "t_y +l",   "u_0 l",     "u_1 u",
        "v_x l",      "v_y u",    "w +m",     "x_Key +l", "x_Value +l", "y_kind u", "y_id l", "y_trade_price g"};
    EXPECT_EQ(columns_of(spec), expected);
    const Batch batch = rows_of(
        spec, R"(["{\"a\":null,\"c\":null,\"f\":null,\"g\":null,\"h\":null,\"j\":null,\"p\":null,\"r\":1}", "{}"])", 2);
    EXPECT_EQ(batch.column<bool>("a")[0], false);
    EXPECT_EQ(batch.column<bool>("a")[1], true);
    EXPECT_EQ(batch.column<std::int64_t>("f")[0], std::numeric_limits<std::int64_t>::min());
    EXPECT_TRUE(std::isnan(*batch.column<float>("g")[0]));
    EXPECT_EQ(batch.column<float>("g")[1], -std::numeric_limits<float>::infinity());
    EXPECT_EQ(batch.column<double>("h")[0], 0.1);
    EXPECT_EQ(batch.column<std::string_view>("j")[0], "a \"text\"\n");
    EXPECT_EQ(batch.column<Timestamp>("m")[1], Timestamp(std::chrono::seconds(1)));
}

TEST(ObjectProcessors, HaveFieldsWithOptionsOfTheirOwn)
{
    const values::Object object = values::object({
        values::Field("a", values::long_()).aliases({"alpha", "b\""}).repeated(values::Repeated::use_first),
        values::Field("p", values::object({{"x", values::long_()}}).case_sensitive(true)).case_sensitive(false),
        values::Field("n", values::long_()).case_sensitive(false).repeated(values::Repeated::error),
    });
    const std::string records =
        R"(["{\"alpha\":1,\"a\":2,\"P\":{\"x\":3},\"N\":4}", "{\"b\\\"\":5,\"p\":{\"X\":6}}"])";
    const Batch batch = rows_of(Spec::object_processor(object), records, 2);
    EXPECT_EQ(batch.column<std::int64_t>("a")[0], 1);
    EXPECT_EQ(batch.column<std::int64_t>("a")[1], 5);
    EXPECT_EQ(batch.column<std::int64_t>("p_x")[0], 3);
    EXPECT_TRUE(batch.column<std::int64_t>("p_x").is_null(1));
    EXPECT_EQ(batch.column<std::int64_t>("n")[0], 4);
    // Options leave what they are said of as it was, and of one that is said twice the last counts.
    const values::Object first = object.repeated_fields(values::Repeated::use_first).repeated_fields(values::Repeated::error);
    EXPECT_NE(first.text().find(R"("repeated_field_behavior":"error")"), std::string::npos);
    EXPECT_EQ(first.text().find(R"("repeated_field_behavior":"use_first")"), std::string::npos);
    EXPECT_EQ(object.text().find("repeated_field_behavior"), std::string::npos);
}

TEST(ObjectProcessors, RefuseDescriptionsThatAreNone)
{
    expect_error([] { Spec::object_processor("{\"a\": \"text\"}"); }, Status::invalid_argument,
                 "description: /a: there is no 'text'; use str, int, float, bool, datetime, object, or a kind: object, "
                 "typed_object, array, tuple, object_entries, bool, char, byte, short, int, long, float, double, string, "
                 "instant, big_integer, big_decimal, any, skip");
    const Error error = support::error_of(
        [] { Spec::object_processor(values::object({{"a", values::long_()}, {"b/c", values::char_().on_null("xy")}})); });
    EXPECT_EQ(error.status(), Status::invalid_argument);
    EXPECT_EQ(error.detail("pointer"), "/fields/b~1c/on_null");
    EXPECT_EQ(error.detail("argument"), "description");
    expect_error([] { Spec::object_processor(values::tuple({})); }, Status::invalid_argument,
                 "description: /values: a tuple has at least one value");
    Spec spec = Spec::object_processor(values::object({}));
    expect_error([&] { spec.add_column("A", "int64"); }, Status::invalid_state,
                 "an object processor spec has no columns; they belong to a json spec; the columns of an object processor "
                 "follow from its description");
    expect_error([&] { spec.map_field("a", "A"); }, Status::invalid_state,
                 "an object processor spec has no mappings; they belong to a json spec, an avro spec or a protobuf spec");
}
