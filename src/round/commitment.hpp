// What a step commits to: digests of the state that it leaves and of the answers that it used. The
// same on every engine and for every number of threads. SHA-256 over chunks of 256 KiB, side by
// side: about 1.4 GB/s a core that has instructions for it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/digest.hpp"
#include "base/learner.hpp"
#include "detox/thread_pool.hpp"
#include "round/fleet.hpp"

namespace detox {

/// Holds digests of a state's parts, a few kilobytes. For one thread.
class StateHasher {
 public:
  /// Reads d + s + c values of the model, d of the momentum, and of the rule's last result those
  /// that there are.
  void hash(const ModelView& model, std::span<const float> momentum,
            std::span<const float> last_aggregate, ThreadPool& pool);

  /// Of the state that was hashed last, as that after a step.
  Digest digest(std::uint64_t step) const;

  /// Of its weights, which are those that the next step begins with; none before hash().
  WeightsDigests weights() const;

 private:
  std::vector<Digest> weights_;
  Digest counters_{}, momentum_{}, last_aggregate_{};
};

/// The answer for a slice that a step used.
struct UsedAnswer {
  std::uint32_t slice;
  std::span<const std::byte> bytes;
  std::span<const std::byte> voted_digests;  ///< as digests_of_answer() has them; may be empty
};

/// Over the digests of these answers, in their order. `voted_chunk_bytes`: how long the chunks of
/// `voted_digests` are; where they are as long as ours nothing is hashed again.
Digest digest_of_answers(std::uint64_t step, std::span<const UsedAnswer> answers,
                         std::size_t voted_chunk_bytes, ThreadPool& pool);

}  // namespace detox
