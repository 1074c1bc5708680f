/*
 * What the tests in C share: checks that say where they fail, and short ways to a cluster, a consumer and its rows.
 * To be included before anything else.
 */
#ifndef KARROW_TESTS_CHECK_H
#define KARROW_TESTS_CHECK_H

#define _POSIX_C_SOURCE 200809L

#include <karrow.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Checks ----------------------------------------------------------------------------------------------------------- */

static const char *volatile check_running = "";

/* Threads and brokers may be running: nothing is tidied up. */
static inline _Noreturn void check_failed(const char *file, int line, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, check_running, what);
    _Exit(1);
}

static inline void check_number(const char *file, int line, const char *what, int64_t actual, int64_t expected)
{
    if (actual == expected)
        return;
    fprintf(stderr, "expected %" PRId64 ", found %" PRId64 "\n", expected, actual);
    check_failed(file, line, what);
}

static inline void check_text(const char *file, int line, const char *what, const char *actual, const char *expected)
{
    if (actual != NULL && strcmp(actual, expected) == 0)
        return;
    fprintf(stderr, "expected  %s\nfound     %s\n", expected, actual == NULL ? "NULL" : actual);
    check_failed(file, line, what);
}

static inline void check_contains(const char *file, int line, const char *what, const char *actual, const char *part)
{
    if (actual != NULL && strstr(actual, part) != NULL)
        return;
    fprintf(stderr, "expected  ...%s...\nfound     %s\n", part, actual == NULL ? "NULL" : actual);
    check_failed(file, line, what);
}

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
#define CHECK_NUMBER(actual, expected) check_number(__FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))
#define CHECK_TEXT(actual, expected) check_text(__FILE__, __LINE__, #actual, actual, expected)
#define CHECK_CONTAINS(actual, part) check_contains(__FILE__, __LINE__, #actual, actual, part)

static inline bool under_valgrind(void)
{
    return getenv("KARROW_UNDER_VALGRIND") != NULL;
}

static inline void check_hangs(int number)
{
    (void)number;
    static const char text[] = " has not ended in time\n";
    bool said = write(STDERR_FILENO, check_running, strlen(check_running)) > 0
        && write(STDERR_FILENO, text, sizeof text - 1) > 0;
    _exit(said ? 1 : 2);
}

/* The one deadline of a program: whatever waits in it waits for ever. */
static inline void check_start(void)
{
    signal(SIGALRM, check_hangs);
    alarm(under_valgrind() ? 570 : 110);
}

#define RUN(test) (check_running = #test, printf("%s\n", check_running), fflush(stdout), (test)())

/* Between two looks at something that another thread, or a broker, is about to change. */
static inline void look_again_soon(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Calls ------------------------------------------------------------------------------------------------------------ */

static _Thread_local karrow_error *check_error;

/* What an output holds that a failing call must leave alone. Never followed. */
#define UNTOUCHED ((void *)check_untouched)
static char check_untouched[1];

/* Holds rubbish before every call, because an error is always written. */
static inline karrow_error **check_error_out(void)
{
    check_error = UNTOUCHED;
    return &check_error;
}

/* The last argument of a call inside OK, FAILURE, FAILS and FAILS_WITH. */
#define E check_error_out()

static inline void check_ok(const char *file, int line, const char *call, karrow_status status)
{
    if (status != KARROW_STATUS_OK)
        fprintf(stderr, "%s: %s\n", karrow_status_name(status), karrow_error_message(check_error));
    else if (check_error != NULL)
        fprintf(stderr, "the error is not NULL after success\n");
    else
        return;
    check_failed(file, line, call);
}

static inline karrow_error *check_failure(const char *file, int line, const char *call, karrow_status status,
                                          karrow_status expected)
{
    if (status == KARROW_STATUS_OK || check_error == UNTOUCHED || check_error == NULL) {
        fprintf(stderr, "expected %s, found %s\n", karrow_status_name(expected), karrow_status_name(status));
        check_failed(file, line, call);
    }
    if (status != expected || karrow_error_status(check_error) != expected) {
        fprintf(stderr, "expected %s, found %s (%s): %s\n", karrow_status_name(expected), karrow_status_name(status),
                karrow_status_name(karrow_error_status(check_error)), karrow_error_message(check_error));
        check_failed(file, line, call);
    }
    return check_error;
}

static inline void check_fails(const char *file, int line, const char *call, karrow_error *error, const char *message)
{
    check_text(file, line, call, karrow_error_message(error), message);
    karrow_error_free(error);
}

static inline void check_fails_with(const char *file, int line, const char *call, karrow_error *error, const char *part)
{
    check_contains(file, line, call, karrow_error_message(error), part);
    karrow_error_free(error);
}

#define OK(call) check_ok(__FILE__, __LINE__, #call, call)
/* The error, to be looked at and freed. */
#define FAILURE(call, status) check_failure(__FILE__, __LINE__, #call, call, KARROW_STATUS_##status)
#define FAILS(call, status, message) check_fails(__FILE__, __LINE__, #call, FAILURE(call, status), message)
#define FAILS_WITH(call, status, part) check_fails_with(__FILE__, __LINE__, #call, FAILURE(call, status), part)

/* Arrow ------------------------------------------------------------------------------------------------------------ */

static inline bool is_null(const struct ArrowArray *column, int64_t row)
{
    const uint8_t *validity = column->buffers[0];
    return validity != NULL && (validity[row / 8] >> (row % 8) & 1) == 0;
}

static inline int32_t int32_at(const struct ArrowArray *column, int64_t row)
{
    CHECK(!is_null(column, row));
    return ((const int32_t *)column->buffers[1])[row];
}

static inline int64_t int64_at(const struct ArrowArray *column, int64_t row)
{
    CHECK(!is_null(column, row));
    return ((const int64_t *)column->buffers[1])[row];
}

/* Whether a utf8 or binary column holds this text; NULL: null. */
static inline bool text_is(const struct ArrowArray *column, int64_t row, const char *expected)
{
    if (expected == NULL || is_null(column, row))
        return expected == NULL && is_null(column, row);
    const int32_t *ends = column->buffers[1];
    size_t length = (size_t)(ends[row + 1] - ends[row]);
    return length == strlen(expected) && memcmp((const char *)column->buffers[2] + ends[row], expected, length) == 0;
}

static inline int64_t buffer_count(const char *format)
{
    if (strcmp(format, "u") == 0 || strcmp(format, "z") == 0)
        return 3;
    return strcmp(format, "+s") == 0 ? 1 : 2;
}

/* What the C Data Interface asks of an array, and karrow's promise of offset 0, at every level. */
static inline void check_array(const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    CHECK_NUMBER(array->offset, 0);
    CHECK_NUMBER(array->n_children, schema->n_children);
    CHECK_NUMBER(array->n_buffers, buffer_count(schema->format));
    CHECK((array->dictionary == NULL) == (schema->dictionary == NULL));
    if (array->dictionary != NULL)
        check_array(schema->dictionary, array->dictionary);
    /* A union has no bitmap of its own. */
    const bool is_union = strncmp(schema->format, "+u", 2) == 0;
    /* Only a bitmap may be missing, of an array without nulls. */
    for (int64_t buffer = is_union ? 0 : 1; buffer < array->n_buffers; buffer++)
        CHECK(array->buffers[buffer] != NULL);
    int64_t nulls = 0;
    for (int64_t row = 0; row < array->length && !is_union; row++)
        nulls += is_null(array, row);
    CHECK_NUMBER(array->null_count, nulls);
    CHECK(nulls == 0 || (schema->flags & ARROW_FLAG_NULLABLE) != 0);
    for (int64_t child = 0; child < array->n_children; child++) {
        CHECK(strcmp(schema->format, "+s") != 0 || array->children[child]->length == array->length);
        check_array(schema->children[child], array->children[child]);
    }
}

/* The index of a column. */
static inline int64_t column_named(const struct ArrowSchema *schema, const char *name)
{
    int64_t column = 0;
    while (column < schema->n_children && strcmp(schema->children[column]->name, name) != 0)
        column++;
    CHECK(column < schema->n_children);
    return column;
}

/* Rubbish, so that nothing is taken for granted that is not written. */
#define RUBBISH(output) memset(output, 0x5a, sizeof *(output))

/* Clusters and consumers ------------------------------------------------------------------------------------------- */

static inline karrow_mock_cluster *cluster_of(int32_t brokers)
{
    karrow_mock_cluster *cluster;
    OK(karrow_mock_cluster_new(brokers, &cluster, E));
    return cluster;
}

static inline karrow_mock_cluster *cluster_with(const char *topic, int32_t partitions)
{
    karrow_mock_cluster *cluster = cluster_of(1);
    OK(karrow_mock_cluster_create_topic(cluster, topic, partitions, E));
    return cluster;
}

/* NULL is null. Returns the record's offset. */
static inline int64_t produce(const karrow_mock_cluster *cluster, const char *topic, int32_t partition,
                              const char *key, const char *value)
{
    int64_t key_length = key == NULL ? -1 : (int64_t)strlen(key);
    int64_t value_length = value == NULL ? -1 : (int64_t)strlen(value);
    int64_t offset;
    OK(karrow_mock_cluster_produce(cluster, topic, partition, (const uint8_t *)key, key_length,
                                   (const uint8_t *)value, value_length, 0, &offset, E));
    return offset;
}

/* A simple spec for one side, or for NULL none at all. */
static inline void set_type(karrow_options *options, int32_t side, const char *column, const char *type)
{
    karrow_spec *spec;
    if (type == NULL)
        OK(karrow_spec_new_ignore(&spec, E));
    else
        OK(karrow_spec_new_simple(column, type, &spec, E));
    OK(karrow_options_set_spec(options, side, spec, E));
    karrow_spec_free(spec);
}

/* A topic from the beginning: columns K and V of these types; NULL: that side is not looked at. */
static inline karrow_options *options_for(const char *servers, const char *topic, const char *key_type,
                                          const char *value_type)
{
    karrow_options *options;
    OK(karrow_options_new(topic, &options, E));
    OK(karrow_options_set(options, "bootstrap.servers", servers, E));
    /* The embedded cluster lets a fetch that found nothing wait this long, even if records come. */
    OK(karrow_options_set(options, "fetch.wait.max.ms", "5", E));
    OK(karrow_options_set_start_offset(options, KARROW_ALL_PARTITIONS, KARROW_SEEK_TO_BEGINNING, E));
    set_type(options, KARROW_SIDE_KEY, "K", key_type);
    set_type(options, KARROW_SIDE_VALUE, "V", value_type);
    return options;
}

static inline karrow_options *options_of(const karrow_mock_cluster *cluster, const char *topic, const char *key_type,
                                         const char *value_type)
{
    return options_for(karrow_mock_cluster_bootstrap_servers(cluster), topic, key_type, value_type);
}

/* Frees the options. */
static inline karrow_consumer *consumer_of(karrow_options *options)
{
    karrow_consumer *consumer;
    OK(karrow_consumer_new(options, &consumer, E));
    karrow_options_free(options);
    return consumer;
}

/* Frees the options. */
static inline karrow_consumer *opened(karrow_options *options)
{
    karrow_consumer *consumer = consumer_of(options);
    OK(karrow_consumer_open(consumer, -1, E));
    return consumer;
}

static inline karrow_snapshot *snapshot_of(const karrow_consumer *consumer)
{
    karrow_snapshot *snapshot;
    OK(karrow_consumer_snapshot(consumer, &snapshot, E));
    return snapshot;
}

/* Polls until this many rows have come, and returns the last cycle. */
static inline karrow_snapshot *read_rows(const karrow_consumer *consumer, int64_t count)
{
    while (count > 0) {
        int64_t rows;
        OK(karrow_consumer_poll(consumer, -1, &rows, NULL, NULL, E));
        count -= rows;
    }
    CHECK_NUMBER(count, 0);
    return snapshot_of(consumer);
}

/* Polls until this many partitions are failed, and returns the last cycle. */
static inline karrow_snapshot *read_failures(const karrow_consumer *consumer, int32_t count)
{
    for (int32_t failed = 0; failed < count;)
        OK(karrow_consumer_poll(consumer, -1, NULL, &failed, NULL, E));
    return snapshot_of(consumer);
}

static inline int64_t end_row(const karrow_snapshot *snapshot, int32_t partition)
{
    int64_t end;
    OK(karrow_snapshot_rows(snapshot, partition, NULL, &end, E));
    return end;
}

static inline int64_t first_row(const karrow_snapshot *snapshot, int32_t partition)
{
    int64_t first;
    OK(karrow_snapshot_rows(snapshot, partition, &first, NULL, E));
    return first;
}

static inline int64_t next_offset(const karrow_snapshot *snapshot, int32_t partition)
{
    int64_t offset;
    OK(karrow_snapshot_next_offset(snapshot, partition, &offset, E));
    return offset;
}

static inline int32_t state_of(const karrow_snapshot *snapshot, int32_t partition)
{
    int32_t state;
    OK(karrow_snapshot_state(snapshot, partition, &state, E));
    return state;
}

/* All rows of a partition as one array. */
struct table {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static inline struct table table_of(const karrow_snapshot *snapshot, int32_t partition)
{
    struct table table;
    RUBBISH(&table);
    OK(karrow_snapshot_export_array(snapshot, partition, &table.array, &table.schema, E));
    check_array(&table.schema, &table.array);
    return table;
}

static inline const struct ArrowArray *column_of(const struct table *table, const char *name)
{
    return table->array.children[column_named(&table->schema, name)];
}

static inline void release_table(struct table *table)
{
    table->array.release(&table->array);
    table->schema.release(&table->schema);
}

#endif
