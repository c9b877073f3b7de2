#include "record/atomic_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "record/file_io.hpp"

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

TEST(AtomicFile, NamesAFolderThatIsNotThere) {
  EXPECT_EQ(message_of<InputError>([] { write_atomically("/nonexistent/f", "x"); }),
            "cannot write /nonexistent/f: No such file or directory");
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
  put_file(folder.path() / ".model_step_5.123.tmp", "half");
  put_file(folder.path() / "kept.tmp", "not ours");
  put_file(folder.path() / ".lock", "");
  remove_temporaries(folder.path());
  EXPECT_EQ(entries(folder.path()), 2U);
  EXPECT_TRUE(fs::exists(folder.path() / "kept.tmp"));
}

TEST(ReadFile, RefusesWhatIsNoRegularFile) {
  EXPECT_EQ(message_of<InputError>([] { read_file("/"); }), "/ is not a regular file");
  EXPECT_EQ(message_of<InputError>([] { read_file("/nonexistent"); }),
            "cannot open /nonexistent: No such file or directory");
}

}  // namespace
}  // namespace detox
