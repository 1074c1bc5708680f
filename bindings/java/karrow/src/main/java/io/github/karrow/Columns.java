package io.github.karrow;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * A batch of a stream that the library makes of its own accord, progress or dead letters: as much of Arrow as their few
 * types need. Rows of tables are for Arrow libraries to read.
 */
final class Columns {
    private final List<String> names;
    private final Column batch;

    private Columns(List<String> names, long array) {
        this.names = names;
        batch = new Column(array);
    }

    /** Shows all batches of a stream, one after the other, each until the reader returns. */
    static void read(long stream, Consumer<Columns> reader) {
        List<String> names = new ArrayList<>();
        for (byte[] name : Native.streamColumns(stream)) {
            names.add(Texts.out(name));
        }
        for (long array = Native.streamNext(stream); array != 0; array = Native.streamNext(stream)) {
            try {
                reader.accept(new Columns(names, array));
            } finally {
                Native.arrayFree(array);
            }
        }
    }

    int rows() {
        return batch.length;
    }

    /** A column by its name, which has to be there. */
    Column column(String name) {
        int index = names.indexOf(name);
        if (index < 0) {
            throw new KarrowException(Status.INTERNAL, "the column " + name + " is missing in a stream of the library's own");
        }
        return batch.child(index);
    }

    /** A column, or what is inside of one. Its rows are null, or what the method says that is called. */
    static final class Column {
        private final long array;
        private final int length;
        private ByteBuffer validity;
        private boolean validityIsKnown;
        private ByteBuffer fixed;
        private ByteBuffer variable;

        private Column(long array) {
            this.array = array;
            length = Math.toIntExact(Native.arrayLength(array));
        }

        Column child(int index) {
            return new Column(Native.arrayChild(array, index));
        }

        boolean isNull(int row) {
            if (!validityIsKnown) {
                validity = Native.arrayBuffer(array, 0, (length + 7) / 8);
                validityIsKnown = true;
            }
            return validity != null && (validity.get(row / 8) >> (row % 8) & 1) == 0;
        }

        int int32(int row) {
            return fixed(length, Integer.BYTES).getInt(row * Integer.BYTES);
        }

        long int64(int row) {
            return fixed(length, Long.BYTES).getLong(row * Long.BYTES);
        }

        OptionalLong optionalInt64(int row) {
            return isNull(row) ? OptionalLong.empty() : OptionalLong.of(int64(row));
        }

        /** A timestamp in milliseconds. */
        Optional<Instant> time(int row) {
            return isNull(row) ? Optional.empty() : Optional.of(Instant.ofEpochMilli(int64(row)));
        }

        /** Where the items of a list begin among those of all lists; those of the row before end there. */
        int listStart(int row) {
            return fixed(length + 1, Integer.BYTES).getInt(row * Integer.BYTES);
        }

        byte[] bytes(int row) {
            if (isNull(row)) {
                return null;
            }
            byte[] bytes = new byte[listStart(row + 1) - listStart(row)];
            if (bytes.length > 0) {
                if (variable == null) {
                    variable = Native.arrayBuffer(array, 2, listStart(length));
                }
                variable.get(listStart(row), bytes);
            }
            return bytes;
        }

        String text(int row) {
            return Texts.out(bytes(row));
        }

        private ByteBuffer fixed(int count, int size) {
            if (fixed == null) {
                fixed = Native.arrayBuffer(array, 1, (long) count * size).order(ByteOrder.nativeOrder());
            }
            return fixed;
        }
    }
}
