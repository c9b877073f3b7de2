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
#include "exchange/chunk_fetch.hpp"
#include "exchange/chunk_pace.hpp"
#include "exchange/step_votes.hpp"

namespace detox {

/// Holds one answer a slice: k times its bytes. Used by one thread; others check chunks meanwhile.
class AnswerFetch {
 public:
  struct Terms {
    std::size_t threads = 1;
    std::size_t q = 0;                      ///< workers that may be liars
    std::string_view compression = "none";  ///< what chunks may be packed with
    double least_patience_s = ChunkPace::kLeastPatienceSeconds;
    BackgroundTasksMaker make_tasks = background_threads;  ///< that check
  };
  AnswerFetch(const Chunks& answer, std::size_t workers, std::size_t slices, const Terms& terms);

  /// A step that lasts so long at most.
  void begin_step(std::uint64_t step, Clock::time_point now, double limit_s);

  /// Takes up slices that have a majority now, and new members of majorities.
  void follow(const StepVotes& votes);

  using Send = std::function<void(std::uint32_t worker, FrameBytes frame)>;
  /// Sends what is to be asked for now.
  void ask(Clock::time_point now, const Send& send);

  /// A frame with a chunk of this step, which is checked from now on. False where it was not asked
  /// for.
  bool take(std::uint32_t worker, ReceivedFrame frame, const ChunkView& chunk);

  /// Books what has been checked, settles slices whose answers are whole, and gives up those that
  /// nobody will deliver. True if something has come that was not there.
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
  void wait_for_all() { tasks_->wait_until_at_most(0); }

  /// The step is over, and what is under way is not delivered. Who still owes what others had to be
  /// asked for is noted, and asked last in the steps to come; who has kept nobody waiting is not
  /// any more.
  void end_step(Clock::time_point now, StepVotes& votes);

 private:
  struct Slice {
    std::optional<ChunkFetch> fetch;
    std::span<const std::byte> digests;
    std::size_t members = 0;  ///< of the majority, that the fetch knows
    bool settled = false, delivered = false;
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
  ChunkPatience patience() const;
  ChunkFetch::Standing standing_of(std::uint32_t worker) const;
  void start_check(Taken& taken);
  void check_one(Taken& taken, bool writes, std::size_t thread);
  bool book_checked(Clock::time_point now, StepVotes& votes);
  bool book(const Taken& taken, Clock::time_point now, StepVotes& votes);

  /// What a thread unpacks with and into.
  struct Unpacking {
    std::unique_ptr<Compressor> compressor;
    std::vector<std::byte> chunk;
  };

  Chunks chunks_;
  std::vector<Unpacking> unpacking_;  ///< one a thread; none where nothing may be packed
  std::uint64_t step_ = 0;
  Clock::time_point begin_{};
  double limit_s_ = 0;
  std::vector<Slice> slices_;
  std::list<Taken> taken_;
  std::vector<std::uint32_t> expected_;  ///< slices of which columns were handed on
  std::size_t handed_on_ = 0;            ///< chunks of these
  ChunkPace pace_;
  /// By worker: the latest step in which it promised and did not deliver, and has not since; or 0.
  std::vector<std::uint64_t> owes_since_;
  std::unique_ptr<BackgroundTasks> tasks_;  ///< the last: they use what is above
};

}  // namespace detox
