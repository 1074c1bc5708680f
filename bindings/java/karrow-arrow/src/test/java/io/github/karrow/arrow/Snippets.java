package io.github.karrow.arrow;

import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.Partition;
import java.time.Duration;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.ipc.ArrowReader;

/** The example of the documentation, so that it is compiled: JavadocTest compares. */
final class Snippets {
    private Snippets() {}

    static double total(Consumer orders, BufferAllocator allocator) throws Exception {
        double total = 0;
        try (Cycle cycle = orders.poll(Duration.ofSeconds(1))) {
            for (Partition partition : cycle.partitions()) {
                try (ArrowReader reader = ArrowTables.read(allocator, partition)) {
                    while (reader.loadNextBatch()) {
                        Float8Vector price = (Float8Vector) reader.getVectorSchemaRoot().getVector("Price");
                        for (int row = 0; row < price.getValueCount(); ++row) {
                            total += price.isNull(row) ? 0 : price.get(row);
                        }
                    }
                }
            }
        }
        return total;
    }
}
