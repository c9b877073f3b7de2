#include "prepare/prepare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "prepare/checksum.hpp"
#include "prepare/loopback_server.hpp"
#include "prepare/tar_bytes.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// A data set of our own, with checksums of its own, served from a loopback address.
class Prepare : public testing::Test {
 protected:
  static constexpr DatasetInfo kInfo{.name = "Own",
                                     .folder = "Own",
                                     .system_folder = "",
                                     .summary = "",
                                     .source = "",
                                     .shape = {},
                                     .classes = 2};

  PublishedFile published(const std::string& name, const std::string& bytes) {
    ChecksumBuilder builder;
    builder.add(as_bytes_of(bytes));
    const Checksums sums = builder.finish();
    const std::string& kept = texts_.emplace_back(name);
    return {kept, sums.bytes, texts_.emplace_back(sums.md5), texts_.emplace_back(sums.sha256)};
  }

  /// An archive that holds set/a.bin and set/b.bin.
  void use_archive(const std::vector<TarEntry>& entries) {
    archive_ = tar_gz(entries);
    downloads_ = {published("set.tar.gz", archive_)};
    contents_ = {published("a.bin", kA), published("b.bin", kB)};
    unpacked_ = "set";
  }
  void use_gzipped_files() {
    archive_ = gzip_bytes(kA);
    downloads_ = {published("a.gz", archive_)};
    contents_ = {published("a", kA)};
    unpacked_ = "";
  }
  Recipe recipe() const {
    return {.name = "Own",
            .page = "",
            .bases = {},
            .downloads = downloads_,
            .unpacked = unpacked_,
            .contents = contents_};
  }
  std::string prepare(const LoopbackServer& server) const {
    return prepare_dataset(recipe(), kInfo,
                           {.data_dir = data_dir(), .url = server.url(), .http = quick_options()});
  }
  std::string error(const LoopbackServer& server) const {
    return message_of<InputError>([&] { prepare(server); });
  }
  fs::path data_dir() const { return folder_.path() / "data"; }
  fs::path own() const { return data_dir() / "Own"; }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(own())) {
      if (entry.is_regular_file()) found.push_back(fs::relative(entry.path(), own()).string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  LoopbackServer::Handler good() const {
    return [this](const Request& r, std::size_t) { return serve(archive_, r); };
  }
  static std::vector<TarEntry> entries() {
    return {{"set/", "", AE_IFDIR}, {"set/a.bin", kA}, {"set/b.bin", kB}, {"set/readme", "x"}};
  }

  static inline const std::string kA = std::string(70'000, 'a'), kB = "the second";
  TemporaryFolder folder_;
  std::deque<std::string> texts_;  // views into it stay valid
  std::string archive_, unpacked_;
  std::vector<PublishedFile> downloads_, contents_;
};

TEST_F(Prepare, DownloadsVerifiesAndUnpacks) {
  use_archive(entries());
  const LoopbackServer server(good());
  EXPECT_EQ(prepare(server), "Own: downloaded and verified: " + own().string());
  EXPECT_THAT(names(), ElementsAre("set.tar.gz", "set/a.bin", "set/b.bin", "set/readme"));
  EXPECT_EQ(get_file(own() / "set/a.bin"), kA);
}

TEST_F(Prepare, DoesNothingTheSecondTime) {
  use_archive(entries());
  const LoopbackServer server(good());
  prepare(server);
  const auto time = fs::last_write_time(own() / "set/a.bin");
  EXPECT_EQ(prepare(server), "Own: already there, verified: " + (own() / "set").string());
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(fs::last_write_time(own() / "set/a.bin"), time);
}

TEST_F(Prepare, FindsAnUnpackedSetWithoutItsArchive) {
  use_archive(entries());
  const LoopbackServer server(good());
  put_file(data_dir() / "set/a.bin", kA);  // as Torchvision leaves it
  put_file(data_dir() / "set/b.bin", kB);
  EXPECT_THAT(prepare(server), HasSubstr("already there"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Prepare, UnpacksAnArchiveThatIsThere) {
  use_archive(entries());
  put_file(data_dir() / "set.tar.gz", archive_);
  const LoopbackServer server(good());
  EXPECT_EQ(prepare(server), "Own: unpacked and verified: " + own().string());
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(get_file(own() / "set/b.bin"), kB);
}

TEST_F(Prepare, GoesOnAfterARunThatWasKilledWhileItUnpacked) {
  use_archive(entries());
  put_file(own() / "set.tar.gz", archive_);
  put_file(own() / "set.part/set/a.bin", "half");
  const LoopbackServer server(good());
  prepare(server);
  EXPECT_THAT(names(), ElementsAre("set.tar.gz", "set/a.bin", "set/b.bin", "set/readme"));
  EXPECT_EQ(get_file(own() / "set/a.bin"), kA);
}

TEST_F(Prepare, AddsOnlyWhatIsMissing) {
  use_archive(entries());
  put_file(own() / "set/a.bin", kA);
  put_file(own() / "set/readme", "mine");
  const LoopbackServer server(good());
  prepare(server);
  EXPECT_EQ(get_file(own() / "set/b.bin"), kB);
  EXPECT_EQ(get_file(own() / "set/readme"), "mine");
}

TEST_F(Prepare, RefusesWrongFilesThatAreInTheWayAndKeepsThem) {
  use_archive(entries());
  put_file(own() / "set/a.bin", "mine");
  const LoopbackServer server(good());
  EXPECT_THAT(error(server),
              HasSubstr("a.bin: it has 4 bytes, the published file has 70000; move"));
  EXPECT_EQ(get_file(own() / "set/a.bin"), "mine");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Prepare, LeavesNothingOfAnArchiveWithWrongContents) {
  auto wrong = entries();
  wrong[2].content = "another";
  use_archive(wrong);
  const LoopbackServer server(good());
  EXPECT_THAT(error(server), HasSubstr("set/b.bin: it has 7 bytes, the published file has 10"));
  EXPECT_THAT(names(), ElementsAre("set.tar.gz"));
}

TEST_F(Prepare, LeavesNothingOfAnArchiveThatLeadsOutOfItsFolder) {
  auto hostile = entries();
  hostile.push_back({"../escaped", "x"});
  use_archive(hostile);
  const LoopbackServer server(good());
  EXPECT_THAT(error(server), HasSubstr("'../escaped' is refused"));
  EXPECT_THAT(names(), ElementsAre("set.tar.gz"));
}

TEST_F(Prepare, TakesGzippedFilesByTheirContent) {
  use_gzipped_files();
  const LoopbackServer server(good());
  EXPECT_THAT(prepare(server), HasSubstr("downloaded and verified"));
  EXPECT_THAT(names(), ElementsAre("a.gz"));
  EXPECT_THAT(prepare(server), HasSubstr("already there"));
  fs::remove(own() / "a.gz");
  put_file(own() / "raw/a", kA);  // unpacked by somebody
  EXPECT_THAT(prepare(server), HasSubstr("already there, verified: " + own().string() + "/raw"));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Prepare, RefusesAGzippedFileOfOtherContent) {
  use_gzipped_files();
  put_file(own() / "a.gz", gzip_bytes(std::string(70'000, 'b')));
  const LoopbackServer server(good());
  EXPECT_THAT(error(server), HasSubstr("a.gz: its SHA-256 is"));
}

TEST_F(Prepare, SaysInOneLineWhatToGetFromWhereAndWhereToPutIt) {
  use_archive(entries());
  const LoopbackServer server([&](const Request&, std::size_t) { return status(404); });
  const std::string message = error(server);
  EXPECT_THAT(message, HasSubstr("Own: cannot download set.tar.gz: " + server.url("set.tar.gz") +
                                 ": HTTP status 404"));
  EXPECT_THAT(message, HasSubstr("get set.tar.gz from " + server.url()));
  EXPECT_THAT(message, HasSubstr("put it into " + own().string()));
  EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
}

class PrepareSynthetic : public testing::Test {
 protected:
  std::string prepare(std::uint64_t seed, std::uint64_t samples = 50) const {
    return prepare_dataset(find_recipe("synthetic-cifar10"), kInfo,
                           {.data_dir = folder_.path(), .seed = seed, .samples = samples});
  }
  static constexpr DatasetInfo kInfo{.name = "synthetic-cifar10",
                                     .folder = "synthetic-cifar10",
                                     .system_folder = "",
                                     .summary = "",
                                     .source = "",
                                     .shape = {},
                                     .classes = 10};
  fs::path own() const { return folder_.path() / "synthetic-cifar10"; }
  TemporaryFolder folder_;
};

TEST_F(PrepareSynthetic, IsGeneratedOnce) {
  put_file(own().string() + ".part/left", "by a killed run");
  EXPECT_EQ(prepare(1),
            "synthetic-cifar10: generated (synthetic images, seed 1): " + own().string());
  EXPECT_FALSE(fs::exists(own().string() + ".part"));
  EXPECT_THAT(prepare(1), HasSubstr("already there, verified"));
}

TEST_F(PrepareSynthetic, IsNotReplacedByAnotherOne) {
  prepare(1);
  EXPECT_THAT(message_of<InputError>([&] { prepare(2); }), HasSubstr("seed 1, 50 train"));
  EXPECT_THAT(message_of<InputError>([&] { prepare(1, 100); }), HasSubstr("not synthetic-cifar10"));
  put_file(own() / "cifar-10-batches-bin/test_batch.bin", "damaged");
  EXPECT_THAT(message_of<InputError>([&] { prepare(1); }), HasSubstr("test_batch.bin: it has 7"));
}

}  // namespace
}  // namespace detox
