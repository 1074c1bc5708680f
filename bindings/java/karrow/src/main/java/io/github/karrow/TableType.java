package io.github.karrow;

/** What a table keeps of its rows. */
public final class TableType {
    private static final TableType BLINK = new TableType("BLINK", 0);
    private static final TableType APPEND = new TableType("APPEND", 0);

    private final int number;
    private final long capacity;

    private TableType(String name, long capacity) {
        number = Native.number("KARROW_TABLE_TYPE_" + name);
        this.capacity = capacity;
    }

    /** The rows of the last cycle only. This is the default. */
    public static TableType blink() {
        return BLINK;
    }

    /** Every row. */
    public static TableType append() {
        return APPEND;
    }

    /** The last {@code rows} rows of each partition, at least 1. */
    public static TableType ring(long rows) {
        return new TableType("RING", rows);
    }

    void set(long options) {
        Native.optionsSetTableType(options, number, capacity);
    }
}
