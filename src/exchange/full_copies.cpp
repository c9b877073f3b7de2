#include "exchange/full_copies.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace detox {

const FullCopies::Copy* FullCopies::find(std::uint32_t worker, std::uint64_t step,
                                         std::uint32_t slice) const {
  const auto found = std::ranges::find_if(
      copies_[worker], [&](const Copy& copy) { return copy.step == step && copy.slice == slice; });
  return found == copies_[worker].end() ? nullptr : &*found;
}

/// The copy that the chunk belongs to. A first chunk begins one, where there was one of an earlier
/// step, or none yet; nothing where there is no place.
FullCopies::Copy* FullCopies::place_of(std::uint32_t worker, const ChunkView& chunk) {
  std::vector<Copy>& copies = copies_[worker];
  if (const Copy* same = find(worker, chunk.step, chunk.slice))
    return &copies[static_cast<std::size_t>(same - copies.data())];
  if (chunk.chunk != 0 || chunk.step == 0) return nullptr;
  auto place =
      std::ranges::find_if(copies, [&](const Copy& copy) { return copy.step < chunk.step; });
  if (place == copies.end()) {
    if (copies.size() == at_once_) return nullptr;
    copies.push_back({.bytes = AlignedBuffer(chunks_.bytes)});
    place = copies.end() - 1;
  }
  place->step = chunk.step;
  place->slice = chunk.slice;
  place->next = place->repeat = 0;
  return &*place;
}

std::span<const std::byte> FullCopies::answer(std::uint32_t worker, std::uint64_t step,
                                              std::uint32_t slice) const {
  const Copy* copy = find(worker, step, slice);
  DETOX_ASSERT(copy != nullptr);
  return copy->bytes.bytes();
}

FullCopies::Taken FullCopies::take(std::uint32_t worker, const ChunkView& chunk) {
  Copy* place_of_copy = place_of(worker, chunk);
  if (place_of_copy == nullptr) return Taken::kUnexpected;
  Copy& copy = *place_of_copy;
  const bool repeats = copy.next == chunks_.count();
  if (chunk.chunk != (repeats ? copy.repeat : copy.next)) return Taken::kUnexpected;
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
