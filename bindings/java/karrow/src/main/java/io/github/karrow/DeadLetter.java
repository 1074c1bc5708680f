package io.github.karrow;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A bad record that became no row of the table: {@link Consumer#deadLetters}.
 *
 * @param topic the record's topic
 * @param partition its partition
 * @param offset its offset
 * @param timestamp its timestamp; nothing if it has none
 * @param key its key as it is; null for Kafka's null
 * @param value its value as it is; null for Kafka's null
 * @param headers its headers, in order and with duplicates
 * @param side what is bad: {@code key}, {@code value}, {@code timestamp} or {@code headers}
 * @param column the column that could not take its value; nothing if the payload as a whole is bad
 * @param path the place inside the column, as {@code Legs[3].Price}; nothing if it is the column itself
 * @param reason what was expected and what was found
 */
public record DeadLetter(String topic, int partition, long offset, Optional<Instant> timestamp, byte[] key, byte[] value,
        List<Header> headers, String side, Optional<String> column, Optional<String> path, String reason) {

    /** All that a stream of dead letters holds. */
    static List<DeadLetter> of(long stream) {
        List<DeadLetter> letters = new ArrayList<>();
        Columns.read(stream, columns -> {
            Columns.Column topic = columns.column("topic");
            Columns.Column partition = columns.column("partition");
            Columns.Column offset = columns.column("offset");
            Columns.Column timestamp = columns.column("timestamp");
            Columns.Column key = columns.column("key");
            Columns.Column value = columns.column("value");
            // A list of structs of key and value.
            Columns.Column headers = columns.column("headers");
            Columns.Column headerKey = headers.child(0).child(0);
            Columns.Column headerValue = headers.child(0).child(1);
            Columns.Column side = columns.column("side");
            Columns.Column column = columns.column("column");
            Columns.Column path = columns.column("path");
            Columns.Column reason = columns.column("reason");
            for (int row = 0; row < columns.rows(); ++row) {
                List<Header> own = new ArrayList<>();
                for (int item = headers.listStart(row); item < headers.listStart(row + 1); ++item) {
                    own.add(new Header(headerKey.bytes(item), headerValue.bytes(item)));
                }
                letters.add(new DeadLetter(topic.text(row), partition.int32(row), offset.int64(row), timestamp.time(row),
                        key.bytes(row), value.bytes(row), List.copyOf(own), side.text(row),
                        Optional.ofNullable(column.text(row)), Optional.ofNullable(path.text(row)), reason.text(row)));
            }
        });
        return letters;
    }
}
