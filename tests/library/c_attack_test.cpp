// The simulated attacks through detox/detox.h, against formulas in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "detox/detox.h"

namespace {

constexpr std::size_t kHonest = 9, kLength = 700;

/// Honest gradients, and a call about them.
struct Scene {
  std::vector<std::vector<float>> rows;
  std::vector<const void*> pointers;
  std::vector<float> out = std::vector<float>(kHonest * kLength, -12345.0F);

  Scene() {
    for (std::size_t i = 0; i < kHonest; ++i) {
      rows.emplace_back(kLength);
      for (std::size_t c = 0; c < kLength; ++c) {
        const auto place = static_cast<double>(i * kLength + c);
        rows[i][c] = static_cast<float>(std::sin(place * place));
      }
      pointers.push_back(rows[i].data());
    }
  }

  detox_attack_call call() {
    detox_attack_call made = {};
    made.size = sizeof(made);
    made.honest = pointers.data();
    made.h = kHonest;
    made.d = kLength;
    made.m = 1;
    made.step = 3;
    made.out = out.data();
    return made;
  }

  double mean(std::size_t column, std::size_t count = kHonest) const {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(rows[i][column]);
    return sum / static_cast<double>(count);
  }
  double deviation(std::size_t column, double less) const {
    double sum = 0;
    for (const auto& row : rows)
      sum += std::pow(static_cast<double>(row[column]) - mean(column), 2);
    return std::sqrt(sum / (static_cast<double>(kHonest) - less));
  }
};

class Made {
 public:
  explicit Made(const char* name, const char* options = nullptr)
      : attack_(detox_create_attack(name, options, 1)) {
    EXPECT_NE(attack_, nullptr) << detox_error();
  }
  ~Made() { detox_destroy_attack(attack_); }
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;
  detox_attack* get() const { return attack_; }

 private:
  detox_attack* attack_;
};

TEST(CAttack, ListsWhatTrainHasAndSaysWhatEachNeeds) {
  ASSERT_GE(detox_attack_count(), 20U);
  for (std::size_t i = 0; i < detox_attack_count(); ++i) {
    EXPECT_EQ(detox_find_attack(detox_attack_name(i)), i);
    EXPECT_STRNE(detox_attack_summary(i), "");
    ASSERT_NE(detox_attack_paper(i), nullptr);
    const bool is_made = std::strlen(detox_attack_unavailable(i)) == 0;
    detox_attack* made = detox_create_attack(detox_attack_name(i), "", 1);
    EXPECT_EQ(made != nullptr, is_made) << detox_attack_name(i);
    detox_destroy_attack(made);
  }
  const std::size_t ipm = detox_find_attack("IPM");
  EXPECT_STREQ(detox_attack_needs(ipm), "honest gradients");
  EXPECT_STREQ(detox_attack_parameter(ipm), "factor");
  EXPECT_EQ(detox_attack_standard(ipm), -2);
  EXPECT_STREQ(detox_attack_needs(detox_find_attack("alie-opt")),
               "honest gradients and the defence");
  EXPECT_STREQ(detox_attack_needs(detox_find_attack("sdc")), "gradients of their own");
  EXPECT_STREQ(detox_attack_needs(detox_find_attack("gaussian")), "nothing");
  EXPECT_STREQ(detox_attack_parameter(detox_find_attack("nan")), "");
  EXPECT_EQ(detox_attack_name(detox_attack_count()), nullptr);
  EXPECT_EQ(detox_attack_needs(detox_attack_count()), nullptr);
  EXPECT_EQ(detox_find_attack("ipn"), detox_attack_count());
  EXPECT_NE(std::string(detox_error()).find("did you mean ipm?"), std::string::npos);
}

TEST(CAttack, OfMomentsIsTheFormula) {
  struct Formula {
    const char* name;
    const char* options;
    double of_mean, of_deviation, less;
  };
  for (const Formula& line : {Formula{"ipm", "", -2, 0, 1},
                              {"ipm", "adversarial=-0.5", -0.5, 0, 1},
                              {"alie", "", 1, -1, 1},
                              {"alie", "alie-z=0.7 alie-sign=plus", 1, 0.7, 1},
                              {"alie", "alie-ddof=0", 1, -1, 0},
                              // h = 9 and m = 1: n = 10, s = 5, p = 4/9
                              {"alie", "alie-z=auto", 1, 0.1397102988818621, 1}}) {
    const Made attack(line.name, line.options);
    EXPECT_EQ(detox_attack_rows(attack.get(), 3), 1U);
    Scene scene;
    const detox_attack_call call = scene.call();
    ASSERT_EQ(detox_apply_attack(attack.get(), &call), 0) << detox_error();
    for (std::size_t c = 0; c < kLength; ++c) {
      ASSERT_NEAR(scene.out[c],
                  line.of_mean * scene.mean(c) + line.of_deviation * scene.deviation(c, line.less),
                  3e-7)
          << line.name << ' ' << line.options << ", column " << c;
    }
  }
}

TEST(CAttack, OnGradientsOfTheirOwnChangesThePlacesThatColludersOwn) {
  const Made attack("rev_grad", "adversarial=-3");
  EXPECT_EQ(detox_attack_rows(attack.get(), 2), 2U);
  Scene scene;
  detox_attack_call call = scene.call();
  call.m = 2;
  ASSERT_EQ(detox_apply_attack(attack.get(), &call), 0) << detox_error();
  for (std::size_t c = 0; c < kLength; ++c) {
    EXPECT_EQ(scene.out[c], -3 * scene.rows[7][c]);
    EXPECT_EQ(scene.out[kLength + c], -3 * scene.rows[8][c]);
  }
  const std::uint32_t owned[] = {1, 4};
  call.owned = owned;
  ASSERT_EQ(detox_apply_attack(attack.get(), &call), 0) << detox_error();
  EXPECT_EQ(scene.out[5], -3 * scene.rows[1][5]);
  EXPECT_EQ(scene.out[kLength + 5], -3 * scene.rows[4][5]);
}

TEST(CAttack, ThatTriesOutTheDefenceDoesMostHarmWithTheMultipleThatItFinds) {
  // The mean follows anywhere: the search never stops growing, and its last trial is 10 (2^19 - 1).
  const Made attack("ipm_opt");
  Scene scene;
  detox_attack_call call = scene.call();
  call.m = 2;
  call.defence = detox_create("mean", "", 1);
  ASSERT_EQ(detox_apply_attack(attack.get(), &call), 0) << detox_error();
  for (std::size_t c = 0; c < kLength; ++c) {
    EXPECT_NEAR(scene.out[c], -10 * 524287.0 * scene.mean(c),
                1e-6 * (1 + std::abs(10 * 524287.0 * scene.mean(c))));
  }
  // In the places of honest rows the mean is that of the others.
  const std::uint32_t owned[] = {7, 8};
  call.owned = owned;
  ASSERT_EQ(detox_apply_attack(attack.get(), &call), 0) << detox_error();
  EXPECT_NEAR(scene.out[3], -10 * 524287.0 * scene.mean(3, 7), 1);
  detox_destroy(call.defence);
}

TEST(CAttack, DrawsOfSeedStepAndPlaceAlone) {
  Scene one, other;
  detox_attack_call call = one.call(), again = other.call();
  call.m = again.m = 2;
  const Made attack("gaussian", "seed=5");
  const Made same("gaussian", "seed=5");
  ASSERT_EQ(detox_apply_attack(attack.get(), &call), 0) << detox_error();
  ASSERT_EQ(detox_apply_attack(same.get(), &again), 0) << detox_error();
  EXPECT_EQ(one.out, other.out);
  EXPECT_NE(one.out[0], one.out[kLength]);
  again.step = 4;
  ASSERT_EQ(detox_apply_attack(same.get(), &again), 0) << detox_error();
  EXPECT_NE(one.out[0], other.out[0]);
}

TEST(CAttack, LetsHostileValuesThrough) {
  for (const char* name : {"alie", "ipm", "mimic", "min_max", "min_sum", "rev_grad", "sdc"}) {
    Scene scene;
    scene.rows[8].assign(kLength, std::numeric_limits<float>::quiet_NaN());
    const Made attack(name);
    const detox_attack_call call = scene.call();
    EXPECT_EQ(detox_apply_attack(attack.get(), &call), 0) << name << ": " << detox_error();
  }
  const Made searched("alie_opt");
  Scene scene;
  scene.rows[2].assign(kLength, std::numeric_limits<float>::infinity());
  detox_attack_call call = scene.call();
  call.defence = detox_create("krum", "f=1", 1);
  EXPECT_EQ(detox_apply_attack(searched.get(), &call), 0) << detox_error();
  detox_destroy(call.defence);
}

TEST(CAttack, OptionsThatCannotBeAreRefusedInOneLine) {
  const auto expect = [](const char* name, const char* options, const char* because) {
    EXPECT_EQ(detox_create_attack(name, options, 1), nullptr) << name << ' ' << options;
    EXPECT_STREQ(detox_error(), because);
  };
  expect(nullptr, "", "the attack's name is NULL");
  expect(
      "crash", "",
      "crash cannot be had of gradients alone: it is about when something is sent, and not what");
  expect(
      "label_flip", "",
      "label_flip cannot be had of gradients alone: it needs labels, and what computes gradients "
      "of them");
  expect("stale", "",
         "stale cannot be had of gradients alone: it needs the samples of the step before, and "
         "what computes gradients of them");
  expect("ipm", "adversarial", "option 'adversarial'; valid: KEY=VALUE, as f=5");
  expect("ipm", "adversarial=1e300", "adversarial is '1e300'; valid: a float32");
  expect("ipm", "adversarial=nan", "adversarial is 'nan'; valid: a float32");
  expect("ipm", "alie-z=1", "ipm reads no option alie-z; valid: adversarial, seed");
  expect("alie", "adversarial=1",
         "alie reads no option adversarial; valid: alie-z, alie-sign, alie-ddof, seed");
  expect("alie", "alie-sign=up", "alie-sign is 'up'; valid: minus, plus");
  expect("alie", "alie-ddof=2", "alie-ddof is '2'; valid: 0, 1");
  expect("mimic", "adversarial=-1", "mimic: adversarial is -1; valid: a slice, 0 to 65534");
  EXPECT_EQ(detox_create_attack("ipm", "seed=x", 1), nullptr);
  EXPECT_EQ(detox_create_attack("ipm", "", 100000), nullptr);
}

TEST(CAttack, CallsThatCannotBeAreRefusedInOneLine) {
  Scene scene;
  const Made ipm("ipm"), own("sign_flip"), searched("ipm_opt"), mimic("mimic", "adversarial=9");
  const auto expect = [](const Made& attack, const detox_attack_call& call, const char* because) {
    EXPECT_EQ(detox_apply_attack(attack.get(), &call), 2) << because;
    EXPECT_STREQ(detox_error(), because);
  };
  detox_attack_call call = scene.call();
  EXPECT_EQ(detox_apply_attack(nullptr, &call), 2);
  EXPECT_STREQ(detox_error(), "the attack is NULL");
  EXPECT_EQ(detox_apply_attack(ipm.get(), nullptr), 2);
  EXPECT_STREQ(detox_error(), "the detox_attack_call is NULL");
  call.type = DETOX_FLOAT64;
  expect(ipm, call, "type of values is 1; valid: DETOX_FLOAT32, in which attackers send");
  call = scene.call();
  call.h = 0;
  expect(ipm, call, "h is 0; valid: 1 to 65535");
  call.h = std::numeric_limits<std::size_t>::max();
  expect(ipm, call, "h is 18446744073709551615; valid: 1 to 65535");
  call = scene.call();
  call.m = 65527;
  expect(ipm, call, "m is 65527; valid: 0 to 65526 for h = 9");
  call.m = 10;
  expect(own, call, "m is 10; valid: 0 to 9 for h = 9");
  call.m = 3;
  call.n = 2;
  expect(ipm, call, "n is 2; valid: m = 3 to 65535, or 0 for all rows");
  call = scene.call();
  expect(mimic, call, "mimic: adversarial is 9; valid: a slice, 0 to 8");
  expect(searched, call, "ipm_opt tries out the defence; valid: an aggregator");
  call.defence = detox_create("krum", "f=4", 1);
  expect(searched, call, "the defence: krum needs n >= 2f + 3: n = 10, f = 4");
  detox_destroy(call.defence);
  call = scene.call();
  call.out = nullptr;
  expect(ipm, call, "out is null, honest rows are (9, 700); valid: out of 700 values");
  call = scene.call();
  call.honest = nullptr;
  expect(ipm, call, "honest rows (9, 700) are null");
  call.d = 0;
  expect(ipm, call, "honest rows (9, 0) are null");
  call = scene.call();
  call.d = std::numeric_limits<std::size_t>::max() / 2;
  expect(ipm, call,
         "rows (9, 9223372036854775807): more values than memory can hold; valid: at most "
         "2305843009213693951");
  call = scene.call();
  call.out = const_cast<void*>(scene.pointers[2]);
  expect(ipm, call, "out lies in row 2 of honest (9, 700); valid: memory of its own");
  call = scene.call();
  scene.pointers[4] = nullptr;
  expect(ipm, call, "row 4 of honest (9, 700) is null");
  const std::uint32_t twice[] = {3, 3}, beyond[] = {3, 9};
  call.m = 2;
  call.owned = twice;
  expect(ipm, call, "owned[1] is 3; valid: ascending, below h = 9");
  call.owned = beyond;
  expect(ipm, call, "owned[1] is 9; valid: ascending, below h = 9");
  call = scene.call();
  call.size = 8;
  EXPECT_EQ(detox_apply_attack(ipm.get(), &call), 2);
  EXPECT_NE(std::string(detox_error()).find("size of detox_attack_call is 8; valid: "),
            std::string::npos);
}

}  // namespace
