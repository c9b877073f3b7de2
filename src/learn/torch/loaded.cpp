#include "learn/torch/loaded.hpp"

#include <dlfcn.h>

namespace detox {
namespace {

/// The module that holds this code; null, which is RTLD_DEFAULT, where that is a program.
void* own_library() {
  static void* const kOwn = [] {
    Dl_info info{};
    const auto here = reinterpret_cast<const void*>(&loaded_function);
    if (dladdr(here, &info) == 0 || info.dli_fname == nullptr) return static_cast<void*>(nullptr);
    return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  }();
  return kOwn;
}

}  // namespace

void* loaded_function(const char* name) { return dlsym(own_library(), name); }

}  // namespace detox
