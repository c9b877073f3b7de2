#include "base/module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "base/names.hpp"
#include "base/own_module.hpp"
#include "base/own_program.hpp"
#include "detox/errors.hpp"

namespace detox {

namespace fs = std::filesystem;

namespace {

const fs::path kPrograms = DETOX_BINARY_DIR, kModules = DETOX_MODULE_DIR;

fs::path module_folder() {
  fs::path prefix = fs::path(own_program()).parent_path();
  for (auto folders = std::distance(kPrograms.begin(), kPrograms.end()); folders > 0; --folders)
    prefix = prefix.parent_path();
  return prefix / kModules;
}

}  // namespace

fs::path module_file(std::string_view name) { return module_folder() / fmt::format("{}.so", name); }

std::vector<InstalledFile> installed_files() {
  std::vector<InstalledFile> files;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(module_folder(), ignored)) {
    if (entry.path().extension() == ".so")
      files.push_back({entry.path(), kModules / entry.path().filename()});
  }
  std::ranges::sort(files, {}, &InstalledFile::place);
  files.insert(files.begin(), {own_program(), kPrograms / "detoxml"});
  return files;
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

const void* open_own_module(std::string_view name, std::string_view what) {
  const fs::path file = module_file(name);
  const void* exported = nullptr;
  try {
    exported = symbol_of(open_module(file), "detox_module");
  } catch (const InputError& error) {
    throw InputError(fmt::format("{} is not there: {}", what, error.what()));
  }
  if (exported == nullptr ||
      *static_cast<const char* const*>(exported) != std::string_view(DETOX_BUILD))
    throw InputError(
        fmt::format("{}: not of this program's build; reinstall detoxml", file.string()));
  return exported;
}

}  // namespace detox
