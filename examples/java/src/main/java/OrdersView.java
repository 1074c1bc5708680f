import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What is shown of a topic of orders: drawn in place on a terminal; elsewhere a line now and then. */
final class OrdersView {
    private static final DateTimeFormatter ISO = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
        .withZone(ZoneOffset.UTC);
    private static final int BAR_WIDTH = 40;

    private static final class Shown {
        private long rows;
        private double rate;
    }

    private final String title;
    private final boolean terminal;
    private final long startedAt = System.nanoTime();
    private long shownAt = startedAt;
    private final Map<Integer, Shown> shown = new HashMap<>();
    private int drawnLines;
    private int[] size = terminalSize();
    private long sizeKnownAt = startedAt;
    private String logged = "";

    OrdersView(String title) {
        this.title = title;
        String kind = System.getenv("TERM");
        terminal = kind != null && !kind.equals("dumb") && succeeds("test", "-t", "1");
        if (!terminal) {
            System.out.println(title);
        }
    }

    static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    /** {@code 1234567} as {@code 1,234,567}. */
    static String grouped(long number) {
        return format("%,d", number);
    }

    /** RFC 3339, with microseconds. */
    static String isoText(Instant time) {
        return ISO.format(time);
    }

    /**
     * At most this many characters, and none that a terminal would take for a command: texts of a topic may hold any.
     */
    private static String clipped(String text, int width) {
        StringBuilder clipped = new StringBuilder();
        text.codePoints().limit(width).forEach(
            character -> clipped.appendCodePoint(Character.isISOControl(character) ? '?' : character));
        return clipped.toString();
    }

    /** Shows what there is, if it is time to, with the rates since the last time. */
    void update(OrderRows.Progress progress) {
        double passed = secondsSince(shownAt);
        if (passed < (terminal ? 0.1 : 0.5)) {
            return;
        }
        progress.partitions.forEach((id, partition) -> {
            Shown known = shown.computeIfAbsent(id, partitionId -> new Shown());
            known.rate = (partition.rows - known.rows) / passed;
            known.rows = partition.rows;
        });
        shownAt = System.nanoTime();
        if (terminal) {
            draw(progress);
        } else {
            log(progress);
        }
    }

    /** Shows everything once more, with the rates of the whole time. */
    void finish(OrderRows.Progress progress) {
        progress.partitions.forEach((id, partition) ->
            shown.computeIfAbsent(id, partitionId -> new Shown()).rate = partition.rows / seconds());
        if (terminal) {
            draw(progress);
        } else {
            lines(progress).forEach(System.out::println);
        }
    }

    /** How long it has been showing. */
    double seconds() {
        return secondsSince(startedAt);
    }

    private static double secondsSince(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }

    private String rate(int id) {
        return grouped((long) shown.computeIfAbsent(id, partitionId -> new Shown()).rate);
    }

    /** Writes one line, if it has something new to say. */
    private void log(OrderRows.Progress progress) {
        StringBuilder news = new StringBuilder(format("%11s rows", grouped(progress.rows)));
        progress.done.ifPresent(done -> news.append(format(", %d %%", (int) (done * 100))));
        progress.partitions.forEach((id, partition) -> {
            news.append(format(" | %d: %s, %s/s", id, grouped(partition.rows), rate(id)));
            partition.lag.ifPresent(lag -> news.append(", lag ").append(grouped(lag)));
            if (partition.failure != null) {
                news.append(", ").append(partition.failure.getMessage());
            }
        });
        if (!news.toString().equals(logged)) {
            System.out.println(format("%6.1f s", seconds()) + news);
        }
        logged = news.toString();
    }

    private List<String> lines(OrderRows.Progress progress) {
        boolean lagIsKnown = progress.partitions.values().stream().findFirst().map(first -> first.lag.isPresent()).orElse(false);
        List<String> lines = new ArrayList<>();
        lines.add(format("%s   %.1f s   %s rows", title, seconds(), grouped(progress.rows)));
        lines.add(progress.done.isPresent() ? bar(progress.done.getAsDouble()) : "");
        lines.add("partition         rows      rows/s" + (lagIsKnown ? "         lag" : ""));
        progress.partitions.forEach((id, partition) -> {
            lines.add(format("%9d %12s %11s", id, grouped(partition.rows), rate(id))
                + (partition.lag.isPresent() ? format(" %11s", grouped(partition.lag.getAsLong())) : ""));
            if (partition.failure != null) {
                lines.add("          " + partition.failure.getMessage());
            }
        });
        lines.add("");
        lines.add(format("%9s %12s   %-27s   %-6s   %-4s %11s %12s", "partition", "offset", "Tstamp", "Symbol", "Side", "Price",
            "Qty"));
        progress.partitions.values().forEach(partition -> partition.last.forEach(row -> lines.add(line(row))));
        return lines;
    }

    private static String line(OrderRows.Row row) {
        return format("%9d %12d   %-27s   %-6s   %-4s %11s %12s", row.partition(), row.offset(),
            row.time() == null ? "null" : isoText(row.time()), row.symbol() == null ? "null" : clipped(row.symbol(), 6),
            row.side() == null ? "null" : clipped(row.side(), 4), row.price() == null ? "null" : format("%.2f", row.price()),
            row.qty() == null ? "null" : grouped(row.qty()));
    }

    /** How much of something is done: {@code [######..............]  30 %}. */
    private static String bar(double done) {
        int marks = Math.max(0, Math.min((int) (done * BAR_WIDTH), BAR_WIDTH));
        return "[" + "#".repeat(marks) + ".".repeat(BAR_WIDTH - marks) + format("] %3d %%", (int) (done * 100));
    }

    /** Overwrites what it has drawn before, as much as the terminal has room for. */
    private void draw(OrderRows.Progress progress) {
        if (secondsSince(sizeKnownAt) > 1) {
            size = terminalSize();
            sizeKnownAt = System.nanoTime();
        }
        List<String> lines = lines(progress);
        lines = lines.subList(0, Math.min(lines.size(), size[0] - 1));
        StringBuilder drawing = new StringBuilder(drawnLines > 0 ? "\033[" + drawnLines + "F" : "");
        lines.forEach(line -> drawing.append(clipped(line, size[1])).append("\033[K\n"));
        System.out.print(drawing.append("\033[J"));
        System.out.flush();
        drawnLines = lines.size();
    }

    /** Rows and columns, which Java does not know; stty does. */
    private static int[] terminalSize() {
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(new File("/dev/stdout")).start();
            String[] size = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip().split(" ");
            int[] known = {Integer.parseInt(size[0]), Integer.parseInt(size[1])};
            if (known[0] > 1 && known[1] > 0) {
                return known;
            }
        } catch (IOException | RuntimeException unknown) {
            // as below
        }
        return new int[] {24, 80};
    }

    private static boolean succeeds(String... command) {
        try {
            return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
        } catch (IOException missing) {
            return false;
        } catch (InterruptedException never) {
            throw new AssertionError(never);
        }
    }
}
