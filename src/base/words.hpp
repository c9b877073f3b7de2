// Enumerations whose values are words to users. Beside each stands `words_of`, an array of its
// words: they and the values, which count from 0, are in one order.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace detox {

template <class E>
concept HasWords = std::is_enum_v<E> && requires {
  words_of(E());
};

template <HasWords E>
constexpr std::string_view word_of(E value) {
  return words_of(value)[static_cast<std::size_t>(value)];
}

}  // namespace detox
