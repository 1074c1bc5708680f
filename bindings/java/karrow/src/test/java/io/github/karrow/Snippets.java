package io.github.karrow;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The examples of the documentation, so that they are compiled: {@link JavadocTest} compares. */
@SuppressWarnings({"unused", "try"})
final class Snippets {
    private Snippets() {}

    private static void use(Partition partition, long fromRow) {}

    static void consumer() throws InterruptedException {
        Options options = new Options("orders")
            .set("bootstrap.servers", "redpanda:9092")
            .key(Spec.ignore())
            .value(Spec.json()
                .addColumn("Symbol", "String")
                .addColumn("Price", "double")
                .addColumn("Tstamp", "Instant")
                .mapField("jsymbol", "Symbol")
                .mapField("jprice", "Price")
                .mapField("jts", "Tstamp"))
            .tableType(TableType.append());
        try (Consumer orders = Consumer.consumeToPartitionedTable(options)) {
            Map<Integer, Long> seen = new HashMap<>(); // rows of each partition
            boolean goesOn = true;
            while (goesOn) {
                try (Cycle cycle = orders.poll(Duration.ofSeconds(1))) {
                    for (Partition partition : cycle.partitions()) {
                        use(partition, seen.getOrDefault(partition.id(), 0L)); // all rows from that on
                        seen.put(partition.id(), partition.endRow());
                    }
                    goesOn = cycle.isOk();
                }
            }
        }
    }

    static void options() {
        Options options = new Options("orders")
            .set("bootstrap.servers", "redpanda:9092")
            .set("group.id", "reports")
            .start(Start.beginning())
            .start(3, Start.offset(1_000_000))
            .stop(Stop.atEnd())
            .value(Spec.simple("Text", "utf8"))
            .tableType(TableType.ring(1_000));
    }

    static void json() {
        Spec orders = Spec.json()
            .addColumn("Symbol", "String")
            .addColumn("Legs", "list<struct<Qty: int64, Price: decimal128(10, 2)>>")
            .mapField("jsymbol", "Symbol")
            .mapField("/order/legs", "Legs");
    }

    static void record() {
        record Leg(long Qty, @Field(type = "decimal128(10, 2)") BigDecimal Price) {}

        record Order(@Field("jsymbol") String Symbol, @Field("/order/legs") List<Leg> Legs) {}

        Spec orders = Spec.json(Order.class);
    }

    static void log() throws InterruptedException {
        try (LogForwarder log = Log.forward(LogLevel.INFO, System.getLogger("karrow"));
                Consumer orders = new Consumer(new Options("orders").log(log.log()))) {
            orders.open(Duration.ofSeconds(30));
        }
    }

    static void cluster() {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("orders", 1);
            cluster.produceRecords("orders", "[{\"key\": \"AAPL\", \"value\": \"{}\"}, null]");
            Options options = new Options("orders").set("bootstrap.servers", cluster.bootstrapServers());
        }
    }
}
