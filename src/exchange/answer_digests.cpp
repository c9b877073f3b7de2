#include "exchange/answer_digests.hpp"

#include <fmt/format.h>

#include <cstring>

#include "comm/frame.hpp"

namespace detox {

Digest digest_of_chunks(std::span<const Digest> chunks) { return digest_of(std::as_bytes(chunks)); }

std::vector<std::byte> digests_of_answer(const AnswerContext& context, const Chunks& chunks,
                                         std::span<const std::byte> answer) {
  DigestBuilder digest;
  digest.add(fmt::format("detox answer {} step {} slice {} float32 {} d {} bytes {} chunks {}\n",
                         kWireVersion, context.step, context.slice, context.codec, context.d,
                         chunks.bytes, chunks.chunk_bytes));
  std::vector<Digest> digests{digest.add(context.weights).finish()};
  digests.reserve(1 + chunks.count());
  for (std::size_t chunk = 0; chunk < chunks.count(); ++chunk)
    digests.push_back(digest_of(chunks.part(answer, chunk)));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(digests));
  return {bytes.begin(), bytes.end()};
}

bool is_as_promised(std::span<const std::byte> digests, std::size_t chunk,
                    std::span<const std::byte> bytes) {
  const Digest digest = digest_of(bytes);
  return std::memcmp(digest.data(), digests.data() + (1 + chunk) * sizeof(Digest),
                     sizeof(Digest)) == 0;
}

}  // namespace detox
