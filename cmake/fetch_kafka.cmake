# cmake -DMVN=… -DPOM=… -DDIRECTORY=… -P fetch_kafka.cmake
# Fetches the jars that a Maven project names into a directory, unless they are there already.

include(${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
return_if_complete(${POM})
execute_process(
  COMMAND ${MVN} --batch-mode --quiet --file ${POM} dependency:copy-dependencies -DoutputDirectory=${DIRECTORY}
  COMMAND_ERROR_IS_FATAL ANY)
mark_complete()
