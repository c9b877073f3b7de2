// What users of the original and of other tools write, and what that is here.
#pragma once

#include <span>
#include <string_view>

namespace detox {

struct ForeignOption {
  std::string_view name;    ///< without dashes
  std::string_view answer;  ///< what to write instead, or why it is not needed
  bool needless = false;    ///< what it asks for is so in any case: taken, with the answer
  std::string_view needless_values = {};  ///< the same with one of these, words between bars
};

std::span<const ForeignOption> foreign_options();

/// Null where the name, in any case and with any dashes, is none of them.
const ForeignOption* find_foreign_option(std::string_view name);

/// Whether the option with this value (empty: without one) asks for what is so in any case.
bool is_needless(const ForeignOption& option, std::string_view text);

}  // namespace detox
