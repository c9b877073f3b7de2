#include "data/cifar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/cifar_bytes.hpp"
#include "data/idx_bytes.hpp"
#include "data/tar_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Ten training samples in five files, and three test samples that are numbered from 100.
std::vector<std::pair<std::string, std::string>> cifar10_files() {
  std::vector<std::pair<std::string, std::string>> files;
  for (std::size_t i = 0; i < 5; ++i) {
    files.emplace_back("data_batch_" + std::to_string(i + 1) + ".bin",
                       cifar_bytes(2, 2 * i, 10, false));
  }
  files.emplace_back("test_batch.bin", cifar_bytes(3, 100, 10, false));
  return files;
}

std::vector<std::pair<std::string, std::string>> cifar100_files() {
  return {{"train.bin", cifar_bytes(130, 0, 100, true)},
          {"test.bin", cifar_bytes(3, 100, 100, true)}};
}

template <class Files>
std::string archive_of(const std::string& folder, const Files& files) {
  std::string bytes = tar_member(folder + "/", "", '5');
  bytes += tar_member(folder + "/readme.html", "hello");
  for (const auto& [name, content] : files) {
    bytes += tar_member(fmt::format("{}/{}", folder, name), content);
  }
  return bytes + tar_end();
}

class CifarFiles : public testing::Test {
 protected:
  template <class Files>
  void put_all(const fs::path& folder, const Files& files) const {
    for (const auto& [name, content] : files) put_file(dir() / folder / name, content);
  }
  const fs::path& dir() const { return folder_.path(); }
  std::unique_ptr<Dataset> load(std::string_view name = "Cifar10",
                                Split split = Split::kTrain) const {
    return load_dataset(find_dataset(name), dir(), split);
  }
  std::string error(std::string_view name = "Cifar10") const {
    return message_of<InputError>([&] { load(name); });
  }
  static void expect_samples(const Dataset& dataset, std::size_t count, std::size_t first) {
    ASSERT_EQ(dataset.size(), count);
    EXPECT_EQ(dataset.shape(), (ImageShape{3, 32, 32}));
    std::vector<std::uint8_t> raw(3072);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t sample = first + i;
      EXPECT_EQ(static_cast<std::size_t>(dataset.label(i)), sample % dataset.classes());
      dataset.pixels(i, raw);
      for (std::size_t k = 0; k < raw.size(); ++k) ASSERT_EQ(raw[k], cifar_pixel(sample, k));
    }
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(CifarFiles, AreReadFromWhereverPeopleHaveThem) {
  const std::string archive = archive_of("cifar-10-batches-bin", cifar10_files());
  const struct {
    const char *name, *bytes_at, *folder;
  } places[] = {{"unpacked in the data set's folder", "", "Cifar10/cifar-10-batches-bin"},
                {"unpacked as torchvision unpacks", "", "cifar-10-batches-bin"},
                {"loose", "", "Cifar10"},
                {"loose in --data-dir", "", "."},
                {"archive", "Cifar10/cifar-10-binary.tar.gz", ""},
                {"archive in --data-dir", "cifar-10-binary.tar.gz", ""},
                {"archive without gzip", "cifar-10-binary.tar", ""}};
  std::string digest;
  for (const auto& place : places) {
    SCOPED_TRACE(place.name);
    fs::remove_all(dir());
    fs::create_directories(dir());
    if (*place.folder != '\0') {
      put_all(place.folder, cifar10_files());
    } else {
      const bool packed = std::string(place.bytes_at).ends_with(".gz");
      put_file(dir() / place.bytes_at, packed ? gzip_bytes(archive) : archive);
    }
    const auto dataset = load("cifar-10");
    expect_samples(*dataset, 10, 0);
    expect_samples(*load("CIFAR10", Split::kTest), 3, 100);
    EXPECT_EQ(dataset->name(), "Cifar10");
    if (digest.empty()) digest = dataset->digest();
    EXPECT_EQ(dataset->digest(), digest);
  }
}

TEST_F(CifarFiles, OfAHundredClassesGiveTheFineLabels) {
  put_all("cifar-100-binary", cifar100_files());
  expect_samples(*load("Cifar100"), 130, 0);
  EXPECT_EQ(load("Cifar100")->classes(), 100U);
  EXPECT_EQ(load("Cifar100")->class_names()[99], "worm");
  fs::remove_all(dir() / "cifar-100-binary");
  put_file(dir() / "cifar-100-binary.tar.gz",
           gzip_bytes(archive_of("cifar-100-binary", cifar100_files())));
  expect_samples(*load("Cifar100"), 130, 0);
  expect_samples(*load("Cifar100", Split::kTest), 3, 100);
}

TEST_F(CifarFiles, KeepTheOrderOfTheirNamesWhateverTheOrderInTheArchive) {
  auto files = cifar10_files();
  std::reverse(files.begin(), files.end());
  put_file(dir() / "cifar-10-binary.tar.gz",
           gzip_bytes(archive_of("./cifar-10-batches-bin", files)));
  expect_samples(*load(), 10, 0);
}

TEST_F(CifarFiles, SayWhatWasGenerated) {
  put_all("synthetic-cifar10/cifar-10-batches-bin", cifar10_files());
  EXPECT_THAT(error("synthetic-cifar10"), HasSubstr("no SYNTHETIC.txt"));
  put_file(dir() / "synthetic-cifar10/SYNTHETIC.txt", "generated");
  EXPECT_TRUE(load("synthetic-cifar10")->is_synthetic());
  EXPECT_EQ(load("synthetic_CIFAR10")->name(), "synthetic-cifar10");
  EXPECT_THAT(error("Cifar10"), HasSubstr("not found together"));

  // In the place of the published files they keep saying so.
  put_all("Cifar10/cifar-10-batches-bin", cifar10_files());
  EXPECT_FALSE(load()->is_synthetic());
  put_file(dir() / "Cifar10/cifar-10-batches-bin/SYNTHETIC.txt", "generated");
  EXPECT_EQ(load()->name(), "Cifar10 (synthetic)");
}

TEST_F(CifarFiles, SayWhatWasGeneratedInAnArchiveToo) {
  auto files = cifar10_files();
  files.emplace_back("SYNTHETIC.txt", "generated");
  put_file(dir() / "cifar-10-binary.tar", archive_of("cifar-10-batches-bin", files));
  EXPECT_EQ(load()->name(), "Cifar10 (synthetic)");
}

TEST_F(CifarFiles, AreRefusedWhereOneIsMissing) {
  auto files = cifar10_files();
  files.erase(files.begin() + 2);
  put_all("cifar-10-batches-bin", files);
  EXPECT_THAT(error(), HasSubstr("cifar-10-batches-bin lacks data_batch_3.bin"));
  EXPECT_THAT(error(), HasSubstr("put cifar-10-binary.tar.gz or these files"));
  fs::remove_all(dir() / "cifar-10-batches-bin");
  put_file(dir() / "cifar-10-binary.tar", archive_of("cifar-10-batches-bin", files));
  EXPECT_THAT(error(), HasSubstr("tar: it lacks cifar-10-batches-bin/data_batch_3.bin"));
}

TEST_F(CifarFiles, SayWhereOnlyThePythonVersionIsThere) {
  put_file(dir() / "cifar-10-python.tar.gz", "");
  EXPECT_THAT(error(), HasSubstr("cifar-10-python.tar.gz is the version for Python; the binary "
                                 "version is needed"));
}

TEST_F(CifarFiles, AreRefusedWhereALabelIsOutOfRange) {
  auto files = cifar10_files();
  files[1].second[3073] = 10;
  put_all("", files);
  EXPECT_THAT(error(),
              HasSubstr("data_batch_2.bin: label 10 of sample 1 is out of range; valid: 0 to 9"));
  auto more = cifar100_files();
  more[0].second[1] = 100;
  put_all("", more);
  EXPECT_THAT(error("Cifar100"), HasSubstr("train.bin: label 100 of sample 0"));
  more[0].second[0] = 20;
  put_all("", more);
  EXPECT_THAT(error("Cifar100"), HasSubstr("coarse label 20 of sample 0 is out of range"));
}

TEST_F(CifarFiles, AreRefusedWhereARecordIsCutOff) {
  auto files = cifar10_files();
  files[0].second.pop_back();
  put_all("", files);
  EXPECT_THAT(error(), HasSubstr("truncated or no CIFAR file: 3072 bytes follow 1 records of "
                                 "3073"));
  files[0].second.clear();
  put_all("", files);
  EXPECT_THAT(error(), HasSubstr("data_batch_1.bin: it holds no samples"));
}

TEST_F(CifarFiles, AreRefusedInAnArchiveThatPlaysTricks) {
  const auto refuse = [&](const std::string& extra) {
    std::string bytes = archive_of("cifar-10-batches-bin", cifar10_files());
    bytes.resize(bytes.size() - tar_end().size());
    put_file(dir() / "cifar-10-binary.tar", bytes + extra + tar_end());
    return error();
  };
  EXPECT_THAT(refuse(tar_member("cifar-10-batches-bin/data_batch_1.bin", "")),
              HasSubstr("data_batch_1.bin is there twice"));
  EXPECT_THAT(refuse(tar_member("cifar-10-batches-bin/data_batch_1.bin", "", '2', "/etc/passwd")),
              HasSubstr("data_batch_1.bin is no file"));
  // What leads out of the folder is another name, and nothing is ever written.
  EXPECT_EQ(refuse(tar_member("../cifar-10-batches-bin/data_batch_1.bin", "x")), "");
  EXPECT_EQ(refuse(tar_member("/cifar-10-batches-bin/data_batch_1.bin", "x")), "");
}

TEST(CifarReader, TakesPiecesOfAnySize) {
  const std::string bytes = cifar_bytes(5, 0, 10, false);
  LabelledImages whole;
  CifarReader("F", cifar10_format(), whole).add(as_bytes_of(bytes));
  ASSERT_EQ(whole.labels.size(), 5U);
  for (const std::size_t piece_size : {1U, 2U, 3072U, 3073U, 3074U, 9000U}) {
    LabelledImages images;
    CifarReader reader("F", cifar10_format(), images);
    for (std::size_t at = 0; at < bytes.size(); at += piece_size) {
      reader.add(as_bytes_of(bytes).subspan(at, std::min(piece_size, bytes.size() - at)));
    }
    reader.finish();
    EXPECT_EQ(images.labels, whole.labels);
    EXPECT_EQ(images.pixels, whole.pixels);
  }
}

TEST(CifarReader, StopsAtTheMostThatAFileMayHold) {
  LabelledImages images;
  CifarReader reader("F", cifar10_format(), images);
  const std::string zeros(std::size_t{3073} * 1000, '\0');
  for (int i = 0; i < 100; ++i) reader.add(as_bytes_of(zeros));
  EXPECT_EQ(message_of<InputError>([&] { reader.add(as_bytes_of(zeros)); }),
            "F: more than 100000 records of 3073 bytes");
  EXPECT_EQ(images.labels.size(), kMostCifarSamples);
}

}  // namespace
}  // namespace detox
