# Families of two kinds of programs: test_mixed with itself as another preset builds it.
#
#     mixed.PRESET             this build's program makes the families, that preset's one joins
#     mixed.PRESET.swapped     the other way round
#     mixed.PRESET.unsliced    as the first, without the slices that sleepers wake up after by themselves
#     mixed.PRESET.build       the fixture: builds the other program, unless it is built
#
# With linux-plain, whose families are of another kind, joining is refused instead.

set(KIN_MIXED_WITH)
set(KIN_MIXED_REFUSED)
if(CMAKE_TOOLCHAIN_FILE MATCHES "linux-i386")
    set(KIN_MIXED_WITH linux)
elseif(CMAKE_TOOLCHAIN_FILE MATCHES "linux-musl")
    set(KIN_MIXED_WITH linux linux-i386)
elseif(KIN_POSIX_PLAIN AND NOT CMAKE_CROSSCOMPILING)
    set(KIN_MIXED_WITH linux)
    set(KIN_MIXED_REFUSED refused)
endif()
if(CMAKE_VERSION VERSION_LESS 3.21 OR NOT EXISTS ${PROJECT_SOURCE_DIR}/CMakePresets.json)
    set(KIN_MIXED_WITH) # no presets
endif()

# kin_add_mixed_test(<name> <preset> <program> <argument>...)
function(kin_add_mixed_test name preset)
    add_test(NAME ${name} COMMAND ${ARGN} ${KIN_MIXED_REFUSED})
    set_tests_properties(${name} PROPERTIES TIMEOUT 120 FIXTURES_REQUIRED mixed.${preset})
    kin_smoke(${name} test_mixed)
endfunction()

foreach(preset IN LISTS KIN_MIXED_WITH)
    set(program ${PROJECT_SOURCE_DIR}/build/${preset}/tests/test_mixed)
    add_test(NAME mixed.${preset}.build COMMAND ${PROJECT_SOURCE_DIR}/tests/posix/mixed.sh ${preset})
    set_tests_properties(mixed.${preset}.build PROPERTIES TIMEOUT 300 FIXTURES_SETUP mixed.${preset} RUN_SERIAL ON)
    kin_smoke(mixed.${preset}.build)
    kin_add_mixed_test(mixed.${preset} ${preset} $<TARGET_FILE:test_mixed> ${program})
    kin_add_mixed_test(mixed.${preset}.swapped ${preset} ${program} $<TARGET_FILE:test_mixed>)
    if(NOT KIN_MIXED_REFUSED)
        kin_add_mixed_test(mixed.${preset}.unsliced ${preset} $<TARGET_FILE:test_mixed> ${program})
        set_tests_properties(mixed.${preset}.unsliced PROPERTIES ENVIRONMENT KIN_TEST_SLICES=off)
    endif()
endforeach()
