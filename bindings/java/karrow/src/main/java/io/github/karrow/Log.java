package io.github.karrow;

import java.lang.ref.Cleaner;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * A bounded queue of librdkafka's and karrow's messages, without secrets and payloads. Any threads may use it;
 * consumers made with it keep what they need of it. {@link #forward} sends them to a {@link System.Logger}.
 */
public final class Log implements AutoCloseable {
    private static final long NANOS_OF_SECOND = 1_000_000_000;
    /** For how long a thread waits before it looks whether it has been interrupted. */
    private static final long SLICE_MS = 50;

    private final Handle handle;
    private final Cleaner.Cleanable cleanable;

    /**
     * Keeps messages at least as serious as {@code level}, the newest {@code capacity} of them.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a capacity below 1
     */
    public Log(LogLevel level, int capacity) {
        // A negative number would be a large one in C.
        handle = new Handle("log", Native.logNew(level.number(), Math.max(capacity, 0)), Native::logFree);
        cleanable = handle.ownedBy(this);
    }

    /**
     * Takes the oldest message, waiting for one if there is none; nothing if none comes in time.
     *
     * @throws InterruptedException if this thread is interrupted before or while it waits; no message is lost
     */
    public Optional<LogEntry> take(Duration timeout) throws InterruptedException {
        Deadline deadline = new Deadline(timeout);
        do {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            long slice = Math.min(deadline.milliseconds(), SLICE_MS);
            Optional<LogEntry> entry = handle.get(log -> entry(Native.logTake(log, slice)));
            if (entry.isPresent()) {
                return entry;
            }
        } while (!deadline.isOver());
        return Optional.empty();
    }

    /** How many messages gave way to newer ones because the log was full. */
    public long dropped() {
        return handle.getLong(Native::logDropped);
    }

    /**
     * Makes a log whose messages go to a {@link System.Logger} as they come, from a thread of its own, which is a
     * daemon and goes on until what this returns is closed: that sends those that are left, and ends it.
     *
     * <pre>{@code
     * try (LogForwarder log = Log.forward(LogLevel.INFO, System.getLogger("karrow"));
     *         Consumer orders = new Consumer(new Options("orders").log(log.log()))) {
     *     orders.open(Duration.ofSeconds(30));
     * }
     * }</pre>
     *
     * @param level the least serious messages that are wanted; which of these the logger shows, it decides itself
     */
    public static LogForwarder forward(LogLevel level, System.Logger logger) {
        return new LogForwarder(level, logger);
    }

    /** Frees the log. Consumers that write to it go on without it. Closing again does nothing. */
    @Override
    public void close() {
        cleanable.clean();
    }

    Handle handle() {
        return handle;
    }

    private static Optional<LogEntry> entry(long entry) {
        if (entry == 0) {
            return Optional.empty();
        }
        try {
            long time = Native.logEntryTimeNs(entry);
            return Optional.of(new LogEntry(LogLevel.of(Native.logEntryLevel(entry)),
                    Instant.ofEpochSecond(time / NANOS_OF_SECOND, time % NANOS_OF_SECOND),
                    Texts.out(Native.logEntrySource(entry)), Texts.out(Native.logEntryText(entry))));
        } finally {
            Native.logEntryFree(entry);
        }
    }
}
