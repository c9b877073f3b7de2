#include "exchange/weights_broadcast.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace detox {
namespace {

constexpr std::size_t kBelow = 2;
// Chunks under way to all ranks that are pushed to, and to each of them.
constexpr std::size_t kAllWindows = 64, kLeastWindow = 2, kMostWindow = 16;

/// A chunk may begin in the parameters and end in the statistics.
std::pair<std::span<const std::byte>, std::span<const std::byte>> pieces_of(
    const Chunks& chunks, std::size_t chunk, std::span<const std::byte> first,
    std::span<const std::byte> second) {
  const std::size_t begin = chunks.begin(chunk), end = begin + chunks.size(chunk);
  const auto part = [](std::span<const std::byte> of, std::size_t from, std::size_t to) {
    from = std::min(from, of.size());
    return of.subspan(from, std::min(to, of.size()) - from);
  };
  const std::size_t cut = first.size();
  return {part(first, begin, end),
          part(second, std::max(begin, cut) - cut, std::max(end, cut) - cut)};
}

}  // namespace

std::vector<RelayPlace> relay_tree(std::size_t places) {
  std::vector<RelayPlace> tree(places);
  for (std::size_t place = kBelow; place < places; ++place) {
    tree[place].from = place / kBelow - 1;
    tree[place / kBelow - 1].to.push_back(place);
  }
  return tree;
}

void hash_weights(const Chunks& chunks, std::span<const float> parameters,
                  std::span<const float> statistics, std::span<Digest> digests, ThreadPool& pool) {
  const std::span<const std::byte> first = std::as_bytes(parameters),
                                   second = std::as_bytes(statistics);
  pool.parallel_for(chunks.count(), [&](std::size_t chunk, std::size_t) {
    const auto [a, b] = pieces_of(chunks, chunk, first, second);
    digests[chunk] = DigestBuilder().add(a).add(b).finish();
  });
}

void WeightsBroadcast::begin(std::uint64_t step, std::span<const float> parameters,
                             std::span<const float> statistics, ThreadPool& pool,
                             std::span<const Digest> known) {
  step_ = step;
  pushes_.clear();
  parameters_ = std::as_bytes(parameters);
  statistics_ = std::as_bytes(statistics);
  DETOX_ASSERT(known.empty() || known.size() == digests_.size());
  std::ranges::copy(known, digests_.begin());
  if (known.empty()) hash_weights(chunks_, parameters, statistics, digests_, pool);
}

FrameBytes WeightsBroadcast::frame_of(std::size_t chunk) const {
  const auto [first, second] = pieces_of(chunks_, chunk, parameters_, statistics_);
  return make_weights(step_, chunk, first, second);
}

void WeightsBroadcast::push(std::span<const int> ranks) {
  pushes_.clear();
  for (const int rank : ranks) pushes_.push_back({rank, 0});
  window_ =
      std::clamp(kAllWindows / std::max<std::size_t>(1, ranks.size()), kLeastWindow, kMostWindow);
  push_more();
}

void WeightsBroadcast::push_more() {
  FrameBytes frame;
  std::size_t framed = chunks_.count();  // the chunk in it: most ranks are at the same one
  std::vector<std::size_t> ends;
  for (const Push& push : pushes_) {
    const bool has_left = transport_.is_idle(push.rank);
    ends.push_back(has_left ? std::min(push.next + window_, chunks_.count()) : push.next);
  }
  for (std::size_t turn = 0; turn < window_; ++turn) {
    for (std::size_t i = 0; i < pushes_.size(); ++i) {
      if (pushes_[i].next == ends[i]) continue;
      const std::size_t chunk = pushes_[i].next++;
      if (chunk != framed) frame = frame_of(framed = chunk);
      transport_.send(pushes_[i].rank, frame);
    }
  }
  std::erase_if(pushes_, [this](const Push& push) { return push.next == chunks_.count(); });
}

void WeightsBroadcast::serve(int rank, const AskWeightsView& ask) {
  if (ask.step != step_ || !transport_.is_idle(rank)) return;
  for (const std::uint32_t chunk : ask.chunks) transport_.send(rank, frame_of(chunk));
}

}  // namespace detox
