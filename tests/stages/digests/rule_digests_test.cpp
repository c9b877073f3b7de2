// Every rule on floats and doubles, with everything that it can be told.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/samples.hpp"
#include "stages/aggregate/rule_options.hpp"
#include "stages/aggregate/run_rule.hpp"
#include "stages/digests/recorded.hpp"

namespace detox {
namespace {

using test::Fold;
using test::Sample;

/// One way to call a rule.
struct Variant {
  std::string name;
  RuleOptions options = {};
  bool is_weighted = false, has_start = false;
};

/// Another valid value of each option that only some rules read.
const std::map<std::string_view, const char*> kOther = {
    {"krum-select", "2"},   {"bulyan-variant", "detox"}, {"tolerance", "0.01"},
    {"reference-row", "3"}, {"clip-radius", "0.5"},      {"clip-rounds", "3"}};

std::vector<Variant> variants(const RuleInfo& rule) {
  std::vector<Variant> all = {{.name = "alone"}};
  for (const PreInfo& step : pre_aggregators())
    all.push_back({.name = std::string(step.name),
                   .options = {.pre = {{.info = &step, .parameter = step.standard}}}});
  all.push_back({.name = "nnm,bucketing", .options = {.pre = parse_pre_steps("nnm,bucketing")}});
  if (rule.differs_in_byzfl)
    all.push_back({.name = "byzfl", .options = {.semantics = Semantics::kByzfl}});
  if (rule.differs_in_byzpy)
    all.push_back({.name = "byzpy", .options = {.semantics = Semantics::kByzpy}});
  for (const RuleOption& option : rule_options()) {
    if (!reads_option(rule, option.name, Semantics::kPaper) || !kOther.contains(option.name))
      continue;
    Variant& variant = all.emplace_back(Variant{.name = std::string(option.name)});
    set_rule_option(option.name, kOther.at(option.name), variant.options);
  }
  if (rule.takes_weights) {
    all.push_back({.name = "weights", .is_weighted = true});
    all.push_back({.name = "weights,nnm",
                   .options = {.pre = parse_pre_steps("nnm"), .weight_cap = 1.25},
                   .is_weighted = true});
  }
  if (rule.takes_start) all.push_back({.name = "start", .has_start = true});
  if (rule.is_sign_majority) all.push_back({.name = "signs", .options = {.rows_are_signs = true}});
  return all;
}

/// The greatest f that the rule bears here, by its paper; empty where there is none.
std::optional<std::size_t> greatest_f(const RuleInfo& rule, const Variant& variant, std::size_t n,
                                      const std::vector<double>& weights) {
  RuleOptions options = variant.options;
  options.semantics = Semantics::kPaper;
  for (options.f = rule.is_mean ? 0 : (n - 1) / 2;; --options.f) {
    const bool will_do = unmet_requirement(rule, options, n).empty() &&
                         (weights.empty() || unmet_weights(rule, options, weights, n).empty());
    if (will_do) return options.f;
    if (options.f == 0) return std::nullopt;
  }
}

void fold_report(const AggregationReport& report, Fold& fold) {
  fold << std::vector<std::uint64_t>(report.selected.begin(), report.selected.end());
  fold << report.scores << report.weights;
  for (const auto& [row, reason] : report.rejected) fold << row << std::string_view(reason);
}

template <class T>
void fold_call(const RuleInfo& rule, const Variant& variant, Sample<T>& sample, Fold& fold) {
  const Rows<T> rows = sample.rows();
  std::vector<double> weights;
  for (std::size_t i = 0; variant.is_weighted && i < rows.n(); ++i)
    weights.push_back(1 + static_cast<double>(i % 3));
  const std::optional<std::size_t> f = greatest_f(rule, variant, rows.n(), weights);
  if (!f) return;
  RuleOptions options = variant.options;
  options.f = *f;
  const std::vector<float> start(variant.has_start ? rows.d : 0, 0.125F);
  ThreadPool pool(1 + rows.n() % 2);
  Workspace workspace;
  AggregationContext context{.pool = pool,
                             .workspace = workspace,
                             .step = rows.d,
                             .key = key_from_seed(7),
                             .weights = weights,
                             .start = start};
  std::vector<T> out(rows.d);
  AggregationReport report;
  make_aggregator(rule.name, options)->aggregate(rows, out, context, &report);
  fold << out;
  fold_report(report, fold);
}

template <class T>
std::vector<Sample<T>> samples() {
  std::vector<Sample<T>> all;
  for (const std::size_t n : {1U, 7U, 11U, 18U}) {
    for (const std::size_t d : {1U, 17U, 150U}) {
      all.push_back(test::normal_sample<T>(n, d, n + d));
      all.push_back(test::tied_sample<T>(n, d, n + d));
      all.push_back(test::bits_sample<T>(n, d, n + d));
    }
  }
  // Two honest rows are not finite, one is huge: the others decide.
  all.push_back(test::normal_sample<T>(11, 300, 5));
  all.back().values[2] = test::bits_sample<T>(1, 300, 6).values[0];
  all.back().values[8][299] = std::numeric_limits<T>::quiet_NaN();
  for (T& value : all.back().values[5]) value *= T{1e30F};
  // Beyond what is compared in double alone.
  all.push_back(test::normal_sample<T>(11, 4500, 7));
  return all;
}

template <class T>
void add_rules(const char* type, test::Lines& lines) {
  std::vector<Sample<T>> inputs = samples<T>();
  for (const RuleInfo& rule : rules()) {
    for (const Variant& variant : variants(rule)) {
      lines.add(fmt::format("{} {} {}", rule.name, type, variant.name), [&](Fold& fold) {
        for (Sample<T>& sample : inputs) fold_call(rule, variant, sample, fold);
      });
    }
  }
}

TEST(DigestsOfRules, OfFloatsAreThoseThatX86Wrote) {
  test::expect_recorded("rules_float",
                        [](test::Lines& lines) { add_rules<float>("float", lines); });
}

TEST(DigestsOfRules, OfDoublesAreThoseThatX86Wrote) {
  test::expect_recorded("rules_double",
                        [](test::Lines& lines) { add_rules<double>("double", lines); });
}

}  // namespace
}  // namespace detox
