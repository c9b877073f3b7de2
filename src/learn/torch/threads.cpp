// libtorch's thread settings are one number for the process, OpenMP's are one for each thread, the
// BLAS has a pool of its own that is found by name because any BLAS may be installed.
#include "learn/torch/threads.hpp"

#include <ATen/Parallel.h>
#include <malloc.h>

#include <mutex>

#include "learn/torch/loaded.hpp"

namespace detox {
namespace {

std::mutex settings_mutex;

/// A step allocates and frees some megabytes of activations. By default glibc hands them back to
/// the kernel and asks for them again in every step: 1400 page faults for LeNet and 32 images.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest that glibc accepts
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

void settle_process() {
  keep_freed_memory();
  try {
    at::set_num_interop_threads(1);
  } catch (const c10::Error&) {
    // Somebody in this process has used that pool already. We never do.
  }
  using SetThreads = void (*)(int);
  for (const char* name : {"openblas_set_num_threads", "MKL_Set_Num_Threads"}) {
    if (void* found = loaded_function(name)) reinterpret_cast<SetThreads>(found)(1);
  }
}

}  // namespace

void compute_on_this_thread() {
  thread_local bool settled = false;
  if (settled && at::get_num_threads() == 1) return;
  const std::lock_guard lock(settings_mutex);
  static const bool kProcessSettled = (settle_process(), true);
  static_cast<void>(kProcessSettled);
  at::set_num_threads(1);
  at::get_num_threads();  // lets libtorch's own once-a-thread set-up happen here, under the mutex
  settled = true;
}

}  // namespace detox
