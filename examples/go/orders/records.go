package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// Orders as the records that a demo produces, in JSON, Avro or Protobuf.

// record is one as ProduceRecords has it.
type record struct {
	Partition   int32  `json:"partition"`
	TimestampMs int64  `json:"timestamp_ms"`
	Key         string `json:"key"`
	Value       any    `json:"value"`
}

// recordOf is the order that becomes a row.
func recordOf(row row, written format) record {
	var value any = jsonOf(row)
	switch written {
	case avro:
		value = bytesOf(avroOf(row))
	case protobuf:
		value = bytesOf(protobufOf(row))
	}
	return record{row.partition, row.kafkaTime.value.UnixMilli(), row.symbol.value, value}
}

func bytesOf(value []byte) any {
	return map[string]string{"base64": base64.StdEncoding.EncodeToString(value)}
}

func jsonOf(row row) string {
	return fmt.Sprintf(`{"jsymbol":"%s","jside":"%s","jprice":%.2f,"jqty":%d,"jts":"%s"}`,
		row.symbol.value, row.side.value, row.price.value, row.qty.value, isoText(row.time.value))
}

// avroOf is a zero byte, the number of the schema, and the fields of orderSchema one behind the other. AppendVarint writes
// as Avro does: 0, -1, 1, -2 and so on, seven bits in a byte.
func avroOf(row row) []byte {
	datum := binary.BigEndian.AppendUint32([]byte{0}, uint32(orderSchemaID))
	datum = binary.AppendVarint(datum, int64(len(row.symbol.value)))
	datum = append(datum, row.symbol.value...)
	datum = binary.AppendVarint(datum, int64(sideNumber(row)))
	datum = binary.LittleEndian.AppendUint64(datum, math.Float64bits(row.price.value))
	datum = binary.AppendVarint(datum, row.qty.value)
	return binary.AppendVarint(datum, row.time.value.UnixNano())
}

// protobufOf is the fields of orderFile, and in front of each its number and how it is written.
func protobufOf(row row) []byte {
	const (
		number     = 0
		eightBytes = 1
		sized      = 2
	)
	field := func(message []byte, field, written uint64) []byte {
		return binary.AppendUvarint(message, field<<3|written)
	}
	time := binary.AppendUvarint(field(nil, 1, number), uint64(row.time.value.Unix()))
	time = binary.AppendUvarint(field(time, 2, number), uint64(row.time.value.Nanosecond()))

	message := binary.AppendUvarint(field(nil, 1, sized), uint64(len(row.symbol.value)))
	message = append(message, row.symbol.value...)
	message = binary.AppendUvarint(field(message, 2, number), sideNumber(row))
	message = binary.LittleEndian.AppendUint64(field(message, 3, eightBytes), math.Float64bits(row.price.value))
	message = binary.AppendUvarint(field(message, 4, number), uint64(row.qty.value))
	message = binary.AppendUvarint(field(message, 5, sized), uint64(len(time)))
	return append(message, time...)
}

// sideNumber is the place of the side in its enum.
func sideNumber(row row) uint64 {
	if row.side.value == "buy" {
		return 0
	}
	return 1
}

// recordsOf is the orders as the JSON text that ProduceRecords takes.
func recordsOf(rows []row, written format) string {
	records := make([]record, len(rows))
	for index, row := range rows {
		records[index] = recordOf(row, written)
	}
	text, failure := json.Marshal(records)
	if failure != nil {
		panic(failure) // these are texts and numbers, which JSON has
	}
	return string(text)
}
