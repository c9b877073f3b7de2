#include "record/checkpoint_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "record/small_network.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckpointList : public testing::Test {
 protected:
  void save(std::uint64_t step) const {
    save_checkpoint(dir_, small_layout(), small_model(), small_state(step));
  }
  TemporaryFolder folder_;
  fs::path dir_ = folder_.path();
};

TEST_F(CheckpointList, IsAscendingByNumber) {
  for (const std::uint64_t step : {1000, 50, 900, 0}) save(step);
  EXPECT_THAT(list_checkpoints(dir_), ElementsAre(0, 50, 900, 1000));
  EXPECT_EQ(newest_checkpoint(dir_), dir_ / "model_step_1000");
}

TEST_F(CheckpointList, IsEmptyWhereThereIsNothing) {
  EXPECT_THAT(list_checkpoints(dir_), IsEmpty());
  EXPECT_THAT(list_checkpoints(dir_ / "absent"), IsEmpty());
  EXPECT_FALSE(newest_checkpoint(dir_).has_value());
  EXPECT_FALSE(has_checkpoint_files(dir_));
}

TEST_F(CheckpointList, SaysWhenTheFolderIsNone) {
  put_file(dir_ / "file", "");
  EXPECT_THAT(message_of<InputError>([&] { list_checkpoints(dir_ / "file"); }),
              HasSubstr("cannot read the folder"));
}

TEST_F(CheckpointList, HoldsNoHalfCheckpointOfACrashBetweenTheTwoFiles) {
  save(50);
  save(100);
  fs::remove(model_path(dir_, 100));  // as after a crash between the two renames
  EXPECT_THAT(list_checkpoints(dir_), ElementsAre(50));
  std::vector<std::string> skipped;
  EXPECT_EQ(newest_valid_checkpoint(dir_, small_layout(), skipped), 50U);
  EXPECT_THAT(skipped, IsEmpty());
  save(100);  // the resumed run comes there again
  EXPECT_EQ(newest_valid_checkpoint(dir_, small_layout(), skipped), 100U);
}

TEST_F(CheckpointList, IgnoresOtherNames) {
  for (const char* name :
       {"model_step_", "model_step_x", "model_step_05", "model_step_5x", "model_step_-5",
        "model_step_99999999999999999999", "Model_step_5", ".model_step_5.1.tmp"}) {
    put_file(dir_ / name, "");
    put_file(dir_ / ("state" + std::string(name).substr(5)), "");
    EXPECT_FALSE(step_of_model(name).has_value()) << name;
  }
  EXPECT_THAT(list_checkpoints(dir_), IsEmpty());
  EXPECT_EQ(step_of_model("a/b/model_step_50"), 50U);
}

TEST_F(CheckpointList, SkipsDamagedOnesAndSaysWhy) {
  for (const std::uint64_t step : {10, 20, 30, 40}) save(step);
  put_file(model_path(dir_, 40), "short");
  std::string damaged = get_file(state_path(dir_, 30));
  damaged.back() ^= 1;
  put_file(state_path(dir_, 30), damaged);
  std::vector<std::string> skipped;
  EXPECT_EQ(newest_valid_checkpoint(dir_, small_layout(), skipped), 20U);
  EXPECT_THAT(skipped, ElementsAre(HasSubstr("model_step_40"), HasSubstr("state_step_30")));
}

TEST_F(CheckpointList, SkipsAModelWhoseStateIsMissingAndSaysSo) {
  for (const std::uint64_t step : {10, 20}) save(step);
  fs::remove(state_path(dir_, 20));
  std::vector<std::string> skipped;
  EXPECT_EQ(newest_valid_checkpoint(dir_, small_layout(), skipped), 10U);
  EXPECT_THAT(skipped, ElementsAre(HasSubstr("state_step_20 is missing")));
}

TEST_F(CheckpointList, SkipsNothingThatIsWholeAndRefused) {
  save(10);
  const auto refusal = [this](const ModelLayout& layout) {
    std::vector<std::string> skipped;
    return message_of<InputError>([&] { newest_valid_checkpoint(dir_, layout, skipped); });
  };
  ModelLayout other = small_layout();
  other.counters.clear();
  EXPECT_THAT(refusal(other), HasSubstr("another network"));
  other = small_layout();
  other.parameters[0].name = "other";
  EXPECT_THAT(refusal(other), HasSubstr("another network"));

  fs::copy_file(model_path(dir_, 10), model_path(dir_, 20));
  fs::create_directory(state_path(dir_, 20));  // as good as a file that cannot be read
  EXPECT_THAT(refusal(small_layout()), HasSubstr("state_step_20 is not a regular file"));
}

TEST_F(CheckpointList, KeepsTheNewestWhenPruned) {
  for (const std::uint64_t step : {10, 20, 30, 100}) save(step);
  put_file(state_path(dir_, 15), "a state alone");
  prune_checkpoints(dir_, 0);
  prune_checkpoints(dir_, 4);
  EXPECT_THAT(list_checkpoints(dir_), ElementsAre(10, 20, 30, 100));
  prune_checkpoints(dir_, 2);
  EXPECT_THAT(list_checkpoints(dir_), ElementsAre(30, 100));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 4);
}

TEST_F(CheckpointList, KeepsTheNewestBeforeADivergenceBesideTheNewest) {
  for (const std::uint64_t step : {10, 20, 30, 40, 50}) save(step);
  prune_checkpoints(dir_, 2, 25);
  EXPECT_THAT(list_checkpoints(dir_), ElementsAre(20, 40, 50));
  prune_checkpoints(dir_, 1, 21);
  EXPECT_THAT(list_checkpoints(dir_), ElementsAre(20, 50));
  prune_checkpoints(dir_, 1, 20);
  EXPECT_THAT(list_checkpoints(dir_), ElementsAre(50));
}

}  // namespace
}  // namespace detox
