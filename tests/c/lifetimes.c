/*
 * What is exported stays as it was: whatever is freed before it, whatever rows come after it, wherever it was cut.
 */
#include "check.h"

/* Rows ------------------------------------------------------------------------------------------------------------- */

/* The value of a row: nulls, empty texts and texts in turn. NULL is null. */
static const char *text_of(int64_t row, char *space, size_t size)
{
    if (row % 3 == 0)
        return NULL;
    snprintf(space, size, row % 5 == 0 ? "" : "row %" PRId64, row);
    return space;
}

static void produce_rows(const karrow_mock_cluster *cluster, int32_t partition, int64_t first, int64_t end)
{
    char space[32];
    for (int64_t row = first; row < end; row++)
        CHECK_NUMBER(produce(cluster, "t", partition, NULL, text_of(row, space, sizeof space)), row);
}

/* Whether a batch holds this partition's rows from `first` on; row numbers are offsets here. */
static void check_rows(const struct ArrowSchema *schema, const struct ArrowArray *batch, int32_t partition,
                       int64_t first)
{
    check_array(schema, batch);
    const struct ArrowArray *partitions = batch->children[column_named(schema, "KafkaPartition")];
    const struct ArrowArray *offsets = batch->children[column_named(schema, "KafkaOffset")];
    const struct ArrowArray *texts = batch->children[column_named(schema, "V")];
    for (int64_t row = 0; row < batch->length; row++) {
        char space[32];
        CHECK_NUMBER(int32_at(partitions, row), partition);
        CHECK_NUMBER(int64_at(offsets, row), first + row);
        CHECK(text_is(texts, row, text_of(first + row, space, sizeof space)));
    }
}

/* Reads a stream to its end and releases it: exactly these rows. */
static void check_stream(struct ArrowArrayStream *stream, int32_t partition, int64_t first, int64_t end)
{
    struct ArrowSchema schema;
    struct ArrowArray batch;
    RUBBISH(&schema);
    CHECK_NUMBER(stream->get_schema(stream, &schema), 0);
    for (;;) {
        RUBBISH(&batch);
        CHECK_NUMBER(stream->get_next(stream, &batch), 0);
        if (batch.release == NULL)
            break;
        CHECK(batch.length > 0);
        check_rows(&schema, &batch, partition, first);
        first += batch.length;
        batch.release(&batch);
        CHECK(batch.release == NULL);
    }
    CHECK_NUMBER(first, end);
    /* The end stays the end. */
    CHECK(stream->get_next(stream, &batch) == 0 && batch.release == NULL);
    schema.release(&schema);
    CHECK(schema.release == NULL);
    stream->release(stream);
    CHECK(stream->release == NULL);
}

static struct ArrowArrayStream stream_of(const karrow_snapshot *snapshot, int32_t partition, int64_t from, int64_t end)
{
    struct ArrowArrayStream stream;
    RUBBISH(&stream);
    OK(karrow_snapshot_export_stream(snapshot, partition, from, end, &stream, E));
    return stream;
}

/* A snapshot shows these rows of a partition, as an array and as streams that start at every row. */
static void check_snapshot(const karrow_snapshot *snapshot, int32_t partition, int64_t first, int64_t end)
{
    CHECK_NUMBER(first_row(snapshot, partition), first);
    CHECK_NUMBER(end_row(snapshot, partition), end);
    struct table table = table_of(snapshot, partition);
    CHECK_NUMBER(table.array.length, end - first);
    check_rows(&table.schema, &table.array, partition, first);
    release_table(&table);
    int64_t step = under_valgrind() ? 3 : 1;
    for (int64_t from = first; from <= end; from += step) {
        struct ArrowArrayStream stream = stream_of(snapshot, partition, from, -1);
        check_stream(&stream, partition, from, end);
    }
}

static karrow_options *table_options(const karrow_mock_cluster *cluster, int32_t kind, int64_t capacity)
{
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_table_type(options, kind, capacity, E));
    return options;
}

/* Orders ----------------------------------------------------------------------------------------------------------- */

#define MAX_THINGS 8

static int64_t factorial(int64_t count)
{
    return count <= 1 ? 1 : count * factorial(count - 1);
}

/* The permutation of 0 to `count` - 1 with this number. */
static void permute(int64_t number, int64_t count, int *order)
{
    for (int64_t place = 0; place < count; place++)
        order[place] = (int)place;
    for (int64_t place = 0; place < count; place++) {
        int64_t left = factorial(count - place - 1);
        int64_t chosen = place + number / left;
        int value = order[chosen];
        memmove(&order[place + 1], &order[place], (size_t)(chosen - place) * sizeof *order);
        order[place] = value;
        number %= left;
    }
}

static int64_t every_so_often(int64_t under_valgrind_step)
{
    return under_valgrind() ? under_valgrind_step : 1;
}

static void handles_that_were_never_used_are_freed_in_any_order(void)
{
    for (int64_t number = 0; number < factorial(4); number++) {
        int order[MAX_THINGS];
        karrow_spec *spec;
        karrow_options *options;
        karrow_log *log;
        karrow_consumer *consumer;
        OK(karrow_spec_new_simple("V", "utf8", &spec, E));
        options = options_for("127.0.0.1:1", "t", NULL, NULL);
        OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, E));
        OK(karrow_log_new(KARROW_LOG_LEVEL_DEBUG, 10, &log, E));
        OK(karrow_options_set_log(options, log, E));
        OK(karrow_consumer_new(options, &consumer, E));
        permute(number, 4, order);
        for (int place = 0; place < 4; place++) {
            switch (order[place]) {
            case 0: karrow_spec_free(spec); break;
            case 1: karrow_options_free(options); break;
            case 2: karrow_log_free(log); break;
            default: karrow_consumer_free(consumer); break;
            }
        }
    }
}

enum { SNAPSHOT, VIEW, STREAM, BATCH, ARRAY, SCHEMA, MERGED, SNAPSHOT_THINGS };

struct snapshot_things {
    karrow_snapshot *snapshot, *view;
    struct ArrowArrayStream stream, merged;
    struct ArrowArray batch, array;
    struct ArrowSchema schema;
};

static void make_snapshot_things(const karrow_consumer *consumer, struct snapshot_things *things)
{
    const char *const columns[] = {"Text=V", "V", "KafkaOffset", "KafkaPartition"};
    RUBBISH(things);
    things->snapshot = snapshot_of(consumer);
    OK(karrow_snapshot_view(things->snapshot, columns, 4, &things->view, E));
    OK(karrow_snapshot_export_array(things->view, 0, &things->array, &things->schema, E));
    things->stream = stream_of(things->view, 0, 3, 10);
    CHECK_NUMBER(things->stream.get_next(&things->stream, &things->batch), 0);
    OK(karrow_snapshot_export_merged(things->view, NULL, 0, &things->merged, E));
}

/* Looks at a thing for the last time, and frees it. `schema` is what all of them have. */
static void free_snapshot_thing(struct snapshot_things *things, int which, const struct ArrowSchema *schema)
{
    switch (which) {
    case SNAPSHOT:
        CHECK_NUMBER(end_row(things->snapshot, 0), 10);
        karrow_snapshot_free(things->snapshot);
        break;
    case VIEW:
        CHECK_NUMBER(end_row(things->view, 0), 10);
        karrow_snapshot_free(things->view);
        break;
    case STREAM:
        /* Its one batch has been taken. */
        check_stream(&things->stream, 0, 10, 10);
        break;
    case BATCH:
        CHECK_NUMBER(things->batch.length, 7);
        check_rows(schema, &things->batch, 0, 3);
        things->batch.release(&things->batch);
        break;
    case ARRAY:
        CHECK_NUMBER(things->array.length, 10);
        check_rows(schema, &things->array, 0, 0);
        things->array.release(&things->array);
        break;
    case SCHEMA:
        CHECK_TEXT(things->schema.children[0]->name, "Text");
        things->schema.release(&things->schema);
        break;
    case MERGED:
        check_stream(&things->merged, 0, 0, 10);
        break;
    }
}

static void what_a_snapshot_gave_is_freed_in_any_order(void)
{
    struct ArrowSchema schema;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_rows(cluster, 0, 0, 10);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0));
    struct snapshot_things things;
    karrow_snapshot_free(read_rows(consumer, 10));
    make_snapshot_things(consumer, &things);
    OK(karrow_snapshot_schema(things.view, &schema, E));
    for (int which = 0; which < SNAPSHOT_THINGS; which++)
        free_snapshot_thing(&things, which, &schema);
    for (int64_t number = 0; number < factorial(SNAPSHOT_THINGS); number += every_so_often(37)) {
        int order[MAX_THINGS];
        make_snapshot_things(consumer, &things);
        permute(number, SNAPSHOT_THINGS, order);
        for (int place = 0; place < SNAPSHOT_THINGS; place++)
            free_snapshot_thing(&things, order[place], &schema);
    }
    schema.release(&schema);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

enum { CLUSTER, CONSUMER, LOG, OPEN_SNAPSHOT, WAITED, OPEN_THINGS };

/* Reads a progress stream of one partition to its end and releases it: so many rows have been decoded. */
static void check_progress(struct ArrowArrayStream *progress, int64_t rows)
{
    struct ArrowSchema schema;
    struct ArrowArray batch;
    RUBBISH(&schema);
    CHECK_NUMBER(progress->get_schema(progress, &schema), 0);
    RUBBISH(&batch);
    CHECK_NUMBER(progress->get_next(progress, &batch), 0);
    CHECK(batch.release != NULL);
    check_array(&schema, &batch);
    CHECK_NUMBER(batch.length, 1);
    CHECK_NUMBER(int32_at(batch.children[column_named(&schema, "partition")], 0), 0);
    CHECK_NUMBER(int64_at(batch.children[column_named(&schema, "position")], 0), rows);
    CHECK_NUMBER(int64_at(batch.children[column_named(&schema, "rows")], 0), rows);
    CHECK(text_is(batch.children[column_named(&schema, "reason")], 0, NULL));
    batch.release(&batch);
    CHECK(progress->get_next(progress, &batch) == 0 && batch.release == NULL);
    schema.release(&schema);
    progress->release(progress);
    CHECK(progress->release == NULL);
}

static void an_open_consumer_is_freed_in_any_order(void)
{
    for (int64_t number = 0; number < factorial(OPEN_THINGS); number += every_so_often(23)) {
        int order[MAX_THINGS];
        karrow_log *log;
        karrow_mock_cluster *cluster = cluster_with("t", 1);
        produce_rows(cluster, 0, 0, 4);
        karrow_options *options = options_of(cluster, "t", NULL, "utf8");
        OK(karrow_log_new(KARROW_LOG_LEVEL_DEBUG, 10, &log, E));
        OK(karrow_options_set_log(options, log, E));
        OK(karrow_options_set(options, "debug", "all", E));
        karrow_consumer *consumer = opened(options);
        karrow_snapshot *snapshot = read_rows(consumer, 4), *waited;
        struct ArrowArrayStream stream = stream_of(snapshot, 0, first_row(snapshot, 0), -1), progress;
        int64_t first = first_row(snapshot, 0);
        OK(karrow_consumer_wait(consumer, 0, -1, &waited, E));
        RUBBISH(&progress);
        OK(karrow_consumer_progress(consumer, &progress, E));
        permute(number, OPEN_THINGS, order);
        for (int place = 0; place < OPEN_THINGS; place++) {
            switch (order[place]) {
            case CLUSTER: karrow_mock_cluster_free(cluster); break;
            case CONSUMER: karrow_consumer_free(consumer); break;
            case LOG: karrow_log_free(log); break;
            case OPEN_SNAPSHOT: karrow_snapshot_free(snapshot); break;
            case WAITED:
                check_snapshot(waited, 0, first, 4);
                karrow_snapshot_free(waited);
                break;
            }
        }
        check_stream(&stream, 0, first, 4);
        check_progress(&progress, 4);
    }
}

/* Nobody is left --------------------------------------------------------------------------------------------------- */

static void everything_exported_outlives_every_handle(void)
{
    struct table table;
    struct ArrowSchema consumers_schema;
    struct ArrowArrayStream stream, empty;
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    produce_rows(cluster, 0, 0, 20);
    karrow_options *options = table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0);
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, 20);
    table = table_of(snapshot, 0);
    stream = stream_of(snapshot, 0, 7, 19);
    empty = stream_of(snapshot, 1, 0, -1);
    OK(karrow_consumer_schema(consumer, &consumers_schema, E));
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);

    CHECK_NUMBER(table.array.length, 20);
    check_rows(&consumers_schema, &table.array, 0, 0);
    check_stream(&stream, 0, 7, 19);
    check_stream(&empty, 1, 0, 0);
    release_table(&table);
    consumers_schema.release(&consumers_schema);
}

static void dead_letters_outlive_their_consumer_and_are_taken_after_close(void)
{
    struct ArrowArrayStream stream, empty;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, "k", "12345");
    produce(cluster, "t", 0, NULL, "");
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set(options, "karrow.bad.record.policy", "dead_letter", E));
    OK(karrow_options_set_stop_offset(options, 0, 2, E));
    karrow_consumer *consumer = opened(options);
    karrow_error *error;
    while (karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, &error) == KARROW_STATUS_OK)
        continue;
    CHECK_NUMBER(karrow_error_status(error), KARROW_STATUS_END);
    karrow_error_free(error);
    OK(karrow_consumer_close(consumer, -1, E));
    RUBBISH(&stream);
    RUBBISH(&empty);
    OK(karrow_consumer_dead_letters(consumer, &stream, E));
    OK(karrow_consumer_dead_letters(consumer, &empty, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);

    CHECK_NUMBER(stream.get_schema(&stream, &schema), 0);
    CHECK_NUMBER(stream.get_next(&stream, &batch), 0);
    stream.release(&stream);
    check_array(&schema, &batch);
    CHECK_NUMBER(batch.length, 2);
    const struct ArrowArray *values = batch.children[column_named(&schema, "value")];
    const struct ArrowArray *keys = batch.children[column_named(&schema, "key")];
    CHECK(text_is(values, 0, "12345") && text_is(values, 1, ""));
    CHECK(text_is(keys, 0, "k") && text_is(keys, 1, NULL));
    CHECK(text_is(batch.children[column_named(&schema, "column")], 0, "V"));
    CHECK(text_is(batch.children[column_named(&schema, "path")], 0, NULL));
    CHECK(text_is(batch.children[column_named(&schema, "reason")], 1, "expected 8 bytes for int64, found 0 bytes"));
    CHECK_NUMBER(int64_at(batch.children[column_named(&schema, "offset")], 1), 1);
    batch.release(&batch);
    schema.release(&schema);

    CHECK_NUMBER(empty.get_schema(&empty, &schema), 0);
    CHECK_NUMBER(schema.n_children, 11);
    schema.release(&schema);
    CHECK(empty.get_next(&empty, &batch) == 0 && batch.release == NULL);
    empty.release(&empty);
}

static void failures_and_log_entries_outlive_what_they_came_from(void)
{
    karrow_log *log;
    karrow_log_entry *entry;
    karrow_error *failure;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "12345");
    karrow_options *options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_log_new(KARROW_LOG_LEVEL_DEBUG, 100, &log, E));
    OK(karrow_options_set_log(options, log, E));
    OK(karrow_options_set(options, "debug", "consumer", E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_failures(consumer, 1);
    OK(karrow_snapshot_failure(snapshot, 0, &failure, E));
    OK(karrow_log_take(log, -1, &entry, E));
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_log_free(log);
    karrow_mock_cluster_free(cluster);
    CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_BAD_RECORD);
    CHECK_TEXT(karrow_error_detail(failure, "topic"), "t");
    CHECK_CONTAINS(karrow_error_message(failure), "at t[0]@0 (value)");
    CHECK_CONTAINS(karrow_log_entry_source(entry), "librdkafka/");
    CHECK(karrow_log_entry_text(entry)[0] != '\0');
    karrow_error_free(failure);
    karrow_log_entry_free(entry);
}

/* Arrow's own rules about moving ----------------------------------------------------------------------------------- */

static void structs_and_children_can_be_moved(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_rows(cluster, 0, 0, 10);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0));
    karrow_snapshot *snapshot = read_rows(consumer, 10);
    struct table table = table_of(snapshot, 0);
    struct ArrowArrayStream stream = stream_of(snapshot, 0, 0, -1);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);

    struct ArrowArrayStream moved_stream = stream;
    RUBBISH(&stream);
    check_stream(&moved_stream, 0, 0, 10);

    int64_t index = column_named(&table.schema, "V");
    struct ArrowArray moved_array = table.array;
    RUBBISH(&table.array);
    struct ArrowArray texts = *moved_array.children[index];
    moved_array.children[index]->release = NULL;
    moved_array.release(&moved_array);
    CHECK(moved_array.release == NULL);
    CHECK(text_is(&texts, 0, NULL) && text_is(&texts, 4, "row 4") && text_is(&texts, 5, ""));
    texts.release(&texts);

    struct ArrowSchema text = *table.schema.children[index];
    table.schema.children[index]->release = NULL;
    table.schema.release(&table.schema);
    CHECK_TEXT(text.name, "V");
    text.release(&text);
    karrow_mock_cluster_free(cluster);
}

static void asking_again_for_the_same_array_copies_nothing(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_rows(cluster, 0, 0, 10);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0));
    karrow_snapshot *snapshot = read_rows(consumer, 10);
    struct table one = table_of(snapshot, 0), other = table_of(snapshot, 0);
    for (int64_t column = 0; column < one.array.n_children; column++)
        for (int64_t buffer = 0; buffer < one.array.children[column]->n_buffers; buffer++)
            CHECK(one.array.children[column]->buffers[buffer] == other.array.children[column]->buffers[buffer]);
    release_table(&one);
    check_rows(&other.schema, &other.array, 0, 0);
    release_table(&other);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Table types ------------------------------------------------------------------------------------------------------ */

/* Every column there is, so that every layout is cut. */
static void streams_begin_and_end_anywhere(void)
{
    int64_t count = under_valgrind() ? 17 : 40;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_rows(cluster, 0, 0, count);
    karrow_options *options = table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0);
    OK(karrow_options_set(options, "karrow.receivetime.column.name", "Received", E));
    OK(karrow_options_set(options, "karrow.keybytes.column.name", "KeySize", E));
    OK(karrow_options_set(options, "karrow.valuebytes.column.name", "ValueSize", E));
    OK(karrow_options_set(options, "karrow.headers.column.name", "Headers", E));
    OK(karrow_options_set(options, "karrow.timestamptype.column.name", "Kind", E));
    OK(karrow_options_set(options, "karrow.leaderepoch.column.name", "Epoch", E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, count);
    for (int64_t from = 0; from <= count; from++) {
        for (int64_t end = from; end <= count; end++) {
            struct ArrowArrayStream stream = stream_of(snapshot, 0, from, end);
            check_stream(&stream, 0, from, end);
        }
    }
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void an_append_table_keeps_every_row_and_a_snapshot_its_own(void)
{
    enum { CYCLES = 6, ROWS = 5 };
    karrow_snapshot *snapshots[CYCLES + 1];
    struct table tables[CYCLES + 1];
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0));
    for (int64_t cycle = 0; cycle <= CYCLES; cycle++) {
        if (cycle > 0)
            produce_rows(cluster, 0, (cycle - 1) * ROWS, cycle * ROWS);
        snapshots[cycle] = read_rows(consumer, cycle > 0 ? ROWS : 0);
        tables[cycle] = table_of(snapshots[cycle], 0);
    }
    karrow_consumer_free(consumer);
    for (int64_t cycle = 0; cycle <= CYCLES; cycle++) {
        check_snapshot(snapshots[cycle], 0, 0, cycle * ROWS);
        CHECK_NUMBER(tables[cycle].array.length, cycle * ROWS);
        check_rows(&tables[cycle].schema, &tables[cycle].array, 0, 0);
        release_table(&tables[cycle]);
        karrow_snapshot_free(snapshots[cycle]);
    }
    karrow_mock_cluster_free(cluster);
}

static void rows_that_are_discarded_stay_in_what_shows_them(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_rows(cluster, 0, 0, 10);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0));
    karrow_snapshot *before = read_rows(consumer, 10), *after, *nothing;
    struct table table = table_of(before, 0);
    struct ArrowArrayStream stream = stream_of(before, 0, 2, 9);
    OK(karrow_consumer_discard(consumer, 0, 7, E));
    OK(karrow_consumer_poll(consumer, -1, NULL, NULL, &after, E));
    OK(karrow_consumer_discard(consumer, 0, 10, E));
    OK(karrow_consumer_poll(consumer, -1, NULL, NULL, &nothing, E));
    produce_rows(cluster, 0, 10, 12);
    karrow_snapshot *snapshot = read_rows(consumer, 2);
    karrow_consumer_free(consumer);
    check_snapshot(before, 0, 0, 10);
    check_snapshot(after, 0, 7, 10);
    check_snapshot(nothing, 0, 10, 10);
    check_snapshot(snapshot, 0, 10, 12);
    karrow_snapshot_free(before);
    karrow_snapshot_free(after);
    karrow_snapshot_free(nothing);
    karrow_snapshot_free(snapshot);
    CHECK_NUMBER(table.array.length, 10);
    check_rows(&table.schema, &table.array, 0, 0);
    check_stream(&stream, 0, 2, 9);
    release_table(&table);
    karrow_mock_cluster_free(cluster);
}

static void a_blink_table_has_the_rows_of_its_cycle(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_BLINK, 0));
    karrow_snapshot *before, *cycle;
    int64_t seen = 0, rows;
    produce_rows(cluster, 0, 0, 10);
    OK(karrow_consumer_poll(consumer, -1, &rows, NULL, &before, E));
    while (seen + rows < 10) {
        seen += rows;
        karrow_snapshot_free(before);
        OK(karrow_consumer_poll(consumer, -1, &rows, NULL, &before, E));
    }
    OK(karrow_consumer_poll(consumer, 0, &rows, NULL, &cycle, E));
    CHECK_NUMBER(rows, 0);
    CHECK_NUMBER(karrow_snapshot_cycle(cycle), karrow_snapshot_cycle(before) + 1);
    check_snapshot(cycle, 0, 10, 10);
    check_snapshot(before, 0, seen, 10);
    karrow_snapshot_free(cycle);
    karrow_snapshot_free(before);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_ring_is_cut_in_the_middle_of_a_chunk(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_RING, 10));
    karrow_snapshot *snapshots[6];
    for (int64_t cycle = 0; cycle < 6; cycle++) {
        produce_rows(cluster, 0, cycle * 5, cycle * 5 + 5);
        snapshots[cycle] = read_rows(consumer, 5);
    }
    karrow_consumer_free(consumer);
    for (int64_t cycle = 0; cycle < 6; cycle++) {
        int64_t end = cycle * 5 + 5;
        check_snapshot(snapshots[cycle], 0, end > 10 ? end - 10 : 0, end);
        karrow_snapshot_free(snapshots[cycle]);
    }
    karrow_mock_cluster_free(cluster);
}

/* A chunk is closed after 1024 rows, and what is left of it is copied down once that is less than half. */
static void a_ring_copies_what_is_left_of_a_closed_chunk(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_rows(cluster, 0, 0, 1024 + 76);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_RING, 100));
    karrow_snapshot *snapshot = read_rows(consumer, 1024 + 76);
    check_snapshot(snapshot, 0, 1000, 1024 + 76);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void check_empty(const karrow_snapshot *snapshot, int32_t partition)
{
    check_snapshot(snapshot, partition, 0, 0);
    struct ArrowArrayStream stream = stream_of(snapshot, partition, 0, -1);
    struct ArrowSchema schema;
    CHECK_NUMBER(stream.get_schema(&stream, &schema), 0);
    CHECK_NUMBER(schema.n_children, 4);
    CHECK_TEXT(schema.children[3]->format, "u");
    schema.release(&schema);
    stream.release(&stream);
}

static void partitions_without_rows_have_a_schema_and_buffers(void)
{
    static const int32_t kinds[] = {KARROW_TABLE_TYPE_BLINK, KARROW_TABLE_TYPE_APPEND, KARROW_TABLE_TYPE_RING};
    karrow_mock_cluster *cluster = cluster_with("t", 3);
    produce_rows(cluster, 1, 0, 4);
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        karrow_consumer *consumer = opened(table_options(cluster, kinds[kind], 10));
        karrow_snapshot *snapshot = snapshot_of(consumer);
        CHECK_NUMBER(karrow_snapshot_cycle(snapshot), 0);
        CHECK_NUMBER(karrow_snapshot_partition_count(snapshot), 3);
        for (int32_t partition = 0; partition < 3; partition++)
            check_empty(snapshot, partition);
        karrow_snapshot_free(snapshot);
        snapshot = read_rows(consumer, 4);
        check_empty(snapshot, 0);
        check_empty(snapshot, 2);
        karrow_snapshot_free(snapshot);
        karrow_consumer_free(consumer);
    }
    karrow_mock_cluster_free(cluster);
}

static void merged_rows_come_partition_by_partition(void)
{
    enum { PARTITIONS = 3, ROWS = 4 };
    karrow_mock_cluster *cluster = cluster_with("t", PARTITIONS);
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        produce_rows(cluster, partition, 0, ROWS);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0));
    karrow_snapshot *snapshot = read_rows(consumer, PARTITIONS * ROWS);
    const int64_t from_rows[PARTITIONS] = {1, ROWS, 3};
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    OK(karrow_snapshot_export_merged(snapshot, from_rows, PARTITIONS, &stream, E));
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    CHECK_NUMBER(stream.get_schema(&stream, &schema), 0);
    for (int32_t partition = 0; partition < PARTITIONS; partition += 2) {
        CHECK_NUMBER(stream.get_next(&stream, &batch), 0);
        CHECK(batch.release != NULL);
        CHECK_NUMBER(batch.length, ROWS - from_rows[partition]);
        check_rows(&schema, &batch, partition, from_rows[partition]);
        batch.release(&batch);
    }
    CHECK(stream.get_next(&stream, &batch) == 0 && batch.release == NULL);
    schema.release(&schema);
    stream.release(&stream);
    karrow_mock_cluster_free(cluster);
}

static void a_view_is_a_snapshot_with_other_columns(void)
{
    const char *const columns[] = {"B=V", "Offset = KafkaOffset", "V"};
    const char *const again[] = {"C=B", "V"};
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce_rows(cluster, 0, 0, 10);
    karrow_consumer *consumer = opened(table_options(cluster, KARROW_TABLE_TYPE_APPEND, 0));
    karrow_snapshot *snapshot = read_rows(consumer, 10), *view, *second;
    OK(karrow_snapshot_view(snapshot, columns, 3, &view, E));
    OK(karrow_snapshot_view(view, again, 2, &second, E));
    CHECK_NUMBER(karrow_snapshot_cycle(view), karrow_snapshot_cycle(snapshot));
    CHECK_NUMBER(next_offset(second, 0), 10);
    CHECK_NUMBER(state_of(second, 0), KARROW_PARTITION_STATE_READING);
    karrow_snapshot_free(snapshot);

    struct table table = table_of(view, 0);
    CHECK_NUMBER(table.array.n_children, 3);
    CHECK_NUMBER(int64_at(column_of(&table, "Offset"), 9), 9);
    CHECK(text_is(column_of(&table, "B"), 4, "row 4") && text_is(column_of(&table, "V"), 4, "row 4"));
    release_table(&table);
    karrow_snapshot_free(view);

    table = table_of(second, 0);
    CHECK_NUMBER(table.array.n_children, 2);
    CHECK(text_is(column_of(&table, "C"), 5, "") && text_is(column_of(&table, "V"), 6, NULL));
    release_table(&table);
    karrow_snapshot_free(second);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

int main(void)
{
    check_start();
    RUN(handles_that_were_never_used_are_freed_in_any_order);
    RUN(what_a_snapshot_gave_is_freed_in_any_order);
    RUN(an_open_consumer_is_freed_in_any_order);
    RUN(everything_exported_outlives_every_handle);
    RUN(dead_letters_outlive_their_consumer_and_are_taken_after_close);
    RUN(failures_and_log_entries_outlive_what_they_came_from);
    RUN(structs_and_children_can_be_moved);
    RUN(asking_again_for_the_same_array_copies_nothing);
    RUN(streams_begin_and_end_anywhere);
    RUN(an_append_table_keeps_every_row_and_a_snapshot_its_own);
    RUN(rows_that_are_discarded_stay_in_what_shows_them);
    RUN(a_blink_table_has_the_rows_of_its_cycle);
    RUN(a_ring_is_cut_in_the_middle_of_a_chunk);
    RUN(a_ring_copies_what_is_left_of_a_closed_chunk);
    RUN(partitions_without_rows_have_a_schema_and_buffers);
    RUN(merged_rows_come_partition_by_partition);
    RUN(a_view_is_a_snapshot_with_other_columns);
    return 0;
}
