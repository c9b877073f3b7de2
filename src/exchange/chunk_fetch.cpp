#include "exchange/chunk_fetch.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace detox {
namespace {

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

void ChunkFetch::add_member(std::uint32_t worker, Standing standing) {
  DETOX_ASSERT(find(worker) == nullptr);
  const auto after = std::ranges::upper_bound(members_, standing, {}, &Member::standing);
  members_.insert(after, Member{worker, standing});
}

ChunkFetch::Member* ChunkFetch::find(std::uint32_t worker) {
  const auto found = std::ranges::find(members_, worker, &Member::worker);
  return found == members_.end() ? nullptr : &*found;
}

const ChunkFetch::Member* ChunkFetch::find(std::uint32_t worker) const {
  const auto found = std::ranges::find(members_, worker, &Member::worker);
  return found == members_.end() ? nullptr : &*found;
}

/// Each chunk once: two members who keep us waiting are enough to have asked unless one is left.
void ChunkFetch::give_to_others(Member& member) {
  for (const Outstanding& outstanding : member.outstanding) {
    Chunk& chunk = chunks_[outstanding.chunk];
    if (chunk.here || chunk.asked_again) continue;
    chunk.asked_again = true;
    again_.push_back(outstanding.chunk);
  }
}

bool ChunkFetch::next_chunk(const Member& member, std::uint32_t& chunk) {
  for (auto it = again_.begin(); it != again_.end(); ++it) {
    if (std::ranges::find(member.asked, *it) != member.asked.end()) continue;
    chunk = *it;
    again_.erase(it);
    if (chunks_[chunk].here) return next_chunk(member, chunk);
    chunks_[chunk].asked_again = false;  // may have to be asked of a third one
    return true;
  }
  if (next_ == chunks_.size()) return false;
  chunk = next_++;
  return true;
}

bool ChunkFetch::takes_too_long(const Member& member, Clock::time_point now) const {
  if (member.struck_out || member.outstanding.empty()) return false;
  const auto asked = member.outstanding.front().asked;
  return seconds_between(std::max(asked, member.last_arrival), now) > patience_.turn_s ||
         seconds_between(asked, now) > patience_.whole_s;
}

void ChunkFetch::ask_of(Member& member, std::uint32_t chunk, Clock::time_point now, Ask& ask) {
  member.outstanding.push_back({chunk, now});
  member.asked.push_back(chunk);
  ask.chunks.push_back(chunk);
}

/// No window bounds this: what is outstanding is a window of each member at most.
void ChunkFetch::ask_everybody(Clock::time_point now, std::vector<Ask>& asks) {
  for (std::uint32_t chunk = 0; chunk < next_; ++chunk) {
    if (chunks_[chunk].here) continue;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Member& member = members_[i];
      if (member.struck_out || std::ranges::find(member.asked, chunk) != member.asked.end())
        continue;
      ask_of(member, chunk, now, asks[i]);
    }
  }
}

std::vector<ChunkFetch::Ask> ChunkFetch::ask(Clock::time_point now, const ChunkPatience& patience,
                                             bool of_everybody) {
  patience_ = patience;
  for (Member& member : members_) {
    if (member.late || !takes_too_long(member, now)) continue;
    member.late = true;
    give_to_others(member);
  }
  const bool others_left = std::ranges::any_of(members_, [](const Member& member) {
    return !member.late && !member.struck_out && member.standing != Standing::kOwes;
  });
  std::vector<Ask> asks;
  for (const Member& member : members_) asks.push_back({member.worker, {}});
  for (bool gave = true; gave;) {
    gave = false;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Member& member = members_[i];
      std::uint32_t chunk = 0;
      if (member.late || member.struck_out || member.outstanding.size() >= kWindow) continue;
      if (member.standing == Standing::kOwes && others_left) continue;
      if (!next_chunk(member, chunk)) continue;
      ask_of(member, chunk, now, asks[i]);
      gave = true;
    }
  }
  if (of_everybody) ask_everybody(now, asks);
  std::erase_if(asks, [](const Ask& ask) { return ask.chunks.empty(); });
  return asks;
}

bool ChunkFetch::is_expected(std::uint32_t worker, std::size_t chunk) const {
  const Member* member = find(worker);
  return member != nullptr && !member->struck_out &&
         std::ranges::any_of(member->outstanding,
                             [&](const Outstanding& item) { return item.chunk == chunk; });
}

double ChunkFetch::arrived(std::uint32_t worker, std::size_t chunk, Clock::time_point now) {
  DETOX_ASSERT(is_expected(worker, chunk));
  Member& member = *find(worker);
  const auto item = std::ranges::find_if(
      member.outstanding, [&](const Outstanding& other) { return other.chunk == chunk; });
  const double seconds = seconds_between(std::max(item->asked, member.last_arrival), now);
  member.outstanding.erase(item);
  member.last_arrival = now;
  member.delivered = true;
  member.late = member.late && takes_too_long(member, now);
  if (!chunks_[chunk].here) ++here_;
  chunks_[chunk].here = true;
  return seconds;
}

void ChunkFetch::strike_out(std::uint32_t worker) {
  Member& member = *find(worker);
  member.struck_out = true;
  give_to_others(member);
  member.outstanding.clear();
}

std::optional<ChunkFetch::Since> ChunkFetch::waiting_since() const {
  std::optional<Since> since;
  for (const Member& member : members_) {
    if (member.late || member.outstanding.empty()) continue;
    const auto asked = member.outstanding.front().asked;
    const auto turn = std::max(asked, member.last_arrival);
    if (!since) since = {turn, asked};
    since = {std::min(since->turn, turn), std::min(since->whole, asked)};
  }
  return since;
}

std::vector<std::uint32_t> ChunkFetch::overdue() const {
  std::vector<std::uint32_t> workers;
  for (const Member& member : members_) {
    if (!member.struck_out && member.late) workers.push_back(member.worker);
  }
  return workers;
}

std::vector<std::uint32_t> ChunkFetch::reliable() const {
  std::vector<std::uint32_t> workers;
  for (const Member& member : members_) {
    if (!member.struck_out && member.delivered && !member.late) workers.push_back(member.worker);
  }
  return workers;
}

}  // namespace detox
