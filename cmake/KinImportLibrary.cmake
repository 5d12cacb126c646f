# kin.lib: the import library with which MSVC's linker, and others of that ABI, use the kin.dll that mingw-w64 has made.
# The calling convention is the same, and no object of a C library passes the interface.
# https://learn.microsoft.com/cpp/build/reference/module-definition-dot-def-files
find_program(KIN_DLLTOOL llvm-dlltool REQUIRED)
target_link_options(kin PRIVATE LINKER:--output-def,${PROJECT_BINARY_DIR}/kin.def)
add_custom_command(
    TARGET kin
    POST_BUILD
    COMMAND ${KIN_DLLTOOL} -m i386:x86-64 -D kin.dll -d ${PROJECT_BINARY_DIR}/kin.def -l ${PROJECT_BINARY_DIR}/kin.lib
    VERBATIM
)
if(KIN_INSTALL)
    install(FILES ${PROJECT_BINARY_DIR}/kin.lib DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT kin-dev)
    file(
        WRITE ${PROJECT_BINARY_DIR}/kin-shared-msvc-targets.cmake
        "get_filename_component(_prefix \"\${CMAKE_CURRENT_LIST_DIR}/../../..\" ABSOLUTE)
add_library(kin::kin SHARED IMPORTED)
set_target_properties(
    kin::kin
    PROPERTIES INTERFACE_INCLUDE_DIRECTORIES \${_prefix}/${CMAKE_INSTALL_INCLUDEDIR}
               IMPORTED_IMPLIB \${_prefix}/${CMAKE_INSTALL_LIBDIR}/kin.lib
               IMPORTED_LOCATION \${_prefix}/${CMAKE_INSTALL_BINDIR}/kin.dll
)
unset(_prefix)
"
    )
    install(
        FILES ${PROJECT_BINARY_DIR}/kin-shared-msvc-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kin
        COMPONENT kin-dev
    )
endif()
