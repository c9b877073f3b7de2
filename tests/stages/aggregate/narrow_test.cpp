// Rows of 16-bit floats: the bits of the same rows as floats, rounded once.
#include "kernels/narrow.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "detox/errors.hpp"
#include "detox/row_rule.hpp"
#include "kernels/every_target.hpp"
#include "stages/aggregate/pre_points.hpp"
#include "stages/aggregate/run_rule.hpp"
#include "support/allocations.hpp"

namespace detox {
namespace {

using test::Sample;
using NarrowBits = std::vector<std::uint16_t>;

constexpr NarrowType kTypes[] = {NarrowType::kBfloat16, NarrowType::kFloat16};
constexpr const char* kChains[] = {"none",     "nnm", "bucketing:s=2",
                                   "clipping", "arc", "clipping,nnm,arc"};

/// Of normal rows the last two are hostile: any bits. Others hold a subnormal number each.
Sample<std::uint16_t> narrow_sample(NarrowType type, std::size_t n, std::size_t d,
                                    std::uint64_t seed) {
  test::Random random(seed);
  Sample<std::uint16_t> sample;
  sample.values.assign(n, NarrowBits(d));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::uint16_t& bits : sample.values[i]) {
      bits = i + 2 < n ? narrowed(static_cast<float>(random.normal()), type)
                       : static_cast<std::uint16_t>(random.bits());
    }
    sample.values[i][random.below(d)] = 0x8003;
  }
  return sample;
}

Sample<float> wide(const Sample<std::uint16_t>& sample, NarrowType type) {
  Sample<float> floats;
  for (const NarrowBits& row : sample.values) {
    floats.values.emplace_back();
    for (const std::uint16_t bits : row) floats.values.back().push_back(widened(bits, type));
  }
  return floats;
}

NarrowBits narrow(const std::vector<float>& values, NarrowType type) {
  NarrowBits bits;
  for (const float value : values) bits.push_back(narrowed(value, type));
  return bits;
}

struct Asked {
  const RuleInfo& rule;
  RuleOptions options;
  std::vector<double> weights = {};
  std::size_t threads = 1;
};

template <class R, class T>
AggregationReport call(const Asked& asked, const R& rows, std::vector<T>& out) {
  ThreadPool pool(asked.threads);
  Workspace workspace;
  AggregationContext context{
      .pool = pool, .workspace = workspace, .step = 3, .weights = asked.weights};
  AggregationReport report;
  make_aggregator(asked.rule.name, asked.options)
      ->aggregate(rows, std::span(out), context, &report);
  return report;
}

void expect_the_bits_of_floats(const Asked& asked, Sample<std::uint16_t>& sample, NarrowType type) {
  SCOPED_TRACE(testing::Message() << asked.rule.name << " behind " << to_text(asked.options.pre)
                                  << ", type " << static_cast<int>(type) << ", semantics "
                                  << static_cast<int>(asked.options.semantics) << ", threads "
                                  << asked.threads);
  Sample<float> floats = wide(sample, type);
  const Rows<float> float_rows = floats.rows();
  std::vector<float> expected(float_rows.d);
  const AggregationReport of_floats = call(asked, float_rows, expected);
  NarrowBits found(float_rows.d);
  const AggregationReport report = call(asked, NarrowRows{sample.rows(), type}, found);
  EXPECT_EQ(found, narrow(expected, type));
  EXPECT_EQ(report.selected, of_floats.selected);
  EXPECT_EQ(report.scores, of_floats.scores);
  EXPECT_EQ(report.weights, of_floats.weights);
  EXPECT_EQ(report.rejected.size(), of_floats.rejected.size());
}

/// Of every rule that these options suit.
template <class Check>
void for_every_rule(std::size_t n, const char* chain, const Check& check) {
  for (const RuleInfo& rule : rules()) {
    for (const Semantics semantics : {Semantics::kPaper, Semantics::kByzfl, Semantics::kByzpy}) {
      if (semantics == Semantics::kByzfl && !rule.differs_in_byzfl) continue;
      if (semantics == Semantics::kByzpy && !rule.differs_in_byzpy) continue;
      RuleOptions options{.f = 2,
                          .clip_radius = 2,
                          .clip_rounds = 2,
                          .pre = parse_pre_steps(chain),
                          .semantics = semantics};
      if (!unmet_requirement(rule, options, n).empty()) options.f = 1;
      if (unmet_requirement(rule, options, n).empty()) check(Asked{rule, options});
    }
  }
}

TEST(Narrow, RowsGiveTheBitsOfTheSameFloatsRoundedOnce) {
  for (const NarrowType type : kTypes) {
    for (const auto& [n, d] : {std::pair{1UL, 3UL}, {12UL, 1UL}, {11UL, 777UL}, {13UL, 4097UL}}) {
      Sample<std::uint16_t> sample = narrow_sample(type, n, d, n + d);
      for (const char* chain : kChains) {
        for_every_rule(n, chain,
                       [&](const Asked& asked) { expect_the_bits_of_floats(asked, sample, type); });
      }
    }
  }
}

TEST(Narrow, RowsOfSeveralChunksGiveTheSameBitsOnAnyNumberOfThreads) {
  for (const NarrowType type : kTypes) {
    Sample<std::uint16_t> sample = narrow_sample(type, 15, 2 * 16384 + 5 * 1024 + 7, 4);
    for (const char* chain : {"none", "nnm", "arc"}) {
      for_every_rule(15, chain, [&](Asked asked) {
        asked.threads = 3;
        expect_the_bits_of_floats(asked, sample, type);
      });
    }
  }
}

TEST(Narrow, RowsOfAnyBitsGiveThoseOfTheSameFloats) {
  for (const NarrowType type : kTypes) {
    for (const std::size_t n : {7UL, 70UL}) {
      Sample<std::uint16_t> sample = narrow_sample(type, n, 301, 8);
      test::Random random(n);
      for (NarrowBits& row : sample.values) {
        for (std::uint16_t& bits : row) {
          if (random.below(n) == 0) bits = static_cast<std::uint16_t>(random.bits());
        }
      }
      for (const char* chain : {"none", "nnm", "clipping"})
        for_every_rule(n, chain,
                       [&](const Asked& asked) { expect_the_bits_of_floats(asked, sample, type); });
    }
  }
}

TEST(Narrow, RowsAreTheSameOnEveryInstructionSet) {
  Sample<std::uint16_t> sample = narrow_sample(NarrowType::kFloat16, 11, 5003, 9);
  test::on_every_target([&](const char*) {
    for_every_rule(11, "nnm", [&](const Asked& asked) {
      expect_the_bits_of_floats(asked, sample, NarrowType::kFloat16);
    });
  });
}

TEST(Narrow, RowsCanBeWeighed) {
  for (const NarrowType type : kTypes) {
    Sample<std::uint16_t> sample = narrow_sample(type, 12, 6001, 2);
    for (const RuleInfo& rule : rules()) {
      if (!rule.takes_weights) continue;
      std::vector<double> weights(12, 1.0);
      weights[3] = 1.7;
      weights[5] = 0;
      expect_the_bits_of_floats({rule, {.f = 2}, weights}, sample, type);
    }
  }
}

TEST(Narrow, StepsByThemselvesGivePointsRoundedOnce) {
  ThreadPool pool(2);
  Workspace workspace;
  AggregationContext context{.pool = pool, .workspace = workspace};
  for (const NarrowType type : kTypes) {
    for (const char* chain : kChains) {
      Sample<std::uint16_t> sample = narrow_sample(type, 12, 5001, 6);
      Sample<float> floats = wide(sample, type);
      const PrePoints steps(2, parse_pre_steps(chain));
      std::vector<float> expected(steps.points_after(12) * 5001);
      steps.apply(floats.rows(), expected, context);
      NarrowBits found(expected.size());
      steps.apply(NarrowRows{sample.rows(), type}, found, context);
      EXPECT_EQ(found, narrow(expected, type)) << chain;
    }
  }
}

TEST(Narrow, RowsAreNotCopiedAndNothingIsTakenFromTheHeapAfterTheFirstCall) {
  constexpr std::size_t kRows = 45, kColumns = 100'000;
  Sample<std::uint16_t> sample = narrow_sample(NarrowType::kBfloat16, kRows, kColumns, 3);
  ThreadPool pool(1);
  for (const char* chain : {"none", "nnm"}) {
    for (const RuleInfo& rule : rules()) {
      RuleOptions options{.f = 3, .pre = parse_pre_steps(chain)};
      if (!unmet_requirement(rule, options, kRows).empty() || rule.draws) continue;
      Workspace workspace;
      AggregationContext context{.pool = pool, .workspace = workspace};
      const auto made = make_aggregator(rule.name, options);
      const NarrowRows rows{sample.rows(), NarrowType::kBfloat16};
      NarrowBits out(kColumns);
      made->aggregate(rows, out, context);
      EXPECT_LT(workspace.allocated_bytes(), kRows * kColumns * sizeof(float) / 2) << rule.name;
      const std::size_t before = allocations().count;
      made->aggregate(rows, out, context);
      EXPECT_EQ(allocations().count, before) << rule.name << " behind " << chain;
    }
  }
}

class FirstRow final : public RowRule {
 public:
  FirstRow()
      : RowRule({.name = "first-row",
                 .requirement = "n >= 1",
                 .min_rows = [](std::size_t) { return std::size_t{1}; }},
                {}) {}

 private:
  void reduce_rows(const Rows<float>& rows, std::span<float> out, AggregationContext&,
                   AggregationReport*) const override {
    std::copy_n(rows.row[0], rows.d, out.begin());
  }
  void reduce_rows(const Rows<double>& rows, std::span<double> out, AggregationContext&,
                   AggregationReport*) const override {
    std::copy_n(rows.row[0], rows.d, out.begin());
  }
};

TEST(Narrow, RowsThatCannotBeAreRefused) {
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{.pool = pool, .workspace = workspace};
  Sample<std::uint16_t> sample = narrow_sample(NarrowType::kFloat16, 7, 10, 1);
  const NarrowRows rows{sample.rows(), NarrowType::kFloat16};
  NarrowBits out(10);
  const auto expect = [&](const Aggregator& rule, const NarrowRows& given,
                          std::span<std::uint16_t> to, const char* why) {
    try {
      rule.aggregate(given, to, context);
      ADD_FAILURE() << why;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  const auto median = make_aggregator("coord-median", {.f = 3});
  expect(FirstRow(), rows, out, "sees rows as they lie, and these are of 16 bits");
  expect(*median, rows, std::span(out).first(9), "out has 9 values");
  expect(*median, {{rows.bits.row.first(6), 10}, rows.type}, out, "needs n >= 2f + 1");
  expect(*median, {{{static_cast<const std::uint16_t* const*>(nullptr), 7}, 10}, rows.type}, out,
         "are null");
  expect(*median, {rows.bits, static_cast<NarrowType>(2)}, out,
         "type of 16-bit floats is 2; valid: kBfloat16, kFloat16");
}

}  // namespace
}  // namespace detox
