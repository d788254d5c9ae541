# SPDX-License-Identifier: MIT
# Sluice: the everyday commands, each one line of CMake. `make help` lists them.

PREFIX      ?= /usr/local
DESTDIR     ?=
JOBS        ?= $(shell nproc)
CMAKE_FLAGS ?=
DEMO_FLAGS  ?=
MIGRATE_FLAGS ?=

configure := cmake -S . -G Ninja -DSLUICE_WERROR=ON
ctest     := ctest --output-on-failure --no-tests=error -j $(JOBS)
checks    := check-clang check-address check-thread check-models check-explore check-torture format-check
sources   := core sink db cli bench tests examples include

.DEFAULT_GOAL := all
.NOTPARALLEL:
.PHONY: all help deps demo test bench install gen migrate format format-check clean \
	check check-address check-thread check-clang check-models check-explore check-torture prove

all: build/build.ninja ## build the program build/sluice, the libraries, tests and benchmarks
	@cmake --build build -j $(JOBS)

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

deps: ## install the Debian packages that are missing (.ci/packages)
	@.ci/deps

build/build.ninja: | deps
	@$(configure) -B build $(CMAKE_FLAGS)

demo: all ## run a trading day against a throw-away Postgres and prove the result; DEMO_FLAGS=..
	@build/sluice demo $(DEMO_FLAGS)

test: all ## run the tests
	@$(ctest) --test-dir build -LE '^(model|torture|explore)$$'

bench: all ## run every benchmark, briefly
	@set -e; for program in $$(find build/bench -maxdepth 1 -type f -perm /111 | sort); do \
		echo "== $$program"; $$program --quick; done

gen: build/build.ninja ## write db/generated anew from db/migrations and db/queries
	@cmake --build build -j $(JOBS) --target sluice_gen
	@build/sluice_gen --config db/sqlc.yaml

migrate: all ## bring a database (PGHOST, PGDATABASE, .. or MIGRATE_FLAGS='--dsn ..') to db/migrations
	@build/sluice migrate $(MIGRATE_FLAGS) --path db/migrations up

install: all ## install below PREFIX (/usr/local); DESTDIR stages
	@DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"

check: $(checks) ## all checks beyond the tests

check-clang: deps ## build with clang, warnings as errors
	@$(configure) -B build/clang -DCMAKE_C_COMPILER=clang
	@cmake --build build/clang -j $(JOBS)

check-address: deps ## unit and contract tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(configure) -B build/address -DSLUICE_SANITIZE=address -DCMAKE_BUILD_TYPE=Debug
	@cmake --build build/address -j $(JOBS)
	@$(ctest) --test-dir build/address -L '^(unit|contract)$$'

check-thread: deps ## the tests of memory order under ThreadSanitizer
	@$(configure) -B build/thread -DSLUICE_SANITIZE=thread -DCMAKE_BUILD_TYPE=Debug
	@cmake --build build/thread -j $(JOBS)
	@$(ctest) --test-dir build/thread -L '^tsan$$'

check-models: all ## the Spin models, whole and with each step taken out
	@$(ctest) --test-dir build -L '^model$$'

check-explore: all ## core/ in every order its threads could meet in, whole and with each edge taken out
	@$(ctest) --test-dir build -L '^explore$$'

check-torture: all ## processes killed at every instruction and at random, threads held, crowds
	@$(ctest) --test-dir build -L '^torture$$'

prove: all ## the long forms of check-torture (two hours); writes RELIABILITY.md; SEED=.. PROGRAMS=..
	@tests/torture/prove . build

format: deps ## lay out every C file as .clang-format says
	@find $(sources) -name '*.[ch]' -o -name '*.cc' | xargs clang-format -i

format-check: deps ## fail if `make format` would change something
	@find $(sources) -name '*.[ch]' -o -name '*.cc' | xargs clang-format --dry-run --Werror

clean: ## remove everything that was built
	@rm -rf build
