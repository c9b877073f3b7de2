#include "base/module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <iterator>
#include <string>

#include "base/names.hpp"
#include "base/own_program.hpp"
#include "detox/errors.hpp"

namespace detox {

namespace fs = std::filesystem;

fs::path module_file(std::string_view name) {
  fs::path prefix = fs::path(own_program()).parent_path();
  const fs::path programs = DETOX_BINARY_DIR;  // bin
  for (auto folders = std::distance(programs.begin(), programs.end()); folders > 0; --folders)
    prefix = prefix.parent_path();
  return prefix / DETOX_MODULE_DIR / fmt::format("{}.so", name);
}

void* open_module(const fs::path& file) {
  constexpr std::size_t kLongestReason = 300;
  void* module = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module != nullptr) return module;
  const char* why = dlerror();
  throw InputError(fmt::format("{}: cannot be loaded: {}", file.string(),
                               printable(why == nullptr ? "unknown cause" : why, kLongestReason)));
}

void* symbol_of(void* module, const char* name) { return dlsym(module, name); }

}  // namespace detox
