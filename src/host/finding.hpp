// What was found about a machine, in words.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detox {

struct Finding {
  /// An error keeps training from working; a warning costs speed, bits or a part of the program.
  enum class Verdict { kOk, kWarning, kError };
  Verdict verdict = Verdict::kOk;
  std::string subject, text;
  std::string remedy;  ///< a command to paste; empty where all is well

  static Finding ok(std::string subject, std::string text) {
    return {Verdict::kOk, std::move(subject), std::move(text), {}};
  }
  static Finding warning(std::string subject, std::string text, std::string remedy) {
    return {Verdict::kWarning, std::move(subject), std::move(text), std::move(remedy)};
  }
  static Finding error(std::string subject, std::string text, std::string remedy) {
    return {Verdict::kError, std::move(subject), std::move(text), std::move(remedy)};
  }
};
using Findings = std::vector<Finding>;

/// The line for a shell that installs these packages of Debian's; without sudo for root.
std::string command_to_install(std::string_view packages);

/// "1.5 GB".
std::string in_bytes(double bytes);

}  // namespace detox
