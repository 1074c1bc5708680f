# For scripts that fill a DIRECTORY once, from what one file says, and again only when that file has changed.

# Written last, so that a directory that was cut short is not taken for a complete one.
set(stamp ${DIRECTORY}/complete)

# Ends the script if the directory holds what the file says; otherwise makes way for it.
macro(return_if_complete source)
  file(SHA256 ${source} wanted)
  if(EXISTS ${stamp})
    file(READ ${stamp} present)
    if(present STREQUAL wanted)
      return()
    endif()
  endif()
  file(REMOVE_RECURSE ${DIRECTORY})
endmacro()

macro(mark_complete)
  file(WRITE ${stamp} ${wanted})
endmacro()
