// How rules and attacks from outside the tree are named in what a run records: where they are, and
// behind a mark what they are.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace detox {

/// Before the SHA-256 of a file's bytes.
inline constexpr std::string_view kFileMark = "@sha256:";
/// Before the source of a function that answers at a socket.
inline constexpr std::string_view kFunctionMark = "@function:";

struct OutsideName {
  std::string place;     ///< a file or a socket
  std::string identity;  ///< from the mark on; empty where none is recorded
};

inline OutsideName outside_name(std::string_view text) {
  const std::size_t file = text.rfind(kFileMark);
  const std::size_t mark =
      std::min(file != std::string_view::npos ? file : text.rfind(kFunctionMark), text.size());
  return {std::string(text.substr(0, mark)), std::string(text.substr(mark))};
}

/// The identity without its mark.
inline std::string_view digest_in(std::string_view identity) {
  return identity.substr(std::min(identity.find(':') + 1, identity.size()));
}

}  // namespace detox
