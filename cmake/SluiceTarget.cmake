# SPDX-License-Identifier: MIT
#
# How every target of ours is compiled. Flags go on targets, never on directories or CMAKE_C_FLAGS:
# a project that embeds Sluice keeps its own.

function(sluice_target_defaults target)
	set_target_properties(${target} PROPERTIES
		C_STANDARD 11
		C_STANDARD_REQUIRED ON
		C_EXTENSIONS OFF
		C_VISIBILITY_PRESET hidden)
	target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
	target_include_directories(${target} PRIVATE ${Sluice_SOURCE_DIR} ${Sluice_SOURCE_DIR}/include)

	if(PROJECT_IS_TOP_LEVEL)
		target_compile_options(${target} PRIVATE
			-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes)
	endif()
	if(SLUICE_WERROR)
		target_compile_options(${target} PRIVATE -Werror)
	endif()

	if(SLUICE_SANITIZE STREQUAL "address")
		set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
	elseif(SLUICE_SANITIZE STREQUAL "thread")
		set(sanitize -fsanitize=thread)
		# ck's own assembler is invisible to the sanitizer; the compiler's builtins are not.
		target_compile_definitions(${target} PRIVATE CK_USE_CC_BUILTINS)
	elseif(SLUICE_SANITIZE)
		message(FATAL_ERROR "SLUICE_SANITIZE=${SLUICE_SANITIZE}: give address, thread or nothing")
	endif()
	if(SLUICE_SANITIZE)
		target_compile_options(${target} PRIVATE ${sanitize} -O1 -fno-omit-frame-pointer)
		target_link_options(${target} PRIVATE ${sanitize})
	endif()
endfunction()

# One library twice, from the same objects: <name> shared and <name>_static, both lib<file>, known
# outside as Sluice::<public> and Sluice::<public>_static. The shared one exports what the version
# script <map> lets through, and leaves no symbol to chance.
function(sluice_add_library name file public map)
	add_library(${name}_objects OBJECT ${ARGN})
	sluice_target_defaults(${name}_objects)
	set_target_properties(${name}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)

	add_library(${name} SHARED $<TARGET_OBJECTS:${name}_objects>)
	add_library(${name}_static STATIC $<TARGET_OBJECTS:${name}_objects>)
	foreach(target IN ITEMS ${name} ${name}_static)
		sluice_target_defaults(${target})
		string(REPLACE ${name} ${public} exported ${target})
		add_library(Sluice::${exported} ALIAS ${target})
		set_target_properties(${target} PROPERTIES
			LINKER_LANGUAGE C
			OUTPUT_NAME ${file}
			EXPORT_NAME ${exported})
		target_include_directories(${target} INTERFACE
			$<BUILD_INTERFACE:${Sluice_SOURCE_DIR}/include>
			$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
		target_compile_features(${target} INTERFACE c_std_11)
	endforeach()

	# Before 1.0 each minor version may break the binary interface.
	set_target_properties(${name} PROPERTIES
		VERSION ${Sluice_VERSION}
		SOVERSION ${Sluice_VERSION_MAJOR}.${Sluice_VERSION_MINOR}
		LINK_DEPENDS ${map})
	# A thread that ends calls back (core/lease.c): the library stays once it is loaded.
	# And no call of the hot path is bound while it runs.
	target_link_options(${name} PRIVATE
		LINKER:--version-script=${map} LINKER:-z,nodelete LINKER:-z,now)
	if(NOT SLUICE_SANITIZE)
		target_link_options(${name} PRIVATE LINKER:--no-undefined)
	endif()
endfunction()
