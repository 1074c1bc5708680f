# Looks for every tool that the build needs. When some are missing, stops with one message that names them all
# and says where they come from.

set(missing "")

macro(report_missing what source)
  string(APPEND missing "\n  * ${what}: ${source}")
endmacro()

# require_tool(VARIABLE WHAT SOURCE NAME...) finds a program with one of the names.
macro(require_tool variable what source)
  find_program(${variable} NAMES ${ARGN} HINTS ENV JAVA_HOME ENV CARGO_HOME $ENV{HOME}/.cargo
    PATHS /usr/local/go PATH_SUFFIXES bin)
  mark_as_advanced(${variable})
  if(NOT ${variable})
    report_missing("${what}" "${source}")
  endif()
endmacro()

# CMake itself reports on compilers that it was told to use.
if(NOT CMAKE_C_COMPILER AND NOT DEFINED ENV{CC})
  require_tool(KARROW_CC "a C compiler" "apt-get install gcc" cc gcc clang)
endif()
if(NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
  require_tool(KARROW_CXX "a C++ compiler" "apt-get install g++" c++ g++ clang++)
endif()
require_tool(KARROW_MAKE "make (builds OpenSSL and librdkafka)" "apt-get install make" make)
require_tool(KARROW_PERL "perl (configures OpenSSL)" "apt-get install perl" perl)

set(rust_source "https://rustup.rs")
require_tool(KARROW_CARGO "cargo" "${rust_source}" cargo)
require_tool(KARROW_RUSTC "rustc ${rust_version} or newer" "${rust_source}" rustc)
if(KARROW_RUSTC)
  execute_process(COMMAND ${KARROW_RUSTC} --version OUTPUT_VARIABLE found)
  if(NOT found MATCHES "^rustc ([0-9.]+)" OR CMAKE_MATCH_1 VERSION_LESS rust_version)
    report_missing("rustc ${rust_version} or newer, not ${CMAKE_MATCH_1}" "rustup update, ${rust_source}")
  endif()
endif()

# The broker.
if(KARROW_TESTS OR KARROW_PACKAGES OR KARROW_BENCHMARKS)
  set(java_source "apt-get install openjdk-17-jdk-headless")
  require_tool(KARROW_JAVA "a JDK, 17 or newer" "${java_source}" java)
  if(KARROW_JAVA)
    execute_process(COMMAND ${KARROW_JAVA} -version ERROR_VARIABLE found)
    if(NOT found MATCHES "version \"([0-9.]+)" OR CMAKE_MATCH_1 VERSION_LESS 17)
      report_missing("a JDK, 17 or newer, not ${CMAKE_MATCH_1}" "${java_source}")
    endif()
  endif()
  require_tool(KARROW_JAVAC "javac (builds karrow for Java)" "${java_source}" javac)
  require_tool(KARROW_MVN "mvn (fetches the Kafka broker, and builds karrow for Java)" "apt-get install maven" mvn)
endif()

# Other Arrow readers, and zig.
if(KARROW_TESTS OR KARROW_PACKAGES OR KARROW_BENCHMARKS OR KARROW_GLIBC)
  require_tool(KARROW_PYTHON "python3" "apt-get install python3 python3-venv" python3)
  if(KARROW_PYTHON)
    # Debian has venv without ensurepip until python3-venv is installed.
    execute_process(COMMAND ${KARROW_PYTHON} -c "import venv, ensurepip" RESULT_VARIABLE failed ERROR_QUIET)
    if(failed)
      report_missing("python3's venv" "apt-get install python3-venv")
    endif()
  endif()
endif()

# The binding for Go.
if(KARROW_TESTS OR KARROW_PACKAGES OR KARROW_BENCHMARKS)
  set(go_source "https://go.dev/dl")
  require_tool(KARROW_GO "go ${go_version} or newer" "${go_source}" go)
  if(KARROW_GO)
    execute_process(COMMAND ${KARROW_GO} env GOVERSION OUTPUT_VARIABLE found)
    if(NOT found MATCHES "^go([0-9.]+)" OR CMAKE_MATCH_1 VERSION_LESS go_version)
      report_missing("go ${go_version} or newer, not ${CMAKE_MATCH_1}" "${go_source}")
    endif()
  endif()
  require_tool(KARROW_PKG_CONFIG "pkg-config" "apt-get install pkg-config" pkg-config pkgconf)
endif()

if(KARROW_TESTS)
  require_tool(KARROW_GOFMT "gofmt" "${go_source}" gofmt)

  # rustup puts their programs in place even where they are not installed, so they have to be tried.
  foreach(component IN ITEMS rustfmt clippy)
    string(REPLACE rustfmt fmt subcommand ${component})
    if(KARROW_CARGO)
      execute_process(COMMAND ${KARROW_CARGO} ${subcommand} --version
        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    endif()
    if(NOT KARROW_CARGO OR failed)
      report_missing(${component} "rustup component add ${component}, ${rust_source}")
    endif()
  endforeach()

  # Where find_package will look once compilers are known.
  find_path(KARROW_GTEST_DIR gtest/gtest.h
    HINTS ENV GTest_ROOT PATHS /usr /usr/local /opt/homebrew PATH_SUFFIXES include)
  mark_as_advanced(KARROW_GTEST_DIR)
  if(NOT KARROW_GTEST_DIR)
    report_missing("GoogleTest" "apt-get install libgtest-dev")
  endif()

  # The one of these that Debian's package manager can get without rights: it is a few headers.
  set(fetched_dir ${CMAKE_BINARY_DIR}/nlohmann_json)
  find_path(KARROW_NLOHMANN_JSON_DIR nlohmann/json.hpp
    HINTS ENV nlohmann_json_ROOT ${fetched_dir}/usr PATHS /usr /usr/local /opt/homebrew PATH_SUFFIXES include)
  mark_as_advanced(KARROW_NLOHMANN_JSON_DIR)
  if(NOT KARROW_NLOHMANN_JSON_DIR)
    message(STATUS "nlohmann-json is not installed: fetching it from the package archive of the system with apt-get")
    execute_process(
      COMMAND ${CMAKE_COMMAND} -DDIRECTORY=${fetched_dir} -P ${CMAKE_CURRENT_LIST_DIR}/fetch_nlohmann_json.cmake
      RESULT_VARIABLE failed)
    if(failed)
      report_missing("nlohmann-json 3 (could not be fetched, see above)" "apt-get install nlohmann-json3-dev")
    else()
      find_path(KARROW_NLOHMANN_JSON_DIR nlohmann/json.hpp PATHS ${fetched_dir}/usr/include NO_DEFAULT_PATH)
    endif()
  endif()

  # It does not run on today's Macs.
  if(NOT CMAKE_HOST_APPLE)
    require_tool(KARROW_VALGRIND "valgrind" "apt-get install valgrind" valgrind)
  endif()
endif()

if(missing)
  message(FATAL_ERROR "karrow needs tools that are not here:${missing}\n")
endif()
