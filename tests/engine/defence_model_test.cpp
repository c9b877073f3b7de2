// What simulated attackers know of the defence, and how they come to know it.
#include "engine/defence_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "config/options.hpp"
#include "config/plan.hpp"
#include "engine/worker_settings.hpp"

namespace detox {
namespace {

using Options = std::map<std::string, std::string>;
using Values = std::vector<float>;

Plan plan_of(const Options& options) {
  RunConfig config;
  for (const auto& [name, text] : options) set_option(find_option(name), text, config);
  return make_plan(resolve(config, 0));
}

std::vector<Values> normal_rows(std::size_t n, std::size_t d) {
  std::vector<Values> rows(n, Values(d));
  RandomStream stream(key_from_seed(3));
  for (Values& row : rows) stream.fill_normal(row);
  return rows;
}

std::vector<const float*> pointers_to(const std::vector<Values>& rows) {
  std::vector<const float*> pointers(rows.size());
  std::ranges::transform(rows, pointers.begin(), [](const Values& row) { return row.data(); });
  return pointers;
}

/// What the model makes of the rows in step 7; empty where it refuses them.
Values modelled(const Plan& plan, const std::vector<Values>& rows, const Key& key = {}) {
  const DefenceModel model(plan.hierarchy, key);
  const std::size_t d = rows[0].size();
  const AnswerFormat format(plan.sign_codec ? "sign" : "none", d, 0);
  ThreadPool pool(2);
  Workspace workspace;
  const std::vector<const float*> pointers = pointers_to(rows);
  const KnownDefence known = model.at(7, format, pool, workspace);
  EXPECT_EQ(known.d, d);
  Values out(d);
  return known.aggregate({pointers, d}, out) ? out : Values();
}

TEST(DefenceModel, IsTheRuleWithItsStepsBefore) {
  const auto rows = normal_rows(15, 100);
  const Plan plan =
      plan_of({{"workers", "45"}, {"worker-fail", "5"}, {"mode", "krum"}, {"pre", "nnm"}});
  RuleOptions options;
  options.f = 2;
  options.pre = parse_pre_steps("nnm");
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  const std::vector<const float*> pointers = pointers_to(rows);
  Values expected(100);
  make_aggregator("krum", options)->aggregate(Rows<float>{pointers, 100}, expected, context);
  EXPECT_EQ(modelled(plan, rows), expected);
}

TEST(DefenceModel, DrawsBucketsOfItsOwn) {
  const auto rows = normal_rows(15, 10);
  const Plan plan = plan_of({{"workers", "45"}, {"worker-fail", "2"}, {"buckets", "5"}});
  EXPECT_EQ(modelled(plan, rows, key_from_seed(1)), modelled(plan, rows, key_from_seed(1)));
  EXPECT_NE(modelled(plan, rows, key_from_seed(1)), modelled(plan, rows, key_from_seed(2)));
}

TEST(DefenceModel, SeesSignsWhereSignsTravel) {
  const auto rows = normal_rows(5, 77);
  const Values out = modelled(plan_of({{"workers", "15"}, {"mode", "signSGD"}}), rows);
  ASSERT_EQ(out.size(), 77U);
  for (std::size_t c = 0; c < 77; ++c) {
    const auto positive =
        std::ranges::count_if(rows, [&](const Values& row) { return row[c] > 0; });
    EXPECT_EQ(out[c], positive >= 3 ? 1.0F : -1.0F) << c;
  }
}

TEST(DefenceModel, RefusesTooFewRowsAndSurvivesThoseThatAreNotFinite) {
  const Plan krum = plan_of({{"workers", "45"}, {"worker-fail", "5"}, {"mode", "krum"}});
  EXPECT_TRUE(modelled(krum, normal_rows(6, 10)).empty());  // n >= 2f + 3
  auto rows = normal_rows(15, 10);
  rows[3].assign(10, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(modelled(krum, rows).size(), 10U);
}

/// What a worker is told, and what it reads.
WorkerSettings through_json(const AttackPlan& attack) {
  WorkerSettings settings;
  settings.ranks = {1};
  settings.slices = settings.seats = settings.samples_per_step = 1;
  settings.attack = attack;
  const auto read = settings_from_json(to_json(settings));
  EXPECT_TRUE(read.has_value());
  return read.value_or(WorkerSettings());
}

TEST(WorkerSettings, CarryTheDefenceToWorkersWhoseAttackProbesItAndToNobodyElse) {
  EXPECT_FALSE(through_json(plan_of({{"worker-fail", "1"}}).attack).attack.defence.has_value());
  const Plan plan = plan_of({{"workers", "126"},
                             {"worker-fail", "2"},
                             {"err-mode", "alie_opt"},
                             {"mode", "multi-krum"},
                             {"inner-mode", "bulyan"},
                             {"buckets", "6"},
                             {"pre", "bucketing:s=2,clipping:c=0.1"},
                             {"krum-select", "1"},
                             {"bulyan-variant", "detox"},
                             {"tolerance", "1e-3"},
                             {"reference-row", "1"},
                             {"clip-radius", "0.1"},
                             {"clip-rounds", "3"}});
  const auto given = through_json(plan.attack).attack.defence;
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(given->inner_rule->name, "bulyan");
  EXPECT_EQ(given->outer_rule->name, "multi-krum");
  EXPECT_EQ(given->buckets, 6U);
  EXPECT_EQ(given->f_eff, 1U);
  EXPECT_EQ(to_text(given->rule.pre), to_text(plan.hierarchy.rule.pre));
  EXPECT_EQ(given->rule.krum_select, 1U);
  EXPECT_EQ(given->rule.bulyan_variant, BulyanVariant::kDetox);
  EXPECT_EQ(given->rule.tolerance, 1e-3);
  EXPECT_EQ(given->rule.reference_row, 1U);
  EXPECT_EQ(given->rule.clip_radius, 0.1);
  EXPECT_EQ(given->rule.clip_rounds, 3U);
  EXPECT_FALSE(given->rule.rows_are_signs);
  const Plan signs = plan_of({{"worker-fail", "1"}, {"err-mode", "ipm_opt"}, {"mode", "signSGD"}});
  EXPECT_TRUE(through_json(signs.attack).attack.defence->rule.rows_are_signs);
}

}  // namespace
}  // namespace detox
