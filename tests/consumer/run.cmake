# Configures, builds and runs the project SOURCE_DIR below WORK_DIR, with the package of kin installed at PREFIX. It may
# use the source tree KIN_SOURCE. OPTIONS: how kin itself was configured. MORE: options of this project. AGAIN: if set,
# the same build tree is configured with this option, built and run a second time.
cmake_minimum_required(VERSION 3.16)

set(build ${WORK_DIR}/build)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${build})

function(run)
    execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${build} RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGV}: ${status}")
    endif()
endfunction()

function(build_and_test)
    run(${CMAKE_COMMAND} --build ${build} --config ${CONFIG})
    run(${CMAKE_CTEST_COMMAND} -C ${CONFIG} --output-on-failure)
endfunction()

file(GLOB_RECURSE config ${PREFIX}/kin-config.cmake)
get_filename_component(kin_dir ${config} DIRECTORY)
run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${build} -G ${GENERATOR} -Dkin_DIR=${kin_dir} -DKIN_SOURCE=${KIN_SOURCE}
    -DCMAKE_INSTALL_PREFIX=${WORK_DIR}/prefix ${OPTIONS} ${MORE}
)
build_and_test()
if(AGAIN)
    run(${CMAKE_COMMAND} ${AGAIN} ${build})
    build_and_test()
endif()
