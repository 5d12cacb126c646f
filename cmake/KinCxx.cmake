# C++: for the tests and examples of kin.hpp alone. The library is C, and is built where there is no C++ compiler.

# KIN_CXX: whether they are built: there is a compiler for C++17, with its library.
set(KIN_CXX OFF)
if(KIN_BUILD_TESTS OR KIN_BUILD_EXAMPLES)
    include(CheckLanguage)
    check_language(CXX)
    if(CMAKE_CXX_COMPILER)
        enable_language(CXX)
        if(cxx_std_17 IN_LIST CMAKE_CXX_COMPILE_FEATURES)
            set(KIN_CXX ON)
        endif()
    endif()
endif()

if(KIN_DRIVER STREQUAL "gnu")
    set(KIN_WARNINGS_CXX -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        list(APPEND KIN_WARNINGS_CXX -Wuseless-cast)
    endif()
else()
    set(KIN_WARNINGS_CXX /W4)
endif()

# A program in C++ that uses the library.
function(kin_cxx_program target)
    set_target_properties(${target} PROPERTIES CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE ${KIN_WARNINGS_CXX})
    if(KIN_WERROR)
        target_compile_options(${target} PRIVATE ${KIN_WARNINGS_ARE_ERRORS})
    endif()
    kin_link_options(${target})
endfunction()
