// The server as one more worker, whom nobody doubts: it computes what others have said different
// things about (--arbiter server).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/slice_batch.hpp"
#include "engine/slice_computer.hpp"
#include "round/fleet.hpp"

namespace detox {

/// Used by one thread. Data and format outlive it.
class ServerReplica {
 public:
  struct Parts {
    const Dataset& data;
    const AnswerFormat& format;
    std::string_view codec;
    Key data_key;
    std::size_t samples_per_step, slices;
  };
  ServerReplica(const Parts& parts, std::unique_ptr<Learner> learner);

  /// The answer of an honest worker, and what such a one says of it first. Both are valid until an
  /// answer of another round is computed.
  struct Answer {
    std::span<const std::byte> bytes, digests;
  };
  Answer compute(const StepOrder& order, std::uint32_t slice, const Digest& weights,
                 const Chunks& chunks);

 private:
  struct Kept {
    AnswerSlot slot;
    std::vector<std::byte> digests;
  };
  Parts parts_;
  SliceReader reader_;
  SliceBatch batch_;
  SliceComputer computer_;
  std::deque<Kept> kept_;  ///< the first used_ are of round_
  std::size_t used_ = 0;
  std::uint64_t round_ = 0;
};

}  // namespace detox
