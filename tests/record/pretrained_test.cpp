#include "record/pretrained.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/file.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"
#include "record/foreign_names.hpp"
#include "record/model_file.hpp"
#include "record/safetensors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// A file's tensors, made one by one.
class WeightsFile {
 public:
  template <class T>
  void put(const std::string& name, const std::string& dtype, std::vector<std::uint64_t> shape,
           const std::vector<T>& values) {
    std::vector<std::byte>& bytes = bytes_[name];
    bytes.resize(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    tensors_[name] = {dtype, std::move(shape)};
  }
  void drop(const std::string& name) { tensors_.erase(name); }
  void rename(const std::string& from, const std::string& to) {
    tensors_[to] = tensors_.at(from);
    bytes_[to] = bytes_.at(from);
    if (from != to) drop(from);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }
  void write(const fs::path& file) const {
    Safetensors content;
    for (const auto& [name, tensor] : tensors_) {
      content.tensors[name] = {tensor.first, tensor.second, bytes_.at(name)};
    }
    std::string all;
    for (const auto& piece : SafetensorsImage(content).pieces) all += text_of(piece);
    put_file(file, all);
  }

 private:
  std::map<std::string, std::pair<std::string, std::vector<std::uint64_t>>> tensors_;
  std::map<std::string, std::vector<std::byte>> bytes_;
};

ModelLayout residual_layout() {
  ModelLayout layout;
  layout.parameters = {{"conv1.weight", {2, 1}, 0, 2},
                       {"layer1.0.downsample.0.weight", {2}, 2, 2},
                       {"fc.weight", {3, 2}, 4, 6},
                       {"fc.bias", {3}, 10, 3}};
  layout.statistics = {{"bn1.running_mean", {2}, 0, 2}};
  layout.counters = {{"bn1.num_batches_tracked", {}, 0, 1}};
  return layout;
}

WeightsFile residual_file() {
  WeightsFile file;
  file.put<float>("conv1.weight", "F32", {2, 1}, {1, 2});
  file.put<float>("layer1.0.downsample.0.weight", "F32", {2}, {3, 4});
  file.put<float>("fc.weight", "F32", {3, 2}, {5, 6, 7, 8, 9, 10});
  file.put<float>("fc.bias", "F32", {3}, {11, 12, 13});
  file.put<float>("bn1.running_mean", "F32", {2}, {0.5, 0.25});
  file.put<std::int64_t>("bn1.num_batches_tracked", "I64", {}, {70});
  return file;
}

const std::vector<float> kAll = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

ModelState initial_state() {
  return {std::vector<float>(13, -1.0F), std::vector<float>(2, -2.0F), {0}};
}

class PretrainedWeights : public testing::Test {
 protected:
  Pretrained load(const WeightsFile& file, bool fresh_head = false) const {
    file.write(path_);
    return load_pretrained(path_, layout_, initial_state(), fresh_head);
  }
  std::string refusal(const WeightsFile& file, bool fresh_head = false) const {
    return message_of<InputError>([&] { load(file, fresh_head); });
  }
  void expect_all(const WeightsFile& file, const std::string& note) const {
    const Pretrained read = load(file);
    EXPECT_EQ(read.model.parameters, kAll) << note;
    EXPECT_THAT(read.model.statistics, ElementsAre(0.5F, 0.25F));
    EXPECT_THAT(read.model.counters, ElementsAre(70));
    EXPECT_THAT(read.notes, testing::Contains(HasSubstr(note)));
  }
  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "weights.safetensors";
  ModelLayout layout_ = residual_layout();
};

TEST_F(PretrainedWeights, OfThisNetworkAreTakenWithoutAWord) {
  const Pretrained read = load(residual_file());
  EXPECT_EQ(read.model.parameters, kAll);
  EXPECT_TRUE(read.notes.empty());
}

TEST_F(PretrainedWeights, WithAWordBeforeAllOrInSomeNamesAreTaken) {
  for (const std::string prefix : {"module.", "model.", "model.module.", "_orig_mod."}) {
    WeightsFile file = residual_file();
    for (const std::string& name : file.names()) file.rename(name, prefix + name);
    expect_all(file, prefix == "module." ? "'module' in the names" : "'" + prefix + "' before");
  }
  WeightsFile file = residual_file();
  file.rename("layer1.0.downsample.0.weight", "layer1.module.0.downsample.0.weight");
  expect_all(file, "'module' in the names");
}

TEST_F(PretrainedWeights, UnderTheOriginalsNamesAreTaken) {
  for (const std::string prefix : {"", "module.", "net."}) {
    WeightsFile file = residual_file();
    file.rename("layer1.0.downsample.0.weight", "layer1.0.shortcut.0.weight");
    file.rename("fc.weight", "linear.weight");
    file.rename("fc.bias", "linear.bias");
    for (const std::string& name : file.names()) file.rename(name, prefix + name);
    expect_all(file, "'shortcut' and 'linear'");
  }
}

TEST_F(PretrainedWeights, OfOtherFloatingPointTypesAreTaken) {
  WeightsFile file = residual_file();
  file.put<double>("fc.bias", "F64", {3}, {11, 12, 13});
  expect_all(file, "F64");
  file.put<std::uint16_t>("fc.bias", "BF16", {3}, {0x4130, 0x4140, 0x4150});
  expect_all(file, "BF16");
  file.put<std::uint16_t>("fc.bias", "F16", {3}, {0x4980, 0x4A00, 0x4A80});
  expect_all(file, "F16");
  file.put<std::uint16_t>("fc.bias", "F16", {3}, {0x0001, 0x83FF, 0xFBFF});  // two subnormal ones
  const std::vector<float> parameters = load(file).model.parameters;
  EXPECT_EQ(parameters[10], 0x1p-24F);
  EXPECT_EQ(parameters[11], -1023 * 0x1p-24F);
  EXPECT_EQ(parameters[12], -65504.0F);
  file.put<std::uint8_t>("fc.bias", "F8_E4M3", {3}, {1, 2, 3});
  EXPECT_THAT(refusal(file), HasSubstr("'fc.bias' is F8_E4M3; valid: F32, F64, F16 or BF16"));
}

TEST_F(PretrainedWeights, WithoutCountersCountFromZero) {
  WeightsFile file = residual_file();
  file.drop("bn1.num_batches_tracked");
  const Pretrained read = load(file);
  EXPECT_EQ(read.model.parameters, kAll);
  EXPECT_THAT(read.model.counters, ElementsAre(0));
  EXPECT_THAT(read.notes, ElementsAre(HasSubstr("num_batches_tracked")));
}

TEST_F(PretrainedWeights, ForOtherClassesLeaveTheLastLayerWhereThatIsAskedFor) {
  WeightsFile file = residual_file();
  file.put<float>("fc.weight", "F32", {1, 2}, {5, 6});
  file.put<float>("fc.bias", "F32", {1}, {7});
  EXPECT_THAT(refusal(file), HasSubstr("'fc.weight' is of shape [1, 2], not [3, 2]: it is for 1 "
                                       "classes; --pretrained-head fresh"));
  const Pretrained read = load(file, true);
  EXPECT_THAT(read.model.parameters, ElementsAre(1, 2, 3, 4, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  EXPECT_THAT(read.notes, ElementsAre(HasSubstr("the last layer, fc, stays")));
  file.drop("fc.weight");
  file.drop("fc.bias");
  EXPECT_THAT(refusal(file), HasSubstr("--pretrained-head fresh"));
  EXPECT_EQ(load(file, true).model.parameters, read.model.parameters);
}

TEST_F(PretrainedWeights, ThatAreNotFiniteAreRefusedByName) {
  WeightsFile file = residual_file();
  file.put<float>("bn1.running_mean", "F32", {2}, {0, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_THAT(refusal(file), HasSubstr("'bn1.running_mean' holds NaN"));
  file = residual_file();
  file.put<double>("fc.bias", "F64", {3}, {0, 1e300, 0});
  EXPECT_THAT(refusal(file), HasSubstr("'fc.bias' holds a value beyond float32"));
  EXPECT_EQ(load(file, true).model.parameters[0], 1.0F) << "what is left out may be anything";
}

TEST_F(PretrainedWeights, OfAnotherNetworkAreRefusedByTensor) {
  WeightsFile file = residual_file();
  file.drop("conv1.weight");
  EXPECT_THAT(refusal(file), HasSubstr("another network: tensor 'conv1.weight' is missing"));
  file = residual_file();
  file.put<float>("conv1.weight", "F32", {2, 1, 1}, {1, 2});
  EXPECT_THAT(refusal(file), HasSubstr("'conv1.weight' is of shape [2, 1, 1], not [2, 1]"));
  file = residual_file();
  file.put<float>("extra", "F32", {1}, {1});
  EXPECT_THAT(refusal(file), HasSubstr("this network has no tensor 'extra'"));
}

TEST_F(PretrainedWeights, InOtherFormatsAreRefusedWithWhatConvertsThem) {
  for (const std::string& start : {std::string("PK\3\4abcdefgh"),
                                   std::string("\x80\x02\x8a\x0al\xfc\x9c"
                                               "F"),
                                   std::string("\x80\x04\x95 and so on")}) {
    put_file(path_, start);
    EXPECT_THAT(
        message_of<InputError>([&] { load_pretrained(path_, layout_, initial_state(), false); }),
        HasSubstr("python3 -m detoxml.convert " + path_.string()));
  }
  put_file(path_, "\x89HDF\r\n\x1a\n");
  EXPECT_THAT(
      message_of<InputError>([&] { load_pretrained(path_, layout_, initial_state(), false); }),
      HasSubstr("HDF5"));
}

TEST_F(PretrainedWeights, WithAHeaderAsLongAsAPickleBeginsAreTaken) {
  residual_file().write(path_);
  std::string bytes = get_file(path_);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const std::uint64_t longer = 0x280;  // 80 02 in the file, as in a pickle's first bytes
  ASSERT_LT(length, longer);
  bytes.insert(8 + length, std::string(longer - length, ' '));
  std::memcpy(bytes.data(), &longer, sizeof longer);
  put_file(path_, bytes);
  EXPECT_EQ(load_pretrained(path_, layout_, initial_state(), false).model.parameters, kAll);
}

TEST(TiedTensors, AreInAFileUnderBothNamesAndInTheVectorOnce) {
  ModelLayout layout;
  layout.parameters = {{"a.weight", {2}, 0, 2}, {"b.bias", {1}, 2, 1}};
  layout.tied = {{"b.weight", "a.weight"}};
  layout.constants = {{"mask", "BOOL", {3}, {std::byte{1}, std::byte{0}, std::byte{1}}}};
  const ModelState model{{1, 2, 3}, {}, {}};
  const Safetensors content = model_content(layout, model);
  EXPECT_EQ(content.tensors.size(), 4U);
  EXPECT_EQ(content.tensors.at("b.weight").bytes.data(),
            content.tensors.at("a.weight").bytes.data());
  EXPECT_EQ(content.tensors.at("mask").dtype, "BOOL");

  std::string bytes;
  for (const auto& piece : SafetensorsImage(content).pieces) bytes += text_of(piece);
  EXPECT_EQ(parse_model("m", bytes_of(bytes), layout).parameters, model.parameters);
  bytes.back() = 0;  // the mask comes last
  EXPECT_THAT(message_of<InputError>([&] { parse_model("m", bytes_of(bytes), layout); }),
              HasSubstr("tensor 'mask'"));

  const TemporaryFolder folder;
  const fs::path path = folder.path() / "tied";
  WeightsFile file;
  file.put<float>("b.weight", "F32", {2}, {4, 5});
  file.put<float>("b.bias", "F32", {1}, {6});
  file.write(path);
  EXPECT_THAT(load_pretrained(path, layout, model, false).model.parameters, ElementsAre(4, 5, 6));
  file.put<float>("a.weight", "F32", {2}, {4, 7});
  file.write(path);
  EXPECT_THAT(message_of<InputError>([&] { load_pretrained(path, layout, model, false); }),
              HasSubstr("'a.weight' and 'b.weight' differ"));
}

TEST(DenseNetOfOthers, HasItsChannelsPutIntoOurOrder) {
  // A block of two channels in, growth 1 and two layers: the file has (new2, new1, old1, old2).
  ModelLayout layout;
  layout.parameters = {{"features.denseblock1.denselayer1.norm1.weight", {2}, 0, 2},
                       {"features.denseblock1.denselayer1.conv2.weight", {1, 1}, 2, 1},
                       {"features.transition1.norm.weight", {4}, 3, 4},
                       {"features.transition1.conv.weight", {2, 4}, 7, 8}};
  const auto order = [&](std::size_t i) {
    return newest_first_order(layout, layout.parameters[i].name, layout.parameters[i].shape);
  };
  EXPECT_THAT(order(0).from, ElementsAre(0, 1));
  EXPECT_TRUE(order(1).from.empty());
  EXPECT_THAT(order(2).from, ElementsAre(2, 3, 1, 0));
  EXPECT_EQ(order(3).dimension, 1U);
  WeightsFile file;
  file.put<float>("dense1.0.bn1.weight", "F32", {2}, {1, 2});
  file.put<float>("dense1.0.conv2.weight", "F32", {1, 1}, {3});
  file.put<float>("trans1.bn.weight", "F32", {4}, {10, 11, 12, 13});
  file.put<float>("trans1.conv.weight", "F32", {2, 4}, {20, 21, 22, 23, 30, 31, 32, 33});
  const TemporaryFolder folder;
  file.write(folder.path() / "dense");
  const Pretrained read =
      load_pretrained(folder.path() / "dense", layout, {std::vector<float>(15), {}, {}}, false);
  EXPECT_THAT(read.model.parameters,
              ElementsAre(1, 2, 3, 12, 13, 11, 10, 22, 23, 21, 20, 32, 33, 31, 30));
  EXPECT_THAT(read.notes, ElementsAre(HasSubstr("DenseNet")));
}

}  // namespace
}  // namespace detox
