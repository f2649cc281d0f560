# SPDX-License-Identifier: GPL-2.0-or-later
# What every target shares: language level, warnings, hardening, sanitizers, linker, and the two
# functions that declare a unit test and a fuzz target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1")
set(CMAKE_C_FLAGS_DEV "-O1 -g1")

option(BUILD_TESTING "build the unit tests" ON)
set(XCP_SANITIZE "" CACHE STRING "sanitizers for every target, as in -fsanitize=")

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror=switch
                    -Werror=return-type)
add_compile_definitions(BOOST_ALL_NO_LIB)

find_program(XCP_CCACHE ccache)
if(XCP_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${XCP_CCACHE})
endif()
find_program(XCP_MOLD mold)
if(XCP_MOLD AND NOT XCP_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()
if(XCP_SANITIZE)
  add_compile_options(-fsanitize=${XCP_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${XCP_SANITIZE})
  if(XCP_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
    # Optimising what these sanitizers insert takes longer than running it as it is.
    set(CMAKE_CXX_FLAGS_DEV "-O0 -g1")
  endif()
endif()

if(XCP_FUZZ)
  # The libraries under test have to report their coverage too.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(PkgConfig REQUIRED)

# Headers are named from src/: #include "base/failure.hpp".
include_directories(${CMAKE_SOURCE_DIR}/src)

if(BUILD_TESTING)
  enable_testing()
  find_package(GTest REQUIRED)
endif()

# xcp_unit_test(<name> SOURCES ... LIBS ...): one GoogleTest program, run by the unit lane.
function(xcp_unit_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_LIBS} GTest::gtest_main GTest::gmock)
  target_compile_definitions(${name} PRIVATE XCP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS unit)
endfunction()

# xcp_fuzz_target(<name> SOURCES ... LIBS ...): one libFuzzer program; its corpus is
# tests/fuzz/corpus/<name>.
function(xcp_fuzz_target name)
  cmake_parse_arguments(T "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_LIBS})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
