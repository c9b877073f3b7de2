#include "engine/keys.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

Key placement_root(const RunConfig& config, const Key& root) {
  if (config.placement_key.empty()) return root;
  std::vector<std::byte> secret;
  try {
    secret = read_file(config.placement_key);
  } catch (const InputError& error) {
    throw InputError(fmt::format("--placement-key {}: {}", config.placement_key, error.what()));
  }
  constexpr std::size_t kLeastBytes = 16;
  if (secret.size() < kLeastBytes) {
    throw InputError(fmt::format("--placement-key {}: {} bytes are no secret; at least {}",
                                 config.placement_key, secret.size(), kLeastBytes));
  }
  return key_from_secret(secret);
}

}  // namespace

std::optional<SigningKey> signing_key(const RunConfig& config) {
  if (config.sign_key.empty()) return std::nullopt;
  std::optional<SigningKey> key;
  try {
    key.emplace(config.sign_key);
  } catch (const InputError& error) {
    throw InputError(fmt::format("--sign-key {}", error.what()));
  }
  using std::filesystem::perms;
  std::error_code ignored;
  const perms others = perms::group_read | perms::others_read;
  if ((std::filesystem::status(config.sign_key, ignored).permissions() & others) != perms::none)
    log_warning("--sign-key {0}: other users can read it; chmod 600 {0}", config.sign_key);
  return key;
}

RunKeys run_keys(const RunConfig& config) {
  const Key root = key_from_seed(config.seed);
  const Key placement = placement_root(config, root);
  return {.data = derive_key(root, "data"),
          .attack = derive_key(root, "attack"),
          .probe = derive_key(root, "probe"),
          .initial_weights = derive_key(root, "initial weights"),
          .server = {derive_key(placement, "placement"), derive_key(placement, "buckets")},
          .placement_fingerprint = hex(derive_key(placement, "fingerprint"))};
}

}  // namespace detox
