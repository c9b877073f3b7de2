#include "config/rule_process.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/json_field.hpp"
#include "detox/errors.hpp"
#include "detox/row_rule.hpp"

namespace detox {
namespace {

constexpr std::size_t kMostSlope = 16, kMostOffset = 16;

/// min_rows is a plain function, so there is one for each a and b of "n >= af + b".
template <std::size_t kCode>
std::size_t least_rows(std::size_t f) {
  return kCode / (kMostOffset + 1) * f + kCode % (kMostOffset + 1);
}
template <std::size_t... kCodes>
constexpr auto all_least_rows(std::index_sequence<kCodes...>) {
  return std::array<std::size_t (*)(std::size_t), sizeof...(kCodes)>{&least_rows<kCodes>...};
}
constexpr auto kLeastRows =
    all_least_rows(std::make_index_sequence<(kMostSlope + 1) * (kMostOffset + 1)>());

std::string requirement_text(std::size_t slope, std::size_t offset) {
  if (slope == 0) return fmt::format("n >= {}", offset);
  return fmt::format("n >= {}f{}", slope == 1 ? "" : std::to_string(slope),
                     offset == 0 ? "" : fmt::format(" + {}", offset));
}

/// Its texts are those of the process.
class AskingRule final : public RowRule {
 public:
  AskingRule(const RuleProcess& process, const RuleOptions& options)
      : RowRule({.name = process.name(),
                 .requirement = process.requirement(),
                 .min_rows = process.min_rows()},
                options),
        process_(process) {}

 private:
  void reduce_rows(const Rows<float>& rows, std::span<float> out, AggregationContext& context,
                   AggregationReport*) const override {
    process_.reduce(rows, options().f, context.step, out);
  }
  void reduce_rows(const Rows<double>& rows, std::span<double> out, AggregationContext& context,
                   AggregationReport*) const override {
    process_.reduce(rows, options().f, context.step, out);
  }

  const RuleProcess& process_;
};

}  // namespace

RuleProcess::RuleProcess(const std::string& socket) : connection_(socket, "detoxml rule 1") {
  std::uint64_t slope = 0, offset = 0;
  try {
    read_field(connection_.about(), "slope", slope);
    read_field(connection_.about(), "offset", offset);
  } catch (const std::exception&) {
    ProcessConnection::refuse_answer();
  }
  if (slope > kMostSlope || offset > kMostOffset) ProcessConnection::refuse_answer();
  requirement_ = requirement_text(slope, offset);
  min_rows_ = kLeastRows[slope * (kMostOffset + 1) + offset];
}

std::unique_ptr<Aggregator> RuleProcess::make(const RuleOptions& options) const {
  return std::make_unique<AskingRule>(*this, options);
}

template <class T>
void RuleProcess::reduce(const Rows<T>& rows, std::size_t f, std::uint64_t step,
                         std::span<T> out) const {
  try {
    connection_.compute<T>({{"f", f}, {"step", step}}, rows.row, out);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {} (step {})", name(), error.what(), step));
  }
}

template void RuleProcess::reduce(const Rows<float>&, std::size_t, std::uint64_t,
                                  std::span<float>) const;
template void RuleProcess::reduce(const Rows<double>&, std::size_t, std::uint64_t,
                                  std::span<double>) const;

}  // namespace detox
