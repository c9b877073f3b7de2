// What the server would make of the rows of all slices, as far as simulated attackers can know.
#pragma once

#include "detox/workspace.hpp"
#include "round/answer_format.hpp"
#include "stages/attack/attack.hpp"
#include "stages/bucket/hierarchy.hpp"

namespace detox {

/// The configured rules, with buckets of the attackers' own drawing: the server's are secret.
/// Immutable.
class DefenceModel {
 public:
  DefenceModel(const Hierarchy::Options& options, const Key& bucket_key)
      : hierarchy_(options), bucket_key_(bucket_key) {}

  /// Of one step. Rows travel through the format's codec first, as they do to the server. For one
  /// thread; format, pool and workspace outlive it. Scratch beside that of the rules: (k, d)
  /// floats, where the codec is not `none`.
  KnownDefence at(std::uint64_t step, const AnswerFormat& format, ThreadPool& pool,
                  Workspace& workspace) const;

 private:
  Hierarchy hierarchy_;
  Key bucket_key_;
};

}  // namespace detox
