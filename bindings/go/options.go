package karrow

// #include <karrow.h>
import "C"

import (
	"context"
	"log/slog"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/karrow/karrow/bindings/go/internal/native"
)

// An Option says something about what to consume and what to make of it: see [Open]. Options are applied in their
// order. They are values that never change, so that one may serve many consumers.
type Option struct {
	apply func(*settings) error
}

// settings are what options are applied to.
type settings struct {
	options *C.karrow_options
	logger  *slog.Logger
}

// newSettings makes the library's options, with everything that is said of them. Whoever gets them frees them.
func newSettings(topic string, options []Option) (*settings, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	s := &settings{}
	err := callWith(func(t *texts) attempt {
		name := t.of("topic", topic)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_options_new(name, &s.options, e) }
	})
	if err != nil {
		return nil, err
	}
	native.Made(native.Options)
	for _, option := range options {
		if err := option.applyTo(s); err != nil {
			s.free()
			return nil, err
		}
	}
	return s, nil
}

func (s *settings) free() {
	C.karrow_options_free(s.options)
	native.Freed(native.Options)
}

func (o Option) applyTo(s *settings) error {
	if o.apply == nil {
		return argumentError("options", "one is the zero Option; options are made by functions such as Set and Value")
	}
	return o.apply(s)
}

// setter is an option that is one call.
func setter(set func(o *C.karrow_options, e **C.karrow_error) C.karrow_status) Option {
	return Option{func(s *settings) error {
		return call(func(e **C.karrow_error) C.karrow_status { return set(s.options, e) })
	}}
}

// Set sets a property. Keys that begin with "karrow." (or "deephaven.") are the library's, as karrow's docs/options.md
// lists them; all others are Kafka's, as librdkafka or the Java client has them, or the schema registry's. The last
// value of a key counts.
//
// Errors of Open: ErrInvalidArgument for an unknown key, with the nearest ones, for one that karrow must own, and for a
// wrong value; ErrUnsupported for what cannot be honoured.
func Set(key, value string) Option {
	return Option{func(s *settings) error {
		return callWith(func(t *texts) attempt {
			k, v := t.of("key", key), t.of("value", value)
			return func(e **C.karrow_error) C.karrow_status { return C.karrow_options_set(s.options, k, v, e) }
		})
	}}
}

// Unset sets a property back to its default.
func Unset(key string) Option {
	return Option{func(s *settings) error {
		return callWith(func(t *texts) attempt {
			k := t.of("key", key)
			return func(e **C.karrow_error) C.karrow_status { return C.karrow_options_set(s.options, k, nil, e) }
		})
	}}
}

// Key says how the keys of the records become columns. Without it they become the column that karrow.key.column.name
// and karrow.key.column.type, or key.deserializer, say.
func Key(spec Spec) Option { return sideOption(C.KARROW_SIDE_KEY, spec) }

// Value says how the values of the records become columns. Without it they become the column that
// karrow.value.column.name and karrow.value.column.type, or value.deserializer, say.
func Value(spec Spec) Option { return sideOption(C.KARROW_SIDE_VALUE, spec) }

func sideOption(side C.int32_t, spec Spec) Option {
	return Option{func(s *settings) error {
		made, err := spec.build()
		if err != nil {
			return err
		}
		defer freeSpec(made)
		return call(func(e **C.karrow_error) C.karrow_status {
			return C.karrow_options_set_spec(s.options, side, made, e)
		})
	}}
}

// Partitions reads only these partitions; order and duplicates do not matter.
//
// Errors of Open: ErrInvalidArgument for none at all, or a negative number; ErrNotFound for one that the topic does not
// have.
func Partitions(ids ...PartitionID) Option {
	numbers := make([]C.int32_t, len(ids))
	for index, id := range ids {
		numbers[index] = C.int32_t(id)
	}
	return setter(func(o *C.karrow_options, e **C.karrow_error) C.karrow_status {
		var first *C.int32_t
		if len(numbers) > 0 {
			first = &numbers[0]
		}
		return C.karrow_options_set_partitions(o, first, C.size_t(len(numbers)), e)
	})
}

// StartAt says where a partition starts: at an offset or a logical position. What is said of one partition beats what
// is said of [AllPartitions], in whatever order.
//
// An offset outside the partition's log goes where auto.offset.reset says. Errors of Open: ErrInvalidArgument for
// negative numbers that are none of the constants; ErrNotFound for a partition that the topic does not have.
func StartAt(partition PartitionID, offset Offset) Option {
	return setter(func(o *C.karrow_options, e **C.karrow_error) C.karrow_status {
		return C.karrow_options_set_start_offset(o, C.int32_t(partition), C.int64_t(offset), e)
	})
}

// StartAtTime says where a partition starts: at the first record of this time or later, as of Open; if there is none
// yet, at the end of the log.
//
// Errors of Open: ErrInvalidArgument for a time before 1970; otherwise as [StartAt].
func StartAtTime(partition PartitionID, at time.Time) Option {
	return setter(func(o *C.karrow_options, e **C.karrow_error) C.karrow_status {
		return C.karrow_options_set_start_time(o, C.int32_t(partition), kafkaTime(at), e)
	})
}

// StopBefore says where a partition stops: before the record of this offset, whether it is there yet or not. Once all
// partitions have finished, [Consumer.Poll] returns [ErrEnd]. Without such an option a partition is read for ever. What
// is said of one partition beats what is said of [AllPartitions]; partitions that the topic gets later are not read if
// there is a stop for all.
//
// Errors of Open: ErrInvalidArgument for a negative offset; ErrNotFound for a partition that the topic does not have.
func StopBefore(partition PartitionID, offset Offset) Option {
	return setter(func(o *C.karrow_options, e **C.karrow_error) C.karrow_status {
		return C.karrow_options_set_stop_offset(o, C.int32_t(partition), C.int64_t(offset), e)
	})
}

// StopBeforeTime says where a partition stops: before the first record of this time or later, as of Open; if there is
// none, at the end of the log as of Open. Otherwise as [StopBefore].
func StopBeforeTime(partition PartitionID, at time.Time) Option {
	return setter(func(o *C.karrow_options, e **C.karrow_error) C.karrow_status {
		return C.karrow_options_set_stop_time(o, C.int32_t(partition), kafkaTime(at), e)
	})
}

// StopAtEnd says where a partition stops: at the end of the log as it is when Open returns. With
// isolation.level=read_committed, the default, the log ends where the first open transaction begins. Otherwise as
// [StopBefore].
func StopAtEnd(partition PartitionID) Option {
	return setter(func(o *C.karrow_options, e **C.karrow_error) C.karrow_status {
		return C.karrow_options_set_stop_at_end(o, C.int32_t(partition), e)
	})
}

// kafkaTime is a time in milliseconds, rounded up: between one and the next there are no records, so that the first one
// at a finer time or later is the first one at the next millisecond or later.
func kafkaTime(at time.Time) C.int64_t {
	whole := at.UnixMilli()
	if at.After(time.UnixMilli(whole)) {
		whole++
	}
	return C.int64_t(whole)
}

// BlinkTable keeps the rows of the last cycle only. This is the default.
func BlinkTable() Option { return tableOption(C.KARROW_TABLE_TYPE_BLINK, 0) }

// AppendTable keeps every row.
func AppendTable() Option { return tableOption(C.KARROW_TABLE_TYPE_APPEND, 0) }

// RingTable keeps the last rows of each partition, this many.
//
// Errors of Open: ErrInvalidArgument for less than 1.
func RingTable(rows int64) Option { return tableOption(C.KARROW_TABLE_TYPE_RING, rows) }

func tableOption(kind C.int32_t, capacity int64) Option {
	return setter(func(o *C.karrow_options, e **C.karrow_error) C.karrow_status {
		return C.karrow_options_set_table_type(o, kind, C.int64_t(capacity), e)
	})
}

// Logger has librdkafka's and karrow's messages go to a logger; without it they go nowhere. They have their own time,
// the level that comes nearest to theirs ("notice" is between slog's info and warn), and an attribute source: "karrow",
// or "librdkafka/" and its facility. The logger is asked when the consumer is opened which levels it takes. Its handler
// is called by one goroutine, which ends behind the last message when the consumer is closed, and must not close it.
func Logger(logger *slog.Logger) Option {
	return Option{func(s *settings) error {
		s.logger = logger
		return nil
	}}
}

// TableSchema is the columns that a consumer of these options would have: common columns, then the key's, then the
// value's. It asks no broker; the context is for specs whose schema a schema registry has. The schema's metadata has
// karrow.topic, that of each field karrow.origin (common, key or value) and karrow.source.
//
// Errors: whatever is wrong with the options; ErrRegistry for what the registry does not give; ErrTimeout.
func TableSchema(ctx context.Context, topic string, options ...Option) (*arrow.Schema, error) {
	return aside(ctx, "schema", func(timeoutMS int64) (*arrow.Schema, error) {
		s, err := newSettings(topic, options)
		if err != nil {
			return nil, err
		}
		defer s.free()
		return importSchema(func(schema *C.struct_ArrowSchema, e **C.karrow_error) C.karrow_status {
			return C.karrow_options_schema(s.options, C.int64_t(timeoutMS), schema, e)
		})
	})
}
