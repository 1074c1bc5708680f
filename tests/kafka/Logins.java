import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;

/**
 * Reads values of sasl.jaas.config as Kafka's client does: one a line, in base64. Prints module, user and password of each,
 * in base64 and with blanks in between, or a dash where there are no three of them.
 */
class Logins {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(login(new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8)));
        }
    }

    private static String login(String text) {
        List<AppConfigurationEntry> entries;
        try {
            entries = JaasContext.loadClientContext(Map.of("sasl.jaas.config", new Password(text))).configurationEntries();
        } catch (RuntimeException refused) {
            return "-";
        }
        Map<String, ?> options = entries.get(0).getOptions();
        if (!options.containsKey("username") || !options.containsKey("password")) {
            return "-";
        }
        return base64(entries.get(0).getLoginModuleName()) + " " + base64(options.get("username")) + " "
                + base64(options.get("password"));
    }

    private static String base64(Object text) {
        return Base64.getEncoder().encodeToString(((String) text).getBytes(StandardCharsets.UTF_8));
    }
}
