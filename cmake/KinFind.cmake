# kin_find(<Name> HEADER <header> LIBRARIES <names> TARGET <target>): for Find<Name>.cmake. The distributions' packages
# export no target that works everywhere.
#
# KIN_<NAME>_ROOT (variable or environment) names a tree with include/ and lib/. With kin's own toolchain files it
# defaults to where ci/setup puts what it builds (cross.cmake).
include(FindPackageHandleStandardArgs)

macro(kin_find name)
    cmake_parse_arguments(kin_find "" "HEADER;TARGET" "LIBRARIES" ${ARGN})
    string(TOUPPER KIN_${name}_ROOT kin_find_root)
    if(NOT ${kin_find_root})
        if(DEFINED ENV{${kin_find_root}})
            set(${kin_find_root} $ENV{${kin_find_root}})
        elseif(KIN_TARGET_ROOT)
            set(${kin_find_root} ${KIN_TARGET_ROOT})
        endif()
    endif()

    set(kin_find_options)
    if(${kin_find_root})
        set(kin_find_options PATHS ${${kin_find_root}} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    endif()
    find_path(${name}_INCLUDE_DIR ${kin_find_HEADER} ${kin_find_options} PATH_SUFFIXES include)
    find_library(${name}_LIBRARY NAMES ${kin_find_LIBRARIES} ${kin_find_options} PATH_SUFFIXES lib)
    mark_as_advanced(${name}_INCLUDE_DIR ${name}_LIBRARY)
    find_package_handle_standard_args(${name} REQUIRED_VARS ${name}_LIBRARY ${name}_INCLUDE_DIR)

    if(${name}_FOUND AND NOT TARGET ${kin_find_TARGET})
        add_library(${kin_find_TARGET} UNKNOWN IMPORTED)
        set_target_properties(
            ${kin_find_TARGET} PROPERTIES IMPORTED_LOCATION ${${name}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                                               ${${name}_INCLUDE_DIR}
        )
    endif()
endmacro()
