//go:build !karrow_debug

package karrow

// #include <karrow.h>
import "C"

// debugging makes every use of a native handle run the garbage collector first.
const debugging = false

func countBatch(*C.struct_ArrowArray) {}
