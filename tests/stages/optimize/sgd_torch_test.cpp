// The same steps by torch.optim.SGD (python3-torch).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "stages/optimize/sgd.hpp"

namespace detox {
namespace {

constexpr std::size_t kWeights = 13;
constexpr int kSteps = 25;

/// Exact in float32, and as easy in sgd_reference.py.
float value(std::size_t i, int step) {
  const auto counter = static_cast<int>(i * 37) + step * 101;
  return static_cast<float>(counter % 64 - 31) / 16.0F;
}

const std::vector<SgdOptions> kCases = {{0.125, 0, 0, false},      {0.125, 0.9, 0, false},
                                        {0.0625, 0, 0.01, false},  {0.0625, 0.9, 0.01, false},
                                        {0.0625, 0.9, 0.01, true}, {0.0625, 0.5, 0, true}};

std::vector<double> numbers_from(const std::string& command) {
  std::vector<double> numbers;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return numbers;
  double number = 0;
  while (std::fscanf(pipe, "%lf", &number) == 1) numbers.push_back(number);
  pclose(pipe);
  return numbers;
}

TEST(Sgd, AgreesWithTorchStepByStep) {
  if (std::system("test -x /usr/bin/python3 && /usr/bin/python3 -c "
                  "'import importlib.util as u, sys; sys.exit(not u.find_spec(\"torch\"))'") != 0) {
    GTEST_SKIP() << "no python3-torch";
  }
  const std::vector<double> expected = numbers_from("/usr/bin/python3 " DETOX_SOURCE_DIR
                                                    "/tests/stages/optimize/sgd_reference.py 2>&1");
  ASSERT_EQ(expected.size(), kCases.size() * kSteps * kWeights);
  auto next = expected.begin();
  ThreadPool pool(1);
  for (const SgdOptions& options : kCases) {
    std::vector<float> weights(kWeights), velocity(kWeights), gradient(kWeights);
    for (std::size_t i = 0; i < kWeights; ++i) weights[i] = value(i, 0);
    for (int step = 1; step <= kSteps; ++step) {
      for (std::size_t i = 0; i < kWeights; ++i) gradient[i] = value(i, step);
      sgd_step(options, gradient, weights, velocity, pool);
      for (const float weight : weights) ASSERT_NEAR(weight, *next++, 2e-6) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace detox
