package karrow

// #include <karrow.h>
// #include <stdlib.h>
//
// // In C, because a text that only Go refers to would be a leak to LeakSanitizer.
// static const char *karrow_go_detail_key(int index)
// {
//     static const char *const keys[] = {"topic", "side", "column", "path", "reason", "argument", "pointer", NULL};
//     return keys[index];
// }
//
// #cgo noescape karrow_error_position
// #cgo nocallback karrow_error_position
import "C"

import (
	"context"
	"errors"
	"strings"
	"unsafe"
)

// Status is what kind of trouble an [Error] is. A newer library may know more of them.
type Status int32

// The statuses, as karrow.h has them. There is a sentinel for each but StatusOK: [ErrEnd] and so on.
const (
	StatusOK              Status = C.KARROW_STATUS_OK
	StatusEnd             Status = C.KARROW_STATUS_END
	StatusInterrupted     Status = C.KARROW_STATUS_INTERRUPTED
	StatusTimeout         Status = C.KARROW_STATUS_TIMEOUT
	StatusBusy            Status = C.KARROW_STATUS_BUSY
	StatusClosed          Status = C.KARROW_STATUS_CLOSED
	StatusInvalidArgument Status = C.KARROW_STATUS_INVALID_ARGUMENT
	StatusInvalidState    Status = C.KARROW_STATUS_INVALID_STATE
	StatusNotFound        Status = C.KARROW_STATUS_NOT_FOUND
	StatusOutOfRange      Status = C.KARROW_STATUS_OUT_OF_RANGE
	StatusUnsupported     Status = C.KARROW_STATUS_UNSUPPORTED
	StatusBadRecord       Status = C.KARROW_STATUS_BAD_RECORD
	StatusKafka           Status = C.KARROW_STATUS_KAFKA
	StatusRegistry        Status = C.KARROW_STATUS_REGISTRY
	StatusProcessor       Status = C.KARROW_STATUS_PROCESSOR
	StatusLimit           Status = C.KARROW_STATUS_LIMIT
	StatusPanic           Status = C.KARROW_STATUS_PANIC
	StatusPoisoned        Status = C.KARROW_STATUS_POISONED
	StatusInternal        Status = C.KARROW_STATUS_INTERNAL
)

// String is the status's name in karrow.h, without the prefix: "INVALID_ARGUMENT".
func (s Status) String() string {
	return C.GoString(C.karrow_status_name(C.int32_t(s)))
}

// A sentinel is what errors of one status are, for [errors.Is].
type sentinel Status

func (s sentinel) Error() string {
	return "karrow: " + strings.ToLower(strings.ReplaceAll(Status(s).String(), "_", " "))
}

// What errors of this package are, for [errors.Is]: one for each status.
var (
	// ErrEnd: nothing can come any more, because every partition has finished or failed. It ends a loop over
	// [Consumer.Poll] as io.EOF ends one over Read.
	ErrEnd error = sentinel(StatusEnd)
	// ErrInterrupted: the call's context was cancelled before the call did anything; the error is context.Canceled,
	// too.
	ErrInterrupted error = sentinel(StatusInterrupted)
	// ErrTimeout: the time given was over before the call could do what it says. If it was the time of a context, the
	// error is context.DeadlineExceeded, too.
	ErrTimeout error = sentinel(StatusTimeout)
	// ErrBusy: another call is using the consumer.
	ErrBusy error = sentinel(StatusBusy)
	// ErrClosed: what the call is for has been closed.
	ErrClosed error = sentinel(StatusClosed)
	// ErrInvalidArgument: an argument is wrong; the message names it and says what would be right.
	ErrInvalidArgument error = sentinel(StatusInvalidArgument)
	// ErrInvalidState: the call does not fit the state of the consumer, as from inside a processor.
	ErrInvalidState error = sentinel(StatusInvalidState)
	// ErrNotFound: the topic, partition or column does not exist.
	ErrNotFound error = sentinel(StatusNotFound)
	// ErrOutOfRange: a row number or an offset lies outside what there is.
	ErrOutOfRange error = sentinel(StatusOutOfRange)
	// ErrUnsupported: karrow, or this build of it, cannot do what was asked.
	ErrUnsupported error = sentinel(StatusUnsupported)
	// ErrBadRecord: a record does not fit its columns.
	ErrBadRecord error = sentinel(StatusBadRecord)
	// ErrKafka: Kafka, or the way to it, reported an error; Error.KafkaCode has librdkafka's number.
	ErrKafka error = sentinel(StatusKafka)
	// ErrRegistry: the schema registry, or the way to it, reported an error.
	ErrRegistry error = sentinel(StatusRegistry)
	// ErrProcessor: a processor failed.
	ErrProcessor error = sentinel(StatusProcessor)
	// ErrLimit: a limit of memory or of the format has been reached; the message names it.
	ErrLimit error = sentinel(StatusLimit)
	// ErrPanic: karrow met a bug of its own; the message says which. Please report it.
	ErrPanic error = sentinel(StatusPanic)
	// ErrPoisoned: an earlier call ended in ErrPanic. The consumer no longer runs; what it has published stays
	// readable.
	ErrPoisoned error = sentinel(StatusPoisoned)
	// ErrInternal: something that should not be possible; the message says what. Please report it.
	ErrInternal error = sentinel(StatusInternal)
)

// Position is a record's place in its topic.
type Position struct {
	Partition PartitionID
	Offset    Offset
}

// Error is what went wrong in a call, or in a partition: all that the library says of it, copied out of the library.
// Every error of this package is one, for [errors.As]. It never changes.
type Error struct {
	// Status is what kind of trouble it is.
	Status Status
	// Message is the sentence to show: it names the thing and the way out, and holds no payload and no secret.
	Message string
	// KafkaCode is librdkafka's error number (positive ones are the Kafka protocol's); 0 if Kafka had no part in it.
	KafkaCode int32
	// Retriable says whether the same call may succeed later without a change.
	Retriable bool
	// Position is where in the topic it happened; nil if it belongs to no record.
	Position *Position
	// Details are by their keys: topic, side, column, path, reason, argument, pointer. Those that the error does not
	// have are missing.
	Details map[string]string

	causes []error
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Is says whether the target is the sentinel of the error's status.
func (e *Error) Is(target error) bool {
	s, ok := target.(sentinel)
	return ok && Status(s) == e.Status
}

// Unwrap is why the context of the call has ended, if that is what ended the call.
func (e *Error) Unwrap() []error { return e.causes }

func newError(status Status, message string) *Error {
	return &Error{Status: status, Message: message}
}

// argumentError is about an argument that the library never sees.
func argumentError(argument, message string) *Error {
	err := newError(StatusInvalidArgument, argument+": "+message)
	err.Details = map[string]string{"argument": argument}
	return err
}

// closedError is about something that has been closed.
func closedError(name string) *Error {
	return newError(StatusClosed, name+": it has been closed")
}

// endedBy notes that a context ended the call: its deadline if the context itself has not noticed yet.
func (e *Error) endedBy(ctx context.Context) *Error {
	if ctx.Err() == nil {
		e.causes = []error{context.DeadlineExceeded}
		return e
	}
	e.causes = []error{ctx.Err()}
	if cause := context.Cause(ctx); !errors.Is(ctx.Err(), cause) {
		e.causes = append(e.causes, cause)
	}
	return e
}

// contextError is the error of a call that its context has ended before it did anything.
func contextError(ctx context.Context, call string) *Error {
	status := StatusInterrupted
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		status = StatusTimeout
	}
	err := newError(status, call+": "+context.Cause(ctx).Error())
	err.Retriable = true
	return err.endedBy(ctx)
}

// copied takes an error of the library's over: everything it says is copied, and it is freed at once.
func copied(owned *C.karrow_error) *Error {
	defer C.karrow_error_free(owned)
	err := &Error{
		Status:    Status(C.karrow_error_status(owned)),
		Message:   C.GoString(C.karrow_error_message(owned)),
		KafkaCode: int32(C.karrow_error_kafka_code(owned)),
		Retriable: bool(C.karrow_error_is_retriable(owned)),
	}
	var partition C.int32_t
	var offset C.int64_t
	if C.karrow_error_position(owned, &partition, &offset) {
		err.Position = &Position{PartitionID(partition), Offset(offset)}
	}
	for index := C.int(0); ; index++ {
		key := C.karrow_go_detail_key(index)
		if key == nil {
			return err
		}
		if detail := C.karrow_error_detail(owned, key); detail != nil {
			if err.Details == nil {
				err.Details = map[string]string{}
			}
			err.Details[C.GoString(key)] = C.GoString(detail)
		}
	}
}

// An attempt is a call of a function of karrow.h, which takes where to write its error last.
type attempt = func(e **C.karrow_error) C.karrow_status

// call makes a call, and a Go error of what it reports. The plain type of the result keeps a nil *Error from becoming
// an error that is not nil.
func call(function attempt) error {
	var owned *C.karrow_error
	if Status(function(&owned)) != StatusOK {
		return copied(owned)
	}
	return nil
}

// texts are texts for C, which are freed together.
type texts struct {
	pointers []unsafe.Pointer
	err      error
}

// of is a text for C, which would take a NUL character for its end; that is an error, and the first one is kept.
func (t *texts) of(argument, text string) *C.char {
	if strings.IndexByte(text, 0) >= 0 {
		if t.err == nil {
			t.err = argumentError(argument, "it holds a NUL character")
		}
		return nil
	}
	pointer := C.CString(text)
	t.pointers = append(t.pointers, unsafe.Pointer(pointer))
	return pointer
}

// orNull is the same, with NULL for what is left out.
func (t *texts) orNull(argument string, text *string) *C.char {
	if text == nil {
		return nil
	}
	return t.of(argument, *text)
}

// list is an array of texts for C; NULL for none.
func (t *texts) list(argument string, all []string) **C.char {
	if len(all) == 0 {
		return nil
	}
	memory := C.malloc(C.size_t(len(all)) * C.size_t(unsafe.Sizeof((*C.char)(nil))))
	t.pointers = append(t.pointers, memory)
	list := unsafe.Slice((**C.char)(memory), len(all))
	for index, text := range all {
		list[index] = t.of(argument, text)
	}
	return &list[0]
}

func (t *texts) free() {
	for _, pointer := range t.pointers {
		C.free(pointer)
	}
}

// callWith is call with texts, which are made before and freed behind. It does not call if one of them is none.
func callWith(function func(t *texts) attempt) error {
	var t texts
	defer t.free()
	prepared := function(&t)
	if t.err != nil {
		return t.err
	}
	return call(prepared)
}
