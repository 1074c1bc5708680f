package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is public is documented, and the examples there are those that {@link Snippets} has, and so compile. */
class JavadocTest {
    private static final Pattern EXAMPLE = Pattern.compile("<pre>\\{@code\\n(.*?)\\}</pre>", Pattern.DOTALL);

    /** The sources of both modules. */
    private static List<Path> publicSources() throws IOException {
        List<Path> files = new ArrayList<>();
        for (String folder : List.of("src/main/java/io/github/karrow", "../karrow-arrow/src/main/java/io/github/karrow/arrow")) {
            try (Stream<Path> inside = Files.list(Path.of(folder))) {
                inside.forEach(files::add);
            }
        }
        return files;
    }

    @Test
    void everythingThatIsPublicIsDocumented() throws IOException {
        List<String> undocumented = new ArrayList<>();
        int found = 0;
        for (Path file : publicSources()) {
            String before = "";
            for (String line : Files.readString(file).split("\n")) {
                if (line.strip().startsWith("public ") && !before.equals("@Override")) {
                    ++found;
                    if (!before.endsWith("*/")) {
                        undocumented.add(file + ": " + line);
                    }
                }
                if (!line.strip().startsWith("@") || line.strip().equals("@Override")) {
                    before = line.strip();
                }
            }
        }
        assertTrue(found > 150, "found only " + found);
        assertEquals(List.of(), undocumented);
    }

    @Test
    void everyExampleIsCompiled() throws IOException {
        Path sources = Tests.sources();
        String snippets = withoutIndentation(Files.readString(sources.resolve("test/java/io/github/karrow/Snippets.java"))
                + Files.readString(Path.of("../karrow-arrow/src/test/java/io/github/karrow/arrow/Snippets.java")));
        List<String> examples = new ArrayList<>();
        for (Path file : publicSources()) {
            Matcher example = EXAMPLE.matcher(Files.readString(file).replaceAll("(?m)^ *\\* ?", ""));
            while (example.find()) {
                examples.add(withoutIndentation(example.group(1)));
            }
        }
        assertTrue(examples.size() > 5, "found only " + examples.size());
        for (String example : examples) {
            assertTrue(snippets.contains(example), "Snippets.java does not have\n" + example);
        }
    }

    private static String withoutIndentation(String text) {
        return text.replaceAll("(?m)^ +", "");
    }
}
