// Numbers of a sweep: powers and ranges.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// The numbers that the text stands for, each as the shortest text that is read back as the same
/// number: `2^-10`, `2^-10..2^-3`, `1..5`, `0..0.9+0.3`, `0.001..1x10`; both ends included, the
/// last one where the steps meet it. Empty where the text is neither a power nor a range (a plain
/// number or word). The same on every machine. UsageError, without saying where, for a range or
/// power that is none, and for more than `most` values.
std::vector<std::string> expand_numbers(std::string_view text, std::size_t most);

}  // namespace detox
