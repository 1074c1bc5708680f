package tests

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	karrow "github.com/karrow/karrow/bindings/go"
)

// The program that these tests are, called with the file of a question, reads tables with arrow-go:
// tests/readers/readers.py says what the question is, and the answer.

// answerQuestion prints the answer to a question.
func answerQuestion(file string) {
	allocator := memory.NewCheckedAllocator(memory.DefaultAllocator)
	question := membersOf(must1(parsed(must1(os.ReadFile(file)))))
	made := readFile(as[string](question.need("arrows")), allocator)
	if allocator.CurrentAlloc() == 0 {
		fail("what the processor makes is not in the memory that is looked at")
	}
	settings := question.need("options")
	answers := []any{}
	for _, table := range list(question.need("tables")) {
		answers = append(answers, readTable(membersOf(table), settings, made))
	}
	question.end()
	fmt.Println(shown(answers))
	made.Release()
	if left := allocator.CurrentAlloc(); left != 0 {
		fail("%d bytes of what the processor made have not been released", left)
	}
}

// readFile is the one batch of a stream in a file.
func readFile(path string, allocator memory.Allocator) arrow.RecordBatch {
	file := must1(os.Open(path))
	defer file.Close()
	reader := must1(ipc.NewReader(file, ipc.WithAllocator(allocator)))
	defer reader.Release()
	batch := must1(reader.Read())
	batch.Retain()
	return batch
}

// readerSpec is a spec; that of a processor makes rows of a batch.
func readerSpec(spec any, made arrow.RecordBatch) karrow.Spec {
	if as[map[string]any](spec)["spec"] != "processor" {
		return specOf(spec)
	}
	return karrow.Callback(made.Schema(), func(_ *karrow.ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error) {
		// Payloads are the numbers of rows, which come one after the other.
		first, failure := strconv.ParseInt(string(input.Column(0).(*array.Binary).Value(0)), 10, 64)
		if failure != nil {
			return nil, failure
		}
		return made.NewSlice(first, first+input.NumRows()), nil
	})
}

func readTable(table members, settings any, made arrow.RecordBatch) any {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kinds := map[string]karrow.Option{
		"append": karrow.AppendTable(), "blink": karrow.BlinkTable(), "ring": karrow.RingTable(integer(table.need("capacity"))),
	}
	kind := as[string](table.need("kind"))
	options := []karrow.Option{
		kinds[kind], karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning),
		karrow.Key(readerSpec(table.need("key"), made)), karrow.Value(readerSpec(table.need("value"), made)),
	}
	names, values := sorted(settings)
	for _, name := range names {
		options = append(options, karrow.Set(name, as[string](values[name])))
	}
	consumer := must1(karrow.Open(ctx, as[string](table.need("topic")), options...))
	defer consumer.Close()
	reads := list(table.need("reads"))
	answers := make([]any, len(reads))
	for index := range answers {
		answers[index] = map[string]any{}
	}
	left := integer(table.need("rows"))
	table.end()
	for left > 0 {
		cycle := must1(consumer.Poll(ctx))
		left -= cycle.Rows
		if left == 0 || kind == "blink" {
			for index, read := range reads {
				readAsked(cycle.Snapshot, membersOf(read), answers[index].(map[string]any))
			}
		}
		must(cycle.Close())
	}
	return answers
}

// readAsked adds what a read finds to its answer.
func readAsked(snapshot *karrow.Snapshot, read members, answer map[string]any) {
	view := must1(snapshot.View(texts(read.need("columns"))...))
	defer view.Close()
	partition := must1(view.Partition(0))
	reader, failure := askedReader(partition, read)
	if failure != nil {
		answer["error"] = failure.Error()
		return
	}
	found := newColumns(reader.Schema())
	found.addAll(reader)
	cells, _ := answer["cells"].(map[string]any)
	if cells == nil {
		cells = map[string]any{}
		answer["cells"] = cells
	}
	for index, field := range found.schema.Fields() {
		cells[field.Name] = append(list(cells[field.Name]), found.cells[index]...)
	}
}

func askedReader(partition karrow.Partition, read members) (array.RecordReader, error) {
	defer read.end()
	if takeOr(read, "array", false) {
		record, failure := partition.Record()
		if failure != nil {
			return nil, failure
		}
		defer record.Release()
		return array.NewRecordReader(record.Schema(), []arrow.RecordBatch{record})
	}
	if !read.has("rows") {
		return partition.Reader()
	}
	rows := list(read.take("rows"))
	return partition.ReaderRange(integer(rows[0]), integer(rows[1]))
}
