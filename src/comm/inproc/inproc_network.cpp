#include "comm/inproc/inproc_network.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "base/assert.hpp"

namespace detox {

struct InprocNetwork::Mailbox {
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<std::pair<int, FrameBytes>> frames;  // sender, frame
  std::vector<bool> shut_out;                     // by sender: its frames go nowhere
};

class InprocNetwork::Endpoint final : public Transport {
 public:
  Endpoint(InprocNetwork& network, int rank, int size)
      : network_(network), rank_(rank), peers_(static_cast<std::size_t>(size)) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(network_.mailboxes_.size()); }

  void send(int to, FrameBytes frame) override {
    DETOX_ASSERT(to >= 0 && to < size() && to != rank_ && frame != nullptr);
    counters_.bytes_sent += frame->size();
    ++counters_.frames_sent;
    Mailbox& mailbox = *network_.mailboxes_[static_cast<std::size_t>(to)];
    {
      const std::lock_guard lock(mailbox.mutex);
      if (mailbox.shut_out[static_cast<std::size_t>(rank_)]) return;
      mailbox.frames.emplace_back(rank_, std::move(frame));
    }
    mailbox.arrived.notify_one();
  }

  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    const auto deadline = clock().now() + timeout;
    Mailbox& mailbox = *network_.mailboxes_[static_cast<std::size_t>(rank_)];
    for (;;) {
      std::pair<int, FrameBytes> next;
      {
        std::unique_lock lock(mailbox.mutex);
        const bool any = mailbox.arrived.wait_until(lock, deadline,
                                                    [&mailbox] { return !mailbox.frames.empty(); });
        if (!any) return std::nullopt;
        next = std::move(mailbox.frames.front());
        mailbox.frames.pop_front();
      }
      PeerCounters& sender = peers_[static_cast<std::size_t>(next.first)];
      if (next.second->size() > max_bytes) {
        ++sender.oversized;
        if (next.first != 0) shut_out(next.first);
        continue;
      }
      ++sender.offered;
      counters_.bytes_received += next.second->size();
      ++counters_.frames_received;
      return ReceivedFrame{next.first, *next.second};
    }
  }

  void shut_out(int rank) override {
    Mailbox& mailbox = *network_.mailboxes_[static_cast<std::size_t>(rank_)];
    const std::lock_guard lock(mailbox.mutex);
    peers_[static_cast<std::size_t>(rank)].shut_out = true;
    mailbox.shut_out[static_cast<std::size_t>(rank)] = true;
    std::erase_if(mailbox.frames, [rank](const auto& frame) { return frame.first == rank; });
  }

  const PeerCounters& peer(int rank) const override {
    return peers_[static_cast<std::size_t>(rank)];
  }

  bool flush(int, std::chrono::milliseconds) override { return true; }
  const TransportCounters& counters() const override { return counters_; }

 private:
  InprocNetwork& network_;
  int rank_;
  std::vector<PeerCounters> peers_;
  TransportCounters counters_;
};

InprocNetwork::InprocNetwork(int size) {
  DETOX_ASSERT(size >= 1);
  for (int rank = 0; rank < size; ++rank) {
    mailboxes_.push_back(std::make_unique<Mailbox>());
    mailboxes_.back()->shut_out.resize(static_cast<std::size_t>(size));
    endpoints_.push_back(std::make_unique<Endpoint>(*this, rank, size));
  }
}

InprocNetwork::~InprocNetwork() = default;

Transport& InprocNetwork::endpoint(int rank) {
  DETOX_ASSERT(rank >= 0 && rank < static_cast<int>(endpoints_.size()));
  return *endpoints_[static_cast<std::size_t>(rank)];
}

}  // namespace detox
