package karrow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// A lockedBuffer may be written and read by several goroutines.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// openNowhere tries to open a consumer that finds no broker, for a while.
func openNowhere(t *testing.T, logger *slog.Logger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, "t", Set("bootstrap.servers", "127.0.0.1:1"), Set("debug", "broker"),
		Key(Ignore()), Value(Simple("V", "utf8")), Logger(logger))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestMessagesGoToALoggerAlsoOfAFailedOpen(t *testing.T) {
	expectNothingLeft(t)
	before := time.Now()
	var written lockedBuffer
	openNowhere(t, slog.New(slog.NewJSONHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug})))
	isNamed := false
	for line := range strings.Lines(written.String()) {
		var entry struct {
			Time               time.Time
			Level, Msg, Source string
		}
		succeed(t, json.Unmarshal([]byte(line), &entry))
		if entry.Time.Before(before.Add(-time.Second)) || entry.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("a time of %v", entry.Time)
		}
		if entry.Source != "karrow" && !strings.HasPrefix(entry.Source, "librdkafka/") {
			t.Errorf("a source of %q", entry.Source)
		}
		isNamed = isNamed || strings.Contains(entry.Msg, "127.0.0.1:1")
	}
	if !isNamed {
		t.Errorf("nothing names the broker: %s", written.String())
	}
}

func TestMessagesComeWhileAConsumerReads(t *testing.T) {
	cluster := newCluster(t, 1)
	var written lockedBuffer
	logger := slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug}))
	consumer := newOpen(t, cluster, Logger(logger), Set("debug", "broker"))
	eventually(t, "a message", func() bool { return written.String() != "" })
	succeed(t, consumer.Close())
}

func TestALoggerGetsWhatItTakes(t *testing.T) {
	expectNothingLeft(t)
	var written lockedBuffer
	openNowhere(t, slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelError})))
	for line := range strings.Lines(written.String()) {
		if !strings.Contains(line, "level=ERROR") {
			t.Error(line)
		}
	}
	if written.String() == "" {
		t.Error("nothing has come")
	}
	openNowhere(t, slog.New(slog.DiscardHandler))
	openNowhere(t, nil)
}

func TestLevelsComeNearest(t *testing.T) {
	for library, expected := range []slog.Level{
		slog.LevelError, slog.LevelError, slog.LevelError, slog.LevelError, slog.LevelWarn, levelNotice, slog.LevelInfo,
		slog.LevelDebug, slog.LevelDebug,
	} {
		equal(t, "level", slogLevel(int32(library)), expected)
	}
}
