package io.github.karrow.arrow;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.Options;
import io.github.karrow.Partition;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.Start;
import io.github.karrow.TableType;
import io.github.karrow.Tests;
import java.io.File;
import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;

/**
 * Reads tables with arrow-java: {@code tests/readers/readers.py} says what the question is, and the answer.
 *
 * <pre>
 *     reader QUESTION
 * </pre>
 */
final class TableReader {
    private final BufferAllocator allocator;
    private final JsonNode settings;
    /** What the processor makes. */
    private final VectorSchemaRoot made;

    private TableReader(BufferAllocator allocator, JsonNode settings, VectorSchemaRoot made) {
        this.allocator = allocator;
        this.settings = settings;
        this.made = made;
    }

    private Spec spec(JsonNode described) {
        if (!described.get("spec").textValue().equals("processor")) {
            return RunningCase.specOf(allocator, described);
        }
        return ArrowTables.callback(allocator, made.getSchema(), batch -> {
            // Payloads are the numbers of rows, which come one after the other.
            String first = new String(batch.payloads().get(0), StandardCharsets.UTF_8);
            return made.slice(Integer.parseInt(first), batch.rows());
        });
    }

    private JsonNode read(JsonNode table) throws Exception {
        ArrayNode answers = JsonNodeFactory.instance.arrayNode();
        table.get("reads").forEach(read -> answers.addObject());
        String kind = table.get("kind").textValue();
        try (Spec key = spec(table.get("key")); Spec value = spec(table.get("value"));
                Options options = new Options(table.get("topic").textValue()).start(Start.beginning()).key(key).value(value)) {
            for (Map.Entry<String, JsonNode> setting : settings.properties()) {
                options.set(setting.getKey(), setting.getValue().textValue());
            }
            options.tableType(switch (kind) {
                case "append" -> TableType.append();
                case "blink" -> TableType.blink();
                default -> TableType.ring(table.get("capacity").longValue());
            });
            try (Consumer consumer = Tests.open(options)) {
                for (long left = table.get("rows").longValue(); left > 0; ) {
                    try (Cycle cycle = consumer.poll(Tests.LONG)) {
                        if (cycle.rows() == 0) {
                            throw new Mismatch(left + " more rows should come");
                        }
                        left -= cycle.rows();
                        for (int index = 0; (left == 0 || kind.equals("blink")) && index < answers.size(); ++index) {
                            read(cycle.snapshot(), table.get("reads").get(index), (ObjectNode) answers.get(index));
                        }
                    }
                }
            }
        }
        return answers;
    }

    private void read(Snapshot snapshot, JsonNode asked, ObjectNode answer) {
        List<String> columns = StreamSupport.stream(asked.get("columns").spliterator(), false).map(JsonNode::textValue).toList();
        try (Snapshot view = snapshot.view(columns.toArray(String[]::new))) {
            Partition partition = view.partition(0);
            if (asked.has("array")) {
                try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
                        VectorSchemaRoot root = ArrowTables.root(allocator, partition, dictionaries)) {
                    add(root, dictionaries, answer);
                }
                return;
            }
            long from = asked.has("rows") ? asked.get("rows").get(0).longValue() : partition.firstRow();
            long end = asked.has("rows") ? asked.get("rows").get(1).longValue() : -1;
            try (ArrowReader reader = ArrowTables.read(allocator, partition, from, end)) {
                while (reader.loadNextBatch()) {
                    add(reader.getVectorSchemaRoot(), reader, answer);
                }
            }
        } catch (Exception refusal) {
            answer.put("error", refusal.toString());
        }
    }

    private static void add(VectorSchemaRoot batch, DictionaryProvider dictionaries, ObjectNode answer) {
        for (FieldVector vector : batch.getFieldVectors()) {
            ArrayNode cells = answer.withObject("cells").withArray(vector.getName());
            for (int row = 0; row < batch.getRowCount(); ++row) {
                cells.add(Cells.cell(vector, row, dictionaries));
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        JsonNode question = new ObjectMapper().readTree(new File(arguments[0]));
        ArrayNode answers = JsonNodeFactory.instance.arrayNode();
        // The allocator fails if anything has not been released.
        try (BufferAllocator allocator = new RootAllocator();
                ArrowReader file = new ArrowStreamReader(new FileInputStream(question.get("arrows").textValue()), allocator)) {
            file.loadNextBatch();
            TableReader reader = new TableReader(allocator, question.get("options"), file.getVectorSchemaRoot());
            for (JsonNode table : question.get("tables")) {
                answers.add(reader.read(table));
            }
        }
        Mismatch.same("the number of handles that have not been freed", Tests.liveHandles(), 0L);
        System.out.println(answers);
    }
}
