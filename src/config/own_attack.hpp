// An attack that is one of the registry's, or a user's own: what another process answers for, or a
// file of Python (docs/formats/rule-process.md).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stages/attack/attack.hpp"

namespace detox {

/// The registry's attack of this name, or a user's own, which is opened the first time and stays
/// open: of a text with a slash the one that answers at this socket, of one that ends in ".py" the
/// one of this file. "SOCKET@function:DIGEST", "FILE@sha256:DIGEST": of that source and no other. A
/// file is read and not run. UsageError for an unknown name; InputError, in one line that opens
/// with the place.
const AttackInfo& attack_named(std::string_view name_or_place);

/// Whether it is of a file, which each process that attacks can load.
bool is_of_file(const AttackInfo& attack);

/// Of a file: starts Python, which runs it, unless that has happened. InputError where there is no
/// Python or no attack. Every attacker does this before a run.
void load_attack(const AttackInfo& attack);

/// What attack_named takes and runs record: the name, or the place and what is there.
std::string recorded_name(const AttackInfo& attack);

/// What digests of runs have in its place: a user's own is its source, not where it is.
std::string identity_of(const AttackInfo& attack);

/// InputError where two results for the same input differ in a bit.
void check_repeats(const AttackInfo& attack, std::span<const float> once,
                   std::span<const float> again);

}  // namespace detox
