# Toolchain: Linux on arm64, programs run under qemu's emulation of the processor.
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER CMAKE_CXX_COMPILER-NOTFOUND)

set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
kin_cross(linux-arm64)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
