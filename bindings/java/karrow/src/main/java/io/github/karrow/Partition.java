package io.github.karrow;

import java.util.Optional;

/** One partition in a {@link Snapshot}: an Arrow table. It can be used until the snapshot is closed. */
public final class Partition {
    private final Snapshot snapshot;
    private final int id;

    Partition(Snapshot snapshot, int id) {
        this.snapshot = snapshot;
        this.id = id;
    }

    /** Kafka's number of the partition. */
    public int id() {
        return id;
    }

    /**
     * The number of the first row there is. Row numbers count the rows that a partition has published, from 0, and
     * never go back. In a blink table this is the number of rows before the cycle.
     */
    public long firstRow() {
        return snapshot.handle().getLong(entered -> Native.snapshotFirstRow(entered, id));
    }

    /** The number behind that of the last row: where to go on reading in a later snapshot. */
    public long endRow() {
        return snapshot.handle().getLong(entered -> Native.snapshotEndRow(entered, id));
    }

    /** What the partition is doing. */
    public PartitionState state() {
        return PartitionState.of(snapshot.handle().getInt(entered -> Native.snapshotState(entered, id)));
    }

    /** Where reading goes on after what the snapshot shows; if it failed at a record, that record's offset. */
    public long nextOffset() {
        return snapshot.handle().getLong(entered -> Native.snapshotNextOffset(entered, id));
    }

    /** Why the partition has failed, or waits; nothing while it is being read, and once it has finished. */
    public Optional<KarrowException> failure() {
        return Optional.ofNullable(snapshot.handle().get(entered -> Native.snapshotFailure(entered, id)));
    }

    /** Exports all rows there are: {@link #exportStream(long, long, long)}. */
    public void exportStream(long stream) {
        exportStream(firstRow(), -1, stream);
    }

    /**
     * Exports the rows from {@code fromRow} to before {@code endRow} as an {@code ArrowArrayStream} of batches that
     * share the table's memory. It is then the caller's to release, and outlives the snapshot; any one thread at a time
     * may read it.
     *
     * @param endRow -1: to the end
     * @param stream the address of the struct, whose content is not looked at
     * @throws KarrowException {@code OUT_OF_RANGE} for rows that are not kept any more (the message names the first) or
     *     not there yet
     */
    public void exportStream(long fromRow, long endRow, long stream) {
        snapshot.handle().run(entered ->
                Native.snapshotExportStream(entered, id, fromRow, endRow, Addresses.checked(stream, "stream")));
    }

    /**
     * Exports all rows as one struct array. They are put together when first asked for, and kept. Both structs are then
     * the caller's to release.
     *
     * @param array the address of a struct {@code ArrowArray}, whose content is not looked at
     * @param schema that of a struct {@code ArrowSchema}; 0: no schema is wanted
     * @throws KarrowException {@code LIMIT} if they do not fit into one array (a column of text beyond 2 GiB): use the
     *     stream
     */
    public void exportArray(long array, long schema) {
        snapshot.handle().run(entered ->
                Native.snapshotExportArray(entered, id, Addresses.checked(array, "array"), schema));
    }
}
