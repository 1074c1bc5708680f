package karrow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// columnsOf are the columns that a spec makes of values, as text.
func columnsOf(t *testing.T, spec Spec) string {
	t.Helper()
	expectNothingLeft(t)
	schema := must(TableSchema(patient(t), "t",
		Set("karrow.partition.column.name", ""), Set("karrow.offset.column.name", ""),
		Set("karrow.timestamp.column.name", ""), Set("karrow.value.column.type", "binary"),
		Key(Ignore()), Value(spec)))(t)
	var columns []string
	for _, field := range schema.Fields() {
		columns = append(columns, fmt.Sprintf("%s: %s", field.Name, field.Type))
	}
	return strings.Join(columns, ", ")
}

func TestSpecsOfEveryKindMakeColumns(t *testing.T) {
	const avro = `{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"},
		{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["x"]}}]}`
	const proto = `syntax = "proto3"; import "other.proto"; message N { string b = 1; }
		message M { int64 a = 1; Other o = 2; }`
	const other = `syntax = "proto3"; message Other { bool c = 1; }`
	// protoc's of: syntax = "proto3"; message D { string d = 1; }
	descriptors := []byte("\n\x24\n\x07d.proto\"\x11\n\x01D\x12\x0c\n\x01d\x18\x01 \x01(\tR\x01db\x06proto3")
	for _, each := range []struct {
		name    string
		spec    Spec
		columns string
	}{
		{"from properties", FromProperties(), "KafkaValue: binary"},
		{"simple", Simple("A", "short"), "A: int16"},
		{"simple, named by the options", Simple("", "utf8"), "KafkaValue: utf8"},
		{"json", JSON().AddColumn("A", "long[]").AddColumn("B", "Instant").MapField("/b/0", "B"),
			"A: list<item: int64, nullable>, B: timestamp[ns, tz=UTC]"},
		{"json of a schema",
			JSONColumns(arrow.NewSchema([]arrow.Field{{Name: "A b", Type: arrow.PrimitiveTypes.Uint8}}, nil)),
			"A b: uint8"},
		{"object processor", ObjectProcessor(`{"a": {"b": "int"}}`), "a_b: int64"},
		{"avro", AvroSchema(avro), "a: int32, e: utf8"},
		{"avro with settings",
			AvroSchema(avro).Set("mapped_only", "true").MapField("a", "A").AddSchema(7, avro), "A: int32"},
		{"protobuf", ProtobufSource("m.proto", proto).AddFile("other.proto", other), "b: utf8"},
		{"protobuf with settings",
			ProtobufSource("m.proto", proto).Message("M").AddFile("other.proto", other).
				Set("nested", "struct").MapField("/a", "A"),
			"A: int64, o: struct<c: bool nullable>"},
		{"protobuf that is compiled", ProtobufDescriptor(descriptors).Message("D"), "d: utf8"},
		{"callback", Callback(arrow.NewSchema([]arrow.Field{{Name: "C", Type: arrow.BinaryTypes.String}}, nil),
			func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) { return nil, nil }).
			Set("offset", "true"),
			"C: utf8"},
	} {
		t.Run(each.name, func(t *testing.T) {
			equal(t, "columns", columnsOf(t, each.spec), each.columns)
		})
	}
}

func TestSpecsOfSubjectsAskARegistry(t *testing.T) {
	expectNothingLeft(t)
	for _, spec := range []Spec{
		AvroSubject("s"), AvroSubject("s").Version("2"), ProtobufSubject("s").Version("latest").Message("M"),
	} {
		_, err := TableSchema(patient(t), "t", Value(spec))
		expectError(t, err, ErrInvalidArgument, "schema.registry.url")
	}
	_, err := TableSchema(patient(t), "t", Value(AvroSubject("s").Version("second")))
	expectError(t, err, ErrInvalidArgument, "version")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = TableSchema(ctx, "t", Value(AvroSubject("s")), Set("schema.registry.url", "http://127.0.0.1:1"))
	expectError(t, err, ErrRegistry, "127.0.0.1:1")
}

func TestSpecsSayWhatIsWrong(t *testing.T) {
	expectNothingLeft(t)
	nothing := func(*ProcessorCall, arrow.RecordBatch) (arrow.RecordBatch, error) { return nil, nil }
	view := arrow.NewSchema([]arrow.Field{{Name: "A", Type: arrow.BinaryTypes.StringView}}, nil)
	for _, each := range []struct {
		spec   Spec
		status error
		part   string
	}{
		{JSON().AddColumn("A", "in64"), ErrInvalidArgument, "in64"},
		{JSON().AddColumn("A", "int64").AddColumn("A", "int64"), ErrInvalidArgument, "A"},
		{Ignore().AddColumn("A", "int64"), ErrInvalidState, "json"},
		{Simple("A", "utf8").MapField("a", "A"), ErrInvalidState, "json"},
		{JSON().Set("framing", "bare"), ErrInvalidState, ""},
		{JSON().AddSchema(1, "{}"), ErrInvalidState, ""},
		{JSON().AddFile("f", ""), ErrInvalidState, ""},
		{JSONColumns(nil), ErrInvalidArgument, "columns"},
		{JSONColumns(view), ErrUnsupported, "A"},
		{ObjectProcessor("{"), ErrInvalidArgument, "description"},
		{AvroSchema("{"), ErrInvalidArgument, "schema"},
		{ProtobufSource("f", "message M {\n?}"), ErrInvalidArgument, "f:2"},
		{ProtobufDescriptor(nil).Message("M"), ErrInvalidArgument, "descriptors"},
		{AvroSubject("s").Version(""), ErrInvalidArgument, "version: ''"},
		{ProtobufSource("f", "message M {}").Message(""), ErrInvalidArgument, "message"},
		{AvroSchema("{}").Version("1"), ErrInvalidState, "version: only"},
		{AvroSubject("s").Message("M").Version("1"), ErrInvalidState, "message: only specs of Protobuf"},
		{Callback(nil, nothing), ErrInvalidArgument, "columns"},
		{Callback(arrow.NewSchema(nil, nil), nothing), ErrInvalidArgument, "columns: there are none"},
		{Callback(view, nothing), ErrUnsupported, "utf8view"},
		{Callback(view, nil), ErrInvalidArgument, "processor: there is none"},
	} {
		_, err := TableSchema(patient(t), "t", Value(each.spec))
		expectError(t, err, each.status, each.part)
	}
	_, err := TableSchema(patient(t), "t", Value(ObjectProcessor(`{"a": {"type": "text"}}`)))
	equal(t, "pointer", expectError(t, err, ErrInvalidArgument, "text").Details["pointer"], "/a/type")
}

func TestASpecThatIsChangedIsAnother(t *testing.T) {
	base := JSON().AddColumn("A", "int64")
	one, other := base.AddColumn("B", "utf8"), base.AddColumn("C", "bool")
	equal(t, "base", columnsOf(t, base), "A: int64")
	equal(t, "one", columnsOf(t, one), "A: int64, B: utf8")
	equal(t, "other", columnsOf(t, other), "A: int64, C: bool")
}

type common struct {
	Seq uint32 `json:"seq"`
}

type leg struct {
	Price float32           `json:"price"`
	Notes map[string]string `json:"notes,omitempty"`
	*common
	hidden int
}

type order struct {
	Symbol string `json:"jsymbol"`
	Side   string `karrow:"BuyOrSell"`
	Price  string `json:"jprice" karrow:",decimal128(10, 2)"`
	common
	Count    int
	Small    int8
	Flag     *bool
	Tstamp   time.Time
	Raw      json.RawMessage
	Bytes    []byte
	Legs     []leg
	First    *leg     `json:"/first~"`
	Days     []any    `karrow:"Dates,list<date32>"`
	Skipped  chan int `json:"-"`
	Silent   chan int `karrow:"-"`
	internal chan int
}

func TestAGoTypeMakesColumns(t *testing.T) {
	_, _ = order{}.internal, leg{}.hidden
	const legs = "struct<price: float32 nullable, notes: map<utf8, utf8, items_nullable> nullable, seq: uint32 nullable>"
	expected := []string{
		"Symbol: utf8", "BuyOrSell: utf8", "Price: decimal(10, 2)", "Seq: uint32", "Count: int64", "Small: int8",
		"Flag: bool",
		"Tstamp: timestamp[ns, tz=UTC]", "Raw: utf8", "Bytes: binary", "Legs: list<item: " + legs + ", nullable>",
		"First: " + legs, "Dates: list<item: date32, nullable>",
	}
	equal(t, "columns", columnsOf(t, JSONOf[order]()), strings.Join(expected, ", "))

	cluster := newCluster(t, 1)
	produce(t, cluster, 0, `{"jsymbol": "AAPL", "Side": "B", "jprice": 187.5, "seq": 7, "Count": 1, "Small": null,
		"Flag": true, "Tstamp": "2024-01-02T03:04:05Z", "Raw": {"a": [1]}, "Bytes": "/w==",
		"Legs": [{"price": 1, "seq": 2}],
		"/first~": {"notes": {"k": "v"}}, "Days": ["1970-01-02"], "Skipped": 1}`)
	snapshot := readRows(t, newOpen(t, cluster, Value(JSONOf[order]())), 1)
	batch := must(must(snapshot.Partition(0))(t).Record())(t)
	defer batch.Release()
	row := must(batch.MarshalJSON())(t)
	var rows []map[string]any
	succeed(t, json.Unmarshal(row, &rows))
	for name, value := range map[string]any{
		"Symbol": "AAPL", "BuyOrSell": "B", "Seq": 7.0, "Count": 1.0, "Flag": true, "Raw": `{"a": [1]}`, "Bytes": "/w==",
		"Dates": []any{"1970-01-02"}, "Small": nil,
	} {
		equal(t, name, fmt.Sprint(rows[0][name]), fmt.Sprint(value))
	}
	prices := batch.Column(batch.Schema().FieldIndices("Price")[0]).(*array.Decimal128)
	equal(t, "Price", prices.ValueStr(0), "187.5")
	first := batch.Column(batch.Schema().FieldIndices("First")[0]).(*array.Struct)
	equal(t, "First.notes", first.Field(1).(*array.Map).ValueStr(0), `[{"key":"k","value":"v"}]`)
}

func TestAGoTypeThatMakesNoColumnsSaysWhy(t *testing.T) {
	expectNothingLeft(t)
	type list struct {
		Next *list
	}
	type inside struct {
		A []struct {
			B chan int
		}
	}
	type renamed struct {
		A struct {
			B int `karrow:"C"`
		}
	}
	for part, spec := range map[string]Spec{
		"type: int: it is no struct":                                             JSONOf[int](),
		"type: karrow.list.Next: karrow.list contains itself":                    JSONOf[list](),
		"chan int is no type of a column":                                        JSONOf[inside](),
		"have the names of their JSON fields":                                    JSONOf[renamed](),
		"type: struct { A interface {} }.A: interface {} is no type of a column": JSONOf[struct{ A any }](),
		"the keys of a map are text, not int":                                    JSONOf[struct{ A map[int]int }](),
		"JSON has no durations":                                                  JSONOf[struct{ A time.Duration }](),
		"name: there is a column A already": JSONOf[struct {
			A, B int `karrow:"A"`
		}](),
	} {
		_, err := TableSchema(patient(t), "t", Value(spec))
		expectError(t, err, ErrInvalidArgument, part)
	}
}
