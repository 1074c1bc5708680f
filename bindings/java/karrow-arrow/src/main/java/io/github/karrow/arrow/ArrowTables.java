package io.github.karrow.arrow;

import io.github.karrow.Consumer;
import io.github.karrow.Options;
import io.github.karrow.Partition;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import java.time.Duration;
import java.util.Objects;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * What karrow exports, as arrow-java has it, and back. Every method throws what the method of {@code io.github.karrow}
 * throws that it is about, of which it says what is different.
 *
 * <pre>{@code
 * try (Cycle cycle = orders.poll(Duration.ofSeconds(1))) {
 *     for (Partition partition : cycle.partitions()) {
 *         try (ArrowReader reader = ArrowTables.read(allocator, partition)) {
 *             while (reader.loadNextBatch()) {
 *                 Float8Vector price = (Float8Vector) reader.getVectorSchemaRoot().getVector("Price");
 *                 for (int row = 0; row < price.getValueCount(); ++row) {
 *                     total += price.isNull(row) ? 0 : price.get(row);
 *                 }
 *             }
 *         }
 *     }
 * }
 * }</pre>
 */
public final class ArrowTables {
    private ArrowTables() {}

    /** The columns that a consumer of these options will have: {@link Options#exportSchema}. */
    public static Schema schema(BufferAllocator allocator, Options options, Duration timeout) {
        return schema(allocator, address -> options.exportSchema(timeout, address));
    }

    /** The columns of every partition: {@link Consumer#exportSchema}. */
    public static Schema schema(BufferAllocator allocator, Consumer consumer) {
        return schema(allocator, consumer::exportSchema);
    }

    /** The columns of every partition: {@link Snapshot#exportSchema}. */
    public static Schema schema(BufferAllocator allocator, Snapshot snapshot) {
        return schema(allocator, snapshot::exportSchema);
    }

    /** All rows of a partition, batch by batch: {@link Partition#exportStream(long)}. */
    public static ArrowReader read(BufferAllocator allocator, Partition partition) {
        return read(allocator, partition::exportStream);
    }

    /** The rows from {@code fromRow} on: {@link Partition#exportStream(long, long, long)}. */
    public static ArrowReader read(BufferAllocator allocator, Partition partition, long fromRow) {
        return read(allocator, partition, fromRow, -1);
    }

    /** The rows from {@code fromRow} to before {@code endRow}: {@link Partition#exportStream(long, long, long)}. */
    public static ArrowReader read(BufferAllocator allocator, Partition partition, long fromRow, long endRow) {
        return read(allocator, address -> partition.exportStream(fromRow, endRow, address));
    }

    /** The rows of all partitions, one partition after the other: {@link Snapshot#exportMerged}. */
    public static ArrowReader readMerged(BufferAllocator allocator, Snapshot snapshot, long... fromRows) {
        return read(allocator, address -> snapshot.exportMerged(address, fromRows));
    }

    /** How far reading has come: {@link Consumer#exportProgress}. */
    public static ArrowReader readProgress(BufferAllocator allocator, Consumer consumer) {
        return read(allocator, consumer::exportProgress);
    }

    /** Takes the dead letters that have come: {@link Consumer#exportDeadLetters}. */
    public static ArrowReader readDeadLetters(BufferAllocator allocator, Consumer consumer) {
        return read(allocator, consumer::exportDeadLetters);
    }

    /**
     * All rows of a partition as one batch: {@link Partition#exportArray}.
     *
     * @param dictionaries gets those of the columns that have one, and is the caller's to close; null if none has
     */
    public static VectorSchemaRoot root(
            BufferAllocator allocator, Partition partition, CDataDictionaryProvider dictionaries) {
        return root(allocator, partition::exportArray, dictionaries);
    }

    /** A JSON spec with the columns of a schema: {@link Spec#jsonColumns}. */
    public static Spec jsonColumns(BufferAllocator allocator, Schema columns) {
        return spec(allocator, columns, Spec::jsonColumns);
    }

    /**
     * A spec whose columns a function makes of payloads: {@link Spec#callback}.
     *
     * @param allocator imports the input and exports the output; to be kept for as long as anything shows what the
     *     function made
     */
    public static Spec callback(BufferAllocator allocator, Schema columns, BatchProcessor processor) {
        Objects.requireNonNull(processor, "processor");
        return spec(allocator, columns, address -> Spec.callback(address, new ArrowProcessor(allocator, processor)));
    }

    /** Exports an array and its schema to two addresses. */
    interface ArrayExport {
        void to(long array, long schema);
    }

    static VectorSchemaRoot root(BufferAllocator allocator, ArrayExport export, CDataDictionaryProvider dictionaries) {
        try (ArrowArray array = ArrowArray.allocateNew(allocator);
                ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
            export.to(array.memoryAddress(), schema.memoryAddress());
            return Data.importVectorSchemaRoot(allocator, array, schema, dictionaries);
        }
    }

    private static Schema schema(BufferAllocator allocator, LongConsumer export) {
        try (ArrowSchema schema = ArrowSchema.allocateNew(allocator);
                // For the types of dictionaries, which are said by their values' fields here.
                CDataDictionaryProvider dictionaries = new CDataDictionaryProvider()) {
            export.accept(schema.memoryAddress());
            return Data.importSchema(allocator, schema, dictionaries);
        }
    }

    private static ArrowReader read(BufferAllocator allocator, LongConsumer export) {
        try (ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
            export.accept(stream.memoryAddress());
            return Data.importArrayStream(allocator, stream);
        }
    }

    private static Spec spec(BufferAllocator allocator, Schema columns, LongFunction<Spec> maker) {
        try (ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
            Data.exportSchema(allocator, columns, null, schema);
            try {
                return maker.apply(schema.memoryAddress());
            } finally {
                schema.release();
            }
        }
    }
}
