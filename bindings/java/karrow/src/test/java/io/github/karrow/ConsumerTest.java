package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ConsumerTest {
    private MockCluster cluster;

    @BeforeEach
    void startCluster() {
        cluster = new MockCluster();
        cluster.createTopic("t", 2);
    }

    @AfterEach
    void stopCluster() {
        cluster.close();
    }

    private void produce(int partition, String value) {
        cluster.produce("t", partition, null, value == null ? null : value.getBytes());
    }

    private Options options() {
        return Tests.options(cluster, "t");
    }

    @Test
    void aCycleHasItsRowsAndSnapshot() throws Exception {
        produce(1, "a");
        try (Consumer consumer = Tests.open(options()); Cycle cycle = consumer.poll(Tests.LONG)) {
            assertTrue(cycle.isOk());
            assertEquals(Status.OK, cycle.status());
            assertEquals(1, cycle.rows());
            assertEquals(0, cycle.failed());
            assertTrue(cycle.reason().isEmpty());
            assertEquals(1, cycle.snapshot().cycle());
            Partition partition = cycle.partitions().get(1);
            assertEquals(List.of(0L, 1L, 1L), List.of(partition.firstRow(), partition.endRow(), partition.nextOffset()));
            assertEquals(PartitionState.READING, partition.state());
            assertTrue(partition.failure().isEmpty());
        }
    }

    @Test
    void cyclesHaveNoRowsWhenTimeRunsOut() throws Exception {
        try (Consumer consumer = Tests.open(options())) {
            for (long expected = 1; expected <= 2; ++expected) {
                try (Cycle cycle = consumer.poll(Duration.ZERO)) {
                    assertEquals(List.of(0L, expected), List.of(cycle.rows(), cycle.snapshot().cycle()));
                }
            }
            assertTrue(Tests.failing(Status.INVALID_ARGUMENT, () -> consumer.poll(Duration.ofNanos(-1))).getMessage()
                    .startsWith("timeout: is negative"));
        }
    }

    @Test
    void aPollWaitsForTheFirstRowHoweverLongTheTimeIs() throws Exception {
        try (Consumer consumer = Tests.open(options())) {
            for (Duration timeout : List.of(Karrow.FOREVER, Duration.ofDays(365_000), Duration.ofDays(1))) {
                FutureTask<Long> polled = Tests.start(() -> {
                    try (Cycle cycle = consumer.poll(timeout)) {
                        return cycle.rows();
                    }
                });
                produce(0, "a");
                assertEquals(1, Tests.result(polled));
            }
        }
    }

    @Test
    void theEndIsAValue() throws Exception {
        produce(0, "no number");
        produce(1, "no number");
        try (Consumer consumer = Tests.open(options().value(Spec.simple("Number", "int64")))) {
            int failed = 0;
            while (failed < 2) {
                try (Cycle cycle = consumer.poll(Tests.LONG)) {
                    failed = cycle.failed();
                }
            }
            try (Cycle cycle = consumer.poll(Karrow.FOREVER)) {
                assertEquals(Status.END, cycle.status());
                assertFalse(cycle.isOk());
                assertEquals(List.of(), cycle.partitions());
                assertSame(cycle.reason().orElseThrow(), assertThrows(KarrowException.class, cycle::snapshot));
            }
            try (Snapshot snapshot = consumer.snapshot(); Waited waited = consumer.awaitCycle(snapshot.cycle(), Karrow.FOREVER)) {
                assertEquals(Status.END, waited.status());
                assertTrue(waited.reason().isPresent());
                assertThrows(KarrowException.class, waited::snapshot);
            }
            // A partition goes on at the record that it stopped at, or behind it.
            Tests.failing(Status.INVALID_ARGUMENT, () -> consumer.resume(0, -1));
            Tests.failing(Status.NOT_FOUND, () -> consumer.resume(2, 1));
            consumer.resume(0, 1);
            cluster.produce("t", 0, null, new byte[8]);
            Tests.pollRows(consumer, 1);
            Tests.failing(Status.INVALID_STATE, () -> consumer.resume(0, 2));
        }
    }

    @Test
    void callsHaveAnOrder() throws Exception {
        try (Consumer consumer = new Consumer(options())) {
            Tests.failing(Status.INVALID_STATE, () -> consumer.poll(Karrow.FOREVER));
            Tests.failing(Status.INVALID_STATE, consumer::snapshot);
            Tests.failing(Status.INVALID_STATE, consumer::progress);
            Tests.failing(Status.INVALID_STATE, consumer::deadLetters);
            Tests.failing(Status.INVALID_STATE, () -> consumer.awaitCycle(0, Duration.ZERO));
            consumer.open(Tests.LONG);
            Tests.failing(Status.INVALID_STATE, () -> consumer.open(Tests.LONG));
            Tests.failing(Status.INVALID_ARGUMENT, () -> consumer.exportSchema(0));
            Tests.failing(Status.INVALID_ARGUMENT, () -> consumer.exportProgress(0));
            Tests.failing(Status.INVALID_ARGUMENT, () -> consumer.exportDeadLetters(0));
        }
        Tests.failing(Status.NOT_FOUND, () -> Tests.open(Tests.options(cluster, "nothing")));
    }

    @Test
    void aSecondPollIsRefused() throws Exception {
        try (Consumer consumer = Tests.open(options())) {
            FutureTask<Status> first = Tests.start(() -> {
                while (true) {
                    try (Cycle cycle = consumer.poll(Karrow.FOREVER)) {
                        return cycle.status();
                    } catch (KarrowException busy) {
                        // It came beside one of those below.
                        assertEquals(Status.BUSY, busy.status());
                    }
                }
            });
            Tests.until("the first poll is inside", () -> {
                try (Cycle cycle = consumer.poll(Duration.ZERO)) {
                    return false;
                } catch (KarrowException busy) {
                    return busy.status() == Status.BUSY;
                } catch (InterruptedException never) {
                    throw new AssertionError(never);
                }
            });
            consumer.wakeup();
            assertEquals(Status.INTERRUPTED, Tests.result(first));
        }
    }

    @Test
    void aWakeupEndsOneCallAlsoOneThatIsYetToCome() throws Exception {
        try (Consumer consumer = new Consumer(options())) {
            consumer.wakeup();
            Tests.failing(Status.INTERRUPTED, () -> consumer.open(Tests.LONG));
            consumer.open(Tests.LONG);
            consumer.wakeup();
            consumer.wakeup();
            assertEquals(Status.INTERRUPTED, consumer.poll(Karrow.FOREVER).status());
            try (Cycle cycle = consumer.poll(Duration.ZERO)) {
                assertEquals(1, cycle.snapshot().cycle());
            }
            consumer.wakeup();
            assertEquals(Status.INTERRUPTED, consumer.awaitCycle(1, Karrow.FOREVER).status());
        }
    }

    @Test
    void readersWaitForCyclesThatOthersPoll() throws Exception {
        try (Consumer consumer = Tests.open(options())) {
            assertEquals(Status.TIMEOUT, consumer.awaitCycle(0, Duration.ofMillis(1)).status());
            FutureTask<Long> waits = Tests.start(() -> {
                try (Waited waited = consumer.awaitCycle(0, Karrow.FOREVER)) {
                    assertTrue(waited.isOk());
                    return waited.snapshot().cycle();
                }
            });
            consumer.poll(Duration.ZERO).close();
            assertTrue(Tests.result(waits) >= 1);
        }
    }

    @Test
    void snapshotsOutliveTheirConsumerAndViewsTheirSnapshot() throws Exception {
        produce(0, "a");
        Snapshot snapshot;
        try (Consumer consumer = Tests.open(options())) {
            Tests.pollRows(consumer, 1);
            snapshot = consumer.snapshot();
        }
        Snapshot view = snapshot.view("Text");
        Partition partition = snapshot.partition(0);
        assertEquals(1, partition.endRow());
        Tests.failing(Status.NOT_FOUND, () -> snapshot.partition(2));
        Tests.failing(Status.OUT_OF_RANGE, () -> partition.exportStream(2, -1, Native.streamNew()));
        Tests.failing(Status.INVALID_ARGUMENT, () -> partition.exportStream(0));
        Tests.failing(Status.INVALID_ARGUMENT, () -> partition.exportArray(0, 0));
        Tests.failing(Status.INVALID_ARGUMENT, () -> snapshot.exportMerged(0));
        Tests.failing(Status.INVALID_ARGUMENT, () -> snapshot.exportSchema(0));
        snapshot.close();
        snapshot.close();
        Tests.failing(Status.CLOSED, partition::endRow);
        Tests.failing(Status.CLOSED, snapshot::partitions);
        assertEquals(1, view.partition(0).endRow());
        view.close();
    }

    @Test
    void rowsAreGivenUp() throws Exception {
        produce(0, "a");
        produce(0, "b");
        try (Consumer consumer = Tests.open(options())) {
            Tests.pollRows(consumer, 2);
            Tests.failing(Status.OUT_OF_RANGE, () -> consumer.discard(0, 3));
            consumer.discard(0, 1);
            try (Cycle cycle = consumer.poll(Duration.ZERO)) {
                assertEquals(1, cycle.snapshot().partition(0).firstRow());
            }
        }
    }

    @Test
    void whatASnapshotShowsIsCommitted() throws Exception {
        produce(0, "a");
        produce(0, "b");
        Options options = options().set("group.id", "g").start(Start.dontSeek()).set("auto.offset.reset", "earliest");
        try (Consumer consumer = Tests.open(options)) {
            Tests.pollRows(consumer, 2);
            try (Snapshot snapshot = consumer.snapshot()) {
                consumer.commit(snapshot, Tests.LONG);
            }
        }
        produce(0, "c");
        try (Consumer consumer = Tests.open(options); Cycle cycle = consumer.poll(Tests.LONG)) {
            assertEquals(3, cycle.snapshot().partition(0).nextOffset());
            assertEquals(1, cycle.snapshot().partition(0).endRow());
            try (Consumer other = Tests.open(options)) {
                Tests.failing(Status.INVALID_ARGUMENT, () -> other.commit(cycle.snapshot(), Tests.LONG));
            }
        }
        try (Consumer consumer = Tests.open(options()); Snapshot snapshot = consumer.snapshot()) {
            Tests.failing(Status.INVALID_STATE, () -> consumer.commit(snapshot, Tests.LONG));
        }
    }
}
