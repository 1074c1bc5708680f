package io.github.karrow;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/** Texts on their way to C and back. */
final class Texts {
    private Texts() {}

    /** A text's UTF-8 and the NUL that ends it in C. */
    static byte[] in(String text, String argument) {
        Objects.requireNonNull(text, argument);
        if (text.indexOf('\0') >= 0) {
            throw KarrowException.invalid(argument, "holds a NUL character, which texts of karrow cannot");
        }
        try {
            ByteBuffer utf8 = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[utf8.remaining() + 1];
            utf8.get(bytes, 0, bytes.length - 1);
            return bytes;
        } catch (CharacterCodingException unpaired) {
            throw KarrowException.invalid(argument, "holds half of a surrogate pair, which is no character");
        }
    }

    /** The same, but null for null. */
    static byte[] optional(String text, String argument) {
        return text == null ? null : in(text, argument);
    }

    /** Several texts, each with its NUL, one behind the other. */
    static byte[] joined(String[] texts, String argument) {
        byte[][] each = new byte[texts.length][];
        int length = 0;
        for (int index = 0; index < texts.length; ++index) {
            each[index] = in(texts[index], argument);
            length += each[index].length;
        }
        ByteBuffer joined = ByteBuffer.allocate(length);
        for (byte[] text : each) {
            joined.put(text);
        }
        return joined.array();
    }

    /** A text of C's; null for null. */
    static String out(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
