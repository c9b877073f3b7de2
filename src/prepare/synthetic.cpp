#include "prepare/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "base/assert.hpp"
#include "base/atomic_file.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNoteName = "SYNTHETIC.txt";
constexpr std::string_view kSettings = "settings: ";
constexpr std::size_t kFinePerCoarse = 5;

/// Samples one after the other, as they lie in one file.
struct FilePlan {
  std::string name;
  bool test = false;
  std::uint64_t first = 0, samples = 0;
};

std::vector<FilePlan> files_of(const SyntheticSet& set) {
  const std::uint64_t test = set.train / 5;
  if (set.classes == 100) {
    return {{"cifar-100-binary/train.bin", false, 0, set.train},
            {"cifar-100-binary/test.bin", true, 0, test}};
  }
  constexpr std::uint64_t kBatches = 5;
  std::vector<FilePlan> plans;
  for (std::uint64_t batch = 0; batch < kBatches; ++batch) {
    plans.push_back({fmt::format("cifar-10-batches-bin/data_batch_{}.bin", batch + 1), false,
                     batch * (set.train / kBatches), set.train / kBatches});
  }
  plans.push_back({"cifar-10-batches-bin/test_batch.bin", true, 0, test});
  return plans;
}

Key key_of(const SyntheticSet& set, std::string_view what, bool test, std::uint64_t index) {
  return derive_key(key_from_seed(set.seed), what,
                    {kSyntheticVersion, set.classes, test ? 1U : 0U, index});
}

/// Each class as often as the others, in random order.
std::vector<std::uint32_t> labels_of(const SyntheticSet& set, bool test) {
  std::vector<std::uint32_t> labels(test ? set.train / 5 : set.train);
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::uint32_t>(i % set.classes);
  RandomStream random(key_of(set, "synthetic labels", test, 0));
  random.shuffle(labels);
  return labels;
}

std::vector<std::byte> records_of(const SyntheticSet& set, const FilePlan& plan, ThreadPool& pool,
                                  const std::function<void(std::uint64_t)>& progress) {
  const std::vector<std::uint32_t> labels = labels_of(set, plan.test);
  const std::size_t header = set.classes == 100 ? 2 : 1, record = header + kSyntheticPixels;
  std::vector<std::byte> bytes(plan.samples * record);
  constexpr std::uint64_t kTask = 500;  // samples between two reports of progress
  for (std::uint64_t begin = 0; begin < plan.samples; begin += kTask) {
    const std::uint64_t count = std::min(kTask, plan.samples - begin);
    pool.parallel_for(count, [&](std::size_t i, std::size_t /*thread*/) {
      const std::uint64_t sample = plan.first + begin + i;
      auto* out = reinterpret_cast<std::uint8_t*>(bytes.data() + (begin + i) * record);
      const std::uint32_t label = labels[sample];
      if (header == 2) out[0] = static_cast<std::uint8_t>(label / kFinePerCoarse);
      out[header - 1] = static_cast<std::uint8_t>(label);
      paint_sample(set, plan.test, sample, label,
                   std::span<std::uint8_t, kSyntheticPixels>(out + header, kSyntheticPixels));
    });
    progress(begin + count);
  }
  return bytes;
}

struct TextFile {
  std::string name, text;
};

std::vector<TextFile> name_files(const SyntheticSet& set) {
  std::string fine, coarse;
  for (std::size_t label = 0; label < set.classes; ++label) {
    const SyntheticClass what = synthetic_class(set.classes, label);
    fine += synthetic_class_name(what) + "\n";
    if (label % kFinePerCoarse == 0) {
      coarse += fmt::format("{} {}\n", kShapeNames[what.shape], what.texture / kFinePerCoarse + 1);
    }
  }
  if (set.classes == 10) return {{"cifar-10-batches-bin/batches.meta.txt", fine}};
  return {{"cifar-100-binary/coarse_label_names.txt", coarse},
          {"cifar-100-binary/fine_label_names.txt", fine}};
}

std::string note_text(const SyntheticSet& set, const std::vector<SyntheticNote::File>& files) {
  std::string text = fmt::format(
      "This data set is SYNTHETIC: detoxml generated every image in it. It has the file format of\n"
      "CIFAR-{} and nothing else in common with it; figures measured on it are not comparable.\n\n"
      "{}{}\n\nBytes and SHA-256 of the files:\n",
      set.classes, kSettings, settings_text(set));
  for (const SyntheticNote::File& file : files)
    text += fmt::format("{} {} {}\n", file.sha256, file.bytes, file.name);
  return text;
}

/// "<sha256> <bytes> <name>"
SyntheticNote::File parse_file_line(std::string_view line, const fs::path& note) {
  constexpr std::size_t kHexDigits = 64;
  const std::size_t space = line.find(' ', kHexDigits + 1);
  SyntheticNote::File file;
  if (line.size() > kHexDigits + 1 && line[kHexDigits] == ' ' && space != line.npos) {
    file.sha256 = line.substr(0, kHexDigits);
    file.name = line.substr(space + 1);
    const std::string_view number = line.substr(kHexDigits + 1, space - kHexDigits - 1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), file.bytes);
    const fs::path path(file.name);
    const bool stays = path.is_relative() && path == path.lexically_normal() &&
                       !file.name.starts_with("..") && !file.name.empty();
    if (error == std::errc() && end == number.data() + number.size() && stays) return file;
  }
  throw InputError(note.string() + ": it is not as 'detoxml data prepare' leaves it");
}

}  // namespace

SyntheticClass synthetic_class(std::size_t classes, std::size_t label) {
  DETOX_ASSERT((classes == 10 || classes == 100) && label < classes);
  constexpr std::size_t kStriped = 1, kChecked = 4;
  if (classes == 10) {
    return {label % 5, label < 5 ? kStriped : kChecked, static_cast<int>(label) * kHues / 10};
  }
  constexpr std::size_t kStride = 37;  // neighbours differ in hue
  return {label / 10, label % 10, static_cast<int>(label * kStride % 100) * kHues / 100};
}

std::string synthetic_class_name(const SyntheticClass& what) {
  return fmt::format("{} {}", kTextureNames[what.texture], kShapeNames[what.shape]);
}

void paint_sample(const SyntheticSet& set, bool test, std::uint64_t index, std::size_t label,
                  std::span<std::uint8_t, kSyntheticPixels> image) {
  RandomStream random(key_of(set, "synthetic image", test, index));
  paint_synthetic(synthetic_class(set.classes, label), random, image);
}

std::string settings_text(const SyntheticSet& set) {
  return fmt::format("synthetic-cifar{}, version {}, seed {}, {} train, {} test", set.classes,
                     kSyntheticVersion, set.seed, set.train, set.train / 5);
}

void write_synthetic(const SyntheticSet& set, const fs::path& folder, ThreadPool& pool,
                     const std::function<void(double)>& progress) {
  DETOX_ASSERT(set.train > 0 && set.train % 50 == 0);
  std::vector<SyntheticNote::File> written;
  const auto write = [&](const std::string& name, std::span<const std::byte> bytes) {
    const std::array<std::span<const std::byte>, 1> pieces = {bytes};
    write_atomically(folder / name, pieces);
    written.push_back({name, hex(digest_of(bytes)), bytes.size()});
  };
  const std::vector<FilePlan> plans = files_of(set);
  std::error_code error;
  fs::create_directories((folder / plans.front().name).parent_path(), error);
  if (error) {
    throw InputError(
        fmt::format("cannot create folders in {}: {}", folder.string(), error.message()));
  }
  std::uint64_t done = 0;
  const std::uint64_t samples_in_all = set.train + set.train / 5;
  const auto all = static_cast<double>(samples_in_all);
  for (const FilePlan& plan : plans) {
    write(plan.name, records_of(set, plan, pool, [&](std::uint64_t samples) {
            progress(static_cast<double>(done + samples) / all);
          }));
    done += plan.samples;
  }
  for (const TextFile& file : name_files(set)) write(file.name, bytes_of(file.text));
  write_atomically(folder / kNoteName, note_text(set, written));
}

SyntheticNote read_synthetic_note(const fs::path& folder) {
  const fs::path name = folder / kNoteName;
  const std::vector<std::byte> bytes = read_file(name);
  std::string_view text = text_of(bytes);
  SyntheticNote note;
  bool in_files = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (in_files) {
      note.files.push_back(parse_file_line(line, name));
    } else if (line.starts_with(kSettings)) {
      note.settings = line.substr(kSettings.size());
    } else {
      in_files = line.starts_with("Bytes and SHA-256");
    }
  }
  if (note.settings.empty() || note.files.empty()) {
    throw InputError(name.string() + ": it is not as 'detoxml data prepare' leaves it");
  }
  return note;
}

}  // namespace detox
