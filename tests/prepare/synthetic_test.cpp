#include "prepare/synthetic.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <set>

#include "base/dataset.hpp"
#include "base/digest.hpp"
#include "data/class_names.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "prepare/inspect.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::Each;
using testing::HasSubstr;

class Synthetic : public testing::Test {
 protected:
  std::string file(const std::string& name) const { return get_file(folder_.path() / name); }
  void write(const SyntheticSet& set, std::size_t threads = 2) const {
    ThreadPool pool(threads);
    write_synthetic(set, folder_.path(), pool, [](double) {});
  }
  TemporaryFolder folder_;
};

constexpr SyntheticSet kSmall10{.classes = 10, .seed = 428, .train = 500};
constexpr SyntheticSet kSmall100{.classes = 100, .seed = 428, .train = 1000};

/// The bytes are part of the format: whoever changes them raises kSyntheticVersion.
TEST(SyntheticImages, AreTheSameBytesOnEveryMachine) {
  const struct {
    SyntheticSet set;
    const char* digest;
  } cases[] = {
      {{.classes = 10}, "f957f58b6a41dbd9bce20d38d7d5c3977f15dd451e2f9fef343f76954ca7ab7f"},
      {{.classes = 100}, "a2fb1c55307fd1d4bbcb0b19cf07e7a903d1b221568ab243a21bf69c91d37541"}};
  for (const auto& [set, digest] : cases) {
    DigestBuilder builder;
    std::array<std::uint8_t, kSyntheticPixels> image{};
    for (std::size_t i = 0; i < 300; ++i) {
      paint_sample(set, i % 2 == 1, i, i % set.classes, image);
      builder.add(std::as_bytes(std::span(image)));
    }
    EXPECT_EQ(hex(builder.finish()), digest);
  }
}

TEST(SyntheticImages, DifferBySeedSplitAndSample) {
  std::set<std::array<std::uint8_t, kSyntheticPixels>> seen;
  std::array<std::uint8_t, kSyntheticPixels> image{};
  for (const std::uint64_t seed : {1, 2}) {
    for (const bool test : {false, true}) {
      for (const std::uint64_t sample : {0, 1}) {
        paint_sample({.classes = 10, .seed = seed}, test, sample, 3, image);
        EXPECT_TRUE(seen.insert(image).second);
      }
    }
  }
}

TEST(SyntheticClasses, AreAllDifferentAndNamedAsTheReaderNamesThem) {
  std::vector<std::string> ten, hundred;
  for (std::size_t label = 0; label < 10; ++label)
    ten.push_back(synthetic_class_name(synthetic_class(10, label)));
  for (std::size_t label = 0; label < 100; ++label)
    hundred.push_back(synthetic_class_name(synthetic_class(100, label)));
  EXPECT_THAT(ten, testing::ElementsAreArray(kSynthetic10Names));
  EXPECT_THAT(hundred, testing::ElementsAreArray(kSynthetic100Names));
  EXPECT_EQ(std::set<std::string>(hundred.begin(), hundred.end()).size(), 100U);
}

TEST_F(Synthetic, HasTheFilesOfCifar10) {
  write(kSmall10);
  std::vector<std::size_t> counts(10);
  for (int batch = 1; batch <= 5; ++batch) {
    const std::string bytes = file(fmt::format("cifar-10-batches-bin/data_batch_{}.bin", batch));
    ASSERT_EQ(bytes.size(), 100U * 3073U);
    for (std::size_t i = 0; i < 100; ++i) ++counts.at(static_cast<std::size_t>(bytes[i * 3073]));
  }
  EXPECT_THAT(counts, Each(50U));
  EXPECT_EQ(file("cifar-10-batches-bin/test_batch.bin").size(), 100U * 3073U);
  const std::string names = file("cifar-10-batches-bin/batches.meta.txt");
  EXPECT_EQ(std::count(names.begin(), names.end(), '\n'), 10);
}

TEST_F(Synthetic, HasTheFilesOfCifar100WithCoarseLabels) {
  write(kSmall100);
  const std::string bytes = file("cifar-100-binary/train.bin");
  ASSERT_EQ(bytes.size(), 1000U * 3074U);
  std::vector<std::size_t> counts(100);
  for (std::size_t i = 0; i < 1000; ++i) {
    const auto fine = std::size_t{static_cast<std::uint8_t>(bytes[i * 3074 + 1])};
    EXPECT_EQ(std::size_t{static_cast<std::uint8_t>(bytes[i * 3074])}, fine / 5);
    ++counts.at(fine);
  }
  EXPECT_THAT(counts, Each(10U));
  EXPECT_EQ(file("cifar-100-binary/test.bin").size(), 200U * 3074U);
  const std::string coarse = file("cifar-100-binary/coarse_label_names.txt");
  EXPECT_EQ(std::count(coarse.begin(), coarse.end(), '\n'), 20);
}

TEST_F(Synthetic, HoldsTheSamplesThatItIsSaidToHold) {
  write(kSmall10);
  const std::string bytes = file("cifar-10-batches-bin/data_batch_3.bin");
  std::array<std::uint8_t, kSyntheticPixels> image{};
  constexpr std::size_t kRecord = 7;
  paint_sample(kSmall10, false, 200 + kRecord, static_cast<std::size_t>(bytes[kRecord * 3073]),
               image);
  EXPECT_EQ(bytes.substr(kRecord * 3073 + 1, kSyntheticPixels),
            std::string(image.begin(), image.end()));
}

TEST_F(Synthetic, DoesNotDependOnTheNumberOfThreads) {
  write(kSmall10, 1);
  const std::string one = file("SYNTHETIC.txt");
  fs::remove_all(folder_.path() / "cifar-10-batches-bin");
  write(kSmall10, 4);
  EXPECT_EQ(file("SYNTHETIC.txt"), one);
}

TEST_F(Synthetic, IsReadAsWhatItIs) {
  write(kSmall10);
  const DatasetInfo& info = find_dataset("synthetic-cifar10");
  const auto train = load_dataset(info, folder_.path(), Split::kTrain);
  const auto test = load_dataset(info, folder_.path(), Split::kTest);
  EXPECT_TRUE(train->is_synthetic());
  EXPECT_EQ(train->size(), 500U);
  EXPECT_EQ(test->size(), 100U);
  EXPECT_EQ(train->class_names()[0], "striped disc");
  std::array<std::uint8_t, kSyntheticPixels> painted{}, read{};
  paint_sample(kSmall10, false, 321, static_cast<std::size_t>(train->label(321)), painted);
  train->pixels(321, read);
  EXPECT_EQ(read, painted);
}

TEST_F(Synthetic, SaysWhatItIs) {
  write(kSmall10);
  EXPECT_THAT(file("SYNTHETIC.txt"), HasSubstr("This data set is SYNTHETIC"));
  const SyntheticNote note = read_synthetic_note(folder_.path());
  EXPECT_EQ(note.settings, "synthetic-cifar10, version 1, seed 428, 500 train, 100 test");
  EXPECT_EQ(note.files.size(), 7U);
}

TEST_F(Synthetic, IsInspectedByWhatItSays) {
  write(kSmall10);
  const Recipe& recipe = find_recipe("synthetic-cifar10");
  const fs::path folder = folder_.path();
  EXPECT_TRUE(inspect(recipe, std::span(&folder, 1)).is_complete());

  std::string spoiled = file("cifar-10-batches-bin/test_batch.bin");
  spoiled[1000] ^= 1;
  put_file(folder / "cifar-10-batches-bin/test_batch.bin", spoiled);
  EXPECT_THAT(inspect(recipe, std::span(&folder, 1)).problems(),
              testing::ElementsAre(HasSubstr("test_batch.bin: its SHA-256")));

  fs::remove(folder / "cifar-10-batches-bin/test_batch.bin");
  const Inspection found = inspect(recipe, std::span(&folder, 1));
  EXPECT_FALSE(found.is_complete());
  EXPECT_THAT(found.missing, testing::ElementsAre("cifar-10-batches-bin/test_batch.bin"));
}

TEST_F(Synthetic, RefusesANoteThatNamesFilesOutsideItsFolder) {
  const std::string sum(64, 'a');
  for (const std::string& line :
       {sum + " 5 ../x", sum + " 5 /etc/passwd", sum + " 5 a/../../x", sum + " x a", sum + " 5 ",
        std::string("short 5 a"), std::string("")}) {
    put_file(folder_.path() / "SYNTHETIC.txt",
             "settings: x\n\nBytes and SHA-256 of the files:\n" + line + "\n");
    EXPECT_THAT(message_of<InputError>([&] { read_synthetic_note(folder_.path()); }),
                HasSubstr("not as 'detoxml data prepare' leaves it"))
        << line;
  }
}

}  // namespace
}  // namespace detox
