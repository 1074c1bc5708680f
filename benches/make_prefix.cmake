# cmake -DLIBRARY=… -DNAMES=… -DHEADER=… -DPACKAGE=… -DPREFIX=… -DLIBRARY_DIR=… -P make_prefix.cmake
# Puts a library that cargo has built into a prefix, with what the wrappers are built against.

file(REMOVE_RECURSE ${PREFIX})
file(MAKE_DIRECTORY ${LIBRARY_DIR})
list(POP_FRONT NAMES file)
file(COPY_FILE ${LIBRARY} ${LIBRARY_DIR}/${file})
foreach(name IN LISTS NAMES)
  file(CREATE_LINK ${file} ${LIBRARY_DIR}/${name} SYMBOLIC)
endforeach()
file(COPY ${HEADER} DESTINATION ${PREFIX}/include)
file(COPY ${PACKAGE} DESTINATION ${LIBRARY_DIR}/pkgconfig)
