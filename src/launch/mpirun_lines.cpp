// The texts are those of Open MPI 4.1 and 5.0 (its help-*.txt and its event notification).
#include "launch/mpirun_lines.hpp"

#include <algorithm>
#include <regex>

namespace detox {
namespace {

bool is_rule(std::string_view line) {
  constexpr std::size_t kLeast = 40;
  return line.size() >= kLeast && line.find_first_not_of('-') == std::string_view::npos;
}

std::string one_line(const std::vector<std::string>& banner) {
  std::string text;
  for (const std::string& line : banner) text += line + " ";
  return text;
}

/// What stands for a whole banner: itself, one line, or nothing.
std::vector<std::string> in_place_of(const std::vector<std::string>& banner) {
  const std::string text = one_line(banner);
  const auto has = [&text](std::string_view words) {
    return text.find(words) != std::string::npos;
  };
  if (has("ORTE has lost communication with a remote daemon") ||
      has("PRTE has lost communication with a remote daemon")) {
    static const std::regex kHost(R"(Remote daemon: +(\S+ +on +node +)?(\S+))");
    std::smatch found;
    return {"the MPI daemon of " +
            (std::regex_search(text, found, kHost) ? "host " + found[2].str() : "a host") +
            " is lost, and its workers with it"};
  }
  static const std::regex kKilled(R"((?:mpirun|prterun) noticed that process rank (\d+) )"
                                  R"(.*on node (\S+) exited on (signal \d+ \([^)]*\)))");
  if (std::smatch found; std::regex_search(text, found, kKilled))
    return {"rank " + found[1].str() + " on " + found[2].str() + " was ended by " + found[3].str()};
  const bool is_about_exit_code =  // whoever failed has said why
      (has("Primary job") && has("a non-zero exit code")) ||
      has("one or more processes exited with non-zero status");
  return is_about_exit_code ? std::vector<std::string>() : banner;
}

}  // namespace

bool is_mpi_noise(std::string_view line) {
  constexpr std::size_t kLongest = 1000;  // a regular expression is no tool for a worker's novels
  const auto has = [line](std::string_view word) {
    return line.find(word) != std::string_view::npos;
  };
  const bool may_be = has("PMIX ERROR") || has("btl_tcp") || has("help message") ||
                      has("orte_base_help_aggregate") || has("mpirun: Forwarding") ||
                      has("reachable pairing");
  if (!may_be || line.size() > kLongest) return false;
  static const std::regex kNoise(
      R"(\[[^\]\s]+:\d+\] PMIX ERROR: .* in file \S+ at line \d+\s*)"
      R"(|\[[^\]\s]+\]\[\[\d+,\d+\],\d+\]\[\S*btl_tcp\S*\] .*)"
      R"(|Unable to find reachable pairing between local and remote interfaces\s*)"
      R"(|\[[^\]\s]+:\d+\] \d+ more process(es)? (has|have) sent help message .*)"
      R"(|\[[^\]\s]+:\d+\] Set MCA parameter "orte_base_help_aggregate" to 0 .*)"
      R"(|mpirun: Forwarding signal \d+ to job\s*)");
  return std::regex_match(line.begin(), line.end(), kNoise);
}

std::vector<std::string> MpirunLines::take(std::string_view line) {
  if (banner_.empty()) {
    if (is_mpi_noise(line)) return {};
    if (!is_rule(line)) return {std::string(line)};
    banner_.emplace_back(line);
    return {};
  }
  if (is_mpi_noise(line)) return {};
  banner_.emplace_back(line);
  if (is_rule(line)) {
    std::vector<std::string> whole;
    whole.swap(banner_);
    return in_place_of(whole);
  }
  return banner_.size() > kLongestBanner ? finish() : std::vector<std::string>();
}

std::vector<std::string> MpirunLines::finish() {
  std::vector<std::string> rest;
  rest.swap(banner_);
  return rest;
}

}  // namespace detox
