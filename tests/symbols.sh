#!/usr/bin/env bash
# Checks the ELF face of the shared library: what it exports, what it is called, what it needs.
#
#   CC=… NM=… READELF=… symbols.sh LIBRARY SONAME HEADER
set -euo pipefail

library=$1 soname=$2 header=$3
failed=0

fail() {
  echo "$library $1" >&2
  failed=1
}

# The preprocessor takes the comments away, in which functions are named too.
declared=$("$CC" -E -P "$header" | grep -oE '\bkarrow_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u || true)
exported=$("$NM" -D --defined-only --format=posix "$library" | cut -d ' ' -f 1 | sort -u)
dynamic=$("$READELF" --dynamic --wide "$library")

for name in $(comm -13 <(echo "$declared") <(echo "$exported")); do
  fail "exports $name, which the header does not declare"
done
for name in $(comm -23 <(echo "$declared") <(echo "$exported")); do
  fail "does not export $name, which the header declares"
done
for name in $exported; do
  [[ $name == karrow_* ]] || fail "exports $name, whose name is not karrow's"
done

grep -qF "Library soname: [$soname]" <<< "$dynamic" || fail "has not the soname $soname"
grep -qE 'FLAGS_1.*\bNODELETE\b' <<< "$dynamic" || fail "can be unloaded: it has not the flag NODELETE"

# Nothing but the C library, its loader, and the compiler's own support library.
for needed in $(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<< "$dynamic"); do
  case $needed in
    libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | libgcc_s.so.* | ld-linux*.so.*) ;;
    *) fail "needs $needed" ;;
  esac
done

exit $failed
