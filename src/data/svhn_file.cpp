#include <fmt/format.h>
#include <fmt/ranges.h>
#include <matio.h>

#include <cmath>
#include <memory>
#include <new>
#include <numeric>
#include <utility>

#include "data/file_source.hpp"
#include "data/mat5.hpp"
#include "data/svhn.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kSide = 32, kImage = 3 * kSide * kSide;
constexpr unsigned kZeroLabel = 10;

struct CloseFile {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};

struct Contents {
  std::size_t samples = 0;        ///< that X announces; y fits
  std::uint32_t label_class = 0;  ///< of y
};

Contents check_shapes(const std::string& name, const std::vector<Mat5Array>& arrays) {
  const Mat5Array *x = nullptr, *y = nullptr;
  for (const Mat5Array& array : arrays) {
    const Mat5Array*& known = array.name == "X" ? x : y;
    if ((array.name != "X" && array.name != "y") || known != nullptr) {
      throw InputError(
          fmt::format("{}: it holds a variable '{}'; valid: X and y, each once", name, array.name));
    }
    known = &array;
  }
  if (x == nullptr || y == nullptr) {
    throw InputError(fmt::format("{}: no variable {}", name, x == nullptr ? "X" : "y"));
  }
  if (x->number_class != kMat5Uint8) {
    throw InputError(fmt::format(
        "{}: X is no array of uint8; save it so (uint8(X), or X.astype('uint8'))", name));
  }
  std::vector<std::uint64_t> shape = x->dimensions;
  if (shape.size() == 3) shape.push_back(1);  // MATLAB drops a last extent of 1
  const bool is_image =
      shape.size() == 4 && shape[0] == kSide && shape[1] == kSide && shape[2] == 3;
  if (!is_image || shape[3] < 1 || shape[3] > kMostSvhnSamples) {
    throw InputError(fmt::format("{}: X is {}; it must be 32 x 32 x 3 x n with n from 1 to {}",
                                 name, fmt::join(x->dimensions, " x "), kMostSvhnSamples));
  }
  const std::vector<std::uint64_t> column = {shape[3], 1}, row = {1, shape[3]};
  if (y->dimensions != column && y->dimensions != row) {
    throw InputError(fmt::format("{}: y is {}; it must be {} x 1, a label for each image of X",
                                 name, fmt::join(y->dimensions, " x "), shape[3]));
  }
  return {static_cast<std::size_t>(shape[3]), y->number_class};
}

/// All values of a variable, in one read of exactly the size that was verified.
template <class T>
std::vector<T> values_of(const std::string& name, mat_t* file, const char* variable,
                         matio_classes number_class, std::size_t count) {
  const std::unique_ptr<matvar_t, FreeVariable> info(Mat_VarReadInfo(file, variable));
  bool is_same = info != nullptr && info->class_type == number_class && info->isComplex == 0 &&
                 info->rank >= 2 && info->rank <= 4;
  if (is_same) {
    is_same = std::accumulate(info->dims, info->dims + info->rank, std::size_t{1},
                              std::multiplies<>()) == count;
  }
  std::vector<T> values;
  try {
    values.resize(count);
  } catch (const std::bad_alloc&) {
    throw InputError(fmt::format("{}: not enough memory for its {} values", name, count));
  }
  if (!is_same ||
      Mat_VarReadDataLinear(file, info.get(), values.data(), 0, 1, static_cast<int>(count)) != 0) {
    throw InputError(fmt::format("{}: libmatio cannot read variable {}", name, variable));
  }
  return values;
}

/// y is uint8 as published, and whatever a program made of it when it saved the file again.
std::vector<double> numbers_of_y(const std::string& name, mat_t* file, std::uint32_t number_class,
                                 std::size_t count) {
  const auto as_doubles = [&]<class T>(T, matio_classes number) {
    const std::vector<T> values = values_of<T>(name, file, "y", number, count);
    return std::vector<double>(values.begin(), values.end());
  };
  switch (number_class) {
    case MAT_C_DOUBLE:
      return as_doubles(double{}, MAT_C_DOUBLE);
    case MAT_C_SINGLE:
      return as_doubles(float{}, MAT_C_SINGLE);
    case MAT_C_INT8:
      return as_doubles(std::int8_t{}, MAT_C_INT8);
    case MAT_C_INT16:
      return as_doubles(std::int16_t{}, MAT_C_INT16);
    case MAT_C_UINT16:
      return as_doubles(std::uint16_t{}, MAT_C_UINT16);
    case MAT_C_INT32:
      return as_doubles(std::int32_t{}, MAT_C_INT32);
    case MAT_C_UINT32:
      return as_doubles(std::uint32_t{}, MAT_C_UINT32);
    case MAT_C_INT64:
      return as_doubles(std::int64_t{}, MAT_C_INT64);
    case MAT_C_UINT64:
      return as_doubles(std::uint64_t{}, MAT_C_UINT64);
    default:
      return as_doubles(std::uint8_t{}, MAT_C_UINT8);
  }
}

/// (column, row) -> (row, column) of each channel, in place.
void transpose(std::span<std::uint8_t> image) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    std::uint8_t* plane = image.data() + channel * kSide * kSide;
    for (std::size_t row = 0; row < kSide; ++row) {
      for (std::size_t column = row + 1; column < kSide; ++column) {
        std::swap(plane[row * kSide + column], plane[column * kSide + row]);
      }
    }
  }
}

}  // namespace

LabelledImages read_svhn_file(const fs::path& file) {
  const std::string name = file.string();
  const auto [count, label_class] = check_shapes(name, verify_mat5(name, file_source(file)));
  const std::unique_ptr<mat_t, CloseFile> opened(Mat_Open(file.c_str(), MAT_ACC_RDONLY));
  if (!opened) throw InputError(name + ": libmatio cannot open it");
  const std::vector<double> labels = numbers_of_y(name, opened.get(), label_class, count);
  LabelledImages images;
  images.labels.reserve(count);
  for (std::size_t sample = 0; sample < count; ++sample) {
    const double label = labels[sample];
    if (!(label >= 1 && label <= kZeroLabel && label == std::floor(label))) {
      throw InputError(
          fmt::format("{}: label {} of sample {} is out of range; valid: 1 to 10 (10 is digit 0)",
                      name, label, sample));
    }
    images.labels.push_back(static_cast<std::uint16_t>(static_cast<unsigned>(label) % kZeroLabel));
  }
  images.pixels = values_of<std::uint8_t>(name, opened.get(), "X", MAT_C_UINT8, count * kImage);
  for (std::size_t sample = 0; sample < count; ++sample) {
    transpose(std::span(images.pixels).subspan(sample * kImage, kImage));
  }
  return images;
}

}  // namespace detox
