# Installs the build tree KIN_BUILD to PREFIX, which is removed first, and checks that these files are installed.
file(REMOVE_RECURSE ${PREFIX})
execute_process(
    COMMAND ${CMAKE_COMMAND} --install ${KIN_BUILD} --prefix ${PREFIX} --config "${CONFIG}" RESULT_VARIABLE status
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "cmake --install: ${status}")
endif()
foreach(
    file
    include/kin/kin.h include/kin/kin.hpp include/kin/cpp/lock.hpp share/doc/kin/LICENSE share/doc/kin/README.md
    share/doc/kin/CHANGELOG.md share/doc/kin/docs/platforms.md share/doc/kin/examples/counter/CMakeLists.txt
)
    if(NOT EXISTS ${PREFIX}/${file})
        message(FATAL_ERROR "${file} is not installed")
    endif()
endforeach()
