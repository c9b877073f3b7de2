// JSON that others have written, read by type and range.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace detox {

/// Reads JSON that may say anything into `value`, whose type it must have: the library itself turns
/// 1e30, -1 and true into whatever integer comes out. Throws std::invalid_argument.
template <class T>
void read_json(const nlohmann::json& json, T& value) {
  bool fits = false;
  if constexpr (std::same_as<T, bool>) {
    fits = json.is_boolean();
  } else if constexpr (std::is_unsigned_v<T>) {
    fits = json.is_number_unsigned() &&
           json.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<T>::max()};
  } else if constexpr (std::is_integral_v<T>) {
    // An unsigned number above int64's is no int either; below, get() is exact.
    fits = json.is_number_integer() &&
           (!json.is_number_unsigned() ||
            json.get<std::uint64_t>() <=
                static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) &&
           json.get<std::int64_t>() >= std::numeric_limits<T>::min() &&
           json.get<std::int64_t>() <= std::numeric_limits<T>::max();
  } else if constexpr (std::is_floating_point_v<T>) {
    fits = json.is_number();
  } else {
    static_assert(std::same_as<T, std::string>);
    fits = json.is_string();
  }
  if (!fits) throw std::invalid_argument("not of the type that is read");
  json.get_to(value);
}

template <class T>
void read_json(const nlohmann::json& json, std::vector<T>& values) {
  if (!json.is_array()) throw std::invalid_argument("no list");
  values.clear();
  values.reserve(json.size());
  for (const nlohmann::json& entry : json) {
    T value{};
    read_json(entry, value);
    values.push_back(std::move(value));
  }
}

/// The field of an object, which must be there.
template <class T>
void read_field(const nlohmann::json& object, const char* name, T& value) {
  read_json(object.at(name), value);
}

}  // namespace detox
