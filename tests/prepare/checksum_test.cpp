#include "prepare/checksum.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

// RFC 1321 and FIPS 180-2.
constexpr std::string_view kMd5OfAbc = "900150983cd24fb0d6963f7d28e17f72";
constexpr std::string_view kSha256OfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr PublishedFile kAbc{"abc", 3, kMd5OfAbc, kSha256OfAbc};

class ChecksumFiles : public testing::Test {
 protected:
  std::filesystem::path put(const std::string& bytes) const {
    put_file(folder_.path() / "file", bytes);
    return folder_.path() / "file";
  }
  TemporaryFolder folder_;
};

TEST_F(ChecksumFiles, AreThePublishedOnes) {
  const Checksums sums = checksums_of(put("abc"));
  EXPECT_EQ(sums.bytes, 3U);
  EXPECT_EQ(sums.md5, kMd5OfAbc);
  EXPECT_EQ(sums.sha256, kSha256OfAbc);
  EXPECT_EQ(difference_from(kAbc, sums), "");
}

TEST_F(ChecksumFiles, DoNotDependOnThePieces) {
  const std::string text(1'000'000, 'a');  // FIPS 180-2 again
  EXPECT_EQ(checksums_of(put(text)).sha256,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_F(ChecksumFiles, SeeThroughGzip) {
  EXPECT_EQ(difference_from(kAbc, content_checksums_of(put(gzip_bytes("abc")), 3)), "");
  EXPECT_EQ(difference_from(kAbc, content_checksums_of(put("abc"), 3)), "");
}

TEST_F(ChecksumFiles, EndEarlyWhereMoreIsInAFileThanPublished) {
  const auto file = put(gzip_bytes(std::string(5'000'000, '\0')));
  EXPECT_THAT(message_of<InputError>([&] { content_checksums_of(file, 3); }),
              HasSubstr("more than the 3 bytes"));
}

TEST_F(ChecksumFiles, SayWhatDiffers) {
  EXPECT_EQ(difference_from(kAbc, checksums_of(put("abcd"))),
            "it has 4 bytes, the published file has 3");
  EXPECT_THAT(difference_from(kAbc, checksums_of(put("abd"))), HasSubstr("SHA-256"));
  Checksums collision = checksums_of(put("abc"));
  collision.sha256.front() = 'c';  // equal MD5, as can be made on purpose
  EXPECT_NE(difference_from(kAbc, collision), "");
}

TEST_F(ChecksumFiles, AreOfRegularFilesAlone) {
  EXPECT_THAT(message_of<InputError>([&] { checksums_of(folder_.path()); }),
              HasSubstr("not a regular file"));
  EXPECT_THAT(message_of<InputError>([&] { checksums_of(folder_.path() / "no"); }),
              HasSubstr("No such file"));
}

}  // namespace
}  // namespace detox
