package io.github.karrow;

import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.List;

/**
 * The partitioned table as of one cycle: immutable, consistent across partitions, and usable until it is closed, also
 * after the consumer is. Any threads may read it. To be closed, because it holds on to memory outside the heap; what
 * was exported from it lives on.
 */
public final class Snapshot implements AutoCloseable {
    private final Handle handle;
    private final Cleaner.Cleanable cleanable;

    Snapshot(long address) {
        handle = new Handle("snapshot", address, Native::snapshotFree);
        cleanable = handle.ownedBy(this);
    }

    /** How many cycles there have been: 0 before the first poll. */
    public long cycle() {
        return handle.getLong(Native::snapshotCycle);
    }

    /**
     * All partitions that are read, empty ones included, in ascending order. They can be used until the snapshot is
     * closed.
     */
    public List<Partition> partitions() {
        int[] numbers = handle.get(Native::snapshotPartitions);
        List<Partition> partitions = new ArrayList<>(numbers.length);
        for (int number : numbers) {
            partitions.add(new Partition(this, number));
        }
        return partitions;
    }

    /**
     * One partition by Kafka's number.
     *
     * @throws KarrowException {@code NOT_FOUND} for one that is not read
     */
    public Partition partition(int id) {
        Partition partition = new Partition(this, id);
        partition.state();
        return partition;
    }

    /**
     * The same rows with chosen columns: each text is {@code Name}, which keeps a column, or {@code New=Old}, which
     * renames one. A column may appear more than once, under different names. The view is a snapshot of its own, to be
     * closed, which keeps states, failures and next offsets.
     *
     * @throws KarrowException {@code NOT_FOUND} for a column that does not exist; {@code INVALID_ARGUMENT} for none at
     *     all, a name that appears twice, or a text of neither form
     */
    public Snapshot view(String... columns) {
        byte[] joined = Texts.joined(columns, "columns");
        return new Snapshot(handle.getLong(snapshot -> Native.snapshotView(snapshot, joined, columns.length)));
    }

    /**
     * Writes the columns of every partition into an {@code ArrowSchema}, which is then the caller's to release.
     *
     * @param schema the address of the struct, whose content is not looked at
     */
    public void exportSchema(long schema) {
        handle.run(snapshot -> Native.snapshotSchema(snapshot, Addresses.checked(schema, "schema")));
    }

    /**
     * Exports the rows of all partitions, one partition after the other, as an {@code ArrowArrayStream}, which is then
     * the caller's to release, and outlives the snapshot.
     *
     * @param stream the address of the struct, whose content is not looked at
     * @param fromRows the row number from which on each partition's rows are wanted, in the order of partitions; none:
     *     all rows
     * @throws KarrowException {@code INVALID_ARGUMENT} for another number of row numbers than of partitions; otherwise
     *     as {@link Partition#exportStream}
     */
    public void exportMerged(long stream, long... fromRows) {
        handle.run(snapshot -> Native.snapshotExportMerged(
                snapshot, fromRows.length == 0 ? null : fromRows, Addresses.checked(stream, "stream")));
    }

    /** Frees the snapshot; what was exported from it lives on. Closing again does nothing. */
    @Override
    public void close() {
        cleanable.clean();
    }

    Handle handle() {
        return handle;
    }
}
