// Synthetic stand-ins for CIFAR-10 and CIFAR-100: their files, with generated images. For tests and
// for trying things out where the real ones cannot be had; figures are not comparable with theirs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "detox/thread_pool.hpp"
#include "prepare/synthetic_image.hpp"

namespace detox {

/// Changes whenever the same seed would give other bytes.
constexpr int kSyntheticVersion = 1;
constexpr std::uint64_t kSyntheticTrain = 50'000;

struct SyntheticSet {
  std::size_t classes = 10;  ///< 10 or 100
  std::uint64_t seed = 428;
  std::uint64_t train = kSyntheticTrain;  ///< a multiple of 50; the test set has a fifth of it
};

SyntheticClass synthetic_class(std::size_t classes, std::size_t label);
/// "striped disc", as the registry of data sets names it.
std::string synthetic_class_name(const SyntheticClass& what);

/// One sample; depends on (seed, number of classes, split, index) alone.
void paint_sample(const SyntheticSet& set, bool test, std::uint64_t index, std::size_t label,
                  std::span<std::uint8_t, kSyntheticPixels> image);

/// Writes the set into `folder`, which must be there and empty, in the binary format of CIFAR
/// (`cifar-10-batches-bin/` or `cifar-100-binary/`), with the names of the classes, and
/// SYNTHETIC.txt that says what this is, from which seed, and the SHA-256 of every file. The bytes
/// depend on `set` alone. Every class has equally many samples in a split, or one more or fewer.
/// `progress` gets the share that is done. Memory: one file, at most 154 MB. InputError where it
/// cannot be written.
void write_synthetic(const SyntheticSet& set, const std::filesystem::path& folder, ThreadPool& pool,
                     const std::function<void(double)>& progress);

/// What SYNTHETIC.txt says.
struct SyntheticNote {
  struct File {
    std::string name, sha256;
    std::uint64_t bytes = 0;
  };
  std::string settings;  ///< "synthetic-cifar10, version 1, seed 428, 50000 train, 10000 test"
  std::vector<File> files;
};

/// InputError where the file is missing or is not as write_synthetic leaves it.
SyntheticNote read_synthetic_note(const std::filesystem::path& folder);
std::string settings_text(const SyntheticSet& set);

}  // namespace detox
