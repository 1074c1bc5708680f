# cmake -DGO=… -DPKG_CONFIG=… -DMODULE=… -DPROGRAM=… -DLIBRARY=… -DNAMES=… -DHEADER=… -DPACKAGE=… -DPREFIX=… -DLIBRARY_DIR=…
#   -P build_go.cmake
# Builds wrapper_bench against the library that cargo has built with the benchmarks, which it puts into a prefix as
# installing does: under the names that programs are linked with, and that they ask the loader for.

set(library_dir ${PREFIX}/${LIBRARY_DIR})
file(REMOVE_RECURSE ${PREFIX})
file(MAKE_DIRECTORY ${library_dir})
list(GET NAMES 0 file)
file(COPY_FILE ${LIBRARY} ${library_dir}/${file})
list(REMOVE_AT NAMES 0)
foreach(name IN LISTS NAMES)
  file(CREATE_LINK ${file} ${library_dir}/${name} SYMBOLIC)
endforeach()
file(COPY ${HEADER} DESTINATION ${PREFIX}/include)
file(COPY ${PACKAGE} DESTINATION ${library_dir}/pkgconfig)

set(ENV{PKG_CONFIG} ${PKG_CONFIG})
set(ENV{PKG_CONFIG_PATH} ${library_dir}/pkgconfig)
set(ENV{GOFLAGS} "-mod=readonly -buildvcs=false")
set(ENV{GOTOOLCHAIN} local)
execute_process(
  COMMAND ${GO} build "-ldflags=-r ${library_dir}" -o ${PROGRAM} ./internal/cmd/wrapper_bench
  WORKING_DIRECTORY ${MODULE}
  COMMAND_ERROR_IS_FATAL ANY)
