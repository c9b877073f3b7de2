// No choice of f rows moves a rule farther from the honest mean than docs/rules.md says; what has
// no bound can be moved.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>
#include <string>

#include "stages/aggregate/hostile_rows.hpp"
#include "stages/aggregate/run_rule.hpp"

namespace detox {
namespace test {

// NOLINTNEXTLINE(readability-identifier-naming): googletest calls it so.
static void PrintTo(const Resilience& line, std::ostream* out) {
  *out << line.rule << ' ' << line.form;
}

}  // namespace test
namespace {

using test::HonestRows;
using test::Matrix;
using test::Resilience;
using test::Row;

/// Calls one rule with f hostile rows before the honest ones, where ties are theirs.
template <class T>
class AttackedRule {
 public:
  AttackedRule(std::string_view rule, const RuleOptions& options)
      : rule_(make_aggregator(rule, options)), pool_(1) {}

  Row result(const Matrix& hostile, const Matrix& honest) {
    sample_.values.clear();
    for (const Row& row : hostile) sample_.values.emplace_back(row.begin(), row.end());
    for (const Row& row : honest) sample_.values.emplace_back(row.begin(), row.end());
    const Rows<T> rows = sample_.rows();
    std::vector<T> out(rows.d);
    AggregationContext context{pool_, workspace_};
    rule_->aggregate(rows, out, context);
    return {out.begin(), out.end()};
  }

  /// Of the result from the honest mean; infinity where it is not finite.
  double distance(const Matrix& hostile, const HonestRows& honest) {
    const Row out = result(hostile, honest.rows);
    double sum = 0;
    for (std::size_t c = 0; c < out.size(); ++c) sum += std::pow(out[c] - honest.mean[c], 2);
    return std::isnan(sum) ? std::numeric_limits<double>::infinity() : std::sqrt(sum);
  }

 private:
  std::unique_ptr<Aggregator> rule_;
  ThreadPool pool_;
  Workspace workspace_;
  test::Sample<T> sample_;
};

/// Distances that a rule compares may have a relative error of 2e-6, and results are rounded.
template <class T>
double with_rounding(double bound, const HonestRows& honest) {
  return bound * (1 + 1e-5) + 8 * std::numeric_limits<T>::epsilon() * honest.greatest_norm;
}

struct Case {
  std::string_view rule;
  RuleOptions options;
  std::size_t n;
  std::size_t climbs;
};

/// The part of the bound (a distance) that the worst rows reach; above 1 they break it.
template <class T>
double part_reached(const Case& at, const HonestRows& honest, double bound) {
  AttackedRule<T> attacked(at.rule, at.options);
  const double most = with_rounding<T>(bound, honest);
  const auto harm = [&](const Matrix& rows) { return attacked.distance(rows, honest) / most; };
  const auto found = test::search_hostile_rows(honest, at.options.f, harm, at.climbs, 7);
  EXPECT_LE(found.harm, 1) << "from: " << found.start << ", first row "
                           << testing::PrintToString(found.rows[0]);
  return honest.variance > 0 ? found.harm : 0;
}

using BoundOf = std::function<double(const Case&, const HonestRows&)>;

/// The same for all kinds of honest rows of 1 and 5 coordinates.
template <class T>
double part_reached_of_all(const Case& at, const BoundOf& bound) {
  double reached = 0;
  for (const std::size_t d : {1UL, 5UL}) {
    for (const auto& set : test::honest_sets(at.n - at.options.f, d, at.n)) {
      SCOPED_TRACE(testing::Message() << at.rule << ", n = " << at.n << ", f = " << at.options.f
                                      << ", d = " << d << ", honest rows " << set.name);
      Matrix rows = set.rows;
      for (Row& row : rows) {
        for (double& value : row) value = static_cast<T>(value);
      }
      const HonestRows honest(rows);
      reached = std::max(reached, part_reached<T>(at, honest, bound(at, honest)));
      if (testing::Test::HasFailure()) return reached;
    }
  }
  return reached;
}

/// At the requirement and above it, with f hostile rows each.
std::vector<Case> cases(const Resilience& line, std::size_t climbs,
                        std::initializer_list<std::size_t> hostile,
                        std::initializer_list<std::size_t> more) {
  const bool detox = line.form == "--bulyan-variant detox";
  std::vector<Case> all;
  for (const std::size_t f : hostile) {
    const RuleOptions options{
        .f = f,
        .bulyan_variant = detox ? BulyanVariant::kDetox : BulyanVariant::kPaper,
        .reference_row = f};  // the first honest one
    for (const std::size_t rows : more)
      all.push_back({line.rule, options, find_rule(line.rule).min_rows(f) + rows, climbs});
  }
  return all;
}

class ResilienceOf : public testing::TestWithParam<Resilience> {};

double kappa_bound(const Case& at, const HonestRows& honest) {
  const auto line = std::ranges::find_if(test::resilience_table(), [&](const Resilience& entry) {
    const bool detox = at.options.bulyan_variant == BulyanVariant::kDetox;
    return entry.rule == at.rule && detox == !entry.form.empty();
  });
  double kappa = line->kappa(at.n, at.options.f);
  if (!at.options.pre.empty()) kappa = test::kappa_behind_nnm(kappa, at.n, at.options.f);
  return std::sqrt(kappa * honest.variance);
}

TEST_P(ResilienceOf, NoRowsMoveTheResultBeyondTheBound) {
  double reached = 0;
  std::vector<Case> all = cases(GetParam(), 60, {1, 2, 4}, {0, 1});
  for (const Case& at : cases(GetParam(), 60, {1, 2}, {5})) all.push_back(at);
  for (const Case& at : all)
    reached = std::max(reached, part_reached_of_all<double>(at, kappa_bound));
  EXPECT_GE(reached, GetParam().reached);
  RecordProperty("part_of_the_bound_reached", std::to_string(reached));
}

TEST_P(ResilienceOf, NoRowsOfFloatsMoveTheResultBeyondTheBound) {
  for (const Case& at : cases(GetParam(), 0, {1, 3}, {0, 6}))
    part_reached_of_all<float>(at, kappa_bound);
}

TEST_P(ResilienceOf, NoRowsMoveTheResultBeyondTheBoundBehindNnm) {
  for (Case at : cases(GetParam(), 20, {1, 3}, {0, 4})) {
    at.options.pre = parse_pre_steps("nnm");
    part_reached_of_all<double>(at, kappa_bound);
  }
}

std::vector<Resilience> rules_with_kappa() {
  std::vector<Resilience> lines;
  for (const Resilience& line : test::resilience_table()) {
    if (line.kappa != nullptr) lines.push_back(line);
  }
  return lines;
}

INSTANTIATE_TEST_SUITE_P(Rules, ResilienceOf, testing::ValuesIn(rules_with_kappa()),
                         [](const auto& tested) {
                           std::string name(tested.param.rule);
                           if (!tested.param.form.empty()) name += "_detox";
                           std::erase(name, '-');
                           return name;
                         });

const Resilience& line_of(std::string_view rule) {
  return *std::ranges::find(test::resilience_table(), rule, &Resilience::rule);
}

TEST(Resilience, OfMultiKrumHoldsForAnyNumberOfRowsTaken) {
  for (Case at : cases(line_of("multi-krum"), 40, {1, 3}, {0, 3})) {
    for (const std::size_t m : {std::size_t{1}, at.n - 2 * at.options.f, at.n - at.options.f}) {
      at.options.krum_select = m;
      part_reached_of_all<double>(at, [m](const Case& its, const HonestRows& honest) {
        return std::sqrt(test::multi_krum_kappa(its.n, its.options.f, m) * honest.variance);
      });
    }
  }
}

TEST(Resilience, OfCgeIsByTheLongestHonestRow) {
  double reached = 0;
  for (const Case& at : cases(line_of("cge"), 80, {1, 2, 4}, {0, 1, 4})) {
    reached = std::max(
        reached, part_reached_of_all<double>(at, [](const Case& its, const HonestRows& honest) {
          return line_of("cge").distance(honest, its.options);
        }));
  }
  EXPECT_GE(reached, line_of("cge").reached);
}

TEST(Resilience, OfCenteredClippingIsByTheRadius) {
  for (const std::size_t rounds : {1UL, 3UL}) {
    double reached = 0;
    for (Case at : cases(line_of("centered-clipping"), 60, {1, 3}, {0, 3})) {
      at.options.clip_rounds = rounds;
      for (const auto& set : test::honest_sets(at.n - at.options.f, 3, 2)) {
        SCOPED_TRACE(set.name);
        const HonestRows honest(set.rows);
        at.options.clip_radius = 2 * honest.greatest_norm;
        const double bound = line_of("centered-clipping").distance(honest, at.options);
        reached = std::max(reached, part_reached<double>(at, honest, bound));
      }
    }
    EXPECT_GE(reached, rounds == 1 ? line_of("centered-clipping").reached : 0.5);
  }
}

TEST(Resilience, IsBrokenByTheSearchWhereThereIsNone) {
  // What is asked of every rule above, of the mean.
  const HonestRows honest(test::honest_sets(5, 3, 1)[0].rows);
  AttackedRule<double> mean("normal", {.f = 1});
  const double bound = std::sqrt(line_of("geometric-median").kappa(6, 1) * honest.variance);
  const auto harm = [&](const Matrix& rows) { return mean.distance(rows, honest); };
  EXPECT_GT(test::search_hostile_rows(honest, 1, harm, 0, 1).harm, 1e6 * bound);
}

/// Honest rows all on one point, and hostile ones: where a kappa held the result would be there.
double moved_from_one_point(std::string_view rule, RuleOptions options, double honest,
                            double hostile) {
  options.f = 2;
  AttackedRule<double> attacked(rule, options);
  return attacked.distance(Matrix(2, Row{hostile}), HonestRows(Matrix(7, Row{honest})));
}

TEST(Resilience, IsMissingWhereTheDocumentSaysSo) {
  for (const double far : {1e3, 1e9}) {
    EXPECT_GT(moved_from_one_point("normal", {}, 1, far), far / 10);
    // A hostile row is trusted.
    EXPECT_GT(moved_from_one_point("monna", {.reference_row = 0}, 1, far), far / 10);
    EXPECT_LT(moved_from_one_point("monna", {.reference_row = 2}, 1, far), 1e-12);
    // Shorter than the honest rows, and the other way.
    EXPECT_GT(moved_from_one_point("cge", {}, far, -0.99 * far), far / 10);
    // These have a size of their own.
    EXPECT_GT(moved_from_one_point("signSGD", {}, far, 0), far / 10);
    EXPECT_GT(moved_from_one_point("centered-clipping", {}, 10 * far, 0), far / 10);
  }
}

TEST(Resilience, OfDncIsMissingBecauseALargerRowHidesAnother) {
  const HonestRows honest(Matrix(7, Row{1, 1}));
  for (const double far : {1e3, 1e5}) {
    double moved = 0;
    for (const double sign : {1.0, -1.0}) {
      AttackedRule<double> dnc("dnc", {.f = 2});
      moved = std::max(moved, dnc.distance({{1e30, 1}, {1, sign * far}}, honest));
    }
    EXPECT_GT(moved, far / 10);
  }
}

TEST(Resilience, OfSignSgdIsTheSignThatMoreThanHalfOfAllRowsAgreeOn) {
  for (const std::size_t f : {1UL, 3UL}) {
    for (const std::size_t n : {2 * f + 1, 2 * f + 4}) {
      AttackedRule<double> votes("signSGD", {.f = f});
      for (std::size_t agree = 0; agree <= n - f; ++agree) {
        Matrix rows(n - f, Row{-0.5});
        for (std::size_t i = 0; i < agree; ++i) rows[i] = {1e-30};
        const HonestRows honest(rows);
        bool is_flipped = false;
        for (const auto& set : test::hostile_sets(honest, f, n))
          is_flipped |= votes.result(set.rows, rows)[0] != 1;
        EXPECT_EQ(is_flipped, 2 * agree <= n) << n << " " << f << " " << agree;
      }
    }
  }
}

}  // namespace
}  // namespace detox
