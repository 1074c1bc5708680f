package tests

import (
	"bufio"
	"fmt"
	"net"
	"os"
)

// place is where a case has its topic: the embedded cluster is one.
type place interface {
	BootstrapServers() string
	CreateTopic(topic string, partitions int32) error
	ProduceRecords(topic, records string) error
}

// atBroker says whether it is a broker, as tests/conformance/README.md has it.
var brokerAddress, atBroker = os.LookupEnv("KARROW_CONFORMANCE_BROKER")

// placeOf is where a case of this name has its topic, and what that is called.
func placeOf(name string, config any) (place, string) {
	if atBroker {
		return broker{config}, "go-" + name
	}
	return cluster, name
}

// broker is asked by way of the test that runs this program.
type broker struct{ config any }

func (broker) BootstrapServers() string { return os.Getenv("KARROW_CONFORMANCE_SERVERS") }

func (b broker) CreateTopic(topic string, partitions int32) error {
	return ask(text(map[string]any{"topic": topic, "partitions": partitions, "config": b.config}))
}

func (broker) ProduceRecords(topic, records string) error {
	return ask(fmt.Sprintf(`{"topic":%s,"records":%s}`, text(topic), records))
}

func ask(question string) error {
	connection, failure := net.Dial("tcp", brokerAddress)
	if failure != nil {
		return failure
	}
	defer connection.Close()
	if _, failure := fmt.Fprintln(connection, question); failure != nil {
		return failure
	}
	answer, failure := bufio.NewReader(connection).ReadString('\n')
	if failure != nil || answer != "done\n" {
		return fmt.Errorf("the answer to %s is %q (%v)", question, answer, failure)
	}
	return nil
}
