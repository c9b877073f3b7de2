#include "data/idx_set.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "data/idx.hpp"
#include "data/image_dataset.hpp"
#include "data/locate.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

/// What stands in front of train-images-idx3-ubyte in the files of a folder.
std::set<std::string> prefixes_in(const fs::path& folder) {
  std::set<std::string> prefixes;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    for (const std::string& ending : spellings_of("train-images-idx3-ubyte")) {
      if (name.ends_with(ending)) prefixes.insert(name.substr(0, name.size() - ending.size()));
    }
  }
  return prefixes;
}

/// Where the files of a set lie, and what their names begin with.
struct Place {
  fs::path folder;
  std::set<std::string> prefixes;
};

Place place_of(const fs::path& given) {
  std::error_code ignored;
  if (fs::is_directory(given, ignored)) return {given, prefixes_in(given)};
  const std::string prefix = given.filename().string() + "-";
  const fs::path folder = given.has_parent_path() ? given.parent_path() : ".";
  if (!prefixes_in(folder).contains(prefix)) return {folder, {}};
  return {folder, {prefix}};
}

struct Labels {
  fs::path file;
  std::vector<std::uint8_t> values;
};

class IdxSet {
 public:
  explicit IdxSet(const fs::path& given) : place_(place_of(given)) {
    if (place_.prefixes.size() == 1) return;
    std::vector<std::string> names;
    for (const std::string& prefix : place_.prefixes) {
      names.push_back(
          (place_.folder / prefix.substr(0, prefix.find_last_not_of('-') + 1)).string());
    }
    throw InputError(fmt::format("{}: it holds {} IDX sets; name one: --dataset {}", given.string(),
                                 names.size(), fmt::join(names, " or ")));
  }

  LabelledImages read(Split split, std::vector<std::string>& classes, ImageShape& shape) const {
    const bool is_train = split == Split::kTrain;
    const Labels train = labels(Split::kTrain), test = labels(Split::kTest);
    const unsigned first = lowest(train, test) == 0 ? 0 : 1;
    const unsigned last = std::max(highest(train), highest(test));
    for (unsigned label = first; label <= last; ++label) classes.push_back(std::to_string(label));

    const fs::path file = find(split, "images-idx3-ubyte");
    IdxArray images = read_idx_file(file, {kAnyExtent, kAnyExtent});
    shape = {1, images.item_shape[0], images.item_shape[1]};
    const Labels& own = is_train ? train : test;
    if (images.samples != own.values.size()) {
      throw InputError(fmt::format("{} holds {} images, but {} holds {} labels", file.string(),
                                   images.samples, own.file.string(), own.values.size()));
    }
    LabelledImages found{std::move(images.values), {}, says_synthetic(place_.folder)};
    for (const unsigned label : own.values) {
      found.labels.push_back(static_cast<std::uint16_t>(label - first));
    }
    return found;
  }

 private:
  Labels labels(Split split) const {
    const fs::path file = find(split, "labels-idx1-ubyte");
    return {file, read_idx_file(file, {}).values};
  }
  static unsigned highest(const Labels& labels) {
    return *std::max_element(labels.values.begin(), labels.values.end());
  }
  static unsigned lowest(const Labels& a, const Labels& b) {
    return std::min(*std::min_element(a.values.begin(), a.values.end()),
                    *std::min_element(b.values.begin(), b.values.end()));
  }

  fs::path find(Split split, const std::string& what) const {
    const std::string prefix = *place_.prefixes.begin();
    const auto words = split == Split::kTrain ? std::vector<std::string>{"train-"}
                                              : std::vector<std::string>{"t10k-", "test-"};
    std::vector<std::string> names;
    for (const std::string& word : words) {
      names.push_back(fmt::format("{}{}{}", prefix, word, what));
      if (auto file = find_data_file(place_.folder, names.back())) return *file;
    }
    throw InputError(fmt::format("{} lacks {} (plain or .gz)", place_.folder.string(),
                                 fmt::join(names, " or ")));
  }

  Place place_;
};

}  // namespace

bool is_idx_set(const fs::path& given) { return !place_of(given).prefixes.empty(); }

std::unique_ptr<Dataset> load_idx_set(const fs::path& given, Split split) {
  std::vector<std::string> classes;
  ImageShape shape;
  LabelledImages images = IdxSet(given).read(split, classes, shape);
  return make_image_dataset({.name = given.string(),
                             .shape = shape,
                             .class_names = std::move(classes),
                             .preparation = kPlainPreparation},
                            std::move(images));
}

}  // namespace detox
