/*
 * karrow: Kafka topics as live, partitioned Arrow tables.
 *
 * A consumer reads a Kafka topic into a partitioned table, one Arrow table for each Kafka partition, and hands each out
 * through the Arrow C Data and C Stream Interfaces without copying. The way through this header:
 *
 *     karrow_options_new ... karrow_options_set_spec ...    what to consume
 *     karrow_consumer_new, karrow_consumer_open             begin to read
 *     karrow_consumer_poll                                  one cycle: publishes what has come
 *     karrow_snapshot_export_stream                         the rows of a partition, from a row number on
 *
 * Rules, stated once:
 *
 * Status and error.  A function that can fail returns a karrow_status, and takes a karrow_error ** as its last argument.
 *   That may be NULL; otherwise it is always written: NULL on success, else an error to be freed. Other outputs are
 *   written only on success. Three kinds of trouble have three places: a call that fails says so by its status; a
 *   partition that fails is part of the snapshot; an event (a broker that is down) is in the log. Plain getters return 0,
 *   false or NULL for a NULL handle.
 * Ownership.  Only *_free takes a handle, and *_free(NULL) does nothing. Setters copy what they are given. Outputs belong
 *   to the caller. A const char * belongs to the handle it came from.
 * Arrow structs  live in the caller's memory, which may be uninitialised, and are released through their own callbacks.
 *   They hold what they need: any handle may be freed before them. Every array in them has offset 0.
 * Threads.  Consumers, snapshots, logs and mock clusters may be used by any threads at once; specs and options belong to
 *   one thread while they change. *_free must not run beside another call on the same handle.
 * Texts  are NUL-terminated UTF-8. Time-outs are in milliseconds: 0 does not wait, -1 waits for ever.
 * Numbers of enumerations come out as the enumeration or as int32_t, and go in as int32_t, to be checked.
 * Secrets and payloads never appear in a message or a log line.
 * Until 1.0 a new minor version may change what is here; karrow_abi_version tells.
 */


#ifndef KARROW_H
#define KARROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The Arrow C Data and C Stream Interfaces, as their specification has them. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */


// The version of the C ABI that this header describes: `major << 16 | minor`. `karrow_abi_version` has that of the library.
#define KARROW_ABI_VERSION 1

// `partition` where options say where reading starts and stops: all partitions that have no entry of their own.
#define KARROW_ALL_PARTITIONS -1

// A start offset: the oldest record there is.
#define KARROW_SEEK_TO_BEGINNING -1

// A start offset, and the default: the committed offset of the caller's `group.id`, if there is one; else what
// `auto.offset.reset` says, which is the end of the log unless set.
#define KARROW_DONT_SEEK -2

// A start offset: the end of the log as it is when open returns. A record produced after that is never missed.
#define KARROW_SEEK_TO_END -3

// What a call came to. The numbers are part of the C ABI: they are only ever added to.
enum karrow_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The call did what it says.
    KARROW_STATUS_OK = 0,
    // Nothing can come any more: every partition has finished or failed.
    KARROW_STATUS_END = 1,
    // `karrow_consumer_wakeup` ended the call before it did anything.
    KARROW_STATUS_INTERRUPTED = 2,
    // The time given was over before the call could do what it says.
    KARROW_STATUS_TIMEOUT = 3,
    // Another call is using the handle.
    KARROW_STATUS_BUSY = 4,
    // The consumer has been closed.
    KARROW_STATUS_CLOSED = 5,
    // An argument is wrong; the message names it and says what would be right.
    KARROW_STATUS_INVALID_ARGUMENT = 6,
    // The call does not fit the state of the handle (polling before opening, or from inside a processor, for example).
    KARROW_STATUS_INVALID_STATE = 7,
    // The topic, partition or column does not exist.
    KARROW_STATUS_NOT_FOUND = 8,
    // A row number or an offset lies outside what there is.
    KARROW_STATUS_OUT_OF_RANGE = 9,
    // karrow, or this build of it, cannot do what was asked.
    KARROW_STATUS_UNSUPPORTED = 10,
    // A record does not fit its columns.
    KARROW_STATUS_BAD_RECORD = 11,
    // Kafka, or the way to it, reported an error; `karrow_error_kafka_code` has librdkafka's number.
    KARROW_STATUS_KAFKA = 12,
    // The schema registry, or the way to it, reported an error.
    KARROW_STATUS_REGISTRY = 13,
    // An object processor failed.
    KARROW_STATUS_PROCESSOR = 14,
    // A limit of memory or of the format has been reached; the message names it.
    KARROW_STATUS_LIMIT = 15,
    // karrow met a bug of its own; the message says which. Please report it.
    KARROW_STATUS_PANIC = 16,
    // An earlier call ended in `PANIC`: the consumer no longer runs, what it has published stays readable.
    KARROW_STATUS_POISONED = 17,
    // Something that should not be possible; the message says what. Please report it.
    KARROW_STATUS_INTERNAL = 18,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum karrow_status karrow_status;
#else
typedef int32_t karrow_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How serious an entry is, in syslog's numbers: a lower number is more serious.
enum karrow_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Something failed.
    KARROW_LOG_LEVEL_ERROR = 3,
    // Something that may lead to trouble.
    KARROW_LOG_LEVEL_WARNING = 4,
    // Normal, but worth knowing.
    KARROW_LOG_LEVEL_NOTICE = 5,
    // What is being done.
    KARROW_LOG_LEVEL_INFO = 6,
    // What only a developer wants to know.
    KARROW_LOG_LEVEL_DEBUG = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum karrow_log_level karrow_log_level;
#else
typedef int32_t karrow_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which half of a record. The numbers are part of the C ABI.
enum karrow_side
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The record's key.
    KARROW_SIDE_KEY = 0,
    // The record's value.
    KARROW_SIDE_VALUE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum karrow_side karrow_side;
#else
typedef int32_t karrow_side;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a table keeps of its rows.
enum karrow_table_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The rows of the last cycle only.
    KARROW_TABLE_TYPE_BLINK = 0,
    // Every row.
    KARROW_TABLE_TYPE_APPEND = 1,
    // The last rows of each partition, as many as the capacity says.
    KARROW_TABLE_TYPE_RING = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum karrow_table_type karrow_table_type;
#else
typedef int32_t karrow_table_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a partition is doing.
enum karrow_partition_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It is being read.
    KARROW_PARTITION_STATE_READING = 0,
    // It cannot be read for the moment, because Kafka refuses it, no broker can be used, or the table is full
    // (`karrow_snapshot_failure` says which); it goes on by itself when that changes.
    KARROW_PARTITION_STATE_WAITING = 1,
    // It has stopped, and goes on only after `karrow_consumer_resume`.
    KARROW_PARTITION_STATE_FAILED = 2,
    // Everything up to where it was to stop has been read.
    KARROW_PARTITION_STATE_FINISHED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum karrow_partition_state karrow_partition_state;
#else
typedef int32_t karrow_partition_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Reads a topic into a partitioned table. Any thread may use it; open and poll one at a time (the second gets `BUSY`).
// `karrow_consumer_free` must not run beside another call.
typedef struct karrow_consumer karrow_consumer;

// What went wrong in a call, or in a partition. Owned by the caller, who frees it with `karrow_error_free`.
typedef struct karrow_error karrow_error;

// A bounded queue of messages. Any thread may use it; consumers made with it keep it alive.
typedef struct karrow_log karrow_log;

// One message taken from a log. Owned by the caller, who frees it with `karrow_log_entry_free`.
typedef struct karrow_log_entry karrow_log_entry;

// An embedded cluster, for demos and for users' own tests: real Kafka protocol on loopback, in this process. It keeps at
// most 5 MiB a partition, and knows no times, transactions or security. Any thread may use it.
typedef struct karrow_mock_cluster karrow_mock_cluster;

// What to consume, and what to make of it. Belongs to one thread while it is being changed; consumers made from it have
// their own copy.
typedef struct karrow_options karrow_options;

// One call of a processor: records of one partition, and what is to become of them. Lives until the processor returns,
// and belongs to its thread.
typedef struct karrow_processor_call karrow_processor_call;

// The partitioned table as of one cycle: immutable, consistent across partitions, and alive for as long as it is held,
// also after the consumer is freed. Any thread may use it.
typedef struct karrow_snapshot karrow_snapshot;

// How a key or a value becomes columns. Options copy it, so that one spec may serve many. Belongs to one thread while it
// is being changed.
typedef struct karrow_spec karrow_spec;

// A function that makes columns of the payloads of one partition: it takes the input of the call, sets an output with as
// many rows, and returns 0. `userdata` is that of the spec. It must not throw, nor leave by longjmp.
//
// It runs inside `karrow_consumer_poll`, on the thread that polls, once for each partition and cycle that has records. If
// several consumers share a spec, their polls may run it at once. Only `karrow_consumer_snapshot`, `_schema`, `_progress` and
// `_wakeup` can be called on the consumer whose poll runs it: others return `INVALID_STATE`, and `karrow_consumer_free` does
// nothing. It must not wait for another thread that waits for the poll, as close does.
//
// It may refuse single records (`karrow_processor_call_refuse`), which are then bad records. The batch fails as a whole if
// it returns another number than 0, says so (`karrow_processor_call_fail`), or has set no output. Then the partition stops
// at the batch's first record, with an error of status `PROCESSOR`, and the cycle shows nothing of the batch; other
// partitions go on. A resume at that record reads the same records again, perhaps with others in the batch.
typedef int32_t (*karrow_processor_fn)(void *userdata, struct karrow_processor_call *call);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the C ABI: `major << 16 | minor`. Wrappers compare it when they load the library. While major is 0,
// every minor version may change the ABI; from 1.0 on functions are added, never changed. Since 0.1.
uint32_t karrow_abi_version(void);

// What to show a person: `"0.1.0 (librdkafka 2.12.1)"`. The text is static. Since 0.1.
const char *karrow_version(void);

// The name of a status, without the prefix: `"INVALID_ARGUMENT"` for `KARROW_STATUS_INVALID_ARGUMENT`; `"UNKNOWN"` for a
// number that is not a status. The text is static. Since 0.1.
const char *karrow_status_name(int32_t status);

// What kind of trouble it is; `KARROW_STATUS_OK` for NULL. Since 0.1.
karrow_status karrow_error_status(const struct karrow_error *error);

// The sentence to show: lower case, names the thing and the way out, holds no payload and no secret. Belongs to the
// error. NULL for NULL. Since 0.1.
const char *karrow_error_message(const struct karrow_error *error);

// librdkafka's error number (`rd_kafka_resp_err_t`: positive numbers are the Kafka protocol's, negative ones
// librdkafka's own); 0 if Kafka had no part in it. Since 0.1.
int32_t karrow_error_kafka_code(const struct karrow_error *error);

// Whether the same call may succeed later without a change. Since 0.1.
bool karrow_error_is_retriable(const struct karrow_error *error);

// Where in the topic it happened: writes partition and offset and returns true, or returns false if the error belongs
// to no position. Either output may be NULL. Since 0.1.
bool karrow_error_position(const struct karrow_error *error,
                           int32_t *partition,
                           int64_t *offset);

// One detail by its key: `topic`, `side` (`key`, `value`, `timestamp`, `headers`), `column`, `path`, `reason`, `argument`,
// `pointer` (the place in a description that is wrong).
// NULL if the error does not have it. Belongs to the error. Since 0.1.
const char *karrow_error_detail(const struct karrow_error *error,
                                const char *key);

// Frees an error. NULL does nothing. Since 0.1.
void karrow_error_free(struct karrow_error *error);

// Makes a log that keeps messages at least as serious as `level` (a `karrow_log_level`, or any syslog number from 0 to
// 7), the newest `capacity` of them. It is a handle of its own, so that it can be read after a failed open too.
//
// Errors: `INVALID_ARGUMENT` for a level that is none, a capacity of 0, or a NULL output. Since 0.1.
karrow_status karrow_log_new(int32_t level,
                             size_t capacity,
                             struct karrow_log **log,
                             struct karrow_error **error);

// Takes the oldest message, waiting for one if there is none.
//
// Errors: `TIMEOUT` if none came in time (0 does not wait, -1 waits for ever). Since 0.1.
karrow_status karrow_log_take(const struct karrow_log *log,
                              int64_t timeout_ms,
                              struct karrow_log_entry **entry,
                              struct karrow_error **error);

// How many messages gave way to newer ones because the log was full; 0 for NULL. Since 0.1.
uint64_t karrow_log_dropped(const struct karrow_log *log);

// Frees a log. Consumers that write to it keep what they need of it. NULL does nothing. Since 0.1.
void karrow_log_free(struct karrow_log *log);

// How serious the message is: a `karrow_log_level`; 0 for NULL. Since 0.1.
int32_t karrow_log_entry_level(const struct karrow_log_entry *entry);

// When it was said: nanoseconds since 1970-01-01 UTC; 0 for NULL. Since 0.1.
int64_t karrow_log_entry_time_ns(const struct karrow_log_entry *entry);

// Who said it: `karrow`, or `librdkafka/` and its facility, as in `librdkafka/FAIL`. Belongs to the entry. Since 0.1.
const char *karrow_log_entry_source(const struct karrow_log_entry *entry);

// What was said. Belongs to the entry. Since 0.1.
const char *karrow_log_entry_text(const struct karrow_log_entry *entry);

// Frees an entry. NULL does nothing. Since 0.1.
void karrow_log_entry_free(struct karrow_log_entry *entry);

// A spec that makes no column: that side of every record is not looked at. Since 0.1.
karrow_status karrow_spec_new_ignore(struct karrow_spec **spec, struct karrow_error **error);

// A spec whose one column is named by the options: `karrow.key.column.name` [`KafkaKey`] and `karrow.key.column.type`,
// or `karrow.value.column.name` [`KafkaValue`] and `karrow.value.column.type`; without a type, `key.deserializer` or
// `value.deserializer` (a Kafka class name) tells it. This is what a side has that no spec was set for. Since 0.1.
karrow_status karrow_spec_new_from_properties(struct karrow_spec **spec,
                                              struct karrow_error **error);

// A spec that reads the whole key or value into one column, as Kafka's own serialisers write it: `int16`, `int32`,
// `int64`, `float32`, `float64` (big-endian), `utf8`, `binary`, or `uuid` (text; the column is utf8, in lower case).
// Deephaven's names (`short`, `int`, `long`, `float`, `double`, `String`, `byte[]`, `java.util.UUID`) mean the same.
// Kafka's null is null; an empty text is empty; anything else that does not fit is a bad record.
//
// `column` and `type` may be NULL: then the options name them, as for `karrow_spec_new_from_properties`. A type that is
// none of these is an error when a consumer is made, not here. Since 0.1.
karrow_status karrow_spec_new_simple(const char *column,
                                     const char *type_name,
                                     struct karrow_spec **spec,
                                     struct karrow_error **error);

// A spec that reads the fields of a JSON object into columns, which `karrow_spec_add_column` adds and
// `karrow_spec_map_field` ties to fields. A missing field and JSON's null are null; so is every column of a record whose
// key or value is null, empty or blank. Of a name that comes twice the last one counts. What does not fit its column, and
// what is not JSON (RFC 8259, strictly), is a bad record: nothing is rounded, cut off or turned into 0. Since 0.1.
karrow_status karrow_spec_new_json(struct karrow_spec **spec,
                                   struct karrow_error **error);

// A json spec with the columns of an Arrow schema, a struct as `ArrowSchema` has it, as if each had been added with
// `karrow_spec_add_column`: types and names that no text can say are possible here, and metadata is kept. More columns may
// be added, and fields be mapped. The schema is only borrowed.
//
// What is not nullable in the schema refuses null: a column, a member or an item that is null, or a member or a column
// whose field is missing, makes a bad record; so does a null key or value if any column is not nullable. The columns of
// the table are nullable nevertheless, what is inside them is as the schema says.
//
// Errors: `INVALID_ARGUMENT` for a schema that has been released or is none, a column that comes twice, a member that
// comes twice, or more than 64 levels of nesting; `UNSUPPORTED` for a type that JSON is not read into, with what to use.
// Since 0.1.
karrow_status karrow_spec_new_json_columns(const struct ArrowSchema *columns,
                                           struct karrow_spec **spec,
                                           struct karrow_error **error);

// An object processor in Deephaven's JSON value language: a description in JSON of which forms values have, from which the
// columns follow. It has the kinds and options of `deephaven.json`, by their names. `{"a": "int", "b": ["float"]}` is short for
//
// ```json
// {"type": "object", "fields": {"a": {"type": "long"}, "b": {"type": "array", "element": {"type": "double"}}}}
// ```
//
// A description is an object whose `type` is a kind: `object`, `typed_object`, `array`, `tuple`, `object_entries`, `bool`,
// `char`, `byte`, `short`, `int`, `long`, `float`, `double`, `string`, `instant`, `big_integer`, `big_decimal`, `any`, `skip`. It
// may be short: any other object has these fields; an array of one description is an array of such values; a string is a kind
// that needs no options, or a type of Python: `"str"`, `"int"` (a long), `"float"` (a double), `"bool"`, `"datetime"` (an
// instant), `"object"` (any). docs/object-processor.md has all options, docs/object-processor.schema.json is their schema.
//
// What becomes of a kind: `bool`: bool; `byte`, `short`, `int`, `long`: int8 to int64; `float`, `double`: float32, float64;
// `char`, `string`: utf8; `instant`: timestamp[ns, UTC]; `big_integer`, `big_decimal`: utf8, exact, or a decimal of `precision` and
// `scale`; `any`: utf8, the JSON text; `skip`: no column. The fields of an object, the values of a tuple and what objects of
// several types have become columns of their own, whose names are the parts of their path with underscores in between.
// `array`: list, of structs where an item has several columns; `object_entries`: map; with `"columns": "parallel"` both
// become a list for each column instead, as in Deephaven.
//
// A value has to be of a kind that is allowed: unless options say otherwise, null and missing are, and nothing is converted.
// What is not allowed, or does not fit, is a bad record. A key or value that is null is null in every column.
//
// Errors: `INVALID_ARGUMENT` for a text that is no JSON or no description, with the place in it as a JSON Pointer, which is the
// detail `pointer`, too. Since 0.1.
karrow_status karrow_spec_new_object_processor(const char *description,
                                               struct karrow_spec **spec,
                                               struct karrow_error **error);

// A spec that reads the fields of an Avro record into columns, whose names and types follow from `schema`: an Avro schema
// as JSON text, whose top level is a record. Data may have been written with other schemas: each record is read as the
// specification of Avro resolves its writer's schema to this one, with defaults, promotions and aliases.
//
// Data have Confluent's framing unless `karrow_spec_set` says otherwise: a zero byte, four bytes of the id of the schema they
// were written with, and the datum. Schemas by id come from `karrow_spec_add_schema`, or from the registry if
// `schema.registry.url` is set in the options. A key or value that is null is null in every column; bytes behind a datum are
// not looked at; what cannot be read is a bad record.
//
// What becomes of a type: `boolean`: bool; `int`: int32; `long`: int64; `float`: float32; `double`: float64; `string`: utf8;
// `bytes`: binary; `fixed`: fixed_size_binary; `enum`: utf8, the symbol; `array`: list; `map`: map, of a key that comes twice
// the last value; a union of null and one other type: that type; any other union: a struct with one member for each branch
// but null, named by its type, of which at most one is not null. Of logical types: `decimal`: decimal128, decimal256 beyond 38
// digits, utf8 beyond 76; `date`: date32; `time-millis`, `time-micros`: time32[ms], time64[us]; `timestamp-millis`, `-micros`,
// `-nanos`: timestamp[ms, UTC], [us, UTC], [ns, UTC]; `local-timestamp-millis` and so on: timestamp[ms] and so on; `uuid`: utf8,
// in lower case; `duration`: fixed_size_binary(12).
//
// A record inside the record becomes columns of its own, `customer__name` for the field `name` of `customer`, unless
// `karrow_spec_set` says otherwise. `karrow_spec_map_field` gives columns other names.
//
// Errors: `INVALID_ARGUMENT` for text that is no Avro schema. What is no record at its top level, or contains itself, is an
// error when a consumer is made. Since 0.1.
karrow_status karrow_spec_new_avro_schema(const char *schema,
                                          struct karrow_spec **spec,
                                          struct karrow_error **error);

// The same with a schema that the registry has: a version of a subject, a number from 1 on; `latest` or NULL is the latest
// one. The registry is the one of `schema.registry.url` in the options, and is asked when a consumer is opened: the schema
// is then fixed for as long as it reads.
//
// Errors: `INVALID_ARGUMENT` for an empty subject, or what is no version. Since 0.1.
karrow_status karrow_spec_new_avro_subject(const char *subject,
                                           const char *version,
                                           struct karrow_spec **spec,
                                           struct karrow_error **error);

// A spec that reads the fields of a Protobuf message into columns, whose names and types follow from `text`: a file in the
// language of Protobuf, proto2 or proto3, that is called `file`, as others would import it. What it imports itself is added
// with `karrow_spec_add_file`; `google/protobuf/timestamp.proto` and the others of `google/protobuf` are there already.
// `message` is the message's full name, or its name within the file's package; NULL: the first of the file.
//
// A key or value is one message and nothing else, unless `karrow_spec_set` says otherwise; one that is empty is a message of
// defaults, one that is null is null in every column; what cannot be read is a bad record. Data may have been written with
// other versions of the file: fields are known by their numbers, and what the message does not have is skipped.
//
// What becomes of a type: `int32`, `sint32`, `sfixed32`: int32; `int64`, `sint64`, `sfixed64`: int64; `uint32`, `fixed32`:
// uint32; `uint64`, `fixed64`: uint64; `float`: float32; `double`: float64; `bool`: bool; `string`: utf8; `bytes`: binary; an
// enum: utf8, the name, or the number as text where it has none; `repeated`: list; `map`: map, of a key that comes twice the
// last value; a message inside a list or a map: struct. Of `google.protobuf`: `Timestamp`: timestamp[ns, UTC]; `Duration`:
// duration[ns]; `Int32Value` and the other wrappers: their value; `Any`: struct<type_url: utf8, value: binary>; `FieldMask`:
// list<utf8>; `Struct`, `Value`, `ListValue`: utf8, the JSON text. A field that is not set has its default, 0 or empty; it is
// null if Protobuf can tell (`optional`, in a `oneof`, of proto2, a message), as is everything inside a message that is not
// set. Defaults that a file of proto2 gives are not used, and what it requires may be missing. Extensions are skipped.
//
// A message inside the message becomes columns of its own, `customer_name` for the field `name` of `customer`, unless
// `karrow_spec_set` says otherwise. `karrow_spec_map_field` gives columns other names.
//
// Errors: `INVALID_ARGUMENT` for text that is no such file, with the line, or an empty name. What needs the imports is an error
// when a consumer is made: a file that is missing, a type or message that there is not, columns of one name, or a message
// that contains itself and is not left out with `include`. Since 0.1.
karrow_status karrow_spec_new_protobuf_source(const char *file,
                                              const char *text,
                                              const char *message,
                                              struct karrow_spec **spec,
                                              struct karrow_error **error);

// The same with a file that has been compiled: `descriptors` are `length` bytes of a serialized
// `google.protobuf.FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it. The message is one of the
// last file's, which is the one that protoc was asked for; NULL: the first of it. What the files import of `google/protobuf`
// may be missing.
//
// Errors: `INVALID_ARGUMENT` for bytes that are no such set, a file that is missing in it, or a message that there is not.
// Since 0.1.
karrow_status karrow_spec_new_protobuf_descriptor(const uint8_t *descriptors,
                                                  size_t length,
                                                  const char *message,
                                                  struct karrow_spec **spec,
                                                  struct karrow_error **error);

// The same with a file that the registry has: a version of a subject, a number from 1 on; `latest` or NULL is the latest one.
// The registry is the one of `schema.registry.url` in the options, and is asked when a consumer is opened, for what the file
// imports too: the columns are then fixed for as long as it reads.
//
// Data have Confluent's framing unless `karrow_spec_set` says otherwise: a zero byte, four bytes of the id of the schema they
// were written with, which of its messages it is, and the message. Schemas by id come from `karrow_spec_add_schema` or from
// the registry. One whose fields are written in another way than those of the same numbers here, as `sint32` is in another
// way than `int32`, cannot be read, and another message is a bad record.
//
// Errors: `INVALID_ARGUMENT` for an empty subject or name of a message, or what is no version. Since 0.1.
karrow_status karrow_spec_new_protobuf_subject(const char *subject,
                                               const char *version,
                                               const char *message,
                                               struct karrow_spec **spec,
                                               struct karrow_error **error);

// A spec whose columns, those of `columns`, a struct, a function of the caller's makes of keys or values, batch by batch,
// inside `karrow_consumer_poll`: `karrow_processor_fn` says how. `karrow_spec_set` can have it see offsets and timestamps,
// too. The other side of the records, and their common columns, are as ever; both sides may have a processor.
//
// `userdata` goes to the function as it is, and once nobody can call it any more, because the last spec, options and
// consumer that have it are gone, to `release`, if that is not NULL: once, on any thread, and also if this call fails. The
// schema is only borrowed.
//
// What is not nullable in the schema may not be null in what the function makes, but in rows that it refuses. The columns of
// the table are nullable nevertheless, what is inside them is as the schema says. Records wait as payloads for the next
// cycle, and count against `karrow.memory.budget.bytes`; what the function makes counts as rows of the table do, with the
// buffers that it keeps alive. In append and ring tables each cycle makes a batch of its own for each partition: poll less
// often, or set `karrow.poll.linger.ms`, for larger ones.
//
// Errors: `INVALID_ARGUMENT` for a schema that has been released or is none, no columns, a column that comes twice, or more
// than 64 levels of nesting; `UNSUPPORTED` for dictionaries, unions, views, and types with run ends. Since 0.1.
karrow_status karrow_spec_new_callback(const struct ArrowSchema *columns,
                                       karrow_processor_fn processor,
                                       void *userdata,
                                       void (*release)(void *userdata),
                                       struct karrow_spec **spec,
                                       struct karrow_error **error);

// Adds a column to a json spec. It reads the field of its own name, unless a field is mapped to it. Columns appear in the
// table in the order in which they are added.
//
// What a type takes beside null: `bool`: true, false, and strings such as "true", "F"; `int8` to `int64`, `uint8` to
// `uint64`: numbers, and numbers in strings, that are whole and in range; `float32`, `float64`: numbers, numbers in strings,
// "NaN", "Infinity", "-Infinity"; `decimal128(p, s)`, `decimal256(p, s)`: numbers, and numbers in strings, that need no more
// digits; `utf8`: strings, and anything else as it is written; `binary`: base64; `date32`: "YYYY-MM-DD"; `time32[s]`,
// `time32[ms]`, `time64[us]`, `time64[ns]`: "HH:MM:SS.f"; `timestamp[s]`, `[ms]`, `[us]`, `[ns]`: "YYYY-MM-DDTHH:MM:SS.f";
// `timestamp[ns, UTC]` and other units and zones: the same with an offset or zone, and numbers, whose magnitude tells
// seconds, milliseconds, microseconds or nanoseconds since 1970. Deephaven's names (`bool_`, `byte`, `short`, `int`, `long`,
// `float`, `double`, `String`, `byte[]`, `Instant`, ...) mean the same; `BigDecimal(p, s)` and `BigInteger(p)` are decimals
// of that many digits, 256 bits wide beyond 38 of them, and without digits utf8.
//
// Types may be nested, up to 64 levels: `list<int64>` (also `long[]`) takes an array; `struct<Symbol: utf8, Legs:
// list<int32>>` an object, of which each member reads the field of its own name; `map<utf8, float64>` an object of any
// names, in the order in which they stand there. What is inside follows the same rules, and is null where it is null or
// missing. One item or member that does not fit makes the record bad.
//
// Errors: `INVALID_ARGUMENT` for a type there is not, or a name the spec has already; `UNSUPPORTED` for a type that JSON is
// not read into; `INVALID_STATE` for a spec of another kind. Since 0.1.
karrow_status karrow_spec_add_column(struct karrow_spec *spec,
                                     const char *name,
                                     const char *type_name,
                                     struct karrow_error **error);

// Ties a field to a column, of a json spec, an avro spec or a protobuf spec.
//
// json: lets the field feed the column. `field` is the literal name of a member of the outermost object, or, with `/` as
// its first character, a JSON Pointer (RFC 6901), which reaches into objects and arrays. A field may feed several columns, a
// column has one field. Whether the column exists is checked when a consumer is made, so that columns and mappings may be
// added in any order.
//
// avro: gives the field's column this name, instead of that of the field. `field` is its path in the schema, with a dot in
// front of what is inside a record: `customer.name`. A field has one column. What the schema does not have is ignored.
//
// protobuf: the same with a slash in front of each name, `/customer/name`, of which the first may be left out.
//
// Errors: `INVALID_ARGUMENT` for a pointer that is none or has more than 100 names, a column of json that another field is
// mapped to already, or a field of avro or protobuf that is mapped to another column already; `INVALID_STATE` for a spec of
// another kind.
// Since 0.1.
karrow_status karrow_spec_map_field(struct karrow_spec *spec,
                                    const char *field,
                                    const char *column,
                                    struct karrow_error **error);

// Sets something about an avro spec, a protobuf spec or a callback spec. The first of its values is what a key is unless it is set.
//
// avro:
//
// * `framing`: `confluent`: a zero byte and the id of the schema the datum was written with; `bare`: nothing, and the datum was
//   written with the schema that `karrow_spec_add_schema` has added, or else that of the spec; `single_object`: `C3 01` and
//   the fingerprint of a schema, which is that of the spec or one that was added.
// * `nested`: `flatten`: records inside the record become columns of their own; `struct`: they become structs. Inside lists,
//   maps and unions records are structs either way.
// * `union`: `struct`: what is no union of null and one other type becomes a struct of one member for each branch; `dense`: a
//   dense union, which several readers of Arrow refuse.
// * `enum`: `utf8`: enums become text; `dictionary`: a dictionary of their symbols, the same for all batches.
// * `mapped_only`: `false`; `true`: fields that are not mapped become no columns, if any is mapped at all. A record that is not
//   mapped itself is left out with everything inside it.
//
// protobuf:
//
// * `protocol`: `serdes`: a zero byte, the id of the schema the message was written with, the message's place in that, and the
//   message; `raw`: the message alone, which is the default of a spec that is not of a subject. An id that
//   `karrow_spec_add_schema` has not added is asked of the registry.
// * `nested`: `flatten`: messages inside the message become columns of their own; `struct`: they become structs. Inside lists
//   and maps messages are structs either way.
// * `enum`: `utf8`: enums become text, their names; `number`: int32.
// * `include`: which fields become columns, as paths with commas between them; unless it is set, all. `/customer/name` is the
//   field `name` of the message `customer`, `/customer/*` is everything in it, `*` is everything. The first slash may be left
//   out. The names of a map's parts are `key` and `value`. A path that leads to no column, as `/customer` alone does, is an
//   error when a consumer is made.
//
// callback:
//
// * `offset`: `false`; `true`: the processor sees the records' offsets beside payloads.
// * `timestamp`: `false`; `true`: it sees their timestamps.
//
// Errors: `INVALID_ARGUMENT` for an unknown key or value, with those there are; `INVALID_STATE` for a spec of another kind.
// Since 0.1.
karrow_status karrow_spec_set(struct karrow_spec *spec,
                              const char *key,
                              const char *value,
                              struct karrow_error **error);

// Adds a schema that data were written with to an avro spec or a protobuf spec, by the id that they say: no registry is asked
// for it. What has the framing `single_object` says its fingerprint instead; to `bare` data, which say nothing, only one
// schema can be added. A schema of protobuf is the text of a file, or a serialized `FileDescriptorProto` in base64; what it
// imports is among the files of the spec.
//
// Errors: `INVALID_ARGUMENT` for text that is no schema of the spec's kind, or an id that stands for another schema already;
// `INVALID_STATE` for a spec of another kind. That data of it cannot be read as the spec's schema is an error when a
// consumer is made. Since 0.1.
karrow_status karrow_spec_add_schema(struct karrow_spec *spec,
                                     int32_t id,
                                     const char *schema,
                                     struct karrow_error **error);

// Adds a file to a protobuf spec, by the name that others import it by: the spec's own file, those of
// `karrow_spec_add_schema`, and other files that are added, in any order. What a schema of the registry imports the registry has
// itself. A file of `google/protobuf` that is built in stays as it is.
//
// Errors: `INVALID_ARGUMENT` for text that is no file in the language of Protobuf, with the line, or a name that another file
// has; `INVALID_STATE` for a spec of another kind. Since 0.1.
karrow_status karrow_spec_add_file(struct karrow_spec *spec,
                                   const char *name,
                                   const char *text,
                                   struct karrow_error **error);

// Frees a spec; options that were given it have their own copy. NULL does nothing. Since 0.1.
void karrow_spec_free(struct karrow_spec *spec);

// The partition of the call's records; -1 for NULL. Since 0.1.
int32_t karrow_processor_call_partition(const struct karrow_processor_call *call);

// Takes the input, once: a struct array with a row for each record, one at least, in the order of their offsets, and its
// schema. It is the caller's, who releases both, and stays valid for as long as it is kept. Its columns:
//
// * `payload` binary: the key or the value, whichever the spec is for, null for Kafka's null;
// * `offset` int64, if the spec has been set to `offset`;
// * `timestamp` timestamp[ms, UTC], if the spec has been set to `timestamp`; null if the record has none.
//
// Records that are bad on another side are among them only if that side's policy is `null`; others have been dealt with
// before. Errors: `INVALID_STATE` if it has been taken. Since 0.1.
karrow_status karrow_processor_call_take_input(struct karrow_processor_call *call,
                                               struct ArrowArray *array,
                                               struct ArrowSchema *schema,
                                               struct karrow_error **error);

// Sets the output: a struct array of the columns that the spec declared, with as many rows as the input. It is moved in:
// `array` is left released, whether the call succeeds or not (unless `call` is NULL), and is released through its own
// callback, by any thread, once no table, snapshot or export shows it. Its buffers are shown as they are, without a copy.
// A later output replaces an earlier one.
//
// It is checked to the last byte: texts, offsets, numbers of nulls, items that may not be null. That buffers are as long
// as the arrays say cannot be checked. `schema` says what the array is, as its producer exports it, and is only borrowed; it
// may be NULL: then the array is taken for what was declared, which its shape can contradict but the width of its numbers
// cannot. Columns that were declared as not nullable may be null in refused rows only, which is judged when the processor
// has returned.
//
// Errors, after which there is no output: `INVALID_ARGUMENT` saying what is wrong with it. Since 0.1.
karrow_status karrow_processor_call_set_output(struct karrow_processor_call *call,
                                               struct ArrowArray *array,
                                               const struct ArrowSchema *schema,
                                               struct karrow_error **error);

// Refuses a row of the input, counted from 0: its record is a bad record of the spec's side, and `karrow.bad.record.policy`
// says what becomes of it. What the output has in that row is not used. `reason` says what was expected and found; it is
// shown to users, and must hold nothing of the payload. A later reason for the same row replaces an earlier one.
//
// With the policy `fail` the rows before it are shown and the partition stops at it; what is behind it comes again after a
// resume. Errors: `OUT_OF_RANGE` for a row that there is not. Since 0.1.
karrow_status karrow_processor_call_refuse(struct karrow_processor_call *call,
                                           int64_t row,
                                           const char *reason,
                                           struct karrow_error **error);

// Lets the batch fail as a whole, whatever the processor returns: the partition stops at its first record. `message` is
// shown to users, and must hold nothing of a payload. A later message replaces an earlier one. Since 0.1.
karrow_status karrow_processor_call_fail(struct karrow_processor_call *call,
                                         const char *message,
                                         struct karrow_error **error);

// Makes options for a topic, with everything else at its default: all partitions, each from `KARROW_DONT_SEEK`, key and
// value from properties, a blink table.
//
// Errors: `INVALID_ARGUMENT` for an empty name. Whether the topic exists is found out by open. Since 0.1.
karrow_status karrow_options_new(const char *topic,
                                 struct karrow_options **options,
                                 struct karrow_error **error);

// Sets a property. Keys that begin with `karrow.` (or `deephaven.`, for those that Deephaven has) are the library's; those
// that begin with `schema.registry.`, `basic.auth.` or `bearer.auth.` are the schema registry client's; those of Kafka's
// Java client are translated where librdkafka has other names; all others are librdkafka's and reach it unchanged.
// `docs/options.md` lists them all. A NULL value sets the property back to its default.
//
// The library's keys: names of common columns, `""` for none: `karrow.partition.column.name` [`KafkaPartition`],
// `karrow.offset.column.name` [`KafkaOffset`], `karrow.timestamp.column.name` [`KafkaTimestamp`],
// `karrow.receivetime.column.name`, `karrow.keybytes.column.name`, `karrow.valuebytes.column.name`,
// `karrow.headers.column.name`, `karrow.timestamptype.column.name`, `karrow.leaderepoch.column.name` [none];
// `karrow.timestamp.column.type` [`timestamp[ns, UTC]`, or `timestamp[ms, UTC]`];
// `karrow.{key,value}.column.{name,type}` for specs that leave them open; `karrow.memory.budget.bytes` [268435456], which
// bounds fetch queues and rows decoded but not yet published, together; `karrow.ingest.threads` [cores, at most one a
// partition]; `karrow.poll.linger.ms` [0], how long a poll that has something waits for more;
// `karrow.partition.discovery.ms` [30000], how often the topic is looked at for new partitions and for whether it was
// deleted or created again, 0 for never; `karrow.append.max.bytes` [none], what an append table holds before its
// partitions wait for `karrow_consumer_discard`; `karrow.ring.max.bytes` and `karrow.ring.max.age.ms` [none], further
// limits of each partition of a ring, by which it forgets its oldest rows some at a time.
//
// Of Kafka's keys karrow itself serves `auto.offset.reset`, and `enable.auto.commit` [false] with
// `auto.commit.interval.ms` [5000]: what a poll has published is committed for `group.id` once the next poll begins.
//
// Errors: `INVALID_ARGUMENT` for an unknown key of the library or of the registry (the message lists the nearest), a key
// set under both its names, or one that karrow must own; `UNSUPPORTED` for one that cannot be honoured (the message says
// what to do instead). Values, and Kafka's other keys, are checked when a consumer is made. Since 0.1.
karrow_status karrow_options_set(struct karrow_options *options,
                                 const char *key,
                                 const char *value,
                                 struct karrow_error **error);

// Reads only these partitions; order and duplicates do not matter.
//
// Errors: `INVALID_ARGUMENT` for an empty list or a negative number. A partition that the topic does not have is an
// error of open. Since 0.1.
karrow_status karrow_options_set_partitions(struct karrow_options *options,
                                            const int32_t *ids,
                                            size_t count,
                                            struct karrow_error **error);

// Where a partition starts: an offset of 0 or more, or one of the three constants. `KARROW_ALL_PARTITIONS` means those
// that have no entry of their own, in whatever order entries are made.
//
// An offset outside the partition's log goes where `auto.offset.reset` says; with `none` that partition fails, and the
// others are read. Errors: `INVALID_ARGUMENT` for other negative numbers. Since 0.1.
karrow_status karrow_options_set_start_offset(struct karrow_options *options,
                                              int32_t partition,
                                              int64_t offset,
                                              struct karrow_error **error);

// Where a partition starts: at the first record whose timestamp is `timestamp_ms` (milliseconds since 1970-01-01 UTC) or
// later, as of open; if there is none yet, at the end of the log. Otherwise as `karrow_options_set_start_offset`, whose
// entries it replaces.
//
// Errors: `INVALID_ARGUMENT` for a negative time. Since 0.1.
karrow_status karrow_options_set_start_time(struct karrow_options *options,
                                            int32_t partition,
                                            int64_t timestamp_ms,
                                            struct karrow_error **error);

// Where a partition stops: before the record of this offset. It then is `FINISHED`, and once all partitions are, poll
// returns `END`. The three functions that say where to stop replace each other's entries; that of a partition beats that
// of `KARROW_ALL_PARTITIONS`, in whatever order they are made. With an entry for all of them, partitions that the topic
// gets later are not read.
//
// Errors: `INVALID_ARGUMENT` for a negative offset. A partition that the topic does not have is an error of open. Since
// 0.1.
karrow_status karrow_options_set_stop_offset(struct karrow_options *options,
                                             int32_t partition,
                                             int64_t offset,
                                             struct karrow_error **error);

// Where a partition stops: before the first record whose timestamp is `timestamp_ms` (milliseconds since 1970-01-01 UTC)
// or later, as of open; if there is none, at the end of the log as of open. Otherwise as
// `karrow_options_set_stop_offset`.
//
// Errors: `INVALID_ARGUMENT` for a negative time. Since 0.1.
karrow_status karrow_options_set_stop_time(struct karrow_options *options,
                                           int32_t partition,
                                           int64_t timestamp_ms,
                                           struct karrow_error **error);

// Where a partition stops: at the end of the log as it is when open returns, also if there are only transaction markers or
// aborted records there. With `isolation.level=read_committed`, the default, the log ends where the first open transaction
// begins. Otherwise as `karrow_options_set_stop_offset`. Since 0.1.
karrow_status karrow_options_set_stop_at_end(struct karrow_options *options,
                                             int32_t partition,
                                             struct karrow_error **error);

// How one side (a `karrow_side`) of every record becomes columns. The spec is copied.
//
// Errors: `INVALID_ARGUMENT` for a number that is not a side. Since 0.1.
karrow_status karrow_options_set_spec(struct karrow_options *options,
                                      int32_t side,
                                      const struct karrow_spec *spec,
                                      struct karrow_error **error);

// What the table keeps: a `karrow_table_type`. `capacity` is the number of rows that a ring keeps of each partition, at
// least 1; the other types do not look at it.
//
// Errors: `INVALID_ARGUMENT` for a number that is not a table type, or a ring's capacity below 1. Since 0.1.
karrow_status karrow_options_set_table_type(struct karrow_options *options,
                                            int32_t kind,
                                            int64_t capacity,
                                            struct karrow_error **error);

// Where librdkafka's and karrow's messages go; NULL: nowhere, which is the default. Nothing is ever written to stderr.
// Since 0.1.
karrow_status karrow_options_set_log(struct karrow_options *options,
                                     const struct karrow_log *log,
                                     struct karrow_error **error);

// The columns that a consumer of these options will have, as a struct schema: common columns, then the key's, then the
// value's. Asks no broker. Schema metadata has `karrow.topic`; that of each field `karrow.origin` (`common`, `key` or
// `value`) and `karrow.source`. The caller releases the schema.
//
// Errors: whatever is wrong with names and types; `REGISTRY` for what a schema registry does not give. `timeout_ms` is for
// specs that ask one. Since 0.1.
karrow_status karrow_options_schema(const struct karrow_options *options,
                                    int64_t timeout_ms,
                                    struct ArrowSchema *schema,
                                    struct karrow_error **error);

// Frees options. NULL does nothing. Since 0.1.
void karrow_options_free(struct karrow_options *options);

// Makes a consumer. Checks names, types and the values of properties; asks no broker. What librdkafka checks only when it
// starts (files of keys and certificates, sizes that have to fit each other) is an error of open.
//
// Errors: `INVALID_ARGUMENT` naming the option, key or column that is wrong. Since 0.1.
karrow_status karrow_consumer_new(const struct karrow_options *options,
                                  struct karrow_consumer **consumer,
                                  struct karrow_error **error);

// Asks the cluster for the topic's partitions and offsets, and begins to read. When it returns, "now" is fixed: what is
// produced later is never missed, whatever the start offsets say. Wakeup and close end it. After an error it may be
// called again.
//
// Errors: `TIMEOUT` with the last thing that went wrong on the way to the brokers; `NOT_FOUND` for a topic or partition
// that does not exist; `KAFKA` for what Kafka refuses, at once and whatever the time-out: a wrong password, a missing
// right, a certificate that one side does not accept; `REGISTRY` for the schema of a subject that a schema registry does
// not give; `INTERRUPTED`, `CLOSED`, `BUSY`; `INVALID_STATE` if it is open already. Since 0.1.
karrow_status karrow_consumer_open(const struct karrow_consumer *consumer,
                                   int64_t timeout_ms,
                                   struct karrow_error **error);

// One cycle: publishes everything decoded since the last one, for all partitions at once. With rows, dead letters or a
// change of state at hand it returns at once (after `karrow.poll.linger.ms`); otherwise it waits for the first, at
// most `timeout_ms` (0 does not wait, -1 waits for ever). Time running out is no error: that cycle has no rows. Processors
// (`karrow_spec_new_callback`) run inside of it, partition by partition; the time-out does not bound them.
//
// `rows` gets the number of rows added; `failed` the number of partitions that are failed (see
// `karrow_snapshot_failure`); `snapshot` exactly this cycle, to be freed by the caller. Any of them may be NULL. A
// partition that fails does not make poll fail.
//
// Errors, all without a new cycle: `END` once all partitions have finished or failed and that has been published; `LIMIT`
// once all others wait for room and that has been published, for room in the table (`karrow.append.max.bytes`), which
// `karrow_consumer_discard` makes, or among dead letters, which `karrow_consumer_dead_letters` makes; `INTERRUPTED` by
// wakeup; `BUSY`; `CLOSED`; `INVALID_STATE` before open, or from inside a processor; `PANIC`, and from then on `POISONED`. Since 0.1.
karrow_status karrow_consumer_poll(const struct karrow_consumer *consumer,
                                   int64_t timeout_ms,
                                   int64_t *rows,
                                   int32_t *failed,
                                   struct karrow_snapshot **snapshot,
                                   struct karrow_error **error);

// The state of the last cycle: cycle 0, without rows, before the first poll. A reference count; never waits. Works also
// after close. The caller frees the snapshot.
//
// Errors: `INVALID_STATE` before open. Since 0.1.
karrow_status karrow_consumer_snapshot(const struct karrow_consumer *consumer,
                                       struct karrow_snapshot **snapshot,
                                       struct karrow_error **error);

// For threads that read while another one polls: waits until a cycle after `after_cycle` has been published, at most
// `timeout_ms` (0 does not wait, -1 waits for ever), and hands out the last one there is. The caller frees the snapshot.
// Several threads may wait at once; wakeup ends one call.
//
// Errors: `TIMEOUT`; `END` once all partitions have finished or failed and `after_cycle` shows it; `INTERRUPTED`;
// `CLOSED`; `INVALID_STATE` before open. Since 0.1.
karrow_status karrow_consumer_wait(const struct karrow_consumer *consumer,
                                   int64_t after_cycle,
                                   int64_t timeout_ms,
                                   struct karrow_snapshot **snapshot,
                                   struct karrow_error **error);

// How far reading has come: a stream of one batch with a row for each partition, in ascending order. Live, so that it may
// be ahead of the last cycle; never waits, and is cheap enough to be asked at every poll. Works also after close. The
// caller releases the stream. Its columns:
//
// * `partition` int32: the Kafka partition;
// * `state` utf8: `reading`, `at_end` (everything there is has been read; more may come), `waiting`, `failed`, `finished`;
// * `reason` utf8: why it waits or has failed, else null;
// * `position` int64: the offset that is read next;
// * `end_offset` int64: behind the newest record of the log, as far as brokers have told; null until they have;
// * `stop_offset` int64: where it stops; null if nowhere;
// * `lag` int64: how many offsets lie between `position` and the end, or the stop if that comes first. It reaches 0 also
//   where the log ends with transaction markers or aborted records. Before the end has been reached it counts records of
//   open transactions too;
// * `rows` int64: rows decoded so far, or made by a processor, `bytes` int64: the size of their keys and values;
// * `bad_records` struct of int64 `key`, `value`, `timestamp`, `headers`: records that were bad, whatever became of
//   them, by the side that decided it. Each counts once, also if it is tried again; so `rows` and the bad records that
//   became no row account for every record. Of several bad sides that with the strongest policy decides (`fail`,
//   `dead_letter`, `skip`, `null`), and among equals the first: timestamp or headers, key, value;
// * `batches` int64: in how many pieces the last cycle's rows lie; `memory_bytes` int64: what they and the rows that no
//   cycle has published take;
// * `last_record_time` timestamp[ms, UTC]: the timestamp of the last record, null if it has none.
//
// Errors: `INVALID_STATE` before open. Since 0.1.
karrow_status karrow_consumer_progress(const struct karrow_consumer *consumer,
                                       struct ArrowArrayStream *progress,
                                       struct karrow_error **error);

// Takes the dead letters that have come: bad records whose policy is `dead_letter` (`karrow.bad.record.policy`), which
// are no rows of the table. A stream of batches of one schema, perhaps of none; each letter comes once, those of one
// partition in the order of their offsets. The letters of all records before a snapshot's
// `karrow_snapshot_next_offset` have come when the poll that made it returns; so: poll, use the rows, take the dead
// letters, commit. With `enable.auto.commit`, take them before the next poll. Some may be of records behind the last
// cycle; these come again if another consumer goes on at what has been committed. Its columns:
//
// * `topic` utf8, `partition` int32, `offset` int64: where the record is;
// * `timestamp` timestamp[ms, UTC]: the record's, null if it has none;
// * `key` binary, `value` binary: as they are, null for Kafka's null;
// * `headers` list of struct of `key` binary and `value` binary: in order and with duplicates, never null. Their keys
//   are binary, because one that is not UTF-8 may be what is wrong;
// * `side` utf8: what is bad, `key`, `value`, `timestamp` or `headers`;
// * `column` utf8: the column that could not take its value; null if the payload as a whole is bad;
// * `path` utf8: the place inside the column, as `Legs[3].Price`; null if it is the column itself;
// * `reason` utf8: what was expected and what was found.
//
// Letters that nobody takes are kept, and count against `karrow.memory.budget.bytes`. A partition whose letters fill
// what it may use waits until they are taken, and so do all when the letters of all fill it; none is ever dropped.
// Taking them makes room at once, also if the stream is not read.
//
// Any thread may call it, also beside a poll; it never waits for one. Works also after `END` and after close. The
// caller releases the stream, which outlives the consumer.
//
// Errors: `INVALID_STATE` before open. Since 0.1.
karrow_status karrow_consumer_dead_letters(const struct karrow_consumer *consumer,
                                           struct ArrowArrayStream *dead_letters,
                                           struct karrow_error **error);

// Commits, for the `group.id` of the options, exactly what a snapshot shows: for each partition its
// `karrow_snapshot_next_offset`. A partition that failed because its offset lies outside the log has none, and is left
// out. The snapshot may be an older one, or a view. Take dead letters first, because what has been committed does not
// come again. Wakeup does not end it, close does.
//
// Errors: `INVALID_ARGUMENT` for a snapshot of another consumer; `INVALID_STATE` without a `group.id`, or before open;
// `KAFKA` for what Kafka refuses, after which some partitions may have been committed; `TIMEOUT`; `CLOSED`. Since 0.1.
karrow_status karrow_consumer_commit(const struct karrow_consumer *consumer,
                                     const struct karrow_snapshot *snapshot,
                                     int64_t timeout_ms,
                                     struct karrow_error **error);

// Gives up the rows of a partition before `before_row`: the next cycle does not show them any more. Their memory is freed
// piece by piece, once more than half of a piece has been given up and no snapshot or export holds it; with
// `karrow.append.max.bytes` a piece is at most an eighth of that. For append tables that live for months; row numbers go on.
//
// Errors: `INVALID_STATE` for other types of tables, which forget by themselves, or before open; `OUT_OF_RANGE` for a row
// that has not been published; `NOT_FOUND` for a partition that is not read; `CLOSED`. Since 0.1.
karrow_status karrow_consumer_discard(const struct karrow_consumer *consumer,
                                      int32_t partition,
                                      int64_t before_row,
                                      struct karrow_error **error);

// The columns of every partition, as `karrow_options_schema` has them. The caller releases the schema.
//
// Errors: `INVALID_STATE` before open if only a schema registry knows the columns. Since 0.1.
karrow_status karrow_consumer_schema(const struct karrow_consumer *consumer,
                                     struct ArrowSchema *schema,
                                     struct karrow_error **error);

// Lets a failed partition go on at `offset`: at the record it stopped at (`karrow_snapshot_next_offset`), which is then
// tried again, or behind it. A partition that failed for a reason of Kafka's may be resumed at any offset. The next
// cycles show what comes of it.
//
// Errors: `INVALID_STATE` if the last published cycle does not show the partition as failed; `INVALID_ARGUMENT` for an
// offset whose rows are in the table already; `NOT_FOUND` for a partition that is not read. Since 0.1.
karrow_status karrow_consumer_resume(const struct karrow_consumer *consumer,
                                     int32_t partition,
                                     int64_t offset,
                                     struct karrow_error **error);

// Ends the running open, poll or wait with `INTERRUPTED`, or the next one if none is running: once. Since 0.1.
karrow_status karrow_consumer_wakeup(const struct karrow_consumer *consumer,
                                     struct karrow_error **error);

// Ends reading: wakes open, poll, wait and commit, waits for them, drops rows that no cycle has published, commits
// nothing (but what `enable.auto.commit` still owes). Afterwards these and resume and discard return `CLOSED`;
// snapshots, progress and dead letters can still be taken. Closing again does nothing.
//
// Errors: `TIMEOUT` if it takes longer; it then goes on by itself, and another close waits for it again. Since 0.1.
karrow_status karrow_consumer_close(const struct karrow_consumer *consumer,
                                    int64_t timeout_ms,
                                    struct karrow_error **error);

// Closes the consumer, however long that takes, and frees it. Snapshots and everything exported live on. NULL does
// nothing, and neither does a call from inside a processor that the consumer's poll runs. Since 0.1.
void karrow_consumer_free(struct karrow_consumer *consumer);

// How many cycles there have been: 0 before the first poll, and for NULL. Since 0.1.
int64_t karrow_snapshot_cycle(const struct karrow_snapshot *snapshot);

// How many partitions there are, empty ones included; 0 for NULL. Since 0.1.
size_t karrow_snapshot_partition_count(const struct karrow_snapshot *snapshot);

// The Kafka partition number at an index from 0 on; partitions are in ascending order.
//
// Errors: `OUT_OF_RANGE` for an index beyond the last partition. Since 0.1.
karrow_status karrow_snapshot_partition_at(const struct karrow_snapshot *snapshot,
                                           size_t index,
                                           int32_t *partition,
                                           struct karrow_error **error);

// What a partition is doing: a `karrow_partition_state`.
//
// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
karrow_status karrow_snapshot_state(const struct karrow_snapshot *snapshot,
                                    int32_t partition,
                                    int32_t *state,
                                    struct karrow_error **error);

// Which rows of a partition the snapshot shows: from `first_row` to before `end_row`. Row numbers count the rows that a
// partition has published, from 0, and never go back; so `end_row` is where to go on reading in a later snapshot. In a
// blink table `first_row` is the number of rows before this cycle. Either output may be NULL.
//
// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
karrow_status karrow_snapshot_rows(const struct karrow_snapshot *snapshot,
                                   int32_t partition,
                                   int64_t *first_row,
                                   int64_t *end_row,
                                   struct karrow_error **error);

// The Kafka offset at which reading goes on after what the snapshot shows: the exact point to resume from. If the
// partition has failed at a record, the offset of that record.
//
// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
karrow_status karrow_snapshot_next_offset(const struct karrow_snapshot *snapshot,
                                          int32_t partition,
                                          int64_t *offset,
                                          struct karrow_error **error);

// Why a partition has failed, or waits; NULL while it is being read, and once it has finished. The caller frees it with
// `karrow_error_free`. Its status says what kind of trouble it is: `BAD_RECORD`, `KAFKA`, `OUT_OF_RANGE`, `NOT_FOUND` for
// a topic that was deleted, `LIMIT` for a table that is full, or `PANIC`.
//
// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
karrow_status karrow_snapshot_failure(const struct karrow_snapshot *snapshot,
                                      int32_t partition,
                                      struct karrow_error **failure,
                                      struct karrow_error **error);

// The columns of every partition. The caller releases the schema. Since 0.1.
karrow_status karrow_snapshot_schema(const struct karrow_snapshot *snapshot,
                                     struct ArrowSchema *schema,
                                     struct karrow_error **error);

// The same rows with chosen columns: each text is `Name`, which keeps a column, or `New=Old`, which renames one. A column
// may appear more than once, under different names. The view is a snapshot of its own, which keeps state, failures and
// next offsets, and which the caller frees.
//
// Errors: `NOT_FOUND` for a column that does not exist; `INVALID_ARGUMENT` for none at all, a name that appears twice, or
// a text of neither form. Since 0.1.
karrow_status karrow_snapshot_view(const struct karrow_snapshot *snapshot,
                                   const char *const *columns,
                                   size_t count,
                                   struct karrow_snapshot **view,
                                   struct karrow_error **error);

// All rows of a partition as one struct array, with its schema. The rows are put together when first asked for, and kept
// with the snapshot, so that asking again copies nothing. Both structs are the caller's to release, and outlive every
// handle. `schema` may be NULL.
//
// Errors: `LIMIT` if the rows do not fit into one array (a column of text beyond 2 GiB): use the stream; `NOT_FOUND` for
// a partition that is not read. Since 0.1.
karrow_status karrow_snapshot_export_array(const struct karrow_snapshot *snapshot,
                                           int32_t partition,
                                           struct ArrowArray *array,
                                           struct ArrowSchema *schema,
                                           struct karrow_error **error);

// The rows of a partition from `from_row` to before `end_row` (-1: to the end), as a stream of batches that share the
// table's memory. The stream is the caller's to release; it and its batches outlive every handle, and any one thread at a
// time may read it. With `from_row` at the end the stream has a schema and no batches.
//
// Errors: `OUT_OF_RANGE` for rows that are not kept any more (the message names the first) or not there yet; `NOT_FOUND`
// for a partition that is not read. Since 0.1.
karrow_status karrow_snapshot_export_stream(const struct karrow_snapshot *snapshot,
                                            int32_t partition,
                                            int64_t from_row,
                                            int64_t end_row,
                                            struct ArrowArrayStream *stream,
                                            struct karrow_error **error);

// The rows of all partitions as one stream, one partition after the other. `from_rows` has a row number for each
// partition, in ascending order of partitions (`count` is their number), or is NULL with a count of 0 for everything.
//
// Errors: `INVALID_ARGUMENT` for another count; otherwise as `karrow_snapshot_export_stream`. Since 0.1.
karrow_status karrow_snapshot_export_merged(const struct karrow_snapshot *snapshot,
                                            const int64_t *from_rows,
                                            size_t count,
                                            struct ArrowArrayStream *stream,
                                            struct karrow_error **error);

// Frees a snapshot; what was exported from it lives on. NULL does nothing. Since 0.1.
void karrow_snapshot_free(struct karrow_snapshot *snapshot);

// Starts a cluster of this many brokers, numbered from 1.
//
// Errors: `INVALID_ARGUMENT` for fewer than 1. Since 0.1.
karrow_status karrow_mock_cluster_new(int32_t brokers,
                                      struct karrow_mock_cluster **cluster,
                                      struct karrow_error **error);

// What to set `bootstrap.servers` to. Belongs to the cluster. NULL for NULL. Since 0.1.
const char *karrow_mock_cluster_bootstrap_servers(const struct karrow_mock_cluster *cluster);

// Creates a topic, replicated on up to three brokers.
//
// Errors: `INVALID_ARGUMENT` for a topic that exists already, or fewer than 1 partition. Since 0.1.
karrow_status karrow_mock_cluster_create_topic(const struct karrow_mock_cluster *cluster,
                                               const char *topic,
                                               int32_t partitions,
                                               struct karrow_error **error);

// Produces one record, and waits until it is in the log. A length of -1 is Kafka's null; a NULL pointer with a length of
// 0 is an empty key or value. `timestamp_ms` counts from 1970-01-01 UTC; 0 is now. `offset`, which may be NULL, gets the
// record's offset.
//
// Errors: `NOT_FOUND` for a partition that does not exist; `INVALID_ARGUMENT`; `KAFKA` for what the cluster refuses; `TIMEOUT` after a
// minute. Since 0.1.
karrow_status karrow_mock_cluster_produce(const struct karrow_mock_cluster *cluster,
                                          const char *topic,
                                          int32_t partition,
                                          const uint8_t *key,
                                          int64_t key_length,
                                          const uint8_t *value,
                                          int64_t value_length,
                                          int64_t timestamp_ms,
                                          int64_t *offset,
                                          struct karrow_error **error);

// Produces the records of a JSON array, and waits until all are in the log. Those of one partition keep their order, unless
// requests to produce are made to fail meanwhile. What a test produces can so be data, the same in every language.
//
// A record is an object with any of `partition` [0], `key`, `value`, `timestamp_ms` [now] (-1: none) and `headers`, an array
// of pairs of key and value: `{"key": "k", "value": "v", "headers": [["a", "1"]]}`. Bytes are a string, which stands for its
// UTF-8, or `{"base64": "/w=="}`, or `{"hex": "00 ff"}`, with blanks wherever they help; null, or nothing, is Kafka's null. A
// record that is only bytes, or null, is a value for partition 0: `["first", {"base64": "/w=="}, {"hex": "ff"}, null]`.
//
// Nothing is produced unless all records are well formed and their partitions exist. When the cluster refuses one, or has
// not acknowledged all after a minute, any of the others may be in the log.
//
// Errors: `INVALID_ARGUMENT` naming the place, as in `[3].headers[0]`; `NOT_FOUND` for a partition that does not exist;
// `KAFKA` for what the cluster refuses; `TIMEOUT` after a minute. Since 0.1.
karrow_status karrow_mock_cluster_produce_records(const struct karrow_mock_cluster *cluster,
                                                  const char *topic,
                                                  const char *records,
                                                  struct karrow_error **error);

// Lets the next `count` requests of one kind fail, with these errors in turn. Kinds and errors are the Kafka protocol's
// numbers: 0 Produce, 1 Fetch, 2 ListOffsets, 3 Metadata, 9 OffsetFetch, 10 FindCoordinator.
//
// Errors: `INVALID_ARGUMENT` for others; the message lists them. Since 0.1.
karrow_status karrow_mock_cluster_push_errors(const struct karrow_mock_cluster *cluster,
                                              int16_t request,
                                              const int32_t *errors,
                                              size_t count,
                                              struct karrow_error **error);

// Lets a broker vanish, or come back.
//
// Errors: `INVALID_ARGUMENT` for a broker that does not exist. Since 0.1.
karrow_status karrow_mock_cluster_set_broker_up(const struct karrow_mock_cluster *cluster,
                                                int32_t broker,
                                                bool up,
                                                struct karrow_error **error);

// Moves a partition to another leader.
//
// Errors: `INVALID_ARGUMENT` for a broker that does not exist; `KAFKA` for a partition that does not. Since 0.1.
karrow_status karrow_mock_cluster_set_leader(const struct karrow_mock_cluster *cluster,
                                             const char *topic,
                                             int32_t partition,
                                             int32_t broker,
                                             struct karrow_error **error);

// Lets a broker take this many milliseconds for every answer.
//
// Errors: `INVALID_ARGUMENT` for a broker that does not exist, or a negative time. Since 0.1.
karrow_status karrow_mock_cluster_set_delay(const struct karrow_mock_cluster *cluster,
                                            int32_t broker,
                                            int64_t delay_ms,
                                            struct karrow_error **error);

// Stops a cluster and frees it. NULL does nothing. Since 0.1.
void karrow_mock_cluster_free(struct karrow_mock_cluster *cluster);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KARROW_H */
