// The server's side of digest voting: once a majority has said what a slice's answer is, its bytes
// are fetched from whoever has promised them, chunk by chunk, each checked as it arrives.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/background_tasks.hpp"
#include "comm/compression/compressor.hpp"
#include "comm/frame.hpp"
#include "round/chunk_fetch.hpp"
#include "round/fleet.hpp"

namespace detox {

/// Holds one answer a slice: k times its bytes. Used by one thread; others check chunks meanwhile.
class AnswerFetch {
 public:
  using Clock = ChunkFetch::Clock;

  /// `threads` that check; `compression`: what chunks may be packed with.
  AnswerFetch(const Chunks& answer, std::size_t workers, std::size_t slices, std::size_t threads,
              std::string_view compression = "none",
              double least_patience_s = ChunkPace::kLeastPatienceSeconds);

  void begin_step(std::uint64_t step);

  /// Takes up slices that have a majority now, and new members of majorities.
  void follow(const StepVotes& votes);

  using Send = std::function<void(std::uint32_t worker, FrameBytes frame)>;
  /// Sends what is to be asked for now.
  void ask(Clock::time_point now, const Send& send);

  /// A frame with a chunk of this step, which is checked from now on. False where it was not asked
  /// for.
  bool take(std::uint32_t worker, ReceivedFrame frame, const ChunkView& chunk);

  /// Books what has been checked, settles slices whose answers are whole, and gives up those that
  /// nobody will deliver. True if something useful has come.
  bool check(Clock::time_point now, StepVotes& votes);

  /// Tells of the chunks that have come of every slice that can be expected, since the last call.
  void hand_on_columns(const StepVotes& votes,
                       const std::function<void(const ReadyColumns&)>& on_columns);

  /// Whether a slice's answer is under way.
  bool is_fetching(std::uint32_t slice) const {
    return slices_[slice].fetch && !slices_[slice].settled;
  }
  bool is_fetching() const;
  /// How many chunks are being checked, or are and wait for check().
  std::size_t taken() const { return taken_.size(); }
  /// Waits until one of them has been checked, or all.
  void wait_for_one();
  void wait_for_all() { tasks_.wait_until_at_most(0); }

  /// The time is over: what is under way is not delivered, and who kept it waiting is noted.
  void run_out_of_time(StepVotes& votes);

 private:
  struct Slice {
    std::optional<ChunkFetch> fetch;
    std::span<const std::byte> digests;
    std::size_t members = 0;  ///< of the majority, that the fetch knows
    bool settled = false;
    AlignedBuffer answer;
  };
  struct Taken {
    std::uint32_t worker, slice;
    std::size_t chunk;
    ReceivedFrame frame;
    std::span<const std::byte> bytes;
    bool packed;
    bool deferred = false;  ///< the same chunk of another member is being checked
    std::atomic<bool> is_checked = false;
    bool as_promised = false;
  };
  void settle(std::uint32_t slice, StepVotes& votes, bool delivered);
  void start_check(Taken& taken);
  void check_one(Taken& taken, bool writes, std::size_t thread);
  bool book_checked(Clock::time_point now, StepVotes& votes);
  void book(const Taken& taken, Clock::time_point now, StepVotes& votes);

  /// What a thread unpacks with and into.
  struct Unpacking {
    std::unique_ptr<Compressor> compressor;
    std::vector<std::byte> chunk;
  };

  Chunks chunks_;
  std::vector<Unpacking> unpacking_;  ///< one a thread; none where nothing may be packed
  std::uint64_t step_ = 0;
  std::vector<Slice> slices_;
  std::list<Taken> taken_;
  std::vector<std::uint32_t> expected_;  ///< slices of which columns were handed on
  std::size_t handed_on_ = 0;            ///< chunks of these
  ChunkPace pace_;
  std::vector<bool> owes_;  ///< by worker: has promised and not delivered, and has not since
  BackgroundTasks tasks_;   ///< the last: they use what is above
};

}  // namespace detox
