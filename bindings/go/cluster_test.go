package karrow

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

func TestAClusterTakesRecords(t *testing.T) {
	cluster := newCluster(t, 1)
	at := time.UnixMilli(1_700_000_000_123).UTC()
	for offset, value := range [][]byte{[]byte("a"), {}, nil} {
		equal(t, "offset", must(cluster.Produce("t", 0, []byte("k"), value, at))(t), Offset(offset))
	}
	equal(t, "offset", must(cluster.Produce("t", 0, nil, []byte("b"), time.Time{}))(t), 3)
	snapshot := readRows(t, newOpen(t, cluster, Key(Simple("K", "utf8"))), 4)
	equalTexts(t, "values", valuesOf(t, snapshot, 0), "a", "", "-", "b")
	equalTexts(t, "keys", textsOf(t, must(snapshot.Merged())(t), "K"), "k", "k", "k", "-")
	batch := must(must(snapshot.Partition(0))(t).Record())(t)
	defer batch.Release()
	times := batch.Column(2).(*array.Timestamp)
	equal(t, "time", times.Value(0).ToTime(arrow.Nanosecond), at)
	if now := times.Value(3).ToTime(arrow.Nanosecond); time.Since(now) > time.Hour {
		t.Error(now)
	}
}

func TestAClusterSaysWhatIsWrong(t *testing.T) {
	_, err := NewMockCluster(0)
	expectError(t, err, ErrInvalidArgument, "brokers")
	cluster := newCluster(t, 1)
	expectError(t, cluster.CreateTopic("t", 1), ErrInvalidArgument, "t")
	expectError(t, cluster.CreateTopic("u", 0), ErrInvalidArgument, "partitions")
	_, err = cluster.Produce("t", 7, nil, nil, time.Time{})
	expectError(t, err, ErrNotFound, "7")
	expectError(t, cluster.ProduceRecords("t", `["a", {"valeu": "b"}]`), ErrInvalidArgument, "[1]")
	expectError(t, cluster.PushErrors(99, 1), ErrInvalidArgument, "99")
	expectError(t, cluster.SetBrokerUp(7, true), ErrInvalidArgument, "7")
	expectError(t, cluster.SetLeader("t", 0, 7), ErrInvalidArgument, "7")
	expectError(t, cluster.SetDelay(1, -time.Second), ErrInvalidArgument, "delay")
	for range 2 {
		succeed(t, cluster.Close())
	}
	expectError(t, cluster.CreateTopic("v", 1), ErrClosed, "cluster: it has been closed")
	_, err = cluster.Produce("t", 0, nil, nil, time.Time{})
	expectError(t, err, ErrClosed, "cluster: it has been closed")
}

func TestAClusterHasTroublesOfOnesChoice(t *testing.T) {
	cluster := newCluster(t, 1)
	produce(t, cluster, 0, "a")
	// Metadata: LEADER_NOT_AVAILABLE, which passes.
	succeed(t, cluster.PushErrors(3, 5, 5))
	succeed(t, cluster.PushErrors(1))
	succeed(t, cluster.SetDelay(1, time.Millisecond))
	consumer := newOpen(t, cluster)
	readRows(t, consumer, 1)
	succeed(t, cluster.SetLeader("t", 0, 1))
	succeed(t, cluster.SetBrokerUp(1, false))
	succeed(t, cluster.SetBrokerUp(1, true))
	produce(t, cluster, 0, "b")
	equalTexts(t, "values", valuesOf(t, readRows(t, consumer, 2), 0), "a", "b")
}
