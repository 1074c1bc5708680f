//go:build karrow_debug

package karrow

// #include "debug.h"
import "C"

import "github.com/karrow/karrow/bindings/go/internal/native"

// debugging makes every use of a native handle run the garbage collector first. What is freed too early, because nothing
// in Go refers to it any more, is then freed at once, where a test sees it.
const debugging = true

// countBatch counts a batch until arrow-go releases it.
func countBatch(array *C.struct_ArrowArray) { C.karrow_go_count_array(array) }

func init() {
	native.Batches = func() int64 { return int64(C.karrow_go_counted_arrays()) }
}
