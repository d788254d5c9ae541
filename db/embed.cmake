# SPDX-License-Identifier: MIT
#
# embed.cmake - turns the shipped migrations into a C source, so that the program `sluice` needs no
# files at run time.
#
#      cmake -DFOLDER=<this folder> -DOUTPUT=<file>.c -P embed.cmake
#
# Bytes are written as numbers: no quoting to get wrong, no limit on the length of a string.

foreach(required IN ITEMS FOLDER OUTPUT)
	if(NOT DEFINED ${required})
		message(FATAL_ERROR "embed.cmake needs -D${required}=..")
	endif()
endforeach()

# Appends the files of ${FOLDER}/${folder} to `source`, as the array `slu_embedded_${folder}`.
function(embed folder)
	set(rows "")
	set(number 0)
	file(GLOB paths "${FOLDER}/${folder}/*.sql")
	if(NOT paths)
		message(FATAL_ERROR "no .sql files in ${FOLDER}/${folder}")
	endif()
	foreach(path IN LISTS paths)
		file(READ "${path}" bytes HEX)
		file(SIZE "${path}" size)
		cmake_path(GET path FILENAME name)
		string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
		string(REGEX REPLACE "(................................................................................)"
			"\\1\n\t" bytes "${bytes}")
		string(APPEND source
			"\nstatic const unsigned char ${folder}_${number}[] = {\n\t${bytes}0x00};\n")
		string(APPEND rows
			"\t{\"${name}\", (const char *)${folder}_${number}, ${size}},\n")
		math(EXPR number "${number} + 1")
	endforeach()
	string(APPEND source
		"\nconst struct slu_migration_file slu_embedded_${folder}[] = {\n${rows}};\n"
		"const size_t slu_embedded_${folder}_count = ${number};\n")
	set(source "${source}" PARENT_SCOPE)
endfunction()

set(source
	"/* SPDX-License-Identifier: MIT */\n"
	"/* Written by db/embed.cmake from db/migrations and db/sluice. Change those. */\n"
	"#include \"db/migration_set.h\"\n")
string(CONCAT source ${source})
embed(migrations)
embed(sluice)
file(WRITE "${OUTPUT}" "${source}")
