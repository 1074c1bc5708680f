package tests

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	karrow "github.com/karrow/karrow/bindings/go"
)

// residentBytes is what the process holds in memory.
func residentBytes() int64 {
	for line := range strings.Lines(string(must1(os.ReadFile("/proc/self/status")))) {
		if words := strings.Fields(line); words[0] == "VmRSS:" {
			return 1024 * must1(strconv.ParseInt(words[1], 10, 64))
		}
	}
	fail("the system does not say what the process holds")
	return 0
}

// Many goroutines open, poll, cancel and close. Nothing hangs, nothing is lost that was polled, and in the long run, of as
// many seconds as KARROW_SOAK_SECONDS says, memory does not grow.
func TestOpeningPollingCancellingClosingWithoutEnd(t *testing.T) {
	length, long := time.Second, false
	if seconds := os.Getenv("KARROW_SOAK_SECONDS"); seconds != "" {
		length, long = time.Duration(must1(strconv.Atoi(seconds)))*time.Second, true
	}
	const goroutines, rows = 8, 1000
	failure := caught(func() {
		must(cluster.CreateTopic("soak", 4))
		records := []any{}
		for n := range rows {
			value := text(map[string]any{"n": n, "t": "text"})
			records = append(records, map[string]any{"partition": n % 4, "value": value})
		}
		must(cluster.ProduceRecords("soak", text(records)))
	})
	if failure != nil {
		t.Fatal(failure)
	}
	var opened, cancelled, ended atomic.Int64
	var group sync.WaitGroup
	begun, before := time.Now(), runtime.NumGoroutine()
	settled := int64(0)
	for worker := range uint64(goroutines) {
		begin(&group, func() {
			random := rand.New(rand.NewPCG(worker, 1))
			for time.Since(begun) < length && !t.Failed() {
				if failure := caught(func() { liveOnce(random, rows, &opened, &cancelled, &ended) }); failure != nil {
					t.Error(failure)
				}
			}
		})
	}
	if long {
		// By then every buffer and every thread's heap has its size.
		time.Sleep(length / 4)
		settled = residentBytes()
	}
	group.Wait()
	t.Logf("%d opened, %d cancelled, %d read to the end", opened.Load(), cancelled.Load(), ended.Load())
	if ended.Load() == 0 || cancelled.Load() == 0 {
		t.Error("that has not shown both ends")
	}
	if long {
		now := residentBytes()
		t.Logf("%d -> %d bytes resident", settled, now)
		if now > settled+settled/10+16<<20 {
			t.Errorf("memory grows: %d -> %d bytes", settled, now)
		}
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if left := runtime.NumGoroutine(); left > before {
		t.Errorf("%d goroutines are left, there were %d", left, before)
	}
}

// begin runs something beside, until the group is waited for.
func begin(group *sync.WaitGroup, work func()) {
	group.Add(1)
	go func() {
		defer group.Done()
		work()
	}()
}

// liveOnce is the life of one consumer, which somebody may end at any moment of it.
func liveOnce(random *rand.Rand, rows int64, opened, cancelled, ended *atomic.Int64) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if random.IntN(2) == 0 {
		// Some of these end open itself.
		timer := time.AfterFunc(time.Duration(random.IntN(20_000))*time.Microsecond, cancel)
		defer timer.Stop()
	}
	tables := []karrow.Option{karrow.AppendTable(), karrow.BlinkTable(), karrow.RingTable(10)}
	consumer, failure := karrow.Open(ctx, "soak",
		karrow.Set("bootstrap.servers", cluster.BootstrapServers()), karrow.Set("fetch.wait.max.ms", "2"),
		karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning), karrow.StopAtEnd(karrow.AllPartitions),
		karrow.Key(karrow.Ignore()),
		karrow.Value(karrow.JSON().AddColumn("n", "int64").AddColumn("t", "utf8")), tables[random.IntN(len(tables))])
	if errors.Is(failure, context.Canceled) {
		cancelled.Add(1)
		return
	}
	must(failure)
	opened.Add(1)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer consumer.Close()
	begin(&beside, func() { lookOn(ctx, consumer) })
	if random.IntN(3) == 0 {
		wait := time.Duration(random.IntN(5_000)) * time.Microsecond
		begin(&beside, func() {
			time.Sleep(wait)
			consumer.Close()
		})
	}
	for came := int64(0); ; {
		cycle, failure := consumer.Poll(ctx)
		switch {
		case failure == nil:
			came += cycle.Rows
			readAll(cycle.Snapshot)
			must(cycle.Close())
			continue
		case errors.Is(failure, karrow.ErrEnd):
			same("the number of rows", came, rows)
			ended.Add(1)
		case errors.Is(failure, context.Canceled), errors.Is(failure, karrow.ErrClosed):
			cancelled.Add(1)
		default:
			must(failure)
		}
		return
	}
}

// lookOn takes cycles that another goroutine polls, until there are none any more.
func lookOn(ctx context.Context, consumer *karrow.Consumer) {
	for cycle := int64(0); ; {
		snapshot, failure := consumer.Wait(ctx, cycle)
		if failure != nil {
			return
		}
		cycle = snapshot.Number()
		_, _ = consumer.Progress() // beside a close it may fail
		snapshot.Close()
	}
}

func readAll(snapshot *karrow.Snapshot) {
	for partition := range snapshot.Partitions() {
		columns := newColumns(must1(snapshot.Schema()))
		columns.addAll(must1(partition.Reader()))
		same("the rows of a partition", columns.rows, partition.EndRow-partition.FirstRow)
	}
}
