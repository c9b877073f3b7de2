// The folder of an experiment (docs/experiments.md): its runs and its results.
#pragma once

#include <filesystem>
#include <string>

#include "base/process_lock.hpp"
#include "experiment/result_rows.hpp"

namespace detox {

/// InputError where the folder holds something else. Changes nothing.
void check_experiment_folder(const std::filesystem::path& dir);

/// Holds the folder's lock as long as it lives.
class ExperimentDirectory {
 public:
  /// Makes the folder, and says in it whose it is. InputError where it holds something else, cannot
  /// be written, or another process is at work there.
  ExperimentDirectory(std::filesystem::path dir, const std::string& name,
                      const std::string& command);

  /// What is known so far, for programs.
  void write(const Results& results) const;

  /// Prints the table, and leaves it with its figures.
  void conclude(const Results& results) const;

 private:
  std::filesystem::path dir_;
  ProcessLock lock_;
};

}  // namespace detox
