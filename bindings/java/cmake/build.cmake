# cmake -DMVN=… -DPOM=… -DTARGET=… -DNATIVES=… [-DLICENCES=…] -P build.cmake
# Compiles the modules, their tests and the examples, makes the jars, and puts what they depend on beside them.

set(arguments -Dkarrow.target=${TARGET} -Dkarrow.natives=${NATIVES})
if(LICENCES)
  list(APPEND arguments -Dkarrow.licences=${LICENCES})
endif()
execute_process(
  COMMAND ${MVN} --batch-mode --quiet --file ${POM} -Dstyle.color=never
    ${arguments} -DskipTests package dependency:copy-dependencies
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR
    "Maven could not build karrow for Java; its messages are above. What it fetches, plugins, arrow-java and what tests need, "
    "comes from Maven Central, or a mirror that ~/.m2/settings.xml names (<mirrors>), and through a proxy there (<proxies>) if "
    "the network wants one.")
endif()
