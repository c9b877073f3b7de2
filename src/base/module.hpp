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

}  // namespace detox
