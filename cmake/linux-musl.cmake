# Toolchain: Linux with musl, by Debian's musl-gcc; static programs, which run anywhere.
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_HOST_SYSTEM_PROCESSOR})

set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_CXX_COMPILER CMAKE_CXX_COMPILER-NOTFOUND) # Debian has no C++ library for musl
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)

# musl-gcc sees musl's headers alone; the kernel's are beside glibc's, which must not be seen.
set(KIN_KERNEL_HEADERS ${CMAKE_BINARY_DIR}/kernel-headers)
file(MAKE_DIRECTORY ${KIN_KERNEL_HEADERS})
foreach(path linux asm-generic ${CMAKE_HOST_SYSTEM_PROCESSOR}-linux-gnu/asm)
    get_filename_component(name ${path} NAME)
    file(CREATE_LINK /usr/include/${path} ${KIN_KERNEL_HEADERS}/${name} SYMBOLIC)
endforeach()
set(CMAKE_C_FLAGS_INIT "-isystem ${KIN_KERNEL_HEADERS}")

kin_cross(linux-musl)
