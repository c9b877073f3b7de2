#include "data/image_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>

#include "data/idx_bytes.hpp"
#include "data/image_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

RgbImage decode(const std::string& bytes) { return decode_image("F", as_bytes_of(bytes)); }
std::string image_error(const std::string& bytes) {
  const std::string message = message_of<InputError>([&] { decode(bytes); });
  return message.empty() ? "was not refused" : message;
}

std::uint32_t little_endian_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

TEST(ImageFile, GivesThePixelsThatPilReads) {
  const TemporaryFolder folder;
  const std::string command = "/usr/bin/python3 '" DETOX_SOURCE_DIR
                              "/tests/data/write_images.py' '" +
                              folder.path().string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::size_t compared = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    if (entry.path().extension() != ".rgb") continue;
    fs::path file = entry.path();
    file.replace_extension();
    const std::string expected = get_file(entry.path());
    const RgbImage image = decode(get_file(file));
    EXPECT_EQ(image.width, little_endian_at(expected, 0)) << file;
    EXPECT_EQ(image.height, little_endian_at(expected, 4)) << file;
    EXPECT_TRUE(std::string(image.values.begin(), image.values.end()) == expected.substr(8))
        << file;
    ++compared;
  }
  EXPECT_EQ(compared, 18U);
  EXPECT_EQ(image_error(get_file(folder.path() / "cmyk.refused")),
            "F: a JPEG in CMYK; convert it to RGB");
}

TEST(ImageFile, RefusesATruncationAtEveryPosition) {
  const std::string png = png_bytes(sample_image(9, 7)), jpeg = jpeg_bytes(sample_image(17, 9));
  for (std::size_t length = 0; length + 12 < png.size(); ++length) {  // IEND holds nothing
    EXPECT_THAT(image_error(png.substr(0, length)), testing::StartsWith("F: ")) << length;
  }
  for (std::size_t length = 0; length + 2 < jpeg.size(); ++length) {
    EXPECT_THAT(image_error(jpeg.substr(0, length)), testing::StartsWith("F: ")) << length;
  }
}

TEST(ImageFile, RefusesAJpegThatLacksPixelsAndHasBytesBeforeItsEnd) {
  const std::string whole = jpeg_bytes(sample_image(64, 64));
  const std::size_t scan = whole.find("\xff\xda");
  ASSERT_NE(scan, std::string::npos);
  for (const std::size_t length : {scan + 40, whole.size() - 40}) {
    for (const char* end : {"\xff\xd9", "\xff\xd9\x01\xff\xd9"}) {
      EXPECT_THAT(image_error(whole.substr(0, length) + end), HasSubstr("the JPEG is damaged"));
    }
  }
}

TEST(ImageFile, RefusesADamagedPng) {
  const std::string whole = png_bytes(sample_image(9, 7));
  const std::size_t data = whole.find("IDAT");
  for (std::size_t position = data; position + 16 < whole.size(); ++position) {
    std::string damaged = whole;
    damaged[position] ^= 1;
    EXPECT_THAT(image_error(damaged), HasSubstr("the PNG is damaged")) << position;
  }
}

TEST(ImageFile, RefusesWhatIsNoImage) {
  for (const char* text : {"", "GIF89a", "RIFF....WEBP", "<svg/>", "\x89PNG"}) {
    EXPECT_EQ(image_error(text), "F: neither a PNG nor a JPEG image");
  }
  EXPECT_THAT(image_error("\x89PNG\r\n\x1a\n"), HasSubstr("the PNG is damaged"));
  EXPECT_EQ(image_error("\xff\xd8\xff"), "F: an image without pixels");
}

TEST(ImageFile, RefusesMorePixelsThanAllowedBeforeItTakesMemory) {
  std::string png = png_bytes(sample_image(4, 4));
  png.replace(16, 8, big_endian_bytes(900'000) + big_endian_bytes(900'000));
  const auto* header = reinterpret_cast<const Bytef*>(png.data() + 12);
  png.replace(29, 4, big_endian_bytes(static_cast<std::uint32_t>(crc32(0, header, 17))));
  EXPECT_EQ(image_error(png), "F: 900000 x 900000 pixels; the most is 67108864 pixels");

  std::string jpeg = jpeg_bytes(sample_image(16, 16));
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\xff\xdc\xff\xdc");
  EXPECT_EQ(image_error(jpeg), "F: 65500 x 65500 pixels; the most is 67108864 pixels");

  const std::string small = png_bytes(sample_image(4, 4));
  EXPECT_NO_THROW(decode_image("F", as_bytes_of(small), 16));
  EXPECT_THROW(decode_image("F", as_bytes_of(small), 15), InputError);
}

}  // namespace
}  // namespace detox
