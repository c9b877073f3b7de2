// Text in files of comma-separated values.
#pragma once

#include <string>
#include <string_view>

namespace detox {

/// A field, in quotes where it has to be (RFC 4180).
std::string csv_field(std::string_view text);

}  // namespace detox
