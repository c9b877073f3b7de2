#include "learn/torch/flat_tensors.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace detox {
namespace {

/// Whether the tensor lies in memory as (count, height x width, channels), and that differs from
/// the order of its values.
bool is_channels_last(const torch::Tensor& tensor) {
  return !tensor.is_contiguous() && tensor.is_contiguous(torch::MemoryFormat::ChannelsLast);
}

/// from (count, rows, columns) -> to (count, columns, rows).
template <class T>
void transpose(const T* from, T* to, std::int64_t count, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t column = 0; column < columns; ++column) {
      for (std::int64_t row = 0; row < rows; ++row) *to++ = from[row * columns + column];
    }
    from += rows * columns;
  }
}

}  // namespace

template <class T>
void copy_into(const T* values, const torch::Tensor& tensor) {
  T* to = tensor.data_ptr<T>();
  if (is_channels_last(tensor)) {
    transpose(values, to, tensor.size(0), tensor.size(1), tensor.size(2) * tensor.size(3));
  } else {
    DETOX_ASSERT(tensor.is_contiguous());
    std::copy_n(values, tensor.numel(), to);
  }
}

template <class T>
void copy_out_of(const torch::Tensor& tensor, T* values) {
  if (is_channels_last(tensor)) {
    transpose(tensor.data_ptr<T>(), values, tensor.size(0), tensor.size(2) * tensor.size(3),
              tensor.size(1));
  } else {
    const torch::Tensor dense = tensor.contiguous();
    std::copy_n(dense.data_ptr<T>(), dense.numel(), values);
  }
}

template <class T>
void FlatTensors<T>::add(const std::string& name, const torch::Tensor& tensor) {
  const auto values = static_cast<std::size_t>(tensor.numel());
  infos_.push_back({name, tensor.sizes().vec(), size_, values});
  tensors_.push_back(tensor);
  size_ += values;
}

template <class T>
void FlatTensors<T>::copy_in(std::span<const T> flat) {
  DETOX_ASSERT(flat.size() == size_);
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    copy_into(flat.data() + infos_[i].offset, tensors_[i]);
  }
}

template <class T>
void FlatTensors<T>::copy_out(const std::vector<torch::Tensor>& tensors, std::span<T> flat) const {
  DETOX_ASSERT(flat.size() == size_ && tensors.size() == tensors_.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    T* values = flat.data() + infos_[i].offset;
    if (!tensors[i].defined()) {
      std::fill_n(values, infos_[i].size, T{});
      continue;
    }
    DETOX_ASSERT(static_cast<std::size_t>(tensors[i].numel()) == infos_[i].size);
    copy_out_of(tensors[i], values);
  }
}

template <class T>
std::vector<T> FlatTensors<T>::flat() const {
  std::vector<T> values(size_);
  copy_out(values);
  return values;
}

template void copy_into(const float*, const torch::Tensor&);
template void copy_out_of(const torch::Tensor&, float*);
template class FlatTensors<float>;
template class FlatTensors<std::int64_t>;

}  // namespace detox
