# SPDX-License-Identifier: MIT
#
# Headers, libraries, the program, and what lets others find them: pkg-config and find_package.
# The installed tree can be moved: nothing in it names the prefix.

include(CMakePackageConfigHelpers)

set(libraries sluice sluice_static sluice_postgres sluice_postgres_static)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Sluice)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS ${libraries} EXPORT SluiceTargets)
install(EXPORT SluiceTargets NAMESPACE Sluice:: DESTINATION ${package_dir})
install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
if(SLUICE_CLI)
	install(TARGETS sluice_cli)
endif()

configure_package_config_file(cmake/SluiceConfig.cmake.in SluiceConfig.cmake
	INSTALL_DESTINATION ${package_dir}
	NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(SluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
	${PROJECT_BINARY_DIR}/SluiceConfig.cmake
	${PROJECT_BINARY_DIR}/SluiceConfigVersion.cmake
	DESTINATION ${package_dir})

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
	message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR and CMAKE_INSTALL_INCLUDEDIR must be relative to the "
		"prefix: the pkg-config files find everything from where they are")
endif()
file(RELATIVE_PATH prefix_from_pkgconfig /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig ${prefix_from_pkgconfig})
foreach(name IN ITEMS sluice sluice-postgres)
	configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${pkgconfig_dir})
endforeach()
