#include "record/signature_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostSignatureBytes = 1024, kHexDigits = 64;

/// What is signed, and the file's first lines.
std::string signed_text(const CommitmentChain& chain, std::string_view key) {
  const std::string attempt =
      chain.attempt > 0 ? fmt::format("attempt {}\n", chain.attempt) : std::string();
  return fmt::format(
      "detox commitments signed 1\nconfiguration {}\nsteps {} to {}\n{}line {}\nkey {}\n",
      chain.configuration, chain.first, chain.last, attempt, base64(chain.line), key);
}

std::string whole_text(const CommitmentChain& chain, std::string_view key,
                       const SignatureBytes& bytes) {
  return fmt::format("{}signature {}\n", signed_text(chain, key), base64(bytes));
}

/// What stands behind `before`, up to the next space or newline, which goes too.
std::string_view take_word(std::string_view& text, std::string_view before) {
  if (!text.starts_with(before)) return {};
  text.remove_prefix(before.size());
  const std::string_view word = text.substr(0, text.find_first_of(" \n"));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

std::uint64_t whole_number(std::string_view word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() ? number : 0;
}

bool is_fingerprint(std::string_view word) {
  return word.size() == kHexDigits &&
         word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// That the line of the last signed step is the one that was signed.
void check_line(const CommitmentSignature& signature, const RecordedCommitments& lines) {
  const CommitmentChain& chain = signature.chain;
  if (lines.first_step() != chain.first || lines.last_round() < chain.round()) {
    throw InputError(
        fmt::format("{}: steps {} to {} were signed, and it has {} to {}: lines are missing",
                    lines.name(), chain.first, chain.last, lines.first_step(), lines.last_step()));
  }
  if (lines.last_step_of(chain)) return;
  throw InputError(
      fmt::format("{}: the lines up to step {} are not those that were signed: they were altered, "
                  "or are another run's",
                  lines.name(), chain.last));
}

/// The same, of a signature that is to go on.
void check_own(const CommitmentSignature& signature, const SigningKey& key,
               const RecordedCommitments& lines) {
  // Of one key and text there is one signature.
  if (key.sign(bytes_of(signed_text(signature.chain, signature.key))) != signature.bytes) {
    throw InputError(
        fmt::format("{}: its signature is not of this key, or was altered", lines.name()));
  }
  check_line(signature, lines);
}

}  // namespace

std::string signature_text(const CommitmentChain& chain, const SigningKey& key) {
  return whole_text(chain, key.fingerprint(),
                    key.sign(bytes_of(signed_text(chain, key.fingerprint()))));
}

CommitmentSignature parse_signature(const std::string& name, std::string_view text) {
  CommitmentSignature read;
  std::string_view rest = text;
  take_word(rest, "detox commitments signed ");
  read.chain.configuration = take_word(rest, "configuration ");
  read.chain.first = whole_number(take_word(rest, "steps "));
  read.chain.last = whole_number(take_word(rest, "to "));
  read.chain.attempt = whole_number(take_word(rest, "attempt "));
  const auto line = digest_from_base64(take_word(rest, "line "));
  read.key = take_word(rest, "key ");
  const bool is_whole = bytes_from_base64(take_word(rest, "signature "), read.bytes) && line &&
                        is_fingerprint(read.chain.configuration) && is_fingerprint(read.key) &&
                        read.chain.first > 0 &&
                        read.chain.first <= read.chain.last + (read.chain.attempt > 0 ? 1 : 0) &&
                        read.chain.attempt <= kMostAttempts &&
                        read.chain.last == step_of_round(read.chain.last);
  if (line) read.chain.line = *line;
  if (is_whole && whole_text(read.chain, read.key, read.bytes) == text) return read;
  throw InputError(fmt::format("{} is damaged: it is not as a run writes it", name));
}

std::optional<CommitmentSignature> read_signature(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(file, ignored))) return std::nullopt;
  if (fs::file_size(file, ignored) > kMostSignatureBytes && !ignored)
    throw InputError(fmt::format("{} is damaged: it is too long", file.string()));
  const std::vector<std::byte> bytes = read_file(file);
  return parse_signature(file.string(), text_of(bytes));
}

void check_signature(const CommitmentSignature& signature, const PublicKey& key,
                     const RecordedCommitments& lines, const std::string& configuration) {
  if (signature.key != key.fingerprint()) {
    throw InputError(fmt::format("{} is signed by another key, {}; this one is {}", lines.name(),
                                 signature.key, key.fingerprint()));
  }
  if (!key.has_signed(bytes_of(signed_text(signature.chain, signature.key)), signature.bytes)) {
    throw InputError(fmt::format("{}: its signature is not of key {}: it is forged, or was altered",
                                 lines.name(), signature.key));
  }
  if (signature.chain.configuration != configuration) {
    throw InputError(
        fmt::format("{}: its signature is of another run: options, data or placement key are "
                    "others",
                    lines.name()));
  }
  check_line(signature, lines);
}

RunSignature::RunSignature(fs::path file, const SigningKey* key, const CommitmentJournal* journal,
                           std::uint64_t from)
    : file_(std::move(file)), key_(key), journal_(journal) {
  std::optional<CommitmentSignature> there = read_signature(file_);
  if (there && there->chain.round() > from) {
    std::error_code error;
    if (!fs::remove(file_, error))
      throw InputError(fmt::format("cannot remove {}: {}", file_.string(), error.message()));
    if (key_ == nullptr) {
      log_warning(
          "{} is removed: it signs steps up to {}, and those behind {} are taken again "
          "without --sign-key",
          file_.string(), there->chain.last, step_of_round(from));
    }
    there.reset();
  } else if (there && key_ == nullptr) {
    log_warning("{} signs steps {} to {}; later ones are not signed without --sign-key",
                file_.string(), there->chain.first, there->chain.last);
  }
  if (key_ == nullptr || !journal_->chain()) return;
  try {
    const RecordedCommitments lines(journal_->file());
    if (there) check_own(*there, *key_, lines);
  } catch (const InputError& error) {
    throw InputError(fmt::format("--sign-key: {}; valid: without it", error.what()));
  }
  renew();
}

void RunSignature::renew() {
  if (key_ == nullptr || !journal_->chain() || journal_->chain()->line == last_) return;
  write_atomically(file_, signature_text(*journal_->chain(), *key_));
  last_ = journal_->chain()->line;
}

}  // namespace detox
