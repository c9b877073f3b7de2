// A run is taken again from its checkpoints and compared with its commitments.
#include "run/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/worker_names.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Options kTwelve = {{"workers", "9"},    {"worker-fail", "1"}, {"batch-size", "4"},
                         {"max-steps", "12"}, {"eval-freq", "4"},   {"mode", "normal"}};

/// A run that is over, and whoever looks at it.
struct Verifying {
  MemoryDirectory directory;
  ToyRun run;
  explicit Verifying(const Options& more = {}) : run(directory / "run", with(kTwelve, more)) {}

  Verifying& locally() {
    run.over_local_engine();
    return *this;
  }
  Verified verify(const VerifyOptions& options = {}) { return run.verify(options); }
  std::string refusal(const VerifyOptions& options = {}) {
    try {
      verify(options);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
      return error.what();
    }
    return "not refused";
  }
  std::filesystem::path file() const { return directory / "run" / "commitments.jsonl"; }
  std::vector<std::string> lines() const {
    std::istringstream stream(run.file("commitments.jsonl"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
  void write(const std::vector<std::string>& lines, const std::string& end = "\n") const {
    std::ofstream stream(file());
    for (std::size_t i = 0; i < lines.size(); ++i)
      stream << lines[i] << (i + 1 < lines.size() ? "\n" : end);
  }
  /// As a forger does who can count: the lines behind follow the altered one.
  void forge(std::uint64_t step, const char* field) const {
    std::vector<std::string> lines = this->lines();
    for (std::size_t i = step - 1; i < lines.size(); ++i) {
      auto json = nlohmann::json::parse(lines[i]);
      if (i == step - 1) json[field] = base64(digest_of(bytes_of(std::string_view("forged"))));
      if (i >= step) json["before"] = base64(digest_of(bytes_of(lines[i - 1])));
      lines[i] = json.dump();
    }
    write(lines);
  }
};

std::vector<std::uint64_t> steps_of(const Verified& verified) {
  std::vector<std::uint64_t> steps;
  for (const StepDifference& difference : verified.differences) steps.push_back(difference.step);
  return steps;
}

TEST(Verify, AgreesWithRunsOfEveryKindOnEveryEngine) {
  for (const Options& more :
       {Options{}, Options{{"lazy", "on"}}, Options{{"approach", "maj_vote"}},
        Options{
            {"approach", "baseline"}, {"worker-fail", "0"}, {"assume-fail", "1"}, {"mode", "krum"}},
        Options{{"workers", "15"}, {"num-aggregate", "4"}}, Options{{"lr-schedule", "cosine"}},
        Options{{"mode", "centered-clipping"}, {"clip-start", "last"}},
        Options{{"commit", "weights"}}, Options{{"err-mode", "crash"}},
        Options{{"absent", "1:5-6,2:5-6,3:5-6,4:5-6,5:5-6,6:5-6,7:5-6"}, {"worker-fail", "0"}}}) {
    for (const bool over_network : {false, true}) {
      Verifying one(more);
      over_network ? one.run.over_network() : one.run.over_local_engine();
      for (const std::size_t threads : {1, 7}) {
        one.run.threads = threads;
        const Verified verified = one.verify();
        EXPECT_EQ(verified.agreed, 12U);
        EXPECT_EQ(verified.stretches, 3U);
        for (const StepDifference& difference : verified.differences)
          ADD_FAILURE() << difference.what;
      }
    }
  }
}

TEST(Verify, ComputesTheStepsThatAreAskedFor) {
  Verifying one;
  one.locally();
  EXPECT_EQ(one.verify({.steps = {{6, 7}}}).agreed, 3U);  // with step 5, behind the checkpoint
  EXPECT_EQ(one.verify({.steps = {{4, 9}}}).agreed, 9U);
  const Verified some = one.verify({.random = 2});
  EXPECT_EQ(some.stretches, 2U);
  EXPECT_EQ(some.agreed, 8U);
  EXPECT_EQ(one.verify({.random = 100}).agreed, 12U);
  EXPECT_THAT(one.refusal({.steps = {{6, 13}}}),
              HasSubstr("--steps 6-13: valid: steps from 1 to 12"));
  EXPECT_THAT(one.refusal({.steps = {{7, 6}}}), HasSubstr("valid: steps from 1 to 12"));
  EXPECT_THAT(one.refusal({.steps = {{0, 6}}}), HasSubstr("valid: steps from 1 to 12"));
}

TEST(Verify, NamesTheStepWhoseLineWasForgedAndGoesOnAtTheNextCheckpoint) {
  Verifying one;
  one.locally().forge(6, "state");
  const Verified verified = one.verify();
  ASSERT_THAT(steps_of(verified), ElementsAre(6));
  EXPECT_THAT(verified.differences[0].what,
              HasSubstr("step 6: the answers agree, weights and state do not"));
  EXPECT_EQ(verified.agreed, 4 + 1 + 4U);
  EXPECT_THAT(steps_of(one.verify({.steps = {{1, 5}}})), IsEmpty());
}

TEST(Verify, NamesTheStepWhoseAnswersWereForgedAndGoesOnWhereTheStateIsRight) {
  Verifying one;
  one.locally().forge(6, "answers");
  const Verified verified = one.verify();
  ASSERT_THAT(steps_of(verified), ElementsAre(6));
  EXPECT_THAT(verified.differences[0].what,
              HasSubstr("step 6: an answer that was used is not what honest workers compute; slice "
                        "0: workers "));
  EXPECT_EQ(verified.agreed, 11U);
}

TEST(Verify, NamesTheFirstTensorOfACheckpointThatWasAlteredWithItsDigests) {
  Verifying one;
  one.locally();
  const ModelLayout layout = ToyLearner().layout();
  Checkpoint checkpoint = load_checkpoint(model_path(one.directory / "run", 8), layout);
  const TensorInfo& last = layout.parameters.back();
  checkpoint.model.parameters[last.offset] += 1;
  save_checkpoint(one.directory / "run", layout, checkpoint.model, checkpoint.state);
  const Verified verified = one.verify();
  ASSERT_THAT(steps_of(verified), ElementsAre(8));
  EXPECT_THAT(verified.differences[0].what, HasSubstr("first in " + last.name));
  EXPECT_EQ(verified.agreed, 7U);
  // Where the step itself is not computed again, its line tells.
  const Verified behind = one.verify({.steps = {{9, 12}}});
  ASSERT_THAT(steps_of(behind), ElementsAre(8));
  EXPECT_THAT(behind.differences[0].what, HasSubstr("not what the line of step 8 says"));
}

TEST(Verify, NamesTheMomentumWhereThatAloneWasAltered) {
  Verifying one(Options{{"momentum", "0.9"}});
  one.locally();
  const ModelLayout layout = ToyLearner().layout();
  Checkpoint checkpoint = load_checkpoint(model_path(one.directory / "run", 12), layout);
  checkpoint.state.momentum.front() += 1;
  save_checkpoint(one.directory / "run", layout, checkpoint.model, checkpoint.state);
  const Verified verified = one.verify();
  ASSERT_THAT(steps_of(verified), ElementsAre(12));
  EXPECT_THAT(verified.differences[0].what,
              HasSubstr("first in momentum." + layout.parameters.front().name));
}

TEST(Verify, NamesWhoCountedWhereAWinningAnswerWasFalseAndGoesOnAtTheNextCheckpoint) {
  Verifying one(Options{{"worker-fail", "3"},
                        {"assume-fail", "1"},
                        {"err-mode", "constant"},
                        {"on-divergence", "continue"}});
  one.locally();
  // The simulation's own truth says where.
  std::map<std::uint64_t, std::uint64_t> first;  // by stretch
  std::vector<std::string> wanted;
  for (const auto& line : one.run.journal("attackers.jsonl")) {
    const auto step = line["step"].get<std::uint64_t>();
    if (!line["owned"].empty()) first.emplace((step - 1) / 4, step);
  }
  ASSERT_THAT(first, testing::Not(IsEmpty()));
  const Verified verified = one.verify();
  std::vector<std::uint64_t> steps;
  std::uint64_t agreed = 12;
  for (const auto& [stretch, step] : first) {
    steps.push_back(step);
    agreed -= 4 * (stretch + 1) - step + 1;
  }
  EXPECT_EQ(steps_of(verified), steps);
  EXPECT_EQ(verified.agreed, agreed);
  for (const StepDifference& difference : verified.differences) {
    const auto attackers = one.run.journal("attackers.jsonl")[difference.step - 1];
    const auto rounds = one.run.journal("rounds.jsonl")[difference.step - 1];
    for (const auto& slice : attackers["owned"]) {
      std::vector<std::uint32_t> counted = rounds["slices"][slice.get<std::size_t>()]["counted"];
      for (std::uint32_t& worker : counted) --worker;
      EXPECT_THAT(difference.what,
                  HasSubstr("slice " + slice.dump() + ": " + worker_names(counted) + " counted"));
    }
    EXPECT_THAT(difference.what, HasSubstr("the winning answer was false"));
  }
}

TEST(Verify, RefusesAlteredReorderedAndTruncatedFilesInOneLine) {
  Verifying one;
  one.locally();
  const std::vector<std::string> lines = one.lines();
  const auto refusal_of = [&](auto change, const std::string& end = "\n") {
    std::vector<std::string> changed = lines;
    change(changed);
    one.write(changed, end);
    return one.refusal();
  };
  EXPECT_THAT(refusal_of([](auto& l) { l[5][20] = l[5][20] == 'A' ? 'B' : 'A'; }),
              HasSubstr("line 6 "));
  EXPECT_THAT(refusal_of([](auto& l) { std::swap(l[3], l[4]); }),
              HasSubstr("line 4 is of step 5, not of step 4"));
  EXPECT_THAT(refusal_of([](auto& l) { l.erase(l.begin() + 3); }), HasSubstr("lines are missing"));
  EXPECT_THAT(refusal_of([](auto& l) { l.pop_back(); }),
              HasSubstr("ends at step 11, but there is a checkpoint of step 12"));
  EXPECT_THAT(refusal_of([](auto& l) { l.erase(l.begin()); }), HasSubstr("lines are missing"));
  EXPECT_THAT(refusal_of([](auto&) {}, ""), HasSubstr("line 12 is broken off"));
  EXPECT_THAT(refusal_of([](auto& l) { l[2] += std::string(300, ' '); }),
              HasSubstr("line 3 is not as a run writes it"));
  EXPECT_THAT(refusal_of([](auto& l) { l[2] = "[" + std::string(100, '[') + "]"; }),
              HasSubstr("line 3 is not as a run writes it"));
  EXPECT_THAT(refusal_of([](auto& l) { l.push_back(l.back()); }), HasSubstr("line 13"));
  std::filesystem::resize_file(one.file(), 0);
  EXPECT_THAT(one.refusal(), HasSubstr("no step is recorded there"));
  std::filesystem::resize_file(one.file(), (std::size_t{1} << 30) + 1);
  EXPECT_THAT(one.refusal(), HasSubstr("more than a run writes"));
  std::filesystem::remove(one.file());
  EXPECT_THAT(one.refusal(), HasSubstr("has no commitments.jsonl"));
}

TEST(Verify, RefusesTheCommitmentsOfAnotherRun) {
  Verifying one, other(Options{{"seed", "5"}});
  one.locally();
  other.locally();
  std::filesystem::copy_file(other.file(), one.file(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(one.refusal(), HasSubstr("line 1 does not follow from config.toml"));
}

TEST(Verify, BeginsAtTheFirstCheckpointThatIsThere) {
  Verifying one;
  one.locally();
  for (const std::uint64_t step : {4, 8}) {
    std::filesystem::remove(model_path(one.directory / "run", step));
    EXPECT_EQ(one.verify().agreed, 12U);
  }
  EXPECT_EQ(one.verify().stretches, 1U);
  std::ofstream(model_path(one.directory / "run", 12), std::ios::app) << "x";
  EXPECT_THAT(one.refusal(), HasSubstr("model_step_12"));
}

TEST(Verify, OfARunThatWentOnInAnotherDirectoryBeginsBehindItsOwnCheckpoint) {
  Verifying one;
  one.locally();
  ToyRun second(one.directory / "second",
                with(kTwelve, {{"resume", model_path(one.directory / "run", 4).string()}}));
  second.over_local_engine();
  const Verified verified = second.verify({});
  EXPECT_EQ(verified.agreed, 4U);  // 9 to 12: that of step 4 lies elsewhere
  EXPECT_EQ(verified.too_early, 4U);
  EXPECT_THAT(verified.differences, IsEmpty());
}

TEST(Verify, EndsWhenItIsAskedTo) {
  Verifying one;
  one.locally();
  one.run.stop = true;
  EXPECT_THROW(one.verify(), InterruptedError);
}

}  // namespace
}  // namespace detox
