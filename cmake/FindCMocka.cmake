# CMocka as the target cmocka::cmocka. KIN_CMOCKA_ROOT: see KinFind.cmake.
include(${CMAKE_CURRENT_LIST_DIR}/KinFind.cmake)
kin_find(CMocka HEADER cmocka.h LIBRARIES cmocka-static cmocka TARGET cmocka::cmocka)
