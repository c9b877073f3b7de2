// --absent: which workers stay away, whatever text it is given.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "config/plan.hpp"
#include "config/refusal.hpp"
#include "detox/random.hpp"

namespace detox {
namespace {

using Entry = std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>;

std::vector<Entry> absences(const std::string& text) {
  RunConfig config;
  config.absent = text;
  std::vector<Entry> entries;
  for (const Absence& absence : make_plan(resolve(config, 0)).absences)
    entries.emplace_back(absence.worker, absence.from, absence.to);
  return entries;
}

TEST(Absences, AreReadAsWorkersByRankAndStepsInclusive) {
  EXPECT_EQ(absences(""), std::vector<Entry>{});
  EXPECT_EQ(absences("3:10-20"), (std::vector<Entry>{{2, 10, 20}}));
  EXPECT_EQ(absences("3:10-20,9:1-5,3:30"),
            (std::vector<Entry>{{2, 10, 20}, {8, 1, 5}, {2, 30, 30}}));
  EXPECT_EQ(absences("1:1-18446744073709551615"), (std::vector<Entry>{{0, 1, ~0ULL}}));
}

TEST(Absences, AreRefusedForWorkersAndStepsThatDoNotExist) {
  for (const char* text : {"0:1-2", "10:1-2", "4294967297:1-2", "1:0-2", "1:5-4"}) {
    EXPECT_EQ(
        refusal([&] { absences(text); }),
        "--absent " + std::string(text) + ": valid are workers 1 to 9 and steps FROM <= TO from 1");
  }
}

TEST(Absences, AreRefusedWhereTheTextIsNone) {
  for (const char* text : {",",
                           "1",
                           "1:",
                           ":1",
                           "1:1-",
                           "1:-1",
                           "1:1--2",
                           "1:1-2-3",
                           "1:1,,2:1",
                           "x:1-2",
                           "1:a-b",
                           "1 :1",
                           "1:1 -2",
                           " 1:1",
                           "-1:1",
                           "+1:1",
                           "1:1-2;2:1",
                           "18446744073709551616:1",
                           "1:1-18446744073709551616",
                           "1:1e3",
                           "0x1:1",
                           "1.0:1",
                           "1:1:1"}) {
    EXPECT_NE(refusal([&] { absences(text); }), "") << text;
  }
}

TEST(Absences, AreRefusedShortlyHoweverLongTheTextIs) {
  EXPECT_LT(refusal([] { absences(std::string(1000000, 'x')); }).size(), 300U);
  EXPECT_LT(refusal([] { absences(std::string(1000000, '0') + "1:5-4"); }).size(), 300U);
}

TEST(Absences, AreTakenOrRefusedForAnyText) {
  RandomStream random(key_from_seed(3));
  constexpr std::string_view kAlphabet = "0123456789:-,: ";
  std::size_t taken = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::uint64_t i = random.below(9); i > 0; --i)
      text += kAlphabet[random.below(kAlphabet.size())];
    const std::string message = refusal([&] {
      for (const auto& [worker, from, to] : absences(text)) {
        EXPECT_LT(worker, 9U);
        EXPECT_GE(from, 1U);
        EXPECT_LE(from, to);
      }
    });
    taken += message.empty() ? 1 : 0;
  }
  EXPECT_GT(taken, 20U);
}

}  // namespace
}  // namespace detox
