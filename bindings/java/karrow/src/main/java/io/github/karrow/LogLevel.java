package io.github.karrow;

/** How serious an entry of a {@link Log} is. */
public enum LogLevel {
    /** Something failed. */
    ERROR(System.Logger.Level.ERROR),
    /** Something that may lead to trouble. */
    WARNING(System.Logger.Level.WARNING),
    /** Normal, but worth knowing. */
    NOTICE(System.Logger.Level.INFO),
    /** What is being done. */
    INFO(System.Logger.Level.DEBUG),
    /** What only a developer wants to know. */
    DEBUG(System.Logger.Level.TRACE);

    private final int number = Native.number("KARROW_LOG_LEVEL_" + name());
    private final System.Logger.Level systemLevel;

    LogLevel(System.Logger.Level systemLevel) {
        this.systemLevel = systemLevel;
    }

    /** The number that {@code karrow.h} has for it, which is syslog's: a lower number is more serious. */
    public int number() {
        return number;
    }

    /** The level of {@link System.Logger} that is meant for the same. */
    public System.Logger.Level systemLevel() {
        return systemLevel;
    }

    /** syslog knows levels that are more serious than an error, which librdkafka uses too. */
    static LogLevel of(int number) {
        for (LogLevel level : values()) {
            if (number <= level.number) {
                return level;
            }
        }
        return DEBUG;
    }
}
