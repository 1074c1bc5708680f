package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// What is shown of a topic of orders, on a terminal or in a log.

// grouped is 1234567 as 1,234,567.
func grouped(number int64) string {
	digits := strconv.FormatInt(number, 10)
	for end := len(digits) - 3; end > 0; end -= 3 {
		digits = digits[:end] + "," + digits[end:]
	}
	return digits
}

// isoText is RFC 3339, with microseconds.
func isoText(moment time.Time) string {
	return moment.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// clipped is at most this many characters, and none that a terminal would take for a command: texts of a topic may hold
// any.
func clipped(text string, width int) string {
	var shown strings.Builder
	for _, character := range text {
		if width--; width < 0 {
			break
		}
		if unicode.IsControl(character) {
			character = '?'
		}
		shown.WriteRune(character)
	}
	return shown.String()
}

// barOf is how much of something is done: [######..............]  30 %.
func barOf(done float64) string {
	const width = 40
	marks := min(max(int(done*width), 0), width)
	return fmt.Sprintf("[%s%s] %3d %%", strings.Repeat("#", marks), strings.Repeat(".", width-marks), int(done*100))
}

// view draws in place on a terminal; elsewhere it writes a line now and then.
type view struct {
	title      string
	terminal   bool
	started    time.Time
	shownAt    time.Time
	shown      map[int32]shownPartition
	drawnLines int
	logged     string
}

type shownPartition struct {
	rows int64
	rate int64
}

func newView(title string) *view {
	_, failure := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	kind := os.Getenv("TERM")
	view := &view{
		title:    title,
		terminal: failure == nil && kind != "" && kind != "dumb",
		started:  time.Now(),
		shownAt:  time.Now(),
		shown:    map[int32]shownPartition{},
	}
	if !view.terminal {
		fmt.Println(title)
	}
	return view
}

// update shows what there is, if it is time to, with the rates since the last time.
func (v *view) update(progress *progress) {
	passed, pause := time.Since(v.shownAt), 500*time.Millisecond
	if v.terminal {
		pause = 100 * time.Millisecond
	}
	if passed < pause {
		return
	}
	for id, partition := range progress.partitions {
		rate := float64(partition.rows-v.shown[id].rows) / passed.Seconds()
		v.shown[id] = shownPartition{partition.rows, int64(rate)}
	}
	v.shownAt = time.Now()
	if v.terminal {
		v.draw(progress)
	} else {
		v.log(progress)
	}
}

// finish shows everything once more, with the rates of the whole time.
func (v *view) finish(progress *progress) {
	for id, partition := range progress.partitions {
		rate := float64(partition.rows) / time.Since(v.started).Seconds()
		v.shown[id] = shownPartition{partition.rows, int64(rate)}
	}
	if v.terminal {
		v.draw(progress)
	} else {
		fmt.Println(strings.Join(v.lines(progress), "\n"))
	}
}

// log writes one line, if it has something new to say.
func (v *view) log(progress *progress) {
	news := fmt.Sprintf("%11s rows", grouped(progress.rows))
	if progress.done.is {
		news += fmt.Sprintf(", %d %%", int(progress.done.value*100))
	}
	for _, id := range progress.ids() {
		partition := progress.partitions[id]
		news += fmt.Sprintf(" | %d: %s, %s/s", id, grouped(partition.rows), grouped(v.shown[id].rate))
		if partition.lag.is {
			news += ", lag " + grouped(partition.lag.value)
		}
		if partition.failure != nil {
			news += ", " + partition.failure.Error()
		}
	}
	if news != v.logged {
		fmt.Printf("%6.1f s%s\n", time.Since(v.started).Seconds(), news)
	}
	v.logged = news
}

func (v *view) lines(progress *progress) []string {
	const columns = "%9s %12s   %-27s   %-6s   %-4s %11s %12s"
	heading, bar := "partition         rows      rows/s", ""
	ids := progress.ids()
	if len(ids) > 0 && progress.partitions[ids[0]].lag.is {
		heading += "         lag"
	}
	if progress.done.is {
		bar = barOf(progress.done.value)
	}
	seconds := time.Since(v.started).Seconds()
	lines := []string{fmt.Sprintf("%s   %.1f s   %s rows", v.title, seconds, grouped(progress.rows)), bar, heading}
	for _, id := range ids {
		partition := progress.partitions[id]
		line := fmt.Sprintf("%9d %12s %11s", id, grouped(partition.rows), grouped(v.shown[id].rate))
		if partition.lag.is {
			line += fmt.Sprintf(" %11s", grouped(partition.lag.value))
		}
		lines = append(lines, line)
		if partition.failure != nil {
			lines = append(lines, "          "+partition.failure.Error())
		}
	}
	lines = append(lines, "", fmt.Sprintf(columns, "partition", "offset", "Tstamp", "Symbol", "Side", "Price", "Qty"))
	for _, id := range ids {
		for _, row := range progress.partitions[id].last {
			lines = append(lines, fmt.Sprintf(columns, strconv.Itoa(int(row.partition)), strconv.FormatInt(row.offset, 10),
				row.time.shown(isoText),
				row.symbol.shown(func(text string) string { return clipped(text, 6) }),
				row.side.shown(func(text string) string { return clipped(text, 4) }),
				row.price.shown(func(price float64) string { return fmt.Sprintf("%.2f", price) }),
				row.qty.shown(grouped)))
		}
	}
	return lines
}

// draw overwrites what it has drawn before, as much as the terminal has room for.
func (v *view) draw(progress *progress) {
	width, height := 80, 24
	size, failure := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if failure == nil && size.Col > 0 && size.Row > 1 {
		width, height = int(size.Col), int(size.Row)
	}
	lines := v.lines(progress)
	lines = lines[:min(len(lines), height-1)]
	var drawing strings.Builder
	if v.drawnLines > 0 {
		fmt.Fprintf(&drawing, "\x1b[%dF", v.drawnLines)
	}
	for _, line := range lines {
		drawing.WriteString(clipped(line, width) + "\x1b[K\n")
	}
	fmt.Print(drawing.String() + "\x1b[J")
	v.drawnLines = len(lines)
}
