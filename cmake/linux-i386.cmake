# Toolchain: Linux on x86, 32 bits, by the gcc of x86_64.
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)

set(CMAKE_C_COMPILER gcc)
set(CMAKE_CXX_COMPILER CMAKE_CXX_COMPILER-NOTFOUND)
# The kernel's <asm/...> are one for both. Debian's gcc-multilib has a link for them, but cannot be installed beside
# compilers for other machines.
set(CMAKE_C_FLAGS_INIT "-m32 -idirafter /usr/include/x86_64-linux-gnu")

kin_cross(linux-i386)
