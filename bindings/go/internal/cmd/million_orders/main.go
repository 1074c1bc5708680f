// Million_orders reads the orders that tests/cpp/million_orders.cpp has written to a topic, in every spelling that means
// the same, and compares every value of every row.
//
//	million_orders SERVERS TOPIC
//
// An order is a pure function of its partition and offset, so both know what there has to be.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	karrow "github.com/karrow/karrow/bindings/go"
)

const (
	partitions = 8
	ordersEach = 125_000
)

type order struct {
	symbol  string // null if there is none, which an empty symbol is not
	named   bool
	side    string
	price   float64
	priced  bool
	qty     int64
	timeUs  int64 // since 1970
	kafkaMs int64 // the record's timestamp; they go up and down
}

// scattered makes a number look random (splitmix64).
func scattered(number uint64) uint64 {
	number = (number + 1) * 0x9e3779b97f4a7c15
	number = (number ^ number>>30) * 0xbf58476d1ce4e5b9
	number = (number ^ number>>27) * 0x94d049bb133111eb
	return number ^ number>>31
}

func orderOf(partition karrow.PartitionID, offset int64) order {
	symbols := [...]string{"AAPL", "BRK.B", `Ünïcode "quoted"`, "", "a rather long name of a symbol"}
	random := scattered(uint64(partition)<<40 ^ uint64(offset))
	order := order{
		side:    "sell",
		qty:     int64(random) >> (random & 31),
		timeUs:  1_767_346_200_000_000 + offset*1_001,
		kafkaMs: 1_704_187_800_000 + int64(random>>8&0xffffff),
	}
	if order.named = random%11 != 0; order.named {
		order.symbol = symbols[random%5]
	}
	if random%2 == 0 {
		order.side = "buy"
	}
	if order.priced = random%13 != 0; order.priced {
		order.price = float64(random>>20&0xfffff) / 100
	}
	return order
}

// checkBatch compares the rows of a batch with the orders from an offset on, and returns the offset behind them.
func checkBatch(batch arrow.RecordBatch, id karrow.PartitionID, offset int64) (int64, error) {
	names := []string{"KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol", "Side", "Price", "Qty", "Tstamp"}
	for index, name := range names {
		if found := batch.ColumnName(index); found != name {
			return 0, fmt.Errorf("column %d is %s, not %s", index, found, name)
		}
	}
	partition, place := batch.Column(0).(*array.Int32), batch.Column(1).(*array.Int64)
	kafkaTime, time := batch.Column(2).(*array.Timestamp), batch.Column(7).(*array.Timestamp)
	symbol, side := batch.Column(3).(*array.String), batch.Column(4).(*array.String)
	price, qty := batch.Column(5).(*array.Float64), batch.Column(6).(*array.Int64)
	for _, never := range []arrow.Array{partition, place, kafkaTime, time, side, qty} {
		if never.NullN() != 0 {
			return 0, fmt.Errorf("from %d@%d on there are nulls of type %s", id, offset, never.DataType())
		}
	}
	for row := range int(batch.NumRows()) {
		order, wrong := orderOf(id, offset), ""
		switch {
		case partition.Value(row) != int32(id) || place.Value(row) != offset:
			wrong = "the place"
		case int64(kafkaTime.Value(row)) != order.kafkaMs*1_000_000:
			wrong = "KafkaTimestamp"
		case symbol.IsValid(row) != order.named || order.named && symbol.Value(row) != order.symbol:
			wrong = "Symbol"
		case side.Value(row) != order.side:
			wrong = "Side"
		case price.IsValid(row) != order.priced || order.priced && price.Value(row) != order.price:
			wrong = "Price"
		case qty.Value(row) != order.qty:
			wrong = "Qty"
		case int64(time.Value(row)) != order.timeUs*1_000:
			wrong = "Tstamp"
		}
		if wrong != "" {
			return 0, fmt.Errorf("%s differs at %d@%d", wrong, id, offset)
		}
		offset++
	}
	return offset, nil
}

func checkPartition(partition karrow.Partition) error {
	if partition.Failure != nil {
		return partition.Failure
	}
	reader, err := partition.Reader()
	if err != nil {
		return err
	}
	defer reader.Release()
	offset := int64(0)
	for reader.Next() {
		if offset, err = checkBatch(reader.RecordBatch(), partition.ID, offset); err != nil {
			return err
		}
	}
	if offset != ordersEach || partition.NextOffset != ordersEach {
		return fmt.Errorf("the number of orders differs: %d of partition %d", offset, partition.ID)
	}
	return reader.Err()
}

func check(servers, topic string) error {
	// Far more than it takes.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	consumer, err := karrow.Open(ctx, topic,
		karrow.Set("bootstrap.servers", servers),
		karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning),
		karrow.Key(karrow.Ignore()),
		karrow.Value(karrow.JSON().
			AddColumn("Symbol", "String").AddColumn("Side", "String").AddColumn("Price", "double").
			AddColumn("Qty", "long").AddColumn("Tstamp", "Instant").
			MapField("jsymbol", "Symbol").MapField("jside", "Side").MapField("jprice", "Price").
			MapField("jqty", "Qty").MapField("jts", "Tstamp")),
		karrow.AppendTable())
	if err != nil {
		return err
	}
	defer consumer.Close()
	for rows := int64(0); rows < partitions*ordersEach; {
		cycle, err := consumer.Poll(ctx)
		if err != nil {
			return fmt.Errorf("after %d rows: %w", rows, err)
		}
		rows += cycle.Rows
		failed := cycle.Failed
		cycle.Close()
		if failed != 0 {
			break
		}
	}
	snapshot, err := consumer.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	if snapshot.Len() != partitions {
		return fmt.Errorf("there are %d partitions, not %d", snapshot.Len(), partitions)
	}
	for partition := range snapshot.Partitions() {
		if err := checkPartition(partition); err != nil {
			return err
		}
	}
	fmt.Printf("%d orders, each one equal to what was produced\n", partitions*ordersEach)
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: million_orders SERVERS TOPIC")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
