# cmake -DCPACK=… -DCONFIG=… -DDIRECTORY=… -P make.cmake
# Lets cpack make its packages, in a directory with nothing else.

file(REMOVE_RECURSE ${DIRECTORY})
execute_process(COMMAND ${CPACK} --config ${CONFIG} -B ${DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
