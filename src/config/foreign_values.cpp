#include "config/foreign_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/mistakes.hpp"
#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::string_view kForeignNetwork = "DenseNet";

/// An approach of the original, and what to write.
struct ForeignApproach {
  std::string_view word, answer;
};
constexpr std::string_view kCyclic = "cyclic";
constexpr ForeignApproach kForeignApproaches[] = {
    {kCyclic,
     "DRACO's cyclic code is not here, and the original's program ran nothing for it; write "
     "--approach maj_vote, DRACO's other code"},
    {"normal", "write --approach baseline --mode normal"},
    {"draco", "write --approach maj_vote"}};

const ForeignApproach* foreign_approach(const Setting& setting) {
  if (setting.name != "approach") return nullptr;
  const auto* found =
      std::ranges::find(kForeignApproaches, canonical_name(setting.text), &ForeignApproach::word);
  return found == std::end(kForeignApproaches) ? nullptr : found;
}

void take_mode(bool is_cyclic, RunConfig& config, Mistakes& mistakes) {
  if (!config.mode || canonical_name(*config.mode) != "majvote") return;
  config.mode.reset();
  if (config.approach == Approach::kMajVote) {
    config.remarks.emplace_back(
        "--mode maj_vote is the vote of --approach maj_vote, and the rule behind it is the mean: "
        "taken as --mode normal");
  } else if (!is_cyclic) {
    mistakes.add(
        "--mode maj_vote: the vote belongs to the approach; write --approach maj_vote (the vote, "
        "then the mean), or --approach detox with a --mode (the vote, then a robust rule)");
  }
}

void take_buckets(std::span<const Setting> given, RunConfig& config) {
  const Setting* buckets = last_setting(given, "buckets");
  // The original's name, which only DETOX looked at.
  if (buckets == nullptr || buckets->written.empty() || config.buckets == 0) return;
  const std::string mode = config.mode ? canonical_name(*config.mode) : "";
  const bool by_others = mode == "bulyan" || mode == "multikrum";
  if (config.approach == Approach::kDetox && !by_others) {
    config.remarks.push_back(
        fmt::format("--bucket-size {} is the number of buckets (--buckets)", config.buckets));
    return;
  }
  if (config.approach == Approach::kDetox) {
    config.remarks.push_back(fmt::format(
        "without effect: --bucket-size {} (the original had no such buckets before {}; here "
        "--buckets has them, too{})",
        config.buckets, *config.mode,
        mode == "bulyan"
            ? ""
            : ", and its D-Multi-Krum is --inner-mode multi-krum --buckets 2 --mode normal"));
    config.buckets = 0;
    return;
  }
  config.remarks.push_back(
      fmt::format("without effect: --bucket-size {} (the original had buckets for DETOX alone{})",
                  config.buckets,
                  config.approach == Approach::kBaseline ? "; here --buckets has them, too" : ""));
  config.buckets = 0;
}

}  // namespace

std::string_view network_here(std::string_view name) {
  return canonical_name(name) == canonical_name(kForeignNetwork) ? "DenseNet121" : name;
}

bool is_foreign_value(const Setting& setting) { return foreign_approach(setting) != nullptr; }

void take_foreign_values(std::span<const Setting> given, RunConfig& config, Mistakes& mistakes) {
  const Setting* approach = last_setting(given, "approach");
  const ForeignApproach* foreign = approach != nullptr ? foreign_approach(*approach) : nullptr;
  if (foreign != nullptr) config.approach = RunConfig().approach;
  take_mode(foreign != nullptr && foreign->word == kCyclic, config, mistakes);
  if (foreign != nullptr)
    mistakes.add(fmt::format("--approach {}: {}", foreign->word, foreign->answer));
  take_buckets(given, config);
  if (const std::string_view here = network_here(config.network); here != config.network) {
    config.remarks.push_back(fmt::format("--network {} is {}", kForeignNetwork, here));
    config.network = here;
  }
  if (config.checkpoint_step == 0) {
    config.checkpoint_step.reset();
    config.remarks.emplace_back("--checkpoint-step 0: from the start");
  }
}

}  // namespace detox
