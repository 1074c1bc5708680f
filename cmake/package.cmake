# What `cpack` makes: an archive that may be unpacked anywhere, and a package for Debian. Both have one component of their own,
# which `cmake --install` leaves out: a library without debug information, and the licences of all that is linked into it.

# Licences ---------------------------------------------------------------------------------------------------------

set(licences_command ${KARROW_PYTHON})
set(linker "")
if(KARROW_GLIBC)
  set(licences_command ${zig_dir}/bin/python)
  set(linker zig)
endif()
set(licences ${PROJECT_BINARY_DIR}/licences/THIRD-PARTY-LICENSES)
add_custom_command(OUTPUT ${licences}
  COMMAND ${licences_command} ${CMAKE_CURRENT_LIST_DIR}/licences.py ${KARROW_CARGO} ${KARROW_RUSTC} ${rust_target} ${licences}
    ${linker}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/licences.py ${PROJECT_SOURCE_DIR}/Cargo.lock ${PROJECT_SOURCE_DIR}/Cargo.toml
  COMMENT "Collecting the licences of what is linked in"
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  VERBATIM)
add_custom_target(karrow_licences DEPENDS ${licences})
add_dependencies(karrow_licences karrow_library)
set(package_files ${licences})

# The archive ------------------------------------------------------------------------------------------------------

string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
set(archive_name karrow-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})
set(generators TGZ)

block()
  set(CMAKE_INSTALL_LIBDIR lib)
  set(options COMPONENT archive EXCLUDE_FROM_ALL)
  install_karrow(${stripped_library} ${PROJECT_BINARY_DIR}/package-archive ${options})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${licences} DESTINATION share/doc/karrow ${options})
endblock()

# Debian -----------------------------------------------------------------------------------------------------------

# One package, not one for programs and one for those who build them: until 1.0 a program needs exactly the version that it
# was built with.
find_program(KARROW_DPKG dpkg)
find_program(KARROW_DPKG_SHLIBDEPS dpkg-shlibdeps)
mark_as_advanced(KARROW_DPKG KARROW_DPKG_SHLIBDEPS)
if(KARROW_DPKG AND KARROW_DPKG_SHLIBDEPS AND CMAKE_LIBRARY_ARCHITECTURE)
  list(APPEND generators DEB)
  set(debian_dir ${PROJECT_BINARY_DIR}/package-debian)
  set(debian_version ${PROJECT_VERSION}-1)
  execute_process(COMMAND ${KARROW_DPKG} --print-architecture
    OUTPUT_VARIABLE CPACK_DEBIAN_PACKAGE_ARCHITECTURE OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(CPACK_DEBIAN_FILE_NAME karrow_${debian_version}_${CPACK_DEBIAN_PACKAGE_ARCHITECTURE}.deb)
  string(TIMESTAMP debian_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  foreach(file IN ITEMS changelog copyright)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/debian/${file}.in ${debian_dir}/${file}.in @ONLY)
  endforeach()
  # What packages of programs depend on that are linked with it.
  string(REGEX REPLACE "[0-9]+$" "" next_abi_version ${abi_version})
  string(REGEX MATCH "[0-9]+$" next_number ${abi_version})
  math(EXPR next_number "${next_number} + 1")
  string(APPEND next_abi_version ${next_number})
  configure_file(${CMAKE_CURRENT_LIST_DIR}/debian/shlibs.in ${debian_dir}/shlibs @ONLY)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian_dir}/shlibs ${CMAKE_CURRENT_LIST_DIR}/debian/triggers)
  add_custom_command(OUTPUT ${debian_dir}/copyright
    COMMAND cat ${debian_dir}/copyright.in ${licences} > ${debian_dir}/copyright
    DEPENDS ${debian_dir}/copyright.in ${licences}
    VERBATIM)
  add_custom_command(OUTPUT ${debian_dir}/changelog.Debian.gz
    COMMAND gzip --best --no-name --stdout ${debian_dir}/changelog.in > ${debian_dir}/changelog.Debian.gz
    DEPENDS ${debian_dir}/changelog.in
    VERBATIM)
  list(APPEND package_files ${debian_dir}/copyright ${debian_dir}/changelog.Debian.gz)
  set(CPACK_KARROW_SHLIBDEPS ${KARROW_DPKG_SHLIBDEPS} -O -e${stripped_library})
  set(CPACK_KARROW_DEBIAN_DIR ${debian_dir})
  set(CPACK_KARROW_GLIBC ${KARROW_GLIBC})

  block()
    set(CMAKE_INSTALL_PREFIX /usr)
    set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE})
    set(options COMPONENT debian EXCLUDE_FROM_ALL)
    install_karrow(${stripped_library} ${debian_dir} ${options})
    install(FILES ${debian_dir}/copyright ${debian_dir}/changelog.Debian.gz DESTINATION share/doc/karrow ${options})
    install(FILES ${CMAKE_CURRENT_LIST_DIR}/debian/lintian-overrides
      DESTINATION share/lintian/overrides RENAME karrow ${options})
  endblock()
endif()

# CPack ------------------------------------------------------------------------------------------------------------

# Who only builds the library does not need them.
add_custom_target(karrow_package_files DEPENDS ${package_files})
add_dependencies(karrow_package_files karrow_licences karrow_stripped)
set(CPACK_INSTALL_COMMANDS "${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target karrow_package_files")

set(CPACK_GENERATOR ${generators})
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/cpack_options.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/correct_installed_size.cmake)
set(CPACK_PACKAGE_NAME karrow)
set(CPACK_PACKAGE_VENDOR karrow)
# Whoever publishes packages gives an address: `cpack -D CPACK_PACKAGE_CONTACT='NAME <ADDRESS>'`.
set(CPACK_PACKAGE_CONTACT karrow)
set(CPACK_PACKAGE_HOMEPAGE_URL https://github.com/karrow/karrow)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_FILE_NAME ${archive_name})
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_MONOLITHIC_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"karrow turns a Kafka topic into one Arrow table for each Kafka partition, which
it hands out through the Arrow C Data and C Stream Interfaces without copying.

The package has the library, its headers for C and C++, and what CMake and
pkg-config have to know. The modules for Go and Java use the same library.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # It is packed only to see whether that works.
  set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
endif()
include(CPack)
