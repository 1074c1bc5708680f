import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;

/** Prints the keys of the Java client's consumer, one a line, and behind each a blank and its type. */
class ConsumerKeys {
    public static void main(String[] arguments) {
        new TreeMap<>(ConsumerConfig.configDef().configKeys())
                .forEach((name, key) -> System.out.println(name + " " + key.type));
    }
}
