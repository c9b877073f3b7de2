// What the C interface sends is what the attackers of a run with the same seed send, byte for byte.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "config/options.hpp"
#include "config/plan.hpp"
#include "detox/detox.h"
#include "engine/adversary.hpp"
#include "engine/keys.hpp"

namespace detox {
namespace {

constexpr std::size_t kColumns = 2500;

/// An attack as users of `train` and of C ask for it.
struct Asked {
  const char* attack;
  std::vector<std::pair<const char*, const char*>> train = {};
  const char* c = "";
};

/// What the attackers of a run know: 15 slices, of which they own some.
struct Known {
  explicit Known(const Asked& asked) {
    for (const auto& [name, text] : {std::pair{"workers", "15"},
                                     {"group-size", "1"},
                                     {"worker-fail", "3"},
                                     {"seed", "77"},
                                     {"mode", "multi-krum"},
                                     {"err-mode", asked.attack}})
      set_option(find_option(name), text, config);
    for (const auto& [name, text] : asked.train) set_option(find_option(name), text, config);
    config = resolve(config, 0);
    plan = make_plan(config);
    RandomStream stream(derive_key(key_from_seed(1), "honest"));
    for (std::size_t slice = 0; slice < plan.k; ++slice) {
      slots.push_back(format.make_slot());
      stream.fill_normal(format.values(slots.back()));
    }
    for (const AnswerSlot& slot : slots) {
      honest.push_back(&slot);
      rows.push_back(format.values(slot).data());
    }
  }

  RunConfig config;
  Plan plan;
  AnswerFormat format{"none", kColumns, 0};
  std::vector<AnswerSlot> slots;
  std::vector<const AnswerSlot*> honest;
  std::vector<const void*> rows;
};

/// What the liar of each owned slice sends in the engine.
std::vector<float> of_engine(const Known& run, std::uint64_t step,
                             const std::vector<std::uint32_t>& owned) {
  const Adversary adversary(run.plan.attack, run_keys(run.config).attack);
  // Each slice has one worker, of the same number.
  Assignment assignment;
  for (std::uint32_t slice = 0; slice < run.plan.k; ++slice)
    assignment.workers_of_slice.push_back({slice});
  const std::unique_ptr<Attack> attack =
      find_attack(run.plan.attack.attack).make(run.plan.attack.options);
  ThreadPool pool(2);
  std::vector<float> sent;
  for (const std::uint32_t slice : owned) {
    AttackInput input;
    input.step = step;
    input.slice = slice;
    input.worker = attack->colludes() ? 0 : slice;
    input.key = run_keys(run.config).attack;
    AnswerSlot out = run.format.make_slot();
    const AnswerSlot* answer = run.honest[slice];
    if (attack->strikes(input)) {
      adversary.corrupt({step, owned, run.honest}, {.worker = slice, .slice = slice}, run.format,
                        out, pool);
      answer = &out;
    }
    const std::span<const float> values = run.format.values(*answer);
    sent.insert(sent.end(), values.begin(), values.end());
  }
  return sent;
}

std::vector<float> of_c(const Known& run, const Asked& asked, std::uint64_t step,
                        const std::vector<std::uint32_t>& owned) {
  detox_attack* attack =
      detox_create_attack(asked.attack, (std::string("seed=77 ") + asked.c).c_str(), 1);
  EXPECT_NE(attack, nullptr) << detox_error();
  detox_aggregator* defence =
      detox_create("multi-krum", ("f=" + std::to_string(run.plan.f_eff)).c_str(), 1);
  const std::size_t sent = detox_attack_rows(attack, owned.size());
  std::vector<float> out(sent * kColumns);
  const detox_attack_call call{.size = sizeof(detox_attack_call),
                               .type = DETOX_FLOAT32,
                               .honest = run.rows.data(),
                               .h = run.rows.size(),
                               .d = kColumns,
                               .m = owned.size(),
                               .owned = owned.data(),
                               .n = 0,
                               .step = step,
                               .defence = defence,
                               .out = out.data()};
  EXPECT_EQ(detox_apply_attack(attack, &call), 0) << detox_error();
  detox_destroy(defence);
  detox_destroy_attack(attack);
  const std::vector<float> one = out;
  while (out.size() < owned.size() * kColumns) out.insert(out.end(), one.begin(), one.end());
  return out;
}

TEST(SameAttacks, SendTheBytesOfARunOverTheCInterface) {
  std::vector<Asked> all;
  for (const AttackInfo& info : attacks()) {
    const std::size_t number = detox_find_attack(std::string(info.name).c_str());
    if (std::string(detox_attack_unavailable(number)).empty()) all.push_back({info.name.data()});
  }
  EXPECT_GE(all.size(), 16U);
  all.push_back({"alie", {{"alie-z", "auto"}}, "alie-z=auto"});
  all.push_back({"alie",
                 {{"alie-z", "1.5"}, {"alie-sign", "plus"}, {"alie-ddof", "0"}},
                 "alie-z=1.5 alie-sign=plus alie-ddof=0"});
  for (const char* name : {"constant", "gaussian", "ipm", "mimic", "rev_grad"})
    all.push_back({name, {{"adversarial", "3"}}, "adversarial=3"});
  const std::vector<std::vector<std::uint32_t>> all_owned = {{2}, {0, 7, 14}};
  for (const Asked& asked : all) {
    const Known run(asked);
    for (const std::uint64_t step : {1U, 2U, 31U}) {
      for (const std::vector<std::uint32_t>& owned : all_owned) {
        SCOPED_TRACE(std::string(asked.attack) + ' ' + asked.c + ", step " + std::to_string(step));
        const std::vector<float> expected = of_engine(run, step, owned);
        const std::vector<float> found = of_c(run, asked, step, owned);
        ASSERT_EQ(found.size(), expected.size());
        EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0);
      }
    }
  }
}

}  // namespace
}  // namespace detox
