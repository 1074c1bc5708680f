package karrow

// #include <karrow.h>
import "C"

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/karrow/karrow/bindings/go/internal/native"
)

// A Consumer reads a topic into a partitioned table. Any goroutines may call its methods, Close included; one at a time
// polls, a second one gets [ErrBusy].
type Consumer struct {
	*reading
}

// reading is everything of a consumer, apart from what its user holds.
type reading struct {
	handle    *handle[*C.karrow_consumer]
	interrupt interrupter
	layout    lazyLayout
}

// Open makes a consumer of a topic and begins to read: it checks the options, then asks the cluster for the topic's
// partitions and offsets. When it returns, "now" is fixed: what is produced later is never missed, whatever start
// options say. Without options it reads all partitions from where they were committed, or else their ends, into one
// column for the key and one for the value, of the last cycle's rows.
//
// The context is only for opening. Without a deadline it waits for brokers for as long as it takes.
//
// Errors: [ErrInvalidArgument] naming the option, key or column that is wrong; [ErrTimeout] with the last thing that
// went wrong on the way to the brokers; [ErrNotFound] for a topic or partition that does not exist; [ErrKafka] for what
// Kafka refuses, at once and whatever the deadline: a wrong password, a missing right, a certificate that one side does
// not accept; [ErrRegistry] for the schema of a subject that a schema registry does not give; [ErrUnsupported] for a
// library that does not fit this package.
func Open(ctx context.Context, topic string, options ...Option) (*Consumer, error) {
	s, err := newSettings(topic, options)
	if err != nil {
		return nil, err
	}
	defer s.free()
	log, err := startLog(s)
	if err != nil {
		return nil, err
	}
	var pointer *C.karrow_consumer
	err = call(func(e **C.karrow_error) C.karrow_status { return C.karrow_consumer_new(s.options, &pointer, e) })
	if err != nil {
		log.end()
		return nil, err
	}
	c := newConsumer(pointer, log)
	err = c.interrupt.run(ctx, "open", deadlineOf(ctx), func(timeoutMS int64) error {
		return c.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status {
			return C.karrow_consumer_open(p, C.int64_t(timeoutMS), e)
		})
	})
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func newConsumer(pointer *C.karrow_consumer, log *logPump) *Consumer {
	r := &reading{}
	r.handle = newHandle("consumer", native.Consumer, pointer, func(pointer *C.karrow_consumer) {
		C.karrow_consumer_free(pointer)
		log.end()
	})
	r.handle.freed = make(chan struct{})
	r.interrupt.wake = r.wakeup
	c := &Consumer{r}
	// It takes as long as closing takes, for which other cleanups need not wait.
	runtime.AddCleanup(c, func(h *handle[*C.karrow_consumer]) { go h.close() }, r.handle)
	return c
}

// with calls a function of karrow.h on the consumer.
func (r *reading) with(function func(consumer *C.karrow_consumer, e **C.karrow_error) C.karrow_status) error {
	pointer, err := r.handle.use()
	if err != nil {
		return err
	}
	defer r.handle.done()
	return call(func(e **C.karrow_error) C.karrow_status { return function(pointer, e) })
}

// wakeup ends one call. It has no errors for a consumer that there is; one that has been closed has no calls to end.
func (r *reading) wakeup() {
	_ = r.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status { return C.karrow_consumer_wakeup(p, e) })
}

// A Cycle is what a poll has published: a snapshot, to be closed, and what is new in it.
type Cycle struct {
	*Snapshot
	// Rows is how many rows the cycle has added, in all partitions.
	Rows int64
	// Failed is how many partitions are failed.
	Failed int
}

// Poll is one cycle: it publishes everything decoded since the last one, for all partitions at once. With rows, dead
// letters or a change of state at hand it returns at once (after karrow.poll.linger.ms); otherwise it waits for the
// first. A partition that fails does not make Poll fail: it is in the snapshot. Processors run inside of Poll.
//
// When the context ends while Poll waits, the error is the context's (context.Canceled or context.DeadlineExceeded, for
// errors.Is), and nothing has been published: what has come is there for the next poll. With a context that has ended
// Poll does nothing. A processor that runs is not interrupted.
//
// Errors, all without a new cycle: [ErrEnd] once all partitions have finished or failed and that has been published;
// [ErrLimit] once all others wait for room and that has been published, for room in the table
// (karrow.append.max.bytes), which [Consumer.Discard] makes, or among dead letters, which [Consumer.DeadLetters] makes;
// [ErrBusy] beside another poll; [ErrClosed]; [ErrInvalidState] from inside a processor of the consumer; [ErrPanic],
// and from then on [ErrPoisoned].
func (c *Consumer) Poll(ctx context.Context) (*Cycle, error) { return c.poll(ctx, forever) }

// PollFor is [Consumer.Poll] that waits for the first news no longer than this; 0 does not wait. Time running out is no
// error: that cycle has no rows.
//
// Errors: [ErrInvalidArgument] for a negative time; otherwise as Poll.
func (c *Consumer) PollFor(ctx context.Context, wait time.Duration) (*Cycle, error) {
	if wait < 0 {
		return nil, argumentError("wait", "it is negative; Poll waits until its context ends")
	}
	return c.poll(ctx, within(wait))
}

func (c *Consumer) poll(ctx context.Context, waits limit) (*Cycle, error) {
	var rows C.int64_t
	var failed C.int32_t
	var snapshot *C.karrow_snapshot
	err := c.interrupt.run(ctx, "poll", waits, func(timeoutMS int64) error {
		return c.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status {
			return C.karrow_consumer_poll(p, C.int64_t(timeoutMS), &rows, &failed, &snapshot, e)
		})
	})
	if err != nil {
		return nil, err
	}
	return &Cycle{newSnapshot(snapshot, &c.layout), int64(rows), int(failed)}, nil
}

// Wait is for goroutines that read while another one polls: it waits until a cycle after this one (a [Snapshot.Number])
// has been published, and hands out the last one there is. Close the snapshot.
//
// Errors: the context's, as of [Consumer.Poll], and [ErrTimeout] if it was a deadline; [ErrEnd] once all partitions
// have finished or failed and the cycle given shows it; [ErrClosed].
func (c *Consumer) Wait(ctx context.Context, afterCycle int64) (*Snapshot, error) {
	return c.wait(ctx, afterCycle, deadlineOf(ctx))
}

// WaitFor is [Consumer.Wait] that waits no longer than this; 0 does not wait.
//
// Errors: [ErrTimeout] if no cycle has come in time; [ErrInvalidArgument] for a negative time; otherwise as Wait.
func (c *Consumer) WaitFor(ctx context.Context, afterCycle int64, wait time.Duration) (*Snapshot, error) {
	if wait < 0 {
		return nil, argumentError("wait", "it is negative; Wait waits until its context ends")
	}
	return c.wait(ctx, afterCycle, within(wait))
}

func (c *Consumer) wait(ctx context.Context, afterCycle int64, waits limit) (*Snapshot, error) {
	var snapshot *C.karrow_snapshot
	err := c.interrupt.run(ctx, "wait", waits, func(timeoutMS int64) error {
		return c.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status {
			return C.karrow_consumer_wait(p, C.int64_t(afterCycle), C.int64_t(timeoutMS), &snapshot, e)
		})
	})
	if err != nil {
		return nil, err
	}
	return newSnapshot(snapshot, &c.layout), nil
}

// Snapshot is the state of the last cycle: cycle 0, without rows, before the first poll. It never waits, and works also
// after [Consumer.Shutdown]. Close the snapshot.
//
// Errors: [ErrClosed] after [Consumer.Close].
func (c *Consumer) Snapshot() (*Snapshot, error) {
	var snapshot *C.karrow_snapshot
	err := c.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status {
		return C.karrow_consumer_snapshot(p, &snapshot, e)
	})
	if err != nil {
		return nil, err
	}
	return newSnapshot(snapshot, &c.layout), nil
}

// Schema is the columns of every partition, as [TableSchema] has them.
//
// Errors: [ErrClosed].
func (c *Consumer) Schema() (*arrow.Schema, error) {
	pointer, err := c.handle.use()
	if err != nil {
		return nil, err
	}
	defer c.handle.done()
	return importSchema(func(schema *C.struct_ArrowSchema, e **C.karrow_error) C.karrow_status {
		return C.karrow_consumer_schema(pointer, schema, e)
	})
}

// reader reads a stream that a function of karrow.h makes of the consumer.
func (c *Consumer) reader(
	function func(p *C.karrow_consumer, to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status,
) (array.RecordReader, error) {
	pointer, err := c.handle.use()
	if err != nil {
		return nil, err
	}
	defer c.handle.done()
	return newReader(nil, func(to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status {
		return function(pointer, to, e)
	})
}

// Resume lets a failed partition go on at an offset: at the record it stopped at (Partition.NextOffset), which is then
// tried again, or behind it. The next cycles show what comes of it.
//
// Errors: [ErrInvalidState] if the last published cycle does not show the partition as failed; [ErrInvalidArgument] for
// an offset whose rows are in the table already; [ErrNotFound] for a partition that is not read; [ErrClosed].
func (c *Consumer) Resume(partition PartitionID, offset Offset) error {
	return c.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status {
		return C.karrow_consumer_resume(p, C.int32_t(partition), C.int64_t(offset), e)
	})
}

// Commit commits, for the group.id of the options, exactly what a snapshot of this consumer shows: for each partition
// its NextOffset. A partition that failed because its offset lies outside the log has none, and is left out. The
// snapshot may be an older one, or a view. Take dead letters first, because what has been committed does not come
// again.
//
// The end of the context ends the waiting; what was to be committed then is or is not.
//
// Errors: [ErrInvalidArgument] for a snapshot of another consumer; [ErrInvalidState] without a group.id; [ErrKafka] for
// what Kafka refuses, after which some partitions may have been committed; [ErrTimeout] if the context's deadline is
// over; [ErrClosed].
func (c *Consumer) Commit(ctx context.Context, snapshot *Snapshot) error {
	if snapshot == nil {
		return argumentError("snapshot", "there is none; Consumer.Snapshot has the last one")
	}
	_, err := aside(ctx, "commit", func(timeoutMS int64) (struct{}, error) {
		pointer, err := c.handle.use()
		if err != nil {
			return struct{}{}, err
		}
		defer c.handle.done()
		return struct{}{}, snapshot.with(func(shown *C.karrow_snapshot, e **C.karrow_error) C.karrow_status {
			return C.karrow_consumer_commit(pointer, shown, C.int64_t(timeoutMS), e)
		})
	})
	return err
}

// Discard gives up the rows of a partition before a row number: the next cycle does not show them any more. Their
// memory is freed piece by piece, once more than half of a piece has been given up and no snapshot, reader or batch
// holds it. For append tables that live for months; row numbers go on.
//
// Errors: [ErrInvalidState] for other types of tables, which forget by themselves; [ErrOutOfRange] for a row that has
// not been published; [ErrNotFound] for a partition that is not read; [ErrClosed].
func (c *Consumer) Discard(partition PartitionID, beforeRow int64) error {
	return c.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status {
		return C.karrow_consumer_discard(p, C.int32_t(partition), C.int64_t(beforeRow), e)
	})
}

// Shutdown ends reading: it ends every poll, wait and commit, waits for them, drops rows that no cycle has published,
// and commits nothing (but what enable.auto.commit still owes). Afterwards these return [ErrClosed], and so do Resume
// and Discard; the snapshot, progress and dead letters can still be taken, until [Consumer.Close].
//
// Errors: the context's if it takes longer; it then goes on by itself. [ErrInvalidState] from inside a processor of the
// consumer.
func (c *Consumer) Shutdown(ctx context.Context) error {
	end := func(timeoutMS int64) error {
		return c.with(func(p *C.karrow_consumer, e **C.karrow_error) C.karrow_status {
			return C.karrow_consumer_close(p, C.int64_t(timeoutMS), e)
		})
	}
	// Begun on this goroutine, which the library can tell from one that waits for it inside a processor.
	if err := end(0); !errors.Is(err, ErrTimeout) {
		return err
	}
	_, err := aside(ctx, "shutdown", func(timeoutMS int64) (struct{}, error) { return struct{}{}, end(timeoutMS) })
	return err
}

// Close is [Consumer.Shutdown] however long it takes, and frees the consumer. Snapshots, readers and batches live on;
// the consumer's methods return [ErrClosed] from then on. It is safe beside every other call, and waits for those that
// run; closing again waits for that, and does nothing.
//
// Errors: [ErrInvalidState] from inside a processor of the consumer, which has then not been closed.
func (c *Consumer) Close() error {
	pointer, err := c.handle.use()
	if err != nil {
		<-c.handle.freed
		return nil
	}
	err = call(func(e **C.karrow_error) C.karrow_status { return C.karrow_consumer_close(pointer, -1, e) })
	c.handle.done()
	if errors.Is(err, ErrInvalidState) {
		return err
	}
	c.handle.close()
	<-c.handle.freed
	return nil
}
