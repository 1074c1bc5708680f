package karrow

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
)

func TestPartitionsComeInOrderAndTellTheirRows(t *testing.T) {
	cluster := newCluster(t, 3)
	produce(t, cluster, 0, "a", "b")
	produce(t, cluster, 2, "c")
	snapshot := readRows(t, newOpen(t, cluster), 3)
	var ids []PartitionID
	for partition := range snapshot.Partitions() {
		ids = append(ids, partition.ID)
		equal(t, "state", partition.State.String(), "reading")
		equal(t, "first row", partition.FirstRow, 0)
		equal(t, "next offset", int64(partition.NextOffset), partition.EndRow)
		equal(t, "failure", partition.Failure, nil)
	}
	equal(t, "partitions", len(ids), 3)
	for index, id := range ids {
		equal(t, "id", id, PartitionID(index))
	}
	for partition := range snapshot.Partitions() {
		equal(t, "the first", partition.ID, 0)
		break
	}
	equal(t, "an unknown state", PartitionState(9).String(), "state 9")
}

func TestRowsAreReadFromARowNumberOn(t *testing.T) {
	cluster := newCluster(t, 2)
	produce(t, cluster, 0, "a", "b", "c")
	produce(t, cluster, 1, "d")
	snapshot := readRows(t, newOpen(t, cluster), 4)
	partition := must(snapshot.Partition(0))(t)
	equalTexts(t, "all", textsOf(t, must(partition.Reader())(t), "V"), "a", "b", "c")
	equalTexts(t, "from 1", textsOf(t, must(partition.ReaderFrom(1))(t), "V"), "b", "c")
	equalTexts(t, "from the end", textsOf(t, must(partition.ReaderFrom(3))(t), "V"))
	equalTexts(t, "from 0 to 2", textsOf(t, must(partition.ReaderRange(0, 2))(t), "V"), "a", "b")
	equalTexts(t, "to the end", textsOf(t, must(partition.ReaderRange(1, -1))(t), "V"), "b", "c")
	equalTexts(t, "merged", textsOf(t, must(snapshot.Merged())(t), "V"), "a", "b", "c", "d")
	equalTexts(t, "merged from", textsOf(t, must(snapshot.Merged(2, 1))(t), "V"), "c")
	_, err := partition.ReaderFrom(4)
	expectError(t, err, ErrOutOfRange, "4")
	_, err = snapshot.Merged(0)
	expectError(t, err, ErrInvalidArgument, "from_rows")
	batch := must(partition.Record())(t)
	defer batch.Release()
	equalTexts(t, "one batch", textsIn(batch, "V"), "a", "b", "c")
	for _, call := range []func() error{
		func() error { _, err := (Partition{}).Reader(); return err },
		func() error { _, err := (Partition{}).Record(); return err },
	} {
		expectError(t, call(), ErrInvalidArgument, "partition: it is of no snapshot")
	}
}

func TestAReaderWithoutRowsHasASchema(t *testing.T) {
	cluster := newCluster(t, 1)
	snapshot := must(newOpen(t, cluster).Snapshot())(t)
	defer snapshot.Close()
	partition := must(snapshot.Partition(0))(t)
	reader := must(partition.Reader())(t)
	defer reader.Release()
	equal(t, "columns", reader.Schema().NumFields(), 4)
	equal(t, "next", reader.Next(), false)
	equal(t, "next again", reader.Next(), false)
	succeed(t, reader.Err())
	batch := must(partition.Record())(t)
	defer batch.Release()
	equal(t, "rows", batch.NumRows(), 0)
	equal(t, "columns", batch.NumCols(), 4)
}

func TestViewsHaveChosenColumns(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a")
	snapshot := readRows(t, newOpen(t, cluster), 1)
	view := must(snapshot.View("Text=V", "KafkaOffset", "V"))(t)
	defer view.Close()
	equalTexts(t, "values", textsOf(t, must(view.Merged())(t), "Text"), "a")
	schema := must(view.Schema())(t)
	equal(t, "columns", schema.NumFields(), 3)
	equal(t, "number", view.Number(), snapshot.Number())
	equal(t, "columns of the table", must(snapshot.Schema())(t).NumFields(), 4)
	batch := must(must(view.Partition(0))(t).Record())(t)
	defer batch.Release()
	equal(t, "columns of a batch", batch.NumCols(), 3)
	_, err := snapshot.View("W")
	expectError(t, err, ErrNotFound, "W")
	_, err = snapshot.View()
	expectError(t, err, ErrInvalidArgument, "columns")
}

func TestBatchesOutliveReadersSnapshotsAndConsumers(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a")
	consumer := newOpen(t, cluster, BlinkTable())
	snapshot := readRows(t, consumer, 1)
	reader := must(snapshot.Merged())(t)
	succeed(t, snapshot.Close())
	succeed(t, consumer.Close())
	reader.Retain()
	reader.Release()
	equal(t, "next", reader.Next(), true)
	batch := reader.RecordBatch()
	batch.Retain()
	defer batch.Release()
	reader.Release()
	equalTexts(t, "values", textsIn(batch, "V"), "a")
	equal(t, "offset", batch.Column(1).(*array.Int64).Value(0), 0)
	equal(t, "next behind release", reader.Next(), false)
}

func TestASnapshotThatHasBeenClosedShowsNothing(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a")
	snapshot := readRows(t, newOpen(t, cluster), 1)
	partition := must(snapshot.Partition(0))(t)
	for range 2 {
		succeed(t, snapshot.Close())
	}
	equal(t, "number", snapshot.Number(), 0)
	equal(t, "partitions", snapshot.Len(), 0)
	for range snapshot.Partitions() {
		t.Error("a partition")
	}
	for name, call := range map[string]func() error{
		"Partition": func() error { _, err := snapshot.Partition(0); return err },
		"Schema":    func() error { _, err := snapshot.Schema(); return err },
		"View":      func() error { _, err := snapshot.View("V"); return err },
		"Merged":    func() error { _, err := snapshot.Merged(); return err },
		"Reader":    func() error { _, err := partition.Reader(); return err },
		"Record":    func() error { _, err := partition.Record(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			expectError(t, call(), ErrClosed, "snapshot: it has been closed")
		})
	}
	equal(t, "what is known of a partition", partition.EndRow, 1)
}

func TestASnapshotCanBeClosedWhileItIsReadThrough(t *testing.T) {
	cluster := newCluster(t, 3)
	snapshot := must(newOpen(t, cluster).Snapshot())(t)
	seen := 0
	for range snapshot.Partitions() {
		seen++
		succeed(t, snapshot.Close())
	}
	equal(t, "partitions", seen, 1)
}
