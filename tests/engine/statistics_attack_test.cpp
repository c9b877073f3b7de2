// Attackers who answer with the honest gradient and lie about batch-norm statistics alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <list>

#include "support/altered_votes.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kSteps = 25;
constexpr std::size_t kStatisticAt = 15 * sizeof(float);  // behind the toy's 15 parameters

float statistic_in(std::span<const std::byte> answer) {
  float value = 0;
  std::memcpy(&value, answer.data() + kStatisticAt, sizeof value);
  return value;
}

/// The first workers of the first two slices collude: they own both majorities.
bool lies(std::uint32_t worker) { return worker < 5 && worker != 2; }

class StatisticsLiars final : public Fleet {
 public:
  StatisticsLiars(Fleet& fleet, float lie, std::vector<std::vector<float>>& honest)
      : fleet_(fleet), lie_(lie), honest_(honest) {}

  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                       StepVotes& votes) override {
    honest_.emplace_back();
    AlteredVotes altered(votes, [&](const IncomingAnswer& answer) {
      honest_.back().push_back(statistic_in(answer.bytes));
      if (!lies(answer.worker)) return votes.count(answer);
      std::vector<std::byte> lie(answer.bytes.begin(), answer.bytes.end());
      std::memcpy(lie.data() + kStatisticAt, &lie_, sizeof lie_);
      lies_.push_back(std::move(lie));
      votes.count({answer.round, answer.worker, answer.slice, lies_.back()});
    });
    return fleet_.run_step(order, time_limit, altered);
  }

 private:
  Fleet& fleet_;
  float lie_;
  std::vector<std::vector<float>>& honest_;
  std::list<std::vector<std::byte>> lies_;
};

class StatisticsAttack : public testing::TestWithParam<float> {
 protected:
  std::map<std::string, std::string> options = {
      {"workers", "15"},    {"placement", "fixed"}, {"batch-size", "6"},
      {"assume-fail", "4"}, {"eval-freq", "1"},     {"max-steps", std::to_string(kSteps)}};
  MemoryDirectory directory;
};

TEST_P(StatisticsAttack, CannotShiftThemBeyondTheHonestRangeNorTouchTheWeights) {
  std::vector<std::vector<float>> honest;
  ToyRun attacked(directory / "attacked", options);
  attacked.wrap = [&](Fleet& fleet) {
    return std::make_unique<StatisticsLiars>(fleet, GetParam(), honest);
  };
  attacked.over_local_engine();
  ToyRun peaceful(directory / "peaceful", options);
  peaceful.over_local_engine();

  const ModelLayout layout = ToyLearner().layout();
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    const std::string name = "model_step_" + std::to_string(step);
    const ModelState model = load_model(directory / "attacked" / name, layout);
    const auto [least, largest] =
        std::minmax_element(honest[step - 1].begin(), honest[step - 1].end());
    EXPECT_GE(model.statistics[0], *least) << step;
    EXPECT_LE(model.statistics[0], *largest) << step;
    EXPECT_EQ(model.parameters, load_model(directory / "peaceful" / name, layout).parameters);
  }
  // An honest member is outvoted where the liars own the majority, a liar nowhere.
  for (const auto& line : attacked.journal("ledger.jsonl")) EXPECT_EQ(line["kind"], "outvoted");
}

INSTANTIATE_TEST_SUITE_P(Lies, StatisticsAttack,
                         testing::Values(1e30F, -1e30F, std::numeric_limits<float>::quiet_NaN(),
                                         -std::numeric_limits<float>::infinity()));

}  // namespace
}  // namespace detox
