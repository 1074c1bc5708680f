package io.github.karrow.arrow;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.karrow.Partition;
import io.github.karrow.Snapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Field;

/** Columns by name, with all their cells, and an empty vector of each, which says what they are. */
final class Table implements AutoCloseable {
    private final BufferAllocator allocator;
    private final List<String> types = new ArrayList<>();
    private final Map<String, List<JsonNode>> cells = new LinkedHashMap<>();
    private final Map<String, FieldVector> shapes = new LinkedHashMap<>();
    private long rows;

    Table(BufferAllocator allocator) {
        this.allocator = allocator;
    }

    long rows() {
        return rows;
    }

    void add(VectorSchemaRoot batch, DictionaryProvider dictionaries) {
        List<String> found = new ArrayList<>();
        for (Field field : batch.getSchema().getFields()) {
            found.add(field.getName() + ": " + Schemas.typeOf(field, dictionaries));
        }
        if (cells.isEmpty()) {
            types.addAll(found);
        }
        Mismatch.same("the columns of a batch", found, types);
        rows += batch.getRowCount();
        for (FieldVector vector : batch.getFieldVectors()) {
            Mismatch.same("the rows of a column", vector.getValueCount(), batch.getRowCount());
            shapes.computeIfAbsent(vector.getName(), name -> shape(vector.getField(), dictionaries));
            List<JsonNode> column = cells.computeIfAbsent(vector.getName(), name -> new ArrayList<>());
            for (int row = 0; row < batch.getRowCount(); ++row) {
                column.add(Cells.cell(vector, row, dictionaries));
            }
        }
    }

    private FieldVector shape(Field field, DictionaryProvider dictionaries) {
        return field.getDictionary() == null
                ? field.createVector(allocator)
                : dictionaries.lookup(field.getDictionary().getId()).getVector().getField().createVector(allocator);
    }

    /** All rows that a reader has, which is closed. */
    void addAll(ArrowReader reader) throws IOException {
        try (reader) {
            // The columns are there also where no batch is.
            VectorSchemaRoot root = reader.getVectorSchemaRoot();
            root.setRowCount(0);
            add(root, reader);
            while (reader.loadNextBatch()) {
                if (root.getRowCount() == 0) {
                    throw new Mismatch("a batch without rows");
                }
                add(root, reader);
            }
        }
    }

    /** Every row of a partition, which is the same in one piece and as a stream (rules Y7, Y8). */
    void addAll(Snapshot snapshot, int id) throws IOException {
        Partition partition = snapshot.partition(id);
        addAll(ArrowTables.read(allocator, partition));
        try (Table streamed = new Table(allocator); Table whole = new Table(allocator);
                CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
                VectorSchemaRoot root = ArrowTables.root(allocator, partition, dictionaries)) {
            streamed.addAll(ArrowTables.read(allocator, partition));
            whole.add(root, dictionaries);
            Mismatch.same("the array", whole.types + "" + whole.cells, streamed.types + "" + streamed.cells);
        }
    }

    void check(JsonNode expected) {
        for (Map.Entry<String, JsonNode> column : expected.properties()) {
            String name = column.getKey();
            List<JsonNode> found = cells.get(name);
            if (found == null) {
                throw new Mismatch("there is no column " + name);
            }
            ValueVector shape = shapes.get(name);
            for (int row = 0; row < Math.min(column.getValue().size(), found.size()); ++row) {
                JsonNode wanted = column.getValue().get(row);
                if (!Cells.isSame(found.get(row), wanted, shape)) {
                    throw new Mismatch(name + ", row " + row + ": " + found.get(row) + ", not " + wanted);
                }
            }
            Mismatch.same("the number of rows of " + name, found.size(), column.getValue().size());
        }
    }

    @Override
    public void close() {
        shapes.values().forEach(FieldVector::close);
    }
}
