package io.github.karrow;

import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/**
 * What to consume, and what to make of it: everything at its default but what is set. Consumers have their own copy, so
 * that options may be changed, used again and closed while consumers run that were made of them.
 *
 * <p>Every setter returns the options, so that calls can be chained, and throws at once what is wrong with what it is
 * given. {@link #close} is optional: what nobody refers to any more is closed when it is collected as garbage.
 *
 * <pre>{@code
 * Options options = new Options("orders")
 *     .set("bootstrap.servers", "redpanda:9092")
 *     .set("group.id", "reports")
 *     .start(Start.beginning())
 *     .start(3, Start.offset(1_000_000))
 *     .stop(Stop.atEnd())
 *     .value(Spec.simple("Text", "utf8"))
 *     .tableType(TableType.ring(1_000));
 * }</pre>
 */
public final class Options implements AutoCloseable {
    private static final int ALL_PARTITIONS = Native.number("KARROW_ALL_PARTITIONS");
    private static final int KEY = Native.number("KARROW_SIDE_KEY");
    private static final int VALUE = Native.number("KARROW_SIDE_VALUE");

    private final Handle handle;
    private final Cleaner.Cleanable cleanable;

    /**
     * All partitions, each from {@link Start#dontSeek}, key and value from properties, a blink table.
     *
     * @param topic the topic's name; whether it exists is found out by open
     * @throws KarrowException {@code INVALID_ARGUMENT} for an empty name
     */
    public Options(String topic) {
        handle = new Handle("options", Native.optionsNew(Texts.in(topic, "topic")), Native::optionsFree);
        cleanable = handle.ownedBy(this);
    }

    /**
     * Sets a property. Keys that begin with {@code karrow.} (or {@code deephaven.}) are the library's; all others are
     * Kafka's, as librdkafka or the Java client has them, or the schema registry's. {@code docs/options.md} lists them.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for an unknown key of the library or the registry, a key set
     *     under both its names, or one that karrow must own; {@code UNSUPPORTED} for one that cannot be honoured.
     *     Values, and Kafka's other keys, are checked when a consumer is made
     */
    public Options set(String key, String value) {
        return set(Texts.in(key, "key"), Texts.in(value, "value"));
    }

    /**
     * Sets many properties, such as those that an application has for its Kafka clients. Throws as {@link #set(String,
     * String)} does; those in front of the one that is refused have then been set.
     */
    public Options set(Map<String, String> properties) {
        properties.forEach(this::set);
        return this;
    }

    /** Sets a property back to its default. */
    public Options unset(String key) {
        return set(Texts.in(key, "key"), null);
    }

    /**
     * Reads only these partitions; order and duplicates do not matter.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for none, or a negative number. A partition that the topic does
     *     not have is an error of open
     */
    public synchronized Options partitions(int... numbers) {
        Objects.requireNonNull(numbers, "numbers");
        handle.run(options -> Native.optionsSetPartitions(options, numbers));
        return this;
    }

    /**
     * Where all partitions start that have no start of their own.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a time before 1970
     */
    public Options start(Start start) {
        return startAt(ALL_PARTITIONS, start);
    }

    /**
     * Where one partition starts. This beats what is said of all partitions, in whatever order it is said.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a negative partition, or a time before 1970. A partition
     *     that the topic does not have is an error of open
     */
    public Options start(int partition, Start start) {
        return startAt(checked(partition), start);
    }

    /**
     * Where all partitions stop that have no stop of their own; unless told, nowhere. Partitions that the topic gets
     * later are then not read.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a negative offset, or a time before 1970
     */
    public Options stop(Stop stop) {
        return stopAt(ALL_PARTITIONS, stop);
    }

    /**
     * Where one partition stops. This beats what is said of all partitions, in whatever order it is said.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a negative partition or offset, or a time before 1970. A
     *     partition that the topic does not have is an error of open
     */
    public Options stop(int partition, Stop stop) {
        return stopAt(checked(partition), stop);
    }

    /** How the keys of the records become columns. The spec is copied. */
    public Options key(Spec spec) {
        return side(KEY, spec);
    }

    /** How the values of the records become columns. The spec is copied. */
    public Options value(Spec spec) {
        return side(VALUE, spec);
    }

    /**
     * What the table keeps of its rows.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a ring of less than 1 row
     */
    public synchronized Options tableType(TableType type) {
        handle.run(type::set);
        return this;
    }

    /** Where librdkafka's and karrow's messages go; without a log, nowhere. */
    public synchronized Options log(Log log) {
        handle.run(options -> log.handle().run(entered -> Native.optionsSetLog(options, entered)));
        return this;
    }

    /**
     * Writes the columns that a consumer of these options will have into an {@code ArrowSchema}, which is then the
     * caller's to release: common columns, then the key's, then the value's. Asks no broker.
     *
     * @param timeout for specs that ask a schema registry
     * @param schema the address of a struct {@code ArrowSchema}, whose content is not looked at
     * @throws KarrowException whatever is wrong with names and types; {@code REGISTRY} for what the registry does not
     *     give
     */
    public synchronized void exportSchema(Duration timeout, long schema) {
        handle.run(options -> Native.optionsSchema(options, Times.timeout(timeout), Addresses.checked(schema, "schema")));
    }

    /** Frees the options; consumers made of them have their own copy. Closing again does nothing. */
    @Override
    public void close() {
        cleanable.clean();
    }

    synchronized long newConsumer() {
        return handle.getLong(Native::consumerNew);
    }

    private synchronized Options set(byte[] key, byte[] value) {
        handle.run(options -> Native.optionsSet(options, key, value));
        return this;
    }

    synchronized Options startAt(int partition, Start start) {
        handle.run(options -> start.set(options, partition));
        return this;
    }

    private synchronized Options stopAt(int partition, Stop stop) {
        handle.run(options -> stop.set(options, partition));
        return this;
    }

    private synchronized Options side(int side, Spec spec) {
        handle.run(options -> spec.use(entered -> Native.optionsSetSpec(options, side, entered)));
        return this;
    }

    /** The number of one partition, which that of all must not be taken for. */
    private static int checked(int partition) {
        if (partition == ALL_PARTITIONS) {
            throw KarrowException.invalid("partition", "is negative; partitions count from 0, and all are meant without one");
        }
        return partition;
    }
}
