#include "record/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint_files.hpp"
#include "record/small_network.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class CheckpointFiles : public testing::Test {
 protected:
  void save(std::uint64_t step = 7) const {
    save_checkpoint(dir_, small_layout(), small_model(), small_state(step));
  }
  std::string load_error(const ModelLayout& layout = small_layout()) const {
    return message_of<InputError>([&] { load_checkpoint(model_path(dir_, 7), layout); });
  }
  std::string model_error(const ModelLayout& layout) const {
    return message_of<InputError>([&] { load_model(model_path(dir_, 7), layout); });
  }
  TemporaryFolder folder_;
  fs::path dir_ = folder_.path();
};

TEST_F(CheckpointFiles, GiveBackEveryBit) {
  save();
  const Checkpoint read = load_checkpoint(model_path(dir_, 7), small_layout());
  EXPECT_TRUE(same_bits(read.model.parameters, small_model().parameters));
  EXPECT_EQ(read.model.statistics, small_model().statistics);
  EXPECT_EQ(read.model.counters, small_model().counters);
  EXPECT_EQ(read.state.step, 7U);
  EXPECT_EQ(read.state.momentum, small_state(7).momentum);
  EXPECT_TRUE(read.state.last_aggregate.empty());
  EXPECT_EQ(read.state.config_digest, small_state(7).config_digest);
  EXPECT_EQ(read.state.profile, small_state(7).profile);
  EXPECT_EQ(read.state.facts, small_state(7).facts);
}

TEST_F(CheckpointFiles, AreTheSameBytesEachTime) {
  save();
  const std::string model = get_file(model_path(dir_, 7)), state = get_file(state_path(dir_, 7));
  const TemporaryFolder elsewhere;
  save_checkpoint(elsewhere.path(), small_layout(), small_model(), small_state(7));
  EXPECT_EQ(get_file(model_path(elsewhere.path(), 7)), model);
  EXPECT_EQ(get_file(state_path(elsewhere.path(), 7)), state);
  EXPECT_EQ(model.size() % 4, 0U);
}

TEST_F(CheckpointFiles, MayHaveNoMomentum) {
  TrainingState state = small_state(7);
  state.momentum.clear();
  save_checkpoint(dir_, small_layout(), small_model(), state);
  EXPECT_TRUE(load_checkpoint(model_path(dir_, 7), small_layout()).state.momentum.empty());
}

TEST_F(CheckpointFiles, KeepTheLastAggregateOfARuleThatBeginsAtIt) {
  for (const bool with_momentum : {true, false}) {
    TrainingState state = small_state(7);
    if (!with_momentum) state.momentum.clear();
    state.last_aggregate = {-1, 2, -3, 4, -5, 6, -7, 8};
    save_checkpoint(dir_, small_layout(), small_model(), state);
    const Checkpoint read = load_checkpoint(model_path(dir_, 7), small_layout());
    EXPECT_EQ(read.state.last_aggregate, state.last_aggregate);
    EXPECT_EQ(read.state.momentum, state.momentum);
  }
}

TEST_F(CheckpointFiles, HoldSpecialValues) {
  ModelState model = small_model();
  model.parameters[0] = std::numeric_limits<float>::quiet_NaN();
  model.parameters[1] = -std::numeric_limits<float>::infinity();
  save_checkpoint(dir_, small_layout(), model, small_state(7));
  const Checkpoint read = load_checkpoint(model_path(dir_, 7), small_layout());
  EXPECT_TRUE(same_bits(read.model.parameters, model.parameters));
}

TEST_F(CheckpointFiles, OfAnotherNetworkAreRefusedByTensor) {
  save();
  ModelLayout layout = small_layout();
  layout.statistics.clear();
  EXPECT_THAT(model_error(layout), HasSubstr("model_step_7: a checkpoint of another network: this "
                                             "network has no tensor 'bn.running_mean'"));
  layout = small_layout();
  layout.parameters[0].name = "other";
  EXPECT_THAT(model_error(layout), HasSubstr("tensor 'other' is missing"));
  EXPECT_THAT(load_error(layout), HasSubstr("another network"));
  layout = small_layout();
  layout.parameters[0].shape = {3, 2};
  EXPECT_THAT(model_error(layout),
              HasSubstr("tensor 'fc.weight' is F32 of shape [2, 3], not F32 of shape [3, 2]"));
}

TEST_F(CheckpointFiles, WithAnyByteChangedAreRefused) {
  save();
  for (const fs::path& path : {model_path(dir_, 7), state_path(dir_, 7)}) {
    const std::string whole = get_file(path);
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&file](std::size_t position, int byte) {
      file.seekp(static_cast<std::streamoff>(position));
      file.put(static_cast<char>(byte)).flush();
      ASSERT_TRUE(file.good());
    };
    for (std::size_t position = 0; position < whole.size(); ++position) {
      for (const int change : {0x01, 0x20, 0x80}) {
        put(position, whole[position] ^ change);
        EXPECT_NE(load_error(), "") << path << " at " << position;
      }
      put(position, whole[position]);
    }
    EXPECT_EQ(load_error(), "");
  }
}

TEST_F(CheckpointFiles, CutAnywhereAreRefused) {
  save();
  for (const fs::path& path : {model_path(dir_, 7), state_path(dir_, 7)}) {
    const std::string whole = get_file(path);
    put_file(path, whole + '\0');
    EXPECT_NE(load_error(), "");
    for (std::size_t length = whole.size(); length-- > 0;) {
      fs::resize_file(path, length);
      EXPECT_NE(load_error(), "") << path << " cut to " << length;
    }
    put_file(path, whole);
    EXPECT_EQ(load_error(), "");
  }
}

TEST_F(CheckpointFiles, SayWhichFileIsDamaged) {
  save();
  std::string damaged = get_file(model_path(dir_, 7));
  damaged.back() ^= 1;
  put_file(model_path(dir_, 7), damaged);
  EXPECT_THAT(load_error(), HasSubstr("model_step_7 is damaged: its digest is not the one in"));
  fs::remove(state_path(dir_, 7));
  EXPECT_THAT(load_error(), HasSubstr("cannot open " + state_path(dir_, 7).string()));
}

/// A safetensors file of nothing but metadata, its header exactly so long.
std::string metadata_file(const std::string& entries, std::size_t header_bytes) {
  std::string header = "{\"__metadata__\":{" + entries + ",\"fact.x\":\"";
  const std::string end = "\"}}";
  header.append(header_bytes - header.size() - end.size(), 'x');
  header += end;
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header;
}

TEST_F(CheckpointFiles, WithoutAWholeDigestAreRefusedHoweverLongTheyAre) {
  save();
  constexpr std::size_t kLongestHeader = 100'000'000;
  const std::string format = "\"format\":\"detox state 1\"";
  for (const std::string& digest : {std::string(), std::string(",\"digest\":\"\"")}) {
    put_file(state_path(dir_, 7), metadata_file(format + digest, kLongestHeader));
    EXPECT_THAT(load_error(), HasSubstr("it has no digest of itself"));
  }
}

TEST_F(CheckpointFiles, OfTwoRunsDoNotMix) {
  save();
  ModelState other = small_model();
  other.parameters[0] = 99;
  const TemporaryFolder elsewhere;
  save_checkpoint(elsewhere.path(), small_layout(), other, small_state(7));
  fs::copy_file(model_path(elsewhere.path(), 7), model_path(dir_, 7),
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(load_error(), HasSubstr("is damaged: its digest is not the one in"));
}

TEST_F(CheckpointFiles, MustBearTheirStep) {
  save();
  fs::copy_file(model_path(dir_, 7), dir_ / "model_step_8");
  fs::copy_file(state_path(dir_, 7), dir_ / "state_step_8");
  fs::copy_file(model_path(dir_, 7), dir_ / "best");
  const auto error = [&](const char* name) {
    return message_of<InputError>([&] { load_checkpoint(dir_ / name, small_layout()); });
  };
  EXPECT_THAT(error("model_step_8"), HasSubstr("is the state of step 7, not of step 8"));
  EXPECT_THAT(error("best"), HasSubstr("its name must be model_step_<t>"));
  EXPECT_EQ(load_model(dir_ / "best", small_layout()).counters, small_model().counters);
}

}  // namespace
}  // namespace detox
