package io.github.karrow;

import java.util.List;
import java.util.Optional;

/** What waiting for a cycle came to: {@link Consumer#awaitCycle}. To be closed, which closes its snapshot. */
public sealed class Waited implements AutoCloseable permits Cycle {
    private final Snapshot snapshot;
    private final KarrowException reason;

    Waited(Snapshot snapshot) {
        this.snapshot = snapshot;
        reason = null;
    }

    Waited(KarrowException reason) {
        snapshot = null;
        this.reason = reason;
    }

    /**
     * {@code OK}: a cycle; {@code TIMEOUT}: none in time; {@code END}: every partition has finished or failed, and the
     * cycle waited behind shows it; {@code INTERRUPTED}: {@link Consumer#wakeup} ended the call.
     */
    public Status status() {
        return reason == null ? Status.OK : reason.status();
    }

    /** Whether there is a cycle: the status is {@code OK}. */
    public final boolean isOk() {
        return reason == null;
    }

    /**
     * The cycle.
     *
     * @throws KarrowException the {@link #reason} if there is none
     */
    public final Snapshot snapshot() {
        if (reason != null) {
            throw reason;
        }
        return snapshot;
    }

    /** The partitions of the snapshot; none if there is no cycle. */
    public final List<Partition> partitions() {
        return snapshot == null ? List.of() : snapshot.partitions();
    }

    /** What the library says of it that there is no cycle. */
    public final Optional<KarrowException> reason() {
        return Optional.ofNullable(reason);
    }

    /** Closes the snapshot, if there is one. */
    @Override
    public final void close() {
        if (snapshot != null) {
            snapshot.close();
        }
    }
}
