package io.github.karrow;

import java.lang.ref.Cleaner;
import java.util.Objects;
import java.util.function.LongConsumer;

/**
 * How a key or a value becomes columns. Options copy it, so that one spec may serve many. {@code karrow.h} says in full
 * what becomes of each type of each format.
 *
 * <p>The methods that are not static return the spec, so that calls can be chained, and throw at once what is wrong
 * with what they are given. {@link #close} is optional: what nobody refers to any more is closed when it is collected
 * as garbage.
 */
public final class Spec implements AutoCloseable {
    private final Handle handle;
    private final Cleaner.Cleanable cleanable;

    private Spec(long address) {
        handle = new Handle("spec", address, Native::specFree);
        cleanable = handle.ownedBy(this);
    }

    /** No column: that side of every record is not looked at. */
    public static Spec ignore() {
        return new Spec(Native.specNewIgnore());
    }

    /**
     * One column that the options name, in {@code karrow.key.column.name} and {@code karrow.key.column.type} or those
     * of the value; without a type, {@code key.deserializer} or {@code value.deserializer} tells it. This is what a
     * side has that no spec was set for.
     */
    public static Spec fromProperties() {
        return new Spec(Native.specNewFromProperties());
    }

    /**
     * The whole key or value in one column, as Kafka's own serialisers write it.
     *
     * @param column its name; null: the options name it
     * @param type {@code int16}, {@code int32}, {@code int64}, {@code float32}, {@code float64}, {@code utf8}, {@code
     *     binary} or {@code uuid}, or Deephaven's names; null: the options name it. Another one is an error when a
     *     consumer is made
     */
    public static Spec simple(String column, String type) {
        return new Spec(Native.specNewSimple(Texts.optional(column, "column"), Texts.optional(type, "type")));
    }

    /**
     * Columns from the fields of a JSON object: {@link #addColumn} adds them, {@link #mapField} ties those to fields
     * that are not named like theirs.
     *
     * <pre>{@code
     * Spec orders = Spec.json()
     *     .addColumn("Symbol", "String")
     *     .addColumn("Legs", "list<struct<Qty: int64, Price: decimal128(10, 2)>>")
     *     .mapField("jsymbol", "Symbol")
     *     .mapField("/order/legs", "Legs");
     * }</pre>
     */
    public static Spec json() {
        return new Spec(Native.specNewJson());
    }

    /**
     * Columns from a JSON object that are those of a record class: a column for each component, in their order, called
     * and typed as the component is, unless a {@link Field} says otherwise.
     *
     * <p>Numbers and {@code boolean}, as primitives or objects, become columns of their size; {@code String}, {@code
     * UUID}, {@code BigInteger} and {@code BigDecimal} text, the last two exactly as it stands there; {@code byte[]}
     * binary; {@code Instant} timestamp[ns, UTC], {@code LocalDateTime} timestamp[ns], {@code LocalDate} date32, {@code
     * LocalTime} time64[ns]; other arrays, {@code List} and other collections lists; {@code Map<String, V>} maps; other
     * record classes structs.
     *
     * <pre>{@code
     * record Leg(long Qty, @Field(type = "decimal128(10, 2)") BigDecimal Price) {}
     *
     * record Order(@Field("jsymbol") String Symbol, @Field("/order/legs") List<Leg> Legs) {}
     *
     * Spec orders = Spec.json(Order.class);
     * }</pre>
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} naming a component that stands for no column; otherwise as
     *     {@link #addColumn} and {@link #mapField}
     */
    public static Spec json(Class<? extends Record> record) {
        Spec spec = json();
        RecordColumns.add(spec, record);
        return spec;
    }

    /**
     * A JSON spec with the columns of an Arrow schema, as if each had been added with {@link #addColumn}; what is not
     * nullable there refuses null. The module {@code karrow-arrow} has the same for a schema of arrow-java.
     *
     * @param schema the address of a struct {@code ArrowSchema}, a struct, which stays the caller's
     * @throws KarrowException {@code INVALID_ARGUMENT} for a schema that has been released or is none; {@code
     *     UNSUPPORTED} for a type that JSON is not read into
     */
    public static Spec jsonColumns(long schema) {
        return new Spec(Native.specNewJsonColumns(Addresses.checked(schema, "schema")));
    }

    /**
     * Columns from JSON values of the forms that a description has, in Deephaven's JSON value language: {@code
     * docs/object-processor.md} has it.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for text that is no description, with the place in it as the
     *     detail {@code pointer}
     */
    public static Spec objectProcessor(String description) {
        return new Spec(Native.specNewObjectProcessor(Texts.in(description, "description")));
    }

    /**
     * Columns, those of an Arrow schema, that a function makes of payloads, batch by batch. {@code set("offset",
     * "true")} and {@code set("timestamp", "true")} let it see these, too. The library keeps the processor until the
     * last spec, options and consumer that have it are gone.
     *
     * @param schema the address of a struct {@code ArrowSchema}, a struct, which stays the caller's
     * @throws KarrowException {@code INVALID_ARGUMENT} for a schema that has been released, is none, or has no columns;
     *     {@code UNSUPPORTED} for dictionaries, unions, views, and types with run ends
     */
    public static Spec callback(long schema, Processor processor) {
        Objects.requireNonNull(processor, "processor");
        return new Spec(Native.specNewCallback(Addresses.checked(schema, "schema"), new ProcessorBridge(processor)));
    }

    /**
     * Columns from an Avro record, which is read as this schema, whatever it was written with. Records inside the
     * record become columns of their own: {@code customer__name}.
     *
     * @param schema an Avro schema as JSON
     * @throws KarrowException {@code INVALID_ARGUMENT} for text that is no Avro schema
     */
    public static Spec avroSchema(String schema) {
        return new Spec(Native.specNewAvroSchema(Texts.in(schema, "schema")));
    }

    /** The same with the latest schema that the registry has of a subject: {@link #avroSubject(String, String)}. */
    public static Spec avroSubject(String subject) {
        return avroSubject(subject, null);
    }

    /**
     * The same with a schema that the registry of {@code schema.registry.url} has. Which one that is, is fixed when a
     * consumer is opened.
     *
     * @param version a number from 1 on, or {@code latest}, which null means too
     * @throws KarrowException {@code INVALID_ARGUMENT} for an empty subject, or what is no version
     */
    public static Spec avroSubject(String subject, String version) {
        return new Spec(Native.specNewAvroSubject(Texts.in(subject, "subject"), Texts.optional(version, "version")));
    }

    /** The same with the first message of the file: {@link #protobufSource(String, String, String)}. */
    public static Spec protobufSource(String file, String text) {
        return protobufSource(file, text, null);
    }

    /**
     * Columns from a Protobuf message of a file in the language of Protobuf. What it imports itself is added with
     * {@link #addFile}, but for {@code google/protobuf/timestamp.proto} and the others that are built in. Messages
     * inside the message become columns of their own: {@code customer_name}. A key or value is one message and nothing
     * else, unless {@code protocol} is set to {@code serdes}.
     *
     * @param file what the file is called, as others would import it
     * @param text what it says
     * @param message the message's name, full or within the file's package; null: the first of the file
     * @throws KarrowException {@code INVALID_ARGUMENT} for text that is no such file, with the line, or an empty name
     */
    public static Spec protobufSource(String file, String text, String message) {
        return new Spec(Native.specNewProtobufSource(
                Texts.in(file, "file"), Texts.in(text, "text"), Texts.optional(message, "message")));
    }

    /** The same with the first message of the last file: {@link #protobufDescriptor(byte[], String)}. */
    public static Spec protobufDescriptor(byte[] descriptors) {
        return protobufDescriptor(descriptors, null);
    }

    /**
     * The same with files that have been compiled.
     *
     * @param descriptors a serialized {@code google.protobuf.FileDescriptorSet}, as {@code protoc --include_imports
     *     --descriptor_set_out} writes it
     * @param message one of the last file's messages; null: the first
     * @throws KarrowException {@code INVALID_ARGUMENT} for bytes that are no such set, a file that is missing in it, or
     *     a message that there is not
     */
    public static Spec protobufDescriptor(byte[] descriptors, String message) {
        Objects.requireNonNull(descriptors, "descriptors");
        return new Spec(Native.specNewProtobufDescriptor(descriptors, Texts.optional(message, "message")));
    }

    /** The same with the first message of the latest file: {@link #protobufSubject(String, String, String)}. */
    public static Spec protobufSubject(String subject) {
        return protobufSubject(subject, null, null);
    }

    /**
     * The same with a file that the registry of {@code schema.registry.url} has. Which one that is, is fixed when a
     * consumer is opened. Data have Confluent's framing unless {@code protocol} is set to {@code raw}.
     *
     * @param version a number from 1 on, or {@code latest}, which null means too
     * @param message the message's name; null: the first of the file
     * @throws KarrowException {@code INVALID_ARGUMENT} for an empty subject or name of a message, or what is no version
     */
    public static Spec protobufSubject(String subject, String version, String message) {
        return new Spec(Native.specNewProtobufSubject(Texts.in(subject, "subject"), Texts.optional(version, "version"),
                Texts.optional(message, "message")));
    }

    /**
     * Adds a column to a JSON spec. Types have Arrow's names ({@code int64}, {@code timestamp[ns, UTC]},
     * {@code decimal128(10, 2)}, {@code list<utf8>}, {@code struct<a: int64, b: bool>}, {@code map<utf8, float64>}) or
     * Deephaven's ({@code long}, {@code Instant}, {@code String}, {@code long[]}).
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a type there is not, or a name the spec has already;
     *     {@code UNSUPPORTED} for a type that JSON is not read into; {@code INVALID_STATE} for a spec of another kind
     */
    public synchronized Spec addColumn(String name, String type) {
        handle.run(spec -> Native.specAddColumn(spec, Texts.in(name, "name"), Texts.in(type, "type")));
        return this;
    }

    /**
     * Ties a field to a column. Of a JSON spec: the column reads this field, not the one of its own name; a field, a
     * literal name or with {@code /} first a JSON Pointer, may feed several columns. Of an Avro spec: the field's
     * column has this name; what is inside a record has a dot in front, as in {@code customer.name}. Of a Protobuf
     * spec: the same with slashes, as in {@code /customer/name}.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for a pointer that is none, a column of JSON that another field
     *     is mapped to already, or a field of Avro or Protobuf that is mapped to another column already; {@code
     *     INVALID_STATE} for a spec of another kind
     */
    public synchronized Spec mapField(String field, String column) {
        handle.run(spec -> Native.specMapField(spec, Texts.in(field, "field"), Texts.in(column, "column")));
        return this;
    }

    /**
     * Sets something about an Avro spec: {@code framing} ({@code confluent}, {@code bare}, {@code single_object}),
     * {@code nested} ({@code flatten}, {@code struct}), {@code union} ({@code struct}, {@code dense}), {@code enum}
     * ({@code utf8}, {@code dictionary}) or {@code mapped_only} ({@code false}, {@code true}), of which the first is
     * what it is unless it is set. About a Protobuf spec: {@code protocol} ({@code serdes}, {@code raw}), {@code
     * nested} ({@code flatten}, {@code struct}), {@code enum} ({@code utf8}, {@code number}) or {@code include} (paths
     * of fields with commas between them: {@code /customer/name,/items/*}). About a callback spec: {@code offset} or
     * {@code timestamp} ({@code false}, {@code true}).
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for an unknown key or value; {@code INVALID_STATE} for a spec of
     *     another kind
     */
    public synchronized Spec set(String key, String value) {
        handle.run(spec -> Native.specSet(spec, Texts.in(key, "key"), Texts.in(value, "value")));
        return this;
    }

    /**
     * Adds a schema that data were written with to an Avro spec or a Protobuf spec, by the id that they say. No
     * registry is asked for it.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for text that is no schema of the spec's kind, or an id that
     *     stands for another schema already; {@code INVALID_STATE} for a spec of another kind
     */
    public synchronized Spec addSchema(int id, String schema) {
        handle.run(spec -> Native.specAddSchema(spec, id, Texts.in(schema, "schema")));
        return this;
    }

    /**
     * Adds a file to a Protobuf spec, by the name that its own file, other files that are added, and those of {@link
     * #addSchema} import it by.
     *
     * @throws KarrowException {@code INVALID_ARGUMENT} for text that is no file in the language of Protobuf, with the
     *     line, or a name that another file has; {@code INVALID_STATE} for a spec of another kind
     */
    public synchronized Spec addFile(String name, String text) {
        handle.run(spec -> Native.specAddFile(spec, Texts.in(name, "name"), Texts.in(text, "text")));
        return this;
    }

    /** Frees the spec; options that were given it have their own copy. Closing again does nothing. */
    @Override
    public void close() {
        cleanable.clean();
    }

    /** Calls something with the spec, which does not change meanwhile. */
    synchronized void use(LongConsumer call) {
        handle.run(call);
    }
}
