package main

import (
	"fmt"
	"time"
)

// Made-up orders, and the check that they are what comes.

// orderPartitions is how many partitions they go to, in turn.
const orderPartitions = 4

// scattered makes a number look random (splitmix64).
func scattered(number uint64) uint64 {
	number = (number + 1) * 0x9e3779b97f4a7c15
	number = (number ^ number>>30) * 0xbf58476d1ce4e5b9
	number = (number ^ number>>27) * 0x94d049bb133111eb
	return number ^ number>>31
}

var stocks = []struct {
	symbol string
	cents  int64
}{{"AAPL", 18950}, {"AMZN", 17825}, {"GOOG", 17140}, {"META", 49610}, {"MSFT", 41275}, {"NVDA", 12090}}

// orderOf is the row that has to come of the n-th order of a partition.
func orderOf(partition int32, offset int64) row {
	random := scattered(uint64(offset)*orderPartitions + uint64(partition))
	below := func(limit uint64) int64 {
		number := random % limit
		random /= limit
		return int64(number)
	}
	stock := stocks[below(uint64(len(stocks)))]
	side := "sell"
	if below(2) == 0 {
		side = "buy"
	}
	price := float64(stock.cents+below(400)-200) / 100
	qty := 100 * (1 + below(9))
	// From 2026-01-02T09:30:00Z on, one each millisecond.
	kafkaTime := time.UnixMilli(1767346200000 + offset).UTC()
	ordered := kafkaTime.Add(time.Duration(below(1000)) * time.Microsecond)
	return row{partition, offset, some(kafkaTime), some(stock.symbol), some(side), some(price), some(qty), some(ordered)}
}

// check compares what comes with what is produced.
type check struct {
	orders int64
	rows   int64
	wrong  int64
}

// lookAt holds the n-th row of a partition to its n-th order, so that none is missing and none comes twice.
func (c *check) lookAt(partition int32, number int64, row row) {
	exists := number*orderPartitions+int64(partition) < c.orders
	if !exists || row != orderOf(partition, number) {
		c.wrong++
	}
	c.rows++
}

func (c *check) allCame() bool { return c.rows >= c.orders }

// verdict is what came of it, in one sentence; stopped if somebody did not want to wait for the rest.
func (c *check) verdict(stopped bool, passed time.Duration) string {
	switch {
	case c.wrong > 0:
		return fmt.Sprintf("%s of %s rows differ from what was produced", grouped(c.wrong), grouped(c.rows))
	case c.allCame():
		return fmt.Sprintf("all %s orders came in %.1f s: each one once, in order, and equal to what was produced",
			grouped(c.orders), passed.Seconds())
	case stopped:
		return fmt.Sprintf("stopped after %s orders, each one equal to what was produced", grouped(c.rows))
	}
	return fmt.Sprintf("%s of %s orders are missing after %.1f s", grouped(c.orders-c.rows), grouped(c.orders),
		passed.Seconds())
}

func (c *check) isGood(stopped bool) bool { return c.wrong == 0 && (stopped || c.allCame()) }
