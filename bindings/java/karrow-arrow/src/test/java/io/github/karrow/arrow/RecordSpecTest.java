package io.github.karrow.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.karrow.Consumer;
import io.github.karrow.Field;
import io.github.karrow.MockCluster;
import io.github.karrow.Options;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.Tests;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Test;

/** What becomes of the components of a record class. */
class RecordSpecTest {
    record Leg(long qty, @Field(type = "decimal128(10, 2)") BigDecimal price, @Field("on") LocalDate day) {}

    record Everything(boolean flag, Boolean flagOrNull, byte b, Short s, int i, Long l, float f, Double d, String text, UUID id,
            BigInteger big, BigDecimal exact, byte[] bytes, Instant time, LocalDateTime local, LocalDate day, LocalTime clock,
            int[] numbers, Set<String> tags, Map<String, Double> prices, List<Leg> legs, Leg[][] grid) {}

    record Order(@Field("jsymbol") String Symbol, @Field("/order/legs") List<Leg> Legs) {}

    private static final String LEG = "struct<qty: int64, price: decimal128(10, 2), on: date32>";

    @Test
    void everyTypeHasItsColumn() {
        try (BufferAllocator allocator = new RootAllocator();
                Options options = new Options("t").key(Spec.ignore()).value(Spec.json(Everything.class))) {
            Schema schema = ArrowTables.schema(allocator, options, Duration.ZERO);
            List<String> columns = schema.getFields().stream().skip(3)
                    .map(field -> field.getName() + " " + Schemas.typeOf(field, null)).toList();
            assertEquals(List.of("flag bool", "flagOrNull bool", "b int8", "s int16", "i int32", "l int64", "f float32",
                    "d float64", "text utf8", "id utf8", "big utf8", "exact utf8", "bytes binary", "time timestamp[ns, UTC]",
                    "local timestamp[ns]", "day date32", "clock time64[ns]", "numbers list<int32>", "tags list<utf8>",
                    "prices map<utf8, float64>", "legs list<" + LEG + ">", "grid list<list<" + LEG + ">>"), columns);
        }
    }

    @Test
    void fieldsAreReadIntoTheirColumns() throws Exception {
        try (BufferAllocator allocator = new RootAllocator(); MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 1);
            String order = "{\"jsymbol\": \"AAPL\", \"order\": {\"legs\": [{\"qty\": 1, \"price\": 1.5, \"on\": \"1970-01-02\"}]}}";
            cluster.produce("t", 0, null, order.getBytes());
            try (Consumer consumer = Tests.open(Tests.options(cluster, "t").value(Spec.json(Order.class)))) {
                Tests.pollRows(consumer, 1);
                try (Snapshot snapshot = consumer.snapshot();
                        ArrowReader reader = ArrowTables.read(allocator, snapshot.view("Symbol", "Legs").partition(0))) {
                    reader.loadNextBatch();
                    assertEquals("[\"AAPL\", [{\"qty\":1,\"price\":\"1.50\",\"on\":1}]]", reader.getVectorSchemaRoot()
                            .getFieldVectors().stream().map(vector -> Cells.cell(vector, 0, reader)).toList().toString());
                }
            }
        }
    }
}
