package main

import (
	"context"
	"time"

	karrow "github.com/karrow/karrow/bindings/go"
)

// A cluster in this process, with orders that are produced to it in the background.

// demo is a topic of orders that are pure functions of their place in it, so that every row can be checked.
type demo struct {
	topic   string
	orders  int64
	written format
	cluster *karrow.MockCluster
	stop    context.CancelFunc
	ended   chan error // what has ended the producer, once
}

func newDemo(topic string, orders int64, written format) (*demo, error) {
	cluster, err := karrow.NewMockCluster(1)
	if err != nil {
		return nil, err
	}
	if err := cluster.CreateTopic(topic, orderPartitions); err != nil {
		cluster.Close()
		return nil, err
	}
	return &demo{topic: topic, orders: orders, written: written, cluster: cluster, ended: make(chan error, 1)}, nil
}

// start begins to produce.
func (d *demo) start() {
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	go func() {
		d.ended <- d.produce(ctx)
		close(d.ended)
	}()
}

// close stops producing, and the cluster.
func (d *demo) close() {
	if d.stop != nil {
		d.stop()
		for range d.ended {
		}
	}
	d.cluster.Close()
}

// failure is what has ended the producer before its time.
func (d *demo) failure() error {
	select {
	case failure := <-d.ended:
		return failure
	default:
		return nil
	}
}

// produce writes 20,000 orders in a second, so that there is something to see.
func (d *demo) produce(ctx context.Context) error {
	const (
		ordersAtOnce = 200
		pause        = 10 * time.Millisecond
	)
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	for produced := int64(0); produced < d.orders && ctx.Err() == nil; produced += ordersAtOnce {
		var rows []row
		for number := produced; number < min(produced+ordersAtOnce, d.orders); number++ {
			rows = append(rows, orderOf(int32(number%orderPartitions), number/orderPartitions))
		}
		if err := d.cluster.ProduceRecords(d.topic, recordsOf(rows, d.written)); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
	return nil
}
