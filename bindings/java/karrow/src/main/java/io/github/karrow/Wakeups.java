package io.github.karrow;

import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/**
 * Calls of a consumer that wait, and who wants them to end: whoever calls wakeup, and whoever interrupts a thread that
 * is inside of one.
 *
 * <p>The library knows one wakeup at a time, which ends any one of its calls that wait, or the next one. So when a call
 * comes back interrupted, that may have been meant for another: here is kept what for, and what was meant for others is
 * passed on.
 */
final class Wakeups {
    /** What waits in the library. */
    interface Call<T> {
        T make(long consumer, long timeoutMs);
    }

    private final Handle handle;
    /** Whether wakeup has been called, and no call has ended for it. */
    private boolean wanted;
    /** The calls whose threads have been interrupted, and that have not come back. */
    private final Set<Interruption> interrupted = new HashSet<>();

    Wakeups(Handle handle) {
        this.handle = handle;
    }

    /** Ends one call as interrupted. */
    void wakeup() {
        handle.run(consumer -> {
            synchronized (this) {
                wanted = true;
                Native.consumerWakeup(consumer);
            }
        });
    }

    /** Makes a call, and ends it when this thread is interrupted. */
    <T> T call(Duration timeout, Call<T> call) throws InterruptedException {
        Deadline deadline = new Deadline(timeout);
        long consumer = handle.enter();
        try {
            while (true) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                Interruption interruption = new Interruption(consumer);
                interruption.start();
                try {
                    return call.make(consumer, deadline.milliseconds());
                } catch (KarrowException failure) {
                    if (failure.status() != Status.INTERRUPTED || isWanted(interruption)) {
                        throw failure;
                    }
                    // Meant for another call, which has it now, or for this one's thread, which the next round sees.
                } finally {
                    interruption.end();
                }
            }
        } finally {
            handle.leave();
        }
    }

    /**
     * Whether a call that came back interrupted was meant by wakeup. What was meant for others is passed on to them.
     */
    private boolean isWanted(Interruption ended) {
        boolean isOthers;
        boolean isWanted;
        synchronized (this) {
            boolean isMine = interrupted.remove(ended);
            isWanted = wanted && !isMine;
            if (isWanted) {
                wanted = false;
            }
            isOthers = wanted || !interrupted.isEmpty();
            if (isOthers) {
                Native.consumerWakeup(ended.consumer);
            }
        }
        if (isOthers && !isWanted) {
            // So that it is not always the same that comes back.
            Thread.yield();
        }
        return isWanted;
    }

    /**
     * Looks whether the thread of a call is interrupted. Java tells nobody but channels that; so this is one that is
     * closed by an interrupt, and wakes the consumer.
     */
    private final class Interruption extends AbstractInterruptibleChannel {
        private final long consumer;
        private boolean isOver;

        Interruption(long consumer) {
            this.consumer = consumer;
        }

        void start() {
            begin();
        }

        /** From here on the consumer is left alone. */
        void end() {
            synchronized (Wakeups.this) {
                isOver = true;
                interrupted.remove(this);
            }
            try {
                end(true);
            } catch (ClosedByInterruptException isInterrupted) {
                // The thread still is, which the next round or the next call sees.
            } catch (AsynchronousCloseException nobodyElseCloses) {
                throw new AssertionError(nobodyElseCloses);
            }
        }

        /** Called by the thread that interrupts the one of the call. */
        @Override
        protected void implCloseChannel() {
            synchronized (Wakeups.this) {
                if (!isOver && interrupted.add(this)) {
                    Native.consumerWakeup(consumer);
                }
            }
        }
    }
}
