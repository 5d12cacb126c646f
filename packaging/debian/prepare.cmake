# Run by CPack when the components are installed for it, before it packs them. Debian requires of each package: its
# copyright and changelog (Debian Policy 12.5, 12.7), compressed manual pages (12.1), no debugging symbols in a static
# library (10.2).
if(NOT CPACK_GENERATOR STREQUAL "DEB")
    return()
endif()

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
    string(TOUPPER ${component} key)
    set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component}/usr)
    if(NOT IS_DIRECTORY ${root})
        message(FATAL_ERROR "nothing of ${component} is in ${root}")
    endif()
    set(documents ${root}/share/doc/${CPACK_DEBIAN_${key}_PACKAGE_NAME})
    file(MAKE_DIRECTORY ${documents})
    file(REMOVE ${documents}/LICENSE)
    configure_file(${CPACK_KIN_SOURCE}/packaging/debian/copyright ${documents}/copyright COPYONLY)
    configure_file(${CPACK_KIN_SOURCE}/packaging/debian/changelog ${documents}/changelog.Debian COPYONLY)
    file(COPY ${CPACK_KIN_SOURCE}/CHANGELOG.md DESTINATION ${documents})
    file(REMOVE ${documents}/changelog)
    file(RENAME ${documents}/CHANGELOG.md ${documents}/changelog)
    file(GLOB_RECURSE pages ${root}/share/man/*)
    execute_process(
        COMMAND gzip -9nf ${pages} ${documents}/changelog ${documents}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY
    )
    file(GLOB_RECURSE archives ${root}/lib/*.a)
    foreach(archive IN LISTS archives)
        execute_process(
            COMMAND strip --strip-debug --remove-section=.comment --remove-section=.note --enable-deterministic-archives
                    ${archive}
            COMMAND_ERROR_IS_FATAL ANY
        )
    endforeach()
endforeach()
