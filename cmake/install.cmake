# What `cmake --install` puts into a prefix. Nothing of it says where the prefix is, so that it can be moved.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# install_karrow(LIBRARY OUTPUT_DIR [OPTION...]) installs a file of the library and what belongs to it into the directories
# of GNUInstallDirs; files that say where others are come into the output directory first, and options are those of install().
function(install_karrow library output_dir)
  # The file, the name that programs ask the loader for, and the name that programs are linked with. Whether a library is an
  # executable file is what CMake has found out for the targets that it installs itself.
  set(kind PROGRAMS)
  if(CMAKE_INSTALL_SO_NO_EXE)
    set(kind FILES)
  endif()
  install(${kind} ${library} DESTINATION ${CMAKE_INSTALL_LIBDIR} ${ARGN})
  install(FILES ${library_dir}/${abi_name} ${library_dir}/${cargo_library_name}
    DESTINATION ${CMAKE_INSTALL_LIBDIR} ${ARGN})
  install(FILES ${PROJECT_SOURCE_DIR}/include/karrow.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${ARGN})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/bindings/cpp/include/karrow/
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/karrow ${ARGN})

  # For find_package. CMake exports no targets that are imported, as karrow::karrow is here: the template has them.
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/karrow)
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/karrow-config.cmake.in ${output_dir}/karrow-config.cmake
    INSTALL_DESTINATION ${package_dir}
    PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
  if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(compatibility SameMinorVersion)
  else()
    set(compatibility SameMajorVersion)
  endif()
  write_basic_package_version_file(${output_dir}/karrow-config-version.cmake COMPATIBILITY ${compatibility})
  install(FILES ${output_dir}/karrow-config.cmake ${output_dir}/karrow-config-version.cmake
    DESTINATION ${package_dir} ${ARGN})

  # For pkg-config, which knows the directory of the file that it reads. A directory outside the prefix replaces it.
  cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE pc_dir)
  cmake_path(APPEND pc_dir pkgconfig)
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pc_dir} OUTPUT_VARIABLE pc_prefix)
  cmake_path(APPEND pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
  cmake_path(APPEND pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
  configure_file(${PROJECT_SOURCE_DIR}/cmake/karrow.pc.in ${output_dir}/karrow.pc @ONLY)
  install(FILES ${output_dir}/karrow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig ${ARGN})
endfunction()

install_karrow(${library_dir}/${library_name} ${PROJECT_BINARY_DIR}/package)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
