package io.github.karrow;

import java.time.Instant;

/**
 * One message taken from a {@link Log}.
 *
 * @param level how serious it is
 * @param time when it was said
 * @param source who said it: {@code karrow}, or {@code librdkafka/} and its facility, as in {@code librdkafka/FAIL}
 * @param text what was said
 */
public record LogEntry(LogLevel level, Instant time, String source, String text) {}
