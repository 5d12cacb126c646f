# Compiles main.c and, with CXX, main.cpp below WORK_DIR by hand, as a program's author would, and runs them. WAY:
#   cc            cc main.c -lkin, with the installed headers and library, and what README says for the system
#   pkgconfig     with what pkg-config answers, about the installed tree after it has been moved
#   meson         a project of Meson's, which asks pkg-config
#   amalgamation  with kin.c, made here
cmake_minimum_required(VERSION 3.16)

file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
separate_arguments(cflags UNIX_COMMAND "${CFLAGS}")
separate_arguments(ldflags UNIX_COMMAND "${LDFLAGS}")
separate_arguments(warnings UNIX_COMMAND "${WARNINGS}")
if(MINGW)
    list(APPEND ldflags -static) # how libkin itself is linked, the options of the way say
endif()

function(run)
    execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${WORK_DIR} RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGV}: ${status}")
    endif()
endfunction()

# A program finds the shared library: beside it on Windows, else by its rpath.
function(place prefix directory)
    if(LINKAGE STREQUAL "shared" AND OS STREQUAL "win32")
        file(COPY ${prefix}/bin/kin.dll DESTINATION ${WORK_DIR}/${directory})
    endif()
endfunction()

# build(<prefix> <compile options> <link options>): a program of each language.
function(build prefix compile link)
    place(${prefix} .)
    if(LINKAGE STREQUAL "shared" AND OS STREQUAL "posix")
        list(APPEND link -Wl,-rpath,${prefix}/${LIBDIR})
    endif()
    run(${CC} ${cflags} -std=c11 ${compile} ${KIN_SOURCE}/tests/consumer/main.c -o main.exe ${ldflags} ${link})
    run(${EMULATOR} ${WORK_DIR}/main.exe)
    if(CXX)
        run(${CXX} -std=c++17 ${compile} ${KIN_SOURCE}/tests/consumer/main.cpp -o main-cpp.exe ${ldflags} ${link})
        run(${EMULATOR} ${WORK_DIR}/main-cpp.exe)
    endif()
endfunction()

set(static_define)
set(system -pthread)
if(OS STREQUAL "win32")
    set(static_define -DKIN_STATIC)
    set(system -lbcrypt -ladvapi32 -lsynchronization)
endif()

# pkg_config(<variable> <prefix> <option>...): what pkg-config answers about the installed tree.
function(pkg_config out prefix)
    execute_process(
        COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_LIBDIR=${prefix}/${LIBDIR}/pkgconfig PKG_CONFIG_PATH= ${PKG_CONFIG}
                ${ARGN} kin
        OUTPUT_VARIABLE answer RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE
    )
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "pkg-config ${ARGN} kin: ${status}")
    endif()
    separate_arguments(answer UNIX_COMMAND "${answer}")
    set(${out} ${answer} PARENT_SCOPE)
endfunction()

if(WAY STREQUAL "cc")
    set(compile -I${PREFIX}/include)
    set(link -L${PREFIX}/${LIBDIR} -lkin)
    if(OS STREQUAL "win32" AND NOT MINGW)
        if(LINKAGE STREQUAL "static")
            set(link -L${PREFIX}/${LIBDIR} -lkin-static)
        endif()
    elseif(LINKAGE STREQUAL "shared" AND MINGW)
        set(link -L${PREFIX}/${LIBDIR} -Wl,-Bdynamic -lkin -Wl,-Bstatic)
    endif()
    if(LINKAGE STREQUAL "static")
        list(APPEND compile ${static_define})
        list(APPEND link ${system})
    endif()
    build(${PREFIX} "${compile}" "${link}")
elseif(WAY STREQUAL "pkgconfig")
    # The tree is moved to a path with a space, which pkg-config escapes.
    file(COPY ${PREFIX}/ DESTINATION "${WORK_DIR}/moved tree")
    set(moved "${WORK_DIR}/moved tree")
    set(options --static)
    if(LINKAGE STREQUAL "shared")
        set(options)
    endif()
    pkg_config(compile "${moved}" ${options} --cflags)
    pkg_config(link "${moved}" ${options} --libs)
    message(STATUS "pkg-config: ${compile} ${link}")
    if("${compile} ${link}" MATCHES "${PREFIX}")
        message(FATAL_ERROR "kin.pc says where kin was installed first")
    endif()
    if(MINGW AND LINKAGE STREQUAL "shared")
        list(INSERT link 0 -Wl,-Bdynamic)
        list(APPEND link -Wl,-Bstatic)
    endif()
    build("${moved}" "${compile}" "${link}")
    pkg_config(version "${moved}" --modversion)
    file(STRINGS ${KIN_SOURCE}/CMakeLists.txt found REGEX "^    VERSION ")
    if(NOT found STREQUAL "    VERSION ${version}")
        message(FATAL_ERROR "kin.pc says version ${version}")
    endif()
elseif(WAY STREQUAL "meson")
    foreach(file main.c main.cpp meson.build meson_options.txt)
        file(COPY ${KIN_SOURCE}/tests/consumer/${file} DESTINATION ${WORK_DIR}/project)
    endforeach()
    set(cross)
    if(OS STREQUAL "win32")
        get_filename_component(emulator "${EMULATOR}" ABSOLUTE)
        file(WRITE ${WORK_DIR}/cross.ini
             "[binaries]\nc = '${CC}'\ncpp = '${CXX}'\npkgconfig = '${PKG_CONFIG}'\nexe_wrapper = '${emulator}'\n"
             "[built-in options]\nc_link_args = ['-static-libgcc']\ncpp_link_args = ['-static']\n"
             "[host_machine]\nsystem = 'windows'\ncpu_family = 'x86_64'\ncpu = 'x86_64'\nendian = 'little'\n"
        )
        set(cross --cross-file ${WORK_DIR}/cross.ini)
    endif()
    set(static false)
    if(LINKAGE STREQUAL "static")
        set(static true)
    endif()
    set(ENV{PKG_CONFIG_LIBDIR} ${PREFIX}/${LIBDIR}/pkgconfig)
    set(ENV{CC} ${CC})
    set(ENV{CXX} ${CXX})
    run(${MESON} setup ${cross} --buildtype=debug -Dkin_static=${static} build project)
    run(${MESON} compile -C build)
    place(${PREFIX} build)
    run(${MESON} test -C build --print-errorlogs)
else() # amalgamation
    run(${PYTHON} ${KIN_SOURCE}/packaging/amalgamate kin)
    run(${CC} ${cflags} -std=c11 ${warnings} -c kin/kin.c -o kin.o)
    if(OS STREQUAL "win32" AND NOT MINGW)
        set(system) # kin.c names them
    endif()
    set(LINKAGE static)
    build(. "-I." "kin.o;${system}")
endif()
