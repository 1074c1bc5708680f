package tests

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	karrow "github.com/karrow/karrow/bindings/go"
)

// Every type that karrow makes, read by arrow-go, and by pyarrow out of what arrow-go writes: whole, cut and empty, with
// nulls and without.

// A madeColumn is one of a type, and what it holds: the value of a record, as JSON has it, and the cell that it becomes.
type madeColumn struct {
	kind  string
	value func(n int) (written, cell any)
}

// unchanged is a value that a record has as the cell has it.
func unchanged(value any) (any, any) { return value, value }

func integers(kind string, value func(n int) int64) madeColumn {
	return madeColumn{kind, func(n int) (any, any) { return unchanged(integerCell(value(n))) }}
}

// timesOf are times of a type: how they are written, and which part of a second they are counted in.
func timesOf(kind, layout string, unit time.Duration) madeColumn {
	return madeColumn{kind, func(n int) (any, any) {
		moment := time.Unix(0, 0).UTC().Add(time.Duration(n) * time.Hour / 7).Truncate(unit)
		counted := moment.UnixNano()
		if strings.HasPrefix(kind, "time32") || strings.HasPrefix(kind, "time64") {
			counted %= int64(24 * time.Hour)
		}
		return moment.Format(layout), integerCell(counted / int64(unit))
	}}
}

func jsonColumns() []madeColumn {
	columns := []madeColumn{
		{"bool", func(n int) (any, any) { return unchanged(n%2 == 0) }},
		integers("int8", func(n int) int64 { return int64(n%256 - 128) }),
		integers("int16", func(n int) int64 { return int64(n*13%65536 - 32768) }),
		integers("int32", func(n int) int64 { return math.MaxInt32 - int64(n) }),
		integers("int64", func(n int) int64 { return math.MinInt64 + int64(n) }),
		integers("uint8", func(n int) int64 { return int64(n % 256) }),
		integers("uint16", func(n int) int64 { return int64(n * 26 % 65536) }),
		integers("uint32", func(n int) int64 { return math.MaxUint32 - int64(n) }),
		{"uint64", func(n int) (any, any) { return unchanged(unsignedCell(math.MaxUint64 - uint64(n))) }},
		{"float32", func(n int) (any, any) { value := float32(n) / 10; return value, float64(value) }},
		{"float64", func(n int) (any, any) { return unchanged(float64(n) / 3) }},
		{"decimal128(10, 2)", func(n int) (any, any) { return unchanged(fmt.Sprintf("-%d.%02d", n+1, n%100)) }},
		{"decimal256(45, 3)", func(n int) (any, any) { return unchanged(fmt.Sprintf("1%041d.%03d", n, n%1000)) }},
		{"utf8", func(n int) (any, any) { return unchanged(strings.Repeat("ä", n%5) + strconv.Itoa(n)[n%2:]) }},
		{"binary", func(n int) (any, any) {
			return unchanged(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff\x00", n%4))))
		}},
		{"date32", func(n int) (any, any) {
			return time.Unix(0, 0).UTC().AddDate(0, 0, n).Format(time.DateOnly), integerCell(int32(n))
		}},
		timesOf("time32[s]", time.TimeOnly, time.Second),
		timesOf("time32[ms]", "15:04:05.000", time.Millisecond),
		timesOf("time64[us]", "15:04:05.000000", time.Microsecond),
		timesOf("time64[ns]", "15:04:05.000000000", time.Nanosecond),
		{"list<int64>", func(n int) (any, any) {
			items := []any{}
			for item := range n % 4 {
				items = append(items, integerCell(int64(n)<<item))
			}
			if n%5 == 0 {
				items = append(items, nil)
			}
			return unchanged(items)
		}},
		{"struct<a: int32, b: utf8>", func(n int) (any, any) {
			return unchanged(map[string]any{"a": integerCell(int32(n)), "b": textOrNull(strings.Repeat("b", n%3))})
		}},
		{"map<utf8, list<bool>>", func(n int) (any, any) {
			return map[string]any{"k": []any{true, nil}, strconv.Itoa(n): nil},
				[]any{[]any{strconv.Itoa(n), nil}, []any{"k", []any{true, nil}}}
		}},
		{"list<struct<d: date32, m: map<utf8, int8>>>", func(n int) (any, any) {
			return []any{map[string]any{"d": "1970-01-02"}, nil, map[string]any{"m": map[string]any{"n": n % 100}}},
				[]any{
					map[string]any{"d": integerCell(int32(1)), "m": nil},
					nil,
					map[string]any{"d": nil, "m": []any{[]any{"n", integerCell(int8(n % 100))}}},
				}
		}},
	}
	for _, unit := range []struct {
		name, fraction string
		length         time.Duration
	}{
		{"s", "", time.Second},
		{"ms", ".000", time.Millisecond},
		{"us", ".000000", time.Microsecond},
		{"ns", ".000000000", time.Nanosecond},
	} {
		layout := "2006-01-02T15:04:05" + unit.fraction
		columns = append(columns,
			timesOf("timestamp["+unit.name+"]", layout, unit.length),
			timesOf("timestamp["+unit.name+", UTC]", layout+"Z", unit.length))
	}
	return columns
}

// A madeTopic has as many columns as there are types, rows with nulls in partition 0, rows without in partition 1, and
// nothing in partition 2.
type madeTopic struct {
	name  string
	spec  karrow.Spec
	cells []map[string]any // of each partition, by column
}

const (
	madePartitions = 3
	// madeRows is more than one chunk has.
	madeRows = 1500
)

// isNull says whether a row of a partition is one without values.
func isNull(partition, n int) bool { return partition == 0 && n%3 == 1 }

// makeTopic produces rows; value is the bytes of one, and its cells.
func makeTopic(name string, spec karrow.Spec, value func(n int, null bool) ([]byte, map[string]any)) madeTopic {
	must(cluster.CreateTopic(name, madePartitions))
	topic := madeTopic{name: name, spec: spec}
	for partition := range madePartitions - 1 {
		cells, records := map[string]any{}, []any{}
		for n := range madeRows {
			bytes, row := value(n, isNull(partition, n))
			record := map[string]any{"base64": base64.StdEncoding.EncodeToString(bytes)}
			records = append(records, map[string]any{"partition": partition, "value": record})
			for column, cell := range row {
				cells[column] = append(list(cells[column]), cell)
			}
		}
		must(cluster.ProduceRecords(name, text(records)))
		topic.cells = append(topic.cells, cells)
	}
	empty := map[string]any{}
	for column := range topic.cells[0] {
		empty[column] = []any{}
	}
	topic.cells = append(topic.cells, empty)
	return topic
}

func jsonTopic() madeTopic {
	columns, spec := jsonColumns(), karrow.JSON()
	for _, column := range columns {
		spec = spec.AddColumn(column.kind, column.kind)
	}
	return makeTopic("types_of_json", spec, func(n int, null bool) ([]byte, map[string]any) {
		record, cells := map[string]any{}, map[string]any{}
		for _, column := range columns {
			record[column.kind], cells[column.kind] = nil, nil
			if !null {
				record[column.kind], cells[column.kind] = column.value(n)
			}
		}
		return []byte(text(record)), cells
	})
}

// avroTopic has what only Avro becomes.
func avroTopic() madeTopic {
	spec := karrow.AvroSchema(`{"type": "record", "name": "Types", "fields": [
		{"name": "fixed", "type": ["null", {"type": "fixed", "name": "Three", "size": 3}]},
		{"name": "enum", "type": ["null", {"type": "enum", "name": "Side", "symbols": ["buy", "sell"]}]},
		{"name": "union", "type": ["null", "int", "string"]},
		{"name": "none", "type": "null"}]}`).
		Set("framing", "bare").Set("enum", "dictionary").Set("union", "dense")
	return makeTopic("types_of_avro", spec, func(n int, null bool) ([]byte, map[string]any) {
		if null {
			return []byte{0, 0, 0}, map[string]any{
				"fixed": nil, "enum": nil, "union": map[string]any{"null": nil}, "none": nil,
			}
		}
		three := []byte{byte(n), 0, 255}
		datum := append([]byte{2}, three...)
		datum = binary.AppendVarint(append(datum, 2), int64(n%2))
		cells := map[string]any{
			"fixed": base64.StdEncoding.EncodeToString(three), "enum": []string{"buy", "sell"}[n%2], "none": nil,
		}
		if n%2 == 0 {
			cells["union"] = map[string]any{"int": integerCell(int32(n))}
			return binary.AppendVarint(append(datum, 2), int64(n)), cells
		}
		cells["union"] = map[string]any{"string": "x"}
		return append(datum, 4, 2, 'x'), cells
	})
}

// protobufTopic has what only Protobuf becomes.
func protobufTopic() madeTopic {
	spec := karrow.ProtobufSource("types.proto", `syntax = "proto3";
		import "google/protobuf/duration.proto";
		message Types { google.protobuf.Duration duration = 1; }`)
	return makeTopic("types_of_protobuf", spec, func(n int, null bool) ([]byte, map[string]any) {
		if null {
			return []byte{}, map[string]any{"duration": nil}
		}
		duration := binary.AppendUvarint([]byte{1<<3 | 0}, uint64(n))
		message := append([]byte{1<<3 | 2, byte(len(duration))}, duration...)
		return message, map[string]any{"duration": integerCell(int64(n) * int64(time.Second))}
	})
}

// tail is the cells from a row on.
func tail(cells map[string]any, row int) map[string]any {
	rest := map[string]any{}
	for column, all := range cells {
		rest[column] = list(all)[row:]
	}
	return rest
}

// shownRows are rows, and the cells that they have to show.
type shownRows struct {
	name   string
	reader func() (array.RecordReader, error)
	cells  map[string]any
}

// ways are all ways to the rows of a topic; what has been opened for it is closed with the test.
func ways(t *testing.T, topic madeTopic) []shownRows {
	var all []shownRows
	add := func(name string, cells map[string]any, reader func() (array.RecordReader, error)) {
		all = append(all, shownRows{topic.name + "." + name, reader, cells})
	}
	const capacity = 700
	tables := map[string]karrow.Option{"append": karrow.AppendTable(), "ring": karrow.RingTable(capacity)}
	for table, option := range tables {
		snapshot := readToTheEnd(t, topic, option)
		for id := range madePartitions {
			partition := must1(snapshot.Partition(karrow.PartitionID(id)))
			if table == "ring" && id < 2 {
				same("the rows of a ring", partition.EndRow-partition.FirstRow, capacity)
			}
			cells := tail(topic.cells[id], int(partition.FirstRow))
			add(fmt.Sprintf("%s.%d", table, id), cells, partition.Reader)
			add(fmt.Sprintf("%s.%d.array", table, id), cells, func() (array.RecordReader, error) {
				record, failure := partition.Record()
				if failure != nil {
					return nil, failure
				}
				defer record.Release()
				return array.NewRecordReader(record.Schema(), []arrow.RecordBatch{record})
			})
		}
		if table == "append" {
			partition := must1(snapshot.Partition(0))
			for _, row := range []int{1, 8, 13, 1023, 1025, madeRows - 1, madeRows} {
				add(fmt.Sprintf("append.from.%d", row), tail(topic.cells[0], row), func() (array.RecordReader, error) {
					return partition.ReaderFrom(int64(row))
				})
			}
			merged := map[string]any{}
			for column := range topic.cells[0] {
				merged[column] = slices.Concat(list(topic.cells[0][column])[5:], list(topic.cells[1][column]))
			}
			add("append.merged", merged, func() (array.RecordReader, error) { return snapshot.Merged(5, 0, 0) })
		}
	}
	return all
}

// readToTheEnd is what there is once everything has come.
func readToTheEnd(t *testing.T, topic madeTopic, table karrow.Option) *karrow.Snapshot {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	options := []karrow.Option{
		karrow.Set("bootstrap.servers", cluster.BootstrapServers()), karrow.Set("fetch.wait.max.ms", "2"),
		karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning), karrow.StopAtEnd(karrow.AllPartitions),
		karrow.Key(karrow.Ignore()), karrow.Value(topic.spec), table,
	}
	for _, column := range []string{"partition", "offset", "timestamp"} {
		options = append(options, karrow.Set("karrow."+column+".column.name", ""))
	}
	consumer := must1(karrow.Open(ctx, topic.name, options...))
	t.Cleanup(func() { must(consumer.Close()) })
	for {
		cycle, failure := consumer.Poll(ctx)
		if errors.Is(failure, karrow.ErrEnd) {
			break
		}
		must(failure)
		if cycle.Failed > 0 {
			fail("%s", failures(cycle.Snapshot))
		}
		must(cycle.Close())
	}
	snapshot := must1(consumer.Snapshot())
	t.Cleanup(func() { must(snapshot.Close()) })
	return snapshot
}

func TestEveryTypeIsReadByArrowGoAndPyarrow(t *testing.T) {
	folder := t.TempDir()
	failure := caught(func() {
		kinds := map[string]bool{}
		for _, topic := range []madeTopic{jsonTopic(), avroTopic(), protobufTopic()} {
			for _, way := range ways(t, topic) {
				within(way.name, func() { checkWay(folder, way, kinds) })
			}
		}
		checkKinds(kinds)
	})
	if failure != nil {
		t.Fatal(failure)
	}
	python := os.Getenv("KARROW_PYTHON")
	if python == "" {
		t.Skip("KARROW_PYTHON names no Python with pyarrow")
	}
	output, failure := exec.Command(python, "read_ipc.py", folder).CombinedOutput()
	if failure != nil {
		t.Fatalf("pyarrow: %v\n%s", failure, output)
	}
	files := must1(filepath.Glob(filepath.Join(folder, "*.arrows")))
	if found, expected := strings.TrimSpace(string(output)), fmt.Sprintf("%d files", len(files)); found != expected {
		t.Errorf("pyarrow has read %s, not %s", found, expected)
	}
}

// checkWay compares what arrow-go reads, and writes it down for others to read.
func checkWay(folder string, way shownRows, kinds map[string]bool) {
	reader := must1(way.reader())
	defer reader.Release()
	columns := newColumns(reader.Schema())
	file := must1(os.Create(filepath.Join(folder, way.name+".arrows")))
	defer file.Close()
	writer := ipc.NewWriter(file, ipc.WithSchema(reader.Schema()))
	for reader.Next() {
		batch := reader.RecordBatch()
		columns.add(batch)
		// pyarrow crashes over an empty union whose buffers have no bytes, as arrow-go writes it.
		if batch.NumRows() > 0 || !batch.Schema().HasField("union") {
			must(writer.Write(batch))
		}
	}
	must(reader.Err())
	must(writer.Close())
	same("the number of columns", columns.schema.NumFields(), len(way.cells))
	columns.check(way.cells)
	for _, field := range columns.schema.Fields() {
		kinds[fullNameOf(field.Type)] = true
	}
	must(os.WriteFile(filepath.Join(folder, way.name+".json"), must1(json.Marshal(way.cells)), 0o600))
}

// checkKinds fails if a type has been forgotten: each scalar that cases know, and what has parts.
func checkKinds(kinds map[string]bool) {
	wanted := []string{
		"decimal128(10, 2)", "decimal256(45, 3)", "fixed_size_binary(3)", "dictionary<int32, utf8>",
		"union<null: null, int: int32, string: utf8>",
	}
	for scalar := range scalars {
		if !strings.HasPrefix(scalar, "large_") {
			wanted = append(wanted, scalar)
		}
	}
	for _, column := range jsonColumns() {
		wanted = append(wanted, column.kind)
	}
	for _, kind := range wanted {
		if !kinds[kind] {
			fail("no column is of type %s", kind)
		}
	}
}
