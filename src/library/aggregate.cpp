#include "detox/aggregate.hpp"

#include <fmt/format.h>

#include <memory>

#include "base/cores.hpp"
#include "detox/errors.hpp"
#include "stages/aggregate/check_rows.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

/// Below so many values threads cost more than they save.
constexpr double kWorthThreads = 1 << 20;

template <class T>
std::vector<T> aggregate_once(std::string_view name, const Rows<T>& rows,
                              const RuleOptions& options, AggregationReport* report) {
  const std::unique_ptr<Aggregator> rule = make_aggregator(name, options);
  const double values = static_cast<double>(rows.n()) * static_cast<double>(rows.d);
  ThreadPool pool(values < kWorthThreads ? 1 : usable_cores());
  Workspace workspace;
  AggregationContext context{
      .pool = pool, .workspace = workspace, .key = key_from_seed(kStandardSeed)};
  std::vector<T> out(rows.d);
  rule->aggregate(rows, out, context, report);
  return out;
}

template <class T>
std::vector<T> aggregate_spans(std::string_view name, std::span<const std::span<const T>> spans,
                               const RuleOptions& options, AggregationReport* report) {
  std::vector<const T*> pointers;
  for (const std::span<const T>& row : spans) {
    if (row.size() != spans[0].size()) {
      throw UsageError(fmt::format("row {} has {} values, row 0 has {}; valid: rows of one length",
                                   pointers.size(), row.size(), spans[0].size()));
    }
    pointers.push_back(row.data());
  }
  const std::size_t d = spans.empty() ? 0 : spans[0].size();
  return aggregate_once(name, Rows<T>{pointers, d}, options, report);
}

template <class T>
std::vector<T> aggregate_matrix(std::string_view name, const T* matrix, std::size_t n,
                                std::size_t d, const RuleOptions& options,
                                AggregationReport* report) {
  if (matrix == nullptr && d > 0) throw UsageError(fmt::format("a matrix ({}, {}) is null", n, d));
  check_requirement(find_rule(name), options, n);  // before n pointers are made
  check_size_of<T>("a matrix", n, d);
  std::vector<const T*> pointers(n);
  for (std::size_t i = 0; i < n; ++i) pointers[i] = matrix + i * d;
  return aggregate_once(name, Rows<T>{pointers, d}, options, report);
}

}  // namespace

std::vector<float> aggregate(std::string_view rule, std::span<const std::span<const float>> rows,
                             const RuleOptions& options, AggregationReport* report) {
  return aggregate_spans(rule, rows, options, report);
}
std::vector<double> aggregate(std::string_view rule, std::span<const std::span<const double>> rows,
                              const RuleOptions& options, AggregationReport* report) {
  return aggregate_spans(rule, rows, options, report);
}

std::vector<float> aggregate(std::string_view rule, const float* matrix, std::size_t n,
                             std::size_t d, const RuleOptions& options, AggregationReport* report) {
  return aggregate_matrix(rule, matrix, n, d, options, report);
}
std::vector<double> aggregate(std::string_view rule, const double* matrix, std::size_t n,
                              std::size_t d, const RuleOptions& options,
                              AggregationReport* report) {
  return aggregate_matrix(rule, matrix, n, d, options, report);
}

}  // namespace detox
