#!/bin/sh
# SPDX-License-Identifier: MIT
#
# stop_demo.sh - SIGTERM under load: what was accepted drains, and every row is there.
#
#      stop_demo.sh SLUICE
#
# The demo proves its own result; here it is asked to end in the middle.
set -eu

said=$(mktemp)
trap 'rm -f "$said"' EXIT

"$1" demo --seconds 300 --rate 20000 >"$said" 2>&1 &
demo=$!
for _ in $(seq 600); do
	grep -q ' committed .*lane depth' "$said" && break
	kill -0 "$demo" || break
	sleep 0.1
done
kill -TERM "$demo"
status=0
wait "$demo" || status=$?
cat "$said"
grep -q '^asked to end' "$said"
grep -q 'lost 0, duplicated 0, different 0' "$said"
grep -q '+ pending 0$' "$said"
exit "$status"
