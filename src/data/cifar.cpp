#include "data/cifar.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/log.hpp"
#include "data/file_source.hpp"
#include "data/locate.hpp"
#include "data/tar.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPixels = std::size_t{3} * 32 * 32;
/// Both archives are below 200 MB of tar; what a reader may be made to pass over has an end.
constexpr std::uint64_t kMostArchiveBytes = std::uint64_t{1} << 30;

const std::vector<std::string>& files_of(const CifarFormat& format, Split split) {
  return split == Split::kTrain ? format.train : format.test;
}

LabelledImages read_files(const std::vector<fs::path>& files, const CifarFormat& format) {
  LabelledImages images;
  for (const fs::path& file : files) {
    CifarReader reader(file.string(), format, images);
    gunzip(file.string(), file_source(file),
           [&reader](std::span<const std::byte> piece) { reader.add(piece); });
    reader.finish();
  }
  return images;
}

LabelledImages read_cifar(const DatasetInfo& info, const fs::path& data_dir, Split split,
                          const CifarFormat& format) {
  const std::string archive(format.archive);
  const FoundFiles found = locate_files(
      info, data_dir,
      {.names = files_of(format, split),
       .subfolder = std::string(format.folder),
       .archive = archive,
       .useless = {std::string(format.python_folder), std::string(format.python_archive)},
       .why_useless = "the version for Python; the binary version is needed"});
  LabelledImages images =
      found.is_archive
          ? read_cifar_archive(found.files[0].string(), file_source(found.files[0]), format, split)
          : read_files(found.files, format);
  images.is_synthetic = images.is_synthetic || found.is_synthetic;
  const std::size_t published =
      files_of(format, split).size() * format.samples_per_file[split == Split::kTrain ? 0 : 1];
  if (!images.is_synthetic && images.labels.size() != published) {
    log_warning("{} holds {} samples; {} as published has {}",
                found.files[0].parent_path().string(), images.labels.size(), info.name, published);
  }
  return images;
}

}  // namespace

CifarFormat cifar10_format() {
  return {.folder = "cifar-10-batches-bin",
          .archive = "cifar-10-binary.tar",
          .python_folder = "cifar-10-batches-py",
          .python_archive = "cifar-10-python.tar.gz",
          .coarse_classes = 0,
          .classes = 10,
          .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                    "data_batch_5.bin"},
          .test = {"test_batch.bin"},
          .samples_per_file = {10'000, 10'000}};
}

CifarFormat cifar100_format() {
  return {.folder = "cifar-100-binary",
          .archive = "cifar-100-binary.tar",
          .python_folder = "cifar-100-python",
          .python_archive = "cifar-100-python.tar.gz",
          .coarse_classes = 20,
          .classes = 100,
          .train = {"train.bin"},
          .test = {"test.bin"},
          .samples_per_file = {50'000, 10'000}};
}

CifarReader::CifarReader(std::string name, const CifarFormat& format, LabelledImages& into)
    : name_(std::move(name)),
      coarse_classes_(format.coarse_classes),
      classes_(format.classes),
      record_size_(kPixels + (format.coarse_classes > 0 ? 2 : 1)),
      into_(into) {}

void CifarReader::add(std::span<const std::byte> bytes) {
  if (!partial_.empty()) {
    const std::size_t taken = std::min(bytes.size(), record_size_ - partial_.size());
    partial_.insert(partial_.end(), bytes.begin(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    bytes = bytes.subspan(taken);
    if (partial_.size() < record_size_) return;
    add_record(partial_.data());
    partial_.clear();
  }
  for (; bytes.size() >= record_size_; bytes = bytes.subspan(record_size_)) {
    add_record(bytes.data());
  }
  partial_.assign(bytes.begin(), bytes.end());
}

void CifarReader::add_record(const std::byte* record) {
  if (samples_ == kMostCifarSamples) {
    throw InputError(fmt::format("{}: more than {} records of {} bytes", name_, kMostCifarSamples,
                                 record_size_));
  }
  const auto check = [&](std::byte byte, std::size_t classes, const char* what) {
    const auto label = std::to_integer<unsigned>(byte);
    if (label < classes) return label;
    throw InputError(fmt::format("{}: {} {} of sample {} is out of range; valid: 0 to {}", name_,
                                 what, label, samples_, classes - 1));
  };
  if (coarse_classes_ > 0) check(*record++, coarse_classes_, "coarse label");
  into_.labels.push_back(static_cast<std::uint16_t>(check(*record++, classes_, "label")));
  const auto* pixels = reinterpret_cast<const std::uint8_t*>(record);
  into_.pixels.insert(into_.pixels.end(), pixels, pixels + kPixels);
  ++samples_;
}

void CifarReader::finish() const {
  if (!partial_.empty()) {
    throw InputError(fmt::format("{}: truncated or no CIFAR file: {} bytes follow {} records of {}",
                                 name_, partial_.size(), samples_, record_size_));
  }
  if (samples_ == 0) throw InputError(name_ + ": it holds no samples");
}

LabelledImages read_cifar_archive(const std::string& name, const ByteSource& source,
                                  const CifarFormat& format, Split split) {
  const std::vector<std::string>& wanted = files_of(format, split);
  // The members may come in any order; the samples are those of the files in theirs.
  std::map<std::string, LabelledImages> parts;
  std::optional<CifarReader> reader;
  bool is_synthetic = false;
  const std::string prefix = std::string(format.folder) + "/";
  read_tar(name, source, kMostArchiveBytes, [&](const TarMember& member) -> ByteSink {
    if (reader) reader->finish();
    reader.reset();
    is_synthetic = is_synthetic || member.path == prefix + "SYNTHETIC.txt";
    if (!member.path.starts_with(prefix)) return {};
    const std::string file = member.path.substr(prefix.size());
    if (std::find(wanted.begin(), wanted.end(), file) == wanted.end()) return {};
    if (member.kind != TarMember::Kind::kFile)
      throw InputError(fmt::format("{}: {} is no file", name, member.path));
    const auto [part, is_new] = parts.try_emplace(file);
    if (!is_new) throw InputError(fmt::format("{}: {} is there twice", name, member.path));
    reader.emplace(fmt::format("{}: {}", name, member.path), format, part->second);
    return [&reader](std::span<const std::byte> piece) { reader->add(piece); };
  });
  if (reader) reader->finish();
  LabelledImages images;
  for (const std::string& file : wanted) {
    const auto part = parts.find(file);
    if (part == parts.end()) {
      throw InputError(fmt::format("{}: it lacks {}{}", name, prefix, file));
    }
    LabelledImages& found = part->second;
    images.labels.insert(images.labels.end(), found.labels.begin(), found.labels.end());
    images.pixels.insert(images.pixels.end(), found.pixels.begin(), found.pixels.end());
    found = {};
  }
  images.is_synthetic = is_synthetic;
  return images;
}

LabelledImages read_cifar10(const DatasetInfo& info, const fs::path& data_dir, Split split) {
  return read_cifar(info, data_dir, split, cifar10_format());
}

LabelledImages read_cifar100(const DatasetInfo& info, const fs::path& data_dir, Split split) {
  return read_cifar(info, data_dir, split, cifar100_format());
}

}  // namespace detox
