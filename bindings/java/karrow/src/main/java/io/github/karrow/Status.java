package io.github.karrow;

/** What a call came to. */
public enum Status {
    /** The call did what it says. */
    OK,
    /** Nothing can come any more: every partition has finished or failed. */
    END,
    /** {@link Consumer#wakeup} ended the call before it did anything. */
    INTERRUPTED,
    /** The time given was over before the call could do what it says. */
    TIMEOUT,
    /** Another call is using the consumer. */
    BUSY,
    /** The consumer has been stopped, or the object has been closed. */
    CLOSED,
    /** An argument is wrong; the message names it and says what would be right. */
    INVALID_ARGUMENT,
    /**
     * The call does not fit the state of the object: polling before opening, or from inside a processor, for example.
     */
    INVALID_STATE,
    /** The topic, partition or column does not exist. */
    NOT_FOUND,
    /** A row number or an offset lies outside what there is. */
    OUT_OF_RANGE,
    /** karrow, or this build of it, cannot do what was asked. */
    UNSUPPORTED,
    /** A record does not fit its columns. */
    BAD_RECORD,
    /** Kafka, or the way to it, reported an error; {@link KarrowException#kafkaCode} has librdkafka's number. */
    KAFKA,
    /** The schema registry, or the way to it, reported an error. */
    REGISTRY,
    /** A processor failed. */
    PROCESSOR,
    /** A limit of memory or of the format has been reached; the message names it. */
    LIMIT,
    /** karrow met a bug of its own; the message says which. Please report it. */
    PANIC,
    /** An earlier call ended in {@link #PANIC}: the consumer no longer runs, what it has published stays readable. */
    POISONED,
    /** Something that should not be possible, or that only a newer karrow knows; the message says what. */
    INTERNAL;

    private final int number = Native.number("KARROW_STATUS_" + name());

    /** The number that {@code karrow.h} has for it. */
    public int number() {
        return number;
    }

    static Status of(int number) {
        for (Status status : values()) {
            if (status.number == number) {
                return status;
            }
        }
        return INTERNAL;
    }
}
