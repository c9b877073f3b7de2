#include "data/idx.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::uint32_t> kImage = {2, 3};

std::string idx_error(const std::string& bytes, const std::vector<std::uint32_t>& item_shape) {
  return message_of<InputError>([&] { parse_idx("F", as_bytes_of(bytes), item_shape); });
}

TEST(Idx, ReadsImagesPlainAndGzipped) {
  const std::string plain = idx_bytes({2, 2, 3}, "abcdefghijkl");
  for (const std::string& bytes : {plain, gzip_bytes(plain)}) {
    const IdxArray array = parse_idx("F", as_bytes_of(bytes), kImage);
    EXPECT_EQ(array.samples, 2U);
    EXPECT_THAT(array.values,
                ElementsAre('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'));
  }
}

TEST(Idx, ReadsLabels) {
  const IdxArray array = parse_idx("F", as_bytes_of(idx_bytes({3}, "\1\7\377")), {});
  EXPECT_EQ(array.samples, 3U);
  EXPECT_THAT(array.values, ElementsAre(1, 7, 255));
}

TEST(Idx, RefusesATruncationAtEveryPosition) {
  const std::string whole = idx_bytes({2, 2, 3}, "abcdefghijkl");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(idx_error(whole.substr(0, length), kImage), testing::StartsWith("F: truncated"))
        << length;
  }
}

TEST(Idx, RefusesTrailingBytes) {
  EXPECT_THAT(idx_error(idx_bytes({2}, "abc"), {}), HasSubstr("more bytes follow the 2 samples"));
}

TEST(Idx, RefusesEveryOtherMagic) {
  const std::string whole = idx_bytes({2, 2, 3}, "abcdefghijkl");
  for (std::size_t position = 0; position < 4; ++position) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = whole;
      other[position] = static_cast<char>(other[position] ^ (1 << bit));
      EXPECT_THAT(idx_error(other, kImage), HasSubstr("not an IDX file of images"));
    }
  }
  EXPECT_THAT(idx_error(whole, {}), HasSubstr("not an IDX file of labels"));
}

TEST(Idx, RefusesOtherImageSizes) {
  EXPECT_EQ(idx_error(idx_bytes({1, 3, 3}, "abcdefghi"), kImage),
            "F: dimension 1 of an image is 3, it must be 2; a set of another size is named by its "
            "folder: --dataset DIR/");
  EXPECT_THAT(idx_error(idx_bytes({1, 2, 0}, ""), kImage),
              HasSubstr("F: dimension 2 of an image is 0, it must be 3"));
}

TEST(Idx, TakesTheSizeFromTheFileWhereItMay) {
  const std::vector<std::uint32_t> any = {kAnyExtent, kAnyExtent};
  const IdxArray array = parse_idx("F", as_bytes_of(idx_bytes({2, 1, 3}, "abcdef")), any);
  EXPECT_EQ(array.samples, 2U);
  EXPECT_THAT(array.item_shape, ElementsAre(1, 3));
  EXPECT_EQ(idx_error(idx_bytes({1, 2, 0}, ""), any),
            "F: dimension 2 of an image is 0, it must be from 1 to 1024");
  EXPECT_EQ(idx_error(idx_bytes({1, 1025, 1}, ""), any),
            "F: dimension 1 of an image is 1025, it must be from 1 to 1024");
}

TEST(Idx, RefusesNoSamples) {
  EXPECT_EQ(idx_error(idx_bytes({0}, ""), {}), "F: it holds no samples");
}

TEST(Idx, RefusesMoreSamplesThanAreSaneBeforeAnyMemory) {
  EXPECT_THAT(idx_error(idx_bytes({(1U << 28) + 1}, ""), {}), HasSubstr("the most is 268435456"));
  EXPECT_THAT(idx_error(idx_bytes({0xffffffffU, 2, 3}, "a"), kImage), HasSubstr("the most is"));
}

TEST(Idx, AllocatesForBytesThatCameNotForTheHeader) {
  IdxReader reader("F", {28, 28});
  reader.add(as_bytes_of(idx_bytes({1U << 28, 28, 28}, "abc")));  // announces 196 GiB
  EXPECT_THAT(message_of<InputError>([&] { reader.finish(); }), HasSubstr("it holds 3"));
}

TEST(Idx, NamesAFileThatCannotBeOpened) {
  EXPECT_EQ(message_of<InputError>([] { read_idx_file("/proc/nonexistent/file", {}); }),
            "cannot open /proc/nonexistent/file: No such file or directory");
}

TEST(Idx, ReadsFromAFile) {
  const TemporaryFolder folder;
  put_file(folder.path() / "f", gzip_bytes(idx_bytes({200'000}, std::string(200'000, 'x'))));
  const IdxArray array = read_idx_file(folder.path() / "f", {});
  EXPECT_EQ(array.values, std::vector<std::uint8_t>(200'000, 'x'));
}

TEST(Idx, NamesAFileThatCannotBeRead) {
  EXPECT_THAT(message_of<InputError>([] { read_idx_file("/", {}); }), HasSubstr("Is a directory"));
}

}  // namespace
}  // namespace detox
