import io.github.karrow.KarrowException;
import io.github.karrow.Partition;
import io.github.karrow.PartitionProgress;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.arrow.ArrowTables;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.ArrowType;

/** Orders as rows: the columns that they are read into, and how new rows are taken out of a snapshot. */
final class OrderRows {
    /** How many rows of each partition are shown. */
    static final int SHOWN_ROWS = 3;

    /**
     * By this number each of the demo's Avro records says which schema it was written with. A registry would give it
     * out.
     */
    static final int SCHEMA_ID = 1;

    private OrderRows() {}

    /** One row, with every column of the table. What a record leaves out is null. */
    record Row(int partition, long offset, Instant kafkaTime, String symbol, String side, Double price, Long qty, Instant time) {}

    /** What is done with a new row: its number is how many rows its partition had before it. */
    interface LookAt {
        void row(int partition, long number, Row row);
    }

    /** What has been read of a partition so far. */
    static final class PartitionRows {
        long rows;
        OptionalLong lag = OptionalLong.empty(); // once it is known
        OptionalLong from = OptionalLong.empty(); // where reading was when it was first looked at
        final Deque<Row> last = new ArrayDeque<>();
        KarrowException failure;
    }

    /** What has been read so far. */
    static final class Progress {
        long rows;
        OptionalDouble done = OptionalDouble.empty(); // how much of a read that ends
        final Map<Integer, PartitionRows> partitions = new TreeMap<>();

        PartitionRows of(int partition) {
            return partitions.computeIfAbsent(partition, id -> new PartitionRows());
        }
    }

    /** What an order is written in, and read by: JSON by a json spec or by an object processor. */
    enum Format {
        JSON, AVRO, PROTOBUF, PROCESSOR;

        String text() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Whether orders have a schema that a registry may have. */
        boolean hasSchema() {
            return this == AVRO || this == PROTOBUF;
        }
    }

    /** Takes how far reading has come, and if it stops everywhere, how much of the way that is. */
    static void takeProgress(List<PartitionProgress> partitions, Progress progress) {
        long read = 0;
        long all = 0;
        boolean stops = true;
        for (PartitionProgress now : partitions) {
            PartitionRows known = progress.of(now.partition());
            known.lag = now.lag();
            long from = known.from.orElse(now.position());
            known.from = OptionalLong.of(from);
            stops = stops && now.stopOffset().isPresent();
            long way = Math.max(now.stopOffset().orElse(from) - from, 0);
            all += way;
            read += Math.min(now.position() - from, way);
        }
        if (stops) {
            progress.done = OptionalDouble.of(all == 0 ? 1 : (double) read / all);
        }
    }

    /** Names the columns that the fields of an order become. */
    private static Spec withColumns(Spec spec) {
        return spec.mapField("jsymbol", "Symbol").mapField("jside", "Side").mapField("jprice", "Price")
            .mapField("jqty", "Qty").mapField("jts", "Tstamp");
    }

    /** What orders of the demo become: the same columns, whatever they are written in. */
    static Spec spec(Format written) {
        return switch (written) {
            case JSON -> withColumns(Spec.json().addColumn("Symbol", "String").addColumn("Side", "String")
                .addColumn("Price", "double").addColumn("Qty", "int64").addColumn("Tstamp", "Instant"));
            case PROTOBUF -> withColumns(Spec.protobufSource("order.proto", """
                syntax = "proto3";
                import "google/protobuf/timestamp.proto";
                message Order {
                    enum Side { buy = 0; sell = 1; }
                    string jsymbol = 1;
                    Side jside = 2;
                    double jprice = 3;
                    int64 jqty = 4;
                    google.protobuf.Timestamp jts = 5;
                }"""));
            case PROCESSOR -> Spec.objectProcessor("""
                {"jsymbol": "string", "jside": "string", "jprice": "double", "jqty": "long", "jts": "instant"}""");
            case AVRO -> {
                String schema = """
                    {"type": "record", "name": "Order", "fields": [
                        {"name": "jsymbol", "type": "string"},
                        {"name": "jside", "type": {"type": "enum", "name": "Side", "symbols": ["buy", "sell"]}},
                        {"name": "jprice", "type": "double"},
                        {"name": "jqty", "type": "long"},
                        {"name": "jts", "type": {"type": "long", "logicalType": "timestamp-nanos"}}]}""";
                yield withColumns(Spec.avroSchema(schema).addSchema(SCHEMA_ID, schema));
            }
        };
    }

    /** Orders with the schema that a registry has for a topic, perhaps with fields that nobody asks for here. */
    static Spec registrySpec(String topic, Format written) {
        String subject = topic + "-value";
        return withColumns(written == Format.PROTOBUF
            ? Spec.protobufSubject(subject).set("include", "jsymbol,jside,jprice,jqty,jts")
            : Spec.avroSubject(subject).set("mapped_only", "true"));
    }

    /** The columns of orders under the same names: an object processor's are those of the fields. */
    static Snapshot view(Snapshot snapshot, Format written) {
        return written == Format.PROCESSOR
            ? snapshot.view("KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol=jsymbol", "Side=jside", "Price=jprice",
                "Qty=jqty", "Tstamp=jts")
            : snapshot.view("KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol", "Side", "Price", "Qty", "Tstamp");
    }

    /**
     * Takes what a snapshot has more than the one before, and shows each new row to {@code lookAt}, if that is not
     * null.
     */
    static void take(BufferAllocator allocator, Snapshot snapshot, Progress progress, LookAt lookAt) throws IOException {
        for (Partition partition : snapshot.partitions()) {
            PartitionRows known = progress.of(partition.id());
            long number = Math.max(known.rows, partition.firstRow());
            try (ArrowReader reader = ArrowTables.read(allocator, partition, number)) {
                while (reader.loadNextBatch()) {
                    VectorSchemaRoot batch = reader.getVectorSchemaRoot();
                    for (int row = 0; row < batch.getRowCount(); ++row, ++number) {
                        Row taken = rowOf(batch, row);
                        known.last.addLast(taken);
                        if (lookAt != null) {
                            lookAt.row(partition.id(), number, taken);
                        }
                        if (known.last.size() > SHOWN_ROWS) {
                            known.last.removeFirst();
                        }
                    }
                }
            }
            progress.rows += partition.endRow() - known.rows;
            known.rows = partition.endRow();
            known.failure = partition.failure().orElse(null);
        }
    }

    private static Row rowOf(VectorSchemaRoot batch, int row) {
        return new Row(((IntVector) batch.getVector("KafkaPartition")).get(row),
            ((BigIntVector) batch.getVector("KafkaOffset")).get(row), timeOf(batch.getVector("KafkaTimestamp"), row),
            textOf(batch.getVector("Symbol"), row), textOf(batch.getVector("Side"), row),
            ((Float8Vector) batch.getVector("Price")).getObject(row), ((BigIntVector) batch.getVector("Qty")).getObject(row),
            timeOf(batch.getVector("Tstamp"), row));
    }

    private static String textOf(Object column, int row) {
        VarCharVector texts = (VarCharVector) column;
        return texts.isNull(row) ? null : texts.getObject(row).toString();
    }

    /** A time in whatever unit an Avro schema has. */
    private static Instant timeOf(Object column, int row) {
        TimeStampVector times = (TimeStampVector) column;
        if (times.isNull(row)) {
            return null;
        }
        long perSecond = switch (((ArrowType.Timestamp) times.getField().getType()).getUnit()) {
            case SECOND -> 1;
            case MILLISECOND -> 1_000;
            case MICROSECOND -> 1_000_000;
            case NANOSECOND -> 1_000_000_000;
        };
        long time = times.get(row);
        return Instant.ofEpochSecond(Math.floorDiv(time, perSecond),
            Math.floorMod(time, perSecond) * (1_000_000_000 / perSecond));
    }
}
