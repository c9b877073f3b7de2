#include "comm/mpi/huge_message.hpp"

#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/mman.h>

namespace detox {

void send_three_gibibytes(int to) {
  constexpr int kTag = 1;  // the transport's
  constexpr int kMiB = 1 << 20;
  constexpr int kCount = 3 * 1024;
  // Never written to: it is address space, not memory.
  void* range = mmap(nullptr, std::size_t{kCount} * kMiB, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(range, MAP_FAILED);
  MPI_Datatype mebibyte = MPI_DATATYPE_NULL;
  MPI_Type_contiguous(kMiB, MPI_BYTE, &mebibyte);
  MPI_Type_commit(&mebibyte);
  MPI_Request request = MPI_REQUEST_NULL;
  ASSERT_EQ(MPI_Isend(range, kCount, mebibyte, to, kTag, MPI_COMM_WORLD, &request), MPI_SUCCESS);
}

}  // namespace detox
