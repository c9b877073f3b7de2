// What hosts and ranks may say to the launcher: any bytes are a report or none, and lines whose
// text does not depend on how the stream is cut.
#include <cstdlib>
#include <string>
#include <string_view>

#include "host/report.hpp"
#include "launch/host_checks.hpp"
#include "launch/rank_lines.hpp"

namespace {

using namespace detox;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string shown(std::string_view stream, std::size_t cut) {
  std::string text;
  RankLines lines(
      [&text](int rank, std::string_view line) { text += shown_line(rank, line, true); });
  lines.take(stream.substr(0, cut));
  lines.take(stream.substr(cut));
  lines.finish();
  return text;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(shown(text, size) == shown(text, size / 2));

  if (const auto needs = parse_needs(text)) require(parse_needs(needs_text(*needs)).has_value());
  const auto report = parse_report(text);
  if (!report) return 0;
  require(parse_report(report_text(*report)).has_value());
  HeardHost server{
      .host = "10.0.0.1", .ranks = 2, .is_here = true, .report = report, .failure = ""},
      other{.host = "10.0.0.2", .ranks = 1, .is_here = false, .report = report, .failure = ""};
  (void)findings({server, other}, RunNeeds{});
  (void)network_between({server, other});
  return 0;
}
