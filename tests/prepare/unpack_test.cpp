#include "prepare/unpack.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "prepare/tar_bytes.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Unpack : public testing::Test {
 protected:
  Unpack() { fs::create_directory(inner()); }
  fs::path inner() const { return folder_.path() / "inner"; }
  std::string error(const std::string& bytes, const UnpackLimits& limits = {}) const {
    return message_of<InputError>(
        [&] { unpack_archive("the archive", bytes_of(bytes), inner(), limits); });
  }
  /// Everything below the temporary folder, so that what got out would be seen.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
      found.push_back(fs::relative(entry.path(), folder_.path()).string());
    std::sort(found.begin(), found.end());
    return found;
  }
  TemporaryFolder folder_;
};

TEST_F(Unpack, GivesFilesAndFolders) {
  const std::vector<TarEntry> entries = {{"./", "", AE_IFDIR},
                                         {"set/", "", AE_IFDIR},
                                         {"set/a.bin", std::string(200'000, 'a')},
                                         {"./set/deep/b.bin", "b"},
                                         {"set/empty", ""}};
  for (const bool gzipped : {true, false}) {
    fs::remove_all(inner());
    fs::create_directory(inner());
    put_file(folder_.path() / "file.tar.gz", tar_gz(entries, gzipped));
    unpack_archive(folder_.path() / "file.tar.gz", inner(), {});
    EXPECT_EQ(get_file(inner() / "set/a.bin"), std::string(200'000, 'a'));
    EXPECT_EQ(get_file(inner() / "set/deep/b.bin"), "b");
    EXPECT_TRUE(fs::is_regular_file(inner() / "set/empty"));
  }
}

TEST_F(Unpack, RefusesNamesThatLeadOutOfTheFolder) {
  for (const char* name : {"../out", "set/../../out", "/tmp/out", "..", "set/.."})
    EXPECT_THAT(error(tar_gz({{name, "x"}})), HasSubstr("is refused")) << name;
  EXPECT_THAT(names(), ElementsAre("inner"));
}

TEST_F(Unpack, RefusesLinksOfEitherKind) {
  EXPECT_THAT(error(tar_gz({{"a", "", AE_IFLNK, "/etc"}})), HasSubstr("it is a link"));
  EXPECT_THAT(error(tar_gz({{"a", "", AE_IFLNK, "b"}, {"a/x", "x"}})), HasSubstr("it is a link"));
  EXPECT_THAT(error(tar_gz({{"b", "", AE_IFREG, "/etc/passwd", true}})), HasSubstr("it is a link"));
  EXPECT_THAT(names(), ElementsAre("inner"));
}

TEST_F(Unpack, RefusesWhatIsNeitherFileNorFolder) {
  for (const unsigned type : {AE_IFIFO, AE_IFCHR, AE_IFBLK})
    EXPECT_THAT(error(tar_gz({{"a", "", type}})), HasSubstr("neither a file nor a folder"));
  EXPECT_THAT(names(), ElementsAre("inner"));
}

TEST_F(Unpack, RefusesNamesThatComeTwiceOrInTwoRoles) {
  EXPECT_THAT(error(tar_gz({{"a", "1"}, {"./a", "2"}})), HasSubstr("twice"));
  EXPECT_EQ(get_file(inner() / "a"), "1");
  EXPECT_THAT(error(tar_gz({{"b", "1"}, {"b/c", "2"}})), HasSubstr("'b/c' is refused"));
}

TEST_F(Unpack, RefusesMoreThanTheLimits) {
  EXPECT_EQ(error(tar_gz({{"a", std::string(1001, 'a')}}), {.bytes = 1000, .entries = 5}),
            "the archive: it unpacks to more than 1000 bytes");
  EXPECT_EQ(error(tar_gz({{"b", ""}, {"c", ""}, {"d", ""}}), {.bytes = 1000, .entries = 2}),
            "the archive: it holds more than 2 entries");
  EXPECT_EQ(error(tar_gz({{"e", std::string(500, 'a')}, {"f", std::string(500, 'a')}}),
                  {.bytes = 1000, .entries = 2}),
            "");
}

TEST_F(Unpack, RefusesDamageAndEarlyEnds) {
  std::string content;
  for (unsigned i = 0; i < 50'000; ++i) content += static_cast<char>(i * i % 251 * i);
  const std::string good = tar_gz({{"a", content}});
  for (std::size_t length = 0; length < good.size() - 20; length += good.size() / 13) {
    fs::remove_all(inner());
    fs::create_directory(inner());
    EXPECT_THAT(error(good.substr(0, length)), HasSubstr("the archive: ")) << length;
  }
  EXPECT_NE(error("no archive at all"), "");
}

TEST(UnsafeName, IsWhatNobodyNeeds) {
  for (const char* name : {"a", "a/b.bin", "./a", "cifar-10-batches-bin/", "a b"})
    EXPECT_THAT(unsafe_name(name), IsEmpty()) << name;
  EXPECT_THAT(unsafe_name(""), HasSubstr("no name"));
  EXPECT_THAT(unsafe_name("/a"), HasSubstr("absolute"));
  EXPECT_THAT(unsafe_name("a/../b"), HasSubstr("out of the folder"));
  EXPECT_THAT(unsafe_name("a\nb"), HasSubstr("unusual"));
  EXPECT_THAT(unsafe_name("C:\\a"), HasSubstr("unusual"));
  EXPECT_THAT(unsafe_name(std::string(201, 'a')), HasSubstr("too long"));
  EXPECT_THAT(unsafe_name("1/2/3/4/5/6/7/8/9"), HasSubstr("too deep"));
}

}  // namespace
}  // namespace detox
