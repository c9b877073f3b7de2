// A `detoxml train` and a `detoxml evaluate` of their own, here or on another machine.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "experiment/place.hpp"
#include "experiment/watch.hpp"

namespace detox {

struct TrainOrder {
  std::string program;           ///< detoxml
  std::string label;             ///< for the watch
  std::filesystem::path folder;  ///< the run's; it is there
  std::filesystem::path config;  ///< what the run is configured with
  std::size_t threads = 1;       ///< where it goes on here
};

struct TrainEnd {
  enum class How {
    kEnded,    ///< finished or diverged, as its folder says
    kRefused,  ///< the defence cannot be had
    kFailed,
    kStopped,  ///< it was asked to end, and left a checkpoint
    kLost      ///< the machine is not reached any more
  };
  How how = How::kFailed;
  std::string message;         ///< its last line, or ssh's
  bool is_undefended = false;  ///< refused in a step, not before the first
};

/// Begins, or goes on. Its lines go to train.log in its folder and to the watch. A folder that is
/// still used by a process that was left over is waited for, a minute at most. When `stop` becomes
/// true it is asked to leave a checkpoint, and has five minutes for it. InputError where it cannot
/// be started.
TrainEnd train(const TrainOrder& order, const Place& place, Watch& watch,
               const std::atomic<bool>& stop);

/// What `detoxml evaluate --json` prints of a run's folder, or of one model file. `end` is kEnded
/// or what went wrong.
std::string evaluate(const TrainOrder& order, const std::filesystem::path& what, const Place& place,
                     const std::atomic<bool>& stop, TrainEnd& end);

}  // namespace detox
