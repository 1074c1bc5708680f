package karrow

// #include <karrow.h>
// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/cgo"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	"github.com/karrow/karrow/bindings/go/internal/native"
)

// A Processor makes columns of the payloads of one partition. Its input has a row for each record, one at least, in the
// order of their offsets: a column payload, binary, null for Kafka's null; then, if the spec has been set to them,
// offset, int64, and timestamp, timestamp[ms, UTC]. It returns the columns that the spec declared, with as many rows.
// It must not release the input, and must retain it to keep it. What it returns is released for it; the table shows its
// memory without a copy, so that it must not be changed from then on.
//
// It runs inside of [Consumer.Poll], on the goroutine that polls, once for each partition and cycle that has records.
// On the consumer whose poll runs it, only Snapshot, Schema and Progress can be called; Close and others return
// [ErrInvalidState], from other goroutines they wait for the poll, which then must not wait for them. It must not end
// its goroutine ([runtime.Goexit], as testing.T.FailNow does), which the program does not survive.
//
// The batch fails as a whole if it returns an error, panics, or returns what does not fit the declared columns: the
// partition stops at the batch's first record, with an error of status [ErrProcessor] that has the message, and
// [Consumer.Resume] has the same records come again. Messages are shown to users, and must hold nothing of a payload.
//
// A slice of a batch may be returned, but of one without struct columns: arrow-go exports sliced structs wrong, which
// fails the batch.
type Processor func(call *ProcessorCall, input arrow.RecordBatch) (arrow.RecordBatch, error)

// A ProcessorCall is one call of a processor: which partition it is for, and what is to become of single records. It is
// of use until the processor returns, to the goroutine that runs it.
type ProcessorCall struct {
	pointer *C.karrow_processor_call
}

// Partition is the partition of the records; -1 once the processor has returned.
func (c *ProcessorCall) Partition() PartitionID {
	return PartitionID(C.karrow_processor_call_partition(c.pointer))
}

// Refuse refuses a row of the input, counted from 0: its record is a bad record of the spec's side, and
// karrow.bad.record.policy says what becomes of it. What the output has in that row is not used. The reason says what
// was expected and found; it is shown to users, and must hold nothing of the payload.
//
// Errors: [ErrOutOfRange] for a row that there is not; [ErrInvalidArgument] once the processor has returned.
func (c *ProcessorCall) Refuse(row int64, reason string) error {
	return callWith(func(t *texts) attempt {
		r := t.of("reason", reason)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_processor_call_refuse(c.pointer, C.int64_t(row), r, e)
		}
	})
}

// karrowGoProcess is what the library calls. No panic leaves it: it would leave the library without its cleaning up.
//
//export karrowGoProcess
func karrowGoProcess(handle C.uintptr_t, pointer *C.karrow_processor_call) C.int32_t {
	c := &ProcessorCall{pointer}
	defer func() { c.pointer = nil }()
	if err := c.process(cgo.Handle(handle).Value().(Processor)); err != nil {
		// A message that C can take: the library has words of its own for an empty one.
		message := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "\uFFFD"), "\x00", "\uFFFD")
		_ = callWith(func(t *texts) attempt {
			m := t.of("message", message)
			return func(e **C.karrow_error) C.karrow_status { return C.karrow_processor_call_fail(pointer, m, e) }
		})
		return 1
	}
	return 0
}

// process is processed with whatever else may come of a function of the user's.
func (c *ProcessorCall) process(processor Processor) (err error) {
	returns := false
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("the processor panicked%s: %v", panicPlace(), value)
		} else if !returns {
			// Nothing can keep the goroutine from ending, and the library would wait for it for ever. So the program has to
			// end; on another goroutine, as functions that this one has deferred may wait for the library.
			go panic("karrow: a processor has ended its goroutine, as testing.T.FailNow does; it has to return")
			select {}
		}
	}()
	err = c.processed(processor)
	returns = true
	return err
}

// processed has the processor make the output of the input.
func (c *ProcessorCall) processed(processor Processor) error {
	input, err := c.takeInput()
	if err != nil {
		return err
	}
	defer input.Release()
	output, err := processor(c, input)
	if output != nil {
		defer output.Release()
	}
	if err != nil || output == nil {
		// Without an output, the library says so.
		return err
	}
	return c.setOutput(output)
}

func (c *ProcessorCall) takeInput() (arrow.RecordBatch, error) {
	var rows C.struct_ArrowArray
	schema, err := importSchema(func(schema *C.struct_ArrowSchema, e **C.karrow_error) C.karrow_status {
		return C.karrow_processor_call_take_input(c.pointer, &rows, schema, e)
	})
	if err != nil {
		return nil, err
	}
	return layoutOf(schema).importBatch(&rows)
}

func (c *ProcessorCall) setOutput(output arrow.RecordBatch) error {
	schema := exportedSchema(output.Schema())
	defer schema.release()
	// In C, because it holds a number where a pointer should be.
	rows := (*C.struct_ArrowArray)(C.calloc(1, C.sizeof_struct_ArrowArray))
	defer C.free(unsafe.Pointer(rows))
	exportOutput(output, rows)
	return call(func(e **C.karrow_error) C.karrow_status {
		return C.karrow_processor_call_set_output(c.pointer, rows, schema.pointer(), e)
	})
}

// An outputMemory keeps what the library shows of an output where it is. Most arrays lie in Go's memory, which C may
// only hold on to while it is pinned.
type outputMemory struct {
	array *C.struct_ArrowArray
	pins  runtime.Pinner
}

// exportOutput makes an array of C of a batch, whose release unpins its memory.
func exportOutput(output arrow.RecordBatch, to *C.struct_ArrowArray) {
	memory := &outputMemory{array: (*C.struct_ArrowArray)(C.calloc(1, C.sizeof_struct_ArrowArray))}
	for _, column := range output.Columns() {
		memory.pin(column.Data())
	}
	cdata.ExportArrowRecordBatch(output, (*cdata.CArrowArray)(unsafe.Pointer(memory.array)), nil)
	native.Made(native.Output)
	C.karrow_go_own_output(memory.array, C.uintptr_t(cgo.NewHandle(memory)), to)
}

func (m *outputMemory) pin(data arrow.ArrayData) {
	for _, buffer := range data.Buffers() {
		if buffer != nil && buffer.Len() > 0 {
			m.pins.Pin(unsafe.SliceData(buffer.Bytes()))
		}
	}
	for _, child := range data.Children() {
		m.pin(child)
	}
	// Asked of other types, arrow-go answers with a nil that is not nil.
	if data.DataType().ID() == arrow.DICTIONARY {
		m.pin(data.Dictionary())
	}
}

// karrowGoReleaseOutput is what the library calls once nothing shows an output any more, on any thread.
//
//export karrowGoReleaseOutput
func karrowGoReleaseOutput(handle C.uintptr_t) {
	memory := cgo.Handle(handle).Value().(*outputMemory)
	cgo.Handle(handle).Delete()
	cdata.ReleaseCArrowArray((*cdata.CArrowArray)(unsafe.Pointer(memory.array)))
	C.free(unsafe.Pointer(memory.array))
	memory.pins.Unpin()
	native.Freed(native.Output)
}

// karrowGoReleaseProcessor is what the library calls once nobody can call a processor any more, on any thread.
//
//export karrowGoReleaseProcessor
func karrowGoReleaseProcessor(handle C.uintptr_t) {
	cgo.Handle(handle).Delete()
	native.Freed(native.Callback)
}

// panicPlace is where a panic that is being recovered from has begun: " at file.go:12".
func panicPlace() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf(" at %s:%d", filepath.Base(frame.File), frame.Line)
		}
		if !more {
			return ""
		}
	}
}
