# Toolchain: Windows on x86, 32 bits, with mingw-w64. Its programs are not run here: Debian has a Wine for them only in
# packages of the architecture i386. Without those Wine 8 ends such a program at once, with exit code 0, so there is no
# emulator here that would let every test pass.
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR i686)

set(CMAKE_C_COMPILER i686-w64-mingw32-gcc)
set(CMAKE_CXX_COMPILER CMAKE_CXX_COMPILER-NOTFOUND)
set(CMAKE_RC_COMPILER i686-w64-mingw32-windres)

set(CMAKE_FIND_ROOT_PATH /usr/i686-w64-mingw32)
kin_cross(mingw-w64-i686)
