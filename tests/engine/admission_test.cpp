// Who may take part: workers that agree, and what lies, silence and failures at the start cost.
#include "engine/admission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/simulated/simulated_network.hpp"
#include "detox/errors.hpp"
#include "support/odd_worker.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const AdmissionTerms kAdmissionTerms{"layout", "data", 2, std::chrono::duration<double>(9)};

Statement saying(const std::string& probe, const std::string& profile = "native") {
  return {WorkerFacts{.profile = profile,
                      .layout_digest = "layout",
                      .data_digest = "data",
                      .probe_digest = probe,
                      .host = "host",
                      .processor = "processor"},
          ""};
}

/// One statement a letter: workers with the same letter have the same probe.
std::vector<Statement> probes(std::string_view letters) {
  std::vector<Statement> statements;
  for (const char letter : letters) statements.push_back(saying(std::string(1, letter)));
  return statements;
}

AdmissionTerms terms_for(std::size_t q) {
  AdmissionTerms terms = kAdmissionTerms;
  terms.may_differ = q;
  return terms;
}

std::string reason_of(const Admission& admission, int rank) {
  for (const LeftOut& one : admission.left_out) {
    if (one.rank == rank) return one.reason;
  }
  return "";
}

TEST(Admission, TakesEverybodyWhereAllAgree) {
  const Admission admission = judge(probes("aaaaa"), kAdmissionTerms);
  EXPECT_THAT(admission.ranks, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(admission.profile, "native");
  EXPECT_TRUE(admission.left_out.empty());
}

TEST(Admission, GoesByTheMajorityWhereverItStands) {
  EXPECT_THAT(judge(probes("bacaa"), kAdmissionTerms).ranks, ElementsAre(2, 4, 5));
  EXPECT_THAT(judge(probes("aaabb"), kAdmissionTerms).ranks, ElementsAre(1, 2, 3));
  EXPECT_THAT(judge(probes("bbaaa"), kAdmissionTerms).ranks, ElementsAre(3, 4, 5));
}

TEST(Admission, NeedsExactlyAsManyAsThereAreHonestWorkers) {
  EXPECT_EQ(judge(probes("aaabc"), terms_for(2)).ranks.size(), 3U);
  EXPECT_THROW(judge(probes("aaabc"), terms_for(1)), DisagreementError);
  EXPECT_THROW(judge(probes("aabbc"), terms_for(2)), DisagreementError);
  EXPECT_THROW(judge(probes("aaaab"), terms_for(0)), DisagreementError);
  EXPECT_EQ(judge(probes("aaaab"), terms_for(1)).ranks.size(), 4U);
}

TEST(Admission, TakesTheGroupOfTheLowestRankWhereTwoAreAsLarge) {
  EXPECT_THAT(judge(probes("baab"), terms_for(2)).ranks, ElementsAre(1, 4));
}

TEST(Admission, IsRefusedWhereThereIsNobody) {
  try {
    judge({}, terms_for(1));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "no worker was started beside the server; valid: one or more");
  }
}

TEST(Admission, SaysHowManyAgreeWhereTheyAreTooFew) {
  try {
    judge(probes("aabbc"), kAdmissionTerms);
    FAIL();
  } catch (const DisagreementError& error) {
    EXPECT_EQ(error.exit_code(), 4);
    EXPECT_STREQ(error.what(), "2 of 5 workers compute the same bits, P - q = 3 have to");
  }
}

TEST(Admission, NamesTheNumericsOfWhoDiffers) {
  auto statements = probes("aaa");
  statements.push_back(saying("b", "older\nprocessor"));
  EXPECT_EQ(reason_of(judge(statements, kAdmissionTerms), 4),
            "its probe gradient differs; it computes under 'older?processor', the others under "
            "'native'");
}

TEST(Admission, TellsTheHostsAsTheyAreSaidButShortAndPrintable) {
  auto statements = probes("aaa");
  statements[0].facts->host = "node7\n\x1b[2J";
  statements[1].facts->host = std::string(900, 'h');
  statements[2].facts->host = "";
  statements.push_back({{}, "it failed"});
  const Admission admission = judge(statements, kAdmissionTerms);
  EXPECT_THAT(admission.hosts, ElementsAre("node7??[2J", std::string(64, 'h') + "...", "", ""));
}

TEST(Admission, GoesByBitsAndNotByTheNameOfAProfile) {
  auto statements = probes("aaa");
  statements.push_back(saying("a", "newer library"));
  const Admission admission = judge(statements, kAdmissionTerms);
  EXPECT_THAT(admission.ranks, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(admission.profile, "native");
}

TEST(Admission, ComparesNetworkAndDataWithTheServersOwn) {
  auto statements = probes("aaaaa");
  statements[1].facts->layout_digest = "another network";
  statements[3].facts->data_digest = "other data";
  const Admission admission = judge(statements, kAdmissionTerms);
  EXPECT_THAT(admission.ranks, ElementsAre(1, 3, 5));
  EXPECT_EQ(reason_of(admission, 2),
            "it has a network of digest 'another network', the server 'layout'");
  EXPECT_EQ(reason_of(admission, 4),
            "it has training data of digest 'other data', the server 'data'");
}

TEST(Admission, IsNoMatterOfNumericsWhereTooFewCanTakePart) {
  auto statements = probes("aab");
  statements.push_back({std::nullopt, "no data\x1b[2J here"});
  statements.push_back({std::nullopt, "no data\x1b[2J here"});
  statements.push_back({});
  try {
    judge(statements, kAdmissionTerms);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "3 of 6 workers can take part, P - q = 4 have to: rank 4, 5: no data?[2J here; "
                 "rank 6: no sign of life within 9 s (--start-timeout)");
  }
}

TEST(Admission, OfARunThatGoesOnIsForItsWorkersHoweverManyRanksThereAre) {
  AdmissionTerms terms = terms_for(1);
  terms.workers = 4;
  const Admission more = judge(probes("abaaaa"), terms);
  EXPECT_THAT(more.ranks, ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(reason_of(more, 2), HasSubstr("its probe gradient differs"));
  EXPECT_EQ(reason_of(more, 6), "the run that goes on has 4 workers");
  EXPECT_THAT(judge(probes("aaaa"), terms).ranks, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(judge(probes("aaa"), terms).ranks, ElementsAre(1, 2, 3));
  EXPECT_THAT(judge(probes("abaa"), terms).ranks, ElementsAre(1, 3, 4));
  EXPECT_THROW(judge(probes("aab"), terms), DisagreementError);
  try {
    judge(probes("aa"), terms);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "2 of 2 workers can take part, P - q = 3 have to in this run of P = 4");
  }
}

TEST(Admission, BelievesAProfileThatMoreThanTheLiarsState) {
  auto statements = probes("aaaaaa");
  for (const std::size_t i : {0UL, 3UL}) statements[i].facts->profile = "another";
  statements[5].facts->profile = "a lie";
  const Admission admission = judge(statements, terms_for(1));
  EXPECT_EQ(admission.profile, "native");
  EXPECT_THAT(admission.profiles, ElementsAre("another", "native"));
  AdmissionTerms terms = terms_for(1);
  terms.workers = 2;  // what spare ranks say does not count
  EXPECT_EQ(judge(statements, terms).profiles, std::vector<std::string>{"another"});
}

/// Every one of q liars says what hurts most; the honest ones are admitted in the end.
TEST(Admission, CannotBePreventedByAsManyLiarsAsAreAssumed) {
  const auto lies = [](int lie) -> Statement {
    if (lie == 0) return {};
    if (lie == 1) return {std::nullopt, "I fail"};
    if (lie == 2) return saying("b");
    Statement liar = saying("a");
    if (lie == 3) liar.facts->layout_digest = "x";
    if (lie == 4) liar.facts->data_digest = "x";
    return liar;  // 5: it agrees, and lies later
  };
  for (int first = 0; first < 6; ++first) {
    for (int second = 0; second < 6; ++second) {
      for (std::size_t place = 0; place < 5; ++place) {
        auto statements = probes("aaaaa");
        statements[place] = lies(first);
        statements[(place + 2) % 5] = lies(second);
        const std::size_t admitted = judge(statements, kAdmissionTerms).ranks.size();
        EXPECT_EQ(admitted, 3U + (first == 5 ? 1 : 0) + (second == 5 ? 1 : 0));
      }
    }
  }
}

TEST(Admission, HasATableOfWhoSaysWhatWithTheLargestGroupFirst) {
  auto statements = probes("bca");
  statements[2] = statements[1];
  statements[1].facts->host = "evil\x1b[31m";
  statements[0].facts->processor = "an older one";
  statements.push_back({});
  const std::string table = statement_table(statements);
  EXPECT_THAT(table, HasSubstr("    2  evil?[31m                 c             processor; native\n"
                               "    3  host                      c             processor; native\n"
                               "    1  host                      b             an older one; nat"));
  EXPECT_THAT(table, Not(HasSubstr("    4")));
}

const std::map<std::string, std::string> kNineWorkers = {
    {"workers", "9"}, {"batch-size", "4"}, {"max-steps", "6"}, {"assume-fail", "1"}};

WorkerKit differing_kit() {
  /// Sums in another order, as another instruction set would.
  class OtherLearner final : public ToyLearner {
   public:
    BatchResult gradient(std::span<const float> parameters, std::span<const float> statistics,
                         const Batch& batch, std::span<float> gradient_out,
                         std::span<float> statistics_out) override {
      const BatchResult result =
          ToyLearner::gradient(parameters, statistics, batch, gradient_out, statistics_out);
      gradient_out[3] = std::nextafter(gradient_out[3], 1.0F);
      return result;
    }
  };
  WorkerKit kit = ToyRun::toy_kit();
  kit.learner = std::make_unique<OtherLearner>();
  kit.profile = "another profile";
  return kit;
}

/// As nobody else would answer: takes nothing in but the end.
void deaf_worker(Transport& transport) {
  while (true) {
    const auto received = transport.receive(std::chrono::seconds(30), 1U << 20U);
    if (!received || parse_stop(parse_frame(received->bytes))) return;
  }
}

void failing_worker(Transport& transport) {
  const WorkerKitMaker failing = [](const WorkerWelcome&) -> WorkerKit {
    throw InputError("no data here");
  };
  EXPECT_EQ(serve_as_worker(transport, 30, failing), 1);
}

ToyRun::StandIn at_rank(int wanted, const std::function<void(Transport&)>& worker) {
  return [=](int rank, Transport& transport) {
    if (rank == wanted) worker(transport);
    return rank == wanted;
  };
}

/// What standard error says of a run that finishes, with these in the place of workers.
std::string log_of(ToyRun& run, const ToyRun::StandIn& stand_in) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run.over_network(stand_in), RunEnd::kFinished);
  return testing::internal::GetCapturedStderr();
}

void other_worker(Transport& transport) {
  serve_as_worker(transport, 30, [](const WorkerWelcome&) { return differing_kit(); });
}

TEST(Admission, StartsWithoutAWorkerThatComputesOtherBits) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kNineWorkers);
  const std::string log = log_of(run, at_rank(3, other_worker));
  EXPECT_THAT(run.admitted, ElementsAre(1, 2, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(log, HasSubstr("warning: left out: rank 3: its probe gradient differs; it computes "
                             "under 'another profile', the others under 'toy profile'"));
  EXPECT_THAT(log, HasSubstr("8 workers of 9 take part; worker 1 is rank 1, 2 is rank 2, 3 is "
                             "rank 4, 4 is rank 5"));
  EXPECT_EQ(run.plan().k, 2U);
  EXPECT_EQ(run.rejected_frames, 0U);
}

TEST(Admission, GivesTheBytesOfARunThatNeverHadTheOthers) {
  auto eight = kNineWorkers;
  eight["workers"] = "8";
  eight["worker-fail"] = "1";
  auto nine = kNineWorkers;
  nine["worker-fail"] = "1";
  const MemoryDirectory directory;
  ToyRun expected(directory / "eight", eight);
  expected.over_local_engine();
  ToyRun run(directory / "nine", nine);
  log_of(run, at_rank(3, other_worker));
  EXPECT_EQ(run.final_model(), expected.final_model());
  EXPECT_EQ(run.final_state(), expected.final_state());
}

TEST(Admission, StartsWithoutAWorkerThatFailsAndNamesItsReason) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kNineWorkers);
  EXPECT_THAT(log_of(run, at_rank(9, failing_worker)), HasSubstr("left out: rank 9: no data here"));
  EXPECT_EQ(run.admitted.size(), 8U);
}

TEST(Admission, StartsWithoutASilentWorkerAfterTheTimeLimit) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kNineWorkers);
  run.server_timeout_s = 2;  // those who have spoken are kept by signs of life
  EXPECT_THAT(log_of(run, at_rank(1, deaf_worker)), HasSubstr("left out: rank 1: no sign of life"));
  EXPECT_THAT(run.admitted, ElementsAre(2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(Admission, LeavesOutWhoTalksNonsenseWithoutWaitingForMore) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kNineWorkers);
  const std::string log =
      log_of(run, at_rank(5, [](Transport& transport) {
               transport.send(0, std::make_shared<const FrameBuffer>(100, std::byte{7}));
               transport.send(0, make_digest(1, 0, std::vector<std::byte>(10)));
               transport.send(0, make_ready(R"({"profile": 7})"));
               const WorkerWelcome welcome = await_welcome(transport);
               for (int i = 0; i < 50; ++i) transport.send(0, ToyRun::ready(welcome));
               deaf_worker(transport);
             }));
  EXPECT_THAT(log, HasSubstr("left out: rank 5: what it says of itself is no message"));
  EXPECT_THAT(log, HasSubstr("were no message that belongs there"));
  EXPECT_EQ(run.admitted.size(), 8U);
}

TEST(Admission, TakesWhatCameWhileTheServerItselfWasStopped) {
  SimulatedNetwork network(4, {});
  network.pause(0, 0.01, 60);
  std::vector<int> admitted;
  network.run([&](int rank) {
    if (rank > 0) {
      network.pass(rank, 0.5);
      return network.endpoint(rank).send(0, ToyRun::ready(WorkerWelcome()));
    }
    const AdmissionTerms terms{layout_digest(ToyLearner().layout()), "toy", 0,
                               std::chrono::duration<double>(4)};
    admitted = admit_workers(network.endpoint(0), WorkerWelcome(), terms, false).ranks;
  });
  EXPECT_THAT(admitted, ElementsAre(1, 2, 3));
}

TEST(Admission, KeepsAWorkerThatIsLeftOutUntilTheEndThoughItIsImpatient) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kNineWorkers);
  run.server_timeout_s = 2;
  int exit_code = -1;
  run.after_step = [&](std::uint64_t) { run.pass(0, 0.6); };
  const ToyRun::StandIn stand_in = at_rank(2, [&](Transport& transport) {
    exit_code =
        serve_as_worker(transport, 30, [](const WorkerWelcome&) { return differing_kit(); });
  });
  log_of(run, stand_in);
  EXPECT_EQ(exit_code, 0);
}

TEST(Admission, EndsTheRunWithATableWhereTooFewAgree) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kNineWorkers);
  testing::internal::CaptureStderr();
  try {
    run.over_network([](int rank, Transport& transport) {
      if (rank > 2) return false;
      other_worker(transport);
      return true;
    });
    FAIL();
  } catch (const DisagreementError& error) {
    EXPECT_STREQ(error.what(), "7 of 9 workers compute the same bits, P - q = 8 have to");
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("the workers' probe gradients:\n rank  host"));
  EXPECT_THAT(log, HasSubstr("; another profile\n"));
  EXPECT_FALSE(std::filesystem::exists(directory / "run"));
}

TEST(Admission, IsRefusedWhereTheDefenceDoesNotHoldWithThoseWhoRemain) {
  const MemoryDirectory directory;
  auto three = kNineWorkers;
  three["workers"] = "3";
  ToyRun run(directory / "run", three);
  try {
    run.over_network(at_rank(2, failing_worker));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "the workers that are left are too few: --group-size r = 3 needs P >= r workers: "
                 "P = 2");
  }
}

TEST(Admission, IsInterruptedAndNotFailedWhereItIsStoppedBeforeTheWorkersAreReady) {
  const MemoryDirectory directory;
  ToyRun run(directory / "run", kNineWorkers);
  run.stop = true;
  try {
    run.over_network(at_rank(5, deaf_worker));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 130);
  }
}

}  // namespace
}  // namespace detox
