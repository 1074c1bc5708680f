package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class InterruptTest {
    private MockCluster cluster;

    @BeforeEach
    void startCluster() {
        cluster = new MockCluster();
        cluster.createTopic("t", 1);
    }

    @AfterEach
    void stopCluster() {
        cluster.close();
    }

    /** Makes a call on a thread of its own, and interrupts that once it is inside of the library. */
    private static void assertInterrupted(String method, Callable<?> call) throws Exception {
        AtomicReference<Thread> thread = new AtomicReference<>();
        FutureTask<Boolean> task = Tests.start(() -> {
            thread.set(Thread.currentThread());
            assertThrows(InterruptedException.class, call::call);
            return Thread.currentThread().isInterrupted();
        });
        Tests.until(method + " is inside", () -> thread.get() != null && Tests.isInside(thread.get(), method));
        thread.get().interrupt();
        assertFalse(Tests.result(task), "an InterruptedException leaves the thread as if it had not been interrupted");
    }

    @Test
    void callsThatWaitEndAtOnce() throws Exception {
        try (Consumer consumer = Tests.open(Tests.options(cluster, "t"))) {
            assertInterrupted("consumerPoll", () -> consumer.poll(Karrow.FOREVER));
            assertInterrupted("consumerWait", () -> consumer.awaitCycle(0, Karrow.FOREVER));
            // Nothing of it is left for the next ones.
            try (Cycle cycle = consumer.poll(Duration.ZERO)) {
                assertEquals(1, cycle.snapshot().cycle());
            }
        }
        try (Consumer consumer = new Consumer(Tests.unreachable())) {
            assertInterrupted("consumerOpen", () -> {
                consumer.open(Karrow.FOREVER);
                return null;
            });
        }
        try (Log log = new Log(LogLevel.INFO, 1)) {
            assertInterrupted("logTake", () -> log.take(Karrow.FOREVER));
        }
    }

    @Test
    void aThreadThatIsInterruptedAlreadyDoesNotBegin() throws Exception {
        try (Consumer consumer = Tests.open(Tests.options(cluster, "t"))) {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> consumer.poll(Duration.ZERO));
            try (Snapshot snapshot = consumer.snapshot()) {
                assertEquals(0, snapshot.cycle());
            }
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> new Log(LogLevel.INFO, 1).take(Duration.ZERO));
        }
    }

    @Test
    void othersGoOn() throws Exception {
        try (Consumer consumer = Tests.open(Tests.options(cluster, "t"))) {
            FutureTask<Status> polls = Tests.start(() -> {
                try (Cycle cycle = consumer.poll(Karrow.FOREVER)) {
                    return cycle.status();
                }
            });
            for (int round = 0; round < 50; ++round) {
                assertInterrupted("consumerWait", () -> consumer.awaitCycle(0, Karrow.FOREVER));
            }
            cluster.produce("t", 0, null, new byte[] {'a'});
            assertEquals(Status.OK, Tests.result(polls));
        }
    }

    @Test
    void aWakeupIsNotTakenForAnInterruptNorTheOtherWayRound() throws Exception {
        try (Consumer consumer = Tests.open(Tests.options(cluster, "t"))) {
            for (int round = 0; round < 50; ++round) {
                AtomicReference<Thread> thread = new AtomicReference<>();
                FutureTask<Status> waits = Tests.start(() -> {
                    thread.set(Thread.currentThread());
                    try (Waited waited = consumer.awaitCycle(Long.MAX_VALUE, Karrow.FOREVER)) {
                        return waited.status();
                    } catch (InterruptedException interrupted) {
                        return Status.OK;
                    }
                });
                Tests.until("the thread is there", () -> thread.get() != null);
                // The one that is interrupted has to be this; so the wakeup is left for the poll.
                thread.get().interrupt();
                Status ended = Tests.result(waits);
                consumer.wakeup();
                try (Cycle cycle = consumer.poll(Karrow.FOREVER)) {
                    assertEquals(Status.INTERRUPTED, cycle.status());
                }
                assertEquals(Status.OK, ended);
                consumer.poll(Duration.ZERO).close();
            }
        }
    }

    /** Whenever the interrupt comes, there is a whole cycle or none, and every row is in the next ones. */
    @Test
    void noCycleIsLost() throws Exception {
        int records = 2_000;
        try (Consumer consumer = Tests.open(Tests.options(cluster, "t"))) {
            AtomicBoolean done = new AtomicBoolean();
            AtomicReference<Thread> thread = new AtomicReference<>();
            CountDownLatch started = new CountDownLatch(1);
            FutureTask<Long> reads = Tests.start(() -> {
                thread.set(Thread.currentThread());
                started.countDown();
                long rows = 0;
                long cycles = 0;
                long interrupts = 0;
                while (rows < records) {
                    try (Cycle cycle = consumer.poll(Karrow.FOREVER)) {
                        assertEquals(Status.OK, cycle.status());
                        assertEquals(++cycles, cycle.snapshot().cycle());
                        rows += cycle.rows();
                        assertEquals(rows, cycle.snapshot().partition(0).endRow());
                    } catch (InterruptedException interrupted) {
                        ++interrupts;
                    }
                }
                return interrupts;
            });
            started.await();
            FutureTask<Object> interrupts = Tests.start(() -> {
                while (!done.get()) {
                    thread.get().interrupt();
                    Thread.sleep(0, 200_000);
                }
                return null;
            });
            for (int record = 0; record < records; ++record) {
                cluster.produce("t", 0, null, new byte[] {'a'});
            }
            long interrupted = Tests.result(reads);
            done.set(true);
            Tests.result(interrupts);
            assertTrue(interrupted > 0, "no poll was interrupted");
        }
    }
}
