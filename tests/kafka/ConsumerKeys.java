import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerConfig;

/** Prints the keys of the Java client's consumer, one a line. */
class ConsumerKeys {
    public static void main(String[] arguments) {
        new TreeSet<>(ConsumerConfig.configNames()).forEach(System.out::println);
    }
}
