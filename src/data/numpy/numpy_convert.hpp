// Values of any NumPy float, byte order and layout -> this machine's float or double, row by row.
#pragma once

#include <cstddef>
#include <vector>

#include "data/numpy/numpy_header.hpp"

namespace detox {

/// Every value exactly: float16 and float32 become float, float64 double. `from` is where the
/// header says that the values lie, aligned or not.
void convert_numpy(const NumpyHeader& header, const std::byte* from, std::vector<float>& out);
void convert_numpy(const NumpyHeader& header, const std::byte* from, std::vector<double>& out);

}  // namespace detox
