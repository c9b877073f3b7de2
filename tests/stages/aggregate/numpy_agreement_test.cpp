// Rules against NumPy and SciPy, through files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "data/numpy/numpy_file.hpp"
#include "detox/aggregator.hpp"

namespace detox {
namespace {

template <class T>
void write_result(const std::string& path, std::string_view rule, const Rows<T>& rows) {
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  std::vector<T> out(rows.d);
  make_aggregator(rule, {.f = 2})->aggregate(rows, out, context);
  write_numpy(path, out);
}

TEST(Rules, AgreeWithNumPyAndSciPy) {
  std::string folder = testing::TempDir() + "agreement-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string script =
      "/usr/bin/python3 '" DETOX_SOURCE_DIR "/tests/stages/aggregate/numpy_agreement.py' ";
  ASSERT_EQ(std::system((script + "make '" + folder + "'").c_str()), 0);
  for (const char* n : {"5", "8", "21", "40"}) {
    for (const char* rule : {"coord-median", "normal", "trimmed-mean"}) {
      const std::string name = folder + "/" + n;
      NumpyFile floats(name + "-float32.npy"), doubles(name + "-float64.npy");
      write_result(name + "-float32-" + rule + ".npy", rule, floats.float_rows());
      write_result(name + "-float64-" + rule + ".npy", rule, doubles.double_rows());
    }
  }
  EXPECT_EQ(std::system((script + "check '" + folder + "'").c_str()), 0);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace detox
