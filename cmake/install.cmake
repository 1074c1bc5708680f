# What `cmake --install` puts into a prefix. Nothing of it says where the prefix is, so that it can be moved.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The file, the name that programs ask the loader for, and the name that programs are linked with.
install(PROGRAMS ${library_dir}/${library_name} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${library_dir}/${abi_name} ${library_dir}/${cargo_library_name} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/include/karrow.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/bindings/cpp/include/karrow/
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/karrow)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# For find_package. CMake exports no targets that are imported, as karrow::karrow is here: the template has them.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/karrow)
set(package_output_dir ${PROJECT_BINARY_DIR}/package)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/karrow-config.cmake.in
  ${package_output_dir}/karrow-config.cmake
  INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file(${package_output_dir}/karrow-config-version.cmake COMPATIBILITY ${compatibility})
install(FILES ${package_output_dir}/karrow-config.cmake ${package_output_dir}/karrow-config-version.cmake
  DESTINATION ${package_dir})

# For pkg-config, which knows the directory of the file that it reads. A directory outside the prefix replaces it.
cmake_path(SET pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pc_dir} OUTPUT_VARIABLE pc_prefix)
cmake_path(APPEND pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
cmake_path(APPEND pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/karrow.pc.in ${package_output_dir}/karrow.pc @ONLY)
install(FILES ${package_output_dir}/karrow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
