package karrow

// #include <karrow.h>
import "C"

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/karrow/karrow/bindings/go/internal/native"
)

// How many messages wait at most for the logger, and how often they are fetched. They carry their own time, so that
// nothing is gained by being quicker.
const (
	logCapacity = 10_000
	logInterval = 100 * time.Millisecond
)

// levelNotice is for what is normal, but worth knowing.
const levelNotice = slog.LevelInfo + 2

// The library's levels, the most serious first, and which of slog's comes nearest.
var logLevels = []struct {
	library int32
	slog    slog.Level
}{
	{C.KARROW_LOG_LEVEL_ERROR, slog.LevelError},
	{C.KARROW_LOG_LEVEL_WARNING, slog.LevelWarn},
	{C.KARROW_LOG_LEVEL_NOTICE, levelNotice},
	{C.KARROW_LOG_LEVEL_INFO, slog.LevelInfo},
	{C.KARROW_LOG_LEVEL_DEBUG, slog.LevelDebug},
}

// A logPump hands the messages of a log to a logger, until it is stopped. The library has no way to end waiting for a
// message, so the pump looks for messages instead, and ends at once.
type logPump struct {
	log     *C.karrow_log
	logger  *slog.Logger
	dropped uint64
	stop    chan struct{}
	stopped chan struct{}
}

// startLog makes a log of what the logger takes, has the options write to it, and begins to pump it. Without a logger,
// or with one that takes nothing, there is none.
func startLog(s *settings) (*logPump, error) {
	if s.logger == nil {
		return nil, nil
	}
	level := C.int32_t(-1)
	for _, each := range logLevels {
		if s.logger.Enabled(context.Background(), each.slog) {
			level = C.int32_t(each.library)
		}
	}
	if level < 0 {
		return nil, nil
	}
	p := &logPump{logger: s.logger, stop: make(chan struct{}), stopped: make(chan struct{})}
	err := call(func(e **C.karrow_error) C.karrow_status { return C.karrow_log_new(level, logCapacity, &p.log, e) })
	if err != nil {
		return nil, err
	}
	native.Made(native.Log)
	err = call(func(e **C.karrow_error) C.karrow_status { return C.karrow_options_set_log(s.options, p.log, e) })
	if err != nil {
		p.free()
		return nil, err
	}
	go p.run()
	return p, nil
}

func (p *logPump) run() {
	defer close(p.stopped)
	defer p.free()
	tick := time.NewTicker(logInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.drain()
		case <-p.stop:
			p.drain()
			return
		}
	}
}

// end hands on what has come, and waits until that is done. A nil pump has nothing to do.
func (p *logPump) end() {
	if p != nil {
		close(p.stop)
		<-p.stopped
	}
}

func (p *logPump) free() {
	C.karrow_log_free(p.log)
	native.Freed(native.Log)
}

// drain hands on all messages that are there.
func (p *logPump) drain() {
	for {
		var entry *C.karrow_log_entry
		err := call(func(e **C.karrow_error) C.karrow_status { return C.karrow_log_take(p.log, 0, &entry, e) })
		if err != nil {
			// None is there, which is the one error that there is.
			break
		}
		p.hand(entry)
	}
	if dropped := uint64(C.karrow_log_dropped(p.log)); dropped > p.dropped {
		p.logger.Warn(fmt.Sprintf("%d messages gave way to newer ones, because they came faster than they were logged",
			dropped-p.dropped), "source", "karrow")
		p.dropped = dropped
	}
}

func (p *logPump) hand(entry *C.karrow_log_entry) {
	defer C.karrow_log_entry_free(entry)
	level := slogLevel(int32(C.karrow_log_entry_level(entry)))
	ctx := context.Background()
	if !p.logger.Enabled(ctx, level) {
		return
	}
	at := time.Unix(0, int64(C.karrow_log_entry_time_ns(entry)))
	record := slog.NewRecord(at, level, C.GoString(C.karrow_log_entry_text(entry)), 0)
	record.AddAttrs(slog.String("source", C.GoString(C.karrow_log_entry_source(entry))))
	// There is nobody to tell that a handler fails.
	_ = p.logger.Handler().Handle(ctx, record)
}

// slogLevel is the level of a message. What is more serious than an error, which librdkafka has names for, is one too.
func slogLevel(level int32) slog.Level {
	for _, each := range logLevels {
		if level <= each.library {
			return each.slog
		}
	}
	return slog.LevelDebug
}
