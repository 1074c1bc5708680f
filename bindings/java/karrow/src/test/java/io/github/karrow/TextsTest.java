package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class TextsTest {
    private static final String ANY = "\u00fc \u65e5\u672c \ud83c\udf88";

    @Test
    void charactersOfAnyPlaneComeThroughBothWays() {
        KarrowException error = Tests.failing(Status.INVALID_ARGUMENT, () -> Spec.json().addColumn("A", ANY));
        assertTrue(error.getMessage().contains(ANY), error.getMessage());
    }

    @Test
    void severalTextsComeThrough() throws Exception {
        try (MockCluster cluster = new MockCluster()) {
            cluster.createTopic("texts", 1);
            try (Consumer consumer = Tests.open(Tests.options(cluster, "texts").value(Spec.simple(ANY, "utf8")));
                    Snapshot snapshot = consumer.snapshot();
                    Snapshot view = snapshot.view("KafkaOffset", "A=" + ANY, ANY)) {
                KarrowException error = Tests.failing(Status.NOT_FOUND, () -> view.view("A", ANY + ANY));
                assertTrue(error.getMessage().contains(ANY + ANY), error.getMessage());
                Tests.failing(Status.INVALID_ARGUMENT, snapshot::view);
            }
        }
    }

    @Test
    void whatCannotBeToldToCNamesTheArgument() {
        assertRefused("topic", () -> new Options("a\0b"));
        assertRefused("key", () -> new Options("a").set("\0", "b"));
        assertRefused("value", () -> new Options("a").set("client.id", "\ud83c"));
        assertRefused("description", () -> Spec.objectProcessor("\udf88"));
        assertThrows(NullPointerException.class, () -> new Options("a").set("client.id", null));
        assertThrows(NullPointerException.class, () -> new Options(null));
        assertThrows(NullPointerException.class, () -> new Options("a").partitions((int[]) null));
        assertThrows(NullPointerException.class, () -> new Options("a").value(null));
        assertThrows(NullPointerException.class, () -> Spec.protobufDescriptor(null));
        assertThrows(NullPointerException.class, () -> Spec.avroSubject(null));
    }

    private static void assertRefused(String argument, Executable call) {
        KarrowException error = Tests.failing(Status.INVALID_ARGUMENT, call);
        assertEquals(Optional.of(argument), error.detail("argument"));
        assertTrue(error.getMessage().startsWith(argument + ": holds "), error.getMessage());
    }
}
