#!/bin/sh
# fuzz/run.sh TARGET [OPTION...]
#
# Runs a fuzz target with these options of libFuzzer, without end if there are none. It is built with what lets
# libFuzzer see which branches an input takes, which stable Rust can do, and without a sanitizer: that would want the
# library's C parts built for it, and what is looked for are panics and differences.
#
# What the fuzzer keeps is in target/fuzz/TARGET, beside what made it fail; fuzz/corpus/TARGET has the seeds.
set -eu

target=$1
shift
cd "$(dirname "$0")/.."
kept=${CARGO_TARGET_DIR:-target}/fuzz/$target
mkdir -p "$kept/corpus"

coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# With a target named, build scripts are not instrumented: they do not link with libFuzzer.
cargo=${CARGO:-cargo}
host=$("$cargo" -vV | sed -n 's/^host: //p')
RUSTFLAGS=$(echo $coverage) "$cargo" run --locked --package karrow-fuzz --bin "$target" --target "$host" -- \
    -artifact_prefix="$kept/" -dict="fuzz/$target.dict" "$@" "$kept/corpus" "fuzz/corpus/$target"
