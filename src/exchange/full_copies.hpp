// Answers that come unasked and whole, chunk after chunk: one buffer a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "comm/compression/compressor.hpp"
#include "comm/frame.hpp"

namespace detox {

/// Used by one thread. Memory: so many answers for every worker as it has sent in one step.
class FullCopies {
 public:
  /// `compression`: what chunks may be packed with.
  /// `at_once`: slices that a worker may answer for in one step.
  FullCopies(const Chunks& answer, std::size_t workers, std::size_t at_once,
             std::string_view compression = "none")
      : chunks_(answer),
        at_once_(at_once),
        compressor_(make_compressor(compression)),
        copies_(workers) {}

  enum class Taken { kMore, kWhole, kRepeats, kDiffers, kUnexpected };
  /// The next chunk of a worker, in order. Only a newer step begins a new copy, so an answer that
  /// is whole stays as it is: what comes again for the same step is compared with it, and kDiffers
  /// says that it is another one, kRepeats that it is the same.
  Taken take(std::uint32_t worker, const ChunkView& chunk);

  /// After kWhole, until a newer answer of this worker begins.
  std::span<const std::byte> answer(std::uint32_t worker, std::uint64_t step,
                                    std::uint32_t slice) const;

 private:
  struct Copy {
    std::uint64_t step = 0;
    std::uint32_t slice = 0;
    std::size_t next = 0;    ///< chunk that comes next
    std::size_t repeat = 0;  ///< likewise, of what comes again
    AlignedBuffer bytes;
  };
  /// The chunk as it was packed, until the next one; nothing where it cannot be unpacked.
  std::optional<std::span<const std::byte>> unpacked(const ChunkView& chunk);

  const Copy* find(std::uint32_t worker, std::uint64_t step, std::uint32_t slice) const;
  Copy* place_of(std::uint32_t worker, const ChunkView& chunk);

  Chunks chunks_;
  std::size_t at_once_;
  std::unique_ptr<Compressor> compressor_;
  std::vector<std::byte> unpacked_;
  std::vector<std::vector<Copy>> copies_;  ///< by worker
};

}  // namespace detox
