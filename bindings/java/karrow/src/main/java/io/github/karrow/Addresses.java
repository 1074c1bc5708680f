package io.github.karrow;

/** Addresses of structs of the Arrow C interfaces, in memory of the caller's. */
final class Addresses {
    private Addresses() {}

    /** An address, which cannot be NULL. */
    static long checked(long address, String argument) {
        if (address == 0) {
            throw KarrowException.invalid(argument, "is the address NULL");
        }
        return address;
    }
}
