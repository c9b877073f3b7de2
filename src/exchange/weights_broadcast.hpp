// The server's side of how weights get to the workers: over a tree of workers that pass each chunk
// on, or to each directly. Whoever gets nothing, or something wrong, asks the server.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/frame.hpp"
#include "detox/thread_pool.hpp"

namespace detox {

/// From whom a worker gets its weights, and to whom it passes them on: places in the list that
/// relay_tree() was given.
struct RelayPlace {
  static constexpr std::size_t kServer = static_cast<std::size_t>(-1);
  std::size_t from = kServer;
  std::vector<std::size_t> to;
};
/// A tree in which the server and every worker pass weights on to at most two others.
std::vector<RelayPlace> relay_tree(std::size_t places);

/// SHA-256 of each chunk of the weights, parameters before statistics: chunks.count() of them. Side
/// by side.
void hash_weights(const Chunks& chunks, std::span<const float> parameters,
                  std::span<const float> statistics, std::span<Digest> digests, ThreadPool& pool);

/// The weights of one step, cut into chunks. Used by one thread; the weights stay as they are until
/// the next begin(). No copy of them is kept but in frames under way.
class WeightsBroadcast {
 public:
  WeightsBroadcast(Transport& transport, const Chunks& chunks)
      : transport_(transport), chunks_(chunks), digests_(chunks.count()) {}

  /// `known`: what hash_weights() gives; empty where nobody has called it yet.
  void begin(std::uint64_t step, std::span<const float> parameters,
             std::span<const float> statistics, ThreadPool& pool,
             std::span<const Digest> known = {});
  std::span<const Digest> digests() const { return digests_; }
  const Chunks& chunks() const { return chunks_; }

  /// Sends all chunks to these ranks, some megabytes at a time; push_more() sends more once those
  /// have left. So a rank that takes nothing in makes the server hold no copy of the weights.
  void push(std::span<const int> ranks);
  void push_more();
  bool is_pushing() const { return !pushes_.empty(); }

  /// Sends the chunks that a worker asks for, unless it has not yet taken what it was sent before:
  /// more would only pile up, and it will ask again.
  void serve(int rank, const AskWeightsView& ask);

 private:
  struct Push {
    int rank;
    std::size_t next;  ///< chunk
  };
  FrameBytes frame_of(std::size_t chunk) const;

  Transport& transport_;
  Chunks chunks_;
  std::uint64_t step_ = 0;
  std::span<const std::byte> parameters_, statistics_;
  std::vector<Digest> digests_;
  std::vector<Push> pushes_;  ///< that have chunks left
  std::size_t window_ = 1;    ///< chunks at a time
};

}  // namespace detox
