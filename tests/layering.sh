#!/bin/sh
# layering.sh - who includes whom, who links what, who exports which names; and that every public
# header stands alone, in C11 and in C++17.
# Usage: layering.sh SOURCE LIBSLUICE.SO LIBSLUICE.A LIBSLUICE-POSTGRES.SO; CC and CXX may be set.
set -u

cd "$1" || exit 1
shared=$2 static=$3 postgres=$4
cc=${CC:-cc} cxx=${CXX:-c++}
failures=0

complain() # what is wrong, the lines that show it
{
	[ -n "$2" ] || return 0
	printf 'layering: %s:\n%s\n' "$1" "$2" >&2
	failures=$((failures + 1))
}

# Includes flow one way. A folder may include what the pattern after it allows, and the system's.
while read -r folder allowed; do
	complain "$folder/ may not include this" "$(
		find "$folder" -name '*.[ch]' -o -name '*.cc' | sort | xargs grep -HnE '^ *# *include *"' |
			grep -vE "include *\"($allowed)\""
	)"
done <<'EOF'
include   -
core      core/(file/)?[a-z0-9_]+\.h
sink      sink/[a-z0-9_]+\.h|db/(catalog|clock)\.h|db/migrate/[a-z_]+\.h
db        db/([a-z]+/)*[a-z0-9_]+\.h|trading\.h
db/migrate    db/(migrate/)?[a-z0-9_]+\.h
db/server     db/(server/)?[a-z0-9_]+\.h
db/author     db/((author|migrate|server)/)?[a-z0-9_]+\.h
db/gen/read   db/(gen/read/)?[a-z0-9_]+\.h
db/gen/ask    db/(gen/(read/|ask/)?)?[a-z0-9_]+\.h
db/gen/write  db/gen/(read/|write/)?[a-z0-9_]+\.h
cli       (cli|db(/[a-z]+)*|core(/file)?)/[a-z0-9_]+\.h|sink/pg_replay\.h|trading\.h
bench     (bench|cli|db(/[a-z]+)*|sink|core(/file)?)/[a-z0-9_]+\.h|trading\.h
examples  trading\.h
EOF

# The core knows no database.
complain 'libpq belongs to sink/, db/ and what stands on them' \
	"$(grep -rnE '# *include *[<"](libpq|postgres_ext|pg_|postgresql/|sluice/postgres)' core include)"
complain 'libsluice is linked to libpq' "$(readelf -d "$shared" | grep -i 'NEEDED.*libpq')"
complain 'libsluice needs libpq' "$(nm -D -u "$shared" | grep -E ' U PQ')"
complain 'libsluice.a needs libpq' "$(nm -u "$static" | grep -E ' U PQ')"

# A library exports the functions that its headers declare: none forgotten, none unannounced.
exported() # library
{
	nm -D --defined-only "$1" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort
}
declared() # header: the functions that it and what it includes declare, and do not define
{
	echo "#include <sluice/$1>" | $cc -std=c11 -Iinclude -E -P -x c - | tr '\n' ' ' |
		sed ':inner; s/{[^{}]*}/\n/g; t inner; s/;/\n/g' | grep -vE 'static|typedef' |
		sed -nE 's/.*[ *](sluice_[a-z0-9_]+)\(.*/\1/p' | sort
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
declared sink.h >"$work/sluice"
for header in include/sluice/*.h; do # all but the core's
	case ${header##*/} in
	sluice.h | stream.h | sink.h) ;;
	*) declared "${header##*/}" ;;
	esac
done | sort -u | comm -23 - "$work/sluice" >"$work/postgres"
[ -s "$work/sluice" ] && [ -s "$work/postgres" ] || complain 'no function declared in' include/sluice
exported "$shared" >"$work/shared"
exported "$postgres" >"$work/postgres.exported"
complain 'declared in a header, or exported by libsluice, but not both' \
	"$(diff "$work/sluice" "$work/shared")"
complain 'declared in a header, or exported by libsluice-postgres, but not both' \
	"$(diff "$work/postgres" "$work/postgres.exported")"

# Every public header, alone and twice.
strict='-Wall -Wextra -pedantic -Werror -Iinclude -fsyntax-only'
for header in include/sluice/*.h; do
	name=sluice/${header##*/}
	printf '#include <%s>\n#include <%s>\n' "$name" "$name" >"$work/alone.c"
	complain "$name alone, as C11" "$($cc -std=c11 $strict "$work/alone.c" 2>&1)"
	complain "$name alone, as C++17" "$($cxx -std=c++17 $strict -x c++ "$work/alone.c" 2>&1)"
done

exit $((failures > 0))
