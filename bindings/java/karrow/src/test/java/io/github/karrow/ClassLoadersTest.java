package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;

import java.io.File;
import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/** karrow in several class loaders, as in a server of applications. */
class ClassLoadersTest {
    /** What each of them does. */
    public static final class Application implements Callable<Long> {
        @Override
        public Long call() throws Exception {
            try (MockCluster cluster = new MockCluster()) {
                cluster.createTopic("t", 1);
                cluster.produceRecords("t", "[\"a\", \"b\"]");
                // What is not closed here is left to the garbage collector.
                Consumer consumer = Consumer.consumeToPartitionedTable(
                        new Options("t").set("bootstrap.servers", cluster.bootstrapServers()).start(Start.beginning())
                                .key(Spec.ignore()).value(Spec.simple("Text", "utf8")).tableType(TableType.append()),
                        Karrow.FOREVER);
                long rows = 0;
                while (rows < 2) {
                    rows += consumer.poll(Karrow.FOREVER).rows();
                }
                // An exception needs the classes of its own loader.
                try {
                    new Options("");
                } catch (KarrowException expected) {
                    return rows;
                }
                return -1L;
            }
        }
    }

    private static URLClassLoader loader() throws MalformedURLException {
        List<URL> urls = new ArrayList<>();
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            urls.add(new File(path).toURI().toURL());
        }
        return new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
    }

    private static Class<?> run(URLClassLoader loader) throws Exception {
        Class<?> application = loader.loadClass(Application.class.getName());
        assertEquals(2L, ((Callable<?>) application.getConstructor().newInstance()).call());
        return application;
    }

    @Test
    void twoUseItBesideEachOther() throws Exception {
        try (URLClassLoader first = loader(); URLClassLoader second = loader()) {
            Class<?> one = run(first);
            Class<?> other = run(second);
            assertNotSame(one, other);
            run(first);
            assertEquals(2L, new Application().call());
        }
    }

    @Test
    void oneThatIsLetGoOfIsCollected() throws Exception {
        WeakReference<ClassLoader> loader = used();
        Tests.untilCollected("the class loader is collected", () -> loader.get() == null);
        assertEquals(2L, new Application().call());
    }

    private static WeakReference<ClassLoader> used() throws Exception {
        try (URLClassLoader loader = loader()) {
            run(loader);
            return new WeakReference<>(loader);
        }
    }
}
