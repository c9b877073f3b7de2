// The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): a file is records of label bytes
// and 3 x 32 x 32 pixels, red plane first.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/gunzip.hpp"
#include "data/image_dataset.hpp"
#include "data/readers.hpp"

namespace detox {

struct CifarFormat {
  std::string_view folder;         ///< within the archive, and where it is unpacked
  std::string_view archive;        ///< as it is downloaded, without ".gz"
  std::string_view python_folder;  ///< the version for Python, which is not this one
  std::string_view python_archive;
  std::size_t coarse_classes;  ///< 0: a record has no coarse label before the fine one
  std::size_t classes;
  std::vector<std::string> train, test;  ///< file names
  std::size_t samples_per_file[2];       ///< as published: of a training and of the test file
};

CifarFormat cifar10_format();
CifarFormat cifar100_format();

/// Takes one file in pieces and appends its samples. InputError, opening with `name`: a label out
/// of range, a last record that is cut off, no record at all, or more than kMostCifarSamples of
/// them. Memory grows with the bytes that arrive.
class CifarReader {
 public:
  CifarReader(std::string name, const CifarFormat& format, LabelledImages& into);
  void add(std::span<const std::byte> bytes);
  void finish() const;

 private:
  void add_record(const std::byte* record);

  std::string name_;
  std::size_t coarse_classes_, classes_, record_size_;
  LabelledImages& into_;
  std::size_t samples_ = 0;
  std::vector<std::byte> partial_;  ///< the beginning of a record
};

inline constexpr std::size_t kMostCifarSamples = 100'000;  ///< in one file; published are 50,000

/// Reads the files of one split from an archive, plain or gzipped, which is synthetic where its
/// folder holds a SYNTHETIC.txt. InputError where a file is missing, there twice or a link.
LabelledImages read_cifar_archive(const std::string& name, const ByteSource& source,
                                  const CifarFormat& format, Split split);

}  // namespace detox
