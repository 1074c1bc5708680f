package io.github.karrow;

import java.io.Serializable;

/**
 * A record's place in its topic.
 *
 * @param partition Kafka's number of the partition
 * @param offset the record's offset
 */
public record Position(int partition, long offset) implements Serializable {}
