package tests

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Types and schemas as cases write them.

// scalars are the types that have a name of their own.
var scalars = map[string]arrow.DataType{
	"null": arrow.Null, "bool": arrow.FixedWidthTypes.Boolean,
	"int8": arrow.PrimitiveTypes.Int8, "int16": arrow.PrimitiveTypes.Int16,
	"int32": arrow.PrimitiveTypes.Int32, "int64": arrow.PrimitiveTypes.Int64,
	"uint8": arrow.PrimitiveTypes.Uint8, "uint16": arrow.PrimitiveTypes.Uint16,
	"uint32": arrow.PrimitiveTypes.Uint32, "uint64": arrow.PrimitiveTypes.Uint64,
	"float32": arrow.PrimitiveTypes.Float32, "float64": arrow.PrimitiveTypes.Float64,
	"utf8": arrow.BinaryTypes.String, "large_utf8": arrow.BinaryTypes.LargeString,
	"binary": arrow.BinaryTypes.Binary, "date32": arrow.FixedWidthTypes.Date32,
	"time32[s]": arrow.FixedWidthTypes.Time32s, "time32[ms]": arrow.FixedWidthTypes.Time32ms,
	"time64[us]": arrow.FixedWidthTypes.Time64us, "time64[ns]": arrow.FixedWidthTypes.Time64ns,
	"duration[ns]": arrow.FixedWidthTypes.Duration_ns,
}

var units = map[string]arrow.TimeUnit{
	"s": arrow.Second, "ms": arrow.Millisecond, "us": arrow.Microsecond, "ns": arrow.Nanosecond,
}

// nameOf is the name of a type, without what is inside it.
func nameOf(kind arrow.DataType) string {
	for name, scalar := range scalars {
		if arrow.TypeEqual(kind, scalar) {
			return name
		}
	}
	switch kind := kind.(type) {
	case *arrow.FixedSizeBinaryType:
		return fmt.Sprintf("fixed_size_binary(%d)", kind.ByteWidth)
	case *arrow.Decimal128Type:
		return fmt.Sprintf("decimal128(%d, %d)", kind.Precision, kind.Scale)
	case *arrow.Decimal256Type:
		return fmt.Sprintf("decimal256(%d, %d)", kind.Precision, kind.Scale)
	case *arrow.TimestampType:
		zone := kind.TimeZone
		if zone != "" {
			zone = ", " + zone
		}
		return fmt.Sprintf("timestamp[%s%s]", kind.Unit, zone)
	case *arrow.ListType:
		return "list"
	case *arrow.MapType:
		return "map"
	case *arrow.StructType:
		return "struct"
	case *arrow.DenseUnionType:
		return "union"
	case *arrow.DictionaryType:
		return "dictionary"
	}
	fail("there is no name for type %s", kind)
	return ""
}

// fullNameOf is the name of a type with what is inside it.
func fullNameOf(kind arrow.DataType) string {
	inside := func(kinds ...arrow.DataType) string {
		names := make([]string, len(kinds))
		for index, kind := range kinds {
			names[index] = fullNameOf(kind)
		}
		return "<" + strings.Join(names, ", ") + ">"
	}
	switch kind := kind.(type) {
	case *arrow.DictionaryType:
		return "dictionary" + inside(kind.IndexType, kind.ValueType)
	case *arrow.ListType:
		return "list" + inside(kind.Elem())
	case *arrow.MapType:
		return "map" + inside(kind.KeyType(), kind.ItemType())
	case arrow.NestedType: // a struct or a union
		members := make([]string, len(kind.Fields()))
		for index, field := range kind.Fields() {
			members[index] = field.Name + ": " + fullNameOf(field.Type)
		}
		return nameOf(kind) + "<" + strings.Join(members, ", ") + ">"
	}
	return nameOf(kind)
}

// typeNamed is the type of a name, with these fields inside it.
func typeNamed(name string, inside []arrow.Field) arrow.DataType {
	if scalar, is := scalars[name]; is {
		return scalar
	}
	switch name {
	case "list":
		return arrow.ListOfField(inside[0])
	case "large_list":
		return arrow.LargeListOfField(inside[0])
	case "struct":
		return arrow.StructOf(inside...)
	case "map":
		entry := inside[0].Type.(*arrow.StructType)
		return arrow.MapOfFields(entry.Field(0), entry.Field(1))
	}
	var precision, scale int32
	if _, failure := fmt.Sscanf(name, "decimal128(%d, %d)", &precision, &scale); failure == nil {
		return &arrow.Decimal128Type{Precision: precision, Scale: scale}
	}
	if _, failure := fmt.Sscanf(name, "decimal256(%d, %d)", &precision, &scale); failure == nil {
		return &arrow.Decimal256Type{Precision: precision, Scale: scale}
	}
	if parts, is := strings.CutPrefix(strings.TrimSuffix(name, "]"), "timestamp["); is {
		unit, zone, _ := strings.Cut(parts, ", ")
		return &arrow.TimestampType{Unit: units[unit], TimeZone: zone}
	}
	fail("there is no type %s", name)
	return nil
}

func metadataOf(pairs any) arrow.Metadata {
	metadata := map[string]string{}
	names, values := sorted(pairs)
	for _, name := range names {
		metadata[name] = as[string](values[name])
	}
	return arrow.MetadataFrom(metadata)
}

// fieldOf is the field of an Arrow schema that a case writes down.
func fieldOf(text any) arrow.Field {
	field := membersOf(text)
	name, kind := as[string](field.need("name")), as[string](field.need("type"))
	nullable, metadata := takeOr(field, "nullable", true), metadataOf(field.take("metadata"))
	inside := fieldsOf(field.take("children"))
	field.end()
	return arrow.Field{Name: name, Type: typeNamed(kind, inside), Nullable: nullable, Metadata: metadata}
}

func fieldsOf(texts any) []arrow.Field {
	var fields []arrow.Field
	for _, text := range list(texts) {
		fields = append(fields, fieldOf(text))
	}
	return fields
}

func checkField(expected any, found arrow.Field) {
	field := membersOf(expected)
	children := field.take("children")
	same("the name of a field", found.Name, as[string](field.need("name")))
	within(found.Name, func() {
		checkType(as[string](field.need("type")), children, found.Type)
		same("whether it is nullable", found.Nullable, takeOr(field, "nullable", true))
		for _, key := range []string{"origin", "source"} {
			if field.has(key) {
				checkMetadata(found.Metadata, "karrow."+key, field.take(key))
			}
		}
		names, values := sorted(field.take("metadata"))
		for _, name := range names {
			checkMetadata(found.Metadata, name, values[name])
		}
		field.end()
	})
}

// checkType compares a type with its name, and what is inside it if a case says that.
func checkType(expected string, children any, found arrow.DataType) {
	if children == nil {
		same("its type", fullNameOf(found), expected)
		return
	}
	same("its type", nameOf(found), expected)
	if kind, is := found.(*arrow.MapType); is {
		checkMap(children, kind)
	} else {
		checkFields(children, found.(arrow.NestedType).Fields())
	}
}

// checkMap compares the types of a map's parts: arrow-go keeps nothing else of them when it imports a map.
func checkMap(children any, found *arrow.MapType) {
	same("the number of fields", len(list(children)), 1)
	parts := list(membersOf(list(children)[0]).need("children"))
	same("the number of a map's parts", len(parts), 2)
	for index, kind := range []arrow.DataType{found.KeyType(), found.ItemType()} {
		part := membersOf(parts[index])
		checkType(as[string](part.need("type")), part.take("children"), kind)
	}
}

func checkMetadata(metadata arrow.Metadata, key string, expected any) {
	found, has := metadata.GetValue(key)
	if !has {
		fail("it has no %s", key)
	}
	same("its "+key, found, as[string](expected))
}

// checkFields fails unless just these fields are inside something.
func checkFields(expected any, found []arrow.Field) {
	same("the number of fields", len(found), len(list(expected)))
	for index, field := range found {
		checkField(list(expected)[index], field)
	}
}
