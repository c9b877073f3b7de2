#include "data/svhn.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "data/mat5.hpp"
#include "data/mat5_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

class SvhnFile : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "train_32x32.mat"; }
  LabelledImages read(const std::string& bytes) const {
    put_file(file(), bytes);
    return read_svhn_file(file());
  }
  std::string error(const std::string& bytes) const {
    std::string message = message_of<InputError>([&] { read(bytes); });
    if (message.empty()) return "was not refused";
    EXPECT_THAT(message, testing::StartsWith(file().string() + ": "));
    EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
    return message;
  }
  TemporaryFolder folder_;
};

std::string pixels_of(std::size_t samples) {
  std::string values;
  for (std::size_t i = 0; i < samples * 3072; ++i) values += static_cast<char>(i / 97 % 251);
  return values;
}

Mat5Parts x_of(std::uint32_t samples) {
  return {.name = "X", .dimensions = {32, 32, 3, samples}, .data = pixels_of(samples)};
}
Mat5Parts y_of(const std::string& labels = "\1\12") {
  return {
      .name = "y", .dimensions = {static_cast<std::uint32_t>(labels.size()), 1}, .data = labels};
}

std::string plain(const Mat5Parts& x = x_of(2), const Mat5Parts& y = y_of()) {
  return mat5_header() + mat5_matrix(x) + mat5_matrix(y);
}
std::string compressed(const Mat5Parts& x = x_of(2), const Mat5Parts& y = y_of()) {
  return mat5_header() + mat5_compressed(zlib_bytes(mat5_matrix(x))) +
         mat5_compressed(zlib_bytes(mat5_matrix(y)));
}

TEST_F(SvhnFile, IsReadAsScipyWritesIt) {
  for (const char* how : {"plain", "compressed"}) {
    for (const std::size_t samples : {1U, 300U}) {
      const std::string command =
          fmt::format("/usr/bin/python3 '" DETOX_SOURCE_DIR "/tests/data/write_svhn.py' '{}' {} {}",
                      file().string(), samples, how);
      ASSERT_EQ(std::system(command.c_str()), 0) << command;
      const LabelledImages images = read_svhn_file(file());
      ASSERT_EQ(images.labels.size(), samples);
      ASSERT_EQ(images.pixels.size(), samples * 3072);
      for (std::size_t sample = 0; sample < samples; ++sample) {
        EXPECT_EQ(images.labels[sample], (sample % 10 + 1) % 10);
      }
      for (std::size_t i = 0; i < images.pixels.size(); ++i) {
        const std::size_t column = i % 32, row = i / 32 % 32, channel = i / 1024 % 3,
                          sample = i / 3072;
        ASSERT_EQ(images.pixels[i], (row * 5 + column * 3 + channel * 50 + sample * 11) % 256);
      }
    }
  }
}

TEST_F(SvhnFile, MayHaveLabelsOfAnyNumbersAsScipyWritesThem) {
  for (const char* type :
       {"float64", "float32", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64"}) {
    for (const char* how : {"plain", "compressed"}) {
      const std::string command = fmt::format("/usr/bin/python3 '" DETOX_SOURCE_DIR
                                              "/tests/data/write_svhn.py' '{}' 12 {} {}",
                                              file().string(), how, type);
      ASSERT_EQ(std::system(command.c_str()), 0) << command;
      const LabelledImages images = read_svhn_file(file());
      ASSERT_EQ(images.labels.size(), 12U) << type;
      for (std::size_t sample = 0; sample < 12; ++sample) {
        EXPECT_EQ(images.labels[sample], (sample % 10 + 1) % 10) << type;
      }
    }
  }
}

TEST_F(SvhnFile, MayHaveLabelsOfDoublesThatMatlabStoredAsBytes) {
  Mat5Parts y = y_of();
  y.flags = 6;
  EXPECT_THAT(read(plain(x_of(2), y)).labels, testing::ElementsAre(1, 0));
  EXPECT_THAT(read(compressed(x_of(2), y)).labels, testing::ElementsAre(1, 0));
}

TEST_F(SvhnFile, IsRefusedWhereALabelIsNoWholeNumber) {
  const auto y_of_doubles = [](double first, double second) {
    std::string data(16, '\0');
    std::memcpy(data.data(), &first, 8);
    std::memcpy(data.data() + 8, &second, 8);
    return Mat5Parts{.name = "y", .dimensions = {2, 1}, .data = data, .flags = 6, .data_type = 9};
  };
  EXPECT_THAT(read(plain(x_of(2), y_of_doubles(3, 10))).labels, testing::ElementsAre(3, 0));
  for (const double wrong : {1.5, 0.0, 11.0, -1.0, 1e300, std::nan("")}) {
    EXPECT_THAT(error(plain(x_of(2), y_of_doubles(3, wrong))),
                HasSubstr("of sample 1 is out of range"));
  }
}

TEST_F(SvhnFile, IsADataSetOfTenDigits) {
  read(compressed());
  const auto train = load_dataset(find_dataset("svhn"), folder_.path(), Split::kTrain);
  EXPECT_EQ(train->name(), "SVHN");
  EXPECT_EQ(train->shape(), (ImageShape{3, 32, 32}));
  EXPECT_EQ(train->classes(), 10U);
  EXPECT_EQ(train->label(0), 1);
  EXPECT_EQ(train->label(1), 0);
  EXPECT_THAT(message_of<InputError>(
                  [&] { load_dataset(find_dataset("svhn"), folder_.path(), Split::kTest); }),
              HasSubstr("SVHN: test_32x32.mat not found together in"));
}

TEST_F(SvhnFile, MayLackALastExtentOfOneAndLieInARow) {
  Mat5Parts x = x_of(1), y = y_of("\5");
  x.dimensions.pop_back();
  EXPECT_EQ(read(plain(x, y)).labels.size(), 1U);
  y = y_of();
  std::swap(y.dimensions[0], y.dimensions[1]);
  EXPECT_EQ(read(compressed(x_of(2), y)).labels.size(), 2U);
}

TEST_F(SvhnFile, IsRefusedWhereItIsTruncatedAnywhere) {
  for (const std::string& whole : {plain(), compressed()}) {
    const std::size_t step = whole.size() > 3000 ? 41 : 1;
    for (std::size_t length = 0; length < whole.size(); length += step) {
      EXPECT_NE(error(whole.substr(0, length)), "was not refused") << length;
    }
  }
}

TEST_F(SvhnFile, IsRefusedWhereAnyCompressedByteIsDamaged) {
  const std::string whole = compressed();
  for (std::size_t position = 124; position < whole.size(); ++position) {
    std::string damaged = whole;
    damaged[position] ^= 4;
    EXPECT_NE(error(damaged), "was not refused") << position;
  }
}

TEST_F(SvhnFile, IsRefusedOfAnotherVersion) {
  EXPECT_THAT(error(""), HasSubstr("truncated"));
  EXPECT_THAT(error(std::string(200, 'x')), HasSubstr("not a MATLAB 5 file"));
  std::string other = plain();
  other.replace(126, 2, "MI");
  EXPECT_THAT(error(other), HasSubstr("not a MATLAB 5 file (little-endian)"));
  other.replace(0, 10, "MATLAB 7.3");
  EXPECT_THAT(error(other), HasSubstr("save it as version 5 (save -v7)"));
}

TEST_F(SvhnFile, IsRefusedOfAnotherClassOrType) {
  for (const std::uint32_t other : {1U, 2U, 3U, 4U, 5U, 16U, 0x809U}) {
    Mat5Parts x = x_of(2);
    x.flags = other;
    EXPECT_THAT(error(plain(x)), HasSubstr("variable X is no array of real numbers"));
  }
  for (const std::uint32_t other : {6U, 8U, 12U}) {
    Mat5Parts x = x_of(2);
    x.flags = other;
    EXPECT_THAT(error(plain(x)), HasSubstr("X is no array of uint8; save it so"));
  }
  Mat5Parts x = x_of(2);
  x.data_type = 1;
  EXPECT_THAT(error(compressed(x)), HasSubstr("holds 6144 bytes of type 1"));
}

TEST_F(SvhnFile, IsRefusedOfAnotherShape) {
  const auto error_with = [&](const std::vector<std::uint32_t>& dimensions,
                              const std::string& data = pixels_of(2)) {
    return error(plain({.name = "X", .dimensions = dimensions, .data = data}));
  };
  EXPECT_THAT(error_with({32, 32, 6}), HasSubstr("X is 32 x 32 x 6; it must be 32 x 32 x 3 x n"));
  EXPECT_THAT(error_with({3, 32, 32, 2}), HasSubstr("X is 3 x 32 x 32 x 2"));
  EXPECT_THAT(error_with({32, 32, 3, 2, 1}), HasSubstr("X is 32 x 32 x 3 x 2 x 1"));
  EXPECT_THAT(error_with({32, 32, 3, 0}, ""), HasSubstr("X is 32 x 32 x 3 x 0"));
  EXPECT_THAT(error_with({6144}), HasSubstr("damaged"));
  EXPECT_THAT(error_with(std::vector<std::uint32_t>(9, 1), "x"), HasSubstr("damaged"));
  EXPECT_THAT(error(plain(x_of(2), y_of("\1"))), HasSubstr("y is 1 x 1; it must be 2 x 1"));
}

TEST_F(SvhnFile, IsNotLedToAllocateByWhatItAnnounces) {
  for (const std::uint32_t samples : {3U, 600'000U, 0x7fffffffU, 0xffffffffU}) {
    Mat5Parts x = x_of(2);
    x.dimensions[3] = samples;
    EXPECT_NE(error(plain(x)), "was not refused");
    EXPECT_NE(error(compressed(x)), "was not refused");
  }
  Mat5Parts x = x_of(2);
  x.dimensions = {0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU};
  EXPECT_THAT(error(plain(x)), HasSubstr("more than 2147483648 values"));
}

TEST_F(SvhnFile, IsRefusedWithOtherVariables) {
  Mat5Parts z = y_of();
  z.name = "Z\n";
  EXPECT_THAT(error(plain() + mat5_matrix(z)),
              HasSubstr("it holds a variable 'Z?'; valid: X and y"));
  EXPECT_THAT(error(plain() + mat5_matrix(y_of())), HasSubstr("it holds a variable 'y'"));
  EXPECT_THAT(error(mat5_header() + mat5_matrix(x_of(2))), HasSubstr("no variable y"));
  EXPECT_THAT(error(mat5_header()), HasSubstr("no variable X"));
  std::string many = mat5_header();
  for (int i = 0; i < 9; ++i) many += mat5_matrix(y_of());
  EXPECT_THAT(error(many), HasSubstr("more than 8 variables"));
}

TEST_F(SvhnFile, IsRefusedWhereBytesFollowAVariable) {
  const std::string x = mat5_matrix(x_of(2)), y = mat5_compressed(zlib_bytes(mat5_matrix(y_of())));
  EXPECT_THAT(error(mat5_header() + mat5_compressed(zlib_bytes(x + "12345678")) + y),
              HasSubstr("more bytes follow the values of X"));
  EXPECT_THAT(error(mat5_header() + mat5_compressed(zlib_bytes(x) + "12345678") + y),
              HasSubstr("more bytes follow the values of X"));
  EXPECT_THAT(error(plain() + "1"), HasSubstr("truncated"));
  EXPECT_THAT(error(plain() + mat5_element(3, "")), HasSubstr("a variable of type 3"));
}

TEST_F(SvhnFile, IsRefusedWhereALabelIsOutOfRange) {
  EXPECT_THAT(error(plain(x_of(2), y_of("\1\13"))),
              HasSubstr("label 11 of sample 1 is out of range; valid: 1 to 10 (10 is digit 0)"));
  EXPECT_THAT(error(plain(x_of(2), y_of(std::string("\0\1", 2)))),
              HasSubstr("label 0 of sample 0"));
}

TEST_F(SvhnFile, IsRefusedWhereItIsNoFile) {
  EXPECT_THAT(message_of<InputError>([] { read_svhn_file("/proc/nonexistent.mat"); }),
              HasSubstr("cannot open /proc/nonexistent.mat"));
}

}  // namespace
}  // namespace detox
