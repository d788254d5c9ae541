#!/bin/sh
# found.sh - the installed library as its users meet it: through pkg-config and find_package, shared
# and static, from C and C++. Every program must bring its order to a real Postgres.
# Usage: with_postgres found.sh SOURCE BUILD WORK CMAKE CC
set -eu
unset MAKEFLAGS DESTDIR

source=$1 build=$2 work=$3 cmake=$4 cc=$5
strict='-Wall -Wextra -pedantic -Werror'

fail()
{
	echo "found.sh: $*" >&2
	exit 1
}

: "${SLUICE_TEST_DSN:?run me through with_postgres}"
rm -rf "$work"
mkdir -p "$work/user"

# Installed below one directory, then moved to another: nothing may remember the first.
DESTDIR=$work/staged "$cmake" --install "$build" --prefix /opt/sluice >"$work/install.log"
mv "$work/staged/opt/sluice" "$work/shared"
cp -a "$work/shared" "$work/static"
find "$work/static" -name 'libsluice*.so*' -delete
if grep -rlI -e "$work" -e /opt/sluice "$work/shared/lib"*; then
	fail 'these installed files name the prefix they were installed to'
fi
(cd "$source/include" && find sluice -type f) | sort >"$work/headers"
(cd "$work/shared/include" && find . -type f) | sed 's,^\./,,' | sort >"$work/headers.installed"
diff "$work/headers" "$work/headers.installed" || fail 'include/ and what was installed differ'

# A user has the installed library, the generated bindings and programs: nothing else of ours.
cd "$work/user"
cp "$source"/examples/*.c "$source/tests/install/hello.cc" "$source"/db/generated/trading.[ch] .

flags() # tree, arguments of pkg-config
{
	tree=$1
	shift
	PKG_CONFIG_PATH=$(dirname "$(find "$work/$tree" -name sluice.pc)") pkg-config "$@" sluice-postgres
}

# shellcheck disable=SC2046,SC2086 # lists of flags, to be split
{
	$cc -std=c11 $strict -c trading.c $(flags shared --cflags)
	$cc -std=c11 $strict -o pc-shared hello.c trading.o $(flags shared --cflags --libs)
	$cc -std=c11 $strict -o pc-static hello.c trading.o $(flags static --static --cflags --libs)
	$cc -std=gnu11 $strict -o takeover takeover.c trading.o $(flags shared --cflags --libs)
	$cc -std=c11 $strict -o warm warm.c trading.o $(flags shared --cflags --libs)
	${CXX:-c++} -std=c++17 $strict -o pc-cpp hello.cc trading.o $(flags shared --cflags --libs)
}

"$cmake" -S "$source/tests/install/find_package" -B cmake -DCMAKE_PREFIX_PATH="$work/shared" \
	-DCMAKE_C_COMPILER="$cc" -DUSER_FILES="$work/user" -DCMAKE_BUILD_TYPE=Release >cmake.log ||
	fail "find_package: see $work/user/cmake.log"
"$cmake" --build cmake >>cmake.log || fail "find_package: see $work/user/cmake.log"

LD_LIBRARY_PATH=$(dirname "$(find "$work/shared" -name libsluice.so)")
export LD_LIBRARY_PATH

needs() # program: the names of our shared libraries that it asks for
{
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(libsluice.*\)\]/\1/p' | sort | tr '\n' ' '
}
both='libsluice-postgres.so.0.1 libsluice.so.0.1 '
for program in pc-shared pc-cpp cmake/shared cmake/cpp; do
	[ "$(needs $program)" = "$both" ] || fail "$program needs '$(needs $program)', not '$both'"
done
for program in pc-static cmake/static; do
	[ -z "$(needs $program)" ] || fail "$program is linked to $(needs $program), not statically"
done

ask()
{
	psql -X -q -At -v ON_ERROR_STOP=1 -d "$SLUICE_TEST_DSN" -c "$1"
}
"$work/shared/bin/sluice" migrate --dsn "$SLUICE_TEST_DSN" up
ask "INSERT INTO providers (id, alias, display_name, adapter_identifier)
     VALUES (1, 'hello', 'Hello', 'hello')"

for program in pc-shared pc-static pc-cpp cmake/shared cmake/static cmake/cpp; do
	./$program "$SLUICE_TEST_DSN" "$program" || fail "$program failed"
done
./pc-shared "$SLUICE_TEST_DSN" "$(printf '%048d' 0)" && fail 'an id too long for its column got through'
rows=$(ask "SELECT string_agg(client_order_id || ' ' || quantity::int || ' ' ||
                              coalesce(price::numeric(8,2)::text, 'market'), ', '
                              ORDER BY client_order_id COLLATE \"C\") FROM orders")
[ "$rows" = "cmake/cpp 7 market, cmake/shared 100 101.25, cmake/static 100 101.25, \
pc-cpp 7 market, pc-shared 100 101.25, pc-static 100 101.25" ] || fail "Postgres holds: $rows"
echo "in Postgres: $rows"

# A cold engine finds what the others left in Postgres.
for program in pc-shared pc-cpp; do
	id=$(ask "SELECT id FROM orders WHERE client_order_id = '$program'")
	[ "$(./warm "$SLUICE_TEST_DSN" "$id")" = "order $program: ok" ] || fail "warm misses $program"
done
./warm "$SLUICE_TEST_DSN" 00000000-0000-0000-0000-000000000000 && fail 'warm found an order that is none'

# An engine is killed; the next one on its directory carries on, and leaves nothing behind.
./takeover "$SLUICE_TEST_DSN" "$work/lanes" 1000 &
sleep 1
kill -9 $!
wait $! && fail 'takeover ended before it was killed'
[ "$(find "$work/lanes" -name '*.lanes' | wc -l)" = 1 ] || fail 'the killed engine left no file'
./takeover "$SLUICE_TEST_DSN" "$work/lanes" 3 || fail 'takeover failed'
[ "$(find "$work/lanes" -name '*.lanes' | wc -l)" = 0 ] || fail 'a file is left'
[ "$(ask 'SELECT count(*) FROM sluice.lane WHERE sealed_at IS NULL')" = 0 ] || fail 'a run is not sealed'
[ "$(ask "SELECT count(*) >= 6 FROM orders WHERE client_order_id LIKE 'takeover-%'")" = t ] ||
	fail 'orders of the killed engine are missing'
echo 'takeover: carried what the killed engine left'
