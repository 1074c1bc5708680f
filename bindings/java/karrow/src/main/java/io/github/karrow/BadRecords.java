package io.github.karrow;

/**
 * How many records were bad, whatever became of them: each once, by the side that decided it. Of several bad sides that
 * with the strongest policy decides ({@code fail}, {@code dead_letter}, {@code skip}, {@code null}), and among equals
 * the first: timestamp or headers, key, value.
 *
 * @param key by their key
 * @param value by their value
 * @param timestamp by their timestamp
 * @param headers by their headers
 */
public record BadRecords(long key, long value, long timestamp, long headers) {}
