// The worker's side: takes in the chunks of the weights, checks each against the digest that the
// server sent, and passes it on.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "comm/frame.hpp"
#include "exchange/chunk_pace.hpp"

namespace detox {

/// Used by one thread. Memory: the weights, and at most 64 chunks that came before their order.
class WeightsIntake {
 public:
  WeightsIntake(Transport& transport, std::size_t parameter_count, std::size_t statistic_count,
                std::size_t chunk_bytes);

  const Chunks& chunks() const { return chunks_; }

  /// Begins the step of an order. If the relay of the step before was silent for too long, but the
  /// server was not asked then, tells the server now.
  void expect(const OrderView& order);

  /// A frame that holds a chunk, from whomever.
  void take(ReceivedFrame frame, const WeightsChunkView& chunk);

  /// Asks the server where a relay is silent for too long, and where nobody sends. To be called
  /// every 50 ms or so.
  void look_after(Clock::time_point now);

  bool is_whole() const { return missing_ == 0; }
  std::uint64_t step() const { return step_; }
  const Digest& digest() const { return digest_; }  ///< of all chunks
  std::span<const float> parameters() const;
  std::span<const float> statistics() const;

  /// Waits, for a short time, until the workers below have what is passed on to them. Does not wait
  /// again for a worker that let it wait: that one asks the server.
  void finish_relaying();

 private:
  void keep_early(ReceivedFrame frame);
  void take_in(ReceivedFrame frame, const WeightsChunkView& chunk);
  void ask(AskReason reason);
  double quiet_patience_s() const;
  double whole_patience_s() const;

  Transport& transport_;
  const Clock& clock_;
  std::size_t parameter_count_, statistic_count_;
  Chunks chunks_;
  AlignedBuffer weights_;
  std::uint64_t step_ = 0;
  int from_ = 0;
  std::vector<int> to_;
  std::vector<Digest> digests_;
  Digest digest_{};
  std::vector<bool> here_;
  std::size_t missing_ = 0;
  bool asks_ = false;      ///< the server, a few chunks at a time
  std::size_t asked_ = 0;  ///< chunks that it was asked for and that are missing
  Clock::time_point begin_{}, last_news_{};
  double deadline_s_ = 0;               ///< of the step
  RecentMedian pace_;                   ///< of whole relays
  std::map<int, std::uint64_t> stuck_;  ///< ranks below that let it wait, and in which step
  std::deque<ReceivedFrame> early_;
};

}  // namespace detox
