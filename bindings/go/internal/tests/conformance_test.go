// Package tests has what is asked of the package as a whole, through the library and against the embedded cluster.
package tests

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	karrow "github.com/karrow/karrow/bindings/go"
)

// patience is far more than anything here takes: what takes longer, hangs.
const patience = 60 * time.Second

// cluster is one for all tests of the package; names of topics tell them apart.
var cluster *karrow.MockCluster

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && !strings.HasPrefix(os.Args[1], "-") {
		if failure := caught(func() { answerQuestion(os.Args[1]) }); failure != nil {
			fmt.Fprintln(os.Stderr, failure)
			os.Exit(1)
		}
		os.Exit(0)
	}
	var failure error
	if cluster, failure = karrow.NewMockCluster(1); failure != nil {
		fmt.Fprintln(os.Stderr, failure)
		os.Exit(1)
	}
	code := m.Run()
	if failure := cluster.Close(); failure != nil {
		fmt.Fprintln(os.Stderr, failure)
		code = 1
	}
	os.Exit(code)
}

// beyondArrowGo are the cases that arrow-go keeps from coming out, and what it says.
var beyondArrowGo = map[string]string{
	"fixed_values_of_no_bytes_are_empty": "fixed-size binary byte width must be positive",
}

// The cases of tests/conformance through the library: those that need a broker where there is one, else the others. What a
// case says that is not understood here is an error, never passed over.
func TestConformance(t *testing.T) {
	ran := 0
	t.Run("Case", func(t *testing.T) {
		for _, one := range allCases() {
			if (one.text["needs"] == "broker") != atBroker {
				continue
			}
			ran++
			t.Run(one.name, func(t *testing.T) {
				t.Parallel()
				failure := caught(func() { run(one) })
				if refusal, is := beyondArrowGo[one.name]; is {
					if failure == nil || !strings.Contains(failure.Error(), refusal) {
						t.Errorf("arrow-go should say %q, not: %v", refusal, failure)
					}
				} else if failure != nil {
					t.Error(failure)
				}
			})
		}
	})
	t.Logf("ran %d of %d cases", ran, len(allCases()))
	if ran < 1000 && !atBroker {
		t.Errorf("only %d cases in %s", ran, casesFolder)
	}
}

// Errors ---------------------------------------------------------------------------------------------------------------

func checkText(what, found string, expected any, topic string) {
	part, whole := expected.(string)
	if !whole {
		object := membersOf(expected)
		part = as[string](object.need("contains"))
		object.end()
	}
	part = strings.ReplaceAll(part, "{topic}", topic)
	if whole {
		same(what, found, part)
	} else if !strings.Contains(found, part) {
		fail("%s is %s, which does not contain %s", what, found, part)
	}
}

func checkError(found error, expected members, topic string) *karrow.Error {
	var failure *karrow.Error
	if !errors.As(found, &failure) {
		fail("%v is not an error of the library's", found)
	}
	same("the status", failure.Status.String(), as[string](expected.need("status")))
	checkText("the message", failure.Message, expected.need("message"), topic)
	for _, key := range []string{"column", "path", "side", "reason", "argument"} {
		if expected.has(key) {
			same(key, failure.Details[key], as[string](expected.take(key)))
		}
	}
	expected.end()
	return failure
}

// checkFailing says whether a call has failed as expected, if it was to fail; else it must not have failed.
func checkFailing(found error, expected any, topic string) bool {
	if expected == nil {
		must(found)
		return false
	}
	if found == nil {
		fail("should have failed")
	}
	checkError(found, membersOf(expected), topic)
	return true
}

// Running --------------------------------------------------------------------------------------------------------------

// running is a case on its way.
type running struct {
	topic   string
	text    members
	place   place
	options []karrow.Option
	// The consumer, and the cycles of the last poll step, the newest last.
	consumer *karrow.Consumer
	cycles   []*karrow.Snapshot
	table    string
	capacity int64
	// Whether a ring forgets by bytes or age too: then only the case itself knows which rows are left.
	hasOtherLimits bool
	// How many records there are in each partition, and before which row each has been discarded.
	produced  map[karrow.PartitionID]int64
	discarded map[karrow.PartitionID]int64
}

func run(one conformanceCase) {
	for _, saidElsewhere := range []string{"name", "rules", "unlike_deephaven", "needs"} {
		one.text.take(saidElsewhere)
	}
	where, topic := placeOf(one.name, one.text.take("topic_config"))
	running := &running{topic: topic, text: one.text, place: where, produced: map[karrow.PartitionID]int64{}}
	defer running.close()
	running.all()
}

func (r *running) close() {
	r.keep(nil)
	if r.consumer != nil {
		must(r.consumer.Close())
	}
}

// keep makes these the cycles of the last poll step.
func (r *running) keep(cycles []*karrow.Snapshot) {
	for _, cycle := range r.cycles {
		must(cycle.Close())
	}
	r.cycles = cycles
}

func (r *running) all() {
	expected, steps, log := r.text.take("error"), list(r.text.take("steps")), list(r.text.take("log"))
	partitions := int32(integerOr(r.text, "partitions", 1))
	schema := r.text.take("schema")
	r.setSpecs()
	r.setOptions()
	r.text.end()
	at := ""
	if expected != nil {
		// Making specs, options and consumer is all a part of opening here, but only open itself asks a cluster.
		object := membersOf(expected)
		at = as[string](object.need("at"))
		expected = map[string]any(object)
	}
	if (at == "" || at == "open") && partitions > 0 {
		must(r.place.CreateTopic(r.topic, partitions))
	}
	r.produce(log)
	if checkFailing(r.open(), expected, r.topic) {
		return
	}
	if schema != nil {
		within("schema", func() { r.checkSchema(schema) })
	}
	for index, step := range steps {
		within(fmt.Sprintf("step %d", index), func() { r.step(membersOf(step)) })
	}
}

func (r *running) setSpecs() {
	key := karrow.Ignore()
	if r.text.has("key") {
		key = specOf(r.text.take("key"))
	}
	r.options = append(r.options, karrow.Key(key))
	if r.text.has("value") {
		r.options = append(r.options, karrow.Value(specOf(r.text.take("value"))))
	}
}

func (r *running) setOptions() {
	r.options = append(r.options, karrow.Set("bootstrap.servers", r.place.BootstrapServers()),
		// The embedded cluster answers a request for records that are yet to come only when its time is over.
		karrow.Set("fetch.wait.max.ms", "2"))
	keys, properties := sorted(r.text.take("options"))
	for _, key := range keys {
		r.hasOtherLimits = r.hasOtherLimits || strings.HasPrefix(key, "karrow.ring.max.")
		if properties[key] == nil {
			r.options = append(r.options, karrow.Unset(key))
		} else {
			r.options = append(r.options, karrow.Set(key, as[string](properties[key])))
		}
	}
	if r.text.has("read_partitions") {
		var read []karrow.PartitionID
		for _, id := range list(r.text.take("read_partitions")) {
			read = append(read, karrow.PartitionID(integer(id)))
		}
		r.options = append(r.options, karrow.Partitions(read...))
	}
	if !r.text.has("start") {
		r.options = append(r.options, karrow.StartAt(karrow.AllPartitions, karrow.SeekToBeginning))
	}
	r.options = append(r.options, startsOf(r.text.take("start"))...)
	partitions, stops := sorted(r.text.take("stop"))
	for _, partition := range partitions {
		r.options = append(r.options, stopOf(partition, stops[partition]))
	}
	r.setTable()
}

func (r *running) setTable() {
	table := r.text.take("table")
	switch table {
	case nil, "append":
		r.table = "append"
		r.options = append(r.options, karrow.AppendTable())
	case "blink":
		r.table = "blink"
		r.options = append(r.options, karrow.BlinkTable())
	case "default":
		r.table = "blink"
	default:
		ring := membersOf(table)
		r.table, r.capacity = "ring", integer(ring.need("ring"))
		ring.end()
		r.options = append(r.options, karrow.RingTable(r.capacity))
	}
}

func (r *running) open() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	consumer, failure := karrow.Open(ctx, r.topic, r.options...)
	if failure != nil {
		return failure
	}
	r.consumer, r.discarded = consumer, map[karrow.PartitionID]int64{}
	r.keep([]*karrow.Snapshot{r.snapshot()})
	return nil
}

// snapshot is the state of the last cycle, to be closed.
func (r *running) snapshot() *karrow.Snapshot {
	return must1(r.consumer.Snapshot())
}

func (r *running) checkSchema(expected any) {
	found := must1(r.consumer.Schema())
	checkFields(expected, found.Fields())
	checkMetadata(found.Metadata(), "karrow.topic", r.topic)
}

func (r *running) step(step members) {
	expected := step.take("error")
	if expected != nil && step.has("expect") {
		fail("error is not known here")
	}
	switch {
	case step.has("produce"):
		r.produce(list(step.take("produce")))
	case step.has("poll"):
		r.poll(membersOf(step.take("poll")), expected)
	case step.has("expect"):
		r.expect(step)
	case step.has("rows"):
		r.rows(membersOf(step.take("rows")), expected)
	case step.has("merged"):
		r.merged(membersOf(step.take("merged")), expected)
	case step.has("refuse"):
		r.refuse(membersOf(step.take("refuse")))
	case step.has("resume"):
		r.resume(membersOf(step.take("resume")), expected)
	case step.has("discard"):
		r.discard(membersOf(step.take("discard")), expected)
	case step.has("commit"):
		r.commit(membersOf(step.take("commit")), expected)
	case step.has("wait"):
		r.wait(membersOf(step.take("wait")), expected)
	case step.has("progress"):
		r.progress(step.take("progress"))
	case step.has("dead_letters"):
		r.deadLetters(list(step.take("dead_letters")))
	case step.has("reopen"):
		r.reopen(membersOf(step.take("reopen")))
	case step.has("view"):
		r.view(texts(step.take("view")), expected)
	}
	step.end()
}

func (r *running) produce(records []any) {
	if len(records) == 0 {
		return
	}
	must(r.place.ProduceRecords(r.topic, text(records)))
	for _, record := range records {
		r.produced[partitionOfRecord(record)]++
	}
}

func partitionOfRecord(record any) karrow.PartitionID {
	if object, is := record.(map[string]any); is && object["partition"] != nil {
		return karrow.PartitionID(integer(object["partition"]))
	}
	return 0
}

// partitionFrom is the partition that a step names, or the first.
func partitionFrom(step members) karrow.PartitionID {
	return karrow.PartitionID(integerOr(step, "partition", 0))
}

func (r *running) poll(poll members, expected any) {
	if expected != nil {
		poll.end()
		cycle, failure := r.consumer.PollFor(context.Background(), 0)
		if failure == nil {
			must(cycle.Close())
		}
		checkFailing(failure, expected, r.topic)
		return
	}
	rows, failed := integerOr(poll, "rows", 0), integerOr(poll, "failed", 0)
	poll.end()
	r.pollUntil(rows, int(failed))
}

// pollUntil polls until exactly so many rows have come and so many partitions are failed.
func (r *running) pollUntil(rows int64, failed int) {
	deadline, wait := time.Now().Add(patience), 100*time.Millisecond
	if rows == 0 && failed == 0 {
		wait = 0 // what is expected to find nothing does not wait for it
	}
	var cycles []*karrow.Snapshot
	kept := false
	defer func() {
		if !kept {
			for _, cycle := range cycles {
				must(cycle.Close())
			}
		}
	}()
	before := r.snapshot()
	defer func() { must(before.Close()) }()
	for seen := int64(0); ; {
		cycle := must1(r.consumer.PollFor(context.Background(), wait))
		cycles = append(cycles, cycle.Snapshot)
		seen += cycle.Rows
		r.checkCycle(before, cycle)
		must(before.Close())
		before = r.snapshot()
		if seen == rows && cycle.Failed == failed {
			break
		}
		if seen > rows || cycle.Failed > failed || time.Now().After(deadline) {
			fail("%d rows and %d failed, not %d and %d%s", seen, cycle.Failed, rows, failed, failures(before))
		}
	}
	kept = true
	r.keep(cycles)
}

// checkCycle is what holds for every cycle: rows are numbered on from the cycle before, and there are as many new ones as
// poll says (rules Y1, Y2, Y4).
func (r *running) checkCycle(before *karrow.Snapshot, cycle *karrow.Cycle) {
	same("the cycle", cycle.Number(), before.Number()+1)
	added := int64(0)
	for now := range cycle.Partitions() {
		// A partition that the topic got later is not in the cycle before.
		old, _ := before.Partition(now.ID)
		added += now.EndRow - old.EndRow
		firstRow := r.discarded[now.ID]
		switch r.table {
		case "blink":
			firstRow = old.EndRow
		case "ring":
			firstRow = max(old.FirstRow, now.EndRow-r.capacity)
		}
		if !r.hasOtherLimits {
			same("first_row of a cycle", now.FirstRow, firstRow)
		} else if now.FirstRow < firstRow || now.FirstRow > now.EndRow {
			fail("first_row of a cycle is %d, before %d or behind the end", now.FirstRow, firstRow)
		}
	}
	same("the rows of a cycle", added, cycle.Rows)
}

func failures(snapshot *karrow.Snapshot) string {
	text := ""
	for partition := range snapshot.Partitions() {
		if partition.Failure != nil {
			text += "; " + partition.Failure.Error()
		}
	}
	return text
}

func (r *running) expect(step members) {
	// Asked anew, so that nothing is seen of what has happened since the last poll (rule Y3).
	last := len(r.cycles) - 1
	must(r.cycles[last].Close())
	r.cycles[last] = r.snapshot()
	if step.has("partitions") {
		ids := []any{}
		for partition := range r.cycles[last].Partitions() {
			ids = append(ids, integerCell(int32(partition.ID)))
		}
		sameJSON("partitions", ids, step.take("partitions"))
	}
	if step.has("cycle") {
		same("cycle", r.cycles[last].Number(), integer(step.take("cycle")))
	}
	shown := r.cycles[last:]
	if r.table == "blink" {
		shown = r.cycles
	}
	if step.has("view") {
		view := texts(step.take("view"))
		var views []*karrow.Snapshot
		for _, cycle := range shown {
			through := must1(cycle.View(view...))
			defer through.Close()
			views = append(views, through)
		}
		shown = views
	}
	partitions, expected := sorted(step.take("expect"))
	for _, partition := range partitions {
		within("["+partition+"]", func() {
			r.expectPartition(partitionOf(partition), membersOf(expected[partition]), shown)
		})
	}
}

func (r *running) expectPartition(id karrow.PartitionID, expected members, cycles []*karrow.Snapshot) {
	last := cycles[len(cycles)-1]
	partition, first := must1(last.Partition(id)), must1(cycles[0].Partition(id))
	columns := newColumns(must1(last.Schema()))
	for _, cycle := range cycles {
		addRows(columns, must1(cycle.Partition(id)))
	}
	same("the number of rows", columns.rows, partition.EndRow-first.FirstRow)
	same("first_row", first.FirstRow, integerOr(expected, "first_row", first.FirstRow))
	same("end_row", partition.EndRow, integerOr(expected, "end_row", partition.EndRow))
	columns.check(expected.take("columns"))
	offset := int64(partition.NextOffset)
	same("next_offset", offset, integerOr(expected, "next_offset", offset))
	failure, state := expected.take("failure"), "reading"
	if failure != nil {
		state = "failed"
	}
	state = takeOr(expected, "state", state)
	expected.end()
	if partition.State.String() != state {
		fail("state is %s (%v), not %s", partition.State, partition.Failure, state)
	}
	if failure != nil {
		checkPlace(checkError(partition.Failure, membersOf(failure), r.topic), id, offset)
	}
}

// addRows adds every row of a partition, which is the same in one piece and as a stream (rules Y7, Y8).
func addRows(all *columns, partition karrow.Partition) {
	streamed, whole := newColumns(all.schema), newColumns(all.schema)
	streamed.addAll(must1(partition.Reader()))
	record := must1(partition.Record())
	whole.add(record)
	record.Release()
	if !streamed.isSame(whole) {
		fail("the array is not what the stream is")
	}
	for index, cells := range streamed.cells {
		all.cells[index] = append(all.cells[index], cells...)
	}
	all.rows += streamed.rows
}

func checkPlace(failure *karrow.Error, partition karrow.PartitionID, offset int64) {
	if failure.Position == nil {
		fail("the failure has no place")
	}
	same("the partition of the failure", failure.Position.Partition, partition)
	same("the offset of the failure", failure.Position.Offset, karrow.Offset(offset))
}

func (r *running) rows(rows members, expected any) {
	id, from, end := partitionFrom(rows), integer(rows.need("from_row")), integerOr(rows, "end_row", -1)
	columns := rows.take("columns")
	rows.end()
	snapshot := r.snapshot()
	defer snapshot.Close()
	partition, failure := snapshot.Partition(id)
	var reader array.RecordReader
	if failure == nil {
		reader, failure = partition.ReaderRange(from, end)
	}
	if checkFailing(failure, expected, r.topic) {
		return
	}
	found := newColumns(must1(snapshot.Schema()))
	found.addAll(reader)
	found.check(columns)
}

func (r *running) merged(merged members, expected any) {
	var from []int64
	for _, row := range list(merged.take("from_rows")) {
		from = append(from, integer(row))
	}
	columns := merged.take("columns")
	merged.end()
	snapshot := r.snapshot()
	defer snapshot.Close()
	reader, failure := snapshot.Merged(from...)
	if checkFailing(failure, expected, r.topic) {
		return
	}
	found := newColumns(must1(snapshot.Schema()))
	found.addAll(reader)
	found.check(columns)
}

// refuse produces records that have to fail their partition, one by one, and resumes past each.
func (r *running) refuse(refuse members) {
	column, path := takeOr(refuse, "column", ""), takeOr(refuse, "path", "")
	side, reason, records := takeOr(refuse, "side", "value"), refuse.need("reason"), list(refuse.need("records"))
	refuse.end()
	for _, record := range records {
		id := partitionOfRecord(record)
		offset := r.produced[id]
		within(fmt.Sprintf("the record at offset %d", offset), func() {
			r.produce([]any{record})
			r.pollUntil(0, 1)
			partition := must1(r.cycles[len(r.cycles)-1].Partition(id))
			if partition.Failure == nil {
				fail("another partition has failed")
			}
			var failure *karrow.Error
			if !errors.As(partition.Failure, &failure) {
				fail("%v is not an error of the library's", partition.Failure)
			}
			r.checkRefusal(failure, column, path, side, reason)
			checkPlace(failure, id, offset)
			same("next_offset", partition.NextOffset, karrow.Offset(offset))
			must(r.consumer.Resume(id, karrow.Offset(offset+1)))
			r.pollUntil(0, 0)
		})
	}
}

func (r *running) checkRefusal(failure *karrow.Error, column, path, side string, reason any) {
	if !errors.Is(failure, karrow.ErrBadRecord) {
		fail("the status is %s, not BAD_RECORD", failure.Status)
	}
	told, named := failure.Details["reason"], column
	checkText("the reason", told, reason, r.topic)
	if path != "" {
		named = path
	}
	if named != "" {
		named = "column " + named + ": "
	}
	position := failure.Position
	same("the message", failure.Message,
		fmt.Sprintf("%s%s, at %s[%d]@%d (%s)", named, told, r.topic, position.Partition, position.Offset, side))
	same("column", failure.Details["column"], column)
	same("path", failure.Details["path"], path)
	same("side", failure.Details["side"], side)
	same("topic", failure.Details["topic"], r.topic)
}

func (r *running) resume(resume members, expected any) {
	id, offset := partitionFrom(resume), integer(resume.need("offset"))
	resume.end()
	checkFailing(r.consumer.Resume(id, karrow.Offset(offset)), expected, r.topic)
}

func (r *running) discard(discard members, expected any) {
	id, before := partitionFrom(discard), integer(discard.need("before_row"))
	discard.end()
	if !checkFailing(r.consumer.Discard(id, before), expected, r.topic) {
		r.discarded[id] = max(r.discarded[id], before)
	}
}

// commit commits what the last cycle shows.
func (r *running) commit(commit members, expected any) {
	commit.end()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	snapshot := r.snapshot()
	defer snapshot.Close()
	checkFailing(r.consumer.Commit(ctx, snapshot), expected, r.topic)
}

// wait does not wait: nobody polls meanwhile, so there is nothing to wait for.
func (r *running) wait(wait members, expected any) {
	last := r.snapshot()
	defer last.Close()
	after := integerOr(wait, "after_cycle", last.Number())
	wait.end()
	waited, failure := r.consumer.WaitFor(context.Background(), after, 0)
	if checkFailing(failure, expected, r.topic) {
		return
	}
	defer waited.Close()
	same("the cycle", waited.Number(), last.Number())
}

// view is one that cannot be made.
func (r *running) view(columns []string, expected any) {
	snapshot := r.snapshot()
	defer snapshot.Close()
	view, failure := snapshot.View(columns...)
	if !checkFailing(failure, expected, r.topic) {
		must(view.Close())
		fail("should have failed")
	}
}

// reopen closes the consumer, and opens another one that starts elsewhere.
func (r *running) reopen(reopen members) {
	r.options = append(r.options, startsOf(reopen.take("start"))...)
	reopen.end()
	must(r.consumer.Close())
	must(r.open())
}

// Progress -------------------------------------------------------------------------------------------------------------

// eventually looks until what it looks at is as it should be: it is live.
func eventually(look func()) {
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		failure := caught(look)
		if failure == nil {
			return
		}
		if time.Now().After(deadline) {
			must(failure)
		}
	}
}

func (r *running) progress(expected any) {
	eventually(func() { checkProgress(expected, must1(r.consumer.Progress()), r.topic) })
}

// progressCells is a partition's progress as cases have it.
func progressCells(found karrow.PartitionProgress) map[string]any {
	offset := func(offset *karrow.Offset) any {
		if offset == nil {
			return nil
		}
		return integerCell(*offset)
	}
	cells := map[string]any{
		"state": found.State, "reason": textOrNull(found.Reason), "position": integerCell(found.Position),
		"end_offset": offset(found.EndOffset), "stop_offset": offset(found.StopOffset), "lag": nil,
		"rows": integerCell(found.Rows), "bytes": integerCell(found.Bytes), "batches": integerCell(found.Batches),
		"memory_bytes": integerCell(found.MemoryBytes), "last_record_time": millisOrNull(found.LastRecordTime),
		"bad_records": map[string]any{
			"key": integerCell(found.BadRecords.Key), "value": integerCell(found.BadRecords.Value),
			"timestamp": integerCell(found.BadRecords.Timestamp), "headers": integerCell(found.BadRecords.Headers),
		},
	}
	if found.Lag != nil {
		cells["lag"] = integerCell(*found.Lag)
	}
	return cells
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func millisOrNull(moment time.Time) any {
	if moment.IsZero() {
		return nil
	}
	return integerCell(moment.UnixMilli())
}

// checkProgress compares what is named; {topic} stands for the topic's name.
func checkProgress(expected any, progress []karrow.PartitionProgress, topic string) {
	partitions, rows := sorted(expected)
	for _, partition := range partitions {
		id := partitionOf(partition)
		index := slices.IndexFunc(progress, func(row karrow.PartitionProgress) bool { return row.Partition == id })
		if index < 0 {
			fail("[%s] has no row", partition)
		}
		cells := progressCells(progress[index])
		names, values := sorted(rows[partition])
		for _, name := range names {
			what, value := fmt.Sprintf("[%s] %s", partition, name), values[name]
			found, is := cells[name]
			if !is {
				fail("%s is not known here", what)
			}
			if name == "bad_records" {
				sides, counts := sorted(value)
				for _, side := range sides {
					sameJSON(what+"."+side, found.(map[string]any)[side], counts[side])
				}
			} else if reason, is := found.(string); is && name == "reason" && value != nil {
				checkText(what, reason, value, topic)
			} else {
				sameJSON(what, found, value)
			}
		}
	}
}

// Dead letters ---------------------------------------------------------------------------------------------------------

// deadLetters takes dead letters until as many as expected have come: they are live. No more than those may be there.
func (r *running) deadLetters(expected []any) {
	var found []karrow.DeadLetter
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		more := must1(r.consumer.DeadLetters())
		if enough := len(more) == 0 && len(found) >= len(expected); enough || time.Now().After(deadline) {
			break
		}
		found = append(found, more...)
	}
	checkDeadLetters(expected, found, r.topic)
}

func bytesCell(bytes []byte) any {
	if bytes == nil {
		return nil
	}
	return base64.StdEncoding.EncodeToString(bytes)
}

// bytesOfRecord are bytes as records have them, in base64.
func bytesOfRecord(bytes any) any {
	switch bytes := bytes.(type) {
	case nil:
		return nil
	case string:
		return bytesCell([]byte(bytes))
	}
	object := membersOf(bytes)
	defer object.end()
	if object.has("hex") {
		digits := strings.ReplaceAll(as[string](object.take("hex")), " ", "")
		return bytesCell(must1(hex.DecodeString(digits)))
	}
	return object.need("base64")
}

// expectedLetter is what a case says of a dead letter, with bytes in base64.
func expectedLetter(expected any) members {
	letter := membersOf(expected)
	for _, name := range []string{"key", "value"} {
		if letter.has(name) {
			letter[name] = bytesOfRecord(letter[name])
		}
	}
	if letter.has("headers") {
		headers := []any{}
		for _, header := range list(letter["headers"]) {
			pair := list(header)
			headers = append(headers, []any{bytesOfRecord(pair[0]), bytesOfRecord(pair[1])})
		}
		letter["headers"] = headers
	}
	return letter
}

// foundLetter is a dead letter in the same way.
func foundLetter(found karrow.DeadLetter) map[string]any {
	headers := []any{}
	for _, header := range found.Headers {
		headers = append(headers, []any{bytesCell(header.Key), bytesCell(header.Value)})
	}
	return map[string]any{
		"partition": integerCell(int32(found.Partition)), "offset": integerCell(found.Offset),
		"timestamp_ms": millisOrNull(found.Timestamp), "key": bytesCell(found.Key), "value": bytesCell(found.Value),
		"headers": headers, "side": found.Side, "column": textOrNull(found.Column), "path": textOrNull(found.Path),
		"reason": found.Reason,
	}
}

// checkDeadLetters compares dead letters in their order within each partition.
func checkDeadLetters(expected []any, letters []karrow.DeadLetter, topic string) {
	wanted, found := map[string][]members{}, map[string][]map[string]any{}
	for _, letter := range expected {
		letter := expectedLetter(letter)
		partition := "0"
		if letter.has("partition") {
			partition = as[json.Number](letter["partition"]).String()
		}
		wanted[partition] = append(wanted[partition], letter)
	}
	for _, letter := range letters {
		same("the topic of a dead letter", letter.Topic, topic)
		partition := strconv.Itoa(int(letter.Partition))
		found[partition] = append(found[partition], foundLetter(letter))
		if _, is := wanted[partition]; !is {
			wanted[partition] = nil
		}
	}
	for partition, mine := range wanted {
		theirs := found[partition]
		for index := range min(len(mine), len(theirs)) {
			names, values := sorted(map[string]any(mine[index]))
			for _, name := range names {
				what := fmt.Sprintf("[%s] letter %d, %s", partition, index, name)
				cell, is := theirs[index][name]
				if !is {
					fail("%s is not known here", what)
				}
				sameJSON(what, cell, values[name])
			}
		}
		same(fmt.Sprintf("[%s] the number of letters", partition), len(theirs), len(mine))
	}
}
