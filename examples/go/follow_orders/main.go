// Follow_orders prints every order that comes into the topic orders from now on.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	karrow "github.com/karrow/karrow/bindings/go"
)

func main() {
	log.SetFlags(0)
	servers := "localhost:9092"
	if len(os.Args) > 1 {
		servers = os.Args[1]
	}
	if err := follow(context.Background(), servers); err != nil {
		log.Fatal(err)
	}
}

func follow(ctx context.Context, servers string) error {
	type Order struct {
		Symbol string    `json:"jsymbol"`
		Side   string    `json:"jside"`
		Price  float64   `json:"jprice"`
		Qty    int64     `json:"jqty"`
		Tstamp time.Time `json:"jts"`
	}
	orders, err := karrow.Open(ctx, "orders",
		karrow.Set("bootstrap.servers", servers),
		karrow.Key(karrow.Ignore()),
		karrow.Value(karrow.JSONOf[Order]()),
		karrow.AppendTable(),
	)
	if err != nil {
		return err
	}
	defer orders.Close()
	fmt.Println("waiting for orders")

	printed := map[karrow.PartitionID]int64{} // rows of each partition
	for {
		cycle, err := orders.Poll(ctx)
		if err != nil {
			return err
		}
		err = printNew(cycle.Snapshot, printed)
		cycle.Close()
		if err != nil {
			return err
		}
	}
}

// printNew prints the rows of a snapshot that have not been printed.
func printNew(snapshot *karrow.Snapshot, printed map[karrow.PartitionID]int64) error {
	for partition := range snapshot.Partitions() {
		reader, err := partition.ReaderFrom(printed[partition.ID])
		if err != nil {
			return err
		}
		for reader.Next() {
			batch := reader.RecordBatch()
			symbol, price := batch.Column(3).(*array.String), batch.Column(5).(*array.Float64)
			qty := batch.Column(6).(*array.Int64)
			for row := range int(batch.NumRows()) {
				fmt.Println(symbol.Value(row), qty.Value(row), "at", price.Value(row))
			}
		}
		reader.Release()
		printed[partition.ID] = partition.EndRow
		if partition.Failure != nil {
			return partition.Failure // a bad order: the message says which and why
		}
	}
	return nil
}
