#include "record/scores_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "data/temporary_folder.hpp"
#include "support/in_child.hpp"

namespace detox {
namespace {

class ScoresTest : public testing::Test {
 protected:
  static ScoredModel model(char letter) {
    return {std::string(64, letter), std::string(64, 'd'), "LeNet"};
  }
  static RecordedScore score(char letter, double prec1 = 50) {
    return {
        .step = 10, .of = model(letter), .samples = 7, .loss = 0.5, .prec1 = prec1, .prec5 = 90};
  }
  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "evaluation.jsonl";
  ScoresFile scores_{file_};
};

TEST_F(ScoresTest, FindsTheScoreOfAModelByItsDigestItsDataAndItsNetwork) {
  EXPECT_FALSE(scores_.find(model('a'), 10));
  ASSERT_TRUE(scores_.append(score('a')));
  ASSERT_TRUE(scores_.append(score('b', 60)));
  ASSERT_TRUE(scores_.find(model('a'), 10));
  EXPECT_EQ(scores_.find(model('a'), 10)->prec1, 50);
  EXPECT_EQ(scores_.find(model('a'), 10)->prec5, 90);
  EXPECT_EQ(scores_.find(model('a'), 10)->loss, 0.5);
  EXPECT_EQ(scores_.find(model('a'), 10)->samples, 7U);
  EXPECT_EQ(scores_.find(model('b'), 10)->prec1, 60);
  EXPECT_FALSE(scores_.find(model('c'), 10));
  ScoredModel other = model('a');
  other.data = std::string(64, 'e');
  EXPECT_FALSE(scores_.find(other, 10));
  other = model('a');
  other.network = "ResNet18";
  EXPECT_FALSE(scores_.find(other, 10));
}

TEST_F(ScoresTest, TakesTheLastOfSeveral) {
  ASSERT_TRUE(scores_.append(score('a')));
  ASSERT_TRUE(scores_.append(score('a', 70)));
  EXPECT_EQ(scores_.find(model('a'), 10)->prec1, 70);
}

TEST_F(ScoresTest, PrefersThatOfTheSameStepAndAttempt) {
  ASSERT_TRUE(scores_.append(score('a', 70)));
  RecordedScore other = score('a', 80);
  other.attempt = 1;
  ASSERT_TRUE(scores_.append(other));
  EXPECT_EQ(scores_.find(model('a'), 10)->prec1, 70);
  EXPECT_EQ(scores_.find(model('a'), round_number(1, 10))->prec1, 80);
  EXPECT_EQ(scores_.find(model('a'), 11)->prec1, 80);
}

TEST_F(ScoresTest, WritesWhatTheJournalsHaveToo) {
  RecordedScore second = score('a');
  second.attempt = 2;
  second.loss = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(scores_.append(second));
  const auto line = nlohmann::json::parse(get_file(file_));
  EXPECT_EQ(line["step"], 10);
  EXPECT_EQ(line["attempt"], 2);
  EXPECT_EQ(line["loss"], "inf");
  EXPECT_EQ(scores_.find(model('a'), 10)->attempt, 2U);
  EXPECT_EQ(scores_.find(model('a'), 10)->loss, std::numeric_limits<double>::infinity());
  second.loss = std::nan("");
  ASSERT_TRUE(scores_.append(second));
  EXPECT_TRUE(std::isnan(scores_.find(model('a'), 10)->loss));
}

TEST_F(ScoresTest, PassesOverWhatIsNoSuchLine) {
  ASSERT_TRUE(scores_.append(score('a')));
  const std::string line = get_file(file_);
  for (const auto& [what, other] :
       std::vector<std::pair<std::string, std::string>>{{"\"prec1\":50.0", "\"prec1\":101"},
                                                        {"\"prec1\":50.0", "\"prec1\":\"nan\""},
                                                        {"\"loss\":0.5", "\"loss\":\"much\""},
                                                        {"\"step\":10", "\"step\":-1"},
                                                        {"\"step\":10", "\"step\":1e30"},
                                                        {"\"samples\":7", "\"samples\":null"},
                                                        {"{", "["},
                                                        {"}\n", "}"}}) {
    std::string bad = line;
    ASSERT_NE(bad.find(what), std::string::npos) << what << line;
    bad.replace(bad.find(what), what.size(), other);
    put_file(file_, bad);
    EXPECT_FALSE(scores_.find(model('a'), 10)) << bad;
    put_file(file_, fmt::format("nonsense\n{}{}", line, bad));
    EXPECT_TRUE(scores_.find(model('a'), 10)) << bad;
  }
}

TEST_F(ScoresTest, CutsABrokenLastLineOff) {
  put_file(file_, "{\"step\":1}\n{\"step\":2,");
  ASSERT_TRUE(scores_.append(score('a')));
  const std::string text = get_file(file_);
  EXPECT_TRUE(text.starts_with("{\"step\":1}\n{\"data\"")) << text;
  EXPECT_TRUE(scores_.find(model('a'), 10));
}

TEST_F(ScoresTest, LosesNoLineWhereSeveralWriteAtTheSameTime) {
  constexpr int kEach = 50;
  {
    std::vector<std::jthread> writers;
    for (const char letter : {'a', 'b', 'c'}) {
      writers.emplace_back([this, letter] {
        for (int i = 0; i < kEach; ++i) EXPECT_TRUE(ScoresFile(file_).append(score(letter)));
      });
    }
  }
  std::ifstream stream(file_);
  int lines = 0;
  for (std::string line; std::getline(stream, line); ++lines)
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_EQ(lines, 3 * kEach);
}

TEST_F(ScoresTest, SaysWhereItCannotBeWritten) {
  ScoresFile nowhere(folder_.path() / "no" / "evaluation.jsonl");
  EXPECT_FALSE(nowhere.append(score('a')));
  EXPECT_TRUE(nowhere.last_error().ends_with("evaluation.jsonl: No such file or directory"));
  const std::filesystem::path pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  ScoresFile piped(pipe);
  EXPECT_FALSE(piped.append(score('a')));
  EXPECT_FALSE(piped.find(model('a'), 10));
}

TEST_F(ScoresTest, KeepsWholeLinesWhereTheDiskIsFull) {
  ASSERT_TRUE(scores_.append(score('a')));
  const std::string before = get_file(file_);
  const int code = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {before.size() + 20, before.size() + 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    return !scores_.append(score('b')) && scores_.last_error().ends_with("File too large") ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(get_file(file_), before);
}

}  // namespace
}  // namespace detox
