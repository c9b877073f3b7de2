// Where the runs of an experiment or a search go on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiment/place.hpp"

namespace detox {

/// Options of commands that carry out many runs.
struct PlaceOptions {
  std::size_t jobs = 0;  ///< here; 0: one a core
  std::string hostfile;  ///< other machines, with so many runs at a time as they have slots
  std::string agent = "auto";
};

/// UsageError where both jobs and hosts are given, or the file names no host.
void check_places(const PlaceOptions& options);

/// Runs at a time at the most, without asking any host.
std::size_t runs_at_once(const PlaceOptions& options, std::size_t cores, std::size_t runs);

/// This machine, or the hosts of the file. Each is asked first, all at once, whether it is reached,
/// has the same program and sees `dir`; one that does not is left out with a line. InputError where
/// none is left.
std::vector<Place> places_for(const PlaceOptions& options, std::size_t cores, std::size_t runs,
                              const std::filesystem::path& dir);

}  // namespace detox
