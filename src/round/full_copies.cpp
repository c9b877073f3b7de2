#include "round/full_copies.hpp"

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
  const bool is_next =
      copy.bytes.size() > 0 && chunk.step == copy.step && chunk.slice == copy.slice;
  if (!is_next) return Taken::kUnexpected;
  const auto place = chunks_.part(copy.bytes.bytes(), chunk.chunk);
  if (copy.next == chunks_.count()) {
    if (chunk.chunk != copy.repeat) return Taken::kUnexpected;
    copy.repeat = (copy.repeat + 1) % chunks_.count();
    return std::memcmp(place.data(), chunk.bytes.data(), place.size()) == 0 ? Taken::kMore
                                                                            : Taken::kDiffers;
  }
  if (chunk.chunk != copy.next) return Taken::kUnexpected;
  std::memcpy(place.data(), chunk.bytes.data(), place.size());
  return ++copy.next == chunks_.count() ? Taken::kWhole : Taken::kMore;
}

}  // namespace detox
