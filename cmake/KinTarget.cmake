# What the targets of this project have in common.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Whose options the compiler takes: MSVC's (cl, clang-cl), or gcc's.
if(MSVC AND NOT CMAKE_C_COMPILER_FRONTEND_VARIANT STREQUAL "GNU")
    set(KIN_DRIVER msvc)
else()
    set(KIN_DRIVER gnu)
endif()

# Whether the compiler's libraries are of MSVC's kind: cl, clang-cl, and clang with gcc's options for that target.
set(KIN_MSVC_ABI OFF)
if(MSVC OR CMAKE_C_SIMULATE_ID STREQUAL "MSVC")
    set(KIN_MSVC_ABI ON)
endif()

# The system's libraries that kin needs, beside those of threads and of dlopen. kin.pc names them, too.
set(KIN_SYSTEM_LIBRARIES)
if(KIN_OS STREQUAL "win32")
    set(KIN_SYSTEM_LIBRARIES bcrypt advapi32 synchronization)
elseif(NOT APPLE)
    set(KIN_SYSTEM_LIBRARIES rt)
endif()

# Warnings, for everything that is compiled here.
#
# -Wvla: no other process may decide how much of a thread's stack is used. -Wcast-align=strict warns also on processors
# that allow unaligned access. -Wstrict-aliasing stays at the level of -Wall. Level 1 reports each conversion to a
# pointer to another struct, also those of an opaque public struct to the private one, and of an address of a socket.
# What level 2 reported beside sockets' addresses has been mended (src/base/out.h). -Wno-tsan: gcc warns that its
# ThreadSanitizer does not know fences. Here it does not have to: what they order are reads that are hidden from it
# (src/base/racing.h).
if(KIN_DRIVER STREQUAL "msvc")
    set(KIN_WARNINGS /W4)
    set(KIN_WARNINGS_ARE_ERRORS /WX)
else()
    set(KIN_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        list(APPEND KIN_WARNINGS -Wcast-align=strict -Wno-tsan)
    endif()
    set(KIN_WARNINGS_ARE_ERRORS -Werror)
endif()

function(kin_compile_options target)
    target_compile_options(${target} PRIVATE ${KIN_WARNINGS})
    if(KIN_WERROR)
        target_compile_options(${target} PRIVATE ${KIN_WARNINGS_ARE_ERRORS})
    endif()
    if(KIN_DRIVER STREQUAL "msvc")
        # https://learn.microsoft.com/cpp/build/reference/utf-8-set-source-and-executable-character-sets-to-utf-8
        target_compile_options(${target} PRIVATE /utf-8)
        if(CMAKE_C_COMPILER_ID STREQUAL "MSVC")
            # C11 and its atomics:
            # https://learn.microsoft.com/cpp/build/reference/std-specify-language-standard-version,
            # https://devblogs.microsoft.com/cppblog/c11-atomics-in-visual-studio-2022-version-17-5-preview-2/
            target_compile_options(${target} PRIVATE /std:c11 /experimental:c11atomics)
        endif()
    endif()
    if(MSVC)
        # Its headers warn of fopen, getenv and other functions of standard C, which are used on purpose.
        target_compile_definitions(${target} PRIVATE _CRT_SECURE_NO_WARNINGS _CRT_NONSTDC_NO_WARNINGS)
    endif()
endfunction()

# The feature macros of the system's headers: for the library, its tests and the tools, never for its users.
function(kin_feature_macros target)
    if(KIN_OS STREQUAL "win32")
        target_compile_definitions(
            ${target} PRIVATE _WIN32_WINNT=0x0602 UNICODE _UNICODE WIN32_LEAN_AND_MEAN
        )
    else()
        # glibc of 32 bits: fstat(2) and open(2) fail for a file of 2 GiB, an inode number of more than 32 bits or a
        # time after 2038 unless all three have 64 bits (feature_test_macros(7)).
        target_compile_definitions(
            ${target} PRIVATE _GNU_SOURCE _FILE_OFFSET_BITS=64 _TIME_BITS=64
                              $<$<BOOL:${KIN_POSIX_PLAIN}>:KIN_POSIX_PLAIN>
        )
    endif()
endfunction()

# The library's objects, for kin itself and for its variants.
function(kin_library_sources target)
    set(sources ${KIN_SOURCES})
    list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/)
    target_sources(${target} PRIVATE ${sources})
    target_include_directories(
        ${target} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/${KIN_OS}
    )
    # A user may make the static library a part of a shared one.
    set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
    kin_compile_options(${target})
    kin_feature_macros(${target})
    target_link_libraries(${target} PRIVATE Threads::Threads)
    target_link_libraries(${target} PRIVATE ${KIN_SYSTEM_LIBRARIES} ${CMAKE_DL_LIBS})
endfunction()

# A static variant of the library, whose internal functions can be called: for tests and fuzz targets that look inside.
#
# If kin is a static library, the variant is kin itself, and is not compiled again. OWN: it is compiled in any case, as
# the caller has options for it. HIDDEN: a module that links it does not export its symbols.
function(kin_open_library target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "OWN;HIDDEN" "" "")
    if(KIN_TYPE STREQUAL "STATIC_LIBRARY" AND NOT arg_OWN)
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE kin)
    else()
        add_library(${target} STATIC EXCLUDE_FROM_ALL)
        kin_library_sources(${target})
        if(NOT arg_HIDDEN)
            set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET default)
        endif()
        target_compile_definitions(${target} PUBLIC KIN_STATIC)
    endif()
    target_include_directories(
        ${target}
        INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/${KIN_OS}
    )
endfunction()

# How a program that uses the library is linked. On Windows it needs no DLL of the compiler's.
function(kin_link_options target)
    if(MINGW)
        target_link_options(${target} PRIVATE -static)
    endif()
    if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # The compiler's warnings come at link time here. gcc 12 takes a test's null pointer for an object that is too
        # small, although the code reads it only if it is not null.
        target_link_options(${target} PRIVATE -Wno-stringop-overflow)
        if(KIN_WERROR)
            target_link_options(${target} PRIVATE -Werror)
        endif()
    endif()
endfunction()

# A program that uses the library.
function(kin_program target)
    kin_compile_options(${target})
    kin_link_options(${target})
endfunction()

# kin_add_header_test(<target> C|CXX <standard> <option>...): compiles each public header alone, and twice in a row.
# CXX: also those for C++.
function(kin_add_header_test target language standard)
    add_library(${target} OBJECT)
    target_link_libraries(${target} PRIVATE kin::kin)
    set_target_properties(
        ${target} PROPERTIES ${language}_STANDARD ${standard} ${language}_STANDARD_REQUIRED ON
                             ${language}_EXTENSIONS OFF
    )
    target_compile_options(${target} PRIVATE ${ARGN} ${KIN_WARNINGS_ARE_ERRORS})
    string(TOLOWER ${language} extension)
    set(headers ${KIN_PUBLIC_HEADERS})
    if(extension STREQUAL "cxx")
        set(extension cpp)
        list(APPEND headers ${KIN_PUBLIC_HEADERS_CXX})
    endif()
    foreach(header IN LISTS headers)
        string(REGEX REPLACE "^include/kin/" "" file ${header})
        set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}/${file}.${extension})
        # A translation unit must not be empty.
        file(WRITE ${source}.new "#include <kin/${file}>\n#include <kin/${file}>\ntypedef int unit;\n")
        configure_file(${source}.new ${source} COPYONLY)
        target_sources(${target} PRIVATE ${source})
    endforeach()
endfunction()

# kin_add_json_test(<name> <target> <member> <argument>...): the program prints one JSON document, whose member is an
# array.
function(kin_add_json_test name target member)
    if(CMAKE_VERSION VERSION_LESS 3.19) # string(JSON)
        return()
    endif()
    string(JOIN " " arguments ${ARGN})
    add_test(
        NAME ${name}
        COMMAND
            ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${target}> -D "ARGUMENTS=${arguments}" -D MEMBER=${member} -D
            "EMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}" -P ${PROJECT_SOURCE_DIR}/tests/json.cmake
    )
    set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endfunction()
