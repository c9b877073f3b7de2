// What audits cost and give, counted over real deals and ballots, is what docs/defence.md derives.
// The full grid: bench/round/audit_bench.cpp.
#include "support/audit_course.hpp"

#include <gtest/gtest.h>

namespace detox {
namespace {

constexpr std::size_t kRuns = 40;

/// Within three standard errors. The recursion leaves out that no worker has two copies of one
/// slice, which is of order 1 / P.
void expect_near(double counted, double error, double expected, const char* what) {
  EXPECT_NEAR(counted, expected, 3 * error + 1e-3 * expected + 1e-6) << what;
}

/// Of events that are rare and independent, where the runs that were counted show too few to tell.
double least_error(double expected) { return std::sqrt(std::max(expected, 0.0) / kRuns); }

TEST(AuditCourse, IsWhatTheRecursionOverTheLiarsLeftSays) {
  std::uint64_t seed = 1;
  for (const auto& [workers, q, rate] : std::initializer_list<std::tuple<int, int, double>>{
           {45, 5, 0.1}, {45, 5, 1.0}, {21, 3, 0.3}, {12, 2, 0.5}}) {
    for (const double lie_rate : {1.0, 0.3, 0.1}) {
      for (const bool is_safe : {false, true}) {
        for (const double recheck : {0.0, 0.05}) {
          const AuditScene scene{.workers = static_cast<std::size_t>(workers),
                                 .q = static_cast<std::size_t>(q),
                                 .audit_rate = rate,
                                 .lie_rate = lie_rate,
                                 .is_safe = is_safe,
                                 .recheck = recheck,
                                 .steps = 60};
          SCOPED_TRACE(testing::Message()
                       << "P = " << workers << ", q = " << q << ", p = " << rate << ", lie rate "
                       << lie_rate << ", safe " << is_safe << ", recheck " << recheck);
          const AuditCourses counted = run_audit_courses(scene, kRuns, seed);
          seed += kRuns;
          const AuditCourse expected = AuditRecursion(scene).expected();
          EXPECT_EQ(counted.mean.wrongly, 0);
          expect_near(counted.mean.corrupt,
                      std::max(counted.error.corrupt, least_error(expected.corrupt)),
                      expected.corrupt, "corrupt");
          expect_near(counted.mean.computed, counted.error.computed, expected.computed, "computed");
          expect_near(counted.mean.are_out,
                      std::max(counted.error.are_out, least_error(1 - expected.are_out)),
                      expected.are_out, "are out");
          if (expected.are_out > 0.999)
            expect_near(counted.mean.last_step, counted.error.last_step, expected.last_step,
                        "last");
        }
      }
    }
  }
}

}  // namespace
}  // namespace detox
