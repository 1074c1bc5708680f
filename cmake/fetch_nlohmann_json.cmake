# cmake -DDIRECTORY=… -P fetch_nlohmann_json.cmake
# Unpacks Debian's package of nlohmann::json into a directory, unless it is there already. Needs no rights: nothing is
# installed, and the lists of packages are its own, because those of the system may be missing or old.

include(${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
return_if_complete(${CMAKE_CURRENT_LIST_FILE})

find_program(apt_get apt-get)
find_program(dpkg_deb dpkg-deb)
if(NOT apt_get OR NOT dpkg_deb)
  message(FATAL_ERROR "There is no apt-get here to fetch nlohmann-json with.")
endif()

set(package nlohmann-json3-dev)
set(lists ${DIRECTORY}/apt/lists)
set(cache ${DIRECTORY}/apt/cache)
file(MAKE_DIRECTORY ${lists}/partial ${cache}/archives/partial)
set(apt ${apt_get} -qq -o Dir::State::lists=${lists} -o Dir::Cache=${cache})
foreach(command IN ITEMS "${apt};update" "${apt};download;${package}")
  execute_process(COMMAND ${command} WORKING_DIRECTORY ${DIRECTORY} OUTPUT_QUIET ERROR_VARIABLE said)
  string(APPEND messages "${said}")
endforeach()

file(GLOB archive ${DIRECTORY}/${package}_*.deb)
if(NOT archive)
  message(FATAL_ERROR
    "apt-get could not fetch ${package}. It needs the package archive that the system's sources name.\n${messages}")
endif()
execute_process(COMMAND ${dpkg_deb} -x ${archive} ${DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE_RECURSE ${DIRECTORY}/apt ${archive})
mark_complete()
