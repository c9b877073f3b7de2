// The server's side of digest voting: once a majority has said what a slice's answer is, its bytes
// are fetched from whoever has promised them, chunk by chunk, each checked as it arrives.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "comm/frame.hpp"
#include "detox/thread_pool.hpp"
#include "round/chunk_fetch.hpp"
#include "round/fleet.hpp"

namespace detox {

/// Holds one answer a slice: k times its bytes. Used by one thread; the pool, which checks chunks,
/// outlives it.
class AnswerFetch {
 public:
  using Clock = ChunkFetch::Clock;

  AnswerFetch(const Chunks& answer, std::size_t workers, std::size_t slices, ThreadPool& pool);

  void begin_step(std::uint64_t step);

  /// Takes up slices that have a majority now, and new members of majorities.
  void follow(const StepVotes& votes);

  using Send = std::function<void(std::uint32_t worker, FrameBytes frame)>;
  /// Sends what is to be asked for now.
  void ask(Clock::time_point now, const Send& send);

  /// A frame with a chunk of this step. False where it was not asked for. The frame is kept until
  /// check().
  bool take(std::uint32_t worker, ReceivedFrame frame, const ChunkView& chunk);

  /// Checks what was taken, settles slices whose answers are whole, and gives up those that nobody
  /// will deliver. True if something useful has come.
  bool check(Clock::time_point now, StepVotes& votes);

  /// Tells of the chunks that have come of every slice that can be expected, since the last call.
  void hand_on_columns(const StepVotes& votes,
                       const std::function<void(const ReadyColumns&)>& on_columns);

  /// Whether a slice's answer is under way.
  bool is_fetching(std::uint32_t slice) const {
    return slices_[slice].fetch && !slices_[slice].settled;
  }
  bool is_fetching() const;
  /// How many chunks are waiting for check().
  std::size_t taken() const { return taken_.size(); }

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
    bool as_promised = false;
  };
  void settle(std::uint32_t slice, StepVotes& votes, bool delivered);
  void check_one(Taken& taken);
  void book(const Taken& taken, Clock::time_point now, StepVotes& votes);

  Chunks chunks_;
  ThreadPool& pool_;
  std::uint64_t step_ = 0;
  std::vector<Slice> slices_;
  std::vector<Taken> taken_;
  std::vector<std::uint32_t> expected_;  ///< slices of which columns were handed on
  std::size_t handed_on_ = 0;            ///< chunks of these
  ChunkPace pace_;
  std::vector<bool> owes_;  ///< by worker: has promised and not delivered, and has not since
};

}  // namespace detox
