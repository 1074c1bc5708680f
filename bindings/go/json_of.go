package karrow

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// JSONOf is a JSON spec with a column for each exported field of a struct type, in their order. The column has the name
// of the field, and reads the member of the JSON object that encoding/json would put into it: the one that a tag
// `json:"name"` names, or else the one of the field's name. A tag `karrow:"Name,type"` gives the column another name,
// another type, or both; it is the way to types that Go does not have, such as `karrow:",decimal128(10, 2)"`. With
// `karrow:"-"`, or `json:"-"`, a field has no column. The fields of an embedded struct count as fields of the struct
// itself.
//
// What becomes of a type: bool, int8 to int64, uint8 to uint64, float32, float64: the column type of that name; int:
// int64; uint: uint64; string: utf8; []byte: binary, from base64; [time.Time]: timestamp[ns, UTC]; [json.RawMessage]:
// utf8, the JSON as it is written; a slice of other items: list; a map with text as keys: map; a struct: struct, whose
// members are named as in JSON; a pointer: what it points to. All columns take null, as encoding/json does.
//
// Errors of Open: ErrInvalidArgument for what is no struct, a type that is not listed, and whatever else the library
// does not take; see [Spec.AddColumn].
func JSONOf[T any]() Spec {
	of := reflect.TypeFor[T]()
	if of.Kind() != reflect.Struct {
		return Spec{err: typeError(of.String(), "it is no struct; JSONOf makes columns of a struct's fields")}
	}
	spec, err := addFields(JSON(), of, []reflect.Type{of})
	if err != nil {
		return Spec{err: err}
	}
	return spec
}

func typeError(place, message string) error {
	return argumentError("type", place+": "+message)
}

// addFields adds columns for the fields of a struct. `inside` are the structs that it is inside of, itself included.
func addFields(spec Spec, of reflect.Type, inside []reflect.Type) (Spec, error) {
	for index := range of.NumField() {
		field := of.Field(index)
		tag, skipped := tagsOf(field)
		if skipped {
			continue
		}
		if embedded, ok := embeddedStruct(field, tag); ok {
			within, err := entered(inside, embedded, of.String()+"."+field.Name)
			if err != nil {
				return spec, err
			}
			if spec, err = addFields(spec, embedded, within); err != nil {
				return spec, err
			}
			continue
		}
		if !field.IsExported() {
			continue
		}
		typeName := tag.typeName
		if typeName == "" {
			var err error
			if typeName, err = typeNameOf(field.Type, of.String()+"."+field.Name, inside); err != nil {
				return spec, err
			}
		}
		column := tag.column
		if column == "" {
			column = field.Name
		}
		spec = spec.AddColumn(column, typeName)
		if tag.member != column {
			spec = spec.MapField(literal(tag.member), column)
		}
	}
	return spec, nil
}

// What the tags of a field say.
type fieldTags struct {
	// The member of the JSON object, and whether a tag names it.
	member  string
	isNamed bool
	// The column's name and type; empty for what is not said.
	column, typeName string
}

func tagsOf(field reflect.StructField) (tags fieldTags, skipped bool) {
	jsonTag, _ := field.Tag.Lookup("json")
	karrowTag, _ := field.Tag.Lookup("karrow")
	if jsonTag == "-" || karrowTag == "-" {
		return tags, true
	}
	tags.member, _, _ = strings.Cut(jsonTag, ",")
	tags.isNamed = tags.member != ""
	if !tags.isNamed {
		tags.member = field.Name
	}
	// Types have commas too, so that everything behind the first one is the type.
	tags.column, tags.typeName, _ = strings.Cut(karrowTag, ",")
	tags.typeName = strings.TrimSpace(tags.typeName)
	return tags, false
}

// embeddedStruct is the struct whose fields count as those of the one it is embedded in, as encoding/json has it.
func embeddedStruct(field reflect.StructField, tags fieldTags) (reflect.Type, bool) {
	if !field.Anonymous || tags.isNamed || tags.column != "" || tags.typeName != "" {
		return nil, false
	}
	of := field.Type
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	return of, of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]()
}

func entered(inside []reflect.Type, of reflect.Type, place string) ([]reflect.Type, error) {
	if slices.Contains(inside, of) {
		return nil, typeError(place, fmt.Sprintf(
			"%s contains itself; name a type in its tag, such as `karrow:\",utf8\"`, which takes any JSON", of))
	}
	return append(slices.Clip(inside), of), nil
}

// literal is the field of that name: one that begins with a slash would be taken for a JSON Pointer, so it is made one.
func literal(member string) string {
	if !strings.HasPrefix(member, "/") {
		return member
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(member)
}

var plainTypes = map[reflect.Kind]string{
	reflect.Bool:    "bool",
	reflect.Int:     "int64",
	reflect.Int8:    "int8",
	reflect.Int16:   "int16",
	reflect.Int32:   "int32",
	reflect.Int64:   "int64",
	reflect.Uint:    "uint64",
	reflect.Uint8:   "uint8",
	reflect.Uint16:  "uint16",
	reflect.Uint32:  "uint32",
	reflect.Uint64:  "uint64",
	reflect.Float32: "float32",
	reflect.Float64: "float64",
	reflect.String:  "utf8",
}

// typeNameOf is the library's name of a Go type. `place` is where it is, for messages.
func typeNameOf(of reflect.Type, place string, inside []reflect.Type) (string, error) {
	switch of {
	case reflect.TypeFor[time.Time]():
		return "timestamp[ns, UTC]", nil
	case reflect.TypeFor[json.RawMessage]():
		return "utf8", nil
	case reflect.TypeFor[time.Duration]():
		return "", typeError(place,
			"JSON has no durations; name the type that it has in its tag, such as `karrow:\",int64\"`")
	}
	if name, ok := plainTypes[of.Kind()]; ok {
		return name, nil
	}
	switch of.Kind() {
	case reflect.Pointer:
		return typeNameOf(of.Elem(), place, inside)
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return "binary", nil
		}
		item, err := typeNameOf(of.Elem(), place, inside)
		return "list<" + item + ">", err
	case reflect.Map:
		if of.Key().Kind() != reflect.String {
			return "", typeError(place, fmt.Sprintf("the keys of a map are text, not %s", of.Key()))
		}
		value, err := typeNameOf(of.Elem(), place, inside)
		return "map<utf8, " + value + ">", err
	case reflect.Struct:
		within, err := entered(inside, of, place)
		if err != nil {
			return "", err
		}
		members, err := membersOf(of, within)
		return "struct<" + strings.Join(members, ", ") + ">", err
	default:
		return "", typeError(place, fmt.Sprintf(
			"%s is no type of a column; name one in its tag, such as `karrow:\",utf8\"`", of))
	}
}

// membersOf are the members of a struct inside a column, which read the fields of their own names.
func membersOf(of reflect.Type, inside []reflect.Type) ([]string, error) {
	var members []string
	for index := range of.NumField() {
		field := of.Field(index)
		tags, skipped := tagsOf(field)
		if skipped {
			continue
		}
		place := of.String() + "." + field.Name
		if embedded, ok := embeddedStruct(field, tags); ok {
			within, err := entered(inside, embedded, place)
			if err != nil {
				return nil, err
			}
			promoted, err := membersOf(embedded, within)
			if err != nil {
				return nil, err
			}
			members = append(members, promoted...)
			continue
		}
		if !field.IsExported() {
			continue
		}
		if tags.column != "" && tags.column != tags.member {
			return nil, typeError(place,
				"the members of a struct inside a column have the names of their JSON fields; a tag can only say a type")
		}
		typeName := tags.typeName
		if typeName == "" {
			var err error
			if typeName, err = typeNameOf(field.Type, place, inside); err != nil {
				return nil, err
			}
		}
		members = append(members, tags.member+": "+typeName)
	}
	return members, nil
}
