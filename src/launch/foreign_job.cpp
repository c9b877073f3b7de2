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

/// What a starter says to each process: how many there are, and which one it is.
struct Starter {
  const char *size, *rank;
  int least_rank = 0;
  const char* only_with = nullptr;  ///< else the two may be anybody's
};

constexpr Starter kStarters[] = {
    {"PMI_SIZE", "PMI_RANK"},  // MPICH's, and its relatives'
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
    {"SLURM_NTASKS", "SLURM_PROCID", 1},  // also in a batch script, which has number 0
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
    {"WORLD_SIZE", "RANK", 0, "TORCHELASTIC_RUN_ID"}};  // torchrun's

std::optional<ForeignJob> job_by(const Starter& starter) {
  const std::optional<int> size = number_of(starter.size), rank = number_of(starter.rank);
  if (!size || !rank || *size < 2 || *rank < starter.least_rank) return std::nullopt;
  if (starter.only_with != nullptr && std::getenv(starter.only_with) == nullptr)
    return std::nullopt;
  return ForeignJob{fmt::format("{}={}", starter.size, *size), *rank, *size};
}

void refuse(const ForeignJob& job, std::string_view each, std::string_view valid) {
  const UsageError error(fmt::format(
      "{} says that this is one of {} processes, whose starter is not Open MPI's mpirun: each "
      "would {}; valid: {}",
      job.variable, job.size, each, valid));
  if (job.rank > 0 && isatty(STDERR_FILENO) == 0) std::_Exit(error.exit_code());
  throw error;
}

}  // namespace

std::optional<ForeignJob> foreign_job() {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) return std::nullopt;
  for (const Starter& starter : kStarters) {
    if (auto job = job_by(starter)) return job;
  }
  return std::nullopt;
}

void refuse_foreign_job() {
  const std::optional<ForeignJob> job = foreign_job();
  if (!job) return;
  refuse(*job, "train by itself",
         fmt::format("detoxml launch -n {} -- train, called once (in a job of Slurm's by the batch "
                     "script), or train --engine local, a run in each process",
                     job->size));
}

void refuse_any_job(std::string_view command) {
  const std::string once = fmt::format("detoxml {}, called once", command);
  if (const auto job = foreign_job()) refuse(*job, "start all runs", once);
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return;
  throw UsageError(
      fmt::format("{} starts its runs itself; valid: {}, without mpirun", command, once));
}

}  // namespace detox
