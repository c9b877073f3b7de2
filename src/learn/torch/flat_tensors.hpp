// Tensors of one kind that together are one flat vector of the caller's.
#pragma once

#include <torch/torch.h>

#include <span>
#include <string>
#include <vector>

#include "base/learner.hpp"

namespace detox {

/// Values as they are named, (..., channels, height, width), into a tensor of libtorch's own and
/// back; the tensor may be channels-last in memory. Copies, never views: vector kernels treat the
/// elements before an aligned address by another path than the rest, so bits would depend on where
/// the caller's memory lies.
template <class T>
void copy_into(const T* values, const torch::Tensor& tensor);
template <class T>
void copy_out_of(const torch::Tensor& tensor, T* values);

/// In the order of add(). The tensors are shared with the network that they belong to.
template <class T>
class FlatTensors {
 public:
  void add(const std::string& name, const torch::Tensor& tensor);
  const std::vector<TensorInfo>& infos() const { return infos_; }
  const std::vector<torch::Tensor>& tensors() const { return tensors_; }

  void copy_in(std::span<const T> flat);
  void copy_out(std::span<T> flat) const { copy_out(tensors_, flat); }
  /// The same for other tensors of these shapes; one that is undefined stands for zeros.
  void copy_out(const std::vector<torch::Tensor>& tensors, std::span<T> flat) const;
  std::vector<T> flat() const;

 private:
  std::vector<TensorInfo> infos_;
  std::vector<torch::Tensor> tensors_;
  std::size_t size_ = 0;
};

extern template class FlatTensors<float>;
extern template class FlatTensors<std::int64_t>;

}  // namespace detox
