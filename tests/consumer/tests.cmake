# The ways to use kin outside its tree: projects and programs in C and, where there is a compiler, in C++. One installed
# tree serves all. Each way uses kin as this build has it: a static library or a shared one.
set(KIN_CONSUMER_PREFIX ${CMAKE_CURRENT_BINARY_DIR}/installed)
add_test(
    NAME consumer.install
    COMMAND ${CMAKE_COMMAND} -D KIN_BUILD=${PROJECT_BINARY_DIR} -D PREFIX=${KIN_CONSUMER_PREFIX} -D CONFIG=$<CONFIG> -P
            ${CMAKE_CURRENT_SOURCE_DIR}/consumer/install.cmake
)
set_tests_properties(consumer.install PROPERTIES TIMEOUT 60 FIXTURES_SETUP kin_installed)
kin_smoke(consumer.install)

# Projects with a CMakeLists.txt: consumer by find_package, embed by add_subdirectory and by FetchContent.
set(KIN_CONSUMER_OPTIONS)
foreach(
    name
    CMAKE_BUILD_TYPE CMAKE_TOOLCHAIN_FILE CMAKE_C_COMPILER CMAKE_C_FLAGS CMAKE_CXX_COMPILER CMAKE_CXX_FLAGS
    CMAKE_MAKE_PROGRAM CMAKE_INTERPROCEDURAL_OPTIMIZATION BUILD_SHARED_LIBS
)
    if(DEFINED ${name})
        list(APPEND KIN_CONSUMER_OPTIONS "-D${name}=${${name}}")
    endif()
endforeach()
set(KIN_CONSUMERS consumer)
# The examples as a project outside of this tree. With a DLL, each would need a copy of it.
if(KIN_BUILD_EXAMPLES AND KIN_TYPE STREQUAL "STATIC_LIBRARY" AND NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
    list(APPEND KIN_CONSUMERS examples)
endif()
# embed builds kin again, into a shared library of its own, which a static program or a sanitizer does not allow.
if(NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-static" AND NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
    list(APPEND KIN_CONSUMERS embed)
endif()
foreach(name IN LISTS KIN_CONSUMERS)
    add_test(
        NAME ${name}
        COMMAND
            ${CMAKE_COMMAND} -D SOURCE_DIR=${CMAKE_CURRENT_SOURCE_DIR}/${name} -D KIN_SOURCE=${PROJECT_SOURCE_DIR} -D
            PREFIX=${KIN_CONSUMER_PREFIX} -D WORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/${name} -D
            GENERATOR=${CMAKE_GENERATOR} -D CONFIG=$<CONFIG> -D "OPTIONS=${KIN_CONSUMER_OPTIONS}" -D
            "MORE=$<$<STREQUAL:${name},embed>:-DCMAKE_BUILD_TYPE=Debug>" -D
            "AGAIN=$<$<STREQUAL:${name},embed>:-DKIN_FETCH=ON>" -P ${CMAKE_CURRENT_SOURCE_DIR}/consumer/run.cmake
    )
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 FIXTURES_REQUIRED kin_installed)
    kin_smoke(${name})
endforeach()
if(KIN_BUILD_TOOLS)
    add_dependencies(kin_smoke kin_tool) # it is installed, too
    if(TARGET kin_manual)
        add_dependencies(kin_smoke kin_manual)
    endif()
endif()

# Programs that are compiled by one command, and Meson: where the compiler takes gcc's options.
if(KIN_DRIVER STREQUAL "msvc" OR CMAKE_C_FLAGS MATCHES "-fsanitize")
    return()
endif()
set(KIN_CONSUMER_WAYS cc)
find_program(KIN_PKG_CONFIG NAMES pkgconf pkg-config)
find_program(KIN_MESON meson)
find_program(KIN_PYTHON NAMES python3 python)
if(KIN_PKG_CONFIG AND NOT KIN_MSVC_ABI)
    list(APPEND KIN_CONSUMER_WAYS pkgconfig)
    # Meson would take musl-gcc and gcc -m32 for the system's own compiler.
    if(KIN_MESON AND (NOT CMAKE_CROSSCOMPILING OR MINGW))
        list(APPEND KIN_CONSUMER_WAYS meson)
    endif()
endif()
if(KIN_PYTHON)
    list(APPEND KIN_CONSUMER_WAYS amalgamation)
endif()
set(KIN_CONSUMER_CXX)
if(KIN_CXX)
    set(KIN_CONSUMER_CXX ${CMAKE_CXX_COMPILER})
endif()
set(KIN_CONSUMER_TARGET)
if(CMAKE_C_COMPILER_TARGET)
    set(KIN_CONSUMER_TARGET "--target=${CMAKE_C_COMPILER_TARGET}")
endif()
set(KIN_CONSUMER_LDFLAGS ${CMAKE_EXE_LINKER_FLAGS})
if(KIN_MSVC_ABI) # CMake passes these options to this compiler's linker
    string(PREPEND KIN_CONSUMER_LDFLAGS "-fuse-ld=lld-link -nostartfiles -nostdlib ")
    string(APPEND KIN_CONSUMER_LDFLAGS " -Xlinker /subsystem:console -lmsvcrt -lkernel32")
endif()
string(JOIN " " KIN_CONSUMER_WARNINGS ${KIN_WARNINGS} -Werror)
foreach(way IN LISTS KIN_CONSUMER_WAYS)
    add_test(
        NAME consumer.${way}
        COMMAND
            ${CMAKE_COMMAND} -D WAY=${way} -D LINKAGE=${KIN_LINKAGE} -D OS=${KIN_OS} -D PREFIX=${KIN_CONSUMER_PREFIX}
            -D LIBDIR=${CMAKE_INSTALL_LIBDIR} -D WORK_DIR=${CMAKE_CURRENT_BINARY_DIR}/consumer-${way} -D
            KIN_SOURCE=${PROJECT_SOURCE_DIR} -D "CC=${CMAKE_C_COMPILER}" -D "CXX=${KIN_CONSUMER_CXX}" -D
            "CFLAGS=${KIN_CONSUMER_TARGET} ${CMAKE_C_FLAGS}" -D "LDFLAGS=${KIN_CONSUMER_LDFLAGS}" -D
            "WARNINGS=${KIN_CONSUMER_WARNINGS}" -D "EMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}" -D "MINGW=${MINGW}" -D
            "PKG_CONFIG=${KIN_PKG_CONFIG}" -D "MESON=${KIN_MESON}" -D "PYTHON=${KIN_PYTHON}" -P
            ${CMAKE_CURRENT_SOURCE_DIR}/consumer/ways.cmake
    )
    set_tests_properties(consumer.${way} PROPERTIES TIMEOUT 120 FIXTURES_REQUIRED kin_installed)
    kin_smoke(consumer.${way})
endforeach()

# The command with kin.c in place of the library: its demonstration uses everything.
if(KIN_PYTHON AND KIN_BUILD_TOOLS AND KIN_OS STREQUAL "posix" AND NOT CMAKE_CROSSCOMPILING)
    set(directory ${CMAKE_CURRENT_BINARY_DIR}/amalgamation)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.[ch] ${PROJECT_SOURCE_DIR}/include/*.h)
    add_custom_command(
        OUTPUT ${directory}/kin/kin.c
        COMMAND ${KIN_PYTHON} ${PROJECT_SOURCE_DIR}/packaging/amalgamate ${directory}/kin
        DEPENDS ${PROJECT_SOURCE_DIR}/packaging/amalgamate ${PROJECT_SOURCE_DIR}/src/layers ${sources}
    )
    add_library(kin_amalgamation STATIC EXCLUDE_FROM_ALL ${directory}/kin/kin.c)
    target_include_directories(kin_amalgamation BEFORE PUBLIC ${directory})
    target_compile_definitions(kin_amalgamation PUBLIC KIN_STATIC)
    target_compile_options(kin_amalgamation PRIVATE ${KIN_WARNINGS} ${KIN_WARNINGS_ARE_ERRORS})
    target_link_libraries(kin_amalgamation PUBLIC Threads::Threads)

    set(sources)
    foreach(name kin_tool kin_program_support)
        get_target_property(files ${name} SOURCES)
        get_target_property(folder ${name} SOURCE_DIR)
        foreach(file IN LISTS files)
            if(NOT IS_ABSOLUTE ${file})
                set(file ${folder}/${file})
            endif()
            list(APPEND sources ${file})
        endforeach()
    endforeach()
    add_executable(kin_amalgamated ${sources})
    target_include_directories(kin_amalgamated PRIVATE ${directory} ${PROJECT_SOURCE_DIR}/tools)
    target_link_libraries(kin_amalgamated PRIVATE kin_amalgamation jansson::jansson)
    # Its kin.h exists only after the build, so a tool that reads the compile commands could not compile it.
    set_target_properties(kin_amalgamation kin_amalgamated PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
    kin_program(kin_amalgamated)
    kin_feature_macros(kin_amalgamated)
    add_test(NAME demo.amalgamation COMMAND kin_amalgamated demo)
    set_tests_properties(demo.amalgamation PROPERTIES TIMEOUT 120)
endif()

# The binary interface, which programs that were built with another version of this series rely on.
find_program(KIN_ABIDIFF abidiff)
if(KIN_ABIDIFF AND KIN_PYTHON AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CROSSCOMPILING AND
   CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND KIN_OS STREQUAL "posix" AND NOT CMAKE_BUILD_TYPE STREQUAL "Release"
)
    add_test(NAME abi.series COMMAND ${PROJECT_SOURCE_DIR}/ci/abi)
    set_tests_properties(abi.series PROPERTIES TIMEOUT 120)
    if(EXISTS ${PROJECT_SOURCE_DIR}/.git)
        add_test(NAME release COMMAND ${PROJECT_SOURCE_DIR}/ci/release --dry-run --packages "")
        set_tests_properties(release PROPERTIES TIMEOUT 120)
    endif()
endif()
