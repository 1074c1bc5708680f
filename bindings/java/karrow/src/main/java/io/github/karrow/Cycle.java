package io.github.karrow;

/** What a {@link Consumer#poll} came to. To be closed, which closes its snapshot. */
public final class Cycle extends Waited {
    private final long rows;
    private final int failed;

    Cycle(long rows, int failed, Snapshot snapshot) {
        super(snapshot);
        this.rows = rows;
        this.failed = failed;
    }

    Cycle(KarrowException reason) {
        super(reason);
        rows = 0;
        failed = 0;
    }

    /**
     * {@code OK}: a cycle, perhaps without rows; {@code END}: every partition has finished or failed, and an earlier
     * cycle has shown it; {@code LIMIT}: all others wait for room, in the table ({@code karrow.append.max.bytes}), which
     * {@link Consumer#discard} makes, or among dead letters, which {@link Consumer#deadLetters} makes, and an earlier
     * cycle has shown it; {@code INTERRUPTED}: {@link Consumer#wakeup} ended the call.
     */
    @Override
    public Status status() {
        return super.status();
    }

    /** How many rows the cycle has added, in all partitions; 0 if there was none. */
    public long rows() {
        return rows;
    }

    /** How many partitions are failed; 0 if there was no cycle. */
    public int failed() {
        return failed;
    }
}
