#include "base/home_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "detox/errors.hpp"

namespace detox {
namespace {

class HomeFolder : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* home = std::getenv("HOME")) before_ = home;
    setenv("HOME", "/srv/somebody", 1);
  }
  void TearDown() override { before_ ? setenv("HOME", before_->c_str(), 1) : unsetenv("HOME"); }

 private:
  std::optional<std::string> before_;
};

TEST_F(HomeFolder, IsWhatATildeMeans) {
  EXPECT_EQ(with_home("~"), "/srv/somebody");
  EXPECT_EQ(with_home("~/"), "/srv/somebody/");
  EXPECT_EQ(with_home("~/a/~/b"), "/srv/somebody/a/~/b");
  setenv("HOME", "/", 1);
  EXPECT_EQ(with_home("~/x"), "/x");
  EXPECT_EQ(with_home("~"), "/");
}

TEST_F(HomeFolder, IsThatOfAnotherUserWhomPasswdKnows) {
  const passwd* root = getpwuid(0);
  ASSERT_NE(root, nullptr);
  const std::string name = root->pw_name, home = root->pw_dir;
  EXPECT_EQ(with_home("~" + name), home);
  EXPECT_EQ(with_home("~" + name + "/x"), home + "/x");
}

TEST_F(HomeFolder, ChangesNoOtherPath) {
  for (const char* path : {"", "x", "./~", "./~/x", "a~", "/~/x", "auto", "~nobody-is-called-so/x"})
    EXPECT_EQ(with_home(path), path);
}

TEST_F(HomeFolder, IsWhatPasswdSaysWhereHomeIsNotSet) {
  const passwd* self = getpwuid(geteuid());
  if (self == nullptr) GTEST_SKIP() << "this user has no entry in passwd";
  for (const bool is_empty : {false, true}) {
    is_empty ? setenv("HOME", "", 1) : unsetenv("HOME");
    EXPECT_EQ(with_home("~/x"), self->pw_dir + std::string("/x"));
  }
}

}  // namespace
}  // namespace detox
