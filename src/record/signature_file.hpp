// commitments.sig (docs/formats/run-directory.md): whose a file of commitments is, up to a step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/ed25519.hpp"
#include "record/commitments_file.hpp"

namespace detox {

struct CommitmentSignature {
  CommitmentChain chain;
  std::string key;  ///< the fingerprint, as whoever wrote the file says
  SignatureBytes bytes{};
};

/// The file's text.
std::string signature_text(const CommitmentChain& chain, const SigningKey& key);

/// Any text may come in; InputError, naming the file, unless it is as signature_text() writes it.
CommitmentSignature parse_signature(const std::string& name, std::string_view text);

/// Empty where there is no such file; InputError as above.
std::optional<CommitmentSignature> read_signature(const std::filesystem::path& file);

/// InputError unless the signature is this key's, for this configuration and these lines.
void check_signature(const CommitmentSignature& signature, const PublicKey& key,
                     const RecordedCommitments& lines, const std::string& configuration);

/// The signature of a run that goes on. For one thread.
class RunSignature {
 public:
  /// Behind `journal`, which goes on from round `from`. A signature for later ones is removed,
  /// since their lines are gone. With a key, the lines that stay are signed; without one (null), a
  /// line says what is signed and what is not. InputError where a file cannot be read or removed,
  /// or where the lines are none that a run writes, or not those that this key has signed before.
  /// `journal` may be null where `key` is.
  RunSignature(std::filesystem::path file, const SigningKey* key, const CommitmentJournal* journal,
               std::uint64_t from);

  /// Signs all lines that there are, where there is a key. InputError where that cannot be written;
  /// the signature before then stays.
  void renew();

 private:
  std::filesystem::path file_;
  const SigningKey* key_;
  const CommitmentJournal* journal_;
  std::optional<Digest> last_;  ///< line that is signed
};

}  // namespace detox
