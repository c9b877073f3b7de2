// What audits cost and give, counted over real deals and ballots without vectors, beside what
// docs/defence.md derives: its tables come from here.
#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "support/audit_course.hpp"

namespace detox {
namespace {

constexpr std::size_t kRuns = 400;

std::string beside(double counted, double error, double expected) {
  return fmt::format("{:.2f} ± {:.2f} ({:.2f})", counted, error, expected);
}

void print_row(const AuditScene& scene) {
  const AuditCourses counted = run_audit_courses(scene, kRuns, 1);
  const AuditCourse expected = AuditRecursion(scene).expected();
  const auto& [mean, error, runs] = counted;
  fmt::print(
      "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", scene.workers, scene.q,
      scene.audit_rate, scene.lie_rate, scene.is_safe ? "safe" : "always", scene.recheck,
      beside(mean.corrupt, error.corrupt, expected.corrupt),
      fmt::format("{:.4f} ({:.4f})", mean.computed, expected.computed),
      beside(100 * mean.are_out, 100 * error.are_out, 100 * expected.are_out),
      expected.are_out > 0.999 ? beside(mean.last_step, error.last_step, expected.last_step) : "");
  std::fflush(stdout);
}

}  // namespace
}  // namespace detox

int main() {
  fmt::print(
      "{} runs a row of 250 steps; counted ± standard error (as derived)\n"
      "| P | q | p | lie rate | when | recheck | corrupt slices | computed a slice | all out, % | "
      "last conviction |\n| - | - | - | - | - | - | - | - | - | - |\n",
      detox::kRuns);
  for (const auto& [workers, q, rate] : std::initializer_list<std::tuple<int, int, double>>{
           {45, 5, 1.0}, {45, 5, 0.5}, {45, 5, 0.1}, {45, 5, 0.05}, {21, 3, 0.3}, {12, 2, 0.5}}) {
    for (const double lie_rate : {1.0, 0.3, 0.1}) {
      for (const bool is_safe : {false, true}) {
        for (const double recheck : {0.0, 0.05}) {
          detox::print_row({.workers = static_cast<std::size_t>(workers),
                            .q = static_cast<std::size_t>(q),
                            .audit_rate = rate,
                            .lie_rate = lie_rate,
                            .is_safe = is_safe,
                            .recheck = recheck});
        }
      }
    }
  }
  return 0;
}
