// A script of ours in place of the AWS CLI, first on PATH. The real one against an endpoint on this
// machine: tests/program/cluster_test.py.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cluster/aws_cli.hpp"
#include "cluster/cluster_config.hpp"
#include "support/temporary_directory.hpp"

namespace detox {

class InPlaceOfAws : public testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("PATH");
    path_before_ = path == nullptr ? "" : path;
    ASSERT_EQ(setenv("PATH", (folder_.path().string() + ":" + path_before_).c_str(), 1), 0);
    ASSERT_EQ(setenv("AWS_TEST", folder_.path().c_str(), 1), 0);
    ASSERT_EQ(setenv("XDG_STATE_HOME", folder_.path().c_str(), 1), 0);
  }
  void TearDown() override { setenv("PATH", path_before_.c_str(), 1); }

  /// Called with `ec2 WORDS...`; its calls are kept.
  void aws_is(const std::string& script) {
    std::ofstream(folder_ / "aws") << "#!/bin/sh\nshift\ncd \"$AWS_TEST\"\necho \"$*\" >> calls\n"
                                   << script;
    std::filesystem::permissions(folder_ / "aws", std::filesystem::perms::owner_all);
  }

  std::string file(const std::string& name) const {
    std::ifstream stream(folder_ / name);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  int count_calls(const std::string& start) const {
    std::ifstream calls(folder_ / "calls");
    int count = 0;
    for (std::string line; std::getline(calls, line);) count += line.starts_with(start) ? 1 : 0;
    return count;
  }

  static AwsCli aws() {
    AwsSettings settings;
    settings.region = "us-west-2";
    settings.first_pause = std::chrono::milliseconds(1);
    settings.attempts = 3;
    settings.call_limit = std::chrono::seconds(20);
    return AwsCli(settings);
  }
  static ClusterConfig config() {
    ClusterConfig config;
    config.name = "paper";
    config.region = "us-west-2";
    config.image_id = "ami-01234567";
    config.master_type = config.worker_type = "m5.large";
    config.key_name = "key";
    config.n_workers = 2;
    return config;
  }

  TemporaryDirectory folder_;

 private:
  std::string path_before_;
};

}  // namespace detox
