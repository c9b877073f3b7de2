#include "comm/mpi/drain.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "detox/errors.hpp"

namespace detox {

Drain::Drain() {
  const int file = memfd_create("detoxml-drain", MFD_CLOEXEC);
  bool good = file >= 0 && ftruncate(file, kWindowBytes) == 0;
  if (good) {
    void* range =
        mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    good = range != MAP_FAILED;
    if (good) data_ = static_cast<std::byte*>(range);
  }
  for (std::size_t offset = 0; good && offset < kBytes; offset += kWindowBytes) {
    good = mmap(data_ + offset, kWindowBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
                0) != MAP_FAILED;
  }
  const int reason = errno;
  if (file >= 0) close(file);
  if (good) return;
  if (data_ != nullptr) munmap(data_, kBytes);
  throw InputError(
      fmt::format("no address space for frames above the limit: {}", std::strerror(reason)));
}

Drain::~Drain() { munmap(data_, kBytes); }

}  // namespace detox
