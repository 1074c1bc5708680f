package io.github.karrow;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** The columns that the components of a record class stand for. */
final class RecordColumns {
    /** The types of columns, as karrow names them, by those of Java. */
    private static final Map<Type, String> TYPES = Map.ofEntries(
            Map.entry(boolean.class, "bool"), Map.entry(Boolean.class, "bool"),
            Map.entry(byte.class, "int8"), Map.entry(Byte.class, "int8"),
            Map.entry(short.class, "int16"), Map.entry(Short.class, "int16"),
            Map.entry(int.class, "int32"), Map.entry(Integer.class, "int32"),
            Map.entry(long.class, "int64"), Map.entry(Long.class, "int64"),
            Map.entry(float.class, "float32"), Map.entry(Float.class, "float32"),
            Map.entry(double.class, "float64"), Map.entry(Double.class, "float64"),
            Map.entry(String.class, "utf8"), Map.entry(UUID.class, "utf8"),
            Map.entry(BigInteger.class, "utf8"), Map.entry(BigDecimal.class, "utf8"),
            Map.entry(byte[].class, "binary"),
            Map.entry(Instant.class, "timestamp[ns, UTC]"), Map.entry(LocalDateTime.class, "timestamp[ns]"),
            Map.entry(LocalDate.class, "date32"), Map.entry(LocalTime.class, "time64[ns]"));

    private RecordColumns() {}

    /** Adds them to a json spec. */
    static void add(Spec spec, Class<? extends Record> record) {
        for (RecordComponent component : components(record)) {
            Field field = component.getAnnotation(Field.class);
            spec.addColumn(component.getName(), type(component, List.of(record)));
            if (field != null && !field.value().isEmpty()) {
                spec.mapField(field.value(), component.getName());
            }
        }
    }

    private static RecordComponent[] components(Class<?> record) {
        if (!record.isRecord()) {
            throw KarrowException.invalid("record", record.getName() + " is no record class");
        }
        return record.getRecordComponents();
    }

    /** The type of a component's column; `inside` are the record classes that it is in. */
    private static String type(RecordComponent component, List<Class<?>> inside) {
        Field field = component.getAnnotation(Field.class);
        return field != null && !field.type().isEmpty()
                ? field.type()
                : type(component.getGenericType(), component, inside);
    }

    private static String type(Type type, RecordComponent component, List<Class<?>> inside) {
        String known = TYPES.get(type);
        if (known != null) {
            return known;
        }
        if (type instanceof GenericArrayType array) {
            return list(array.getGenericComponentType(), component, inside);
        }
        if (type instanceof ParameterizedType parameterized && parameterized.getRawType() instanceof Class<?> raw) {
            Type[] arguments = parameterized.getActualTypeArguments();
            if (Collection.class.isAssignableFrom(raw) && arguments.length == 1) {
                return list(arguments[0], component, inside);
            }
            if (Map.class.isAssignableFrom(raw) && arguments.length == 2 && arguments[0] == String.class) {
                return "map<utf8, " + type(arguments[1], component, inside) + ">";
            }
        }
        if (type instanceof Class<?> plain) {
            if (plain.isArray()) {
                return list(plain.getComponentType(), component, inside);
            }
            if (plain.isRecord()) {
                return struct(plain, component, inside);
            }
        }
        throw KarrowException.invalid("record", "the component " + component.getName() + " of "
                + component.getDeclaringRecord().getName() + " is of " + type.getTypeName()
                + ", which stands for no column; say its type with @Field(type = ...)");
    }

    private static String list(Type item, RecordComponent component, List<Class<?>> inside) {
        return "list<" + type(item, component, inside) + ">";
    }

    private static String struct(Class<?> record, RecordComponent component, List<Class<?>> inside) {
        if (inside.contains(record)) {
            throw KarrowException.invalid("record", "the component " + component.getName() + " of "
                    + component.getDeclaringRecord().getName() + " has the record class inside itself, which no column can");
        }
        List<Class<?>> deeper = new ArrayList<>(inside);
        deeper.add(record);
        List<String> members = new ArrayList<>();
        for (RecordComponent member : components(record)) {
            Field field = member.getAnnotation(Field.class);
            String name = field == null || field.value().isEmpty() ? member.getName() : field.value();
            members.add(name + ": " + type(member, deeper));
        }
        return "struct<" + String.join(", ", members) + ">";
    }
}
