package karrow

// #include <karrow.h>
// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/karrow/karrow/bindings/go/internal/native"
)

// A Spec says how a key or a value becomes columns. It is a value that never changes, so that one may serve many
// options and goroutines; its methods return a changed copy. Whatever is wrong with it is an error of [Open] and
// [TableSchema], which make the library's own spec of it.
type Spec struct {
	create func(t *texts, spec **C.karrow_spec, named names) attempt
	// Which names its kind has, and what they are.
	has   hasNames
	named names
	// What is said to it then, in this order.
	steps []func(t *texts, spec *C.karrow_spec) attempt
	// Why there can be none.
	err error
}

// names are what a subject's version and a message are called; nil for what is left out.
type names struct {
	version, message *string
}

type hasNames struct {
	version, message bool
}

// build makes the library's spec, which is to be freed by freeSpec.
func (s Spec) build() (*C.karrow_spec, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.create == nil {
		return nil, argumentError("spec", "it is the zero Spec; specs are made by functions such as JSON and Ignore")
	}
	var spec *C.karrow_spec
	err := callWith(func(t *texts) attempt { return s.create(t, &spec, s.named) })
	if err != nil {
		return nil, err
	}
	native.Made(native.Spec)
	for _, step := range s.steps {
		err := callWith(func(t *texts) attempt { return step(t, spec) })
		if err != nil {
			freeSpec(spec)
			return nil, err
		}
	}
	return spec, nil
}

func freeSpec(spec *C.karrow_spec) {
	C.karrow_spec_free(spec)
	native.Freed(native.Spec)
}

// then is a copy with one step more.
func (s Spec) then(step func(t *texts, spec *C.karrow_spec) attempt) Spec {
	s.steps = append(slices.Clip(s.steps), step)
	return s
}

// Ignore makes no column: that side of every record is not looked at.
func Ignore() Spec {
	return Spec{create: func(_ *texts, spec **C.karrow_spec, _ names) attempt {
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_ignore(spec, e) }
	}}
}

// FromProperties makes one column that the options name, in karrow.key.column.name and karrow.key.column.type or those
// of the value. This is what a side has that no spec was set for.
func FromProperties() Spec {
	return Spec{create: func(_ *texts, spec **C.karrow_spec, _ names) attempt {
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_from_properties(spec, e) }
	}}
}

// Simple reads the whole key or value into one column, as Kafka's own serialisers write it: int16, int32, int64,
// float32, float64, utf8, binary or uuid, or Deephaven's names of these. What is left out, as an empty text, the
// options name, as for [FromProperties].
func Simple(column, typeName string) Spec {
	return Spec{create: func(t *texts, spec **C.karrow_spec, _ names) attempt {
		c, n := t.orNull("column", given(column)), t.orNull("type", given(typeName))
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_simple(c, n, spec, e) }
	}}
}

// JSON reads the fields of a JSON object into columns, which [Spec.AddColumn] adds and [Spec.MapField] ties to fields
// of other names. A missing field and JSON's null are null. What does not fit its column, and what is not JSON, is a
// bad record. [JSONOf] makes columns of a Go type.
func JSON() Spec {
	return Spec{create: func(_ *texts, spec **C.karrow_spec, _ names) attempt {
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_json(spec, e) }
	}}
}

// JSONColumns is a JSON spec with the columns of an Arrow schema, as if each had been added with [Spec.AddColumn]:
// types and names that no text can say are possible here, and metadata is kept. What is not nullable in the schema
// refuses null.
//
// Errors of Open: ErrInvalidArgument for a column that comes twice; ErrUnsupported for a type that JSON is not read
// into.
func JSONColumns(columns *arrow.Schema) Spec {
	return Spec{create: func(_ *texts, spec **C.karrow_spec, _ names) attempt {
		return func(e **C.karrow_error) C.karrow_status {
			schema := exportedSchema(columns)
			defer schema.release()
			return C.karrow_spec_new_json_columns(schema.pointer(), spec, e)
		}
	}}
}

// ObjectProcessor reads JSON values of the forms that a description has, in Deephaven's JSON value language, a text in
// JSON: karrow's docs/object-processor.md is about it.
//
// Errors of Open: ErrInvalidArgument for text that is no description, with the place in it as the detail "pointer".
func ObjectProcessor(description string) Spec {
	return Spec{create: func(t *texts, spec **C.karrow_spec, _ names) attempt {
		d := t.of("description", description)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_object_processor(d, spec, e) }
	}}
}

// AvroSchema reads the fields of an Avro record into columns, as this schema has them, whatever the record was written
// with: karrow.h says what becomes of which type. A record inside the record becomes columns of its own,
// "customer__name". Data have Confluent's framing unless Set("framing", …) says otherwise.
//
// Errors of Open: ErrInvalidArgument for text that is no Avro schema, or whose top level is no record.
func AvroSchema(schema string) Spec {
	return Spec{create: func(t *texts, spec **C.karrow_spec, _ names) attempt {
		s := t.of("schema", schema)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_avro_schema(s, spec, e) }
	}}
}

// AvroSubject is the same with a schema that the registry of schema.registry.url has: the latest one of a subject, or
// the one of [Spec.Version]. Which one that is, is fixed by Open.
//
// Errors of Open: ErrInvalidArgument for an empty subject; ErrRegistry for what the registry does not give.
func AvroSubject(subject string) Spec {
	create := func(t *texts, spec **C.karrow_spec, named names) attempt {
		s, v := t.of("subject", subject), t.orNull("version", named.version)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_avro_subject(s, v, spec, e) }
	}
	return Spec{create: create, has: hasNames{version: true}}
}

// ProtobufSource reads the fields of a Protobuf message into columns: the first message, or the one of [Spec.Message],
// of a file in the language of Protobuf, which has a name as others would import it. What it imports is added with
// [Spec.AddFile], but for google/protobuf/timestamp.proto and the others that are built in. karrow.h says what becomes
// of which type. A message inside the message becomes columns of its own, "customer_name". A key or value is one
// message and nothing else, unless Set("protocol", "serdes") says otherwise.
//
// Errors of Open: ErrInvalidArgument for text that is no such file, with the line, or a message that there is not.
func ProtobufSource(file, text string) Spec {
	create := func(t *texts, spec **C.karrow_spec, named names) attempt {
		f, p, m := t.of("file", file), t.of("text", text), t.orNull("message", named.message)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_new_protobuf_source(f, p, m, spec, e) }
	}
	return Spec{create: create, has: hasNames{message: true}}
}

// ProtobufDescriptor is the same with files that have been compiled: a serialized google.protobuf.FileDescriptorSet, as
// protoc --include_imports --descriptor_set_out writes it. The message is one of the last file's.
//
// Errors of Open: ErrInvalidArgument for bytes that are no such set, a file that is missing in it, or a message that
// there is not.
func ProtobufDescriptor(descriptors []byte) Spec {
	descriptors = slices.Clone(descriptors)
	create := func(t *texts, spec **C.karrow_spec, named names) attempt {
		m := t.orNull("message", named.message)
		return func(e **C.karrow_error) C.karrow_status {
			first := (*C.uint8_t)(unsafe.SliceData(descriptors))
			return C.karrow_spec_new_protobuf_descriptor(first, C.size_t(len(descriptors)), m, spec, e)
		}
	}
	return Spec{create: create, has: hasNames{message: true}}
}

// ProtobufSubject is the same with a file that the registry of schema.registry.url has: the latest one of a subject, or
// the one of [Spec.Version]. Data have Confluent's framing unless Set("protocol", "raw") says otherwise.
//
// Errors of Open: ErrInvalidArgument for an empty subject; ErrRegistry for what the registry does not give.
func ProtobufSubject(subject string) Spec {
	create := func(t *texts, spec **C.karrow_spec, named names) attempt {
		s, v, m := t.of("subject", subject), t.orNull("version", named.version), t.orNull("message", named.message)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_spec_new_protobuf_subject(s, v, m, spec, e)
		}
	}
	return Spec{create: create, has: hasNames{version: true, message: true}}
}

// Callback has a function of yours make columns, those of an Arrow schema, of keys or values, batch by batch: see
// [Processor]. Set("offset", "true") and Set("timestamp", "true") have it see these, too. It may be called by several
// goroutines at once, if several consumers have it.
//
// What is not nullable in the schema may not be null in what the function makes, but in rows that it refuses. In append
// and ring tables each cycle makes a batch of its own for each partition: poll less often, or set
// karrow.poll.linger.ms, for larger ones.
//
// Errors of Open: ErrInvalidArgument for no columns, or one that comes twice; ErrUnsupported for dictionaries, unions,
// views, and types with run ends.
func Callback(columns *arrow.Schema, processor Processor) Spec {
	if processor == nil {
		return Spec{err: argumentError("processor", "there is none")}
	}
	return Spec{create: func(_ *texts, spec **C.karrow_spec, _ names) attempt {
		return func(e **C.karrow_error) C.karrow_status {
			schema := exportedSchema(columns)
			defer schema.release()
			native.Made(native.Callback)
			// From here on the library releases it, also if the call fails.
			handle := cgo.NewHandle(processor)
			return C.karrow_go_spec_new_callback(schema.pointer(), C.uintptr_t(handle), spec, e)
		}
	}}
}

// given is a text that is left out if it is empty.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Version says which version of its subject a spec has: a number from 1 on, or "latest", which is the default.
//
// Errors of Open: ErrInvalidArgument for what is no version; ErrInvalidState for a spec that is not of a subject.
func (s Spec) Version(version string) Spec {
	if !s.has.version && s.err == nil {
		s.err = newError(StatusInvalidState, "version: only AvroSubject and ProtobufSubject make specs that have one")
	}
	s.named.version = &version
	return s
}

// Message says which message of its file a Protobuf spec has: by its full name, or its name within the file's package.
// Without it, it is the first of the file.
//
// Errors of Open: ErrInvalidArgument for a message that there is not; ErrInvalidState for a spec of another kind.
func (s Spec) Message(name string) Spec {
	if !s.has.message && s.err == nil {
		s.err = newError(StatusInvalidState, "message: only specs of Protobuf have one")
	}
	s.named.message = &name
	return s
}

// AddColumn adds a column to a JSON spec. It reads the field of its own name, unless a field is mapped to it. Types
// have Arrow's names ("int64", "timestamp[ns, UTC]", "decimal128(10, 2)", "list<utf8>", "struct<a: int64, b: bool>",
// "map<utf8, float64>") or Deephaven's ("long", "Instant", "String", "long[]"); karrow.h says what each of them takes.
//
// Errors of Open: ErrInvalidArgument for a type there is not, or a name the spec has already; ErrUnsupported for a type
// that JSON is not read into; ErrInvalidState for a spec of another kind.
func (s Spec) AddColumn(name, typeName string) Spec {
	return s.then(func(t *texts, spec *C.karrow_spec) attempt {
		n, ty := t.of("name", name), t.of("type", typeName)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_add_column(spec, n, ty, e) }
	})
}

// MapField ties a field to a column. Of a JSON spec: the column reads this field, not the one of its own name; the
// field is the literal name of a member or, with a slash first, a JSON Pointer. Of an Avro spec: the field's column has
// this name; what is inside a record has a dot in front, as in "customer.name". Of a Protobuf spec: the same with
// slashes, as in "/customer/name".
//
// Errors of Open: ErrInvalidArgument for a pointer that is none, a column of JSON that another field is mapped to
// already, or a field of Avro or Protobuf that is mapped to another column already; ErrInvalidState for a spec of
// another kind.
func (s Spec) MapField(field, column string) Spec {
	return s.then(func(t *texts, spec *C.karrow_spec) attempt {
		f, c := t.of("field", field), t.of("column", column)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_map_field(spec, f, c, e) }
	})
}

// Set sets something about a spec. The first of the values is what a key is unless it is set; karrow.h says what they
// mean.
//
//   - Avro: framing (confluent, bare, single_object), nested (flatten, struct), union (struct, dense), enum (utf8,
//     dictionary), mapped_only (false, true)
//   - Protobuf: protocol (serdes, raw; raw unless of a subject), nested (flatten, struct), enum (utf8, number), include
//     (paths of fields with commas between them: "/customer/name,/items/*")
//   - Callback: offset (false, true), timestamp (false, true)
//
// Errors of Open: ErrInvalidArgument for an unknown key or value; ErrInvalidState for a spec of another kind.
func (s Spec) Set(key, value string) Spec {
	return s.then(func(t *texts, spec *C.karrow_spec) attempt {
		k, v := t.of("key", key), t.of("value", value)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_set(spec, k, v, e) }
	})
}

// AddSchema adds a schema that data were written with to an Avro spec or a Protobuf spec, by the id that they say. No
// registry is asked for it.
//
// Errors of Open: ErrInvalidArgument for text that is no schema of the spec's kind, or an id that stands for another
// schema already; ErrInvalidState for a spec of another kind.
func (s Spec) AddSchema(id int32, schema string) Spec {
	return s.then(func(t *texts, spec *C.karrow_spec) attempt {
		text := t.of("schema", schema)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_spec_add_schema(spec, C.int32_t(id), text, e)
		}
	})
}

// AddFile adds a file to a Protobuf spec, by the name that its own file, other files that are added, and those of
// AddSchema import it by. What a schema of the registry imports the registry has itself.
//
// Errors of Open: ErrInvalidArgument for text that is no file in the language of Protobuf, with the line, or a name
// that another file has; ErrInvalidState for a spec of another kind.
func (s Spec) AddFile(name, text string) Spec {
	return s.then(func(t *texts, spec *C.karrow_spec) attempt {
		n, f := t.of("name", name), t.of("text", text)
		return func(e **C.karrow_error) C.karrow_status { return C.karrow_spec_add_file(spec, n, f, e) }
	})
}
