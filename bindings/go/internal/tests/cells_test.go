package tests

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Cells as cases write them: what encoding/json makes of a case, but for floats, which are float64.

func integerCell[Integer ~int8 | ~int16 | ~int32 | ~int64](integer Integer) any {
	return json.Number(strconv.FormatInt(int64(integer), 10))
}

func unsignedCell[Integer ~uint8 | ~uint16 | ~uint32 | ~uint64](integer Integer) any {
	return json.Number(strconv.FormatUint(uint64(integer), 10))
}

// decimalCell is a decimal as text: a whole number, and how many of its digits are behind the point.
func decimalCell(unscaled *big.Int, scale int32) any {
	digits := new(big.Int).Abs(unscaled).String()
	if missing := int(scale) + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if scale > 0 {
		point := len(digits) - int(scale)
		digits = digits[:point] + "." + digits[point:]
	}
	if unscaled.Sign() < 0 {
		digits = "-" + digits
	}
	return digits
}

// cell is the value in a row of a column, or of what is inside one.
func cell(column arrow.Array, row int) any {
	same("the offset of an array", column.Data().Offset(), 0)
	if row >= column.Len() {
		fail("an array is shorter than what it is part of")
	}
	if column.IsNull(row) {
		return nil
	}
	switch column := column.(type) {
	case *array.Null:
		return nil
	case *array.Boolean:
		return column.Value(row)
	case *array.Int8:
		return integerCell(column.Value(row))
	case *array.Int16:
		return integerCell(column.Value(row))
	case *array.Int32:
		return integerCell(column.Value(row))
	case *array.Int64:
		return integerCell(column.Value(row))
	case *array.Uint8:
		return unsignedCell(column.Value(row))
	case *array.Uint16:
		return unsignedCell(column.Value(row))
	case *array.Uint32:
		return unsignedCell(column.Value(row))
	case *array.Uint64:
		return unsignedCell(column.Value(row))
	case *array.Float16:
		return float64(column.Value(row).Float32())
	case *array.Float32:
		return float64(column.Value(row))
	case *array.Float64:
		return column.Value(row)
	case *array.Decimal32:
		return decimalCell(big.NewInt(int64(column.Value(row))), column.DataType().(arrow.DecimalType).GetScale())
	case *array.Decimal64:
		return decimalCell(big.NewInt(int64(column.Value(row))), column.DataType().(arrow.DecimalType).GetScale())
	case *array.Decimal128:
		return decimalCell(column.Value(row).BigInt(), column.DataType().(arrow.DecimalType).GetScale())
	case *array.Decimal256:
		return decimalCell(column.Value(row).BigInt(), column.DataType().(arrow.DecimalType).GetScale())
	case *array.String:
		// It may be shown when the array has been released.
		return strings.Clone(column.Value(row))
	case *array.LargeString:
		return strings.Clone(column.Value(row))
	case *array.Binary:
		return base64.StdEncoding.EncodeToString(column.Value(row))
	case *array.LargeBinary:
		return base64.StdEncoding.EncodeToString(column.Value(row))
	case *array.FixedSizeBinary:
		return base64.StdEncoding.EncodeToString(column.Value(row))
	case *array.Date32:
		return integerCell(column.Value(row))
	case *array.Date64:
		return integerCell(column.Value(row))
	case *array.Time32:
		return integerCell(column.Value(row))
	case *array.Time64:
		return integerCell(column.Value(row))
	case *array.Timestamp:
		return integerCell(column.Value(row))
	case *array.Duration:
		return integerCell(column.Value(row))
	case *array.MonthInterval:
		return integerCell(column.Value(row))
	case *array.DayTimeInterval:
		parts := column.Value(row)
		return []any{integerCell(parts.Days), integerCell(parts.Milliseconds)}
	case *array.MonthDayNanoInterval:
		parts := column.Value(row)
		return []any{integerCell(parts.Months), integerCell(parts.Days), integerCell(parts.Nanoseconds)}
	case *array.Dictionary:
		return cell(column.Dictionary(), column.GetValueIndex(row))
	case *array.Map:
		begin, end := column.ValueOffsets(row)
		same("the offset of a map's entries", column.ListValues().Data().Offset(), 0)
		entries := []any{}
		for entry := begin; entry < end; entry++ {
			entries = append(entries, []any{cell(column.Keys(), int(entry)), cell(column.Items(), int(entry))})
		}
		return entries
	case array.ListLike: // which a map is too
		begin, end := column.ValueOffsets(row)
		items := []any{}
		for item := begin; item < end; item++ {
			items = append(items, cell(column.ListValues(), int(item)))
		}
		return items
	case *array.Struct:
		found := map[string]any{}
		for index, field := range column.DataType().(*arrow.StructType).Fields() {
			found[field.Name] = cell(column.Field(index), row)
		}
		return found
	case *array.DenseUnion:
		child := column.ChildID(row)
		name := column.DataType().(*arrow.DenseUnionType).Fields()[child].Name
		return map[string]any{name: cell(column.Field(child), int(column.ValueOffset(row)))}
	}
	fail("there are no cells of type %s", column.DataType())
	return nil
}

// expectedCell is a cell as a case has it, with its floats read as their types. What is of another kind stays as it is.
func expectedCell(expected any, kind arrow.DataType) any {
	switch kind := kind.(type) {
	case *arrow.Float32Type:
		return expectedFloat(expected, 32)
	case *arrow.Float64Type:
		return expectedFloat(expected, 64)
	case *arrow.ListType:
		if items, is := expected.([]any); is {
			return expectedItems(items, func(int) arrow.DataType { return kind.Elem() })
		}
	case *arrow.MapType:
		if entries, is := expected.([]any); is {
			parts := []arrow.DataType{kind.KeyType(), kind.ItemType()}
			read := make([]any, len(entries))
			for index, entry := range entries {
				if pair, is := entry.([]any); is && len(pair) == 2 {
					entry = expectedItems(pair, func(part int) arrow.DataType { return parts[part] })
				}
				read[index] = entry
			}
			return read
		}
	case arrow.NestedType: // a struct or a union
		if object, is := expected.(map[string]any); is {
			read := map[string]any{}
			for name, member := range object {
				read[name] = member
			}
			for _, field := range kind.Fields() {
				if member, has := read[field.Name]; has {
					read[field.Name] = expectedCell(member, field.Type)
				}
			}
			return read
		}
	}
	return expected
}

func expectedItems(items []any, kind func(index int) arrow.DataType) []any {
	read := make([]any, len(items))
	for index, item := range items {
		read[index] = expectedCell(item, kind(index))
	}
	return read
}

// expectedFloat is a float as a case has it: a number, or its text, which is read as the column's type.
func expectedFloat(expected any, bits int) any {
	switch expected := expected.(type) {
	case json.Number:
		return must1(expected.Float64())
	case string:
		return must1(strconv.ParseFloat(expected, bits))
	}
	return expected
}

func isSameCell(found, expected any) bool {
	switch found := found.(type) {
	case float64:
		expected, is := expected.(float64)
		return is && (math.Float64bits(found) == math.Float64bits(expected) || math.IsNaN(found) && math.IsNaN(expected))
	case []any:
		expected, is := expected.([]any)
		if !is || len(found) != len(expected) {
			return false
		}
		for index := range found {
			if !isSameCell(found[index], expected[index]) {
				return false
			}
		}
		return true
	case map[string]any:
		expected, is := expected.(map[string]any)
		if !is || len(found) != len(expected) {
			return false
		}
		for name := range found {
			if member, has := expected[name]; !has || !isSameCell(found[name], member) {
				return false
			}
		}
		return true
	}
	switch expected.(type) {
	case []any, map[string]any: // which Go does not compare
		return false
	}
	return found == expected
}

// shown is a cell as a case has it: JSON has no numbers for some floats.
func shown(value any) string {
	switch value := value.(type) {
	case float64:
		switch digits := strconv.FormatFloat(value, 'g', -1, 64); digits {
		case "NaN":
			return `"NaN"`
		case "+Inf":
			return `"Infinity"`
		case "-Inf":
			return `"-Infinity"`
		default:
			return digits
		}
	case []any:
		parts := make([]string, len(value))
		for index, part := range value {
			parts[index] = shown(part)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		names, _ := sorted(value)
		parts := make([]string, len(names))
		for index, name := range names {
			parts[index] = text(name) + ": " + shown(value[name])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return text(value)
}

// Columns are those of a schema, with all their cells.
type columns struct {
	schema *arrow.Schema
	cells  [][]any
	rows   int64
}

func newColumns(schema *arrow.Schema) *columns {
	return &columns{schema: schema, cells: make([][]any, schema.NumFields())}
}

func (c *columns) add(batch arrow.RecordBatch) {
	if !batch.Schema().Equal(c.schema) {
		fail("a batch has other columns: %s", batch.Schema())
	}
	for index, column := range batch.Columns() {
		same("the rows of a column", int64(column.Len()), batch.NumRows())
		for row := range column.Len() {
			c.cells[index] = append(c.cells[index], cell(column, row))
		}
	}
	c.rows += batch.NumRows()
}

// addAll adds what is left of a reader, and releases it.
func (c *columns) addAll(reader array.RecordReader) {
	defer reader.Release()
	if !reader.Schema().Equal(c.schema) {
		fail("a reader has other columns: %s", reader.Schema())
	}
	for reader.Next() {
		if reader.RecordBatch().NumRows() == 0 {
			fail("a batch without rows")
		}
		c.add(reader.RecordBatch())
	}
	must(reader.Err())
}

// check compares the columns that are named.
func (c *columns) check(expected any) {
	names, named := sorted(expected)
	for _, name := range names {
		indices := c.schema.FieldIndices(name)
		if len(indices) == 0 {
			fail("there is no column %s", name)
		}
		found, wanted := c.cells[indices[0]], list(named[name])
		kind := c.schema.Field(indices[0]).Type
		for row := range min(len(found), len(wanted)) {
			if !isSameCell(found[row], expectedCell(wanted[row], kind)) {
				fail("%s, row %d: %s, not %s", name, row, shown(found[row]), text(wanted[row]))
			}
		}
		same("the number of rows of "+name, len(found), len(wanted))
	}
}

func (c *columns) isSame(other *columns) bool {
	if c.rows != other.rows || !c.schema.Equal(other.schema) {
		return false
	}
	for index := range c.cells {
		if !isSameCell(c.cells[index], other.cells[index]) {
			return false
		}
	}
	return true
}
