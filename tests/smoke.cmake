# The smoke tests: what ci/test runs on the presets that do not run everything. They have the label "smoke"; the target
# kin_smoke builds their programs.
#
# One or two of each subject, those that are quick: what these presets can show is that the code does the same for
# another compiler, C library, processor or linkage; the rare orders of events are looked for where everything runs
# (linux, linux-asan, linux-tsan, windows). Readers-writer locks and pools, whose tests take long, are in
# demo, as is everything else in its plainest use, under each start method.
set(KIN_SMOKE
    # the seam, processes that share memory, sleeping and owning
    os status abi last_error family thread_slot park deadlock
    # blocks and objects
    memory ref
    # what is waited for
    barrier cond counter event lock sem value
    # messages and containers
    queue list pipe
    # memory orders
    orders
    # children, waiting, managers, looking on
    blob process process.spawn wait manager inspect
    # the same in C++
    cpp.containers cpp.error cpp.pool cpp.process cpp.process.spawn cpp.sync example.counter-cpp
    # programs, as a user would build them
    demo options ps.json example.counter
    # one family of two kinds of programs, on the presets that have these tests (tests/posix/mixed.cmake)
    mixed mixed.linux.build mixed.linux mixed.linux.swapped mixed.linux.unsliced
    mixed.linux-i386.build mixed.linux-i386 mixed.linux-i386.swapped mixed.linux-i386.unsliced
)
# As a part of other projects: the installed package.
list(APPEND KIN_SMOKE consumer.install consumer)

if(KIN_OS STREQUAL "win32")
    # Wine takes minutes for the others.
    list(REMOVE_ITEM KIN_SMOKE family ref cond event pipe blob wait demo)
    if(BUILD_SHARED_LIBS)
        # The tests that look inside have a static library of their own: what a DLL changes is in these alone. embed
        # compiles the source tree once more, as a part of a project, which has to find the DLL.
        set(KIN_SMOKE
            demo example.counter consumer.install consumer consumer.cc consumer.pkgconfig consumer.meson embed
        )
    endif()
endif()

if(BUILD_SHARED_LIBS AND KIN_OS STREQUAL "posix")
    list(APPEND KIN_SMOKE consumer.cc consumer.pkgconfig consumer.meson consumer.amalgamation)
elseif(CMAKE_TOOLCHAIN_FILE MATCHES "linux-musl|linux-i386|msvc-abi")
    list(APPEND KIN_SMOKE consumer.cc consumer.amalgamation)
endif()

if(CMAKE_TOOLCHAIN_FILE MATCHES "linux-musl")
    # What asks the C library for most: threads, programs, descriptors, signals, how a process ends.
    list(
        APPEND KIN_SMOKE
        bell children children.spawn death descriptors exit exit.spawn forks forkserver interrupted judge os_error
        process.forkserver program robust run run_surroundings start_methods start_methods.spawn
        start_methods.forkserver start_methods_posix start_methods_posix.spawn start_methods_posix.forkserver stopped
        surroundings upgrade
    )
endif()

if(CMAKE_CROSSCOMPILING_EMULATOR MATCHES "qemu")
    # An emulated program cannot exec another one: what spawns is left out, and what takes half a minute.
    list(REMOVE_ITEM KIN_SMOKE os last_error family blob mixed process process.spawn manager demo list pipe)
endif()

if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    # Each program takes its linker as long as the whole library its compiler.
    set(KIN_SMOKE demo example.counter lock queue list consumer.install consumer)
endif()

add_custom_target(kin_smoke DEPENDS kin)

# kin_smoke(<test> [<target>]): gives the test its label if it is one of them.
function(kin_smoke name)
    if(NOT name IN_LIST KIN_SMOKE)
        return()
    endif()
    set_property(TEST ${name} APPEND PROPERTY LABELS smoke)
    if(ARGC GREATER 1)
        add_dependencies(kin_smoke ${ARGV1})
    endif()
endfunction()
