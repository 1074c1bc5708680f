package io.github.karrow;

import java.nio.charset.StandardCharsets;

/** What C calls for a processor, and keeps until the last spec, options and consumer that have it are gone. */
final class ProcessorBridge {
    private static final int DONE = 0;
    private static final int FAILED = 1;

    private final Processor processor;

    ProcessorBridge(Processor processor) {
        this.processor = processor;
    }

    /** Runs the processor; nothing that it throws leaves here. Only C calls it. */
    int process(long address) {
        ProcessorCall call = new ProcessorCall(address);
        try {
            processor.process(call);
            return DONE;
        } catch (Throwable thrown) {
            if (thrown instanceof InterruptedException) {
                // For the poll, which looks at it when the cycle is made.
                Thread.currentThread().interrupt();
            }
            System.getLogger("io.github.karrow").log(System.Logger.Level.WARNING, "a processor has failed", thrown);
            call.fail(message(thrown));
            return FAILED;
        } finally {
            call.end();
        }
    }

    /** A NUL, or half of a surrogate pair, would not get through. */
    private static String message(Throwable thrown) {
        String message = thrown.getMessage();
        return message == null
                ? thrown.getClass().getName()
                : Texts.out(message.replace('\0', ' ').getBytes(StandardCharsets.UTF_8));
    }
}
