// The folder that a search owns (docs/tuning.md): what it varies, its runs and its results.
#pragma once

#include <filesystem>
#include <vector>

#include "base/process_lock.hpp"
#include "experiment/trial.hpp"

namespace detox {

/// Refuses a folder that holds something else (InputError), or a search whose options differ in
/// another way than by what is swept now or was swept before (UsageError with what differs). A
/// folder that is not there, or is empty, is fine. Changes nothing.
void check_same_search(const std::filesystem::path& dir, const RunConfig& base,
                       const std::vector<Sweep>& sweeps);

/// Where each run lies, or is to lie: the folder that has its identity, whatever was swept when it
/// was made.
std::vector<std::filesystem::path> run_folders(const std::filesystem::path& dir,
                                               const std::vector<Trial>& trials);

/// Holds the folder's lock as long as it lives.
class TuneDirectory {
 public:
  /// Makes the folder, checks as check_same_search() and writes down what is varied. InputError
  /// where it cannot be written or another process tunes there.
  TuneDirectory(std::filesystem::path dir, const RunConfig& base, const std::vector<Sweep>& sweeps);

  const std::filesystem::path& path() const { return dir_; }

 private:
  std::filesystem::path dir_;
  ProcessLock lock_;
};

}  // namespace detox
