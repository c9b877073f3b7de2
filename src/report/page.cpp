// Everything that a run's files say is data: JSON in an element that no browser executes, which the
// page's script puts into text nodes. Should something get out of there all the same, the policy
// knows the page's own scripts by their digests and runs no others.
#include "report/page.hpp"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "report/page_parts.hpp"

namespace detox {
namespace {

std::string source_of(std::string_view part) {
  return fmt::format("'sha256-{}'", base64(DigestBuilder().add(part).finish()));
}

std::string policy(bool is_served) {
  // dygraphs places its labels by attributes; nothing that a run says is in one.
  return fmt::format(
      "default-src 'none'; script-src {} {}; style-src-elem {}; style-src-attr 'unsafe-inline'; "
      "img-src data:; connect-src {}; base-uri 'none'; form-action 'none'",
      source_of(kPageLibrary), source_of(kPageScript), source_of(kPageStyle),
      is_served ? "'self'" : "'none'");
}

std::string attribute_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string data_text(const nlohmann::json& data) {
  const std::string json =
      data.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      text += "\\u003c";  // JSON has it in texts alone
    } else {
      text += c;
    }
  }
  return text;
}

std::string page_of(const nlohmann::json& data, std::string_view events) {
  const std::string served =
      events.empty() ? "" : fmt::format(" data-events=\"{}\"", attribute_text(events));
  const std::string allowed = policy(!events.empty()), text = data_text(data);
  const std::array<std::pair<std::string_view, std::string_view>, 7> parts = {{
      {"{{served}}", served},
      {"{{policy}}", allowed},
      {"{{style}}", kPageStyle},
      {"{{licence}}", kPageLicence},
      {"{{data}}", text},
      {"{{library}}", kPageLibrary},
      {"{{script}}", kPageScript},
  }};
  std::string page;
  std::string_view frame = kPageFrame;
  for (const auto& [mark, part] : parts) {  // in the order of the frame
    const std::size_t at = frame.find(mark);
    DETOX_ASSERT(at != std::string_view::npos);
    page.append(frame.substr(0, at)).append(part);
    frame.remove_prefix(at + mark.size());
  }
  return page.append(frame);
}

}  // namespace detox
