#!/usr/bin/env bash
# Checks the ELF face of the shared library as others get it, and prints it: its size, what it exports, what it is called, what
# it needs.
#
#   CC=… NM=… READELF=… symbols.sh LIBRARY SONAME HEADER BUILD_TYPE GLIBC
#
# GLIBC is the version that it may need; if it is empty, that is only printed.
set -euo pipefail

library=$1 soname=$2 header=$3 build_type=$4 glibc=$5
# In bytes; a release has 16.4 million. A debug build is larger than anybody should have to care for.
limit_of_Debug=40000000
limit_of_Release=18000000
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

size=$(stat --dereference --format=%s "$library")
limit=limit_of_$build_type
echo "size: $size bytes of at most ${!limit}"
((size <= ${!limit})) || fail "has $size bytes, more than ${!limit}: what has made it larger?"

echo "exports: $(wc -w <<< "$exported") functions, and nothing else"

# Nothing but the C library, its loader, and the compiler's own support library.
libraries=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<< "$dynamic")
echo "needs:" $libraries
for needed in $libraries; do
  case $needed in
    libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | libgcc_s.so.* | ld-linux*.so.*) ;;
    *) fail "needs $needed" ;;
  esac
done

# Versions of them. What is only needed by weak symbols, without which it does well, has another flag.
versions=$("$READELF" --version-info --wide "$library" | sed -nE 's/.*Name: ([A-Z]+_[0-9.]+) +Flags: none .*/\1/p' | sort -uV)
for family in GLIBC GCC; do
  newest=$(sed -n "/^${family}_/p" <<< "$versions" | tail -n 1)
  [[ -z $newest ]] ||
    echo "needs: $newest at most, for" $("$NM" -D --undefined-only "$library" | sed -n "s/.* \(.*\)@$newest\$/\1/p")
done
newest=$(sed -n 's/^GLIBC_//p' <<< "$versions" | tail -n 1)
[[ -z $glibc || $(sort -V <<< "$newest"$'\n'"$glibc" | tail -n 1) == "$glibc" ]] || fail "needs glibc $newest, not $glibc"

exit $failed
