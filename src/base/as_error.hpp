// Whatever was thrown, as an error with one line and an exit code.
#pragma once

#include <exception>
#include <new>

#include "detox/errors.hpp"

namespace detox {

/// The library's own errors as they are. What the standard library throws (no memory, a file system
/// that refuses) is the environment's fault too, and becomes an InputError.
inline Error as_error(const std::exception& error) {
  if (const auto* own = dynamic_cast<const Error*>(&error)) return *own;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return InputError("out of memory");
  return InputError(error.what());
}

}  // namespace detox
