/* KIN_API marks what the library exports; everything else is hidden. */
#ifndef KIN_EXPORT_H
#define KIN_EXPORT_H

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

#ifdef __cplusplus
#define KIN_BEGIN extern "C" {
#define KIN_END }
#else
#define KIN_BEGIN
#define KIN_END
#endif

#endif
