#include "engine/admission.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/log.hpp"
#include "base/names.hpp"
#include "comm/frame.hpp"
#include "detox/errors.hpp"
#include "engine/attentive_clock.hpp"
#include "exchange/signs_of_life.hpp"

namespace detox {
namespace {

constexpr std::chrono::milliseconds kHearingPoll(100);
constexpr std::size_t kLongestText = 300;
constexpr std::uint64_t kMostFrames = 100;  // of one rank: an honest one sends two at most

/// Rounds of an assembly: everybody is welcomed and then heard once.
class Hearing {
 public:
  Hearing(Transport& transport, double patience_s)
      : transport_(transport),
        statements_(static_cast<std::size_t>(transport.size() - 1)),
        spoken_(statements_.size()),
        to_waiting_(transport) {
    to_waiting_.start(patience_s);
  }

  void hear(double time_limit_s, const std::atomic<bool>& stop) {
    const Clock& clock = transport_.clock();
    const auto begin = clock.now();
    AttentiveClock attentive;
    attentive.begin(begin, time_limit_s);
    const auto elapsed = [&] { return attentive.look(clock.now()) - begin; };
    const std::chrono::duration<double> time_limit(time_limit_s);
    while (std::ranges::find(spoken_, false) != spoken_.end() && elapsed() < time_limit) {
      if (stop) throw InterruptedError("stopped before the workers were ready");
      to_waiting_.give(waiting_);
      const auto received = transport_.receive(kHearingPoll, kFrameHeaderBytes + kMaxTextBytes);
      if (received && received->from >= 1 && received->from < transport_.size()) take(*received);
      watch_volume();
    }
  }

  const std::vector<Statement>& statements() const { return statements_; }
  std::uint64_t rejected_frames() const { return rejected_frames_; }

 private:
  /// Whoever sends what no worker sends is left out; where it has spoken, the run will see to it.
  void watch_volume() {
    for (int rank = 1; rank < transport_.size(); ++rank) {
      if (transport_.peer(rank).offered > kMostFrames) transport_.shut_out(rank);
      const auto index = static_cast<std::size_t>(rank - 1);
      if (spoken_[index] || !transport_.peer(rank).shut_out) continue;
      spoken_[index] = true;
      statements_[index].failure = "what it sends is nothing that a worker sends";
    }
  }

  /// The first statement of a rank counts.
  void take(const ReceivedFrame& received) {
    const auto index = static_cast<std::size_t>(received.from - 1);
    if (spoken_[index]) {
      ++rejected_frames_;
      return;
    }
    const FrameView frame = parse_frame(received.bytes);
    Statement statement;
    if (const auto failure = parse_failure(frame)) {
      statement.failure = failure->line.empty() ? "it failed and does not say why" : failure->line;
    } else if (const auto text = parse_ready(frame)) {
      statement.facts = facts_from_json(*text);
      if (!statement.facts) statement.failure = "what it says of itself is no message of this run";
    }
    if (!statement.facts && statement.failure.empty()) {
      ++rejected_frames_;
      return;
    }
    spoken_[index] = true;
    waiting_.push_back(received.from);
    statements_[index] = std::move(statement);
  }

  Transport& transport_;
  std::vector<Statement> statements_;
  std::vector<bool> spoken_;
  std::vector<int>
      waiting_;  ///< ranks that have spoken: they hear nothing while others are awaited
  SignsOfLife to_waiting_;
  std::uint64_t rejected_frames_ = 0;
};

/// Why this one cannot take part whatever its numerics are; empty where it can.
std::string unfit(const Statement& statement, const AdmissionTerms& terms) {
  if (!statement.failure.empty()) return printable(statement.failure, kMaxFailureBytes);
  if (!statement.facts) {
    return fmt::format("no sign of life within {:.0f} s (--start-timeout)",
                       terms.time_limit.count());
  }
  const auto differs = [](std::string_view what, const std::string& theirs,
                          const std::string& ours) {
    return fmt::format("it has {} of digest '{}', the server '{}'", what, printable(theirs), ours);
  };
  const WorkerFacts& facts = *statement.facts;
  if (facts.layout_digest != terms.layout_digest)
    return differs("a network", facts.layout_digest, terms.layout_digest);
  if (facts.data_digest != terms.data_digest)
    return differs("training data", facts.data_digest, terms.data_digest);
  return {};
}

/// The ranks among these by the digest of their probe, the largest group first; of equal ones that
/// with the lowest rank.
std::vector<std::vector<int>> groups_of(std::span<const Statement> statements,
                                        const std::vector<int>& ranks) {
  std::map<std::string_view, std::vector<int>> by_digest;
  for (const int rank : ranks) {
    by_digest[statements[static_cast<std::size_t>(rank - 1)].facts->probe_digest].push_back(rank);
  }
  std::vector<std::vector<int>> groups;
  groups.reserve(by_digest.size());
  for (auto& [digest, members] : by_digest) groups.push_back(std::move(members));
  std::ranges::sort(groups, [](const std::vector<int>& a, const std::vector<int>& b) {
    return a.size() != b.size() ? a.size() > b.size() : a.front() < b.front();
  });
  return groups;
}

/// Sets what the admitted say of their profile. Equal bits can come of several: of the q, none is
/// believed alone.
void set_profiles(std::span<const Statement> statements, std::size_t q, Admission& admission) {
  std::map<std::string_view, std::size_t> count;
  std::string_view best;
  for (const int rank : admission.ranks) {
    const std::string& profile = statements[static_cast<std::size_t>(rank - 1)].facts->profile;
    if (++count[profile] > count[best]) best = profile;
  }
  admission.profile = printable(best, kLongestText);
  for (const auto& [profile, stated] : count) {
    if (profile == best || stated > q)
      admission.profiles.push_back(printable(profile, kLongestText));
  }
}

std::vector<std::string> hosts_of_ranks(std::span<const Statement> statements) {
  constexpr std::size_t kLongestHost = 64;  // Linux allows no longer one
  std::vector<std::string> hosts;
  hosts.reserve(statements.size());
  for (const Statement& statement : statements)
    hosts.push_back(statement.facts ? printable(statement.facts->host, kLongestHost) : "");
  return hosts;
}

/// "rank 2, 5: reason" for those with the same reason.
std::vector<std::string> reasons(const std::vector<LeftOut>& left_out) {
  std::vector<std::pair<std::string, std::vector<int>>> by_reason;
  for (const LeftOut& one : left_out) {
    auto found = std::ranges::find_if(by_reason,
                                      [&](const auto& entry) { return entry.first == one.reason; });
    if (found == by_reason.end()) found = by_reason.insert(found, {one.reason, {}});
    found->second.push_back(one.rank);
  }
  std::vector<std::string> lines;
  lines.reserve(by_reason.size());
  for (const auto& [reason, ranks] : by_reason)
    lines.push_back(fmt::format("rank {}: {}", fmt::join(ranks, ", "), reason));
  return lines;
}

void announce(std::span<const Statement> statements, const AdmissionTerms& terms,
              const Admission& admission) {
  for (const int rank : admission.ranks) {
    const std::string& profile = statements[static_cast<std::size_t>(rank - 1)].facts->profile;
    if (printable(profile, kLongestText) == admission.profile) continue;
    log_info("rank {} computes the same bits under another profile: {}", rank,
             printable(profile, kLongestText));
  }
  if (admission.left_out.empty()) return;
  for (const std::string& line : reasons(admission.left_out)) log_warning("left out: {}", line);
  if (terms.workers && admission.ranks.size() < *terms.workers) return;  // the run says who is who
  std::vector<std::string> names;
  for (std::size_t worker = 0; worker < admission.ranks.size(); ++worker)
    names.push_back(fmt::format("{} is rank {}", worker + 1, admission.ranks[worker]));
  log_info("{} workers of {} take part; worker {}", admission.ranks.size(), statements.size(),
           fmt::join(names, ", "));
}

}  // namespace

Admission judge(std::span<const Statement> statements, const AdmissionTerms& terms) {
  const std::size_t stated = statements.size();
  if (stated == 0) throw InputError("no worker was started beside the server; valid: one or more");
  const std::size_t workers = terms.workers.value_or(stated);
  const std::size_t needed = workers - std::min(terms.may_differ, workers - 1);
  const std::string of_run =
      terms.workers ? fmt::format(" in this run of P = {}", workers) : std::string();
  Admission admission;
  std::vector<int> fit;
  for (int rank = 1; rank <= static_cast<int>(stated); ++rank) {
    std::string reason = unfit(statements[static_cast<std::size_t>(rank - 1)], terms);
    if (reason.empty()) {
      fit.push_back(rank);
    } else {
      admission.left_out.push_back({rank, std::move(reason), false});
    }
  }
  if (fit.size() < needed) {
    const std::vector<std::string> why = reasons(admission.left_out);
    throw InputError(fmt::format("{} of {} workers can take part, P - q = {} have to{}{}{}",
                                 fit.size(), stated, needed, of_run, why.empty() ? "" : ": ",
                                 fmt::join(why, "; ")));
  }
  const auto groups = groups_of(statements, fit);
  if (groups.front().size() < needed) {
    throw DisagreementError(
        fmt::format("{} of {} workers compute the same bits, P - q = {} have to{}",
                    groups.front().size(), stated, needed, of_run));
  }
  admission.ranks = groups.front();
  admission.probe_digest =
      statements[static_cast<std::size_t>(admission.ranks.front() - 1)].facts->probe_digest;
  for (; admission.ranks.size() > workers; admission.ranks.pop_back()) {
    admission.left_out.push_back({admission.ranks.back(),
                                  fmt::format("the run that goes on has {} workers", workers),
                                  false});
  }
  set_profiles(statements, terms.may_differ, admission);
  admission.hosts = hosts_of_ranks(statements);
  for (auto group = groups.begin() + 1; group != groups.end(); ++group) {
    for (const int rank : *group) {
      admission.left_out.push_back(
          {rank,
           fmt::format("its probe gradient differs; it computes under '{}', the others "
                       "under '{}'",
                       printable(statements[static_cast<std::size_t>(rank - 1)].facts->profile,
                                 kLongestText),
                       admission.profile),
           true});
    }
  }
  std::ranges::sort(admission.left_out, {}, &LeftOut::rank);
  return admission;
}

std::string statement_table(std::span<const Statement> statements) {
  std::vector<int> ranks;
  for (int rank = 1; rank <= static_cast<int>(statements.size()); ++rank) {
    if (statements[static_cast<std::size_t>(rank - 1)].facts) ranks.push_back(rank);
  }
  constexpr std::size_t kHostWidth = 24, kDigestWidth = 12;
  std::string text = fmt::format("{:>5}  {:<{}}  {:<{}}  processor; libraries\n", "rank", "host",
                                 kHostWidth, "probe", kDigestWidth);
  for (const auto& group : groups_of(statements, ranks)) {
    for (const int rank : group) {
      const WorkerFacts& facts = *statements[static_cast<std::size_t>(rank - 1)].facts;
      text += fmt::format(
          "{:>5}  {:<{}}  {:<{}}  {}; {}\n", rank, printable(facts.host, kHostWidth), kHostWidth,
          printable(facts.probe_digest.substr(0, kDigestWidth)), kDigestWidth,
          printable(facts.processor, kLongestText), printable(facts.profile, kLongestText));
    }
  }
  return text;
}

Admission admit_workers(Transport& transport, const WorkerWelcome& welcome,
                        const AdmissionTerms& terms, const std::atomic<bool>& stop) {
  const FrameBytes frame = make_welcome(to_json(welcome));
  for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, frame);
  Hearing hearing(transport, welcome.server_timeout_s);
  hearing.hear(terms.time_limit.count(), stop);
  try {
    Admission admission = judge(hearing.statements(), terms);
    admission.rejected_frames = hearing.rejected_frames();
    announce(hearing.statements(), terms, admission);
    if (admission.rejected_frames > 0) {
      log_warning("{} frames from workers before the start were no message that belongs there",
                  admission.rejected_frames);
    }
    return admission;
  } catch (const DisagreementError&) {
    const std::string table = statement_table(hearing.statements());
    log_line("the workers' probe gradients:\n" + table.substr(0, table.size() - 1));
    throw;
  }
}

}  // namespace detox
