package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** The embedded cluster, and what is read of it without Arrow: progress and dead letters. */
class ClusterTest {
    private static final short METADATA = 3;
    private static final int TOPIC_AUTHORIZATION_FAILED = 29;

    @Test
    void whatIsWrongIsSaid() {
        Tests.failing(Status.INVALID_ARGUMENT, () -> new MockCluster(0));
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 1);
            Tests.failing(Status.INVALID_ARGUMENT, () -> cluster.createTopic("t", 1));
            Tests.failing(Status.NOT_FOUND, () -> cluster.produce("t", 1, null, null));
            Tests.failing(Status.INVALID_ARGUMENT, () -> cluster.produceRecords("t", "{}"));
            Tests.failing(Status.INVALID_ARGUMENT, () -> cluster.pushErrors((short) 77, 1));
            Tests.failing(Status.INVALID_ARGUMENT, () -> cluster.setBrokerUp(2, true));
            Tests.failing(Status.INVALID_ARGUMENT, () -> cluster.setLeader("t", 0, 2));
            Tests.failing(Status.INVALID_ARGUMENT, () -> cluster.setDelay(2, Duration.ZERO));
            assertThrows(NullPointerException.class, () -> cluster.pushErrors((short) 1, (int[]) null));
            assertEquals(0, cluster.produce("t", 0, new byte[0], new byte[] {0, -1}, Instant.ofEpochMilli(1)));
            assertEquals(1, cluster.produce("t", 0, null, null));
        }
    }

    @Test
    void troubleCanBeMade() throws Exception {
        try (MockCluster cluster = new MockCluster(2)) {
            cluster.createTopic("t", 1);
            cluster.produce("t", 0, null, new byte[] {'a'});
            cluster.pushErrors(METADATA, TOPIC_AUTHORIZATION_FAILED);
            cluster.setDelay(1, Duration.ofMillis(1));
            cluster.setDelay(2, Duration.ofMillis(1));
            cluster.setLeader("t", 0, 2);
            try (Consumer consumer = new Consumer(Tests.options(cluster, "t"))) {
                // The refusal is met by the first question; whoever opens again is not refused any more.
                for (boolean isOpen = false; !isOpen; ) {
                    try {
                        consumer.open(Tests.LONG);
                        isOpen = true;
                    } catch (KarrowException refused) {
                        assertEquals(TOPIC_AUTHORIZATION_FAILED, refused.kafkaCode());
                    }
                }
                Tests.pollRows(consumer, 1);
                cluster.setBrokerUp(2, false);
                cluster.setLeader("t", 0, 1);
                cluster.produce("t", 0, null, new byte[] {'b'});
                Tests.pollRows(consumer, 1);
                cluster.setBrokerUp(2, true);
            }
        }
    }

    @Test
    void progressTellsWhereReadingIs() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 2);
            cluster.produceRecords("t", "[{\"value\": \"abc\", \"timestamp_ms\": 1000},"
                    + "{\"partition\": 1, \"key\": {\"hex\": \"ff\"}}]");
            Options options = Tests.options(cluster, "t").key(Spec.simple("Key", "utf8")).stop(0, Stop.beforeOffset(5));
            try (Consumer consumer = Tests.open(options)) {
                Tests.until("all is read", () -> consumer.progress().get(0).state() == ReadingState.AT_END
                        && consumer.progress().get(1).state() == ReadingState.FAILED);
                Tests.pollRows(consumer, 1);
                List<PartitionProgress> progress = consumer.progress();
                PartitionProgress first = progress.get(0);
                assertEquals(new PartitionProgress(0, ReadingState.AT_END, Optional.empty(), 1, OptionalLong.of(1),
                        OptionalLong.of(5), first.lag(), 1, 3, new BadRecords(0, 0, 0, 0), 1, first.memoryBytes(),
                        Optional.of(Instant.ofEpochMilli(1_000))), first);
                assertTrue(first.memoryBytes() > 0);
                PartitionProgress second = progress.get(1);
                assertEquals(1, second.partition());
                assertEquals(new BadRecords(1, 0, 0, 0), second.badRecords());
                assertTrue(second.reason().orElseThrow().contains("t[1]@0 (key)"), second.toString());
                assertEquals(OptionalLong.empty(), second.stopOffset());
            }
        }
        assertEquals(ReadingState.OTHER, ReadingState.of("sleeping"));
    }

    @Test
    void deadLettersAreTheBadRecordsAsTheyWere() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("t", 1);
            cluster.produceRecords("t", "[{\"value\": \"good\"},"
                    + "{\"key\": \"k\", \"value\": {\"hex\": \"ff 00\"}, \"timestamp_ms\": 7, \"headers\": "
                    + "[[\"a\", \"1\"], [\"a\", null], [\"\", \"\"]]}, {\"value\": {\"hex\": \"fe\"}}, {\"value\": \"last\"}]");
            Options options = Tests.options(cluster, "t").set("karrow.bad.record.policy", "dead_letter");
            try (Consumer consumer = Tests.open(options)) {
                Tests.pollRows(consumer, 2);
                List<DeadLetter> letters = consumer.deadLetters();
                assertEquals(2, letters.size());
                DeadLetter first = letters.get(0);
                assertEquals("t[0]@1", first.topic() + "[" + first.partition() + "]@" + first.offset());
                assertEquals(Optional.of(Instant.ofEpochMilli(7)), first.timestamp());
                assertArrayEquals(new byte[] {'k'}, first.key());
                assertArrayEquals(new byte[] {-1, 0}, first.value());
                assertEquals(3, first.headers().size());
                assertArrayEquals(new byte[] {'a'}, first.headers().get(0).key());
                assertArrayEquals(new byte[] {'1'}, first.headers().get(0).value());
                assertEquals(null, first.headers().get(1).value());
                assertArrayEquals(new byte[0], first.headers().get(2).key());
                assertArrayEquals(new byte[0], first.headers().get(2).value());
                assertEquals("value", first.side());
                assertEquals(Optional.of("Text"), first.column());
                assertEquals(Optional.empty(), first.path());
                assertTrue(first.reason().startsWith("expected"), first.reason());
                DeadLetter second = letters.get(1);
                assertEquals(2, second.offset());
                assertEquals(null, second.key());
                assertEquals(List.of(), second.headers());
                assertEquals(List.of(), consumer.deadLetters());
            }
        }
    }
}
