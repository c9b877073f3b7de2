#include "data/image_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "base/names.hpp"

namespace detox {
namespace {

class ImageDataset final : public Dataset {
 public:
  ImageDataset(ImageDatasetFacts facts, LabelledImages images)
      : facts_(std::move(facts)),
        images_(std::move(images)),
        preparer_(facts_.shape, facts_.preparation) {
    DETOX_ASSERT(images_.pixels.size() == images_.labels.size() * facts_.shape.values());
    for (const std::uint16_t label : images_.labels) DETOX_ASSERT(label < classes());
  }

  std::string name() const override {
    const bool says_so = canonical_name(facts_.name).find("synthetic") != std::string::npos;
    return is_synthetic() && !says_so ? facts_.name + " (synthetic)" : facts_.name;
  }
  bool is_synthetic() const override { return images_.is_synthetic; }
  std::size_t size() const override { return images_.labels.size(); }
  ImageShape shape() const override { return facts_.shape; }
  std::size_t classes() const override { return facts_.class_names.size(); }
  std::span<const std::string> class_names() const override { return facts_.class_names; }

  std::int64_t label(std::size_t sample) const override {
    DETOX_ASSERT(sample < size());
    return images_.labels[sample];
  }

  void read(std::size_t sample, std::uint64_t epoch, const Key& key,
            std::span<float> out) const override {
    if (!facts_.augments) return preparer_.normalise(raw(sample), out);
    preparer_.augment(raw(sample), draw_augmentation(facts_.preparation, key, epoch, sample), out);
  }

  void pixels(std::size_t sample, std::span<std::uint8_t> out) const override {
    const std::span<const std::uint8_t> from = raw(sample);
    DETOX_ASSERT(out.size() == from.size());
    std::copy(from.begin(), from.end(), out.begin());
  }

  std::string digest() const override {
    DigestBuilder builder;
    builder.add(fmt::format("detox images {} {} {} {} {}\n", size(), facts_.shape.channels,
                            facts_.shape.height, facts_.shape.width, classes()));
    // One byte a label where that is enough.
    std::vector<std::uint8_t> labels;
    for (const std::uint16_t label : images_.labels) {
      labels.push_back(static_cast<std::uint8_t>(label & 255U));
      if (classes() > 256) labels.push_back(static_cast<std::uint8_t>(label >> 8U));
    }
    builder.add(std::as_bytes(std::span(labels)));
    builder.add(std::as_bytes(std::span(images_.pixels)));
    return hex(builder.finish());
  }

 private:
  std::span<const std::uint8_t> raw(std::size_t sample) const {
    DETOX_ASSERT(sample < size());
    const std::size_t values = facts_.shape.values();
    return std::span(images_.pixels).subspan(sample * values, values);
  }

  ImageDatasetFacts facts_;
  LabelledImages images_;
  Preparer preparer_;
};

}  // namespace

std::unique_ptr<Dataset> make_image_dataset(ImageDatasetFacts facts, LabelledImages images) {
  return std::make_unique<ImageDataset>(std::move(facts), std::move(images));
}

}  // namespace detox
