// Who was convicted, how often, and who gets no order any more for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record/run_directory.hpp"

namespace detox {

class Evictions {
 public:
  struct Terms {
    std::size_t workers = 0;
    std::uint64_t after = 1;  ///< convictions in so many steps; 0: nobody is put out
    std::size_t most = 0;     ///< q: with more convicted, the assumption that convicts is false
    /// Of each worker, as it says: one line of printable ASCII, empty where it says none. None at
    /// all in the local engine.
    std::vector<std::string> hosts = {};
  };
  /// `text`: what text() gave; InputError where it is not. `then`: what hosts() gave.
  explicit Evictions(const Terms& terms, std::string_view text = {},
                     const HostsOfWorkers& then = {});

  /// Books who was convicted in one step. Returns who is out from the next step on and was not.
  std::vector<std::uint32_t> book(std::uint64_t step, const std::vector<std::uint32_t>& workers);
  /// The worker is as if it had never been convicted: another machine has its place. False where it
  /// never was.
  bool readmit(std::uint32_t worker);

  bool is_out(std::uint32_t worker) const { return workers_[worker].is_out; }
  std::size_t out() const { return out_; }
  /// Workers with a conviction or more, ascending.
  std::vector<std::uint32_t> convicted() const;
  /// In which step it was convicted first; 0: in none.
  std::uint64_t first_step(std::uint32_t worker) const { return workers_[worker].first_step; }
  /// More than q workers, of such as stay liars: then somebody honest may be among them.
  bool are_too_many() const { return terms_.after > 0 && convicted().size() > terms_.most; }

  /// Where those who are convicted were when they were convicted first, as far as that is known.
  HostsOfWorkers hosts() const;
  /// A line about those whose conviction is held against them and who are on another host now;
  /// empty for nobody. That is no proof of anything: a host is what its worker says.
  std::string moved() const;

  /// "3:2:17:out 5:1:20" (worker from 1, convictions, first step), for the state file.
  std::string text() const;

 private:
  struct Worker {
    std::uint64_t convictions = 0, first_step = 0;
    bool is_out = false;
    std::string host = {};
  };
  std::string host_now(std::uint32_t worker) const;
  Terms terms_;
  std::vector<Worker> workers_;
  std::size_t out_ = 0;
};

}  // namespace detox
