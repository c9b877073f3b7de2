// Which chunk of an answer to ask which worker for, when several have promised the same bytes.
// Pure: the time is passed in.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.hpp"

namespace detox {

/// How long a member may keep others waiting: with the chunk whose turn it is, and with everything
/// that it was asked for. The second keeps a window of chunks from being as many turns.
struct ChunkPatience {
  double turn_s, whole_s;
};

/// One slice's answer in one step. Chunks are asked for in their order, of whoever has the fewest
/// outstanding, so the work is spread evenly and the fast do more of it.
class ChunkFetch {
 public:
  static constexpr std::size_t kWindow = 4;  ///< chunks outstanding of one member

  explicit ChunkFetch(std::size_t chunks) : chunks_(chunks) {}

  /// The order in which members are asked; kOwes only if there is nobody else to ask.
  enum class Standing { kNew, kUsual, kSlow, kOwes };
  /// A worker that has promised the bytes; each once.
  void add_member(std::uint32_t worker, Standing standing = Standing::kNew);

  struct Ask {
    std::uint32_t worker;
    std::vector<std::uint32_t> chunks;
  };
  /// What to ask for now, and counts it as asked. A member that takes longer than the patience gets
  /// nothing more until it delivers, and what is outstanding of it is asked of another one, too;
  /// with `of_everybody` what is outstanding of anybody is asked of all.
  std::vector<Ask> ask(Clock::time_point now, const ChunkPatience& patience,
                       bool of_everybody = false);

  /// Whether this member was asked for that chunk and has not sent it.
  bool is_expected(std::uint32_t worker, std::size_t chunk) const;
  bool is_here(std::size_t chunk) const { return chunks_[chunk].here; }

  /// A member has sent a chunk as promised. Returns how long its turn took, in seconds.
  double arrived(std::uint32_t worker, std::size_t chunk, Clock::time_point now);
  /// A member has sent something else: it is asked for nothing more.
  void strike_out(std::uint32_t worker);

  bool is_complete() const { return here_ == chunks_.size(); }
  /// When the longest turn began, and when what is outstanding for longest was asked for, of
  /// members that are not late. Before one of these is as long ago as the patience lasts, time
  /// alone changes nothing.
  struct Since {
    Clock::time_point turn, whole;
  };
  std::optional<Since> waiting_since() const;
  std::size_t members() const { return members_.size(); }
  /// Members that take longer than the patience.
  std::vector<std::uint32_t> overdue() const;
  /// Members who have sent chunks as promised and keep nobody waiting.
  std::vector<std::uint32_t> reliable() const;
  /// Whether every member is struck out or keeps us waiting.
  bool is_stuck() const {
    return is_hopeless([](std::uint32_t) { return true; });
  }
  /// Whether nobody is left to hope for: every member is struck out, or keeps us waiting and is
  /// `known` for it.
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
    Standing standing;
    std::deque<Outstanding> outstanding{};  ///< in the order in which they were asked for
    std::vector<std::uint32_t> asked{};     ///< ever, in this step
    Clock::time_point last_arrival{};
    bool late = false, struck_out = false, delivered = false;
  };
  Member* find(std::uint32_t worker);
  const Member* find(std::uint32_t worker) const;
  bool takes_too_long(const Member& member, Clock::time_point now) const;
  void give_to_others(Member& member);
  bool next_chunk(const Member& member, std::uint32_t& chunk);
  static void ask_of(Member& member, std::uint32_t chunk, Clock::time_point now, Ask& ask);
  void ask_everybody(Clock::time_point now, std::vector<Ask>& asks);

  std::vector<Chunk> chunks_;
  std::vector<Member> members_;      ///< in the order in which they are asked
  ChunkPatience patience_{};         ///< of the latest ask()
  std::deque<std::uint32_t> again_;  ///< chunks to be asked of another member
  std::uint32_t next_ = 0;           ///< the first chunk that nobody was asked for
  std::size_t here_ = 0;
};

}  // namespace detox
