package karrow

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/karrow/karrow/bindings/go/internal/native"
)

func TestPollShowsACycle(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a")
	consumer := newOpen(t, cluster)
	cycle := must(consumer.Poll(patient(t)))(t)
	defer cycle.Close()
	equal(t, "rows", cycle.Rows, 1)
	equal(t, "failed", cycle.Failed, 0)
	equal(t, "number", cycle.Number(), 1)
	equal(t, "partitions", cycle.Len(), 1)
	equalTexts(t, "values", valuesOf(t, cycle.Snapshot, 0), "a")
}

func TestPollForHasCyclesWithoutRows(t *testing.T) {
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	for number := range int64(2) {
		cycle := must(consumer.PollFor(patient(t), 0))(t)
		equal(t, "rows", cycle.Rows, 0)
		equal(t, "number", cycle.Number(), number+1)
		succeed(t, cycle.Close())
	}
	_, err := consumer.PollFor(patient(t), -1)
	expectError(t, err, ErrInvalidArgument, "wait: it is negative")
	produce(t, cluster, 0, "a")
	cycle := must(consumer.PollFor(patient(t), 24*time.Hour))(t)
	defer cycle.Close()
	equal(t, "rows", cycle.Rows, 1)
}

func TestPollEndsOnceEverythingHasBeenRead(t *testing.T) {
	cluster := newCluster(t, 2)
	produce(t, cluster, 0, "a", "b")
	produce(t, cluster, 1, "c")
	consumer := newOpen(t, cluster, StopAtEnd(AllPartitions))
	rows := int64(0)
	for {
		cycle, err := consumer.Poll(patient(t))
		if errors.Is(err, ErrEnd) {
			break
		}
		succeed(t, err)
		rows += cycle.Rows
		succeed(t, cycle.Close())
	}
	equal(t, "rows", rows, 3)
	snapshot := must(consumer.Snapshot())(t)
	defer snapshot.Close()
	for partition := range snapshot.Partitions() {
		equal(t, "state", partition.State, Finished)
		equal(t, "failure", partition.Failure, nil)
	}
	_, err := consumer.Wait(patient(t), snapshot.Number())
	expectError(t, err, ErrEnd, "")
}

func TestAFailedPartitionGoesOnAtItsRecordOrBehindIt(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "12345", "12345678")
	consumer := newOpen(t, cluster, Value(Simple("V", "int64")))
	for range 2 {
		partition := must(readFailures(t, consumer, 1).Partition(0))(t)
		equal(t, "next offset", partition.NextOffset, 0)
		succeed(t, consumer.Resume(0, partition.NextOffset))
	}
	partition := must(readFailures(t, consumer, 1).Partition(0))(t)
	succeed(t, consumer.Resume(0, partition.NextOffset+1))
	partition = must(readRows(t, consumer, 1).Partition(0))(t)
	equal(t, "failure", partition.Failure, nil)
	equal(t, "next offset", partition.NextOffset, 2)
	expectError(t, consumer.Resume(0, 3), ErrInvalidState, "has not failed")
	expectError(t, consumer.Resume(1, 3), ErrNotFound, "1 is not among")
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	cluster := newCluster(t, 1)
	for _, each := range []struct {
		options []Option
		status  error
		part    string
	}{
		{[]Option{Set("karrow.poll.linger", "1")}, ErrInvalidArgument, "karrow.poll.linger.ms"},
		{[]Option{Set("group.idd", "g")}, ErrInvalidArgument, "group.idd"},
		{[]Option{Partitions(7)}, ErrNotFound, "7"},
		{[]Option{Partitions()}, ErrInvalidArgument, "ids"},
		{[]Option{StartAt(0, -7)}, ErrInvalidArgument, "-7"},
		{[]Option{StartAtTime(0, time.Unix(-1, 0))}, ErrInvalidArgument, "-1000"},
		{[]Option{StopBefore(0, -1)}, ErrInvalidArgument, "-1"},
		{[]Option{StopBeforeTime(AllPartitions, time.Unix(-1, 0))}, ErrInvalidArgument, "-1000"},
		{[]Option{RingTable(0)}, ErrInvalidArgument, "capacity"},
		{[]Option{{}}, ErrInvalidArgument, "options: one is the zero Option"},
		{[]Option{Value(Spec{})}, ErrInvalidArgument, "spec: it is the zero Spec"},
	} {
		_, err := Open(patient(t), "t", optionsOf(cluster, each.options...)...)
		expectError(t, err, each.status, each.part)
	}
	_, err := Open(patient(t), "u", optionsOf(cluster, Set("allow.auto.create.topics", "false"))...)
	expectError(t, err, ErrNotFound, "u")
}

func TestOptionsSayWhereReadingStartsAndStops(t *testing.T) {
	cluster := newCluster(t, 3)
	for partition := range PartitionID(3) {
		produce(t, cluster, partition, "0", "1", "2", "3")
	}
	consumer := newOpen(t, cluster,
		Set("group.id", "g"), Unset("group.id"),
		Partitions(2, 0), StartAt(2, 1), StopBefore(AllPartitions, 3), StopBefore(0, 2), RingTable(1))
	snapshot := readRows(t, consumer, 4)
	equal(t, "partitions", snapshot.Len(), 2)
	equalTexts(t, "[0]", valuesOf(t, snapshot, 0), "1")
	equalTexts(t, "[2]", valuesOf(t, snapshot, 2), "2")
	first := must(snapshot.Partition(2))(t)
	equal(t, "first row", first.FirstRow, 1)
	_, err := snapshot.Partition(1)
	expectError(t, err, ErrNotFound, "1 is not among")
	fromEnd := newOpen(t, cluster, StartAt(AllPartitions, SeekToEnd), BlinkTable())
	produce(t, cluster, 1, "4")
	equalTexts(t, "from the end", valuesOf(t, readRows(t, fromEnd, 1), 1), "4")
}

func TestSnapshotsCanBeCommitted(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a", "b")
	consumer := newOpen(t, cluster, Set("group.id", "g"), StopBefore(0, 1))
	snapshot := readRows(t, consumer, 1)
	succeed(t, consumer.Commit(patient(t), snapshot))
	succeed(t, consumer.Commit(context.Background(), snapshot))
	expectError(t, consumer.Commit(patient(t), nil), ErrInvalidArgument, "snapshot: there is none")
	next := newOpen(t, cluster, Set("group.id", "g"), StartAt(AllPartitions, DontSeek))
	equalTexts(t, "behind the commit", valuesOf(t, readRows(t, next, 1), 0), "b")
	expectError(t, next.Commit(patient(t), snapshot), ErrInvalidArgument, "snapshot: it is another consumer's")
	expectError(t, newOpen(t, cluster).Commit(patient(t), snapshot), ErrInvalidArgument, "")
	succeed(t, snapshot.Close())
	expectError(t, consumer.Commit(patient(t), snapshot), ErrClosed, "snapshot: it has been closed")
}

func TestRowsCanBeDiscarded(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a", "b", "c")
	consumer := newOpen(t, cluster)
	readRows(t, consumer, 3)
	succeed(t, consumer.Discard(0, 2))
	cycle := must(consumer.Poll(patient(t)))(t)
	defer cycle.Close()
	equalTexts(t, "left", valuesOf(t, cycle.Snapshot, 0), "c")
	expectError(t, consumer.Discard(0, 4), ErrOutOfRange, "before_row")
	expectError(t, consumer.Discard(1, 0), ErrNotFound, "1")
}

func TestOthersReadAlong(t *testing.T) {
	const records = 200
	cluster := newCluster(t, 2)
	consumer := newOpen(t, cluster)
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() {
			last, rows := int64(0), int64(0)
			for rows < records {
				snapshot, err := consumer.Wait(patient(t), last)
				if err != nil {
					t.Error(err)
					return
				}
				if snapshot.Number() <= last || rowsIn(snapshot) < rows {
					t.Errorf("cycle %d with %d rows behind cycle %d with %d",
						snapshot.Number(), rowsIn(snapshot), last, rows)
				}
				last, rows = snapshot.Number(), rowsIn(snapshot)
				seen := len(valuesOf(t, snapshot, 0)) + len(valuesOf(t, snapshot, 1))
				if int64(seen) != rows {
					t.Errorf("%d rows, not %d", seen, rows)
				}
				_ = snapshot.Close()
			}
		})
	}
	for record := range records {
		produce(t, cluster, PartitionID(record%2), "a")
		if record%10 == 9 {
			cycle := must(consumer.Poll(patient(t)))(t)
			succeed(t, cycle.Close())
		}
	}
	readRows(t, consumer, records)
	others.Wait()
}

func TestASecondPollIsBusy(t *testing.T) {
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	ctx, cancel := context.WithCancel(patient(t))
	polled := polling(ctx, consumer)
	eventually(t, "a poll beside it", func() bool {
		cycle, err := consumer.PollFor(patient(t), 0)
		if err == nil {
			_ = cycle.Close()
		} else {
			expectError(t, err, ErrBusy, "another")
		}
		return err != nil
	})
	cancel()
	if err := <-polled; !errors.Is(err, context.Canceled) && !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}

// polling polls on a goroutine, for as long as it takes, and says what comes of it.
func polling(ctx context.Context, consumer *Consumer) <-chan error {
	polled := make(chan error, 1)
	go func() {
		for {
			cycle, err := consumer.Poll(ctx)
			if err == nil {
				err = cycle.Close()
			} else if errors.Is(err, ErrBusy) {
				continue
			}
			polled <- err
			return
		}
	}()
	return polled
}

func TestACancelledContextEndsPollAndLosesNothing(t *testing.T) {
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	ctx, cancel := context.WithCancel(context.Background())
	polled := polling(ctx, consumer)
	cancel()
	err := <-polled
	expectError(t, err, ErrInterrupted, "poll: context canceled")
	equal(t, "is cancelled", errors.Is(err, context.Canceled), true)
	_, err = consumer.Poll(ctx)
	expectError(t, err, ErrInterrupted, "poll: context canceled")
	snapshot := must(consumer.Snapshot())(t)
	defer snapshot.Close()
	equal(t, "cycles", snapshot.Number(), 0)
	produce(t, cluster, 0, "a")
	equalTexts(t, "values", valuesOf(t, readRows(t, consumer, 1), 0), "a")
}

func TestADeadlineEndsPollWithoutACycle(t *testing.T) {
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := consumer.Poll(ctx)
	expectError(t, err, ErrTimeout, "poll: context deadline exceeded")
	equal(t, "is over", errors.Is(err, context.DeadlineExceeded), true)
	snapshot := must(consumer.Snapshot())(t)
	defer snapshot.Close()
	equal(t, "cycles", snapshot.Number(), 0)
}

func TestAWakeupOfNobodysInterruptsNothing(t *testing.T) {
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	consumer.wakeup()
	cycle := must(consumer.PollFor(patient(t), 0))(t)
	defer cycle.Close()
	equal(t, "number", cycle.Number(), 1)
	consumer.wakeup()
	snapshot := must(consumer.Wait(patient(t), 0))(t)
	succeed(t, snapshot.Close())
}

func TestWaitEndsWithItsContext(t *testing.T) {
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	ctx, cancel := context.WithCancel(context.Background())
	waited := make(chan error, 1)
	go func() {
		_, err := consumer.Wait(ctx, 0)
		waited <- err
	}()
	cancel()
	expectError(t, <-waited, ErrInterrupted, "wait: context canceled")
	short, cancelShort := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancelShort()
	_, err := consumer.Wait(short, 0)
	equal(t, "is over", errors.Is(err, context.DeadlineExceeded), true)
	expectError(t, err, ErrTimeout, "no cycle has been published after cycle 0")
	_, err = consumer.WaitFor(patient(t), 0, 0)
	expectError(t, err, ErrTimeout, "within 0 ms")
	equal(t, "is of the context", errors.Is(err, context.DeadlineExceeded), false)
	_, err = consumer.WaitFor(patient(t), 0, -1)
	expectError(t, err, ErrInvalidArgument, "wait: it is negative")
}

func TestCancellingWhileOthersPollAndWaitLosesNoRow(t *testing.T) {
	const records = 100
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	done := make(chan struct{})
	var others sync.WaitGroup
	for number := range 4 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(number)*100*time.Microsecond)
				if snapshot, err := consumer.Wait(ctx, 1<<40); err == nil {
					_ = snapshot.Close()
					t.Error("there is no such cycle")
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	rows, next := int64(0), int64(1)
	for record := range records {
		produce(t, cluster, 0, "a")
		ctx, cancel := context.WithTimeout(patient(t), time.Duration(record%5)*time.Millisecond)
		if cycle, err := consumer.Poll(ctx); err == nil {
			equal(t, "number", cycle.Number(), next)
			rows, next = rows+cycle.Rows, next+1
			succeed(t, cycle.Close())
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		cancel()
	}
	for rows < records {
		cycle := must(consumer.Poll(patient(t)))(t)
		equal(t, "number", cycle.Number(), next)
		rows, next = rows+cycle.Rows, next+1
		succeed(t, cycle.Close())
	}
	close(done)
	others.Wait()
	equal(t, "rows", rows, records)
}

func TestOpenEndsWithItsContext(t *testing.T) {
	expectNothingLeft(t)
	nowhere := []Option{Set("bootstrap.servers", "127.0.0.1:1"), Key(Ignore()), Value(Simple("V", "utf8"))}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, "t", nowhere...)
	failure := expectError(t, err, ErrTimeout, "127.0.0.1:1")
	equal(t, "is retriable", failure.Retriable, true)
	equal(t, "is over", errors.Is(err, context.DeadlineExceeded), true)

	cancelled, cancelIt := context.WithCancel(context.Background())
	opened := make(chan error, 1)
	go func() {
		_, err := Open(cancelled, "t", nowhere...)
		opened <- err
	}()
	eventually(t, "opening", func() bool { return native.Live()["consumer"] == 1 })
	cancelIt()
	expectError(t, <-opened, ErrInterrupted, "open: context canceled")
}

func TestShutdownLeavesWhatHasBeenPublished(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a")
	consumer := newOpen(t, cluster)
	readRows(t, consumer, 1)
	polled := polling(patient(t), consumer)
	succeed(t, consumer.Shutdown(patient(t)))
	expectError(t, <-polled, ErrClosed, "the consumer is closed")
	succeed(t, consumer.Shutdown(context.Background()))
	_, err := consumer.Poll(patient(t))
	expectError(t, err, ErrClosed, "the consumer is closed")
	expectError(t, consumer.Resume(0, 0), ErrClosed, "")
	snapshot := must(consumer.Snapshot())(t)
	defer snapshot.Close()
	equalTexts(t, "values", valuesOf(t, snapshot, 0), "a")
	equal(t, "partitions", len(must(consumer.Progress())(t)), 1)
	equal(t, "dead letters", len(must(consumer.DeadLetters())(t)), 0)
}

func TestCloseIsSafeBesideEveryCall(t *testing.T) {
	cluster := newCluster(t, 2)
	produce(t, cluster, 0, "a")
	for range 20 {
		consumer := must(Open(patient(t), "t", optionsOf(cluster, Set("group.id", "g"))...))(t)
		calls := map[string]func() error{
			"poll": func() error {
				cycle, err := consumer.Poll(patient(t))
				if err == nil {
					err = cycle.Close()
				}
				return err
			},
			"wait": func() error {
				snapshot, err := consumer.Wait(patient(t), 1000)
				if err == nil {
					err = snapshot.Close()
				}
				return err
			},
			"read": func() error {
				snapshot, err := consumer.Snapshot()
				if err != nil {
					return err
				}
				defer snapshot.Close()
				if err := consumer.Commit(patient(t), snapshot); err != nil {
					return err
				}
				reader, err := snapshot.Merged()
				if err == nil {
					reader.Release()
				}
				return err
			},
			"ask": func() error {
				if _, err := consumer.Progress(); err != nil {
					return err
				}
				if _, err := consumer.DeadLetters(); err != nil {
					return err
				}
				_, err := consumer.Schema()
				return err
			},
			"discard": func() error { return consumer.Discard(0, 0) },
		}
		var running, callers sync.WaitGroup
		for name, call := range calls {
			running.Add(1)
			callers.Go(func() {
				var err error
				for first := true; err == nil; err = call() {
					if first {
						running.Done()
						first = false
					}
				}
				if !errors.Is(err, ErrClosed) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		running.Wait()
		for range 3 {
			callers.Go(func() {
				if err := consumer.Close(); err != nil {
					t.Error(err)
				}
				if live := native.Live()["consumer"]; live != 0 {
					t.Errorf("%d consumers live behind Close", live)
				}
			})
		}
		callers.Wait()
	}
}

func TestEverythingIsClosedBehindClose(t *testing.T) {
	cluster := newCluster(t, 1)
	consumer := newOpen(t, cluster)
	snapshot := must(consumer.Snapshot())(t)
	defer snapshot.Close()
	succeed(t, consumer.Close())
	succeed(t, consumer.Close())
	ctx := patient(t)
	for name, call := range map[string]func() error{
		"Poll":             func() error { _, err := consumer.Poll(ctx); return err },
		"PollFor":          func() error { _, err := consumer.PollFor(ctx, 0); return err },
		"Wait":             func() error { _, err := consumer.Wait(ctx, 0); return err },
		"Snapshot":         func() error { _, err := consumer.Snapshot(); return err },
		"Schema":           func() error { _, err := consumer.Schema(); return err },
		"Progress":         func() error { _, err := consumer.Progress(); return err },
		"ProgressReader":   func() error { _, err := consumer.ProgressReader(); return err },
		"DeadLetters":      func() error { _, err := consumer.DeadLetters(); return err },
		"DeadLetterReader": func() error { _, err := consumer.DeadLetterReader(); return err },
		"Resume":           func() error { return consumer.Resume(0, 0) },
		"Commit":           func() error { return consumer.Commit(ctx, snapshot) },
		"Discard":          func() error { return consumer.Discard(0, 0) },
		"Shutdown":         func() error { return consumer.Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			expectError(t, call(), ErrClosed, "consumer: it has been closed")
		})
	}
	equal(t, "partitions of an older snapshot", snapshot.Len(), 1)
}

func TestWhatIsForgottenIsClosed(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a")
	func() {
		consumer := must(Open(patient(t), "t", optionsOf(cluster)...))(t)
		cycle := must(consumer.Poll(patient(t)))(t)
		view := must(cycle.View("V"))(t)
		reader := must(view.Merged())(t)
		equal(t, "next", reader.Next(), true)
		other := must(NewMockCluster(1))(t)
		live := native.Live()
		delete(live, "batch")
		equal(t, "live", fmt.Sprint(live), "map[cluster:2 consumer:1 snapshot:2 stream:1]")
		for _, held := range []any{consumer, cycle, view, reader, other} {
			runtime.KeepAlive(held)
		}
	}()
	eventually(t, "the cluster is all that is left", func() bool {
		runtime.GC()
		live := native.Live()
		return live["cluster"] == 1 && len(live) == 1
	})
}

func TestTheSchemaIsKnownBeforeAndBehindOpen(t *testing.T) {
	cluster := newCluster(t, 1)
	options := optionsOf(cluster)
	schema := must(TableSchema(patient(t), "t", options...))(t)
	consumer := newOpen(t, cluster)
	snapshot := must(consumer.Snapshot())(t)
	defer snapshot.Close()
	if !schema.Equal(must(consumer.Schema())(t)) || !schema.Equal(must(snapshot.Schema())(t)) {
		t.Error("they differ")
	}
	var names []string
	for _, field := range schema.Fields() {
		names = append(names, field.Name)
	}
	equalTexts(t, "columns", names, "KafkaPartition", "KafkaOffset", "KafkaTimestamp", "V")
	metadata := schema.Metadata()
	topic, _ := metadata.GetValue("karrow.topic")
	equal(t, "karrow.topic", topic, "t")
	_, err := TableSchema(patient(t), "t", Value(JSON().AddColumn("A", "in64")))
	expectError(t, err, ErrInvalidArgument, "in64")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = TableSchema(cancelled, "t")
	expectError(t, err, ErrInterrupted, "schema: context canceled")
}
