// Ten gradients, two of them hostile, reduced by every rule that bears it.
#include <cstdio>
#include <detox/aggregator.hpp>
#include <detox/errors.hpp>
#include <vector>

int main() {
  constexpr std::size_t kRows = 10, kCoordinates = 1000, kHostile = 2;
  std::vector<std::vector<float>> gradients(kRows, std::vector<float>(kCoordinates));
  std::vector<const float*> pointers;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t i = 0; i < kCoordinates; ++i) {
      const auto wiggle = static_cast<float>((row * 7 + i * 3) % 11);
      gradients[row][i] = row < kHostile ? 1e30F : 1 + 0.01F * wiggle;
    }
    pointers.push_back(gradients[row].data());
  }

  detox::ThreadPool pool(2);
  detox::Workspace workspace;  // keeps its memory: later calls allocate nothing
  detox::AggregationContext context{pool, workspace};
  std::vector<float> result(kCoordinates);
  for (const detox::RuleInfo& rule : detox::rules()) {
    detox::RuleOptions options;
    options.f = kHostile;
    options.pre = detox::parse_pre_steps("nnm");
    options.reference_row = kRows - 1;
    try {
      detox::AggregationReport report;
      detox::make_aggregator(rule.name, options)
          ->aggregate(detox::Rows<float>{pointers, kCoordinates}, result, context, &report);
      std::printf("%-18s %g\n", std::string(rule.name).c_str(), static_cast<double>(result[0]));
    } catch (const detox::UsageError& error) {
      std::printf("%-18s refused: %s\n", std::string(rule.name).c_str(), error.what());
    }
  }
  return 0;
}
