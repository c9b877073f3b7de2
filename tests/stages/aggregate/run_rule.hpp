// One call of a rule, for tests.
#pragma once

#include <string_view>
#include <vector>

#include "detox/aggregator.hpp"
#include "kernels/samples.hpp"

namespace detox::test {

template <class T>
std::vector<T> run_rule(std::string_view name, const RuleOptions& options, Sample<T>& sample,
                        AggregationReport* report = nullptr, std::size_t threads = 1,
                        std::uint64_t step = 0) {
  ThreadPool pool(threads);
  Workspace workspace;
  AggregationContext context{pool, workspace, step};
  const Rows<T> rows = sample.rows();
  std::vector<T> out(rows.d);
  make_aggregator(name, options)->aggregate(rows, out, context, report);
  return out;
}

/// The greatest f that a rule bears with n rows.
inline std::size_t most_hostile(const RuleInfo& rule, std::size_t n,
                                Semantics semantics = Semantics::kPaper) {
  std::size_t f = 0;
  while (f + 1 < n && unmet_requirement(rule, {.f = f + 1, .semantics = semantics}, n).empty()) ++f;
  return f;
}

}  // namespace detox::test
