package io.github.karrow.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.DeadLetter;
import io.github.karrow.KarrowException;
import io.github.karrow.MockCluster;
import io.github.karrow.Options;
import io.github.karrow.Processor;
import io.github.karrow.ProcessorCall;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.Status;
import io.github.karrow.Tests;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.TimeStampMilliTZVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Functions of Java that make columns, over vectors and over addresses. */
class ProcessorTest {
    private static final Schema COLUMNS = new Schema(List.of(
            Field.nullable("Length", new ArrowType.Int(64, true)), Field.nullable("Text", new ArrowType.Utf8())));

    private BufferAllocator allocator;
    private MockCluster cluster;

    @BeforeEach
    void start() {
        allocator = new RootAllocator();
        cluster = new MockCluster();
        cluster.createTopic("t", 2);
    }

    @AfterEach
    void stop() throws InterruptedException {
        cluster.close();
        // What a table has shown is released when the last thread of the library is done with it.
        Tests.until("all is released", () -> allocator.getAllocatedMemory() == 0);
        allocator.close();
    }

    private void produce(String... values) {
        for (String value : values) {
            cluster.produce("t", 0, null, value == null ? null : value.getBytes(StandardCharsets.UTF_8));
        }
    }

    /** The length of each payload, and its text in capitals; null for null; what begins with a minus is refused. */
    private VectorSchemaRoot lengths(Batch batch) {
        VectorSchemaRoot output = VectorSchemaRoot.create(COLUMNS, allocator);
        BigIntVector lengths = (BigIntVector) output.getVector("Length");
        VarCharVector texts = (VarCharVector) output.getVector("Text");
        for (int row = 0; row < batch.rows(); ++row) {
            byte[] payload = batch.payloads().isNull(row) ? null : batch.payloads().get(row);
            if (payload != null) {
                lengths.setSafe(row, payload.length);
                texts.setSafe(row, new String(payload, StandardCharsets.UTF_8).toUpperCase().getBytes(StandardCharsets.UTF_8));
                if (payload.length > 0 && payload[0] == '-') {
                    batch.refuse(row, "expected no minus, found one");
                }
            }
        }
        output.setRowCount(batch.rows());
        return output;
    }

    private Options options(Spec spec) {
        try (spec) {
            return Tests.options(cluster, "t").value(spec);
        }
    }

    /** The rows that there are, as texts of length and text. */
    private List<String> rows(Consumer consumer) throws Exception {
        List<String> rows = new ArrayList<>();
        try (Snapshot snapshot = consumer.snapshot(); ArrowReader reader = ArrowTables.readMerged(allocator, snapshot)) {
            while (reader.loadNextBatch()) {
                VectorSchemaRoot root = reader.getVectorSchemaRoot();
                for (int row = 0; row < root.getRowCount(); ++row) {
                    rows.add(root.getVector("Length").getObject(row) + " " + root.getVector("Text").getObject(row));
                }
            }
        }
        return rows;
    }

    @Test
    void columnsAreWhatAFunctionMakes() throws Exception {
        produce("a", null, "bcd", "");
        try (Options options = options(ArrowTables.callback(allocator, COLUMNS, this::lengths));
                Consumer consumer = Tests.open(options)) {
            Tests.pollRows(consumer, 4);
            assertEquals(List.of("1 A", "null null", "3 BCD", "0 "), rows(consumer));
            assertEquals(COLUMNS.getFields().get(0).getType(),
                    ArrowTables.schema(allocator, consumer).findField("Length").getType());
        }
    }

    @Test
    void rowsThatAreRefusedAreBadRecords() throws Exception {
        produce("a", "-b", "c");
        try (Options options = options(ArrowTables.callback(allocator, COLUMNS, this::lengths))
                .set("karrow.bad.record.policy", "dead_letter"); Consumer consumer = Tests.open(options)) {
            Tests.pollRows(consumer, 2);
            assertEquals(List.of("1 A", "1 C"), rows(consumer));
            DeadLetter letter = consumer.deadLetters().get(0);
            assertEquals("-b expected no minus, found one",
                    new String(letter.value(), StandardCharsets.UTF_8) + " " + letter.reason());
        }
    }

    @Test
    void theInputHasOffsetsAndTimesIfTheyAreWanted() throws Exception {
        cluster.produceRecords("t", "[{\"value\": \"a\", \"partition\": 1, \"timestamp_ms\": 5}]");
        List<String> seen = new ArrayList<>();
        BatchProcessor processor = batch -> {
            BigIntVector offset = (BigIntVector) batch.input().getVector("offset");
            TimeStampMilliTZVector time = (TimeStampMilliTZVector) batch.input().getVector("timestamp");
            seen.add(batch.partition() + "@" + offset.get(0) + " at " + time.get(0));
            return lengths(batch);
        };
        Spec spec = ArrowTables.callback(allocator, COLUMNS, processor).set("offset", "true").set("timestamp", "true");
        try (Options options = options(spec); Consumer consumer = Tests.open(options)) {
            Tests.pollRows(consumer, 1);
            assertEquals(List.of("1@0 at 5"), seen);
        }
    }

    /** Partition 0 fails without a row, and says this. */
    private void assertFailure(String message, BatchProcessor processor) throws Exception {
        KarrowException failure = failure(processor);
        assertEquals(Status.PROCESSOR, failure.status());
        assertTrue(failure.getMessage().contains(message), failure.getMessage());
    }

    private KarrowException failure(BatchProcessor processor) throws Exception {
        produce("a");
        try (Options options = options(ArrowTables.callback(allocator, COLUMNS, processor));
                Consumer consumer = Tests.open(options)) {
            while (true) {
                try (Cycle cycle = consumer.poll(Tests.LONG)) {
                    if (cycle.failed() > 0) {
                        assertEquals(0, cycle.rows());
                        return cycle.snapshot().partition(0).failure().orElseThrow();
                    }
                }
            }
        }
    }

    @Test
    void aBatchFailsWithWhatTheFunctionThrows() throws Exception {
        // Half of a surrogate pair and a NUL are no texts for C.
        assertFailure("the model is away, ?  for now", batch -> {
            throw new IllegalStateException("the model is away, \ud83c\0 for now");
        });
    }

    @Test
    void aBatchFailsAlsoWithErrorsAndWithoutAMessage() throws Exception {
        assertFailure("java.lang.OutOfMemoryError", batch -> {
            throw new OutOfMemoryError();
        });
        assertFailure("java.lang.StackOverflowError", batch -> endless(1));
        assertFailure("returned null", batch -> null);
    }

    private static VectorSchemaRoot endless(int depth) {
        return depth < 0 ? null : endless(depth + 1 == 0 ? 1 : depth + 1);
    }

    @Test
    void aWrongOutputFailsTheBatch() throws Exception {
        assertFailure("expected 1 rows", batch -> {
            VectorSchemaRoot output = lengths(batch);
            output.setRowCount(batch.rows() + 1);
            return output;
        });
        assertFailure("expected 2 columns, found 1", batch -> {
            VectorSchemaRoot output = VectorSchemaRoot.create(
                    new Schema(List.of(Field.nullable("Other", new ArrowType.Bool()))), allocator);
            output.setRowCount(batch.rows());
            return output;
        });
    }

    @Test
    void anInterruptIsLeftForWhoeverPolls() throws Exception {
        produce("a");
        BatchProcessor processor = batch -> {
            throw new InterruptedException("asked to stop");
        };
        try (Options options = options(ArrowTables.callback(allocator, COLUMNS, processor));
                Consumer consumer = Tests.open(options)) {
            assertThrows(InterruptedException.class, () -> {
                while (true) {
                    consumer.poll(Tests.LONG).close();
                }
            });
            try (Snapshot snapshot = consumer.snapshot()) {
                assertTrue(snapshot.partition(0).failure().orElseThrow().getMessage().contains("asked to stop"));
            }
        }
    }

    @Test
    void insideOfAPollOthersAreRefused() throws Exception {
        produce("a");
        AtomicReference<Consumer> polled = new AtomicReference<>();
        BatchProcessor processor = batch -> {
            Consumer consumer = polled.get();
            Tests.failing(Status.INVALID_STATE, () -> consumer.poll(Duration.ZERO));
            Tests.failing(Status.INVALID_STATE, consumer::close);
            Tests.failing(Status.INVALID_STATE, () -> consumer.shutdown(Duration.ZERO));
            consumer.snapshot().close();
            assertEquals(2, consumer.progress().size());
            return lengths(batch);
        };
        try (Options options = options(ArrowTables.callback(allocator, COLUMNS, processor));
                Consumer consumer = Tests.open(options)) {
            polled.set(consumer);
            Tests.pollRows(consumer, 1);
        }
        Tests.failing(Status.CLOSED, () -> polled.get().poll(Duration.ZERO));
    }

    /** Everything that a call can do, by addresses. */
    @Test
    void aProcessorWorksOverAddresses() throws Exception {
        AtomicReference<ProcessorCall> kept = new AtomicReference<>();
        Processor processor = call -> {
            kept.set(call);
            assertEquals(0, call.partition());
            Tests.failing(Status.INVALID_ARGUMENT, () -> call.takeInput(0, 0));
            Tests.failing(Status.INVALID_ARGUMENT, () -> call.setOutput(0, 0));
            Tests.failing(Status.OUT_OF_RANGE, () -> call.refuse(77, "no such row"));
            Tests.failing(Status.INVALID_ARGUMENT, () -> call.fail("\0"));
            Thread other = new Thread(() -> Tests.failing(Status.INVALID_STATE, call::partition));
            other.start();
            other.join();
            VectorSchemaRoot input = ArrowTables.root(allocator, call::takeInput, null);
            try (input; VectorSchemaRoot output = lengths(new Batch(call, input));
                    ArrowArray array = ArrowArray.allocateNew(allocator);
                    ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
                Tests.failing(Status.INVALID_STATE, () -> call.takeInput(array.memoryAddress(), schema.memoryAddress()));
                Data.exportVectorSchemaRoot(allocator, output, null, array, schema);
                call.setOutput(array.memoryAddress(), 0);
                assertEquals(0, array.snapshot().release, "an output is moved");
                schema.release();
            }
        };
        produce("a");
        try (ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
            Data.exportSchema(allocator, COLUMNS, null, schema);
            try (Options options = options(Spec.callback(schema.memoryAddress(), processor))) {
                schema.release();
                try (Consumer consumer = Tests.open(options)) {
                    Tests.pollRows(consumer, 1);
                    assertEquals(List.of("1 A"), rows(consumer));
                }
            }
        }
        Tests.failing(Status.INVALID_STATE, () -> kept.get().fail("too late"));
        Tests.failing(Status.INVALID_ARGUMENT, () -> Spec.callback(0, processor));
    }

    /** The library keeps a processor, by a global reference, until its last user is gone; after that nothing does. */
    @Test
    void aProcessorIsLetGoOf() throws Exception {
        List<WeakReference<BatchProcessor>> processors = new ArrayList<>();
        produce("a");
        for (int number = 0; number < 200; ++number) {
            BatchProcessor processor = new BatchProcessor() {
                @Override
                public VectorSchemaRoot process(Batch batch) {
                    return lengths(batch);
                }
            };
            processors.add(new WeakReference<>(processor));
            try (Options options = options(ArrowTables.callback(allocator, COLUMNS, processor));
                    Consumer consumer = new Consumer(options)) {
                if (number % 10 == 0) {
                    consumer.open(Tests.LONG);
                    Tests.pollRows(consumer, 1);
                    System.gc();
                    Tests.pollRows(consumer, 0);
                }
            }
        }
        // One that is refused is let go of at once.
        BatchProcessor refused = this::lengths;
        processors.add(new WeakReference<>(refused));
        Schema none = new Schema(List.of());
        Tests.failing(Status.INVALID_ARGUMENT, () -> ArrowTables.callback(allocator, none, refused));
        assertEquals(201, processors.size());
        Tests.untilCollected("all but that of this frame are collected",
                () -> processors.stream().limit(200).allMatch(processor -> processor.get() == null));
    }
}
