/* export.h - which functions libaffjord.so shows to the programs that use it.
 *
 * Everything is compiled with -fvisibility=hidden. What a header declares
 * between the two macros is visible: a header is public as a whole or not at
 * all, so that the installed headers are the list of exported functions, and
 * there is none to keep beside them. C++ gets C's linkage along the way. */
#ifndef AFFJORD_BASE_EXPORT_H
#define AFFJORD_BASE_EXPORT_H

#ifdef __cplusplus
#define AFFJORD_API_BEGIN                                                                                              \
    extern "C" {                                                                                                       \
    _Pragma("GCC visibility push(default)")
#define AFFJORD_API_END                                                                                                \
    _Pragma("GCC visibility pop")                                                                                      \
    }
#else
#define AFFJORD_API_BEGIN _Pragma("GCC visibility push(default)")
#define AFFJORD_API_END _Pragma("GCC visibility pop")
#endif

#endif
