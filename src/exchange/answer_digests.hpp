// What a worker says of its answer before anybody asks for the bytes: one digest of what it was
// computed for, and one of each chunk. Honest replicas say the same, so this is what is voted on.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "comm/chunks.hpp"

namespace detox {

/// What an answer belongs to. An answer for other weights is another answer, whatever its bytes.
struct AnswerContext {
  std::uint64_t step;
  std::uint32_t slice;
  Digest weights;          ///< digest_of_chunks() of the step's weights
  std::string_view codec;  ///< how the gradient is written
  std::size_t d;           ///< coordinates of the gradient
};

/// SHA-256 over the digests of the chunks, in their order.
Digest digest_of_chunks(std::span<const Digest> chunks);

/// [SHA-256 over protocol version, context, length and chunk size | SHA-256 of each chunk].
std::vector<std::byte> digests_of_answer(const AnswerContext& context, const Chunks& chunks,
                                         std::span<const std::byte> answer);

/// Whether a chunk's bytes are those that the digests promise.
bool is_as_promised(std::span<const std::byte> digests, std::size_t chunk,
                    std::span<const std::byte> bytes);

}  // namespace detox
