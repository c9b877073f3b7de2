#include "launch/numerics_option.hpp"

#include <string_view>

#include "base/file.hpp"
#include "config/options.hpp"
#include "detox/errors.hpp"

namespace detox {

Numerics numerics_option(const std::vector<std::string>& command) {
  std::string found;
  std::vector<std::string> files;
  for (std::size_t i = 0; i < command.size(); ++i) {
    for (const std::string_view name : {"--numerics", "--config"}) {
      std::string value;
      if (command[i] == name && i + 1 < command.size()) {
        value = command[i + 1];
      } else if (command[i].starts_with(std::string(name) + "=")) {
        value = command[i].substr(name.size() + 1);
      } else {
        continue;
      }
      if (name == "--config") {
        files.push_back(value);
      } else {
        found = value;
      }
    }
  }
  try {
    RunConfig config;
    const Option& option = find_option("numerics");
    for (const std::string& file : files) {
      const std::string text(text_of(read_file(file)));
      for (const Setting& setting : parse_settings(text, file)) {
        if (setting.name == option.name) set_option(option, setting.text, config);
      }
    }
    if (!found.empty()) set_option(option, found, config);
    return config.numerics;
  } catch (const Error&) {
    return Numerics::kAuto;
  }
}

}  // namespace detox
