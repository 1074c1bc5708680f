/*
 * Processors: functions of the caller's that make columns inside poll (rule V4). What each of them may do wrong has a
 * defined result, and whatever happens, everything that was handed over is released once.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

/* What is handed over ----------------------------------------------------------------------------------------------- */

/* How many outputs and how much user data have been made, and not been released. */
static atomic_int outputs, userdata_count;

/* The columns: a text and its length, which may not be null. */
static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static struct ArrowSchema column_schemas[2], *column_pointers[2] = {&column_schemas[0], &column_schemas[1]};

static struct ArrowSchema columns_of(const char *format_of_length)
{
    column_schemas[0] = (struct ArrowSchema){
        .format = "u", .name = "Text", .flags = ARROW_FLAG_NULLABLE, .release = keep_schema};
    column_schemas[1] = (struct ArrowSchema){.format = format_of_length, .name = "Length", .release = keep_schema};
    return (struct ArrowSchema){
        .format = "+s", .n_children = 2, .children = column_pointers, .release = keep_schema};
}

/* Rows of these columns, in one piece of memory. */
struct output {
    struct ArrowArray columns[2];
    struct ArrowArray *pointers[2];
    const void *no_nulls[1], *text_buffers[3], *length_buffers[2];
    int32_t *ends;
    char *bytes;
    uint8_t *validity;
    int64_t *lengths;
};

static void release_column(struct ArrowArray *column)
{
    column->release = NULL;
}

static void release_output(struct ArrowArray *array)
{
    struct output *output = array->private_data;
    for (int column = 0; column < 2; column++)
        if (output->columns[column].release != NULL)
            output->columns[column].release(&output->columns[column]);
    free(output->ends);
    free(output->bytes);
    free(output->validity);
    free(output->lengths);
    free(output);
    array->release = NULL;
    atomic_fetch_sub(&outputs, 1);
}

/* The texts of payloads and their lengths; of null, null and 0. */
static struct ArrowArray output_of(const struct ArrowArray *payloads)
{
    int64_t rows = payloads->length;
    const int32_t *ends = payloads->buffers[1];
    struct output *output = calloc(1, sizeof *output);
    CHECK(output != NULL);
    output->ends = calloc((size_t)rows + 1, sizeof *output->ends);
    output->bytes = calloc((size_t)ends[rows] + 1, 1);
    output->validity = calloc((size_t)rows / 8 + 1, 1);
    output->lengths = calloc((size_t)rows + 1, sizeof *output->lengths);
    CHECK(output->ends != NULL && output->bytes != NULL && output->validity != NULL && output->lengths != NULL);
    memcpy(output->bytes, payloads->buffers[2], (size_t)ends[rows]);
    int64_t nulls = 0;
    for (int64_t row = 0; row < rows; row++) {
        output->ends[row + 1] = ends[row + 1];
        output->lengths[row] = ends[row + 1] - ends[row];
        nulls += is_null(payloads, row);
        if (!is_null(payloads, row))
            output->validity[row / 8] |= (uint8_t)(1 << row % 8);
    }
    output->text_buffers[0] = output->validity;
    output->text_buffers[1] = output->ends;
    output->text_buffers[2] = output->bytes;
    output->length_buffers[1] = output->lengths;
    output->columns[0] = (struct ArrowArray){.length = rows, .null_count = nulls, .n_buffers = 3,
                                             .buffers = output->text_buffers, .release = release_column};
    output->columns[1] = (struct ArrowArray){
        .length = rows, .n_buffers = 2, .buffers = output->length_buffers, .release = release_column};
    output->pointers[0] = &output->columns[0];
    output->pointers[1] = &output->columns[1];
    atomic_fetch_add(&outputs, 1);
    return (struct ArrowArray){.length = rows, .n_buffers = 1, .n_children = 2, .buffers = output->no_nulls,
                               .children = output->pointers, .release = release_output, .private_data = output};
}

/* What a processor does --------------------------------------------------------------------------------------------- */

enum deed {
    GOOD,
    RETURNS_7,
    FAILS,
    NO_OUTPUT,
    TOO_SHORT,
    ONE_COLUMN,
    OTHER_SCHEMA,
    OTHER_BUFFERS,
    NO_BUFFER,
    NOT_UTF8,
    ENDS_GO_BACK,
    NULL_LENGTH,
    NULL_ROW,
    WRONG_COUNT_OF_NULLS,
    RELEASED,
};

struct processor {
    /* Of partition 0; others are good. */
    enum deed deed;
    int calls;
    bool keep, refuse, say_schema;
    /* What has been kept of the last input. */
    struct ArrowArray array;
    struct ArrowSchema schema;
    /* For calls from inside. */
    karrow_consumer *consumer;
};

static void spoil(enum deed deed, struct ArrowArray *array)
{
    struct output *output = array->private_data;
    switch (deed) {
    case TOO_SHORT:
        array->length--;
        output->columns[0].length--;
        output->columns[1].length--;
        break;
    case ONE_COLUMN:
        array->n_children = 1;
        break;
    case OTHER_BUFFERS:
        output->columns[0].n_buffers = 2;
        break;
    case NO_BUFFER:
        output->length_buffers[1] = NULL;
        break;
    case NOT_UTF8:
        output->bytes[0] = '\xff';
        break;
    case ENDS_GO_BACK:
        output->ends[1] = 100;
        break;
    case NULL_LENGTH:
        output->validity[0] = 1;
        output->length_buffers[0] = output->validity;
        output->columns[1].null_count = array->length - 1;
        output->columns[0].null_count = array->length - 1;
        break;
    case NULL_ROW:
        output->validity[0] = 1;
        output->no_nulls[0] = output->validity;
        output->columns[0].null_count = array->null_count = array->length - 1;
        break;
    case WRONG_COUNT_OF_NULLS:
        output->columns[0].null_count = 1;
        break;
    case RELEASED:
        array->release(array);
        break;
    default:
        break;
    }
}

static int32_t process(void *userdata, karrow_processor_call *call)
{
    struct processor *processor = userdata;
    processor->calls++;
    enum deed deed = karrow_processor_call_partition(call) == 0 ? processor->deed : GOOD;
    struct ArrowArray input, output;
    struct ArrowSchema schema;
    RUBBISH(&input);
    RUBBISH(&schema);
    OK(karrow_processor_call_take_input(call, &input, &schema, E));
    FAILS_WITH(karrow_processor_call_take_input(call, &input, &schema, E), INVALID_STATE,
               "the input has been taken already");
    check_array(&schema, &input);
    CHECK_TEXT(schema.children[0]->name, "payload");
    CHECK_TEXT(schema.children[0]->format, "z");
    CHECK_NUMBER(column_named(&schema, "payload"), 0);
    output = output_of(input.children[0]);
    spoil(deed, &output);
    for (int64_t row = 0; row < input.length && processor->refuse; row++)
        if (text_is(input.children[0], row, "refuse"))
            OK(karrow_processor_call_refuse(call, row, "expected anything else", E));
    FAILS(karrow_processor_call_refuse(call, input.length, "no", E), OUT_OF_RANGE,
          input.length == 1 ? "row: there is no row 1; the batch has rows 0 to 0"
                            : "row: there is no row 2; the batch has rows 0 to 1");
    if (processor->keep) {
        processor->array = input;
        processor->schema = schema;
    } else {
        input.release(&input);
        schema.release(&schema);
    }
    if (deed == FAILS)
        OK(karrow_processor_call_fail(call, "the model is not there", E));
    if (deed == NO_OUTPUT) {
        output.release(&output);
        return 0;
    }
    karrow_error *error = NULL;
    struct ArrowSchema said = columns_of(deed == OTHER_SCHEMA ? "i" : "l");
    bool say = deed == OTHER_SCHEMA || processor->say_schema;
    karrow_status status = karrow_processor_call_set_output(call, &output, say ? &said : NULL, &error);
    CHECK(output.release == NULL);
    CHECK(status == KARROW_STATUS_OK || status == KARROW_STATUS_INVALID_ARGUMENT);
    CHECK((status == KARROW_STATUS_OK) == (error == NULL));
    if (error != NULL)
        CHECK_TEXT(karrow_error_detail(error, "argument"), "output");
    karrow_error_free(error);
    return deed == RETURNS_7 ? 7 : 0;
}

static void release_userdata(void *userdata)
{
    (void)userdata;
    atomic_fetch_sub(&userdata_count, 1);
}

static karrow_spec *spec_of(karrow_processor_fn function, void *userdata)
{
    karrow_spec *spec;
    struct ArrowSchema columns = columns_of("l");
    atomic_fetch_add(&userdata_count, 1);
    OK(karrow_spec_new_callback(&columns, function, userdata, release_userdata, &spec, E));
    CHECK(columns.release == keep_schema);
    return spec;
}

static karrow_options *options_with(const karrow_mock_cluster *cluster, karrow_processor_fn function, void *userdata)
{
    karrow_options *options = options_of(cluster, "t", NULL, NULL);
    karrow_spec *spec = spec_of(function, userdata);
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    /* Both records of a partition in one batch. */
    OK(karrow_options_set(options, "karrow.poll.linger.ms", "100", E));
    karrow_spec_free(spec);
    CHECK_NUMBER(atomic_load(&userdata_count), 1);
    return options;
}

static void check_nothing_is_left(void)
{
    CHECK_NUMBER(atomic_load(&outputs), 0);
    CHECK_NUMBER(atomic_load(&userdata_count), 0);
}

/* Tests -------------------------------------------------------------------------------------------------------------- */

static void check_texts(const karrow_snapshot *snapshot, int32_t partition, const char *const *texts, int64_t count)
{
    struct table table = table_of(snapshot, partition);
    CHECK_NUMBER(table.array.length, count);
    for (int64_t row = 0; row < count; row++) {
        CHECK(text_is(column_of(&table, "Text"), row, texts[row]));
        if (texts[row] != NULL)
            CHECK_NUMBER(int64_at(column_of(&table, "Length"), row), strlen(texts[row]));
    }
    release_table(&table);
}

static void columns_are_what_a_processor_makes_and_are_released_once(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "one");
    produce(cluster, "t", 0, NULL, NULL);
    struct processor processor = {.say_schema = true};
    karrow_consumer *consumer = opened(options_with(cluster, process, &processor));
    karrow_snapshot *snapshot = read_rows(consumer, 2);
    check_texts(snapshot, 0, (const char *[]){"one", NULL}, 2);
    CHECK(atomic_load(&outputs) >= 1);
    struct table table = table_of(snapshot, 0);
    karrow_snapshot_free(snapshot);
    CHECK_NUMBER(atomic_load(&userdata_count), 1);
    karrow_consumer_free(consumer);
    CHECK_NUMBER(atomic_load(&userdata_count), 0);
    CHECK(text_is(column_of(&table, "Text"), 0, "one"));
    release_table(&table);
    check_nothing_is_left();
    karrow_mock_cluster_free(cluster);
}

static void what_a_processor_does_wrong_fails_its_partition_until_it_is_resumed(void)
{
    static const struct {
        enum deed deed;
        const char *message;
    } cases[] = {
        {RETURNS_7, "the processor failed: it returned 7"},
        {FAILS, "the processor failed: the model is not there"},
        {NO_OUTPUT, "the processor has set no output"},
        {TOO_SHORT, "has not been taken: expected 2 rows, as many as there are in the input, found 1"},
        {ONE_COLUMN, "has not been taken: expected 2 children, found 1 in an array of struct<"},
        {OTHER_SCHEMA, "has not been taken: column Length: expected int64, found int32"},
        {OTHER_BUFFERS, "has not been taken: expected 3 buffers, found 2 in an array of utf8"},
        {NO_BUFFER, "has not been taken: a buffer is NULL in an array of int64"},
        {NOT_UTF8, "has not been taken: it is no valid Arrow data"},
        {ENDS_GO_BACK, "has not been taken: it is no valid Arrow data"},
        {NULL_LENGTH, "is null in row 1 of column Length, which its schema does not allow"},
        {NULL_ROW, "has not been taken: row 1 is null as a whole"},
        {WRONG_COUNT_OF_NULLS, "has not been taken: it is no valid Arrow data"},
        {RELEASED, "has not been taken: it has been released"},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        karrow_mock_cluster *cluster = cluster_with("t", 2);
        produce(cluster, "t", 0, NULL, "one");
        produce(cluster, "t", 0, NULL, "two");
        produce(cluster, "t", 1, NULL, "other");
        struct processor processor = {.deed = cases[at].deed};
        karrow_consumer *consumer = opened(options_with(cluster, process, &processor));
        karrow_snapshot *snapshot = read_failures(consumer, 1);
        while (end_row(snapshot, 1) == 0) {
            karrow_snapshot_free(snapshot);
            OK(karrow_consumer_poll(consumer, -1, NULL, NULL, &snapshot, E));
        }
        CHECK_NUMBER(end_row(snapshot, 0), 0);
        CHECK_NUMBER(next_offset(snapshot, 0), 0);
        check_texts(snapshot, 1, (const char *[]){"other"}, 1);
        karrow_error *failure;
        OK(karrow_snapshot_failure(snapshot, 0, &failure, E));
        CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_PROCESSOR);
        CHECK_CONTAINS(karrow_error_message(failure), cases[at].message);
        CHECK_CONTAINS(karrow_error_message(failure), ", at t[0]@0 (value)");
        CHECK_TEXT(karrow_error_detail(failure, "side"), "value");
        karrow_error_free(failure);
        karrow_snapshot_free(snapshot);
        /* Nothing that was not shown is kept. */
        CHECK_NUMBER(atomic_load(&outputs), 1);
        processor.deed = GOOD;
        OK(karrow_consumer_resume(consumer, 0, 0, E));
        snapshot = read_rows(consumer, 2);
        check_texts(snapshot, 0, (const char *[]){"one", "two"}, 2);
        karrow_snapshot_free(snapshot);
        karrow_consumer_free(consumer);
        check_nothing_is_left();
        karrow_mock_cluster_free(cluster);
    }
}

static void refused_rows_have_the_policy_of_bad_records(void)
{
    static const struct {
        const char *policy, *texts[2];
        int64_t rows;
    } cases[] = {
        {"skip", {"two"}, 1},
        {"null", {NULL, "two"}, 2},
        {"dead_letter", {"two"}, 1},
        {"fail", {"two"}, 1},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        karrow_mock_cluster *cluster = cluster_with("t", 1);
        produce(cluster, "t", 0, "k", "refuse");
        produce(cluster, "t", 0, "k", "two");
        struct processor processor = {.refuse = true};
        karrow_options *options = options_with(cluster, process, &processor);
        OK(karrow_options_set(options, "karrow.bad.record.policy", cases[at].policy, E));
        karrow_consumer *consumer = opened(options);
        if (strcmp(cases[at].policy, "fail") == 0) {
            karrow_snapshot *failed = read_failures(consumer, 1);
            CHECK_NUMBER(end_row(failed, 0), 0);
            karrow_error *failure;
            OK(karrow_snapshot_failure(failed, 0, &failure, E));
            CHECK_NUMBER(karrow_error_status(failure), KARROW_STATUS_BAD_RECORD);
            CHECK_TEXT(karrow_error_message(failure), "expected anything else, at t[0]@0 (value)");
            karrow_error_free(failure);
            karrow_snapshot_free(failed);
            OK(karrow_consumer_resume(consumer, 0, 1, E));
        }
        karrow_snapshot *snapshot = read_rows(consumer, cases[at].rows);
        check_texts(snapshot, 0, cases[at].texts, cases[at].rows);
        CHECK_NUMBER(next_offset(snapshot, 0), 2);
        struct ArrowArrayStream letters;
        struct ArrowArray batch;
        OK(karrow_consumer_dead_letters(consumer, &letters, E));
        CHECK_NUMBER(letters.get_next(&letters, &batch), 0);
        CHECK((batch.release != NULL) == (strcmp(cases[at].policy, "dead_letter") == 0));
        if (batch.release != NULL)
            batch.release(&batch);
        letters.release(&letters);
        karrow_snapshot_free(snapshot);
        karrow_consumer_free(consumer);
        check_nothing_is_left();
        karrow_mock_cluster_free(cluster);
    }
}

static int32_t calls_back(void *userdata, karrow_processor_call *call)
{
    struct processor *processor = userdata;
    const karrow_consumer *consumer = processor->consumer;
    static const char cannot[] = "a processor cannot use the consumer whose poll runs it";
    karrow_snapshot *snapshot = snapshot_of(consumer);
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    FAILS_WITH(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), INVALID_STATE, cannot);
    FAILS_WITH(karrow_consumer_open(consumer, -1, E), INVALID_STATE, cannot);
    FAILS_WITH(karrow_consumer_wait(consumer, 0, -1, &snapshot, E), INVALID_STATE, cannot);
    FAILS_WITH(karrow_consumer_resume(consumer, 0, 0, E), INVALID_STATE, cannot);
    FAILS_WITH(karrow_consumer_commit(consumer, snapshot, -1, E), INVALID_STATE, cannot);
    FAILS_WITH(karrow_consumer_discard(consumer, 0, 0, E), INVALID_STATE, cannot);
    FAILS_WITH(karrow_consumer_dead_letters(consumer, &stream, E), INVALID_STATE, cannot);
    FAILS_WITH(karrow_consumer_close(consumer, -1, E), INVALID_STATE, cannot);
    karrow_consumer_free(processor->consumer);
    OK(karrow_consumer_schema(consumer, &schema, E));
    schema.release(&schema);
    OK(karrow_consumer_progress(consumer, &stream, E));
    stream.release(&stream);
    CHECK_NUMBER(karrow_snapshot_partition_count(snapshot), 1);
    karrow_snapshot_free(snapshot);
    /* For the next poll. */
    if (processor->calls == 0)
        OK(karrow_consumer_wakeup(consumer, E));
    return process(userdata, call);
}

static void the_consumer_cannot_be_used_from_inside(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "one");
    struct processor processor = {.deed = GOOD};
    karrow_consumer *consumer = opened(options_with(cluster, calls_back, &processor));
    processor.consumer = consumer;
    int64_t rows = 0;
    while (rows == 0)
        OK(karrow_consumer_poll(consumer, -1, &rows, NULL, NULL, E));
    FAILS(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), INTERRUPTED, "interrupted by wakeup");
    karrow_snapshot *snapshot = snapshot_of(consumer);
    check_texts(snapshot, 0, (const char *[]){"one"}, 1);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    check_nothing_is_left();
    karrow_mock_cluster_free(cluster);
}

static void an_input_that_is_kept_stays_as_it_was(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "kept");
    struct processor processor = {.keep = true};
    karrow_options *options = options_with(cluster, process, &processor);
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_BLINK, 0, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot_free(read_rows(consumer, 1));
    struct ArrowArray array = processor.array;
    struct ArrowSchema schema = processor.schema;
    processor.keep = false;
    /* Memory of payloads is used again. */
    for (int more = 0; more < 6; more++) {
        produce(cluster, "t", 0, NULL, "else");
        karrow_snapshot_free(read_rows(consumer, 1));
    }
    CHECK_NUMBER(atomic_load(&outputs), 1);
    karrow_consumer_free(consumer);
    check_nothing_is_left();
    check_array(&schema, &array);
    CHECK(text_is(array.children[0], 0, "kept"));
    array.release(&array);
    schema.release(&schema);
    karrow_mock_cluster_free(cluster);
}

static int32_t sees_places(void *userdata, karrow_processor_call *call)
{
    struct ArrowArray input, output;
    struct ArrowSchema schema;
    (void)userdata;
    OK(karrow_processor_call_take_input(call, &input, &schema, E));
    check_array(&schema, &input);
    CHECK_NUMBER(input.n_children, 3);
    CHECK_TEXT(schema.children[1]->format, "l");
    CHECK_TEXT(schema.children[2]->format, "tsm:UTC");
    for (int64_t row = 0; row < input.length; row++)
        CHECK(int64_at(input.children[1], row) <= 1 && int64_at(input.children[2], row) > 0);
    output = output_of(input.children[0]);
    /* A later output replaces an earlier one, also one that is refused. */
    struct ArrowArray earlier = output_of(input.children[0]);
    OK(karrow_processor_call_set_output(call, &earlier, NULL, E));
    earlier = output_of(input.children[0]);
    earlier.n_children = 1;
    FAILS_WITH(karrow_processor_call_set_output(call, &earlier, NULL, E), INVALID_ARGUMENT,
               "output: expected 2 children, found 1");
    OK(karrow_processor_call_set_output(call, &output, NULL, E));
    input.release(&input);
    schema.release(&schema);
    return 0;
}

static void offsets_and_timestamps_come_on_request_and_specs_are_checked(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "one");
    produce(cluster, "t", 0, NULL, "two");
    karrow_options *options = options_of(cluster, "t", NULL, NULL);
    karrow_spec *spec = spec_of(sees_places, NULL);
    OK(karrow_spec_set(spec, "offset", "true", E));
    OK(karrow_spec_set(spec, "timestamp", "true", E));
    FAILS(karrow_spec_set(spec, "offset", "yes", E), INVALID_ARGUMENT,
          "value: offset cannot be 'yes'; it can be true or false");
    FAILS(karrow_spec_set(spec, "key", "true", E), INVALID_ARGUMENT,
          "key: a callback spec has no 'key'; it has offset, timestamp");
    OK(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, E));
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    struct ArrowSchema schema;
    OK(karrow_options_schema(options, 0, &schema, E));
    CHECK_TEXT(schema.children[column_named(&schema, "Length")]->format, "l");
    CHECK(schema.children[column_named(&schema, "Length")]->flags & ARROW_FLAG_NULLABLE);
    schema.release(&schema);
    karrow_spec_free(spec);
    karrow_consumer *consumer = opened(options);
    karrow_snapshot *snapshot = read_rows(consumer, 2);
    check_texts(snapshot, 0, (const char *[]){"one", "two"}, 2);
    karrow_consumer_free(consumer);
    karrow_snapshot_free(snapshot);
    check_nothing_is_left();

    /* Whatever is wrong with a spec, its user data are released. */
    karrow_spec *none = UNTOUCHED;
    struct ArrowSchema columns = columns_of("l"), broken = {0};
    atomic_store(&userdata_count, 5);
    FAILS(karrow_spec_new_callback(&columns, NULL, NULL, release_userdata, &none, E), INVALID_ARGUMENT,
          "processor: is NULL");
    FAILS(karrow_spec_new_callback(NULL, process, NULL, release_userdata, &none, E), INVALID_ARGUMENT,
          "columns: is NULL");
    FAILS(karrow_spec_new_callback(&columns, process, NULL, release_userdata, NULL, E), INVALID_ARGUMENT,
          "spec: is NULL");
    FAILS_WITH(karrow_spec_new_callback(&broken, process, NULL, release_userdata, &none, E), INVALID_ARGUMENT,
               "columns: it has been released");
    columns = columns_of("vu");
    FAILS_WITH(karrow_spec_new_callback(&columns, process, NULL, release_userdata, &none, E), UNSUPPORTED,
               "columns: column Length cannot be utf8view; a processor does not make utf8view; use utf8");
    CHECK(none == UNTOUCHED);
    check_nothing_is_left();
    columns = columns_of("l");
    OK(karrow_spec_new_callback(&columns, process, NULL, NULL, &none, E));
    karrow_spec_free(none);
    karrow_mock_cluster_free(cluster);
}

static void *reads_all(void *argument)
{
    const karrow_consumer *consumer = argument;
    karrow_snapshot *snapshot = read_rows(consumer, 20);
    CHECK_NUMBER(next_offset(snapshot, 0), 20);
    karrow_snapshot_free(snapshot);
    return NULL;
}

static int32_t copies(void *userdata, karrow_processor_call *call)
{
    struct ArrowArray input, output;
    struct ArrowSchema schema;
    atomic_fetch_add((atomic_int *)userdata, 1);
    OK(karrow_processor_call_take_input(call, &input, &schema, E));
    output = output_of(input.children[0]);
    input.release(&input);
    schema.release(&schema);
    OK(karrow_processor_call_set_output(call, &output, NULL, E));
    return 0;
}

static void one_spec_serves_consumers_on_several_threads(void)
{
    enum { CONSUMERS = 3 };
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    atomic_int calls = 0;
    karrow_options *options = options_with(cluster, copies, &calls);
    OK(karrow_options_set(options, "karrow.poll.linger.ms", "0", E));
    karrow_consumer *consumers[CONSUMERS];
    pthread_t threads[CONSUMERS];
    for (int at = 0; at < CONSUMERS; at++) {
        OK(karrow_consumer_new(options, &consumers[at], E));
        OK(karrow_consumer_open(consumers[at], -1, E));
        CHECK(pthread_create(&threads[at], NULL, reads_all, consumers[at]) == 0);
    }
    karrow_options_free(options);
    for (int record = 0; record < 20; record++)
        produce(cluster, "t", 0, NULL, "shared");
    for (int at = 0; at < CONSUMERS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
        CHECK_NUMBER(atomic_load(&userdata_count), 1);
        karrow_consumer_free(consumers[at]);
    }
    CHECK(atomic_load(&calls) >= CONSUMERS);
    check_nothing_is_left();
    karrow_mock_cluster_free(cluster);
}

static atomic_int is_inside, may_leave;

static int32_t stays(void *userdata, karrow_processor_call *call)
{
    (void)userdata;
    atomic_int calls = 0;
    atomic_store(&is_inside, 1);
    while (!atomic_load(&may_leave))
        look_again_soon();
    return copies(&calls, call);
}

static void *polls(void *argument)
{
    int64_t rows = 0;
    while (rows == 0)
        OK(karrow_consumer_poll(argument, -1, &rows, NULL, NULL, E));
    return NULL;
}

static void other_threads_see_the_poll_and_close_waits_for_it(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "one");
    karrow_consumer *consumer = opened(options_with(cluster, stays, NULL));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, polls, consumer) == 0);
    while (!atomic_load(&is_inside))
        look_again_soon();
    FAILS_WITH(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), BUSY, "is running in another thread");
    karrow_snapshot *snapshot = snapshot_of(consumer);
    CHECK_NUMBER(karrow_snapshot_cycle(snapshot), 0);
    karrow_snapshot_free(snapshot);
    FAILS_WITH(karrow_consumer_close(consumer, 1, E), TIMEOUT, "another close waits for it");
    atomic_store(&may_leave, 1);
    OK(karrow_consumer_close(consumer, -1, E));
    CHECK(pthread_join(thread, NULL) == 0);
    snapshot = snapshot_of(consumer);
    check_texts(snapshot, 0, (const char *[]){"one"}, 1);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    check_nothing_is_left();
    karrow_mock_cluster_free(cluster);
}

int main(void)
{
    check_start();
    RUN(columns_are_what_a_processor_makes_and_are_released_once);
    RUN(what_a_processor_does_wrong_fails_its_partition_until_it_is_resumed);
    RUN(refused_rows_have_the_policy_of_bad_records);
    RUN(the_consumer_cannot_be_used_from_inside);
    RUN(an_input_that_is_kept_stays_as_it_was);
    RUN(offsets_and_timestamps_come_on_request_and_specs_are_checked);
    RUN(one_spec_serves_consumers_on_several_threads);
    RUN(other_threads_see_the_poll_and_close_waits_for_it);
    return 0;
}
