# kin_cross(<name>), for the toolchain files: programs are the machine's own, libraries and headers the target's. They
# are looked for in CMAKE_FIND_ROOT_PATH, in what the user names in CMAKE_PREFIX_PATH, and in KIN_TARGET_ROOT, where
# ci/setup puts what it builds for the target.
macro(kin_cross name)
    if(DEFINED ENV{XDG_CACHE_HOME})
        set(KIN_TARGET_ROOT $ENV{XDG_CACHE_HOME}/kin/${name})
    else()
        set(KIN_TARGET_ROOT $ENV{HOME}/.cache/kin/${name})
    endif()
    list(APPEND CMAKE_FIND_ROOT_PATH ${KIN_TARGET_ROOT} ${CMAKE_PREFIX_PATH})
    set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
    set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
endmacro()
