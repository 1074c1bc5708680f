package io.github.karrow.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.karrow.MockCluster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The conformance cases (tests/conformance) through the library, on the embedded cluster: a test for each case. */
class ConformanceTest {
    private static final Path CASES = Path.of("../../../tests/conformance/cases");

    /** What arrow-java cannot import, and how it says so; whatever comes before is as the case says. */
    private static final Map<String, String> NOT_FOR_ARROW_JAVA = Map.of(
            "fixed_values_of_no_bytes_are_empty", "/ by zero",
            "types_of_avro_are_nested_64_levels_deep_at_most", "Recursion level in ArrowSchema struct exceeded",
            "a_type_is_nested_64_levels_deep", "Recursion level in ArrowSchema struct exceeded");

    /** One cluster for all cases; their names tell topics apart. */
    private static MockCluster cluster;
    private static BufferAllocator allocator;

    @BeforeAll
    static void start() {
        cluster = new MockCluster();
        allocator = new RootAllocator();
    }

    @AfterAll
    static void stop() {
        cluster.close();
        // Fails if anything has not been released.
        allocator.close();
    }

    @TestFactory
    List<DynamicTest> isAsTheCaseSays() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        List<DynamicTest> tests = new ArrayList<>();
        try (Stream<Path> files = Files.list(CASES)) {
            for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                for (JsonNode text : mapper.readTree(file.toFile())) {
                    // What only Apache Kafka does is shown against it, in Rust.
                    if (!text.path("needs").asText().equals("broker")) {
                        String name = text.get("name").textValue();
                        tests.add(DynamicTest.dynamicTest(name, () -> run(name, text)));
                    }
                }
            }
        }
        assertTrue(tests.size() > 1_000, "found only " + tests.size() + " cases");
        return tests;
    }

    private static void run(String name, JsonNode text) throws Exception {
        try (RunningCase running = new RunningCase(allocator, cluster, name, text)) {
            String refused = NOT_FOR_ARROW_JAVA.get(name);
            if (refused == null) {
                running.all();
            } else {
                assertEquals("step 2: [0]: " + refused, assertThrows(Mismatch.class, running::all).getMessage());
            }
        }
        assertEquals(0, allocator.getAllocatedMemory(), "bytes that were not released");
    }
}
