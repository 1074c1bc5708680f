#!/bin/sh
# fuzz/run.sh TARGET [OPTION...]
# fuzz/run.sh TARGET minimise
#
# Runs a fuzz target with these options of libFuzzer, without end if there are none. It is built with what lets
# libFuzzer see which branches an input takes, which stable Rust can do, and without a sanitizer: that would want the
# library's C parts built for it, and what is looked for are panics and differences.
#
# What the fuzzer keeps is in target/fuzz/TARGET, beside what made it fail; fuzz/seeds/TARGET has what somebody wrote,
# fuzz/corpus/TARGET what runs before found. To minimise is to put what this run kept there, too, but of everything only
# the inputs without which some branch would not be taken, or not so often: libFuzzer's -set_cover_merge=1, which is
# -merge=1 with the fewest inputs. Inputs are cut to 512 bytes, or a repository would not want them. It takes a minute,
# and is worth a commit after a long run or a change of the target.
set -eu

target=$1
shift
cd "$(dirname "$0")/.."
kept=${CARGO_TARGET_DIR:-target}/fuzz/$target
mkdir -p "$kept/corpus" "fuzz/corpus/$target"

coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# With a target named, build scripts are not instrumented: they do not link with libFuzzer.
cargo=${CARGO:-cargo}
host=$("$cargo" -vV | sed -n 's/^host: //p')
run() {
    RUSTFLAGS=$(echo $coverage) "$cargo" run --locked --package karrow-fuzz --bin "$target" --target "$host" -- "$@"
}

if [ "${1:-}" = minimise ]; then
    rm -rf "$kept/minimised"
    mkdir "$kept/minimised"
    # What the seeds reach needs no other input.
    cp "fuzz/seeds/$target"/* "$kept/minimised"
    run -set_cover_merge=1 -max_len=512 "$kept/minimised" "fuzz/corpus/$target" "$kept/corpus"
    (cd "fuzz/seeds/$target" && ls) | (cd "$kept/minimised" && xargs rm)
    rm -rf "fuzz/corpus/$target"
    mv "$kept/minimised" "fuzz/corpus/$target"
else
    run -artifact_prefix="$kept/" -dict="fuzz/$target.dict" "$@" \
        "$kept/corpus" "fuzz/corpus/$target" "fuzz/seeds/$target"
fi
