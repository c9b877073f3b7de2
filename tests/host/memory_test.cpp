// A made-up root in place of the system's.
#include "host/memory.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "support/temporary_directory.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kMega = std::uint64_t{1} << 20U;

class HostMemory : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = directory_.path() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void SetUp() override {
    write("proc/meminfo",
          "MemTotal:       9000 kB\nMemFree:  1 kB\nMemAvailable:  8192 kB\nBuffers: 7 kB\n");
  }
  std::uint64_t available() const { return available_memory(directory_.path()); }

  TemporaryDirectory directory_;
};

TEST_F(HostMemory, IsWhatTheSystemEstimates) { EXPECT_EQ(available(), 8 * kMega); }

TEST_F(HostMemory, IsWhatTheNearestLimitOfAGroupLeaves) {
  write("proc/self/cgroup", "0::/job/step\n");
  write("sys/fs/cgroup/job/step/memory.max", "max\n");
  write("sys/fs/cgroup/job/memory.max", std::to_string(6 * kMega) + "\n");
  write("sys/fs/cgroup/job/memory.current", std::to_string(5 * kMega) + "\n");
  EXPECT_EQ(available(), kMega);
  // Files that were read and are not needed give way.
  write("sys/fs/cgroup/job/memory.stat",
        "anon 3\ninactive_file " + std::to_string(2 * kMega) + "\n");
  EXPECT_EQ(available(), 3 * kMega);
  write("sys/fs/cgroup/job/memory.max", "1000\n");
  EXPECT_EQ(available(), 0);
}

TEST_F(HostMemory, OfThisProcessGrowsWithWhatItUses) {
  const ProcessMemory before = own_memory();
  EXPECT_GT(before.now, 0);
  EXPECT_GE(before.most, before.now);
  const std::vector<char> used(64 * kMega, 'x');
  const ProcessMemory after = own_memory();
  EXPECT_GE(after.now, before.now + 60 * kMega) << used.back();
  EXPECT_GE(after.most, after.now);
}

}  // namespace
}  // namespace detox
