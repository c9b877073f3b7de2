// MPI's beginning and end in this process. No MPI type is in this header.
#pragma once

#include <map>
#include <set>
#include <string>

#include "comm/mpi_job.hpp"
#include "comm/under_mpi.hpp"

namespace detox {

/// "Open MPI 4.1.4": the library that is loaded, which may be another than was compiled against.
/// Initialises nothing.
std::string mpi_version();

/// MPI from construction to destruction, on one thread (MPI_THREAD_FUNNELED), with errors returned
/// and not fatal. One in a process, made on the main thread after the numerical profile was pinned.
/// Throws InputError.
///
/// MPI_Finalize waits for the other ranks, and for ever where one of them has died. So the ranks
/// meet before it: each tells rank 0 that it has come to its end, and rank 0 tells all to finalize
/// once everybody has, or to leave without it where a rank is lost() or does not come within
/// finalize_seconds. Everything that the run leaves must be on disk before. Rank 0 itself then
/// leaves, where a launcher or mpirun --enable-recovery looks after the others, and else aborts the
/// job with its own exit code, so that this is mpirun's too (where a rank just left, mpirun would
/// call that an accident). A rank that hears nothing leaves after twice the time, and so does one
/// whose MPI_Finalize hangs all the same. A process that ends because of an error uses
/// leave_without_finalize().
class MpiSession {
 public:
  /// MPI_Init waits for all ranks. Where they are not there after start_seconds (0: no limit), rank
  /// 0 says so and ends with exit code 1, and with it mpirun the others; these end by themselves
  /// some seconds later, should mpirun not do it (--enable-recovery).
  explicit MpiSession(unsigned finalize_seconds = kFinalizeSeconds, unsigned start_seconds = 0);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  /// What this process is about to end with, in case that it has to leave without main's return; 0
  /// unless it was told.
  static void exits_with(int exit_code);

  /// On rank 0: this rank has died or is silent, and the job's end does not wait for it.
  void lost(int rank) { lost_.insert(rank); }

  /// What ranks say to each other before they end, one character, comes under this tag. A transport
  /// takes in all messages, and keeps the first such word of each rank for the session.
  static constexpr int kEndTag = 2;
  void keep_end_word(int from, char word) { end_words_.emplace(from, word); }

  int rank() const { return rank_; }
  int size() const { return size_; }

 private:
  int rank_ = 0;
  int size_ = 1;
  unsigned finalize_seconds_;
  std::set<int> lost_;
  std::map<int, char> end_words_;  ///< that have come already
};

}  // namespace detox
