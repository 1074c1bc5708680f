package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Virtual threads, which Java has from 21 on. */
@EnabledForJreRange(min = JRE.JAVA_21)
class VirtualThreadsTest {
    private static ExecutorService executor() throws ReflectiveOperationException {
        return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }

    /** Many more than there are carriers poll, while others only want to run: all of them get on. */
    @Test
    void allGetOnWhileManyPoll() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 1);
            int threads = 16;
            int records = 20;
            ExecutorService executor = executor();
            List<Future<Long>> reads = new ArrayList<>();
            for (int thread = 0; thread < threads; ++thread) {
                reads.add(executor.submit(() -> {
                    try (Consumer consumer = Tests.open(Tests.options(cluster, "t"))) {
                        long rows = 0;
                        while (rows < records) {
                            // A poll holds its carrier, so it waits for less than for ever.
                            try (Cycle cycle = consumer.poll(Duration.ofMillis(10))) {
                                rows += cycle.rows();
                            }
                        }
                        return rows;
                    }
                }));
            }
            List<Future<Integer>> others = new ArrayList<>();
            for (int number = 0; number < 100; ++number) {
                int result = number;
                others.add(executor.submit(() -> {
                    Thread.sleep(1);
                    return result;
                }));
            }
            for (int record = 0; record < records; ++record) {
                cluster.produce("t", 0, null, new byte[] {'a'});
            }
            for (int number = 0; number < others.size(); ++number) {
                assertEquals(number, others.get(number).get(Tests.LONG.toSeconds(), TimeUnit.SECONDS));
            }
            for (Future<Long> read : reads) {
                assertEquals(records, read.get(Tests.LONG.toSeconds(), TimeUnit.SECONDS));
            }
            executor.shutdown();
            assertTrue(executor.awaitTermination(Tests.LONG.toSeconds(), TimeUnit.SECONDS));
        }
    }

    @Test
    void anInterruptEndsAPollAndCloseEndsAnother() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 1);
            Consumer consumer = Tests.open(Tests.options(cluster, "t"));
            ExecutorService executor = executor();
            AtomicReference<Thread> thread = new AtomicReference<>();
            CountDownLatch started = new CountDownLatch(1);
            Future<?> interrupted = executor.submit(() -> {
                thread.set(Thread.currentThread());
                started.countDown();
                return assertThrows(InterruptedException.class, () -> consumer.poll(Karrow.FOREVER));
            });
            started.await();
            thread.get().interrupt();
            interrupted.get(Tests.LONG.toSeconds(), TimeUnit.SECONDS);
            Future<KarrowException> closed = executor.submit(
                    () -> Tests.failing(Status.CLOSED, () -> {
                        while (true) {
                            consumer.poll(Karrow.FOREVER).close();
                        }
                    }));
            consumer.close();
            closed.get(Tests.LONG.toSeconds(), TimeUnit.SECONDS);
            executor.shutdown();
            assertTrue(executor.awaitTermination(Tests.LONG.toSeconds(), TimeUnit.SECONDS));
        }
    }
}
