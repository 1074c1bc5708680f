package karrow

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"
)

// A fakeSignal is wakeup as the library has it: it ends one call, and is kept for the next one if none is running.
type fakeSignal struct {
	mu      sync.Mutex
	changed *sync.Cond
	woken   bool
	waiting int
	ready   map[string]bool
}

func newFakeSignal() *fakeSignal {
	s := &fakeSignal{ready: map[string]bool{}}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *fakeSignal) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = true
	s.changed.Broadcast()
}

func (s *fakeSignal) finish(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[name] = true
	s.changed.Broadcast()
}

func (s *fakeSignal) isWaiting(count int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting == count
}

// call waits until it is woken or finished; whichever waiter comes first takes the wakeup.
func (s *fakeSignal) call(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
	defer func() { s.waiting-- }()
	for !s.woken && !s.ready[name] {
		s.changed.Wait()
	}
	if s.woken {
		s.woken = false
		return newError(StatusInterrupted, "interrupted by wakeup")
	}
	return nil
}

func TestAWakeupReachesTheCallItIsMeantFor(t *testing.T) {
	// Which call takes a wakeup is chance, so that many have to come out right.
	for range 100 {
		signal := newFakeSignal()
		interrupt := interrupter{wake: signal.wake}
		run := func(ctx context.Context, name string) <-chan error {
			outcome := make(chan error, 1)
			go func() {
				outcome <- interrupt.run(ctx, name, forever, func(int64) error { return signal.call(name) })
			}()
			return outcome
		}
		ctx, cancel := context.WithCancel(context.Background())
		others := []<-chan error{run(context.Background(), "a"), run(context.Background(), "b"), run(patient(t), "c")}
		ended := []<-chan error{run(ctx, "d"), run(ctx, "e")}
		eventually(t, "all calls", func() bool { return signal.isWaiting(5) })
		cancel()
		for _, outcome := range ended {
			if err := <-outcome; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		eventually(t, "the others", func() bool { return signal.isWaiting(3) })
		for index, name := range []string{"a", "b", "c"} {
			signal.finish(name)
			succeed(t, <-others[index])
		}
	}
}

func TestAWakeupThatComesLateIsPassedOver(t *testing.T) {
	signal := newFakeSignal()
	interrupt := interrupter{wake: signal.wake}
	ctx, cancel := context.WithCancel(context.Background())
	// The context ends while the call brings something.
	err := interrupt.run(ctx, "first", forever, func(int64) error {
		cancel()
		eventually(t, "the wakeup", func() bool {
			signal.mu.Lock()
			defer signal.mu.Unlock()
			return signal.woken
		})
		return nil
	})
	succeed(t, err)
	signal.finish("second")
	calls := 0
	succeed(t, interrupt.run(patient(t), "second", forever, func(int64) error {
		calls++
		return signal.call("second")
	}))
	equal(t, "calls", calls, 2)
}

func TestAContextThatHasEndedCallsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	interrupt := interrupter{wake: func() { t.Error("woken") }}
	err := interrupt.run(ctx, "poll", forever, func(int64) error {
		t.Error("called")
		return nil
	})
	expectError(t, err, ErrInterrupted, "poll: context canceled")
	_, err = aside(ctx, "commit", func(int64) (int, error) {
		t.Error("called")
		return 0, nil
	})
	expectError(t, err, ErrInterrupted, "commit: context canceled")
}

func TestTheLibraryIsToldADeadlineAndSaysMoreOfIt(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	interrupt := interrupter{wake: func() { t.Error("woken") }}
	overrun := func(timeoutMS int64) error {
		if timeoutMS < 0 || timeoutMS > 10 {
			t.Errorf("%d ms", timeoutMS)
		}
		<-ctx.Done()
		return newError(StatusTimeout, "no broker answered")
	}
	err := interrupt.run(ctx, "open", deadlineOf(ctx), overrun)
	expectError(t, err, ErrTimeout, "no broker answered")
	equal(t, "is over", errors.Is(err, context.DeadlineExceeded), true)
}

func TestACallAsideGoesOnWhenNobodyWaitsForIt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	goOn, over := make(chan struct{}), make(chan struct{})
	cancelled := make(chan struct{})
	go func() {
		<-cancelled
		cancel()
	}()
	_, err := aside(ctx, "commit", func(timeoutMS int64) (int, error) {
		defer close(over)
		equal(t, "time-out", timeoutMS, -1)
		close(cancelled)
		<-goOn
		return 1, nil
	})
	expectError(t, err, ErrInterrupted, "commit: context canceled")
	close(goOn)
	<-over
}

func TestTimesAreRoundedUp(t *testing.T) {
	equal(t, "nothing", milliseconds(0), 0)
	equal(t, "little", milliseconds(1), 1)
	equal(t, "one", milliseconds(time.Millisecond), 1)
	equal(t, "more", milliseconds(time.Millisecond+1), 2)
	equal(t, "most", milliseconds(math.MaxInt64), math.MaxInt64/1_000_000+1)
	equal(t, "for ever", forever.left(), -1)
	equal(t, "over", within(-time.Hour).left(), 0)
	equal(t, "a time", kafkaTime(time.Unix(1, 1)), 1001)
	equal(t, "a whole time", kafkaTime(time.Unix(1, 0)), 1000)
	equal(t, "a time before 1970", kafkaTime(time.Unix(0, -1)), 0)
}
