# What the targets of this project have in common.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Warnings, for everything that is compiled here.
function(kin_compile_options target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
    if(KIN_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()

# The feature macros of the system's headers: for the library, its tests and the tools, never for its users.
function(kin_feature_macros target)
    if(KIN_OS STREQUAL "win32")
        target_compile_definitions(
            ${target} PRIVATE _WIN32_WINNT=0x0602 UNICODE _UNICODE WIN32_LEAN_AND_MEAN
        )
    else()
        target_compile_definitions(${target} PRIVATE _GNU_SOURCE $<$<BOOL:${KIN_POSIX_PLAIN}>:KIN_POSIX_PLAIN>)
    endif()
endfunction()

# The library's objects, for kin itself and for its variants.
function(kin_library_sources target)
    list(TRANSFORM KIN_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
    target_sources(${target} PRIVATE ${sources})
    target_include_directories(
        ${target} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/${KIN_OS}
    )
    set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
    kin_compile_options(${target})
    kin_feature_macros(${target})
    target_link_libraries(${target} PRIVATE Threads::Threads)
    if(KIN_OS STREQUAL "win32")
        target_link_libraries(${target} PRIVATE bcrypt advapi32 synchronization)
    else()
        target_link_libraries(${target} PRIVATE rt ${CMAKE_DL_LIBS})
    endif()
endfunction()

# A variant of the library with every symbol in reach: for tests and fuzz targets that look inside.
function(kin_open_library target)
    add_library(${target} STATIC EXCLUDE_FROM_ALL)
    kin_library_sources(${target})
    set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET default)
    target_compile_definitions(${target} PUBLIC KIN_STATIC)
    target_include_directories(
        ${target}
        INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/${KIN_OS}
    )
endfunction()

# A program that uses the library. On Windows it needs no DLL of the compiler's.
function(kin_program target)
    kin_compile_options(${target})
    if(KIN_OS STREQUAL "win32")
        target_link_options(${target} PRIVATE -static)
    endif()
endfunction()

# kin_add_json_test(<name> <target> <member> <argument>...): what the program prints is one JSON document that has the array.
function(kin_add_json_test name target member)
    string(JOIN " " arguments ${ARGN})
    add_test(
        NAME ${name}
        COMMAND
            ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${target}> -D "ARGUMENTS=${arguments}" -D MEMBER=${member} -D
            EMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR} -P ${PROJECT_SOURCE_DIR}/tests/json.cmake
    )
    set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endfunction()
