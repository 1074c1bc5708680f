# cmake -DMVN=… -DPOM=… -DDIRECTORY=… -P fetch_kafka.cmake
# Fetches the jars that a Maven project names into a directory, unless they are there already.

# Written last, so that a fetch that was cut short is not taken for a complete one.
set(stamp ${DIRECTORY}/complete)
file(SHA256 ${POM} wanted)
if(EXISTS ${stamp})
  file(READ ${stamp} present)
  if(present STREQUAL wanted)
    return()
  endif()
endif()

file(REMOVE_RECURSE ${DIRECTORY})
execute_process(
  COMMAND ${MVN} --batch-mode --quiet --file ${POM} dependency:copy-dependencies -DoutputDirectory=${DIRECTORY}
  COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${stamp} ${wanted})
