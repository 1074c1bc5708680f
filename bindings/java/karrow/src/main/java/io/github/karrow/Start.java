package io.github.karrow;

import java.time.Instant;

/** Where in a partition reading starts. */
public final class Start {
    private static final Start BEGINNING = new Start(false, Native.constant(Texts.in("KARROW_SEEK_TO_BEGINNING", "name")));
    private static final Start END = new Start(false, Native.constant(Texts.in("KARROW_SEEK_TO_END", "name")));
    private static final Start DONT_SEEK = new Start(false, Native.constant(Texts.in("KARROW_DONT_SEEK", "name")));

    private final boolean isTime;
    private final long number;

    Start(boolean isTime, long number) {
        this.isTime = isTime;
        this.number = number;
    }

    /** The oldest record there is. */
    public static Start beginning() {
        return BEGINNING;
    }

    /** The end of the log as it is when open returns. A record produced after that is never missed. */
    public static Start end() {
        return END;
    }

    /**
     * The default: the committed offset of the caller's {@code group.id}, if there is one; else what
     * {@code auto.offset.reset} says, which is the end unless set.
     */
    public static Start dontSeek() {
        return DONT_SEEK;
    }

    /**
     * The record of an offset. One outside the partition's log goes where {@code auto.offset.reset} says.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a negative number: the other places have names
     */
    public static Start offset(long offset) {
        if (offset < 0) {
            throw KarrowException.invalid("offset", "is negative; offsets count from 0");
        }
        return new Start(false, offset);
    }

    /**
     * The first record whose timestamp is this or later, as of open; if there is none yet, the end of the log. A time
     * before 1970 is an error of {@link Options#start(Start)}.
     */
    public static Start time(Instant time) {
        return new Start(true, Times.milliseconds(time));
    }

    void set(long options, int partition) {
        if (isTime) {
            Native.optionsSetStartTime(options, partition, number);
        } else {
            Native.optionsSetStartOffset(options, partition, number);
        }
    }
}
