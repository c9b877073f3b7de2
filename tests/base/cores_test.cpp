#include "base/cores.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <fstream>
#include <thread>

#include "support/temporary_directory.hpp"

namespace detox {
namespace {

/// A tree of control groups as the kernel shows it, and the file that says where a process is in
/// it.
class Groups : public testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = directory_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  auto processors() { return cgroup_processors(directory_ / "self", directory_ / "cgroup"); }

  TemporaryDirectory directory_;
};

TEST_F(Groups, OfVersion2LimitByTheNarrowestOfThoseAround) {
  write("self", "0::/slice/job\n");
  write("cgroup/slice/cpu.max", "150000 100000\n");
  write("cgroup/slice/job/cpu.max", "max 100000\n");
  EXPECT_EQ(processors(), 1.5);
  write("cgroup/slice/job/cpu.max", "50000 100000\n");
  EXPECT_EQ(processors(), 0.5);
}

TEST_F(Groups, OfAContainerLieAtTheTop) {
  write("self", "0::/docker/0123\n");
  write("cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(processors(), 2);
}

TEST_F(Groups, OfVersion1HaveATreeForEachController) {
  write("self", "4:cpu,cpuacct:/job\n3:devices:/other\n0::/\n");
  write("cgroup/cpu/job/cpu.cfs_quota_us", "300000\n");
  write("cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processors(), 3);
}

TEST_F(Groups, WithoutALimitAreNoLimit) {
  EXPECT_FALSE(processors());
  write("self", "0::/job\nnonsense\n:\n");
  write("cgroup/job/cpu.max", "max 100000\n");
  EXPECT_FALSE(processors());
}

TEST(CoreLimits, AreTheNarrowestOfThoseThereAre) {
  const auto usable = [](std::size_t allowed, std::optional<double> time) {
    return CoreLimits{.online = 64, .allowed = allowed, .time = time}.usable();
  };
  EXPECT_EQ(usable(8, {}), 8U);
  EXPECT_EQ(usable(8, 100), 8U);
  EXPECT_EQ(usable(8, 2), 2U);
  EXPECT_EQ(usable(8, 1.5), 2U);
  EXPECT_EQ(usable(8, 1.4), 1U);
  EXPECT_EQ(usable(8, 0.1), 1U);
}

TEST(CoreLimits, LeaveOneProcessorWhereTheThreadIsBoundToOne) {
  // A thread of its own: the binding ends with it.
  std::thread([] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &set);
    ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
    EXPECT_EQ(core_limits().allowed, 1U);
    EXPECT_EQ(usable_cores(), 1U);
    EXPECT_GE(core_limits().online, 1U);
  }).join();
}

}  // namespace
}  // namespace detox
