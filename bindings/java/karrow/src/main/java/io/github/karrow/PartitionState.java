package io.github.karrow;

/** What a partition is doing, as a snapshot has it. */
public enum PartitionState {
    /** It is being read. */
    READING,
    /**
     * It cannot be read for the moment, because Kafka refuses it, no broker can be used, or the table is full
     * ({@link Partition#failure} says which); it goes on by itself when that changes.
     */
    WAITING,
    /** It has stopped, and goes on only after {@link Consumer#resume}. */
    FAILED,
    /** Everything up to where it was to stop has been read. */
    FINISHED;

    private final int number = Native.number("KARROW_PARTITION_STATE_" + name());

    /** The number that {@code karrow.h} has for it. */
    public int number() {
        return number;
    }

    static PartitionState of(int number) {
        for (PartitionState state : values()) {
            if (state.number == number) {
                return state;
            }
        }
        throw new KarrowException(Status.UNSUPPORTED,
                "a partition is in the state " + number + ", which only a newer version of karrow for Java knows");
    }
}
