package io.github.karrow;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The functions of {@code karrow.h}, as {@code karrow_jni.c} has them for Java. Handles are addresses, and valid ones:
 * see {@link Handle}. Texts are bytes of UTF-8, with a NUL behind them when they go in: see {@link Texts}. What fails
 * throws a {@link KarrowException}.
 */
final class Native {
    private Native() {}

    static {
        Library.load();
    }

    /** The number that {@code karrow.h} has for a name. */
    static int number(String name) {
        return Math.toIntExact(constant(Texts.in(name, "name")));
    }

    /** Makes an exception of an error; only C calls it. Details are keys and what they say, in turn; null for none. */
    private static KarrowException failure(int status, byte[] message, int kafkaCode, boolean isRetriable,
            boolean hasPosition, int partition, long offset, byte[][] details) {
        Map<String, String> known = new LinkedHashMap<>();
        for (int index = 0; index < details.length; index += 2) {
            if (details[index + 1] != null) {
                known.put(Texts.out(details[index]), Texts.out(details[index + 1]));
            }
        }
        return new KarrowException(Status.of(status), status, Texts.out(message), kafkaCode, isRetriable,
                hasPosition ? new Position(partition, offset) : null, known);
    }

    // Versions and constants
    static native int abiOfHeader();
    static native int abiOfLibrary();
    static native byte[] version();
    static native byte[] statusName(int status);
    static native long constant(byte[] name);

    // Log
    static native long logNew(int level, long capacity);
    static native long logTake(long log, long timeoutMs);
    static native long logDropped(long log);
    static native void logFree(long log);
    static native int logEntryLevel(long entry);
    static native long logEntryTimeNs(long entry);
    static native byte[] logEntrySource(long entry);
    static native byte[] logEntryText(long entry);
    static native void logEntryFree(long entry);

    // Specs
    static native long specNewIgnore();
    static native long specNewFromProperties();
    static native long specNewSimple(byte[] column, byte[] type);
    static native long specNewJson();
    static native long specNewJsonColumns(long schema);
    static native long specNewObjectProcessor(byte[] description);
    static native long specNewAvroSchema(byte[] schema);
    static native long specNewAvroSubject(byte[] subject, byte[] version);
    static native long specNewProtobufSource(byte[] file, byte[] text, byte[] message);
    static native long specNewProtobufDescriptor(byte[] descriptors, byte[] message);
    static native long specNewProtobufSubject(byte[] subject, byte[] version, byte[] message);
    static native void specAddColumn(long spec, byte[] name, byte[] type);
    static native void specMapField(long spec, byte[] field, byte[] column);
    static native void specSet(long spec, byte[] key, byte[] value);
    static native void specAddSchema(long spec, int id, byte[] schema);
    static native void specAddFile(long spec, byte[] name, byte[] text);
    static native void specFree(long spec);

    // Processors
    static native long specNewCallback(long schema, ProcessorBridge bridge);
    static native int processorCallPartition(long call);
    static native void processorCallTakeInput(long call, long array, long schema);
    static native void processorCallSetOutput(long call, long array, long schema);
    static native void processorCallRefuse(long call, long row, byte[] reason);
    static native void processorCallFail(long call, byte[] message);

    // Options
    static native long optionsNew(byte[] topic);
    static native void optionsSet(long options, byte[] key, byte[] value);
    static native void optionsSetPartitions(long options, int[] ids);
    static native void optionsSetStartOffset(long options, int partition, long offset);
    static native void optionsSetStartTime(long options, int partition, long timestampMs);
    static native void optionsSetStopOffset(long options, int partition, long offset);
    static native void optionsSetStopTime(long options, int partition, long timestampMs);
    static native void optionsSetStopAtEnd(long options, int partition);
    static native void optionsSetSpec(long options, int side, long spec);
    static native void optionsSetTableType(long options, int kind, long capacity);
    static native void optionsSetLog(long options, long log);
    static native void optionsSchema(long options, long timeoutMs, long schema);
    static native void optionsFree(long options);

    // Consumers
    static native long consumerNew(long options);
    static native void consumerOpen(long consumer, long timeoutMs);
    static native void consumerPoll(long consumer, long timeoutMs, long[] outputs);
    static native long consumerSnapshot(long consumer);
    static native long consumerWait(long consumer, long afterCycle, long timeoutMs);
    static native void consumerProgress(long consumer, long stream);
    static native void consumerDeadLetters(long consumer, long stream);
    static native void consumerCommit(long consumer, long snapshot, long timeoutMs);
    static native void consumerDiscard(long consumer, int partition, long beforeRow);
    static native void consumerSchema(long consumer, long schema);
    static native void consumerResume(long consumer, int partition, long offset);
    static native void consumerWakeup(long consumer);
    static native void consumerClose(long consumer, long timeoutMs);
    static native void consumerFree(long consumer);

    // Snapshots
    static native long snapshotCycle(long snapshot);
    static native int[] snapshotPartitions(long snapshot);
    static native int snapshotState(long snapshot, int partition);
    static native long snapshotFirstRow(long snapshot, int partition);
    static native long snapshotEndRow(long snapshot, int partition);
    static native long snapshotNextOffset(long snapshot, int partition);
    static native KarrowException snapshotFailure(long snapshot, int partition);
    static native void snapshotSchema(long snapshot, long schema);
    static native long snapshotView(long snapshot, byte[] columns, int count);
    static native void snapshotExportArray(long snapshot, int partition, long array, long schema);
    static native void snapshotExportStream(long snapshot, int partition, long fromRow, long endRow, long stream);
    static native void snapshotExportMerged(long snapshot, long[] fromRows, long stream);
    static native void snapshotFree(long snapshot);

    // Embedded clusters
    static native long clusterNew(int brokers);
    static native byte[] clusterBootstrapServers(long cluster);
    static native void clusterCreateTopic(long cluster, byte[] topic, int partitions);
    static native long clusterProduce(
            long cluster, byte[] topic, int partition, byte[] key, byte[] value, long timestampMs);
    static native void clusterProduceRecords(long cluster, byte[] topic, byte[] records);
    static native void clusterPushErrors(long cluster, short request, int[] errors);
    static native void clusterSetBrokerUp(long cluster, int broker, boolean up);
    static native void clusterSetLeader(long cluster, byte[] topic, int partition, int broker);
    static native void clusterSetDelay(long cluster, int broker, long delayMs);
    static native void clusterFree(long cluster);

    // Arrow structs, as far as Columns reads them
    static native long streamNew();
    static native void streamFree(long address);
    static native byte[][] streamColumns(long address);
    static native long streamNext(long address);
    static native void arrayFree(long address);
    static native long arrayLength(long array);
    static native long arrayChild(long array, int index);
    static native ByteBuffer arrayBuffer(long array, int index, long length);
}
