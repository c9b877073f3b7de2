// What the ranks of a job print, as whole lines. mpirun passes on what it has read of a rank at
// once, so that lines of several ranks mix where one of them is written in pieces; with its
// --tag-output every piece says whose it is.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace detox {

/// Of one stream, standard output or standard error. What is no piece of a rank is mpirun's own.
class RankLines {
 public:
  static constexpr int kMpirun = -1;
  /// Longer lines are cut.
  static constexpr std::size_t kLongestLine = std::size_t{1} << 16U;
  /// A line without its end.
  using Write = std::function<void(int rank, std::string_view line)>;

  explicit RankLines(Write write) : write_(std::move(write)) {}

  /// What was read next, however it is cut. Calls `write` for each line that is whole now.
  void take(std::string_view bytes);
  /// Nothing comes any more: what has begun is a line.
  void finish();

 private:
  void add(std::string_view text);
  void write_begun();

  Write write_;
  int source_ = kMpirun;
  bool is_after_tag_ = false;
  std::optional<bool> tags_end_with_space_;  ///< Open MPI 5's do; the first says so
  std::string unread_;                       ///< the beginning of a tag, perhaps
  std::map<int, std::string> begun_;
};

/// As people read it, with its end: "rank 3: " before the line, where `tagged` and it is a rank's
/// that does not say so itself.
std::string shown_line(int rank, std::string_view line, bool tagged);

/// Two pipes for a job's streams, and a thread that writes their lines to this process's own
/// standard output and standard error, each in one piece. Lines that cannot be written are lost,
/// and keep nobody.
class RankOutput {
 public:
  explicit RankOutput(bool tagged);  ///< InputError where the system has no pipes left
  ~RankOutput();                     ///< as finish()
  RankOutput(const RankOutput&) = delete;
  RankOutput& operator=(const RankOutput&) = delete;

  int output_end() const;  ///< for the job: its standard output; closed on exec
  int error_end() const;
  /// Once the job has been started: closes its ends here and begins. InputError without a thread.
  void begin();
  /// Once all who count have ended: writes what is there and returns, whoever else holds an end.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detox
