# cmake -DCC=… -DJAVA_HOME=… -DSYSTEM=… -DMVN=… -DSOURCE_DIR=… -DPREFIX=… -DLIBRARY_DIR=… -DNAME=… -DPLATFORM=…
#   -DDIRECTORY=… -DPROGRAM=… -P build_java.cmake
# Builds wrapper_bench in Java for the library in a prefix, which has been put together for all wrappers, and a command
# that runs it.

set(java_dir ${SOURCE_DIR}/bindings/java)
set(natives ${DIRECTORY}/natives)
file(MAKE_DIRECTORY ${natives}/${PLATFORM})
execute_process(
  COMMAND ${CC} -std=c11 -O2 -fPIC -shared -I${PREFIX}/include -I${JAVA_HOME}/include -I${JAVA_HOME}/include/${SYSTEM}
    ${java_dir}/karrow/src/main/native/karrow_jni.c -o ${natives}/${PLATFORM}/libkarrow_jni.so
    -L${LIBRARY_DIR} -lkarrow -Wl,-rpath,$ORIGIN -Wl,-z,nodelete
  COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${natives}/${PLATFORM}/libraries.properties "karrow=${NAME}\njni=libkarrow_jni.so\n")

set(POM ${java_dir}/pom.xml)
set(TARGET ${DIRECTORY}/target)
set(NATIVES ${natives})
include(${java_dir}/cmake/build.cmake)

# What configure_file replaces in the command that tests use too. No options: here it pays to compile well.
set(java_home ${JAVA_HOME})
set(jvm_options "")
set(installed_library ${LIBRARY_DIR}/${NAME})
set(class io.github.karrow.arrow.WrapperBench)
set(class_path ${TARGET}/karrow-arrow/classes ${TARGET}/karrow-arrow/test-classes ${TARGET}/karrow/classes
  ${TARGET}/karrow/test-classes ${TARGET}/karrow-arrow/dependency/*)
list(JOIN class_path ":" class_path)
configure_file(${java_dir}/cmake/program.sh.in ${PROGRAM} @ONLY
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
