# cmake -DJAVA_HOME=… -DSTRIP=… -DNATIVES=… -DLIBRARY=… -DRESOURCES=… -DCLASSES=… -DTEST_CLASSES=… -DDIRECTORY=…
#   -P run_from_jar.cmake
# Makes a jar of the classes and both native libraries, and lets a program load karrow from it.

file(REMOVE_RECURSE ${DIRECTORY})
file(COPY ${CLASSES}/ DESTINATION ${DIRECTORY}/content)
file(COPY ${NATIVES}/ DESTINATION ${DIRECTORY}/content/${RESOURCES})
cmake_path(GET LIBRARY FILENAME name)
execute_process(COMMAND ${STRIP} --strip-unneeded -o ${DIRECTORY}/content/${RESOURCES}/${name} ${LIBRARY}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${JAVA_HOME}/bin/jar --create --file ${DIRECTORY}/karrow.jar -C ${DIRECTORY}/content .
  COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE_RECURSE ${DIRECTORY}/content)

execute_process(
  COMMAND ${JAVA_HOME}/bin/java -cp ${DIRECTORY}/karrow.jar:${TEST_CLASSES} io.github.karrow.LibraryTest$Program
  OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
set(expected " from jar:file:${DIRECTORY}/karrow.jar!/${RESOURCES}/${name}\n")
string(FIND "${said}" "${expected}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "expected what ends with ${expected}but the program said: ${said}")
endif()
message("${said}")
