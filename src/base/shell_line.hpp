// Words as a POSIX shell reads them back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// One word, in single quotes where it needs them: whatever it holds, the shell sees the same word.
std::string shell_quoted(std::string_view word);

/// The words as one line, quoted where that is needed.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace detox
