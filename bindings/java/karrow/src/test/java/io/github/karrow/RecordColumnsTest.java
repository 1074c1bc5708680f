package io.github.karrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which record classes are refused; io.github.karrow.arrow.RecordSpecTest shows what becomes of others. */
class RecordColumnsTest {
    record Itself(String name, List<Itself> children) {}

    record Unknown(int number, Optional<String> text) {}

    record Keys(Map<Integer, String> texts) {}

    record Letter(char letter) {}

    record Wrong(@Field(type = "decimal128(99, 0)") BigDecimal number) {}

    record Raw(@SuppressWarnings("rawtypes") Set texts) {}

    record Fine(Instant time, LocalDate day, byte[] bytes) {}

    record Inner(@Field(type = "time32[ms]") String time) {}

    record Outer(List<Map<String, Inner[]>> inside) {}

    @Test
    void whatStandsForNoColumnIsNamed() {
        assertRefused(Itself.class, "children", "inside itself");
        assertRefused(Unknown.class, "text", "Optional<java.lang.String>");
        assertRefused(Keys.class, "texts", "Map<java.lang.Integer");
        assertRefused(Letter.class, "letter", "char");
        assertRefused(Raw.class, "texts", "Set");
    }

    @Test
    void aTypeOfItsOwnIsTheLibrarysToJudge() {
        Tests.failing(Status.INVALID_ARGUMENT, () -> Spec.json(Wrong.class));
        Spec.json(Fine.class).close();
        Spec.json(Outer.class).close();
    }

    private static void assertRefused(Class<? extends Record> record, String component, String why) {
        KarrowException error = Tests.failing(Status.INVALID_ARGUMENT, () -> Spec.json(record));
        assertTrue(error.getMessage().contains(component) && error.getMessage().contains(why), error.getMessage());
        assertEquals(Optional.of("record"), error.detail("argument"));
    }
}
