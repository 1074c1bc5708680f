package io.github.karrow;

/**
 * Makes columns of the keys or values of records, batch by batch: {@link Spec#callback}. The module {@code
 * karrow-arrow} has the same over arrow-java's {@code VectorSchemaRoot}.
 *
 * <p>It runs inside {@link Consumer#poll}, on the thread that polls, once for each partition and cycle that has
 * records; if several consumers share a spec, their polls may run it at once. On the consumer whose poll runs it, only
 * {@link Consumer#snapshot}, {@link Consumer#exportSchema}, {@link Consumer#progress} and {@link Consumer#wakeup} can
 * be called; others throw {@code INVALID_STATE}. It must not wait for a thread that waits for the poll, as close does.
 */
@FunctionalInterface
public interface Processor {
    /**
     * Takes the input of a call and sets its output.
     *
     * @param call what to do; of use only until this returns, and only to this thread
     * @throws Exception fails the batch as a whole: its partition stops at its first record, and says the exception's
     *     message, which must hold nothing of a payload; resume has the same records come again. The exception itself
     *     goes to the {@link System.Logger} {@code io.github.karrow}, with its stack
     */
    void process(ProcessorCall call) throws Exception;
}
