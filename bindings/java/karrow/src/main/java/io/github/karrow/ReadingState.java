package io.github.karrow;

import java.util.Locale;

/** What a partition is doing, as {@link PartitionProgress} has it. */
public enum ReadingState {
    /** It is being read. */
    READING,
    /** Everything there is has been read; more may come. */
    AT_END,
    /** It cannot be read for the moment, and goes on by itself. */
    WAITING,
    /** It has stopped, and goes on only after {@link Consumer#resume}. */
    FAILED,
    /** Everything up to where it was to stop has been read. */
    FINISHED,
    /** Something that only a newer library knows; {@link Consumer#exportProgress} has its name. */
    OTHER;

    static ReadingState of(String name) {
        for (ReadingState state : values()) {
            if (state.name().toLowerCase(Locale.ROOT).equals(name)) {
                return state;
            }
        }
        return OTHER;
    }
}
