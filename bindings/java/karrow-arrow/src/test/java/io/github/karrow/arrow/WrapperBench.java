package io.github.karrow.arrow;

import com.sun.management.OperatingSystemMXBean;
import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.MockCluster;
import io.github.karrow.Options;
import io.github.karrow.Partition;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.Start;
import io.github.karrow.TableType;
import io.github.karrow.Tests;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;

/**
 * The part in Java of the benchmark of wrappers, which runs it and makes figures of what it prints.
 *
 * <pre>
 *     wrapper_bench read SERVERS TOPIC ROWS     reads a topic once for each line of its input
 *     wrapper_bench calls ROUNDS                what a call and a batch cost
 * </pre>
 */
final class WrapperBench {
    /** How many there are, all int64, in the topic and in the batch: count, col2 and so on. */
    private static final int COLUMNS = 20;
    private static final int BATCH_ROWS = 8_192;
    /** As many as take long beside the hundredth of a second in which Java counts CPU time. */
    private static final int CALLS_EACH = 20_000_000;
    private static final int BATCHES_EACH = 5_000;

    private WrapperBench() {}

    /** The user and system time of this process in nanoseconds, all threads together. */
    private static long cpuTime() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static Options options(String servers, String topic) {
        Spec spec = Spec.json().addColumn("count", "int64");
        for (int column = 2; column <= COLUMNS; ++column) {
            spec.addColumn("col" + column, "int64");
        }
        return new Options(topic).set("bootstrap.servers", servers).start(Start.beginning()).key(Spec.ignore()).value(spec)
                .tableType(TableType.blink());
    }

    /** Reads as many rows as there are, and adds up the column count, so that nobody can do without the rows. */
    private static long read(BufferAllocator allocator, String servers, String topic, long wanted) throws Exception {
        long sum = 0;
        try (Options options = options(servers, topic); Consumer consumer = Tests.open(options)) {
            for (long rows = 0; rows < wanted; ) {
                try (Cycle cycle = consumer.poll(Tests.LONG)) {
                    for (Partition partition : cycle.partitions()) {
                        sum += sum(allocator, partition);
                    }
                    rows += cycle.rows();
                }
            }
        }
        return sum;
    }

    private static long sum(BufferAllocator allocator, Partition partition) throws Exception {
        long sum = 0;
        try (ArrowReader reader = ArrowTables.read(allocator, partition)) {
            while (reader.loadNextBatch()) {
                BigIntVector counts = (BigIntVector) reader.getVectorSchemaRoot().getVector("count");
                for (int row = 0; row < counts.getValueCount(); ++row) {
                    sum += counts.get(row);
                }
            }
        }
        return sum;
    }

    /** Reads once for each line of the input, and prints the nanoseconds of CPU time that it took, and the sum. */
    private static void readInTurn(String servers, String topic, long rows) throws Exception {
        try (BufferAllocator allocator = new RootAllocator();
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in))) {
            while (lines.readLine() != null) {
                long begun = cpuTime();
                long sum = read(allocator, servers, topic, rows);
                System.out.println(cpuTime() - begun + " " + sum);
            }
        }
    }

    /**
     * Prints for each round how many nanoseconds a call that does next to nothing takes, and how many a batch that is
     * imported and released.
     */
    private static void calls(int rounds) throws Exception {
        try (MockCluster cluster = new MockCluster(); BufferAllocator allocator = new RootAllocator()) {
            cluster.createTopic("batch", 1);
            String record = "\"{\\\"count\\\":1}\"";
            cluster.produceRecords("batch", "[" + (record + ",").repeat(BATCH_ROWS - 1) + record + "]");
            Options options = options(cluster.bootstrapServers(), "batch").tableType(TableType.append());
            for (String column : new String[] {"partition", "offset", "timestamp"}) {
                options.set("karrow." + column + ".column.name", "");
            }
            try (Consumer consumer = Tests.open(options)) {
                Tests.pollRows(consumer, BATCH_ROWS);
                try (Snapshot snapshot = consumer.snapshot()) {
                    measure(allocator, snapshot, CALLS_EACH, BATCHES_EACH); // lets Java compile it
                    for (int round = 0; round < rounds; ++round) {
                        System.out.println(measure(allocator, snapshot, CALLS_EACH, BATCHES_EACH));
                    }
                }
            }
        }
    }

    private static String measure(BufferAllocator allocator, Snapshot snapshot, int calls, int batches) {
        Partition partition = snapshot.partition(0);
        long begun = cpuTime();
        for (int call = 0; call < calls; ++call) {
            Mismatch.same("the cycle", snapshot.cycle() > 0, true);
        }
        long called = cpuTime();
        for (int batch = 0; batch < batches; ++batch) {
            try (VectorSchemaRoot root = ArrowTables.root(allocator, partition, null)) {
                if (root.getRowCount() != BATCH_ROWS || root.getFieldVectors().size() != COLUMNS) {
                    throw new Mismatch("the batch has " + root.getFieldVectors().size() + " columns");
                }
            }
        }
        return (double) (called - begun) / calls + " " + (double) (cpuTime() - called) / batches;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 4 && arguments[0].equals("read")) {
            readInTurn(arguments[1], arguments[2], Long.parseLong(arguments[3]));
        } else if (arguments.length == 2 && arguments[0].equals("calls")) {
            calls(Integer.parseInt(arguments[1]));
        } else {
            System.err.println("usage: wrapper_bench read SERVERS TOPIC ROWS | calls ROUNDS");
            System.exit(2);
        }
    }
}
