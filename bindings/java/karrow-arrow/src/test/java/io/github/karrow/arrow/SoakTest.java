package io.github.karrow.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.KarrowException;
import io.github.karrow.MockCluster;
import io.github.karrow.Options;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.Status;
import io.github.karrow.Stop;
import io.github.karrow.TableType;
import io.github.karrow.Tests;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Many threads open, poll, are interrupted, are woken up, and close what others use; nothing hangs, and nothing is
 * left.
 */
class SoakTest {
    private static final int THREADS = 8;
    private static final int ROWS = 1_000;
    private static final Schema COLUMNS = new Schema(List.of(Field.nullable("Text", new ArrowType.Utf8())));

    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicInteger interrupted = new AtomicInteger();
    private final AtomicInteger closed = new AtomicInteger();
    private final AtomicInteger woken = new AtomicInteger();
    private ScheduledExecutorService timer;
    private BufferAllocator allocator;
    private MockCluster cluster;

    @Test
    void nothingIsLeftOfManyLives() throws Exception {
        soak(Duration.ofSeconds(2), false);
    }

    /** For as long as {@code karrow.soak.seconds} says, with memory that stays as it is. */
    @Test
    @Tag("long")
    void memoryIsFlat() throws Exception {
        soak(Duration.ofSeconds(Long.getLong("karrow.soak.seconds", 600)), true);
    }

    private void soak(Duration length, boolean checksMemory) throws Exception {
        long live = Tests.liveHandles(); // which loads the library: Java keeps the buffers that it uses for that
        long direct = directBytes();
        timer = Executors.newScheduledThreadPool(1);
        ExecutorService workers = Executors.newFixedThreadPool(THREADS);
        allocator = new RootAllocator();
        cluster = new MockCluster();
        cluster.createTopic("soak", 4);
        StringBuilder records = new StringBuilder("[");
        for (int row = 0; row < ROWS; ++row) {
            records.append(row == 0 ? "" : ",").append("{\"partition\":" + row % 4 + ",\"value\":\"text " + row + "\"}");
        }
        cluster.produceRecords("soak", records.append("]").toString());

        long begun = System.nanoTime();
        List<Future<?>> lives = new ArrayList<>();
        for (int thread = 0; thread < THREADS; ++thread) {
            Random random = new Random(thread);
            lives.add(workers.submit(() -> {
                while (System.nanoTime() - begun < length.toNanos()) {
                    live(random);
                }
                return null;
            }));
        }
        long settled = 0;
        if (checksMemory) {
            // By then every buffer and every thread's heap has its size.
            Thread.sleep(length.toMillis() / 4);
            settled = residentBytes();
        }
        for (Future<?> life : lives) {
            life.get(length.plus(Tests.LONG).toSeconds(), TimeUnit.SECONDS);
        }
        String ends = ended + " read to the end, " + interrupted + " interrupted, " + closed + " closed, " + woken + " woken";
        assertTrue(ended.get() > 0 && interrupted.get() > 0 && closed.get() > 0 && woken.get() > 0, ends);
        if (checksMemory) {
            long now = residentBytes();
            System.out.println(ends + "; " + settled + " -> " + now + " bytes resident");
            assertTrue(now < settled + settled / 10 + (16 << 20), "memory grows: " + settled + " -> " + now + " bytes");
        }
        workers.shutdown();
        timer.shutdown();
        assertTrue(workers.awaitTermination(60, TimeUnit.SECONDS) && timer.awaitTermination(60, TimeUnit.SECONDS));
        cluster.close();
        // Tests.options leaves specs to the garbage collector.
        Tests.untilCollected("all handles are freed", () -> Tests.liveHandles() <= live);
        Tests.until("all vectors are released", () -> allocator.getAllocatedMemory() == 0);
        allocator.close();
        assertEquals(direct, directBytes(), "bytes of direct buffers");
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct")).mapToLong(BufferPoolMXBean::getMemoryUsed).sum();
    }

    /** What the process holds in memory. */
    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new AssertionError("the system does not say what the process holds");
    }

    /** The life of one consumer, which somebody may end at any moment of it. */
    private void live(Random random) throws Exception {
        TableType[] tables = {TableType.append(), TableType.blink(), TableType.ring(10)};
        try (Spec ignore = Spec.ignore(); Spec spec = spec(random);
                Options options = Tests.options(cluster, "soak").key(ignore).value(spec).stop(Stop.atEnd())
                        .tableType(tables[random.nextInt(tables.length)]);
                Consumer consumer = new Consumer(options)) {
            Thread thread = Thread.currentThread();
            Runnable[] ends = {thread::interrupt, consumer::close, consumer::wakeup};
            ScheduledFuture<?> end = random.nextBoolean() ? null
                    : timer.schedule(ends[random.nextInt(ends.length)], random.nextInt(20_000), TimeUnit.MICROSECONDS);
            try {
                readToTheEnd(consumer);
                ended.incrementAndGet();
            } catch (InterruptedException asked) {
                interrupted.incrementAndGet();
            } catch (KarrowException outcome) {
                if (outcome.status() == Status.CLOSED) {
                    closed.incrementAndGet();
                } else if (outcome.status() == Status.INTERRUPTED) {
                    woken.incrementAndGet();
                } else {
                    throw outcome;
                }
            } finally {
                if (end != null) {
                    end.cancel(false); // one that comes late ends the next life
                }
                Thread.interrupted();
            }
        }
    }

    private Spec spec(Random random) {
        return random.nextInt(3) > 0 ? Spec.simple("Text", "utf8") : ArrowTables.callback(allocator, COLUMNS, batch -> {
            VectorSchemaRoot output = VectorSchemaRoot.create(COLUMNS, allocator);
            VarCharVector texts = (VarCharVector) output.getVector("Text");
            for (int row = 0; row < batch.rows(); ++row) {
                texts.setSafe(row, batch.payloads().get(row));
            }
            output.setRowCount(batch.rows());
            return output;
        });
    }

    private void readToTheEnd(Consumer consumer) throws Exception {
        consumer.open(Tests.LONG);
        long rows = 0;
        while (true) {
            try (Cycle cycle = consumer.poll(Tests.LONG)) {
                if (cycle.status() == Status.END) {
                    assertEquals(ROWS, rows);
                    return;
                }
                try (Snapshot view = cycle.snapshot().view("Text"); ArrowReader reader = ArrowTables.readMerged(allocator, view)) {
                    while (reader.loadNextBatch()) {
                        VarCharVector texts = (VarCharVector) reader.getVectorSchemaRoot().getVector("Text");
                        assertTrue(texts.getObject(0).toString().startsWith("text "));
                    }
                }
                rows += cycle.rows();
                assertEquals(4, consumer.progress().size());
            }
        }
    }
}
