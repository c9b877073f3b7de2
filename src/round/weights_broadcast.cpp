#include "round/weights_broadcast.hpp"

#include <algorithm>
#include <utility>

namespace detox {
namespace {

constexpr std::size_t kBelow = 2;

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

void WeightsBroadcast::begin(std::uint64_t step, std::span<const float> parameters,
                             std::span<const float> statistics, ThreadPool& pool) {
  step_ = step;
  parameters_ = std::as_bytes(parameters);
  statistics_ = std::as_bytes(statistics);
  pool.parallel_for(chunks_.count(), [this](std::size_t chunk, std::size_t) {
    const auto [first, second] = pieces_of(chunks_, chunk, parameters_, statistics_);
    digests_[chunk] = DigestBuilder().add(first).add(second).finish();
  });
}

FrameBytes WeightsBroadcast::frame_of(std::size_t chunk) const {
  const auto [first, second] = pieces_of(chunks_, chunk, parameters_, statistics_);
  return make_weights(step_, chunk, first, second);
}

void WeightsBroadcast::push(std::span<const int> ranks) {
  if (ranks.empty()) return;
  for (std::size_t chunk = 0; chunk < chunks_.count(); ++chunk) {
    const FrameBytes frame = frame_of(chunk);
    for (const int rank : ranks) transport_.send(rank, frame);
  }
}

void WeightsBroadcast::serve(int rank, const AskWeightsView& ask) {
  if (ask.step != step_ || !transport_.flush(rank, std::chrono::milliseconds(0))) return;
  for (const std::uint32_t chunk : ask.chunks) transport_.send(rank, frame_of(chunk));
}

}  // namespace detox
