#include "data/locate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const DatasetInfo& fashion() { return find_dataset("FashionMNIST"); }

TEST(DataFolders, AreThoseOfDataDirAlone) {
  EXPECT_THAT(data_folders(fashion(), "D"),
              ElementsAre("D/FashionMNIST", "D/FashionMNIST/raw", "D"));
}

TEST(DataFolders, EndWithTheSystemFolderWithoutDataDir) {
  EXPECT_THAT(data_folders(fashion(), ""),
              ElementsAre("data/FashionMNIST", "data/FashionMNIST/raw", "data",
                          "/usr/share/datasets/fashion-mnist"));
  EXPECT_THAT(data_folders(find_dataset("MNIST"), ""),
              ElementsAre("data/MNIST", "data/MNIST/raw", "data"));
}

TEST(LocateFiles, TakesTheFirstFolderThatHoldsAll) {
  const TemporaryFolder folder;
  const fs::path& dir = folder.path();
  put_file(dir / "FashionMNIST" / "a", "");  // b is missing here
  put_file(dir / "FashionMNIST" / "raw" / "a.gz", "");
  put_file(dir / "FashionMNIST" / "raw" / "b", "");
  put_file(dir / "a", "");
  put_file(dir / "b", "");
  EXPECT_THAT(locate_files(fashion(), dir, {.names = {"a", "b"}}).files,
              ElementsAre(dir / "FashionMNIST/raw/a.gz", dir / "FashionMNIST/raw/b"));
}

TEST(LocateFiles, PrefersPlainFiles) {
  const TemporaryFolder folder;
  put_file(folder.path() / "a", "");
  put_file(folder.path() / "a.gz", "");
  EXPECT_THAT(locate_files(fashion(), folder.path(), {.names = {"a"}}).files,
              ElementsAre(folder.path() / "a"));
}

TEST(LocateFiles, KnowsBothSpellingsOfIdxFiles) {
  const TemporaryFolder folder;
  put_file(folder.path() / "train-images.idx3-ubyte", "");
  put_file(folder.path() / "train-labels.idx1-ubyte.gz", "");
  EXPECT_THAT(locate_files(fashion(), folder.path(),
                           {.names = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}})
                  .files,
              ElementsAre(folder.path() / "train-images.idx3-ubyte",
                          folder.path() / "train-labels.idx1-ubyte.gz"));
}

TEST(LocateFiles, SaysInOneLineWhereItLookedAndWhatToDo) {
  const TemporaryFolder folder;
  const std::string dir = folder.path().string();
  put_file(folder.path() / "a", "");
  const std::string message = message_of<InputError>([&] {
    locate_files(fashion(), dir, {.names = {"a", "b"}});
  });
  EXPECT_THAT(message, HasSubstr("FashionMNIST: a and b not found together in " + dir +
                                 "/FashionMNIST, " + dir + "/FashionMNIST/raw, " + dir));
  EXPECT_THAT(message, HasSubstr(dir + " lacks b"));
  EXPECT_THAT(message, HasSubstr("--data-dir"));
  EXPECT_THAT(message, HasSubstr("package dataset-fashion-mnist"));
  EXPECT_THAT(message, HasSubstr("or run detoxml data prepare FashionMNIST"));
  EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
}

TEST(LocateFiles, SuggestsNoPackageWhereThereIsNone) {
  const std::string message = message_of<InputError>(
      [] { locate_files(find_dataset("MNIST"), "/proc/nonexistent", {.names = {"a"}}); });
  EXPECT_THAT(message, HasSubstr("/proc/nonexistent/MNIST"));
  EXPECT_THAT(message, testing::Not(HasSubstr("package")));
}

TEST(LocateFiles, SaysHowSyntheticFilesAreGenerated) {
  const std::string message = message_of<InputError>([] {
    locate_files(find_dataset("synthetic-cifar10"), "/proc/nonexistent", {.names = {"a"}});
  });
  EXPECT_THAT(message, HasSubstr("'detoxml data prepare synthetic-cifar10' generates them"));
  EXPECT_THAT(message, testing::Not(HasSubstr("put")));
}

}  // namespace
}  // namespace detox
