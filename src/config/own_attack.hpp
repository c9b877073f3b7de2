// An attack that is one of the registry's, or one that another process answers for
// (docs/formats/rule-process.md).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stages/attack/attack.hpp"

namespace detox {

/// The registry's attack of this name, or of a text with a slash the one that answers at this
/// socket, which is opened the first time and stays open: "SOCKET", or "SOCKET@function:DIGEST" of
/// that source and no other. UsageError for an unknown name; InputError, in one line that opens
/// with the socket.
const AttackInfo& attack_named(std::string_view name_or_socket);

/// What attack_named takes and runs record: the name, or SOCKET@function:DIGEST.
std::string recorded_name(const AttackInfo& attack);

/// What digests of runs have in its place: a function is its source, not where it answers.
std::string identity_of(const AttackInfo& attack);

/// InputError where two results for the same input differ in a bit.
void check_repeats(const AttackInfo& attack, std::span<const float> once,
                   std::span<const float> again);

}  // namespace detox
