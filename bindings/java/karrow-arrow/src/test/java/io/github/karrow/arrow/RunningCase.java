package io.github.karrow.arrow;

import static io.github.karrow.arrow.Mismatch.same;
import static io.github.karrow.arrow.Mismatch.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.github.karrow.BadRecords;
import io.github.karrow.Consumer;
import io.github.karrow.Cycle;
import io.github.karrow.DeadLetter;
import io.github.karrow.Header;
import io.github.karrow.KarrowException;
import io.github.karrow.Options;
import io.github.karrow.Partition;
import io.github.karrow.PartitionProgress;
import io.github.karrow.Position;
import io.github.karrow.Snapshot;
import io.github.karrow.Spec;
import io.github.karrow.Start;
import io.github.karrow.Status;
import io.github.karrow.Stop;
import io.github.karrow.TableType;
import io.github.karrow.Tests;
import io.github.karrow.Waited;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * A conformance case on its way. What it says that is not understood here is an error.
 */
final class RunningCase implements AutoCloseable {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final int ALL = -1;

    private enum Kind { BLINK, APPEND, RING }

    /** What may fail. */
    private interface Call {
        void run() throws Exception;
    }

    private final BufferAllocator allocator;
    private final Place place;
    private final String topic;
    private final Members text;
    private final Options options;
    private Consumer consumer;
    private Kind kind = Kind.BLINK;
    private long capacity;
    /** Whether a ring forgets by bytes or by age too: then only the case itself knows which rows are left. */
    private boolean hasOtherLimits;
    /** How many records there are in each partition. */
    private final Map<Integer, Long> produced = new HashMap<>();
    /** Before which row each partition's have been discarded. */
    private final Map<Integer, Long> discarded = new HashMap<>();
    /** The cycles of the last poll step, the newest last. */
    private final List<Snapshot> cycles = new ArrayList<>();

    RunningCase(BufferAllocator allocator, Place place, String name, JsonNode text) {
        this.allocator = allocator;
        this.place = place;
        topic = place.topicOf(name);
        this.text = new Members(text);
        options = new Options(topic);
        for (String saidElsewhere : List.of("name", "rules", "unlike_deephaven", "needs")) {
            this.text.take(saidElsewhere);
        }
    }

    @Override
    public void close() {
        cycles.forEach(Snapshot::close);
        options.close();
        if (consumer != null) {
            consumer.close();
        }
    }

    void all() throws Exception {
        JsonNode error = text.take("error");
        JsonNode steps = text.take("steps");
        JsonNode log = text.take("log");
        int partitions = text.number("partitions", 1);
        JsonNode topicConfig = text.take("topic_config");
        String call = "spec";
        try {
            setSpecs();
            call = "options";
            setOptions();
            JsonNode schema = text.take("schema");
            text.end();
            call = "new";
            consumer = new Consumer(options);
            if (partitions > 0) {
                place.createTopic(topic, partitions, topicConfig);
            }
            call = "open";
            produce(log);
            consumer.open(Tests.LONG);
            call = "the steps";
            begin(schema);
        } catch (KarrowException failure) {
            if (error.isMissingNode()) {
                throw new Mismatch(call + " fails", failure);
            }
            Members expected = new Members(error);
            same("the call that fails", call, expected.need("at").textValue());
            checkError(failure, expected);
            return;
        }
        if (!error.isMissingNode()) {
            throw new Mismatch("should have failed");
        }
        for (int index = 0; index < steps.size(); ++index) {
            Members step = new Members(steps.get(index));
            within("step " + index, () -> step(step));
        }
    }

    // Errors ----------------------------------------------------------------------------------------------------------

    private void checkText(String what, String found, JsonNode expected) {
        boolean isWhole = expected.isTextual();
        String wanted = (isWhole ? expected : expected.get("contains")).textValue().replace("{topic}", topic);
        if (isWhole) {
            same(what, found, wanted);
        } else if (!found.contains(wanted)) {
            throw new Mismatch(what + " is " + found + ", which does not contain " + wanted);
        }
    }

    private void checkError(KarrowException error, Members expected) {
        same("the status", error.statusName(), expected.need("status").textValue());
        checkText("the message", error.getMessage(), expected.need("message"));
        for (String key : List.of("column", "path", "side", "reason", "argument")) {
            if (expected.has(key)) {
                same(key, error.detail(key).orElse("(none)"), expected.text(key));
            }
        }
        expected.end();
    }

    private void checkFailing(JsonNode expected, Call call) throws Exception {
        try {
            call.run();
        } catch (KarrowException error) {
            checkError(error, new Members(expected));
            return;
        }
        throw new Mismatch("should have failed");
    }

    // Specs and options -----------------------------------------------------------------------------------------------

    private void setSpecs() {
        JsonNode key = text.take("key");
        JsonNode value = text.take("value");
        try (Spec spec = key.isMissingNode() ? Spec.ignore() : specOf(allocator, key)) {
            options.key(spec);
        }
        if (!value.isMissingNode()) {
            try (Spec spec = specOf(allocator, value)) {
                options.value(spec);
            }
        }
    }

    static Spec specOf(BufferAllocator allocator, JsonNode text) {
        Members members = new Members(text);
        String kind = members.need("spec").textValue();
        Spec spec = switch (kind) {
            case "ignore" -> Spec.ignore();
            case "from_properties" -> Spec.fromProperties();
            case "simple" -> Spec.simple(members.text("column"), members.text("type"));
            case "json" -> jsonSpec(allocator, members);
            case "object_processor" -> Spec.objectProcessor(schemaText(members.need("description")));
            case "avro" -> avroSpec(members);
            case "protobuf" -> protobufSpec(members);
            default -> throw new Mismatch("there is no spec " + kind);
        };
        members.end();
        return spec;
    }

    private static Spec jsonSpec(BufferAllocator allocator, Members members) {
        JsonNode fields = members.take("fields");
        Spec spec = fields.isMissingNode() ? Spec.json() : ArrowTables.jsonColumns(allocator, Schemas.made(fields));
        for (JsonNode column : members.take("columns")) {
            spec.addColumn(column.get(0).textValue(), column.get(1).textValue());
        }
        return withMapping(spec, members);
    }

    private static Spec withMapping(Spec spec, Members members) {
        for (JsonNode field : members.take("mapping")) {
            spec.mapField(field.get(0).textValue(), field.get(1).textValue());
        }
        return spec;
    }

    private static Spec withSettings(Spec spec, Members members) {
        members(members.take("set")).forEach((key, value) -> spec.set(key, value.textValue()));
        return withMapping(spec, members);
    }

    private static Spec avroSpec(Members members) {
        JsonNode schema = members.take("schema");
        String version = members.text("version");
        Spec spec = !schema.isMissingNode() ? Spec.avroSchema(schemaText(schema))
                : version == null ? Spec.avroSubject(members.need("subject").textValue())
                : Spec.avroSubject(members.need("subject").textValue(), version);
        withSettings(spec, members);
        members(members.take("schemas")).forEach((id, writer) -> spec.addSchema(Integer.parseInt(id), schemaText(writer)));
        return spec;
    }

    private static Spec protobufSpec(Members members) {
        JsonNode source = members.take("source");
        JsonNode descriptor = members.take("descriptor");
        String message = members.text("message");
        String version = members.text("version");
        Spec spec = !source.isMissingNode()
                ? Spec.protobufSource(members.text("file", "case.proto"), textOfLines(source), message)
                : !descriptor.isMissingNode() ? Spec.protobufDescriptor(bytes(descriptor), message)
                : Spec.protobufSubject(members.need("subject").textValue(), version, message);
        members(members.take("files")).forEach((name, file) -> spec.addFile(name, textOfLines(file)));
        withSettings(spec, members);
        members(members.take("schemas")).forEach((id, writer) -> spec.addSchema(Integer.parseInt(id), textOfLines(writer)));
        return spec;
    }

    /** An Avro schema or a description: its text, or the JSON that the text is, whose members are sorted by name. */
    private static String schemaText(JsonNode schema) {
        return schema.isTextual() ? schema.textValue() : sorted(schema).toString();
    }

    private static JsonNode sorted(JsonNode value) {
        if (value.isObject()) {
            ObjectNode object = JSON.objectNode();
            members(value).forEach((name, member) -> object.set(name, sorted(member)));
            return object;
        }
        if (value.isArray()) {
            ArrayNode array = JSON.arrayNode();
            value.forEach(item -> array.add(sorted(item)));
            return array;
        }
        return value;
    }

    /** A text, perhaps as its lines. */
    private static String textOfLines(JsonNode lines) {
        return lines.isTextual() ? lines.textValue() : String.join("\n", texts(lines));
    }

    private static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonNode::textValue).toList();
    }

    private static Map<String, JsonNode> members(JsonNode object) {
        Map<String, JsonNode> members = new TreeMap<>();
        object.properties().forEach(member -> members.put(member.getKey(), member.getValue()));
        return members;
    }

    private void setOptions() {
        options.set("bootstrap.servers", place.bootstrapServers());
        // The embedded cluster answers a request for records that are yet to come only when its time is over.
        options.set("fetch.wait.max.ms", "2");
        members(text.take("options")).forEach((key, value) -> {
            hasOtherLimits = hasOtherLimits || key.startsWith("karrow.ring.max.");
            if (value.isNull()) {
                options.unset(key);
            } else {
                options.set(key, value.textValue());
            }
        });
        if (text.has("read_partitions")) {
            options.partitions(StreamSupport.stream(text.take("read_partitions").spliterator(), false)
                    .mapToInt(JsonNode::intValue).toArray());
        }
        if (!text.has("start")) {
            options.start(Start.beginning());
        }
        setStarts(text.take("start"));
        members(text.take("stop")).forEach((partition, stop) -> setStop(partition, stopOf(stop)));
        setTable(text.take("table"));
    }

    private void setStarts(JsonNode starts) {
        members(starts).forEach((partition, start) -> {
            int number = partition.equals("all") ? ALL : Integer.parseInt(partition);
            if (start.isIntegralNumber() && start.longValue() < 0) {
                Tests.startAtNumber(options, number, start.longValue());
            } else if (number == ALL) {
                options.start(startOf(start));
            } else {
                options.start(number, startOf(start));
            }
        });
    }

    private static Start startOf(JsonNode start) {
        if (start.isObject()) {
            return Start.time(timeOf(start));
        }
        if (start.isIntegralNumber()) {
            return Start.offset(start.longValue());
        }
        return switch (start.textValue()) {
            case "beginning" -> Start.beginning();
            case "end" -> Start.end();
            case "dont_seek" -> Start.dontSeek();
            default -> throw new Mismatch("there is no start " + start);
        };
    }

    private static Stop stopOf(JsonNode stop) {
        if (stop.isObject()) {
            return Stop.beforeTime(timeOf(stop));
        }
        return stop.isTextual() && stop.textValue().equals("end") ? Stop.atEnd() : Stop.beforeOffset(stop.longValue());
    }

    private void setStop(String partition, Stop stop) {
        if (partition.equals("all")) {
            options.stop(stop);
        } else {
            options.stop(Integer.parseInt(partition), stop);
        }
    }

    private static Instant timeOf(JsonNode text) {
        Members members = new Members(text);
        Instant time = Instant.ofEpochMilli(members.need("time").longValue());
        members.end();
        return time;
    }

    private void setTable(JsonNode table) {
        if (table.isMissingNode() || table.isTextual() && table.textValue().equals("append")) {
            kind = Kind.APPEND;
            options.tableType(TableType.append());
        } else if (table.isObject()) {
            Members members = new Members(table);
            kind = Kind.RING;
            capacity = members.need("ring").longValue();
            members.end();
            options.tableType(TableType.ring(capacity));
        } else if (table.textValue().equals("blink")) {
            options.tableType(TableType.blink());
        } else {
            same("the table", table.textValue(), "default");
        }
    }

    // Steps -----------------------------------------------------------------------------------------------------------

    private void begin(JsonNode schema) {
        cycles.add(consumer.snapshot());
        if (schema.isMissingNode()) {
            return;
        }
        within("schema", () -> {
            try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
                    ArrowSchema exported = ArrowSchema.allocateNew(allocator)) {
                consumer.exportSchema(exported.memoryAddress());
                Schema found = Data.importSchema(allocator, exported, dictionaries);
                Schemas.check(schema, found.getFields(), dictionaries);
                same("karrow.topic", found.getCustomMetadata().get("karrow.topic"), topic);
            }
        });
    }

    private void step(Members step) throws Exception {
        if (step.has("produce")) {
            produce(step.take("produce"));
        } else if (step.has("poll")) {
            poll(new Members(step.take("poll")), step.take("error"));
        } else if (step.has("expect")) {
            expect(step);
        } else if (step.has("rows")) {
            rows(new Members(step.take("rows")), step.take("error"));
        } else if (step.has("merged")) {
            merged(new Members(step.take("merged")), step.take("error"));
        } else if (step.has("refuse")) {
            refuse(new Members(step.take("refuse")));
        } else if (step.has("resume")) {
            resume(new Members(step.take("resume")), step.take("error"));
        } else if (step.has("discard")) {
            discard(new Members(step.take("discard")), step.take("error"));
        } else if (step.has("commit")) {
            commit(new Members(step.take("commit")), step.take("error"));
        } else if (step.has("wait")) {
            await(new Members(step.take("wait")), step.take("error"));
        } else if (step.has("progress")) {
            JsonNode expected = step.take("progress");
            untilNoMismatch(() -> checkProgress(expected));
        } else if (step.has("dead_letters")) {
            deadLetters(step.take("dead_letters"));
        } else if (step.has("reopen")) {
            reopen(new Members(step.take("reopen")));
        } else if (step.has("view")) {
            String[] columns = texts(step.take("view")).toArray(String[]::new);
            checkFailing(step.need("error"), () -> {
                try (Snapshot snapshot = consumer.snapshot()) {
                    snapshot.view(columns);
                }
            });
        }
        step.end();
    }

    private void produce(JsonNode records) {
        if (records.isEmpty()) {
            return;
        }
        place.produceRecords(topic, records);
        for (JsonNode record : records) {
            produced.merge(partitionOf(record), 1L, Long::sum);
        }
    }

    private static int partitionOf(JsonNode record) {
        return record.isObject() && record.has("partition") ? record.get("partition").intValue() : 0;
    }

    private void poll(Members poll, JsonNode error) throws Exception {
        if (!error.isMissingNode()) {
            poll.end();
            // Such an end is a value, which has the error inside.
            try (Cycle cycle = consumer.poll(Duration.ZERO)) {
                checkFailing(error, cycle::snapshot);
            }
            return;
        }
        long rows = poll.longNumber("rows", 0);
        int failed = poll.number("failed", 0);
        poll.end();
        pollUntil(rows, failed);
    }

    private Snapshot lastCycle() {
        return cycles.get(cycles.size() - 1);
    }

    private void dropCycles() {
        cycles.forEach(Snapshot::close);
        cycles.clear();
    }

    /** Polls until exactly so many rows have come and so many partitions are failed. */
    private void pollUntil(long rows, int failed) throws InterruptedException {
        long deadline = System.nanoTime() + Tests.LONG.toNanos();
        dropCycles();
        long seen = 0;
        while (true) {
            // What is expected to find nothing does not wait for it.
            Duration timeout = rows == 0 && failed == 0 ? Duration.ZERO : Duration.ofMillis(100);
            try (Snapshot before = consumer.snapshot()) {
                Cycle cycle = consumer.poll(timeout);
                same("the status of a poll", cycle.status(), Status.OK);
                cycles.add(cycle.snapshot());
                seen += cycle.rows();
                checkCycle(before, cycle);
                if (seen == rows && cycle.failed() == failed) {
                    return;
                }
                if (seen > rows || cycle.failed() > failed || System.nanoTime() > deadline) {
                    throw new Mismatch(seen + " rows and " + cycle.failed() + " failed, not " + rows + " and " + failed + " "
                            + cycle.partitions().stream().map(Partition::failure).toList());
                }
            }
        }
    }

    /**
     * What holds for every cycle: rows are numbered on from the cycle before, and there are as many new ones as poll
     * says (rules Y1, Y2, Y4).
     */
    private void checkCycle(Snapshot before, Cycle cycle) {
        same("the cycle", cycle.snapshot().cycle(), before.cycle() + 1);
        long added = 0;
        for (Partition now : cycle.partitions()) {
            Partition old = before.partition(now.id());
            added += now.endRow() - old.endRow();
            long firstRow = switch (kind) {
                case BLINK -> old.endRow();
                case RING -> Math.max(old.firstRow(), now.endRow() - capacity);
                case APPEND -> discarded.getOrDefault(now.id(), 0L);
            };
            if (!hasOtherLimits) {
                same("first_row of a cycle", now.firstRow(), firstRow);
            } else if (now.firstRow() < firstRow || now.firstRow() > now.endRow()) {
                throw new Mismatch("first_row of a cycle is " + now.firstRow() + ", before " + firstRow + " or behind the end");
            }
        }
        same("the rows of a cycle", added, cycle.rows());
    }

    private void expect(Members step) {
        // Asked anew, so that nothing is seen of what has happened since the last poll (rule Y3).
        cycles.remove(cycles.size() - 1).close();
        cycles.add(consumer.snapshot());
        if (step.has("partitions")) {
            ArrayNode ids = JSON.arrayNode();
            lastCycle().partitions().forEach(partition -> ids.add(partition.id()));
            same("partitions", ids, step.take("partitions"));
        }
        if (step.has("cycle")) {
            same("cycle", lastCycle().cycle(), step.take("cycle").longValue());
        }
        List<Snapshot> shown = kind == Kind.BLINK ? cycles : List.of(lastCycle());
        List<Snapshot> views = new ArrayList<>();
        try {
            if (step.has("view")) {
                String[] columns = texts(step.take("view")).toArray(String[]::new);
                shown.forEach(cycle -> views.add(cycle.view(columns)));
                shown = views;
            }
            List<Snapshot> looked = shown;
            members(step.take("expect")).forEach((partition, expected) -> within("[" + partition + "]",
                    () -> expectPartition(Integer.parseInt(partition), new Members(expected), looked)));
        } finally {
            views.forEach(Snapshot::close);
        }
    }

    private void expectPartition(int id, Members expected, List<Snapshot> shown) throws Exception {
        Partition partition = shown.get(shown.size() - 1).partition(id);
        long firstRow = shown.get(0).partition(id).firstRow();
        try (Table table = new Table(allocator)) {
            for (Snapshot cycle : shown) {
                table.addAll(cycle, id);
            }
            same("the number of rows", table.rows(), partition.endRow() - firstRow);
            table.check(expected.take("columns"));
        }
        same("first_row", firstRow, expected.longNumber("first_row", firstRow));
        same("end_row", partition.endRow(), expected.longNumber("end_row", partition.endRow()));
        long nextOffset = partition.nextOffset();
        same("next_offset", nextOffset, expected.longNumber("next_offset", nextOffset));
        JsonNode failure = expected.take("failure");
        String state = expected.text("state", failure.isMissingNode() ? "reading" : "failed");
        expected.end();
        Optional<KarrowException> found = partition.failure();
        same("state (" + found + ")", partition.state().name().toLowerCase(Locale.ROOT), state);
        if (!failure.isMissingNode()) {
            checkError(found.orElseThrow(() -> new Mismatch("failure: there is none")), new Members(failure));
            same("the place of the failure", found.get().position(), Optional.of(new Position(id, nextOffset)));
        }
    }

    private void rows(Members rows, JsonNode error) throws Exception {
        int id = rows.number("partition", 0);
        long fromRow = rows.need("from_row").longValue();
        long endRow = rows.longNumber("end_row", -1);
        JsonNode columns = rows.take("columns");
        rows.end();
        try (Snapshot snapshot = consumer.snapshot()) {
            checkRows(error, columns, () -> ArrowTables.read(allocator, snapshot.partition(id), fromRow, endRow));
        }
    }

    private void merged(Members merged, JsonNode error) throws Exception {
        long[] fromRows = StreamSupport.stream(merged.take("from_rows").spliterator(), false)
                .mapToLong(JsonNode::longValue).toArray();
        JsonNode columns = merged.take("columns");
        merged.end();
        try (Snapshot snapshot = consumer.snapshot()) {
            checkRows(error, columns, () -> ArrowTables.readMerged(allocator, snapshot, fromRows));
        }
    }

    private interface Reading {
        ArrowReader open();
    }

    private void checkRows(JsonNode error, JsonNode columns, Reading reading) throws Exception {
        if (!error.isMissingNode()) {
            checkFailing(error, () -> reading.open().close());
            return;
        }
        try (Table table = new Table(allocator)) {
            table.addAll(reading.open());
            table.check(columns);
        }
    }

    /** Produces records that have to fail their partition, one by one, and resumes past each. */
    private void refuse(Members refuse) {
        String column = refuse.text("column", "");
        String path = refuse.text("path", "");
        String side = refuse.text("side", "value");
        JsonNode reason = refuse.need("reason");
        JsonNode records = refuse.need("records");
        refuse.end();
        for (JsonNode record : records) {
            int partition = partitionOf(record);
            long offset = produced.getOrDefault(partition, 0L);
            within("the record at offset " + offset, () -> {
                produce(JSON.arrayNode().add(record));
                pollUntil(0, 1);
                KarrowException failure = lastCycle().partition(partition).failure()
                        .orElseThrow(() -> new Mismatch("another partition has failed"));
                checkRefusal(failure, column, path, side, reason);
                same("the place of the failure", failure.position(), Optional.of(new Position(partition, offset)));
                same("next_offset", lastCycle().partition(partition).nextOffset(), offset);
                consumer.resume(partition, offset + 1);
                pollUntil(0, 0);
            });
        }
    }

    private void checkRefusal(KarrowException failure, String column, String path, String side, JsonNode reason) {
        same("the status", failure.status(), Status.BAD_RECORD);
        String told = failure.detail("reason").orElse("");
        checkText("the reason", told, reason);
        Position position = failure.position().orElseThrow();
        String place = topic + "[" + position.partition() + "]@" + position.offset() + " (" + side + ")";
        String namedPlace = path.isEmpty() ? column : path;
        String named = namedPlace.isEmpty() ? "" : "column " + namedPlace + ": ";
        same("the message", failure.getMessage(), named + told + ", at " + place);
        same("column", failure.detail("column").orElse(""), column);
        same("path", failure.detail("path").orElse(""), path);
        same("side", failure.detail("side").orElse(""), side);
        same("topic", failure.detail("topic").orElse(""), topic);
    }

    private void resume(Members resume, JsonNode error) throws Exception {
        int partition = resume.number("partition", 0);
        long offset = resume.need("offset").longValue();
        resume.end();
        perhapsFailing(error, () -> consumer.resume(partition, offset));
    }

    private void perhapsFailing(JsonNode error, Call call) throws Exception {
        if (error.isMissingNode()) {
            call.run();
        } else {
            checkFailing(error, call);
        }
    }

    private void discard(Members discard, JsonNode error) throws Exception {
        int partition = discard.number("partition", 0);
        long beforeRow = discard.need("before_row").longValue();
        discard.end();
        perhapsFailing(error, () -> consumer.discard(partition, beforeRow));
        if (error.isMissingNode()) {
            discarded.merge(partition, beforeRow, Long::max);
        }
    }

    /** Commits what the last cycle shows. */
    private void commit(Members commit, JsonNode error) throws Exception {
        commit.end();
        try (Snapshot snapshot = consumer.snapshot()) {
            perhapsFailing(error, () -> consumer.commit(snapshot, Tests.LONG));
        }
    }

    /** Nobody polls meanwhile, so there is nothing to wait for. */
    private void await(Members wait, JsonNode error) throws Exception {
        long last;
        try (Snapshot snapshot = consumer.snapshot()) {
            last = snapshot.cycle();
        }
        long afterCycle = wait.longNumber("after_cycle", last);
        wait.end();
        try (Waited waited = consumer.awaitCycle(afterCycle, Duration.ZERO)) {
            perhapsFailing(error, () -> same("the cycle", waited.snapshot().cycle(), last));
        }
    }

    /** Closes the consumer, and opens another one that starts elsewhere. */
    private void reopen(Members reopen) throws InterruptedException {
        JsonNode starts = reopen.take("start");
        reopen.end();
        consumer.close();
        setStarts(starts);
        consumer = Consumer.consumeToPartitionedTable(options, Tests.LONG);
        discarded.clear();
        dropCycles();
        cycles.add(consumer.snapshot());
    }

    /** For what is live: looked at until it is as it should be. */
    private static void untilNoMismatch(Call check) throws Exception {
        long deadline = System.nanoTime() + Tests.LONG.toNanos();
        while (true) {
            try {
                check.run();
                return;
            } catch (Mismatch mismatch) {
                if (System.nanoTime() > deadline) {
                    throw mismatch;
                }
            }
            Thread.sleep(2);
        }
    }

    // Progress and dead letters ---------------------------------------------------------------------------------------

    private void checkProgress(JsonNode expected) {
        Map<String, JsonNode> found = new HashMap<>();
        consumer.progress().forEach(row -> found.put(String.valueOf(row.partition()), cellsOf(row)));
        members(expected).forEach((partition, cells) -> members(cells).forEach((name, value) -> {
            String what = "[" + partition + "] " + name;
            JsonNode cell = found.getOrDefault(partition, JSON.objectNode()).get(name);
            if (cell == null) {
                throw new Mismatch(what + " is not known here");
            }
            if (name.equals("bad_records")) {
                members(value).forEach((side, count) -> same(what + "." + side, cell.get(side).longValue(), count.longValue()));
            } else if (name.equals("reason") && !value.isNull() && cell.isTextual()) {
                checkText(what, cell.textValue(), value);
            } else if (value.isIntegralNumber()) {
                same(what, cell.isIntegralNumber() ? cell.longValue() : cell, value.longValue());
            } else {
                same(what, cell, value);
            }
        }));
    }

    /** A partition's progress as cases have it. */
    private static ObjectNode cellsOf(PartitionProgress found) {
        BadRecords bad = found.badRecords();
        ObjectNode cells = JSON.objectNode().put("state", found.state().name().toLowerCase(Locale.ROOT))
                .put("reason", found.reason().orElse(null)).put("position", found.position())
                .put("end_offset", boxed(found.endOffset())).put("stop_offset", boxed(found.stopOffset()))
                .put("lag", boxed(found.lag())).put("rows", found.rows()).put("bytes", found.bytes())
                .put("batches", found.batches()).put("memory_bytes", found.memoryBytes())
                .put("last_record_time", found.lastRecordTime().map(Instant::toEpochMilli).orElse(null));
        cells.putObject("bad_records").put("key", bad.key()).put("value", bad.value()).put("timestamp", bad.timestamp())
                .put("headers", bad.headers());
        return cells;
    }

    private static Long boxed(OptionalLong number) {
        return number.isPresent() ? number.getAsLong() : null;
    }

    /** Takes dead letters until as many as expected have come: they are live. No more than those may be there. */
    private void deadLetters(JsonNode expected) throws InterruptedException {
        long deadline = System.nanoTime() + Tests.LONG.toNanos();
        List<DeadLetter> found = new ArrayList<>();
        while (true) {
            List<DeadLetter> more = consumer.deadLetters();
            if (more.isEmpty() && found.size() >= expected.size() || System.nanoTime() > deadline) {
                checkDeadLetters(expected, found);
                return;
            }
            found.addAll(more);
            Thread.sleep(2);
        }
    }

    private void checkDeadLetters(JsonNode expected, List<DeadLetter> letters) {
        Map<Integer, List<JsonNode>> wanted = new TreeMap<>();
        Map<Integer, List<JsonNode>> found = new TreeMap<>();
        for (JsonNode letter : expected) {
            wanted.computeIfAbsent(partitionOf(letter), id -> new ArrayList<>()).add(letter);
        }
        for (DeadLetter letter : letters) {
            same("the topic of a dead letter", letter.topic(), topic);
            found.computeIfAbsent(letter.partition(), id -> new ArrayList<>()).add(cellsOf(letter));
        }
        same("the partitions of dead letters", found.keySet(), wanted.keySet());
        wanted.forEach((partition, mine) -> {
            List<JsonNode> theirs = found.get(partition);
            same("[" + partition + "] the number of letters", theirs.size(), mine.size());
            for (int index = 0; index < mine.size(); ++index) {
                JsonNode letter = theirs.get(index);
                String what = "[" + partition + "] letter " + index + ", ";
                members(mine.get(index)).forEach((name, value) -> {
                    JsonNode cell = letter.get(name);
                    if (cell == null) {
                        throw new Mismatch(what + name + " is not known here");
                    }
                    same(what + name, cell.toString(), expectedLetterCell(name, value).toString());
                });
            }
        });
    }

    /** Bytes are compared in base64. */
    private static JsonNode expectedLetterCell(String name, JsonNode value) {
        if (name.equals("key") || name.equals("value")) {
            return base64(value.isNull() ? null : bytes(value));
        }
        if (!name.equals("headers")) {
            return value;
        }
        ArrayNode headers = JSON.arrayNode();
        for (JsonNode header : value) {
            ArrayNode pair = headers.addArray();
            header.forEach(part -> pair.add(base64(part.isNull() ? null : bytes(part))));
        }
        return headers;
    }

    private static JsonNode base64(byte[] bytes) {
        return bytes == null ? JSON.nullNode() : TextNode.valueOf(JSON.binaryNode(bytes).asText());
    }

    /** Bytes as records have them. */
    private static byte[] bytes(JsonNode bytes) {
        if (bytes.isTextual()) {
            return bytes.textValue().getBytes(StandardCharsets.UTF_8);
        }
        Members members = new Members(bytes);
        byte[] found = members.has("hex")
                ? HexFormat.of().parseHex(members.text("hex").replace(" ", ""))
                : Base64.getDecoder().decode(members.need("base64").textValue());
        members.end();
        return found;
    }

    private static JsonNode cellsOf(DeadLetter found) {
        ObjectNode cells = JSON.objectNode().put("partition", found.partition()).put("offset", found.offset())
                .put("timestamp_ms", found.timestamp().map(Instant::toEpochMilli).orElse(null)).put("side", found.side())
                .put("column", found.column().orElse(null)).put("path", found.path().orElse(null))
                .put("reason", found.reason());
        cells.set("key", base64(found.key()));
        cells.set("value", base64(found.value()));
        ArrayNode headers = cells.putArray("headers");
        for (Header header : found.headers()) {
            headers.addArray().add(base64(header.key())).add(base64(header.value()));
        }
        return cells;
    }
}
