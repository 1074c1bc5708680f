/*
 * What io.github.karrow.Native declares, over karrow.h: a function for each of its methods.
 *
 * Rules, once:
 *
 * Handles  cross as their addresses. Native's callers see to it that they are valid, and freed once.
 * Texts  cross as the bytes of their UTF-8, from Java with a NUL behind them; null is NULL. JNI's own strings are in
 *   another encoding, in which neither NUL nor what is beyond 16 bits is what C expects.
 * Errors  become exceptions, made by Native.failure, which gets all that a karrow_error carries; it is freed here.
 * Nothing of a class is kept, so that a class loader can be let go of. What the library keeps of Java is a processor.
 */
#include <karrow.h>

#include <jni.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { jni_version = JNI_VERSION_10 };

#define EXPORTED(type, name) JNIEXPORT type JNICALL Java_io_github_karrow_Native_##name

/* A handle, or a struct of Arrow's, from the number that Java has for it. */
#define AT(address) ((void *)(intptr_t)(address))
#define ADDRESS(pointer) ((jlong)(intptr_t)(pointer))

/* For what is allocated here. */
static void throw_out_of_memory(JNIEnv *env)
{
    jclass error = (*env)->FindClass(env, "java/lang/OutOfMemoryError");
    if (error != NULL)
        (*env)->ThrowNew(env, error, "karrow could not allocate memory outside the heap");
}

/* Texts and arrays ------------------------------------------------------------------------------------------------- */

/* NULL for NULL, and if Java has no memory: then an exception is pending. */
static jbyteArray bytes_of(JNIEnv *env, const char *text)
{
    if (text == NULL)
        return NULL;
    const jsize length = (jsize)strlen(text);
    jbyteArray bytes = (*env)->NewByteArray(env, length);
    if (bytes != NULL)
        (*env)->SetByteArrayRegion(env, bytes, 0, length, (const jbyte *)text);
    return bytes;
}

/* The texts of one call. */
struct texts {
    int count;
    jbyteArray arrays[3];
    const char *at[3];
};

static void return_texts(JNIEnv *env, struct texts *texts)
{
    while (texts->count-- > 0)
        if (texts->at[texts->count] != NULL)
            (*env)->ReleaseByteArrayElements(env, texts->arrays[texts->count], (jbyte *)texts->at[texts->count],
                                             JNI_ABORT);
}

/* Whether all texts are here; if not, an exception is pending. */
static bool take_texts(JNIEnv *env, struct texts *texts, int count, ...)
{
    va_list arrays;
    va_start(arrays, count);
    bool all = true;
    for (texts->count = 0; all && texts->count < count; ++texts->count) {
        jbyteArray array = va_arg(arrays, jbyteArray);
        texts->arrays[texts->count] = array;
        texts->at[texts->count] =
            array == NULL ? NULL : (const char *)(*env)->GetByteArrayElements(env, array, NULL);
        all = array == NULL || texts->at[texts->count] != NULL;
    }
    va_end(arrays);
    if (!all)
        return_texts(env, texts);
    return all;
}

/* Errors ----------------------------------------------------------------------------------------------------------- */

/* What karrow.h lists for karrow_error_detail. */
static const char *const detail_keys[] = {"topic", "side", "column", "path", "reason", "argument", "pointer"};
enum { detail_count = sizeof detail_keys / sizeof detail_keys[0] };

/* Keys and details in turn. */
static jobjectArray details_of(JNIEnv *env, const karrow_error *error)
{
    jclass bytes = (*env)->FindClass(env, "[B");
    if (bytes == NULL)
        return NULL;
    jobjectArray details = (*env)->NewObjectArray(env, 2 * detail_count, bytes, NULL);
    for (int index = 0; details != NULL && index < detail_count; ++index) {
        const char *const pair[] = {detail_keys[index], karrow_error_detail(error, detail_keys[index])};
        for (int part = 0; part < 2; ++part) {
            jbyteArray text = bytes_of(env, pair[part]);
            if ((*env)->ExceptionCheck(env))
                return NULL;
            (*env)->SetObjectArrayElement(env, details, 2 * index + part, text);
            (*env)->DeleteLocalRef(env, text);
        }
    }
    return details;
}

/* The exception that an error becomes, which is freed. NULL if another one is pending. */
static jobject exception_of(JNIEnv *env, jclass native, karrow_error *error)
{
    jobject exception = NULL;
    jbyteArray message = bytes_of(env, karrow_error_message(error));
    jobjectArray details = message == NULL ? NULL : details_of(env, error);
    jmethodID failure = details == NULL ? NULL
                                        : (*env)->GetStaticMethodID(env, native, "failure",
                                                                    "(I[BIZZIJ[[B)Lio/github/karrow/KarrowException;");
    if (failure != NULL) {
        int32_t partition = 0;
        int64_t offset = 0;
        const bool has_position = karrow_error_position(error, &partition, &offset);
        exception = (*env)->CallStaticObjectMethod(
            env, native, failure, (jint)karrow_error_status(error), message, (jint)karrow_error_kafka_code(error),
            (jboolean)karrow_error_is_retriable(error), (jboolean)has_position, (jint)partition, (jlong)offset,
            details);
    }
    karrow_error_free(error);
    return exception;
}

/* Throws an error, which is freed; nothing for NULL. */
static void throw_error(JNIEnv *env, jclass native, karrow_error *error)
{
    if (error == NULL)
        return;
    jobject exception = exception_of(env, native, error);
    if (exception != NULL && !(*env)->ExceptionCheck(env))
        (*env)->Throw(env, exception);
}

/* A call of karrow.h, which names its last argument `&error`. */
#define CALL(call)                       \
    do {                                 \
        karrow_error *error = NULL;      \
        (void)(call);                    \
        throw_error(env, native, error); \
    } while (0)

/* The same with texts: `texts.at[0]` and so on are those behind their number. */
#define CALL_WITH_TEXTS(call, ...)                     \
    do {                                               \
        struct texts texts;                            \
        if (take_texts(env, &texts, __VA_ARGS__)) {    \
            karrow_error *error = NULL;                \
            (void)(call);                              \
            return_texts(env, &texts);                 \
            throw_error(env, native, error);           \
        }                                              \
    } while (0)

/* Versions and constants ------------------------------------------------------------------------------------------- */

EXPORTED(jint, abiOfHeader)(JNIEnv *env, jclass native)
{
    (void)env, (void)native;
    return KARROW_ABI_VERSION;
}

EXPORTED(jint, abiOfLibrary)(JNIEnv *env, jclass native)
{
    (void)env, (void)native;
    return (jint)karrow_abi_version();
}

EXPORTED(jbyteArray, version)(JNIEnv *env, jclass native)
{
    (void)native;
    return bytes_of(env, karrow_version());
}

EXPORTED(jbyteArray, statusName)(JNIEnv *env, jclass native, jint status)
{
    (void)native;
    return bytes_of(env, karrow_status_name(status));
}

#define CONSTANT(name) {#name, name}
static const struct {
    const char *name;
    int64_t value;
} constants[] = {
    CONSTANT(KARROW_ALL_PARTITIONS),
    CONSTANT(KARROW_SEEK_TO_BEGINNING),
    CONSTANT(KARROW_DONT_SEEK),
    CONSTANT(KARROW_SEEK_TO_END),
    CONSTANT(KARROW_STATUS_OK),
    CONSTANT(KARROW_STATUS_END),
    CONSTANT(KARROW_STATUS_INTERRUPTED),
    CONSTANT(KARROW_STATUS_TIMEOUT),
    CONSTANT(KARROW_STATUS_BUSY),
    CONSTANT(KARROW_STATUS_CLOSED),
    CONSTANT(KARROW_STATUS_INVALID_ARGUMENT),
    CONSTANT(KARROW_STATUS_INVALID_STATE),
    CONSTANT(KARROW_STATUS_NOT_FOUND),
    CONSTANT(KARROW_STATUS_OUT_OF_RANGE),
    CONSTANT(KARROW_STATUS_UNSUPPORTED),
    CONSTANT(KARROW_STATUS_BAD_RECORD),
    CONSTANT(KARROW_STATUS_KAFKA),
    CONSTANT(KARROW_STATUS_REGISTRY),
    CONSTANT(KARROW_STATUS_PROCESSOR),
    CONSTANT(KARROW_STATUS_LIMIT),
    CONSTANT(KARROW_STATUS_PANIC),
    CONSTANT(KARROW_STATUS_POISONED),
    CONSTANT(KARROW_STATUS_INTERNAL),
    CONSTANT(KARROW_LOG_LEVEL_ERROR),
    CONSTANT(KARROW_LOG_LEVEL_WARNING),
    CONSTANT(KARROW_LOG_LEVEL_NOTICE),
    CONSTANT(KARROW_LOG_LEVEL_INFO),
    CONSTANT(KARROW_LOG_LEVEL_DEBUG),
    CONSTANT(KARROW_SIDE_KEY),
    CONSTANT(KARROW_SIDE_VALUE),
    CONSTANT(KARROW_TABLE_TYPE_BLINK),
    CONSTANT(KARROW_TABLE_TYPE_APPEND),
    CONSTANT(KARROW_TABLE_TYPE_RING),
    CONSTANT(KARROW_PARTITION_STATE_READING),
    CONSTANT(KARROW_PARTITION_STATE_WAITING),
    CONSTANT(KARROW_PARTITION_STATE_FAILED),
    CONSTANT(KARROW_PARTITION_STATE_FINISHED),
};

EXPORTED(jlong, constant)(JNIEnv *env, jclass native, jbyteArray name)
{
    (void)native;
    int64_t value = 0;
    bool known = false;
    struct texts texts;
    if (!take_texts(env, &texts, 1, name))
        return 0;
    for (size_t index = 0; !known && index < sizeof constants / sizeof constants[0]; ++index) {
        known = strcmp(constants[index].name, texts.at[0]) == 0;
        value = constants[index].value;
    }
    return_texts(env, &texts);
    jclass error = known ? NULL : (*env)->FindClass(env, "java/lang/AssertionError");
    if (error != NULL)
        (*env)->ThrowNew(env, error, "karrow.h has no constant of this name");
    return value;
}

/* Log -------------------------------------------------------------------------------------------------------------- */

EXPORTED(jlong, logNew)(JNIEnv *env, jclass native, jint level, jlong capacity)
{
    karrow_log *log = NULL;
    CALL(karrow_log_new(level, (size_t)capacity, &log, &error));
    return ADDRESS(log);
}

EXPORTED(jlong, logTake)(JNIEnv *env, jclass native, jlong log, jlong timeout_ms)
{
    karrow_log_entry *entry = NULL;
    karrow_error *error = NULL;
    /* No message in time is no exception, because somebody asks again and again. */
    if (karrow_log_take(AT(log), timeout_ms, &entry, &error) == KARROW_STATUS_TIMEOUT)
        karrow_error_free(error);
    else
        throw_error(env, native, error);
    return ADDRESS(entry);
}

EXPORTED(jlong, logDropped)(JNIEnv *env, jclass native, jlong log)
{
    (void)env, (void)native;
    return (jlong)karrow_log_dropped(AT(log));
}

EXPORTED(void, logFree)(JNIEnv *env, jclass native, jlong log)
{
    (void)env, (void)native;
    karrow_log_free(AT(log));
}

EXPORTED(jint, logEntryLevel)(JNIEnv *env, jclass native, jlong entry)
{
    (void)env, (void)native;
    return karrow_log_entry_level(AT(entry));
}

EXPORTED(jlong, logEntryTimeNs)(JNIEnv *env, jclass native, jlong entry)
{
    (void)env, (void)native;
    return karrow_log_entry_time_ns(AT(entry));
}

EXPORTED(jbyteArray, logEntrySource)(JNIEnv *env, jclass native, jlong entry)
{
    (void)native;
    return bytes_of(env, karrow_log_entry_source(AT(entry)));
}

EXPORTED(jbyteArray, logEntryText)(JNIEnv *env, jclass native, jlong entry)
{
    (void)native;
    return bytes_of(env, karrow_log_entry_text(AT(entry)));
}

EXPORTED(void, logEntryFree)(JNIEnv *env, jclass native, jlong entry)
{
    (void)env, (void)native;
    karrow_log_entry_free(AT(entry));
}

/* Specs ------------------------------------------------------------------------------------------------------------ */

EXPORTED(jlong, specNewIgnore)(JNIEnv *env, jclass native)
{
    karrow_spec *spec = NULL;
    CALL(karrow_spec_new_ignore(&spec, &error));
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewFromProperties)(JNIEnv *env, jclass native)
{
    karrow_spec *spec = NULL;
    CALL(karrow_spec_new_from_properties(&spec, &error));
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewSimple)(JNIEnv *env, jclass native, jbyteArray column, jbyteArray type)
{
    karrow_spec *spec = NULL;
    CALL_WITH_TEXTS(karrow_spec_new_simple(texts.at[0], texts.at[1], &spec, &error), 2, column, type);
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewJson)(JNIEnv *env, jclass native)
{
    karrow_spec *spec = NULL;
    CALL(karrow_spec_new_json(&spec, &error));
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewJsonColumns)(JNIEnv *env, jclass native, jlong schema)
{
    karrow_spec *spec = NULL;
    CALL(karrow_spec_new_json_columns(AT(schema), &spec, &error));
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewObjectProcessor)(JNIEnv *env, jclass native, jbyteArray description)
{
    karrow_spec *spec = NULL;
    CALL_WITH_TEXTS(karrow_spec_new_object_processor(texts.at[0], &spec, &error), 1, description);
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewAvroSchema)(JNIEnv *env, jclass native, jbyteArray schema)
{
    karrow_spec *spec = NULL;
    CALL_WITH_TEXTS(karrow_spec_new_avro_schema(texts.at[0], &spec, &error), 1, schema);
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewAvroSubject)(JNIEnv *env, jclass native, jbyteArray subject, jbyteArray version)
{
    karrow_spec *spec = NULL;
    CALL_WITH_TEXTS(karrow_spec_new_avro_subject(texts.at[0], texts.at[1], &spec, &error), 2, subject, version);
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewProtobufSource)(JNIEnv *env, jclass native, jbyteArray file, jbyteArray text, jbyteArray message)
{
    karrow_spec *spec = NULL;
    CALL_WITH_TEXTS(karrow_spec_new_protobuf_source(texts.at[0], texts.at[1], texts.at[2], &spec, &error), 3, file, text,
                    message);
    return ADDRESS(spec);
}

/* Descriptors are bytes and no text: they have a length instead of a NUL. */
EXPORTED(jlong, specNewProtobufDescriptor)(JNIEnv *env, jclass native, jbyteArray descriptors, jbyteArray message)
{
    karrow_spec *spec = NULL;
    const size_t length = (size_t)(*env)->GetArrayLength(env, descriptors);
    CALL_WITH_TEXTS(
        karrow_spec_new_protobuf_descriptor((const uint8_t *)texts.at[0], length, texts.at[1], &spec, &error), 2,
        descriptors, message);
    return ADDRESS(spec);
}

EXPORTED(jlong, specNewProtobufSubject)(JNIEnv *env, jclass native, jbyteArray subject, jbyteArray version,
                                        jbyteArray message)
{
    karrow_spec *spec = NULL;
    CALL_WITH_TEXTS(karrow_spec_new_protobuf_subject(texts.at[0], texts.at[1], texts.at[2], &spec, &error), 3, subject,
                    version, message);
    return ADDRESS(spec);
}

EXPORTED(void, specAddColumn)(JNIEnv *env, jclass native, jlong spec, jbyteArray name, jbyteArray type)
{
    CALL_WITH_TEXTS(karrow_spec_add_column(AT(spec), texts.at[0], texts.at[1], &error), 2, name, type);
}

EXPORTED(void, specMapField)(JNIEnv *env, jclass native, jlong spec, jbyteArray field, jbyteArray column)
{
    CALL_WITH_TEXTS(karrow_spec_map_field(AT(spec), texts.at[0], texts.at[1], &error), 2, field, column);
}

EXPORTED(void, specSet)(JNIEnv *env, jclass native, jlong spec, jbyteArray key, jbyteArray value)
{
    CALL_WITH_TEXTS(karrow_spec_set(AT(spec), texts.at[0], texts.at[1], &error), 2, key, value);
}

EXPORTED(void, specAddSchema)(JNIEnv *env, jclass native, jlong spec, jint id, jbyteArray schema)
{
    CALL_WITH_TEXTS(karrow_spec_add_schema(AT(spec), id, texts.at[0], &error), 1, schema);
}

EXPORTED(void, specAddFile)(JNIEnv *env, jclass native, jlong spec, jbyteArray name, jbyteArray text)
{
    CALL_WITH_TEXTS(karrow_spec_add_file(AT(spec), texts.at[0], texts.at[1], &error), 2, name, text);
}

EXPORTED(void, specFree)(JNIEnv *env, jclass native, jlong spec)
{
    (void)env, (void)native;
    karrow_spec_free(AT(spec));
}

/* Processors ------------------------------------------------------------------------------------------------------- */

/* What the library keeps of Java for a callback spec: an object with a method `int process(long call)`. */
struct processor {
    JavaVM *vm;
    jobject object;
    jmethodID method;
};

static int32_t process(void *userdata, karrow_processor_call *call)
{
    const struct processor *processor = userdata;
    void *found = NULL;
    /* It is called inside a poll, which only threads of Java's call. */
    if ((*processor->vm)->GetEnv(processor->vm, &found, jni_version) != JNI_OK)
        return 1;
    JNIEnv *env = found;
    jint code = (*env)->CallIntMethod(env, processor->object, processor->method, ADDRESS(call));
    if ((*env)->ExceptionCheck(env)) {
        /* The method itself catches all; this is what it may meet where there is no memory or no stack left. */
        (*env)->ExceptionClear(env);
        code = 1;
    }
    return code;
}

static void release(void *userdata)
{
    struct processor *processor = userdata;
    JavaVM *vm = processor->vm;
    void *found = NULL;
    /* Any thread may be the last that has the spec, also one that Java does not know. */
    const bool attached = (*vm)->GetEnv(vm, &found, jni_version) == JNI_OK;
    if (!attached && (*vm)->AttachCurrentThreadAsDaemon(vm, &found, NULL) != JNI_OK)
        return; /* Java is ending, and its objects with it. */
    JNIEnv *env = found;
    (*env)->DeleteGlobalRef(env, processor->object);
    if (!attached)
        (*vm)->DetachCurrentThread(vm);
    free(processor);
}

EXPORTED(jlong, specNewCallback)(JNIEnv *env, jclass native, jlong schema, jobject object)
{
    karrow_spec *spec = NULL;
    jmethodID method = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, object), "process", "(J)I");
    if (method == NULL)
        return 0;
    struct processor *processor = malloc(sizeof *processor);
    jobject kept = processor == NULL ? NULL : (*env)->NewGlobalRef(env, object);
    if (kept == NULL) {
        free(processor);
        throw_out_of_memory(env);
        return 0;
    }
    processor->object = kept;
    processor->method = method;
    (*env)->GetJavaVM(env, &processor->vm);
    /* From here on the library releases it, also if the call fails. */
    CALL(karrow_spec_new_callback(AT(schema), process, processor, release, &spec, &error));
    return ADDRESS(spec);
}

EXPORTED(jint, processorCallPartition)(JNIEnv *env, jclass native, jlong call)
{
    (void)env, (void)native;
    return karrow_processor_call_partition(AT(call));
}

EXPORTED(void, processorCallTakeInput)(JNIEnv *env, jclass native, jlong call, jlong array, jlong schema)
{
    CALL(karrow_processor_call_take_input(AT(call), AT(array), AT(schema), &error));
}

EXPORTED(void, processorCallSetOutput)(JNIEnv *env, jclass native, jlong call, jlong array, jlong schema)
{
    CALL(karrow_processor_call_set_output(AT(call), AT(array), AT(schema), &error));
}

EXPORTED(void, processorCallRefuse)(JNIEnv *env, jclass native, jlong call, jlong row, jbyteArray reason)
{
    CALL_WITH_TEXTS(karrow_processor_call_refuse(AT(call), row, texts.at[0], &error), 1, reason);
}

EXPORTED(void, processorCallFail)(JNIEnv *env, jclass native, jlong call, jbyteArray message)
{
    CALL_WITH_TEXTS(karrow_processor_call_fail(AT(call), texts.at[0], &error), 1, message);
}

/* Options ---------------------------------------------------------------------------------------------------------- */

EXPORTED(jlong, optionsNew)(JNIEnv *env, jclass native, jbyteArray topic)
{
    karrow_options *options = NULL;
    CALL_WITH_TEXTS(karrow_options_new(texts.at[0], &options, &error), 1, topic);
    return ADDRESS(options);
}

EXPORTED(void, optionsSet)(JNIEnv *env, jclass native, jlong options, jbyteArray key, jbyteArray value)
{
    CALL_WITH_TEXTS(karrow_options_set(AT(options), texts.at[0], texts.at[1], &error), 2, key, value);
}

EXPORTED(void, optionsSetPartitions)(JNIEnv *env, jclass native, jlong options, jintArray ids)
{
    const size_t count = (size_t)(*env)->GetArrayLength(env, ids);
    jint *numbers = (*env)->GetIntArrayElements(env, ids, NULL);
    if (numbers == NULL)
        return;
    karrow_error *error = NULL;
    karrow_options_set_partitions(AT(options), numbers, count, &error);
    (*env)->ReleaseIntArrayElements(env, ids, numbers, JNI_ABORT);
    throw_error(env, native, error);
}

EXPORTED(void, optionsSetStartOffset)(JNIEnv *env, jclass native, jlong options, jint partition, jlong offset)
{
    CALL(karrow_options_set_start_offset(AT(options), partition, offset, &error));
}

EXPORTED(void, optionsSetStartTime)(JNIEnv *env, jclass native, jlong options, jint partition, jlong timestamp_ms)
{
    CALL(karrow_options_set_start_time(AT(options), partition, timestamp_ms, &error));
}

EXPORTED(void, optionsSetStopOffset)(JNIEnv *env, jclass native, jlong options, jint partition, jlong offset)
{
    CALL(karrow_options_set_stop_offset(AT(options), partition, offset, &error));
}

EXPORTED(void, optionsSetStopTime)(JNIEnv *env, jclass native, jlong options, jint partition, jlong timestamp_ms)
{
    CALL(karrow_options_set_stop_time(AT(options), partition, timestamp_ms, &error));
}

EXPORTED(void, optionsSetStopAtEnd)(JNIEnv *env, jclass native, jlong options, jint partition)
{
    CALL(karrow_options_set_stop_at_end(AT(options), partition, &error));
}

EXPORTED(void, optionsSetSpec)(JNIEnv *env, jclass native, jlong options, jint side, jlong spec)
{
    CALL(karrow_options_set_spec(AT(options), side, AT(spec), &error));
}

EXPORTED(void, optionsSetTableType)(JNIEnv *env, jclass native, jlong options, jint kind, jlong capacity)
{
    CALL(karrow_options_set_table_type(AT(options), kind, capacity, &error));
}

EXPORTED(void, optionsSetLog)(JNIEnv *env, jclass native, jlong options, jlong log)
{
    CALL(karrow_options_set_log(AT(options), AT(log), &error));
}

EXPORTED(void, optionsSchema)(JNIEnv *env, jclass native, jlong options, jlong timeout_ms, jlong schema)
{
    CALL(karrow_options_schema(AT(options), timeout_ms, AT(schema), &error));
}

EXPORTED(void, optionsFree)(JNIEnv *env, jclass native, jlong options)
{
    (void)env, (void)native;
    karrow_options_free(AT(options));
}

/* Consumers -------------------------------------------------------------------------------------------------------- */

EXPORTED(jlong, consumerNew)(JNIEnv *env, jclass native, jlong options)
{
    karrow_consumer *consumer = NULL;
    CALL(karrow_consumer_new(AT(options), &consumer, &error));
    return ADDRESS(consumer);
}

EXPORTED(void, consumerOpen)(JNIEnv *env, jclass native, jlong consumer, jlong timeout_ms)
{
    CALL(karrow_consumer_open(AT(consumer), timeout_ms, &error));
}

/* Writes the number of rows, that of failed partitions, and the snapshot. */
EXPORTED(void, consumerPoll)(JNIEnv *env, jclass native, jlong consumer, jlong timeout_ms, jlongArray outputs)
{
    int64_t rows = 0;
    int32_t failed = 0;
    karrow_snapshot *snapshot = NULL;
    CALL(karrow_consumer_poll(AT(consumer), timeout_ms, &rows, &failed, &snapshot, &error));
    if (snapshot != NULL) {
        const jlong written[] = {rows, failed, ADDRESS(snapshot)};
        (*env)->SetLongArrayRegion(env, outputs, 0, sizeof written / sizeof written[0], written);
    }
}

EXPORTED(jlong, consumerSnapshot)(JNIEnv *env, jclass native, jlong consumer)
{
    karrow_snapshot *snapshot = NULL;
    CALL(karrow_consumer_snapshot(AT(consumer), &snapshot, &error));
    return ADDRESS(snapshot);
}

EXPORTED(jlong, consumerWait)(JNIEnv *env, jclass native, jlong consumer, jlong after_cycle, jlong timeout_ms)
{
    karrow_snapshot *snapshot = NULL;
    CALL(karrow_consumer_wait(AT(consumer), after_cycle, timeout_ms, &snapshot, &error));
    return ADDRESS(snapshot);
}

EXPORTED(void, consumerProgress)(JNIEnv *env, jclass native, jlong consumer, jlong stream)
{
    CALL(karrow_consumer_progress(AT(consumer), AT(stream), &error));
}

EXPORTED(void, consumerDeadLetters)(JNIEnv *env, jclass native, jlong consumer, jlong stream)
{
    CALL(karrow_consumer_dead_letters(AT(consumer), AT(stream), &error));
}

EXPORTED(void, consumerCommit)(JNIEnv *env, jclass native, jlong consumer, jlong snapshot, jlong timeout_ms)
{
    CALL(karrow_consumer_commit(AT(consumer), AT(snapshot), timeout_ms, &error));
}

EXPORTED(void, consumerDiscard)(JNIEnv *env, jclass native, jlong consumer, jint partition, jlong before_row)
{
    CALL(karrow_consumer_discard(AT(consumer), partition, before_row, &error));
}

EXPORTED(void, consumerSchema)(JNIEnv *env, jclass native, jlong consumer, jlong schema)
{
    CALL(karrow_consumer_schema(AT(consumer), AT(schema), &error));
}

EXPORTED(void, consumerResume)(JNIEnv *env, jclass native, jlong consumer, jint partition, jlong offset)
{
    CALL(karrow_consumer_resume(AT(consumer), partition, offset, &error));
}

EXPORTED(void, consumerWakeup)(JNIEnv *env, jclass native, jlong consumer)
{
    CALL(karrow_consumer_wakeup(AT(consumer), &error));
}

EXPORTED(void, consumerClose)(JNIEnv *env, jclass native, jlong consumer, jlong timeout_ms)
{
    CALL(karrow_consumer_close(AT(consumer), timeout_ms, &error));
}

EXPORTED(void, consumerFree)(JNIEnv *env, jclass native, jlong consumer)
{
    (void)env, (void)native;
    karrow_consumer_free(AT(consumer));
}

/* Snapshots -------------------------------------------------------------------------------------------------------- */

EXPORTED(jlong, snapshotCycle)(JNIEnv *env, jclass native, jlong snapshot)
{
    (void)env, (void)native;
    return karrow_snapshot_cycle(AT(snapshot));
}

EXPORTED(jintArray, snapshotPartitions)(JNIEnv *env, jclass native, jlong snapshot)
{
    const size_t count = karrow_snapshot_partition_count(AT(snapshot));
    jintArray partitions = (*env)->NewIntArray(env, (jsize)count);
    for (size_t index = 0; partitions != NULL && index < count && !(*env)->ExceptionCheck(env); ++index) {
        jint partition = 0;
        CALL(karrow_snapshot_partition_at(AT(snapshot), index, &partition, &error));
        if (!(*env)->ExceptionCheck(env))
            (*env)->SetIntArrayRegion(env, partitions, (jsize)index, 1, &partition);
    }
    return partitions;
}

EXPORTED(jint, snapshotState)(JNIEnv *env, jclass native, jlong snapshot, jint partition)
{
    int32_t state = 0;
    CALL(karrow_snapshot_state(AT(snapshot), partition, &state, &error));
    return state;
}

EXPORTED(jlong, snapshotFirstRow)(JNIEnv *env, jclass native, jlong snapshot, jint partition)
{
    int64_t first_row = 0;
    CALL(karrow_snapshot_rows(AT(snapshot), partition, &first_row, NULL, &error));
    return first_row;
}

EXPORTED(jlong, snapshotEndRow)(JNIEnv *env, jclass native, jlong snapshot, jint partition)
{
    int64_t end_row = 0;
    CALL(karrow_snapshot_rows(AT(snapshot), partition, NULL, &end_row, &error));
    return end_row;
}

EXPORTED(jlong, snapshotNextOffset)(JNIEnv *env, jclass native, jlong snapshot, jint partition)
{
    int64_t offset = 0;
    CALL(karrow_snapshot_next_offset(AT(snapshot), partition, &offset, &error));
    return offset;
}

EXPORTED(jobject, snapshotFailure)(JNIEnv *env, jclass native, jlong snapshot, jint partition)
{
    karrow_error *failure = NULL;
    CALL(karrow_snapshot_failure(AT(snapshot), partition, &failure, &error));
    return failure == NULL ? NULL : exception_of(env, native, failure);
}

EXPORTED(void, snapshotSchema)(JNIEnv *env, jclass native, jlong snapshot, jlong schema)
{
    CALL(karrow_snapshot_schema(AT(snapshot), AT(schema), &error));
}

/* The columns come as one text after the other, each with its NUL, so that their number has no bound here. */
EXPORTED(jlong, snapshotView)(JNIEnv *env, jclass native, jlong snapshot, jbyteArray columns, jint count)
{
    karrow_snapshot *view = NULL;
    struct texts texts;
    if (!take_texts(env, &texts, 1, columns))
        return 0;
    const char **each = malloc(((size_t)count + 1) * sizeof *each);
    if (each != NULL) {
        const char *at = texts.at[0];
        for (jint index = 0; index < count; ++index, at += strlen(at) + 1)
            each[index] = at;
        CALL(karrow_snapshot_view(AT(snapshot), each, (size_t)count, &view, &error));
        free(each);
    } else {
        throw_out_of_memory(env);
    }
    return_texts(env, &texts);
    return ADDRESS(view);
}

EXPORTED(void, snapshotExportArray)(JNIEnv *env, jclass native, jlong snapshot, jint partition, jlong array,
                                    jlong schema)
{
    CALL(karrow_snapshot_export_array(AT(snapshot), partition, AT(array), AT(schema), &error));
}

EXPORTED(void, snapshotExportStream)(JNIEnv *env, jclass native, jlong snapshot, jint partition, jlong from_row,
                                     jlong end_row, jlong stream)
{
    CALL(karrow_snapshot_export_stream(AT(snapshot), partition, from_row, end_row, AT(stream), &error));
}

EXPORTED(void, snapshotExportMerged)(JNIEnv *env, jclass native, jlong snapshot, jlongArray from_rows, jlong stream)
{
    const size_t count = from_rows == NULL ? 0 : (size_t)(*env)->GetArrayLength(env, from_rows);
    jlong *rows = from_rows == NULL ? NULL : (*env)->GetLongArrayElements(env, from_rows, NULL);
    if (from_rows != NULL && rows == NULL)
        return;
    karrow_error *error = NULL;
    karrow_snapshot_export_merged(AT(snapshot), (const int64_t *)rows, count, AT(stream), &error);
    if (rows != NULL)
        (*env)->ReleaseLongArrayElements(env, from_rows, rows, JNI_ABORT);
    throw_error(env, native, error);
}

EXPORTED(void, snapshotFree)(JNIEnv *env, jclass native, jlong snapshot)
{
    (void)env, (void)native;
    karrow_snapshot_free(AT(snapshot));
}

/* Embedded clusters ------------------------------------------------------------------------------------------------ */

EXPORTED(jlong, clusterNew)(JNIEnv *env, jclass native, jint brokers)
{
    karrow_mock_cluster *cluster = NULL;
    CALL(karrow_mock_cluster_new(brokers, &cluster, &error));
    return ADDRESS(cluster);
}

EXPORTED(jbyteArray, clusterBootstrapServers)(JNIEnv *env, jclass native, jlong cluster)
{
    (void)native;
    return bytes_of(env, karrow_mock_cluster_bootstrap_servers(AT(cluster)));
}

EXPORTED(void, clusterCreateTopic)(JNIEnv *env, jclass native, jlong cluster, jbyteArray topic, jint partitions)
{
    CALL_WITH_TEXTS(karrow_mock_cluster_create_topic(AT(cluster), texts.at[0], partitions, &error), 1, topic);
}

/* The length of bytes; -1, which is Kafka's null, for null. */
static int64_t length_of(JNIEnv *env, jbyteArray bytes)
{
    return bytes == NULL ? -1 : (*env)->GetArrayLength(env, bytes);
}

EXPORTED(jlong, clusterProduce)(JNIEnv *env, jclass native, jlong cluster, jbyteArray topic, jint partition,
                                jbyteArray key, jbyteArray value, jlong timestamp_ms)
{
    int64_t offset = 0;
    CALL_WITH_TEXTS(karrow_mock_cluster_produce(AT(cluster), texts.at[0], partition, (const uint8_t *)texts.at[1],
                                                length_of(env, key), (const uint8_t *)texts.at[2],
                                                length_of(env, value), timestamp_ms, &offset, &error),
                    3, topic, key, value);
    return offset;
}

EXPORTED(void, clusterProduceRecords)(JNIEnv *env, jclass native, jlong cluster, jbyteArray topic, jbyteArray records)
{
    CALL_WITH_TEXTS(karrow_mock_cluster_produce_records(AT(cluster), texts.at[0], texts.at[1], &error), 2, topic,
                    records);
}

EXPORTED(void, clusterPushErrors)(JNIEnv *env, jclass native, jlong cluster, jshort request, jintArray errors)
{
    const size_t count = (size_t)(*env)->GetArrayLength(env, errors);
    jint *numbers = (*env)->GetIntArrayElements(env, errors, NULL);
    if (numbers == NULL)
        return;
    karrow_error *error = NULL;
    karrow_mock_cluster_push_errors(AT(cluster), request, numbers, count, &error);
    (*env)->ReleaseIntArrayElements(env, errors, numbers, JNI_ABORT);
    throw_error(env, native, error);
}

EXPORTED(void, clusterSetBrokerUp)(JNIEnv *env, jclass native, jlong cluster, jint broker, jboolean up)
{
    CALL(karrow_mock_cluster_set_broker_up(AT(cluster), broker, up != JNI_FALSE, &error));
}

EXPORTED(void, clusterSetLeader)(JNIEnv *env, jclass native, jlong cluster, jbyteArray topic, jint partition,
                                 jint broker)
{
    CALL_WITH_TEXTS(karrow_mock_cluster_set_leader(AT(cluster), texts.at[0], partition, broker, &error), 1, topic);
}

EXPORTED(void, clusterSetDelay)(JNIEnv *env, jclass native, jlong cluster, jint broker, jlong delay_ms)
{
    CALL(karrow_mock_cluster_set_delay(AT(cluster), broker, delay_ms, &error));
}

EXPORTED(void, clusterFree)(JNIEnv *env, jclass native, jlong cluster)
{
    (void)env, (void)native;
    karrow_mock_cluster_free(AT(cluster));
}

/* Arrow structs, as far as io.github.karrow.Columns reads them ----------------------------------------------------- */

/* A stream that holds nothing yet, in memory of its own. */
EXPORTED(jlong, streamNew)(JNIEnv *env, jclass native)
{
    (void)native;
    struct ArrowArrayStream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        throw_out_of_memory(env);
    return ADDRESS(stream);
}

EXPORTED(void, streamFree)(JNIEnv *env, jclass native, jlong address)
{
    (void)env, (void)native;
    struct ArrowArrayStream *stream = AT(address);
    if (stream->release != NULL)
        stream->release(stream);
    free(stream);
}

/* Throws what a stream says of a callback that failed. */
static void throw_stream_error(JNIEnv *env, struct ArrowArrayStream *stream)
{
    const char *message = stream->get_last_error(stream);
    jclass error = (*env)->FindClass(env, "java/lang/IllegalStateException");
    if (error != NULL)
        (*env)->ThrowNew(env, error, message == NULL ? "the stream could not be read" : message);
}

/* The names of a stream's columns. */
EXPORTED(jobjectArray, streamColumns)(JNIEnv *env, jclass native, jlong address)
{
    (void)native;
    struct ArrowArrayStream *stream = AT(address);
    struct ArrowSchema schema = {0};
    if (stream->get_schema(stream, &schema) != 0) {
        throw_stream_error(env, stream);
        return NULL;
    }
    jclass bytes = (*env)->FindClass(env, "[B");
    jobjectArray names = bytes == NULL ? NULL : (*env)->NewObjectArray(env, (jsize)schema.n_children, bytes, NULL);
    for (int64_t index = 0; names != NULL && index < schema.n_children; ++index) {
        jbyteArray name = bytes_of(env, schema.children[index]->name);
        if (name == NULL)
            break;
        (*env)->SetObjectArrayElement(env, names, (jsize)index, name);
        (*env)->DeleteLocalRef(env, name);
    }
    schema.release(&schema);
    return names;
}

/* The next batch, to be freed with arrayFree; 0 at the end. */
EXPORTED(jlong, streamNext)(JNIEnv *env, jclass native, jlong address)
{
    (void)native;
    struct ArrowArrayStream *stream = AT(address);
    struct ArrowArray *array = calloc(1, sizeof *array);
    if (array == NULL) {
        throw_out_of_memory(env);
        return 0;
    }
    if (stream->get_next(stream, array) != 0)
        throw_stream_error(env, stream);
    if (array->release != NULL)
        return ADDRESS(array);
    free(array);
    return 0;
}

EXPORTED(void, arrayFree)(JNIEnv *env, jclass native, jlong address)
{
    (void)env, (void)native;
    struct ArrowArray *array = AT(address);
    array->release(array);
    free(array);
}

EXPORTED(jlong, arrayLength)(JNIEnv *env, jclass native, jlong array)
{
    (void)env, (void)native;
    return ((const struct ArrowArray *)AT(array))->length;
}

EXPORTED(jlong, arrayChild)(JNIEnv *env, jclass native, jlong array, jint index)
{
    (void)env, (void)native;
    return ADDRESS(((const struct ArrowArray *)AT(array))->children[index]);
}

/* The first bytes of a buffer, in place; null if there is none. */
EXPORTED(jobject, arrayBuffer)(JNIEnv *env, jclass native, jlong array, jint index, jlong length)
{
    (void)native;
    const void *buffer = ((const struct ArrowArray *)AT(array))->buffers[index];
    return buffer == NULL ? NULL : (*env)->NewDirectByteBuffer(env, (void *)buffer, length);
}
