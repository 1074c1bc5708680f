/*
 * Every function with NULL for each of its pointers in turn, the others being valid.
 *
 * The functions and the names of their pointers are read from the header: a function without a case fails the test, and
 * so do a case without a function, and a pointer that its case leaves out.
 */
#include "check.h"

#define MAX_FUNCTIONS 256
#define MAX_POINTERS 16
#define NAME_SIZE 64

/* The header ------------------------------------------------------------------------------------------------------- */

struct function {
    char name[NAME_SIZE];
    char pointers[MAX_POINTERS][NAME_SIZE];
    size_t pointer_count;
};

static char *read_header(void)
{
    const char *path = getenv("KARROW_HEADER");
    FILE *file = fopen(path == NULL ? "include/karrow.h" : path, "rb");
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    CHECK(size > 0);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    CHECK(text != NULL && fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return text;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++)
        *from = ' ';
}

/* Functions are named in comments too. */
static void blank_comments(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        bool line = strncmp(at, "//", 2) == 0;
        if (!line && strncmp(at, "/*", 2) != 0)
            continue;
        char *end = strstr(at, line ? "\n" : "*/");
        CHECK(end != NULL);
        blank(at, line ? end : end + 2);
    }
}

static bool is_name(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The name that ends before `end`. */
static void copy_name(char *name, const char *end)
{
    while (!is_name(end[-1]))
        end--;
    const char *start = end;
    while (is_name(start[-1]))
        start--;
    CHECK(end - start < NAME_SIZE);
    memcpy(name, start, (size_t)(end - start));
    name[end - start] = '\0';
}

/* `text` begins behind the opening parenthesis. Returns where the parameters end. */
static const char *read_parameters(const char *text, struct function *function)
{
    for (;;) {
        const char *end = text + strcspn(text, ",)");
        CHECK(*end != '\0');
        if (memchr(text, '*', (size_t)(end - text)) != NULL) {
            CHECK(function->pointer_count < MAX_POINTERS);
            copy_name(function->pointers[function->pointer_count++], end);
        }
        /* A pointer to a function, whose own parameters are nobody's business here. */
        if (strncmp(end, ")(", 2) == 0) {
            end = strchr(end + 1, ')') + 1;
            CHECK(*end == ',' || *end == ')');
        }
        if (*end == ')')
            return end;
        text = end + 1;
    }
}

static size_t read_functions(struct function *functions)
{
    char *header = read_header();
    blank_comments(header);
    size_t count = 0;
    const char *at = header;
    for (const char *open; (open = strchr(at, '(')) != NULL; at = open + 1) {
        char name[NAME_SIZE];
        if (!is_name(open[-1]))
            continue;
        copy_name(name, open);
        if (strncmp(name, "karrow_", strlen("karrow_")) != 0)
            continue;
        CHECK(count < MAX_FUNCTIONS);
        struct function *function = &functions[count++];
        memset(function, 0, sizeof *function);
        strcpy(function->name, name);
        open = read_parameters(open + 1, function);
    }
    free(header);
    return count;
}

/* Calls ------------------------------------------------------------------------------------------------------------ */

/* The function being called, and which of its pointers have been NULL so far. */
static const struct function *now;
static bool seen[MAX_POINTERS];

static void see(const char *pointer)
{
    size_t index = 0;
    while (index < now->pointer_count && strcmp(now->pointers[index], pointer) != 0)
        index++;
    if (index == now->pointer_count)
        check_failed(now->name, 0, pointer);
    seen[index] = true;
}

static void check_refused(int line, const char *call, const char *pointer, karrow_error *error)
{
    char start[NAME_SIZE + 2];
    snprintf(start, sizeof start, "%s:", pointer);
    const char *message = karrow_error_message(error);
    if (strncmp(message, start, strlen(start)) != 0) {
        fprintf(stderr, "expected  %s ...\nfound     %s\n", start, message);
        check_failed(__FILE__, line, call);
    }
    check_text(__FILE__, line, call, karrow_error_detail(error, "argument"), pointer);
    karrow_error_free(error);
}

/* The last argument of a call inside REFUSED: an error that is wanted, then one that is not. */
#define OUT (wanted ? E : NULL)

/* INVALID_ARGUMENT, naming the pointer, whether or not an error is wanted. */
#define REFUSED(pointer, call)                                                                                         \
    do {                                                                                                               \
        see(pointer);                                                                                                  \
        bool wanted = true;                                                                                            \
        check_refused(__LINE__, #call, pointer, FAILURE(call, INVALID_ARGUMENT));                                      \
        wanted = false;                                                                                                \
        CHECK_NUMBER(call, KARROW_STATUS_INVALID_ARGUMENT);                                                            \
    } while (0)

/* NULL is a value. */
#define TAKEN(pointer, call) (see(pointer), OK(call))

/* Nobody wants to know. */
#define WITHOUT_ERROR(call) (see("error"), CHECK_NUMBER(call, KARROW_STATUS_OK))

/* A function without a status. */
#define GIVES(pointer, condition) (see(pointer), CHECK(condition))

/* Valid arguments -------------------------------------------------------------------------------------------------- */

static karrow_mock_cluster *cluster;
static karrow_log *karrows_log;
static karrow_log_entry *entry;
static karrow_options *options;
static karrow_spec *spec;
/* It has read partition 0, and failed at the one record of partition 1. */
static karrow_consumer *consumer;
static karrow_snapshot *snapshot;
static karrow_error *failure;

static void make_arguments(void)
{
    cluster = cluster_with("t", 2);
    produce(cluster, "t", 0, NULL, "valuable");
    produce(cluster, "t", 1, NULL, "bad");
    OK(karrow_log_new(KARROW_LOG_LEVEL_WARNING, 10, &karrows_log, E));
    OK(karrow_spec_new_simple("V", "int64", &spec, E));
    options = options_of(cluster, "t", NULL, "int64");
    OK(karrow_options_set_log(options, karrows_log, E));
    /* What discard and commit ask for. */
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    OK(karrow_options_set(options, "group.id", "g", E));
    /* Outside the log, which karrow says in the log. */
    OK(karrow_options_set_start_offset(options, 1, 100, E));
    OK(karrow_options_set(options, "auto.offset.reset", "earliest", E));
    OK(karrow_consumer_new(options, &consumer, E));
    OK(karrow_consumer_open(consumer, -1, E));
    OK(karrow_log_take(karrows_log, -1, &entry, E));
    int32_t failed = 0;
    for (int64_t rows = 0, more; rows < 1 || failed < 1; rows += more)
        OK(karrow_consumer_poll(consumer, -1, &more, &failed, NULL, E));
    snapshot = snapshot_of(consumer);
    OK(karrow_snapshot_failure(snapshot, 1, &failure, E));
}

static void free_arguments(void)
{
    karrow_error_free(failure);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_spec_free(spec);
    karrow_options_free(options);
    karrow_log_entry_free(entry);
    karrow_log_free(karrows_log);
    karrow_mock_cluster_free(cluster);
}

static karrow_consumer *another_consumer(void)
{
    karrow_consumer *another;
    OK(karrow_consumer_new(options, &another, E));
    return another;
}

/* Cases, in the order of the header -------------------------------------------------------------------------------- */

static void null_karrow_abi_version(void)
{
    CHECK(karrow_abi_version() > 0);
}

static void null_karrow_version(void)
{
    CHECK(karrow_version() != NULL);
}

static void null_karrow_status_name(void)
{
    CHECK_TEXT(karrow_status_name(KARROW_STATUS_OK), "OK");
}

static void null_karrow_error_status(void)
{
    GIVES("error", karrow_error_status(NULL) == KARROW_STATUS_OK);
}

static void null_karrow_error_message(void)
{
    GIVES("error", karrow_error_message(NULL) == NULL);
}

static void null_karrow_error_kafka_code(void)
{
    GIVES("error", karrow_error_kafka_code(NULL) == 0);
}

static void null_karrow_error_is_retriable(void)
{
    GIVES("error", !karrow_error_is_retriable(NULL));
}

static void null_karrow_error_position(void)
{
    int32_t partition = -7;
    int64_t offset = -7;
    GIVES("error", !karrow_error_position(NULL, &partition, &offset));
    CHECK(partition == -7 && offset == -7);
    GIVES("partition", karrow_error_position(failure, NULL, &offset));
    GIVES("offset", karrow_error_position(failure, &partition, NULL));
    CHECK(partition == 1 && offset == 0);
}

static void null_karrow_error_detail(void)
{
    GIVES("error", karrow_error_detail(NULL, "topic") == NULL);
    GIVES("key", karrow_error_detail(failure, NULL) == NULL);
}

static void null_karrow_error_free(void)
{
    GIVES("error", (karrow_error_free(NULL), true));
}

static void null_karrow_log_new(void)
{
    karrow_log *log;
    REFUSED("log", karrow_log_new(KARROW_LOG_LEVEL_INFO, 1, NULL, OUT));
    WITHOUT_ERROR(karrow_log_new(KARROW_LOG_LEVEL_INFO, 1, &log, NULL));
    karrow_log_free(log);
}

static void null_karrow_log_take(void)
{
    karrow_log *empty;
    karrow_log_entry *taken = UNTOUCHED;
    OK(karrow_log_new(KARROW_LOG_LEVEL_INFO, 1, &empty, E));
    REFUSED("log", karrow_log_take(NULL, 0, &taken, OUT));
    REFUSED("entry", karrow_log_take(empty, 0, NULL, OUT));
    GIVES("error", karrow_log_take(empty, 0, &taken, NULL) == KARROW_STATUS_TIMEOUT);
    CHECK(taken == UNTOUCHED);
    karrow_log_free(empty);
}

static void null_karrow_log_dropped(void)
{
    GIVES("log", karrow_log_dropped(NULL) == 0);
}

static void null_karrow_log_free(void)
{
    GIVES("log", (karrow_log_free(NULL), true));
}

static void null_karrow_log_entry_level(void)
{
    CHECK_NUMBER(karrow_log_entry_level(entry), KARROW_LOG_LEVEL_WARNING);
    GIVES("entry", karrow_log_entry_level(NULL) == 0);
}

static void null_karrow_log_entry_time_ns(void)
{
    CHECK(karrow_log_entry_time_ns(entry) > 0);
    GIVES("entry", karrow_log_entry_time_ns(NULL) == 0);
}

static void null_karrow_log_entry_source(void)
{
    CHECK_TEXT(karrow_log_entry_source(entry), "karrow");
    GIVES("entry", karrow_log_entry_source(NULL) == NULL);
}

static void null_karrow_log_entry_text(void)
{
    CHECK_TEXT(karrow_log_entry_text(entry), "offset 100 is outside t[1], which has 0 to 1; reading from 0");
    GIVES("entry", karrow_log_entry_text(NULL) == NULL);
}

static void null_karrow_log_entry_free(void)
{
    GIVES("entry", (karrow_log_entry_free(NULL), true));
}

static void null_karrow_spec_new_ignore(void)
{
    karrow_spec *made;
    REFUSED("spec", karrow_spec_new_ignore(NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_ignore(&made, NULL));
    karrow_spec_free(made);
}

static void null_karrow_spec_new_from_properties(void)
{
    karrow_spec *made;
    REFUSED("spec", karrow_spec_new_from_properties(NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_from_properties(&made, NULL));
    karrow_spec_free(made);
}

static void null_karrow_spec_new_simple(void)
{
    karrow_spec *made;
    TAKEN("column", karrow_spec_new_simple(NULL, "utf8", &made, E));
    karrow_spec_free(made);
    TAKEN("type_name", karrow_spec_new_simple("V", NULL, &made, E));
    karrow_spec_free(made);
    REFUSED("spec", karrow_spec_new_simple("V", "utf8", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_simple("V", "utf8", &made, NULL));
    karrow_spec_free(made);
}

static void null_karrow_spec_new_json(void)
{
    karrow_spec *made;
    REFUSED("spec", karrow_spec_new_json(NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_json(&made, NULL));
    karrow_spec_free(made);
}

/* Of a schema of static memory. */
static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void null_karrow_spec_new_json_columns(void)
{
    karrow_spec *made;
    struct ArrowSchema member = {.format = "l", .name = "A", .release = keep_schema};
    struct ArrowSchema *members[] = {&member};
    struct ArrowSchema columns = {.format = "+s", .n_children = 1, .children = members, .release = keep_schema};
    REFUSED("columns", karrow_spec_new_json_columns(NULL, &made, OUT));
    REFUSED("spec", karrow_spec_new_json_columns(&columns, NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_json_columns(&columns, &made, NULL));
    karrow_spec_free(made);
}

static const char RECORD[] = "{\"type\": \"record\", \"name\": \"R\", \"fields\": []}";

static void null_karrow_spec_new_object_processor(void)
{
    karrow_spec *made;
    REFUSED("description", karrow_spec_new_object_processor(NULL, &made, OUT));
    REFUSED("spec", karrow_spec_new_object_processor("\"int\"", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_object_processor("\"int\"", &made, NULL));
    karrow_spec_free(made);
}

static void null_karrow_spec_new_avro_schema(void)
{
    karrow_spec *made;
    REFUSED("schema", karrow_spec_new_avro_schema(NULL, &made, OUT));
    REFUSED("spec", karrow_spec_new_avro_schema(RECORD, NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_avro_schema(RECORD, &made, NULL));
    karrow_spec_free(made);
}

static void null_karrow_spec_new_avro_subject(void)
{
    karrow_spec *made;
    REFUSED("subject", karrow_spec_new_avro_subject(NULL, "latest", &made, OUT));
    TAKEN("version", karrow_spec_new_avro_subject("s", NULL, &made, E));
    karrow_spec_free(made);
    REFUSED("spec", karrow_spec_new_avro_subject("s", "latest", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_avro_subject("s", "latest", &made, NULL));
    karrow_spec_free(made);
}

static const char MESSAGE[] = "syntax = \"proto3\"; message M {}";

static void null_karrow_spec_new_protobuf_source(void)
{
    karrow_spec *made;
    REFUSED("file", karrow_spec_new_protobuf_source(NULL, MESSAGE, "M", &made, OUT));
    REFUSED("text", karrow_spec_new_protobuf_source("m.proto", NULL, "M", &made, OUT));
    TAKEN("message", karrow_spec_new_protobuf_source("m.proto", MESSAGE, NULL, &made, E));
    karrow_spec_free(made);
    REFUSED("spec", karrow_spec_new_protobuf_source("m.proto", MESSAGE, "M", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_protobuf_source("m.proto", MESSAGE, "M", &made, NULL));
    karrow_spec_free(made);
}

static void null_karrow_spec_new_protobuf_descriptor(void)
{
    /* A file without a name that has the message `M`. */
    static const uint8_t descriptors[] = {0x0a, 0x05, 0x22, 0x03, 0x0a, 0x01, 'M'};
    karrow_spec *made;
    REFUSED("descriptors", karrow_spec_new_protobuf_descriptor(NULL, sizeof descriptors, "M", &made, OUT));
    TAKEN("message", karrow_spec_new_protobuf_descriptor(descriptors, sizeof descriptors, NULL, &made, E));
    karrow_spec_free(made);
    REFUSED("spec", karrow_spec_new_protobuf_descriptor(descriptors, sizeof descriptors, "M", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_protobuf_descriptor(descriptors, sizeof descriptors, "M", &made, NULL));
    karrow_spec_free(made);
}

static void null_karrow_spec_new_protobuf_subject(void)
{
    karrow_spec *made;
    REFUSED("subject", karrow_spec_new_protobuf_subject(NULL, "latest", "M", &made, OUT));
    TAKEN("version", karrow_spec_new_protobuf_subject("s", NULL, "M", &made, E));
    karrow_spec_free(made);
    TAKEN("message", karrow_spec_new_protobuf_subject("s", "latest", NULL, &made, E));
    karrow_spec_free(made);
    REFUSED("spec", karrow_spec_new_protobuf_subject("s", "latest", "M", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_protobuf_subject("s", "latest", "M", &made, NULL));
    karrow_spec_free(made);
}

static struct ArrowSchema callback_member = {.format = "l", .name = "A", .release = keep_schema};
static struct ArrowSchema *callback_members[] = {&callback_member};

static struct ArrowSchema callback_columns(void)
{
    return (struct ArrowSchema){
        .format = "+s", .n_children = 1, .children = callback_members, .release = keep_schema};
}

static int32_t do_nothing(void *userdata, karrow_processor_call *call)
{
    (void)userdata;
    (void)call;
    return 0;
}

static int released;

static void count_release(void *userdata)
{
    (void)userdata;
    released++;
}

static void null_karrow_spec_new_callback(void)
{
    karrow_spec *made;
    struct ArrowSchema columns = callback_columns();
    REFUSED("columns", karrow_spec_new_callback(NULL, do_nothing, &released, count_release, &made, OUT));
    TAKEN("userdata", karrow_spec_new_callback(&columns, do_nothing, NULL, count_release, &made, E));
    karrow_spec_free(made);
    TAKEN("release", karrow_spec_new_callback(&columns, do_nothing, &released, NULL, &made, E));
    karrow_spec_free(made);
    REFUSED("spec", karrow_spec_new_callback(&columns, do_nothing, &released, count_release, NULL, OUT));
    WITHOUT_ERROR(karrow_spec_new_callback(&columns, do_nothing, &released, count_release, &made, NULL));
    karrow_spec_free(made);
    FAILS(karrow_spec_new_callback(&columns, NULL, &released, count_release, &made, E), INVALID_ARGUMENT,
          "processor: is NULL");
    /* By each call that took it, whatever came of that: REFUSED makes two. */
    CHECK_NUMBER(released, 7);
    released = 0;
}

/* The functions of a call can only be called in one. */
static int32_t (*inside)(karrow_processor_call *);

static int32_t go_inside(void *userdata, karrow_processor_call *call)
{
    (void)userdata;
    return inside(call);
}

static void call_processor(int32_t (*with)(karrow_processor_call *))
{
    struct ArrowSchema columns = callback_columns();
    karrow_spec *made;
    inside = with;
    OK(karrow_spec_new_callback(&columns, go_inside, NULL, NULL, &made, E));
    karrow_options *reading = options_of(cluster, "t", NULL, NULL);
    OK(karrow_options_set_spec(reading, KARROW_SIDE_VALUE, made, E));
    const int32_t first = 0;
    OK(karrow_options_set_partitions(reading, &first, 1, E));
    karrow_spec_free(made);
    karrow_consumer *processing = opened(reading);
    /* None of them sets an output. */
    karrow_snapshot_free(read_failures(processing, 1));
    karrow_consumer_free(processing);
}

static int32_t inside_partition(karrow_processor_call *call)
{
    CHECK_NUMBER(karrow_processor_call_partition(call), 0);
    GIVES("call", karrow_processor_call_partition(NULL) == -1);
    return 0;
}

static void null_karrow_processor_call_partition(void)
{
    call_processor(inside_partition);
}

static int32_t inside_take_input(karrow_processor_call *call)
{
    struct ArrowArray array;
    struct ArrowSchema schema;
    REFUSED("call", karrow_processor_call_take_input(NULL, &array, &schema, OUT));
    REFUSED("array", karrow_processor_call_take_input(call, NULL, &schema, OUT));
    REFUSED("schema", karrow_processor_call_take_input(call, &array, NULL, OUT));
    WITHOUT_ERROR(karrow_processor_call_take_input(call, &array, &schema, NULL));
    array.release(&array);
    schema.release(&schema);
    return 0;
}

static void null_karrow_processor_call_take_input(void)
{
    call_processor(inside_take_input);
}

static int32_t inside_set_output(karrow_processor_call *call)
{
    struct ArrowArray nothing = {0};
    struct ArrowSchema columns = callback_columns();
    REFUSED("call", karrow_processor_call_set_output(NULL, &nothing, &columns, OUT));
    REFUSED("array", karrow_processor_call_set_output(call, NULL, &columns, OUT));
    see("schema");
    FAILS(karrow_processor_call_set_output(call, &nothing, NULL, E), INVALID_ARGUMENT, "output: it has been released");
    see("error");
    CHECK_NUMBER(karrow_processor_call_set_output(call, &nothing, &columns, NULL), KARROW_STATUS_INVALID_ARGUMENT);
    return 0;
}

static void null_karrow_processor_call_set_output(void)
{
    call_processor(inside_set_output);
}

static int32_t inside_refuse(karrow_processor_call *call)
{
    REFUSED("call", karrow_processor_call_refuse(NULL, 0, "no", OUT));
    REFUSED("reason", karrow_processor_call_refuse(call, 0, NULL, OUT));
    WITHOUT_ERROR(karrow_processor_call_refuse(call, 0, "no", NULL));
    return 0;
}

static void null_karrow_processor_call_refuse(void)
{
    call_processor(inside_refuse);
}

static int32_t inside_fail(karrow_processor_call *call)
{
    REFUSED("call", karrow_processor_call_fail(NULL, "no", OUT));
    REFUSED("message", karrow_processor_call_fail(call, NULL, OUT));
    WITHOUT_ERROR(karrow_processor_call_fail(call, "no", NULL));
    return 0;
}

static void null_karrow_processor_call_fail(void)
{
    call_processor(inside_fail);
}

static void null_karrow_spec_add_column(void)
{
    karrow_spec *json;
    OK(karrow_spec_new_json(&json, E));
    REFUSED("spec", karrow_spec_add_column(NULL, "A", "int64", OUT));
    REFUSED("name", karrow_spec_add_column(json, NULL, "int64", OUT));
    REFUSED("type_name", karrow_spec_add_column(json, "A", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_add_column(json, "A", "int64", NULL));
    karrow_spec_free(json);
}

static void null_karrow_spec_map_field(void)
{
    karrow_spec *json;
    OK(karrow_spec_new_json(&json, E));
    REFUSED("spec", karrow_spec_map_field(NULL, "a", "A", OUT));
    REFUSED("field", karrow_spec_map_field(json, NULL, "A", OUT));
    REFUSED("column", karrow_spec_map_field(json, "a", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_map_field(json, "a", "A", NULL));
    karrow_spec_free(json);
}

static void null_karrow_spec_set(void)
{
    karrow_spec *avro;
    OK(karrow_spec_new_avro_schema(RECORD, &avro, E));
    REFUSED("spec", karrow_spec_set(NULL, "framing", "bare", OUT));
    REFUSED("key", karrow_spec_set(avro, NULL, "bare", OUT));
    REFUSED("value", karrow_spec_set(avro, "framing", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_set(avro, "framing", "bare", NULL));
    karrow_spec_free(avro);
}

static void null_karrow_spec_add_schema(void)
{
    karrow_spec *avro;
    OK(karrow_spec_new_avro_schema(RECORD, &avro, E));
    REFUSED("spec", karrow_spec_add_schema(NULL, 7, RECORD, OUT));
    REFUSED("schema", karrow_spec_add_schema(avro, 7, NULL, OUT));
    WITHOUT_ERROR(karrow_spec_add_schema(avro, 7, RECORD, NULL));
    karrow_spec_free(avro);
}

static void null_karrow_spec_add_file(void)
{
    karrow_spec *protobuf;
    OK(karrow_spec_new_protobuf_source("m.proto", MESSAGE, NULL, &protobuf, E));
    REFUSED("spec", karrow_spec_add_file(NULL, "a.proto", MESSAGE, OUT));
    REFUSED("name", karrow_spec_add_file(protobuf, NULL, MESSAGE, OUT));
    REFUSED("text", karrow_spec_add_file(protobuf, "a.proto", NULL, OUT));
    WITHOUT_ERROR(karrow_spec_add_file(protobuf, "a.proto", MESSAGE, NULL));
    karrow_spec_free(protobuf);
}

static void null_karrow_spec_free(void)
{
    GIVES("spec", (karrow_spec_free(NULL), true));
}

static void null_karrow_options_new(void)
{
    karrow_options *made = UNTOUCHED;
    REFUSED("topic", karrow_options_new(NULL, &made, OUT));
    CHECK(made == UNTOUCHED);
    REFUSED("options", karrow_options_new("t", NULL, OUT));
    WITHOUT_ERROR(karrow_options_new("t", &made, NULL));
    karrow_options_free(made);
}

static void null_karrow_options_set(void)
{
    REFUSED("options", karrow_options_set(NULL, "client.id", "me", OUT));
    REFUSED("key", karrow_options_set(options, NULL, "me", OUT));
    TAKEN("value", karrow_options_set(options, "client.id", NULL, E));
    WITHOUT_ERROR(karrow_options_set(options, "client.id", "me", NULL));
}

static void null_karrow_options_set_partitions(void)
{
    const int32_t ids[] = {0, 1};
    REFUSED("options", karrow_options_set_partitions(NULL, ids, 2, OUT));
    REFUSED("ids", karrow_options_set_partitions(options, NULL, 2, OUT));
    WITHOUT_ERROR(karrow_options_set_partitions(options, ids, 2, NULL));
}

static void null_karrow_options_set_start_offset(void)
{
    REFUSED("options", karrow_options_set_start_offset(NULL, 0, 0, OUT));
    WITHOUT_ERROR(karrow_options_set_start_offset(options, 0, 0, NULL));
}

static void null_karrow_options_set_start_time(void)
{
    REFUSED("options", karrow_options_set_start_time(NULL, 0, 0, OUT));
    WITHOUT_ERROR(karrow_options_set_start_time(options, 0, 0, NULL));
}

/* The consumers that are made from the options later must not stop. */
static karrow_options *other_options(void)
{
    return options_of(cluster, "t", NULL, "int64");
}

static void null_karrow_options_set_stop_offset(void)
{
    karrow_options *other = other_options();
    REFUSED("options", karrow_options_set_stop_offset(NULL, 0, 0, OUT));
    WITHOUT_ERROR(karrow_options_set_stop_offset(other, 0, 0, NULL));
    karrow_options_free(other);
}

static void null_karrow_options_set_stop_time(void)
{
    karrow_options *other = other_options();
    REFUSED("options", karrow_options_set_stop_time(NULL, 0, 0, OUT));
    WITHOUT_ERROR(karrow_options_set_stop_time(other, 0, 0, NULL));
    karrow_options_free(other);
}

static void null_karrow_options_set_stop_at_end(void)
{
    karrow_options *other = other_options();
    REFUSED("options", karrow_options_set_stop_at_end(NULL, 0, OUT));
    WITHOUT_ERROR(karrow_options_set_stop_at_end(other, 0, NULL));
    karrow_options_free(other);
}

static void null_karrow_options_set_spec(void)
{
    REFUSED("options", karrow_options_set_spec(NULL, KARROW_SIDE_VALUE, spec, OUT));
    REFUSED("spec", karrow_options_set_spec(options, KARROW_SIDE_VALUE, NULL, OUT));
    WITHOUT_ERROR(karrow_options_set_spec(options, KARROW_SIDE_VALUE, spec, NULL));
}

static void null_karrow_options_set_table_type(void)
{
    REFUSED("options", karrow_options_set_table_type(NULL, KARROW_TABLE_TYPE_BLINK, 0, OUT));
    WITHOUT_ERROR(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_BLINK, 0, NULL));
}

static void null_karrow_options_set_log(void)
{
    REFUSED("options", karrow_options_set_log(NULL, karrows_log, OUT));
    TAKEN("log", karrow_options_set_log(options, NULL, E));
    WITHOUT_ERROR(karrow_options_set_log(options, karrows_log, NULL));
}

static void null_karrow_options_schema(void)
{
    struct ArrowSchema schema;
    REFUSED("options", karrow_options_schema(NULL, 0, &schema, OUT));
    REFUSED("schema", karrow_options_schema(options, 0, NULL, OUT));
    WITHOUT_ERROR(karrow_options_schema(options, 0, &schema, NULL));
    schema.release(&schema);
}

static void null_karrow_options_free(void)
{
    GIVES("options", (karrow_options_free(NULL), true));
}

static void null_karrow_consumer_new(void)
{
    karrow_consumer *made = UNTOUCHED;
    REFUSED("options", karrow_consumer_new(NULL, &made, OUT));
    CHECK(made == UNTOUCHED);
    REFUSED("consumer", karrow_consumer_new(options, NULL, OUT));
    WITHOUT_ERROR(karrow_consumer_new(options, &made, NULL));
    karrow_consumer_free(made);
}

static void null_karrow_consumer_open(void)
{
    karrow_consumer *another = another_consumer();
    REFUSED("consumer", karrow_consumer_open(NULL, -1, OUT));
    WITHOUT_ERROR(karrow_consumer_open(another, -1, NULL));
    karrow_consumer_free(another);
}

static void null_karrow_consumer_poll(void)
{
    int64_t rows = -7;
    int32_t failed = -7;
    karrow_snapshot *cycle = UNTOUCHED;
    REFUSED("consumer", karrow_consumer_poll(NULL, 0, &rows, &failed, &cycle, OUT));
    CHECK(rows == -7 && failed == -7 && cycle == UNTOUCHED);
    TAKEN("snapshot", karrow_consumer_poll(consumer, 0, &rows, &failed, NULL, E));
    CHECK(rows == 0 && failed == 1);
    TAKEN("rows", karrow_consumer_poll(consumer, 0, NULL, &failed, &cycle, E));
    karrow_snapshot_free(cycle);
    TAKEN("failed", karrow_consumer_poll(consumer, 0, &rows, NULL, &cycle, E));
    karrow_snapshot_free(cycle);
    WITHOUT_ERROR(karrow_consumer_poll(consumer, 0, &rows, &failed, &cycle, NULL));
    karrow_snapshot_free(cycle);
}

static void null_karrow_consumer_snapshot(void)
{
    karrow_snapshot *taken = UNTOUCHED;
    REFUSED("consumer", karrow_consumer_snapshot(NULL, &taken, OUT));
    CHECK(taken == UNTOUCHED);
    REFUSED("snapshot", karrow_consumer_snapshot(consumer, NULL, OUT));
    WITHOUT_ERROR(karrow_consumer_snapshot(consumer, &taken, NULL));
    karrow_snapshot_free(taken);
}

static void null_karrow_consumer_wait(void)
{
    karrow_snapshot *cycle = UNTOUCHED;
    REFUSED("consumer", karrow_consumer_wait(NULL, 0, 0, &cycle, OUT));
    CHECK(cycle == UNTOUCHED);
    REFUSED("snapshot", karrow_consumer_wait(consumer, 0, 0, NULL, OUT));
    WITHOUT_ERROR(karrow_consumer_wait(consumer, 0, 0, &cycle, NULL));
    karrow_snapshot_free(cycle);
}

static void null_karrow_consumer_progress(void)
{
    struct ArrowArrayStream progress;
    REFUSED("consumer", karrow_consumer_progress(NULL, &progress, OUT));
    REFUSED("progress", karrow_consumer_progress(consumer, NULL, OUT));
    WITHOUT_ERROR(karrow_consumer_progress(consumer, &progress, NULL));
    progress.release(&progress);
}

static void null_karrow_consumer_dead_letters(void)
{
    struct ArrowArrayStream dead_letters;
    REFUSED("consumer", karrow_consumer_dead_letters(NULL, &dead_letters, OUT));
    REFUSED("dead_letters", karrow_consumer_dead_letters(consumer, NULL, OUT));
    WITHOUT_ERROR(karrow_consumer_dead_letters(consumer, &dead_letters, NULL));
    dead_letters.release(&dead_letters);
}

static void null_karrow_consumer_commit(void)
{
    REFUSED("consumer", karrow_consumer_commit(NULL, snapshot, -1, OUT));
    REFUSED("snapshot", karrow_consumer_commit(consumer, NULL, -1, OUT));
    WITHOUT_ERROR(karrow_consumer_commit(consumer, snapshot, -1, NULL));
}

static void null_karrow_consumer_discard(void)
{
    REFUSED("consumer", karrow_consumer_discard(NULL, 0, 0, OUT));
    WITHOUT_ERROR(karrow_consumer_discard(consumer, 0, 0, NULL));
}

static void null_karrow_consumer_schema(void)
{
    struct ArrowSchema schema;
    REFUSED("consumer", karrow_consumer_schema(NULL, &schema, OUT));
    REFUSED("schema", karrow_consumer_schema(consumer, NULL, OUT));
    WITHOUT_ERROR(karrow_consumer_schema(consumer, &schema, NULL));
    schema.release(&schema);
}

static void null_karrow_consumer_resume(void)
{
    REFUSED("consumer", karrow_consumer_resume(NULL, 1, 1, OUT));
    WITHOUT_ERROR(karrow_consumer_resume(consumer, 1, 1, NULL));
}

static void null_karrow_consumer_wakeup(void)
{
    karrow_consumer *another = another_consumer();
    REFUSED("consumer", karrow_consumer_wakeup(NULL, OUT));
    WITHOUT_ERROR(karrow_consumer_wakeup(another, NULL));
    karrow_consumer_free(another);
}

static void null_karrow_consumer_close(void)
{
    karrow_consumer *another = another_consumer();
    REFUSED("consumer", karrow_consumer_close(NULL, -1, OUT));
    WITHOUT_ERROR(karrow_consumer_close(another, -1, NULL));
    karrow_consumer_free(another);
}

static void null_karrow_consumer_free(void)
{
    GIVES("consumer", (karrow_consumer_free(NULL), true));
}

static void null_karrow_snapshot_cycle(void)
{
    GIVES("snapshot", karrow_snapshot_cycle(NULL) == 0);
}

static void null_karrow_snapshot_partition_count(void)
{
    GIVES("snapshot", karrow_snapshot_partition_count(NULL) == 0);
}

static void null_karrow_snapshot_partition_at(void)
{
    int32_t partition = -7;
    REFUSED("snapshot", karrow_snapshot_partition_at(NULL, 0, &partition, OUT));
    CHECK(partition == -7);
    REFUSED("partition", karrow_snapshot_partition_at(snapshot, 0, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_partition_at(snapshot, 0, &partition, NULL));
}

static void null_karrow_snapshot_state(void)
{
    int32_t state = -7;
    REFUSED("snapshot", karrow_snapshot_state(NULL, 0, &state, OUT));
    CHECK(state == -7);
    REFUSED("state", karrow_snapshot_state(snapshot, 0, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_state(snapshot, 0, &state, NULL));
}

static void null_karrow_snapshot_rows(void)
{
    int64_t first = -7, end = -7;
    REFUSED("snapshot", karrow_snapshot_rows(NULL, 0, &first, &end, OUT));
    CHECK(first == -7 && end == -7);
    TAKEN("first_row", karrow_snapshot_rows(snapshot, 0, NULL, &end, E));
    TAKEN("end_row", karrow_snapshot_rows(snapshot, 0, &first, NULL, E));
    CHECK(first >= 0 && end == 1);
    WITHOUT_ERROR(karrow_snapshot_rows(snapshot, 0, &first, &end, NULL));
}

static void null_karrow_snapshot_next_offset(void)
{
    int64_t offset = -7;
    REFUSED("snapshot", karrow_snapshot_next_offset(NULL, 0, &offset, OUT));
    CHECK(offset == -7);
    REFUSED("offset", karrow_snapshot_next_offset(snapshot, 0, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_next_offset(snapshot, 0, &offset, NULL));
}

static void null_karrow_snapshot_failure(void)
{
    karrow_error *why = UNTOUCHED;
    REFUSED("snapshot", karrow_snapshot_failure(NULL, 1, &why, OUT));
    CHECK(why == UNTOUCHED);
    REFUSED("failure", karrow_snapshot_failure(snapshot, 1, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_failure(snapshot, 1, &why, NULL));
    karrow_error_free(why);
}

static void null_karrow_snapshot_schema(void)
{
    struct ArrowSchema schema;
    REFUSED("snapshot", karrow_snapshot_schema(NULL, &schema, OUT));
    REFUSED("schema", karrow_snapshot_schema(snapshot, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_schema(snapshot, &schema, NULL));
    schema.release(&schema);
}

static void null_karrow_snapshot_view(void)
{
    const char *const columns[] = {"V"};
    const char *const missing[] = {"V", NULL};
    karrow_snapshot *view = UNTOUCHED;
    REFUSED("snapshot", karrow_snapshot_view(NULL, columns, 1, &view, OUT));
    REFUSED("columns", karrow_snapshot_view(snapshot, NULL, 1, &view, OUT));
    REFUSED("columns", karrow_snapshot_view(snapshot, missing, 2, &view, OUT));
    CHECK(view == UNTOUCHED);
    REFUSED("view", karrow_snapshot_view(snapshot, columns, 1, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_view(snapshot, columns, 1, &view, NULL));
    karrow_snapshot_free(view);
}

static void null_karrow_snapshot_export_array(void)
{
    struct ArrowArray array;
    struct ArrowSchema schema;
    REFUSED("snapshot", karrow_snapshot_export_array(NULL, 0, &array, &schema, OUT));
    REFUSED("array", karrow_snapshot_export_array(snapshot, 0, NULL, &schema, OUT));
    TAKEN("schema", karrow_snapshot_export_array(snapshot, 0, &array, NULL, E));
    array.release(&array);
    WITHOUT_ERROR(karrow_snapshot_export_array(snapshot, 0, &array, &schema, NULL));
    array.release(&array);
    schema.release(&schema);
}

static void null_karrow_snapshot_export_stream(void)
{
    struct ArrowArrayStream stream;
    int64_t first = first_row(snapshot, 0);
    REFUSED("snapshot", karrow_snapshot_export_stream(NULL, 0, first, -1, &stream, OUT));
    REFUSED("stream", karrow_snapshot_export_stream(snapshot, 0, first, -1, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_export_stream(snapshot, 0, first, -1, &stream, NULL));
    stream.release(&stream);
}

static void null_karrow_snapshot_export_merged(void)
{
    struct ArrowArrayStream stream;
    const int64_t from_rows[] = {first_row(snapshot, 0), first_row(snapshot, 1)};
    REFUSED("snapshot", karrow_snapshot_export_merged(NULL, from_rows, 2, &stream, OUT));
    REFUSED("from_rows", karrow_snapshot_export_merged(snapshot, NULL, 2, &stream, OUT));
    TAKEN("from_rows", karrow_snapshot_export_merged(snapshot, NULL, 0, &stream, E));
    stream.release(&stream);
    REFUSED("stream", karrow_snapshot_export_merged(snapshot, from_rows, 2, NULL, OUT));
    WITHOUT_ERROR(karrow_snapshot_export_merged(snapshot, from_rows, 2, &stream, NULL));
    stream.release(&stream);
}

static void null_karrow_snapshot_free(void)
{
    GIVES("snapshot", (karrow_snapshot_free(NULL), true));
}

static void null_karrow_mock_cluster_new(void)
{
    karrow_mock_cluster *made;
    REFUSED("cluster", karrow_mock_cluster_new(1, NULL, OUT));
    WITHOUT_ERROR(karrow_mock_cluster_new(1, &made, NULL));
    karrow_mock_cluster_free(made);
}

static void null_karrow_mock_cluster_bootstrap_servers(void)
{
    GIVES("cluster", karrow_mock_cluster_bootstrap_servers(NULL) == NULL);
}

static void null_karrow_mock_cluster_create_topic(void)
{
    REFUSED("cluster", karrow_mock_cluster_create_topic(NULL, "new", 1, OUT));
    REFUSED("topic", karrow_mock_cluster_create_topic(cluster, NULL, 1, OUT));
    WITHOUT_ERROR(karrow_mock_cluster_create_topic(cluster, "new", 1, NULL));
}

static void null_karrow_mock_cluster_produce(void)
{
    const uint8_t bytes[] = {1, 2, 3};
    int64_t offset = -7;
    REFUSED("cluster", karrow_mock_cluster_produce(NULL, "t", 0, bytes, 3, bytes, 3, 0, &offset, OUT));
    REFUSED("topic", karrow_mock_cluster_produce(cluster, NULL, 0, bytes, 3, bytes, 3, 0, &offset, OUT));
    REFUSED("key", karrow_mock_cluster_produce(cluster, "t", 0, NULL, 3, bytes, 3, 0, &offset, OUT));
    REFUSED("value", karrow_mock_cluster_produce(cluster, "t", 0, bytes, 3, NULL, 3, 0, &offset, OUT));
    CHECK_NUMBER(offset, -7);
    TAKEN("key", karrow_mock_cluster_produce(cluster, "t", 0, NULL, 0, bytes, 3, 0, &offset, E));
    TAKEN("key", karrow_mock_cluster_produce(cluster, "t", 0, NULL, -1, bytes, 3, 0, &offset, E));
    TAKEN("value", karrow_mock_cluster_produce(cluster, "t", 0, bytes, 3, NULL, 0, 0, &offset, E));
    TAKEN("value", karrow_mock_cluster_produce(cluster, "t", 0, bytes, 3, NULL, -1, 0, &offset, E));
    CHECK_NUMBER(offset, 4);
    TAKEN("offset", karrow_mock_cluster_produce(cluster, "t", 0, bytes, 3, bytes, 3, 0, NULL, E));
    WITHOUT_ERROR(karrow_mock_cluster_produce(cluster, "t", 0, bytes, 3, bytes, 3, 0, &offset, NULL));
}

static void null_karrow_mock_cluster_produce_records(void)
{
    REFUSED("cluster", karrow_mock_cluster_produce_records(NULL, "t", "[]", OUT));
    REFUSED("topic", karrow_mock_cluster_produce_records(cluster, NULL, "[]", OUT));
    REFUSED("records", karrow_mock_cluster_produce_records(cluster, "t", NULL, OUT));
    WITHOUT_ERROR(karrow_mock_cluster_produce_records(cluster, "t", "[null]", NULL));
}

static void null_karrow_mock_cluster_push_errors(void)
{
    const int32_t errors[] = {6};
    REFUSED("cluster", karrow_mock_cluster_push_errors(NULL, 1, errors, 1, OUT));
    REFUSED("errors", karrow_mock_cluster_push_errors(cluster, 1, NULL, 1, OUT));
    WITHOUT_ERROR(karrow_mock_cluster_push_errors(cluster, 1, errors, 1, NULL));
}

static void null_karrow_mock_cluster_set_broker_up(void)
{
    REFUSED("cluster", karrow_mock_cluster_set_broker_up(NULL, 1, true, OUT));
    WITHOUT_ERROR(karrow_mock_cluster_set_broker_up(cluster, 1, true, NULL));
}

static void null_karrow_mock_cluster_set_leader(void)
{
    REFUSED("cluster", karrow_mock_cluster_set_leader(NULL, "t", 0, 1, OUT));
    REFUSED("topic", karrow_mock_cluster_set_leader(cluster, NULL, 0, 1, OUT));
    WITHOUT_ERROR(karrow_mock_cluster_set_leader(cluster, "t", 0, 1, NULL));
}

static void null_karrow_mock_cluster_set_delay(void)
{
    REFUSED("cluster", karrow_mock_cluster_set_delay(NULL, 1, 0, OUT));
    WITHOUT_ERROR(karrow_mock_cluster_set_delay(cluster, 1, 0, NULL));
}

static void null_karrow_mock_cluster_free(void)
{
    GIVES("cluster", (karrow_mock_cluster_free(NULL), true));
}

#define CASE(function) {#function, null_##function}

static const struct {
    const char *name;
    void (*run)(void);
} CASES[] = {
    CASE(karrow_abi_version),
    CASE(karrow_version),
    CASE(karrow_status_name),
    CASE(karrow_error_status),
    CASE(karrow_error_message),
    CASE(karrow_error_kafka_code),
    CASE(karrow_error_is_retriable),
    CASE(karrow_error_position),
    CASE(karrow_error_detail),
    CASE(karrow_error_free),
    CASE(karrow_log_new),
    CASE(karrow_log_take),
    CASE(karrow_log_dropped),
    CASE(karrow_log_free),
    CASE(karrow_log_entry_level),
    CASE(karrow_log_entry_time_ns),
    CASE(karrow_log_entry_source),
    CASE(karrow_log_entry_text),
    CASE(karrow_log_entry_free),
    CASE(karrow_spec_new_ignore),
    CASE(karrow_spec_new_from_properties),
    CASE(karrow_spec_new_simple),
    CASE(karrow_spec_new_json),
    CASE(karrow_spec_new_json_columns),
    CASE(karrow_spec_new_object_processor),
    CASE(karrow_spec_new_avro_schema),
    CASE(karrow_spec_new_avro_subject),
    CASE(karrow_spec_new_protobuf_source),
    CASE(karrow_spec_new_protobuf_descriptor),
    CASE(karrow_spec_new_protobuf_subject),
    CASE(karrow_spec_new_callback),
    CASE(karrow_spec_add_column),
    CASE(karrow_spec_map_field),
    CASE(karrow_spec_set),
    CASE(karrow_spec_add_schema),
    CASE(karrow_spec_add_file),
    CASE(karrow_spec_free),
    CASE(karrow_processor_call_partition),
    CASE(karrow_processor_call_take_input),
    CASE(karrow_processor_call_set_output),
    CASE(karrow_processor_call_refuse),
    CASE(karrow_processor_call_fail),
    CASE(karrow_options_new),
    CASE(karrow_options_set),
    CASE(karrow_options_set_partitions),
    CASE(karrow_options_set_start_offset),
    CASE(karrow_options_set_start_time),
    CASE(karrow_options_set_stop_offset),
    CASE(karrow_options_set_stop_time),
    CASE(karrow_options_set_stop_at_end),
    CASE(karrow_options_set_spec),
    CASE(karrow_options_set_table_type),
    CASE(karrow_options_set_log),
    CASE(karrow_options_schema),
    CASE(karrow_options_free),
    CASE(karrow_consumer_new),
    CASE(karrow_consumer_open),
    CASE(karrow_consumer_poll),
    CASE(karrow_consumer_snapshot),
    CASE(karrow_consumer_wait),
    CASE(karrow_consumer_progress),
    CASE(karrow_consumer_dead_letters),
    CASE(karrow_consumer_commit),
    CASE(karrow_consumer_discard),
    CASE(karrow_consumer_schema),
    CASE(karrow_consumer_resume),
    CASE(karrow_consumer_wakeup),
    CASE(karrow_consumer_close),
    CASE(karrow_consumer_free),
    CASE(karrow_snapshot_cycle),
    CASE(karrow_snapshot_partition_count),
    CASE(karrow_snapshot_partition_at),
    CASE(karrow_snapshot_state),
    CASE(karrow_snapshot_rows),
    CASE(karrow_snapshot_next_offset),
    CASE(karrow_snapshot_failure),
    CASE(karrow_snapshot_schema),
    CASE(karrow_snapshot_view),
    CASE(karrow_snapshot_export_array),
    CASE(karrow_snapshot_export_stream),
    CASE(karrow_snapshot_export_merged),
    CASE(karrow_snapshot_free),
    CASE(karrow_mock_cluster_new),
    CASE(karrow_mock_cluster_bootstrap_servers),
    CASE(karrow_mock_cluster_create_topic),
    CASE(karrow_mock_cluster_produce),
    CASE(karrow_mock_cluster_produce_records),
    CASE(karrow_mock_cluster_push_errors),
    CASE(karrow_mock_cluster_set_broker_up),
    CASE(karrow_mock_cluster_set_leader),
    CASE(karrow_mock_cluster_set_delay),
    CASE(karrow_mock_cluster_free),
};

#define CASE_COUNT (sizeof CASES / sizeof CASES[0])

static size_t case_of(const char *function)
{
    size_t index = 0;
    while (index < CASE_COUNT && strcmp(CASES[index].name, function) != 0)
        index++;
    return index;
}

static void every_pointer_of_every_function(void)
{
    static struct function functions[MAX_FUNCTIONS];
    size_t count = read_functions(functions);
    make_arguments();
    for (size_t index = 0; index < count; index++) {
        now = &functions[index];
        memset(seen, 0, sizeof seen);
        size_t found = case_of(now->name);
        if (found == CASE_COUNT)
            check_failed(now->name, 0, "this function has no case");
        CASES[found].run();
        for (size_t pointer = 0; pointer < now->pointer_count; pointer++)
            if (!seen[pointer])
                check_failed(now->name, 0, now->pointers[pointer]);
    }
    free_arguments();
    /* A function is declared once, so that every case has its function if there are as many. */
    CHECK_NUMBER(count, CASE_COUNT);
}

int main(void)
{
    check_start();
    RUN(every_pointer_of_every_function);
    return 0;
}
