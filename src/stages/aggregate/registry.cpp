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

constexpr std::array<RuleInfo, 19> kRules = {{
    {"aksel", "", kMajority, majority, false,
     "Boussetta, El Mhamdi, Guerraoui, Maurer, Rouault: AKSEL: Fast Byzantine SGD. OPODIS 2020",
     make_aksel},
    {"bulyan", "", "n >= 4f + 3", bulyan_rows, false,
     "El Mhamdi, Guerraoui, Rouault: The Hidden Vulnerability of Distributed Learning in "
     "Byzantium. ICML 2018",
     make_bulyan},
    {"caf", "", kMajority, majority, false,
     "Allouah, Guerraoui, Stephan: Towards Trustworthy Federated Learning with Untrusted "
     "Participants. ICML 2025",
     make_caf},
    {"centered-clipping", "", kMajority, majority, false,
     "Karimireddy, He, Jaggi: Learning from History for Byzantine Robust Optimization. ICML 2021",
     make_centered_clipping, true},
    {"cge", "", kMajority, majority, false,
     "Gupta, Liu, Vaidya: Byzantine Fault-Tolerant Distributed Machine Learning Using SGD and "
     "Norm-Based Comparative Gradient Elimination. arXiv 2008.04699, 2020",
     make_cge},
    {"coord-median", "median", kMajority, majority, false,
     "Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning. ICML 2018",
     make_coord_median, true, false, true},
    {"dnc", "", kMajority, majority, false,
     "Shejwalkar, Houmansadr: Manipulating the Byzantine: Optimizing Model Poisoning Attacks and "
     "Defenses for Federated Learning. NDSS 2021",
     make_dnc, false, true},
    {"faba", "", kMajority, majority, false,
     "Xia, Tao, Hao, Li: FABA: An Algorithm for Fast Aggregation against Byzantine Attacks in "
     "Distributed Neural Networks. IJCAI 2019",
     make_faba},
    {"geometric-median", "", kMajority, majority, false,
     "Pillutla, Kakade, Harchaoui: Robust Aggregation for Federated Learning. arXiv 1912.13445, "
     "2019",
     make_geometric_median, true},
    {"krum", "", kKrum, krum_rows, false,
     "Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries. NeurIPS 2017",
     make_krum},
    {"mda", "", kMajority, majority, true,
     "El Mhamdi, Guerraoui, Rouault: The Hidden Vulnerability of Distributed Learning in "
     "Byzantium (Brute). ICML 2018",
     make_mda},
    {"meamed", "", kMajority, majority, false,
     "Xie, Koyejo, Gupta: Generalized Byzantine-Tolerant SGD. arXiv 1802.10116, 2018", make_meamed,
     false, false, true},
    {"monna", "", kMajority, majority, false,
     "Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan: Robust Collaborative Learning with "
     "Linear Gradient Overhead. ICML 2023",
     make_monna},
    {"multi-krum", "", kKrum, krum_rows, false,
     "Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries. NeurIPS 2017",
     make_multi_krum},
    {"normal", "mean", "n >= 1", one, false, "none: the mean, which one row can move anywhere",
     make_normal, true, false, true},
    {"phocas", "", kMajority, majority, false,
     "Xie, Koyejo, Gupta: Phocas: Dimensional Byzantine-Resilient Stochastic Gradient Descent. "
     "arXiv 1805.09682, 2018",
     make_phocas, false, false, true},
    {"signSGD", "sign-sgd", kMajority, majority, false,
     "Bernstein, Zhao, Azizzadenesheli, Anandkumar: signSGD with Majority Vote. ICLR 2019",
     make_sign_sgd},
    {"smea", "", kMajority, majority, true,
     "Allouah, Guerraoui, Hoang, Stephan: On the Privacy-Robustness-Utility Trilemma in "
     "Distributed "
     "Learning. ICML 2023",
     make_smea},
    {"trimmed-mean", "", kMajority, majority, false,
     "Yin, Chen, Ramchandran, Bartlett: Byzantine-Robust Distributed Learning. ICML 2018",
     make_trimmed_mean, true, false, true},
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
