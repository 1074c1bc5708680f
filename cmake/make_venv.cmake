# cmake -DPYTHON=… -DREQUIREMENTS=… -DDIRECTORY=… -P make_venv.cmake
# Makes a Python environment with the packages that a file names, unless it is there already.

include(${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
return_if_complete(${REQUIREMENTS})
execute_process(COMMAND ${PYTHON} -m venv ${DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${DIRECTORY}/bin/python -m pip install --quiet --requirement ${REQUIREMENTS}
  COMMAND_ERROR_IS_FATAL ANY)
mark_complete()
