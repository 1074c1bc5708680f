// Wrapper_bench is the part in Go of benches/wrapper.rs, which runs it and makes figures of what it prints.
//
//	wrapper_bench read SERVERS TOPIC ROWS     reads a topic once for each line of its input
//	wrapper_bench calls ROUNDS                what a call and a batch cost
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	karrow "github.com/karrow/karrow/bindings/go"
)

// columns is how many there are, all int64, in the topic and in the batch: count, col2 and so on.
const columns = 20

// patience is far more than anything here takes.
const patience = 2 * time.Minute

// cpuTime is the user and system time of this process, all threads together.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it has no reason to fail for the process itself
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func options(servers string) []karrow.Option {
	spec := karrow.JSON().AddColumn("count", "int64")
	for column := 2; column <= columns; column++ {
		spec = spec.AddColumn(fmt.Sprintf("col%d", column), "int64")
	}
	return []karrow.Option{
		karrow.Set("bootstrap.servers", servers),
		karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning),
		karrow.Key(karrow.Ignore()),
		karrow.Value(spec),
		karrow.BlinkTable(),
	}
}

// read reads as many rows as there are, and adds up the column count, so that nobody can do without the rows.
func read(servers, topic string, wanted int64) (sum int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	consumer, err := karrow.Open(ctx, topic, options(servers)...)
	if err != nil {
		return 0, err
	}
	defer consumer.Close()
	for rows := int64(0); rows < wanted; {
		cycle, err := consumer.Poll(ctx)
		if err != nil {
			return 0, err
		}
		added, err := sumOf(cycle.Snapshot)
		cycle.Close()
		if err != nil {
			return 0, err
		}
		sum += added
		rows += cycle.Rows
	}
	return sum, nil
}

// sumOf adds up the column count of all rows that a snapshot shows.
func sumOf(snapshot *karrow.Snapshot) (sum int64, err error) {
	for partition := range snapshot.Partitions() {
		reader, err := partition.Reader()
		if err != nil {
			return 0, err
		}
		for reader.Next() {
			for _, value := range reader.RecordBatch().Column(3).(*array.Int64).Int64Values() {
				sum += value
			}
		}
		reader.Release()
		if err := reader.Err(); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// readInTurn reads once for each line of the input, and prints the nanoseconds of CPU time that it took, and the sum.
func readInTurn(servers, topic, rows string) error {
	wanted, err := strconv.ParseInt(rows, 10, 64)
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		begun := cpuTime()
		sum, err := read(servers, topic, wanted)
		if err != nil {
			return err
		}
		fmt.Println((cpuTime() - begun).Nanoseconds(), sum)
	}
	return nil
}

// batchRows is how many rows the batch has that is imported.
const batchRows = 8192

// batch is a snapshot that shows batchRows rows, and the partition with them.
func batch(cluster *karrow.MockCluster) (*karrow.Snapshot, karrow.Partition, error) {
	const topic = "batch"
	if err := cluster.CreateTopic(topic, 1); err != nil {
		return nil, karrow.Partition{}, err
	}
	record := `"{\"count\":1}"`
	if err := cluster.ProduceRecords(topic, "["+strings.Repeat(record+",", batchRows-1)+record+"]"); err != nil {
		return nil, karrow.Partition{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	hidden := []karrow.Option{karrow.AppendTable()}
	for _, column := range []string{"partition", "offset", "timestamp"} {
		hidden = append(hidden, karrow.Set("karrow."+column+".column.name", ""))
	}
	consumer, err := karrow.Open(ctx, topic, append(options(cluster.BootstrapServers()), hidden...)...)
	if err != nil {
		return nil, karrow.Partition{}, err
	}
	defer consumer.Close()
	for rows := int64(0); rows < batchRows; {
		cycle, err := consumer.Poll(ctx)
		if err != nil {
			return nil, karrow.Partition{}, err
		}
		rows += cycle.Rows
		cycle.Close()
	}
	snapshot, err := consumer.Snapshot()
	if err != nil {
		return nil, karrow.Partition{}, err
	}
	partition, err := snapshot.Partition(0)
	return snapshot, partition, err
}

// calls prints for each round how many nanoseconds a call that does next to nothing takes, and how many a batch that is
// imported and released.
func calls(rounds string) error {
	count, err := strconv.Atoi(rounds)
	if err != nil {
		return err
	}
	cluster, err := karrow.NewMockCluster(1)
	if err != nil {
		return err
	}
	defer cluster.Close()
	snapshot, partition, err := batch(cluster)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	const callsEach, batchesEach = 1_000_000, 2_000
	for range count {
		begun := cpuTime()
		for range callsEach {
			snapshot.Number()
		}
		called := cpuTime()
		for range batchesEach {
			record, err := partition.Record()
			if err != nil {
				return err
			}
			if err := checkShape(record); err != nil {
				return err
			}
			record.Release()
		}
		imported := cpuTime()
		fmt.Println(each(called-begun, callsEach), each(imported-called, batchesEach))
	}
	return nil
}

// each is how many nanoseconds each of so many took.
func each(all time.Duration, count int) float64 {
	return float64(all.Nanoseconds()) / float64(count)
}

func checkShape(record arrow.RecordBatch) error {
	if record.NumRows() != batchRows || record.NumCols() != columns {
		return fmt.Errorf("the batch has %d columns and %d rows", record.NumCols(), record.NumRows())
	}
	return nil
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 4 && arguments[0] == "read":
		return readInTurn(arguments[1], arguments[2], arguments[3])
	case len(arguments) == 2 && arguments[0] == "calls":
		return calls(arguments[1])
	}
	return errors.New("usage: wrapper_bench read SERVERS TOPIC ROWS | calls ROUNDS")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
