// Labelled images, as the training loop sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "detox/random.hpp"

namespace detox {

struct ImageShape {
  std::size_t channels = 0, height = 0, width = 0;
  std::size_t values() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

enum class Split { kTrain, kTest };

/// Immutable after loading; all functions may be called from many threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  /// As people read it: the registered name or an image folder's path, with " (synthetic)" behind
  /// it where the files say that they were generated and the name does not.
  virtual std::string name() const = 0;
  virtual bool is_synthetic() const = 0;
  virtual std::size_t size() const = 0;
  virtual ImageShape shape() const = 0;
  virtual std::size_t classes() const = 0;
  virtual std::span<const std::string> class_names() const = 0;  ///< one a class
  virtual std::int64_t label(std::size_t sample) const = 0;      ///< in [0, classes())
  /// Normalised values of one sample, (channels, height, width). Augmentation is a pure function of
  /// (key, epoch, sample) and happens on the training split only.
  virtual void read(std::size_t sample, std::uint64_t epoch, const Key& key,
                    std::span<float> out) const = 0;
  /// The same sample as it lies in the files: no normalisation, no augmentation.
  virtual void pixels(std::size_t sample, std::span<std::uint8_t> out) const = 0;
  /// SHA-256 over shape, labels and raw values, lower-case hex: machines compare it before they
  /// train together.
  virtual std::string digest() const = 0;
};

/// One line of the registry (src/data/registry.cpp). Callers take shape and classes from the loaded
/// Dataset, which an image folder has too.
struct DatasetInfo {
  std::string_view name;
  std::string_view folder;         ///< looked for under --data-dir, and --data-dir itself
  std::string_view system_folder;  ///< where Debian's package puts it, or empty
  std::string_view summary;
  std::string_view source;
  ImageShape shape;
  std::size_t classes;
};

/// All data sets, sorted by name.
std::span<const DatasetInfo> datasets();
const DatasetInfo& find_dataset(std::string_view name);

/// Loads one split. data_dir empty: `data`, then the system folder. InputError says what is missing
/// or damaged, where it was looked for and what to put there.
std::unique_ptr<Dataset> load_dataset(const DatasetInfo& info,
                                      const std::filesystem::path& data_dir, Split split);

/// The side of an image folder's images where nothing else is asked for.
inline constexpr std::size_t kDefaultImageSize = 32;

/// What --dataset names: the name of a registered data set, or an image folder.
struct DatasetChoice {
  const DatasetInfo* info = nullptr;  ///< null: an image folder
  std::string name;                   ///< registered, or the folder's path as it was given
};

/// A registered name (case and dashes do not matter) goes first; else text with a slash, or that is
/// a folder, is an image folder. UsageError for all other text, with the nearest name.
DatasetChoice choose_dataset(std::string_view given);

/// Loads one split of what choose_dataset accepts. image_size: the side N of an image folder's
/// images, 8 to 1024; a registered data set has its own, and UsageError where another one is asked
/// for.
std::unique_ptr<Dataset> load_dataset(std::string_view given, const std::filesystem::path& data_dir,
                                      Split split, std::size_t image_size);

}  // namespace detox
