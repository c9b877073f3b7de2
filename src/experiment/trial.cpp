#include "experiment/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/digest.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::size_t kIdentityDigits = 8, kLongestName = 80;

std::string identity_of(const RunConfig& config) {
  DigestBuilder digest;
  for (const Option& option : train_options()) {
    if (option.in_every_trial) continue;
    digest.add(fmt::format("{} = {}\n", option.name, option_text(option, config)));
  }
  return hex(digest.finish()).substr(0, kIdentityDigits);
}

/// As part of a file's name.
std::string plain(std::string text) {
  for (char& c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          std::string_view("._=,+-").find(c) != std::string_view::npos;
    if (!is_plain) c = '_';
  }
  if (text.starts_with('.')) text.front() = '_';
  return text.substr(0, kLongestName);
}

Trial make_trial(const RunConfig& base, std::vector<Setting> settings) {
  Trial trial;
  trial.config = base;
  std::string name;
  for (const Setting& setting : settings) {
    set_option(find_option(setting.name), setting.text, trial.config);
    trial.label +=
        fmt::format("{}{}={}", trial.label.empty() ? "" : " ", setting.name, setting.text);
    name += fmt::format("{}{}={}", name.empty() ? "" : ",", setting.name, setting.text);
  }
  trial.settings = std::move(settings);
  trial.identity = identity_of(trial.config);
  trial.folder = fmt::format("{}-{}", plain(name), trial.identity);
  return trial;
}

}  // namespace

std::vector<Trial> trials_of(const RunConfig& base, const std::vector<Sweep>& sweeps) {
  std::vector<std::vector<Setting>> products = {{}};
  for (const Sweep& sweep : sweeps) {
    std::vector<std::vector<Setting>> longer;
    longer.reserve(products.size() * sweep.values.size());
    for (const std::vector<Setting>& product : products) {
      for (const std::string& value : sweep.values) {
        longer.push_back(product);
        longer.back().push_back({sweep.option, value});
      }
    }
    products = std::move(longer);
  }
  std::vector<Trial> trials;
  trials.reserve(products.size());
  std::set<std::string> identities;
  for (std::vector<Setting>& product : products) {
    trials.push_back(make_trial(base, std::move(product)));
    if (!identities.insert(trials.back().identity).second) {
      throw UsageError(fmt::format("the run {} has the identity {} of another; valid: other values",
                                   trials.back().label, trials.back().identity));
    }
  }
  return trials;
}

}  // namespace detox
