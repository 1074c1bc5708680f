package karrow

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestErrorsCarryWhatTheLibraryKnows(t *testing.T) {
	expectNothingLeft(t)
	_, err := Open(patient(t), "")
	failure := expectError(t, err, ErrInvalidArgument, "topic")
	equal(t, "argument", failure.Details["argument"], "topic")
	equal(t, "details", len(failure.Details), 1)
	equal(t, "Kafka's code", failure.KafkaCode, 0)
	if failure.Retriable || failure.Position != nil || errors.Is(err, ErrKafka) {
		t.Errorf("%+v", failure)
	}
}

func TestErrorsOfRecordsHaveTheirPlace(t *testing.T) {
	cluster := newCluster(t, 2)
	produce(t, cluster, 1, "12345678", "12345")
	consumer := newOpen(t, cluster, Value(Simple("V", "int64")))
	partition := must(readFailures(t, consumer, 1).Partition(1))(t)
	failure := expectError(t, partition.Failure, ErrBadRecord, "")
	equal(t, "message", failure.Message, "column V: expected 8 bytes for int64, found 5 bytes, at t[1]@1 (value)")
	equal(t, "position", *failure.Position, Position{1, 1})
	for key, expected := range map[string]string{
		"topic": "t", "side": "value", "column": "V", "reason": "expected 8 bytes for int64, found 5 bytes",
	} {
		equal(t, key, failure.Details[key], expected)
	}
	equal(t, "state", partition.State, Failed)
	equal(t, "next offset", partition.NextOffset, 1)
}

func TestErrorsOfKafkaHaveItsNumber(t *testing.T) {
	cluster := newCluster(t, 1)
	failure := expectError(t, cluster.SetLeader("t", 7, 1), ErrKafka, "")
	if failure.KafkaCode == 0 {
		t.Errorf("%+v", failure)
	}
}

func TestErrorsNameTheArgumentThatHoldsNUL(t *testing.T) {
	cluster := newCluster(t, 1)
	for argument, options := range map[string][]Option{
		"key":         {Set("group\x00.id", "g")},
		"value":       {Set("group.id", "g\x00")},
		"name":        {Value(JSON().AddColumn("A\x00", "int64"))},
		"type":        {Value(JSON().AddColumn("A", "int64\x00"))},
		"field":       {Value(JSON().MapField("\x00", "A"))},
		"column":      {Value(Simple("\x00", ""))},
		"description": {Value(ObjectProcessor("\x00"))},
		"schema":      {Value(AvroSchema("\x00"))},
		"subject":     {Value(AvroSubject("\x00"))},
		"version":     {Value(ProtobufSubject("s").Version("\x00"))},
		"message":     {Value(ProtobufDescriptor(nil).Message("\x00"))},
		"file":        {Value(ProtobufSource("\x00", ""))},
		"text":        {Value(ProtobufSource("f", `syntax = "proto3"; message M {}`).AddFile("g", "\x00"))},
	} {
		_, err := Open(patient(t), "t", options...)
		failure := expectError(t, err, ErrInvalidArgument, argument+": it holds a NUL character")
		equal(t, "argument", failure.Details["argument"], argument)
	}
	_, err := Open(patient(t), "t\x00")
	expectError(t, err, ErrInvalidArgument, "topic: it holds a NUL character")
	expectError(t, cluster.ProduceRecords("t", "\x00"), ErrInvalidArgument, "records: it holds a NUL character")
	snapshot := must(newOpen(t, cluster).Snapshot())(t)
	t.Cleanup(func() { _ = snapshot.Close() })
	_, err = snapshot.View("V", "\x00")
	expectError(t, err, ErrInvalidArgument, "columns: it holds a NUL character")
}

func TestEveryStatusOfTheHeaderHasASentinel(t *testing.T) {
	sentinels := map[string]error{
		"END": ErrEnd, "INTERRUPTED": ErrInterrupted, "TIMEOUT": ErrTimeout, "BUSY": ErrBusy, "CLOSED": ErrClosed,
		"INVALID_ARGUMENT": ErrInvalidArgument, "INVALID_STATE": ErrInvalidState, "NOT_FOUND": ErrNotFound,
		"OUT_OF_RANGE": ErrOutOfRange, "UNSUPPORTED": ErrUnsupported, "BAD_RECORD": ErrBadRecord, "KAFKA": ErrKafka,
		"REGISTRY": ErrRegistry, "PROCESSOR": ErrProcessor, "LIMIT": ErrLimit, "PANIC": ErrPanic,
		"POISONED": ErrPoisoned, "INTERNAL": ErrInternal,
	}
	header := must(os.ReadFile("../../include/karrow.h"))(t)
	found := regexp.MustCompile(`KARROW_STATUS_(\w+) = (\d+)`).FindAllStringSubmatch(string(header), -1)
	equal(t, "statuses but OK", len(found)-1, len(sentinels))
	for _, match := range found {
		name := match[1]
		number := must(strconv.Atoi(match[2]))(t)
		equal(t, "name", Status(number).String(), name)
		if name == "OK" {
			equal(t, name, Status(number), StatusOK)
			continue
		}
		err := error(newError(Status(number), "it is so"))
		for other, sentinel := range sentinels {
			equal(t, name+" is "+other, errors.Is(err, sentinel), name == other)
		}
		equal(t, name, sentinels[name].Error(), "karrow: "+strings.ToLower(strings.ReplaceAll(name, "_", " ")))
	}
	equal(t, "a status of a newer library", Status(1000).String(), "UNKNOWN")
}

func TestErrorsOfAContextHaveItsCause(t *testing.T) {
	why := errors.New("the shop has closed")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	err := error(contextError(ctx, "poll"))
	expectError(t, err, ErrInterrupted, "poll: the shop has closed")
	equal(t, "is why", errors.Is(err, why), true)
	equal(t, "is cancelled", errors.Is(err, context.Canceled), true)
	equal(t, "is over", errors.Is(err, context.DeadlineExceeded), false)

	late, cancelLate := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancelLate()
	err = contextError(late, "poll")
	expectError(t, err, ErrTimeout, "poll: context deadline exceeded")
	equal(t, "is over", errors.Is(err, context.DeadlineExceeded), true)
}

func TestTheLibraryFits(t *testing.T) {
	succeed(t, checkABI())
	if !strings.Contains(Version(), "librdkafka") {
		t.Error(Version())
	}
	fits := func(built, loaded uint32) bool { return abiError(built, loaded, "") == nil }
	equal(t, "the same before 1.0", fits(0x00000001, 0x00000001), true)
	equal(t, "newer before 1.0", fits(0x00000001, 0x00000002), false)
	equal(t, "newer", fits(0x00010002, 0x00010003), true)
	equal(t, "older", fits(0x00010002, 0x00010001), false)
	equal(t, "next major", fits(0x00010002, 0x00020000), false)
	expectError(t, abiError(0x00000001, 0x00000002, "0.2.0"), ErrUnsupported,
		"karrow 0.2.0 is loaded, whose C ABI is 0.2, but this program was built with the header of ABI 0.1; install "+
			"karrow 0.1, or build the program again with the one that is installed")
	expectError(t, abiError(0x00010002, 0x00010001, "1.1.0"), ErrUnsupported,
		"install karrow 1.2, or a newer one before 2.0, or")
}
