# Run when kin is installed below KIN_PREFIX (KinInstall.cmake): installs the kin.pc that fits what is there. A shared
# library has its list of targets there, also one that was installed before.
if(IS_ABSOLUTE "${KIN_PC_DIR}")
    string(REPLACE "${CMAKE_INSTALL_PREFIX}" "" KIN_PC_DIR "${KIN_PC_DIR}")
    string(REPLACE "${CMAKE_INSTALL_PREFIX}" "" KIN_CONFIG_DIR "${KIN_CONFIG_DIR}")
endif()
set(kin_linkage static)
file(GLOB kin_shared "${KIN_PREFIX}/${KIN_CONFIG_DIR}/kin-shared*-targets.cmake")
if(kin_shared)
    set(kin_linkage shared)
endif()
file(MAKE_DIRECTORY "${KIN_PREFIX}/${KIN_PC_DIR}")
configure_file("${KIN_BUILD_DIR}/kin-${kin_linkage}.pc" "${KIN_PREFIX}/${KIN_PC_DIR}/kin.pc" COPYONLY)
list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${CMAKE_INSTALL_PREFIX}/${KIN_PC_DIR}/kin.pc")
