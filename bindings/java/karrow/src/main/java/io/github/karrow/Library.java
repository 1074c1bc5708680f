package io.github.karrow;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Properties;

/**
 * Finds and loads the two native libraries: libkarrow, and the one that {@link Native} is written in.
 *
 * <p>The JVM lets only one class loader load a file, so each gets a folder with a file of its own for the second, which
 * finds libkarrow beside it. Of libkarrow itself the system keeps one for all class loaders, and never unloads it.
 */
final class Library {
    static final String PROPERTY = "karrow.library";

    private static String origin;

    private Library() {}

    /** Loads both, or throws an {@link UnsatisfiedLinkError} that says what to do. */
    static void load() {
        String platform = platform(System.getProperty("os.name"), System.getProperty("os.arch"));
        Properties names = new Properties();
        try (InputStream list = Library.class.getResourceAsStream("native/" + platform + "/libraries.properties")) {
            if (list == null) {
                throw new UnsatisfiedLinkError("this jar of karrow has nothing for " + platform
                        + ": take one that was built for it (mvn package in bindings/java)");
            }
            names.load(list);
            load("native/" + platform + "/", names.getProperty("karrow"), names.getProperty("jni"));
        } catch (IOException failure) {
            UnsatisfiedLinkError error = new UnsatisfiedLinkError("karrow could not write its native libraries into the folder "
                    + System.getProperty("java.io.tmpdir") + ": set -Djava.io.tmpdir to one with room, from which files may be "
                    + "executed");
            error.initCause(failure);
            throw error;
        }
        check(Native.abiOfHeader(), Native.abiOfLibrary());
    }

    /** Where libkarrow was taken from. */
    static String origin() {
        return origin;
    }

    /** The name that a folder of the jar has for a system: {@code linux-x86_64}. */
    static String platform(String system, String processor) {
        String os = system.toLowerCase(Locale.ROOT);
        String name = os.startsWith("mac") ? "macos" : os.startsWith("windows") ? "windows" : os.replace(' ', '_');
        String arch = processor.toLowerCase(Locale.ROOT);
        return name + "-" + (arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
    }

    private static void load(String resources, String karrow, String jni) throws IOException {
        // Files of this folder are in use from here on, under whatever name: on the systems that there are so far, what has
        // been loaded stays when its file is gone, so that nothing is left behind, however the JVM ends.
        Path folder = Files.createTempDirectory("karrow-");
        try {
            String installed = System.getProperty(PROPERTY, "");
            if (installed.isEmpty()) {
                URL inJar = Library.class.getResource(resources + karrow);
                if (inJar == null) {
                    throw new UnsatisfiedLinkError("this jar of karrow was built without libkarrow: install karrow, and set -D"
                            + PROPERTY + " to the path of its " + karrow);
                }
                extract(resources + karrow, folder.resolve(karrow));
                origin = inJar.toString();
            } else {
                Path library = Path.of(installed).toAbsolutePath();
                if (!Files.isRegularFile(library)) {
                    throw new UnsatisfiedLinkError("-D" + PROPERTY + " names " + library + ", which is no file: set it to the "
                            + "path of an installed " + karrow);
                }
                // Under the name that the other library asks for.
                Files.createSymbolicLink(folder.resolve(karrow), library.toRealPath());
                origin = library.toString();
            }
            extract(resources + jni, folder.resolve(jni));
            System.load(folder.resolve(jni).toString());
        } finally {
            Files.deleteIfExists(folder.resolve(karrow));
            Files.deleteIfExists(folder.resolve(jni));
            Files.deleteIfExists(folder);
        }
    }

    private static void extract(String resource, Path file) throws IOException {
        try (InputStream content = Library.class.getResourceAsStream(resource)) {
            Files.copy(content, file);
        }
    }

    /**
     * Whether what was built for one version of the C ABI can use another: before 1.0 only the same, then newer ones
     * too.
     */
    static void check(int built, int loaded) {
        int major = built >>> 16;
        boolean fits = major == loaded >>> 16 && (major == 0 ? loaded == built : loaded >= built);
        if (!fits) {
            throw new UnsatisfiedLinkError("the libkarrow of " + origin + " has version " + text(loaded)
                    + " of its C ABI, and this jar was built for " + text(built) + ": install the karrow " + text(built)
                    + " that belongs to the jar, or take the jar of what is installed");
        }
    }

    private static String text(int version) {
        return (version >>> 16) + "." + (version & 0xffff);
    }
}
