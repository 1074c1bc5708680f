# The native half of the binding for Java, and its jars.

set(java_dir ${PROJECT_SOURCE_DIR}/bindings/java)
set(java_binary_dir ${PROJECT_BINARY_DIR}/bindings/java)

# The shim ---------------------------------------------------------------------------------------------------------

# Only its headers are needed of the JDK; `java` and `javac` of a distribution are links into it.
file(REAL_PATH ${KARROW_JAVAC} javac)
cmake_path(GET javac PARENT_PATH java_home)
cmake_path(GET java_home PARENT_PATH java_home)
string(TOLOWER ${CMAKE_SYSTEM_NAME} java_system)
set(java_platform ${java_system}-${CMAKE_SYSTEM_PROCESSOR})
set(natives_dir ${java_binary_dir}/natives)

# Built where something needs it: nobody else has to have a JDK.
add_library(karrow_jni MODULE EXCLUDE_FROM_ALL ${java_dir}/karrow/src/main/native/karrow_jni.c)
target_include_directories(karrow_jni SYSTEM PRIVATE ${java_home}/include ${java_home}/include/${java_system})
target_link_libraries(karrow_jni PRIVATE karrow::karrow)
target_compile_options(karrow_jni PRIVATE ${warnings_are_errors} -fvisibility=hidden)
# The library may call what is in it after a class loader has been collected, so that it is never unloaded; and whether the
# library has all its functions is only known once its version has been looked at.
target_link_options(karrow_jni PRIVATE -Wl,-z,nodelete -Wl,-z,lazy)
set_target_properties(karrow_jni PROPERTIES
  C_STANDARD 11
  C_STANDARD_REQUIRED ON
  C_EXTENSIONS OFF
  # They are unpacked into one folder.
  BUILD_WITH_INSTALL_RPATH ON
  INSTALL_RPATH "$ORIGIN"
  LIBRARY_OUTPUT_DIRECTORY ${natives_dir}/${java_platform})
file(WRITE ${natives_dir}/${java_platform}/libraries.properties
  "karrow=${abi_name}\njni=libkarrow_jni${CMAKE_SHARED_MODULE_SUFFIX}\n")

# The jars ---------------------------------------------------------------------------------------------------------

file(STRINGS ${java_dir}/pom.xml java_version_line REGEX "<version>[0-9.]+</version>" LIMIT_COUNT 1)
string(REGEX MATCH "[0-9.]+" java_binding_version "${java_version_line}")
if(NOT java_binding_version STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "bindings/java/pom.xml has version ${java_binding_version}, Cargo.toml ${PROJECT_VERSION}")
endif()

set(java_target_dir ${java_binary_dir}/target)

# What goes into the jar: both libraries, and the licences of what is linked into them.
set(full_natives_dir ${java_binary_dir}/natives_with_library)
add_custom_target(java_natives
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${natives_dir} ${full_natives_dir}
  COMMAND ${CMAKE_COMMAND} -E copy ${stripped_library} ${full_natives_dir}/${java_platform}/${abi_name}
  VERBATIM)
add_dependencies(java_natives karrow_jni karrow_stripped)
if(licences)
  cmake_path(GET licences PARENT_PATH licences_dir)
  add_dependencies(java_natives karrow_licences)
endif()

# `cmake --build DIR --target java` makes the jars with the library inside.
add_custom_target(java
  COMMAND ${CMAKE_COMMAND} -DMVN=${KARROW_MVN} -DPOM=${java_dir}/pom.xml -DTARGET=${java_target_dir}
    -DNATIVES=${full_natives_dir} -DLICENCES=${licences_dir} -P ${java_dir}/cmake/build.cmake
  COMMENT "Making the jars in ${java_target_dir}"
  USES_TERMINAL
  VERBATIM)
add_dependencies(java java_natives)
