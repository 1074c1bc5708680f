# cmake -DMVN=… -DPOM=… -DDIRECTORY=… -P fetch_kafka.cmake
# Fetches the jars that a Maven project names into a directory, unless they are there already.

include(${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
return_if_complete(${POM})
execute_process(
  COMMAND ${MVN} --batch-mode --quiet --file ${POM} dependency:copy-dependencies -DoutputDirectory=${DIRECTORY}
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR
    "Maven could not fetch what the tests against Apache Kafka need: the packages that ${POM} names "
    "(Kafka's broker and tools, a backend for its log) and Maven's dependency plugin. It needs Maven Central, or a "
    "mirror that ~/.m2/settings.xml names (<mirrors>), and a proxy there (<proxies>) if the network wants one.")
endif()
mark_complete()
