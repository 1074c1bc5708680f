package io.github.karrow.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.karrow.Consumer;
import io.github.karrow.MockCluster;
import io.github.karrow.Options;
import io.github.karrow.Partition;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.TableType;
import io.github.karrow.Tests;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A table of every type that there is, of which parts are read: from the middle of a chunk on, and of rings whose
 * oldest chunk is cut. arrow-java does not look at offsets of arrays, so that a part that was cut by one would show
 * other rows. That whole tables are right the conformance cases show.
 */
class CutTablesTest {
    private static final int RECORDS = 1_500;

    /** Every type that JSON becomes. */
    private static final String[] JSON_TYPES = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float32", "float64", "decimal128(20, 3)", "decimal256(50, 3)", "utf8", "binary", "date32", "time32[s]", "time32[ms]",
        "time64[us]", "time64[ns]", "timestamp[s]", "timestamp[ms, UTC]", "timestamp[us]", "timestamp[ns, UTC]", "list<int32>",
        "list<list<utf8>>", "struct<a: bool, b: utf8, c: list<int8>>", "map<utf8, struct<x: float64, y: bool>>"};

    /** What only Avro has: dictionaries, dense unions, bytes of fixed size, nulls. */
    private static final String AVRO = """
            {"type": "record", "name": "R", "fields": [
                {"name": "E", "type": ["null", {"type": "enum", "name": "Colour", "symbols": ["red", "green", "blue"]}]},
                {"name": "U", "type": ["null", "int", "string", "boolean"]},
                {"name": "F", "type": {"type": "fixed", "name": "Four", "size": 4}},
                {"name": "N", "type": "null"}]}""";

    private final BufferAllocator allocator = new RootAllocator();
    private final MockCluster cluster = new MockCluster();

    @BeforeEach
    void produce() {
        cluster.createTopic("t", 1);
        ObjectMapper mapper = new ObjectMapper();
        ArrayNode records = mapper.createArrayNode();
        Random random = new Random(1);
        for (int record = 0; record < RECORDS; ++record) {
            ObjectNode value = mapper.createObjectNode();
            for (int column = 0; column < JSON_TYPES.length; ++column) {
                if (random.nextInt(5) > 0) {
                    value.set("c" + column, json(mapper, JSON_TYPES[column], record, random));
                }
            }
            records.addObject().put("value", value.toString()).putObject("key").put("hex", avro(record, random));
        }
        cluster.produceRecords("t", records.toString());
    }

    @AfterEach
    void close() {
        cluster.close();
        allocator.close();
    }

    private static JsonNode json(ObjectMapper mapper, String type, int record, Random random) {
        ObjectNode node = mapper.createObjectNode();
        String name = type.replaceAll("[<\\[(].*", "");
        switch (name) {
            case "bool" -> node.put("v", random.nextBoolean());
            case "utf8" -> node.put("v", "text ".repeat(random.nextInt(4)) + record);
            case "binary" -> node.put("v", new byte[random.nextInt(4)]);
            case "date32" -> node.put("v", String.format("2026-01-%02d", 1 + record % 28));
            case "time32", "time64" -> node.put("v", String.format("12:34:%02d", record % 60));
            case "timestamp" -> node.put("v", String.format("2026-01-02T03:04:%02d", record % 60) + (type.contains("UTC") ? "Z" : ""));
            case "list" -> {
                ArrayNode items = node.putArray("v");
                for (int item = random.nextInt(4); item > 0; --item) {
                    if (type.contains("list<utf8>")) {
                        items.addArray().add("item " + record).addNull();
                    } else {
                        items.add(record + item);
                    }
                }
            }
            case "struct" -> {
                ObjectNode members = node.putObject("v").put("a", random.nextBoolean()).put("b", "member " + record);
                members.putArray("c").add(record % 100).addNull();
            }
            case "map" -> node.putObject("v").putObject("key " + record).put("x", record / 4.0).put("y", random.nextBoolean());
            default -> node.put("v", record % 100);
        }
        return node.get("v");
    }

    private static String avro(int record, Random random) {
        String colour = random.nextBoolean() ? "00" : String.format("02%02x", 2 * random.nextInt(3));
        String union = switch (random.nextInt(4)) {
            case 0 -> "00";
            case 1 -> String.format("02%02x", 2 * (record % 60));
            case 2 -> String.format("0404%02x%02x", 'a' + record % 26, 'a' + record / 26 % 26);
            default -> "06" + (random.nextBoolean() ? "00" : "01");
        };
        return colour + union + String.format("%08x", record);
    }

    private Consumer read(TableType type) throws InterruptedException {
        try (Spec key = Spec.avroSchema(AVRO).set("framing", "bare").set("enum", "dictionary").set("union", "dense");
                Spec value = Spec.json(); Options options = Tests.options(cluster, "t").tableType(type)) {
            for (int column = 0; column < JSON_TYPES.length; ++column) {
                value.addColumn("c" + column, JSON_TYPES[column]);
            }
            Consumer consumer = Tests.open(options.key(key).value(value));
            Tests.pollRows(consumer, RECORDS);
            return consumer;
        }
    }

    /** The rows of a batch as texts. */
    private static void add(List<String> rows, VectorSchemaRoot batch, DictionaryProvider dictionaries) {
        for (int row = 0; row < batch.getRowCount(); ++row) {
            StringBuilder cells = new StringBuilder();
            for (FieldVector vector : batch.getFieldVectors()) {
                cells.append(vector.getName()).append('=').append(Cells.cell(vector, row, dictionaries)).append(' ');
            }
            rows.add(cells.toString());
        }
    }

    private List<String> rows(Partition partition, long fromRow, long endRow) throws Exception {
        List<String> rows = new ArrayList<>();
        try (ArrowReader reader = ArrowTables.read(allocator, partition, fromRow, endRow)) {
            while (reader.loadNextBatch()) {
                add(rows, reader.getVectorSchemaRoot(), reader);
            }
        }
        return rows;
    }

    @Test
    void everyPartIsThatOfTheWhole() throws Exception {
        try (Consumer consumer = read(TableType.append()); Snapshot snapshot = consumer.snapshot();
                Consumer cut = read(TableType.ring(1_003)); Snapshot ring = cut.snapshot()) {
            Partition partition = snapshot.partition(0);
            List<String> all = rows(partition, 0, -1);
            assertEquals(RECORDS, all.size());
            for (int from : new int[] {1, 3, 7, 8, 9, 63, 64, 65, 500, 1_021, RECORDS - 1, RECORDS}) {
                assertEquals(all.subList(from, RECORDS), rows(partition, from, -1), "from " + from);
                int end = Math.min(from + 13, RECORDS);
                assertEquals(all.subList(from, end), rows(partition, from, end), "from " + from + " to " + end);
            }
            List<String> last = all.subList(RECORDS - 1_003, RECORDS);
            Partition rest = ring.partition(0);
            assertEquals(last, rows(rest, rest.firstRow(), -1));
            try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
                    VectorSchemaRoot root = ArrowTables.root(allocator, rest, dictionaries)) {
                List<String> whole = new ArrayList<>();
                add(whole, root, dictionaries);
                assertEquals(last, whole);
            }
        }
    }
}
