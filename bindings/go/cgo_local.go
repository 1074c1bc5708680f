//go:build karrow_local

package karrow

// The prefix `local` beside this file, into which karrow has been installed: `cmake --install build/release --prefix
// bindings/go/local`.

// #cgo CFLAGS: -I${SRCDIR}/local/include
// #cgo LDFLAGS: -L${SRCDIR}/local/lib -lkarrow -Wl,-rpath,${SRCDIR}/local/lib
import "C"
