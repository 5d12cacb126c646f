# Jansson as the target jansson::jansson. KIN_JANSSON_ROOT: see KinFind.cmake.
include(${CMAKE_CURRENT_LIST_DIR}/KinFind.cmake)
kin_find(Jansson HEADER jansson.h LIBRARIES jansson TARGET jansson::jansson)
