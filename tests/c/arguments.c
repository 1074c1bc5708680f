/*
 * Wrong arguments: the status, the message, and that nothing else has happened.
 *
 * Messages are part of what users see, so they are compared as a whole wherever karrow writes all of them. Names that
 * begin like k5 are those of the rules.
 */
#include "check.h"

/* Numbers, texts, time-outs ---------------------------------------------------------------------------------------- */

static karrow_options *any_options(void)
{
    return options_for("127.0.0.1:1", "t", NULL, "utf8");
}

static void numbers_of_enumerations_are_checked(void)
{
    karrow_log *log = UNTOUCHED;
    FAILS(karrow_log_new(8, 1, &log, E), INVALID_ARGUMENT, "level: 8 is not a level; levels go from 0 to 7");
    FAILS(karrow_log_new(-1, 1, &log, E), INVALID_ARGUMENT, "level: -1 is not a level; levels go from 0 to 7");
    CHECK(log == UNTOUCHED);

    karrow_options *options = any_options();
    karrow_spec *spec;
    OK(karrow_spec_new_ignore(&spec, E));
    FAILS(karrow_options_set_spec(options, 2, spec, E), INVALID_ARGUMENT,
          "side: 2 is not a side; use KARROW_SIDE_KEY or KARROW_SIDE_VALUE");
    FAILS(karrow_options_set_spec(options, -1, spec, E), INVALID_ARGUMENT,
          "side: -1 is not a side; use KARROW_SIDE_KEY or KARROW_SIDE_VALUE");
    FAILS(karrow_options_set_table_type(options, 3, 1, E), INVALID_ARGUMENT,
          "kind: 3 is not a table type; use KARROW_TABLE_TYPE_BLINK, KARROW_TABLE_TYPE_APPEND or "
          "KARROW_TABLE_TYPE_RING");
    FAILS_WITH(karrow_options_set_table_type(options, -1, 1, E), INVALID_ARGUMENT, "kind: -1 is not a table type");
    karrow_spec_free(spec);
    karrow_options_free(options);
}

static void every_status_has_a_name(void)
{
    static const char *const names[] = {
        "OK", "END", "INTERRUPTED", "TIMEOUT", "BUSY", "CLOSED", "INVALID_ARGUMENT", "INVALID_STATE", "NOT_FOUND",
        "OUT_OF_RANGE", "UNSUPPORTED", "BAD_RECORD", "KAFKA", "REGISTRY", "PROCESSOR", "LIMIT", "PANIC", "POISONED",
        "INTERNAL",
    };
    for (int32_t status = 0; status <= KARROW_STATUS_INTERNAL; status++)
        CHECK_TEXT(karrow_status_name(status), names[status]);
    CHECK_TEXT(karrow_status_name(KARROW_STATUS_INTERNAL + 1), "UNKNOWN");
    CHECK_TEXT(karrow_status_name(-1), "UNKNOWN");
}

static void texts_must_be_utf8(void)
{
    static const char bad[] = "ab\xff";
    const char *const columns[] = {"V", bad};
    void *out = UNTOUCHED;
    karrow_options *options = any_options();
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = opened(options_of(cluster, "t", NULL, "utf8"));
    karrow_snapshot *snapshot = snapshot_of(consumer);

    FAILS(karrow_options_new(bad, (karrow_options **)&out, E), INVALID_ARGUMENT,
          "topic: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_simple(bad, "utf8", (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "column: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_simple("V", bad, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "type_name: is not valid UTF-8 from byte 2 on");
    karrow_spec *json;
    OK(karrow_spec_new_json(&json, E));
    FAILS(karrow_spec_add_column(json, bad, "utf8", E), INVALID_ARGUMENT, "name: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_add_column(json, "V", bad, E), INVALID_ARGUMENT, "type_name: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_map_field(json, bad, "V", E), INVALID_ARGUMENT, "field: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_map_field(json, "v", bad, E), INVALID_ARGUMENT, "column: is not valid UTF-8 from byte 2 on");
    karrow_spec_free(json);
    FAILS(karrow_spec_new_object_processor(bad, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "description: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_avro_schema(bad, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "schema: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_avro_subject(bad, NULL, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "subject: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_avro_subject("s", bad, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "version: is not valid UTF-8 from byte 2 on");
    karrow_spec *avro;
    OK(karrow_spec_new_avro_subject("s", NULL, &avro, E));
    FAILS(karrow_spec_set(avro, bad, "bare", E), INVALID_ARGUMENT, "key: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_set(avro, "framing", bad, E), INVALID_ARGUMENT, "value: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_add_schema(avro, 7, bad, E), INVALID_ARGUMENT, "schema: is not valid UTF-8 from byte 2 on");
    karrow_spec_free(avro);
    FAILS(karrow_spec_new_protobuf_source(bad, "", NULL, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "file: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_protobuf_source("a.proto", bad, NULL, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "text: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_protobuf_source("a.proto", "", bad, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "message: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_protobuf_descriptor(NULL, 0, bad, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "message: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_protobuf_subject(bad, NULL, NULL, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "subject: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_protobuf_subject("s", bad, NULL, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "version: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_new_protobuf_subject("s", NULL, bad, (karrow_spec **)&out, E), INVALID_ARGUMENT,
          "message: is not valid UTF-8 from byte 2 on");
    karrow_spec *protobuf;
    OK(karrow_spec_new_protobuf_subject("s", NULL, NULL, &protobuf, E));
    FAILS(karrow_spec_add_file(protobuf, bad, "", E), INVALID_ARGUMENT, "name: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_spec_add_file(protobuf, "a.proto", bad, E), INVALID_ARGUMENT,
          "text: is not valid UTF-8 from byte 2 on");
    karrow_spec_free(protobuf);
    FAILS(karrow_options_set(options, bad, "value", E), INVALID_ARGUMENT, "key: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_options_set(options, "client.id", bad, E), INVALID_ARGUMENT,
          "value: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_snapshot_view(snapshot, columns, 2, (karrow_snapshot **)&out, E), INVALID_ARGUMENT,
          "columns: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_mock_cluster_create_topic(cluster, bad, 1, E), INVALID_ARGUMENT,
          "topic: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_mock_cluster_produce(cluster, bad, 0, NULL, 0, NULL, 0, 0, NULL, E), INVALID_ARGUMENT,
          "topic: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_mock_cluster_produce_records(cluster, bad, "[]", E), INVALID_ARGUMENT,
          "topic: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_mock_cluster_produce_records(cluster, "t", bad, E), INVALID_ARGUMENT,
          "records: is not valid UTF-8 from byte 2 on");
    FAILS(karrow_mock_cluster_set_leader(cluster, bad, 0, 1, E), INVALID_ARGUMENT,
          "topic: is not valid UTF-8 from byte 2 on");
    CHECK(out == UNTOUCHED);

    karrow_error *error = FAILURE(karrow_options_new("", (karrow_options **)&out, E), INVALID_ARGUMENT);
    CHECK_TEXT(karrow_error_detail(error, "argument"), "topic");
    CHECK(karrow_error_detail(error, bad) == NULL);
    karrow_error_free(error);

    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
    karrow_options_free(options);
}

static void messages_hold_no_control_characters(void)
{
    karrow_options *options = any_options();
    FAILS_WITH(karrow_options_set(options, "karrow.\x1b[2J\n", "", E), INVALID_ARGUMENT,
               "karrow.\\u{1b}[2J\\n: unknown key");
    karrow_options_free(options);
}

static void negative_time_outs_are_errors(void)
{
    static const char message[] =
        "timeout_ms: -2 is negative; give 0 or more milliseconds, or -1 to wait for ever";
    karrow_log *log;
    karrow_log_entry *entry = UNTOUCHED;
    struct ArrowSchema schema;
    karrow_options *options = any_options();
    OK(karrow_log_new(KARROW_LOG_LEVEL_INFO, 1, &log, E));
    FAILS(karrow_log_take(log, -2, &entry, E), INVALID_ARGUMENT, message);
    CHECK(entry == UNTOUCHED);
    FAILS(karrow_options_schema(options, -2, &schema, E), INVALID_ARGUMENT, message);

    karrow_consumer *consumer = consumer_of(options);
    FAILS(karrow_consumer_open(consumer, -2, E), INVALID_ARGUMENT, message);
    FAILS(karrow_consumer_poll(consumer, -2, NULL, NULL, NULL, E), INVALID_ARGUMENT, message);
    karrow_snapshot *snapshot = UNTOUCHED;
    FAILS(karrow_consumer_wait(consumer, 0, -2, &snapshot, E), INVALID_ARGUMENT, message);
    CHECK(snapshot == UNTOUCHED);
    FAILS(karrow_consumer_close(consumer, INT64_MIN, E), INVALID_ARGUMENT,
          "timeout_ms: -9223372036854775808 is negative; give 0 or more milliseconds, or -1 to wait for ever");
    /* It has not been closed. */
    FAILS(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E), INVALID_STATE,
          "the consumer has not been opened; call open first");
    karrow_consumer_free(consumer);
    karrow_log_free(log);
}

static void lists_and_names_must_not_be_empty(void)
{
    const int32_t ids[] = {0};
    karrow_options *options = UNTOUCHED;
    karrow_log *log = UNTOUCHED;
    FAILS(karrow_options_new("", &options, E), INVALID_ARGUMENT,
          "topic: the name is empty; give the name of a Kafka topic");
    FAILS(karrow_log_new(KARROW_LOG_LEVEL_INFO, 0, &log, E), INVALID_ARGUMENT,
          "capacity: a log needs room for at least 1 entry");
    CHECK(options == UNTOUCHED && log == UNTOUCHED);
    options = any_options();
    static const char message[] = "ids: the list is empty; name at least one partition, or set none for all";
    FAILS(karrow_options_set_partitions(options, ids, 0, E), INVALID_ARGUMENT, message);
    FAILS(karrow_options_set_partitions(options, NULL, 0, E), INVALID_ARGUMENT, message);
    karrow_options_free(options);
}

/* Options ---------------------------------------------------------------------------------------------------------- */

static void k1_both_spellings_of_a_key_are_an_error(void)
{
    karrow_options *options = any_options();
    OK(karrow_options_set(options, "deephaven.offset.column.name", "O", E));
    FAILS(karrow_options_set(options, "karrow.offset.column.name", "X", E), INVALID_ARGUMENT,
          "karrow.offset.column.name: deephaven.offset.column.name is set already, and both mean the same");
    OK(karrow_options_set(options, "karrow.partition.column.name", "P", E));
    FAILS(karrow_options_set(options, "deephaven.partition.column.name", "P", E), INVALID_ARGUMENT,
          "deephaven.partition.column.name: karrow.partition.column.name is set already, and both mean the same");
    /* Back at its default, it may be said the other way. */
    OK(karrow_options_set(options, "deephaven.offset.column.name", NULL, E));
    OK(karrow_options_set(options, "karrow.offset.column.name", "X", E));
    karrow_options_free(options);
}

static void k4_keys_that_karrow_owns_are_refused(void)
{
    static const char *const refused[][2] = {
        {"enable.partition.eof", "karrow turns it on, to know where a partition ends"},
        {"enable.auto.offset.store", "karrow tracks offsets itself, by what a snapshot shows"},
        {"plugin.library.paths", "karrow loads no code into its host"},
        {"log.queue", "messages are read through a log handle"},
        {"test.mock.num.brokers", "use the embedded cluster's bootstrap servers"},
    };
    karrow_options *options = any_options();
    for (size_t index = 0; index < sizeof refused / sizeof refused[0]; index++) {
        char message[200];
        snprintf(message, sizeof message, "%s: this property cannot be set: %s", refused[index][0], refused[index][1]);
        FAILS(karrow_options_set(options, refused[index][0], "true", E), INVALID_ARGUMENT, message);
    }
    karrow_options_free(options);
}

static void k5_unknown_keys_name_the_nearest(void)
{
    karrow_options *options = any_options();
    FAILS_WITH(karrow_options_set(options, "karrow.ofset.column.name", "X", E), INVALID_ARGUMENT,
               "karrow.ofset.column.name: unknown key; did you mean karrow.offset.column.name");
    FAILS_WITH(karrow_options_set(options, "karrow.memory.budget", "X", E), INVALID_ARGUMENT,
               "karrow.memory.budget: unknown key; did you mean karrow.memory.budget.bytes");
    /* Deephaven does not have it. */
    FAILS_WITH(karrow_options_set(options, "deephaven.poll.linger.ms", "1", E), INVALID_ARGUMENT,
               "deephaven.poll.linger.ms: unknown key; did you mean karrow.poll.linger.ms");

    karrow_consumer *consumer = UNTOUCHED;
    OK(karrow_options_set(options, "fetch.max.byte", "1", E));
    FAILS_WITH(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
               "fetch.max.byte: Kafka has no such property, nor has karrow; did you mean fetch.max.bytes");
    OK(karrow_options_set(options, "fetch.max.byte", NULL, E));
    OK(karrow_options_set(options, "zzz", "1", E));
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
          "zzz: Kafka has no such property, nor has karrow");
    CHECK(consumer == UNTOUCHED);
    karrow_options_free(options);
}

/* What consumer_new says about one property. */
static void value_fails(const char *key, const char *value, karrow_status status, const char *message)
{
    karrow_consumer *consumer = UNTOUCHED;
    karrow_options *options = any_options();
    OK(karrow_options_set(options, key, value, E));
    CHECK_NUMBER(karrow_consumer_new(options, &consumer, E), status);
    CHECK_TEXT(karrow_error_message(check_error), message);
    CHECK_TEXT(karrow_error_detail(check_error, "argument"), key);
    CHECK(consumer == UNTOUCHED);
    karrow_error_free(check_error);
    karrow_options_free(options);
}

static void values_are_checked_when_a_consumer_is_made(void)
{
    static const karrow_status invalid = KARROW_STATUS_INVALID_ARGUMENT;
    value_fails("karrow.memory.budget.bytes", "1k", invalid,
                "karrow.memory.budget.bytes: '1k' is not a whole number of 0 or more");
    value_fails("karrow.memory.budget.bytes", "-1", invalid,
                "karrow.memory.budget.bytes: '-1' is not a whole number of 0 or more");
    value_fails("karrow.memory.budget.bytes", "1048575", invalid,
                "karrow.memory.budget.bytes: 1048575 bytes are too few; give at least 1048576");
    value_fails("karrow.ingest.threads", "0", invalid, "karrow.ingest.threads: at least 1 thread has to decode");
    value_fails("karrow.poll.linger.ms", "", invalid, "karrow.poll.linger.ms: '' is not a whole number of 0 or more");
    value_fails("karrow.timestamp.column.type", "int64", invalid,
                "karrow.timestamp.column.type: 'int64' is neither timestamp[ns, UTC] nor timestamp[ms, UTC]");
    value_fails("auto.offset.reset", "first", invalid,
                "auto.offset.reset: 'first' is not earliest, latest, error or none");
    value_fails("enable.auto.commit", "true", invalid,
                "enable.auto.commit: there is no group to commit for; set group.id");
    value_fails("enable.auto.commit", "perhaps", invalid, "enable.auto.commit: 'perhaps' is neither true nor false");
    value_fails("karrow.partition.discovery.ms", "-1", invalid,
                "karrow.partition.discovery.ms: '-1' is not a whole number of 0 or more");
    value_fails("karrow.append.max.bytes", "1", invalid,
                "karrow.append.max.bytes: only an append table has this limit");
    value_fails("karrow.ring.max.bytes", "1", invalid, "karrow.ring.max.bytes: only a ring table has this limit");
    value_fails("karrow.ring.max.age.ms", "0", invalid,
                "karrow.ring.max.age.ms: 0 would keep nothing; give 1 or more, or leave it out");
    value_fails("bootstrap.servers", NULL, invalid,
                "bootstrap.servers: not set; give host:port of at least one broker");
}

static void kafkas_values_are_checked_when_a_consumer_is_made(void)
{
    static const char *const wrong[] = {"soon", "0", "-1"};
    karrow_consumer *consumer = UNTOUCHED;
    karrow_options *options = any_options();
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        OK(karrow_options_set(options, "socket.timeout.ms", wrong[index], E));
        karrow_error *error = FAILURE(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT);
        CHECK_TEXT(karrow_error_detail(error, "argument"), "socket.timeout.ms");
        CHECK(strncmp(karrow_error_message(error), "socket.timeout.ms: ", strlen("socket.timeout.ms: ")) == 0);
        /* librdkafka ends some of its texts as lines; a message is a sentence. */
        CHECK(strstr(karrow_error_message(error), "\\n") == NULL);
        karrow_error_free(error);
    }
    CHECK(consumer == UNTOUCHED);
    karrow_options_free(options);
}

/* Memory is bounded by karrow's one number, whatever librdkafka's own bounds are. */
static void any_memory_budget_from_the_smallest_on_will_do(void)
{
    static const char *const budgets[] = {"1048576", "1073741824", "17179869184", "1099511627776"};
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    for (size_t index = 0; index < sizeof budgets / sizeof budgets[0]; index++) {
        karrow_options *options = options_of(cluster, "t", NULL, "utf8");
        OK(karrow_options_set(options, "karrow.memory.budget.bytes", budgets[index], E));
        karrow_consumer_free(opened(options));
    }
    karrow_mock_cluster_free(cluster);
}

/* Opens with one more property, and reads the topic's one record. */
static void property_works(const karrow_mock_cluster *cluster, const char *key, const char *value)
{
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set(options, key, value, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot_free(read_rows(consumer, 1));
    karrow_consumer_free(consumer);
}

/* What librdkafka takes by itself, karrow's own settings must not get in the way of. */
static void kafkas_properties_do_what_they_do_without_karrow(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "v");
    property_works(cluster, "group.id", "mine");
    /* librdkafka's default, which means no group. */
    property_works(cluster, "group.id", "");
    property_works(cluster, "message.max.bytes", "100000000");
    property_works(cluster, "queued.max.messages.kbytes", "1");
    property_works(cluster, "isolation.level", "read_uncommitted");
    property_works(cluster, "enable.auto.commit", "false");
    karrow_mock_cluster_free(cluster);
}

/* Columns ---------------------------------------------------------------------------------------------------------- */

/* Metadata is a row of texts behind their lengths. Moves on to the next text. */
static bool next_text_is(const char **at, const char *expected)
{
    int32_t length;
    memcpy(&length, *at, sizeof length);
    const char *text = *at + sizeof length;
    *at = text + length;
    return (size_t)length == strlen(expected) && memcmp(text, expected, (size_t)length) == 0;
}

static bool has_metadata(const char *metadata, const char *key, const char *value)
{
    int32_t pairs;
    memcpy(&pairs, metadata, sizeof pairs);
    const char *at = metadata + sizeof pairs;
    while (pairs-- > 0) {
        bool same_key = next_text_is(&at, key);
        bool same_value = next_text_is(&at, value);
        if (same_key && same_value)
            return true;
    }
    return false;
}

struct column {
    const char *name, *format, *origin, *source;
    bool nullable;
};

static void check_columns(const struct ArrowSchema *schema, const struct column *columns, int64_t count)
{
    CHECK_TEXT(schema->format, "+s");
    CHECK(has_metadata(schema->metadata, "karrow.topic", "t"));
    CHECK_NUMBER(schema->n_children, count);
    for (int64_t column = 0; column < count; column++) {
        const struct ArrowSchema *found = schema->children[column];
        CHECK_TEXT(found->name, columns[column].name);
        CHECK_TEXT(found->format, columns[column].format);
        CHECK_NUMBER((found->flags & ARROW_FLAG_NULLABLE) != 0, columns[column].nullable);
        CHECK(has_metadata(found->metadata, "karrow.origin", columns[column].origin));
        CHECK(has_metadata(found->metadata, "karrow.source", columns[column].source));
    }
}

static void k6_common_columns_come_first_in_their_order(void)
{
    static const struct column defaults[] = {
        {"KafkaPartition", "i", "common", "partition", false},
        {"KafkaOffset", "l", "common", "offset", false},
        {"KafkaTimestamp", "tsn:UTC", "common", "timestamp", true},
        {"K", "u", "key", "", true},
        {"V", "l", "value", "", true},
    };
    static const struct column all[] = {
        {"P", "i", "common", "partition", false},
        {"KafkaOffset", "l", "common", "offset", false},
        {"KafkaTimestamp", "tsm:UTC", "common", "timestamp", true},
        {"Received", "tsn:UTC", "common", "receivetime", true},
        {"KeySize", "i", "common", "keybytes", true},
        {"ValueSize", "i", "common", "valuebytes", true},
        {"Headers", "+l", "common", "headers", true},
        {"Kind", "u", "common", "timestamptype", true},
        {"Epoch", "i", "common", "leaderepoch", true},
        {"K", "u", "key", "", true},
        {"V", "l", "value", "", true},
    };
    struct ArrowSchema schema;
    karrow_options *options = options_for("127.0.0.1:1", "t", "utf8", "int64");
    OK(karrow_options_schema(options, 0, &schema, E));
    check_columns(&schema, defaults, 5);
    schema.release(&schema);

    OK(karrow_options_set(options, "karrow.leaderepoch.column.name", "Epoch", E));
    OK(karrow_options_set(options, "karrow.timestamptype.column.name", "Kind", E));
    OK(karrow_options_set(options, "karrow.headers.column.name", "Headers", E));
    OK(karrow_options_set(options, "deephaven.valuebytes.column.name", "ValueSize", E));
    OK(karrow_options_set(options, "deephaven.keybytes.column.name", "KeySize", E));
    OK(karrow_options_set(options, "karrow.receivetime.column.name", "Received", E));
    OK(karrow_options_set(options, "karrow.timestamp.column.type", "timestamp[ms, UTC]", E));
    OK(karrow_options_set(options, "karrow.partition.column.name", "P", E));
    OK(karrow_options_schema(options, 0, &schema, E));
    check_columns(&schema, all, 11);
    const struct ArrowSchema *header = schema.children[6]->children[0];
    CHECK_TEXT(header->format, "+s");
    CHECK_TEXT(header->children[0]->name, "key");
    CHECK_TEXT(header->children[0]->format, "u");
    CHECK_TEXT(header->children[1]->name, "value");
    CHECK_TEXT(header->children[1]->format, "z");
    schema.release(&schema);

    OK(karrow_options_set(options, "karrow.partition.column.name", "", E));
    OK(karrow_options_schema(options, 0, &schema, E));
    check_columns(&schema, all + 1, 10);
    schema.release(&schema);
    karrow_options_free(options);
}

static void k7_two_columns_of_one_name_are_an_error(void)
{
    struct ArrowSchema schema;
    karrow_consumer *consumer = UNTOUCHED;
    karrow_options *options = any_options();
    set_type(options, KARROW_SIDE_KEY, "V", "utf8");
    static const char both[] = "columns: two columns are named 'V': a column of the key and a column of the value; "
                               "rename one of them";
    FAILS(karrow_options_schema(options, 0, &schema, E), INVALID_ARGUMENT, both);
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT, both);
    set_type(options, KARROW_SIDE_KEY, "KafkaOffset", "utf8");
    karrow_error *error = FAILURE(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT);
    CHECK_TEXT(karrow_error_message(error),
               "columns: two columns are named 'KafkaOffset': the common column offset (karrow.offset.column.name) "
               "and a column of the key; rename one of them");
    CHECK_TEXT(karrow_error_detail(error, "column"), "KafkaOffset");
    karrow_error_free(error);
    CHECK(consumer == UNTOUCHED);
    karrow_options_free(options);
}

#define TYPES "int16, int32, int64, float32, float64, utf8, binary or uuid"

static void s4_a_side_needs_a_type(void)
{
    karrow_consumer *consumer = UNTOUCHED;
    karrow_options *options;
    OK(karrow_options_new("t", &options, E));
    OK(karrow_options_set(options, "bootstrap.servers", "127.0.0.1:1", E));
    OK(karrow_options_set(options, "karrow.value.column.type", "utf8", E));
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
          "key spec: no type for column KafkaKey; give the spec a type, set karrow.key.column.type to " TYPES
          ", or ignore the key");
    OK(karrow_options_set(options, "key.deserializer", "com.example.MyDeserializer", E));
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
          "key.deserializer: no column type follows from 'com.example.MyDeserializer'; set karrow.key.column.type to "
          TYPES);
    OK(karrow_options_set(options, "karrow.key.column.type", "Integer", E));
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
          "karrow.key.column.type: 'Integer' is not supported; use " TYPES);
    CHECK(consumer == UNTOUCHED);

    /* The type of the options beats the deserializer, the spec's own beats both. */
    struct ArrowSchema schema;
    OK(karrow_options_set(options, "key.deserializer", "org.apache.kafka.common.serialization.LongDeserializer", E));
    OK(karrow_options_set(options, "karrow.key.column.type", NULL, E));
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "KafkaKey")]->format, "l");
    schema.release(&schema);
    OK(karrow_options_set(options, "karrow.key.column.type", "double", E));
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "KafkaKey")]->format, "g");
    schema.release(&schema);
    set_type(options, KARROW_SIDE_KEY, NULL, "binary");
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "KafkaKey")]->format, "z");
    schema.release(&schema);
    karrow_options_free(options);
}

static void s5_two_sides_ignored_are_an_error(void)
{
    karrow_consumer *consumer = UNTOUCHED;
    karrow_options *options = any_options();
    set_type(options, KARROW_SIDE_VALUE, NULL, NULL);
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
          "key and value specs: both are ignore, which leaves nothing to read; give at least one side another spec");
    CHECK(consumer == UNTOUCHED);
    karrow_options_free(options);
}

static void t_both_names_of_a_type_mean_the_same(void)
{
    static const char *const types[][3] = {
        {"int16", "short", "s"}, {"int32", "int", "i"}, {"int64", "long", "l"}, {"float32", "float", "f"},
        {"float64", "double", "g"}, {"utf8", "String", "u"}, {"binary", "byte[]", "z"}, {"uuid", "java.util.UUID", "u"},
    };
    karrow_options *options = any_options();
    for (size_t index = 0; index < sizeof types / sizeof types[0]; index++) {
        for (int spelling = 0; spelling < 2; spelling++) {
            struct ArrowSchema schema;
            set_type(options, KARROW_SIDE_VALUE, "V", types[index][spelling]);
            OK(karrow_options_schema(options, 0, &schema, E));
            CHECK_TEXT(schema.children[column_named(&schema, "V")]->format, types[index][2]);
            schema.release(&schema);
        }
    }
    karrow_options_free(options);
}

static void t_other_names_are_an_error(void)
{
    static const char *const others[] = {"", "bool", "char", "Integer", "INT64", "int64 x", "timestamp[ns, UTC]"};
    karrow_consumer *consumer = UNTOUCHED;
    karrow_options *options = any_options();
    for (size_t index = 0; index < sizeof others / sizeof others[0]; index++) {
        char message[200];
        set_type(options, KARROW_SIDE_VALUE, "V", others[index]);
        snprintf(message, sizeof message, "type: a simple spec cannot read '%s' into column V; use " TYPES,
                 others[index]);
        FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT, message);
    }
    CHECK(consumer == UNTOUCHED);
    karrow_options_free(options);
}

static void j1_columns_and_mappings_are_checked(void)
{
    karrow_spec *json, *simple;
    OK(karrow_spec_new_json(&json, E));
    OK(karrow_spec_new_simple("V", "utf8", &simple, E));
    FAILS(karrow_spec_add_column(simple, "A", "utf8", E), INVALID_STATE,
          "a simple spec has no columns; they belong to a json spec; make one with karrow_spec_new_json");
    FAILS(karrow_spec_map_field(simple, "a", "A", E), INVALID_STATE,
          "a simple spec has no mappings; they belong to a json spec, an avro spec or a protobuf spec");
    FAILS(karrow_spec_add_column(json, "", "utf8", E), INVALID_ARGUMENT, "name: is empty; a column needs a name");
    FAILS(karrow_spec_add_column(json, "A", "text", E), INVALID_ARGUMENT,
          "type: unknown type 'text'; use an Arrow name such as int64, float64, utf8, timestamp[ns, UTC] or "
          "decimal128(10, 2)");
    FAILS(karrow_spec_add_column(json, "A", "list<map<int64, utf8>>", E), UNSUPPORTED,
          "column A cannot be list<map<int64, utf8>>; a json spec reads maps whose keys are utf8, in no order");
    OK(karrow_spec_add_column(json, "A", "long", E));
    FAILS(karrow_spec_add_column(json, "A", "utf8", E), INVALID_ARGUMENT,
          "name: there is a column A already; a spec has each column once");
    OK(karrow_spec_map_field(json, "a", "A", E));
    FAILS(karrow_spec_map_field(json, "/b", "A", E), INVALID_ARGUMENT,
          "field: /a is mapped to column A already; a column is read from one field");
    FAILS(karrow_spec_map_field(json, "/~2", "B", E), INVALID_ARGUMENT,
          "field: '/~2' is not a JSON Pointer: '~' must be followed by 0 (for '~') or 1 (for '/')");
    OK(karrow_spec_map_field(json, "/b/0", "B", E));

    karrow_consumer *consumer = UNTOUCHED;
    karrow_options *options = any_options();
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, json, E));
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
          "mapping: /b/0 is mapped to column B, which the spec does not have; its columns are A");
    CHECK(consumer == UNTOUCHED);
    OK(karrow_spec_add_column(json, "B", "decimal128(10, 2)", E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, json, E));
    struct ArrowSchema schema;
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "A")]->format, "l");
    CHECK_TEXT(schema.children[column_named(&schema, "B")]->format, "d:10,2");
    schema.release(&schema);
    karrow_options_free(options);
    karrow_spec_free(simple);
    karrow_spec_free(json);
}

/* An Avro schema of one field. */
#define FIELD(name, type) \
    "{\"type\": \"record\", \"name\": \"R\", \"fields\": [{\"name\": \"" name "\", \"type\": \"" type "\"}]}"

static void a1_avro_specs_are_checked(void)
{
    karrow_spec *avro = UNTOUCHED, *json;
    FAILS(karrow_spec_new_avro_schema("\"strnig\"", &avro, E), INVALID_ARGUMENT,
          "schema: it is no Avro schema: Unknown primitive type: strnig");
    FAILS(karrow_spec_new_avro_subject("", NULL, &avro, E), INVALID_ARGUMENT,
          "subject: it is empty; a registry has schemas by the name of a subject");
    FAILS(karrow_spec_new_avro_subject("s", "0", &avro, E), INVALID_ARGUMENT,
          "version: '0' is no version of a schema; use latest or a number from 1 on");
    CHECK(avro == UNTOUCHED);
    OK(karrow_spec_new_avro_subject("s", "3", &avro, E));
    karrow_spec_free(avro);

    OK(karrow_spec_new_json(&json, E));
    FAILS(karrow_spec_set(json, "framing", "bare", E), INVALID_STATE,
          "a json spec has no settings; they belong to an avro spec, a protobuf spec or a callback spec");
    FAILS(karrow_spec_add_schema(json, 7, FIELD("a", "int"), E), INVALID_STATE,
          "a json spec has no schemas; they belong to an avro spec or a protobuf spec");
    karrow_spec_free(json);

    OK(karrow_spec_new_avro_schema(FIELD("a", "int"), &avro, E));
    FAILS(karrow_spec_add_column(avro, "A", "int32", E), INVALID_STATE,
          "an avro spec has no columns; they belong to a json spec; the columns of avro follow from the schema");
    FAILS(karrow_spec_set(avro, "farming", "bare", E), INVALID_ARGUMENT,
          "key: an avro spec has no 'farming'; it has framing, nested, union, enum, mapped_only");
    FAILS(karrow_spec_set(avro, "framing", "bear", E), INVALID_ARGUMENT,
          "value: framing cannot be 'bear'; it can be confluent, bare or single_object");
    OK(karrow_spec_add_schema(avro, 7, FIELD("a", "int"), E));
    OK(karrow_spec_add_schema(avro, 7, FIELD("a", "int"), E));
    FAILS(karrow_spec_add_schema(avro, 7, FIELD("b", "int"), E), INVALID_ARGUMENT,
          "id: there is a schema 7 already; an id stands for one schema");
    OK(karrow_spec_map_field(avro, "a", "A", E));
    FAILS(karrow_spec_map_field(avro, "a", "B", E), INVALID_ARGUMENT,
          "field: a is mapped to column A already; a field has one column");

    karrow_options *options = any_options();
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, avro, E));
    struct ArrowSchema schema;
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "A")]->format, "i");
    schema.release(&schema);
    karrow_options_free(options);
    karrow_spec_free(avro);
}

/* The file `m.proto` with one message, `M`, that has the field `int32 a = 1`, in a serialized FileDescriptorSet. */
static const uint8_t DESCRIPTORS[] = {
    0x0a, 0x21, 0x0a, 0x07, 'm',  '.',  'p',  'r',  'o',  't',  'o',  0x22, 0x0e, 0x0a, 0x01, 'M',  0x12, 0x09,
    0x0a, 0x01, 'a',  0x18, 0x01, 0x20, 0x01, 0x28, 0x05, 0x62, 0x06, 'p',  'r',  'o',  't',  'o',  '3'};

static void b1_protobuf_specs_are_checked(void)
{
    static const char source[] = "syntax = \"proto3\";\nimport \"b.proto\";\nmessage M { int32 a = 1; B b = 2; }";
    static const char imported[] = "syntax = \"proto3\";\nmessage B { string x = 1; B more = 2; }";
    karrow_spec *protobuf = UNTOUCHED, *json;
    FAILS(karrow_spec_new_protobuf_source("m.proto", "message M {\n int32 = 1; }", NULL, &protobuf, E), INVALID_ARGUMENT,
          "text: m.proto:2:8: expected an identifier, but found '='");
    FAILS(karrow_spec_new_protobuf_source("", source, NULL, &protobuf, E), INVALID_ARGUMENT,
          "file: it is empty; give the name that other files import the file by");
    FAILS(karrow_spec_new_protobuf_source("m.proto", source, "", &protobuf, E), INVALID_ARGUMENT,
          "message: the name is empty; without one it is the first of the file");
    FAILS(karrow_spec_new_protobuf_descriptor(NULL, 0, NULL, &protobuf, E), INVALID_ARGUMENT,
          "descriptors: there is no file among them");
    FAILS_WITH(karrow_spec_new_protobuf_descriptor(DESCRIPTORS, sizeof DESCRIPTORS - 1, NULL, &protobuf, E),
               INVALID_ARGUMENT, "descriptors: they are no serialized FileDescriptorSet: ");
    FAILS(karrow_spec_new_protobuf_descriptor(DESCRIPTORS, sizeof DESCRIPTORS, "N", &protobuf, E), INVALID_ARGUMENT,
          "message: there is no message N; m.proto has M");
    FAILS(karrow_spec_new_protobuf_subject("", NULL, NULL, &protobuf, E), INVALID_ARGUMENT,
          "subject: it is empty; a registry has schemas by the name of a subject");
    FAILS(karrow_spec_new_protobuf_subject("s", "newest", NULL, &protobuf, E), INVALID_ARGUMENT,
          "version: 'newest' is no version of a schema; use latest or a number from 1 on");
    CHECK(protobuf == UNTOUCHED);

    OK(karrow_spec_new_json(&json, E));
    FAILS(karrow_spec_add_file(json, "b.proto", imported, E), INVALID_STATE,
          "a json spec has no files; they belong to a protobuf spec");
    karrow_spec_free(json);

    OK(karrow_spec_new_protobuf_source("m.proto", source, NULL, &protobuf, E));
    FAILS(karrow_spec_add_column(protobuf, "A", "int32", E), INVALID_STATE,
          "a protobuf spec has no columns; they belong to a json spec; the columns of protobuf follow from the schema");
    FAILS(karrow_spec_set(protobuf, "framing", "bare", E), INVALID_ARGUMENT,
          "key: a protobuf spec has no 'framing'; it has protocol, nested, enum, include");
    FAILS(karrow_spec_set(protobuf, "nested", "flat", E), INVALID_ARGUMENT,
          "value: nested cannot be 'flat'; it can be flatten or struct");
    FAILS(karrow_spec_set(protobuf, "include", "/a,/b/", E), INVALID_ARGUMENT,
          "include: '/b/' is no path; write /name, /outer/name, /outer/* or *, with commas between them");
    FAILS(karrow_spec_add_file(protobuf, "b.proto", "message", E), INVALID_ARGUMENT,
          "text: b.proto: expected an identifier, but reached end of file");
    FAILS(karrow_spec_add_file(protobuf, "m.proto", imported, E), INVALID_ARGUMENT,
          "name: there is another file m.proto already");
    FAILS_WITH(karrow_spec_add_schema(protobuf, 7, "{}", E), INVALID_ARGUMENT, "schema: schema 7:1:1: expected ");
    OK(karrow_spec_add_schema(protobuf, 7, imported, E));
    FAILS(karrow_spec_add_schema(protobuf, 7, source, E), INVALID_ARGUMENT,
          "id: there is a schema 7 already; an id stands for one schema");
    OK(karrow_spec_map_field(protobuf, "b/x", "X", E));
    FAILS(karrow_spec_map_field(protobuf, "/b/x", "Y", E), INVALID_ARGUMENT,
          "field: /b/x is mapped to column X already; a field has one column");

    /* What needs the imports is told when there are to be columns. */
    karrow_options *options = any_options();
    struct ArrowSchema schema;
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, protobuf, E));
    FAILS(karrow_options_schema(options, 0, &schema, E), INVALID_ARGUMENT,
          "schema: m.proto imports b.proto, and there is no such file; add it with karrow_spec_add_file");
    OK(karrow_spec_add_file(protobuf, "b.proto", imported, E));
    OK(karrow_spec_add_file(protobuf, "b.proto", imported, E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, protobuf, E));
    FAILS_WITH(karrow_options_schema(options, 0, &schema, E), INVALID_ARGUMENT,
               "message: /b/more is a B inside a B; columns of a message that contains itself would not end");
    OK(karrow_spec_set(protobuf, "include", "/b", E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, protobuf, E));
    FAILS_WITH(karrow_options_schema(options, 0, &schema, E), INVALID_ARGUMENT,
               "include: /b leads to no column: it is a message; write /b/*");
    OK(karrow_spec_set(protobuf, "include", "a,b/x", E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, protobuf, E));
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "a")]->format, "i");
    CHECK_TEXT(schema.children[column_named(&schema, "X")]->format, "u");
    schema.release(&schema);
    karrow_spec_free(protobuf);

    /* A subject has columns only where there is a registry. */
    OK(karrow_spec_new_protobuf_subject("orders-value", "3", "M", &protobuf, E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, protobuf, E));
    FAILS_WITH(karrow_options_schema(options, 0, &schema, E), INVALID_ARGUMENT, "schema.registry.url");
    karrow_options_free(options);
    karrow_spec_free(protobuf);
}

static void v1_object_processors_are_checked(void)
{
    karrow_spec *processor = UNTOUCHED;
    FAILS(karrow_spec_new_object_processor("", &processor, E), INVALID_ARGUMENT,
          "description: it is not JSON: expected a value at byte 0");
    FAILS(karrow_spec_new_object_processor("{\"a\": \"int\"", &processor, E), INVALID_ARGUMENT,
          "description: it is not JSON: expected ',' or '}' at byte 11");
    FAILS(karrow_spec_new_object_processor("[]", &processor, E), INVALID_ARGUMENT,
          "description: an array of one value is short for an array of such values; it has 0");
    karrow_error *error = NULL;
    const karrow_status status = karrow_spec_new_object_processor(
        "{\"type\": \"object\", \"fields\": {\"jprice\": {\"type\": \"double\", \"on_null\": {}}}}", &processor, &error);
    CHECK_NUMBER(status, KARROW_STATUS_INVALID_ARGUMENT);
    CHECK_TEXT(karrow_error_message(error),
               "description: /fields/jprice/on_null: expected a value of double, found an object");
    CHECK_TEXT(karrow_error_detail(error, "pointer"), "/fields/jprice/on_null");
    CHECK_TEXT(karrow_error_detail(error, "argument"), "description");
    karrow_error_free(error);
    CHECK(processor == UNTOUCHED);

    OK(karrow_spec_new_object_processor("{\"a\": \"int\", \"b\": [\"float\"], \"c\": [{\"x\": \"str\"}]}", &processor, E));
    FAILS(karrow_spec_add_column(processor, "A", "int32", E), INVALID_STATE,
          "an object processor spec has no columns; they belong to a json spec; the columns of an object processor "
          "follow from its description");
    FAILS_WITH(karrow_spec_map_field(processor, "a", "A", E), INVALID_STATE, "an object processor spec has no mappings");
    FAILS_WITH(karrow_spec_set(processor, "columns", "parallel", E), INVALID_STATE,
               "an object processor spec has no settings");
    FAILS_WITH(karrow_spec_add_schema(processor, 7, "{}", E), INVALID_STATE, "an object processor spec has no schemas");

    karrow_options *options = any_options();
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, processor, E));
    karrow_spec_free(processor);
    struct ArrowSchema schema;
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "a")]->format, "l");
    const struct ArrowSchema *list = schema.children[column_named(&schema, "b")];
    CHECK_TEXT(list->format, "+l");
    CHECK_TEXT(list->children[0]->format, "g");
    CHECK_TEXT(schema.children[column_named(&schema, "c")]->children[0]->children[0]->name, "x");
    schema.release(&schema);
    karrow_options_free(options);
}

static void j1_columns_come_from_an_arrow_schema(void)
{
    karrow_spec *text, *json = UNTOUCHED;
    OK(karrow_spec_new_json(&text, E));
    OK(karrow_spec_add_column(text, "A", "struct<a: list<int64>, m: map<utf8, decimal128(10, 2)>>", E));
    karrow_options *options = any_options();
    OK(karrow_options_set(options, "karrow.partition.column.name", "", E));
    OK(karrow_options_set(options, "karrow.offset.column.name", "", E));
    OK(karrow_options_set(options, "karrow.timestamp.column.name", "", E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_KEY, text, E));
    struct ArrowSchema columns, columns_again;
    OK(karrow_spec_new_ignore(&json, E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, json, E));
    OK(karrow_options_schema(options, 0, &columns, E));
    karrow_spec_free(json);

    /* It is borrowed: releasing it afterwards is the caller's business. */
    OK(karrow_spec_new_json_columns(&columns, &json, E));
    OK(karrow_options_set_spec(options, KARROW_SIDE_KEY, json, E));
    OK(karrow_options_schema(options, 0, &columns_again, E));
    CHECK_NUMBER(columns_again.n_children, 1);
    const struct ArrowSchema *members = columns_again.children[column_named(&columns_again, "A")];
    CHECK_TEXT(members->format, "+s");
    CHECK_TEXT(members->children[0]->format, "+l");
    CHECK_TEXT(members->children[0]->children[0]->format, "l");
    CHECK_TEXT(members->children[1]->format, "+m");
    CHECK_TEXT(members->children[1]->children[0]->children[1]->format, "d:10,2");
    columns_again.release(&columns_again);
    karrow_spec_free(json);

    json = UNTOUCHED;
    FAILS(karrow_spec_new_json_columns(columns.children[0]->children[0], &json, E), INVALID_ARGUMENT,
          "columns: C Data interface error: Unable to interpret C data struct as a Schema; give a struct of "
          "the columns, as arrow libraries export a schema");
    columns.release(&columns);
    FAILS(karrow_spec_new_json_columns(&columns, &json, E), INVALID_ARGUMENT,
          "columns: it has been released; give a schema as arrow libraries export it");
    CHECK(json == UNTOUCHED);
    karrow_options_free(options);
    karrow_spec_free(text);
}

/* Partitions, offsets, rows ---------------------------------------------------------------------------------------- */

static void p2_order_and_duplicates_of_partitions_do_not_matter(void)
{
    const int32_t ids[] = {2, 0, 2, 0};
    int32_t partition = -7;
    karrow_mock_cluster *cluster = cluster_with("t", 3);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_partitions(options, ids, 4, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = snapshot_of(consumer);
    CHECK_NUMBER(karrow_snapshot_partition_count(snapshot), 2);
    OK(karrow_snapshot_partition_at(snapshot, 0, &partition, E));
    CHECK_NUMBER(partition, 0);
    OK(karrow_snapshot_partition_at(snapshot, 1, &partition, E));
    CHECK_NUMBER(partition, 2);
    FAILS(karrow_snapshot_partition_at(snapshot, 2, &partition, E), OUT_OF_RANGE,
          "index: 2 is beyond the last of 2 partitions");
    CHECK_NUMBER(partition, 2);
    FAILS(karrow_snapshot_rows(snapshot, 1, NULL, NULL, E), NOT_FOUND,
          "partition: 1 is not among the partitions read (0, 2)");
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void p3_topics_and_partitions_must_exist(void)
{
    const int32_t ids[] = {1, 2};
    const int32_t negative[] = {0, -1};
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    FAILS(karrow_options_set_partitions(options, negative, 2, E), INVALID_ARGUMENT,
          "ids: -1 is not a partition; partitions count from 0");
    OK(karrow_options_set_partitions(options, ids, 2, E));
    karrow_consumer *consumer = consumer_of(options);
    FAILS(karrow_consumer_open(consumer, -1, E), NOT_FOUND,
          "partitions: topic t has no partition 2; it has partitions 0 to 1");
    karrow_consumer_free(consumer);
    consumer = consumer_of(options_of(cluster, "nothing", NULL, "utf8"));
    FAILS(karrow_consumer_open(consumer, -1, E), NOT_FOUND,
          "topic: there is no topic 'nothing' on this cluster; create it, or check the name");
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void o1_offsets_are_offsets_or_one_of_three_constants(void)
{
    karrow_options *options = any_options();
    FAILS(karrow_options_set_start_offset(options, 0, -4, E), INVALID_ARGUMENT,
          "offset: -4 is neither an offset (0 or more) nor SEEK_TO_BEGINNING (-1), DONT_SEEK (-2) or SEEK_TO_END (-3)");
    FAILS(karrow_options_set_start_offset(options, -2, 0, E), INVALID_ARGUMENT,
          "partition: -2 is neither a partition, which count from 0, nor ALL_PARTITIONS (-1)");
    karrow_options_free(options);
}

static void o1_a_partitions_own_offset_beats_that_of_all(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    for (int32_t record = 0; record < 6; record++)
        produce(cluster, "t", record % 2, NULL, "v");
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_start_offset(options, 1, 2, E));
    OK(karrow_options_set_start_offset(options, KARROW_ALL_PARTITIONS, KARROW_SEEK_TO_BEGINNING, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, 3 + 1);
    CHECK_NUMBER(end_row(snapshot, 0), 3);
    CHECK_NUMBER(end_row(snapshot, 1), 1);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void o5_an_offset_needs_a_partition_of_the_topic(void)
{
    const int32_t ids[] = {0};
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_partitions(options, ids, 1, E));
    OK(karrow_options_set_start_offset(options, 7, 0, E));
    karrow_consumer *consumer = consumer_of(options);
    FAILS(karrow_consumer_open(consumer, -1, E), NOT_FOUND,
          "offsets: topic t has no partition 7; it has partitions 0 to 1");
    karrow_consumer_free(consumer);

    /* The topic has it, it is only not read. */
    options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_partitions(options, ids, 1, E));
    OK(karrow_options_set_start_offset(options, 1, 0, E));
    karrow_consumer_free(opened(options));
    karrow_mock_cluster_free(cluster);
}

#define NO_PARTITION "partition: -2 is neither a partition, which count from 0, nor ALL_PARTITIONS (-1)"
#define NO_TIME "timestamp_ms: -1 is negative; give milliseconds since 1970-01-01 UTC"

static void o6_times_to_start_at_count_from_1970(void)
{
    karrow_options *options = any_options();
    FAILS(karrow_options_set_start_time(options, 0, -1, E), INVALID_ARGUMENT, NO_TIME);
    FAILS(karrow_options_set_start_time(options, KARROW_ALL_PARTITIONS, -1, E), INVALID_ARGUMENT, NO_TIME);
    FAILS_WITH(karrow_options_set_start_time(options, 0, INT64_MIN, E), INVALID_ARGUMENT,
               "timestamp_ms: -9223372036854775808 is negative");
    FAILS(karrow_options_set_start_time(options, -2, 0, E), INVALID_ARGUMENT, NO_PARTITION);
    OK(karrow_options_set_start_time(options, 0, INT64_MAX, E));
    karrow_options_free(options);
}

static void o7_stops_are_offsets_times_or_the_end(void)
{
    karrow_options *options = any_options();
    FAILS(karrow_options_set_stop_offset(options, 0, -1, E), INVALID_ARGUMENT,
          "offset: -1 is negative; give the offset to stop before");
    /* The constants are places to start at. */
    FAILS(karrow_options_set_stop_offset(options, KARROW_ALL_PARTITIONS, KARROW_SEEK_TO_END, E), INVALID_ARGUMENT,
          "offset: -3 is negative; give the offset to stop before");
    FAILS(karrow_options_set_stop_offset(options, -2, 0, E), INVALID_ARGUMENT, NO_PARTITION);
    FAILS(karrow_options_set_stop_time(options, 0, -1, E), INVALID_ARGUMENT, NO_TIME);
    FAILS(karrow_options_set_stop_time(options, -2, 0, E), INVALID_ARGUMENT, NO_PARTITION);
    FAILS(karrow_options_set_stop_at_end(options, -2, E), INVALID_ARGUMENT, NO_PARTITION);
    OK(karrow_options_set_stop_time(options, KARROW_ALL_PARTITIONS, INT64_MAX, E));
    OK(karrow_options_set_stop_offset(options, KARROW_ALL_PARTITIONS, INT64_MAX, E));
    karrow_options_free(options);
}

static void o7_a_stop_needs_a_partition_of_the_topic(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_stop_at_end(options, 7, E));
    karrow_consumer *consumer = consumer_of(options);
    FAILS(karrow_consumer_open(consumer, -1, E), NOT_FOUND,
          "offsets: topic t has no partition 7; it has partitions 0 to 1");
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Of the three functions, the last one called for a partition counts. */
static void o7_stops_replace_each_other(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    for (int32_t record = 0; record < 3; record++)
        produce(cluster, "t", 0, NULL, "v");
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_stop_at_end(options, 0, E));
    OK(karrow_options_set_stop_time(options, 0, 0, E));
    OK(karrow_options_set_stop_offset(options, 0, 2, E));
    OK(karrow_options_set_stop_at_end(options, KARROW_ALL_PARTITIONS, E));
    /* So do starts. */
    OK(karrow_options_set_start_time(options, 0, 1, E));
    OK(karrow_options_set_start_offset(options, 0, 1, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, 1);
    CHECK_NUMBER(state_of(snapshot, 0), KARROW_PARTITION_STATE_FINISHED);
    CHECK_NUMBER(next_offset(snapshot, 0), 2);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void o8_a_commit_needs_a_group_and_a_snapshot_of_its_own_consumer(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    karrow_consumer *without_group = opened(options_of(cluster, "t", NULL, "utf8"));
    OK(karrow_options_set(options, "group.id", "g", E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *foreign = snapshot_of(without_group), *own = snapshot_of(consumer);
    karrow_error *error = FAILURE(karrow_consumer_commit(consumer, foreign, -1, E), INVALID_ARGUMENT);
    CHECK_TEXT(karrow_error_message(error), "snapshot: it is another consumer's; commit what this one has published");
    CHECK_TEXT(karrow_error_detail(error, "argument"), "snapshot");
    karrow_error_free(error);
    FAILS(karrow_consumer_commit(without_group, foreign, -1, E), INVALID_STATE,
          "there is no group to commit for; set group.id before the consumer is made");
    FAILS(karrow_consumer_commit(consumer, own, -2, E), INVALID_ARGUMENT,
          "timeout_ms: -2 is negative; give 0 or more milliseconds, or -1 to wait for ever");
    karrow_snapshot_free(own);
    karrow_snapshot_free(foreign);
    karrow_consumer_free(consumer);
    karrow_consumer_free(without_group);
    karrow_mock_cluster_free(cluster);
}

static void y11_only_rows_of_append_tables_are_discarded(void)
{
    static const int32_t others[] = {KARROW_TABLE_TYPE_BLINK, KARROW_TABLE_TYPE_RING};
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    produce(cluster, "t", 0, NULL, "v");
    for (size_t index = 0; index < sizeof others / sizeof others[0]; index++) {
        karrow_consumer *consumer;
        OK(karrow_options_set_table_type(options, others[index], 10, E));
        OK(karrow_consumer_new(options, &consumer, E));
        OK(karrow_consumer_open(consumer, -1, E));
        FAILS(karrow_consumer_discard(consumer, 0, 0, E), INVALID_STATE,
              "only an append table is told which rows to discard; blink and ring tables forget by themselves");
        karrow_consumer_free(consumer);
    }
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot_free(read_rows(consumer, 1));
    karrow_error *error = FAILURE(karrow_consumer_discard(consumer, 0, 2, E), OUT_OF_RANGE);
    CHECK_TEXT(karrow_error_message(error), "before_row: partition 0 has published rows 0 to 1, not 2");
    CHECK_TEXT(karrow_error_detail(error, "argument"), "before_row");
    karrow_error_free(error);
    FAILS(karrow_consumer_discard(consumer, 0, -1, E), OUT_OF_RANGE,
          "before_row: partition 0 has published rows 0 to 1, not -1");
    FAILS(karrow_consumer_discard(consumer, 1, 0, E), NOT_FOUND,
          "partition: 1 is not among the partitions read (0)");
    FAILS(karrow_consumer_discard(consumer, -1, 0, E), NOT_FOUND,
          "partition: -1 is not among the partitions read (0)");
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void y2_a_ring_keeps_at_least_one_row(void)
{
    karrow_options *options = any_options();
    FAILS(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_RING, 0, E), INVALID_ARGUMENT,
          "capacity: a ring keeps at least 1 row of each partition");
    FAILS(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_RING, -1, E), INVALID_ARGUMENT,
          "capacity: a ring keeps at least 1 row of each partition");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_RING, INT64_MAX, E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_BLINK, -1, E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_options_free(options);
}

static void y4_rows_that_are_not_there_are_an_error(void)
{
    struct ArrowArrayStream stream;
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    for (int32_t record = 0; record < 3; record++)
        produce(cluster, "t", 0, NULL, "v");
    karrow_consumer *consumer = opened(options_of(cluster, "t", NULL, "utf8"));
    karrow_snapshot_free(read_rows(consumer, 3));
    /* A cycle without rows: those of the one before are gone. */
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    produce(cluster, "t", 0, NULL, "v");
    produce(cluster, "t", 0, NULL, "v");
    karrow_snapshot *snapshot;
    for (int64_t rows = 0; rows == 0; )
        OK(karrow_consumer_poll(consumer, -1, &rows, NULL, NULL, E));
    snapshot = snapshot_of(consumer);
    int64_t first = first_row(snapshot, 0), end = end_row(snapshot, 0);
    CHECK(first >= 3 && end > first);

    char message[100];
    snprintf(message, sizeof message,
             "from_row: row 2 of partition 0 is not in this snapshot, whose first row is %" PRId64, first);
    FAILS(karrow_snapshot_export_stream(snapshot, 0, 2, -1, &stream, E), OUT_OF_RANGE, message);
    FAILS_WITH(karrow_snapshot_export_stream(snapshot, 0, -1, -1, &stream, E), OUT_OF_RANGE,
               "from_row: row -1 of partition 0");
    snprintf(message, sizeof message,
             "from_row: row 99 of partition 0 is not in this snapshot, which ends at row %" PRId64, end);
    FAILS(karrow_snapshot_export_stream(snapshot, 0, 99, -1, &stream, E), OUT_OF_RANGE, message);
    FAILS_WITH(karrow_snapshot_export_stream(snapshot, 0, end, first, &stream, E), OUT_OF_RANGE, "end_row: row ");
    FAILS_WITH(karrow_snapshot_export_stream(snapshot, 0, first, end + 1, &stream, E), OUT_OF_RANGE, "end_row: row ");
    FAILS_WITH(karrow_snapshot_export_stream(snapshot, 0, first, -2, &stream, E), OUT_OF_RANGE, "end_row: row -2");
    FAILS(karrow_snapshot_export_stream(snapshot, 2, 0, -1, &stream, E), NOT_FOUND,
          "partition: 2 is not among the partitions read (0, 1)");

    const int64_t from_rows[] = {2, 0};
    FAILS(karrow_snapshot_export_merged(snapshot, from_rows, 1, &stream, E), INVALID_ARGUMENT,
          "from_rows: there are 1 row numbers for 2 partitions");
    snprintf(message, sizeof message,
             "from_row: row 2 of partition 0 is not in this snapshot, whose first row is %" PRId64, first);
    FAILS(karrow_snapshot_export_merged(snapshot, from_rows, 2, &stream, E), OUT_OF_RANGE, message);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void y12_views_need_columns_under_different_names(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = opened(options_of(cluster, "t", NULL, "utf8"));
    karrow_snapshot *snapshot = snapshot_of(consumer), *view = UNTOUCHED;
    const char *const missing[] = {"V", "Price"}, *const twice[] = {"V", "V=KafkaOffset"};
    const char *const nothing[] = {""}, *const no_name[] = {"=V"}, *const no_column[] = {"V="};

    FAILS(karrow_snapshot_view(snapshot, missing, 0, &view, E), INVALID_ARGUMENT,
          "columns: a view needs at least one column");
    karrow_error *error = FAILURE(karrow_snapshot_view(snapshot, missing, 2, &view, E), NOT_FOUND);
    CHECK_TEXT(karrow_error_message(error), "columns: there is no column 'Price'; the table has KafkaPartition, "
                                            "KafkaOffset, KafkaTimestamp, V");
    CHECK_TEXT(karrow_error_detail(error, "column"), "Price");
    karrow_error_free(error);
    FAILS(karrow_snapshot_view(snapshot, twice, 2, &view, E), INVALID_ARGUMENT,
          "columns: 'V' appears twice; every column of a view needs a name of its own");
    FAILS(karrow_snapshot_view(snapshot, nothing, 1, &view, E), INVALID_ARGUMENT,
          "columns: '' is neither a column name nor New=Old");
    FAILS(karrow_snapshot_view(snapshot, no_name, 1, &view, E), INVALID_ARGUMENT,
          "columns: '=V' is neither a column name nor New=Old");
    FAILS(karrow_snapshot_view(snapshot, no_column, 1, &view, E), INVALID_ARGUMENT,
          "columns: 'V=' is neither a column name nor New=Old");
    CHECK(view == UNTOUCHED);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* The embedded cluster --------------------------------------------------------------------------------------------- */

static void the_clusters_arguments_are_checked(void)
{
    const int32_t unknown_error[] = {6, 12345};
    const int32_t error[] = {6};
    int64_t offset = -7;
    karrow_mock_cluster *cluster = UNTOUCHED;
    FAILS(karrow_mock_cluster_new(0, &cluster, E), INVALID_ARGUMENT,
          "brokers: 0 is too few; a cluster has at least 1 broker");
    CHECK(cluster == UNTOUCHED);
    cluster = cluster_with("t", 2);
    FAILS(karrow_mock_cluster_create_topic(cluster, "t", 1, E), INVALID_ARGUMENT, "topic: 't' exists already");
    FAILS(karrow_mock_cluster_create_topic(cluster, "", 1, E), INVALID_ARGUMENT, "topic: the name is empty");
    FAILS(karrow_mock_cluster_create_topic(cluster, "u", 0, E), INVALID_ARGUMENT,
          "partitions: 0 is too few; a topic has at least 1");
    FAILS(karrow_mock_cluster_produce(cluster, "t", 0, NULL, -2, NULL, -1, 0, &offset, E), INVALID_ARGUMENT,
          "key: its length -2 is negative; -1 means null");
    FAILS(karrow_mock_cluster_produce(cluster, "t", 0, NULL, -1, NULL, INT64_MIN, 0, &offset, E), INVALID_ARGUMENT,
          "value: its length -9223372036854775808 is negative; -1 means null");
    FAILS(karrow_mock_cluster_produce(cluster, "t", 0, NULL, -1, NULL, -1, -1, &offset, E), INVALID_ARGUMENT,
          "timestamp_ms: -1 is negative; 0 means now");
    FAILS(karrow_mock_cluster_produce(cluster, "t", 2, NULL, -1, NULL, -1, 0, &offset, E), NOT_FOUND,
          "there is no t[2] on this cluster; create the topic first");
    FAILS(karrow_mock_cluster_produce(cluster, "t", -1, NULL, -1, NULL, -1, 0, &offset, E), NOT_FOUND,
          "there is no t[-1] on this cluster; create the topic first");
    FAILS(karrow_mock_cluster_produce(cluster, "nothing", 0, NULL, -1, NULL, -1, 0, &offset, E), NOT_FOUND,
          "there is no nothing[0] on this cluster; create the topic first");
    CHECK_NUMBER(offset, -7);
    FAILS(karrow_mock_cluster_produce_records(cluster, "t", "{}", E), INVALID_ARGUMENT,
          "records: expected an array, found object");
    FAILS(karrow_mock_cluster_produce_records(cluster, "t", "[null, {\"headers\": [[\"a\"]]}]", E), INVALID_ARGUMENT,
          "records: [1].headers[0]: expected a pair of key, which is a string, and value");
    FAILS(karrow_mock_cluster_produce_records(cluster, "t", "[{\"hex\": \"00 0\"}]", E), INVALID_ARGUMENT,
          "records: [0].hex: expected two hexadecimal digits for each byte, found 3 in all");
    FAILS(karrow_mock_cluster_produce_records(cluster, "t", "[null, {\"partition\": 2}]", E), NOT_FOUND,
          "there is no t[2] on this cluster; create the topic first");
    OK(karrow_mock_cluster_produce(cluster, "t", 0, NULL, -1, NULL, -1, 0, &offset, E));
    CHECK_NUMBER(offset, 0);
    FAILS_WITH(karrow_mock_cluster_push_errors(cluster, 99, error, 1, E), INVALID_ARGUMENT,
               "request: 99 is not a request the cluster can fail: use 0 (Produce), 1 (Fetch)");
    FAILS_WITH(karrow_mock_cluster_push_errors(cluster, 1, unknown_error, 2, E), INVALID_ARGUMENT,
               "errors: 12345 is not one of ");
    FAILS(karrow_mock_cluster_set_broker_up(cluster, 0, true, E), INVALID_ARGUMENT,
          "broker: there is no broker 0; there are 1 to 1");
    FAILS(karrow_mock_cluster_set_leader(cluster, "t", 0, 2, E), INVALID_ARGUMENT,
          "broker: there is no broker 2; there are 1 to 1");
    FAILS_WITH(karrow_mock_cluster_set_leader(cluster, "t", 2, 1, E), KAFKA, "moving the leader of t[2]: ");
    FAILS(karrow_mock_cluster_set_delay(cluster, -1, 0, E), INVALID_ARGUMENT,
          "broker: there is no broker -1; there are 1 to 1");
    FAILS(karrow_mock_cluster_set_delay(cluster, 1, -1, E), INVALID_ARGUMENT,
          "delay_ms: -1 is negative; 0 means no delay");
    karrow_mock_cluster_free(cluster);
}

/* What may not happen ---------------------------------------------------------------------------------------------- */

static void a_failing_call_leaves_its_outputs_alone(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *closed = consumer_of(options_of(cluster, "t", NULL, "utf8"));
    karrow_consumer *consumer = opened(options_of(cluster, "t", NULL, "utf8"));
    karrow_snapshot *snapshot = snapshot_of(consumer), *taken = UNTOUCHED;
    karrow_error *failure = UNTOUCHED;
    int64_t number = -7, other = -7;
    int32_t small = -7;
    FAILS_WITH(karrow_consumer_poll(closed, 0, &number, &small, &taken, E), INVALID_STATE, "not been opened");
    FAILS_WITH(karrow_consumer_snapshot(closed, &taken, E), INVALID_STATE, "not been opened");
    FAILS_WITH(karrow_consumer_wait(closed, 0, -1, &taken, E), INVALID_STATE, "not been opened");
    FAILS_WITH(karrow_consumer_wait(consumer, 0, 0, &taken, E), TIMEOUT, "no cycle has been published");
    FAILS_WITH(karrow_snapshot_state(snapshot, 1, &small, E), NOT_FOUND, "partition: 1 ");
    FAILS_WITH(karrow_snapshot_rows(snapshot, 1, &number, &other, E), NOT_FOUND, "partition: 1 ");
    FAILS_WITH(karrow_snapshot_next_offset(snapshot, 1, &number, E), NOT_FOUND, "partition: 1 ");
    FAILS_WITH(karrow_snapshot_failure(snapshot, 1, &failure, E), NOT_FOUND, "partition: 1 ");
    CHECK(number == -7 && other == -7 && small == -7 && taken == UNTOUCHED && failure == UNTOUCHED);

    struct {
        struct ArrowSchema schema;
        struct ArrowArray array;
        struct ArrowArrayStream stream;
    } arrow, before;
    RUBBISH(&arrow);
    RUBBISH(&before);
    FAILS_WITH(karrow_snapshot_export_array(snapshot, 1, &arrow.array, &arrow.schema, E), NOT_FOUND, "partition: 1 ");
    FAILS_WITH(karrow_snapshot_export_stream(snapshot, 1, 0, -1, &arrow.stream, E), NOT_FOUND, "partition: 1 ");
    FAILS_WITH(karrow_snapshot_export_merged(snapshot, &other, 1, &arrow.stream, E), OUT_OF_RANGE, "from_row");
    FAILS_WITH(karrow_consumer_progress(closed, &arrow.stream, E), INVALID_STATE, "not been opened");
    FAILS_WITH(karrow_consumer_dead_letters(closed, &arrow.stream, E), INVALID_STATE, "not been opened");
    karrow_options *options = any_options();
    set_type(options, KARROW_SIDE_VALUE, "V", "nothing");
    FAILS_WITH(karrow_options_schema(options, 0, &arrow.schema, E), INVALID_ARGUMENT, "'nothing'");
    CHECK(memcmp(&arrow, &before, sizeof arrow) == 0);

    karrow_options_free(options);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_consumer_free(closed);
    karrow_mock_cluster_free(cluster);
}

static void options_are_copied_and_live_on_after_an_error(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    karrow_consumer *consumer;
    char key[] = "auto.offset.reset", value[] = "first";
    OK(karrow_options_set(options, key, value, E));
    memset(key, 'x', sizeof key - 1);
    memset(value, 'x', sizeof value - 1);
    FAILS(karrow_consumer_new(options, &consumer, E), INVALID_ARGUMENT,
          "auto.offset.reset: 'first' is not earliest, latest, error or none");
    OK(karrow_options_set(options, "auto.offset.reset", "none", E));
    OK(karrow_consumer_new(options, &consumer, E));
    /* Too late for this consumer. */
    OK(karrow_options_set(options, "bootstrap.servers", "127.0.0.1:1", E));
    karrow_options_free(options);
    OK(karrow_consumer_open(consumer, -1, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Secrets ---------------------------------------------------------------------------------------------------------- */

#define SECRET "hunter2-is-my-secret"

/* Frees the log. Returns how many lines there were. */
static int64_t check_log(karrow_log *log)
{
    karrow_log_entry *entry;
    int64_t count = 0;
    for (; karrow_log_take(log, 0, &entry, NULL) == KARROW_STATUS_OK; count++) {
        if (strstr(karrow_log_entry_text(entry), SECRET) != NULL)
            check_failed(karrow_log_entry_source(entry), 0, karrow_log_entry_text(entry));
        karrow_log_entry_free(entry);
    }
    karrow_log_free(log);
    return count;
}

/* A pair of NULLs ends the properties. Nobody listens at that address. Returns how many lines went to the log. */
static int64_t check_secret(const char *const (*properties)[2])
{
    karrow_consumer *consumer = NULL;
    karrow_log *log;
    karrow_options *options = any_options();
    OK(karrow_log_new(KARROW_LOG_LEVEL_DEBUG, 100000, &log, E));
    OK(karrow_options_set_log(options, log, E));
    for (; (*properties)[0] != NULL; properties++)
        OK(karrow_options_set(options, (*properties)[0], (*properties)[1], E));
    karrow_status status = karrow_consumer_new(options, &consumer, E);
    if (status == KARROW_STATUS_OK)
        status = karrow_consumer_open(consumer, 1000, E);
    CHECK(status != KARROW_STATUS_OK);
    const char *message = karrow_error_message(check_error);
    if (strstr(message, SECRET) != NULL)
        check_failed(karrow_status_name(status), 0, message);
    karrow_error_free(check_error);
    karrow_consumer_free(consumer);
    karrow_options_free(options);
    return check_log(log);
}

static void secrets_are_in_no_message(void)
{
    static const char *const properties[][5][2] = {
        {{"sasl.password", SECRET}, {"security.protocol", "nothing"}},
        {{"sasl.pasword", SECRET}},
        {{"sasl.jaas.config", "Module required username=\"u\" password=\"" SECRET "\";"}},
        {{"ssl.key.pem", SECRET}, {"security.protocol", "ssl"}},
        {{"sasl.oauthbearer.config", SECRET}, {"sasl.mechanisms", "OAUTHBEARER"},
         {"security.protocol", "sasl_plaintext"}, {"enable.sasl.oauthbearer.unsecure.jwt", "true"}},
    };
    for (size_t index = 0; index < sizeof properties / sizeof properties[0]; index++)
        check_secret(properties[index]);
}

static void secrets_are_in_no_log_line(void)
{
    static const char *const properties[][2] = {
        {"sasl.username", "user"}, {"sasl.password", SECRET}, {"security.protocol", "sasl_plaintext"},
        {"sasl.mechanisms", "PLAIN"}, {"debug", "all"}, {NULL, NULL},
    };
    CHECK(check_secret(properties) > 0);
}

int main(void)
{
    check_start();
    RUN(numbers_of_enumerations_are_checked);
    RUN(every_status_has_a_name);
    RUN(texts_must_be_utf8);
    RUN(messages_hold_no_control_characters);
    RUN(negative_time_outs_are_errors);
    RUN(lists_and_names_must_not_be_empty);
    RUN(k1_both_spellings_of_a_key_are_an_error);
    RUN(k4_keys_that_karrow_owns_are_refused);
    RUN(k5_unknown_keys_name_the_nearest);
    RUN(values_are_checked_when_a_consumer_is_made);
    RUN(kafkas_values_are_checked_when_a_consumer_is_made);
    RUN(any_memory_budget_from_the_smallest_on_will_do);
    RUN(kafkas_properties_do_what_they_do_without_karrow);
    RUN(k6_common_columns_come_first_in_their_order);
    RUN(k7_two_columns_of_one_name_are_an_error);
    RUN(s4_a_side_needs_a_type);
    RUN(s5_two_sides_ignored_are_an_error);
    RUN(t_both_names_of_a_type_mean_the_same);
    RUN(t_other_names_are_an_error);
    RUN(j1_columns_and_mappings_are_checked);
    RUN(j1_columns_come_from_an_arrow_schema);
    RUN(a1_avro_specs_are_checked);
    RUN(b1_protobuf_specs_are_checked);
    RUN(v1_object_processors_are_checked);
    RUN(p2_order_and_duplicates_of_partitions_do_not_matter);
    RUN(p3_topics_and_partitions_must_exist);
    RUN(o1_offsets_are_offsets_or_one_of_three_constants);
    RUN(o1_a_partitions_own_offset_beats_that_of_all);
    RUN(o5_an_offset_needs_a_partition_of_the_topic);
    RUN(o6_times_to_start_at_count_from_1970);
    RUN(o7_stops_are_offsets_times_or_the_end);
    RUN(o7_a_stop_needs_a_partition_of_the_topic);
    RUN(o7_stops_replace_each_other);
    RUN(o8_a_commit_needs_a_group_and_a_snapshot_of_its_own_consumer);
    RUN(y11_only_rows_of_append_tables_are_discarded);
    RUN(y2_a_ring_keeps_at_least_one_row);
    RUN(y4_rows_that_are_not_there_are_an_error);
    RUN(y12_views_need_columns_under_different_names);
    RUN(the_clusters_arguments_are_checked);
    RUN(a_failing_call_leaves_its_outputs_alone);
    RUN(options_are_copied_and_live_on_after_an_error);
    RUN(secrets_are_in_no_message);
    RUN(secrets_are_in_no_log_line);
    return 0;
}
