import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Orders as the records that a demo produces, in JSON, Avro or Protobuf. */
final class OrderRecords {
    private OrderRecords() {}

    /** The order that becomes a row, as {@code MockCluster.produceRecords} has it. */
    static String recordOf(OrderRows.Row row, OrderRows.Format written) {
        String value = switch (written) {
            case AVRO -> avroOf(row);
            case PROTOBUF -> protobufOf(row);
            case JSON, PROCESSOR -> jsonOf(row);
        };
        return "{\"partition\":" + row.partition() + ",\"timestamp_ms\":" + row.kafkaTime().toEpochMilli() + ",\"key\":\""
            + row.symbol() + "\",\"value\":" + value + "}";
    }

    /** A text, so that its quotes are escaped. */
    private static String jsonOf(OrderRows.Row row) {
        String order = OrdersView.format("{\"jsymbol\":\"%s\",\"jside\":\"%s\",\"jprice\":%.2f,\"jqty\":%d,\"jts\":\"%s\"}",
            row.symbol(), row.side(), row.price(), row.qty(), OrdersView.isoText(row.time()));
        return '"' + order.replace("\"", "\\\"") + '"';
    }

    /** Values as Avro and Protobuf write them. */
    private static final class Writer {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        /** Seven bits in a byte, the lowest ones first. */
        Writer number(long number) {
            long left = number;
            for (; Long.compareUnsigned(left, 0x7f) > 0; left >>>= 7) {
                bytes.write((int) (0x80 | left & 0x7f));
            }
            bytes.write((int) left);
            return this;
        }

        /** Avro's {@code long} and place of an enum's symbol: the same of the numbers 0, -1, 1, -2 and so on. */
        Writer signed(long number) {
            return number(number << 1 ^ number >> 63);
        }

        Writer eightBytes(double number) {
            long bits = Double.doubleToRawLongBits(number);
            for (int shift = 0; shift < 64; shift += 8) {
                bytes.write((int) (bits >> shift));
            }
            return this;
        }

        Writer raw(byte[] raw) {
            bytes.writeBytes(raw);
            return this;
        }

        byte[] written() {
            return bytes.toByteArray();
        }

        String value() {
            return "{\"hex\":\"" + HexFormat.of().formatHex(written()) + "\"}";
        }
    }

    /** A zero byte, the number of the schema, and the fields one behind the other. */
    private static String avroOf(OrderRows.Row row) {
        byte[] symbol = row.symbol().getBytes(StandardCharsets.UTF_8);
        long time = row.time().getEpochSecond() * 1_000_000_000 + row.time().getNano();
        return new Writer().raw(new byte[] {0, 0, 0, 0, OrderRows.SCHEMA_ID})
            .signed(symbol.length).raw(symbol)
            .signed(row.side().equals("buy") ? 0 : 1)
            .eightBytes(row.price())
            .signed(row.qty())
            .signed(time).value();
    }

    /** The fields, and in front of each its number and how it is written. */
    private static String protobufOf(OrderRows.Row row) {
        byte[] symbol = row.symbol().getBytes(StandardCharsets.UTF_8);
        byte[] time = new Writer().number(1 << 3).number(row.time().getEpochSecond()).number(2 << 3)
            .number(row.time().getNano()).written();
        return new Writer().number(1 << 3 | 2).number(symbol.length).raw(symbol)
            .number(2 << 3).number(row.side().equals("buy") ? 0 : 1)
            .number(3 << 3 | 1).eightBytes(row.price())
            .number(4 << 3).number(row.qty())
            .number(5 << 3 | 2).number(time.length).raw(time).value();
    }
}
