//! Linker arguments of the shared library; nothing else is decided here.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = std::env::var("CARGO_PKG_VERSION").expect("cargo sets CARGO_PKG_VERSION");
    let mut parts = version.split('.');
    let (major, minor) =
        (parts.next().expect("a version has a major part"), parts.next().expect("a version has a minor part"));
    // Before 1.0 every minor version may change the ABI, so the minor version is part of the name.
    let abi = if major == "0" { format!("{major}.{minor}") } else { major.to_owned() };
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libkarrow.{abi}.dylib");
        }
        _ => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkarrow.so.{abi}");
            // Release callbacks of exported Arrow data may run after the last handle is gone,
            // so the code they live in must never be unloaded.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
    }
}
