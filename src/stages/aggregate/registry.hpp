// What each rule's file offers to the registry (rules.def); its class is private to it.
#pragma once

#include <memory>
#include <string>

#include "detox/aggregator.hpp"

namespace detox {

/// Of every rule a factory, and of those whose line names it a check of the options against n
/// points (RuleInfo::unmet).
#define RULE(ID, ...)                                                \
  std::unique_ptr<Aggregator> make_##ID(const RuleOptions& options); \
  std::string unmet_##ID(const RuleOptions& options, std::size_t points);
#include "stages/aggregate/rules.def"
#undef RULE

}  // namespace detox
