# cmake -DPYTHON=… -DREQUIREMENTS=… -DDIRECTORY=… -P make_venv.cmake
# Makes a Python environment with the packages that a file names, unless it is there already.

include(${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
return_if_complete(${REQUIREMENTS})
execute_process(COMMAND ${PYTHON} -m venv ${DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${DIRECTORY}/bin/python -m pip install --quiet --requirement ${REQUIREMENTS}
  RESULT_VARIABLE failed)
if(failed)
  file(STRINGS ${REQUIREMENTS} packages REGEX "^[^#]")
  list(JOIN packages ", " packages)
  message(FATAL_ERROR
    "pip could not install what is needed in Python: ${packages}. It needs the Python package index, or a mirror "
    "that PIP_INDEX_URL or pip's configuration names, through HTTPS_PROXY if that is set.")
endif()
mark_complete()
