// Package native counts what the package karrow holds of the library's, so that tests can see that nothing of it is
// left.
package native

import "sync/atomic"

// Kind is a kind of things that have to be freed.
type Kind int

// The kinds.
const (
	Consumer Kind = iota
	Snapshot
	Options
	Spec
	Log
	Cluster
	// Stream is an ArrowArrayStream that has not been released.
	Stream
	// Callback is a processor that the library holds.
	Callback
	// Output is what a processor has made, as long as the library shows it.
	Output
	kinds
)

var names = [kinds]string{"consumer", "snapshot", "options", "spec", "log", "cluster", "stream", "callback", "output"}

var counts [kinds]atomic.Int64

// Batches is how many batches have been imported and not been released. Only a build with the tag karrow_debug counts
// them; otherwise it is nil.
var Batches func() int64

// Made notes that there is one more.
func Made(kind Kind) { counts[kind].Add(1) }

// Freed notes that there is one less.
func Freed(kind Kind) { counts[kind].Add(-1) }

// Live is how many there are, by the names of their kinds. Kinds of which there are none are left out.
func Live() map[string]int64 {
	live := map[string]int64{}
	for kind := range counts {
		if count := counts[kind].Load(); count != 0 {
			live[names[kind]] = count
		}
	}
	if Batches != nil && Batches() != 0 {
		live["batch"] = Batches()
	}
	return live
}
