package karrow

// #include <karrow.h>
import "C"

import (
	"fmt"
	"sync"
)

// Version is what to show a person: "0.1.0 (librdkafka 2.12.1)".
func Version() string {
	return C.GoString(C.karrow_version())
}

// ABIVersion is the version of the C ABI of the library that is loaded: major<<16 | minor.
func ABIVersion() uint32 {
	return uint32(C.karrow_abi_version())
}

// checkABI looks at the library once. It is asked where everything begins, and not in an init, because a program that
// only links this package has done nothing wrong yet.
var checkABI = sync.OnceValue(func() error {
	return abiError(C.KARROW_ABI_VERSION, ABIVersion(), Version())
})

// abiError says what to install if a library does not fit the header that this package was built with. Before 1.0 only
// the same version of the ABI fits, from then on a newer one of the same major version does too.
func abiError(built, loaded uint32, version string) error {
	major, loadedMajor := built>>16, loaded>>16
	if major == loadedMajor && (loaded == built || major > 0 && loaded > built) {
		return nil
	}
	orNewer := ""
	if major > 0 {
		orNewer = fmt.Sprintf(", or a newer one before %d.0", major+1)
	}
	return newError(StatusUnsupported, fmt.Sprintf("karrow %s is loaded, whose C ABI is %s, but this program was built "+
		"with the header of ABI %s; install karrow %s%s, or build the program again with the one that is installed",
		version, abiText(loaded), abiText(built), abiText(built), orNewer))
}

func abiText(version uint32) string {
	return fmt.Sprintf("%d.%d", version>>16, version&0xffff)
}
