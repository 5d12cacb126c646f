# Configures, builds and runs the project SOURCE_DIR below WORK_DIR, against the package of kin installed at PREFIX, and
# with the source tree KIN_SOURCE at hand. OPTIONS: how kin itself was configured. MORE: what is different. AGAIN: all
# of it a second time, with this, in the same build tree.
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

file(GLOB_RECURSE config ${PREFIX}/kin-config.cmake)
get_filename_component(kin_dir ${config} DIRECTORY)
run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${build} -G ${GENERATOR} -Dkin_DIR=${kin_dir} -DKIN_SOURCE=${KIN_SOURCE}
    -DCMAKE_INSTALL_PREFIX=${WORK_DIR}/prefix ${OPTIONS} ${MORE}
)
run(${CMAKE_COMMAND} --build ${build} --config ${CONFIG})
run(${CMAKE_CTEST_COMMAND} -C ${CONFIG} --output-on-failure)
if(AGAIN)
    run(${CMAKE_COMMAND} ${AGAIN} ${build})
    run(${CMAKE_COMMAND} --build ${build} --config ${CONFIG})
    run(${CMAKE_CTEST_COMMAND} -C ${CONFIG} --output-on-failure)
endif()
