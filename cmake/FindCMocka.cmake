# CMocka as the target cmocka::cmocka: the distributions' packages export none that works everywhere.
#
# KIN_CMOCKA_ROOT (variable or environment) names a tree with include/cmocka.h and lib/libcmocka*. When cross-compiling
# it defaults to where ci/setup puts what it builds.

if(NOT KIN_CMOCKA_ROOT)
    if(DEFINED ENV{KIN_CMOCKA_ROOT})
        set(KIN_CMOCKA_ROOT $ENV{KIN_CMOCKA_ROOT})
    elseif(MINGW AND CMAKE_CROSSCOMPILING)
        if(DEFINED ENV{XDG_CACHE_HOME})
            set(KIN_CMOCKA_ROOT $ENV{XDG_CACHE_HOME}/kin/mingw-w64)
        else()
            set(KIN_CMOCKA_ROOT $ENV{HOME}/.cache/kin/mingw-w64)
        endif()
    endif()
endif()

if(KIN_CMOCKA_ROOT)
    set(find_options PATHS ${KIN_CMOCKA_ROOT} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
endif()
find_path(CMocka_INCLUDE_DIR cmocka.h ${find_options} PATH_SUFFIXES include)
find_library(CMocka_LIBRARY NAMES cmocka-static cmocka ${find_options} PATH_SUFFIXES lib)
unset(find_options)
mark_as_advanced(CMocka_INCLUDE_DIR CMocka_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CMocka REQUIRED_VARS CMocka_LIBRARY CMocka_INCLUDE_DIR)

if(CMocka_FOUND AND NOT TARGET cmocka::cmocka)
    add_library(cmocka::cmocka UNKNOWN IMPORTED)
    set_target_properties(
        cmocka::cmocka PROPERTIES IMPORTED_LOCATION ${CMocka_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                                      ${CMocka_INCLUDE_DIR}
    )
endif()
