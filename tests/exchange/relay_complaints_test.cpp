#include "exchange/relay_complaints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kJudged = RelayComplaints::kHeardSteps;  // steps later

TEST(RelayComplaints, CostBothTheirPlaceAndNameNobodyAlone) {
  RelayComplaints complaints(5, 1);
  complaints.add(1, 3, 4);
  EXPECT_THAT(complaints.end_step(1 + kJudged), IsEmpty());
  for (std::uint32_t worker = 0; worker < 5; ++worker)
    EXPECT_EQ(complaints.place(worker), worker < 3 ? 0 : 1);
}

TEST(RelayComplaints, OfMoreThanQDifferentAuthorsNameARelay) {
  RelayComplaints complaints(5, 1);
  for (const std::uint64_t step : {1U, 2U}) complaints.add(step, 3, 4);
  EXPECT_THAT(complaints.end_step(2 + kJudged), IsEmpty());  // one author, however often
  complaints.add(500, 2, 4);
  EXPECT_THAT(complaints.end_step(500 + kJudged), ElementsAre(4));
  EXPECT_EQ(complaints.place(4), 2);
  EXPECT_THAT(complaints.end_step(501 + kJudged), IsEmpty());  // nothing new
}

TEST(RelayComplaints, CountOnceAllHaveBeenHeard) {
  RelayComplaints complaints(5, 0);
  complaints.add(7, 3, 4);
  EXPECT_THAT(complaints.end_step(7), IsEmpty());
  EXPECT_EQ(complaints.place(4), 0);
  EXPECT_THAT(complaints.end_step(7 + kJudged), ElementsAre(4));
}

TEST(RelayComplaints, AreForgotten) {
  RelayComplaints complaints(5, 1);
  complaints.add(1, 3, 4);
  complaints.end_step(1 + RelayComplaints::kAsideSteps);
  EXPECT_EQ(complaints.place(4), 1);
  complaints.end_step(2 + RelayComplaints::kAsideSteps);
  EXPECT_EQ(complaints.place(3), 0);
  EXPECT_EQ(complaints.place(4), 0);
  complaints.add(RelayComplaints::kRememberedSteps, 2, 4);
  EXPECT_THAT(complaints.end_step(RelayComplaints::kRememberedSteps + kJudged), IsEmpty());
}

TEST(RelayComplaints, DoNotBlameARelayForWhatItComplainsOfItself) {
  RelayComplaints complaints(9, 1);
  for (const std::uint32_t below : {3U, 4U}) complaints.add(1, below, 1);
  complaints.add(1, 1, 0);
  EXPECT_THAT(complaints.end_step(1 + kJudged), IsEmpty());
  EXPECT_EQ(complaints.place(0), 1);
  EXPECT_EQ(complaints.place(1), 1);
  EXPECT_EQ(complaints.place(3), 0);
}

TEST(RelayComplaints, OfQLiarsTakeNoMoreThanQOthersAlongAndNameNobody) {
  constexpr std::uint32_t kWorkers = 15, kLiars = 3;
  RelayComplaints complaints(kWorkers, kLiars);
  for (std::uint64_t step = 1; step <= 200; ++step) {
    for (std::uint32_t liar = 0; liar < kLiars; ++liar)
      complaints.add(step, liar, kLiars + static_cast<std::uint32_t>(step * 5 + liar) % 12);
    EXPECT_THAT(complaints.end_step(step), IsEmpty());
    std::size_t honest = 0;
    for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
      EXPECT_TRUE(worker >= kLiars || step <= kJudged || complaints.place(worker) == 1);
      honest += worker >= kLiars && complaints.place(worker) > 0 ? 1 : 0;
    }
    EXPECT_LE(honest, kLiars);
  }
}

}  // namespace
}  // namespace detox
