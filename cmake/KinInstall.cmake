include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(KIN_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/kin)

install(
    TARGETS kin
    EXPORT kin
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
)
if(KIN_BUILD_TOOLS)
    if(KIN_TYPE STREQUAL "SHARED_LIBRARY" AND KIN_OS STREQUAL "posix")
        set_target_properties(kin_tool PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    endif()
    install(TARGETS kin_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(EXPORT kin FILE kin-targets.cmake NAMESPACE kin:: DESTINATION ${KIN_CONFIG_DIR})
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
