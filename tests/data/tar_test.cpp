#include "data/tar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "data/idx_bytes.hpp"
#include "data/tar_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;
using Contents = std::map<std::string, std::string>;

ByteSource source_of(const std::string& bytes, std::size_t piece_size = 1000) {
  return [rest = as_bytes_of(bytes), piece_size]() mutable {
    const auto piece = rest.first(std::min(piece_size, rest.size()));
    rest = rest.subspan(piece.size());
    return piece;
  };
}

/// The content of every regular file.
Contents contents(const std::string& bytes, std::uint64_t most = 1 << 20,
                  std::size_t piece_size = 1000) {
  Contents files;
  read_tar("T", source_of(bytes, piece_size), most, [&](const TarMember& member) -> ByteSink {
    if (member.kind != TarMember::Kind::kFile) return {};
    std::string& file = files[member.path];
    return [&file](std::span<const std::byte> piece) {
      file.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    };
  });
  return files;
}

std::string tar_error(const std::string& bytes, std::uint64_t most = 1 << 20) {
  return message_of<InputError>([&] { contents(bytes, most); });
}

const std::string kLong(100'000, 'x');

std::string archive() {
  return tar_member("d/", "", '5') + tar_member("./d/one", "1") + tar_member("d/long", kLong) +
         tar_end();
}

TEST(Tar, GivesEveryFilePlainAndGzipped) {
  const Contents expected = {{"d/one", "1"}, {"d/long", kLong}};
  for (const std::size_t piece_size : {1, 511, 65536}) {
    EXPECT_EQ(contents(archive(), 1 << 20, piece_size), expected);
    EXPECT_EQ(contents(gzip_bytes(archive()), 1 << 20, piece_size), expected);
  }
}

TEST(Tar, ShowsLinksFoldersAndPipesAsNoFiles) {
  const std::string bytes = tar_member("a", "", '2', "/etc/passwd") +
                            tar_member("b", "", '1', "c") + tar_member("c", "", '5') +
                            tar_member("d", "", '6') + tar_end();
  std::vector<TarMember::Kind> seen;
  read_tar("T", source_of(bytes), 1 << 20, [&](const TarMember& member) -> ByteSink {
    seen.push_back(member.kind);
    return {};
  });
  using enum TarMember::Kind;
  EXPECT_EQ(seen, std::vector({kLink, kLink, kFolder, kOther}));
}

TEST(Tar, RefusesAGzipTruncationAtEveryPosition) {
  const std::string packed = gzip_bytes(tar_member("a", "some text") + tar_end());
  for (std::size_t length = 2; length < packed.size(); ++length) {
    EXPECT_THAT(tar_error(packed.substr(0, length)), testing::StartsWith("T: ")) << length;
  }
}

TEST(Tar, RefusesAMemberThatIsCutOff) {
  const std::string whole = archive();
  for (const std::size_t length : {700U, 1600U, 50'000U}) {
    EXPECT_THAT(tar_error(whole.substr(0, length)), HasSubstr("T: the tar archive is damaged"));
  }
}

TEST(Tar, VerifiesTheChecksumThatStandsAtTheEnd) {
  std::string packed = gzip_bytes(archive());
  packed[packed.size() - 8] ^= 1;
  EXPECT_THAT(tar_error(packed), HasSubstr("the gzip data is damaged"));
}

TEST(Tar, RefusesWhatIsNoArchive) {
  EXPECT_THAT(tar_error(std::string(5000, 'x')),
              HasSubstr("damaged (Unrecognized archive format)"));
  EXPECT_THAT(tar_error(gzip_bytes(std::string(5000, 'x'))), HasSubstr("damaged"));
}

TEST(Tar, StopsABombAtTheLimit) {
  const std::string bomb =
      gzip_bytes(tar_member("a", std::string(std::size_t{1} << 25, '\0')) + tar_end());
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_THAT(tar_error(bomb), HasSubstr("more than the 1048576 bytes"));
  // Behind the end of the archive too.
  EXPECT_THAT(tar_error(gzip_bytes(archive() + std::string(std::size_t{1} << 25, '\0'))),
              HasSubstr("more than the 1048576 bytes"));
}

TEST(Tar, IsNotLedToAllocateByAnAnnouncedSize) {
  std::string header = tar_member("a", "").substr(0, 512);
  header.replace(124, 12, std::string("\x80\0\0\0\x00\xff\xff\xff\xff\xff\xff\xff", 12));
  header.replace(148, 8, "        ");
  std::uint32_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  EXPECT_THAT(tar_error(header + kLong), HasSubstr("damaged"));
}

TEST(Tar, LetsWhatASinkThrowsThrough) {
  EXPECT_THROW(read_tar("T", source_of(archive()), 1 << 20,
                        [](const TarMember&) -> ByteSink {
                          return [](std::span<const std::byte>) { throw UsageError("enough"); };
                        }),
               UsageError);
}

}  // namespace
}  // namespace detox
