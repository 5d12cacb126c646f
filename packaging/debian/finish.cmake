# Run by CPack when it has written its packages. CPack gives the package of a shared library scripts that call ldconfig.
# Debian has a trigger for that (Debian Policy 8.1.1), so the scripts are removed.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
    return()
endif()

foreach(package IN LISTS CPACK_PACKAGE_FILES)
    set(root ${package}.d)
    execute_process(COMMAND dpkg-deb --raw-extract ${package} ${root} COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE ${root}/DEBIAN/postinst ${root}/DEBIAN/postrm)
    execute_process(COMMAND dpkg-deb --root-owner-group -Zxz --build ${root} ${package} COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE_RECURSE ${root})
endforeach()
