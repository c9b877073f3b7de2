// One thread of computing for each thread that calls.
#pragma once

namespace detox {

/// Makes every operation that the calling thread starts in libtorch, oneDNN and the BLAS run on
/// that thread alone: gradients have other bits on two. OpenMP keeps this setting for each thread,
/// so everybody who computes calls it before; it costs nanoseconds after the first call of a
/// thread. The first call in the process also tells malloc to keep freed memory. Callable from any
/// thread.
void compute_on_this_thread();

}  // namespace detox
