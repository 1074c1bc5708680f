package io.github.karrow;

/**
 * One call of a {@link Processor}: records of one partition, and what is to become of them. Of use only until the
 * processor returns, and only to its thread; afterwards, and elsewhere, everything throws {@code INVALID_STATE}.
 */
public final class ProcessorCall {
    private final Thread thread = Thread.currentThread();
    private long address;

    ProcessorCall(long address) {
        this.address = address;
    }

    /** The records' partition. */
    public int partition() {
        return Native.processorCallPartition(entered());
    }

    /**
     * Takes the input, once: a struct array with a row for each record, one at least, in the order of their offsets. It
     * is the caller's to release, and stays valid for as long as it is kept. Its columns are {@code payload}, binary,
     * null for Kafka's null; then, if the spec has been set to them, {@code offset}, int64, and {@code timestamp},
     * timestamp[ms, UTC].
     *
     * @param array the address of a struct {@code ArrowArray}, whose content is not looked at
     * @param schema the address of a struct {@code ArrowSchema}, whose content is not looked at
     * @throws KarrowException {@code INVALID_STATE} if it has been taken
     */
    public void takeInput(long array, long schema) {
        Native.processorCallTakeInput(
                entered(), Addresses.checked(array, "array"), Addresses.checked(schema, "schema"));
    }

    /**
     * Sets the output: a struct array of the columns that the spec declared, with as many rows as the input. It is
     * moved in: what is at the address is left released, whether the call succeeds or not. It is shown without a copy,
     * and released by any thread once nothing shows it. A later output replaces an earlier one.
     *
     * @param array the address of the struct {@code ArrowArray}
     * @param schema the address of a struct {@code ArrowSchema} that says what the array is, and stays the caller's; or
     *     0: then the array is taken for what was declared, which its shape can contradict but the width of its numbers
     *     cannot
     * @throws KarrowException {@code INVALID_ARGUMENT} saying what is wrong with it, after which there is no output
     */
    public void setOutput(long array, long schema) {
        Native.processorCallSetOutput(entered(), Addresses.checked(array, "array"), schema);
    }

    /**
     * Refuses a row, counted from 0: its record is a bad record, with the policy of these. What the output has in that
     * row is not used.
     *
     * @param reason says what was expected and found; it is shown to users, and must hold nothing of the payload
     * @throws KarrowException {@code OUT_OF_RANGE} for a row that there is not
     */
    public void refuse(long row, String reason) {
        Native.processorCallRefuse(entered(), row, Texts.in(reason, "reason"));
    }

    /**
     * Lets the batch fail as a whole: its partition stops at its first record. So does an exception, with its message.
     *
     * @param message is shown to users, and must hold nothing of a payload
     */
    public void fail(String message) {
        Native.processorCallFail(entered(), Texts.in(message, "message"));
    }

    /** Nothing can be done with it any more. */
    void end() {
        address = 0;
    }

    private long entered() {
        if (Thread.currentThread() != thread || address == 0) {
            throw new KarrowException(Status.INVALID_STATE,
                    "the processor's call is over, or another thread's; it can be used until process returns, by its thread");
        }
        return address;
    }
}
