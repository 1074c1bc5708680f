/*
Package karrow reads Kafka topics into Arrow memory. It turns a topic into a live partitioned table, one Arrow table for
each Kafka partition, and hands each partition out as arrow-go's record batches, without copying.

	type Order struct {
		Symbol string    `json:"jsymbol"`
		Price  float64   `json:"jprice"`
		Tstamp time.Time `json:"jts"`
	}

	orders, err := karrow.Open(ctx, "orders",
		karrow.Set("bootstrap.servers", "redpanda:9092"),
		karrow.Key(karrow.Ignore()),
		karrow.Value(karrow.JSONOf[Order]()),
		karrow.AppendTable())
	if err != nil {
		return err
	}
	defer orders.Close()

	seen := map[karrow.PartitionID]int64{} // rows of each partition
	for {
		cycle, err := orders.Poll(ctx)
		if errors.Is(err, karrow.ErrEnd) {
			return nil
		} else if err != nil {
			return err
		}
		for partition := range cycle.Partitions() {
			rows, err := partition.ReaderFrom(seen[partition.ID])
			if err != nil {
				return err
			}
			for rows.Next() {
				price := rows.RecordBatch().Column(4).(*array.Float64)
				…
			}
			rows.Release()
			seen[partition.ID] = partition.EndRow
		}
		cycle.Close()
	}

It is a thin layer over the library libkarrow and its header karrow.h, which says all there is to know of what columns
hold and what records have to be; karrow's docs/options.md has every option. This says what is different in Go.

# Building

The package needs cgo, and finds the library by pkg-config; a library in a prefix of its own is found by
PKG_CONFIG_PATH, and when the program runs by LD_LIBRARY_PATH or a run path. With the build tag karrow_local it is the
one that has been installed into the directory local of this package. The package and the library have to fit, which
[Open] looks at first. The tag karrow_debug runs the garbage collector at every use of the library, so that tests find
what is freed too early.

# Cycles

[Consumer.Poll] is the update cycle: it publishes what has come, and hands out a [Snapshot], which never changes and is
consistent across partitions. A partition numbers its rows from 0, and never anew, so that a reader who remembers
Partition.EndRow goes on where it stopped. A partition that fails, at a bad record say, does not make Poll fail: it
stops there, its Partition.Failure says why, and [Consumer.Resume] goes on. Other goroutines read along with
[Consumer.Snapshot] and [Consumer.Wait].

# Contexts

A context ends a call when it ends, however it does, and the error is the context's, for [errors.Is]; a cycle that a
poll has published is never dropped for it. Where the library can say more about a deadline than that it is over, as
Open can of brokers that do not answer, the error says that, and is context.DeadlineExceeded too.

# Errors

Every error is an *[Error], with all that the library knows: a sentence that names the thing and the way out, Kafka's
code, the record's place, details. For each status there is a sentinel: errors.Is(err, karrow.ErrKafka).

# What is to be closed

A [Consumer], every [Snapshot] and [Cycle], and a [MockCluster] are to be closed, readers and batches to be released, as
arrow-go has it. None needs another to be open still: batches outlive their reader, readers their snapshot, snapshots
their consumer. Close is idempotent, and safe beside every other call. What is forgotten is closed once the garbage
collector finds it; but it does not see the memory of the tables that is held by it, and so may take its time.

# Processors

What no spec reads, a function of yours can: [Callback] has it make columns, as a record batch, of a batch of payloads.
*/
package karrow
