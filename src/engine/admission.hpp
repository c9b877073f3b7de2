// Who takes part in a run. Every worker computes a probe gradient and says what came out; those
// that compute the same bits are admitted, and the others are left out and named.
//
// The server's own network and data are what a worker's are compared with: the server is trusted,
// and a run is of its files. Its numerics are no measure, because it computes no gradient: which
// bits count is what most workers say. So it may run on another processor than all of them.
//
// Up to q ranks may say anything or nothing. Where the P - q others agree, no lie keeps them from
// being admitted; at the worst it costs the time limit. Who lies well enough to be admitted is a
// Byzantine worker like any other.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/transport.hpp"
#include "engine/worker_settings.hpp"

namespace detox {

struct AdmissionTerms {
  std::string layout_digest, data_digest;  ///< the server's own
  std::size_t may_differ = 0;              ///< q < P
  std::chrono::duration<double> time_limit{600};
  std::optional<std::size_t> workers =
      {};  ///< P of a run that goes on; else as many as there are ranks
};

/// What a rank claims at the start. Without facts and failure it was silent.
struct Statement {
  std::optional<WorkerFacts> facts;
  std::string failure;  ///< why it cannot take part: its own line, or that it made no sense
};

struct LeftOut {
  int rank = 0;
  std::string reason;                ///< one line of printable ASCII
  bool computes_other_bits = false;  ///< fit to take part, but for its numerics
};

struct Admission {
  std::vector<int> ranks;             ///< admitted, ascending
  std::string profile;                ///< theirs: the most frequent text, printable ASCII
  std::vector<std::string> profiles;  ///< that one and those that more than q of them state
  std::string probe_digest;           ///< theirs, of the probe gradient
  std::vector<std::string> hosts;     ///< of rank i + 1, as it says: a short line of printable
                                      ///< ASCII for people; empty where it says none
  std::vector<LeftOut> left_out;
  std::uint64_t rejected_frames = 0;  ///< no message that belongs here: counted, never an error
};

/// The decision alone; statements[i] is rank i + 1's. InputError where fewer than P - q have the
/// server's network and data; DisagreementError where there are so many, but fewer than P - q of
/// them have the same probe gradient. A run that goes on takes at most P, those of the lowest
/// ranks.
Admission judge(std::span<const Statement> statements, const AdmissionTerms& terms);

/// Who said what, for people: one row a rank that stated anything, those who agree side by side
/// and the largest group first.
std::string statement_table(std::span<const Statement> statements);

/// Welcomes everybody, hears each until it has spoken or the time is over, and judges. Says on
/// standard error who is left out and why, and which worker then is which rank unless a run that
/// goes on has more workers; and the table,
/// where too few agree. Throws as judge() does, and InterruptedError where `stop` comes first.
Admission admit_workers(Transport& transport, const WorkerWelcome& welcome,
                        const AdmissionTerms& terms, const std::atomic<bool>& stop);

}  // namespace detox
