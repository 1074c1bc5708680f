package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** All that karrow.h has, Java has. */
class HeaderTest {
    private static String read(Path path) throws IOException {
        return Files.readString(path);
    }

    private static String shim() throws IOException {
        return read(Tests.sources().resolve("main/native/karrow_jni.c"));
    }

    private static Set<String> found(String pattern, String text) {
        Set<String> found = new TreeSet<>();
        Matcher matcher = Pattern.compile(pattern, Pattern.MULTILINE).matcher(text);
        while (matcher.find()) {
            found.add(matcher.group(1));
        }
        return found;
    }

    @Test
    void everyFunctionIsCalled() throws IOException {
        Set<String> functions = found("^(?!//)[a-z].*?\\b(karrow_\\w+)\\(", read(Tests.header()));
        assertTrue(functions.size() > 70, "found only " + functions);
        functions.removeAll(found("\\b(karrow_\\w+)\\(", shim()));
        assertEquals(Set.of(), functions, "functions of karrow.h that Java lacks");
    }

    @Test
    void everyNativeMethodIsUsed() throws IOException {
        StringBuilder others = new StringBuilder();
        try (Stream<Path> files = Files.list(Tests.sources().resolve("main/java/io/github/karrow"))) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (!file.endsWith("Native.java")) {
                    others.append(read(file));
                }
            }
        }
        Set<String> methods = Arrays.stream(Native.class.getDeclaredMethods())
                .filter(method -> Modifier.isNative(method.getModifiers())).map(Method::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(found("^EXPORTED\\(\\w+, (\\w+)\\)", shim()), methods, "what C has for Java, and what Java declares");
        methods.removeAll(found("Native(?:\\.|::)(\\w+)", others.toString()));
        methods.remove("constant"); // by Native.number
        assertEquals(Set.of(), methods, "methods that nobody calls");
    }

    @Test
    void everyConstantIsKnown() throws IOException {
        Set<String> constants = found("^(?:#define|   ) (KARROW_(?!H\\b|ABI_VERSION)\\w+)", read(Tests.header()));
        assertTrue(constants.size() > 30, "found only " + constants);
        assertEquals(constants, found("CONSTANT\\((KARROW_\\w+)\\)", shim()));
    }

    @Test
    void everyNumberOfAnEnumerationHasItsNameInJava() throws IOException {
        String header = read(Tests.header());
        assertNames("STATUS", Status.values(), header);
        assertNames("LOG_LEVEL", LogLevel.values(), header);
        assertNames("PARTITION_STATE", PartitionState.values(), header);
        assertEquals(Set.of("BLINK", "APPEND", "RING"), found("^    KARROW_TABLE_TYPE_(\\w+)", header));
        assertEquals(Set.of("KEY", "VALUE"), found("^    KARROW_SIDE_(\\w+)", header));
    }

    private static void assertNames(String prefix, Enum<?>[] values, String header) {
        Set<String> names = Arrays.stream(values).map(Enum::name).collect(Collectors.toCollection(TreeSet::new));
        assertEquals(found("^    KARROW_" + prefix + "_(\\w+)", header), names);
    }

    @Test
    void everyDetailOfErrorsIsCopied() throws IOException {
        String header = read(Tests.header());
        int begin = header.indexOf("// One detail by its key:");
        String documentation = header.substring(begin, header.indexOf("// NULL if", begin));
        List<String> keys = new ArrayList<>(found("`(\\w+)`", documentation.replaceAll("\\([^)]*\\)", "")));
        Matcher list = Pattern.compile("detail_keys\\[\\] = \\{(.*?)\\}").matcher(shim());
        assertTrue(list.find());
        assertEquals(keys, new ArrayList<>(found("\"(\\w+)\"", list.group(1))));
    }

    @Test
    void numbersAreThoseOfTheHeader() {
        assertEquals(Status.OK, Status.of(0));
        assertEquals(18, Status.INTERNAL.number());
        assertEquals(Status.INTERNAL, Status.of(1000));
        assertEquals(7, LogLevel.DEBUG.number());
        assertEquals(Native.abiOfHeader(), Karrow.abiVersion());
        assertTrue(Karrow.version().matches("\\d+\\.\\d+\\.\\d+ \\(librdkafka .*\\)"), Karrow.version());
    }
}
