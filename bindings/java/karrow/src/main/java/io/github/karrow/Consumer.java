package io.github.karrow;

import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.List;
import java.util.function.LongFunction;

/**
 * Reads a Kafka topic into a partitioned table, one Arrow table for each partition. Any threads may call its methods;
 * open and poll one at a time (the second gets {@code BUSY}).
 *
 * <pre>{@code
 * Options options = new Options("orders")
 *     .set("bootstrap.servers", "redpanda:9092")
 *     .key(Spec.ignore())
 *     .value(Spec.json()
 *         .addColumn("Symbol", "String")
 *         .addColumn("Price", "double")
 *         .addColumn("Tstamp", "Instant")
 *         .mapField("jsymbol", "Symbol")
 *         .mapField("jprice", "Price")
 *         .mapField("jts", "Tstamp"))
 *     .tableType(TableType.append());
 * try (Consumer orders = Consumer.consumeToPartitionedTable(options)) {
 *     Map<Integer, Long> seen = new HashMap<>(); // rows of each partition
 *     boolean goesOn = true;
 *     while (goesOn) {
 *         try (Cycle cycle = orders.poll(Duration.ofSeconds(1))) {
 *             for (Partition partition : cycle.partitions()) {
 *                 use(partition, seen.getOrDefault(partition.id(), 0L)); // all rows from that on
 *                 seen.put(partition.id(), partition.endRow());
 *             }
 *             goesOn = cycle.isOk();
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>{@link #close} may be called by any thread, also while others are inside of calls: it wakes those that wait, and
 * what the consumer has in C is freed once, when the last of them has left. A thread that is interrupted while it
 * opens, polls or awaits a cycle gets an {@link InterruptedException} at once; no cycle is lost by that, and others'
 * calls go on.
 */
public final class Consumer implements AutoCloseable {
    /**
     * How long {@link #consumeToPartitionedTable(Options)} may take to open: as long as the Java client lets such
     * calls.
     */
    private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(60);

    private final Handle handle;
    private final Cleaner.Cleanable cleanable;
    private final Wakeups wakeups;

    /**
     * Checks names, types and the values of properties; asks no broker.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} naming the option, key or column that is wrong
     */
    public Consumer(Options options) {
        handle = new Handle("consumer", options.newConsumer(), Native::consumerFree);
        cleanable = handle.ownedBy(this);
        wakeups = new Wakeups(handle);
    }

    /** The same with 60 seconds to open: {@link #consumeToPartitionedTable(Options, Duration)}. */
    public static Consumer consumeToPartitionedTable(Options options) throws InterruptedException {
        return consumeToPartitionedTable(options, DEFAULT_TIMEOUT);
    }

    /**
     * Makes a consumer and opens it: everything that Deephaven's call of this name does. Make a consumer yourself to
     * open it again after an error, or to wake it up while it opens.
     *
     * @throws KarrowException what making and opening a consumer throw
     * @throws InterruptedException if this thread is interrupted while the consumer opens
     */
    public static Consumer consumeToPartitionedTable(Options options, Duration timeout) throws InterruptedException {
        Consumer consumer = new Consumer(options);
        try {
            consumer.open(timeout);
            return consumer;
        } catch (Throwable failure) {
            consumer.close();
            throw failure;
        }
    }

    /**
     * Asks the cluster for the topic's partitions and offsets, and begins to read. When it returns, "now" is fixed:
     * what is produced later is never missed, whatever the start offsets say. After an error it may be called again.
     *
     * @throws KarrowException {@code TIMEOUT} with the last thing that went wrong on the way to the brokers; {@code
     *     NOT_FOUND} for a topic or partition that does not exist; {@code KAFKA} for what Kafka refuses; {@code
     *     REGISTRY} for a schema that a registry does not give; {@code INTERRUPTED}, {@code CLOSED}, {@code BUSY};
     *     {@code INVALID_STATE} if it is open already
     * @throws InterruptedException if this thread is interrupted before or meanwhile
     */
    public void open(Duration timeout) throws InterruptedException {
        wakeups.call(timeout, (consumer, milliseconds) -> {
            Native.consumerOpen(consumer, milliseconds);
            return true;
        });
    }

    /**
     * One cycle: publishes everything decoded since the last one, for all partitions at once. With rows, dead letters
     * or a change of state at hand it returns at once; otherwise it waits for the first, at most {@code timeout}. Time
     * running out is no error: that cycle has no rows. A partition that fails does not make poll fail. Processors run
     * inside of it; the time-out does not bound them.
     *
     * <p>What it returns is to be closed, because it holds on to memory outside the heap, of which the garbage
     * collector knows nothing.
     *
     * @throws KarrowException {@code BUSY}; {@code CLOSED}; {@code INVALID_STATE} before open, or from inside a
     *     processor; {@code PANIC}, and from then on {@code POISONED}
     * @throws InterruptedException if this thread is interrupted before or while it waits: then there is no cycle. One
     *     that has been made by then is returned, and the thread stays interrupted
     */
    public Cycle poll(Duration timeout) throws InterruptedException {
        try {
            long[] made = wakeups.call(timeout, (consumer, milliseconds) -> {
                long[] outputs = new long[3];
                Native.consumerPoll(consumer, milliseconds, outputs);
                return outputs;
            });
            return new Cycle(made[0], Math.toIntExact(made[1]), new Snapshot(made[2]));
        } catch (KarrowException outcome) {
            return switch (outcome.status()) {
                case END, LIMIT, INTERRUPTED -> new Cycle(outcome);
                default -> throw outcome;
            };
        }
    }

    /**
     * The state of the last cycle: cycle 0, without rows, before the first poll. Never waits. To be closed.
     *
     * @throws KarrowException {@code INVALID_STATE} before open
     */
    public Snapshot snapshot() {
        return new Snapshot(handle.getLong(Native::consumerSnapshot));
    }

    /**
     * For threads that read while another one polls: waits until a cycle after {@code afterCycle} has been published,
     * at most {@code timeout}, and hands out the last one there is, which is to be closed. Several threads may wait at
     * once; {@link #wakeup} ends one call.
     *
     * @throws KarrowException {@code CLOSED}; {@code INVALID_STATE} before open
     * @throws InterruptedException if this thread is interrupted before or meanwhile
     */
    public Waited awaitCycle(long afterCycle, Duration timeout) throws InterruptedException {
        try {
            return new Waited(new Snapshot(wakeups.call(timeout,
                    (consumer, milliseconds) -> Native.consumerWait(consumer, afterCycle, milliseconds))));
        } catch (KarrowException outcome) {
            return switch (outcome.status()) {
                case TIMEOUT, END, INTERRUPTED -> new Waited(outcome);
                default -> throw outcome;
            };
        }
    }

    /**
     * How far reading has come, for each partition, in ascending order. Live, so that it may be ahead of the last
     * cycle; never waits, and is cheap enough to be asked at every poll. Works also after {@link #shutdown}.
     *
     * @throws KarrowException {@code INVALID_STATE} before open
     */
    public List<PartitionProgress> progress() {
        return read(Native::consumerProgress, PartitionProgress::of);
    }

    /**
     * The same as an {@code ArrowArrayStream} of one batch, which is then the caller's to release: {@code karrow.h}
     * lists its columns.
     *
     * @param stream the address of the struct, whose content is not looked at
     */
    public void exportProgress(long stream) {
        handle.run(consumer -> Native.consumerProgress(consumer, Addresses.checked(stream, "stream")));
    }

    /**
     * Takes the dead letters that have come, the bad records whose policy is {@code dead_letter} ({@code
     * karrow.bad.record.policy}): each comes once, those of one partition in the order of their offsets. The letters of
     * all records before a {@link Partition#nextOffset} have come when the poll that made it returns; so: poll, use the
     * rows, take the dead letters, commit. Those that nobody takes count against {@code karrow.memory.budget.bytes},
     * and partitions wait when they fill it. Works also after the end and after {@link #shutdown}.
     *
     * @throws KarrowException {@code INVALID_STATE} before open
     */
    public List<DeadLetter> deadLetters() {
        return read(Native::consumerDeadLetters, DeadLetter::of);
    }

    /**
     * The same as an {@code ArrowArrayStream} without copies, which is then the caller's to release: {@code karrow.h}
     * lists its columns. What it holds has been taken, whether it is read or not.
     *
     * @param stream the address of the struct, whose content is not looked at
     */
    public void exportDeadLetters(long stream) {
        handle.run(consumer -> Native.consumerDeadLetters(consumer, Addresses.checked(stream, "stream")));
    }

    /**
     * Commits, for the {@code group.id} of the options, exactly what a snapshot of this consumer shows: for each
     * partition its {@link Partition#nextOffset}. A partition that failed because its offset lies outside the log has
     * none, and is left out. The snapshot may be an older one, or a view. Take dead letters first, because what has
     * been committed does not come again. Neither wakeup nor an interrupt ends it, shutdown and close do.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a snapshot of another consumer; {@code INVALID_STATE}
     *     without a {@code group.id}, or before open; {@code KAFKA} for what Kafka refuses, after which some partitions
     *     may have been committed; {@code TIMEOUT}; {@code CLOSED}
     */
    public void commit(Snapshot snapshot, Duration timeout) {
        long milliseconds = Times.timeout(timeout);
        handle.run(consumer ->
                snapshot.handle().run(entered -> Native.consumerCommit(consumer, entered, milliseconds)));
    }

    /**
     * Gives up the rows of a partition before {@code beforeRow}: the next cycle does not show them any more. Their
     * memory is freed piece by piece, once more than half of a piece has been given up and no snapshot or export holds
     * it. For append tables that live for months; row numbers go on.
     *
     * @throws KarrowException {@code INVALID_STATE} for other types of tables, which forget by themselves, or before
     *     open; {@code OUT_OF_RANGE} for a row that has not been published; {@code NOT_FOUND} for a partition that is
     *     not read; {@code CLOSED}
     */
    public void discard(int partition, long beforeRow) {
        handle.run(consumer -> Native.consumerDiscard(consumer, partition, beforeRow));
    }

    /**
     * Lets a failed partition go on: at the record it stopped at ({@link Partition#nextOffset}), which is then tried
     * again, or behind it. The next cycles show what comes of it.
     *
     * @throws KarrowException {@code INVALID_STATE} if the last published cycle does not show the partition as failed;
     *     {@code INVALID_ARGUMENT} for an offset that is negative or whose rows are in the table already; {@code
     *     NOT_FOUND} for a partition that is not read; {@code CLOSED}
     */
    public void resume(int partition, long offset) {
        handle.run(consumer -> Native.consumerResume(consumer, partition, offset));
    }

    /**
     * Writes the columns of every partition into an {@code ArrowSchema}, which is then the caller's to release.
     *
     * @param schema the address of the struct, whose content is not looked at
     * @throws KarrowException {@code INVALID_STATE} before open if only a schema registry knows the columns
     */
    public void exportSchema(long schema) {
        handle.run(consumer -> Native.consumerSchema(consumer, Addresses.checked(schema, "schema")));
    }

    /** Ends the running open, poll or awaitCycle as interrupted, or the next one if none is running: once. */
    public void wakeup() {
        wakeups.wakeup();
    }

    /**
     * Ends reading: wakes open, poll, awaitCycle and commit, waits for them, drops rows that no cycle has published,
     * commits nothing (but what {@code enable.auto.commit} still owes). Afterwards these and resume and discard throw
     * {@code CLOSED}; snapshots, progress and dead letters can still be taken, until {@link #close}. A second call does
     * nothing.
     *
     * @throws KarrowException {@code TIMEOUT} if it takes longer; it then goes on by itself, and another call waits for
     *     it again; {@code INVALID_STATE} from inside a processor
     */
    public void shutdown(Duration timeout) {
        long milliseconds = Times.timeout(timeout);
        handle.run(consumer -> Native.consumerClose(consumer, milliseconds));
    }

    /**
     * Shuts the consumer down, however long that takes, and frees what it has in C, once nobody is inside a call any
     * more. Snapshots, and everything exported, live on; everything else throws {@code CLOSED} from then on. Closing
     * again does nothing. What is never closed is when it is collected as garbage.
     *
     * @throws KarrowException {@code INVALID_STATE} from inside a processor that its poll runs
     */
    @Override
    public void close() {
        if (handle.isClosed()) {
            return;
        }
        try {
            shutdown(Karrow.FOREVER);
        } catch (KarrowException failure) {
            // Another thread may have closed it meanwhile.
            if (failure.status() != Status.CLOSED) {
                throw failure;
            }
        }
        cleanable.clean();
    }

    private interface Export {
        void into(long consumer, long stream);
    }

    /** Reads all batches of a stream that the consumer exports. */
    private <T> List<T> read(Export export, LongFunction<List<T>> reader) {
        long stream = Native.streamNew();
        try {
            handle.run(consumer -> export.into(consumer, stream));
            return reader.apply(stream);
        } finally {
            Native.streamFree(stream);
        }
    }
}
