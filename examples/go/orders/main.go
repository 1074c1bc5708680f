// Orders follows a topic of orders, and shows it while it comes.
//
//	orders                                                100,000 orders in a cluster of its own, each one checked
//	orders --bootstrap-servers HOST:PORT --topic NAME     a topic of yours, until Ctrl-C
//
// With --format avro orders are Avro records, with --format protobuf messages of Protobuf, and with --schema-registry URL
// theirs is the schema of your topic. With --format processor they are JSON, read by an object processor, which is another
// way to the same table.
//
// optionsOf and follow here and the functions of rows.go are all there is of karrow. What is shown is in view.go, the
// cluster of its own in demo.go, its records are made in records.go, and what came is compared in check.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	karrow "github.com/karrow/karrow/bindings/go"
)

type settings struct {
	bootstrapServers string // none: a cluster of its own
	topic            string
	format           format
	schemaRegistry   string // none: the schema is the demo's
	from             karrow.Offset
	toEnd            bool
	orders           int64
	seconds          int64
	properties       [][2]string
}

// Reading --------------------------------------------------------------------------------------------------------------

func optionsOf(settings *settings) []karrow.Option {
	options := []karrow.Option{
		karrow.Set("karrow.poll.linger.ms", "50"), // more rows in fewer cycles: nobody looks more often
		karrow.Key(karrow.Ignore()),
	}
	if settings.schemaRegistry == "" {
		options = append(options, karrow.Value(orderSpec(settings.format)))
	} else {
		options = append(options, karrow.Value(registrySpec(settings.topic, settings.format)),
			karrow.Set("schema.registry.url", settings.schemaRegistry))
	}
	for _, property := range settings.properties {
		options = append(options, karrow.Set(property[0], property[1]))
	}
	return options
}

// follow follows the topic until the context is done, nothing can come any more, or a demo is over. It says whether all
// went well.
func follow(ctx context.Context, settings *settings) (good bool, err error) {
	timeLimit := time.Duration(settings.seconds) * time.Second // of a demo; your own cluster has it to open
	deadline := time.Now().Add(timeLimit)
	servers, options := settings.bootstrapServers, optionsOf(settings)
	var demo *demo
	if servers == "" {
		if demo, err = newDemo(settings.topic, settings.orders, settings.format); err != nil {
			return false, err
		}
		defer demo.close()
		servers = demo.cluster.BootstrapServers()
		options = append(options, karrow.AppendTable())
	} else {
		// It may run for days, and shows no more rows than these.
		options = append(options, karrow.StartAt(karrow.AllPartitions, settings.from), karrow.RingTable(shownRows))
		if settings.toEnd {
			options = append(options, karrow.StopAtEnd(karrow.AllPartitions))
		}
	}
	options = append(options, karrow.Set("bootstrap.servers", servers))
	opening, opened := context.WithTimeout(ctx, timeLimit)
	defer opened()
	consumer, err := karrow.Open(opening, settings.topic, options...)
	if err != nil {
		return false, err
	}
	defer consumer.Close()
	if demo != nil {
		demo.start() // what is produced after open is never missed
	}

	check, progress, view := &check{orders: settings.orders}, newProgress(), newView(settings.topic+" on "+servers)
	failed, stopped := 0, false
	for {
		cycle, err := consumer.PollFor(ctx, 100*time.Millisecond)
		if stopped = errors.Is(err, context.Canceled); stopped || errors.Is(err, karrow.ErrEnd) {
			break
		} else if err != nil {
			return false, err
		}
		over, err := look(cycle, consumer, demo, settings.format, check, progress)
		failed = cycle.Failed
		cycle.Close()
		if err != nil {
			return false, err
		}
		if over || demo != nil && time.Now().After(deadline) {
			break
		}
		view.update(progress)
	}
	now, err := consumer.Progress()
	if err != nil {
		return false, err
	}
	progress.takeProgress(now)
	view.finish(progress)
	if demo == nil {
		fmt.Printf("\n%s rows from %d partitions, %d of which failed\n",
			grouped(progress.rows), len(progress.partitions), failed)
		return failed == 0, nil
	}
	fmt.Printf("\n%s\n", check.verdict(stopped, time.Since(view.started)))
	return check.isGood(stopped), nil
}

// look takes what a cycle has brought. It says whether a demo is over.
func look(
	cycle *karrow.Cycle, consumer *karrow.Consumer, demo *demo, written format, check *check, progress *progress,
) (bool, error) {
	table, err := orderView(cycle.Snapshot, written)
	if err != nil {
		return false, err
	}
	defer table.Close()
	err = progress.takeRows(table, func(partition int32, number int64, row row) {
		if demo != nil {
			check.lookAt(partition, number, row)
		}
	})
	if err != nil {
		return false, err
	}
	now, err := consumer.Progress()
	if err != nil {
		return false, err
	}
	progress.takeProgress(now)
	if demo == nil {
		return false, nil
	}
	// One more look behind the last order would find one that comes twice.
	return check.allCame() && cycle.Rows == 0, demo.failure()
}

// The command line -----------------------------------------------------------------------------------------------------

const usage = `usage: orders [--format json|avro|protobuf|processor] [--orders N]
       orders --bootstrap-servers HOST:PORT[,...] [--topic NAME] [--from beginning|end] [--to end]
              [--format processor] [--format avro|protobuf --schema-registry URL]

Shows a Kafka topic of orders as they come: JSON objects, Avro records or Protobuf messages with jsymbol,
jside, jprice, jqty and jts. In Avro they are two strings or enums, a double, a long and a timestamp, in
Protobuf an int64 in place of the long.

  --bootstrap-servers HOST:PORT   your cluster, until Ctrl-C; without it, a cluster in this process
                                  and orders that are produced to it, until all have come
  --topic NAME                    the topic [orders]
  --format json|avro|protobuf     what orders are written in [json]
  --format processor              they are JSON, read by an object processor: jts has to be text
  --schema-registry URL           where the schema of your topic is, the latest one of NAME-value
  --from beginning|end            all there is, or what comes from now on [beginning]
  --to end                        what there is now, and then it ends
  -X KEY=VALUE                    any property of librdkafka, karrow or the client of the registry
                                  (schema.registry....); may be repeated
  --orders N                      how many orders to produce without --bootstrap-servers [100000]
  --seconds N                     how long they may take before those that have not come are missing [25]
  --help                          this text

The exit code is 0 if all went well, 1 if orders are missing or differ or partitions have failed, and
2 for arguments that make no sense.
`

// settingsOf reads the command line; flag.ErrHelp if the user wanted help only.
func settingsOf(arguments []string) (*settings, error) {
	var written, from, to, orders, seconds string
	var properties []string
	settings := &settings{}
	flags := flag.NewFlagSet("orders", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&settings.bootstrapServers, "bootstrap-servers", "", "")
	flags.StringVar(&settings.topic, "topic", "orders", "")
	flags.StringVar(&written, "format", "json", "")
	flags.StringVar(&settings.schemaRegistry, "schema-registry", "", "")
	flags.StringVar(&from, "from", "beginning", "")
	flags.StringVar(&to, "to", "", "")
	flags.StringVar(&orders, "orders", "", "")
	flags.StringVar(&seconds, "seconds", "", "")
	flags.Func("X", "", func(property string) error {
		properties = append(properties, property)
		return nil
	})
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w; --help shows what there is", err)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("'%s' is more than there should be; --help shows what there is", flags.Arg(0))
	}

	switch settings.format = format(written); settings.format {
	case inJSON, avro, protobuf, inProcessor:
	default:
		return nil, fmt.Errorf("--format: '%s' is not 'json', 'avro', 'protobuf' or 'processor'", written)
	}
	switch from {
	case "beginning":
		settings.from = karrow.SeekToBeginning
	case "end":
		settings.from = karrow.SeekToEnd
	default:
		return nil, fmt.Errorf("--from: '%s' is neither 'beginning' nor 'end'", from)
	}
	if settings.toEnd = to == "end"; to != "" && !settings.toEnd {
		return nil, fmt.Errorf("--to: '%s' is not 'end'; without it reading goes on until Ctrl-C", to)
	}
	for _, property := range properties {
		key, value, is := strings.Cut(property, "=")
		if !is {
			return nil, fmt.Errorf("-X: '%s' is not KEY=VALUE", property)
		}
		settings.properties = append(settings.properties, [2]string{key, value})
	}
	var err error
	if settings.orders, err = numberOf("orders", orders, 100_000); err != nil {
		return nil, err
	}
	if settings.seconds, err = numberOf("seconds", seconds, 25); err != nil {
		return nil, err
	}

	own := settings.bootstrapServers != ""
	switch {
	case settings.toEnd && !own:
		return nil, errors.New("--to: goes with --bootstrap-servers; the demo ends by itself")
	case orders != "" && own:
		return nil, errors.New("--orders: goes without --bootstrap-servers")
	case seconds != "" && own:
		return nil, errors.New("--seconds: goes without --bootstrap-servers")
	case settings.schemaRegistry != "" && !settings.format.hasSchema():
		return nil, errors.New("--schema-registry: goes with --format avro or --format protobuf")
	case settings.schemaRegistry != "" && !own:
		return nil, errors.New("--schema-registry: goes with --bootstrap-servers; the demo has a schema of its own")
	case settings.format.hasSchema() && own && settings.schemaRegistry == "":
		return nil, fmt.Errorf("--format: %s with --bootstrap-servers goes with --schema-registry", settings.format)
	}
	return settings, nil
}

func numberOf(what, text string, otherwise int64) (int64, error) {
	if text == "" {
		return otherwise, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("--%s: '%s' is not a number of %s", what, text, what)
	}
	return number, nil
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	settings, err := settingsOf(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		fmt.Print(usage)
		return
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(2)
	}
	good, err := follow(ctx, settings)
	if errors.Is(err, context.Canceled) {
		return
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
	if settings.bootstrapServers == "" {
		printAdvice(settings)
	}
	if !good {
		os.Exit(1)
	}
}

// printAdvice says how to go on from the demo.
func printAdvice(settings *settings) {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	command := program + " --bootstrap-servers HOST:PORT --topic NAME"
	if settings.format != inJSON {
		command += " --format " + string(settings.format)
	}
	if settings.format.hasSchema() {
		command += " --schema-registry URL"
	}
	fmt.Printf("\nyour own topic, until Ctrl-C (any Kafka property with -X key=value):\n  %s\nkarrow %s is %s\n",
		command, karrow.Version(), libraryPath())
}

// libraryPath is the file that the loader has found the library in.
func libraryPath() string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(maps)) {
		if path := strings.Index(line, "/"); path >= 0 && strings.Contains(line[path:], "/libkarrow.") {
			return strings.TrimSpace(line[path:])
		}
	}
	return "unknown"
}
