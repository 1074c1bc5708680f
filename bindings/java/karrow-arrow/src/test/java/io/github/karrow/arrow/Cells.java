package io.github.karrow.arrow;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.DateMilliVector;
import org.apache.arrow.vector.Decimal256Vector;
import org.apache.arrow.vector.DecimalVector;
import org.apache.arrow.vector.DurationVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.IntervalDayVector;
import org.apache.arrow.vector.IntervalMonthDayNanoVector;
import org.apache.arrow.vector.IntervalYearVector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeMicroVector;
import org.apache.arrow.vector.TimeMilliVector;
import org.apache.arrow.vector.TimeNanoVector;
import org.apache.arrow.vector.TimeSecVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.UInt2Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/** Cells of vectors, as conformance cases write them. */
final class Cells {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private Cells() {}

    /** A cell of a column, or of what is inside of one. */
    static JsonNode cell(ValueVector vector, int row, DictionaryProvider dictionaries) {
        if (vector.isNull(row) && !(vector instanceof DenseUnionVector)) {
            return JSON.nullNode();
        }
        if (vector.getField().getDictionary() != null) {
            ValueVector values = dictionaries.lookup(vector.getField().getDictionary().getId()).getVector();
            return cell(values, ((Number) vector.getObject(row)).intValue(), dictionaries);
        }
        if (vector instanceof MapVector map) {
            return entries(map, row, dictionaries);
        }
        if (vector instanceof ListVector list) {
            return items(list.getDataVector(), list.getElementStartIndex(row), list.getElementEndIndex(row), dictionaries);
        }
        if (vector instanceof LargeListVector list) {
            return items(list.getDataVector(), list.getElementStartIndex(row), list.getElementEndIndex(row), dictionaries);
        }
        if (vector instanceof FixedSizeListVector list) {
            return items(list.getDataVector(), list.getElementStartIndex(row), list.getElementEndIndex(row), dictionaries);
        }
        if (vector instanceof StructVector struct) {
            ObjectNode members = JSON.objectNode();
            for (ValueVector member : struct.getChildrenFromFields()) {
                members.set(member.getName(), cell(member, row, dictionaries));
            }
            return members;
        }
        if (vector instanceof DenseUnionVector union) {
            ValueVector member = union.getVectorByType(union.getTypeId(row));
            return JSON.objectNode().set(member.getName(), cell(member, union.getOffset(row), dictionaries));
        }
        return scalar(vector, row);
    }

    private static JsonNode items(ValueVector items, long begin, long end, DictionaryProvider dictionaries) {
        ArrayNode cells = JSON.arrayNode();
        for (long item = begin; item < end; ++item) {
            cells.add(cell(items, (int) item, dictionaries));
        }
        return cells;
    }

    private static JsonNode entries(MapVector map, int row, DictionaryProvider dictionaries) {
        ArrayNode entries = JSON.arrayNode();
        StructVector all = (StructVector) map.getDataVector();
        for (int entry = map.getElementStartIndex(row); entry < map.getElementEndIndex(row); ++entry) {
            ArrayNode pair = JSON.arrayNode();
            for (ValueVector part : all.getChildrenFromFields()) {
                pair.add(cell(part, entry, dictionaries));
            }
            entries.add(pair);
        }
        return entries;
    }

    private static JsonNode scalar(ValueVector vector, int row) {
        if (vector instanceof BitVector bits) {
            return JSON.booleanNode(bits.get(row) != 0);
        } else if (vector instanceof TinyIntVector numbers) {
            return JSON.numberNode((long) numbers.get(row));
        } else if (vector instanceof SmallIntVector numbers) {
            return JSON.numberNode((long) numbers.get(row));
        } else if (vector instanceof IntVector numbers) {
            return JSON.numberNode((long) numbers.get(row));
        } else if (vector instanceof BigIntVector numbers) {
            return JSON.numberNode(numbers.get(row));
        } else if (vector instanceof UInt1Vector numbers) {
            return JSON.numberNode((long) numbers.getObjectNoOverflow(row));
        } else if (vector instanceof UInt2Vector numbers) {
            return JSON.numberNode((long) numbers.get(row));
        } else if (vector instanceof UInt4Vector numbers) {
            return JSON.numberNode(numbers.getObjectNoOverflow(row).longValue());
        } else if (vector instanceof UInt8Vector numbers) {
            return JSON.numberNode(numbers.getObjectNoOverflow(row));
        } else if (vector instanceof Float2Vector numbers) {
            return JSON.numberNode(numbers.getValueAsDouble(row));
        } else if (vector instanceof Float4Vector numbers) {
            return JSON.numberNode((double) numbers.get(row));
        } else if (vector instanceof Float8Vector numbers) {
            return JSON.numberNode(numbers.get(row));
        } else if (vector instanceof VarCharVector texts) {
            return JSON.textNode(new String(texts.get(row), StandardCharsets.UTF_8));
        } else if (vector instanceof LargeVarCharVector texts) {
            return JSON.textNode(new String(texts.get(row), StandardCharsets.UTF_8));
        } else if (vector instanceof VarBinaryVector bytes) {
            return JSON.binaryNode(bytes.get(row));
        } else if (vector instanceof LargeVarBinaryVector bytes) {
            return JSON.binaryNode(bytes.get(row));
        } else if (vector instanceof FixedSizeBinaryVector bytes) {
            return JSON.binaryNode(bytes.get(row));
        } else if (vector instanceof DecimalVector numbers) {
            return JSON.textNode(numbers.getObject(row).toPlainString());
        } else if (vector instanceof Decimal256Vector numbers) {
            return JSON.textNode(numbers.getObject(row).toPlainString());
        } else if (vector instanceof DateDayVector days) {
            return JSON.numberNode((long) days.get(row));
        } else if (vector instanceof DateMilliVector days) {
            return JSON.numberNode(days.get(row));
        } else if (vector instanceof TimeSecVector times) {
            return JSON.numberNode((long) times.get(row));
        } else if (vector instanceof TimeMilliVector times) {
            return JSON.numberNode((long) times.get(row));
        } else if (vector instanceof TimeMicroVector times) {
            return JSON.numberNode(times.get(row));
        } else if (vector instanceof TimeNanoVector times) {
            return JSON.numberNode(times.get(row));
        } else if (vector instanceof TimeStampVector times) {
            return JSON.numberNode(times.get(row));
        } else if (vector instanceof DurationVector durations) {
            return JSON.numberNode(DurationVector.get(durations.getDataBuffer(), row));
        } else if (vector instanceof IntervalYearVector intervals) {
            return JSON.numberNode((long) intervals.get(row));
        } else if (vector instanceof IntervalDayVector intervals) {
            ArrowBuf parts = intervals.getDataBuffer();
            return JSON.arrayNode().add(IntervalDayVector.getDays(parts, row)).add(IntervalDayVector.getMilliseconds(parts, row));
        } else if (vector instanceof IntervalMonthDayNanoVector intervals) {
            ArrowBuf parts = intervals.getDataBuffer();
            return JSON.arrayNode().add(IntervalMonthDayNanoVector.getMonths(parts, row))
                    .add(IntervalMonthDayNanoVector.getDays(parts, row))
                    .add(IntervalMonthDayNanoVector.getNanoseconds(parts, row));
        }
        throw new Mismatch("there are no cells of " + vector.getField());
    }

    /** Whether a cell of a vector is what a case expects there. */
    static boolean isSame(JsonNode found, JsonNode expected, ValueVector vector) {
        if (vector instanceof Float4Vector && expected.isTextual()) {
            return isSame(found, JSON.numberNode((double) Float.parseFloat(expected.textValue())));
        }
        if (vector instanceof Float8Vector && expected.isTextual()) {
            return isSame(found, JSON.numberNode(Double.parseDouble(expected.textValue())));
        }
        if (found.isObject() && expected.isObject()) {
            if (found.size() != expected.size()) {
                return false;
            }
            for (Map.Entry<String, JsonNode> member : found.properties()) {
                JsonNode wanted = expected.get(member.getKey());
                if (wanted == null || !isSame(member.getValue(), wanted, member(vector, member.getKey()))) {
                    return false;
                }
            }
            return true;
        }
        if (found.isArray() && expected.isArray()) {
            if (found.size() != expected.size()) {
                return false;
            }
            for (int item = 0; item < found.size(); ++item) {
                if (!isSame(found.get(item), expected.get(item), item(vector, item))) {
                    return false;
                }
            }
            return true;
        }
        return isSame(found, expected);
    }

    private static ValueVector member(ValueVector vector, String name) {
        if (vector instanceof DenseUnionVector union) {
            return union.getChildrenFromFields().stream().filter(member -> member.getName().equals(name)).findAny().get();
        }
        return ((StructVector) vector).getChild(name);
    }

    /** Of a list its items, of a map its entries, of an entry, which comes as a struct, its two parts. */
    private static ValueVector item(ValueVector vector, int index) {
        return vector instanceof ListVector list
                ? list.getDataVector()
                : ((StructVector) vector).getChildrenFromFields().get(index);
    }

    /** Numbers are the same whatever Jackson keeps them in, floats if every bit is, but for that of not a number. */
    private static boolean isSame(JsonNode found, JsonNode expected) {
        if (found.isFloatingPointNumber()) {
            return expected.isNumber()
                    && Double.doubleToLongBits(found.doubleValue()) == Double.doubleToLongBits(expected.doubleValue());
        }
        if (found.isIntegralNumber()) {
            return expected.isIntegralNumber() && found.bigIntegerValue().equals(expected.bigIntegerValue());
        }
        return found.isBinary() ? expected.isTextual() && found.asText().equals(expected.textValue()) : found.equals(expected);
    }
}
