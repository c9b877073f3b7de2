#include "run/evaluator.hpp"

#include <algorithm>

namespace detox {

Evaluator::Evaluator(const Dataset& data, const LearnerFactory& make_learner,
                     std::size_t batch_size, ThreadPool& pool)
    : data_(data), batch_size_(batch_size), pool_(pool) {
  for (std::size_t thread = 0; thread < pool.size(); ++thread) learners_.push_back(make_learner());
}

Score Evaluator::score(const ModelState& model) {
  const std::atomic<bool> never{false};
  return *score(model, never, [](std::size_t, std::size_t) {});
}

std::optional<Score> Evaluator::score(
    const ModelState& model, const std::atomic<bool>& stop,
    const std::function<void(std::size_t, std::size_t)>& on_batch) {
  const std::size_t batches = (data_.size() + batch_size_ - 1) / batch_size_;
  std::vector<BatchResult> results(batches);
  std::atomic<std::size_t> done{0};
  pool_.parallel_for(batches, [&](std::size_t batch, std::size_t thread) {
    if (stop) return;
    const std::size_t begin = batch * batch_size_,
                      count = std::min(batch_size_, data_.size() - begin);
    const std::size_t values = data_.shape().values();
    std::vector<float> images(count * values);
    std::vector<std::int64_t> labels(count);
    for (std::size_t i = 0; i < count; ++i) {
      data_.read(begin + i, 0, Key{}, std::span(images).subspan(i * values, values));
      labels[i] = data_.label(begin + i);
    }
    results[batch] = learners_[thread]->evaluate(model, Batch{images, labels});
    on_batch(++done, batches);
  });
  if (stop) return std::nullopt;
  Score score;
  for (const BatchResult& result : results) {  // in the order of the data, whoever was first
    score.loss += result.loss_sum;
    score.prec1 += static_cast<double>(result.correct);
    score.prec5 += static_cast<double>(result.correct_top5);
  }
  const auto samples = static_cast<double>(data_.size());
  return Score{score.loss / samples, 100 * score.prec1 / samples, 100 * score.prec5 / samples};
}

}  // namespace detox
