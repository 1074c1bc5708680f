package karrow

// #include <karrow.h>
import "C"

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// PartitionProgress is how far a partition has been read.
type PartitionProgress struct {
	// Partition is Kafka's number of the partition.
	Partition PartitionID
	// State is what it is doing: "reading"; "at_end": everything there is has been read, more may come; "waiting": it
	// cannot be read for the moment, and goes on by itself; "failed"; "finished".
	State string
	// Reason is why it waits or has failed, else empty.
	Reason string
	// Position is the offset that is read next.
	Position Offset
	// EndOffset is behind the newest record of the log, as far as brokers have told; nil until they have.
	EndOffset *Offset
	// StopOffset is where it stops; nil if nowhere.
	StopOffset *Offset
	// Lag is how many offsets lie between the position and the end, or the stop if that comes first; nil until brokers
	// have told the end. It reaches 0 also where the log ends with transaction markers or aborted records.
	Lag *int64
	// Rows is how many rows have been decoded so far, or made by a processor, and Bytes the size of their keys and
	// values.
	Rows, Bytes int64
	// BadRecords is how many records were bad.
	BadRecords BadRecords
	// Batches is in how many pieces the last cycle's rows lie, and MemoryBytes what they and the rows that no cycle has
	// published take.
	Batches, MemoryBytes int64
	// LastRecordTime is the timestamp of the last record; the zero time if it has none.
	LastRecordTime time.Time
}

// BadRecords is how many records were bad, whatever became of them: each once, by the side that decided it. Of several
// bad sides that with the strongest policy decides (fail, dead_letter, skip, null), and among equals the first:
// timestamp or headers, key, value.
type BadRecords struct {
	Key, Value, Timestamp, Headers int64
}

// Progress is how far reading has come, for each partition, in ascending order. It is live, so that it may be ahead of
// the last cycle; it never waits, and is cheap enough to be asked at every poll. It works also after
// [Consumer.Shutdown].
//
// Errors: [ErrClosed] after [Consumer.Close].
func (c *Consumer) Progress() ([]PartitionProgress, error) {
	reader, err := c.ProgressReader()
	if err != nil {
		return nil, err
	}
	return rowsOf(reader, func(batch arrow.RecordBatch, progress []PartitionProgress) []PartitionProgress {
		partition := column[*array.Int32](batch, "partition")
		state, reason := column[*array.String](batch, "state"), column[*array.String](batch, "reason")
		position, end := column[*array.Int64](batch, "position"), column[*array.Int64](batch, "end_offset")
		stop, lag := column[*array.Int64](batch, "stop_offset"), column[*array.Int64](batch, "lag")
		rows, bytes := column[*array.Int64](batch, "rows"), column[*array.Int64](batch, "bytes")
		bad := column[*array.Struct](batch, "bad_records")
		key, value := member[*array.Int64](bad, "key"), member[*array.Int64](bad, "value")
		timestamp, headers := member[*array.Int64](bad, "timestamp"), member[*array.Int64](bad, "headers")
		batches, memory := column[*array.Int64](batch, "batches"), column[*array.Int64](batch, "memory_bytes")
		last := column[*array.Timestamp](batch, "last_record_time")
		for row := range int(batch.NumRows()) {
			progress = append(progress, PartitionProgress{
				Partition:      PartitionID(partition.Value(row)),
				State:          textAt(state, row),
				Reason:         textAt(reason, row),
				Position:       Offset(position.Value(row)),
				EndOffset:      numberAt[Offset](end, row),
				StopOffset:     numberAt[Offset](stop, row),
				Lag:            numberAt[int64](lag, row),
				Rows:           rows.Value(row),
				Bytes:          bytes.Value(row),
				BadRecords:     BadRecords{key.Value(row), value.Value(row), timestamp.Value(row), headers.Value(row)},
				Batches:        batches.Value(row),
				MemoryBytes:    memory.Value(row),
				LastRecordTime: timeAt(last, row),
			})
		}
		return progress
	})
}

// ProgressReader is the same as a stream of one batch, to be handed on: karrow.h lists its columns. Release the reader.
func (c *Consumer) ProgressReader() (array.RecordReader, error) {
	return c.reader(func(p *C.karrow_consumer, to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status {
		return C.karrow_consumer_progress(p, to, e)
	})
}

// DeadLetter is a bad record that became a dead letter, with copies of its bytes.
type DeadLetter struct {
	// Topic, Partition and Offset are where the record is.
	Topic     string
	Partition PartitionID
	Offset    Offset
	// Timestamp is the record's; the zero time if it has none.
	Timestamp time.Time
	// Key and Value are as they are; nil for Kafka's null.
	Key, Value []byte
	// Headers are in order and with duplicates.
	Headers []Header
	// Side is what is bad: "key", "value", "timestamp" or "headers".
	Side string
	// Column is the column that could not take its value; empty if the payload as a whole is bad.
	Column string
	// Path is the place inside the column, as "Legs[3].Price"; empty if it is the column itself.
	Path string
	// Reason is what was expected and what was found.
	Reason string
}

// Header is a header of a record, with copies of its bytes.
type Header struct {
	// Key should be UTF-8, and may be what is wrong.
	Key []byte
	// Value is nil for null.
	Value []byte
}

// DeadLetters takes the dead letters that have come, the bad records whose policy is dead_letter
// (karrow.bad.record.policy): each comes once, those of one partition in the order of their offsets. The letters of all
// records before a Partition.NextOffset have come when the poll that made it returns; so: poll, use the rows, take the
// dead letters, commit. Those that nobody takes count against karrow.memory.budget.bytes, and partitions wait when they
// fill it. It works also after [ErrEnd] and after [Consumer.Shutdown].
//
// Errors: [ErrInvalidState] from inside a processor of the consumer; [ErrClosed] after [Consumer.Close].
func (c *Consumer) DeadLetters() ([]DeadLetter, error) {
	reader, err := c.DeadLetterReader()
	if err != nil {
		return nil, err
	}
	return rowsOf(reader, func(batch arrow.RecordBatch, letters []DeadLetter) []DeadLetter {
		topic := column[*array.String](batch, "topic")
		partition, offset := column[*array.Int32](batch, "partition"), column[*array.Int64](batch, "offset")
		timestamp := column[*array.Timestamp](batch, "timestamp")
		key, value := column[*array.Binary](batch, "key"), column[*array.Binary](batch, "value")
		headers := column[*array.List](batch, "headers")
		header := headers.ListValues().(*array.Struct)
		headerKey, headerValue := member[*array.Binary](header, "key"), member[*array.Binary](header, "value")
		side, bad := column[*array.String](batch, "side"), column[*array.String](batch, "column")
		path, reason := column[*array.String](batch, "path"), column[*array.String](batch, "reason")
		for row := range int(batch.NumRows()) {
			letter := DeadLetter{
				Topic:     textAt(topic, row),
				Partition: PartitionID(partition.Value(row)),
				Offset:    Offset(offset.Value(row)),
				Timestamp: timeAt(timestamp, row),
				Key:       bytesAt(key, row),
				Value:     bytesAt(value, row),
				Side:      textAt(side, row),
				Column:    textAt(bad, row),
				Path:      textAt(path, row),
				Reason:    textAt(reason, row),
			}
			first, end := headers.ValueOffsets(row)
			for item := int(first); item < int(end); item++ {
				letter.Headers = append(letter.Headers, Header{bytesAt(headerKey, item), bytesAt(headerValue, item)})
			}
			letters = append(letters, letter)
		}
		return letters
	})
}

// DeadLetterReader is the same as a stream without copies, to be handed on: karrow.h lists its columns. What it holds
// has been taken, whether it is read or not. Release the reader.
func (c *Consumer) DeadLetterReader() (array.RecordReader, error) {
	return c.reader(func(p *C.karrow_consumer, to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status {
		return C.karrow_consumer_dead_letters(p, to, e)
	})
}

// rowsOf makes values of the rows of a reader, which it releases.
func rowsOf[T any](reader array.RecordReader, add func(batch arrow.RecordBatch, rows []T) []T) ([]T, error) {
	defer reader.Release()
	var rows []T
	for reader.Next() {
		rows = add(reader.RecordBatch(), rows)
	}
	return rows, reader.Err()
}

// column is a column of a table of the library's own, whose names and types karrow.h fixes.
func column[A arrow.Array](batch arrow.RecordBatch, name string) A {
	return batch.Column(batch.Schema().FieldIndices(name)[0]).(A)
}

// member is a member of a struct column of such a table.
func member[A arrow.Array](of *array.Struct, name string) A {
	index, _ := of.DataType().(*arrow.StructType).FieldIdx(name)
	return of.Field(index).(A)
}

// textAt is a text, copied out of its batch; empty for null.
func textAt(texts *array.String, row int) string {
	if texts.IsNull(row) {
		return ""
	}
	return string([]byte(texts.Value(row)))
}

// bytesAt is bytes, copied out of their batch; nil for null, and for nothing else.
func bytesAt(bytes *array.Binary, row int) []byte {
	if bytes.IsNull(row) {
		return nil
	}
	return append([]byte{}, bytes.Value(row)...)
}

// numberAt is nil for null.
func numberAt[N ~int64](numbers *array.Int64, row int) *N {
	if numbers.IsNull(row) {
		return nil
	}
	number := N(numbers.Value(row))
	return &number
}

// timeAt is a time of a column in milliseconds; the zero time for null.
func timeAt(times *array.Timestamp, row int) time.Time {
	if times.IsNull(row) {
		return time.Time{}
	}
	return time.UnixMilli(int64(times.Value(row))).UTC()
}
