package io.github.karrow;

import java.time.Instant;

/** Where in a partition reading stops. There it has finished, and once all partitions have, poll comes to an end. */
public final class Stop {
    private enum Kind { END, OFFSET, TIME }

    private static final Stop AT_END = new Stop(Kind.END, 0);

    private final Kind kind;
    private final long number;

    private Stop(Kind kind, long number) {
        this.kind = kind;
        this.number = number;
    }

    /**
     * The end of the log as it is when open returns, also if there are only transaction markers or aborted records
     * there. With {@code isolation.level=read_committed}, the default, the log ends where the first open transaction
     * begins.
     */
    public static Stop atEnd() {
        return AT_END;
    }

    /**
     * Before the record of this offset, whether it is there yet or not. A negative one is an error of
     * {@link Options#stop(Stop)}.
     */
    public static Stop beforeOffset(long offset) {
        return new Stop(Kind.OFFSET, offset);
    }

    /**
     * Before the first record whose timestamp is this or later, as of open; if there is none, at the end of the log as
     * of open. A time before 1970 is an error of {@link Options#stop(Stop)}.
     */
    public static Stop beforeTime(Instant time) {
        return new Stop(Kind.TIME, Times.milliseconds(time));
    }

    void set(long options, int partition) {
        switch (kind) {
            case END -> Native.optionsSetStopAtEnd(options, partition);
            case OFFSET -> Native.optionsSetStopOffset(options, partition, number);
            case TIME -> Native.optionsSetStopTime(options, partition, number);
        }
    }
}
