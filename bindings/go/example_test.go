package karrow_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/karrow/karrow/bindings/go"
)

// A type tells the columns, and its tags the fields that they read. Reading stops at what is there when it begins.
func Example() {
	type Order struct {
		Symbol string  `json:"jsymbol"`
		Price  float64 `json:"jprice"`
	}
	cluster, err := karrow.NewMockCluster(1)
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	if err := cluster.CreateTopic("orders", 1); err != nil {
		log.Fatal(err)
	}
	err = cluster.ProduceRecords("orders", `["{\"jsymbol\": \"AAPL\", \"jprice\": 187.5}", "{\"jsymbol\": \"MSFT\"}"]`)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	orders, err := karrow.Open(ctx, "orders",
		karrow.Set("bootstrap.servers", cluster.BootstrapServers()),
		karrow.Key(karrow.Ignore()),
		karrow.Value(karrow.JSONOf[Order]()),
		karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning),
		karrow.StopAtEnd(karrow.AllPartitions),
		karrow.AppendTable())
	if err != nil {
		log.Fatal(err)
	}
	defer orders.Close()

	seen := map[karrow.PartitionID]int64{} // rows of each partition
	for {
		cycle, err := orders.Poll(ctx)
		if errors.Is(err, karrow.ErrEnd) {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		for partition := range cycle.Partitions() {
			rows, err := partition.ReaderFrom(seen[partition.ID])
			if err != nil {
				log.Fatal(err)
			}
			for rows.Next() {
				batch := rows.RecordBatch()
				symbols, prices := batch.Column(3).(*array.String), batch.Column(4).(*array.Float64)
				for row := range int(batch.NumRows()) {
					fmt.Println(symbols.Value(row), prices.ValueStr(row))
				}
			}
			rows.Release()
			seen[partition.ID] = partition.EndRow
		}
		cycle.Close()
	}
	// Output:
	// AAPL 187.5
	// MSFT (null)
}

// A record that does not fit its columns stops its partition, which says why, and goes on behind it if it is told to.
func ExampleConsumer_Resume() {
	cluster, orders := open(karrow.Value(karrow.Simple("Price", "float64")))
	defer cluster.Close()
	defer orders.Close()
	if err := cluster.ProduceRecords("orders", `["twelve", {"hex": "4067700000000000"}]`); err != nil {
		log.Fatal(err)
	}
	for rows := int64(0); rows == 0; {
		cycle, err := orders.Poll(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		rows = cycle.Rows
		for partition := range cycle.Partitions() {
			var failure *karrow.Error
			if errors.As(partition.Failure, &failure) && failure.Status == karrow.StatusBadRecord {
				fmt.Println(failure)
				if err := orders.Resume(partition.ID, failure.Position.Offset+1); err != nil {
					log.Fatal(err)
				}
			}
		}
		cycle.Close()
	}
	fmt.Println("and on")
	// Output:
	// column Price: expected 8 bytes for float64, found 6 bytes, at orders[0]@0 (value)
	// and on
}

// What no spec reads, a function does: here lines such as "AAPL,187.5".
func ExampleCallback() {
	columns := arrow.NewSchema([]arrow.Field{
		{Name: "Symbol", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "Price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	lines := func(call *karrow.ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
		builder := array.NewRecordBuilder(memory.DefaultAllocator, columns)
		defer builder.Release()
		payloads := input.Column(0).(*array.Binary)
		for row := range payloads.Len() {
			symbol, number, _ := strings.Cut(payloads.ValueString(row), ",")
			price, err := strconv.ParseFloat(number, 64)
			if err != nil {
				err = call.Refuse(int64(row), "expected a symbol, a comma and a price, found something else")
			}
			if err != nil {
				return nil, err
			}
			builder.Field(0).(*array.StringBuilder).Append(symbol)
			builder.Field(1).(*array.Float64Builder).Append(price)
		}
		return builder.NewRecordBatch(), nil
	}
	cluster, orders := open(
		karrow.Value(karrow.Callback(columns, lines)),
		karrow.Set("karrow.bad.record.policy", "skip"))
	defer cluster.Close()
	defer orders.Close()
	if err := cluster.ProduceRecords("orders", `["AAPL,187.5", "?", "MSFT,411"]`); err != nil {
		log.Fatal(err)
	}
	for rows := int64(0); rows < 2; {
		cycle, err := orders.Poll(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		rows += cycle.Rows
		cycle.Close()
	}
	snapshot, err := orders.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	defer snapshot.Close()
	view, err := snapshot.View("Symbol", "Price")
	if err != nil {
		log.Fatal(err)
	}
	defer view.Close()
	reader, err := view.Merged()
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Release()
	for reader.Next() {
		batch := reader.RecordBatch()
		for row := range int(batch.NumRows()) {
			fmt.Println(batch.Column(0).ValueStr(row), batch.Column(1).ValueStr(row))
		}
	}
	// Output:
	// AAPL 187.5
	// MSFT 411
}

// open is a cluster of its own with a topic of orders, and a consumer that reads it from its beginning.
func open(options ...karrow.Option) (*karrow.MockCluster, *karrow.Consumer) {
	cluster, err := karrow.NewMockCluster(1)
	if err != nil {
		log.Fatal(err)
	}
	if err := cluster.CreateTopic("orders", 1); err != nil {
		log.Fatal(err)
	}
	orders, err := karrow.Open(context.Background(), "orders", append([]karrow.Option{
		karrow.Set("bootstrap.servers", cluster.BootstrapServers()),
		karrow.Key(karrow.Ignore()),
		karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning),
		karrow.AppendTable(),
	}, options...)...)
	if err != nil {
		log.Fatal(err)
	}
	return cluster, orders
}
