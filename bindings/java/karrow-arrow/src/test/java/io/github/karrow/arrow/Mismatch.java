package io.github.karrow.arrow;

/** A case that cannot be understood, or that comes out otherwise. */
final class Mismatch extends RuntimeException {
    private static final long serialVersionUID = 1;

    Mismatch(String message) {
        super(message);
    }

    Mismatch(String place, Throwable cause) {
        super(place + ": " + cause.getMessage(), cause);
    }

    static void same(String what, Object found, Object expected) {
        if (!found.equals(expected)) {
            throw new Mismatch(what + " is " + found + ", not " + expected);
        }
    }

    /** A part of something that can fail. */
    interface Part {
        void run() throws Exception;
    }

    /** Does a part of something, and says which part if it fails. */
    static void within(String place, Part part) {
        try {
            part.run();
        } catch (Exception | AssertionError failure) {
            throw new Mismatch(place, failure);
        }
    }
}
