/*
 * Reads a topic with text in keys and values, and prints its rows.
 *
 *     read_topic                                     from a cluster of its own, in this process
 *     read_topic BOOTSTRAP_SERVERS TOPIC [ROWS]      from the beginning, until ROWS rows, or nothing for 5 seconds
 *
 * Rows come as Arrow arrays, through the C Stream Interface: an Arrow library could take them from there. This program
 * does without one: `print_value` shows all there is to know about the memory of these columns.
 */
#include <karrow.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUIET_SECONDS 5

/* Says why a call failed, if it did. */
static bool failed(karrow_status status, karrow_error **error)
{
    if (status == KARROW_STATUS_OK)
        return false;
    fprintf(stderr, "%s: %s\n", karrow_status_name(status), karrow_error_message(*error));
    karrow_error_free(*error);
    return true;
}

/* A cluster with a topic of three partitions, and ten records in it. */
static bool start_cluster(const char *topic, karrow_mock_cluster **cluster)
{
    karrow_error *error;
    if (failed(karrow_mock_cluster_new(1, cluster, &error), &error)
        || failed(karrow_mock_cluster_create_topic(*cluster, topic, 3, &error), &error))
        return false;
    for (int32_t record = 0; record < 10; record++) {
        char key[16], value[16];
        int key_length = snprintf(key, sizeof key, "key %d", record);
        int value_length = record == 4 ? -1 : snprintf(value, sizeof value, "value %d", record); /* -1: Kafka's null */
        if (failed(karrow_mock_cluster_produce(*cluster, topic, record % 3, (const uint8_t *)key, key_length,
                                               (const uint8_t *)value, value_length, 0, NULL, &error), &error))
            return false;
    }
    return true;
}

/* A consumer of the whole topic: what is in it, and what will come. */
static bool open_consumer(const char *servers, const char *topic, karrow_consumer **consumer)
{
    karrow_error *error;
    karrow_options *options = NULL;
    karrow_spec *key = NULL, *value = NULL;
    bool open = !failed(karrow_spec_new_simple("Key", "utf8", &key, &error), &error)
        && !failed(karrow_spec_new_simple("Value", "utf8", &value, &error), &error)
        && !failed(karrow_options_new(topic, &options, &error), &error)
        && !failed(karrow_options_set(options, "bootstrap.servers", servers, &error), &error)
        && !failed(karrow_options_set_spec(options, KARROW_SIDE_KEY, key, &error), &error)
        && !failed(karrow_options_set_spec(options, KARROW_SIDE_VALUE, value, &error), &error)
        && !failed(karrow_options_set_start_offset(options, KARROW_ALL_PARTITIONS, KARROW_SEEK_TO_BEGINNING, &error),
                   &error)
        && !failed(karrow_consumer_new(options, consumer, &error), &error)
        && !failed(karrow_consumer_open(*consumer, 10000, &error), &error);
    karrow_spec_free(key);
    karrow_spec_free(value);
    karrow_options_free(options);
    return open;
}

/* One value: `i` is int32, `l` int64, `ts...` a timestamp (here nanoseconds in an int64), `u` text. */
static void print_value(const char *format, const struct ArrowArray *column, int64_t row)
{
    const uint8_t *validity = column->buffers[0]; /* a bit for each row; NULL if no row is null */
    if (validity != NULL && (validity[row / 8] >> (row % 8) & 1) == 0) {
        printf("null");
    } else if (format[0] == 'i') {
        printf("%" PRId32, ((const int32_t *)column->buffers[1])[row]);
    } else if (format[0] == 'l' || format[0] == 't') {
        printf("%" PRId64, ((const int64_t *)column->buffers[1])[row]);
    } else {
        const int32_t *starts = column->buffers[1]; /* a text ends where the next one starts */
        fwrite((const char *)column->buffers[2] + starts[row], 1, (size_t)(starts[row + 1] - starts[row]), stdout);
    }
}

/* Prints the rows of a stream, batch by batch, but no more than `*left`; releases the stream. */
static bool print_rows(struct ArrowArrayStream *stream, int64_t *left)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray batch;
    int code = stream->get_schema(stream, &schema);
    while (code == 0 && (code = stream->get_next(stream, &batch)) == 0 && batch.release != NULL) {
        for (int64_t row = 0; row < batch.length && *left > 0; row++, --*left) {
            for (int64_t column = 0; column < schema.n_children; column++) {
                printf("%s%s=", column > 0 ? " " : "", schema.children[column]->name);
                print_value(schema.children[column]->format, batch.children[column], row);
            }
            printf("\n");
        }
        batch.release(&batch);
    }
    if (code != 0)
        fprintf(stderr, "%s\n", stream->get_last_error(stream));
    if (schema.release != NULL)
        schema.release(&schema);
    stream->release(stream);
    return code == 0;
}

/* Says why partitions have failed; false if any has. */
static bool all_partitions_well(const karrow_snapshot *snapshot)
{
    bool well = true;
    for (size_t index = 0; index < karrow_snapshot_partition_count(snapshot); index++) {
        karrow_error *error, *failure;
        int32_t partition, state;
        if (failed(karrow_snapshot_partition_at(snapshot, index, &partition, &error), &error)
            || failed(karrow_snapshot_state(snapshot, partition, &state, &error), &error)
            || (state == KARROW_PARTITION_STATE_FAILED
                && (failed(karrow_snapshot_failure(snapshot, partition, &failure, &error), &error)
                    || failed(karrow_error_status(failure), &failure))))
            well = false;
    }
    return well;
}

/* Cycle after cycle: in a blink table, which is the default, each shows what has come since the one before. */
static bool print_topic(const karrow_consumer *consumer, int64_t limit)
{
    int64_t left = limit;
    size_t partitions = 0;
    time_t last = time(NULL);
    bool ok = true;
    while (ok && left > 0 && time(NULL) - last <= QUIET_SECONDS) {
        karrow_error *error;
        karrow_snapshot *snapshot;
        struct ArrowArrayStream stream;
        int64_t rows;
        if (failed(karrow_consumer_poll(consumer, 1000, &rows, NULL, &snapshot, &error), &error))
            return false;
        if (rows > 0)
            last = time(NULL);
        partitions = karrow_snapshot_partition_count(snapshot);
        ok = !failed(karrow_snapshot_export_merged(snapshot, NULL, 0, &stream, &error), &error)
            && print_rows(&stream, &left)
            && all_partitions_well(snapshot);
        karrow_snapshot_free(snapshot);
    }
    printf("%" PRId64 " rows from %zu partitions\n", limit - left, partitions);
    return ok;
}

int main(int argc, char **argv)
{
    bool own_cluster = argc == 1;
    if (!own_cluster && argc != 3 && argc != 4) {
        fprintf(stderr, "usage: %s [BOOTSTRAP_SERVERS TOPIC [ROWS]]\n", argv[0]);
        return 1;
    }
    const char *topic = own_cluster ? "greetings" : argv[2];
    int64_t rows = own_cluster ? 10 : argc == 4 ? strtoll(argv[3], NULL, 10) : INT64_MAX;
    karrow_mock_cluster *cluster = NULL;
    karrow_consumer *consumer = NULL;
    bool ok = (!own_cluster || start_cluster(topic, &cluster))
        && open_consumer(own_cluster ? karrow_mock_cluster_bootstrap_servers(cluster) : argv[1], topic, &consumer)
        && print_topic(consumer, rows);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
    return ok ? 0 : 1;
}
