package karrow

// #include <karrow.h>
import "C"

import (
	"runtime"
	"time"
	"unsafe"

	"github.com/karrow/karrow/bindings/go/internal/native"
)

// A MockCluster is an embedded cluster, for demos and for your own tests: real Kafka protocol on loopback, in this
// process. It keeps at most 5 MiB a partition, and knows no times, transactions or security. Any goroutines may use it.
type MockCluster struct {
	handle           *handle[*C.karrow_mock_cluster]
	bootstrapServers string
}

// NewMockCluster starts a cluster of this many brokers, numbered from 1. Close it.
//
// Errors: [ErrInvalidArgument] for fewer than 1; [ErrUnsupported] for a library that does not fit this package.
func NewMockCluster(brokers int32) (*MockCluster, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	var pointer *C.karrow_mock_cluster
	err := call(func(e **C.karrow_error) C.karrow_status {
		return C.karrow_mock_cluster_new(C.int32_t(brokers), &pointer, e)
	})
	if err != nil {
		return nil, err
	}
	free := func(pointer *C.karrow_mock_cluster) { C.karrow_mock_cluster_free(pointer) }
	m := &MockCluster{
		newHandle("cluster", native.Cluster, pointer, free),
		C.GoString(C.karrow_mock_cluster_bootstrap_servers(pointer)),
	}
	runtime.AddCleanup(m, (*handle[*C.karrow_mock_cluster]).close, m.handle)
	return m, nil
}

// BootstrapServers is what to set bootstrap.servers to.
func (m *MockCluster) BootstrapServers() string { return m.bootstrapServers }

// Close stops the cluster, once calls on it have returned. Closing again does nothing. The error is always nil.
func (m *MockCluster) Close() error {
	m.handle.close()
	return nil
}

// with calls a function of karrow.h on the cluster.
func (m *MockCluster) with(
	function func(t *texts, cluster *C.karrow_mock_cluster) attempt,
) error {
	pointer, err := m.handle.use()
	if err != nil {
		return err
	}
	defer m.handle.done()
	return callWith(func(t *texts) attempt { return function(t, pointer) })
}

// CreateTopic creates a topic, replicated on up to three brokers.
//
// Errors: [ErrInvalidArgument] for a topic that exists already, or fewer than 1 partition; [ErrClosed].
func (m *MockCluster) CreateTopic(topic string, partitions int32) error {
	return m.with(func(t *texts, cluster *C.karrow_mock_cluster) attempt {
		name := t.of("topic", topic)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_mock_cluster_create_topic(cluster, name, C.int32_t(partitions), e)
		}
	})
}

// Produce produces one record, waits until it is in the log, and returns its offset. A nil key or value is Kafka's
// null. The zero time stands for now.
//
// Errors: [ErrNotFound] for a partition that does not exist; [ErrInvalidArgument]; [ErrKafka] for what the cluster
// refuses; [ErrTimeout] after a minute; [ErrClosed].
func (m *MockCluster) Produce(topic string, partition PartitionID, key, value []byte, at time.Time) (Offset, error) {
	var offset C.int64_t
	var timestamp C.int64_t
	if !at.IsZero() {
		timestamp = C.int64_t(at.UnixMilli())
	}
	err := m.with(func(t *texts, cluster *C.karrow_mock_cluster) attempt {
		name := t.of("topic", topic)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_mock_cluster_produce(cluster, name, C.int32_t(partition), bytesOf(key), sizeOf(key),
				bytesOf(value), sizeOf(value), timestamp, &offset, e)
		}
	})
	return Offset(offset), err
}

func bytesOf(bytes []byte) *C.uint8_t {
	return (*C.uint8_t)(unsafe.SliceData(bytes))
}

// sizeOf is -1 for Kafka's null.
func sizeOf(bytes []byte) C.int64_t {
	if bytes == nil {
		return -1
	}
	return C.int64_t(len(bytes))
}

// ProduceRecords produces the records of a JSON array, and waits until all are in the log: what a test produces can so
// be data. A record is an object with any of partition, key, value, timestamp_ms and headers, or only a value; karrow.h
// says how each is written. Nothing is produced unless all records are well formed and their partitions exist.
//
// Errors: [ErrInvalidArgument] naming the place, as in "[3].headers[0]"; otherwise as [MockCluster.Produce].
func (m *MockCluster) ProduceRecords(topic, records string) error {
	return m.with(func(t *texts, cluster *C.karrow_mock_cluster) attempt {
		name, json := t.of("topic", topic), t.of("records", records)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_mock_cluster_produce_records(cluster, name, json, e)
		}
	})
}

// PushErrors lets the next requests of one kind fail, with these errors in turn. Kinds and errors are the Kafka
// protocol's numbers: 0 Produce, 1 Fetch, 2 ListOffsets, 3 Metadata, 9 OffsetFetch, 10 FindCoordinator.
//
// Errors: [ErrInvalidArgument] for others; the message lists them; [ErrClosed].
func (m *MockCluster) PushErrors(request int16, errors ...int32) error {
	codes := make([]C.int32_t, len(errors))
	for index, code := range errors {
		codes[index] = C.int32_t(code)
	}
	return m.with(func(_ *texts, cluster *C.karrow_mock_cluster) attempt {
		return func(e **C.karrow_error) C.karrow_status {
			first := unsafe.SliceData(codes)
			return C.karrow_mock_cluster_push_errors(cluster, C.int16_t(request), first, C.size_t(len(codes)), e)
		}
	})
}

// SetBrokerUp lets a broker vanish, or come back.
//
// Errors: [ErrInvalidArgument] for a broker that does not exist; [ErrClosed].
func (m *MockCluster) SetBrokerUp(broker int32, up bool) error {
	return m.with(func(_ *texts, cluster *C.karrow_mock_cluster) attempt {
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_mock_cluster_set_broker_up(cluster, C.int32_t(broker), C.bool(up), e)
		}
	})
}

// SetLeader moves a partition to another leader.
//
// Errors: [ErrInvalidArgument] for a broker that does not exist; [ErrKafka] for a partition that does not; [ErrClosed].
func (m *MockCluster) SetLeader(topic string, partition PartitionID, broker int32) error {
	return m.with(func(t *texts, cluster *C.karrow_mock_cluster) attempt {
		name := t.of("topic", topic)
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_mock_cluster_set_leader(cluster, name, C.int32_t(partition), C.int32_t(broker), e)
		}
	})
}

// SetDelay lets a broker take this long for every answer, in whole milliseconds, rounded up.
//
// Errors: [ErrInvalidArgument] for a broker that does not exist, or a negative time; [ErrClosed].
func (m *MockCluster) SetDelay(broker int32, delay time.Duration) error {
	return m.with(func(_ *texts, cluster *C.karrow_mock_cluster) attempt {
		return func(e **C.karrow_error) C.karrow_status {
			return C.karrow_mock_cluster_set_delay(cluster, C.int32_t(broker), C.int64_t(milliseconds(delay)), e)
		}
	})
}
