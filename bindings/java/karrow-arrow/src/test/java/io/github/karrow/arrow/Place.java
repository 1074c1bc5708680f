package io.github.karrow.arrow;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.karrow.MockCluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Where conformance cases have their topics. */
interface Place extends AutoCloseable {
    /** The topic of the case of a name. */
    String topicOf(String name);

    String bootstrapServers();

    void createTopic(String topic, int partitions, JsonNode config);

    void produceRecords(String topic, JsonNode records);

    @Override
    void close();

    /** The embedded cluster, on which nothing can be configured. */
    static Place embedded() {
        MockCluster cluster = new MockCluster();
        return new Place() {
            @Override
            public String topicOf(String name) {
                return name;
            }

            @Override
            public String bootstrapServers() {
                return cluster.bootstrapServers();
            }

            @Override
            public void createTopic(String topic, int partitions, JsonNode config) {
                cluster.createTopic(topic, partitions);
            }

            @Override
            public void produceRecords(String topic, JsonNode records) {
                cluster.produceRecords(topic, records.toString());
            }

            @Override
            public void close() {
                cluster.close();
            }
        };
    }

    /** A broker, by way of the test that runs this program, as {@code tests/conformance/README.md} says. */
    static Place broker(String address, String bootstrapServers) {
        int colon = address.lastIndexOf(':');
        String host = address.substring(0, colon);
        int port = Integer.parseInt(address.substring(colon + 1));
        return new Place() {
            @Override
            public String topicOf(String name) {
                return "java-" + name;
            }

            @Override
            public String bootstrapServers() {
                return bootstrapServers;
            }

            @Override
            public void createTopic(String topic, int partitions, JsonNode config) {
                ObjectNode question = JsonNodeFactory.instance.objectNode().put("topic", topic).put("partitions", partitions);
                ask(question.set("config", config.isMissingNode() ? null : config));
            }

            @Override
            public void produceRecords(String topic, JsonNode records) {
                ask(JsonNodeFactory.instance.objectNode().put("topic", topic).set("records", records));
            }

            private void ask(JsonNode question) {
                try (Socket socket = new Socket(host, port)) {
                    socket.getOutputStream().write((question + "\n").getBytes(StandardCharsets.UTF_8));
                    String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                    if (!answer.equals("done\n")) {
                        throw new Mismatch("the answer to " + question + " is \"" + answer + "\"");
                    }
                } catch (IOException failure) {
                    throw new UncheckedIOException(failure);
                }
            }

            @Override
            public void close() {}
        };
    }
}
