/*
 * Calls beside each other, and calls that end others: nothing here waits for a time, only for what must happen.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

/* A call in a thread of its own ------------------------------------------------------------------------------------ */

struct call {
    pthread_t thread;
    const karrow_consumer *consumer;
    int64_t timeout_ms;
    /* For wait. */
    int64_t after_cycle;
    atomic_bool begun;
    karrow_status status;
    karrow_error *error;
};

static void *run_open(void *argument)
{
    struct call *call = argument;
    call->status = karrow_consumer_open(call->consumer, call->timeout_ms, &call->error);
    return NULL;
}

/* The main thread polls too, to see whether this one is at it. */
static void *run_poll(void *argument)
{
    struct call *call = argument;
    for (;;) {
        call->status = karrow_consumer_poll(call->consumer, call->timeout_ms, NULL, NULL, NULL, &call->error);
        if (call->status != KARROW_STATUS_BUSY)
            return NULL;
        karrow_error_free(call->error);
        look_again_soon();
    }
}

static void *run_close(void *argument)
{
    struct call *call = argument;
    call->status = karrow_consumer_close(call->consumer, call->timeout_ms, &call->error);
    return NULL;
}

/* Whatever it hands out is freed. */
static void *run_wait(void *argument)
{
    struct call *call = argument;
    karrow_snapshot *cycle = NULL;
    atomic_store(&call->begun, true);
    call->status = karrow_consumer_wait(call->consumer, call->after_cycle, call->timeout_ms, &cycle, &call->error);
    CHECK((call->status == KARROW_STATUS_OK) == (cycle != NULL));
    CHECK(cycle == NULL || karrow_snapshot_cycle(cycle) > call->after_cycle);
    karrow_snapshot_free(cycle);
    return NULL;
}

static void *run_commit(void *argument)
{
    struct call *call = argument;
    karrow_snapshot *cycle = snapshot_of(call->consumer);
    atomic_store(&call->begun, true);
    call->status = karrow_consumer_commit(call->consumer, cycle, call->timeout_ms, &call->error);
    karrow_snapshot_free(cycle);
    return NULL;
}

static void start(struct call *call, void *(*run)(void *), const karrow_consumer *consumer, int64_t timeout_ms)
{
    *call = (struct call){.consumer = consumer, .timeout_ms = timeout_ms};
    CHECK(pthread_create(&call->thread, NULL, run, call) == 0);
}

/* Waits for a cycle after this one, without end. */
static void start_wait(struct call *call, const karrow_consumer *consumer, int64_t after_cycle)
{
    *call = (struct call){.consumer = consumer, .timeout_ms = -1, .after_cycle = after_cycle};
    CHECK(pthread_create(&call->thread, NULL, run_wait, call) == 0);
    while (!atomic_load(&call->begun))
        look_again_soon();
}

static karrow_status status_of(struct call *call)
{
    CHECK(pthread_join(call->thread, NULL) == 0);
    CHECK(karrow_error_status(call->error) == call->status);
    karrow_error_free(call->error);
    return call->status;
}

/* Waits until another thread polls. */
static void wait_for_poll(const karrow_consumer *consumer)
{
    karrow_error *error;
    karrow_status status;
    while ((status = karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, &error)) == KARROW_STATUS_OK)
        look_again_soon();
    CHECK_NUMBER(status, KARROW_STATUS_BUSY);
    CHECK_TEXT(karrow_error_message(error),
               "poll: another open, poll or close of this consumer is running in another thread");
    karrow_error_free(error);
}

static karrow_consumer *idle_consumer(const karrow_mock_cluster *cluster)
{
    return opened(options_of(cluster, "t", NULL, "utf8"));
}

/* Nobody listens there. The log tells when a broker has been tried. */
static karrow_consumer *lost_consumer(karrow_log **log)
{
    karrow_options *options = options_for("127.0.0.1:1", "t", NULL, "utf8");
    OK(karrow_log_new(KARROW_LOG_LEVEL_DEBUG, 1000, log, E));
    OK(karrow_options_set_log(options, *log, E));
    return consumer_of(options);
}

/* Waits until open is at it. */
static void wait_for_open(const karrow_log *log)
{
    for (bool refused = false; !refused;) {
        karrow_log_entry *entry;
        OK(karrow_log_take(log, -1, &entry, E));
        refused = strstr(karrow_log_entry_text(entry), "127.0.0.1:1") != NULL;
        karrow_log_entry_free(entry);
    }
}

/* Order of calls --------------------------------------------------------------------------------------------------- */

static void nothing_is_read_before_open(void)
{
    static const char message[] = "the consumer has not been opened; call open first";
    karrow_snapshot *snapshot;
    struct ArrowArrayStream progress;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = consumer_of(options_of(cluster, "t", NULL, "utf8"));
    karrow_consumer *other = consumer_of(options_of(cluster, "t", NULL, "utf8"));
    FAILS(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E), INVALID_STATE, message);
    FAILS(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), INVALID_STATE, message);
    FAILS(karrow_consumer_snapshot(consumer, &snapshot, E), INVALID_STATE, message);
    FAILS(karrow_consumer_resume(consumer, 0, 0, E), INVALID_STATE, message);
    FAILS(karrow_consumer_wait(consumer, -1, -1, &snapshot, E), INVALID_STATE, message);
    FAILS(karrow_consumer_progress(consumer, &progress, E), INVALID_STATE, message);
    FAILS(karrow_consumer_dead_letters(consumer, &progress, E), INVALID_STATE, message);
    FAILS(karrow_consumer_discard(consumer, 0, 0, E), INVALID_STATE, message);
    OK(karrow_consumer_open(other, -1, E));
    snapshot = snapshot_of(other);
    FAILS(karrow_consumer_commit(consumer, snapshot, -1, E), INVALID_STATE, message);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(other);
    OK(karrow_consumer_open(consumer, -1, E));
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    FAILS(karrow_consumer_open(consumer, -1, E), INVALID_STATE, "the consumer is open already");
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void only_snapshots_and_progress_are_left_after_close(void)
{
    static const char message[] = "the consumer is closed; make a new one to read on";
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "v");
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_consumer *consumer = opened(options);
    karrow_snapshot_free(read_rows(consumer, 1));
    OK(karrow_consumer_close(consumer, -1, E));
    FAILS(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), CLOSED, message);
    FAILS(karrow_consumer_open(consumer, -1, E), CLOSED, message);
    FAILS(karrow_consumer_resume(consumer, 0, 0, E), CLOSED, message);
    karrow_snapshot *snapshot = snapshot_of(consumer), *waited = UNTOUCHED;
    FAILS(karrow_consumer_wait(consumer, -1, -1, &waited, E), CLOSED, message);
    CHECK(waited == UNTOUCHED);
    FAILS(karrow_consumer_commit(consumer, snapshot, -1, E), CLOSED, message);
    FAILS(karrow_consumer_discard(consumer, 0, 1, E), CLOSED, message);
    struct ArrowArrayStream progress;
    struct ArrowArray rows;
    OK(karrow_consumer_progress(consumer, &progress, E));
    CHECK(progress.get_next(&progress, &rows) == 0 && rows.length == 1);
    rows.release(&rows);
    progress.release(&progress);
    OK(karrow_consumer_close(consumer, -1, E));
    OK(karrow_consumer_close(consumer, 0, E));
    struct table table = table_of(snapshot, 0);
    CHECK(table.array.length == 1 && text_is(column_of(&table, "V"), 0, "v"));
    release_table(&table);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_consumer_can_be_closed_before_it_is_opened(void)
{
    karrow_snapshot *snapshot;
    karrow_consumer *consumer = consumer_of(options_for("127.0.0.1:1", "t", NULL, "utf8"));
    OK(karrow_consumer_close(consumer, 0, E));
    FAILS_WITH(karrow_consumer_open(consumer, -1, E), CLOSED, "the consumer is closed");
    FAILS_WITH(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), CLOSED, "the consumer is closed");
    FAILS_WITH(karrow_consumer_snapshot(consumer, &snapshot, E), INVALID_STATE, "has not been opened");
    karrow_consumer_free(consumer);
}

static void a_consumer_can_be_freed_while_it_reads(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 2);
    for (int32_t record = 0; record < 20; record++)
        produce(cluster, "t", record % 2, NULL, "v");
    karrow_consumer_free(idle_consumer(cluster));
    karrow_consumer *consumer = idle_consumer(cluster);
    OK(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Poll ------------------------------------------------------------------------------------------------------------- */

static void a_second_poll_is_busy(void)
{
    struct call poll;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    start(&poll, run_poll, consumer, -1);
    wait_for_poll(consumer);
    FAILS(karrow_consumer_open(consumer, -1, E), BUSY,
          "open: another open, poll or close of this consumer is running in another thread");
    /* These need not wait. */
    FAILS_WITH(karrow_consumer_resume(consumer, 0, 0, E), INVALID_STATE, "has not failed");
    karrow_snapshot_free(snapshot_of(consumer));
    OK(karrow_consumer_wakeup(consumer, E));
    CHECK_NUMBER(status_of(&poll), KARROW_STATUS_INTERRUPTED);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_record_ends_a_running_poll(void)
{
    struct call poll;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    start(&poll, run_poll, consumer, INT64_MAX);
    wait_for_poll(consumer);
    produce(cluster, "t", 0, NULL, "v");
    CHECK_NUMBER(status_of(&poll), KARROW_STATUS_OK);
    karrow_snapshot *snapshot = snapshot_of(consumer);
    CHECK_NUMBER(end_row(snapshot, 0), 1);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void wakeup_is_kept_for_the_next_poll_and_used_once(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    OK(karrow_consumer_wakeup(consumer, E));
    OK(karrow_consumer_wakeup(consumer, E));
    FAILS(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), INTERRUPTED, "interrupted by wakeup");
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));

    OK(karrow_consumer_wakeup(consumer, E));
    FAILS(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E), INTERRUPTED, "interrupted by wakeup");
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void an_interrupted_poll_is_no_cycle_and_loses_nothing(void)
{
    int64_t rows = -7;
    int32_t failed = -7;
    karrow_snapshot *snapshot = UNTOUCHED;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "v");
    karrow_consumer *consumer = idle_consumer(cluster);
    OK(karrow_consumer_wakeup(consumer, E));
    FAILS_WITH(karrow_consumer_poll(consumer, -1, &rows, &failed, &snapshot, E), INTERRUPTED, "wakeup");
    CHECK(rows == -7 && failed == -7 && snapshot == UNTOUCHED);
    snapshot = snapshot_of(consumer);
    CHECK_NUMBER(karrow_snapshot_cycle(snapshot), 0);
    karrow_snapshot_free(snapshot);
    snapshot = read_rows(consumer, 1);
    CHECK_NUMBER(end_row(snapshot, 0), 1);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void a_lingering_poll_ends_by_its_time_or_by_wakeup(void)
{
    struct call poll;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set(options, "karrow.poll.linger.ms", "3600000", E));
    karrow_consumer *consumer = opened(options);
    start(&poll, run_poll, consumer, -1);
    produce(cluster, "t", 0, NULL, "v");
    OK(karrow_consumer_wakeup(consumer, E));
    CHECK_NUMBER(status_of(&poll), KARROW_STATUS_INTERRUPTED);
    for (int64_t rows = 0; rows == 0;)
        OK(karrow_consumer_poll(consumer, 10, &rows, NULL, NULL, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void close_ends_a_running_poll(void)
{
    struct call poll;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    start(&poll, run_poll, consumer, -1);
    wait_for_poll(consumer);
    OK(karrow_consumer_close(consumer, -1, E));
    CHECK_NUMBER(status_of(&poll), KARROW_STATUS_CLOSED);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void close_without_time_goes_on_by_itself(void)
{
    struct call poll;
    karrow_error *error;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    start(&poll, run_poll, consumer, -1);
    wait_for_poll(consumer);
    karrow_status status = karrow_consumer_close(consumer, 0, &error);
    CHECK(status == KARROW_STATUS_OK || status == KARROW_STATUS_TIMEOUT);
    karrow_error_free(error);
    CHECK_NUMBER(status_of(&poll), KARROW_STATUS_CLOSED);
    OK(karrow_consumer_close(consumer, -1, E));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void two_closes_at_once_both_succeed(void)
{
    struct call one, other;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    start(&one, run_close, consumer, -1);
    start(&other, run_close, consumer, -1);
    CHECK_NUMBER(status_of(&one), KARROW_STATUS_OK);
    CHECK_NUMBER(status_of(&other), KARROW_STATUS_OK);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Wait ------------------------------------------------------------------------------------------------------------- */

static int64_t cycle_of(const karrow_consumer *consumer)
{
    karrow_snapshot *snapshot = snapshot_of(consumer);
    int64_t cycle = karrow_snapshot_cycle(snapshot);
    karrow_snapshot_free(snapshot);
    return cycle;
}

static void a_wait_knows_what_has_been_published(void)
{
    karrow_snapshot *snapshot = UNTOUCHED;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    FAILS(karrow_consumer_wait(consumer, 0, 0, &snapshot, E), TIMEOUT,
          "no cycle has been published after cycle 0 within 0 ms; another thread has to poll");
    FAILS_WITH(karrow_consumer_wait(consumer, INT64_MAX, 1, &snapshot, E), TIMEOUT, "within 1 ms");
    CHECK(snapshot == UNTOUCHED);
    OK(karrow_consumer_wait(consumer, -1, -1, &snapshot, E));
    CHECK_NUMBER(karrow_snapshot_cycle(snapshot), 0);
    karrow_snapshot_free(snapshot);
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    OK(karrow_consumer_wait(consumer, 0, -1, &snapshot, E));
    CHECK_NUMBER(karrow_snapshot_cycle(snapshot), 2);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

enum { ROWS_TO_FOLLOW = 40 };

/* Reads on from cycle to cycle until all rows have come. */
static void *run_follower(void *argument)
{
    const karrow_consumer *consumer = argument;
    int64_t cycle = 0, rows = 0;
    while (rows < ROWS_TO_FOLLOW) {
        karrow_snapshot *snapshot;
        OK(karrow_consumer_wait(consumer, cycle, -1, &snapshot, E));
        CHECK(karrow_snapshot_cycle(snapshot) > cycle);
        cycle = karrow_snapshot_cycle(snapshot);
        struct ArrowArrayStream stream;
        struct ArrowArray batch;
        OK(karrow_snapshot_export_stream(snapshot, 0, rows, -1, &stream, E));
        while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
            CHECK_NUMBER(int64_at(batch.children[1], 0), rows);
            rows += batch.length;
            batch.release(&batch);
        }
        CHECK_NUMBER(rows, end_row(snapshot, 0));
        stream.release(&stream);
        karrow_snapshot_free(snapshot);
    }
    return NULL;
}

static void two_threads_follow_the_cycles_that_a_third_one_polls(void)
{
    enum { FOLLOWERS = 2 };
    pthread_t followers[FOLLOWERS];
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_consumer *consumer = opened(options);
    for (int follower = 0; follower < FOLLOWERS; follower++)
        CHECK(pthread_create(&followers[follower], NULL, run_follower, consumer) == 0);
    for (int32_t record = 0; record < ROWS_TO_FOLLOW; record++) {
        produce(cluster, "t", 0, NULL, "v");
        karrow_snapshot_free(read_rows(consumer, 1));
    }
    for (int follower = 0; follower < FOLLOWERS; follower++)
        CHECK(pthread_join(followers[follower], NULL) == 0);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void wakeup_ends_one_wait(void)
{
    struct call waits[2];
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    start_wait(&waits[0], consumer, 0);
    OK(karrow_consumer_wakeup(consumer, E));
    CHECK_NUMBER(status_of(&waits[0]), KARROW_STATUS_INTERRUPTED);
    /* With two of them, the next cycle finds one that is still waiting. */
    int64_t interrupted = 0, published = 0;
    start_wait(&waits[0], consumer, 0);
    start_wait(&waits[1], consumer, 0);
    OK(karrow_consumer_wakeup(consumer, E));
    /* A poll would be interrupted if no wait had been: neither is lost nor comes twice. */
    karrow_error *error;
    karrow_status polled = karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, &error);
    karrow_error_free(error);
    if (polled == KARROW_STATUS_INTERRUPTED) {
        interrupted++;
        OK(karrow_consumer_poll(consumer, 0, NULL, NULL, NULL, E));
    }
    for (int wait = 0; wait < 2; wait++) {
        karrow_status status = status_of(&waits[wait]);
        interrupted += status == KARROW_STATUS_INTERRUPTED;
        published += status == KARROW_STATUS_OK;
    }
    CHECK_NUMBER(interrupted, 1);
    CHECK_NUMBER(published, polled == KARROW_STATUS_INTERRUPTED ? 2 : 1);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void the_last_cycle_ends_every_wait(void)
{
    struct call next, never;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    produce(cluster, "t", 0, NULL, "v");
    OK(karrow_options_set_stop_at_end(options, KARROW_ALL_PARTITIONS, E));
    karrow_consumer *consumer = opened(options);
    start_wait(&next, consumer, 0);
    start_wait(&never, consumer, INT64_MAX);
    karrow_snapshot_free(read_rows(consumer, 1));
    FAILS(karrow_consumer_poll(consumer, -1, NULL, NULL, NULL, E), END,
          "every partition has been read to where it was to stop");
    CHECK_NUMBER(status_of(&next), KARROW_STATUS_OK);
    CHECK_NUMBER(status_of(&never), KARROW_STATUS_END);
    /* What has ended has ended for those who come late. */
    start_wait(&never, consumer, cycle_of(consumer));
    CHECK_NUMBER(status_of(&never), KARROW_STATUS_END);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void close_ends_running_waits(void)
{
    struct call waits[2];
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = idle_consumer(cluster);
    start_wait(&waits[0], consumer, 0);
    start_wait(&waits[1], consumer, INT64_MAX);
    OK(karrow_consumer_close(consumer, -1, E));
    CHECK_NUMBER(status_of(&waits[0]), KARROW_STATUS_CLOSED);
    CHECK_NUMBER(status_of(&waits[1]), KARROW_STATUS_CLOSED);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Commit ----------------------------------------------------------------------------------------------------------- */

/* One record has been read, and may be committed. */
static karrow_consumer *consumer_of_a_group(const karrow_mock_cluster *cluster)
{
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_options_set(options, "group.id", "g", E));
    karrow_consumer *consumer = opened(options);
    produce(cluster, "t", 0, NULL, "v");
    karrow_snapshot_free(read_rows(consumer, 1));
    return consumer;
}

static void a_commit_runs_out_of_time(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = consumer_of_a_group(cluster);
    karrow_snapshot *snapshot = snapshot_of(consumer);
    OK(karrow_mock_cluster_set_broker_up(cluster, 1, false, E));
    karrow_error *error = FAILURE(karrow_consumer_commit(consumer, snapshot, 50, E), TIMEOUT);
    CHECK(karrow_error_is_retriable(error));
    karrow_error_free(error);
    OK(karrow_mock_cluster_set_broker_up(cluster, 1, true, E));
    OK(karrow_consumer_commit(consumer, snapshot, -1, E));
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* The broker answers nothing, or is gone, and never comes back. */
static void close_ends_a_commit(const karrow_consumer *consumer)
{
    struct call commit, wait;
    commit = (struct call){.consumer = consumer, .timeout_ms = -1};
    CHECK(pthread_create(&commit.thread, NULL, run_commit, &commit) == 0);
    while (!atomic_load(&commit.begun))
        look_again_soon();
    start_wait(&wait, consumer, INT64_MAX);
    /* Not for commits: ends the wait. */
    OK(karrow_consumer_wakeup(consumer, E));
    CHECK_NUMBER(status_of(&wait), KARROW_STATUS_INTERRUPTED);
    OK(karrow_consumer_close(consumer, -1, E));
    CHECK_NUMBER(status_of(&commit), KARROW_STATUS_CLOSED);
}

static void close_ends_a_commit_to_a_broker_that_is_gone(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = consumer_of_a_group(cluster);
    OK(karrow_mock_cluster_set_broker_up(cluster, 1, false, E));
    close_ends_a_commit(consumer);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

static void close_ends_a_commit_to_a_broker_that_does_not_answer(void)
{
    enum { HOUR_MS = 3600000 };
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_consumer *consumer = consumer_of_a_group(cluster);
    OK(karrow_mock_cluster_set_delay(cluster, 1, HOUR_MS, E));
    close_ends_a_commit(consumer);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Open ------------------------------------------------------------------------------------------------------------- */

static void open_tells_why_its_time_ran_out(void)
{
    karrow_log *log;
    karrow_consumer *consumer = lost_consumer(&log);
    karrow_error *error = FAILURE(karrow_consumer_open(consumer, 2000, E), TIMEOUT);
    CHECK_CONTAINS(karrow_error_message(error), "Kafka could not be reached within 2000 ms: ");
    CHECK_CONTAINS(karrow_error_message(error), "127.0.0.1:1 failed: Connection refused");
    CHECK(karrow_error_is_retriable(error));
    karrow_error_free(error);
    FAILS_WITH(karrow_consumer_open(consumer, 0, E), TIMEOUT, "within 0 ms");
    karrow_consumer_free(consumer);
    karrow_log_free(log);
}

static void wakeup_ends_a_running_open(void)
{
    struct call open;
    karrow_log *log;
    karrow_consumer *consumer = lost_consumer(&log);
    start(&open, run_open, consumer, -1);
    wait_for_open(log);
    OK(karrow_consumer_wakeup(consumer, E));
    CHECK_NUMBER(status_of(&open), KARROW_STATUS_INTERRUPTED);
    /* Used up: this one ends by its time. */
    FAILS_WITH(karrow_consumer_open(consumer, 0, E), TIMEOUT, "Kafka could not be reached");
    OK(karrow_consumer_wakeup(consumer, E));
    FAILS_WITH(karrow_consumer_open(consumer, -1, E), INTERRUPTED, "interrupted by wakeup");
    karrow_consumer_free(consumer);
    karrow_log_free(log);
}

static void close_ends_a_running_open(void)
{
    struct call open;
    karrow_log *log;
    karrow_consumer *consumer = lost_consumer(&log);
    start(&open, run_open, consumer, -1);
    wait_for_open(log);
    OK(karrow_consumer_close(consumer, -1, E));
    CHECK_NUMBER(status_of(&open), KARROW_STATUS_CLOSED);
    karrow_consumer_free(consumer);
    karrow_log_free(log);
}

static void open_can_be_tried_again(void)
{
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    produce(cluster, "t", 0, NULL, "v");
    OK(karrow_mock_cluster_set_broker_up(cluster, 1, false, E));
    karrow_consumer *consumer = consumer_of(options_of(cluster, "t", NULL, "utf8"));
    FAILS_WITH(karrow_consumer_open(consumer, 500, E), TIMEOUT, "Kafka could not be reached within 500 ms: ");
    OK(karrow_mock_cluster_set_broker_up(cluster, 1, true, E));
    OK(karrow_consumer_open(consumer, -1, E));
    karrow_snapshot_free(read_rows(consumer, 1));
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Readers ---------------------------------------------------------------------------------------------------------- */

struct reader {
    pthread_t thread;
    const karrow_consumer *consumer;
    atomic_bool stop;
    int64_t cycles;
};

/* What two cycles show, one after the other: rows only come. */
static int64_t check_growth(const karrow_snapshot *snapshot, int64_t rows_before)
{
    struct table table = table_of(snapshot, 0);
    int64_t rows = end_row(snapshot, 0);
    CHECK(rows >= rows_before);
    CHECK_NUMBER(table.array.length, rows);
    const struct ArrowArray *offsets = column_of(&table, "KafkaOffset");
    for (int64_t row = 0; row < rows; row++)
        CHECK_NUMBER(int64_at(offsets, row), row);
    release_table(&table);
    return rows;
}

static void check_tail(const karrow_snapshot *snapshot, int64_t from_row)
{
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    OK(karrow_snapshot_export_stream(snapshot, 0, from_row, -1, &stream, E));
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
        CHECK_NUMBER(int64_at(batch.children[1], 0), from_row);
        from_row += batch.length;
        batch.release(&batch);
    }
    CHECK_NUMBER(from_row, end_row(snapshot, 0));
    stream.release(&stream);
}

static void *run_reader(void *argument)
{
    struct reader *reader = argument;
    int64_t cycle = 0, rows = 0;
    /* Looks once more after it has been told to stop. */
    for (bool stop = false; !stop;) {
        stop = atomic_load(&reader->stop);
        karrow_snapshot *snapshot = snapshot_of(reader->consumer);
        int64_t before = rows;
        rows = check_growth(snapshot, before);
        check_tail(snapshot, before);
        CHECK(karrow_snapshot_cycle(snapshot) >= cycle);
        reader->cycles += karrow_snapshot_cycle(snapshot) > cycle;
        cycle = karrow_snapshot_cycle(snapshot);
        karrow_snapshot_free(snapshot);
        look_again_soon();
    }
    return NULL;
}

static void readers_see_whole_cycles_while_another_thread_polls(void)
{
    enum { READERS = 2 };
    int64_t records = under_valgrind() ? 50 : 200;
    struct reader readers[READERS];
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", "utf8", "utf8");
    OK(karrow_options_set_table_type(options, KARROW_TABLE_TYPE_APPEND, 0, E));
    karrow_consumer *consumer = opened(options);
    for (int reader = 0; reader < READERS; reader++) {
        readers[reader].consumer = consumer;
        readers[reader].cycles = 0;
        atomic_init(&readers[reader].stop, false);
        CHECK(pthread_create(&readers[reader].thread, NULL, run_reader, &readers[reader]) == 0);
    }
    for (int64_t record = 0; record < records; record++) {
        produce(cluster, "t", 0, record % 7 == 0 ? NULL : "key", "value");
        karrow_snapshot_free(read_rows(consumer, 1));
    }
    for (int reader = 0; reader < READERS; reader++) {
        atomic_store(&readers[reader].stop, true);
        CHECK(pthread_join(readers[reader].thread, NULL) == 0);
        CHECK(readers[reader].cycles > 0);
    }
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Any thread may poll, one at a time ------------------------------------------------------------------------------- */

struct pollers {
    const karrow_consumer *consumer;
    int64_t expected;
    _Atomic int64_t rows;
};

static void *run_until_all_rows_came(void *argument)
{
    struct pollers *pollers = argument;
    while (atomic_load(&pollers->rows) < pollers->expected) {
        int64_t rows = 0;
        karrow_status status = karrow_consumer_poll(pollers->consumer, 1, &rows, NULL, NULL, NULL);
        CHECK(status == KARROW_STATUS_OK || status == KARROW_STATUS_BUSY);
        atomic_fetch_add(&pollers->rows, rows);
        if (status == KARROW_STATUS_BUSY)
            look_again_soon();
    }
    return NULL;
}

static void threads_that_take_turns_get_every_row_once(void)
{
    enum { THREADS = 3, PARTITIONS = 2, RECORDS = 60 };
    pthread_t threads[THREADS];
    karrow_mock_cluster *cluster = cluster_with("t", PARTITIONS);
    karrow_consumer *consumer = idle_consumer(cluster);
    struct pollers pollers = {.consumer = consumer, .expected = RECORDS};
    for (int thread = 0; thread < THREADS; thread++)
        CHECK(pthread_create(&threads[thread], NULL, run_until_all_rows_came, &pollers) == 0);
    for (int32_t record = 0; record < RECORDS; record++)
        produce(cluster, "t", record % PARTITIONS, NULL, "v");
    for (int thread = 0; thread < THREADS; thread++)
        CHECK(pthread_join(threads[thread], NULL) == 0);
    CHECK_NUMBER(atomic_load(&pollers.rows), RECORDS);
    karrow_snapshot *snapshot = snapshot_of(consumer);
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        CHECK_NUMBER(end_row(snapshot, partition), RECORDS / PARTITIONS);
    karrow_snapshot_free(snapshot);
    karrow_consumer_free(consumer);
    karrow_mock_cluster_free(cluster);
}

/* Logs ------------------------------------------------------------------------------------------------------------- */

static void *run_take(void *argument)
{
    karrow_log_entry *entry;
    OK(karrow_log_take(argument, -1, &entry, E));
    CHECK(karrow_log_entry_time_ns(entry) > 0);
    CHECK(karrow_log_entry_level(entry) <= KARROW_LOG_LEVEL_DEBUG);
    CHECK(karrow_log_entry_source(entry)[0] != '\0' && karrow_log_entry_text(entry)[0] != '\0');
    karrow_log_entry_free(entry);
    return NULL;
}

static void another_thread_waits_for_log_entries(void)
{
    pthread_t thread;
    struct call open;
    karrow_log *log;
    karrow_consumer *consumer = lost_consumer(&log);
    CHECK(pthread_create(&thread, NULL, run_take, log) == 0);
    start(&open, run_open, consumer, -1);
    CHECK(pthread_join(thread, NULL) == 0);
    OK(karrow_consumer_wakeup(consumer, E));
    CHECK_NUMBER(status_of(&open), KARROW_STATUS_INTERRUPTED);
    karrow_consumer_free(consumer);
    karrow_log_free(log);
}

static void a_full_log_keeps_the_newest_and_counts_the_rest(void)
{
    karrow_log *log;
    karrow_log_entry *entry;
    karrow_mock_cluster *cluster = cluster_with("t", 1);
    karrow_options *options = options_of(cluster, "t", NULL, "utf8");
    OK(karrow_log_new(KARROW_LOG_LEVEL_DEBUG, 1, &log, E));
    CHECK_NUMBER(karrow_log_dropped(log), 0);
    OK(karrow_options_set_log(options, log, E));
    OK(karrow_options_set(options, "debug", "all", E));
    karrow_consumer_free(opened(options));
    CHECK(karrow_log_dropped(log) > 0);
    OK(karrow_log_take(log, 0, &entry, E));
    karrow_log_entry_free(entry);
    FAILS(karrow_log_take(log, 0, &entry, E), TIMEOUT, "no message has come in time");
    karrow_log_free(log);
    karrow_mock_cluster_free(cluster);
}

int main(void)
{
    check_start();
    RUN(nothing_is_read_before_open);
    RUN(only_snapshots_and_progress_are_left_after_close);
    RUN(a_consumer_can_be_closed_before_it_is_opened);
    RUN(a_consumer_can_be_freed_while_it_reads);
    RUN(a_second_poll_is_busy);
    RUN(a_record_ends_a_running_poll);
    RUN(wakeup_is_kept_for_the_next_poll_and_used_once);
    RUN(an_interrupted_poll_is_no_cycle_and_loses_nothing);
    RUN(a_lingering_poll_ends_by_its_time_or_by_wakeup);
    RUN(close_ends_a_running_poll);
    RUN(close_without_time_goes_on_by_itself);
    RUN(two_closes_at_once_both_succeed);
    RUN(a_wait_knows_what_has_been_published);
    RUN(two_threads_follow_the_cycles_that_a_third_one_polls);
    RUN(wakeup_ends_one_wait);
    RUN(the_last_cycle_ends_every_wait);
    RUN(close_ends_running_waits);
    RUN(a_commit_runs_out_of_time);
    RUN(close_ends_a_commit_to_a_broker_that_is_gone);
    RUN(close_ends_a_commit_to_a_broker_that_does_not_answer);
    RUN(open_tells_why_its_time_ran_out);
    RUN(wakeup_ends_a_running_open);
    RUN(close_ends_a_running_open);
    RUN(open_can_be_tried_again);
    RUN(readers_see_whole_cycles_while_another_thread_polls);
    RUN(threads_that_take_turns_get_every_row_once);
    RUN(another_thread_waits_for_log_entries);
    RUN(a_full_log_keeps_the_newest_and_counts_the_rest);
    return 0;
}
