#include "comm/slice_lists.hpp"

#include <algorithm>

namespace detox {

std::vector<std::uint32_t> words_of_lists(const std::vector<std::vector<std::uint32_t>>& lists) {
  std::vector<std::uint32_t> words;
  for (const std::vector<std::uint32_t>& list : lists) {
    words.insert(words.end(), list.begin(), list.end());
    words.push_back(kEndOfList);
  }
  return words;
}

bool are_lists(std::span<const std::uint32_t> words, std::size_t lists, std::size_t workers) {
  const auto ends = std::ranges::count(words, kEndOfList);
  return static_cast<std::size_t>(ends) == lists && (words.empty() || words.back() == kEndOfList) &&
         std::ranges::all_of(
             words, [workers](std::uint32_t word) { return word < workers || word == kEndOfList; });
}

std::vector<std::vector<std::uint32_t>> lists_of_words(std::span<const std::uint32_t> words) {
  std::vector<std::vector<std::uint32_t>> lists;
  std::vector<std::uint32_t> list;
  for (const std::uint32_t word : words) {
    if (word != kEndOfList) {
      list.push_back(word);
      continue;
    }
    lists.push_back(std::move(list));
    list.clear();
  }
  return lists;
}

}  // namespace detox
