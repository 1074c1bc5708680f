package karrow

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressTellsHowFarReadingHasCome(t *testing.T) {
	cluster := newCluster(t, 2)
	at := time.UnixMilli(1_700_000_000_123).UTC()
	for _, value := range []string{"12345678", "12345", "12345678"} {
		must(cluster.Produce("t", 0, nil, []byte(value), at))(t)
	}
	consumer := newOpen(t, cluster, Value(Simple("V", "int64")), StopBefore(0, 9))
	snapshot := readFailures(t, consumer, 1)
	var all []PartitionProgress
	eventually(t, "the end of [1]", func() bool {
		all = must(consumer.Progress())(t)
		return len(all) == 2 && all[1].State == "at_end" && all[0].EndOffset != nil
	})
	failed, empty := all[0], all[1]
	equal(t, "partition", failed.Partition, 0)
	equal(t, "state", failed.State, "failed")
	equal(t, "reason", failed.Reason, must(snapshot.Partition(0))(t).Failure.Error())
	equal(t, "position", failed.Position, 1)
	equal(t, "end offset", *failed.EndOffset, 3)
	equal(t, "stop offset", *failed.StopOffset, 9)
	equal(t, "lag", *failed.Lag, 2)
	equal(t, "rows", failed.Rows, 1)
	equal(t, "bytes", failed.Bytes, 8)
	equal(t, "bad records", failed.BadRecords, BadRecords{Value: 1})
	equal(t, "batches", failed.Batches, 1)
	equal(t, "memory is told", failed.MemoryBytes > 0, true)
	equal(t, "last record", failed.LastRecordTime, at)
	equal(t, "partition", empty.Partition, 1)
	equal(t, "reason", empty.Reason, "")
	equal(t, "has no stop", empty.StopOffset == nil, true)
	equal(t, "lag", *empty.Lag, 0)
	equal(t, "last record", empty.LastRecordTime.IsZero(), true)
	reader := must(consumer.ProgressReader())(t)
	defer reader.Release()
	equal(t, "next", reader.Next(), true)
	equal(t, "rows of the table", reader.RecordBatch().NumRows(), 2)
}

func TestDeadLettersAreTakenOnce(t *testing.T) {
	cluster := newCluster(t, 1)
	succeed(t, cluster.ProduceRecords("t", `[
		{"key": "k", "value": "{\"A\": [1, \"x\"]}", "timestamp_ms": 1700000000123,
			"headers": [["h", "1"], ["h", null], ["i", ""]]},
		"{\"A\": [2]}",
		{"value": "{", "timestamp_ms": -1}]`))
	consumer := newOpen(t, cluster,
		Value(JSON().AddColumn("A", "list<int64>")), Set("karrow.bad.record.policy", "dead_letter"))
	readRows(t, consumer, 1)
	var letters []DeadLetter
	eventually(t, "both letters", func() bool {
		letters = append(letters, must(consumer.DeadLetters())(t)...)
		return len(letters) == 2
	})
	first, second := letters[0], letters[1]
	equal(t, "topic", first.Topic, "t")
	equal(t, "partition", first.Partition, 0)
	equal(t, "offset", first.Offset, 0)
	equal(t, "timestamp", first.Timestamp, time.UnixMilli(1_700_000_000_123).UTC())
	equal(t, "key", string(first.Key), "k")
	equal(t, "value", string(first.Value), `{"A": [1, "x"]}`)
	equal(t, "side", first.Side, "value")
	equal(t, "column", first.Column, "A")
	equal(t, "path", first.Path, "A[1]")
	equal(t, "reason is told", first.Reason != "", true)
	equal(t, "headers", len(first.Headers), 3)
	for index, expected := range []Header{{[]byte("h"), []byte("1")}, {[]byte("h"), nil}, {[]byte("i"), []byte{}}} {
		found := first.Headers[index]
		if !bytes.Equal(found.Key, expected.Key) || !bytes.Equal(found.Value, expected.Value) ||
			(found.Value == nil) != (expected.Value == nil) {
			t.Errorf("header %d: %q", index, found)
		}
	}
	equal(t, "offset", second.Offset, 2)
	equal(t, "has no key", second.Key == nil, true)
	equal(t, "has no headers", len(second.Headers), 0)
	equal(t, "has no time", second.Timestamp.IsZero(), true)
	equal(t, "column", second.Column, "")
	equal(t, "left", len(must(consumer.DeadLetters())(t)), 0)
	reader := must(consumer.DeadLetterReader())(t)
	defer reader.Release()
	equal(t, "next", reader.Next(), false)
	equal(t, "columns", reader.Schema().NumFields(), 11)
}
