# CPack reads this file for each kind of package. An archive has all components in it.
if(CPACK_GENERATOR STREQUAL "DEB")
    set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each component has its own
else()
    set(CPACK_MONOLITHIC_INSTALL ON)
    set(CPACK_PACKAGE_FILE_NAME kin-${CPACK_PACKAGE_VERSION}-${CPACK_SYSTEM_NAME})
endif()
