#!/usr/bin/env bash
# Builds programs against an installed karrow as a makefile would, with what pkg-config says, and runs them.
#
#   CC=… CXX=… PKG_CONFIG=… PKG_CONFIG_PATH=… pkg_config.sh SOURCE_DIR OUTPUT_DIR VERSION
set -euo pipefail

source_dir=$1 output_dir=$2 version=$3
karrow() { "$PKG_CONFIG" "$@" karrow; }

[[ $(karrow --modversion) == "$version" ]]
read -ra flags <<< "$(karrow --cflags --libs) -Wl,-rpath,$(karrow --variable=libdir) -Wall -Wextra -Wpedantic -Werror"

mkdir -p "$output_dir"
set -x
"$CC" -std=c11 "$source_dir/numbers.c" -o "$output_dir/numbers" "${flags[@]}"
"$CXX" -std=c++17 "$source_dir/quotes.cpp" -o "$output_dir/quotes" "${flags[@]}"
"$output_dir/numbers"
"$output_dir/quotes"
