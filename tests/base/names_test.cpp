#include "base/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace detox {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Entry {
  std::string_view name, alias;
};
constexpr std::array kEntries = {Entry{"multi-krum", ""}, Entry{"signSGD", "sign-majority"}};

TEST(Names, IgnoreCaseDashesAndUnderscores) {
  EXPECT_EQ(find_by_name<Entry>("rule", "Multi_KRUM", kEntries).name, "multi-krum");
  EXPECT_EQ(find_by_name<Entry>("rule", "sign-sgd", kEntries).name, "signSGD");
}

TEST(Names, AcceptAliases) {
  EXPECT_EQ(find_by_name<Entry>("rule", "SignMajority", kEntries).name, "signSGD");
}

TEST(Names, AnswerAWrongOneWithTheNearestAndAllValidOnes) {
  try {
    find_by_name<Entry>("rule", "multikrun", kEntries);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("unknown rule 'multikrun' (did you mean multi-krum?)"));
    EXPECT_THAT(error.what(), HasSubstr("multi-krum, signSGD"));
    EXPECT_EQ(error.exit_code(), 2);
  }
}

TEST(Names, GuessNothingForWhatIsFarFromAll) {
  EXPECT_THAT(unknown_name("rule", "qqqqqqqqqqq", {"krum"}), Not(HasSubstr("did you mean")));
}

TEST(Names, DoNotRepeatAMegabyteOfNonsense) {
  EXPECT_LT(unknown_name("rule", std::string(1 << 20, 'x'), {"krum"}).size(), 200U);
}

TEST(Names, StayOnOneLineWhateverWasTyped) {
  EXPECT_THAT(unknown_name("rule", "a\nb\x1b[2J", {"krum"}), HasSubstr("unknown rule 'a?b?[2J'"));
}

}  // namespace
}  // namespace detox
