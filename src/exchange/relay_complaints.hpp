// What workers say of those who pass the weights on to them, and what follows from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace detox {

/// One complaint proves nothing: either its author or the relay is at fault. So it costs both their
/// place: for kAsideSteps others stand nearer to the server. Of each author the latest counts, so
/// that q liars can take at most q others along. More than q different authors within
/// kRememberedSteps cannot all be liars: then the relay is named, and comes last. It is not blamed
/// for what it complains of itself in the same step, which those below it see as well.
class RelayComplaints {
 public:
  static constexpr std::uint64_t kAsideSteps = 64, kRememberedSteps = 1024;
  static constexpr std::uint64_t kHeardSteps =
      2;  ///< that a complaint may come later than its step

  RelayComplaints(std::size_t workers, std::size_t q) : q_(q), places_(workers) {}

  /// `author` says that in this step, or one of the last kHeardSteps, `relay` sent it nothing in
  /// time, or wrong bytes. The first about a step counts.
  void add(std::uint64_t step, std::uint32_t author, std::uint32_t relay);

  /// This step is over: judges the one of which all have been heard now. Returns who is named
  /// because of it.
  std::vector<std::uint32_t> end_step(std::uint64_t step);

  /// Who has the lower one stands nearer to the server: 0 where nothing is said, 1 for those of
  /// whom one is at fault, 2 for those who are named.
  int place(std::uint32_t worker) const { return places_[worker]; }

 private:
  struct Complaint {
    std::uint64_t step;
    std::uint32_t relay;
  };
  std::vector<std::uint32_t> judge(std::uint64_t latest);
  void set_places(std::uint64_t step);

  std::size_t q_;
  std::map<std::uint64_t, std::map<std::uint32_t, std::uint32_t>> said_;  ///< step, author: relay
  std::map<std::uint32_t, Complaint> latest_;                             ///< by author
  /// Relay, author: the latest step.
  std::map<std::uint32_t, std::map<std::uint32_t, std::uint64_t>> authors_of_;
  std::vector<int> places_;
};

}  // namespace detox
