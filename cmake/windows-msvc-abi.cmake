# Toolchain: Windows on x86_64 with MSVC's ABI: clang and lld-link, headers and import libraries of Wine (Debian:
# libwine-dev), programs run under Wine. Nothing of Microsoft's is needed; so it says little about Microsoft's headers
# and compiler.
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET x86_64-pc-windows-msvc)
set(CMAKE_CXX_COMPILER CMAKE_CXX_COMPILER-NOTFOUND) # Wine has no C++ library
set(CMAKE_RC_COMPILER llvm-rc)
set(CMAKE_AR llvm-ar)
set(CMAKE_RANLIB llvm-ranlib)
set(CMAKE_MT CMAKE_MT-NOTFOUND)

# Wine's import libraries by the names that a Windows SDK gives them. WaitOnAddress is in one that Wine lacks.
set(KIN_WINE_LIBRARIES /usr/lib/x86_64-linux-gnu/wine/x86_64-windows)
set(KIN_SDK ${CMAKE_BINARY_DIR}/wine-sdk)
file(MAKE_DIRECTORY ${KIN_SDK})
foreach(
    pair
    kernel32=kernel32 user32=user32 gdi32=gdi32 winspool=winspool shell32=shell32 ole32=ole32 oleaut32=oleaut32
    uuid=uuid comdlg32=comdlg32 advapi32=advapi32 bcrypt=bcrypt ntdll=ntdll ws2_32=ws2_32 winecrt0=winecrt0
    synchronization=kernelbase msvcrt=ucrtbase msvcrtd=ucrtbase ucrt=ucrtbase oldnames=ucrtbase
)
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 name)
    list(GET pair 1 wine)
    if(EXISTS ${KIN_WINE_LIBRARIES}/lib${wine}.a)
        file(CREATE_LINK ${KIN_WINE_LIBRARIES}/lib${wine}.a ${KIN_SDK}/${name}.lib SYMBOLIC)
    elseif(EXISTS ${KIN_WINE_LIBRARIES}/lib${wine}.drv.a)
        file(CREATE_LINK ${KIN_WINE_LIBRARIES}/lib${wine}.drv.a ${KIN_SDK}/${name}.lib SYMBOLIC)
    endif()
endforeach()

set(KIN_SDK_OBJECT ${KIN_SDK}/wine-sdk.obj)
if(NOT EXISTS ${KIN_SDK_OBJECT})
    execute_process(
        COMMAND clang --target=${CMAKE_C_COMPILER_TARGET} -ffreestanding -O2 -c ${CMAKE_CURRENT_LIST_DIR}/wine-sdk.c -o
                ${KIN_SDK_OBJECT}
    )
endif()

# 19.36: Visual Studio 2022 17.6. wine-sdk.h has what Wine's headers lack.
set(CMAKE_C_FLAGS_INIT
    "-fms-compatibility-version=19.36 -isystem /usr/include/wine/wine/msvcrt -isystem /usr/include/wine/wine/windows"
)
string(APPEND CMAKE_C_FLAGS_INIT " -include ${CMAKE_CURRENT_LIST_DIR}/wine-sdk.h")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${KIN_SDK_OBJECT} -L${KIN_SDK} -lwinecrt0 -lntdll -Xlinker /entry:mainCRTStartup")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "${KIN_SDK_OBJECT} -L${KIN_SDK} -lwinecrt0 -lntdll")
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${CMAKE_MODULE_LINKER_FLAGS_INIT})

kin_cross(windows-msvc-abi)

set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine)
