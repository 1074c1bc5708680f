package main

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	karrow "github.com/karrow/karrow/bindings/go"
)

// Orders as rows: the columns that they are read into, and how new rows are taken out of a snapshot.

// shownRows is how many rows of each partition are shown.
const shownRows = 3

// optional is a value, or null.
type optional[Value any] struct {
	value Value
	is    bool
}

func some[Value any](value Value) optional[Value] { return optional[Value]{value, true} }

// shown is the value as a text, or null.
func (o optional[Value]) shown(text func(Value) string) string {
	if !o.is {
		return "null"
	}
	return text(o.value)
}

// row is one row, with every column of the table. What a record leaves out is null.
type row struct {
	partition int32
	offset    int64
	kafkaTime optional[time.Time]
	symbol    optional[string]
	side      optional[string]
	price     optional[float64]
	qty       optional[int64]
	time      optional[time.Time]
}

// progress is what has been read so far.
type progress struct {
	rows       int64
	done       optional[float64] // how much of a read that ends
	partitions map[int32]*partitionProgress
}

type partitionProgress struct {
	rows    int64
	lag     optional[int64]         // once it is known
	from    optional[karrow.Offset] // where reading was when it was first looked at
	last    []row
	failure error
}

func newProgress() *progress {
	return &progress{partitions: map[int32]*partitionProgress{}}
}

// ids are the partitions in their order.
func (p *progress) ids() []int32 { return slices.Sorted(maps.Keys(p.partitions)) }

func (p *progress) partition(id karrow.PartitionID) *partitionProgress {
	known := p.partitions[int32(id)]
	if known == nil {
		known = &partitionProgress{}
		p.partitions[int32(id)] = known
	}
	return known
}

// takeProgress takes how far reading has come, and if it stops everywhere, how much of the way that is.
func (p *progress) takeProgress(partitions []karrow.PartitionProgress) {
	var read, all karrow.Offset
	stops := true
	for _, now := range partitions {
		known := p.partition(now.Partition)
		if now.Lag != nil {
			known.lag = some(*now.Lag)
		}
		if !known.from.is {
			known.from = some(now.Position)
		}
		stops = stops && now.StopOffset != nil
		if now.StopOffset != nil {
			way := max(*now.StopOffset-known.from.value, 0)
			all += way
			read += min(now.Position-known.from.value, way)
		}
	}
	if stops {
		p.done = some(1.0)
		if all > 0 {
			p.done = some(float64(read) / float64(all))
		}
	}
}

// takeRows takes what a snapshot has more than the one before, and lets somebody look at each new row: its number is how
// many rows its partition had before it.
func (p *progress) takeRows(snapshot *karrow.Snapshot, lookAt func(partition int32, number int64, row row)) error {
	for partition := range snapshot.Partitions() {
		known := p.partition(partition.ID)
		number := max(known.rows, partition.FirstRow)
		reader, err := partition.ReaderFrom(number)
		if err != nil {
			return err
		}
		for reader.Next() {
			for row := range rowsOf(reader.RecordBatch()) {
				lookAt(int32(partition.ID), number, row)
				number++
				known.last = append(known.last, row)
				known.last = known.last[max(len(known.last)-shownRows, 0):]
			}
		}
		reader.Release()
		if err := reader.Err(); err != nil {
			return err
		}
		p.rows += partition.EndRow - known.rows
		known.rows, known.failure = partition.EndRow, partition.Failure
	}
	return nil
}

// rowsOf are the rows of a batch, whose columns are those of orderView.
func rowsOf(batch arrow.RecordBatch) iter.Seq[row] {
	partition, offset := batch.Column(0).(*array.Int32), batch.Column(1).(*array.Int64)
	kafkaTime, time := timesOf(batch.Column(2)), timesOf(batch.Column(7))
	symbol, side := batch.Column(3).(*array.String), batch.Column(4).(*array.String)
	price, qty := batch.Column(5).(*array.Float64), batch.Column(6).(*array.Int64)
	return func(yield func(row) bool) {
		for i := range int(batch.NumRows()) {
			row := row{partition.Value(i), offset.Value(i), kafkaTime(i), valueAt(symbol, i), valueAt(side, i),
				valueAt(price, i), valueAt(qty, i), time(i)}
			if !yield(row) {
				return
			}
		}
	}
}

// valueAt is what a column has in a row. Texts are copied: they are the batch's, which goes when the next one is read.
func valueAt[Value any](column interface {
	IsNull(int) bool
	Value(int) Value
}, row int) optional[Value] {
	if column.IsNull(row) {
		return optional[Value]{}
	}
	value := column.Value(row)
	if text, is := any(value).(string); is {
		value = any(strings.Clone(text)).(Value)
	}
	return some(value)
}

// timesOf reads a column of times, in whatever unit the schema of the records has.
func timesOf(column arrow.Array) func(row int) optional[time.Time] {
	times, unit := column.(*array.Timestamp), column.DataType().(*arrow.TimestampType).Unit
	return func(row int) optional[time.Time] {
		if times.IsNull(row) {
			return optional[time.Time]{}
		}
		return some(times.Value(row).ToTime(unit))
	}
}

// Specs ----------------------------------------------------------------------------------------------------------------

// format is what an order is written in, and read by: JSON by a json spec or by an object processor.
type format string

const (
	inJSON      format = "json"
	avro        format = "avro"
	protobuf    format = "protobuf"
	inProcessor format = "processor"
)

// hasSchema says whether orders have a schema that a registry may have.
func (f format) hasSchema() bool { return f == avro || f == protobuf }

// orderSchemaID is the number by which each of the demo's Avro records says which schema it was written with. A registry
// would give it out.
const orderSchemaID = 1

const orderSchema = `{"type": "record", "name": "Order", "fields": [
	{"name": "jsymbol", "type": "string"},
	{"name": "jside", "type": {"type": "enum", "name": "Side", "symbols": ["buy", "sell"]}},
	{"name": "jprice", "type": "double"},
	{"name": "jqty", "type": "long"},
	{"name": "jts", "type": {"type": "long", "logicalType": "timestamp-nanos"}}]}`

const orderFile = `syntax = "proto3";
	import "google/protobuf/timestamp.proto";
	message Order {
		enum Side { buy = 0; sell = 1; }
		string jsymbol = 1;
		Side jside = 2;
		double jprice = 3;
		int64 jqty = 4;
		google.protobuf.Timestamp jts = 5;
	}`

const orderValues = `{"jsymbol": "string", "jside": "string", "jprice": "double", "jqty": "long", "jts": "instant"}`

// order is a JSON order: the fields, and the columns that they become.
type order struct {
	Symbol string    `json:"jsymbol"`
	Side   string    `json:"jside"`
	Price  float64   `json:"jprice"`
	Qty    int64     `json:"jqty"`
	Tstamp time.Time `json:"jts"`
}

// withOrderColumns names the columns that the fields of an order become.
func withOrderColumns(spec karrow.Spec) karrow.Spec {
	return spec.MapField("jsymbol", "Symbol").MapField("jside", "Side").MapField("jprice", "Price").
		MapField("jqty", "Qty").MapField("jts", "Tstamp")
}

// orderSpec is what orders of the demo become: the same columns, whatever they are written in.
func orderSpec(written format) karrow.Spec {
	switch written {
	case avro:
		return withOrderColumns(karrow.AvroSchema(orderSchema).AddSchema(orderSchemaID, orderSchema))
	case protobuf:
		return withOrderColumns(karrow.ProtobufSource("order.proto", orderFile))
	case inProcessor:
		return karrow.ObjectProcessor(orderValues)
	}
	return karrow.JSONOf[order]()
}

// registrySpec is orders with the schema that a registry has for a topic, perhaps with fields that nobody asks for here.
func registrySpec(topic string, written format) karrow.Spec {
	subject := topic + "-value"
	if written == protobuf {
		return withOrderColumns(karrow.ProtobufSubject(subject).Set("include", "jsymbol,jside,jprice,jqty,jts"))
	}
	return withOrderColumns(karrow.AvroSubject(subject).Set("mapped_only", "true"))
}

// orderView is the columns of orders under the same names: an object processor's are those of the fields.
func orderView(snapshot *karrow.Snapshot, written format) (*karrow.Snapshot, error) {
	if written == inProcessor {
		return snapshot.View("KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol=jsymbol", "Side=jside",
			"Price=jprice", "Qty=jqty", "Tstamp=jts")
	}
	return snapshot.View("KafkaPartition", "KafkaOffset", "KafkaTimestamp", "Symbol", "Side", "Price", "Qty", "Tstamp")
}
