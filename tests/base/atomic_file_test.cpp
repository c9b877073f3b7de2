#include "base/atomic_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/file.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, WritesThePiecesInOrderAndLeavesNothingElse) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "f";
  const std::array<std::span<const std::byte>, 4> pieces = {bytes_of("ab"), bytes_of(""),
                                                            bytes_of("c"), bytes_of("de")};
  write_atomically(file, pieces);
  EXPECT_EQ(get_file(file), "abcde");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, ReplacesAPreviousFile) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "f";
  write_atomically(file, "a longer text");
  write_atomically(file, "short");
  EXPECT_EQ(get_file(file), "short");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, IsAsBeforeWhereWhatMakesItFailsOnTheWay) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "f";
  write_atomically(file, [](const FileSink& sink) {
    sink("before");
    sink(" and after");
  });
  EXPECT_THROW(write_atomically(file,
                                [](const FileSink& sink) {
                                  sink("half");
                                  throw InputError("no more");
                                }),
               InputError);
  EXPECT_EQ(get_file(file), "before and after");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, NamesAFolderThatIsNotThere) {
  EXPECT_EQ(message_of<InputError>([] { write_atomically("/proc/nonexistent/f", "x"); }),
            "cannot write /proc/nonexistent/f: No such file or directory");
}

TEST(AtomicFile, ReplacesNothingButRegularFiles) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<InputError>([&] { write_atomically(folder.path(), "x"); }),
              HasSubstr("it is not a regular file"));
  EXPECT_THAT(message_of<InputError>([] { write_atomically("/dev/null", "x"); }),
              HasSubstr("it is not a regular file"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(AtomicFile, RemovesWhatKilledProcessesLeft) {
  const TemporaryFolder folder;
  for (const char* name : {".ours.123.tmp", ".a.b.9.tmp"}) put_file(folder.path() / name, "half");
  const std::array others = {".ours.tmp",     ".ours..tmp",   ".ours.1x.tmp", ".ours.-1.tmp",
                             ".other.12.tmp", "ours.123.tmp", ".123.tmp",     ".ours.123",
                             ".tmp",          "..1.tmp",      "ours.tmp"};
  for (const char* name : others) put_file(folder.path() / name, "somebody else's");
  remove_temporaries(folder.path(),
                     [](std::string_view name) { return name == "ours" || name == "a.b"; });
  EXPECT_EQ(entries(folder.path()), others.size());
  EXPECT_FALSE(fs::exists(folder.path() / ".ours.123.tmp"));
  EXPECT_FALSE(fs::exists(folder.path() / ".a.b.9.tmp"));
}

TEST(ReadFile, RefusesWhatIsNoRegularFile) {
  EXPECT_EQ(message_of<InputError>([] { read_file("/"); }), "/ is not a regular file");
  EXPECT_EQ(message_of<InputError>([] { read_file("/proc/nonexistent"); }),
            "cannot open /proc/nonexistent: No such file or directory");
}

}  // namespace
}  // namespace detox
