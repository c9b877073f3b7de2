// What MPI itself says while a job runs, in the place of which people read one line or none: the
// run tells who is missing and what is left, in its own words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace detox {

/// Whether a line, of mpirun or of a rank, is Open MPI's internal complaint about a peer that is
/// gone.
bool is_mpi_noise(std::string_view line);

/// Of one stream of mpirun's own lines. Banners between two rules of dashes are held until they are
/// whole: those about a process or daemon that is lost become a line or nothing, all others are
/// passed on as they are.
class MpirunLines {
 public:
  static constexpr std::size_t kLongestBanner = 60;  ///< lines; a longer one is passed on
  /// The lines to show now.
  std::vector<std::string> take(std::string_view line);
  /// Nothing comes any more.
  std::vector<std::string> finish();

 private:
  std::vector<std::string> banner_;  ///< as it has come, with its first rule; empty outside of one
};

}  // namespace detox
