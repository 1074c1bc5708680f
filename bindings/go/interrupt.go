package karrow

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

// An interrupter ends calls of one consumer whose contexts have ended, by the library's wakeup. That ends one call,
// whichever comes first, and is kept for the next one if none is running. So whoever is interrupted looks whom it was
// meant for: a call whose own context has not ended hands the wakeup on, stands aside until those it may be for have
// returned, and goes on. One that nobody waits for any more, because its call has returned meanwhile, is only passed
// over. An interrupted call has done nothing, so that nothing is lost by calling again.
type interrupter struct {
	// What calls wakeup.
	wake func()

	mu sync.Mutex
	// How many calls are running whose contexts have ended.
	ended int
	// Closed when that number is 0 again; nil while it is.
	calm chan struct{}
}

func (i *interrupter) ending() {
	i.mu.Lock()
	if i.ended == 0 {
		i.calm = make(chan struct{})
	}
	i.ended++
	i.mu.Unlock()
	i.wake()
}

func (i *interrupter) returned() {
	i.mu.Lock()
	i.ended--
	if i.ended == 0 {
		close(i.calm)
		i.calm = nil
	}
	i.mu.Unlock()
}

// others is what to wait for until no call is left whose context has ended; nil if there is none.
func (i *interrupter) others() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calm
}

// run makes a call that the end of the context ends, if the call has not come to something else before. `waits` says
// how long it may wait by itself; function is called with what is left of that, in the library's milliseconds. The
// result of the last call counts, so that nothing that a call has brought is dropped.
func (i *interrupter) run(ctx context.Context, name string, waits limit, function func(timeoutMS int64) error) error {
	for {
		if ctx.Err() != nil {
			return contextError(ctx, name)
		}
		err := i.once(ctx, waits, function)
		if !errors.Is(err, ErrInterrupted) {
			return timeoutError(ctx, waits, err)
		}
		if others := i.others(); others != nil {
			i.wake()
			select {
			case <-others:
			case <-ctx.Done():
			}
		}
	}
}

// once makes the call once, and leaves nothing behind that could still call wakeup for it.
func (i *interrupter) once(ctx context.Context, waits limit, function func(timeoutMS int64) error) error {
	if ctx.Done() == nil {
		return function(waits.left())
	}
	over := make(chan struct{})
	ending := false
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		// Where the library has been told the deadline, it ends the call by itself, and says more.
		if !waits.isDeadline || waits.left() > 0 {
			ending = true
			i.ending()
		}
	})
	err := function(waits.left())
	if !stop() {
		<-over
		if ending {
			i.returned()
		}
	}
	return err
}

// A limit is how long a call may wait by itself.
type limit struct {
	until time.Time
	// It has no end.
	forever bool
	// It is the deadline of the call's context.
	isDeadline bool
}

var forever = limit{forever: true}

// within is a limit that begins now.
func within(duration time.Duration) limit {
	return limit{until: time.Now().Add(duration)}
}

// deadlineOf is the deadline of a context, if it has one.
func deadlineOf(ctx context.Context) limit {
	until, ok := ctx.Deadline()
	return limit{until: until, forever: !ok, isDeadline: ok}
}

// left is how much of it is left, as the library has it: in milliseconds, rounded up, so that no time that is left
// becomes 0, which does not wait; -1 is for ever.
func (l limit) left() int64 {
	if l.forever {
		return -1
	}
	return milliseconds(max(time.Until(l.until), 0))
}

// milliseconds rounds up.
func milliseconds(duration time.Duration) int64 {
	whole := duration.Milliseconds()
	if duration > time.Duration(whole)*time.Millisecond && whole < math.MaxInt64 {
		whole++
	}
	return whole
}

// timeoutError says that the time that was over was the context's, if it was.
func timeoutError(ctx context.Context, waits limit, err error) error {
	var failure *Error
	if waits.isDeadline && errors.Is(err, ErrTimeout) && errors.As(err, &failure) {
		return failure.endedBy(ctx)
	}
	return err
}

// aside makes a call that only its time-out ends, on a goroutine of its own, so that the end of the context can end the
// waiting for it. The call itself then goes on, and what it brings is dropped.
func aside[T any](ctx context.Context, name string, function func(timeoutMS int64) (T, error)) (T, error) {
	var none T
	if ctx.Err() != nil {
		return none, contextError(ctx, name)
	}
	waits := deadlineOf(ctx)
	if ctx.Done() == nil {
		return function(waits.left())
	}
	type result struct {
		value T
		err   error
	}
	outcome := make(chan result, 1)
	go func() {
		value, err := function(waits.left())
		outcome <- result{value, timeoutError(ctx, waits, err)}
	}()
	select {
	case result := <-outcome:
		return result.value, result.err
	case <-ctx.Done():
	}
	if waits.isDeadline && waits.left() == 0 {
		// The library knows the deadline, and says more.
		result := <-outcome
		return result.value, result.err
	}
	return none, contextError(ctx, name)
}
