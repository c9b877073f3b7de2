# Flags that every target has, and the two functions with which all targets are made.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Assertions about our own bugs stay on in every build: a silent wrong answer costs more.
set(CMAKE_CXX_FLAGS_RELEASE "-O3")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
# What sanitizers and fuzzers run. More optimisation and more than lines in stack traces would double the build, so that
# only folders which compute have some.
if(DETOX_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O0 -g1")
endif()
set(DETOX_COMPUTES $<$<CONFIG:RelWithDebInfo>:-O1>)
# Folders of which each function runs a few times in a run, not a few times in a step, get no more than this (a third of
# their compile time).
set(DETOX_RUNS_RARELY $<$<CONFIG:Release>:-O1>)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# No contraction and no -march: bits must not differ by processor or inlining (ARCHITECTURE.md).
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees an overflow inside fmt 9's formatting of one character that cannot happen.
  add_compile_options(-Wno-stringop-overflow)
  if(CMAKE_UNITY_BUILD)
    # It takes an included source for a header, whose anonymous namespace would be several.
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  endif()
endif()
# libtorch's targets define it, and a precompiled header is for programs with the same definitions only.
add_compile_definitions(_GLIBCXX_USE_CXX11_ABI=1)
if(DETOX_SANITIZE)
  add_compile_options(-fsanitize=${DETOX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DETOX_SANITIZE})
  string(REGEX MATCHALL "address|thread" sanitizers "${DETOX_SANITIZE}")
  foreach(sanitizer ${sanitizers})  # compilers have no common name for it
    string(TOUPPER ${sanitizer} sanitizer)
    add_compile_definitions(DETOX_SANITIZES_${sanitizer})
  endforeach()
endif()

# detox_library(name SOURCES ... [LINKS ...]): one folder of src/.
function(detox_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_LINKS})
endfunction()

# detox_module(name FILE SOURCES ... [LINKS ...]): what the program opens when it needs it, as FILE.so where it looks for modules
# from its own place. It shows what its sources mark and no more: its own copy of base/ is not to meet the program's.
function(detox_module name file)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
  set_target_properties(${name} PROPERTIES
    PREFIX "" OUTPUT_NAME ${file} CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${DETOX_MODULE_DIR})
  target_compile_definitions(${name} PRIVATE DETOX_VERSION="${PROJECT_VERSION}")
  add_dependencies(${name} detox_module_headers)
  target_include_directories(${name} PRIVATE ${PROJECT_BINARY_DIR}/src/base/generated)
  install(TARGETS ${name} LIBRARY DESTINATION ${DETOX_MODULE_DIR})
endfunction()

# detox_behind_door(name FILE CODE code.cpp DOOR door.cpp MODULE module.cpp [LINKS ...]): a function that few runs need, of which
# the library brings dozens of others. The program has its door, which opens the module FILE; every other program the code itself.
function(detox_behind_door name file)
  cmake_parse_arguments(ARG "" "CODE;DOOR;MODULE" "LINKS" ${ARGN})
  detox_library(${name}_code SOURCES ${ARG_CODE} LINKS ${ARG_LINKS})
  detox_library(${name}_door SOURCES ${ARG_DOOR} LINKS detox_base)
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE ${name}_$<IF:$<BOOL:$<TARGET_PROPERTY:DETOX_OPENS_MODULES>>,door,code>)
  if(DETOX_TRAINING)
    detox_module(${name}_module ${file} SOURCES ${ARG_MODULE} LINKS ${name}_code)
  endif()
endfunction()

# The headers that most tests include, compiled once. Every other program of tests reuses them.
# Tests are compiled with -O1: that halves their build, and the code under test keeps its own flags; where sanitizers make
# the build slow, with -O0, and without the counters that lead a fuzzer. g++ 12 imagines overruns in sums of strings there
# (its bug 105651).
if(DETOX_SANITIZE)
  set(DETOX_TEST_FLAGS -O0)
else()
  set(DETOX_TEST_FLAGS -O1)
endif()
if(DETOX_FUZZ)
  list(APPEND DETOX_TEST_FLAGS -fno-sanitize=fuzzer-no-link)
endif()
function(detox_precompile_tests source)
  add_executable(precompiled_tests ${source})
  target_link_libraries(precompiled_tests PRIVATE GTest::gtest GTest::gmock nlohmann_json::nlohmann_json fmt::fmt)
  target_compile_options(precompiled_tests PRIVATE ${DETOX_TEST_FLAGS})
  target_precompile_headers(precompiled_tests PRIVATE
    <gmock/gmock.h> <gtest/gtest.h> <fmt/format.h> <algorithm> <filesystem> <fstream> <functional> <map> <nlohmann/json.hpp>
    <string> <vector>)
endfunction()

# detox_test(name SOURCES ... [LINKS ...] [LABELS ...] [ONE_PROCESS]): one test program; its tests are found when ctest runs,
# and each has a process of its own. ONE_PROCESS: they share one, where what a process loads takes longer than the tests; so
# it is with all under the sanitizers and the emulator.
function(detox_test name)
  cmake_parse_arguments(ARG "ONE_PROCESS" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${DETOX_TEST_FLAGS} $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
                         $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>)  # of loops over a few whole numbers
  target_precompile_headers(${name} REUSE_FROM precompiled_tests)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE DETOX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(ARG_ONE_PROCESS OR DETOX_SANITIZE OR CMAKE_CROSSCOMPILING)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS "${ARG_LABELS}" COST 60)
    return()
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 300
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
