# cmake -DGO=… -DMODULES=… -P fetch_go_modules.cmake
# Fetches what modules of Go need, which go.sum says to the byte.

foreach(module IN LISTS MODULES)
  execute_process(COMMAND ${GO} mod download WORKING_DIRECTORY ${module} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR
      "go could not fetch the modules that ${module}/go.mod names. It needs the Go module proxy, or what GOPROXY "
      "names, through HTTPS_PROXY if that is set.")
  endif()
endforeach()
