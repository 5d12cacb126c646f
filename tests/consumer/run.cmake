# Configures, builds and runs the project SOURCE_DIR below WORK_DIR, against a package of kin installed there from
# KIN_BUILD, and with the source tree KIN_SOURCE at hand. OPTIONS: how kin itself was configured. MORE: what is
# different.
cmake_minimum_required(VERSION 3.16)

set(prefix ${WORK_DIR}/prefix)
set(build ${WORK_DIR}/build)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${build})

function(run)
    execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${build} RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGV}: ${status}")
    endif()
endfunction()

run(${CMAKE_COMMAND} --install ${KIN_BUILD} --prefix ${prefix} --config ${CONFIG})
file(GLOB_RECURSE config ${prefix}/kin-config.cmake)
get_filename_component(kin_dir ${config} DIRECTORY)
run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${build} -G ${GENERATOR} -Dkin_DIR=${kin_dir} -DKIN_SOURCE=${KIN_SOURCE}
    -DCMAKE_INSTALL_PREFIX=${prefix} ${OPTIONS} ${MORE}
)
run(${CMAKE_COMMAND} --build ${build} --config ${CONFIG})
run(${CMAKE_CTEST_COMMAND} -C ${CONFIG} --output-on-failure)
