#include "data/image_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "data/idx_bytes.hpp"
#include "data/image_bytes.hpp"
#include "data/resize.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ImageFolder : public testing::Test {
 protected:
  ImageFolder() {
    put_file(dir() / "train/b cat/2.png", png_bytes(sample_image(20, 30, 1)));
    put_file(dir() / "train/b cat/10.JPG", jpeg_bytes(sample_image(40, 30, 2)));
    put_file(dir() / "train/a/x.jpeg", jpeg_bytes(sample_image(9, 9, 3)));
    put_file(dir() / "train/C/ü.png", png_bytes(sample_image(16, 16, 4)));
    put_file(dir() / "test/a/t.png", png_bytes(sample_image(50, 10, 5)));
  }
  const fs::path& dir() const { return folder_.path(); }
  std::unique_ptr<Dataset> load(Split split = Split::kTrain, std::size_t size = 16) const {
    return load_dataset(dir().string(), "", split, size);
  }
  std::string error(Split split = Split::kTrain) const {
    const std::string message = message_of<InputError>([&] { load(split); });
    return message.empty() ? "was not refused" : message;
  }
  TemporaryFolder folder_;
};

TEST_F(ImageFolder, IsSortedByTheBytesOfItsNames) {
  const auto data = load();
  EXPECT_EQ(data->name(), dir().string());
  EXPECT_EQ(data->shape(), (ImageShape{3, 16, 16}));
  EXPECT_EQ(data->classes(), 3U);
  EXPECT_THAT(std::vector<std::string>(data->class_names().begin(), data->class_names().end()),
              ElementsAre("C", "a", "b cat"));
  const char* files[] = {"C/ü.png", "a/x.jpeg", "b cat/10.JPG", "b cat/2.png"};
  const std::int64_t labels[] = {0, 1, 2, 2};
  ASSERT_EQ(data->size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(data->label(i), labels[i]);
    std::vector<std::uint8_t> expected(768), raw(768);
    const std::string bytes = get_file(dir() / "train" / files[i]);
    resize_to_square(decode_image("F", as_bytes_of(bytes)), 16, expected);
    data->pixels(i, raw);
    EXPECT_EQ(raw, expected) << files[i];
    std::vector<float> values(768), later(768);
    data->read(i, 0, Key{}, values);
    data->read(i, 1, key_from_seed(1), later);
    EXPECT_EQ(values, later);
    for (std::size_t k = 0; k < 768; ++k) EXPECT_NEAR(values[k], raw[k] / 127.5 - 1, 1e-6);
  }
}

TEST_F(ImageFolder, HasATestSplitUnderAnyOfItsNames) {
  const auto test = load(Split::kTest, 32);
  EXPECT_EQ(test->shape(), (ImageShape{3, 32, 32}));
  EXPECT_EQ(test->classes(), 3U);
  ASSERT_EQ(test->size(), 1U);
  EXPECT_EQ(test->label(0), 1);
  const std::string digest = test->digest();
  fs::rename(dir() / "test", dir() / "val");
  EXPECT_EQ(load(Split::kTest, 32)->digest(), digest);
  fs::rename(dir() / "val", dir() / "valid");
  EXPECT_EQ(load(Split::kTest, 32)->digest(), digest);
  fs::rename(dir() / "valid", dir() / "other");
  EXPECT_THAT(error(Split::kTest), HasSubstr("it holds no folder test; an image folder holds"));
}

TEST_F(ImageFolder, PassesOverWhatSystemsLeaveThere) {
  const std::string digest = load()->digest();
  put_file(dir() / "train/.DS_Store", "x");
  put_file(dir() / "train/a/.DS_Store", "x");
  put_file(dir() / "train/a/Thumbs.db", "x");
  put_file(dir() / "train/.hidden/x.png", "x");
  put_file(dir() / "train/classes.txt", "a\n");
  EXPECT_EQ(load()->digest(), digest);
}

TEST_F(ImageFolder, NamesTheFileThatIsNoImage) {
  put_file(dir() / "train/a/y.png", "this is text");
  EXPECT_EQ(error(), (dir() / "train/a/y.png").string() + ": neither a PNG nor a JPEG image");
  const std::string whole = png_bytes(sample_image(20, 20));
  put_file(dir() / "train/a/y.png", whole.substr(0, whole.size() / 2));
  EXPECT_THAT(error(), HasSubstr("train/a/y.png: the PNG is damaged"));
  fs::remove(dir() / "train/a/y.png");
  put_file(dir() / "train/a/y.webp", "RIFF");
  EXPECT_THAT(error(), HasSubstr("train/a/y.webp: not an image by its name; valid: .png"));
}

TEST_F(ImageFolder, FollowsLinksAndIsNotCaughtByThem) {
  const std::string digest = load()->digest();
  fs::rename(dir() / "train/a", dir() / "elsewhere");
  fs::create_directory_symlink(dir() / "elsewhere", dir() / "train/a");
  EXPECT_EQ(load()->digest(), digest);

  fs::create_directory_symlink(dir(), dir() / "train/a/loop.png");
  EXPECT_THAT(error(), HasSubstr("loop.png: not a regular file; valid"));
  fs::remove(dir() / "train/a/loop.png");
  fs::create_symlink("self.png", dir() / "train/a/self.png");
  EXPECT_THAT(error(), HasSubstr("self.png: not a regular file: Too many levels"));
  fs::remove(dir() / "train/a/self.png");
  fs::create_symlink("nowhere", dir() / "train/a/gone.png");
  EXPECT_THAT(error(), HasSubstr("gone.png: not a regular file"));
  fs::remove(dir() / "train/a/gone.png");
  ASSERT_EQ(mkfifo((dir() / "train/a/pipe.png").c_str(), 0600), 0);
  EXPECT_THAT(error(), HasSubstr("pipe.png: not a regular file"));
  fs::remove(dir() / "train/a/pipe.png");
  fs::create_directory(dir() / "train/a/folder");
  EXPECT_THAT(error(), HasSubstr("train/a/folder: not a regular file"));
}

TEST_F(ImageFolder, RefusesAnEmptyOrUnknownClass) {
  fs::create_directory(dir() / "test/dog");
  put_file(dir() / "test/dog/1.png", png_bytes(sample_image(8, 8)));
  EXPECT_EQ(error(Split::kTest),
            (dir() / "test/dog").string() + ": a class that the training split lacks");
  fs::create_directory(dir() / "train/dog");
  EXPECT_EQ(error(), (dir() / "train/dog").string() + ": it holds no image");
  fs::remove_all(dir() / "train");
  EXPECT_THAT(error(), HasSubstr("it holds no folder train"));
  fs::create_directory(dir() / "train");
  EXPECT_THAT(error(), HasSubstr("train: it holds 0 folders; valid: one a class"));
}

TEST_F(ImageFolder, HasASizeWithinReason) {
  EXPECT_EQ(message_of<UsageError>([&] { load(Split::kTrain, 7); }),
            "--image-size is 7; valid: 8 to 1024");
  EXPECT_THAT(message_of<UsageError>([&] { load(Split::kTrain, 1025); }), HasSubstr("8 to 1024"));
  EXPECT_EQ(load(Split::kTrain, 8)->shape().height, 8U);
}

TEST_F(ImageFolder, SaysThatItWasGenerated) {
  put_file(dir() / "SYNTHETIC.txt", "");
  EXPECT_EQ(load()->name(), dir().string() + " (synthetic)");
}

TEST_F(ImageFolder, IsChosenByASlashOrByBeingAFolder) {
  EXPECT_EQ(choose_dataset("cifar-10").name, "Cifar10");
  EXPECT_EQ(choose_dataset("some/where").info, nullptr);
  EXPECT_EQ(choose_dataset("some/where").name, "some/where");
  EXPECT_THAT(message_of<UsageError>([] { choose_dataset("Cifar11"); }),
              HasSubstr("did you mean Cifar10?"));
  EXPECT_THAT(message_of<UsageError>([] { choose_dataset("Cifar11"); }),
              HasSubstr("or the path of a folder of images or IDX files (with a slash)"));
  EXPECT_THAT(message_of<InputError>([] { load_dataset("some/where", "", Split::kTrain, 32); }),
              HasSubstr("some/where: no such folder"));
  const fs::path before = fs::current_path();
  fs::current_path(dir());
  EXPECT_EQ(choose_dataset("train").info, nullptr);
  fs::create_directory("SVHN");
  EXPECT_EQ(choose_dataset("svhn").name, "SVHN");
  fs::current_path(before);
}

TEST_F(ImageFolder, AloneTakesAnImageSize) {
  EXPECT_EQ(message_of<UsageError>([&] { load_dataset("SVHN", dir(), Split::kTrain, 64); }),
            "--image-size 64 is for image folders; SVHN has 32 x 32 pixels");
  EXPECT_THROW(load_dataset("SVHN", dir(), Split::kTrain, 32), InputError);
}

}  // namespace
}  // namespace detox
