#include "prepare/fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "prepare/checksum.hpp"
#include "prepare/files.hpp"
#include "prepare/loopback_server.hpp"

namespace detox {
namespace {

using Outcome = FetchResult::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;

class Fetch : public testing::Test {
 protected:
  Fetch() {
    ChecksumBuilder builder;
    builder.add(bytes_of(body_));
    sums_ = builder.finish();
    file_ = {"data.bin", sums_.bytes, sums_.md5, sums_.sha256};
  }
  FetchResult fetch(const std::vector<std::string>& bases) const {
    return fetch_file(file_, bases, folder_.path(), quick_options(), [](std::uint64_t) {});
  }
  std::string content(const std::string& name) const { return get_file(folder_.path() / name); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }
  LoopbackServer::Handler good() const {
    return [this](const Request& r, std::size_t) { return serve(body_, r); };
  }

  TemporaryFolder folder_;
  std::string body_ = std::string(3000, 'a') + "end";
  Checksums sums_;
  PublishedFile file_;
};

TEST_F(Fetch, LeavesTheVerifiedFileAndNothingElse) {
  const LoopbackServer server(good());
  EXPECT_EQ(fetch({server.url()}).outcome, Outcome::kDownloaded);
  EXPECT_THAT(names(), ElementsAre("data.bin"));
  EXPECT_EQ(content("data.bin"), body_);
  EXPECT_EQ(fetch({server.url()}).outcome, Outcome::kAlreadyThere);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Fetch, KeepsNothingOfWrongBytesAndSaysSo) {
  std::string wrong = body_;
  wrong[1000] ^= 1;
  const LoopbackServer server([&](const Request& r, std::size_t) { return serve(wrong, r); });
  const FetchResult result = fetch({server.url()});
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.reasons, ElementsAre(HasSubstr("was not kept: its SHA-256 is")));
  EXPECT_TRUE(names().empty());
}

TEST_F(Fetch, AsksTheNextSource) {
  std::string wrong = body_;
  wrong[1000] ^= 1;
  const LoopbackServer missing([&](const Request&, std::size_t) { return status(404); });
  const LoopbackServer bad([&](const Request& r, std::size_t) { return serve(wrong, r); });
  const LoopbackServer server(good());
  EXPECT_EQ(fetch({missing.url(), bad.url(), server.url()}).outcome, Outcome::kDownloaded);
  EXPECT_EQ(content("data.bin"), body_);
}

TEST_F(Fetch, GoesOnWithThePartThatAKilledRunLeft) {
  put_file(folder_.path() / "data.bin.part", body_.substr(0, 2000));
  const LoopbackServer server(good());
  EXPECT_EQ(fetch({server.url()}).outcome, Outcome::kDownloaded);
  EXPECT_EQ(server.requests().at(0).range, "bytes=2000-");
  EXPECT_THAT(names(), ElementsAre("data.bin"));
}

TEST_F(Fetch, BeginsAnewOnceWhereThePartWasOfOtherBytes) {
  put_file(folder_.path() / "data.bin.part", std::string(2000, 'x'));
  const LoopbackServer server(good());
  EXPECT_EQ(fetch({server.url()}).outcome, Outcome::kDownloaded);
  EXPECT_EQ(content("data.bin"), body_);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(Fetch, NeverChangesAFileThatHasTheName) {
  put_file(folder_.path() / "data.bin", "mine");
  const LoopbackServer server(good());
  const std::string message = message_of<InputError>([&] { fetch({server.url()}); });
  EXPECT_THAT(message, HasSubstr("data.bin is not the published file: it has 4 bytes"));
  EXPECT_EQ(content("data.bin"), "mine");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Fetch, NamesEverySourceThatFailed) {
  const LoopbackServer one([&](const Request&, std::size_t) { return status(404); });
  const LoopbackServer two([&](const Request&, std::size_t) { return status(403); });
  EXPECT_THAT(fetch({one.url(), two.url()}).reasons,
              ElementsAre(one.url("data.bin") + ": HTTP status 404",
                          two.url("data.bin") + ": HTTP status 403"));
}

TEST(FolderLock, KeepsASecondOneOut) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "deep" / "inside";
  {
    const FolderLock lock(path);
    EXPECT_THAT(message_of<InputError>([&] { const FolderLock second(path); }),
                HasSubstr("another detoxml"));
  }
  EXPECT_EQ(message_of<InputError>([&] { const FolderLock third(path); }), "");
}

TEST(Publish, OverwritesNothing) {
  const TemporaryFolder folder;
  put_file(folder.path() / "new", "new");
  put_file(folder.path() / "old", "old");
  EXPECT_THAT(
      message_of<InputError>([&] { publish(folder.path() / "new", folder.path() / "old"); }),
      HasSubstr("not overwritten"));
  EXPECT_EQ(get_file(folder.path() / "old"), "old");
}

}  // namespace
}  // namespace detox
