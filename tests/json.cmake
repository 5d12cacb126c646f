# Runs "PROGRAM ARGUMENTS" by way of EMULATOR, if there is one, and checks that it prints one JSON document that has MEMBER,
# an array. CMake's own parser reads it.
separate_arguments(ARGUMENTS)
execute_process(
    COMMAND ${EMULATOR} ${PROGRAM} ${ARGUMENTS}
    OUTPUT_VARIABLE document
    RESULT_VARIABLE status
)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ${ARGUMENTS}: ${status}")
endif()
string(JSON type TYPE "${document}" ${MEMBER})
if(NOT type STREQUAL "ARRAY")
    message(FATAL_ERROR "${MEMBER} is of type ${type} in ${document}")
endif()
