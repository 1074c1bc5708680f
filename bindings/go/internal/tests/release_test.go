package tests

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	karrow "github.com/karrow/karrow/bindings/go"
)

// What a processor makes is Go's memory, which the table shows as it is. So whoever holds a row of it, through a
// snapshot, a reader or a batch, holds that memory, and once nobody does, every release callback on the way has been
// called.
func TestEverythingThatIsHandedOutIsReleased(t *testing.T) {
	allocator := memory.NewCheckedAllocator(memory.DefaultAllocator)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "Length", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "Parts", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	}, nil)
	processor := func(_ *karrow.ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
		builder := array.NewRecordBuilder(allocator, schema)
		defer builder.Release()
		payloads := input.Column(0).(*array.Binary)
		parts := builder.Field(1).(*array.ListBuilder)
		for row := range payloads.Len() {
			builder.Field(0).(*array.Int64Builder).Append(int64(len(payloads.Value(row))))
			parts.Append(true)
			parts.ValueBuilder().(*array.StringBuilder).Append(string(payloads.Value(row)))
		}
		return builder.NewRecordBatch(), nil
	}
	failure := caught(func() {
		const topic, rows = "released", 100
		must(cluster.CreateTopic(topic, 1))
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		consumer := must1(karrow.Open(ctx, topic,
			karrow.Set("bootstrap.servers", cluster.BootstrapServers()),
			karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning),
			karrow.Key(karrow.Ignore()), karrow.Value(karrow.Callback(schema, processor)), karrow.AppendTable()))
		defer consumer.Close()
		var held []interface{ Release() }
		var snapshots []*karrow.Snapshot
		for round := range int64(5) {
			records := []any{}
			for n := range rows {
				records = append(records, fmt.Sprintf("payload %d of round %d", n, round))
			}
			must(cluster.ProduceRecords(topic, text(records)))
			for came := int64(0); came < rows; {
				cycle := must1(consumer.Poll(ctx))
				came += cycle.Rows
				snapshots = append(snapshots, cycle.Snapshot, must1(cycle.View("Parts")))
			}
			partition := must1(snapshots[len(snapshots)-2].Partition(0))
			// One that is not read, one that is read in part, a batch that is kept, and one in one piece.
			held = append(held, must1(partition.Reader()))
			begun := must1(partition.ReaderFrom(7))
			begun.Next()
			record := begun.RecordBatch()
			record.Retain()
			held = append(held, begun, record, must1(partition.Record()), must1(snapshots[len(snapshots)-1].Merged()))
		}
		must(consumer.Close())
		for _, snapshot := range snapshots {
			must(snapshot.Close())
		}
		if allocator.CurrentAlloc() == 0 {
			fail("nothing holds what the processor has made, though readers and batches are held")
		}
		for _, one := range held {
			one.Release()
		}
	})
	if failure != nil {
		t.Fatal(failure)
	}
	allocator.AssertSize(t, 0)
}
