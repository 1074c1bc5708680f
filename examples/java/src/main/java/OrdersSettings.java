import io.github.karrow.Stop;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The command line. */
final class OrdersSettings {
    static final String USAGE = """
        usage: orders [--format json|avro|protobuf|processor] [--orders N]
               orders --bootstrap-servers HOST:PORT[,...] [--topic NAME] [--from beginning|end] [--to end]
                      [--format processor] [--format avro|protobuf --schema-registry URL]

        Shows a Kafka topic of orders as they come: JSON objects, Avro records or Protobuf messages with jsymbol,
        jside, jprice, jqty and jts. In Avro they are two strings or enums, a double, a long and a timestamp, in
        Protobuf an int64 in place of the long.

          --bootstrap-servers HOST:PORT   your cluster, until Ctrl-C; without it, a cluster in this process
                                          and orders that are produced to it, until all have come
          --topic NAME                    the topic [orders]
          --format json|avro|protobuf     what orders are written in [json]
          --format processor              they are JSON, read by an object processor: jts has to be text
          --schema-registry URL           where the schema of your topic is, the latest one of NAME-value
          --from beginning|end            all there is, or what comes from now on [beginning]
          --to end                        what there is now, and then it ends
          -X KEY=VALUE                    any property of librdkafka, karrow or the client of the registry
                                          (schema.registry....); may be repeated
          --orders N                      how many orders to produce without --bootstrap-servers [100000]
          --seconds N                     how long they may take before those that have not come are missing [25]
          --help                          this text

        The exit code is 0 if all went well, 1 if orders are missing or differ or partitions have failed, and
        2 for arguments that make no sense.
        """;

    /** An argument that makes no sense. */
    static final class UsageError extends Exception {
        private static final long serialVersionUID = 1;

        UsageError(String message) {
            super(message);
        }
    }

    String bootstrapServers; // none: a cluster of its own
    String topic = "orders";
    OrderRows.Format format = OrderRows.Format.JSON;
    String schemaRegistry; // none: the schema is the demo's
    boolean fromEnd;
    Stop stop;
    long orders = 100_000;
    long seconds = 25;
    final Map<String, String> properties = new LinkedHashMap<>();

    /** Null if the user wanted help only. */
    static OrdersSettings of(String[] arguments) throws UsageError {
        OrdersSettings settings = new OrdersSettings();
        Deque<String> left = new ArrayDeque<>(List.of(arguments));
        Map<String, String> given = new LinkedHashMap<>();
        while (!left.isEmpty()) {
            String name = left.remove();
            if (name.equals("--help") || name.equals("-h")) {
                return null;
            }
            if (!name.startsWith("-")) {
                throw new UsageError("'" + name + "' is more than there should be; --help shows what there is");
            }
            String value = left.poll();
            if (value == null) {
                throw new UsageError(name + ": is followed by nothing, or is not known; --help shows what there is");
            }
            given.put(name, value);
            settings.take(name, value);
        }
        settings.check(given);
        return settings;
    }

    private void take(String name, String value) throws UsageError {
        switch (name) {
            case "--bootstrap-servers" -> bootstrapServers = value;
            case "--topic" -> topic = value;
            case "--format" -> format = formatOf(value);
            case "--schema-registry" -> schemaRegistry = value;
            case "--from" -> {
                if (!value.equals("beginning") && !value.equals("end")) {
                    throw new UsageError("--from: '" + value + "' is neither 'beginning' nor 'end'");
                }
                fromEnd = value.equals("end");
            }
            case "--to" -> {
                if (!value.equals("end")) {
                    throw new UsageError("--to: '" + value + "' is not 'end'; without it reading goes on until Ctrl-C");
                }
                stop = Stop.atEnd();
            }
            case "--orders" -> orders = numberOf("orders", value);
            case "--seconds" -> seconds = numberOf("seconds", value);
            case "-X" -> {
                int equals = value.indexOf('=');
                if (equals < 0) {
                    throw new UsageError("-X: '" + value + "' is not KEY=VALUE");
                }
                properties.put(value.substring(0, equals), value.substring(equals + 1));
            }
            default -> throw new UsageError(name + ": is not known; --help shows what there is");
        }
    }

    private static OrderRows.Format formatOf(String name) throws UsageError {
        for (OrderRows.Format format : OrderRows.Format.values()) {
            if (format.text().equals(name)) {
                return format;
            }
        }
        throw new UsageError("--format: '" + name + "' is not 'json', 'avro', 'protobuf' or 'processor'");
    }

    private static long numberOf(String what, String text) throws UsageError {
        try {
            long number = Long.parseLong(text);
            if (number >= 1) {
                return number;
            }
        } catch (NumberFormatException none) {
            // said below
        }
        throw new UsageError("--" + what + ": '" + text + "' is not a number of " + what);
    }

    private void check(Map<String, String> given) throws UsageError {
        boolean isDemo = bootstrapServers == null;
        if (stop != null && isDemo) {
            throw new UsageError("--to: goes with --bootstrap-servers; the demo ends by itself");
        }
        for (String name : List.of("--orders", "--seconds")) {
            if (given.containsKey(name) && !isDemo) {
                throw new UsageError(name + ": goes without --bootstrap-servers");
            }
        }
        if (schemaRegistry != null && !format.hasSchema()) {
            throw new UsageError("--schema-registry: goes with --format avro or --format protobuf");
        }
        if (schemaRegistry != null && isDemo) {
            throw new UsageError("--schema-registry: goes with --bootstrap-servers; the demo has a schema of its own");
        }
        if (format.hasSchema() && !isDemo && schemaRegistry == null) {
            throw new UsageError("--format: " + format.text() + " with --bootstrap-servers goes with --schema-registry");
        }
    }
}
