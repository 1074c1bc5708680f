package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Loading, in processes of their own, because a class is loaded once. */
class LibraryTest {
    /** Says what was loaded, or why nothing. */
    public static final class Program {
        public static void main(String[] arguments) {
            try {
                System.out.println(Karrow.version() + " from " + Karrow.libraryPath());
            } catch (UnsatisfiedLinkError error) {
                System.out.println("refused: " + error.getMessage());
            }
        }
    }

    @TempDir
    Path folder;

    private String run(String... properties) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.io.tmpdir=" + folder, "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(properties));
        command.add(Program.class.getName());
        Path output = folder.resolve("output");
        Process process = new ProcessBuilder(command).redirectOutput(output.toFile()).start();
        assertTrue(process.waitFor(Tests.LONG.toSeconds(), TimeUnit.SECONDS));
        String text = Files.readString(output).strip();
        Files.delete(output);
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(List.of(), left.filter(path -> path.getFileName().toString().startsWith("karrow")).toList(),
                    "left in the folder for temporary files");
        }
        return text;
    }

    @Test
    @EnabledIfSystemProperty(named = "karrow.library", matches = ".+")
    void anInstalledLibraryIsUsedAndNothingIsLeftBehind() throws Exception {
        String library = System.getProperty("karrow.library");
        assertEquals(Karrow.version() + " from " + library, run("-Dkarrow.library=" + library));
    }

    @Test
    void aLibraryThatIsMissingIsNamed() throws Exception {
        String text = run("-Dkarrow.library=" + folder.resolve("nothing"));
        assertTrue(text.startsWith("refused: -Dkarrow.library names " + folder.resolve("nothing") + ", which is no file"), text);
    }

    /** CMake makes a library that says that it has another version. */
    @Test
    @EnabledIfSystemProperty(named = "karrow.other.library", matches = ".+")
    void aLibraryOfAnotherVersionIsRefused() throws Exception {
        String other = System.getProperty("karrow.other.library");
        String text = run("-Dkarrow.library=" + other);
        assertTrue(text.startsWith("refused: the libkarrow of " + other + " has version 0.99 of its C ABI"), text);
        assertTrue(text.contains("install the karrow"), text);
    }

    @Test
    void before10OnlyTheSameVersionFitsAndLaterNewerOnesToo() {
        assertDoesNotThrow(() -> Library.check(1, 1));
        assertThrows(UnsatisfiedLinkError.class, () -> Library.check(1, 2));
        assertThrows(UnsatisfiedLinkError.class, () -> Library.check(2, 1));
        assertDoesNotThrow(() -> Library.check(1 << 16, 1 << 16 | 3));
        assertThrows(UnsatisfiedLinkError.class, () -> Library.check(1 << 16 | 3, 1 << 16));
        assertThrows(UnsatisfiedLinkError.class, () -> Library.check(1 << 16, 2 << 16));
    }

    @Test
    void platformsHaveOneNameEach() {
        assertEquals("linux-x86_64", Library.platform("Linux", "amd64"));
        assertEquals("linux-aarch64", Library.platform("Linux", "aarch64"));
        assertEquals("macos-aarch64", Library.platform("Mac OS X", "arm64"));
    }
}
