// Another valid value for each option, so that a test can change them one by one or all at once.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/options.hpp"

namespace detox {

// NOLINTNEXTLINE(readability-function-size): a line for each option.
inline const std::map<std::string_view, std::string>& other_values() {
  static const std::map<std::string_view, std::string> kOthers = {
      {"network", "FC"},
      {"pretrained", "weights.safetensors"},
      {"pretrained-head", "fresh"},
      {"pretrained-momentum", "on"},
      {"dataset", "MNIST"},
      {"data-dir", "/data/some where \"quoted\" \\ back#slash"},
      {"image-size", "64"},
      {"approach", "baseline"},
      {"mode", "bulyan"},
      {"inner-mode", "krum"},
      {"pre", "nnm,bucketing:s=3"},
      {"group-size", "5"},
      {"lazy", "on"},
      {"slices", "4"},
      {"buckets", "4"},
      {"workers", "46"},
      {"assume-fail", "3"},
      {"audit-rate", "0.25"},
      {"arbiter", "workers"},
      {"recheck", "0.5"},
      {"evict-after", "3"},
      {"heal", "on"},
      {"readmit", "2,3"},
      {"krum-select", "2"},
      {"bulyan-variant", "detox"},
      {"tolerance", "1.25e-07"},
      {"reference-row", "1"},
      {"clip-radius", "2.5"},
      {"clip-rounds", "3"},
      {"clip-start", "last"},
      {"semantics", "byzfl"},
      {"weights", "samples"},
      {"weight-cap", "1.5"},
      {"placement", "fixed"},
      {"num-aggregate", "3"},
      {"placement-key", "schlüssel = 'geheim'"},
      {"vote", "bytes"},
      {"compress-grad", "zstd"},
      {"comm-type", "Async"},
      {"worker-fail", "6"},
      {"err-mode", "constant"},
      {"adversarial", "-0.1"},
      {"lis-simulation", "simulate"},
      {"alie-z", "auto"},
      {"alie-sign", "plus"},
      {"alie-ddof", "0"},
      {"attack-statistics", "off"},
      {"fail-schedule", "worst-case"},
      {"lie-rate", "0.25"},
      {"lie-when", "safe"},
      {"silent-rate", "0.125"},
      {"absent", "3:10-20,7:1-5"},
      {"batch-size", "33"},
      {"global-batch", "360"},
      {"lr", "0.30000000000000004"},
      {"momentum", "0.5"},
      {"weight-decay", "0.0005"},
      {"nesterov", "on"},
      {"lr-schedule", "cosine"},
      {"warmup-steps", "12"},
      {"lr-step-size", "7"},
      {"lr-gamma", "0.7"},
      {"max-steps", "18446744073709551615"},
      {"epochs", "3"},
      {"seed", "9007199254740993"},  // not a double
      {"engine", "local"},
      {"threads", "2"},
      {"learner", "other/learner.so"},
      {"compute-every-replica", "on"},
      {"step-timeout", "1.5"},
      {"start-timeout", "1e-05"},
      {"max-skipped", "5"},
      {"on-divergence", "continue"},
      {"eval-freq", "at the end"},
      {"keep-checkpoints", "4"},
      {"commit", "weights"},
      {"sign-key", "schlüssel.pem"},
      {"train-dir", "läufe/№ 1"},
      {"overwrite", "on"},
      {"resume", "auto"},
      {"checkpoint-step", "0"},
      {"numerics", "portable"},
      {"replay", "run \"of\" before"},
      {"allow-other-numerics", "on"},
      {"log-interval", "10"},
      {"tensorboard", "on"},
      {"no-evaluate", "on"}};
  return kOthers;
}

/// Options whose only value it is as long as its alternatives are not built.
inline bool has_one_value(const Option& option) { return option.choices.size() == 1; }

inline RunConfig all_changed() {
  RunConfig config;
  for (const auto& [name, text] : other_values()) set_option(find_option(name), text, config);
  return config;
}

}  // namespace detox
