#include "config/foreign_values.hpp"

#include <fmt/format.h>

#include "base/mistakes.hpp"
#include "base/names.hpp"

namespace detox {
namespace {

void take_mode(RunConfig& config, Mistakes& mistakes) {
  if (!config.mode || canonical_name(*config.mode) != "majvote") return;
  config.mode.reset();
  if (canonical_name(config.approach) == "majvote") {
    config.remarks.emplace_back(
        "--mode maj_vote is the vote of --approach maj_vote, and the rule behind it is the mean: "
        "taken as --mode normal");
  } else if (canonical_name(config.approach) != "cyclic") {
    mistakes.add(
        "--mode maj_vote: the vote belongs to the approach; write --approach maj_vote (the vote, "
        "then the mean), or --approach detox with a --mode (the vote, then a robust rule)");
  }
}

/// What is told of here is not told of again as an unknown name.
void take_approach(RunConfig& config, Mistakes& mistakes) {
  const std::string approach = canonical_name(config.approach);
  if (approach == "cyclic") {
    mistakes.add(
        "--approach cyclic: DRACO's cyclic code is not here, and the original's program ran "
        "nothing "
        "for it; write --approach maj_vote, DRACO's other code");
  } else if (approach == "normal") {
    mistakes.add("--approach normal: write --approach baseline --mode normal");
  } else if (approach == "draco") {
    mistakes.add("--approach draco: write --approach maj_vote");
  } else {
    return;
  }
  config.approach = RunConfig().approach;
}

}  // namespace

void take_foreign_values(RunConfig& config, bool bucket_size, Mistakes& mistakes) {
  take_mode(config, mistakes);
  take_approach(config, mistakes);
  const std::string approach = canonical_name(config.approach);
  if (bucket_size && config.buckets > 0 && (approach == "baseline" || approach == "majvote")) {
    config.remarks.push_back(fmt::format(
        "without effect: --bucket-size {} (the original had buckets for DETOX alone{})",
        config.buckets, approach == "baseline" ? "; here --buckets has them, too" : ""));
    config.buckets = 0;
  } else if (bucket_size && config.buckets > 0) {
    config.remarks.push_back(
        fmt::format("--bucket-size {} is the number of buckets (--buckets)", config.buckets));
  }
  if (canonical_name(config.network) == "densenet") {
    config.network = "DenseNet121";
    config.remarks.emplace_back("--network DenseNet is DenseNet121");
  }
  if (config.checkpoint_step == 0) {
    config.checkpoint_step.reset();
    config.remarks.emplace_back("--checkpoint-step 0: from the start");
  }
}

}  // namespace detox
