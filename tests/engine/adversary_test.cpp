// What the colluders of a planned run send.
#include "engine/adversary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "config/options.hpp"
#include "engine/slice_computer.hpp"
#include "support/toy.hpp"

namespace detox {
namespace {

TEST(Adversary, HidesAmongTheRowsOfTheSmallestBucketWhereTheInnerRuleDefends) {
  RunConfig config;
  for (const auto& [name, text] : {std::pair{"workers", "45"},
                                   {"worker-fail", "5"},
                                   {"inner-mode", "multi-krum"},
                                   {"buckets", "2"},
                                   {"mode", "normal"},
                                   {"lis-simulation", "simulate"},
                                   {"alie-z", "auto"}})
    set_option(find_option(name), text, config);
  const Plan plan = make_plan(resolve(config, 0));

  // 15 slices that send 1 to 15: mean 8, deviation sqrt(20).
  const AnswerFormat format("none", 1, 0);
  std::vector<AnswerSlot> slots;
  for (std::size_t slice = 0; slice < plan.k; ++slice) {
    slots.push_back(format.make_slot());
    format.values(slots.back())[0] = static_cast<float>(slice + 1);
  }
  std::vector<const AnswerSlot*> honest;
  honest.reserve(slots.size());
  for (const AnswerSlot& slot : slots) honest.push_back(&slot);

  const Adversary adversary(plan.attack, key_from_seed(1));
  ThreadPool pool(1);
  AnswerSlot out = format.make_slot();
  const std::vector<std::uint32_t> owned = {3, 8};
  adversary.corrupt({1, owned, honest}, {.worker = 0, .slice = 3}, format, out, pool);
  // n = 7, m = 2: norm.ppf(0.6)
  EXPECT_NEAR(format.values(out)[0], 8 - 0.2533471031357997 * std::sqrt(20.0), 1e-6);
}

TEST(SliceComputer, FlipsLabelsForTheGradientAndNotForTheTally) {
  const ToyData data(6);
  SliceComputer computer(toy_learners()());
  const AnswerFormat format("none", 15, 1);
  const ModelState state = ToyLearner().initial_state(key_from_seed(1));
  std::vector<float> images(24);
  std::vector<std::int64_t> labels, flipped;
  for (std::size_t i = 0; i < 6; ++i) {
    data.read(i, 0, {}, std::span(images).subspan(4 * i, 4));
    labels.push_back(data.label(i));
    flipped.push_back(2 - data.label(i));
  }
  AnswerSlot honest = format.make_slot(), other = format.make_slot(), lie = format.make_slot();
  computer.compute({images, labels}, state.parameters, state.statistics, format, honest);
  computer.compute({images, flipped}, state.parameters, state.statistics, format, other);
  lie.tally = honest.tally;
  computer.compute_flipped({images, labels}, 3, state.parameters, state.statistics, format, lie);
  EXPECT_TRUE(std::ranges::equal(format.values(lie), format.values(other)));
  EXPECT_FALSE(std::ranges::equal(format.values(lie), format.values(honest)));
  EXPECT_EQ(lie.tally.loss_sum, honest.tally.loss_sum);
  EXPECT_EQ(lie.tally.correct, honest.tally.correct);
}

}  // namespace
}  // namespace detox
