package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Closing beside any other call, and what is left after it. */
class CloseTest {
    private static MockCluster cluster;

    @BeforeAll
    static void startCluster() {
        cluster = new MockCluster();
        cluster.createTopic("t", 1);
        cluster.produce("t", 0, null, new byte[] {'a'});
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    private static Options options() {
        return Tests.options(cluster, "t");
    }

    @Test
    void closingTwiceDoesNothing() throws Exception {
        Consumer consumer = Tests.open(options());
        consumer.close();
        consumer.close();
        new Consumer(options()).close();
    }

    @Test
    void afterShutdownWhatHasBeenPublishedCanBeRead() throws Exception {
        Consumer consumer = Tests.open(options());
        Tests.pollRows(consumer, 1);
        consumer.shutdown(Tests.LONG);
        consumer.shutdown(Duration.ZERO);
        Tests.failing(Status.CLOSED, () -> consumer.poll(Duration.ZERO));
        Tests.failing(Status.CLOSED, () -> consumer.resume(0, 1));
        try (Snapshot snapshot = consumer.snapshot()) {
            assertEquals(1, snapshot.partition(0).endRow());
        }
        assertEquals(1, consumer.progress().size());
        assertEquals(List.of(), consumer.deadLetters());
        consumer.close();
        assertTrue(Tests.failing(Status.CLOSED, consumer::snapshot).getMessage().startsWith("consumer: has been closed"));
        Tests.failing(Status.CLOSED, () -> consumer.poll(Duration.ZERO));
        Tests.failing(Status.CLOSED, consumer::wakeup);
        Tests.failing(Status.CLOSED, () -> consumer.shutdown(Duration.ZERO));
    }

    @Test
    void closeWakesWhoeverWaits() throws Exception {
        for (int round = 0; round < 20; ++round) {
            Consumer consumer = Tests.open(options());
            consumer.poll(Tests.LONG).close();
            CountDownLatch started = new CountDownLatch(2);
            FutureTask<Status> polls = Tests.start(() -> {
                started.countDown();
                while (true) {
                    try (Cycle cycle = consumer.poll(Karrow.FOREVER)) {
                        assertTrue(cycle.isOk());
                    } catch (KarrowException closed) {
                        return closed.status();
                    }
                }
            });
            FutureTask<Status> waits = Tests.start(() -> {
                started.countDown();
                try (Waited waited = consumer.awaitCycle(Long.MAX_VALUE, Karrow.FOREVER)) {
                    return waited.status();
                } catch (KarrowException closed) {
                    return closed.status();
                }
            });
            started.await();
            consumer.close();
            assertEquals(Status.CLOSED, Tests.result(polls));
            assertEquals(Status.CLOSED, Tests.result(waits));
        }
    }

    /** Every call that there is, again and again, by a thread each, until the consumer is closed by two more. */
    @Test
    void closeIsSafeBesideEveryCall() throws Exception {
        long live = Handle.live();
        for (int round = 0; round < 30; ++round) {
            Consumer consumer = Tests.open(options().set("group.id", "g").set("karrow.bad.record.policy", "dead_letter"));
            List<Callable<Object>> calls = List.of(
                    () -> {
                        consumer.poll(Duration.ofMillis(1)).close();
                        return null;
                    },
                    () -> {
                        try (Snapshot snapshot = consumer.snapshot(); Snapshot view = snapshot.view("Text")) {
                            return view.partition(0).endRow();
                        }
                    },
                    () -> {
                        consumer.awaitCycle(0, Duration.ofMillis(1)).close();
                        return null;
                    },
                    consumer::progress,
                    consumer::deadLetters,
                    () -> {
                        try (Snapshot snapshot = consumer.snapshot()) {
                            consumer.commit(snapshot, Tests.LONG);
                        }
                        return null;
                    },
                    () -> {
                        consumer.discard(0, 0);
                        return null;
                    },
                    () -> {
                        consumer.wakeup();
                        return null;
                    },
                    () -> {
                        consumer.resume(0, 0);
                        return null;
                    });
            CountDownLatch started = new CountDownLatch(calls.size());
            List<FutureTask<Status>> tasks = new ArrayList<>();
            for (Callable<Object> call : calls) {
                tasks.add(Tests.start(() -> repeated(call, started)));
            }
            started.await();
            FutureTask<Object> closes = Tests.start(() -> {
                consumer.close();
                return null;
            });
            consumer.close();
            Tests.result(closes);
            for (FutureTask<Status> task : tasks) {
                assertEquals(Status.CLOSED, Tests.result(task));
            }
        }
        // Options and specs are left to the garbage collector.
        Tests.untilCollected("no handle is left but those there were", () -> Handle.live() <= live);
    }

    /** Makes a call until the consumer is closed; other outcomes are as they come. */
    private static Status repeated(Callable<Object> call, CountDownLatch started) throws Exception {
        Set<Status> expected = Set.of(Status.INVALID_STATE, Status.INVALID_ARGUMENT, Status.BUSY);
        while (true) {
            try {
                call.call();
            } catch (KarrowException outcome) {
                if (outcome.status() == Status.CLOSED) {
                    return outcome.status();
                }
                if (!expected.contains(outcome.status())) {
                    throw outcome;
                }
            } finally {
                started.countDown();
            }
        }
    }

    @Test
    void whatIsForgottenIsCollected() throws Exception {
        long live = Handle.live();
        makeGarbage();
        Tests.untilCollected("what has been forgotten is freed", () -> Handle.live() <= live);
    }

    private static void makeGarbage() throws InterruptedException {
        Consumer consumer = Tests.open(options().log(new Log(LogLevel.DEBUG, 10)));
        Snapshot snapshot = consumer.poll(Tests.LONG).snapshot().view("Text");
        assertEquals(1, snapshot.partition(0).endRow());
        new MockCluster();
    }

    @Test
    void oneThousandConsumersLeaveNoHandle() throws Exception {
        openAndClose(1_000);
    }

    @Test
    @Tag("long")
    void tenThousandConsumersLeaveNoHandle() throws Exception {
        openAndClose(10_000);
    }

    private static void openAndClose(int consumers) throws InterruptedException {
        long live = Handle.live();
        try (Spec ignore = Spec.ignore(); Spec text = Spec.simple("Text", "utf8");
                Options options = new Options("t").set("bootstrap.servers", cluster.bootstrapServers())
                        .set("fetch.wait.max.ms", "2").start(Start.beginning()).key(ignore).value(text)) {
            for (int number = 0; number < consumers; ++number) {
                try (Consumer consumer = Tests.open(options); Cycle cycle = consumer.poll(Duration.ZERO)) {
                    assertEquals(1, cycle.partitions().size());
                    assertEquals(1, consumer.progress().size());
                    // What other tests have forgotten may go meanwhile.
                    assertTrue(Handle.live() <= live + 5);
                }
            }
        }
        assertTrue(Handle.live() <= live, "there were " + live + ", now there are " + Handle.live());
    }
}
