// commitments.sig: what is signed, and what is refused that a run cannot have written.
#include "record/signature_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "detox/errors.hpp"
#include "support/key_files.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kConfiguration(64, 'c');

/// Lines of steps `first` to `last`, as a run writes them.
std::string lines_of(std::uint64_t first, std::uint64_t last, std::string_view state = "state") {
  std::string text;
  Digest before = digest_of(bytes_of(state));
  for (std::uint64_t step = first; step <= last; ++step) {
    const std::string line = commitment_line({step, digest_of(bytes_of(state)), {}}, before);
    before = digest_of(bytes_of(line));
    text += line + "\n";
  }
  return text;
}

class SignatureFile : public testing::Test {
 protected:
  /// What is said of these lines beside the signature of others; nothing where they agree.
  std::string refusal(const CommitmentSignature& signature, const std::string& lines) const {
    return refusal(signature, lines, kConfiguration, public_);
  }
  static std::string refusal(const CommitmentSignature& signature, const std::string& lines,
                             const std::string& configuration, const PublicKey& key) {
    try {
      check_signature(signature, key, RecordedCommitments("lines", lines), configuration);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }
  std::string text(std::uint64_t first, std::uint64_t last) const {
    return signature_text(RecordedCommitments("lines", lines_of(first, last)).chain(kConfiguration),
                          key_);
  }
  CommitmentSignature of(std::uint64_t first, std::uint64_t last) const {
    return parse_signature("file", text(first, last));
  }

  TemporaryDirectory folder_;
  SigningKey key_{put_key(folder_ / "private.pem", kPublishedKey)};
  PublicKey public_{put_key(folder_ / "public.pem", kPublishedPublicKey)};
  PublicKey other_{put_key(folder_ / "other.pem", kOtherPublicKey)};
};

TEST_F(SignatureFile, IsFiveLinesAndTheirSignature) {
  const std::string all = text(1, 8), lines = lines_of(1, 8);
  const std::string last = lines.substr(lines.rfind('{'), lines.size() - 1 - lines.rfind('{'));
  const std::string message = "detox commitments signed 1\nconfiguration " + kConfiguration +
                              "\nsteps 1 to 8\nline " + base64(digest_of(bytes_of(last))) +
                              "\nkey " + std::string(kPublishedFingerprint) + "\n";
  EXPECT_THAT(all, StartsWith(message));
  EXPECT_EQ(all.substr(message.size()), "signature " + base64(key_.sign(bytes_of(message))) + "\n");
}

TEST_F(SignatureFile, IsOfItsKeyRunAndLinesAndOfNoOthers) {
  const std::string lines = lines_of(1, 8);
  EXPECT_EQ(refusal(of(1, 8), lines), "");
  EXPECT_EQ(refusal(of(1, 5), lines), "");  // honestly behind
  EXPECT_THAT(refusal(of(1, 8), lines, kConfiguration, other_), HasSubstr("by another key, 06e3"));
  EXPECT_THAT(refusal(of(1, 8), lines, std::string(64, 'd'), public_),
              HasSubstr("is of another run"));
  EXPECT_THAT(refusal(of(1, 8), lines_of(1, 7)), HasSubstr("steps 1 to 8 were signed, and it has "
                                                           "1 to 7: lines are missing"));
  EXPECT_THAT(refusal(of(1, 8), lines_of(2, 8)), HasSubstr("lines are missing"));
  EXPECT_THAT(refusal(of(1, 8), lines_of(1, 8, "forged")), HasSubstr("not those that were signed"));
}

TEST_F(SignatureFile, StandsForWhatARunWentBackFromAndForWhatItTookAgain) {
  std::string text;
  Digest before = digest_of(bytes_of("start"));
  const auto add = [&](const std::string& line) {
    before = digest_of(bytes_of(line));
    text += line + "\n";
  };
  const Digest state = digest_of(bytes_of("state"));
  const auto signature = [&] {
    return parse_signature(
        "file", signature_text(RecordedCommitments("lines", text).chain(kConfiguration), key_));
  };
  const auto last_signed = [&](const CommitmentSignature& one) {
    return RecordedCommitments("lines", text).last_step_of(one.chain);
  };
  for (std::uint64_t step = 1; step <= 4; ++step) add(commitment_line({step, state, {}}, before));
  const CommitmentSignature first = signature();
  add(back_line({.attempt = 1, .from = 4, .to = 2}, before));
  const CommitmentSignature gone_back = signature();
  EXPECT_EQ(last_signed(gone_back), 2U);
  for (std::uint64_t step = 3; step <= 5; ++step)
    add(commitment_line({step, state, {}, 1}, before));
  EXPECT_EQ(refusal(first, text), "");
  EXPECT_EQ(last_signed(first), 2U);  // of what stands
  EXPECT_EQ(refusal(gone_back, text), "");
  EXPECT_EQ(last_signed(signature()), 5U);
  EXPECT_EQ(RecordedCommitments("lines", text).taken_back(), 2U);
  // To where there is no step yet.
  text.clear();
  before = digest_of(bytes_of("start"));
  add(commitment_line({1, state, {}}, before));
  add(back_line({.attempt = 1, .from = 1, .to = 0}, before));
  EXPECT_EQ(last_signed(signature()), 0U);
  EXPECT_EQ(refusal(signature(), text), "");
  for (const std::string& wrong :
       {back_line({.attempt = 3, .from = 1, .to = 0}, before),
        back_line({.attempt = 2, .from = 1, .to = 1}, before),
        commitment_line({1, state, {}}, before), commitment_line({1, state, {}, 2}, before)}) {
    EXPECT_THROW(RecordedCommitments("lines", text + wrong + "\n"), InputError) << wrong;
  }
}

TEST_F(SignatureFile, LacksNothingWhereTheStepsOfLostLinesWereTakenAgain) {
  const Digest state = digest_of(bytes_of("state"));
  std::string text;
  Digest before = digest_of(bytes_of("start"));
  const auto add = [&](const std::string& line) {
    before = digest_of(bytes_of(line));
    text += line + "\n";
  };
  for (const std::uint64_t step : {1U, 2U, 4U}) add(commitment_line({step, state, {}}, before));
  EXPECT_THROW(RecordedCommitments("lines", text), InputError);
  for (const std::uint64_t to : {3U, 4U, 5U}) {  // what it went back to stands, and is not there
    const std::string back = back_line({.attempt = 1, .from = 6, .to = to}, before);
    EXPECT_THROW(RecordedCommitments("lines", text + back + "\n"), InputError) << to;
  }
  add(back_line({.attempt = 1, .from = 4, .to = 2}, before));
  add(commitment_line({3, state, {}, 1}, before));
  const RecordedCommitments lines("lines", text);
  EXPECT_EQ(lines.last_step(), 3U);
  EXPECT_EQ(lines.taken_back(), 1U);
  const CommitmentSignature signature =
      parse_signature("file", signature_text(lines.chain(kConfiguration), key_));
  EXPECT_EQ(refusal(signature, text), "");
  // The same lines, one of which was cut out.
  std::string cut = text;
  cut.erase(cut.find('\n') + 1, cut.find('\n', cut.find('\n') + 1) - cut.find('\n'));
  EXPECT_THAT(refusal(signature, cut), HasSubstr("line 2 is of step 4, not of step 2"));
}

TEST_F(SignatureFile, IsNobodysWhoAlteredWhatIsSigned) {
  CommitmentSignature signature = of(1, 5);
  signature.chain.last = 8;
  EXPECT_THAT(refusal(signature, lines_of(1, 8)), HasSubstr("it is forged, or was altered"));
  signature = of(1, 8);
  signature.chain.configuration = std::string(64, 'd');
  EXPECT_THAT(refusal(signature, lines_of(1, 8), std::string(64, 'd'), public_),
              HasSubstr("it is forged"));
  signature = of(1, 8);
  signature.key = other_.fingerprint();  // as whoever signs in another's name says
  EXPECT_THAT(refusal(signature, lines_of(1, 8), kConfiguration, other_),
              HasSubstr("it is forged"));
}

TEST_F(SignatureFile, ThatNoRunWritesIsDamaged) {
  const std::string whole = text(1, 8);
  const auto is_refused = [](const std::string& other) {
    try {
      parse_signature("some.sig", other);
    } catch (const InputError& error) {
      EXPECT_STREQ(error.what(), "some.sig is damaged: it is not as a run writes it");
      return true;
    }
    return false;
  };
  const auto changed = [&whole](std::string_view from, std::string_view to) {
    std::string other = whole;
    return other.replace(other.find(from), from.size(), to);
  };
  EXPECT_FALSE(is_refused(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(is_refused(whole.substr(0, size))) << size;
  for (const std::string& other :
       {whole + "\n", " " + whole, whole + whole, changed("signed 1", "signed 2"),
        changed("steps 1 to", "steps 0 to"), changed("steps 1 to", "steps 9 to"),
        changed("steps 1 to", "steps 01 to"), changed("to 8", "to 8 "),
        changed("to 8", "to 18446744073709551616"), changed("to 8", "to -8"), changed("cc", "cC"),
        changed("line ", "line"), changed("key 0", "key "), changed("\nkey", "\r\nkey"),
        changed("=\n", "\n")})
    EXPECT_TRUE(is_refused(other)) << other;
}

TEST_F(SignatureFile, ThatIsNotThereIsNoneAndOneThatIsTooLongIsDamaged) {
  const std::filesystem::path file = folder_ / "commitments.sig";
  EXPECT_FALSE(read_signature(file));
  std::ofstream(file) << text(3, 8);
  EXPECT_EQ(read_signature(file)->chain.first, 3U);
  std::filesystem::resize_file(file, 1 << 20);
  EXPECT_THROW(read_signature(file), InputError);
  std::filesystem::remove(file);
  std::filesystem::create_symlink("nowhere", file);
  EXPECT_THROW(read_signature(file), InputError);
}

}  // namespace
}  // namespace detox
