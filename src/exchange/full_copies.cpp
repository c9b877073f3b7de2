#include "exchange/full_copies.hpp"

#include <cstring>

namespace detox {

FullCopies::Taken FullCopies::take(std::uint32_t worker, const ChunkView& chunk) {
  Copy& copy = copies_[worker];
  if (chunk.step > copy.step && chunk.chunk == 0) {
    if (copy.bytes.size() == 0) copy.bytes = AlignedBuffer(chunks_.bytes);
    copy.step = chunk.step;
    copy.slice = chunk.slice;
    copy.next = copy.repeat = 0;
  }
  const bool repeats = copy.next == chunks_.count();
  const bool is_next = copy.bytes.size() > 0 && chunk.step == copy.step &&
                       chunk.slice == copy.slice &&
                       chunk.chunk == (repeats ? copy.repeat : copy.next);
  if (!is_next) return Taken::kUnexpected;
  const auto bytes = unpacked(chunk);
  if (!bytes) return Taken::kUnexpected;
  const auto place = chunks_.part(copy.bytes.bytes(), chunk.chunk);
  if (repeats) {
    copy.repeat = (copy.repeat + 1) % chunks_.count();
    return std::memcmp(place.data(), bytes->data(), place.size()) == 0 ? Taken::kRepeats
                                                                       : Taken::kDiffers;
  }
  std::memcpy(place.data(), bytes->data(), place.size());
  return ++copy.next == chunks_.count() ? Taken::kWhole : Taken::kMore;
}

std::optional<std::span<const std::byte>> FullCopies::unpacked(const ChunkView& chunk) {
  if (!chunk.packed) return chunk.bytes;
  unpacked_.resize(chunks_.size(chunk.chunk));
  if (!compressor_ || !compressor_->unpack(chunk.bytes, unpacked_)) return std::nullopt;
  return unpacked_;
}

}  // namespace detox
