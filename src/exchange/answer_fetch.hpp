// The server's side of digest voting: once a majority has said what a slice's answer is, its bytes
// are fetched from whoever has promised them, chunk by chunk, each checked as it arrives.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <queue>
#include <utility>
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

  /// Begins a step that lasts at most `limit_s`. The votes outlive the step.
  void begin_step(std::uint64_t step, Clock::time_point now, double limit_s, StepVotes& votes);

  /// Call it after an answer was counted in this slice: if the slice has a majority, begins to
  /// fetch it and adds the workers who are new in the majority. If it had one and has none any
  /// more, what has come is thrown away.
  void follow(std::uint32_t slice);

  using Send = std::function<void(std::uint32_t worker, FrameBytes frame)>;
  /// Sends what is to be asked for now. Looks at the slices to which something has happened, or of
  /// which somebody is late.
  void ask(Clock::time_point now, const Send& send);

  /// A frame with a chunk of this step, which is checked from now on. False where it was not asked
  /// for.
  bool take(std::uint32_t worker, ReceivedFrame frame, const ChunkView& chunk);

  /// Books what has been checked, settles slices whose answers are whole, and gives up those that
  /// nobody will deliver. True if something has come that was not there.
  bool check(Clock::time_point now);

  /// Tells of the chunks that have come of every slice that can be expected, since the last call.
  void hand_on_columns(const std::function<void(const ReadyColumns&)>& on_columns);

  /// The answer of some slice of this step did not come this way: columns are not handed on.
  void note_answer_elsewhere() { others_are_elsewhere_ = true; }

  /// How many slices' answers are under way.
  std::size_t under_way() const { return fetched_ - settled_; }
  /// How many chunks are being checked, or are and wait for check().
  std::size_t taken() const { return taken_.size(); }
  /// Waits until one of them has been checked, or all.
  void wait_for_one();
  void wait_for_all() { tasks_->wait_until_at_most(0); }

  /// Ends the step; what is still under way counts as not delivered. Notes the workers who still
  /// owe chunks that others had to be asked for: the next steps ask them last. Clears the workers
  /// who kept nobody waiting.
  void end_step(Clock::time_point now);

 private:
  struct Slice {
    std::optional<ChunkFetch> fetch;  ///< from its majority on
    std::span<const std::byte> digests;
    bool is_touched = false;  ///< is one of touched_
    bool is_settled = false;
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
  bool is_under_way(std::uint32_t slice) const {
    return slices_[slice].fetch && votes_->state(slice) == SliceState::kMajority;
  }
  void drop(std::uint32_t slice);
  void note_overdue(std::uint32_t slice);
  void touch(std::uint32_t slice);
  /// Slices, the one first of which somebody is waited for longest. That may be over already.
  using Queue =
      std::priority_queue<std::pair<Clock::time_point, std::uint32_t>,
                          std::vector<std::pair<Clock::time_point, std::uint32_t>>, std::greater<>>;
  void touch_late(Queue& queue, double limit_s, Clock::time_point now);
  void touch_all();
  void ask_for(std::uint32_t slice, Clock::time_point now, const Send& send);
  bool is_hopeless(const ChunkFetch& fetch) const;
  void settle(std::uint32_t slice, bool delivered);
  ChunkPatience patience() const;
  ChunkFetch::Standing standing_of(std::uint32_t worker) const;
  void start_check(Taken& taken);
  void check_one(Taken& taken, bool writes, std::size_t thread);
  bool book_checked(Clock::time_point now);
  bool book(const Taken& taken, Clock::time_point now);

  /// What a thread unpacks with and into.
  struct Unpacking {
    std::unique_ptr<Compressor> compressor;
    std::vector<std::byte> chunk;
  };

  Chunks chunks_;
  std::vector<Unpacking> unpacking_;  ///< one a thread; none where nothing may be packed
  StepVotes* votes_ = nullptr;
  std::uint64_t step_ = 0;
  Clock::time_point begin_{};
  double limit_s_ = 0;
  std::vector<Slice> slices_;
  std::vector<std::uint32_t> touched_;  ///< slices to which something has happened since ask()
  Queue turns_, windows_;               ///< by ChunkFetch::Since
  bool of_everybody_ = false;           ///< what is outstanding is asked of all
  std::size_t fetched_ = 0, settled_ = 0, given_up_ = 0;  ///< slices; of these; of these
  std::list<Taken> taken_;
  std::uint32_t first_open_ = 0;   ///< no slice before it is open
  std::vector<std::size_t> here_;  ///< by chunk: of how many fetched slices that are not given up
  std::size_t expected_ = 0;       ///< slices of which columns were handed on
  std::size_t handed_on_ = 0;      ///< chunks of these
  bool others_are_elsewhere_ = false;
  ChunkPace pace_;
  /// By worker: the latest step in which it promised and did not deliver, and has not since; or 0.
  std::vector<std::uint64_t> owes_since_;
  std::unique_ptr<BackgroundTasks> tasks_;  ///< the last: they use what is above
};

}  // namespace detox
