package io.github.karrow.arrow;

import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.Options;
import io.github.karrow.Partition;
import io.github.karrow.Spec;
import io.github.karrow.Start;
import io.github.karrow.TableType;
import java.time.Duration;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;

/**
 * A million orders, as {@code tests/cpp/million_orders.cpp} writes them, read back and compared value by value.
 *
 * <pre>
 *     million_orders SERVERS TOPIC
 * </pre>
 */
final class MillionOrders {
    private static final int PARTITIONS = 8;
    private static final long ORDERS_EACH = 125_000;
    private static final String[] SYMBOLS =
            {"AAPL", "BRK.B", "\u00dcn\u00efcode \"quoted\"", "", "a rather long name of a symbol"};

    private MillionOrders() {}

    /** Makes a number look random (splitmix64). */
    private static long scattered(long number) {
        long mixed = (number + 1) * 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ mixed >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }

    /** Whether a value of a column is the one that there has to be, null for null. */
    private static void check(Object found, Object expected, String what, int partition, long offset) {
        if (expected == null ? found != null : !expected.equals(found)) {
            throw new Mismatch(what + " differs at " + partition + "@" + offset + ": " + found + ", not " + expected);
        }
    }

    /** Compares the rows of a batch with the orders from {@code begin} on. */
    private static void check(VectorSchemaRoot batch, int partition, long begin) {
        IntVector kafkaPartition = (IntVector) batch.getVector("KafkaPartition");
        BigIntVector kafkaOffset = (BigIntVector) batch.getVector("KafkaOffset");
        TimeStampNanoTZVector kafkaTime = (TimeStampNanoTZVector) batch.getVector("KafkaTimestamp");
        VarCharVector symbol = (VarCharVector) batch.getVector("Symbol");
        VarCharVector side = (VarCharVector) batch.getVector("Side");
        Float8Vector price = (Float8Vector) batch.getVector("Price");
        BigIntVector qty = (BigIntVector) batch.getVector("Qty");
        TimeStampNanoTZVector time = (TimeStampNanoTZVector) batch.getVector("Tstamp");
        for (int row = 0; row < batch.getRowCount(); ++row) {
            long offset = begin + row;
            long random = scattered((long) partition << 40 ^ offset);
            check(kafkaPartition.getObject(row), partition, "KafkaPartition", partition, offset);
            check(kafkaOffset.getObject(row), offset, "KafkaOffset", partition, offset);
            check(kafkaTime.getObject(row), (1_704_187_800_000L + (random >>> 8 & 0xffffff)) * 1_000_000, "KafkaTimestamp",
                    partition, offset);
            check(symbol.isNull(row) ? null : symbol.getObject(row).toString(), Long.remainderUnsigned(random, 11) == 0
                    ? null : SYMBOLS[(int) Long.remainderUnsigned(random, 5)], "Symbol", partition, offset);
            check(side.getObject(row).toString(), random % 2 == 0 ? "buy" : "sell", "Side", partition, offset);
            check(price.getObject(row), Long.remainderUnsigned(random, 13) == 0 ? null : (random >>> 20 & 0xfffff) / 100.0,
                    "Price", partition, offset);
            check(qty.getObject(row), random >> (random & 31), "Qty", partition, offset);
            check(time.getObject(row), (1_767_346_200_000_000L + offset * 1_001) * 1_000, "Tstamp", partition, offset);
        }
    }

    private static void check(BufferAllocator allocator, Partition partition) throws Exception {
        long rows = 0;
        try (ArrowReader reader = ArrowTables.read(allocator, partition)) {
            while (reader.loadNextBatch()) {
                check(reader.getVectorSchemaRoot(), partition.id(), rows);
                rows += reader.getVectorSchemaRoot().getRowCount();
            }
        }
        Mismatch.same("the rows of partition " + partition.id(), rows, ORDERS_EACH);
    }

    public static void main(String[] arguments) throws Exception {
        Options options = new Options(arguments[1])
                .set("bootstrap.servers", arguments[0])
                .start(Start.beginning())
                .key(Spec.ignore())
                .value(Spec.json().addColumn("Symbol", "String").addColumn("Side", "String").addColumn("Price", "double")
                        .addColumn("Qty", "long").addColumn("Tstamp", "Instant").mapField("jsymbol", "Symbol")
                        .mapField("jside", "Side").mapField("jprice", "Price").mapField("jqty", "Qty").mapField("jts", "Tstamp"))
                .tableType(TableType.append());
        long rows = 0;
        try (BufferAllocator allocator = new RootAllocator(); Consumer consumer = Consumer.consumeToPartitionedTable(options)) {
            while (rows < PARTITIONS * ORDERS_EACH) {
                try (Cycle cycle = consumer.poll(Duration.ofSeconds(60))) {
                    if (cycle.rows() == 0 || cycle.failed() > 0) {
                        throw new Mismatch("after " + rows + " rows: " + cycle.status() + ", "
                                + cycle.partitions().stream().map(Partition::failure).toList());
                    }
                    rows += cycle.rows();
                    if (rows == PARTITIONS * ORDERS_EACH) {
                        for (Partition partition : cycle.partitions()) {
                            check(allocator, partition);
                        }
                    }
                }
            }
        }
        System.out.println(rows + " orders, each one equal to what was produced");
    }
}
