include(CMakePackageConfigHelpers)

# The components: a distribution makes a package of each. kin-tools is the default of what tools/ installs.
#   kin-runtime  the shared library
#   kin-dev      headers, static and import libraries, packages for CMake and pkg-config, documents, examples
#   kin-tools    the command, its manual pages and completions
#
# A static and a shared build may be installed side by side, on Windows one of each compiler's, too: each has its own
# list of targets, of which kin-config.cmake takes one.
set(KIN_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/kin)
set(KIN_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(KIN_TARGETS kin-${KIN_LINKAGE}-targets)
if(KIN_MSVC_ABI)
    set(KIN_TARGETS kin-${KIN_LINKAGE}-msvc-targets)
endif()

install(
    TARGETS kin
    EXPORT ${KIN_TARGETS}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT kin-dev
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT kin-runtime NAMELINK_COMPONENT kin-dev
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT kin-runtime
)
foreach(header IN LISTS KIN_PUBLIC_HEADERS KIN_PUBLIC_HEADERS_CXX)
    get_filename_component(directory ${header} DIRECTORY)
    string(REGEX REPLACE "^include" "${CMAKE_INSTALL_INCLUDEDIR}" directory ${directory})
    install(FILES ${header} DESTINATION ${directory} COMPONENT kin-dev)
endforeach()
if(KIN_BUILD_TOOLS)
    if(KIN_TYPE STREQUAL "SHARED_LIBRARY" AND KIN_OS STREQUAL "posix")
        set_target_properties(kin_tool PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    endif()
    install(TARGETS kin_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT kin-tools)
endif()

install(
    EXPORT ${KIN_TARGETS}
    FILE ${KIN_TARGETS}.cmake
    NAMESPACE kin::
    DESTINATION ${KIN_CONFIG_DIR}
    COMPONENT kin-dev
)
configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/kin-config.cmake.in ${PROJECT_BINARY_DIR}/kin-config.cmake
    INSTALL_DESTINATION ${KIN_CONFIG_DIR}
)
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/kin-config-version.cmake COMPATIBILITY SameMinorVersion
)
install(
    FILES ${PROJECT_BINARY_DIR}/kin-config.cmake ${PROJECT_BINARY_DIR}/kin-config-version.cmake
    DESTINATION ${KIN_CONFIG_DIR}
    COMPONENT kin-dev
)

# kin.pc. Its prefix is relative to the file, so the tree may be moved.
#
# Where a shared library is installed, the flags that only the static one needs are private: pkg-config --static gives
# them. Where the static one is alone, every program needs them. Both files are written here. install-pc.cmake takes one
# of them when kin is installed.
set(KIN_PC_FLAGS "")
set(KIN_PC_LIBS " -pthread")
if(KIN_OS STREQUAL "win32")
    set(KIN_PC_FLAGS " -DKIN_STATIC")
    set(KIN_PC_LIBS "")
endif()
foreach(library IN LISTS KIN_SYSTEM_LIBRARIES CMAKE_DL_LIBS)
    string(APPEND KIN_PC_LIBS " -l${library}")
endforeach()
get_target_property(KIN_PC_STATIC_NAME kin OUTPUT_NAME)
if(NOT KIN_PC_STATIC_NAME)
    set(KIN_PC_STATIC_NAME kin)
endif()
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
    set(KIN_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
    set(KIN_PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
    set(KIN_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
    file(RELATIVE_PATH KIN_PC_PREFIX /${KIN_PC_DIR} /)
    string(REGEX REPLACE "/$" "" KIN_PC_PREFIX "\${pcfiledir}/${KIN_PC_PREFIX}")
    set(KIN_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(KIN_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
foreach(linkage static shared)
    set(KIN_PC_PUBLIC_LIBS "")
    set(KIN_PC_PUBLIC_FLAGS "")
    set(KIN_PC_PRIVATE "")
    set(KIN_PC_NAME kin)
    if(linkage STREQUAL "static")
        set(KIN_PC_PUBLIC_LIBS "${KIN_PC_LIBS}")
        set(KIN_PC_PUBLIC_FLAGS "${KIN_PC_FLAGS}")
        set(KIN_PC_NAME ${KIN_PC_STATIC_NAME})
    else()
        set(KIN_PC_PRIVATE "Libs.private:${KIN_PC_LIBS}\n")
        if(KIN_PC_FLAGS)
            string(APPEND KIN_PC_PRIVATE "Cflags.private:${KIN_PC_FLAGS}\n")
        endif()
    endif()
    configure_file(${PROJECT_SOURCE_DIR}/cmake/kin.pc.in ${PROJECT_BINARY_DIR}/kin-${linkage}.pc @ONLY)
endforeach()
install(
    CODE "set(KIN_PREFIX \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
set(KIN_CONFIG_DIR \"${KIN_CONFIG_DIR}\")
set(KIN_PC_DIR \"${KIN_PC_DIR}\")
set(KIN_BUILD_DIR \"${PROJECT_BINARY_DIR}\")
include(\"${PROJECT_SOURCE_DIR}/cmake/install-pc.cmake\")"
    COMPONENT kin-dev
)

# Documents and examples.
install(
    FILES LICENSE README.md CHANGELOG.md SECURITY.md
    DESTINATION ${CMAKE_INSTALL_DOCDIR}
    COMPONENT kin-dev
)
install(
    DIRECTORY docs/
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs
    COMPONENT kin-dev
    FILES_MATCHING
    PATTERN "*.md"
    PATTERN "*.svg"
    PATTERN "*.png"
    PATTERN "site" EXCLUDE
)
install(
    DIRECTORY examples/
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
    COMPONENT kin-dev
    FILES_MATCHING
    PATTERN "*.c"
    PATTERN "*.h"
    PATTERN "*.cpp"
    PATTERN "*.hpp"
    PATTERN "*.md"
    PATTERN "CMakeLists.txt"
    REGEX "/examples/(tests|CMakeLists.txt)$" EXCLUDE # of this tree
)
