#include "data/idx_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A set of 2 x 3 images in the folder, all pixels of an image its label.
class IdxSets : public testing::Test {
 protected:
  void put(const std::string& prefix, const std::string& train, const std::string& test,
           const std::string& test_name = "test") const {
    put_split(prefix + "train", train);
    put_split(prefix + test_name, test);
  }
  void put_split(const std::string& name, const std::string& labels) const {
    const auto count = static_cast<std::uint32_t>(labels.size());
    std::string pixels;
    for (const char label : labels) pixels += std::string(6, label);
    put_file(folder_.path() / (name + "-images-idx3-ubyte.gz"),
             gzip_bytes(idx_bytes({count, 2, 3}, pixels)));
    put_file(folder_.path() / (name + "-labels-idx1-ubyte"), idx_bytes({count}, labels));
  }
  std::unique_ptr<Dataset> load(const std::string& name, Split split = Split::kTrain,
                                std::size_t size = kDefaultImageSize) const {
    return load_dataset(dir() + "/" + name, "", split, size);
  }
  std::string dir() const { return folder_.path().string(); }
  std::string error(const std::string& name, Split split = Split::kTrain) const {
    return message_of<InputError>([&] { load(name, split); });
  }
  TemporaryFolder folder_;
};

TEST_F(IdxSets, TakeSizeAndClassesFromTheirFiles) {
  put("emnist-balanced-", std::string("\0\56\3", 3), "\56\1");
  for (const char* name : {"", "emnist-balanced"}) {
    const auto train = load(name), test = load(name, Split::kTest);
    EXPECT_EQ(train->name(), dir() + "/" + name);
    EXPECT_EQ(train->shape(), (ImageShape{1, 2, 3}));
    EXPECT_EQ(train->size(), 3U);
    EXPECT_EQ(test->size(), 2U);
    EXPECT_EQ(train->classes(), 47U);
    EXPECT_EQ(test->classes(), 47U);
    EXPECT_EQ(train->label(1), 46);
    EXPECT_EQ(train->class_names()[46], "46");
    std::vector<std::uint8_t> raw(6);
    train->pixels(1, raw);
    EXPECT_THAT(raw, testing::Each(46));
    std::vector<float> values(6);
    train->read(0, 0, Key{}, values);
    EXPECT_THAT(values, testing::Each(-1.0F));
  }
}

TEST_F(IdxSets, CountFromOneWhereNoLabelIsZero) {
  put("emnist-letters-", "\1\32", "\2");
  const auto train = load("emnist-letters");
  EXPECT_EQ(train->classes(), 26U);
  EXPECT_EQ(train->label(0), 0);
  EXPECT_EQ(train->label(1), 25);
  EXPECT_EQ(train->class_names()[0], "1");
  EXPECT_EQ(load("emnist-letters", Split::kTest)->label(0), 1);
}

TEST_F(IdxSets, HaveTheClassesThatOneSplitAloneHas) {
  put("", std::string("\0\1", 2), "\5", "t10k");
  EXPECT_EQ(load("")->classes(), 6U);
  EXPECT_EQ(load("", Split::kTest)->label(0), 5);
}

TEST_F(IdxSets, AreNamedOneByOneWhereAFolderHasSeveral) {
  put("emnist-letters-", "\1", "\1");
  put("emnist-mnist-", "\1", "\1");
  EXPECT_EQ(error(""), dir() + "/: it holds 2 IDX sets; name one: --dataset " + dir() +
                           "/emnist-letters or " + dir() + "/emnist-mnist");
  EXPECT_EQ(load("emnist-mnist")->classes(), 1U);
}

TEST_F(IdxSets, SayWhatTheyLack) {
  put_split("train", "\1");
  EXPECT_EQ(error("."),
            dir() + "/. lacks t10k-labels-idx1-ubyte or test-labels-idx1-ubyte (plain or .gz)");
}

TEST_F(IdxSets, RefuseCountsThatDiffer) {
  put("", "\1\2", "\1");
  put_file(folder_.path() / "train-labels-idx1-ubyte", idx_bytes({1}, "\1"));
  EXPECT_THAT(error("."), HasSubstr("train-images-idx3-ubyte.gz holds 2 images, but"));
}

TEST_F(IdxSets, KeepTheirSize) {
  put("", "\1", "\1");
  EXPECT_THAT(message_of<UsageError>([&] { load(".", Split::kTrain, 64); }),
              HasSubstr("--image-size 64 is for image folders"));
}

TEST_F(IdxSets, AreNoImageFolders) {
  std::filesystem::create_directories(folder_.path() / "pictures" / "train" / "a");
  EXPECT_FALSE(is_idx_set(folder_.path() / "pictures"));
  EXPECT_FALSE(is_idx_set(folder_.path() / "nothing"));
  EXPECT_FALSE(is_idx_set("/proc/nonexistent/emnist"));
}

}  // namespace
}  // namespace detox
