#include "round/commitment.hpp"

#include <fmt/format.h>

#include <cstring>

#include "comm/chunks.hpp"
#include "exchange/answer_digests.hpp"
#include "exchange/weights_broadcast.hpp"

namespace detox {
namespace {

/// Over the digests of its chunks.
Digest digest_of_values(std::span<const float> values, ThreadPool& pool) {
  const Chunks chunks{values.size_bytes()};
  std::vector<Digest> digests(chunks.count());
  hash_weights(chunks, values, {}, digests, pool);
  return digest_of_chunks(digests);
}

}  // namespace

void StateHasher::hash(const ModelView& model, std::span<const float> momentum,
                       std::span<const float> last_aggregate, ThreadPool& pool) {
  const Chunks chunks{model.parameters.size_bytes() + model.statistics.size_bytes()};
  weights_.resize(chunks.count());
  hash_weights(chunks, model.parameters, model.statistics, weights_, pool);
  counters_ = digest_of(std::as_bytes(model.counters));
  momentum_ = digest_of_values(momentum, pool);
  last_aggregate_ = digest_of_values(last_aggregate, pool);
}

Digest StateHasher::digest(std::uint64_t step) const {
  DigestBuilder digest;
  digest.add(fmt::format("detox state after step {}\n", step));
  for (const Digest& part : {digest_of_chunks(weights_), counters_, momentum_, last_aggregate_})
    digest.add(part);
  return digest.finish();
}

WeightsDigests StateHasher::weights() const { return {kChunkBytes, weights_}; }

Digest digest_of_answers(std::uint64_t step, std::span<const UsedAnswer> answers,
                         std::size_t voted_chunk_bytes, ThreadPool& pool) {
  const Chunks chunks{answers.empty() ? 0 : answers.front().bytes.size()};
  const std::size_t count = chunks.count();
  std::vector<Digest> digests(answers.size() * count);
  std::vector<std::size_t> to_hash;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::span<const std::byte> voted = answers[i].voted_digests;
    if (voted_chunk_bytes == kChunkBytes && voted.size() == (1 + count) * sizeof(Digest)) {
      // The first one is of what the answer was computed for.
      std::memcpy(&digests[i * count], voted.data() + sizeof(Digest), count * sizeof(Digest));
    } else {
      to_hash.push_back(i);
    }
  }
  pool.parallel_for(to_hash.size() * count, [&](std::size_t task, std::size_t) {
    const std::size_t i = to_hash[task / count], chunk = task % count;
    digests[i * count + chunk] = digest_of(chunks.part(answers[i].bytes, chunk));
  });
  DigestBuilder all;
  all.add(fmt::format("detox answers of step {}\n", step));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    all.add(fmt::format("slice {}\n", answers[i].slice));
    all.add(digest_of_chunks(std::span(digests).subspan(i * count, count)));
  }
  return all.finish();
}

}  // namespace detox
