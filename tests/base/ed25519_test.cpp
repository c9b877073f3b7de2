#include "base/ed25519.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "detox/errors.hpp"
#include "support/key_files.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What a key's constructor says of this text; nothing where it takes it.
template <class Key>
std::string refusal_of(const std::string& text) {
  const TemporaryDirectory folder;
  const std::filesystem::path file = put_key(folder / "some.pem", text);
  try {
    const Key key(file);
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("some.pem: "), Not(HasSubstr("\n"))));
    return error.what();
  }
  return "";
}

TEST(Ed25519, MakesThePublishedSignatureOfThePublishedKey) {
  const TemporaryDirectory folder;
  const SigningKey key(put_key(folder / "private.pem", kPublishedKey));
  const PublicKey its(put_key(folder / "public.pem", kPublishedPublicKey));
  const SignatureBytes signature = key.sign({});
  EXPECT_EQ(
      hex(signature),
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
      "f9b46bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_TRUE(its.has_signed({}, signature));
  EXPECT_EQ(key.fingerprint(), kPublishedFingerprint);
  EXPECT_EQ(its.fingerprint(), kPublishedFingerprint);
}

TEST(Ed25519, KnowsNoOtherSignatureTextOrKey) {
  const TemporaryDirectory folder;
  const SigningKey key(put_key(folder / "private.pem", kPublishedKey));
  const PublicKey its(put_key(folder / "public.pem", kPublishedPublicKey)),
      another(put_key(folder / "other.pem", kOtherPublicKey));
  SignatureBytes signature = key.sign(bytes_of("text"));
  EXPECT_TRUE(its.has_signed(bytes_of("text"), signature));
  EXPECT_FALSE(its.has_signed(bytes_of("texT"), signature));
  EXPECT_FALSE(another.has_signed(bytes_of("text"), signature));
  signature.back() ^= std::byte{1};
  EXPECT_FALSE(its.has_signed(bytes_of("text"), signature));
}

TEST(Ed25519, SaysWhatAFileHoldsThatIsNoPrivateKeyOfItAndAsksNobodyForAPassphrase) {
  EXPECT_THAT(refusal_of<SigningKey>(kRsaKey), HasSubstr("a key of type RSA; valid: Ed25519"));
  EXPECT_THAT(refusal_of<SigningKey>(kPublishedPublicKey), HasSubstr("a public key"));
  EXPECT_THAT(refusal_of<SigningKey>(kEncryptedKey), HasSubstr("it is encrypted"));
  EXPECT_THAT(refusal_of<SigningKey>(""), HasSubstr("no private key in PEM"));
  EXPECT_THAT(refusal_of<SigningKey>(std::string(64, '\0')), HasSubstr("no private key in PEM"));
  EXPECT_THAT(refusal_of<SigningKey>(kPublishedKey.substr(0, 60)),
              HasSubstr("no private key in PEM"));
  EXPECT_THAT(refusal_of<SigningKey>(std::string(70000, 'x')), HasSubstr("too long for a key"));
}

TEST(Ed25519, SaysWhatAFileHoldsThatIsNoPublicKeyOfIt) {
  EXPECT_THAT(refusal_of<PublicKey>(kRsaPublicKey), HasSubstr("a key of type RSA"));
  EXPECT_THAT(refusal_of<PublicKey>(kPublishedKey), HasSubstr("a private key; valid: its public"));
  EXPECT_THAT(refusal_of<PublicKey>(kEncryptedKey), HasSubstr("a private key"));
  EXPECT_THAT(refusal_of<PublicKey>("nothing"), HasSubstr("no public key in PEM"));
}

TEST(Ed25519, SaysThatAFileCannotBeRead) {
  const TemporaryDirectory folder;
  const auto refusal = [&](const char* name) {
    try {
      const PublicKey key(folder / name);
    } catch (const InputError& error) {
      EXPECT_THROW(SigningKey(folder / name), InputError);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal("nowhere"), HasSubstr("nowhere: cannot open "));
  std::filesystem::create_directory(folder / "inner");
  EXPECT_THAT(refusal("inner"), HasSubstr("is not a regular file"));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal("pipe"), HasSubstr("is not a regular file"));
}

}  // namespace
}  // namespace detox
