// What the functions of detox/detox.h have in common: errors as texts, and what a call is.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cores.hpp"
#include "base/names.hpp"
#include "detox/detox.h"
#include "detox/errors.hpp"
#include "detox/rows.hpp"
#include "detox/thread_pool.hpp"

namespace detox::c_calls {

inline constexpr int kUsage = 2, kFailure = 1;
inline constexpr std::size_t kMostThreads = 1024;

inline thread_local std::string last_error;

/// Runs work; what it throws becomes the thread's error text and the answer of `failed`.
template <class Work, class Failed>
auto guarded(const Work& work, const Failed& failed) -> decltype(work()) {
  try {
    return work();
  } catch (const Error& error) {
    last_error = error.what();
    return failed(error.exit_code() == kUsage ? kUsage : kFailure);
  } catch (const std::exception& error) {
    last_error = error.what();
    return failed(kFailure);
  }
}

inline std::unique_ptr<ThreadPool> make_pool(std::size_t threads) {
  if (threads > kMostThreads)
    throw UsageError(fmt::format("threads: {}; valid: 0 to {}", threads, kMostThreads));
  return std::make_unique<ThreadPool>(threads > 0 ? threads : usable_cores());
}

struct OptionWord {
  std::string_view name, value;
};

/// "f=5 pre=nnm" -> its words. Views the text.
inline std::vector<OptionWord> option_words(std::string_view text) {
  std::vector<OptionWord> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) {
      throw UsageError(fmt::format("option '{}'; valid: KEY=VALUE, as f=5", printable(word, 40)));
    }
    words.push_back({word.substr(0, equals), word.substr(equals + 1)});
  }
}

/// Of a struct that says how large its caller thinks it is.
template <class Struct>
void check_size(const Struct* given, const char* name) {
  if (given == nullptr) throw UsageError(fmt::format("the {} is NULL", name));
  if (given->size != sizeof(Struct)) {
    throw UsageError(fmt::format("size of {} is {}; valid: {}, as of this library's header", name,
                                 given->size, sizeof(Struct)));
  }
}

/// The caller says with the type that its pointers are to T.
template <class T>
Rows<T> rows_of(const detox_call& call) {
  return {{reinterpret_cast<const T* const*>(call.rows), call.n}, call.d};
}

/// work(T()) for the type of the call's values.
template <class Work>
void of_type(const detox_call& call, const Work& work, const char* others = "") {
  if (call.type == DETOX_FLOAT32) return work(float());
  if (call.type == DETOX_FLOAT64) return work(double());
  throw UsageError(fmt::format("type of values is {}; valid: DETOX_FLOAT32, DETOX_FLOAT64{}",
                               call.type, others));
}

/// The same, and work(NarrowType) for values of 16 bits.
template <class Work>
void of_any_type(const detox_call& call, const Work& work) {
  if (call.type == DETOX_BFLOAT16) return work(NarrowType::kBfloat16);
  if (call.type == DETOX_FLOAT16) return work(NarrowType::kFloat16);
  of_type(call, work, ", DETOX_BFLOAT16, DETOX_FLOAT16");
}

/// What is read and written of a type that of_any_type found.
template <class T>
struct Values {
  using Type = T;
  static Rows<T> rows(const detox_call& call, T) { return rows_of<T>(call); }
};
template <>
struct Values<NarrowType> {
  using Type = std::uint16_t;
  static NarrowRows rows(const detox_call& call, NarrowType type) {
    return {rows_of<std::uint16_t>(call), type};
  }
};

}  // namespace detox::c_calls
