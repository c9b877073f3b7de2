// rounds.jsonl, as it is read back: which workers and slices counted in each step of a run
// (docs/formats/run-directory.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// Workers count from 0 here, from 1 in the file.
struct RecordedSlice {
  std::vector<std::uint32_t> assigned, counted;  ///< ascending; nobody counted: no majority
  std::vector<std::uint32_t> more;  ///< who was asked besides those it was dealt to, ascending
  bool used = false;                ///< it was aggregated
  bool by_server = false;           ///< the server computed it, and that counted
};

/// Where a run went back: all behind step `to` was taken again.
struct RecordedBack {
  std::uint64_t attempt = 0;  ///< that it began
  std::uint64_t from = 0, to = 0;
  std::string convicted;  ///< as Evictions::text() has it, after step `from`
};

struct RecordedStep {
  std::uint64_t step = 0;
  std::uint64_t attempt = 0;  ///< how often the run had gone back
  bool skipped = false;
  std::vector<RecordedSlice> slices;  ///< by number
  /// Of a run with an arbiter, whose copies are dealt: who got no order, ascending.
  std::optional<std::vector<std::uint32_t>> away = {};
  std::size_t put_out = 0;                ///< of these, for being convicted before
  std::vector<std::uint32_t> convicted;   ///< in this step, ascending
  std::vector<std::uint32_t> readmitted;  ///< before it, ascending
  std::vector<std::uint32_t> rejected;    ///< used slices that the rule left out, ascending
};

/// The steps of a run that stand, one after the other: where it went back, its later steps have
/// taken the place of earlier ones. Owns the file's bytes, and no more than a place a step beside
/// them. Immutable.
class RecordedRounds {
 public:
  /// Called for each step that is read, in the order of the file: it need not stand.
  using Seen = std::function<void(const RecordedStep& step)>;
  /// `name` is for messages. Nothing is read beyond step `until`. What follows the last newline is
  /// a line that is being written, or never was. InputError, naming line or step, where the file
  /// holds anything but consecutive steps of a run with so many workers and slices: workers
  /// assigned evenly, each at least once, a majority of the assigned counted or nobody, slices used
  /// that have a majority, and none of them where the step was skipped. Where copies are dealt
  /// (`away`): nobody assigned who was away. Attempts one behind the other, each from a line that
  /// says so. Lines may be missing of steps that do not stand.
  RecordedRounds(std::string name, std::vector<std::byte> bytes, std::size_t workers,
                 std::size_t slices,
                 std::uint64_t until = std::numeric_limits<std::uint64_t>::max(),
                 const Seen& seen = {});

  std::uint64_t first_step() const { return first_; }
  std::uint64_t last_step() const { return first_ + lines_.size() - 1; }

  /// InputError where this step is not there. Parses its line.
  RecordedStep at(std::uint64_t step) const;

  /// By attempt.
  const std::vector<RecordedBack>& backs() const { return backs_; }

  const std::string& name() const { return name_; }

 private:
  std::string_view line(std::size_t begin) const;
  RecordedStep parse(std::size_t begin) const;
  void add(const RecordedStep& step, std::size_t begin);
  void go_back(std::string_view line);
  void check_whole(std::uint64_t until) const;

  struct Line {
    std::uint64_t step;
    std::size_t begin;
  };
  std::string name_;
  std::vector<std::byte> bytes_;
  std::size_t workers_, slices_;
  std::vector<Line> lines_;  ///< that stand
  std::uint64_t first_ = 1;
  std::vector<RecordedBack> backs_;
  std::uint64_t attempt_ = 0;  ///< of the line that was read last
  std::size_t number_ = 0;     ///< of that line
};

}  // namespace detox
