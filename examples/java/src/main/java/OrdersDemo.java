import io.github.karrow.MockCluster;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/**
 * A cluster in this process, with orders that are produced to it in the background. Each is a pure function of its
 * place.
 */
final class OrdersDemo implements AutoCloseable {
    /** 20,000 orders in a second, so that there is something to see. */
    private static final long ORDERS_AT_ONCE = 200;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final String topic;
    private final long orders;
    private final OrderRows.Format written;
    private final MockCluster cluster = new MockCluster();
    private final FutureTask<Void> producer = new FutureTask<>(this::produce);
    private final Thread thread = new Thread(producer, "orders-producer");
    private volatile boolean stop;

    OrdersDemo(String topic, long orders, OrderRows.Format written) {
        this.topic = topic;
        this.orders = orders;
        this.written = written;
        cluster.createTopic(topic, OrdersCheck.PARTITIONS);
    }

    String bootstrapServers() {
        return cluster.bootstrapServers();
    }

    /** Begins to produce. */
    void start() {
        thread.start();
    }

    /** Throws what has ended the producer before its time. */
    void checkProducer() throws ExecutionException, InterruptedException {
        if (producer.isDone()) {
            producer.get();
        }
    }

    @Override
    public void close() throws InterruptedException {
        stop = true;
        thread.join();
        cluster.close();
    }

    private Void produce() throws InterruptedException {
        long next = System.nanoTime();
        for (long produced = 0; produced < orders && !stop; produced += ORDERS_AT_ONCE) {
            StringBuilder records = new StringBuilder("[");
            for (long number = produced; number < Math.min(produced + ORDERS_AT_ONCE, orders); ++number) {
                OrderRows.Row order = OrdersCheck.orderOf((int) (number % OrdersCheck.PARTITIONS),
                    number / OrdersCheck.PARTITIONS);
                records.append(number == produced ? "" : ",").append(OrderRecords.recordOf(order, written));
            }
            cluster.produceRecords(topic, records.append("]").toString());
            next += PAUSE_NANOS;
            TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
        }
        return null;
    }
}
