# SPDX-License-Identifier: MIT
#
# What the libraries stand on.

find_package(Threads REQUIRED)
find_package(PostgreSQL 15.6 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SLUICE_URCU REQUIRED IMPORTED_TARGET liburcu-cds)

# Headers only: the library behind them is not linked. Its pkg-config flags redefine __x86_64__.
find_path(SLUICE_CK_INCLUDE_DIR ck_pr.h DOC "Concurrency Kit's headers")
mark_as_advanced(SLUICE_CK_INCLUDE_DIR)
if(NOT SLUICE_CK_INCLUDE_DIR)
	message(FATAL_ERROR "ck_pr.h is missing: install Concurrency Kit's headers (libck-dev)")
endif()
