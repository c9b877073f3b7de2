// Every step leaves a line that binds the run to its weights and answers, the same on every engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "record/checkpoint.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using testing::SizeIs;

const Options kTen = {{"workers", "9"},    {"worker-fail", "2"}, {"batch-size", "4"},
                      {"max-steps", "10"}, {"eval-freq", "4"},   {"momentum", "0.9"}};

/// What a run leaves in commitments.jsonl.
template <class Run>
std::string commitments_of(const Options& options, const Run& run) {
  const MemoryDirectory directory;
  ToyRun toy(directory / "run", options);
  run(toy);
  return toy.file("commitments.jsonl");
}

std::string locally(const Options& options, std::size_t threads = 2) {
  return commitments_of(options, [&](ToyRun& run) {
    run.threads = threads;
    run.over_local_engine();
  });
}

std::string over_network(const Options& options, std::size_t chunk_bytes) {
  return commitments_of(options, [&](ToyRun& run) {
    run.chunk_bytes = chunk_bytes;
    run.over_network();
  });
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string field(const std::string& line, const char* name) {
  return nlohmann::json::parse(line).at(name).get<std::string>();
}

/// As docs/formats/run-directory.md has it, for vectors shorter than a chunk: one chunk a vector.
std::string documented_state(const Checkpoint& checkpoint) {
  const auto bytes = [](const auto& values) { return std::as_bytes(std::span(values)); };
  const auto in_one_chunk = [&](std::span<const std::byte> chunk) {
    return digest_of(chunk.empty() ? chunk : std::span<const std::byte>(digest_of(chunk)));
  };
  std::vector<float> weights = checkpoint.model.parameters;
  weights.insert(weights.end(), checkpoint.model.statistics.begin(),
                 checkpoint.model.statistics.end());
  const Digest w = in_one_chunk(bytes(weights)), c = digest_of(bytes(checkpoint.model.counters));
  const Digest m = in_one_chunk(bytes(checkpoint.state.momentum));
  const Digest l = in_one_chunk(bytes(checkpoint.state.last_aggregate));
  std::string all = "detox state after step " + std::to_string(checkpoint.state.step) + "\n";
  for (const Digest& part : {w, c, m, l}) all += text_of(part);
  return base64(digest_of(bytes_of(all)));
}

TEST(Commitments, AreAChainOfOneLineAStepFromTheFirst) {
  const std::vector<std::string> lines = lines_of(locally(kTen));
  ASSERT_THAT(lines, SizeIs(10));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(nlohmann::json::parse(lines[i])["step"], i + 1);
    EXPECT_EQ(field(lines[i], "state").size(), 44U);
    if (i > 0) {
      EXPECT_EQ(field(lines[i], "before"), base64(digest_of(bytes_of(lines[i - 1]))));
      EXPECT_NE(field(lines[i], "state"), field(lines[i - 1], "state"));
      EXPECT_NE(field(lines[i], "answers"), field(lines[i - 1], "answers"));
    }
  }
}

TEST(Commitments, BindToTheWeightsAndTheMomentumOfTheCheckpointsAsDocumented) {
  for (const Options& more :
       {Options{}, Options{{"mode", "centered-clipping"}, {"clip-start", "last"}}}) {
    const MemoryDirectory directory;
    ToyRun run(directory / "run", with(kTen, more));
    run.over_local_engine();
    const std::vector<std::string> lines = lines_of(run.file("commitments.jsonl"));
    const std::vector<std::uint64_t> steps = list_checkpoints(directory / "run");
    ASSERT_THAT(steps, testing::ElementsAre(4, 8, 10));
    for (const std::uint64_t step : steps) {
      const Checkpoint checkpoint =
          load_checkpoint(model_path(directory / "run", step), ToyLearner().layout());
      EXPECT_EQ(checkpoint.state.last_aggregate.empty(), more.empty());
      EXPECT_EQ(field(lines[step - 1], "state"), documented_state(checkpoint)) << step;
    }
  }
}

TEST(Commitments, AreTheSameBytesOnEveryEngineWhateverThreadsChunksAndVotes) {
  for (const Options& more :
       {Options{}, Options{{"lazy", "on"}}, Options{{"approach", "maj_vote"}},
        Options{{"approach", "baseline"}, {"mode", "krum"}},
        Options{{"workers", "15"}, {"num-aggregate", "4"}}, Options{{"momentum", "0"}}}) {
    const Options options = with(kTen, more);
    const std::string expected = locally(options, 1);
    EXPECT_THAT(lines_of(expected), SizeIs(10));
    EXPECT_EQ(locally(options, 3), expected);
    if (more.contains("num-aggregate")) continue;  // over a network the first to come are used
    EXPECT_EQ(over_network(with(options, {{"vote", "bytes"}}), ToyRun::kToyChunkBytes), expected);
    EXPECT_EQ(over_network(options, ToyRun::kToyChunkBytes), expected);
    EXPECT_EQ(over_network(options, kChunkBytes), expected);
  }
}

TEST(Commitments, AreTheSameBytesInARunThatWasStoppedKilledOrRepeated) {
  const std::string expected = locally(kTen);
  const MemoryDirectory directory;
  ToyRun first(directory / "run", kTen);
  first.stop_after = 6;
  EXPECT_EQ(first.over_local_engine(), RunEnd::kInterrupted);
  ToyRun second(directory / "run", kTen);
  second.resume = true;
  second.over_network();
  EXPECT_EQ(second.file("commitments.jsonl"), expected);
  // Killed after step 10, with a broken line behind it, it goes on from step 8.
  std::filesystem::remove(model_path(directory / "run", 10));
  std::ofstream(directory / "run" / "commitments.jsonl", std::ios::app) << "{\"step\":11,\"sta";
  ToyRun third(directory / "run", kTen);
  third.resume = true;
  third.over_local_engine();
  EXPECT_EQ(third.file("commitments.jsonl"), expected);
  ToyRun again(directory / "again", with(kTen, {{"replay", (directory / "run").string()}}));
  again.over_local_engine();
  EXPECT_EQ(again.file("commitments.jsonl"), expected);
}

TEST(Commitments, OfAnotherRunDifferFromTheFirstLine) {
  const std::string one = lines_of(locally(kTen)).front();
  for (const Options& more :
       {Options{{"seed", "5"}}, Options{{"lr", "0.02"}}, Options{{"weight-decay", "0.5"}}}) {
    const std::string other = lines_of(locally(with(kTen, more))).front();
    EXPECT_NE(field(other, "state"), field(one, "state"));
    EXPECT_NE(field(other, "before"), field(one, "before"));
    // The answers of the first step are those of the first weights and the data.
    EXPECT_EQ(field(other, "answers") == field(one, "answers"), !more.contains("seed"));
  }
}

TEST(Commitments, HaveALineForASkippedStep) {
  // Two of nine are left in steps 3 and 4: no slice of three has a majority.
  const std::string text = locally(with(kTen, {{"worker-fail", "0"},
                                               {"absent",
                                                "1:3-4,2:3-4,3:3-4,4:3-4,5:3-4,6:3-4,"
                                                "7:3-4"}}));
  const std::vector<std::string> lines = lines_of(text);
  ASSERT_THAT(lines, SizeIs(10));
  // Of no answers, and of the weights of step 2, but as those after step 3.
  const std::string nothing =
      base64(digest_of(bytes_of(std::string_view("detox answers of step 3\n"))));
  EXPECT_EQ(field(lines[2], "answers"), nothing);
  EXPECT_NE(field(lines[2], "state"), field(lines[1], "state"));
}

TEST(Commitments, OfWeightsAloneLeaveTheAnswersOutAndOffLeavesNoFile) {
  const std::vector<std::string> all = lines_of(locally(kTen));
  const std::vector<std::string> weights = lines_of(locally(with(kTen, {{"commit", "weights"}})));
  ASSERT_EQ(all.size(), weights.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(field(weights[i], "state"), field(all[i], "state"));
    EXPECT_FALSE(nlohmann::json::parse(weights[i]).contains("answers"));
  }
  const MemoryDirectory directory;
  ToyRun off(directory / "run", with(kTen, {{"commit", "off"}}));
  off.over_local_engine();
  EXPECT_FALSE(std::filesystem::exists(directory / "run" / "commitments.jsonl"));
}

TEST(Commitments, AreDroppedBehindTheStepThatARunGoesOnFromWithoutThem) {
  const MemoryDirectory directory;
  ToyRun first(directory / "run", kTen);
  first.over_local_engine();
  std::filesystem::remove(model_path(directory / "run", 10));
  ToyRun second(directory / "run", with(kTen, {{"commit", "off"}}));
  second.resume = true;
  second.over_local_engine();
  EXPECT_THAT(second.journal("commitments.jsonl"), SizeIs(8));
}

TEST(Commitments, OfEightyThousandStepsAreBelowTwentyMegabytes) {
  const std::string line = lines_of(locally(kTen)).back();
  const std::size_t longest = line.size() + 1 + std::string("80000").size() - 2;
  EXPECT_LT(80000 * longest, 20'000'000U);
}

}  // namespace
}  // namespace detox
