// Values that mean something in the original and are written in another way here.
#pragma once

#include <span>
#include <string_view>

#include "config/options.hpp"
#include "config/run_config.hpp"

namespace detox {

class Mistakes;

/// Whether it is a value that no option has here, and take_foreign_values() says what to write.
bool is_foreign_value(const Setting& setting);

/// What a network is called here that the original gives another name; else the name as it is.
std::string_view network_here(std::string_view name);

/// Takes what is clear, with a remark, and adds to `mistakes` what to write for the rest. `given`
/// are the user's settings, of which `config` has those that are no foreign values.
void take_foreign_values(std::span<const Setting> given, RunConfig& config, Mistakes& mistakes);

}  // namespace detox
