// The page: one file of HTML that needs nothing beside it and asks no network for anything.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace detox {

/// `data` as text that may stand between the tags of a script: ASCII, without '<'. Text that is not
/// UTF-8 is replaced.
std::string data_text(const nlohmann::json& data);

/// Frame, style, scripts and data (run_data.hpp). The page's own policy lets no other script run,
/// whatever the data say, and lets nothing be loaded. With `events` the page is a served one: it
/// opens them, an address at its own server, and gives each message to its `show()`: the same data,
/// newer.
std::string page_of(const nlohmann::json& data, std::string_view events = {});

}  // namespace detox
