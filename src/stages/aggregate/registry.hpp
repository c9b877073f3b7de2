// One factory a rule; each rule's class is private to its file.
#pragma once

#include <memory>

#include "detox/aggregator.hpp"

namespace detox {

std::unique_ptr<Aggregator> make_bulyan(const RuleOptions& options);
std::unique_ptr<Aggregator> make_coord_median(const RuleOptions& options);
std::unique_ptr<Aggregator> make_geometric_median(const RuleOptions& options);
std::unique_ptr<Aggregator> make_krum(const RuleOptions& options);
std::unique_ptr<Aggregator> make_multi_krum(const RuleOptions& options);
std::unique_ptr<Aggregator> make_normal(const RuleOptions& options);
std::unique_ptr<Aggregator> make_sign_sgd(const RuleOptions& options);
std::unique_ptr<Aggregator> make_trimmed_mean(const RuleOptions& options);

}  // namespace detox
