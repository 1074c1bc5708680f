package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ErrorsTest {
    @Test
    void anErrorOfACallSaysWhichArgumentIsWrong() {
        KarrowException error = Tests.failing(Status.INVALID_ARGUMENT, () -> new Options(""));
        assertEquals("INVALID_ARGUMENT", error.statusName());
        assertEquals(Optional.of("topic"), error.detail("argument"));
        assertEquals(0, error.kafkaCode());
        assertFalse(error.isRetriable());
        assertEquals(Optional.empty(), error.position());
        assertEquals(Optional.empty(), error.detail("nothing"));
    }

    @Test
    void anErrorOfADescriptionSaysThePlace() {
        KarrowException error = Tests.failing(Status.INVALID_ARGUMENT,
                () -> Spec.objectProcessor("{\"a\": {\"type\": \"nothing\"}}"));
        assertTrue(error.detail("pointer").orElseThrow().startsWith("/a"), error.details().toString());
    }

    @Test
    void anErrorThatMayPassSaysSo() {
        KarrowException error = Tests.failing(Status.TIMEOUT, () -> {
            try (Consumer consumer = new Consumer(Tests.unreachable())) {
                consumer.open(Duration.ofMillis(300));
            }
        });
        assertTrue(error.isRetriable());
        assertTrue(error.getMessage().contains("127.0.0.1:1"), error.getMessage());
    }

    @Test
    void aBadRecordSaysWhereItIsAndWhatIsWrong() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("bad", 2);
            cluster.produceRecords("bad", "[{\"partition\": 1, \"value\": \"{\\\"A\\\": 1}\"}, "
                    + "{\"partition\": 1, \"value\": \"{\\\"A\\\": true}\"}]");
            Options options = Tests.options(cluster, "bad").value(Spec.json().addColumn("A", "int64"));
            try (Consumer consumer = Tests.open(options)) {
                KarrowException failure = failureOf(consumer, 1);
                assertEquals(Status.BAD_RECORD, failure.status());
                assertEquals(Optional.of(new Position(1, 1)), failure.position());
                assertEquals(Optional.of("A"), failure.detail("column"));
                assertEquals(Optional.of("value"), failure.detail("side"));
                assertEquals(Optional.of("bad"), failure.detail("topic"));
                String reason = failure.detail("reason").orElseThrow();
                assertEquals("column A: " + reason + ", at bad[1]@1 (value)", failure.getMessage());

                KarrowException copy = copied(failure);
                assertEquals(failure.getMessage(), copy.getMessage());
                assertEquals(failure.position(), copy.position());
                assertEquals(failure.details(), copy.details());
                assertEquals(failure.status(), copy.status());
            }
        }
    }

    private static KarrowException failureOf(Consumer consumer, int partition) throws InterruptedException {
        while (true) {
            try (Cycle cycle = consumer.poll(Tests.LONG)) {
                Optional<KarrowException> failure = cycle.snapshot().partition(partition).failure();
                assertEquals(failure.isPresent() ? 1 : 0, cycle.failed());
                assertEquals(Optional.empty(), cycle.snapshot().partition(0).failure());
                if (failure.isPresent()) {
                    return failure.get();
                }
            }
        }
    }

    private static KarrowException copied(KarrowException exception) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(exception);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return (KarrowException) in.readObject();
        }
    }

    @Test
    void aStatusOfANewerLibraryKeepsItsName() {
        KarrowException newer = new KarrowException(Status.of(1000), 1000, "new", 0, false, null, Map.of());
        assertEquals(Status.INTERNAL, newer.status());
        assertEquals("UNKNOWN", newer.statusName());
    }
}
