package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OptionsTest {
    @Test
    void everySetterReachesTheLibrary() {
        try (Options options = new Options("t")) {
            assertWrong("karrow.nothing", () -> options.set("karrow.nothing", "1"));
            assertWrong("karrow.nothing", () -> options.set(Map.of("karrow.nothing", "1")));
            assertWrong("karrow.nothing", () -> options.unset("karrow.nothing"));
            assertWrong("at least one partition", options::partitions);
            assertWrong("-2", () -> options.partitions(0, -2));
            assertWrong("time", () -> options.start(Start.time(Instant.ofEpochMilli(-1))));
            assertWrong("time", () -> options.start(0, Start.time(Instant.MIN)));
            assertWrong("time", () -> options.stop(Stop.beforeTime(Instant.ofEpochMilli(-1))));
            assertWrong("ring", () -> options.tableType(TableType.ring(0)));
            assertWrong("partition", () -> options.start(-1, Start.beginning()));
            assertWrong("partition", () -> options.stop(-1, Stop.atEnd()));
            assertWrong("-2", () -> options.stop(-2, Stop.atEnd()));
            assertWrong("schema", () -> options.exportSchema(Tests.LONG, 0));
        }
        assertWrong("offset", () -> Start.offset(-1));
        assertWrong("offset", () -> new Options("t").stop(Stop.beforeOffset(-1)));
    }

    private static void assertWrong(String what, org.junit.jupiter.api.function.Executable call) {
        KarrowException error = Tests.failing(Status.INVALID_ARGUMENT, call);
        assertTrue(error.getMessage().contains(what), error.getMessage());
    }

    @Test
    void startsAndStopsAreWhatIsRead() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 4);
            for (int partition = 0; partition < 4; ++partition) {
                for (int record = 0; record < 5; ++record) {
                    cluster.produce("t", partition, null, new byte[] {'v'});
                }
            }
            Options options = Tests.options(cluster, "t").partitions(3, 0, 1, 1).start(Start.end())
                    .start(0, Start.beginning()).start(1, Start.offset(2)).stop(Stop.atEnd()).stop(1, Stop.beforeOffset(4));
            try (Consumer consumer = Tests.open(options)) {
                long rows = 0;
                while (true) {
                    try (Cycle cycle = consumer.poll(Tests.LONG)) {
                        if (!cycle.isOk()) {
                            assertEquals(Status.END, cycle.status());
                            break;
                        }
                        rows += cycle.rows();
                    }
                }
                assertEquals(5 + 2, rows);
                try (Snapshot snapshot = consumer.snapshot()) {
                    assertEquals("[0, 1, 3]", snapshot.partitions().stream().map(Partition::id).toList().toString());
                    assertEquals(4, snapshot.partition(1).nextOffset());
                    assertEquals(5, snapshot.partition(3).nextOffset());
                    assertEquals(PartitionState.FINISHED, snapshot.partition(3).state());
                }
            }
        }
    }

    @Test
    void consumersHaveTheirOwnCopy() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 1);
            cluster.produce("t", 0, null, new byte[] {'v'});
            Spec spec = Spec.simple("Text", "utf8");
            Options options = Tests.options(cluster, "t").value(spec);
            spec.close();
            try (Consumer first = new Consumer(options)) {
                options.tableType(TableType.blink());
                options.close();
                first.open(Tests.LONG);
                Tests.pollRows(first, 1);
            }
            Tests.failing(Status.CLOSED, () -> options.set("client.id", "a"));
            Tests.failing(Status.CLOSED, () -> new Consumer(options));
            Tests.failing(Status.CLOSED, () -> new Options("t").value(spec));
            options.close();
            spec.close();
        }
    }
}
