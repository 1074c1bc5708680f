/*
 * From a record on the embedded cluster to a row: every simple type, clusters that change or fail while they are read,
 * records that do not fit.
 */
#include "check.h"

#include <pthread.h>

/* Values ----------------------------------------------------------------------------------------------------------- */

struct value {
    /* As it is produced. A length of -1 is Kafka's null. */
    const char *bytes;
    int64_t length;
    /* As it is in the column: a number in this machine's order, or text. NULL is null. */
    const void *expected;
};

struct type {
    const char *name, *format;
    size_t width;
    struct value values[5];
};

#define NUMBER(type, value, bytes) {bytes, sizeof(type), &(const type){value}}
#define TEXT(text, expected) {text, sizeof(text) - 1, expected}
#define NO_VALUE {NULL, -1, NULL}

static const struct type TYPES[] = {
    {"int16", "s", 2, {
        NUMBER(int16_t, INT16_MIN, "\x80\x00"),
        NUMBER(int16_t, INT16_MAX, "\x7f\xff"),
        NUMBER(int16_t, 258, "\x01\x02"),
        NUMBER(int16_t, -1, "\xff\xff"),
        NO_VALUE,
    }},
    {"int32", "i", 4, {
        NUMBER(int32_t, INT32_MIN, "\x80\x00\x00\x00"),
        NUMBER(int32_t, INT32_MAX, "\x7f\xff\xff\xff"),
        NUMBER(int32_t, 16909060, "\x01\x02\x03\x04"),
        NUMBER(int32_t, -2, "\xff\xff\xff\xfe"),
        NO_VALUE,
    }},
    {"int64", "l", 8, {
        NUMBER(int64_t, INT64_MIN, "\x80\x00\x00\x00\x00\x00\x00\x00"),
        NUMBER(int64_t, INT64_MAX, "\x7f\xff\xff\xff\xff\xff\xff\xff"),
        NUMBER(int64_t, 72623859790382856, "\x01\x02\x03\x04\x05\x06\x07\x08"),
        NUMBER(int64_t, 0, "\x00\x00\x00\x00\x00\x00\x00\x00"),
        NO_VALUE,
    }},
    {"float32", "f", 4, {
        NUMBER(float, 1.5f, "\x3f\xc0\x00\x00"),
        NUMBER(float, -0.0f, "\x80\x00\x00\x00"),
        NUMBER(float, 3.4028234663852886e38f, "\x7f\x7f\xff\xff"),
        NUMBER(float, 1.401298464324817e-45f, "\x00\x00\x00\x01"),
        NO_VALUE,
    }},
    {"float64", "g", 8, {
        NUMBER(double, -2.25, "\xc0\x02\x00\x00\x00\x00\x00\x00"),
        NUMBER(double, 0.0, "\x00\x00\x00\x00\x00\x00\x00\x00"),
        NUMBER(double, 1.7976931348623157e308, "\x7f\xef\xff\xff\xff\xff\xff\xff"),
        NUMBER(double, 4.9406564584124654e-324, "\x00\x00\x00\x00\x00\x00\x00\x01"),
        NO_VALUE,
    }},
    {"utf8", "u", 0, {
        TEXT("", ""),
        TEXT("zw\xc3\xb6lf", "zw\xc3\xb6lf"),
        TEXT("\xf0\x9f\x8e\xba", "\xf0\x9f\x8e\xba"),
        TEXT("a", "a"),
        NO_VALUE,
    }},
    {"binary", "z", 0, {
        TEXT("", ""),
        TEXT("\xff\xfe", "\xff\xfe"),
        TEXT("\x80", "\x80"),
        TEXT("bytes", "bytes"),
        NO_VALUE,
    }},
    {"uuid", "u", 0, {
        TEXT("01234567-89AB-cdef-0123-456789ABCDEF", "01234567-89ab-cdef-0123-456789abcdef"),
        TEXT("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
        TEXT("ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        TEXT("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        NO_VALUE,
    }},
};

enum { TYPE_COUNT = sizeof TYPES / sizeof TYPES[0], VALUE_COUNT = 5 };

static bool holds(const struct ArrowArray *column, int64_t row, const struct type *type, const struct value *value)
{
    if (value->expected == NULL || type->width == 0)
        return text_is(column, row, value->expected);
    return !is_null(column, row)
        && memcmp((const char *)column->buffers[1] + (size_t)row * type->width, value->expected, type->width) == 0;
}

/* The keys hold the same values in another order, so that no side can be taken for the other. */
static const struct value *key_of(const struct type *type, int64_t row)
{
    return &type->values[VALUE_COUNT - 1 - row];
}

static void check_type(const karrow_mock_cluster *cluster, const struct type *keys, const struct type *values)
{
    OK(karrow_mock_cluster_create_topic(cluster, values->name, 1, E));
    for (int64_t row = 0; row < VALUE_COUNT; row++) {
        const struct value *key = key_of(keys, row), *value = &values->values[row];
        OK(karrow_mock_cluster_produce(cluster, values->name, 0, (const uint8_t *)key->bytes, key->length,
                                       (const uint8_t *)value->bytes, value->length, 1000 + row, NULL, E));
    }
    karrow_options *options = options_of(cluster, values->name, keys->name, values->name);
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, VALUE_COUNT);
    struct table table = table_of(snapshot, 0);
    CHECK_TEXT(table.schema.children[column_named(&table.schema, "K")]->format, keys->format);
    CHECK_TEXT(table.schema.children[column_named(&table.schema, "V")]->format, values->format);
    for (int64_t row = 0; row < VALUE_COUNT; row++) {
        CHECK_NUMBER(int64_at(column_of(&table, "KafkaTimestamp"), row), (1000 + row) * 1000000);
        CHECK(holds(column_of(&table, "K"), row, keys, key_of(keys, row)));
        CHECK(holds(column_of(&table, "V"), row, values, &values->values[row]));
    }
    release_table(&table);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
}

static void every_simple_type_goes_from_record_to_row_on_both_sides(void)
{
    karrow_mock_cluster *cluster = cluster_of(1);
    for (int type = 0; type < TYPE_COUNT; type++)
        check_type(cluster, &TYPES[(type + 3) % TYPE_COUNT], &TYPES[type]);
    karrow_mock_cluster_free(cluster);
}

static void null_and_empty_are_told_apart(void)
{
    static const uint8_t byte[] = {'x'};
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    OK(karrow_mock_cluster_produce(cluster, "t", 0, NULL, -1, NULL, 0, 0, NULL, E));
    OK(karrow_mock_cluster_produce(cluster, "t", 0, NULL, 0, NULL, -1, 0, NULL, E));
    OK(karrow_mock_cluster_produce(cluster, "t", 0, byte, 0, byte, -1, 0, NULL, E));
    OK(karrow_mock_cluster_produce(cluster, "t", 0, byte, 1, byte, 1, 0, NULL, E));
    karrow_options *options = options_of(cluster, "t", "binary", "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set(options, "karrow.keybytes.column.name", "KeySize", E));
    OK(karrow_options_set(options, "karrow.valuebytes.column.name", "ValueSize", E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, 4);
    struct table table = table_of(snapshot, 0);
    static const char *const keys[] = {NULL, "", "", "x"}, *const values[] = {"", NULL, NULL, "x"};
    for (int64_t row = 0; row < 4; row++) {
        CHECK(text_is(column_of(&table, "K"), row, keys[row]));
        CHECK(text_is(column_of(&table, "V"), row, values[row]));
        CHECK_NUMBER(is_null(column_of(&table, "KeySize"), row), keys[row] == NULL);
        CHECK_NUMBER(is_null(column_of(&table, "ValueSize"), row), values[row] == NULL);
    }
    CHECK_NUMBER(int32_at(column_of(&table, "KeySize"), 1), 0);
    CHECK_NUMBER(int32_at(column_of(&table, "ValueSize"), 3), 1);
    release_table(&table);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void avro_records_become_rows_by_the_schemas_they_were_written_with(void)
{
    static const char reader[] =
        "{\"type\": \"record\", \"name\": \"Order\", \"fields\": ["
        " {\"name\": \"symbol\", \"type\": {\"type\": \"enum\", \"name\": \"S\", \"symbols\": [\"KRW\", \"ACME\"]}},"
        " {\"name\": \"leg\", \"type\": [\"null\", {\"type\": \"record\", \"name\": \"Leg\", \"fields\": ["
        "  {\"name\": \"qty\", \"type\": \"long\"}]}], \"default\": null},"
        " {\"name\": \"id\", \"type\": [\"int\", \"string\"]}]}";
    /* Without leg, and in another order. */
    static const char writer[] =
        "{\"type\": \"record\", \"name\": \"Order\", \"fields\": ["
        " {\"name\": \"id\", \"type\": \"string\"},"
        " {\"name\": \"symbol\", \"type\": {\"type\": \"enum\", \"name\": \"S\", \"symbols\": [\"ACME\", \"KRW\"]}}]}";
    karrow_spec *spec;
    OK(karrow_spec_new_avro_schema(reader, &spec, E));
    OK(karrow_spec_set(spec, "enum", "dictionary", E));
    OK(karrow_spec_set(spec, "union", "dense", E));
    OK(karrow_spec_map_field(spec, "leg.qty", "Qty", E));
    OK(karrow_spec_add_schema(spec, 1, reader, E));
    OK(karrow_spec_add_schema(spec, 7, writer, E));
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_spec_free(spec);
    karrow_consumer *consumer = opened(options);
    OK(karrow_mock_cluster_produce_records(
        cluster, "t",
        "[{\"hex\": \"00 00000001 02 0207 000a\"}, {\"hex\": \"00 00000007 0261 02\"}, null,"
        " {\"hex\": \"00 00000001 00 00 020461 62\"}]",
        E));
    karrow_snapshot *snapshot = read_rows(consumer, 4);
    struct table table = table_of(snapshot, 0);

    const int64_t symbol = column_named(&table.schema, "symbol");
    CHECK_TEXT(table.schema.children[symbol]->format, "i");
    CHECK_TEXT(table.schema.children[symbol]->dictionary->format, "u");
    const struct ArrowArray *symbols = table.array.children[symbol];
    CHECK_NUMBER(symbols->dictionary->length, 2);
    static const char *const symbol_of_row[] = {"ACME", "KRW", NULL, "KRW"};
    CHECK_NUMBER(int64_at(column_of(&table, "Qty"), 0), -4);
    for (int64_t row = 0; row < 4; row++) {
        CHECK_NUMBER(is_null(symbols, row), symbol_of_row[row] == NULL);
        if (symbol_of_row[row] != NULL)
            CHECK(text_is(symbols->dictionary, int32_at(symbols, row), symbol_of_row[row]));
        CHECK_NUMBER(is_null(column_of(&table, "Qty"), row), row != 0);
    }

    const int64_t id = column_named(&table.schema, "id");
    CHECK_TEXT(table.schema.children[id]->format, "+ud:0,1");
    const struct ArrowArray *ids = table.array.children[id];
    static const int8_t branches[] = {0, 1, 0, 1};
    CHECK(memcmp(ids->buffers[0], branches, sizeof branches) == 0);
    const int32_t *places = ids->buffers[1];
    CHECK_NUMBER(int32_at(ids->children[0], places[0]), 5);
    CHECK(text_is(ids->children[1], places[1], "a"));
    CHECK(is_null(ids->children[0], places[2]));
    CHECK(text_is(ids->children[1], places[3], "ab"));
    release_table(&table);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void protobuf_records_become_rows_by_the_schemas_they_were_written_with(void)
{
    static const char source[] =
        "syntax = \"proto3\"; package test;"
        "import \"leg.proto\"; import \"google/protobuf/duration.proto\";"
        "message Other {}"
        "message Order { enum Side { BUY = 0; SELL = 1; } Side side = 1; Leg leg = 2; repeated uint32 sizes = 3;"
        " google.protobuf.Duration age = 4; }";
    static const char leg[] = "syntax = \"proto3\"; package test; message Leg { sint64 qty = 1; }";
    /* Without the age, and the first message of its file. */
    static const char writer[] =
        "syntax = \"proto3\"; package test; import \"leg.proto\";"
        "message Order { int32 side = 1; Leg leg = 2; repeated uint32 sizes = 3; }";
    karrow_spec *spec;
    OK(karrow_spec_new_protobuf_source("order.proto", source, "Order", &spec, E));
    OK(karrow_spec_add_file(spec, "leg.proto", leg, E));
    OK(karrow_spec_set(spec, "protocol", "serdes", E));
    OK(karrow_spec_map_field(spec, "/leg/qty", "Qty", E));
    OK(karrow_spec_add_schema(spec, 1, source, E));
    OK(karrow_spec_add_schema(spec, 7, writer, E));
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_spec_free(spec);
    karrow_consumer *consumer = opened(options);
    OK(karrow_mock_cluster_produce_records(
        cluster, "t",
        "[{\"hex\": \"00 00000001 02 02 0801 12020807 1a02057f 22020801\"}, {\"hex\": \"00 00000007 00 0802\"},"
        " null, {\"hex\": \"00 00000001 02 02 1200\"}]",
        E));
    karrow_snapshot *snapshot = read_rows(consumer, 4);
    struct table table = table_of(snapshot, 0);
    static const char *const sides[] = {"SELL", "2", NULL, "BUY"};
    static const int64_t quantities[] = {-4, 0, 0, 0};
    static const bool have_leg[] = {true, false, false, true};
    static const int32_t ends[] = {0, 2, 2, 2, 2};
    for (int64_t row = 0; row < 4; row++) {
        CHECK(text_is(column_of(&table, "side"), row, sides[row]));
        CHECK_NUMBER(is_null(column_of(&table, "Qty"), row), !have_leg[row]);
        if (have_leg[row])
            CHECK_NUMBER(int64_at(column_of(&table, "Qty"), row), quantities[row]);
        CHECK_NUMBER(is_null(column_of(&table, "sizes"), row), row == 2);
        CHECK_NUMBER(is_null(column_of(&table, "age"), row), row != 0);
    }
    const struct ArrowArray *sizes = column_of(&table, "sizes");
    CHECK(memcmp(sizes->buffers[1], ends, sizeof ends) == 0);
    CHECK_NUMBER(int32_at(sizes->children[0], 1), 127);
    CHECK_TEXT(table.schema.children[column_named(&table.schema, "sizes")]->children[0]->format, "I");
    CHECK_TEXT(table.schema.children[column_named(&table.schema, "age")]->format, "tDn");
    CHECK_NUMBER(int64_at(column_of(&table, "age"), 0), 1000000000);
    release_table(&table);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void records_come_out_as_their_json_says(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    OK(karrow_mock_cluster_produce_records(
        cluster, "t",
        "[\"first\", {\"base64\": \"c2Vjb25k\"}, null,"
        " {\"partition\": 1, \"key\": \"k\", \"value\": \"\", \"timestamp_ms\": 5, \"headers\": [[\"h\", \"v\"]]},"
        " {\"partition\": 1, \"timestamp_ms\": -1}]",
        E));
    karrow_options *options = options_of(cluster, "t", "utf8", "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set(options, "karrow.headers.column.name", "Headers", E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, 5);

    struct table table = table_of(snapshot, 0);
    static const char *const values[] = {"first", "second", NULL};
    CHECK_NUMBER(table.array.length, 3);
    for (int64_t row = 0; row < 3; row++) {
        CHECK(text_is(column_of(&table, "K"), row, NULL));
        CHECK(text_is(column_of(&table, "V"), row, values[row]));
        CHECK(int64_at(column_of(&table, "KafkaTimestamp"), row) > INT64_C(1600000000000000000));
    }
    release_table(&table);

    table = table_of(snapshot, 1);
    CHECK_NUMBER(table.array.length, 2);
    CHECK(text_is(column_of(&table, "K"), 0, "k"));
    CHECK(text_is(column_of(&table, "V"), 0, ""));
    CHECK_NUMBER(int64_at(column_of(&table, "KafkaTimestamp"), 0), 5000000);
    const struct ArrowArray *headers = column_of(&table, "Headers");
    CHECK_NUMBER(((const int32_t *)headers->buffers[1])[1], 1);
    CHECK(text_is(headers->children[0]->children[0], 0, "h"));
    CHECK(text_is(headers->children[0]->children[1], 0, "v"));
    CHECK(text_is(column_of(&table, "K"), 1, NULL));
    CHECK(text_is(column_of(&table, "V"), 1, NULL));
    CHECK(is_null(column_of(&table, "KafkaTimestamp"), 1));
    CHECK_NUMBER(((const int32_t *)headers->buffers[1])[2], 1);
    release_table(&table);

    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Clusters that change while they are read ------------------------------------------------------------------------- */

/* A consumer that tries again soon what has failed. */
static karrow_consumer *patient_consumer(const karrow_mock_cluster *cluster)
{
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set(options, "reconnect.backoff.ms", "10", E));
    OK(karrow_options_set(options, "reconnect.backoff.max.ms", "50", E));
    OK(karrow_options_set(options, "fetch.error.backoff.ms", "10", E));
    return opened(options);
}

static void check_complete(const karrow_snapshot *snapshot, int32_t partition, int64_t count)
{
    struct table table = table_of(snapshot, partition);
    CHECK_NUMBER(table.array.length, count);
    for (int64_t row = 0; row < count; row++)
        CHECK_NUMBER(int64_at(column_of(&table, "KafkaOffset"), row), row);
    release_table(&table);
    CHECK_NUMBER(next_offset(snapshot, partition), count);
    CHECK_NUMBER(state_of(snapshot, partition), KARROW_PARTITION_STATE_READING);
}

static void produce_many(const karrow_mock_cluster *cluster, int32_t count)
{
    for (int32_t record = 0; record < count; record++)
        produce(cluster, "t", 0, NULL, "v");
}

static void nothing_is_lost_when_the_leader_moves(void)
{
    enum { BROKERS = 3, EACH = 5 };
    karrow_mock_cluster *cluster = cluster_of(BROKERS);
    OK(karrow_mock_cluster_create_topic(cluster, "t", 1, E));
    OK(karrow_mock_cluster_set_leader(cluster, "t", 0, 1, E));
    karrow_consumer *consumer = patient_consumer(cluster);
    int64_t count = 0;
    for (int32_t broker = 1; broker <= BROKERS; broker++) {
        OK(karrow_mock_cluster_set_leader(cluster, "t", 0, broker, E));
        produce_many(cluster, EACH);
        count += EACH;
        karrow_snapshot *snapshot = read_rows(consumer, EACH);
        check_complete(snapshot, 0, count);
        karrow_snapshot_free(snapshot);
    }
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void *run_produce(void *cluster)
{
    produce_many(cluster, 5);
    return NULL;
}

static void nothing_is_lost_when_a_broker_goes_and_comes_back(void)
{
    pthread_t producer;
    karrow_log *log;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_many(cluster, 5);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set(options, "reconnect.backoff.ms", "10", E));
    OK(karrow_options_set(options, "reconnect.backoff.max.ms", "50", E));
    OK(karrow_log_new(KARROW_LOG_LEVEL_WARNING, 100, &log, E));
    OK(karrow_options_set_log(options, log, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot_free(read_rows(consumer, 5));

    OK(karrow_mock_cluster_set_broker_up(cluster, 1, false, E));
    /* The consumer has noticed. */
    karrow_log_entry *entry;
    OK(karrow_log_take(log, -1, &entry, E));
    karrow_log_entry_free(entry);
    CHECK(pthread_create(&producer, NULL, run_produce, cluster) == 0);
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    OK(karrow_mock_cluster_set_broker_up(cluster, 1, true, E));
    karrow_snapshot *snapshot = read_rows(consumer, 5);
    CHECK(pthread_join(producer, NULL) == 0);
    check_complete(snapshot, 0, 10);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_log_free(log);
    karrow_mock_cluster_free(cluster);
}

/* One by one, the errors a fetch may end with that are no reason to stop. */
static void reading_goes_on_after_errors_of_fetch(void)
{
    static const int32_t errors[] = {
        -195, /* connection lost */
        1,    /* offset out of range, though it is not */
        5,    /* leader not available */
        6,    /* not leader for partition */
        7,    /* request timed out */
        56,   /* storage error */
        74,   /* fenced leader epoch */
    };
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = patient_consumer(cluster);
    int64_t count = 0;
    for (size_t index = 0; index < sizeof errors / sizeof errors[0]; index++) {
        /* Twice, because librdkafka does not look at the error of a fetch that first finds the end of the partition. */
        const int32_t twice[] = {errors[index], errors[index]};
        OK(karrow_mock_cluster_push_errors(cluster, 1, twice, 2, E));
        /* Only a fetch without an error can bring it. */
        produce_many(cluster, 1);
        karrow_snapshot *snapshot = read_rows(consumer, 1);
        check_complete(snapshot, 0, ++count);
        karrow_snapshot_free(snapshot);
    }
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Polls until a partition is in this state. */
static karrow_snapshot *poll_until_state(const karrow_consumer *consumer, int32_t state)
{
    for (;;) {
        karrow_snapshot *snapshot;
        OK(karrow_consumer_poll(consumer, -1, NULL, NULL, &snapshot, E));
        if (state_of(snapshot, 0) == state)
            return snapshot;
        karrow_snapshot_free(snapshot);
    }
}

static void a_partition_that_kafka_refuses_waits_and_goes_on_by_itself(void)
{
    /* Topic authorization failed, for as many fetches as it takes to be seen. */
    int32_t errors[4];
    karrow_error *failure;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_consumer *consumer = opened(options);
    for (size_t index = 0; index < sizeof errors / sizeof errors[0]; index++)
        errors[index] = 29;
    OK(karrow_mock_cluster_push_errors(cluster, 1, errors, sizeof errors / sizeof errors[0], E));
    karrow_snapshot *snapshot = poll_until_state(consumer, KARROW_PARTITION_STATE_WAITING);
    OK(karrow_snapshot_failure(snapshot, 0, &failure, E));
    CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_KAFKA);
    CHECK_NUMBER(karrow_error_kafka_code(failure), 29);
    CHECK_CONTAINS(karrow_error_message(failure), "t[0]");
    const char *reason = strstr(karrow_error_message(failure), "Topic authorization failed");
    CHECK(reason != NULL && strstr(reason + 1, "Topic authorization failed") == NULL);
    CHECK_TEXT(karrow_error_detail(failure, "topic"), "t");
    karrow_error_free(failure);
    karrow_snapshot_free(snapshot);

    produce_many(cluster, 3);
    snapshot = poll_until_state(consumer, KARROW_PARTITION_STATE_READING);
    int64_t missing = 3 - end_row(snapshot, 0);
    OK(karrow_snapshot_failure(snapshot, 0, &failure, E));
    CHECK(failure == NULL);
    karrow_snapshot_free(snapshot);
    snapshot = read_rows(consumer, missing);
    check_complete(snapshot, 0, 3);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_broker_that_takes_too_long_lets_open_run_out_of_time(void)
{
    enum { HOUR_MS = 3600000 };
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_many(cluster, 1);
    karrow_consumer *consumer = consumer_of(options_of(cluster, "t", NULL, "utf8"));
    OK(karrow_mock_cluster_set_delay(cluster, 1, HOUR_MS, E));
    FAILS_WITH(karrow_consumer_open(consumer, 300, E), TIMEOUT, "Kafka could not be reached within 300 ms");
    OK(karrow_mock_cluster_set_delay(cluster, 1, 0, E));
    OK(karrow_consumer_open(consumer, -1, E));
    karrow_snapshot_free(read_rows(consumer, 1));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Records that do not fit ------------------------------------------------------------------------------------------ */

static const uint8_t GOOD[8] = {0, 0, 0, 0, 0, 0, 0, 42};
#define BAD "12345"

static void produce_int64(const karrow_mock_cluster *cluster, int32_t partition, int32_t count)
{
    for (int32_t record = 0; record < count; record++)
        OK(karrow_mock_cluster_produce(cluster, "t", partition, NULL, -1, GOOD, sizeof GOOD, 0, NULL, E));
}

static karrow_consumer *int64_consumer(const karrow_mock_cluster *cluster)
{
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    return opened(options);
}

/* Polls until a partition shows this many rows, and returns the last cycle. */
static karrow_snapshot *poll_until_rows(const karrow_consumer *consumer, int32_t partition, int64_t count)
{
    karrow_snapshot *snapshot = snapshot_of(consumer);
    while (end_row(snapshot, partition) < count) {
        karrow_snapshot_free(snapshot);
        OK(karrow_consumer_poll(consumer, -1, NULL, NULL, &snapshot, E));
    }
    CHECK_NUMBER(end_row(snapshot, partition), count);
    return snapshot;
}

/* Polls until the partition is failed at this offset, with all rows before it, and returns why. */
static karrow_error *failure_at(const karrow_consumer *consumer, int32_t partition, int64_t offset)
{
    karrow_error *failure = NULL;
    while (failure == NULL) {
        karrow_snapshot *snapshot;
        OK(karrow_consumer_poll(consumer, -1, NULL, NULL, &snapshot, E));
        OK(karrow_snapshot_failure(snapshot, partition, &failure, E));
        if (failure != NULL) {
            CHECK_NUMBER(state_of(snapshot, partition), KARROW_PARTITION_STATE_FAILED);
            CHECK_NUMBER(next_offset(snapshot, partition), offset);
        }
        karrow_snapshot_free(snapshot);
    }
    return failure;
}

static void a_bad_record_stops_its_partition_alone(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    produce_int64(cluster, 0, 3);
    produce(cluster, "t", 0, NULL, BAD);
    produce_int64(cluster, 0, 2);
    produce_int64(cluster, 1, 2);
    karrow_consumer *consumer = int64_consumer(cluster);
    karrow_error *failure = failure_at(consumer, 0, 3);
    CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_BAD_RECORD);
    CHECK_TEXT(karrow_error_message(failure),
               "column V: expected 8 bytes for int64, found 5 bytes, at t[0]@3 (value)");
    CHECK_TEXT(karrow_error_detail(failure, "topic"), "t");
    CHECK_TEXT(karrow_error_detail(failure, "side"), "value");
    CHECK_TEXT(karrow_error_detail(failure, "column"), "V");
    CHECK_TEXT(karrow_error_detail(failure, "reason"), "expected 8 bytes for int64, found 5 bytes");
    CHECK(karrow_error_detail(failure, "argument") == NULL);
    CHECK_NUMBER(karrow_error_kafka_code(failure), 0);
    CHECK(!karrow_error_is_retriable(failure));
    int32_t partition = -7;
    int64_t offset = -7;
    CHECK(karrow_error_position(failure, &partition, &offset));
    CHECK(partition == 0 && offset == 3);
    karrow_error_free(failure);

    /* The other one goes on. */
    produce_int64(cluster, 1, 3);
    karrow_snapshot *snapshot = poll_until_rows(consumer, 1, 5);
    check_complete(snapshot, 1, 5);
    CHECK_NUMBER(end_row(snapshot, 0), 3);
    karrow_snapshot_free(snapshot);
    int32_t failed = -7;
    OK(karrow_consumer_poll(consumer, 0, NULL, &failed, NULL, E));
    CHECK_NUMBER(failed, 1);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* What a partition fails with at its one record. */
static void check_bad_record(const char *key_type, const char *value_type, const char *key, const char *value,
                             const char *message)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, key, value);
    karrow_consumer *consumer = opened(options_of(cluster, "t", key_type, value_type));
    karrow_error *failure = failure_at(consumer, 0, 0);
    CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_BAD_RECORD);
    CHECK_TEXT(karrow_error_message(failure), message);
    karrow_error_free(failure);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void messages_say_what_was_found_and_show_no_payload(void)
{
    check_bad_record(NULL, "int16", NULL, "", "column V: expected 2 bytes for int16, found 0 bytes, at t[0]@0 (value)");
    check_bad_record("float64", NULL, "secret", NULL,
                     "column K: expected 8 bytes for float64, found 6 bytes, at t[0]@0 (key)");
    check_bad_record(NULL, "utf8", NULL, "ab\xff" "cd",
                     "column V: expected valid UTF-8 for utf8, found an invalid sequence at byte 2, at t[0]@0 (value)");
    check_bad_record("uuid", "utf8", "secret", "v",
                     "column K: expected the text of a UUID (8-4-4-4-12 hexadecimal digits) for uuid, found 6 other "
                     "bytes, at t[0]@0 (key)");
}

static void poll_ends_once_every_partition_has_failed(void)
{
    int64_t rows = -7;
    int32_t failed = -7;
    karrow_snapshot *cycle = UNTOUCHED;
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    produce(cluster, "t", 0, NULL, BAD);
    produce(cluster, "t", 1, NULL, BAD);
    karrow_consumer *consumer = int64_consumer(cluster);
    karrow_snapshot *snapshot = read_failures(consumer, 2);
    for (int call = 0; call < 2; call++)
        FAILS(karrow_consumer_poll(consumer, -1, &rows, &failed, &cycle, E), END,
              "every partition has finished or failed; resume one that failed to read on, or close the consumer");
    CHECK(rows == -7 && failed == -7 && cycle == UNTOUCHED);
    cycle = snapshot_of(consumer);
    CHECK_NUMBER(karrow_snapshot_cycle(cycle), karrow_snapshot_cycle(snapshot));
    karrow_snapshot_free(cycle);
    karrow_snapshot_free(snapshot);

    /* Resuming one takes that back. */
    produce_int64(cluster, 1, 1);
    OK(karrow_consumer_resume(consumer, 1, 1, E));
    snapshot = poll_until_rows(consumer, 1, 1);
    CHECK_NUMBER(next_offset(snapshot, 1), 2);
    CHECK_NUMBER(state_of(snapshot, 0), KARROW_PARTITION_STATE_FAILED);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_partition_resumes_at_its_record_or_past_it(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_int64(cluster, 0, 2);
    produce(cluster, "t", 0, NULL, BAD);
    produce_int64(cluster, 0, 2);
    produce(cluster, "t", 0, NULL, BAD);
    produce(cluster, "t", 0, NULL, BAD);
    produce_int64(cluster, 0, 1);
    karrow_consumer *consumer = int64_consumer(cluster);
    karrow_error_free(failure_at(consumer, 0, 2));
    /* At the record: it is as bad as before. */
    OK(karrow_consumer_resume(consumer, 0, 2, E));
    karrow_error *failure = failure_at(consumer, 0, 2);
    CHECK_CONTAINS(karrow_error_message(failure), "at t[0]@2 (value)");
    karrow_error_free(failure);
    /* Right behind it, then further on. */
    OK(karrow_consumer_resume(consumer, 0, 3, E));
    karrow_error_free(failure_at(consumer, 0, 5));
    OK(karrow_consumer_resume(consumer, 0, 7, E));
    karrow_snapshot *snapshot = poll_until_rows(consumer, 0, 5);
    CHECK_NUMBER(next_offset(snapshot, 0), 8);
    CHECK_NUMBER(state_of(snapshot, 0), KARROW_PARTITION_STATE_READING);
    static const int64_t offsets[] = {0, 1, 3, 4, 7};
    struct table table = table_of(snapshot, 0);
    for (int64_t row = 0; row < 5; row++) {
        CHECK_NUMBER(int64_at(column_of(&table, "KafkaOffset"), row), offsets[row]);
        CHECK_NUMBER(int64_at(column_of(&table, "V"), row), 42);
    }
    release_table(&table);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void only_a_failed_partition_resumes_and_only_forward(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    produce_int64(cluster, 0, 2);
    produce(cluster, "t", 0, NULL, BAD);
    karrow_consumer *consumer = int64_consumer(cluster);
    karrow_error_free(failure_at(consumer, 0, 2));
    FAILS(karrow_consumer_resume(consumer, 1, 0, E), INVALID_STATE,
          "partition: 1 has not failed, so there is nothing to resume");
    FAILS(karrow_consumer_resume(consumer, 2, 0, E), NOT_FOUND,
          "partition: 2 is not among the partitions read (0, 1)");
    FAILS(karrow_consumer_resume(consumer, 0, -1, E), INVALID_ARGUMENT,
          "offset: -1 is negative; give the offset to go on at");
    FAILS(karrow_consumer_resume(consumer, 0, 1, E), INVALID_ARGUMENT,
          "offset: partition 0 stopped at offset 2; resume there or behind it, because earlier records are in the "
          "table already");
    /* Until a cycle has shown what came of the first resume, a second one does not fit. */
    OK(karrow_consumer_resume(consumer, 0, 2, E));
    karrow_error *error = FAILURE(karrow_consumer_resume(consumer, 0, 2, E), INVALID_STATE);
    CHECK_TEXT(karrow_error_detail(error, "argument"), "partition");
    karrow_error_free(error);
    karrow_error_free(failure_at(consumer, 0, 2));
    OK(karrow_consumer_resume(consumer, 0, 3, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_partition_without_an_offset_to_start_at_resumes_anywhere(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    produce_int64(cluster, 0, 3);
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set(options, "auto.offset.reset", "none", E));
    OK(karrow_options_set_start_offset(options, 0, 100, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = snapshot_of(consumer);
    karrow_error *failure;
    CHECK_NUMBER(state_of(snapshot, 0), KARROW_PARTITION_STATE_FAILED);
    CHECK_NUMBER(state_of(snapshot, 1), KARROW_PARTITION_STATE_READING);
    OK(karrow_snapshot_failure(snapshot, 0, &failure, E));
    CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_OUT_OF_RANGE);
    CHECK_TEXT(karrow_error_message(failure),
               "offset 100 is outside t[0], whose offsets go from 0 to 3; resume at one of these, or set "
               "auto.offset.reset to earliest or latest");
    int64_t offset;
    CHECK(karrow_error_position(failure, NULL, &offset) && offset == 100);
    karrow_error_free(failure);
    karrow_snapshot_free(snapshot);
    OK(karrow_consumer_resume(consumer, 0, 1, E));
    snapshot = poll_until_rows(consumer, 0, 2);
    CHECK_NUMBER(next_offset(snapshot, 0), 3);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Bounded reads ---------------------------------------------------------------------------------------------------- */

#define AT_THE_STOP "every partition has been read to where it was to stop"

/* The progress of one partition, by the names of the columns; a number that is null is -1. */
struct progress {
    char state[16];
    int64_t position, end_offset, stop_offset, lag, rows, bytes, bad_values, batches;
};

static int64_t number_named(const struct ArrowSchema *schema, const struct ArrowArray *batch, const char *name,
                            int64_t row)
{
    const struct ArrowArray *column = batch->children[column_named(schema, name)];
    return is_null(column, row) ? -1 : int64_at(column, row);
}

static struct progress progress_of(const karrow_consumer *consumer, int32_t partition)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    struct progress progress = {.position = -7};
    OK(karrow_consumer_progress(consumer, &stream, E));
    CHECK_NUMBER(stream.get_schema(&stream, &schema), 0);
    CHECK_NUMBER(stream.get_next(&stream, &batch), 0);
    check_array(&schema, &batch);
    int64_t row = 0;
    while (int32_at(batch.children[column_named(&schema, "partition")], row) != partition)
        CHECK(++row < batch.length);
    const struct ArrowArray *states = batch.children[column_named(&schema, "state")];
    const int32_t *ends = (const int32_t *)states->buffers[1] + row;
    snprintf(progress.state, sizeof progress.state, "%.*s", (int)(ends[1] - ends[0]),
             (const char *)states->buffers[2] + ends[0]);
    progress.position = number_named(&schema, &batch, "position", row);
    progress.end_offset = number_named(&schema, &batch, "end_offset", row);
    progress.stop_offset = number_named(&schema, &batch, "stop_offset", row);
    progress.lag = number_named(&schema, &batch, "lag", row);
    progress.rows = number_named(&schema, &batch, "rows", row);
    progress.bytes = number_named(&schema, &batch, "bytes", row);
    progress.batches = number_named(&schema, &batch, "batches", row);
    int64_t bad = column_named(&schema, "bad_records");
    progress.bad_values = number_named(schema.children[bad], batch.children[bad], "value", row);
    batch.release(&batch);
    schema.release(&schema);
    stream.release(&stream);
    return progress;
}

/* Looks until a partition has come to this state. */
static struct progress progress_until(const karrow_consumer *consumer, int32_t partition, const char *state)
{
    for (;;) {
        struct progress progress = progress_of(consumer, partition);
        if (strcmp(progress.state, state) == 0)
            return progress;
        look_again_soon();
    }
}

static void a_bounded_read_ends_by_itself(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 3);
    produce_int64(cluster, 0, 5);
    produce_int64(cluster, 1, 3);
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set_stop_at_end(options, KARROW_ALL_PARTITIONS, E));
    OK(karrow_options_set_stop_offset(options, 1, 2, E));
    karrow_consumer *consumer = opened(options);
    /* Too late to be read. */
    produce_int64(cluster, 0, 1);
    produce_int64(cluster, 2, 1);
    karrow_snapshot *snapshot = snapshot_of(consumer);
    CHECK_NUMBER(state_of(snapshot, 2), KARROW_PARTITION_STATE_FINISHED);
    karrow_snapshot_free(snapshot);
    karrow_error *error;
    karrow_status status;
    while ((status = karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, &error)) == KARROW_STATUS_OK)
        continue;
    CHECK_NUMBER(status, KARROW_STATUS_END);
    CHECK_TEXT(karrow_error_message(error), AT_THE_STOP);
    karrow_error_free(error);
    static const int64_t ends[] = {5, 2, 0};
    snapshot = snapshot_of(consumer);
    for (int32_t partition = 0; partition < 3; partition++) {
        karrow_error *failure = UNTOUCHED;
        struct progress progress = progress_of(consumer, partition);
        CHECK_NUMBER(state_of(snapshot, partition), KARROW_PARTITION_STATE_FINISHED);
        CHECK_NUMBER(end_row(snapshot, partition), ends[partition]);
        CHECK_NUMBER(next_offset(snapshot, partition), ends[partition]);
        OK(karrow_snapshot_failure(snapshot, partition, &failure, E));
        CHECK(failure == NULL);
        CHECK_TEXT(progress.state, "finished");
        CHECK(progress.position == ends[partition] && progress.stop_offset == ends[partition] && progress.lag == 0);
    }
    karrow_snapshot_free(snapshot);
    FAILS(karrow_consumer_resume(consumer, 0, 5, E), INVALID_STATE,
          "partition: 0 has not failed, so there is nothing to resume");
    FAILS(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E), END, AT_THE_STOP);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_read_of_an_empty_topic_to_its_end_ends_at_once(void)
{
    int64_t rows = -7;
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set_stop_at_end(options, KARROW_ALL_PARTITIONS, E));
    karrow_consumer *consumer = opened(options);
    FAILS(karrow_consumer_poll(consumer, -1, &rows, NULL, NULL, E), END, AT_THE_STOP);
    CHECK_NUMBER(rows, -7);
    karrow_snapshot *snapshot = snapshot_of(consumer);
    CHECK_NUMBER(karrow_snapshot_cycle(snapshot), 0);
    CHECK_NUMBER(state_of(snapshot, 1), KARROW_PARTITION_STATE_FINISHED);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* The embedded cluster knows no times. */
static void a_time_without_records_is_the_end_of_the_log(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    produce_int64(cluster, 0, 3);
    produce_int64(cluster, 1, 3);
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set_start_time(options, 0, INT64_MAX, E));
    OK(karrow_options_set_stop_time(options, 1, INT64_MAX, E));
    karrow_consumer *consumer = opened(options);
    produce_int64(cluster, 0, 1);
    produce_int64(cluster, 1, 1);
    karrow_snapshot *snapshot = read_rows(consumer, 1 + 3);
    CHECK_NUMBER(state_of(snapshot, 0), KARROW_PARTITION_STATE_READING);
    CHECK_NUMBER(next_offset(snapshot, 0), 4);
    CHECK_NUMBER(state_of(snapshot, 1), KARROW_PARTITION_STATE_FINISHED);
    CHECK_NUMBER(next_offset(snapshot, 1), 3);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Progress, commits, discards -------------------------------------------------------------------------------------- */

static void progress_says_how_far_reading_has_come(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 3);
    produce_int64(cluster, 0, 4);
    produce_int64(cluster, 1, 1);
    produce(cluster, "t", 1, NULL, BAD);
    produce_int64(cluster, 1, 2);
    karrow_consumer *consumer = int64_consumer(cluster);
    karrow_error_free(failure_at(consumer, 1, 1));
    karrow_snapshot_free(poll_until_rows(consumer, 0, 4));

    struct progress progress = progress_until(consumer, 0, "at_end");
    CHECK(progress.position == 4 && progress.end_offset == 4 && progress.stop_offset == -1 && progress.lag == 0);
    CHECK(progress.rows == 4 && progress.bytes == 4 * 8 && progress.bad_values == 0 && progress.batches == 1);
    progress = progress_of(consumer, 1);
    CHECK_TEXT(progress.state, "failed");
    CHECK(progress.position == 1 && progress.end_offset == 4 && progress.lag == 3 && progress.bad_values == 1);
    progress = progress_until(consumer, 2, "at_end");
    CHECK(progress.position == 0 && progress.end_offset == 0 && progress.lag == 0 && progress.rows == 0);

    /* Ahead of the last cycle. */
    produce_int64(cluster, 0, 1);
    while (progress_of(consumer, 0).rows < 5)
        look_again_soon();
    karrow_snapshot *snapshot = snapshot_of(consumer);
    CHECK_NUMBER(end_row(snapshot, 0), 4);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_commit_is_where_the_next_consumer_of_the_group_starts(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    produce_int64(cluster, 0, 2);
    produce(cluster, "t", 1, NULL, BAD);
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set(options, "group.id", "g", E));
    OK(karrow_options_set(options, "auto.offset.reset", "none", E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_consumer *consumer, *next;
    OK(karrow_consumer_new(options, &consumer, E));
    OK(karrow_consumer_open(consumer, -1, E));
    karrow_error_free(failure_at(consumer, 1, 0));
    karrow_snapshot *before = poll_until_rows(consumer, 0, 2);
    produce_int64(cluster, 0, 1);
    karrow_snapshot_free(poll_until_rows(consumer, 0, 3));
    OK(karrow_consumer_commit(consumer, before, -1, E));
    karrow_snapshot_free(before);
    karrow_consumer_free(consumer);

    OK(karrow_options_set_start_offset(options, KARROW_ALL_PARTITIONS, KARROW_DONT_SEEK, E));
    OK(karrow_consumer_new(options, &next, E));
    karrow_options_free(options);
    OK(karrow_consumer_open(next, -1, E));
    karrow_snapshot *snapshot = snapshot_of(next);
    CHECK_NUMBER(next_offset(snapshot, 0), 2);
    CHECK_NUMBER(next_offset(snapshot, 1), 0);
    karrow_snapshot_free(snapshot);
    karrow_snapshot_free(poll_until_rows(next, 0, 1));
    karrow_consumer_free(next);
    karrow_mock_cluster_free(cluster);
}

static void a_full_table_takes_nothing_in_until_rows_are_discarded(void)
{
    int64_t rows = -7;
    karrow_snapshot *cycle = UNTOUCHED;
    karrow_error *failure;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_int64(cluster, 0, 1);
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set(options, "karrow.append.max.bytes", "1", E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot_free(read_rows(consumer, 1));
    produce_int64(cluster, 0, 1);
    karrow_snapshot *snapshot = poll_until_state(consumer, KARROW_PARTITION_STATE_WAITING);
    OK(karrow_snapshot_failure(snapshot, 0, &failure, E));
    CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_LIMIT);
    karrow_error_free(failure);
    karrow_snapshot_free(snapshot);
    FAILS(karrow_consumer_poll(consumer, -1, &rows, NULL, &cycle, E), LIMIT,
          "the table holds karrow.append.max.bytes (1); discard rows that are not needed any more");
    CHECK(rows == -7 && cycle == UNTOUCHED);
    CHECK_TEXT(progress_of(consumer, 0).state, "waiting");
    OK(karrow_consumer_discard(consumer, 0, 1, E));
    snapshot = poll_until_rows(consumer, 0, 2);
    CHECK_NUMBER(first_row(snapshot, 0), 1);
    CHECK_NUMBER(next_offset(snapshot, 0), 2);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Bad records ------------------------------------------------------------------------------------------------------ */

/* How many letters have come, all of them of partition 0 and from this offset on. */
static int64_t take_dead_letters(const karrow_consumer *consumer, int64_t offset)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    int64_t taken = 0;
    OK(karrow_consumer_dead_letters(consumer, &stream, E));
    CHECK_NUMBER(stream.get_schema(&stream, &schema), 0);
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
        check_array(&schema, &batch);
        for (int64_t row = 0; row < batch.length; row++, taken++) {
            CHECK(text_is(batch.children[column_named(&schema, "topic")], row, "t"));
            CHECK_NUMBER(int32_at(batch.children[column_named(&schema, "partition")], row), 0);
            CHECK_NUMBER(int64_at(batch.children[column_named(&schema, "offset")], row), offset + taken);
        }
        batch.release(&batch);
    }
    schema.release(&schema);
    stream.release(&stream);
    return taken;
}

static void a_bad_record_is_skipped_or_null_if_its_policy_says_so(void)
{
    static const struct {
        const char *policy;
        int64_t rows, nulls;
    } cases[] = {{"skip", 2, 0}, {"null", 3, 1}};
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_int64(cluster, 0, 1);
    produce(cluster, "t", 0, NULL, "bad");
    produce_int64(cluster, 0, 1);
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        karrow_options *options = options_of(cluster, "t", NULL, "int64");
        OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
        OK(karrow_options_set(options, "karrow.value.bad.record.policy", cases[index].policy, E));
        karrow_consumer *consumer = opened(options);
        karrow_snapshot *snapshot = read_rows(consumer, cases[index].rows);
        CHECK_NUMBER(next_offset(snapshot, 0), 3);
        struct table table = table_of(snapshot, 0);
        CHECK_NUMBER(column_of(&table, "V")->null_count, cases[index].nulls);
        CHECK_NUMBER(progress_of(consumer, 0).bad_values, 1);
        CHECK_NUMBER(take_dead_letters(consumer, 0), 0);
        release_table(&table);
        karrow_snapshot_free(snapshot);
        karrow_consumer_free(consumer);
    }
    karrow_mock_cluster_free(cluster);
}

static void dead_letters_that_nobody_takes_hold_reading_back(void)
{
    enum { RECORDS = 8, SIZE = 200000 };
    char *large = malloc(SIZE + 1);
    CHECK(large != NULL);
    memset(large, 'x', SIZE);
    large[SIZE] = '\0';
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    for (int record = 0; record < RECORDS; record++)
        produce(cluster, "t", 0, NULL, large);
    free(large);
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set(options, "karrow.bad.record.policy", "dead_letter", E));
    OK(karrow_options_set(options, "karrow.memory.budget.bytes", "1048576", E));
    OK(karrow_options_set_stop_offset(options, 0, RECORDS, E));
    karrow_consumer *consumer = opened(options);
    int64_t taken = 0, limits = 0;
    karrow_error *error;
    for (;;) {
        karrow_status status = karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, &error);
        if (status == KARROW_STATUS_OK)
            continue;
        if (status == KARROW_STATUS_LIMIT) {
            limits++;
            CHECK_TEXT(karrow_error_message(error), "untaken dead letters fill karrow.memory.budget.bytes (1048576); "
                                                    "take them with karrow_consumer_dead_letters");
            CHECK_TEXT(progress_of(consumer, 0).state, "waiting");
            karrow_snapshot *snapshot = snapshot_of(consumer);
            CHECK_NUMBER(state_of(snapshot, 0), KARROW_PARTITION_STATE_WAITING);
            karrow_snapshot_free(snapshot);
        }
        taken += take_dead_letters(consumer, taken);
        karrow_error_free(error);
        if (status == KARROW_STATUS_LIMIT)
            continue;
        CHECK_NUMBER(status, KARROW_STATUS_END);
        break;
    }
    CHECK_NUMBER(taken, RECORDS);
    CHECK(limits >= 2);
    CHECK_NUMBER(progress_of(consumer, 0).bad_values, RECORDS);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

int main(void)
{
    check_start();
    RUN(every_simple_type_goes_from_record_to_row_on_both_sides);
    RUN(null_and_empty_are_told_apart);
    RUN(records_come_out_as_their_json_says);
    RUN(avro_records_become_rows_by_the_schemas_they_were_written_with);
    RUN(protobuf_records_become_rows_by_the_schemas_they_were_written_with);
    RUN(nothing_is_lost_when_the_leader_moves);
    RUN(nothing_is_lost_when_a_broker_goes_and_comes_back);
    RUN(reading_goes_on_after_errors_of_fetch);
    RUN(a_partition_that_kafka_refuses_waits_and_goes_on_by_itself);
    RUN(a_broker_that_takes_too_long_lets_open_run_out_of_time);
    RUN(a_bad_record_stops_its_partition_alone);
    RUN(messages_say_what_was_found_and_show_no_payload);
    RUN(poll_ends_once_every_partition_has_failed);
    RUN(a_partition_resumes_at_its_record_or_past_it);
    RUN(only_a_failed_partition_resumes_and_only_forward);
    RUN(a_partition_without_an_offset_to_start_at_resumes_anywhere);
    RUN(a_bounded_read_ends_by_itself);
    RUN(a_read_of_an_empty_topic_to_its_end_ends_at_once);
    RUN(a_time_without_records_is_the_end_of_the_log);
    RUN(progress_says_how_far_reading_has_come);
    RUN(a_commit_is_where_the_next_consumer_of_the_group_starts);
    RUN(a_full_table_takes_nothing_in_until_rows_are_discarded);
    RUN(a_bad_record_is_skipped_or_null_if_its_policy_says_so);
    RUN(dead_letters_that_nobody_takes_hold_reading_back);
    return 0;
}
