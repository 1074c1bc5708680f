package io.github.karrow;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.function.LongToIntFunction;
import java.util.function.LongUnaryOperator;

/**
 * A handle of C's, and how many calls are using it. It is freed once, when it has been closed and no call uses it any
 * more: so that any thread may close what others use, and none waits for another.
 */
final class Handle {
    private static final Cleaner CLEANER = Cleaner.create();
    private static final AtomicLong LIVE = new AtomicLong();
    private static final int CLOSED = Integer.MIN_VALUE;

    private final String name;
    private final long address;
    private final LongConsumer free;
    /** The number of calls, and {@link #CLOSED}. */
    private final AtomicInteger state = new AtomicInteger();

    /** A handle that is called by this name in messages, and freed by that function. */
    Handle(String name, long address, LongConsumer free) {
        this.name = name;
        this.address = address;
        this.free = free;
        LIVE.incrementAndGet();
    }

    /** Has the handle closed when its owner is garbage, or cleaned before. */
    Cleaner.Cleanable ownedBy(Object owner) {
        return CLEANER.register(owner, this::close);
    }

    /** How many handles have not been freed. */
    static long live() {
        return LIVE.get();
    }

    boolean isClosed() {
        return state.get() < 0;
    }

    /** Closes the handle; closing again does nothing. */
    void close() {
        if (state.getAndUpdate(value -> value | CLOSED) == 0) {
            free();
        }
    }

    /** Begins a call; {@link #leave} ends it. Calls that nothing else fits are made so. */
    long enter() {
        int value;
        do {
            value = state.get();
            if (value < 0) {
                throw new KarrowException(Status.CLOSED, name + ": has been closed");
            }
        } while (!state.compareAndSet(value, value + 1));
        return address;
    }

    void leave() {
        if (state.decrementAndGet() == CLOSED) {
            free();
        }
    }

    private void free() {
        free.accept(address);
        LIVE.decrementAndGet();
    }

    void run(LongConsumer call) {
        long entered = enter();
        try {
            call.accept(entered);
        } finally {
            leave();
        }
    }

    <T> T get(LongFunction<T> call) {
        long entered = enter();
        try {
            return call.apply(entered);
        } finally {
            leave();
        }
    }

    long getLong(LongUnaryOperator call) {
        long entered = enter();
        try {
            return call.applyAsLong(entered);
        } finally {
            leave();
        }
    }

    int getInt(LongToIntFunction call) {
        long entered = enter();
        try {
            return call.applyAsInt(entered);
        } finally {
            leave();
        }
    }
}
