import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.Field;
import io.github.karrow.Karrow;
import io.github.karrow.KarrowException;
import io.github.karrow.Options;
import io.github.karrow.Partition;
import io.github.karrow.Spec;
import io.github.karrow.TableType;
import io.github.karrow.arrow.ArrowTables;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;

/** Prints every order that comes into the topic {@code orders} from now on. */
public final class FollowOrders {
    private FollowOrders() {}

    public static void main(String[] arguments) throws Exception {
        String servers = arguments.length > 0 ? arguments[0] : "localhost:9092";
        record Order(
            @Field("jsymbol") String Symbol,
            @Field("jside") String Side,
            @Field("jprice") double Price,
            @Field("jqty") long Qty,
            @Field("jts") Instant Tstamp) {}

        Options options = new Options("orders")
            .set("bootstrap.servers", servers)
            .key(Spec.ignore())
            .value(Spec.json(Order.class))
            .tableType(TableType.append());
        try (Consumer orders = Consumer.consumeToPartitionedTable(options);
                BufferAllocator allocator = new RootAllocator()) {
            System.out.println("waiting for orders");
            Map<Integer, Long> printed = new HashMap<>(); // rows of each partition
            while (true) {
                try (Cycle cycle = orders.poll(Karrow.FOREVER)) {
                    for (Partition partition : cycle.snapshot().partitions()) {
                        print(allocator, partition, printed.getOrDefault(partition.id(), 0L));
                        printed.put(partition.id(), partition.endRow());
                        if (partition.failure().isPresent()) {
                            throw partition.failure().get(); // a bad order: the message says which and why
                        }
                    }
                }
            }
        } catch (KarrowException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }

    private static void print(BufferAllocator allocator, Partition partition, long fromRow) throws Exception {
        try (ArrowReader reader = ArrowTables.read(allocator, partition, fromRow)) {
            while (reader.loadNextBatch()) {
                VectorSchemaRoot batch = reader.getVectorSchemaRoot();
                for (int row = 0; row < batch.getRowCount(); ++row) {
                    System.out.println(batch.getVector("Symbol").getObject(row) + " " + batch.getVector("Qty").getObject(row)
                        + " at " + batch.getVector("Price").getObject(row));
                }
            }
        }
    }
}
