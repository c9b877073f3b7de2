// One factory a rule; each rule's class is private to its file.
#pragma once

#include <memory>

#include "detox/aggregator.hpp"

namespace detox {

std::unique_ptr<Aggregator> make_aksel(const RuleOptions& options);
std::unique_ptr<Aggregator> make_bulyan(const RuleOptions& options);
std::unique_ptr<Aggregator> make_caf(const RuleOptions& options);
std::unique_ptr<Aggregator> make_centered_clipping(const RuleOptions& options);
std::unique_ptr<Aggregator> make_cge(const RuleOptions& options);
std::unique_ptr<Aggregator> make_coord_median(const RuleOptions& options);
std::unique_ptr<Aggregator> make_dnc(const RuleOptions& options);
std::unique_ptr<Aggregator> make_faba(const RuleOptions& options);
std::unique_ptr<Aggregator> make_geometric_median(const RuleOptions& options);
std::unique_ptr<Aggregator> make_krum(const RuleOptions& options);
std::unique_ptr<Aggregator> make_mda(const RuleOptions& options);
std::unique_ptr<Aggregator> make_meamed(const RuleOptions& options);
std::unique_ptr<Aggregator> make_monna(const RuleOptions& options);
std::unique_ptr<Aggregator> make_multi_krum(const RuleOptions& options);
std::unique_ptr<Aggregator> make_normal(const RuleOptions& options);
std::unique_ptr<Aggregator> make_phocas(const RuleOptions& options);
std::unique_ptr<Aggregator> make_sign_sgd(const RuleOptions& options);
std::unique_ptr<Aggregator> make_smea(const RuleOptions& options);
std::unique_ptr<Aggregator> make_trimmed_mean(const RuleOptions& options);

}  // namespace detox
