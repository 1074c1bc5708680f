package io.github.karrow;

/**
 * A header of a record.
 *
 * @param key its name, as bytes, because one that is not UTF-8 may be what is wrong
 * @param value its value; null for Kafka's null
 */
public record Header(byte[] key, byte[] value) {}
