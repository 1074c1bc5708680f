package io.github.karrow;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How far a partition has been read.
 *
 * @param partition Kafka's number of the partition
 * @param state what it is doing
 * @param reason why it waits or has failed
 * @param position the offset that is read next
 * @param endOffset behind the newest record of the log, as far as brokers have told; nothing until they have
 * @param stopOffset where it stops; nothing if nowhere
 * @param lag how many offsets lie between the position and the end, or the stop if that comes first; reaches 0 also
 *     where the log ends with transaction markers or aborted records
 * @param rows rows decoded so far, or made by a processor
 * @param bytes the size of their keys and values
 * @param badRecords records that were bad
 * @param batches in how many pieces the last cycle's rows lie
 * @param memoryBytes what they and the rows that no cycle has published take
 * @param lastRecordTime the timestamp of the last record; nothing if it has none
 */
public record PartitionProgress(int partition, ReadingState state, Optional<String> reason, long position,
        OptionalLong endOffset, OptionalLong stopOffset, OptionalLong lag, long rows, long bytes, BadRecords badRecords,
        long batches, long memoryBytes, Optional<Instant> lastRecordTime) {

    /** All that a stream of progress holds. */
    static List<PartitionProgress> of(long stream) {
        List<PartitionProgress> progress = new ArrayList<>();
        Columns.read(stream, columns -> {
            Columns.Column partition = columns.column("partition");
            Columns.Column state = columns.column("state");
            Columns.Column reason = columns.column("reason");
            Columns.Column position = columns.column("position");
            Columns.Column endOffset = columns.column("end_offset");
            Columns.Column stopOffset = columns.column("stop_offset");
            Columns.Column lag = columns.column("lag");
            Columns.Column rows = columns.column("rows");
            Columns.Column bytes = columns.column("bytes");
            // Its members, in the order in which karrow.h has them.
            Columns.Column badRecords = columns.column("bad_records");
            Columns.Column key = badRecords.child(0);
            Columns.Column value = badRecords.child(1);
            Columns.Column timestamp = badRecords.child(2);
            Columns.Column headers = badRecords.child(3);
            Columns.Column batches = columns.column("batches");
            Columns.Column memoryBytes = columns.column("memory_bytes");
            Columns.Column lastRecordTime = columns.column("last_record_time");
            for (int row = 0; row < columns.rows(); ++row) {
                progress.add(new PartitionProgress(partition.int32(row), ReadingState.of(state.text(row)),
                        Optional.ofNullable(reason.text(row)), position.int64(row), endOffset.optionalInt64(row),
                        stopOffset.optionalInt64(row), lag.optionalInt64(row), rows.int64(row), bytes.int64(row),
                        new BadRecords(key.int64(row), value.int64(row), timestamp.int64(row), headers.int64(row)),
                        batches.int64(row), memoryBytes.int64(row), lastRecordTime.time(row)));
            }
        });
        return progress;
    }
}
