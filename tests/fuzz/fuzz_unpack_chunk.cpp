// Any bytes as a packed chunk: they are refused or fill exactly what was asked for. Input and
// output end where a page ends that nobody may touch, because the libraries that unpack are not
// instrumented. The first three bytes choose the compressor and the length asked for.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "comm/compression/compressor.hpp"

namespace {

constexpr std::size_t kLongest = std::size_t{1} << 16U;

/// Memory for one span of up to kLongest bytes with a forbidden page behind its last byte.
class EndOfPage {
 public:
  EndOfPage() {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* memory =
        mmap(nullptr, kLongest + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    end_ = static_cast<std::byte*>(memory) + kLongest;
    if (mprotect(end_, page, PROT_NONE) != 0) std::abort();
  }
  std::span<std::byte> last(std::size_t size) const { return {end_ - size, size}; }

 private:
  std::byte* end_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace detox;
  constexpr std::array<std::string_view, 2> kNames = {"blosc", "zstd"};
  static const EndOfPage kInput, kOutput;
  if (size < 3 || size - 3 > kLongest) return 0;
  const auto compressor = make_compressor(kNames[data[0] % kNames.size()]);
  const std::size_t length = data[1] + (std::size_t{data[2]} << 8U);
  const std::span<std::byte> packed = kInput.last(size - 3);
  if (!packed.empty()) std::memcpy(packed.data(), data + 3, packed.size());
  constexpr std::size_t kGuard = 16;
  constexpr std::byte kGuardByte{0xa5};
  const std::span<std::byte> guarded = kOutput.last(std::min(length + kGuard, kLongest));
  std::memset(guarded.data(), std::to_integer<int>(kGuardByte), kGuard);
  const std::span<std::byte> out = guarded.subspan(kGuard);
  const bool accepted = compressor->unpack(packed, out);
  for (const std::byte byte : guarded.first(kGuard)) {
    if (byte != kGuardByte) std::abort();
  }
  if (!accepted) return 0;
  // What was unpacked can be sent again, and is the same then.
  std::vector<std::byte> again, back(out.size());
  if (!compressor->pack(out, again)) return 0;
  if (!compressor->unpack(again, back)) std::abort();
  if (!std::equal(back.begin(), back.end(), out.begin())) std::abort();
  return 0;
}
