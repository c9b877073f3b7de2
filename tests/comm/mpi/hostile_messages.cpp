#include "comm/mpi/hostile_messages.hpp"

#include <mpi.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace detox {

struct MessageFlood::State {
  int to, tag;
  int count;
  MPI_Datatype type = MPI_BYTE;
  void* range = nullptr;
  std::vector<MPI_Request> requests = {};
  std::uint64_t sent = 0;
};

MessageFlood::MessageFlood(int to, int tag, std::size_t bytes, std::size_t under_way)
    : state_(new State{to, tag, static_cast<int>(bytes)}) {
  constexpr int kMiB = 1 << 20;
  // Never written to: it is address space, not memory.
  state_->range =
      mmap(nullptr, kThreeGiB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (state_->range == MAP_FAILED) std::abort();
  if (bytes == kThreeGiB) {  // more than an int counts
    state_->count = static_cast<int>(bytes / kMiB);
    MPI_Type_contiguous(kMiB, MPI_BYTE, &state_->type);
    MPI_Type_commit(&state_->type);
  }
  state_->requests.assign(under_way, MPI_REQUEST_NULL);
}

MessageFlood::~MessageFlood() { static_cast<void>(state_.release()); }

void MessageFlood::send(std::size_t count) {
  const auto size = static_cast<int>(state_->requests.size());
  std::vector<int> done(state_->requests.size());
  int finished = 0;
  MPI_Testsome(size, state_->requests.data(), &finished, done.data(), MPI_STATUSES_IGNORE);
  for (MPI_Request& request : state_->requests) {
    if (count == 0) break;
    if (request != MPI_REQUEST_NULL) continue;
    MPI_Isend(state_->range, state_->count, state_->type, state_->to, state_->tag, MPI_COMM_WORLD,
              &request);
    ++state_->sent;
    --count;
  }
}

std::uint64_t MessageFlood::sent() const { return state_->sent; }

}  // namespace detox
