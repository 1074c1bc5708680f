package karrow

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/karrow/karrow/bindings/go/internal/native"
	"go.uber.org/goleak"
)

// No goroutine and nothing native is left when all tests are over.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
		for kind, count := range native.Live() {
			println(count, "of kind", kind, "are left")
			code = 1
		}
	}
	os.Exit(code)
}

// expectNothingLeft has a test fail that leaves something native, once everything else that it has cleaned up is gone.
func expectNothingLeft(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if live := native.Live(); len(live) > 0 {
			t.Errorf("left: %v", live)
		}
	})
}

// patient is a context for what should not take long.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// must is the value of a call that does not fail.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expectError expects an error of this status, and its message to contain this.
func expectError(t *testing.T, err error, status error, part string) *Error {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) {
		t.Fatalf("%v is no *Error", err)
	}
	if !errors.Is(err, status) || !strings.Contains(err.Error(), part) {
		t.Fatalf("%v: %q, not %v: %q", failure.Status, err, status, part)
	}
	return failure
}

func equal[T comparable](t *testing.T, what string, found, expected T) {
	t.Helper()
	if found != expected {
		t.Errorf("%s: %v, not %v", what, found, expected)
	}
}

func equalTexts(t *testing.T, what string, found []string, expected ...string) {
	t.Helper()
	if strings.Join(found, "|") != strings.Join(expected, "|") || len(found) != len(expected) {
		t.Errorf("%s: %q, not %q", what, found, expected)
	}
}

// newCluster is a cluster with the topic "t".
func newCluster(t *testing.T, partitions int32) *MockCluster {
	t.Helper()
	expectNothingLeft(t)
	cluster := must(NewMockCluster(1))(t)
	t.Cleanup(func() { _ = cluster.Close() })
	succeed(t, cluster.CreateTopic("t", partitions))
	return cluster
}

func produce(t *testing.T, cluster *MockCluster, partition PartitionID, values ...string) {
	t.Helper()
	for _, value := range values {
		must(cluster.Produce("t", partition, nil, []byte(value), time.Time{}))(t)
	}
}

// optionsOf reads the topic from its beginning: no key, and the value as text in a column V, of which everything is
// kept. What is said behind it counts.
func optionsOf(cluster *MockCluster, options ...Option) []Option {
	return append([]Option{
		Set("bootstrap.servers", cluster.BootstrapServers()),
		// The embedded cluster answers a request for records that are yet to come only when its time is over.
		Set("fetch.wait.max.ms", "2"),
		StartAt(AllPartitions, SeekToBeginning),
		Key(Ignore()),
		Value(Simple("V", "utf8")),
		AppendTable(),
	}, options...)
}

func newOpen(t *testing.T, cluster *MockCluster, options ...Option) *Consumer {
	t.Helper()
	consumer := must(Open(patient(t), "t", optionsOf(cluster, options...)...))(t)
	t.Cleanup(func() { _ = consumer.Close() })
	return consumer
}

// pollUntil polls until a cycle is as it should be.
func pollUntil(t *testing.T, consumer *Consumer, isAsItShouldBe func(*Cycle) bool) *Cycle {
	t.Helper()
	ctx := patient(t)
	for {
		cycle := must(consumer.Poll(ctx))(t)
		t.Cleanup(func() { _ = cycle.Close() })
		if isAsItShouldBe(cycle) {
			return cycle
		}
	}
}

// rowsIn is how many rows there are in all partitions, those that are not kept any more included.
func rowsIn(snapshot *Snapshot) int64 {
	rows := int64(0)
	for partition := range snapshot.Partitions() {
		rows += partition.EndRow
	}
	return rows
}

// readRows polls until there are so many rows, if there are not.
func readRows(t *testing.T, consumer *Consumer, rows int64) *Snapshot {
	t.Helper()
	snapshot := must(consumer.Snapshot())(t)
	t.Cleanup(func() { _ = snapshot.Close() })
	if rowsIn(snapshot) >= rows {
		return snapshot
	}
	return pollUntil(t, consumer, func(cycle *Cycle) bool { return rowsIn(cycle.Snapshot) >= rows }).Snapshot
}

func readFailures(t *testing.T, consumer *Consumer, failed int) *Snapshot {
	t.Helper()
	return pollUntil(t, consumer, func(cycle *Cycle) bool { return cycle.Failed >= failed }).Snapshot
}

// textsOf are the values of a text column; "-" for null.
func textsOf(t *testing.T, reader array.RecordReader, column string) []string {
	t.Helper()
	defer reader.Release()
	var texts []string
	for reader.Next() {
		texts = append(texts, textsIn(reader.RecordBatch(), column)...)
	}
	succeed(t, reader.Err())
	return texts
}

func textsIn(batch arrow.RecordBatch, column string) []string {
	values := batch.Column(batch.Schema().FieldIndices(column)[0]).(*array.String)
	texts := make([]string, values.Len())
	for row := range texts {
		texts[row] = "-"
		if values.IsValid(row) {
			texts[row] = strings.Clone(values.Value(row))
		}
	}
	return texts
}

// valuesOf are the texts of the column V of a partition.
func valuesOf(t *testing.T, snapshot *Snapshot, id PartitionID) []string {
	t.Helper()
	return textsOf(t, must(must(snapshot.Partition(id))(t).Reader())(t), "V")
}

// eventually waits until something is so that nobody tells of.
func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for ctx := patient(t); !isSo(); time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
