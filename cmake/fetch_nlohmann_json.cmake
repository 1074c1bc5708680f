# cmake -DDIRECTORY=… -P fetch_nlohmann_json.cmake
# Unpacks Debian's package of nlohmann::json into a directory, unless it is there already. Needs no rights: nothing is
# installed, and the lists of packages are its own, because those of the system may be missing or old.

include(${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
return_if_complete(${CMAKE_CURRENT_LIST_FILE})

set(package nlohmann-json3-dev)
find_program(apt_get apt-get)
find_program(dpkg_deb dpkg-deb)
set(lists ${DIRECTORY}/apt/lists)
set(cache ${DIRECTORY}/apt/cache)
file(MAKE_DIRECTORY ${lists}/partial ${cache}/archives/partial)
set(apt ${apt_get} -qq -o Dir::State::lists=${lists} -o Dir::Cache=${cache})
foreach(command IN ITEMS "${apt};update" "${apt};download;${package}")
  if(apt_get AND dpkg_deb)
    execute_process(COMMAND ${command} WORKING_DIRECTORY ${DIRECTORY} OUTPUT_QUIET ERROR_VARIABLE messages)
  endif()
endforeach()

file(GLOB archive ${DIRECTORY}/${package}_*.deb)
if(NOT archive)
  message(FATAL_ERROR
    "The conformance tests in C++ read their cases with nlohmann::json, which is not installed and could not be fetched "
    "from Debian's archive. Install it: apt-get install ${package}, or brew install nlohmann-json.\n${messages}")
endif()
execute_process(COMMAND ${dpkg_deb} -x ${archive} ${DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE_RECURSE ${DIRECTORY}/apt ${archive})
mark_complete()
