package karrow

// #include <karrow.h>
import "C"

import "fmt"

// PartitionID is Kafka's number of a partition.
type PartitionID int32

// AllPartitions is, where options say where reading starts and stops, all partitions that have no entry of their own.
const AllPartitions PartitionID = C.KARROW_ALL_PARTITIONS

// Offset is a record's place in its partition, or one of Kafka's logical positions.
type Offset int64

// The logical positions, where reading can start.
const (
	// SeekToBeginning is the oldest record there is.
	SeekToBeginning Offset = C.KARROW_SEEK_TO_BEGINNING
	// DontSeek is the default: the committed offset of the caller's group.id, if there is one; else what
	// auto.offset.reset says, which is the end unless set.
	DontSeek Offset = C.KARROW_DONT_SEEK
	// SeekToEnd is the end of the log as it is when [Open] returns. A record produced after that is never missed.
	SeekToEnd Offset = C.KARROW_SEEK_TO_END
)

// PartitionState is what a partition is doing.
type PartitionState int32

const (
	// Reading: it is being read.
	Reading PartitionState = C.KARROW_PARTITION_STATE_READING
	// Waiting: it cannot be read for the moment, because Kafka refuses it, no broker can be used, or the table is full
	// (Partition.Failure says which); it goes on by itself when that changes.
	Waiting PartitionState = C.KARROW_PARTITION_STATE_WAITING
	// Failed: it has stopped, and goes on only after [Consumer.Resume].
	Failed PartitionState = C.KARROW_PARTITION_STATE_FAILED
	// Finished: everything up to where it was to stop has been read.
	Finished PartitionState = C.KARROW_PARTITION_STATE_FINISHED
)

// String is the state's name, as progress has it: "reading", "waiting", "failed" or "finished".
func (s PartitionState) String() string {
	switch s {
	case Reading:
		return "reading"
	case Waiting:
		return "waiting"
	case Failed:
		return "failed"
	case Finished:
		return "finished"
	default:
		return fmt.Sprintf("state %d", int32(s))
	}
}
