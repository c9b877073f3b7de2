#include "base/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

constexpr std::size_t kPixels = 784;

/// Two samples; pixel i of sample s is (i + s) % 256, labels are 3 and 9.
std::string images() {
  std::string values;
  for (std::size_t sample = 0; sample < 2; ++sample) {
    for (std::size_t i = 0; i < kPixels; ++i) values += static_cast<char>((i + sample) % 256);
  }
  return idx_bytes({2, 28, 28}, values);
}

std::string labels(const std::string& values = "\3\11") {
  return idx_bytes({static_cast<std::uint32_t>(values.size())}, values);
}

class DatasetFiles : public testing::Test {
 protected:
  void put(const std::string& image_bytes, const std::string& label_bytes) {
    put_file(folder_.path() / "train-images-idx3-ubyte", image_bytes);
    put_file(folder_.path() / "train-labels-idx1-ubyte.gz", gzip_bytes(label_bytes));
  }
  std::unique_ptr<Dataset> load(std::string_view name = "MNIST") const {
    return load_dataset(find_dataset(name), folder_.path(), Split::kTrain);
  }
  std::string error() const {
    return message_of<InputError>([this] { load(); });
  }
  TemporaryFolder folder_;
};

TEST(Datasets, AreSortedAndFoundWhateverTheSpelling) {
  const auto all = datasets();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  EXPECT_EQ(find_dataset("fashion-mnist").name, "FashionMNIST");
  EXPECT_EQ(find_dataset("mnist").name, "MNIST");
}

TEST(Datasets, AnswerAnUnknownNameWithTheNearest) {
  const std::string message = message_of<UsageError>([] { find_dataset("FashonMNIST"); });
  EXPECT_THAT(message, HasSubstr("did you mean FashionMNIST?"));
}

TEST_F(DatasetFiles, GiveNormalisedValuesAndLabels) {
  put(images(), labels());
  const struct {
    const char* name;
    double mean, deviation;
  } cases[] = {{"MNIST", 0.1307, 0.3081}, {"FashionMNIST", 0.2860, 0.3530}};
  for (const auto& [name, mean, deviation] : cases) {
    const auto dataset = load(name);
    ASSERT_EQ(dataset->size(), 2U);
    EXPECT_EQ(dataset->classes(), 10U);
    EXPECT_EQ(dataset->shape(), (ImageShape{1, 28, 28}));
    EXPECT_EQ(dataset->label(0), 3);
    EXPECT_EQ(dataset->label(1), 9);
    std::vector<float> values(kPixels);
    for (std::size_t sample = 0; sample < 2; ++sample) {
      dataset->read(sample, 0, Key{}, values);
      for (std::size_t i = 0; i < kPixels; ++i) {
        const double raw = static_cast<double>((i + sample) % 256);
        EXPECT_NEAR(values[i], (raw / 255.0 - mean) / deviation, 1e-6);
      }
    }
  }
}

TEST_F(DatasetFiles, GiveRawPixelsAndTheNamesOfTheClasses) {
  put(images(), labels());
  const auto dataset = load();
  std::vector<std::uint8_t> raw(kPixels);
  for (std::size_t sample = 0; sample < 2; ++sample) {
    dataset->pixels(sample, raw);
    for (std::size_t i = 0; i < kPixels; ++i) EXPECT_EQ(raw[i], (i + sample) % 256);
  }
  EXPECT_THAT(dataset->class_names(),
              testing::ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
  EXPECT_EQ(load("FashionMNIST")->class_names()[9], "Ankle boot");
}

TEST_F(DatasetFiles, AreCalledSyntheticWhereTheirFolderSaysSo) {
  put(images(), labels());
  EXPECT_EQ(load()->name(), "MNIST");
  EXPECT_FALSE(load()->is_synthetic());
  put_file(folder_.path() / "SYNTHETIC.txt", "made by a program");
  EXPECT_EQ(load()->name(), "MNIST (synthetic)");
  EXPECT_TRUE(load()->is_synthetic());
}

TEST_F(DatasetFiles, HaveADigestOfTheirContent) {
  put(images(), labels());
  const std::string digest = load()->digest();
  EXPECT_EQ(digest.size(), 64U);
  EXPECT_EQ(load()->digest(), digest);
  put(images(), labels("\3\10"));
  EXPECT_NE(load()->digest(), digest);
  std::string other = images();
  other.back() ^= 1;
  put(other, labels());
  EXPECT_NE(load()->digest(), digest);
}

TEST_F(DatasetFiles, MayHaveADotWhereArchiveProgramsPutOne) {
  put_file(folder_.path() / "train-images.idx3-ubyte", images());
  put_file(folder_.path() / "train-labels.idx1-ubyte.gz", gzip_bytes(labels()));
  EXPECT_EQ(load()->size(), 2U);
}

TEST_F(DatasetFiles, AreRefusedWhereTheCountsDiffer) {
  put(images(), labels("\1"));
  const std::string dir = folder_.path().string();
  EXPECT_EQ(error(), dir + "/train-images-idx3-ubyte holds 2 images, but " + dir +
                         "/train-labels-idx1-ubyte.gz holds 1 labels");
}

TEST_F(DatasetFiles, AreRefusedWhereALabelIsOutOfRange) {
  put(images(), labels("\1\12"));
  EXPECT_THAT(error(),
              HasSubstr("label 10 of sample 1 is out of range; valid in MNIST: 0 to 9; other IDX "
                        "sets are named by their folder: --dataset " +
                        folder_.path().string() + "/"));
}

TEST_F(DatasetFiles, AreRefusedWhereTheyAreTruncated) {
  std::string cut = images();
  cut.pop_back();
  put(cut, labels());
  EXPECT_THAT(error(), HasSubstr("truncated: 2 samples need 1568 bytes, it holds 1567"));
}

TEST_F(DatasetFiles, AreRefusedWhereTheyAreSwapped) {
  put(labels(), images());
  EXPECT_THAT(error(), HasSubstr("train-labels-idx1-ubyte.gz: not an IDX file of labels"));
}

TEST(FashionMnist, OfDebianLoadsWithThePublishedCounts) {
  const DatasetInfo& info = find_dataset("FashionMNIST");
  if (!std::filesystem::exists(info.system_folder)) {
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  }
  const auto train = load_dataset(info, info.system_folder, Split::kTrain);
  const auto test = load_dataset(info, info.system_folder, Split::kTest);
  EXPECT_EQ(train->size(), 60'000U);
  EXPECT_EQ(test->size(), 10'000U);
  std::vector<std::size_t> counts(10);
  for (std::size_t i = 0; i < train->size(); ++i)
    ++counts[static_cast<std::size_t>(train->label(i))];
  EXPECT_THAT(counts, testing::Each(6'000U));

  // Normalised by its own mean and deviation.
  double sum = 0, squares = 0;
  std::vector<float> values(kPixels);
  for (std::size_t i = 0; i < train->size(); i += 10) {
    train->read(i, 0, Key{}, values);
    for (const float x : values) {
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
  }
  const double count = 6'000.0 * static_cast<double>(kPixels);
  EXPECT_NEAR(sum / count, 0.0, 0.02);
  EXPECT_NEAR(std::sqrt(squares / count), 1.0, 0.02);
}

}  // namespace
}  // namespace detox
