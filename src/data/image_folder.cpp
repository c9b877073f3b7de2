#include "data/image_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <new>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "base/cores.hpp"
#include "base/names.hpp"
#include "data/file_source.hpp"
#include "data/image_dataset.hpp"
#include "data/image_file.hpp"
#include "data/locate.hpp"
#include "data/resize.hpp"
#include "detox/errors.hpp"
#include "detox/thread_pool.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMostFileBytes = std::uint64_t{1} << 28;
constexpr std::size_t kMostClasses = std::numeric_limits<std::uint16_t>::max();

struct ImagePath {
  fs::path file;
  std::uint16_t label = 0;
};

bool is_passed_over(const std::string& name) {
  return name.starts_with('.') || name == "Thumbs.db" || name == "desktop.ini";
}

/// The names in a folder, sorted by their bytes.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!is_passed_over(name)) names.push_back(std::move(name));
  }
  if (error) {
    throw InputError(fmt::format("cannot read {}: {}", folder.string(), error.message()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> class_folders(const fs::path& split_folder) {
  std::vector<std::string> classes;
  for (std::string& name : names_in(split_folder)) {
    std::error_code ignored;
    if (fs::is_directory(split_folder / name, ignored)) classes.push_back(std::move(name));
  }
  if (classes.empty() || classes.size() > kMostClasses) {
    throw InputError(fmt::format("{}: it holds {} folders; valid: one a class, 1 to {}",
                                 split_folder.string(), classes.size(), kMostClasses));
  }
  return classes;
}

void add_images(const fs::path& folder, std::uint16_t label, std::vector<ImagePath>& images) {
  static const std::set<std::string> kEndings = {".png", ".jpg", ".jpeg"};
  for (const std::string& name : names_in(folder)) {
    const fs::path file = folder / name;
    std::error_code error;
    const fs::file_status status = fs::status(file, error);
    if (status.type() != fs::file_type::regular) {
      throw InputError(fmt::format("{}: not a regular file{}; valid: .png, .jpg and .jpeg files",
                                   file.string(), error ? ": " + error.message() : ""));
    }
    if (!kEndings.contains(canonical_name(file.extension().string()))) {
      throw InputError(
          fmt::format("{}: not an image by its name; valid: .png, .jpg and .jpeg", file.string()));
    }
    images.push_back({file, label});
  }
}

fs::path split_folder(const fs::path& folder, Split split) {
  const std::vector<const char*> names =
      split == Split::kTrain ? std::vector{"train"} : std::vector{"test", "val", "valid"};
  for (const char* name : names) {
    std::error_code ignored;
    if (fs::is_directory(folder / name, ignored)) return folder / name;
  }
  std::error_code ignored;
  throw InputError(fmt::format(
      "{}: {}; an image folder holds train/<class>/ and test/<class>/ (or val, valid) with .png, "
      ".jpg and .jpeg files, a folder of IDX files train-images-idx3-ubyte and its kin",
      folder.string(),
      fs::is_directory(folder, ignored) ? fmt::format("it holds no folder {}", names[0])
                                        : "no such folder"));
}

std::vector<ImagePath> list_images(const fs::path& folder,
                                   const std::vector<std::string>& classes) {
  std::vector<ImagePath> images;
  for (const std::string& name : class_folders(folder)) {
    const auto known = std::lower_bound(classes.begin(), classes.end(), name);
    if (known == classes.end() || *known != name) {
      throw InputError(
          fmt::format("{}: a class that the training split lacks", (folder / name).string()));
    }
    const std::size_t before = images.size();
    add_images(folder / name, static_cast<std::uint16_t>(known - classes.begin()), images);
    if (images.size() == before) {
      throw InputError(fmt::format("{}: it holds no image", (folder / name).string()));
    }
  }
  return images;
}

/// Refused here, because a machine that runs out of memory later kills what it likes.
void check_memory(const fs::path& folder, std::size_t samples, std::size_t image_bytes) {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  const auto page = static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_PAGESIZE)));
  const std::uint64_t available = pages * page;
  if (available == 0 || samples <= available / image_bytes) return;
  throw InputError(fmt::format("{}: {} images take {} MiB, this machine has {}: lower --image-size",
                               folder.string(), samples, samples * image_bytes >> 20U,
                               available >> 20U));
}

}  // namespace

std::unique_ptr<Dataset> load_image_folder(const fs::path& folder, Split split,
                                           std::size_t image_size) {
  if (image_size < kLeastImageSize || image_size > kMostImageSize) {
    throw UsageError(fmt::format("--image-size is {}; valid: {} to {}", image_size, kLeastImageSize,
                                 kMostImageSize));
  }
  std::vector<std::string> classes = class_folders(split_folder(folder, Split::kTrain));
  const fs::path from = split_folder(folder, split);
  const std::vector<ImagePath> files = list_images(from, classes);
  const ImageShape shape{3, image_size, image_size};
  check_memory(from, files.size(), shape.values());
  LabelledImages images;
  try {
    images.pixels.resize(files.size() * shape.values());
  } catch (const std::bad_alloc&) {
    throw InputError(
        fmt::format("{}: not enough memory for {} images", from.string(), files.size()));
  }
  for (const ImagePath& file : files) images.labels.push_back(file.label);
  ThreadPool pool(std::min(files.size(), usable_cores()));
  pool.parallel_for(files.size(), [&](std::size_t i, std::size_t) {
    const std::string name = files[i].file.string();
    const RgbImage image = decode_image(name, whole_file(files[i].file, kMostFileBytes));
    resize_to_square(image, image_size,
                     std::span(images.pixels).subspan(i * shape.values(), shape.values()));
  });
  images.is_synthetic = says_synthetic(folder);
  return make_image_dataset({.name = folder.string(),
                             .shape = shape,
                             .class_names = std::move(classes),
                             .preparation = kPlainPreparation},
                            std::move(images));
}

}  // namespace detox
