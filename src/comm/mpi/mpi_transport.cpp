#include "comm/mpi/mpi_transport.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "comm/mpi/drain.hpp"
#include "comm/mpi/mpi_call.hpp"

namespace detox {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTag = 1;
constexpr int kProbesPerPoll = 64;

/// Waits between polls: yields while an answer is likely, then sleeps, longer where nothing is
/// under way.
class Backoff {
 public:
  explicit Backoff(Clock::time_point deadline) : deadline_(deadline), begin_(Clock::now()) {}

  /// False once the deadline has passed.
  bool pause(bool transfers_under_way) {
    const Clock::time_point now = Clock::now();
    if (now >= deadline_) return false;
    if (polls_++ < kYields) {
      sched_yield();
      return true;
    }
    // Many ranks that wait for long on few cores would use them up by looking.
    const auto longest =
        std::chrono::microseconds(transfers_under_way ? 20 : 200) * (now - begin_ > kLong ? 5 : 1);
    sleep_ = std::min(2 * sleep_, longest);
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline_ - now);
    const auto span = std::min(sleep_, left);
    const timespec time{span.count() / 1'000'000, span.count() % 1'000'000 * 1000};
    nanosleep(&time, nullptr);
    return true;
  }

  void reset() {
    polls_ = 0;
    begin_ = Clock::now();
    sleep_ = std::chrono::microseconds(20);
  }

 private:
  static constexpr int kYields = 32;
  static constexpr std::chrono::milliseconds kLong{10};
  Clock::time_point deadline_, begin_;
  int polls_ = 0;
  std::chrono::microseconds sleep_{20};
};

/// Requests of MPI with what each belongs to, kept side by side because MPI_Testsome wants an
/// array.
template <class Item>
class Requests {
 public:
  bool empty() const { return requests_.empty(); }
  const std::vector<Item>& items() const { return items_; }

  void add(MPI_Request request, Item item) {
    requests_.push_back(request);
    items_.push_back(std::move(item));
  }

  /// Calls done(item, error) for each finished one and forgets it; true if there were any.
  template <class Done>
  bool collect(const char* what, Done done) {
    if (requests_.empty()) return false;
    const auto count = static_cast<int>(requests_.size());
    indices_.resize(requests_.size());
    statuses_.resize(requests_.size());
    int finished = 0;
    const int code =
        MPI_Testsome(count, requests_.data(), &finished, indices_.data(), statuses_.data());
    if (code != MPI_ERR_IN_STATUS) check_mpi(code, what);
    if (finished == MPI_UNDEFINED || finished == 0) return false;
    for (int i = 0; i < finished; ++i) {
      const int error = code == MPI_ERR_IN_STATUS ? statuses_[static_cast<std::size_t>(i)].MPI_ERROR
                                                  : MPI_SUCCESS;
      done(items_[static_cast<std::size_t>(indices_[static_cast<std::size_t>(i)])], error);
    }
    forget_finished();
    return true;
  }

 private:
  void forget_finished() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      if (kept != i) {
        requests_[kept] = requests_[i];
        items_[kept] = std::move(items_[i]);
      }
      ++kept;
    }
    requests_.resize(kept);
    items_.resize(kept);
  }

  std::vector<MPI_Request> requests_;
  std::vector<Item> items_;
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
};

struct Sending {
  int to = 0;
  FrameBytes frame;
};

struct Receiving {
  int from = 0;
  bool discard = false;
  FrameBuffer bytes;
};

/// A message that MPI has matched and whose transfer has not been asked for yet.
struct Matched {
  MPI_Message message = MPI_MESSAGE_NULL;
  std::size_t bytes = 0;
};

}  // namespace

struct MpiTransport::State {
  int rank = 0, size = 1;
  std::size_t longest_frame = kMaxFrameBytes;
  TransportCounters counters;
  Requests<Sending> sends;
  Requests<Receiving> receives;
  std::vector<std::deque<Matched>> matched;  // by sender
  std::vector<char> receiving;               // by sender: one transfer is under way
  std::deque<ReceivedFrame> ready;           // at most one frame of each sender
  std::unique_ptr<Drain> drain;              // made when first needed
  std::optional<std::size_t> limit;          // of the latest receive()

  bool collect_sends() {
    return sends.collect("send a frame", [](Sending& sending, int error) {
      check_mpi(error, "send a frame");
      sending.frame.reset();
    });
  }

  /// Bounded, so that a sender of endless small frames cannot keep the others from being served.
  void probe() {
    for (int i = 0; i < kProbesPerPoll; ++i) {
      int found = 0;
      Matched next;
      MPI_Status status;
      check_mpi(MPI_Improbe(MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &found, &next.message, &status),
                "look for frames");
      if (found == 0) return;
      int count = 0;
      check_mpi(MPI_Get_count(&status, MPI_BYTE, &count), "tell a frame's size");
      if (count == MPI_UNDEFINED) {
        // 2 GiB or more, which no honest rank sends. It is never received: no drain is as long, and
        // a sender that waits for its end waits for ever.
        ++counters.oversized;
        continue;
      }
      next.bytes = static_cast<std::size_t>(count);
      matched[static_cast<std::size_t>(status.MPI_SOURCE)].push_back(next);
    }
  }

  void start(int from, std::size_t max_bytes) {
    auto& queue = matched[static_cast<std::size_t>(from)];
    if (queue.empty() || receiving[static_cast<std::size_t>(from)] != 0) return;
    Matched next = queue.front();
    queue.pop_front();
    Receiving transfer{from, next.bytes > max_bytes, {}};
    if (transfer.discard && drain == nullptr) drain = std::make_unique<Drain>();
    if (!transfer.discard) transfer.bytes.resize(next.bytes);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Imrecv(transfer.discard ? drain->data() : transfer.bytes.data(),
                         static_cast<int>(next.bytes), MPI_BYTE, &next.message, &request),
              "receive a frame");
    receiving[static_cast<std::size_t>(from)] = 1;
    receives.add(request, std::move(transfer));
  }

  bool collect_receives() {
    return receives.collect("receive a frame", [this](Receiving& transfer, int error) {
      receiving[static_cast<std::size_t>(transfer.from)] = 0;
      check_mpi(error, "receive a frame");
      if (transfer.discard) {
        ++counters.oversized;
        return;
      }
      ready.push_back({transfer.from, std::move(transfer.bytes)});
    });
  }

  /// One round of everything; true if anything has moved.
  bool poll(std::size_t max_bytes) {
    const bool sent = collect_sends();
    probe();
    for (int from = 0; from < size; ++from) start(from, max_bytes);
    return collect_receives() || sent;
  }

  std::optional<ReceivedFrame> take_ready(std::size_t max_bytes) {
    while (!ready.empty()) {
      ReceivedFrame frame = std::move(ready.front());
      ready.pop_front();
      if (frame.bytes.size() > max_bytes) {  // began under another call's limit
        ++counters.oversized;
        continue;
      }
      counters.bytes_received += frame.bytes.size();
      ++counters.frames_received;
      return frame;
    }
    return std::nullopt;
  }

  bool sending_to(int to) const {
    const auto& items = sends.items();
    return std::any_of(items.begin(), items.end(),
                       [to](const Sending& sending) { return to == -1 || sending.to == to; });
  }
};

MpiTransport::MpiTransport(const MpiSession& session, std::size_t longest_frame)
    : state_(std::make_unique<State>()) {
  state_->longest_frame = std::min(longest_frame, kMaxFrameBytes);
  state_->rank = session.rank();
  state_->size = session.size();
  state_->matched.resize(static_cast<std::size_t>(session.size()));
  state_->receiving.resize(static_cast<std::size_t>(session.size()));
}

MpiTransport::~MpiTransport() {
  // A request in flight cannot be taken back safely; its buffers must outlive it.
  if (!state_->sends.empty() || !state_->receives.empty()) static_cast<void>(state_.release());
}

int MpiTransport::rank() const { return state_->rank; }
int MpiTransport::size() const { return state_->size; }
const TransportCounters& MpiTransport::counters() const { return state_->counters; }

void MpiTransport::send(int to, FrameBytes frame) {
  DETOX_ASSERT(to >= 0 && to < state_->size && to != state_->rank && frame != nullptr);
  if (frame->size() > state_->longest_frame) {
    throw InputError(fmt::format("a frame of {} bytes for rank {} is too long for MPI: at most {}",
                                 frame->size(), to, state_->longest_frame));
  }
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Isend(frame->data(), static_cast<int>(frame->size()), MPI_BYTE, to, kTag,
                      MPI_COMM_WORLD, &request),
            "send a frame");
  state_->counters.bytes_sent += frame->size();
  ++state_->counters.frames_sent;
  state_->sends.add(request, {to, std::move(frame)});
}

std::optional<ReceivedFrame> MpiTransport::receive(std::chrono::milliseconds timeout,
                                                   std::size_t max_bytes) {
  max_bytes = std::min(max_bytes, kMaxFrameBytes);
  Backoff backoff(Clock::now() + timeout);
  state_->limit = max_bytes;
  // What is there already is handed out before more is taken in, or a flood would pile up here.
  do {
    if (auto frame = state_->take_ready(max_bytes)) return frame;
    if (state_->poll(max_bytes)) backoff.reset();
  } while (!state_->ready.empty() ||
           backoff.pause(!state_->sends.empty() || !state_->receives.empty()));
  return std::nullopt;
}

bool MpiTransport::flush(int to, std::chrono::milliseconds timeout) {
  Backoff backoff(Clock::now() + timeout);
  do {
    // Two ends that flush to each other need both to take in.
    const bool moved = state_->limit && state_->ready.empty() ? state_->poll(*state_->limit)
                                                              : state_->collect_sends();
    if (moved) backoff.reset();
    if (!state_->sending_to(to)) return true;
  } while (backoff.pause(true));
  return false;
}

}  // namespace detox
