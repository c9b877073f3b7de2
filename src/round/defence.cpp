#include "round/defence.hpp"

#include <algorithm>

namespace detox {

Defence::Defence(const Parts& parts) : parts_(parts), hierarchy_(parts.plan.hierarchy) {}

/// What each slice counts for; none where all count the same.
std::vector<double> Defence::weights_of(std::span<const std::uint32_t> slices) const {
  if (!parts_.plan.weighs_samples) return {};
  return slice_samples(parts_.samples_per_step, parts_.plan.k, slices);
}

std::string Defence::unmet(std::span<const std::uint32_t> slices,
                           std::span<const double> weights) const {
  std::string requirement = hierarchy_.unmet_requirement(slices);
  if (!requirement.empty() || weights.empty()) return requirement;
  return hierarchy_.unmet_weights(weights);
}

Defence::Step::Step(const Defence& defence, std::uint64_t step, std::span<float> gradient,
                    std::span<const float> start)
    : defence_(defence), step_(step), gradient_(gradient), start_(start) {}

bool Defence::Step::begins_early() const {
  const DefencePlan& plan = defence_.parts_.plan;
  return defence_.hierarchy_.is_by_columns() && !defence_.parts_.format.rows_need_decoding() &&
         !plan.keeps_last && plan.num_aggregate == plan.k;
}

void Defence::Step::take(const ReadyColumns& columns) {
  const auto begin = defence_.parts_.clock.now();
  if (columns.begin == 0) {
    early_slices_.assign(columns.slices.begin(), columns.slices.end());
    early_weights_ = defence_.weights_of(early_slices_);
    if (!defence_.unmet(early_slices_, early_weights_).empty()) early_slices_.clear();
  }
  const std::size_t first = columns.begin / sizeof(float);
  const std::size_t last = std::min(columns.end / sizeof(float), gradient_.size());
  if (early_slices_.empty() || first != done_ || first >= last) return;
  std::vector<const float*> rows;
  rows.reserve(columns.answers.size());
  for (const std::byte* answer : columns.answers)
    rows.push_back(reinterpret_cast<const float*>(answer) + first);
  AggregationContext context{.pool = defence_.parts_.pool,
                             .workspace = defence_.parts_.workspace,
                             .step = step_,
                             .weights = early_weights_};
  defence_.hierarchy_.aggregate({rows, last - first}, defence_.parts_.bucket_key,
                                gradient_.subspan(first, last - first), context);
  done_ = last;
  early_s_ += defence_.parts_.clock.seconds_since(begin);
}

bool Defence::Step::is_made_of(std::span<const std::uint32_t> slices) const {
  return done_ == gradient_.size() && std::ranges::equal(slices, early_slices_);
}

std::string Defence::Step::finish(std::span<const std::uint32_t> slices,
                                  const AnswerOf& answer_of) {
  const std::vector<double> weights = defence_.weights_of(slices);
  std::string reason = defence_.unmet(slices, weights);
  if (reason.empty() && !is_made_of(slices)) aggregate(slices, weights, answer_of);
  return reason;
}

void Defence::Step::aggregate(std::span<const std::uint32_t> slices,
                              std::span<const double> weights, const AnswerOf& answer_of) {
  const auto& [plan, format, bucket_key, samples, pool, workspace, clock] = defence_.parts_;
  const Hierarchy& hierarchy = defence_.hierarchy_;
  const std::size_t n = slices.size(), d = gradient_.size();
  if (format.rows_need_decoding() && hierarchy.takes_packed_signs()) {
    std::vector<const std::byte*> packed;
    packed.reserve(n);
    for (const std::uint32_t slice : slices)
      packed.push_back(format.encoded_gradient(answer_of(slice)).data());
    return hierarchy.aggregate_packed_signs(packed, gradient_, pool);
  }
  Workspace::Scope scratch(workspace);
  std::vector<const float*> rows(n);
  if (format.rows_need_decoding()) {
    const std::span<float> decoded = scratch.take<float>(n * d);
    const AnswerFormat& codec = format;
    pool.parallel_for(n, [&, decoded, d](std::size_t i, std::size_t) {
      const std::span<float> row = decoded.subspan(i * d, d);
      codec.decode_gradient(answer_of(slices[i]), row);
      rows[i] = row.data();
    });
  } else {
    for (std::size_t i = 0; i < n; ++i) rows[i] = format.gradient_row(answer_of(slices[i]));
  }
  AggregationContext context{
      .pool = pool, .workspace = workspace, .step = step_, .weights = weights, .start = start_};
  if (!hierarchy.may_reject_rows())
    return hierarchy.aggregate(Rows<float>{rows, d}, bucket_key, gradient_, context);
  AggregationReport report;
  hierarchy.aggregate(Rows<float>{rows, d}, bucket_key, gradient_, context, &report);
  for (const auto& [row, reason] : report.rejected) rejected_.push_back(slices[row]);
}

}  // namespace detox
