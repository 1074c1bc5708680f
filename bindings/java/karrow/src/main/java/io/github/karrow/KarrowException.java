package io.github.karrow;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;

/**
 * What went wrong in a call, or in a partition: thrown by the one, a value of the other ({@link Partition#failure}).
 * The message is the sentence to show: it names the thing and the way out, and holds no payload and no secret.
 */
public final class KarrowException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Status status;
    private final int statusNumber;
    private final int kafkaCode;
    private final boolean isRetriable;
    private final Position position;
    private final Map<String, String> details;

    KarrowException(Status status, int statusNumber, String message, int kafkaCode, boolean isRetriable,
            Position position, Map<String, String> details) {
        super(message);
        this.status = status;
        this.statusNumber = statusNumber;
        this.kafkaCode = kafkaCode;
        this.isRetriable = isRetriable;
        this.position = position;
        this.details = Collections.unmodifiableMap(details);
    }

    /** An error of what stands in front of the library. */
    KarrowException(Status status, String message) {
        this(status, status.number(), message, 0, false, null, Map.of());
    }

    /** An argument that the library never sees, because it could not be told. */
    static KarrowException invalid(String argument, String what) {
        return new KarrowException(Status.INVALID_ARGUMENT, Status.INVALID_ARGUMENT.number(), argument + ": " + what, 0, false,
                null, Map.of("argument", argument));
    }

    /** What kind of trouble it is. */
    public Status status() {
        return status;
    }

    /**
     * The status as {@code karrow.h} names it: that of {@link #status}, but for one that only a newer library knows.
     */
    public String statusName() {
        return Texts.out(Native.statusName(statusNumber));
    }

    /** librdkafka's error number (positive ones are the Kafka protocol's); 0 if Kafka had no part in it. */
    public int kafkaCode() {
        return kafkaCode;
    }

    /** Whether the same call may succeed later without a change. */
    public boolean isRetriable() {
        return isRetriable;
    }

    /** Where in the topic it happened, if it belongs to a record. */
    public Optional<Position> position() {
        return Optional.ofNullable(position);
    }

    /**
     * A detail by its key: {@code topic}, {@code side} ({@code key}, {@code value}, {@code timestamp}, {@code
     * headers}), {@code column}, {@code path}, {@code reason}, {@code argument} or {@code pointer} (the place in a
     * description that is wrong); nothing if the error does not have it.
     */
    public Optional<String> detail(String key) {
        return Optional.ofNullable(details.get(key));
    }

    /** All details there are, by their keys. */
    public Map<String, String> details() {
        return details;
    }
}
