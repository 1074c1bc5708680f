package io.github.karrow.arrow;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The members of an object of a case, to be taken one by one; {@link #end} throws if one is left over. */
final class Members {
    private final ObjectNode left;

    Members(JsonNode object) {
        if (!(object instanceof ObjectNode members)) {
            throw new Mismatch("expected an object, found " + object);
        }
        left = members.deepCopy();
    }

    boolean has(String name) {
        return left.has(name);
    }

    /** A member; one that is missing is empty, and no array has as few items. */
    JsonNode take(String name) {
        JsonNode member = left.remove(name);
        return member == null ? MissingNode.getInstance() : member;
    }

    JsonNode need(String name) {
        JsonNode member = left.remove(name);
        if (member == null) {
            throw new Mismatch(name + " is missing");
        }
        return member;
    }

    /** A text, or null if it is missing or null. */
    String text(String name) {
        JsonNode member = take(name);
        return member.isTextual() ? member.textValue() : null;
    }

    String text(String name, String otherwise) {
        String text = text(name);
        return text == null ? otherwise : text;
    }

    int number(String name, int otherwise) {
        return Math.toIntExact(longNumber(name, otherwise));
    }

    long longNumber(String name, long otherwise) {
        JsonNode member = take(name);
        return member.isMissingNode() ? otherwise : member.longValue();
    }

    void end() {
        if (!left.isEmpty()) {
            throw new Mismatch(left.fieldNames().next() + " is not known here");
        }
    }
}
