// The JSON header of a safetensors file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

struct SafetensorsEntry {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::array<std::uint64_t, 2> offsets{};  ///< [begin, end) within the values
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::map<std::string, SafetensorsEntry> tensors;
};

/// Accepts exactly the format's form: no other keys, no key twice, no number but unsigned integers.
/// Never recurses, so depth cannot exhaust the stack. DamagedFile, opening with `name`.
SafetensorsHeader parse_safetensors_header(const std::string& name, std::string_view json);

/// Without padding; the entry __metadata__ is left out where it is empty.
std::string format_safetensors_header(const SafetensorsHeader& header);

}  // namespace detox
