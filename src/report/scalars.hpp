// What TensorBoard shows of a run: numbers by tag, the same from a run that goes on and from one
// that has ended.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "record/attackers_file.hpp"
#include "report/event_record.hpp"
#include "review/evaluations.hpp"
#include "review/metrics.hpp"

namespace detox {

/// Of a step: train/loss, train/accuracy, …, seconds/vote, … What a step has not is left out.
std::vector<Scalar> scalars_of(const StepMetrics& step);

/// Of a scored checkpoint: test/loss, test/accuracy, test/top5_accuracy.
std::vector<Scalar> scalars_of(const Evaluation& scored);

/// What the ledger has come to: ledger/accusations, and the workers that were accused
/// (ledger/accused) and convicted (ledger/convicted) so far.
class Accusations {
 public:
  void add(const Observation& seen);
  std::vector<Scalar> scalars() const;

 private:
  std::uint64_t count_ = 0;
  std::set<std::uint32_t> accused_, convicted_;
};

}  // namespace detox
