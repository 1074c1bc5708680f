//go:build !karrow_local

package karrow

// #cgo pkg-config: karrow
import "C"
