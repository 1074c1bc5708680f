# What differs between the packages, read by cpack once for each.

if(CPACK_GENERATOR STREQUAL "DEB")
  set(component debian)
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
  if(CPACK_KARROW_GLIBC)
    # dpkg-shlibdeps would say that functions come from where the glibc of this machine has them.
    set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6 (>= ${CPACK_KARROW_GLIBC})")
  else()
    # CPack would ask the same, but also add scripts that call ldconfig, for which dpkg has triggers.
    file(WRITE ${CPACK_KARROW_DEBIAN_DIR}/debian/control "Source: karrow\n\nPackage: karrow\nArchitecture: any\n")
    # It warns of a library outside of a package's folder.
    execute_process(COMMAND ${CPACK_KARROW_SHLIBDEPS} WORKING_DIRECTORY ${CPACK_KARROW_DEBIAN_DIR}
      OUTPUT_VARIABLE said ERROR_VARIABLE warned RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "dpkg-shlibdeps failed:\n${warned}")
    endif()
    string(REGEX MATCH "shlibs:Depends=([^\n]+)" found "${said}")
    set(CPACK_DEBIAN_PACKAGE_DEPENDS "${CMAKE_MATCH_1}")
  endif()
else()
  set(component archive)
endif()
list(GET CPACK_INSTALL_CMAKE_PROJECTS 0 build_dir)
set(CPACK_INSTALL_CMAKE_PROJECTS ${build_dir} karrow ${component} /)
