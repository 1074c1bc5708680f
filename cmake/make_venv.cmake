# cmake -DPYTHON=… -DREQUIREMENTS=… -DDIRECTORY=… -P make_venv.cmake
# Makes a Python environment with the packages that a file names, unless it is there already.

# Written last, so that an installation that was cut short is not taken for a complete one.
set(stamp ${DIRECTORY}/complete)
file(SHA256 ${REQUIREMENTS} wanted)
if(EXISTS ${stamp})
  file(READ ${stamp} present)
  if(present STREQUAL wanted)
    return()
  endif()
endif()

file(REMOVE_RECURSE ${DIRECTORY})
execute_process(COMMAND ${PYTHON} -m venv ${DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND ${DIRECTORY}/bin/python -m pip install --quiet --requirement ${REQUIREMENTS}
  COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${stamp} ${wanted})
