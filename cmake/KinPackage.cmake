# Packages of the components (KinInstall.cmake), by CPack. ci/packages configures build trees for each kind of package.
# The static and the shared library are two trees: CPACK_INSTALL_CMAKE_PROJECTS names those whose files a package gets.
set(CPACK_PACKAGE_NAME kin)
set(CPACK_PACKAGE_VENDOR kin)
set(CPACK_PACKAGE_CONTACT "kin maintainers <maintainers@users.noreply.h-seed-0d9b600a.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_COMPONENTS_ALL kin-runtime kin-dev kin-tools)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)

if(WIN32)
    set(CPACK_GENERATOR ZIP)
    set(CPACK_SYSTEM_NAME windows-x86_64)
else()
    set(CPACK_GENERATOR TGZ)
    string(TOLOWER ${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR} CPACK_SYSTEM_NAME)
endif()

# Debian: the library's package has the SONAME's number in its name (Debian Policy 8.1), its control files the exported
# symbols (8.6.3), which are those of docs/functions.txt.
set(KIN_DEBIAN_REVISION 1)
set(KIN_DEBIAN_VERSION ${PROJECT_VERSION}-${KIN_DEBIAN_REVISION})
get_target_property(KIN_SOVERSION kin SOVERSION)
set(KIN_ABOUT
    "kin is a library for programs of several processes, on Linux and on
Windows: locks, semaphores, queues, dicts, lists and pools of workers in
shared memory. They stay usable if a process is killed."
)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${KIN_DEBIAN_REVISION})
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SOURCE kin)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/debian/prepare.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/debian/finish.cmake)

set(CPACK_DEBIAN_KIN-RUNTIME_PACKAGE_NAME libkin${KIN_SOVERSION})
set(CPACK_DEBIAN_KIN-RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_KIN-RUNTIME_DESCRIPTION
    "locks, semaphores and shared memory between processes
${KIN_ABOUT}

This package contains the shared library."
)
set(CPACK_DEBIAN_KIN-DEV_PACKAGE_NAME libkin-dev)
set(CPACK_DEBIAN_KIN-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_KIN-DEV_PACKAGE_DEPENDS "libkin${KIN_SOVERSION} (= ${KIN_DEBIAN_VERSION}), libc6-dev")
set(CPACK_COMPONENT_KIN-DEV_DESCRIPTION
    "locks and shared memory between processes (development files)
${KIN_ABOUT}

This package contains headers for C and C++, the static library, files
for CMake and pkg-config, documents and examples."
)
set(CPACK_DEBIAN_KIN-TOOLS_PACKAGE_NAME kin-tools)
set(CPACK_DEBIAN_KIN-TOOLS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_KIN-TOOLS_PACKAGE_DEPENDS "libkin${KIN_SOVERSION} (= ${KIN_DEBIAN_VERSION})")
set(CPACK_COMPONENT_KIN-TOOLS_DESCRIPTION
    "command that shows and serves shared objects of processes
${KIN_ABOUT}

This package contains the command kin: it shows living processes and what
they wait for, reports on their health, and reads and writes dicts, queues
and counters for scripts."
)

if(KIN_TYPE STREQUAL "SHARED_LIBRARY" AND KIN_OS STREQUAL "posix")
    file(STRINGS docs/functions.txt functions)
    set(symbols "libkin.so.${KIN_SOVERSION} libkin${KIN_SOVERSION} (>= ${PROJECT_VERSION})\n")
    string(APPEND symbols "* Build-Depends-Package: libkin-dev\n")
    foreach(function IN LISTS functions)
        string(APPEND symbols " ${function}@Base ${PROJECT_VERSION}\n")
    endforeach()
    file(WRITE ${PROJECT_BINARY_DIR}/debian/symbols "${symbols}")
    file(WRITE ${PROJECT_BINARY_DIR}/debian/shlibs
         "libkin ${KIN_SOVERSION} libkin${KIN_SOVERSION} (>= ${PROJECT_VERSION})\n"
    )
    file(WRITE ${PROJECT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
    set(CPACK_DEBIAN_KIN-RUNTIME_PACKAGE_CONTROL_EXTRA
        ${PROJECT_BINARY_DIR}/debian/symbols ${PROJECT_BINARY_DIR}/debian/shlibs ${PROJECT_BINARY_DIR}/debian/triggers
    )
endif()
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/packaging/cpack.cmake)
set(CPACK_KIN_SOURCE ${PROJECT_SOURCE_DIR})

include(CPack)
