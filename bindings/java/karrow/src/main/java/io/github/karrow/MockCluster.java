package io.github.karrow;

import java.lang.ref.Cleaner;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * An embedded cluster, for demos and for tests of your own: real Kafka protocol on loopback, in this process. It keeps
 * at most 5 MiB a partition, and knows no times, transactions or security. Any threads may use it.
 *
 * <pre>{@code
 * try (MockCluster cluster = new MockCluster()) {
 *     cluster.createTopic("orders", 1);
 *     cluster.produceRecords("orders", "[{\"key\": \"AAPL\", \"value\": \"{}\"}, null]");
 *     Options options = new Options("orders").set("bootstrap.servers", cluster.bootstrapServers());
 * }
 * }</pre>
 */
public final class MockCluster implements AutoCloseable {
    private final Handle handle;
    private final Cleaner.Cleanable cleanable;

    /** Starts a cluster of one broker. */
    public MockCluster() {
        this(1);
    }

    /**
     * Starts a cluster of this many brokers, numbered from 1.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for fewer than 1
     */
    public MockCluster(int brokers) {
        handle = new Handle("cluster", Native.clusterNew(brokers), Native::clusterFree);
        cleanable = handle.ownedBy(this);
    }

    /** What to set {@code bootstrap.servers} to. */
    public String bootstrapServers() {
        return Texts.out(handle.get(Native::clusterBootstrapServers));
    }

    /**
     * Creates a topic, replicated on up to three brokers.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a topic that exists already, or fewer than 1 partition
     */
    public void createTopic(String topic, int partitions) {
        handle.run(cluster -> Native.clusterCreateTopic(cluster, Texts.in(topic, "topic"), partitions));
    }

    /** Produces one record as of now: {@link #produce(String, int, byte[], byte[], Instant)}. */
    public long produce(String topic, int partition, byte[] key, byte[] value) {
        return produce(topic, partition, key, value, Instant.EPOCH);
    }

    /**
     * Produces one record, waits until it is in the log, and returns its offset.
     *
     * @param key null for Kafka's null
     * @param value null for Kafka's null
     * @param time the record's, in milliseconds; {@link Instant#EPOCH} stands for now
     * @throws KarrowException {@code NOT_FOUND} for a partition that does not exist; {@code INVALID_ARGUMENT}; {@code
     *     KAFKA} for what the cluster refuses; {@code TIMEOUT} after a minute
     */
    public long produce(String topic, int partition, byte[] key, byte[] value, Instant time) {
        return handle.getLong(cluster -> Native.clusterProduce(
                cluster, Texts.in(topic, "topic"), partition, key, value, time.toEpochMilli()));
    }

    /**
     * Produces the records of a JSON array, and waits until all are in the log: what a test produces can so be data. A
     * record is an object with any of {@code partition}, {@code key}, {@code value}, {@code timestamp_ms} and {@code
     * headers}, or only a value; {@code karrow.h} says how each is written. Nothing is produced unless all records are
     * well formed and their partitions exist.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} naming the place, as in {@code [3].headers[0]}; otherwise as
     *     produce
     */
    public void produceRecords(String topic, String records) {
        handle.run(cluster ->
                Native.clusterProduceRecords(cluster, Texts.in(topic, "topic"), Texts.in(records, "records")));
    }

    /**
     * Lets the next requests of one kind fail, with these errors in turn. Kinds and errors are the Kafka protocol's
     * numbers: 0 Produce, 1 Fetch, 2 ListOffsets, 3 Metadata, 9 OffsetFetch, 10 FindCoordinator.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for others; the message lists them
     */
    public void pushErrors(short request, int... errors) {
        Objects.requireNonNull(errors, "errors");
        handle.run(cluster -> Native.clusterPushErrors(cluster, request, errors));
    }

    /**
     * Lets a broker vanish, or come back.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a broker that does not exist
     */
    public void setBrokerUp(int broker, boolean up) {
        handle.run(cluster -> Native.clusterSetBrokerUp(cluster, broker, up));
    }

    /**
     * Moves a partition to another leader.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a broker that does not exist; {@code KAFKA} for a partition
     *     that does not
     */
    public void setLeader(String topic, int partition, int broker) {
        handle.run(cluster -> Native.clusterSetLeader(cluster, Texts.in(topic, "topic"), partition, broker));
    }

    /**
     * Lets a broker take this long for every answer.
     *
     * @param delay in milliseconds, rounded up
     * @throws KarrowException {@code INVALID_ARGUMENT} for a broker that does not exist, or a negative time
     */
    public void setDelay(int broker, Duration delay) {
        handle.run(cluster -> Native.clusterSetDelay(cluster, broker, Times.timeout(delay)));
    }

    /** Stops the cluster and frees it. Closing again does nothing. */
    @Override
    public void close() {
        cleanable.clean();
    }
}
