// Aside: checkpoints -> loss and accuracy over a test set.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "detox/thread_pool.hpp"

namespace detox {

struct Score {
  double loss = 0;              ///< mean cross entropy
  double prec1 = 0, prec5 = 0;  ///< percent
};

/// One learner a thread; the data set outlives it. The score does not depend on the number of
/// threads.
class Evaluator {
 public:
  Evaluator(const Dataset& data, const LearnerFactory& make_learner, std::size_t batch_size,
            ThreadPool& pool);
  const ModelLayout& layout() const { return learners_.front()->layout(); }
  /// Empty if `stop` became true: it ends after the current batch. Calls `on_batch` after each
  /// batch, on any thread, with the number done and the total.
  std::optional<Score> score(const ModelState& model, const std::atomic<bool>& stop,
                             const std::function<void(std::size_t, std::size_t)>& on_batch);
  Score score(const ModelState& model);

 private:
  const Dataset& data_;
  std::size_t batch_size_;
  ThreadPool& pool_;
  std::vector<std::unique_ptr<Learner>> learners_;
};

}  // namespace detox
