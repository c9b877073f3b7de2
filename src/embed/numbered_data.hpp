// Data that somebody else has: of each sample the engine knows its number alone.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "base/dataset.hpp"

namespace detox {

/// `size` samples, numbered from `first`; as labels these are below `all`.
class NumberedData final : public Dataset {
 public:
  NumberedData(std::string name, std::string digest, std::size_t first, std::size_t size,
               std::size_t all)
      : name_(std::move(name)), digest_(std::move(digest)), first_(first), size_(size), all_(all) {}
  std::string name() const override { return name_; }
  bool is_synthetic() const override { return false; }
  std::size_t size() const override { return size_; }
  ImageShape shape() const override { return {1, 1, 1}; }
  std::size_t classes() const override { return all_; }
  std::span<const std::string> class_names() const override { return {}; }
  std::int64_t label(std::size_t sample) const override {
    return static_cast<std::int64_t>(first_ + sample);
  }
  void read(std::size_t /*sample*/, std::uint64_t /*epoch*/, const Key& /*key*/,
            std::span<float> out) const override {
    std::ranges::fill(out, 0.0F);
  }
  void pixels(std::size_t /*sample*/, std::span<std::uint8_t> out) const override {
    std::ranges::fill(out, std::uint8_t{0});
  }
  std::string digest() const override { return digest_; }

 private:
  std::string name_, digest_;
  std::size_t first_, size_, all_;
};

}  // namespace detox
