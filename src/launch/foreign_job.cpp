#include "launch/foreign_job.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "detox/errors.hpp"

namespace detox {
namespace {

std::optional<int> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view word = text;
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < 0) return std::nullopt;
  return value;
}

/// As MPICH's starter and its relatives have it, and as srun has it. SLURM_NTASKS alone is also in
/// the environment of a batch script, whose own number is 0.
std::optional<ForeignJob> job_by(const char* size_variable, const char* rank_variable,
                                 int least_rank) {
  const std::optional<int> size = number_of(size_variable), rank = number_of(rank_variable);
  if (!size || !rank || *size < 2 || *rank < least_rank) return std::nullopt;
  return ForeignJob{fmt::format("{}={}", size_variable, *size), *rank, *size};
}

}  // namespace

std::optional<ForeignJob> foreign_job() {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) return std::nullopt;
  if (auto job = job_by("PMI_SIZE", "PMI_RANK", 0)) return job;
  if (auto job = job_by("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", 0)) return job;
  return job_by("SLURM_NTASKS", "SLURM_PROCID", 1);
}

void refuse_foreign_job() {
  const std::optional<ForeignJob> job = foreign_job();
  if (!job) return;
  const UsageError error(fmt::format(
      "{} says that this is one of {} processes, whose starter is not Open MPI's mpirun: each "
      "would "
      "train by itself; valid: detoxml launch -n {} -- train, called once (in a job of Slurm's by "
      "the batch script), or train --engine local, a run in each process",
      job->variable, job->size, job->size));
  if (job->rank > 0 && isatty(STDERR_FILENO) == 0) std::_Exit(error.exit_code());
  throw error;
}

}  // namespace detox
