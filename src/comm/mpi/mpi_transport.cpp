#include "comm/mpi/mpi_transport.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "comm/mpi/mpi_call.hpp"
#include "comm/mpi/mpi_waiting.hpp"

namespace detox {
namespace {

constexpr int kTag = 1;
// MPI keeps what it has taken in and nobody has asked for: more than it takes in by itself in one
// poll.
constexpr int kProbesPerPoll = 1024;
// Of a rank that is shut out: what is longer is left with it, however long it waits.
constexpr std::size_t kLongestDropped = std::size_t{64} << 10U;
constexpr std::size_t kDropsAtOnce = 1024;

struct Sending {
  int to = 0;
  FrameBytes frame;
};

struct Receiving {
  int from = 0;
  bool for_nothing = false;
  FrameBuffer bytes;  ///< empty where it is for nothing
};

/// A message that MPI has matched and whose transfer has not been asked for yet.
struct Matched {
  MPI_Message message = MPI_MESSAGE_NULL;
  std::size_t bytes = 0;
};

struct Sender {
  PeerCounters seen;
  std::deque<Matched> matched;
  std::size_t receiving = 0;  ///< transfers under way
  bool said_its_end = false;
};

}  // namespace

struct MpiTransport::State {
  explicit State(MpiSession& of) : session(of), senders(static_cast<std::size_t>(of.size())) {}

  MpiSession& session;
  std::size_t longest_frame = kMaxFrameBytes;
  TransportCounters counters;
  Requests<Sending> sends;
  Requests<Receiving> receives;
  std::vector<Sender> senders;       // by rank
  std::deque<ReceivedFrame> ready;   // at most one frame of each sender
  std::optional<std::size_t> limit;  // of the latest receive()
  // Where transfers go that are for nothing, all of them at the same time.
  std::vector<std::byte> nowhere = std::vector<std::byte>(kLongestDropped);

  Sender& sender(int rank) { return senders[static_cast<std::size_t>(rank)]; }

  /// The server is no adversary, and a worker that does not hear it is lost.
  void refuse(int rank, std::uint64_t PeerCounters::*what) {
    ++(sender(rank).seen.*what);
    if (rank != 0) sender(rank).seen.shut_out = true;
  }

  bool collect_sends() {
    return sends.collect("send a frame", [](Sending& sending, int error) {
      check_mpi(error, "send a frame");
      sending.frame.reset();
    });
  }

  /// All messages, under any tag: what nobody fetches stays in this process's memory. Bounded, so
  /// that a sender of endless small ones cannot keep the others from being served; of several
  /// senders MPI takes one after the other.
  void probe(std::size_t max_bytes) {
    for (int i = 0; i < kProbesPerPoll; ++i) {
      int found = 0;
      Matched next;
      MPI_Status status;
      check_mpi(
          MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, &next.message, &status),
          "look for frames");
      if (found == 0) return;
      int count = 0;
      check_mpi(MPI_Get_count(&status, MPI_BYTE, &count), "tell a frame's size");
      // 2 GiB or more: MPI cannot count them.
      next.bytes = count == MPI_UNDEFINED ? kMaxFrameBytes + 1 : static_cast<std::size_t>(count);
      take_up(status.MPI_SOURCE, status.MPI_TAG, next, max_bytes);
    }
  }

  void take_up(int from, int tag, Matched next, std::size_t max_bytes) {
    Sender& sender = this->sender(from);
    const bool may_end = tag == MpiSession::kEndTag && next.bytes == 1 && !sender.said_its_end &&
                         (from == 0 || session.rank() == 0);
    if (may_end && !sender.seen.shut_out) {
      sender.said_its_end = true;
      return keep_end_word(from, next);
    }
    if (tag != kTag) {
      refuse(from, &PeerCounters::stray);
    } else if (next.bytes > max_bytes) {
      refuse(from, &PeerCounters::oversized);
    } else {
      ++sender.seen.offered;
    }
    sender.matched.push_back(next);
  }

  /// At once, because nobody may look for frames again; a message of one byte is here already.
  void keep_end_word(int from, Matched next) {
    char word = 0;
    check_mpi(MPI_Mrecv(&word, 1, MPI_BYTE, &next.message, MPI_STATUS_IGNORE), "receive a word");
    session.keep_end_word(from, word);
  }

  /// The next transfers from this sender: one at a time, or what it is rid of.
  void start(int from, std::size_t max_bytes) {
    Sender& sender = this->sender(from);
    const bool is_out = sender.seen.shut_out;
    while (!sender.matched.empty() && sender.receiving < (is_out ? kDropsAtOnce : 1)) {
      Matched next = sender.matched.front();
      sender.matched.pop_front();
      // Receiving is what costs, and truncating what is received crashed Open MPI 4.1 over TCP. So
      // it is left where it is, and a sender that waits for its end waits for ever.
      if (!is_out && next.bytes > max_bytes) refuse(from, &PeerCounters::oversized);
      if (next.bytes > (is_out ? kLongestDropped : max_bytes)) continue;
      Receiving transfer{from, is_out, {}};
      if (!is_out) transfer.bytes.resize(next.bytes);
      MPI_Request request = MPI_REQUEST_NULL;
      check_mpi(MPI_Imrecv(is_out ? nowhere.data() : transfer.bytes.data(),
                           static_cast<int>(next.bytes), MPI_BYTE, &next.message, &request),
                "receive a frame");
      ++sender.receiving;
      receives.add(request, std::move(transfer));
    }
  }

  bool collect_receives() {
    return receives.collect("receive a frame", [this](Receiving& transfer, int error) {
      --sender(transfer.from).receiving;
      check_mpi(error, "receive a frame");
      if (!transfer.for_nothing) ready.push_back({transfer.from, std::move(transfer.bytes)});
    });
  }

  /// One round of everything; true if anything has moved.
  bool poll(std::size_t max_bytes) {
    const bool sent = collect_sends();
    probe(max_bytes);
    for (int from = 0; from < session.size(); ++from) start(from, max_bytes);
    return collect_receives() || sent;
  }

  std::optional<ReceivedFrame> take_ready(std::size_t max_bytes) {
    while (!ready.empty()) {
      ReceivedFrame frame = std::move(ready.front());
      ready.pop_front();
      if (sender(frame.from).seen.shut_out) continue;
      if (frame.bytes.size() > max_bytes) {  // began under another call's limit
        refuse(frame.from, &PeerCounters::oversized);
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

MpiTransport::MpiTransport(MpiSession& session, std::size_t longest_frame)
    : state_(std::make_unique<State>(session)) {
  state_->longest_frame = std::min(longest_frame, kMaxFrameBytes);
}

MpiTransport::~MpiTransport() {
  // A request in flight cannot be taken back safely; its buffers must outlive it.
  if (!state_->sends.empty() || !state_->receives.empty()) static_cast<void>(state_.release());
}

int MpiTransport::rank() const { return state_->session.rank(); }
int MpiTransport::size() const { return state_->session.size(); }
const TransportCounters& MpiTransport::counters() const { return state_->counters; }
const PeerCounters& MpiTransport::peer(int rank) const { return state_->sender(rank).seen; }
void MpiTransport::shut_out(int rank) { state_->sender(rank).seen.shut_out = true; }

void MpiTransport::send(int to, FrameBytes frame) {
  DETOX_ASSERT(to >= 0 && to < size() && to != rank() && frame != nullptr);
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
  Backoff backoff(clock().now() + timeout);
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
  Backoff backoff(clock().now() + timeout);
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
