package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.function.Executable;

/** What tests share. */
public final class Tests {
    /** Longer than anything takes that is not stuck. */
    public static final Duration LONG = Duration.ofSeconds(60);

    private Tests() {}

    /** The folder {@code src} of this module. */
    static Path sources() {
        return existing(Path.of("src"));
    }

    /** The header, which is what there has to be in Java. */
    static Path header() {
        return existing(Path.of("../../../include/karrow.h"));
    }

    private static Path existing(Path path) {
        if (!Files.exists(path)) {
            fail("tests run in the folder of their module, from which there is no " + path);
        }
        return path;
    }

    /** Options for a topic of a cluster, from its beginning, values as text. */
    public static Options options(MockCluster cluster, String topic) {
        // The embedded cluster answers a request for records that are yet to come only when its time is over.
        return new Options(topic).set("bootstrap.servers", cluster.bootstrapServers()).set("fetch.wait.max.ms", "2")
                .start(Start.beginning()).key(Spec.ignore()).value(Spec.simple("Text", "utf8"))
                .tableType(TableType.append());
    }

    /** Options for a cluster that cannot be reached: nobody listens at this port, which is reserved. */
    static Options unreachable() {
        return new Options("t").set("bootstrap.servers", "127.0.0.1:1").key(Spec.ignore()).value(Spec.simple("Text", "utf8"));
    }

    /** Where a partition starts, as a number that no {@link Start} can be; the library has to judge it. */
    public static void startAtNumber(Options options, int partition, long offset) {
        options.startAt(partition, new Start(false, offset));
    }

    /** An open consumer of these options. */
    public static Consumer open(Options options) throws InterruptedException {
        return Consumer.consumeToPartitionedTable(options, LONG);
    }

    /** Polls until so many rows have come, and closes the cycles. */
    public static void pollRows(Consumer consumer, long rows) throws InterruptedException {
        for (long seen = 0; seen < rows; ) {
            try (Cycle cycle = consumer.poll(LONG)) {
                assertEquals(Status.OK, cycle.status());
                seen += cycle.rows();
            }
        }
    }

    /** The exception of this status that a call has to throw. */
    public static KarrowException failing(Status status, Executable call) {
        KarrowException exception = assertThrows(KarrowException.class, call);
        assertEquals(status, exception.status(), exception.getMessage());
        return exception;
    }

    /** How many handles of the library there are that have not been freed. */
    public static long liveHandles() {
        Karrow.version(); // so that the library is there, as it is once there has been a handle
        return Handle.live();
    }

    /** Runs something on a thread of its own. */
    static <T> FutureTask<T> start(Callable<T> call) {
        FutureTask<T> task = new FutureTask<>(call);
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** What came of it. */
    static <T> T result(FutureTask<T> task) throws Exception {
        return task.get(LONG.toSeconds(), TimeUnit.SECONDS);
    }

    /** Waits until something holds. */
    public static void until(String what, BooleanSupplier holds) throws InterruptedException {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                fail("in vain waited for: " + what);
            }
            Thread.sleep(2);
        }
    }

    /** Waits until garbage is collected for which something then holds. */
    public static void untilCollected(String what, BooleanSupplier holds) throws InterruptedException {
        until(what, () -> {
            System.gc();
            return holds.getAsBoolean();
        });
    }

    /** Whether a thread is inside of a native method of karrow's. */
    static boolean isInside(Thread thread, String method) {
        for (StackTraceElement frame : thread.getStackTrace()) {
            if (frame.isNativeMethod() && frame.getMethodName().equals(method)) {
                return true;
            }
        }
        return false;
    }
}
