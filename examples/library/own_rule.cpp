// A rule of one's own beside ours: the mean of the least and the greatest value of each coordinate,
// when the f least and the f greatest are left out.
#include <algorithm>
#include <cstdio>
#include <detox/row_rule.hpp>
#include <memory>
#include <string>
#include <vector>

namespace {

const detox::RuleInfo kInfo{
    .name = "trimmed-midrange",
    .requirement = "n >= 2f + 1",
    .min_rows = [](std::size_t f) { return 2 * f + 1; },
};

class TrimmedMidrange final : public detox::RowRule {
 public:
  explicit TrimmedMidrange(const detox::RuleOptions& options) : RowRule(kInfo, options) {}

 private:
  template <class T>
  void reduce(const detox::Rows<T>& rows, std::span<T> out) const {
    const auto f = static_cast<std::ptrdiff_t>(options().f);
    std::vector<T> column(rows.n());
    for (std::size_t i = 0; i < rows.d; ++i) {
      for (std::size_t row = 0; row < rows.n(); ++row) column[row] = rows.row[row][i];
      std::sort(column.begin(), column.end());
      out[i] = (column.begin()[f] + column.end()[-1 - f]) / 2;
    }
  }
  void reduce_rows(const detox::Rows<float>& rows, std::span<float> out,
                   detox::AggregationContext& /*context*/,
                   detox::AggregationReport* /*report*/) const override {
    reduce(rows, out);
  }
  void reduce_rows(const detox::Rows<double>& rows, std::span<double> out,
                   detox::AggregationContext& /*context*/,
                   detox::AggregationReport* /*report*/) const override {
    reduce(rows, out);
  }
};

}  // namespace

int main() {
  constexpr std::size_t kRows = 7, kCoordinates = 4;
  std::vector<std::vector<float>> gradients(kRows, std::vector<float>(kCoordinates));
  std::vector<const float*> pointers;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (float& value : gradients[row])
      value = row == 0 ? 1e30F : 1 + 0.01F * static_cast<float>(row);
    pointers.push_back(gradients[row].data());
  }

  const detox::RuleOptions options{.f = 1, .pre = detox::parse_pre_steps("nnm")};
  std::vector<std::unique_ptr<detox::Aggregator>> rules;
  rules.push_back(detox::make_aggregator("median", options));
  rules.push_back(detox::make_aggregator("krum", options));
  rules.push_back(std::make_unique<TrimmedMidrange>(options));

  detox::ThreadPool pool(1);
  detox::Workspace workspace;
  detox::AggregationContext context{pool, workspace};
  std::vector<float> result(kCoordinates);
  for (const auto& rule : rules) {
    rule->aggregate(detox::Rows<float>{pointers, kCoordinates}, result, context);
    std::printf("%.4f\n", static_cast<double>(result[0]));
  }
  return 0;
}
