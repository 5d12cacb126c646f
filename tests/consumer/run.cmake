# Installs kin from BUILD_DIR below WORK_DIR, and configures, builds and runs the consumer against that.
cmake_minimum_required(VERSION 3.25)

set(prefix ${WORK_DIR}/prefix)
set(build ${WORK_DIR}/build)
file(REMOVE_RECURSE ${WORK_DIR})

set(options -D CMAKE_BUILD_TYPE=${BUILD_TYPE} -D CMAKE_C_FLAGS=${C_FLAGS})
if(TOOLCHAIN)
    list(APPEND options -D CMAKE_TOOLCHAIN_FILE=${TOOLCHAIN})
else()
    list(APPEND options -D CMAKE_C_COMPILER=${C_COMPILER})
endif()

function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
file(GLOB_RECURSE config ${prefix}/kin-config.cmake)
cmake_path(GET config PARENT_PATH kin_dir)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${build} -G ${GENERATOR} -D kin_DIR=${kin_dir} ${options})
run(${CMAKE_COMMAND} --build ${build})
run(${CMAKE_CTEST_COMMAND} --test-dir ${build} --output-on-failure --no-tests=error)
