// Step "bucket" and the two rules around it: resolved rows -> b bucket rows (inner rule) -> one
// gradient (outer rule).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "detox/aggregator.hpp"
#include "detox/random.hpp"

namespace detox {

/// Bucket i of b over n rows, as a half-open range of places: sizes differ by one at most, the
/// larger first. i < b, 1 <= b <= n.
struct Places {
  std::size_t begin, end;
};
Places bucket_places(std::size_t n, std::size_t b, std::size_t i);

/// order (n) = the rows 0 … n-1, permuted by (key, step), and ascending within each of b buckets.
void split_into_buckets(std::size_t b, const Key& key, std::uint64_t step,
                        std::span<std::uint32_t> order);

/// How the resolved rows become one gradient. Immutable.
class Hierarchy {
 public:
  struct Options {
    const RuleInfo* inner_rule = &find_rule("normal");
    const RuleInfo* outer_rule = &find_rule("normal");
    std::size_t buckets = 0;  ///< b; 0: every row is its own bucket and the inner rule is not used
    std::size_t f_eff = 0;
    RuleOptions rule = {};  ///< f is set here from f_eff; pre comes before the outer rule
  };
  explicit Hierarchy(const Options& options);

  /// Empty if n rows meet the requirements of both rules; else the one that is not met, with the
  /// values: "krum needs n >= 2f + 3: n = 4, f = 1".
  std::string unmet_requirement(std::size_t n) const;
  /// The same for these slices, ascending: a rule that trusts a slice must find it in its place.
  std::string unmet_requirement(std::span<const std::uint32_t> resolved) const;

  /// Empty if the outer rule takes these weights of as many rows; else why not. There are no
  /// buckets.
  std::string unmet_weights(std::span<const double> weights) const;

  /// The rule that corrupt rows meet when n rows reach the hierarchy, and with how many: the outer
  /// rule, or a robust inner one in its smallest bucket. n >= 1.
  struct Defender {
    const RuleInfo& rule;
    std::size_t rows, f;
  };
  Defender defender(std::size_t n) const;

  /// rows (n, d) -> out (d), deterministic in (rows, weights of the context, key, step).
  /// Requirements must be met. A start is the outer rule's. Scratch beside that of the
  /// rules: b x d floats and n + b numbers, where there are buckets. After the first call a step
  /// takes 5 KB from the heap, for the stream that draws the buckets. `report`, where it is asked
  /// for, is the outer rule's, of rows: there are no buckets.
  void aggregate(const Rows<float>& rows, const Key& bucket_key, std::span<float> out,
                 AggregationContext& context, AggregationReport* report = nullptr) const;

  /// Whether columns may be reduced block by block: aggregate() of some columns then gives the bits
  /// that it gives these columns among all.
  bool is_by_columns() const;

  /// Whether rows of packed signs (kernels/sign_bits.hpp) will do: signSGD with nothing before it.
  bool takes_packed_signs() const;
  /// The same as aggregate for the rows that these n unpack to, of packed_sign_bytes(d) bytes or
  /// more each. Scratch: none.
  void aggregate_packed_signs(std::span<const std::byte* const> rows, std::span<float> out,
                              ThreadPool& pool) const;

  /// Corrupt rows that the outer rule must survive where so many reach it.
  std::size_t outer_f(std::size_t rows) const;

  /// Whether the rule may leave out rows that it was given: it does not go by columns, and there
  /// are no buckets between.
  bool may_reject_rows() const { return options_.buckets == 0 && !options_.outer_rule->by_columns; }

  /// Whether one row, RuleOptions::reference_row, must be there.
  bool trusts_a_row() const { return trusting_rule() != nullptr; }

 private:
  const RuleInfo* trusting_rule() const;  ///< null: none
  std::size_t points_after_pre(std::size_t n) const;
  void aggregate_outer(const Rows<float>& rows, const Key& bucket_key, std::span<float> out,
                       AggregationContext& context, AggregationReport* report) const;

  Options options_;
  bool robust_inner_;
  bool inner_draws_, outer_draws_;  ///< at random: a key costs memory from the heap
  std::unique_ptr<Aggregator> inner_;
  /// Built for min(f_eff, b). One serves fewer rows too: where f_eff reaches what is left of the
  /// buckets, only the mean's requirement is met, and the mean does not depend on f.
  std::unique_ptr<Aggregator> outer_;
};

}  // namespace detox
