package karrow

// #include <karrow.h>
//
// static int karrow_go_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema)
// {
//     return stream->get_schema(stream, schema);
// }
//
// static int karrow_go_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *array)
// {
//     return stream->get_next(stream, array);
// }
//
// static const char *karrow_go_stream_error(struct ArrowArrayStream *stream)
// {
//     return stream->get_last_error(stream);
// }
//
// static void karrow_go_stream_release(struct ArrowArrayStream *stream)
// {
//     if (stream->release != NULL)
//         stream->release(stream);
// }
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	"github.com/karrow/karrow/bindings/go/internal/native"
)

// importSchema is the schema that a function of karrow.h writes.
func importSchema(
	function func(schema *C.struct_ArrowSchema, e **C.karrow_error) C.karrow_status,
) (*arrow.Schema, error) {
	var schema C.struct_ArrowSchema
	err := call(func(e **C.karrow_error) C.karrow_status { return function(&schema, e) })
	if err != nil {
		return nil, err
	}
	return schemaOf(&schema)
}

// schemaOf takes a schema over.
func schemaOf(schema *C.struct_ArrowSchema) (*arrow.Schema, error) {
	imported, err := cdata.ImportCArrowSchema((*cdata.CArrowSchema)(unsafe.Pointer(schema)))
	if err != nil {
		return nil, importError(err)
	}
	return imported, nil
}

// importError is about data of the library's that arrow-go does not read.
func importError(err error) error {
	return newError(StatusInternal, "arrow-go cannot import what karrow exports: "+err.Error())
}

// A borrowedSchema is a schema in C, for functions of karrow.h that borrow one.
type borrowedSchema struct {
	c *C.struct_ArrowSchema
}

// exportedSchema is a schema in C, to be released. A nil schema becomes NULL, which the library refuses with the name
// of its argument.
func exportedSchema(schema *arrow.Schema) borrowedSchema {
	if schema == nil {
		return borrowedSchema{}
	}
	c := new(C.struct_ArrowSchema)
	cdata.ExportArrowSchema(schema, (*cdata.CArrowSchema)(unsafe.Pointer(c)))
	return borrowedSchema{c}
}

func (s borrowedSchema) pointer() *C.struct_ArrowSchema { return s.c }

func (s borrowedSchema) release() {
	if s.c != nil {
		cdata.ReleaseCArrowSchema((*cdata.CArrowSchema)(unsafe.Pointer(s.c)))
	}
}

// layout is a schema, and the type of a batch of it, which takes long to make.
type layout struct {
	schema *arrow.Schema
	batch  *arrow.StructType
}

func layoutOf(schema *arrow.Schema) *layout {
	return &layout{schema, arrow.StructOf(schema.Fields()...)}
}

// A lazyLayout is made when somebody asks. All snapshots of a consumer share one, because their columns never change.
type lazyLayout struct {
	once   sync.Once
	layout *layout
	err    error
}

func (l *lazyLayout) get(schema func() (*arrow.Schema, error)) (*layout, error) {
	l.once.Do(func() {
		var made *arrow.Schema
		if made, l.err = schema(); l.err == nil {
			l.layout = layoutOf(made)
		}
	})
	return l.layout, l.err
}

// importBatch takes an array over.
func (l *layout) importBatch(from *C.struct_ArrowArray) (arrow.RecordBatch, error) {
	countBatch(from)
	source := (*cdata.CArrowArray)(unsafe.Pointer(from))
	imported, err := cdata.ImportCArrayWithType(source, l.batch)
	if err != nil {
		cdata.ReleaseCArrowArray(source)
		return nil, importError(err)
	}
	defer imported.Release()
	rows := imported.(*array.Struct)
	columns := make([]arrow.Array, rows.NumField())
	for index := range columns {
		columns[index] = rows.Field(index)
	}
	return array.NewRecordBatch(l.schema, columns, int64(rows.Len())), nil
}

// A stream of the library's, and the batch that its reader has come to.
type stream struct {
	c        C.struct_ArrowArrayStream
	released bool
	current  arrow.RecordBatch
}

func (s *stream) release() {
	if !s.released {
		s.released = true
		C.karrow_go_stream_release(&s.c)
		native.Freed(native.Stream)
	}
}

// letGo releases the batch.
func (s *stream) letGo() {
	if s.current != nil {
		s.current.Release()
		s.current = nil
	}
}

// abandon releases everything.
func (s *stream) abandon() {
	s.letGo()
	s.release()
}

// A reader reads a stream. arrow-go has one too, which leaves it to the garbage collector to release the stream: that
// knows nothing of the memory of the table, which the stream holds, and so may never run while it grows.
type reader struct {
	references atomic.Int64
	stream     *stream
	layout     *layout
	err        error
}

var _ array.RecordReader = (*reader)(nil)

// newReader reads the stream that a function of karrow.h writes. Its layout is asked for if it is not known.
func newReader(
	known *layout, function func(stream *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status,
) (array.RecordReader, error) {
	s := &stream{}
	err := call(func(e **C.karrow_error) C.karrow_status { return function(&s.c, e) })
	if err != nil {
		return nil, err
	}
	native.Made(native.Stream)
	r := &reader{stream: s, layout: known}
	r.references.Store(1)
	runtime.AddCleanup(r, (*stream).abandon, s)
	if known == nil {
		if err := r.askForLayout(); err != nil {
			r.Release()
			return nil, err
		}
	}
	return r, nil
}

func (r *reader) askForLayout() error {
	var schema C.struct_ArrowSchema
	if code := C.karrow_go_stream_schema(&r.stream.c, &schema); code != 0 {
		return r.streamError(code)
	}
	imported, err := schemaOf(&schema)
	if err == nil {
		r.layout = layoutOf(imported)
	}
	return err
}

func (r *reader) streamError(code C.int) error {
	message := C.GoString(C.karrow_go_stream_error(&r.stream.c))
	if message == "" {
		message = syscall.Errno(code).Error()
	}
	return newError(StatusInternal, message)
}

func (r *reader) Retain() { r.references.Add(1) }

func (r *reader) Release() {
	if r.references.Add(-1) == 0 {
		r.stream.abandon()
	}
}

func (r *reader) Schema() *arrow.Schema { return r.layout.schema }

func (r *reader) RecordBatch() arrow.RecordBatch { return r.stream.current }

// Record is the name that RecordBatch had.
func (r *reader) Record() arrow.RecordBatch { return r.stream.current }

func (r *reader) Err() error { return r.err }

func (r *reader) Next() bool {
	r.stream.letGo()
	if r.err != nil || r.stream.released {
		return false
	}
	if debugging {
		runtime.GC()
	}
	var next C.struct_ArrowArray
	if code := C.karrow_go_stream_next(&r.stream.c, &next); code != 0 {
		r.err = r.streamError(code)
	} else if next.release == nil {
		// Nothing comes any more, so that nothing has to be held any more.
		r.stream.release()
	} else {
		r.stream.current, r.err = r.layout.importBatch(&next)
	}
	hasNext := r.stream.current != nil
	runtime.KeepAlive(r)
	return hasNext
}
