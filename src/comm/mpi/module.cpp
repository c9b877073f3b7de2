// MPI as the program opens it.
#include <optional>

#include "base/own_module.hpp"
#include "comm/mpi/mpi_session.hpp"
#include "comm/mpi/mpi_transport.hpp"
#include "comm/mpi_job.hpp"

namespace detox {
namespace {

class OpenMpiJob final : public MpiJob {
 public:
  OpenMpiJob(unsigned finalize_seconds, unsigned start_seconds)
      : session_(finalize_seconds, start_seconds) {}
  int rank() const override { return session_.rank(); }
  int size() const override { return session_.size(); }
  void lost(int rank) override { session_.lost(rank); }
  Transport& transport() override {
    if (!transport_) transport_.emplace(session_);
    return *transport_;
  }

 private:
  MpiSession session_;
  std::optional<MpiTransport> transport_;  ///< ends before the session
};

std::unique_ptr<MpiJob> start_open_mpi(unsigned finalize_seconds, unsigned start_seconds) {
  return std::make_unique<OpenMpiJob>(finalize_seconds, start_seconds);
}

}  // namespace
}  // namespace detox

DETOX_MODULE(detox::MpiFunctions, {.start = detox::start_open_mpi,
                                   .library_version = detox::mpi_version,
                                   .exits_with = detox::MpiSession::exits_with});
