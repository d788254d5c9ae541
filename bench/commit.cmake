# SPDX-License-Identifier: MIT
# Writes OUTPUT, a header that says which commit SOURCE is at; with +dirty when a file differs.

execute_process(
	COMMAND git -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty=+dirty
	OUTPUT_VARIABLE commit
	OUTPUT_STRIP_TRAILING_WHITESPACE
	ERROR_QUIET
	RESULT_VARIABLE result)
if(NOT result EQUAL 0)
	set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define SLU_MEASURE_COMMIT \"${commit}\"\n")
