package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.ResourceBundle;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

class LogTest {
    /** Keeps what it is told. */
    private static final class Kept implements System.Logger {
        private final List<String> entries = new CopyOnWriteArrayList<>();

        @Override
        public String getName() {
            return "kept";
        }

        @Override
        public boolean isLoggable(Level level) {
            return true;
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
            entries.add(level + " " + message);
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String format, Object... parameters) {
            if (entries.isEmpty()) {
                entries.add("the first one fails");
                throw new IllegalStateException("the disk is full");
            }
            entries.add(level + " " + format);
        }
    }

    /** Fails to connect, which librdkafka has something to say about. */
    private static void fail(Log log) {
        Tests.failing(Status.TIMEOUT, () -> {
            try (Consumer consumer = new Consumer(Tests.unreachable().log(log))) {
                consumer.open(Duration.ofMillis(500));
            }
        });
    }

    @Test
    void messagesCanBeTaken() throws Exception {
        Instant before = Instant.now();
        try (Log log = new Log(LogLevel.DEBUG, 1_000)) {
            assertEquals(Optional.empty(), log.take(Duration.ZERO));
            fail(log);
            boolean found = false;
            for (Optional<LogEntry> entry = log.take(Tests.LONG); entry.isPresent(); entry = log.take(Duration.ZERO)) {
                found = found || entry.get().source().startsWith("librdkafka/") && entry.get().text().contains("127.0.0.1:1");
                assertFalse(entry.get().time().isBefore(before.minusSeconds(1)), entry.toString());
                assertFalse(entry.get().time().isAfter(Instant.now().plusSeconds(1)), entry.toString());
            }
            assertTrue(found, "librdkafka says that it cannot connect");
            assertEquals(0, log.dropped());
        }
    }

    @Test
    void newerMessagesDriveOutOlderOnes() throws Exception {
        try (Log log = new Log(LogLevel.DEBUG, 1)) {
            fail(log);
            Tests.until("messages have given way", () -> log.dropped() > 0);
        }
        Tests.failing(Status.INVALID_ARGUMENT, () -> new Log(LogLevel.INFO, 0));
        Tests.failing(Status.INVALID_ARGUMENT, () -> new Log(LogLevel.INFO, -1));
    }

    @Test
    void messagesGoToALogger() throws Exception {
        Kept logger = new Kept();
        try (LogForwarder forwarder = Log.forward(LogLevel.DEBUG, logger)) {
            fail(forwarder.log());
            Tests.until("the failure is told", () -> logger.entries.stream()
                    .anyMatch(entry -> entry.matches("[A-Z]+ librdkafka/\\w+: .*127\\.0\\.0\\.1:1.*")));
            forwarder.close();
            int told = logger.entries.size();
            Tests.failing(Status.CLOSED, forwarder.log()::dropped);
            assertEquals(told, logger.entries.size());
        }
        assertTrue(Thread.getAllStackTraces().keySet().stream().noneMatch(thread -> thread.getName().equals("karrow-log")));
    }

    @Test
    void aLogThatIsClosedEndsItsForwarder() throws Exception {
        try (LogForwarder forwarder = Log.forward(LogLevel.ERROR, new Kept())) {
            forwarder.log().close();
            Tests.until("the thread has ended", () -> Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().equals("karrow-log")));
        }
    }

    @Test
    void levelsOfSyslogHaveTheirPlace() {
        assertEquals(LogLevel.ERROR, LogLevel.of(0));
        assertEquals(LogLevel.ERROR, LogLevel.of(3));
        assertEquals(LogLevel.NOTICE, LogLevel.of(5));
        assertEquals(LogLevel.DEBUG, LogLevel.of(7));
        assertEquals(System.Logger.Level.INFO, LogLevel.NOTICE.systemLevel());
    }
}
