#include "stages/aggregate/registry.hpp"

#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

std::size_t one(std::size_t) { return 1; }
std::size_t majority(std::size_t f) { return 2 * f + 1; }
std::size_t krum_rows(std::size_t f) { return 2 * f + 3; }
std::size_t bulyan_rows(std::size_t f) { return 4 * f + 3; }

constexpr std::string_view kMajority = "n >= 2f + 1";
constexpr std::string_view kKrum = "n >= 2f + 3";

constexpr std::array<RuleInfo, 8> kRules = {{
    {"bulyan", "", "n >= 4f + 3", bulyan_rows,
     "El Mhamdi, Guerraoui, Rouault: The Hidden Vulnerability of Distributed Learning in "
     "Byzantium. ICML 2018",
     make_bulyan},
    {"coord-median", "median", kMajority, majority,
     "Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning. ICML 2018",
     make_coord_median},
    {"geometric-median", "", kMajority, majority,
     "Pillutla, Kakade, Harchaoui: Robust Aggregation for Federated Learning. arXiv 1912.13445, "
     "2019",
     make_geometric_median},
    {"krum", "", kKrum, krum_rows,
     "Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries. NeurIPS 2017",
     make_krum},
    {"multi-krum", "", kKrum, krum_rows,
     "Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries. NeurIPS 2017",
     make_multi_krum},
    {"normal", "mean", "n >= 1", one, "none: the mean, which one row can move anywhere",
     make_normal},
    {"signSGD", "sign-sgd", kMajority, majority,
     "Bernstein, Zhao, Azizzadenesheli, Anandkumar: signSGD with Majority Vote. ICLR 2019",
     make_sign_sgd},
    {"trimmed-mean", "", kMajority, majority,
     "Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning. ICML 2018",
     make_trimmed_mean},
}};

}  // namespace

std::span<const RuleInfo> rules() { return kRules; }

const RuleInfo& find_rule(std::string_view name) { return find_by_name("rule", name, rules()); }

std::unique_ptr<Aggregator> make_aggregator(std::string_view name, const RuleOptions& options) {
  const RuleInfo& info = find_rule(name);
  std::unique_ptr<Aggregator> rule = info.make(options);
  rule->info_ = &info;
  return rule;
}

}  // namespace detox
