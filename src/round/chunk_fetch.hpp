// Which chunk of an answer to ask which worker for, when several have promised the same bytes.
// Pure: the time is passed in.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

namespace detox {

/// How long a chunk takes, and how long is too long: three times the median of the latest 64, and
/// never less than what a busy machine may take.
class ChunkPace {
 public:
  static constexpr double kLeastPatienceSeconds = 0.1, kFirstPatienceSeconds = 1;
  explicit ChunkPace(double least_s = kLeastPatienceSeconds)
      : least_s_(least_s), patience_s_(std::max(kFirstPatienceSeconds, least_s)) {}
  void add(double seconds);
  double patience_s() const { return patience_s_; }

 private:
  std::vector<double> latest_;
  std::size_t next_ = 0;
  double least_s_, patience_s_;
};

/// One slice's answer in one step. Chunks are asked for in their order, of whoever has the fewest
/// outstanding, so the work is spread evenly and the fast do more of it.
class ChunkFetch {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kWindow = 4;  ///< chunks outstanding of one member

  explicit ChunkFetch(std::size_t chunks) : chunks_(chunks) {}

  /// A worker that has promised the bytes; each once.
  void add_member(std::uint32_t worker);

  struct Ask {
    std::uint32_t worker;
    std::vector<std::uint32_t> chunks;
  };
  /// What to ask for now, and counts it as asked. A member whose turn takes longer than the
  /// patience gets nothing more until it delivers, and what is outstanding of it is asked of
  /// another one, too.
  std::vector<Ask> ask(Clock::time_point now, double patience_s);

  /// Whether this member was asked for that chunk and has not sent it.
  bool is_expected(std::uint32_t worker, std::size_t chunk) const;
  bool is_here(std::size_t chunk) const { return chunks_[chunk].here; }

  /// A member has sent a chunk as promised. Returns how long its turn took, in seconds.
  double arrived(std::uint32_t worker, std::size_t chunk, Clock::time_point now);
  /// A member has sent something else: it is asked for nothing more.
  void strike_out(std::uint32_t worker);

  bool is_complete() const { return here_ == chunks_.size(); }
  /// Members whose turn takes longer than the patience.
  std::vector<std::uint32_t> overdue() const;
  /// Members who have sent chunks as promised and keep nobody waiting.
  std::vector<std::uint32_t> reliable() const;
  /// Whether there is nobody to hope for: all are struck out, or keep us waiting and are `known`
  /// for it.
  template <class Known>
  bool is_hopeless(Known known) const {
    for (const Member& member : members_) {
      if (!member.struck_out && !(member.late && known(member.worker))) return false;
    }
    return true;
  }

 private:
  struct Chunk {
    bool here = false;
    bool asked_again = false;
  };
  struct Outstanding {
    std::uint32_t chunk;
    Clock::time_point asked;
  };
  struct Member {
    std::uint32_t worker;
    std::deque<Outstanding> outstanding;  ///< in the order in which they were asked for
    std::vector<std::uint32_t> asked;     ///< ever, in this step
    Clock::time_point last_arrival{};
    bool late = false, struck_out = false, delivered = false;
  };
  Member* find(std::uint32_t worker);
  const Member* find(std::uint32_t worker) const;
  void give_to_others(Member& member);
  bool next_chunk(const Member& member, std::uint32_t& chunk);

  std::vector<Chunk> chunks_;
  std::vector<Member> members_;
  std::deque<std::uint32_t> again_;  ///< chunks to be asked of another member
  std::uint32_t next_ = 0;           ///< the first chunk that nobody was asked for
  std::size_t here_ = 0;
};

}  // namespace detox
