//! Which karrow this is.

use std::ffi::{CStr, CString, c_char};
use std::sync::OnceLock;

use rdkafka::bindings as rd;

/// The version of the C ABI that this header describes: `major << 16 | minor`. `karrow_abi_version` has that of the library.
pub const KARROW_ABI_VERSION: u32 = 0x0000_0001;

/// The version of the C ABI: `major << 16 | minor`. Wrappers compare it when they load the library. While major is 0,
/// every minor version may change the ABI; from 1.0 on functions are added, never changed. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn karrow_abi_version() -> u32 {
    KARROW_ABI_VERSION
}

/// What to show a person: `"0.1.0 (librdkafka 2.12.1)"`. The text is static. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn karrow_version() -> *const c_char {
    static VERSION: OnceLock<CString> = OnceLock::new();
    let version = VERSION.get_or_init(|| {
        // SAFETY: librdkafka returns a static text.
        let librdkafka = unsafe { CStr::from_ptr(rd::rd_kafka_version_str()) }.to_string_lossy();
        super::c_string(&format!("{} (librdkafka {librdkafka})", env!("CARGO_PKG_VERSION")))
    });
    version.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_abi_version_is_that_of_the_crate() {
        let part = |text: &str| text.parse::<u32>().unwrap();
        let version = part(env!("CARGO_PKG_VERSION_MAJOR")) << 16 | part(env!("CARGO_PKG_VERSION_MINOR"));
        assert_eq!(karrow_abi_version(), version);
    }
}
