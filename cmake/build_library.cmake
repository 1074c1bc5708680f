# cmake -DCARGO=… -DBUILDER=… -DTARGET_DIR=… -DARGUMENTS=… -P build_library.cmake
# Lets cargo build the library, or what calls it with other tools, and says what is needed when crates cannot be fetched.

set(ENV{CARGO_TARGET_DIR} ${TARGET_DIR})
# zig, if it is to be used, is beside its cargo.
cmake_path(GET BUILDER PARENT_PATH tools_dir)
set(ENV{PATH} "${tools_dir}:$ENV{PATH}")
execute_process(COMMAND ${BUILDER} ${ARGUMENTS} --locked RESULT_VARIABLE failed)
if(NOT failed)
  return()
endif()

# cargo ends in the same way whatever went wrong. What it can list without the network, it has fetched.
execute_process(
  COMMAND ${CARGO} tree --locked --offline --edges no-dev
  RESULT_VARIABLE crates_are_missing OUTPUT_QUIET ERROR_QUIET)
if(crates_are_missing)
  message(FATAL_ERROR
    "cargo could not fetch the crates that karrow is built from. It needs the registry of Rust crates, index and "
    "downloads, over HTTPS, through HTTPS_PROXY if that is set, or a mirror of it that ~/.cargo/config.toml names "
    "([source.crates-io] replace-with). Nothing else is fetched for the library.")
endif()
message(FATAL_ERROR "cargo could not build the library; its messages are above")
