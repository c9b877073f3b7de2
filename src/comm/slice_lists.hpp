// The workers of each slice as words of a message: each slice's list, then kEndOfList.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace detox {

inline constexpr std::uint32_t kEndOfList = 0xffffffff;

std::vector<std::uint32_t> words_of_lists(const std::vector<std::vector<std::uint32_t>>& lists);

/// Whether these are so many lists of workers below `workers`.
bool are_lists(std::span<const std::uint32_t> words, std::size_t lists, std::size_t workers);

/// Of words that are_lists().
std::vector<std::vector<std::uint32_t>> lists_of_words(std::span<const std::uint32_t> words);

}  // namespace detox
