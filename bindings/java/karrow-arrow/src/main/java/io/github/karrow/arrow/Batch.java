package io.github.karrow.arrow;

import io.github.karrow.ProcessorCall;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * What a {@link BatchProcessor} is given: records of one partition. Of use only until it returns, and only to its
 * thread.
 */
public final class Batch {
    private final ProcessorCall call;
    private final VectorSchemaRoot input;

    Batch(ProcessorCall call, VectorSchemaRoot input) {
        this.call = call;
        this.input = input;
    }

    /** The records' partition. */
    public int partition() {
        return call.partition();
    }

    /** How many records there are, one at least. */
    public int rows() {
        return input.getRowCount();
    }

    /**
     * The keys or values, whichever the spec is for, null for Kafka's null: the column {@code payload} of the input.
     */
    public VarBinaryVector payloads() {
        return (VarBinaryVector) input.getVector("payload");
    }

    /** The input: {@link ProcessorCall#takeInput} lists its columns. Closed when the processor returns. */
    public VectorSchemaRoot input() {
        return input;
    }

    /**
     * Refuses a row, counted from 0: {@link ProcessorCall#refuse}.
     *
     * @param reason says what was expected and found; it is shown to users, and must hold nothing of the payload
     */
    public void refuse(int row, String reason) {
        call.refuse(row, reason);
    }
}
