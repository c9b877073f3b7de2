// The keys of a run, all from its seed (SPEC.md, randomness by name). Derived here and nowhere
// else.
#pragma once

#include <optional>
#include <string>

#include "base/ed25519.hpp"
#include "config/run_config.hpp"
#include "detox/random.hpp"
#include "round/server_round.hpp"

namespace detox {

struct RunKeys {
  Key data, attack, probe, initial_weights;
  ServerKeys server;                  ///< from --placement-key where there is one
  std::string placement_fingerprint;  ///< tells two placement keys apart, and reveals nothing else
};

/// That of --sign-key, if there is one; warns where others can read it. InputError where it is
/// none.
std::optional<SigningKey> signing_key(const RunConfig& config);

/// InputError where the file of --placement-key cannot be read or is too short for a secret.
RunKeys run_keys(const RunConfig& config);

}  // namespace detox
