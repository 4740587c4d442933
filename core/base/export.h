/* export.h - visibility of the functions of libaffjord.so.
 *
 * Everything is compiled with -fvisibility=hidden; declarations between the two macros are exported. Visibility is set
 * per header, not per function: a header is public as a whole or not at all, so there is no export list to maintain. In
 * C++ the macros also add C linkage. */
#ifndef AFFJORD_BASE_EXPORT_H
#define AFFJORD_BASE_EXPORT_H

#ifdef __cplusplus
/* Before the declarations of a public header. */
#define AFFJORD_API_BEGIN                                                                                              \
    extern "C" {                                                                                                       \
    _Pragma("GCC visibility push(default)")
/* After them. */
#define AFFJORD_API_END                                                                                                \
    _Pragma("GCC visibility pop")                                                                                      \
    }
#else
/* Before the declarations of a public header. */
#define AFFJORD_API_BEGIN _Pragma("GCC visibility push(default)")
/* After them. */
#define AFFJORD_API_END _Pragma("GCC visibility pop")
#endif

#endif
