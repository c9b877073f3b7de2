// Vector code of sign_bits.cpp. How many rows have a coordinate's bit set is counted in planes,
// plane p holding bit p of the counts, so rows are added by carry-save adders: five operations for
// two rows.
#if defined(DETOX_KERNELS_SIGN_BITS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DETOX_KERNELS_SIGN_BITS_INL
#undef DETOX_KERNELS_SIGN_BITS_INL
#else
#define DETOX_KERNELS_SIGN_BITS_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/sign_bits.hpp"
#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace detox {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using WordTag = hn::ScalableTag<std::uint64_t>;
using Words = hn::Vec<WordTag>;
using SignTag = hn::CappedTag<float, 16>;

/// Planes that count up to 65535 rows.
inline constexpr std::size_t kPlanes = 16;
inline constexpr std::size_t kWordBytes = hn::MaxLanes(WordTag()) * sizeof(std::uint64_t);
/// So far ahead of what is read comes the next line: rows are more streams than processors follow.
inline constexpr std::size_t kAhead = 256;
/// StoreMaskBits and LoadMaskBits may touch so many bytes more.
inline constexpr std::size_t kMaskBytes = 8;

/// The bits of one vector of floats, from the lowest lane on.
HWY_INLINE std::uint64_t mask_bits(hn::Mask<SignTag> mask) {
  std::array<std::uint8_t, kMaskBytes> bytes{};
  hn::StoreMaskBits(SignTag(), mask, bytes.data());
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof(bits));
  return bits & ((std::uint64_t{1} << hn::Lanes(SignTag())) - 1);
}

/// Sign bits of 64 values; `odd` has the bits of those of odd coordinate + step.
HWY_INLINE std::uint64_t pack_word(const float* values, std::uint64_t odd) {
  const SignTag d;
  const auto zero = hn::Zero(d);
  std::uint64_t negative = 0, positive = 0;
  for (std::size_t i = 0; i < 64; i += hn::Lanes(d)) {
    const auto value = hn::LoadU(d, values + i);
    negative |= mask_bits(hn::Lt(value, zero)) << i;
    positive |= mask_bits(hn::Gt(value, zero)) << i;
  }
  return negative | (odd & ~positive & ~negative);
}

void pack_all(std::span<const float> values, std::uint64_t step, std::byte* out) {
  // Coordinate i is bit i % 64 of its word, which begins at an even coordinate.
  const std::uint64_t odd = step % 2 == 0 ? 0xAAAAAAAAAAAAAAAAU : 0x5555555555555555U;
  std::size_t i = 0;
  for (; i + 64 <= values.size(); i += 64) {
    const std::uint64_t word = pack_word(values.data() + i, odd);
    std::memcpy(out + i / 8, &word, sizeof(word));
  }
  if (i == values.size()) return;
  std::array<float, 64> rest{};
  std::copy(values.begin() + static_cast<std::ptrdiff_t>(i), values.end(), rest.begin());
  const std::size_t left = values.size() - i;
  const std::uint64_t word = pack_word(rest.data(), odd) & ((std::uint64_t{1} << left) - 1);
  std::memcpy(out + i / 8, &word, packed_sign_bytes(left));
}

/// The bits of 512 coordinates: a line of the caches, in one vector or several.
inline constexpr std::size_t kLineBytes = 64;
inline constexpr std::size_t kParts = kLineBytes / kWordBytes;
using Line = Vectors<Words, kParts>;

/// f(k) for every part k.
template <class F>
HWY_INLINE void for_parts(const F& f) {
#pragma GCC unroll 8
  for (std::size_t k = 0; k < kParts; ++k) f(k);
}

/// The count of set bits among three: `a` becomes its low bit, the high one is returned.
HWY_INLINE Line add(Line& a, const Line& b, const Line& c) {
  Line carry;
  for_parts([&](std::size_t k) HWY_ATTR {
    const Words sum = hn::Xor(a[k], b[k]);
    carry[k] = hn::Or(hn::And(a[k], b[k]), hn::And(sum, c[k]));
    a[k] = hn::Xor(sum, c[k]);
  });
  return carry;
}

/// How many of n rows have each bit set.
class BitCounts {
 public:
  explicit BitCounts(std::size_t n) {
    while ((n >> planes_) > 0) ++planes_;
    for (std::size_t p = 0; p < planes_; ++p)
      for_parts([&](std::size_t k) HWY_ATTR { plane_[p][k] = hn::Zero(WordTag()); });
  }

  /// The k-th pair of rows. Two carries of a plane make one of the next.
  HWY_INLINE void add_pair(std::size_t k, const Line& a, const Line& b) {
    Line carry = add(plane_[0], a, b);
    std::size_t p = 1;
    for (; (k & 1) != 0; k >>= 1, ++p) carry = add(plane_[p], waiting_[p], carry);
    waiting_[p] = carry;
  }

  /// One more row, and the carries that had no second after `pairs` of them.
  HWY_INLINE void finish(std::size_t pairs, const Line* last) {
    if (last != nullptr) ripple(0, *last);
    for (std::size_t p = 1; pairs > 0; pairs >>= 1, ++p) {
      if ((pairs & 1) != 0) ripple(p, waiting_[p]);
    }
  }

  /// Sets the bits of `above` that were counted more than `limit` times, and of `level` exactly so
  /// often.
  HWY_INLINE void compare(std::size_t limit, Line& above, Line& level) const {
    const WordTag d;
    for_parts([&](std::size_t k) HWY_ATTR {
      Words more = hn::Zero(d), equal = hn::Not(hn::Zero(d));
      for (std::size_t p = planes_; p-- > 0;) {
        const Words plane = plane_[p][k];
        if (((limit >> p) & 1) != 0) {
          equal = hn::And(equal, plane);
        } else {
          more = hn::Or(more, hn::And(equal, plane));
          equal = hn::AndNot(plane, equal);
        }
      }
      above[k] = more;
      level[k] = equal;
    });
  }

 private:
  HWY_INLINE void ripple(std::size_t p, Line carry) {
    for (; p < planes_; ++p) {
      for_parts([&](std::size_t k) HWY_ATTR {
        const Words next = hn::And(plane_[p][k], carry[k]);
        plane_[p][k] = hn::Xor(plane_[p][k], carry[k]);
        carry[k] = next;
      });
    }
  }

  std::size_t planes_ = 0;
  Vectors<Line, kPlanes> plane_;
  Vectors<Line, kPlanes + 1> waiting_;
};

/// -1 where `negative` is set, 0 where `tie` is, else 1: as many values as there are bits.
HWY_INLINE void write_signs(const std::uint8_t* negative, const std::uint8_t* tie, float* out) {
  const SignTag d;
  for (std::size_t i = 0; i < 8 * kLineBytes; i += hn::Lanes(d)) {
    std::uint64_t minus = 0, none = 0;
    std::memcpy(&minus, negative + i / 8, sizeof(minus));
    std::memcpy(&none, tie + i / 8, sizeof(none));
    minus >>= i % 8;
    none >>= i % 8;
    const auto is_minus = hn::LoadMaskBits(d, reinterpret_cast<const std::uint8_t*>(&minus));
    const auto is_none = hn::LoadMaskBits(d, reinterpret_cast<const std::uint8_t*>(&none));
    const auto sign = hn::IfThenElse(is_minus, hn::Set(d, -1.0F), hn::Set(d, 1.0F));
    hn::StoreU(hn::IfThenZeroElse(is_none, sign), d, out + i);
  }
}

HWY_INLINE Words load_words(const std::byte* bytes) {
#if HWY_TARGET == HWY_SCALAR  // has no vectors of bytes
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return hn::Set(WordTag(), word);
#else
  const hn::Repartition<std::uint8_t, WordTag> d;
  return hn::BitCast(WordTag(), hn::LoadU(d, reinterpret_cast<const std::uint8_t*>(bytes)));
#endif
}

/// One line of every row, all of it readable.
HWY_INLINE void majority_line(std::span<const std::byte* const> rows, std::size_t offset,
                              float* out) {
  const auto load = [&](std::size_t i) HWY_ATTR {
    const std::byte* bytes = rows[i] + offset;
    hwy::Prefetch(bytes + kAhead);
    Line line;
    for_parts([&](std::size_t k) HWY_ATTR { line[k] = load_words(bytes + k * kWordBytes); });
    return line;
  };
  const std::size_t n = rows.size(), pairs = n / 2;
  BitCounts counts(n);
  for (std::size_t k = 0; k < pairs; ++k) counts.add_pair(k, load(2 * k), load(2 * k + 1));
  if (n % 2 != 0) {
    const Line last = load(n - 1);
    counts.finish(pairs, &last);
  } else {
    counts.finish(pairs, nullptr);
  }
  Line above, level;
  counts.compare(n / 2, above, level);
  constexpr std::size_t kRoom = (kLineBytes + kMaskBytes) / sizeof(std::uint64_t);
  HWY_ALIGN std::uint64_t negative[kRoom] = {};
  HWY_ALIGN std::uint64_t tie[kRoom] = {};
  for_parts([&](std::size_t k) HWY_ATTR {
    constexpr std::size_t kWords = kWordBytes / sizeof(std::uint64_t);
    hn::Store(above[k], WordTag(), negative + k * kWords);
    if (n % 2 == 0) hn::Store(level[k], WordTag(), tie + k * kWords);
  });
  write_signs(reinterpret_cast<const std::uint8_t*>(negative),
              reinterpret_cast<const std::uint8_t*>(tie), out);
}

/// Coordinates [begin, end), begin a multiple of 8.
void majority_of_bits(std::span<const std::byte* const> rows, std::size_t begin, std::size_t end,
                      float* out) {
  constexpr std::size_t kBits = 8 * kLineBytes;
  std::size_t i = begin;
  for (; i + kBits <= end; i += kBits) majority_line(rows, i / 8, out + i);
  for (; i < end; ++i) {  // a line of it might not be there
    std::size_t set = 0;
    for (const std::byte* row : rows)
      set += std::to_integer<std::size_t>(row[i / 8]) >> (i % 8) & 1U;
    out[i] = 2 * set > rows.size() ? -1.0F : 2 * set == rows.size() ? 0.0F : 1.0F;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace detox
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
