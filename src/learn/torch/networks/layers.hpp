// What several networks are made of.
#pragma once

#include <torch/torch.h>

namespace detox {

/// A convolution without bias, as before a batch norm; padded so that stride 1 keeps the size.
inline torch::nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t size,
                                     std::int64_t stride = 1) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false));
}

}  // namespace detox
