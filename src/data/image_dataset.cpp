#include "data/image_dataset.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

class ImageDataset final : public Dataset {
 public:
  ImageDataset(ImageShape shape, std::size_t classes, const Normalisation& normalisation,
               ImageFiles files)
      : shape_(shape),
        classes_(classes),
        images_(std::move(files.images.values)),
        labels_(std::move(files.labels.values)) {
    for (std::size_t x = 0; x < table_.size(); ++x) {
      table_[x] = (static_cast<float>(x) / 255.0F - normalisation.mean) / normalisation.deviation;
    }
  }

  std::size_t size() const override { return labels_.size(); }
  ImageShape shape() const override { return shape_; }
  std::size_t classes() const override { return classes_; }

  std::int64_t label(std::size_t sample) const override {
    DETOX_ASSERT(sample < labels_.size());
    return labels_[sample];
  }

  void read(std::size_t sample, std::uint64_t /*epoch*/, const Key& /*key*/,
            std::span<float> out) const override {
    DETOX_ASSERT(sample < labels_.size() && out.size() == shape_.values());
    const std::uint8_t* raw = images_.data() + sample * out.size();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = table_[raw[i]];
  }

  std::string digest() const override {
    DigestBuilder builder;
    builder.add(fmt::format("detox images {} {} {} {} {}\n", labels_.size(), shape_.channels,
                            shape_.height, shape_.width, classes_));
    builder.add(std::as_bytes(std::span(labels_)));
    builder.add(std::as_bytes(std::span(images_)));
    return hex(builder.finish());
  }

 private:
  ImageShape shape_;
  std::size_t classes_;
  std::vector<std::uint8_t> images_, labels_;
  std::array<float, 256> table_{};
};

}  // namespace

std::unique_ptr<Dataset> make_image_dataset(ImageShape shape, std::size_t classes,
                                            const Normalisation& normalisation, ImageFiles files) {
  if (files.images.samples != files.labels.samples) {
    throw InputError(fmt::format("{} holds {} images, but {} holds {} labels", files.images_name,
                                 files.images.samples, files.labels_name, files.labels.samples));
  }
  DETOX_ASSERT(files.images.values.size() == files.images.samples * shape.values());
  for (std::size_t sample = 0; sample < files.labels.samples; ++sample) {
    const unsigned label = files.labels.values[sample];
    if (label >= classes) {
      throw InputError(fmt::format("{}: label {} of sample {} is out of range; valid: 0 to {}",
                                   files.labels_name, label, sample, classes - 1));
    }
  }
  return std::make_unique<ImageDataset>(shape, classes, normalisation, std::move(files));
}

}  // namespace detox
