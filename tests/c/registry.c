/*
 * Specs of a subject: whose columns a schema registry knows, and what is said where it does not.
 */
#include "check.h"

#include "registry.h"

#define RECORD(fields) "{\"type\": \"record\", \"name\": \"Order\", \"fields\": [" fields "]}"
#define ID "{\"name\": \"id\", \"type\": \"long\"}"
#define SYMBOL "{\"name\": \"symbol\", \"type\": \"string\", \"default\": \"?\"}"

static const struct registry_schema SCHEMAS[] = {
    {"orders-value", 1, 1, "AVRO", RECORD(ID)},
    {"orders-value", 2, 2, "AVRO", RECORD(ID ", " SYMBOL)},
    {"files-value", 1, 3, "PROTOBUF", "syntax = \"proto3\"; message File {}"},
    {"broken-value", 1, 4, "AVRO", "{\"type\": \"recrod\"}"},
    {"text-value", 1, 5, "AVRO", "\"string\""},
    {"lists-value", 1, 6, "AVRO",
     RECORD("{\"name\": \"next\", \"type\": [\"null\", \"Order\"]}")},
    {"messages-value", 1, 7, "PROTOBUF", "syntax = \"proto3\"; message Order { int64 id = 1; }"},
    {"messages-value", 2, 8, "PROTOBUF",
     "syntax = \"proto3\"; message Other {} message Order { int64 id = 1; string symbol = 2; }"},
};

enum { SCHEMA_COUNT = sizeof SCHEMAS / sizeof SCHEMAS[0] };

/* Options whose values are of a subject; without an address nobody can be asked for it. */
static karrow_options *options_with(const char *servers, const char *url, const char *subject, const char *version)
{
    karrow_options *options = options_for(servers, "t", NULL, NULL);
    karrow_spec *spec;
    OK(karrow_spec_new_avro_subject(subject, version, &spec, E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    if (url != NULL)
        OK(karrow_options_set(options, "schema.registry.url", url, E));
    karrow_spec_free(spec);
    return options;
}

static void columns_are_those_of_the_version(void)
{
    static const struct {
        const char *version;
        int64_t columns;
    } versions[] = {{NULL, 5}, {"latest", 5}, {"2", 5}, {"1", 4}};
    struct registry registry;
    registry_start(&registry, SCHEMAS, SCHEMA_COUNT);
    for (size_t index = 0; index < sizeof versions / sizeof versions[0]; index++) {
        karrow_options *options = options_with("127.0.0.1:1", registry.url, "orders-value", versions[index].version);
        struct ArrowSchema schema;
        RUBBISH(&schema);
        OK(karrow_options_schema(options, -1, &schema, E));
        CHECK_NUMBER(schema.n_children, versions[index].columns);
        CHECK_TEXT(schema.children[3]->name, "id");
        CHECK_TEXT(schema.children[3]->format, "l");
        if (schema.n_children == 5) {
            CHECK_TEXT(schema.children[4]->name, "symbol");
            CHECK_TEXT(schema.children[4]->format, "u");
        }
        schema.release(&schema);
        karrow_options_free(options);
    }
    registry_stop(&registry);
}

static void records_are_read_as_the_subject_whatever_they_were_written_with(void)
{
    struct registry registry;
    registry_start(&registry, SCHEMAS, SCHEMA_COUNT);
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    OK(karrow_mock_cluster_produce_records(
        cluster, "t", "[{\"hex\": \"00 00000002 54 0461 62\"}, {\"hex\": \"00 00000001 56\"}, null]", E));
    const char *servers = karrow_mock_cluster_bootstrap_servers(cluster);
    karrow_consumer *consumer = consumer_of(options_with(servers, registry.url, "orders-value", NULL));
    /* Before anybody has been asked. */
    struct ArrowSchema schema;
    FAILS(karrow_consumer_schema(consumer, &schema, E), INVALID_STATE,
          "the columns are those of a subject of the schema registry, which open asks; call open first");
    OK(karrow_consumer_open(consumer, -1, E));
    OK(karrow_consumer_schema(consumer, &schema, E));
    CHECK_NUMBER(schema.n_children, 5);
    schema.release(&schema);
    karrow_snapshot *snapshot = read_rows(consumer, 3);
    struct table table = table_of(snapshot, 0);
    const struct ArrowArray *ids = column_of(&table, "id"), *symbols = column_of(&table, "symbol");
    CHECK_NUMBER(int64_at(ids, 0), 42);
    CHECK(text_is(symbols, 0, "ab"));
    CHECK_NUMBER(int64_at(ids, 1), 43);
    CHECK(text_is(symbols, 1, "?"));
    CHECK(is_null(ids, 2) && is_null(symbols, 2));
    release_table(&table);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
    registry_stop(&registry);
}

/* What the columns of a subject, and a consumer that is opened, fail with; `%s` stands for the registry's address. */
static void subject_fails(const char *url, const char *subject, const char *version, karrow_status status,
                          const char *message)
{
    char expected[400];
    snprintf(expected, sizeof expected, message, url);
    karrow_options *options = options_with("127.0.0.1:1", url, subject, version);
    struct ArrowSchema schema, untouched;
    RUBBISH(&schema);
    RUBBISH(&untouched);
    CHECK_NUMBER(karrow_options_schema(options, -1, &schema, E), status);
    CHECK_TEXT(karrow_error_message(check_error), expected);
    CHECK(!karrow_error_is_retriable(check_error));
    karrow_error_free(check_error);
    CHECK(memcmp(&schema, &untouched, sizeof schema) == 0);

    /* Each client reads the certificates of all authorities that the system trusts, which takes valgrind seconds. */
    if (under_valgrind()) {
        karrow_options_free(options);
        return;
    }
    karrow_consumer *consumer = consumer_of(options);
    CHECK_NUMBER(karrow_consumer_open(consumer, -1, E), status);
    CHECK_TEXT(karrow_error_message(check_error), expected);
    karrow_error_free(check_error);
    karrow_consumer_free(consumer);
}

static void what_the_registry_cannot_give_is_an_error(void)
{
    static const karrow_status status = KARROW_STATUS_REGISTRY;
    struct registry registry;
    registry_start(&registry, SCHEMAS, SCHEMA_COUNT);
    subject_fails(registry.url, "nobody", NULL, status,
                  "the latest version of subject 'nobody': the schema registry at %s has no such subject");
    subject_fails(registry.url, "orders-value", "3", status,
                  "version 3 of subject 'orders-value': the schema registry at %s has no such version of it");
    subject_fails(registry.url, "files-value", NULL, status,
                  "subject 'files-value': what the registry has for it is Protobuf, and no schema of Avro");
    subject_fails(registry.url, "broken-value", "1", status,
                  "subject 'broken-value': schema: it is no Avro schema: Unknown primitive type: recrod");
    registry_stop(&registry);
}

static void what_the_schema_cannot_be_is_an_error(void)
{
    static const karrow_status status = KARROW_STATUS_INVALID_ARGUMENT;
    struct registry registry;
    registry_start(&registry, SCHEMAS, SCHEMA_COUNT);
    subject_fails(registry.url, "text-value", NULL, status,
                  "schema: its top level is of type string, and has to be a record");
    subject_fails(registry.url, "lists-value", NULL, status,
                  "schema: next is a Order inside a Order; columns of a type that contains itself would not end; leave it "
                  "out of the reader's schema, or of the columns, with a mapping and mapped_only");
    registry_stop(&registry);
}

static void subjects_have_columns_in_protobuf_too(void)
{
    static const struct {
        const char *subject, *version, *message, *columns;
        karrow_status status;
    } subjects[] = {
        {"messages-value", NULL, "Order", "id symbol", KARROW_STATUS_OK},
        {"messages-value", "1", NULL, "id", KARROW_STATUS_OK},
        {"messages-value", "2", "Trade", "message: there is no message Trade; schema has Other, Order",
         KARROW_STATUS_INVALID_ARGUMENT},
        {"orders-value", NULL, NULL,
         "subject 'orders-value': what the registry has for it is Avro, and no schema of Protobuf",
         KARROW_STATUS_REGISTRY},
    };
    struct registry registry;
    registry_start(&registry, SCHEMAS, SCHEMA_COUNT);
    for (size_t index = 0; index < sizeof subjects / sizeof subjects[0]; index++) {
        karrow_options *options = options_for("127.0.0.1:1", "t", NULL, NULL);
        karrow_spec *spec;
        OK(karrow_spec_new_protobuf_subject(subjects[index].subject, subjects[index].version, subjects[index].message,
                                            &spec, E));
        OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, E));
        OK(karrow_options_set(options, "schema.registry.url", registry.url, E));
        karrow_spec_free(spec);
        struct ArrowSchema schema;
        CHECK_NUMBER(karrow_options_schema(options, -1, &schema, E), subjects[index].status);
        if (subjects[index].status == KARROW_STATUS_OK) {
            char columns[100] = "";
            for (int64_t column = 3; column < schema.n_children; column++) {
                strcat(columns, column == 3 ? "" : " ");
                strcat(columns, schema.children[column]->name);
            }
            CHECK_TEXT(columns, subjects[index].columns);
            schema.release(&schema);
        } else {
            CHECK_TEXT(karrow_error_message(check_error), subjects[index].columns);
            karrow_error_free(check_error);
        }
        karrow_options_free(options);
    }
    registry_stop(&registry);
}

static void without_an_address_nobody_is_asked(void)
{
    static const char message[] =
        "schema.registry.url: not set; the value is of subject 'orders-value', whose schema only a registry knows";
    karrow_options *options = options_with("127.0.0.1:1", NULL, "orders-value", NULL);
    struct ArrowSchema schema;
    karrow_consumer *consumer = UNTOUCHED;
    karrow_error *error = FAILURE(karrow_options_schema(options, -1, &schema, E), INVALID_ARGUMENT);
    CHECK_TEXT(karrow_error_message(error), message);
    CHECK_TEXT(karrow_error_detail(error, "argument"), "schema.registry.url");
    karrow_error_free(error);
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT, message);
    CHECK(consumer == UNTOUCHED);
    karrow_options_free(options);
}

static void an_address_that_nobody_has_is_tried_until_the_time_is_over(void)
{
    struct registry registry;
    registry_start(&registry, SCHEMAS, SCHEMA_COUNT);
    registry_stop(&registry);
    char expected[200];
    snprintf(expected, sizeof expected,
             "version 1 of subject 'orders-value': the schema registry at %s cannot be reached: ", registry.url);
    karrow_options *options = options_with("127.0.0.1:1", registry.url, "orders-value", "1");
    struct ArrowSchema schema;
    karrow_error *error = FAILURE(karrow_options_schema(options, 300, &schema, E), REGISTRY);
    CHECK_CONTAINS(karrow_error_message(error), expected);
    CHECK(karrow_error_is_retriable(error));
    karrow_error_free(error);

    karrow_consumer *consumer = consumer_of(options);
    error = FAILURE(karrow_consumer_open(consumer, 300, E), REGISTRY);
    CHECK_CONTAINS(karrow_error_message(error), expected);
    CHECK(karrow_error_is_retriable(error));
    karrow_error_free(error);
    karrow_consumer_free(consumer);
}

int main(void)
{
    check_start();
    RUN(columns_are_those_of_the_version);
    RUN(records_are_read_as_the_subject_whatever_they_were_written_with);
    RUN(what_the_registry_cannot_give_is_an_error);
    RUN(what_the_schema_cannot_be_is_an_error);
    RUN(subjects_have_columns_in_protobuf_too);
    RUN(without_an_address_nobody_is_asked);
    RUN(an_address_that_nobody_has_is_tried_until_the_time_is_over);
    return 0;
}
