import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.Karrow;
import io.github.karrow.KarrowException;
import io.github.karrow.Options;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.Start;
import io.github.karrow.Status;
import io.github.karrow.TableType;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/**
 * Follows a topic of orders, and shows it while it comes.
 *
 * <pre>
 *     Orders                                                100,000 orders in a cluster of its own, each one checked
 *     Orders --bootstrap-servers HOST:PORT --topic NAME     a topic of yours, until Ctrl-C
 * </pre>
 *
 * <p>{@link #options} and {@link #follow} here and the functions of {@link OrderRows} are all there is of karrow. What
 * is shown is in {@link OrdersView}, the cluster of its own in {@link OrdersDemo}, its records are made in {@link
 * OrderRecords}, what came is compared in {@link OrdersCheck}, and {@link OrdersSettings} reads the command line.
 */
public final class Orders {
    private Orders() {}

    private static Options options(OrdersSettings settings) {
        Options options = new Options(settings.topic)
            .set("karrow.poll.linger.ms", "50") // more rows in fewer cycles: nobody looks more often
            .key(Spec.ignore());
        if (settings.schemaRegistry == null) {
            options.value(OrderRows.spec(settings.format));
        } else {
            options.value(OrderRows.registrySpec(settings.topic, settings.format))
                .set("schema.registry.url", settings.schemaRegistry);
        }
        settings.properties.forEach(options::set);
        return options;
    }

    /** Follows the topic until a signal comes, nothing can come any more, or a demo is over. The exit code. */
    private static int follow(OrdersSettings settings) throws Exception {
        Duration timeLimit = Duration.ofSeconds(settings.seconds); // of a demo; your own cluster has it to open
        long deadline = System.nanoTime() + timeLimit.toNanos();
        boolean isDemo = settings.bootstrapServers == null;
        try (OrdersDemo demo = isDemo ? new OrdersDemo(settings.topic, settings.orders, settings.format) : null;
                Options options = options(settings)) {
            String servers = isDemo ? demo.bootstrapServers() : settings.bootstrapServers;
            options.set("bootstrap.servers", servers);
            if (isDemo) {
                options.tableType(TableType.append());
            } else {
                // It may run for days, and shows no more rows than these.
                options.start(settings.fromEnd ? Start.end() : Start.beginning())
                    .tableType(TableType.ring(OrderRows.SHOWN_ROWS));
                if (settings.stop != null) {
                    options.stop(settings.stop);
                }
            }
            OrdersCheck check = new OrdersCheck(settings.orders);
            OrderRows.Progress progress = new OrderRows.Progress();
            Status ended = Status.OK;
            int failed = 0;
            OrdersView view;
            try (BufferAllocator allocator = new RootAllocator(); Consumer consumer = new Consumer(options)) {
                SIGNAL.whenItComes(consumer);
                consumer.open(timeLimit);
                if (isDemo) {
                    demo.start(); // what is produced after open is never missed
                }
                view = new OrdersView(settings.topic + " on " + servers);
                while (ended == Status.OK) {
                    try (Cycle cycle = consumer.poll(Duration.ofMillis(100))) {
                        ended = cycle.status();
                        if (!cycle.isOk()) {
                            break;
                        }
                        try (Snapshot table = OrderRows.view(cycle.snapshot(), settings.format)) {
                            OrderRows.take(allocator, table, progress, isDemo ? check::lookAt : null);
                        }
                        OrderRows.takeProgress(consumer.progress(), progress);
                        failed = cycle.failed();
                        if (isDemo) {
                            demo.checkProducer();
                            // One more look behind the last order would find one that comes twice.
                            if (check.allCame() && cycle.rows() == 0 || System.nanoTime() > deadline) {
                                break;
                            }
                        }
                    }
                    view.update(progress);
                }
                OrderRows.takeProgress(consumer.progress(), progress);
            }
            view.finish(progress);
            if (!isDemo) {
                System.out.println("\n" + OrdersView.grouped(progress.rows) + " rows from " + progress.partitions.size()
                    + " partitions, " + failed + " of which failed");
                return failed == 0 ? 0 : 1;
            }
            boolean stopped = ended == Status.INTERRUPTED;
            System.out.println("\n" + check.verdict(stopped, view.seconds()));
            return check.exitCode(stopped);
        }
    }

    /** What the shell is told. */
    private static int run(String[] arguments) throws Exception {
        try {
            OrdersSettings settings = OrdersSettings.of(arguments);
            if (settings == null) {
                System.out.print(OrdersSettings.USAGE);
                return 0;
            }
            int code = follow(settings);
            if (settings.bootstrapServers == null) {
                System.out.println("\nyour own topic, until Ctrl-C (any Kafka property with -X key=value):\n  "
                    + System.getProperty("orders.program", "java -cp ... Orders")
                    + " --bootstrap-servers HOST:PORT --topic NAME"
                    + (settings.format == OrderRows.Format.JSON ? "" : " --format " + settings.format.text())
                    + (settings.format.hasSchema() ? " --schema-registry URL" : "") + "\nkarrow " + Karrow.version() + " is "
                    + Karrow.libraryPath());
            }
            return code;
        } catch (OrdersSettings.UsageError error) {
            System.err.println("orders: " + error.getMessage());
            return 2;
        } catch (KarrowException error) {
            if (error.status() == Status.INTERRUPTED) {
                return 0;
            }
            System.err.println("orders: " + error.getMessage());
            return 1;
        }
    }

    /** Ctrl-C, and how a service manager ends a program, made into a wakeup of a consumer. */
    private static final class Signal {
        private final CountDownLatch over = new CountDownLatch(1);
        private final AtomicInteger code = new AtomicInteger(1);

        void whenItComes(Consumer consumer) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    consumer.wakeup();
                } catch (KarrowException closed) {
                    // It has ended by itself.
                }
                try {
                    over.await();
                } catch (InterruptedException never) {
                    throw new AssertionError(never);
                }
                // Java would say that a signal has ended it.
                Runtime.getRuntime().halt(code.get());
            }));
        }

        void end(int exitCode) {
            code.set(exitCode);
            System.out.flush();
            over.countDown();
        }
    }

    private static final Signal SIGNAL = new Signal();

    public static void main(String[] arguments) throws Exception {
        int code = 1;
        try {
            code = run(arguments);
        } finally {
            SIGNAL.end(code);
        }
        System.exit(code);
    }
}
