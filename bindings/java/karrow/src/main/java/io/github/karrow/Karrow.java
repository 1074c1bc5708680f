package io.github.karrow;

import java.time.Duration;
import java.time.temporal.ChronoUnit;

/**
 * What there is to say of the library itself.
 *
 * <p>karrow comes in the jar. Set the system property {@code karrow.library} to the path of an installed {@code
 * libkarrow}, to use that one: {@code -Dkarrow.library=/usr/lib/x86_64-linux-gnu/libkarrow.so.0.1}. The first use of
 * any class of this package loads it; one that is missing, or does not fit this package, is an {@link
 * UnsatisfiedLinkError} whose message says what to install. From JDK 24 on, {@code --enable-native-access=ALL-UNNAMED}
 * keeps Java from warning of it.
 *
 * <p>All threads of Java may call karrow, virtual ones too. A call that waits, such as {@link Consumer#poll}, holds the
 * platform thread that carries a virtual thread for that long: as with any other native call, other virtual threads run
 * on the carriers that are left, of which there are as many as processors unless {@code
 * -Djdk.virtualThreadScheduler.parallelism} says otherwise. Let consumers that wait long be polled by platform threads,
 * or give them time-outs.
 */
public final class Karrow {
    private Karrow() {}

    /** The time-out that never runs out. */
    public static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();

    /** What to show a person: {@code 0.1.0 (librdkafka 2.12.1)}. */
    public static String version() {
        return Texts.out(Native.version());
    }

    /** The version of the C ABI of the library that is loaded: {@code major << 16 | minor}. */
    public static int abiVersion() {
        return Native.abiOfLibrary();
    }

    /**
     * Where the library was taken from: the path of the one that {@code karrow.library} names, or the address of the
     * one in the jar.
     */
    public static String libraryPath() {
        Native.abiOfLibrary(); // which has to be loaded for that
        return Library.origin();
    }
}
