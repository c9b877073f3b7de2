#include "prepare/http_download.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "prepare/loopback_server.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

std::string sample(std::size_t size = 5000) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * i % 251);
  return text;
}

class HttpDownload : public testing::Test {
 protected:
  std::string part_name() const { return (folder_.path() / "file.part").string(); }
  std::string part() const { return get_file(part_name()); }
  void put_part(const std::string& bytes) const { put_file(part_name(), bytes); }

  std::string download(const LoopbackServer& server) {
    return http_download(server.url("file"), part_name(), body_.size(), options_,
                         [this](std::uint64_t bytes) { progress_ = bytes; })
        .value_or("");
  }

  TemporaryFolder folder_;
  std::string body_ = sample();
  HttpOptions options_ = quick_options();
  std::uint64_t progress_ = 0;
};

TEST_F(HttpDownload, BringsTheWholeFile) {
  const LoopbackServer server([&](const Request& r, std::size_t) { return serve(body_, r); });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
  EXPECT_EQ(progress_, body_.size());
  EXPECT_EQ(server.requests().at(0).range, "");
}

TEST_F(HttpDownload, AsksOnlyForTheRestOfWhatIsThere) {
  put_part(body_.substr(0, 1234));
  const LoopbackServer server([&](const Request& r, std::size_t) { return serve(body_, r); });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
  EXPECT_EQ(server.requests().at(0).range, "bytes=1234-");
}

TEST_F(HttpDownload, AsksNothingWhereTheFileIsWhole) {
  put_part(body_);
  const LoopbackServer server([&](const Request& r, std::size_t) { return serve(body_, r); });
  EXPECT_EQ(download(server), "");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(HttpDownload, BeginsAnewWhereTheServerIgnoresTheRange) {
  put_part("other bytes");
  const LoopbackServer server([&](const Request&, std::size_t) { return whole(body_); });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
}

TEST_F(HttpDownload, GoesOnWhereAConnectionWasCut) {
  const LoopbackServer server([&](const Request& r, std::size_t number) {
    Answer answer = serve(body_, r);
    if (number < 2) answer.bytes.resize(answer.bytes.size() - 1000);
    return answer;
  });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[1].range, "bytes=4000-");
}

TEST_F(HttpDownload, KeepsWhatCameWhereItGivesUp) {
  const LoopbackServer server([&](const Request& r, std::size_t number) {
    Answer answer = serve(body_, r);
    answer.bytes.resize(number == 0 ? answer.bytes.size() - 1000 : 0);
    return answer;
  });
  EXPECT_NE(download(server), "");
  EXPECT_EQ(part(), body_.substr(0, 4000));
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(HttpDownload, TriesAgainWhereATransferStalls) {
  const LoopbackServer server([&](const Request& r, std::size_t number) {
    Answer answer = serve(body_, r);
    if (number == 0) {
      answer.bytes.resize(answer.bytes.size() - 1000);
      answer.stalls = true;
    }
    return answer;
  });
  options_.stall_timeout = std::chrono::seconds(1);
  options_.attempts = 100;
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
  EXPECT_GE(server.requests().size(), 2U);
}

TEST_F(HttpDownload, WritesNothingOfAnErrorPage) {
  put_part("abc");
  const LoopbackServer server([&](const Request&, std::size_t) { return status(404); });
  EXPECT_EQ(download(server), "HTTP status 404");
  EXPECT_EQ(part(), "abc");
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(HttpDownload, TriesAgainAfterAnErrorOfTheServer) {
  const LoopbackServer server([&](const Request& r, std::size_t number) {
    return number == 0 ? status(503) : serve(body_, r);
  });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
}

TEST_F(HttpDownload, BeginsAnewWhereTheServerHasNoRest) {
  put_part(body_.substr(0, 100));
  const LoopbackServer server(
      [&](const Request& r, std::size_t) { return r.range.empty() ? whole(body_) : status(416); });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
}

TEST_F(HttpDownload, BeginsAnewWhereAnotherPartIsSent) {
  put_part(body_.substr(0, 100));
  const LoopbackServer server([&](const Request& r, std::size_t number) {
    return number == 0 ? rest_of(body_, 50) : serve(body_, r);
  });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
}

TEST_F(HttpDownload, FollowsRedirectsToTheRest) {
  put_part(body_.substr(0, 100));
  const LoopbackServer server([&](const Request& r, std::size_t) {
    return r.path == "/file" ? status(302, "Location: /elsewhere\r\n") : serve(body_, r);
  });
  EXPECT_EQ(download(server), "");
  EXPECT_EQ(part(), body_);
  EXPECT_EQ(server.requests().at(1).range, "bytes=100-");
}

TEST_F(HttpDownload, LeavesACircleOfRedirects) {
  const LoopbackServer server(
      [&](const Request&, std::size_t) { return status(302, "Location: /file\r\n"); });
  EXPECT_THAT(download(server), HasSubstr("redirects"));
}

TEST_F(HttpDownload, DoesNotFollowARedirectToAFile) {
  put_file(folder_.path() / "secret", body_);
  const LoopbackServer server([&](const Request&, std::size_t) {
    return status(302, fmt::format("Location: file://{}/secret\r\n", folder_.path().string()));
  });
  EXPECT_NE(download(server), "");
  EXPECT_EQ(part(), "");
}

TEST_F(HttpDownload, RefusesAFileOfAnotherSize) {
  const std::string longer = body_ + "more";
  const LoopbackServer server([&](const Request& r, std::size_t) { return serve(longer, r); });
  EXPECT_EQ(download(server), "it offers 5004 bytes, the published file has 5000");
  put_part(body_.substr(0, 100));
  EXPECT_EQ(download(server), "it offers 5004 bytes, the published file has 5000");
  EXPECT_EQ(part(), body_.substr(0, 100));
}

TEST_F(HttpDownload, NeverWritesMoreThanThePublishedBytes) {
  const LoopbackServer server([&](const Request&, std::size_t) {
    return Answer{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(100'000, 'x')};
  });
  EXPECT_EQ(download(server), "it sends more than the 5000 bytes of the published file");
  EXPECT_LE(part().size(), 5000U);
}

TEST_F(HttpDownload, SaysWhyAServerCannotBeReached) {
  std::string url;
  {
    const LoopbackServer server([&](const Request&, std::size_t) { return status(404); });
    url = server.url("file");
  }
  const auto failure = http_download(url, part_name(), 10, quick_options(), [](std::uint64_t) {});
  EXPECT_THAT(failure.value_or(""), HasSubstr("connect"));
}

TEST_F(HttpDownload, ReportsAFileThatCannotBeWrittenAsAnInputError) {
  const LoopbackServer server([&](const Request& r, std::size_t) { return serve(body_, r); });
  EXPECT_THAT(message_of<InputError>([&] {
                http_download(server.url("file"), "/dev/full", body_.size(), quick_options(),
                              [](std::uint64_t) {});
              }),
              HasSubstr("/dev/full"));
  EXPECT_THAT(message_of<InputError>([&] {
                http_download(server.url("file"), folder_.path() / "no" / "part", body_.size(),
                              quick_options(), [](std::uint64_t) {});
              }),
              HasSubstr("No such file"));
}

}  // namespace
}  // namespace detox
