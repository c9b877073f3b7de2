#include "report/scalars.hpp"

#include <initializer_list>

namespace detox {

std::vector<Scalar> scalars_of(const StepMetrics& step) {
  const PhaseSeconds& s = step.seconds;
  const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
  std::vector<Scalar> scalars = {{"train/lr", step.lr}};
  if (step.loss) scalars.push_back({"train/loss", *step.loss});
  if (step.accuracy) scalars.push_back({"train/accuracy", *step.accuracy});
  const std::initializer_list<Scalar> rest = {
      {"seconds/broadcast", s.broadcast},
      {"seconds/compute", s.compute},
      {"seconds/receive", s.receive},
      {"seconds/vote", s.vote},
      {"seconds/aggregate", s.aggregate},
      {"seconds/update", s.update},
      {"seconds/commit", s.commit},
      {"seconds/total", s.total},
      {"train/bytes_in", count(step.bytes_in)},
      {"train/bytes_out", count(step.bytes_out)},
      {"train/computed", count(step.computed)},
      {"train/resolved", count(step.resolved)},
      {"train/unresolved", count(step.unresolved)},
      {"train/skipped", step.skipped ? 1.0 : 0.0},
      {"train/diverged", step.diverged ? 1.0 : 0.0},
  };
  scalars.insert(scalars.end(), rest);
  if (step.corrupted) scalars.push_back({"train/corrupted", count(*step.corrupted)});
  return scalars;
}

std::vector<Scalar> scalars_of(const Evaluation& scored) {
  constexpr double kPercent = 100;
  return {{"test/loss", scored.loss},
          {"test/accuracy", scored.prec1 / kPercent},
          {"test/top5_accuracy", scored.prec5 / kPercent}};
}

void Accusations::add(const Observation& seen) {
  if (!is_accusation(seen.kind)) return;
  ++count_;
  accused_.insert(seen.worker);
  if (seen.kind == Suspicion::kConvicted) convicted_.insert(seen.worker);
}

std::vector<Scalar> Accusations::scalars() const {
  return {{"ledger/accusations", static_cast<double>(count_)},
          {"ledger/accused", static_cast<double>(accused_.size())},
          {"ledger/convicted", static_cast<double>(convicted_.size())}};
}

}  // namespace detox
