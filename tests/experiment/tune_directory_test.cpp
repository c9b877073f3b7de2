// The folder of a search: what it takes, what it refuses, and where runs are found again.
#include "experiment/tune_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "config/refusal.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

template <class Call>
std::string what_is_wrong(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string objection(const fs::path& dir, const RunConfig& base,
                      const std::vector<std::string>& sweeps) {
  return what_is_wrong([&] { check_same_search(dir, base, parse_sweeps(sweeps)); });
}

void search_in(const fs::path& dir, const RunConfig& base, const std::vector<std::string>& sweeps) {
  const TuneDirectory made(dir, base, parse_sweeps(sweeps));
}

TEST(TuneDirectory, MayBeMissingOrEmptyOrHoldALeftOverLock) {
  const TemporaryDirectory folder;
  EXPECT_EQ(objection(folder / "missing", {}, {"lr=1"}), "");
  EXPECT_FALSE(fs::exists(folder / "missing"));
  EXPECT_EQ(objection(folder.path(), {}, {"lr=1"}), "");
  std::ofstream(folder / ".lock") << "";
  EXPECT_EQ(objection(folder.path(), {}, {"lr=1"}), "");
}

TEST(TuneDirectory, IsRefusedWhereItHoldsSomethingElse) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "thesis.tex") << "text";
  EXPECT_THAT(objection(folder.path(), {}, {"lr=1"}), HasSubstr("holds files that are no search"));
  EXPECT_THAT(objection(folder / "thesis.tex", {}, {"lr=1"}), HasSubstr("is no directory"));
  EXPECT_FALSE(fs::exists(folder / "tune.json"));
}

TEST(TuneDirectory, TakesTheSameSearchAgainAndOneOfOtherValues) {
  const TemporaryDirectory folder;
  RunConfig base;
  search_in(folder / "t", base, {"lr=0.1,0.2"});
  base.threads = 7;  // how, and not what
  base.data_dir = "elsewhere";
  EXPECT_EQ(objection(folder / "t", base, {"lr=0.1,0.2"}), "");
  EXPECT_EQ(objection(folder / "t", base, {"lr=0.4"}), "");
  EXPECT_EQ(objection(folder / "t", base, {"lr=0.1", "momentum=0,0.9"}), "");
}

TEST(TuneDirectory, RefusesAnotherBaseWithWhatDiffers) {
  const TemporaryDirectory folder;
  RunConfig base;
  search_in(folder / "t", base, {"lr=0.1,0.2"});
  base.batch_size = 64;
  base.max_steps = 7;
  const std::string message = objection(folder / "t", base, {"lr=0.1"});
  EXPECT_THAT(message, HasSubstr("batch-size: 64 here, 32 there; max-steps: 7 here, 1000 there"));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_THAT(what_is_wrong([&] { search_in(folder / "t", base, {"lr=0.1"}); }),
              HasSubstr("batch-size"));
}

// What is swept now or was swept once has no value of its own in the base.
TEST(TuneDirectory, ForgivesDifferencesInWhatIsSwept) {
  const TemporaryDirectory folder;
  RunConfig base;
  search_in(folder / "t", base, {"lr=0.1,0.2"});
  base.lr = 0.1;
  search_in(folder / "t", base, {"momentum=0,0.9"});
  base.lr = 0.2;
  base.momentum = 0.5;
  EXPECT_EQ(objection(folder / "t", base, {"weight-decay=0,1e-4"}), "");
  base.weight_decay = 0.1;
  EXPECT_EQ(objection(folder / "t", base, {"weight-decay=0,1e-4"}), "");
  EXPECT_THAT(objection(folder / "t", base, {"lr=1"}), HasSubstr("weight-decay"));
}

TEST(TuneDirectory, IsOneProcessesAtATime) {
  const TemporaryDirectory folder;
  const TuneDirectory held(folder / "t", {}, parse_sweeps({"lr=1"}));
  EXPECT_THAT(what_is_wrong([&] { search_in(folder / "t", {}, {"lr=1"}); }),
              HasSubstr("another process is tuning in"));
}

TEST(TuneDirectory, RefusesADamagedRecordOfItself) {
  const TemporaryDirectory folder;
  for (const std::string text :
       {"", "{", "[]", "{}", "{\"format\":1}", "{\"format\":2,\"options\":{},\"swept\":[]}",
        "{\"format\":1,\"options\":{\"lr\":3},\"swept\":[]}",
        "{\"format\":1,\"options\":{},\"swept\":[1]}",
        "{\"format\":1,\"options\":[],\"swept\":[]}"}) {
    std::ofstream(folder / "tune.json") << text;
    EXPECT_THAT(objection(folder.path(), {}, {"lr=1"}), HasSubstr("is damaged")) << text;
  }
}

TEST(TuneDirectory, FindsARunUnderWhateverNameItWasBegun) {
  const TemporaryDirectory folder;
  RunConfig base;
  const Trial old = trials_of(base, parse_sweeps({"lr=0.1"})).front();
  fs::create_directories(folder.path() / "runs" / old.folder);
  const std::vector<Trial> now = trials_of(base, parse_sweeps({"momentum=0,0.9", "lr=0.1"}));
  const std::vector<fs::path> folders = run_folders(folder.path(), now);
  EXPECT_EQ(folders[0], folder.path() / "runs" / now[0].folder);
  EXPECT_EQ(folders[1], folder.path() / "runs" / old.folder);
}

TEST(TuneDirectory, RemovesWhatAKilledSearchLeftHalfWritten) {
  const TemporaryDirectory folder;
  search_in(folder / "t", {}, {"lr=1"});
  std::ofstream(folder / "t/.results.json.123.tmp") << "half";
  std::ofstream(folder / "t/.mine.123.tmp") << "mine";
  search_in(folder / "t", {}, {"lr=1"});
  EXPECT_FALSE(fs::exists(folder / "t/.results.json.123.tmp"));
  EXPECT_TRUE(fs::exists(folder / "t/.mine.123.tmp"));
}

}  // namespace
}  // namespace detox
