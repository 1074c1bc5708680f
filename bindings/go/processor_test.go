package karrow

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"
	"github.com/karrow/karrow/bindings/go/internal/native"
)

var declared = arrow.NewSchema([]arrow.Field{
	{Name: "V", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "Length", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
}, nil)

// lengths makes the declared columns of payloads.
func lengths(allocator memory.Allocator, input arrow.RecordBatch) arrow.RecordBatch {
	builder := array.NewRecordBuilder(allocator, declared)
	defer builder.Release()
	payloads := input.Column(0).(*array.Binary)
	for row := range payloads.Len() {
		if payloads.IsNull(row) {
			builder.Field(0).AppendNull()
			builder.Field(1).AppendNull()
			continue
		}
		builder.Field(0).(*array.StringBuilder).Append(string(payloads.Value(row)))
		builder.Field(1).(*array.Int64Builder).Append(int64(len(payloads.Value(row))))
	}
	return builder.NewRecordBatch()
}

func obey(_ *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
	return lengths(memory.DefaultAllocator, input), nil
}

func TestAFunctionMakesColumns(t *testing.T) {
	for name, allocator := range map[string]memory.Allocator{
		"in Go's memory": memory.DefaultAllocator, "in C's memory": mallocator.NewMallocator(),
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, 2)
			succeed(t, cluster.ProduceRecords("t", `["one", "", null, {"partition": 1, "value": "other"}]`))
			spec := Callback(declared, func(call *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
				for index, expected := range []string{"payload", "offset", "timestamp"} {
					equal(t, "column", input.ColumnName(index), expected)
				}
				for row := range int(input.NumRows()) {
					equal(t, "offset is null", input.Column(1).IsNull(row), false)
				}
				if call.Partition() > 1 {
					t.Error(call.Partition())
				}
				return lengths(allocator, input), nil
			})
			consumer := newOpen(t, cluster, Value(spec.Set("offset", "true").Set("timestamp", "true")))
			snapshot := readRows(t, consumer, 4)
			// What only the table refers to any more would be gone behind this.
			runtime.GC()
			equalTexts(t, "[0]", valuesOf(t, snapshot, 0), "one", "", "-")
			equalTexts(t, "[1]", valuesOf(t, snapshot, 1), "other")
			batch := must(must(snapshot.Partition(0))(t).Record())(t)
			equal(t, "Length", batch.Column(4).(*array.Int64).Value(0), 3)
			batch.Release()
			if native.Live()["output"] < 2 {
				t.Errorf("%v", native.Live())
			}
		})
	}
}

func TestAFunctionMakesEveryTypeOfColumn(t *testing.T) {
	list := arrow.Field{Name: "List", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true}
	pairs := arrow.Field{Name: "Map", Nullable: true,
		Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64)}
	fixed := arrow.Field{Name: "Fixed", Type: &arrow.FixedSizeBinaryType{ByteWidth: 3}, Nullable: true}
	at := arrow.Field{Name: "Time", Type: arrow.FixedWidthTypes.Timestamp_ns, Nullable: true}
	structure := arrow.Field{Name: "Struct", Nullable: true, Type: arrow.StructOf(
		arrow.Field{Name: "A", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		arrow.Field{Name: "B", Type: &arrow.Decimal128Type{Precision: 5, Scale: 2}, Nullable: true})}
	const rows = `[
		{"List":[1,null],"Map":[{"key":"k","value":0.5}],"Struct":{"A":true,"B":1.25},"Fixed":"YWJj","Time":1},
		{"List":null,"Map":null,"Struct":null,"Fixed":null,"Time":null},
		{"List":[],"Map":[],"Struct":{"A":null,"B":null},"Fixed":"YWJj","Time":2}]`
	for name, each := range map[string]struct {
		fields []arrow.Field
		// How many rows lie before those that are wanted, so that arrays have offsets; structs then come out wrong.
		before int64
	}{
		"from the first row on":  {[]arrow.Field{list, pairs, structure, fixed, at}, 0},
		"from the second row on": {[]arrow.Field{list, pairs, fixed, at}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, 1)
			produce(t, cluster, 0, "a", "b")
			schema := arrow.NewSchema(each.fields, nil)
			var made []string
			spec := Callback(schema, func(_ *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
				batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
				if err != nil {
					return nil, err
				}
				defer batch.Release()
				output := batch.NewSlice(each.before, each.before+input.NumRows())
				text, err := output.MarshalJSON()
				made = append(made, string(text))
				return output, err
			})
			consumer := newOpen(t, cluster, Value(spec), BlinkTable(), Set("karrow.partition.column.name", ""),
				Set("karrow.offset.column.name", ""), Set("karrow.timestamp.column.name", ""))
			var shown []string
			for rows := int64(0); rows < 2; {
				cycle := must(consumer.Poll(patient(t)))(t)
				rows += cycle.Rows
				equal(t, "failure", must(cycle.Partition(0))(t).Failure, nil)
				reader := must(cycle.Merged())(t)
				for reader.Next() {
					shown = append(shown, string(must(reader.RecordBatch().MarshalJSON())(t)))
				}
				succeed(t, reader.Err())
				reader.Release()
				succeed(t, cycle.Close())
			}
			equalTexts(t, "rows", shown, made...)
		})
	}
}

func TestAFunctionRefusesRows(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "one", "refuse", "three")
	var kept *ProcessorCall
	spec := Callback(declared, func(call *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
		kept = call
		for row := range int(input.NumRows()) {
			if string(input.Column(0).(*array.Binary).Value(row)) == "refuse" {
				if err := call.Refuse(int64(row), "expected anything else"); err != nil {
					return nil, err
				}
			}
		}
		expectError(t, call.Refuse(99, "none"), ErrOutOfRange, "99")
		return obey(call, input)
	})
	skipping := newOpen(t, cluster, Value(spec), Set("karrow.bad.record.policy", "skip"))
	equalTexts(t, "skipping", valuesOf(t, readRows(t, skipping, 2), 0), "one", "three")
	failing := newOpen(t, cluster, Value(spec))
	failed := readFailures(t, failing, 1)
	partition := must(failed.Partition(0))(t)
	expectError(t, partition.Failure, ErrBadRecord, "expected anything else, at t[0]@1 (value)")
	equalTexts(t, "before it", valuesOf(t, failed, 0), "one")
	succeed(t, failing.Resume(0, 2))
	equalTexts(t, "behind it", valuesOf(t, readRows(t, failing, 2), 0), "one", "three")
	expectError(t, kept.Refuse(0, "too late"), ErrInvalidArgument, "call")
	equal(t, "partition behind it", kept.Partition(), -1)
}

func TestAFunctionThatFailsFailsItsPartition(t *testing.T) {
	other := arrow.NewSchema([]arrow.Field{{Name: "Other", Type: arrow.BinaryTypes.String}}, nil)
	dictionary := arrow.NewSchema([]arrow.Field{{Name: "V", Type: &arrow.DictionaryType{
		IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}}}, nil)
	empty := func(schema *arrow.Schema) arrow.RecordBatch {
		builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer builder.Release()
		return builder.NewRecordBatch()
	}
	for _, each := range []struct {
		fault   Processor
		message string
	}{
		{func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) {
			return nil, errors.New("out of order")
		},
			"the processor failed: out of order"},
		{func(_ *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
			return lengths(memory.DefaultAllocator, input), errors.New("both\x00\xff")
		}, "the processor failed: both\uFFFD\uFFFD"},
		{func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) { panic("at the disco") },
			"the processor failed: the processor panicked at processor_test.go:"},
		{func(_ *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
			input.Column(7)
			return nil, nil
		}, "index out of range [7] with length 1"},
		{func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) { return nil, nil },
			"the processor has set no output"},
		{func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) { return empty(other), nil },
			"the processor failed: output: expected 2 columns, found 1"},
		{func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) { return empty(declared), nil },
			"the processor failed: output: expected 2 rows"},
		{func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) { return empty(dictionary), nil },
			"the processor failed: "},
		{func(call *ProcessorCall, _ arrow.RecordBatch) (arrow.RecordBatch, error) {
			return nil, call.Refuse(99, "none")
		},
			"the processor failed: row: there is no row 99"},
		{func(call *ProcessorCall, _ arrow.RecordBatch) (arrow.RecordBatch, error) {
			return nil, call.Refuse(0, "\x00")
		},
			"the processor failed: reason: it holds a NUL character"},
	} {
		t.Run(each.message, func(t *testing.T) {
			cluster := newCluster(t, 2)
			produce(t, cluster, 0, "one", "two")
			produce(t, cluster, 1, "other")
			var isMended atomic.Bool
			spec := Callback(declared, func(call *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
				if call.Partition() == 0 && !isMended.Load() {
					return each.fault(call, input)
				}
				return obey(call, input)
			})
			consumer := newOpen(t, cluster, Value(spec), Set("karrow.poll.linger.ms", "100"))
			snapshot := pollUntil(t, consumer, func(cycle *Cycle) bool {
				return cycle.Failed == 1 && rowsIn(cycle.Snapshot) == 1
			}).Snapshot
			partition := must(snapshot.Partition(0))(t)
			expectError(t, partition.Failure, ErrProcessor, each.message)
			expectError(t, partition.Failure, ErrProcessor, ", at t[0]@0 (value)")
			equalTexts(t, "[1]", valuesOf(t, snapshot, 1), "other")
			isMended.Store(true)
			succeed(t, consumer.Resume(0, partition.NextOffset))
			equalTexts(t, "[0]", valuesOf(t, readRows(t, consumer, 3), 0), "one", "two")
		})
	}
}

func TestAFunctionCannotUseTheConsumerThatRunsIt(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "one")
	var consumer *Consumer
	spec := Callback(declared, func(call *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
		const rest = ": a processor cannot use the consumer whose poll runs it"
		_, err := consumer.Poll(patient(t))
		expectError(t, err, ErrInvalidState, "poll"+rest)
		expectError(t, consumer.Close(), ErrInvalidState, "close"+rest)
		expectError(t, consumer.Shutdown(patient(t)), ErrInvalidState, "close"+rest)
		expectError(t, consumer.Resume(0, 0), ErrInvalidState, "resume"+rest)
		snapshot := must(consumer.Snapshot())(t)
		defer snapshot.Close()
		equal(t, "rows", rowsIn(snapshot), 0)
		equal(t, "progress", len(must(consumer.Progress())(t)), 1)
		return obey(call, input)
	})
	consumer = newOpen(t, cluster, Value(spec))
	equalTexts(t, "values", valuesOf(t, readRows(t, consumer, 1), 0), "one")
}

func TestAFunctionServesSeveralConsumersAndIsLetGoOnce(t *testing.T) {
	cluster := newCluster(t, 1)
	var calls atomic.Int64
	spec := Callback(declared, func(call *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
		calls.Add(1)
		return obey(call, input)
	})
	equal(t, "callbacks before", native.Live()["callback"], 0)
	var consumers []*Consumer
	for range 3 {
		consumers = append(consumers, newOpen(t, cluster, Value(spec)))
	}
	equal(t, "callbacks", native.Live()["callback"], 3)
	var readers sync.WaitGroup
	for _, consumer := range consumers {
		readers.Go(func() {
			rows := int64(0)
			for rows < 30 {
				cycle, err := consumer.Poll(patient(t))
				if err != nil {
					t.Error(err)
					return
				}
				rows += cycle.Rows
				_ = cycle.Close()
			}
		})
	}
	for range 30 {
		produce(t, cluster, 0, "shared")
	}
	readers.Wait()
	if calls.Load() < 3 {
		t.Error(calls.Load())
	}
	for _, consumer := range consumers {
		succeed(t, consumer.Close())
	}
	equal(t, "callbacks behind", native.Live()["callback"], 0)
}

func TestAFunctionThatEndsItsGoroutineEndsTheProgramWithAMessage(t *testing.T) {
	const variable = "KARROW_TEST_ENDS_ITS_GOROUTINE"
	if os.Getenv(variable) == "" {
		program := exec.CommandContext(patient(t), os.Args[0], "-test.run=^"+t.Name()+"$")
		program.Env = append(os.Environ(), variable+"=1")
		output, err := program.CombinedOutput()
		if err == nil || !strings.Contains(string(output), "a processor has ended its goroutine") {
			t.Errorf("%v: %s", err, output)
		}
		return
	}
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "one")
	consumer := newOpen(t, cluster, Value(Callback(declared,
		func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) {
			runtime.Goexit()
			return nil, nil
		})))
	readRows(t, consumer, 1)
}
