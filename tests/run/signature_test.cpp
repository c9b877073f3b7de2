// A run signs its commitments, and whoever has the public key sees whose they are and how far.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "detox/errors.hpp"
#include "record/signature_file.hpp"
#include "support/key_files.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_run.hpp"

namespace detox {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Options kSignedTwelve = {{"workers", "9"},    {"worker-fail", "1"}, {"batch-size", "4"},
                               {"max-steps", "12"}, {"eval-freq", "4"},   {"mode", "normal"}};

/// A directory for runs, and keys.
class Signature : public testing::Test {
 protected:
  std::filesystem::path run() const { return folder_ / "run"; }
  std::filesystem::path file() const { return run() / "commitments.sig"; }

  /// Signed by `key`, or by nobody.
  Options options(const std::filesystem::path& key, const Options& more = {}) const {
    return with(with(kSignedTwelve, more), {{"sign-key", key.empty() ? "off" : key.string()}});
  }
  RunEnd train(const std::filesystem::path& key, const Options& more = {},
               std::uint64_t stop_after = 0) {
    ToyRun run(this->run(), options(key, more));
    run.stop_after = stop_after;
    run.resume = true;
    testing::internal::CaptureStderr();
    try {
      const RunEnd end = run.over_local_engine();
      said_ = testing::internal::GetCapturedStderr();
      return end;
    } catch (const std::exception&) {
      said_ = testing::internal::GetCapturedStderr();
      throw;
    }
  }
  std::string refusal_to_train(const std::filesystem::path& key, const Options& more = {}) {
    return refusal([&] { train(key, more); });
  }
  Verified verify(const std::filesystem::path& key) {
    const PublicKey public_key(key);
    return ToyRun(run(), options({})).verify({.key = &public_key});
  }
  std::string refusal_to_verify(const std::filesystem::path& key) {
    return refusal([&] { verify(key); });
  }
  static std::string refusal(const std::function<void()>& what) {
    try {
      what();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      return error.what();
    }
    return "not refused";
  }
  /// How far the run is signed, by the published key.
  std::uint64_t last_signed() { return verify(public_).last_signed; }
  /// As if it had been killed before the checkpoint of this step, with all lines on the disk.
  void lose_checkpoint(std::uint64_t step) const {
    std::filesystem::remove(model_path(run(), step));
    std::filesystem::remove(state_path(run(), step));
  }
  std::vector<std::string> files_of_run() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(run()))
      all.push_back(entry.path().filename().string());
    return all;
  }

  MemoryDirectory folder_;
  std::filesystem::path mine_ = put_key(folder_ / "mine.pem", kPublishedKey),
                        public_ = put_key(folder_ / "public.pem", kPublishedPublicKey),
                        other_ = put_key(folder_ / "other.pem", kOtherKey),
                        other_public_ = put_key(folder_ / "other-public.pem", kOtherPublicKey);
  std::string said_;
};

TEST_F(Signature, IsOfTheWholeRunOnEveryEngineTheSameBytesAndTheKeyIsInNoFileOfTheRun) {
  train(mine_);
  const Verified verified = verify(public_);
  EXPECT_EQ(verified.agreed, 12U);
  EXPECT_EQ(verified.last, 12U);
  EXPECT_EQ(verified.last_signed, 12U);
  ToyRun over_network(folder_ / "network", options(mine_));
  over_network.over_network();
  const std::string text = ToyRun(run(), kSignedTwelve).file("commitments.sig");
  EXPECT_EQ(over_network.file("commitments.sig"), text);
  for (const std::string& name : files_of_run()) {
    const std::string bytes = ToyRun(run(), kSignedTwelve).file(name);
    EXPECT_THAT(bytes, AllOf(Not(HasSubstr("mine.pem")), Not(HasSubstr("MC4CAQAwBQ")))) << name;
  }
  EXPECT_THAT(said_, Not(HasSubstr("mine.pem")));
}

TEST_F(Signature, IsNewAtEachCheckpointAndOfTheLastStepWhenTheRunIsStopped) {
  std::vector<std::uint64_t> signed_after;
  ToyRun run(this->run(), options(mine_));
  run.after_step = [&](std::uint64_t) {
    const auto there = read_signature(file());
    signed_after.push_back(there ? there->chain.last : 0);
  };
  run.stop_after = 10;
  EXPECT_EQ(run.over_local_engine(), RunEnd::kInterrupted);
  // Looked at before the step's own checkpoint.
  EXPECT_THAT(signed_after, testing::ElementsAre(0, 0, 0, 0, 4, 4, 4, 4, 8, 8));
  EXPECT_EQ(last_signed(), 10U);
  train(mine_);
  EXPECT_EQ(last_signed(), 12U);
}

TEST_F(Signature, OfARunThatWasStoppedKilledAndResumedIsThatOfOneThatWasNot) {
  train(mine_);
  const std::string expected = ToyRun(run(), kSignedTwelve).file("commitments.sig");
  // Killed between the signature of step 12 and its checkpoint: it says 12, and so do the lines.
  lose_checkpoint(12);
  EXPECT_EQ(last_signed(), 12U);
  // From here on it says 8, until there is more.
  train(mine_, {}, 9);
  EXPECT_EQ(last_signed(), 9U);
  train(mine_);
  EXPECT_EQ(ToyRun(run(), kSignedTwelve).file("commitments.sig"), expected);
}

TEST_F(Signature, OfARunThatGoesOnFromAnEarlierStepIsNeverOfLinesThatAreGone) {
  train(mine_);
  lose_checkpoint(12);
  ToyRun run(this->run(), options(mine_));
  run.resume = true;
  std::vector<std::uint64_t> signed_after;
  run.after_step = [&](std::uint64_t) {
    signed_after.push_back(read_signature(file())->chain.last);
  };
  run.over_local_engine();
  EXPECT_THAT(signed_after, testing::ElementsAre(8, 8, 8, 8));
}

TEST_F(Signature, IsHonestlyBehindWhereARunGoesOnWithoutItsKey) {
  train(mine_, {}, 8);
  train({});
  EXPECT_THAT(said_, HasSubstr("signs steps 1 to 8; later ones are not signed without --sign-key"));
  const Verified verified = verify(public_);
  EXPECT_EQ(verified.agreed, 12U);
  EXPECT_EQ(verified.last_signed, 8U);
  // What the run has taken without its key is its own all the same.
  train(mine_, {{"max-steps", "13"}});
  EXPECT_EQ(last_signed(), 13U);
}

TEST_F(Signature, OfStepsThatAreTakenAgainWithoutTheKeyIsRemoved) {
  train(mine_);
  lose_checkpoint(12);
  train({});
  EXPECT_THAT(said_,
              HasSubstr("is removed: it signs steps up to 12, and those behind 8 are taken"));
  EXPECT_THAT(refusal_to_verify(public_), HasSubstr("has no commitments.sig"));
}

TEST_F(Signature, BeginsWhereARunGoesOnWithAKeyForTheFirstTime) {
  train({}, {}, 6);
  EXPECT_THAT(refusal_to_verify(public_), HasSubstr("has no commitments.sig: nobody has signed"));
  train(mine_, {}, 7);
  EXPECT_EQ(last_signed(), 7U);
}

TEST_F(Signature, OfAnotherKeyIsNotWrittenOver) {
  train(mine_, {}, 6);
  const std::string before = ToyRun(run(), kSignedTwelve).file("commitments.sig");
  EXPECT_THAT(refusal_to_train(other_), AllOf(HasSubstr("commitments.sig is of another key, 06e3"),
                                              HasSubstr("valid: that key")));
  EXPECT_EQ(ToyRun(run(), kSignedTwelve).file("commitments.sig"), before);
  EXPECT_THAT(refusal_to_verify(other_public_), HasSubstr("is signed by another key"));
  std::filesystem::remove(file());
  train(other_);
  EXPECT_EQ(verify(other_public_).last_signed, 12U);
}

TEST_F(Signature, OfAnotherKeyStaysWhereLinesOfEarlierAttemptsDo) {
  const Options healed = {{"approach", "audit"}, {"workers", "11"},       {"mode", "trimmed-mean"},
                          {"heal", "on"},        {"worker-fail", "2"},    {"assume-fail", "2"},
                          {"audit-rate", "0.3"}, {"err-mode", "rev_grad"}};
  train(mine_, healed);
  for (const std::uint64_t step : {4U, 8U, 12U}) lose_checkpoint(step);
  ToyRun run(this->run(), kSignedTwelve);
  const std::string text = run.file("commitments.sig"), lines = run.file("commitments.jsonl");
  ASSERT_THAT(text, HasSubstr("attempt"));
  ASSERT_TRUE(std::filesystem::exists(model_path(this->run(), 0)));
  EXPECT_THAT(refusal_to_train(other_, healed),
              HasSubstr("commitments.sig is of another key, 06e3"));
  EXPECT_EQ(run.file("commitments.sig"), text);
  EXPECT_EQ(run.file("commitments.jsonl"), lines);
  train(mine_, healed);
  EXPECT_EQ(run.file("commitments.sig"), text);
}

TEST_F(Signature, IsNotRenewedOverLinesThatWereAltered) {
  train(mine_, {}, 6);
  const std::string lines = ToyRun(run(), kSignedTwelve).file("commitments.jsonl");
  const auto write = [&](const std::string& text) {
    std::ofstream(run() / "commitments.jsonl") << text;
  };
  // All of it, with a chain that holds.
  std::string forged;
  Digest before{};
  for (std::uint64_t step = 1; step <= 6; ++step) {
    const std::string line = commitment_line({step, Digest{}, {}}, before);
    before = digest_of(bytes_of(line));
    forged += line + "\n";
  }
  write(forged);
  EXPECT_THAT(refusal_to_train(mine_),
              AllOf(HasSubstr("--sign-key: "), HasSubstr("not those that were signed")));
  EXPECT_THAT(refusal_to_verify(public_), HasSubstr("not those that were signed"));
  // Without the lines of the first steps, with none, and with other words in the signature.
  write(lines.substr(lines.find('\n') + 1));
  EXPECT_THAT(refusal_to_train(mine_), HasSubstr("lines are missing"));
  write(lines);
  std::string text = ToyRun(run(), kSignedTwelve).file("commitments.sig");
  text.replace(text.find("to 6"), 4, "to 5");
  std::ofstream(file()) << text;
  EXPECT_THAT(refusal_to_train(mine_), HasSubstr("was altered"));
  EXPECT_THAT(refusal_to_verify(public_), HasSubstr("it is forged, or was altered"));
  std::ofstream(file()) << "nonsense";
  EXPECT_THAT(refusal_to_train(mine_), HasSubstr("commitments.sig is damaged"));
  EXPECT_THAT(refusal_to_verify(public_), HasSubstr("commitments.sig is damaged"));
}

TEST_F(Signature, OfAnotherRunIsRefused) {
  train(mine_);
  ToyRun other(folder_ / "other-run", options(mine_, {{"seed", "5"}}));
  other.over_local_engine();
  std::filesystem::copy_file(folder_ / "other-run" / "commitments.sig", file(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(refusal_to_verify(public_), HasSubstr("its signature is of another run"));
}

TEST_F(Signature, OfLinesThatWereCutOffIsRefused) {
  train(mine_);
  lose_checkpoint(12);
  std::string lines = ToyRun(run(), kSignedTwelve).file("commitments.jsonl");
  lines.pop_back();
  std::ofstream(run() / "commitments.jsonl") << lines.substr(0, lines.rfind('\n') + 1);
  EXPECT_THAT(refusal_to_verify(public_), HasSubstr("steps 1 to 12 were signed"));
}

TEST_F(Signature, OfARunThatGoesOnInAnotherDirectoryBeginsThere) {
  train(mine_, {}, 4);
  ToyRun second(folder_ / "second", options(other_, {{"resume", model_path(run(), 4).string()}}));
  second.over_local_engine();
  const auto there = read_signature(folder_ / "second" / "commitments.sig");
  ASSERT_TRUE(there);
  EXPECT_EQ(there->chain.first, 5U);
  EXPECT_EQ(there->chain.last, 12U);
}

TEST_F(Signature, OfARunThatEndsInAnErrorIsOfAllItsSteps) {
  // One worker of nine is left from step 6 on.
  EXPECT_THROW(train(mine_, {{"absent", "1:6-12,2:6-12,3:6-12,4:6-12,5:6-12,6:6-12,7:6-12,8:6-12"},
                             {"worker-fail", "0"},
                             {"max-skipped", "2"}}),
               UndefendedError);
  EXPECT_EQ(read_signature(file())->chain.last, 7U);
  std::filesystem::remove_all(run());
  EXPECT_THROW(train(mine_, {{"lr", "1e38"}}), DivergedError);
  const std::string lines = ToyRun(run(), kSignedTwelve).file("commitments.jsonl");
  EXPECT_EQ(read_signature(file())->chain.last,
            static_cast<std::uint64_t>(std::ranges::count(lines, '\n')));
}

TEST_F(Signature, ThatCannotBeWrittenCostsAWarningAndNoCheckpoint) {
  train(mine_, {}, 4);
  std::filesystem::remove(file());
  ToyRun run(this->run(), options(mine_));
  run.resume = true;
  run.after_step = [&](std::uint64_t step) {
    if (step != 5) return;
    std::filesystem::remove(file());
    std::filesystem::create_directory(file());
  };
  testing::internal::CaptureStderr();
  EXPECT_EQ(run.over_local_engine(), RunEnd::kFinished);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("warning: steps up to 8 are not signed: cannot write"));
  EXPECT_TRUE(std::filesystem::exists(model_path(this->run(), 12)));
}

TEST_F(Signature, NeedsAKeyThatTheServerCanUseBeforeAnythingIsWritten) {
  const auto refused = [&](const std::string& text) {
    return refusal_to_train(put_key(folder_ / "bad.pem", text));
  };
  EXPECT_THAT(refused(kRsaKey), AllOf(HasSubstr("--sign-key "), HasSubstr("of type RSA")));
  EXPECT_THAT(refused(kEncryptedKey), HasSubstr("it is encrypted"));
  EXPECT_THAT(refused(kPublishedPublicKey), HasSubstr("a public key"));
  EXPECT_THAT(refusal_to_train("nowhere"), HasSubstr("--sign-key nowhere: cannot open nowhere"));
  EXPECT_THAT(refusal([&] { train(mine_, {{"commit", "off"}}); }), HasSubstr("--commit off"));
  EXPECT_FALSE(std::filesystem::exists(run()));
}

TEST_F(Signature, WarnsOfAKeyThatOthersCanRead) {
  train(mine_, {}, 1);
  EXPECT_THAT(said_, Not(HasSubstr("other users")));
  std::filesystem::permissions(mine_, std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  train(mine_, {}, 2);
  EXPECT_THAT(said_, HasSubstr("other users can read it; chmod 600 "));
}

}  // namespace
}  // namespace detox
