package io.github.karrow.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The conformance cases (tests/conformance) through the library: a test for each case that needs no broker. Its {@code main}
 * runs the others, where there is one.
 */
class ConformanceTest {
    private static final Path CASES = Path.of("../../../tests/conformance/cases");

    /** What arrow-java cannot import, and how it says so; whatever comes before is as the case says. */
    private static final Map<String, String> NOT_FOR_ARROW_JAVA = Map.of(
            "fixed_values_of_no_bytes_are_empty", "/ by zero",
            "types_of_avro_are_nested_64_levels_deep_at_most", "Recursion level in ArrowSchema struct exceeded",
            "a_type_is_nested_64_levels_deep", "Recursion level in ArrowSchema struct exceeded");

    /** One for all cases; their names tell topics apart. */
    private static Place place;
    private static BufferAllocator allocator;

    @BeforeAll
    static void start() {
        place = Place.embedded();
        allocator = new RootAllocator();
    }

    @AfterAll
    static void stop() {
        place.close();
        // Fails if anything has not been released.
        allocator.close();
    }

    @TestFactory
    List<DynamicTest> isAsTheCaseSays() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        cases(CASES, false).forEach((name, text) -> tests.add(DynamicTest.dynamicTest(name, () -> run(name, text))));
        assertTrue(tests.size() > 1_000, "found only " + tests.size() + " cases");
        return tests;
    }

    /** The cases that need a broker, or the others, by their names. */
    private static Map<String, JsonNode> cases(Path folder, boolean needBroker) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Map<String, JsonNode> cases = new LinkedHashMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                for (JsonNode text : mapper.readTree(file.toFile())) {
                    if (text.path("needs").asText().equals("broker") == needBroker) {
                        cases.put(text.get("name").textValue(), text);
                    }
                }
            }
        }
        return cases;
    }

    /** Runs the cases of a folder that need a broker. */
    public static void main(String[] arguments) throws Exception {
        Map<String, String> environment = System.getenv();
        allocator = new RootAllocator();
        place = Place.broker(environment.get("KARROW_CONFORMANCE_BROKER"), environment.get("KARROW_CONFORMANCE_SERVERS"));
        for (Map.Entry<String, JsonNode> one : cases(Path.of(arguments[0]), true).entrySet()) {
            try {
                run(one.getKey(), one.getValue());
            } catch (Throwable failure) {
                throw new AssertionError(one.getKey(), failure);
            }
        }
        stop();
    }

    private static void run(String name, JsonNode text) throws Exception {
        try (RunningCase running = new RunningCase(allocator, place, name, text)) {
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
