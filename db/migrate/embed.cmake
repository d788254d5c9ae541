# SPDX-License-Identifier: MIT
#
# embed.cmake - turns the SQL files of a folder into a C source, so that who links it needs no files
# at run time.
#
#      cmake -DFOLDER=<folder> -DNAME=<array> -DOUTPUT=<file>.c -P embed.cmake
#
# Bytes are written as numbers: no quoting to get wrong, no limit on the length of a string.

foreach(required IN ITEMS FOLDER NAME OUTPUT)
	if(NOT DEFINED ${required})
		message(FATAL_ERROR "embed.cmake needs -D${required}=..")
	endif()
endforeach()

file(GLOB paths "${FOLDER}/*.sql")
if(NOT paths)
	message(FATAL_ERROR "no .sql files in ${FOLDER}")
endif()

cmake_path(GET FOLDER FILENAME folder)
set(source
	"/* SPDX-License-Identifier: MIT */\n"
	"/* Written by db/migrate/embed.cmake from db/${folder}. Change that. */\n"
	"#include \"db/migrate/migration_set.h\"\n")
string(CONCAT source ${source})
set(rows "")
set(number 0)
foreach(path IN LISTS paths)
	file(READ "${path}" bytes HEX)
	file(SIZE "${path}" size)
	cmake_path(GET path FILENAME name)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
	string(REGEX REPLACE "(................................................................................)"
		"\\1\n\t" bytes "${bytes}")
	string(APPEND source
		"\nstatic const unsigned char file_${number}[] = {\n\t${bytes}0x00};\n")
	string(APPEND rows
		"\t{\"${name}\", (const char *)file_${number}, ${size}},\n")
	math(EXPR number "${number} + 1")
endforeach()
string(APPEND source
	"\nconst struct sluice_migration_file ${NAME}[] = {\n${rows}};\n"
	"const size_t ${NAME}_count = ${number};\n")
file(WRITE "${OUTPUT}" "${source}")
