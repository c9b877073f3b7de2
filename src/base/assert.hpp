// DETOX_ASSERT: for our own bugs alone. Never for input, messages or files.
#pragma once

#include <cstdio>
#include <cstdlib>

#define DETOX_ASSERT(condition)                                                              \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: a bug in detoxml: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
