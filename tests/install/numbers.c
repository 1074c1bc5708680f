/*
 * Sums the numbers of a topic in a cluster of its own, and prints the sum. A program of somebody who has installed
 * karrow, and nothing else.
 */
#include <karrow.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBERS 5

static void check(karrow_status status, karrow_error *error)
{
    if (status == KARROW_STATUS_OK)
        return;
    fprintf(stderr, "%s: %s\n", karrow_status_name(status), karrow_error_message(error));
    exit(1);
}

/* A number as Kafka's LongSerializer writes it. */
static void produce(const karrow_mock_cluster *cluster, const char *topic, uint64_t number)
{
    karrow_error *error;
    uint8_t bytes[8];
    for (int index = 0; index < 8; index++)
        bytes[index] = (uint8_t)(number >> (56 - 8 * index));
    check(karrow_mock_cluster_produce(cluster, topic, 0, NULL, -1, bytes, 8, 0, NULL, &error), error);
}

static int64_t sum_of_stream(struct ArrowArrayStream *stream)
{
    int64_t sum = 0;
    for (;;) {
        struct ArrowArray batch;
        if (stream->get_next(stream, &batch) != 0) {
            fprintf(stderr, "%s\n", stream->get_last_error(stream));
            exit(1);
        }
        if (batch.release == NULL)
            break;
        const int64_t *values = batch.children[0]->buffers[1];
        for (int64_t row = 0; row < batch.length; row++)
            sum += values[row];
        batch.release(&batch);
    }
    stream->release(stream);
    return sum;
}

int main(void)
{
    const char *topic = "numbers", *columns[] = {"Number"};
    karrow_error *error;
    karrow_mock_cluster *cluster;
    karrow_options *options;
    karrow_spec *ignore, *number;
    karrow_consumer *consumer;

    check(karrow_mock_cluster_new(1, &cluster, &error), error);
    check(karrow_mock_cluster_create_topic(cluster, topic, 1, &error), error);
    for (uint64_t value = 1; value <= NUMBERS; value++)
        produce(cluster, topic, value);

    check(karrow_options_new(topic, &options, &error), error);
    check(karrow_options_set(options, "bootstrap.servers", karrow_mock_cluster_bootstrap_servers(cluster), &error),
          error);
    check(karrow_options_set_start_offset(options, KARROW_ALL_PARTITIONS, KARROW_SEEK_TO_BEGINNING, &error), error);
    check(karrow_spec_new_ignore(&ignore, &error), error);
    check(karrow_options_set_spec(options, KARROW_SIDE_KEY, ignore, &error), error);
    check(karrow_spec_new_simple("Number", "int64", &number, &error), error);
    check(karrow_options_set_spec(options, KARROW_SIDE_VALUE, number, &error), error);
    check(karrow_consumer_new(options, &consumer, &error), error);
    check(karrow_consumer_open(consumer, 30000, &error), error);

    int64_t rows = 1, all = 0, sum = 0;
    while (all < NUMBERS && rows > 0) {
        karrow_snapshot *snapshot, *view;
        struct ArrowArrayStream stream;
        check(karrow_consumer_poll(consumer, 30000, &rows, NULL, &snapshot, &error), error);
        check(karrow_snapshot_view(snapshot, columns, 1, &view, &error), error);
        check(karrow_snapshot_export_merged(view, NULL, 0, &stream, &error), error);
        sum += sum_of_stream(&stream);
        all += rows;
        karrow_snapshot_free(view);
        karrow_snapshot_free(snapshot);
    }
    printf("%" PRId64 " numbers, sum %" PRId64 ", read by karrow %s\n", all, sum, karrow_version());

    karrow_consumer_free(consumer);
    karrow_options_free(options);
    karrow_spec_free(ignore);
    karrow_spec_free(number);
    karrow_mock_cluster_free(cluster);
    return all == NUMBERS && sum == NUMBERS * (NUMBERS + 1) / 2 ? 0 : 1;
}
