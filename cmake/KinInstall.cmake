include(CMakePackageConfigHelpers)

# A static and a shared build may be installed side by side: each has its own list of targets, of which kin-config.cmake
# takes one.
set(KIN_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/kin)
set(KIN_LINKAGE static)
if(KIN_TYPE STREQUAL "SHARED_LIBRARY")
    set(KIN_LINKAGE shared)
endif()

install(
    TARGETS kin
    EXPORT kin-${KIN_LINKAGE}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
)
foreach(header IN LISTS KIN_PUBLIC_HEADERS KIN_PUBLIC_HEADERS_CXX)
    get_filename_component(directory ${header} DIRECTORY)
    string(REGEX REPLACE "^include" "${CMAKE_INSTALL_INCLUDEDIR}" directory ${directory})
    install(FILES ${header} DESTINATION ${directory})
endforeach()
if(KIN_BUILD_TOOLS)
    if(KIN_TYPE STREQUAL "SHARED_LIBRARY" AND KIN_OS STREQUAL "posix")
        set_target_properties(kin_tool PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    endif()
    install(TARGETS kin_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(EXPORT kin-${KIN_LINKAGE} FILE kin-${KIN_LINKAGE}-targets.cmake NAMESPACE kin:: DESTINATION ${KIN_CONFIG_DIR})
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
)
