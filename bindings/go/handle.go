package karrow

import (
	"runtime"
	"sync"

	"github.com/karrow/karrow/bindings/go/internal/native"
)

// A handle owns something native. Closing it beside calls that use it is safe: calls that come later find it closed,
// those that are running keep it until they return, and the last one of all frees it, once. No lock is held while it is
// used.
//
// What users hold points to a handle and not the other way round, so that the handle can be the net under what users
// forget to close.
type handle[P any] struct {
	name string
	kind native.Kind
	free func(P)

	mu      sync.Mutex
	pointer P
	// How many calls are using it.
	uses   int
	closed bool
	// Closed when it has been freed, for those who wait for that; nil if nobody does.
	freed chan struct{}
}

func newHandle[P any](name string, kind native.Kind, pointer P, free func(P)) *handle[P] {
	native.Made(kind)
	return &handle[P]{name: name, kind: kind, free: free, pointer: pointer}
}

// use is the pointer, for a call that says done when it returns.
func (h *handle[P]) use() (P, error) {
	if debugging {
		runtime.GC()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		var none P
		return none, closedError(h.name)
	}
	h.uses++
	return h.pointer, nil
}

func (h *handle[P]) done() {
	h.mu.Lock()
	h.uses--
	last := h.closed && h.uses == 0
	h.mu.Unlock()
	if last {
		h.release()
	}
}

// close lets no further call begin. It does not wait for those that run; freed tells when they are over.
func (h *handle[P]) close() {
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	last := first && h.uses == 0
	h.mu.Unlock()
	if last {
		h.release()
	}
}

// release is called once, by whoever sees closed and no uses first.
func (h *handle[P]) release() {
	h.free(h.pointer)
	native.Freed(h.kind)
	if h.freed != nil {
		close(h.freed)
	}
}
