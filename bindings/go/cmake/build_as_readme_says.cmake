# cmake -DSOURCE_DIR=… -DGO=… -DLIBRARY_DIR=… -DDIRECTORY=… -P build_as_readme_says.cmake
# Does what the README tells somebody to do who writes its program in Go beside a checkout of karrow: in a directory that
# is empty at first, with the lines that the README shows.

# take_from_readme(VARIABLE REGEX) sets a variable to what the README has in a pair of parentheses of the expression.
file(READ ${SOURCE_DIR}/README.md readme)
function(take_from_readme variable regex)
  if(NOT readme MATCHES "${regex}")
    message(FATAL_ERROR "the README has nothing that matches ${regex}")
  endif()
  set(${variable} "${CMAKE_MATCH_1}" PARENT_SCOPE)
endfunction()
take_from_readme(add_karrow "```sh\n(go mod [^`]*)```")
take_from_readme(build "`(go build [^`]*)`")
string(REPLACE PREFIX/lib ${LIBRARY_DIR} build "${build}")

set(module ${DIRECTORY}/follow_orders)
file(REMOVE_RECURSE ${DIRECTORY})
file(COPY ${SOURCE_DIR}/examples/go/follow_orders/main.go DESTINATION ${module})
file(CREATE_LINK ${SOURCE_DIR} ${DIRECTORY}/karrow SYMBOLIC)

cmake_path(GET GO PARENT_PATH go_dir)
set(ENV{PATH} "${go_dir}:$ENV{PATH}")
foreach(lines IN ITEMS "go mod init follow_orders" "${add_karrow}" "${build}")
  execute_process(COMMAND sh -e -x -c "${lines}" WORKING_DIRECTORY ${module} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
