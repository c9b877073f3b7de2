// PyTorch itself as the independent truth: python3-torch repeats the run from the same weights on
// the same batches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "learn/reference_run.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using test::compare_with_pytorch;
using test::kColour32;
using test::kGrey28;
using test::made_up_samples;
using test::Samples;

class ReferenceLoop : public testing::Test {
 public:
  ReferenceLoop() {
    std::string name = testing::TempDir() + "detoxml_reference_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory = name;
  }
  ~ReferenceLoop() override { fs::remove_all(directory); }

 protected:
  fs::path directory;
};

std::vector<unsigned char> gunzip(const std::string& name, std::size_t skip, std::size_t count) {
  const std::string path = "/usr/share/datasets/fashion-mnist/" + name;
  std::vector<unsigned char> bytes(skip + count);
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("no " + path + ": tools/install-deps");
  const int got = gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  if (got != static_cast<int>(bytes.size())) throw std::runtime_error(path + " is too short");
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(skip));
  return bytes;
}

/// The first samples of Fashion-MNIST, normalised, in batches.
std::vector<Samples> fashion(const std::string& split, std::size_t batches,
                             std::size_t batch_size) {
  const std::size_t d = kGrey28.values();
  const auto pixels = gunzip(split + "-images-idx3-ubyte.gz", 16, batches * batch_size * d);
  const auto labels = gunzip(split + "-labels-idx1-ubyte.gz", 8, batches * batch_size);
  std::vector<Samples> all(batches);
  for (std::size_t i = 0; i < batches * batch_size; ++i) {
    Samples& batch = all[i / batch_size];
    batch.labels.push_back(labels[i]);
    for (std::size_t j = 0; j < d; ++j) {
      batch.images.push_back((static_cast<float>(pixels[i * d + j]) / 255.0F - 0.2860F) / 0.3530F);
    }
  }
  return all;
}

TEST_F(ReferenceLoop, LeNetOnFashionMnistAgreesStepByStep) {
  record_run(directory, "LeNet", fashion("train", 20, 32), fashion("t10k", 1, 500)[0], {});
  const test::Verdict verdict = compare_with_pytorch(directory, 2e-5, 2e-6);
  EXPECT_EQ(verdict.exit_code, 0) << verdict.output;
  std::cout << verdict.output;
}

TEST_F(ReferenceLoop, FcWithWeightDecayAndNesterovAgreesOnUnevenBatches) {
  std::vector<Samples> batches;
  for (const std::size_t size : {32U, 7U, 1U, 33U, 8U, 24U}) {
    batches.push_back(made_up_samples(size, kGrey28, 10, 100 + size));
  }
  const test::SgdOptions options{
      .lr = 0.02F, .momentum = 0.8F, .weight_decay = 5e-3F, .nesterov = true};
  record_run(directory, "FC", batches, made_up_samples(200, kGrey28, 10, 99), options);
  const test::Verdict verdict = compare_with_pytorch(directory, 2e-5, 2e-6);
  EXPECT_EQ(verdict.exit_code, 0) << verdict.output;
  std::cout << verdict.output;
}

/// Forward, backward, statistics and evaluation of the networks with batch norm.
class ReferenceLoopOf : public ReferenceLoop,
                        public testing::WithParamInterface<std::string_view> {};

TEST_P(ReferenceLoopOf, ColourImagesAgreesStepByStep) {
  std::vector<Samples> batches;
  for (const std::size_t size : {8U, 12U}) {
    batches.push_back(made_up_samples(size, kColour32, 10, 200 + size));
  }
  const test::SgdOptions options{.lr = 1e-3F, .momentum = 0.9F, .weight_decay = 1e-3F};
  record_run(directory, GetParam(), batches, made_up_samples(40, kColour32, 10, 199), options,
             kColour32);
  const test::Verdict verdict = compare_with_pytorch(directory, 2e-4, 2e-4);
  EXPECT_EQ(verdict.exit_code, 0) << verdict.output;
  std::cout << verdict.output;
}

INSTANTIATE_TEST_SUITE_P(Networks, ReferenceLoopOf,
                         testing::Values("LeNet", "ResNet18", "ResNet20", "VGG11", "DenseNet121"),
                         [](const auto& made) { return std::string(made.param); });

TEST_F(ReferenceLoop, ARunWithAnotherMomentumIsToldApart) {
  const std::vector<Samples> batches(3, made_up_samples(16, kGrey28, 10, 1));
  record_run(directory, "LeNet", batches, made_up_samples(10, kGrey28, 10, 2), {});
  std::ifstream in(directory / "manifest.json");
  nlohmann::json manifest = nlohmann::json::parse(in);
  manifest["momentum"] = 0.89;
  std::ofstream(directory / "manifest.json") << manifest;
  const test::Verdict verdict = compare_with_pytorch(directory, 2e-5, 2e-6);
  EXPECT_EQ(verdict.exit_code, 1);
  EXPECT_THAT(verdict.output, testing::HasSubstr("step 2: weight"));
}

}  // namespace
}  // namespace detox
