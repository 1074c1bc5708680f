package io.github.karrow;

import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/** Durations and times as C has them. */
final class Times {
    private static final int NANOS_OF_MILLISECOND = 1_000_000;

    private Times() {}

    /**
     * A duration in milliseconds, rounded up, so that no positive time becomes 0, which does not wait. What is longer
     * than milliseconds can count waits that long.
     */
    static long timeout(Duration timeout) {
        Objects.requireNonNull(timeout, "timeout");
        if (timeout.isNegative()) {
            throw KarrowException.invalid("timeout", "is negative; Karrow.FOREVER waits for ever");
        }
        try {
            return timeout.plusNanos(NANOS_OF_MILLISECOND - 1).toMillis();
        } catch (ArithmeticException tooLong) {
            return Long.MAX_VALUE;
        }
    }

    /**
     * A time as Kafka has it, in milliseconds. Between one millisecond and the next there are no records, so that the
     * first one at a finer time or later is the first one at the next millisecond or later.
     */
    static long milliseconds(Instant time) {
        try {
            long down = time.toEpochMilli();
            return time.getNano() % NANOS_OF_MILLISECOND == 0 ? down : down + 1;
        } catch (ArithmeticException farAway) {
            // No record is as early, or as late, as that.
            return time.getEpochSecond() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
        }
    }
}
