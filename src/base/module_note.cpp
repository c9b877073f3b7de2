#include "base/module_note.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNoteName{"detoxml\0", 8};
constexpr std::size_t kLongestNotes = 4096;

/// size bytes at offset; empty where the file is shorter.
std::string part_of(std::ifstream& file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!file) bytes.clear();
  return bytes;
}

template <class T>
std::optional<T> value_at(std::string_view bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

/// The text of our note of this type among the notes of a segment.
std::optional<std::string> our_note(std::string_view notes, std::uint32_t type) {
  std::size_t at = 0;
  while (const auto header = value_at<Elf64_Nhdr>(notes, at)) {
    at += sizeof *header;
    const std::size_t name = at, text = name + padded(header->n_namesz);
    at = text + padded(header->n_descsz);
    if (at > notes.size()) break;
    if (header->n_type == type && notes.substr(name, header->n_namesz) == kNoteName)
      return std::string(notes.substr(text, header->n_descsz));
  }
  return std::nullopt;
}

std::optional<std::string> find_note(std::ifstream& file, std::uint32_t type) {
  const auto header = value_at<Elf64_Ehdr>(part_of(file, 0, sizeof(Elf64_Ehdr)), 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phentsize != sizeof(Elf64_Phdr))
    return std::nullopt;
  for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
    const std::uint64_t offset = header->e_phoff + i * sizeof(Elf64_Phdr);
    const auto segment = value_at<Elf64_Phdr>(part_of(file, offset, sizeof(Elf64_Phdr)), 0);
    if (!segment) return std::nullopt;
    if (segment->p_type != PT_NOTE || segment->p_filesz > kLongestNotes) continue;
    if (auto text = our_note(part_of(file, segment->p_offset, segment->p_filesz), type))
      return text;
  }
  return std::nullopt;
}

}  // namespace

ModuleNote read_module_note(const fs::path& file, const ModuleKind& kind) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) throw InputError("no such file");
  if (!fs::is_regular_file(file, ignored)) throw InputError("not a regular file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw InputError("cannot be read");
  const std::optional<std::string> text = find_note(stream, kind.note_type);
  constexpr std::string_view kInterface = "interface=";
  if (!text || !text->starts_with(kInterface))
    throw InputError(fmt::format("no {} of detoxml", kind.what));
  ModuleNote note;
  const std::size_t end = std::min(text->find(';'), text->size());
  std::from_chars(text->data() + kInterface.size(), text->data() + end, note.interface);
  note.text = printable(std::string_view(*text).substr(std::min(end + 1, text->size())));
  if (note.interface != kind.interface) {
    throw InputError(fmt::format("it has interface {} and this program needs {}", note.interface,
                                 kind.interface));
  }
  return note;
}

}  // namespace detox
