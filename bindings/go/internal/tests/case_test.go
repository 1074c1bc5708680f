package tests

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	karrow "github.com/karrow/karrow/bindings/go"
)

// Cases, and the specs and options that they ask for.

const casesFolder = "../../../../tests/conformance/cases"

type conformanceCase struct {
	name string
	text members
}

// allCases are those of every file, in the order of the files' names.
func allCases() []conformanceCase {
	files := must1(filepath.Glob(filepath.Join(casesFolder, "*.json")))
	var cases []conformanceCase
	for _, file := range files {
		for _, text := range list(must1(parsed(must1(os.ReadFile(file))))) {
			text := membersOf(text)
			cases = append(cases, conformanceCase{as[string](text["name"]), text})
		}
	}
	return cases
}

// jsonText is an Avro schema or a description: its text, or the JSON that the text is.
func jsonText(schema any) string {
	if written, is := schema.(string); is {
		return written
	}
	return text(schema)
}

// linesText is a text, perhaps as its lines.
func linesText(lines any) string {
	if written, is := lines.(string); is {
		return written
	}
	return strings.Join(texts(lines), "\n")
}

func specOf(text any) karrow.Spec {
	spec := membersOf(text)
	defer spec.end()
	switch kind := as[string](spec.need("spec")); kind {
	case "ignore":
		return karrow.Ignore()
	case "from_properties":
		return karrow.FromProperties()
	case "simple":
		return karrow.Simple(takeOr(spec, "column", ""), takeOr(spec, "type", ""))
	case "json":
		return jsonSpecOf(spec)
	case "object_processor":
		return karrow.ObjectProcessor(jsonText(spec.need("description")))
	case "avro":
		return avroSpecOf(spec)
	case "protobuf":
		return protobufSpecOf(spec)
	default:
		fail("there is no spec %s", kind)
		return karrow.Ignore()
	}
}

func jsonSpecOf(members members) karrow.Spec {
	spec := karrow.JSON()
	if members.has("fields") {
		spec = karrow.JSONColumns(arrow.NewSchema(fieldsOf(members.take("fields")), nil))
	}
	for _, column := range list(members.take("columns")) {
		pair := texts(column)
		spec = spec.AddColumn(pair[0], pair[1])
	}
	return withMapping(spec, members)
}

func avroSpecOf(members members) karrow.Spec {
	var spec karrow.Spec
	if members.has("schema") {
		spec = karrow.AvroSchema(jsonText(members.take("schema")))
	} else {
		spec = withNames(karrow.AvroSubject(as[string](members.need("subject"))), members)
	}
	return withSchemas(withMapping(withSettings(spec, members), members), members, jsonText)
}

// withNames says the version of a subject, and the name of a message.
func withNames(spec karrow.Spec, members members) karrow.Spec {
	if members.has("version") {
		spec = spec.Version(as[string](members.take("version")))
	}
	if members.has("message") {
		spec = spec.Message(as[string](members.take("message")))
	}
	return spec
}

func protobufSpecOf(members members) karrow.Spec {
	var spec karrow.Spec
	switch {
	case members.has("source"):
		spec = karrow.ProtobufSource(takeOr(members, "file", "case.proto"), linesText(members.take("source")))
	case members.has("descriptor"):
		descriptor := membersOf(members.take("descriptor"))
		bytes := must1(base64.StdEncoding.DecodeString(as[string](descriptor.need("base64"))))
		descriptor.end()
		spec = karrow.ProtobufDescriptor(bytes)
	default:
		spec = karrow.ProtobufSubject(as[string](members.need("subject")))
	}
	spec = withNames(spec, members)
	names, files := sorted(members.take("files"))
	for _, name := range names {
		spec = spec.AddFile(name, linesText(files[name]))
	}
	return withSchemas(withMapping(withSettings(spec, members), members), members, linesText)
}

func withSettings(spec karrow.Spec, members members) karrow.Spec {
	keys, settings := sorted(members.take("set"))
	for _, key := range keys {
		spec = spec.Set(key, as[string](settings[key]))
	}
	return spec
}

func withMapping(spec karrow.Spec, members members) karrow.Spec {
	for _, field := range list(members.take("mapping")) {
		pair := texts(field)
		spec = spec.MapField(pair[0], pair[1])
	}
	return spec
}

func withSchemas(spec karrow.Spec, members members, written func(any) string) karrow.Spec {
	ids, schemas := sorted(members.take("schemas"))
	for _, id := range ids {
		spec = spec.AddSchema(number(id), written(schemas[id]))
	}
	return spec
}

// partitionOf is the number of a partition, or all of them.
func partitionOf(name string) karrow.PartitionID {
	if name == "all" {
		return karrow.AllPartitions
	}
	return karrow.PartitionID(number(name))
}

// timeOf is the time in {"time": 1000}.
func timeOf(text any) time.Time {
	object := membersOf(text)
	moment := time.UnixMilli(integer(object.need("time")))
	object.end()
	return moment
}

var startNames = map[string]karrow.Offset{
	"beginning": karrow.SeekToBeginning, "dont_seek": karrow.DontSeek, "end": karrow.SeekToEnd,
}

func startOf(partition string, start any) karrow.Option {
	id := partitionOf(partition)
	switch start := start.(type) {
	case map[string]any:
		return karrow.StartAtTime(id, timeOf(start))
	case string:
		return karrow.StartAt(id, startNames[start])
	default:
		return karrow.StartAt(id, karrow.Offset(integer(start)))
	}
}

func stopOf(partition string, stop any) karrow.Option {
	id := partitionOf(partition)
	switch stop := stop.(type) {
	case map[string]any:
		return karrow.StopBeforeTime(id, timeOf(stop))
	case string:
		same("where it stops", stop, "end")
		return karrow.StopAtEnd(id)
	default:
		return karrow.StopBefore(id, karrow.Offset(integer(stop)))
	}
}

// startsOf are the entries of an object of partitions.
func startsOf(starts any) []karrow.Option {
	var options []karrow.Option
	partitions, values := sorted(starts)
	for _, partition := range partitions {
		options = append(options, startOf(partition, values[partition]))
	}
	return options
}
