/* export.h: macros and the word type of all headers.
 *
 * KIN_API marks the functions that the library exports; its other symbols are hidden. Objects in shared memory consist
 * of kin_word: 64 bits, aligned to 8 bytes, also on systems where uint64_t is not (Linux on 32-bit x86). KIN_BEGIN and
 * KIN_END enclose declarations with C linkage. Define KIN_STATIC to use the static library on Windows.
 */
#ifndef KIN_EXPORT_H
#define KIN_EXPORT_H

#include <stdint.h>

#if defined(KIN_STATIC)
#define KIN_API
#elif defined(_WIN32) && defined(KIN_BUILDING)
#define KIN_API __declspec(dllexport)
#elif defined(_WIN32)
#define KIN_API __declspec(dllimport)
#elif defined(__GNUC__)
#define KIN_API __attribute__((visibility("default")))
#else
#define KIN_API
#endif

#if defined(__GNUC__)
typedef uint64_t kin_word __attribute__((aligned(8)));
#else
typedef uint64_t kin_word;
#endif

/* KIN_DETAIL_CAST is for kin's own macros: their casts stand in the user's code, whose C++ compiler may warn of C's. */
#ifdef __cplusplus
#define KIN_BEGIN extern "C" {
#define KIN_END }
#define KIN_DETAIL_CAST(type, value) static_cast<type>(value)
#else
#define KIN_BEGIN
#define KIN_END
#define KIN_DETAIL_CAST(type, value) ((type)(value))
#endif

#endif
