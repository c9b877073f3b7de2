#include "prepare/contact_sheet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

/// Images of one colour: channel c of sample s is 10 s + c. Class: s % classes.
class Flat final : public Dataset {
 public:
  Flat(std::size_t channels, std::size_t classes, std::size_t samples)
      : channels_(channels), samples_(samples), names_(classes, "class") {}
  std::string name() const override { return "flat"; }
  bool is_synthetic() const override { return true; }
  std::size_t size() const override { return samples_; }
  ImageShape shape() const override { return {channels_, 3, 4}; }
  std::size_t classes() const override { return names_.size(); }
  std::span<const std::string> class_names() const override { return names_; }
  std::int64_t label(std::size_t sample) const override {
    return static_cast<std::int64_t>(sample % names_.size());
  }
  void read(std::size_t, std::uint64_t, const Key&, std::span<float>) const override {}
  void pixels(std::size_t sample, std::span<std::uint8_t> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::uint8_t>(10 * sample + i / 12);
  }
  std::string digest() const override { return ""; }

 private:
  std::size_t channels_, samples_;
  std::vector<std::string> names_;
};

struct Picture {
  std::size_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
  std::array<int, 3> at(std::size_t x, std::size_t y) const {
    const std::uint8_t* p = rgb.data() + 3 * (y * width + x);
    return {p[0], p[1], p[2]};
  }
};

Picture read_png(const std::filesystem::path& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_file(&image, file.c_str()), 0);
  image.format = PNG_FORMAT_RGB;
  Picture picture{image.width, image.height, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(image))};
  EXPECT_NE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr), 0);
  return picture;
}

class ContactSheet : public testing::Test {
 protected:
  Picture sheet(const Dataset& data) const {
    const auto file = folder_.path() / "sheet.png";
    write_contact_sheet(data, file);
    return read_png(file);
  }
  TemporaryFolder folder_;
};

using Colour = std::array<int, 3>;
constexpr Colour kWhite = {255, 255, 255};

TEST_F(ContactSheet, HasARowAClassAndTenColumns) {
  const Picture picture = sheet(Flat(3, 2, 25));
  EXPECT_EQ(picture.width, 2U + 10U * 6U);
  EXPECT_EQ(picture.height, 2U + 2U * 5U);
  EXPECT_EQ(picture.at(0, 0), kWhite);
  EXPECT_EQ(picture.at(2, 2), (Colour{0, 1, 2}));                // sample 0
  EXPECT_EQ(picture.at(5, 4), (Colour{0, 1, 2}));                // its last pixel
  EXPECT_EQ(picture.at(6, 4), kWhite);                           // the gap
  EXPECT_EQ(picture.at(8, 2), (Colour{20, 21, 22}));             // sample 2
  EXPECT_EQ(picture.at(2, 7), (Colour{10, 11, 12}));             // sample 1, class 1
  EXPECT_EQ(picture.at(2 + 9 * 6, 2), (Colour{180, 181, 182}));  // sample 18
}

TEST_F(ContactSheet, IsGreyWhereTheImagesAre) {
  EXPECT_EQ(sheet(Flat(1, 2, 20)).at(8, 2), (Colour{20, 20, 20}));
}

TEST_F(ContactSheet, LeavesCellsWhiteWhereAClassHasTooFewSamples) {
  EXPECT_EQ(sheet(Flat(3, 2, 3)).at(2 + 6, 7), kWhite);
}

TEST_F(ContactSheet, ShowsAtMostTwentyClasses) {
  EXPECT_EQ(sheet(Flat(3, 100, 100)).height, 2U + 20U * 5U);
}

TEST_F(ContactSheet, SaysWhereItCannotBeWritten) {
  EXPECT_THAT(message_of<InputError>(
                  [&] { write_contact_sheet(Flat(3, 2, 3), folder_.path() / "no" / "sheet.png"); }),
              testing::HasSubstr("sheet.png"));
  EXPECT_THAT(message_of<InputError>(
                  [&] { write_contact_sheet(Flat(2, 2, 3), folder_.path() / "sheet.png"); }),
              testing::HasSubstr("2 channels"));
}

}  // namespace
}  // namespace detox
