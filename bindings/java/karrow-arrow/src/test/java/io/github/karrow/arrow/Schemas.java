package io.github.karrow.arrow;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** Schemas of arrow-java, as conformance cases write them. */
final class Schemas {
    private static final Map<TimeUnit, String> UNITS = Map.of(TimeUnit.SECOND, "s", TimeUnit.MILLISECOND, "ms",
            TimeUnit.MICROSECOND, "us", TimeUnit.NANOSECOND, "ns");

    private static final Map<String, ArrowType> SIMPLE = Map.ofEntries(
            Map.entry("null", new ArrowType.Null()), Map.entry("bool", new ArrowType.Bool()),
            Map.entry("int8", new ArrowType.Int(8, true)), Map.entry("uint8", new ArrowType.Int(8, false)),
            Map.entry("int16", new ArrowType.Int(16, true)), Map.entry("uint16", new ArrowType.Int(16, false)),
            Map.entry("int32", new ArrowType.Int(32, true)), Map.entry("uint32", new ArrowType.Int(32, false)),
            Map.entry("int64", new ArrowType.Int(64, true)), Map.entry("uint64", new ArrowType.Int(64, false)),
            Map.entry("float32", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE)),
            Map.entry("float64", new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)),
            Map.entry("utf8", new ArrowType.Utf8()), Map.entry("large_utf8", new ArrowType.LargeUtf8()),
            Map.entry("binary", new ArrowType.Binary()), Map.entry("date32", new ArrowType.Date(DateUnit.DAY)),
            Map.entry("list", new ArrowType.List()), Map.entry("large_list", new ArrowType.LargeList()),
            Map.entry("struct", new ArrowType.Struct()), Map.entry("map", new ArrowType.Map(false)));

    private static final Pattern PARAMETRIC = Pattern.compile("(\\w+)[\\[(](\\w+)(?:, (.+))?[\\])]");

    private Schemas() {}

    /** The name of a type, with what is inside of it. */
    static String typeOf(Field field, DictionaryProvider dictionaries) {
        if (field.getDictionary() != null) {
            Field values = dictionaries.lookup(field.getDictionary().getId()).getVector().getField();
            return "dictionary<" + nameOf(field.getType()) + ", " + typeOf(values, dictionaries) + ">";
        }
        List<Field> inside = field.getChildren();
        return switch (field.getType().getTypeID()) {
            case List -> "list<" + typeOf(inside.get(0), dictionaries) + ">";
            case Map -> "map<" + inside.get(0).getChildren().stream().map(part -> typeOf(part, dictionaries))
                    .collect(Collectors.joining(", ")) + ">";
            case Struct, Union -> nameOf(field.getType()) + inside.stream()
                    .map(member -> member.getName() + ": " + typeOf(member, dictionaries))
                    .collect(Collectors.joining(", ", "<", ">"));
            default -> nameOf(field.getType());
        };
    }

    private static String nameOf(ArrowType type) {
        for (Map.Entry<String, ArrowType> simple : SIMPLE.entrySet()) {
            if (simple.getValue().equals(type)) {
                return simple.getKey();
            }
        }
        if (type instanceof ArrowType.FixedSizeBinary binary) {
            return "fixed_size_binary(" + binary.getByteWidth() + ")";
        } else if (type instanceof ArrowType.Decimal decimal) {
            return "decimal" + decimal.getBitWidth() + "(" + decimal.getPrecision() + ", " + decimal.getScale() + ")";
        } else if (type instanceof ArrowType.Time time) {
            return "time" + time.getBitWidth() + "[" + UNITS.get(time.getUnit()) + "]";
        } else if (type instanceof ArrowType.Timestamp timestamp) {
            String zone = timestamp.getTimezone();
            return "timestamp[" + UNITS.get(timestamp.getUnit()) + (zone == null ? "" : ", " + zone) + "]";
        } else if (type instanceof ArrowType.Duration duration) {
            return "duration[" + UNITS.get(duration.getUnit()) + "]";
        } else if (type instanceof ArrowType.Union) {
            return "union";
        }
        throw new Mismatch("there is no name for " + type);
    }

    /** Whether just these fields are inside another, or in a schema. */
    static void check(JsonNode expected, List<Field> found, DictionaryProvider dictionaries) {
        Mismatch.same("the number of fields", found.size(), expected.size());
        for (int index = 0; index < found.size(); ++index) {
            check(new Members(expected.get(index)), found.get(index), dictionaries);
        }
    }

    private static void check(Members expected, Field field, DictionaryProvider dictionaries) {
        JsonNode children = expected.take("children");
        String type = children.isMissingNode() ? typeOf(field, dictionaries) : nameOf(field.getType());
        Mismatch.same("the name of a field", field.getName(), expected.need("name").textValue());
        Mismatch.within(field.getName(), () -> {
            Mismatch.same("its type", type, expected.need("type").textValue());
            JsonNode nullable = expected.take("nullable");
            Mismatch.same("whether it is nullable", field.isNullable(), nullable.isMissingNode() || nullable.booleanValue());
            for (String key : List.of("origin", "source")) {
                if (expected.has(key)) {
                    Mismatch.same("its " + key, field.getMetadata().get("karrow." + key), expected.text(key));
                }
            }
            for (Map.Entry<String, String> pair : texts(expected.take("metadata")).entrySet()) {
                Mismatch.same("its " + pair.getKey(), field.getMetadata().get(pair.getKey()), pair.getValue());
            }
            if (!children.isMissingNode()) {
                check(children, field.getChildren(), dictionaries);
            }
            expected.end();
        });
    }

    private static Map<String, String> texts(JsonNode object) {
        Map<String, String> texts = new HashMap<>();
        object.properties().forEach(member -> texts.put(member.getKey(), member.getValue().textValue()));
        return texts;
    }

    /** The schema of these columns. */
    static Schema made(JsonNode fields) {
        return new Schema(madeFields(fields));
    }

    private static List<Field> madeFields(JsonNode fields) {
        List<Field> made = new ArrayList<>();
        for (JsonNode field : fields) {
            Members members = new Members(field);
            String name = members.need("name").textValue();
            ArrowType type = madeType(members.need("type").textValue());
            JsonNode nullable = members.take("nullable");
            Map<String, String> metadata = texts(members.take("metadata"));
            FieldType fieldType = new FieldType(nullable.isMissingNode() || nullable.booleanValue(), type, null, metadata);
            made.add(new Field(name, fieldType, madeFields(members.take("children"))));
            members.end();
        }
        return made;
    }

    private static ArrowType madeType(String name) {
        ArrowType simple = SIMPLE.get(name);
        if (simple != null) {
            return simple;
        }
        Matcher found = PARAMETRIC.matcher(name);
        if (!found.matches()) {
            throw new Mismatch("there is no type " + name);
        }
        String first = found.group(2);
        String second = found.group(3);
        return switch (found.group(1)) {
            case "decimal128" -> new ArrowType.Decimal(Integer.parseInt(first), Integer.parseInt(second), 128);
            case "decimal256" -> new ArrowType.Decimal(Integer.parseInt(first), Integer.parseInt(second), 256);
            case "time32" -> new ArrowType.Time(unit(first), 32);
            case "time64" -> new ArrowType.Time(unit(first), 64);
            case "timestamp" -> new ArrowType.Timestamp(unit(first), second);
            default -> throw new Mismatch("there is no type " + name);
        };
    }

    private static TimeUnit unit(String name) {
        return UNITS.entrySet().stream().filter(unit -> unit.getValue().equals(name)).findAny().get().getKey();
    }
}
