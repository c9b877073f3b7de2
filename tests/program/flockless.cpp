// To be preloaded: a file system without flock, as some network file systems are. FLOCK_ERROR is
// the number that flock fails with; ENOSYS where it is not set.
#include <cerrno>
#include <cstdlib>

extern "C" int flock(int /*fd*/, int /*operation*/) noexcept {
  const char* error = std::getenv("FLOCK_ERROR");
  errno = error != nullptr ? std::atoi(error) : ENOSYS;
  return -1;
}
