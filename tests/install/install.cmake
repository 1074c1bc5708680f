# cmake -DDIRECTORY=… -DPREFIX=… -DBUILD_DIR=… -DSOURCE_DIR=… -DLIBRARY_DIR=… -DNAMES=… -P install.cmake
# Installs a build into a directory that it empties first, moves that to the prefix where programs are going to look for
# it, and looks at what is in it.

set(first_prefix ${DIRECTORY}/first-prefix)
file(REMOVE_RECURSE ${DIRECTORY})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${first_prefix} COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${first_prefix} ${PREFIX})

# Nothing missing, and nothing of what the tests bring along.
set(expected
  include/karrow.h
  include/karrow/karrow.hpp
  include/karrow/values.hpp
  ${LIBRARY_DIR}/cmake/karrow/karrow-config-version.cmake
  ${LIBRARY_DIR}/cmake/karrow/karrow-config.cmake
  ${LIBRARY_DIR}/pkgconfig/karrow.pc
  share/doc/karrow/LICENSE)
foreach(name IN LISTS NAMES)
  list(APPEND expected ${LIBRARY_DIR}/${name})
endforeach()
file(GLOB_RECURSE installed LIST_DIRECTORIES false RELATIVE ${PREFIX} ${PREFIX}/*)
list(SORT expected)
list(SORT installed)
if(NOT installed STREQUAL expected)
  message(FATAL_ERROR "the prefix holds\n  ${installed}\nand not\n  ${expected}")
endif()

# The library is one file under three names.
list(POP_FRONT NAMES file)
foreach(name IN LISTS NAMES)
  file(REAL_PATH ${PREFIX}/${LIBRARY_DIR}/${name} target)
  file(REAL_PATH ${PREFIX}/${LIBRARY_DIR}/${file} wanted)
  if(NOT IS_SYMLINK ${PREFIX}/${LIBRARY_DIR}/${name} OR NOT target STREQUAL wanted)
    message(FATAL_ERROR "${name} is not a link to ${file}")
  endif()
endforeach()

# No text says where it was built or first installed. (The library itself holds the paths of sources in its debug
# information.)
list(FILTER installed EXCLUDE REGEX "^${LIBRARY_DIR}/libkarrow")
foreach(name IN LISTS installed)
  file(READ ${PREFIX}/${name} text)
  foreach(place IN ITEMS ${BUILD_DIR} ${SOURCE_DIR} ${first_prefix})
    string(FIND "${text}" "${place}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${name} names ${place}")
    endif()
  endforeach()
endforeach()
