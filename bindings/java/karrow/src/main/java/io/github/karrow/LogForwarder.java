package io.github.karrow;

import java.lang.System.Logger;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/** Sends the messages of a {@link Log} to a {@link System.Logger}: {@link Log#forward}. */
public final class LogForwarder implements AutoCloseable {
    private static final int CAPACITY = 10_000;

    private final Log log;
    private final Thread thread;

    LogForwarder(LogLevel level, Logger logger) {
        Objects.requireNonNull(logger, "logger");
        log = new Log(level, CAPACITY);
        thread = new Thread(() -> run(log, logger), "karrow-log");
        thread.setDaemon(true);
        thread.start();
    }

    /** The log, for {@link Options#log}. */
    public Log log() {
        return log;
    }

    /** Sends what is left, and ends. Closing again does nothing. */
    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException again) {
                interrupted = true; // the caller's business, once this is done
            }
        }
        log.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void run(Log log, Logger logger) {
        try {
            forward(log, logger);
            drain(log, logger);
        } catch (KarrowException failure) {
            // Somebody has closed the log itself.
            if (failure.status() != Status.CLOSED) {
                throw failure;
            }
        }
    }

    /** Sends what comes, until the forwarder is closed. */
    private static void forward(Log log, Logger logger) {
        try {
            while (true) {
                log.take(Karrow.FOREVER).ifPresent(entry -> send(entry, logger));
            }
        } catch (InterruptedException closed) {
            // By close, which waits for the rest.
        }
    }

    private static void drain(Log log, Logger logger) {
        try {
            for (Optional<LogEntry> entry = log.take(Duration.ZERO); entry.isPresent(); entry = log.take(Duration.ZERO)) {
                send(entry.get(), logger);
            }
        } catch (InterruptedException again) {
            // Somebody does not want to wait for the rest.
        }
        long dropped = log.dropped();
        if (dropped > 0) {
            logger.log(Logger.Level.WARNING, "karrow: {0} messages gave way to newer ones", dropped);
        }
    }

    private static void send(LogEntry entry, Logger logger) {
        try {
            // Not as a pattern: a message may hold braces.
            logger.log(entry.level().systemLevel(), entry.source() + ": " + entry.text());
        } catch (RuntimeException failure) {
            // Whoever cannot be told this message may be told the next.
        }
    }
}
