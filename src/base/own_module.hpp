// What tells a module of the program's own build from others.
#pragma once

#include "base/module.hpp"
#include "module_headers.hpp"

/// One version has many states of its sources: classes that cross the door are declared in headers.
#define DETOX_BUILD "detoxml " DETOX_VERSION ", headers " DETOX_MODULE_HEADERS ", g++ " __VERSION__

/// Once in a module, outside all namespaces.
#define DETOX_MODULE(Functions, ...)                                                  \
  extern "C" __attribute__((visibility("default"))) const detox::OwnModule<Functions> \
      detox_module = {DETOX_BUILD, __VA_ARGS__}
