# cmake -DMVN=… -DPOM=… -DGOAL=… -DDIRECTORY=… -P fetch_maven.cmake
# Fetches what a Maven project names into a directory, unless it is there already. The goal of Maven's dependency plugin
# puts it where the properties outputDirectory and out say.

include(${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
return_if_complete(${POM})
execute_process(
  COMMAND ${MVN} --batch-mode --quiet --file ${POM} dependency:${GOAL} -DoutputDirectory=${DIRECTORY} -Dout=${DIRECTORY}
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR
    "Maven could not fetch what tests need: the packages that ${POM} names, and Maven's dependency plugin. It needs Maven "
    "Central, or a mirror that ~/.m2/settings.xml names (<mirrors>), and a proxy there (<proxies>) if the network wants "
    "one.")
endif()
mark_complete()
