import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Made-up orders, and the check that they are what comes. */
final class OrdersCheck {
    /** How many partitions they go to, in turn. */
    static final int PARTITIONS = 4;

    private static final String[] SYMBOLS = {"AAPL", "AMZN", "GOOG", "META", "MSFT", "NVDA"};
    private static final int[] CENTS = {18950, 17825, 17140, 49610, 41275, 12090};

    private final long orders;
    private long rows;
    private long wrong;

    OrdersCheck(long orders) {
        this.orders = orders;
    }

    /** Makes a number look random (splitmix64). */
    private static long scattered(long number) {
        long mixed = (number + 1) * 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ mixed >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }

    /** A random number, of which each call uses up a part. */
    private static final class Random {
        private long left;

        Random(long seed) {
            left = scattered(seed);
        }

        long below(long limit) {
            long number = Long.remainderUnsigned(left, limit);
            left = Long.divideUnsigned(left, limit);
            return number;
        }
    }

    /** The row that has to come of the n-th order of a partition. */
    static OrderRows.Row orderOf(int partition, long offset) {
        Random random = new Random(offset * PARTITIONS + partition);
        int stock = (int) random.below(SYMBOLS.length);
        String side = random.below(2) == 0 ? "buy" : "sell";
        double price = (CENTS[stock] + random.below(400) - 200) / 100.0;
        long qty = 100 * (1 + random.below(9));
        // From 2026-01-02T09:30:00Z on, one each millisecond.
        Instant kafkaTime = Instant.ofEpochMilli(1_767_346_200_000L + offset);
        Instant time = kafkaTime.plus(random.below(1000), ChronoUnit.MICROS);
        return new OrderRows.Row(partition, offset, kafkaTime, SYMBOLS[stock], side, price, qty, time);
    }

    /** The n-th row of a partition has to be its n-th order, so that none is missing and none comes twice. */
    void lookAt(int partition, long number, OrderRows.Row row) {
        boolean exists = number * PARTITIONS + partition < orders;
        if (!exists || !row.equals(orderOf(partition, number))) {
            ++wrong;
        }
        ++rows;
    }

    boolean allCame() {
        return rows >= orders;
    }

    /** What came of it, in one sentence; {@code stopped} if somebody did not want to wait for the rest. */
    String verdict(boolean stopped, double seconds) {
        if (wrong > 0) {
            return OrdersView.grouped(wrong) + " of " + OrdersView.grouped(rows) + " rows differ from what was produced";
        }
        if (allCame()) {
            return OrdersView.format("all %s orders came in %.1f s: each one once, in order, and equal to what was produced",
                OrdersView.grouped(orders), seconds);
        }
        if (stopped) {
            return "stopped after " + OrdersView.grouped(rows) + " orders, each one equal to what was produced";
        }
        return OrdersView.format("%s of %s orders are missing after %.1f s", OrdersView.grouped(orders - rows),
            OrdersView.grouped(orders), seconds);
    }

    /** What the shell is told. */
    int exitCode(boolean stopped) {
        return wrong == 0 && (stopped || allCame()) ? 0 : 1;
    }
}
