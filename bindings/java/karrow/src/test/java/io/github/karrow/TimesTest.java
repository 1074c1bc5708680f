package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class TimesTest {
    @Test
    void timeoutsAreRoundedUp() {
        assertEquals(0, Times.timeout(Duration.ZERO));
        assertEquals(1, Times.timeout(Duration.ofNanos(1)));
        assertEquals(1, Times.timeout(Duration.ofMillis(1)));
        assertEquals(2, Times.timeout(Duration.ofNanos(1_000_001)));
        assertEquals(Long.MAX_VALUE, Times.timeout(Karrow.FOREVER));
        Tests.failing(Status.INVALID_ARGUMENT, () -> Times.timeout(Duration.ofNanos(-1)));
    }

    @Test
    void timesOfRecordsAreTheNextMillisecond() {
        assertEquals(5, Times.milliseconds(Instant.ofEpochMilli(5)));
        assertEquals(6, Times.milliseconds(Instant.ofEpochMilli(5).plusNanos(1)));
        assertEquals(-5, Times.milliseconds(Instant.ofEpochMilli(-5)));
        assertEquals(-4, Times.milliseconds(Instant.ofEpochMilli(-5).plusNanos(999_999)));
        assertEquals(Long.MAX_VALUE, Times.milliseconds(Instant.MAX));
        assertEquals(Long.MIN_VALUE, Times.milliseconds(Instant.MIN));
    }

    @Test
    void aDeadlineEnds() {
        assertEquals(0, new Deadline(Duration.ZERO).milliseconds());
        long left = new Deadline(Karrow.FOREVER).milliseconds();
        assertEquals(Long.MAX_VALUE, left, 60_000);
    }
}
