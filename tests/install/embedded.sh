#!/bin/sh
# embedded.sh - Sluice inside another project: it builds, and leaves its parent alone.
# Usage: embedded.sh SOURCE WORK CMAKE CC
set -eu
unset MAKEFLAGS DESTDIR

source=$1 work=$2 cmake=$3 cc=$4

fail()
{
	echo "embedded.sh: $*" >&2
	exit 1
}

rm -rf "$work"
mkdir -p "$work"
cd "$work"

"$cmake" -S "$source/tests/install/subdirectory" -B build -DCMAKE_C_COMPILER="$cc" \
	-DSLUICE_SOURCE="$source" >cmake.log || fail "configuring failed: see $work/cmake.log"
"$cmake" --build build >>cmake.log || fail "building failed: see $work/cmake.log"

"$cmake" --install build --prefix "$work/prefix" >>cmake.log
installed=$(find prefix -type f)
[ "$installed" = prefix/bin/parent ] || fail "the parent installs more than its own: $installed"
grep -q add_test -r build --include=CTestTestfile.cmake && fail 'tests of Sluice in the parent'
./build/parent
