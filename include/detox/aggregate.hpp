// One rule over some rows, in one line:
//
//   std::vector<std::vector<float>> gradients = …;
//   std::vector<float> result = detox::aggregate("krum", gradients, {.f = 2});
//
// Who calls in a loop keeps what a call makes anew: make_aggregator with an AggregationContext
// (detox/aggregator.hpp) starts threads and takes memory once, and has weights, steps and seeds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "detox/aggregator.hpp"
#include "detox/needs_cpp20.hpp"

namespace detox {

/// The rule of this name over n rows of one length: floats or doubles, and the result is the same.
/// With a report also which rows it is made of, where the rule knows. Random draws are those of
/// `detoxml aggregate` (seed 428, step 0); large rows are shared among usable cores, which changes
/// no bit. UsageError for a name or option that cannot be, ragged or null rows, and fewer rows than
/// the rule's requirement at f.
std::vector<float> aggregate(std::string_view rule, std::span<const std::span<const float>> rows,
                             const RuleOptions& options = {}, AggregationReport* report = nullptr);
std::vector<double> aggregate(std::string_view rule, std::span<const std::span<const double>> rows,
                              const RuleOptions& options = {}, AggregationReport* report = nullptr);

/// A matrix (n, d), row by row.
std::vector<float> aggregate(std::string_view rule, const float* matrix, std::size_t n,
                             std::size_t d, const RuleOptions& options = {},
                             AggregationReport* report = nullptr);
std::vector<double> aggregate(std::string_view rule, const double* matrix, std::size_t n,
                              std::size_t d, const RuleOptions& options = {},
                              AggregationReport* report = nullptr);

/// A range of rows that lie in one piece each: a vector of vectors, an array of spans.
template <class R>
concept RangeOfRows = std::ranges::input_range<const R> &&
    std::ranges::contiguous_range<std::ranges::range_reference_t<const R>>;

template <RangeOfRows R>
auto aggregate(std::string_view rule, const R& rows, const RuleOptions& options = {},
               AggregationReport* report = nullptr) {
  using Row = std::ranges::range_reference_t<const R>;
  using T = std::remove_cv_t<std::ranges::range_value_t<Row>>;
  std::vector<std::span<const T>> views;
  std::ranges::transform(rows, std::back_inserter(views), [](const auto& row) {
    return std::span<const T>(std::ranges::data(row), std::ranges::size(row));
  });
  return aggregate(rule, std::span<const std::span<const T>>(views), options, report);
}

}  // namespace detox
