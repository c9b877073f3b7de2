// What a module says of itself in an ELF note of the name "detoxml", before it is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace detox {

/// What is looked for: modules of a kind have a type of note of their own.
struct ModuleKind {
  std::string_view what;  ///< "learner"
  std::uint32_t note_type;
  int interface;  ///< that this program needs
};

/// "interface=1;libtorch 1.13.1" as text of the note.
struct ModuleNote {
  int interface = 0;
  std::string text;  ///< what follows the interface, printable
};

/// Read from the file, which is not opened as a library. InputError with the reason alone where it
/// is missing, is no such module or has another interface.
ModuleNote read_module_note(const std::filesystem::path& file, const ModuleKind& kind);

}  // namespace detox
