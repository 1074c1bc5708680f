package io.github.karrow;

import java.time.Duration;

/** When the time that a call was given is over. */
final class Deadline {
    private static final long NANOS_OF_MILLISECOND = 1_000_000;

    private final long timeoutMs;
    private final long begin = System.nanoTime();

    Deadline(Duration timeout) {
        timeoutMs = Times.timeout(timeout);
    }

    /** The time that is left. */
    long milliseconds() {
        return Math.max(timeoutMs - (System.nanoTime() - begin) / NANOS_OF_MILLISECOND, 0);
    }

    boolean isOver() {
        return milliseconds() == 0;
    }
}
