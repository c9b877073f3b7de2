// Shared libraries that the program opens when it needs what they bring.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace detox {

/// The module of this name (without .so) that was installed with the program, found from the
/// program's own place.
std::filesystem::path module_file(std::string_view name);

/// What an installation consists of: the program first, then all modules that are there, by name.
struct InstalledFile {
  std::filesystem::path file;
  std::filesystem::path place;  ///< below the installation's folder: "bin/detoxml"
};
std::vector<InstalledFile> installed_files();

/// Opens it, and all that it needs, for the rest of the process; its symbols are nobody else's.
/// InputError with the linker's reason.
void* open_module(const std::filesystem::path& file);

/// The address of what it exports under this name; null where it does not.
void* symbol_of(void* module, const char* name);

/// What a module of the program's own build exports as `detox_module`. Its functions are C++, and
/// throw: nobody else's compiler is between them and the program.
template <class Functions>
struct OwnModule {
  const char* build;  ///< is DETOX_BUILD (base/own_module.hpp): of no other build
  Functions functions;
};

/// OwnModule of that name, opened for the rest of the process. InputError where it is of another
/// build or not there, with `what` (the library that it brings) at its beginning.
const void* open_own_module(std::string_view name, std::string_view what);

template <class Functions>
const Functions& functions_of(std::string_view name, std::string_view what) {
  return static_cast<const OwnModule<Functions>*>(open_own_module(name, what))->functions;
}

}  // namespace detox
