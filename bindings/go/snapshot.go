package karrow

// #include <karrow.h>
//
// #cgo noescape karrow_snapshot_partition_at
// #cgo nocallback karrow_snapshot_partition_at
// #cgo noescape karrow_snapshot_state
// #cgo nocallback karrow_snapshot_state
// #cgo noescape karrow_snapshot_rows
// #cgo nocallback karrow_snapshot_rows
// #cgo noescape karrow_snapshot_next_offset
// #cgo nocallback karrow_snapshot_next_offset
import "C"

import (
	"iter"
	"runtime"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/karrow/karrow/bindings/go/internal/native"
)

// A Snapshot is the partitioned table as of one cycle: immutable, and consistent across partitions. Any goroutines may
// use it. Close it when it has been read: until then it holds the rows it shows. Readers and batches that were made of
// it, and the fields of its partitions, outlive it.
type Snapshot struct {
	handle *handle[*C.karrow_snapshot]
	layout *lazyLayout
}

func newSnapshot(pointer *C.karrow_snapshot, layout *lazyLayout) *Snapshot {
	free := func(pointer *C.karrow_snapshot) { C.karrow_snapshot_free(pointer) }
	s := &Snapshot{newHandle("snapshot", native.Snapshot, pointer, free), layout}
	runtime.AddCleanup(s, (*handle[*C.karrow_snapshot]).close, s.handle)
	return s
}

// Close lets go of what the snapshot shows. Afterwards it has no partitions, and its other methods that can fail return
// [ErrClosed]. Closing again does nothing. The error is always nil.
func (s *Snapshot) Close() error {
	s.handle.close()
	return nil
}

// with calls a function of karrow.h on the snapshot.
func (s *Snapshot) with(function func(snapshot *C.karrow_snapshot, e **C.karrow_error) C.karrow_status) error {
	pointer, err := s.handle.use()
	if err != nil {
		return err
	}
	defer s.handle.done()
	return call(func(e **C.karrow_error) C.karrow_status { return function(pointer, e) })
}

// Number is how many cycles there have been: 0 before the first poll. Of a snapshot that has been closed it is 0.
func (s *Snapshot) Number() int64 {
	pointer, err := s.handle.use()
	if err != nil {
		return 0
	}
	defer s.handle.done()
	return int64(C.karrow_snapshot_cycle(pointer))
}

// Len is how many partitions there are, empty ones included. Of a snapshot that has been closed it is 0.
func (s *Snapshot) Len() int {
	pointer, err := s.handle.use()
	if err != nil {
		return 0
	}
	defer s.handle.done()
	return int(C.karrow_snapshot_partition_count(pointer))
}

// Partitions are all partitions that are read, empty ones included, in ascending order. Of a snapshot that has been
// closed there are none.
func (s *Snapshot) Partitions() iter.Seq[Partition] {
	return func(yield func(Partition) bool) {
		for index := range s.Len() {
			partition, err := s.partitionAt(index)
			// It can only fail because the snapshot has been closed meanwhile.
			if err != nil || !yield(partition) {
				return
			}
		}
	}
}

// Partition is one partition by its number.
//
// Errors: [ErrNotFound] for one that is not read; [ErrClosed].
func (s *Snapshot) Partition(id PartitionID) (Partition, error) {
	pointer, err := s.handle.use()
	if err != nil {
		return Partition{}, err
	}
	defer s.handle.done()
	return s.partition(pointer, C.int32_t(id))
}

func (s *Snapshot) partitionAt(index int) (Partition, error) {
	pointer, err := s.handle.use()
	if err != nil {
		return Partition{}, err
	}
	defer s.handle.done()
	var id C.int32_t
	var failure *C.karrow_error
	if C.karrow_snapshot_partition_at(pointer, C.size_t(index), &id, &failure) != C.KARROW_STATUS_OK {
		return Partition{}, copied(failure)
	}
	return s.partition(pointer, id)
}

// partition asks for everything that a snapshot says of a partition. It is called for every partition and cycle, and so
// does without closures.
func (s *Snapshot) partition(pointer *C.karrow_snapshot, id C.int32_t) (Partition, error) {
	var state C.int32_t
	var firstRow, endRow, nextOffset C.int64_t
	var failure *C.karrow_error
	if C.karrow_snapshot_state(pointer, id, &state, &failure) != C.KARROW_STATUS_OK ||
		C.karrow_snapshot_rows(pointer, id, &firstRow, &endRow, &failure) != C.KARROW_STATUS_OK ||
		C.karrow_snapshot_next_offset(pointer, id, &nextOffset, &failure) != C.KARROW_STATUS_OK {
		return Partition{}, copied(failure)
	}
	p := Partition{
		ID:         PartitionID(id),
		State:      PartitionState(state),
		FirstRow:   int64(firstRow),
		EndRow:     int64(endRow),
		NextOffset: Offset(nextOffset),
		snapshot:   s,
	}
	if p.State == Failed || p.State == Waiting {
		if err := p.askForFailure(pointer); err != nil {
			return Partition{}, err
		}
	}
	return p, nil
}

func (p *Partition) askForFailure(pointer *C.karrow_snapshot) error {
	var failure *C.karrow_error
	err := call(func(e **C.karrow_error) C.karrow_status {
		return C.karrow_snapshot_failure(pointer, C.int32_t(p.ID), &failure, e)
	})
	if failure != nil {
		p.Failure = copied(failure)
	}
	return err
}

// Schema is the columns of every partition. Its metadata has karrow.topic, that of each field karrow.origin and
// karrow.source.
func (s *Snapshot) Schema() (*arrow.Schema, error) {
	layout, err := s.getLayout()
	if err != nil {
		return nil, err
	}
	return layout.schema, nil
}

func (s *Snapshot) getLayout() (*layout, error) {
	pointer, err := s.handle.use()
	if err != nil {
		return nil, err
	}
	defer s.handle.done()
	return s.layout.get(func() (*arrow.Schema, error) {
		return importSchema(func(schema *C.struct_ArrowSchema, e **C.karrow_error) C.karrow_status {
			return C.karrow_snapshot_schema(pointer, schema, e)
		})
	})
}

// View is the same rows with chosen columns: each text is "Name", which keeps a column, or "New=Old", which renames
// one. It is a snapshot of its own, to be closed too, which keeps states, failures and next offsets.
//
// Errors: [ErrNotFound] for a column that does not exist; [ErrInvalidArgument] for none at all, a name that appears
// twice, or a text of neither form; [ErrClosed].
func (s *Snapshot) View(columns ...string) (*Snapshot, error) {
	var view *C.karrow_snapshot
	pointer, err := s.handle.use()
	if err != nil {
		return nil, err
	}
	defer s.handle.done()
	err = callWith(func(t *texts) attempt {
		names := t.list("columns", columns)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_snapshot_view(pointer, names, C.size_t(len(columns)), &view, e)
		}
	})
	if err != nil {
		return nil, err
	}
	return newSnapshot(view, &lazyLayout{}), nil
}

// Merged reads the rows of all partitions, one partition after the other: all rows, or those from a row number on, of
// which there is then one for each partition, in their order. Release the reader.
//
// Errors: [ErrInvalidArgument] for another number of row numbers; [ErrOutOfRange] for rows that are not kept any more
// or not there yet; [ErrClosed].
func (s *Snapshot) Merged(fromRows ...int64) (array.RecordReader, error) {
	rows := make([]C.int64_t, len(fromRows))
	for index, row := range fromRows {
		rows[index] = C.int64_t(row)
	}
	return s.reader(func(p *C.karrow_snapshot, to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status {
		var first *C.int64_t
		if len(rows) > 0 {
			first = &rows[0]
		}
		return C.karrow_snapshot_export_merged(p, first, C.size_t(len(rows)), to, e)
	})
}

func (s *Snapshot) reader(
	export func(p *C.karrow_snapshot, to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status,
) (array.RecordReader, error) {
	layout, err := s.getLayout()
	if err != nil {
		return nil, err
	}
	pointer, err := s.handle.use()
	if err != nil {
		return nil, err
	}
	defer s.handle.done()
	return newReader(layout, func(to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status {
		return export(pointer, to, e)
	})
}

// A Partition is one partition in a snapshot: an Arrow table, and what there is to know of it. Its methods need the
// snapshot not to be closed yet, its fields do not.
type Partition struct {
	// ID is Kafka's number of the partition.
	ID PartitionID
	// State is what it is doing.
	State PartitionState
	// FirstRow is the number of the first row there is. Row numbers count the rows that a partition has published, from
	// 0, and never go back. In a blink table this is the number of rows before the cycle.
	FirstRow int64
	// EndRow is the number behind that of the last row: where to go on reading in a later snapshot.
	EndRow int64
	// NextOffset is where reading goes on after what the snapshot shows; if the partition has failed at a record, the
	// offset of that record.
	NextOffset Offset
	// Failure is why it has failed, or waits: an *[Error]. It is nil while the partition is being read, and once it has
	// finished.
	Failure error

	snapshot *Snapshot
}

// Reader reads all rows of the partition, batch by batch. The batches share the table's memory. The reader is to be
// released, and any one goroutine at a time may use it; a batch that is to be kept beyond the next one is to be
// retained.
//
// Errors: [ErrClosed] for a snapshot that has been closed.
func (p Partition) Reader() (array.RecordReader, error) { return p.ReaderRange(p.FirstRow, p.EndRow) }

// ReaderFrom reads the rows from a row number on, such as the EndRow of an earlier snapshot. Otherwise as
// [Partition.Reader].
//
// Errors: [ErrOutOfRange] for rows that are not kept any more (the message names the first) or not there yet;
// [ErrClosed].
func (p Partition) ReaderFrom(fromRow int64) (array.RecordReader, error) {
	return p.ReaderRange(fromRow, p.EndRow)
}

// ReaderRange reads the rows from a row number to before another; -1 is the end. Otherwise as [Partition.ReaderFrom].
func (p Partition) ReaderRange(fromRow, endRow int64) (array.RecordReader, error) {
	if p.snapshot == nil {
		return nil, errNoSnapshot()
	}
	id, from, end := C.int32_t(p.ID), C.int64_t(fromRow), C.int64_t(endRow)
	return p.snapshot.reader(
		func(s *C.karrow_snapshot, to *C.struct_ArrowArrayStream, e **C.karrow_error) C.karrow_status {
			return C.karrow_snapshot_export_stream(s, id, from, end, to, e)
		})
}

// Record is all rows of the partition as one batch, to be released. They are put together when first asked for, and
// kept with the snapshot.
//
// Errors: [ErrLimit] if they do not fit into one batch (a column of text beyond 2 GiB): use a reader; [ErrClosed].
func (p Partition) Record() (arrow.RecordBatch, error) {
	if p.snapshot == nil {
		return nil, errNoSnapshot()
	}
	layout, err := p.snapshot.getLayout()
	if err != nil {
		return nil, err
	}
	var rows C.struct_ArrowArray
	err = p.snapshot.with(func(s *C.karrow_snapshot, e **C.karrow_error) C.karrow_status {
		return C.karrow_snapshot_export_array(s, C.int32_t(p.ID), &rows, nil, e)
	})
	if err != nil {
		return nil, err
	}
	return layout.importBatch(&rows)
}

func errNoSnapshot() error {
	return argumentError("partition", "it is of no snapshot; Snapshot.Partitions has those of one")
}
